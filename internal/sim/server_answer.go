package sim

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// protocolOf picks how answers to r look on the wire.
func protocolOf(r *http.Request) func(http.ResponseWriter, *call, any, *apiError) {
	if scope(r)[3] == "s3" {
		return respondS3
	}
	if r.Header.Get("X-Amz-Target") != "" {
		return respondJSON
	}
	return respondXML
}

func respondJSON(rw http.ResponseWriter, c *call, reply any, problem *apiError) {
	version := "1.1"
	if c.service == "sqs" {
		version = "1.0"
	}
	rw.Header().Set("Content-Type", "application/x-amz-json-"+version)
	status := http.StatusOK
	if problem != nil {
		status = problem.Status
		shape := problem.Code
		if c.service == "sqs" {
			shape = sqsError(rw.Header(), problem)
		} else {
			rw.Header().Set("X-Amzn-Errortype", problem.Code)
		}
		reply = map[string]string{"__type": shape, "message": problem.Message}
	}
	if reply == nil {
		reply = struct{}{}
	}
	body, err := json.Marshal(reply)
	if err != nil {
		panic(fmt.Sprintf("sim: marshal %T: %v", reply, err))
	}
	rw.WriteHeader(status)
	rw.Write(body)
}

// ec2Reply is the answer to a query call: the element <ActionResponse> around
// the fields of Body.
type ec2Reply struct {
	Body any
}

// respondREST writes an error as clients of services look for it that speak REST
// and JSON.
func respondREST(rw http.ResponseWriter, problem *apiError) {
	rw.Header().Set("X-Amzn-Errortype", problem.Code)
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(problem.Status)
	json.NewEncoder(rw).Encode(map[string]string{"message": problem.Message})
}

func respondXML(rw http.ResponseWriter, c *call, reply any, problem *apiError) {
	if problem != nil && c.foreign() {
		respondREST(rw, problem)
		return
	}
	rw.Header().Set("Content-Type", "text/xml;charset=UTF-8")
	if problem != nil {
		rw.WriteHeader(problem.Status)
		// EC2 has a form of its own; whoever asks another service in the query
		// protocol, or one that is not here, looks for the other form.
		if c.service != "ec2" && c.service != "" {
			fmt.Fprintf(rw, xml.Header+`<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>%s</RequestId></ErrorResponse>`,
				escape(problem.Code), escape(problem.Message), c.requestID)
			return
		}
		fmt.Fprintf(rw, xml.Header+`<Response><Errors><Error><Code>%s</Code><Message>%s</Message></Error></Errors><RequestID>%s</RequestID></Response>`,
			escape(problem.Code), escape(problem.Message), c.requestID)
		return
	}
	var inner strings.Builder
	if r, ok := reply.(ec2Reply); ok && r.Body != nil {
		encoder := xml.NewEncoder(&inner)
		// A wrapper element with a known name, cut off again: encoding/xml has
		// no way to write a struct's fields alone.
		if err := encoder.EncodeElement(r.Body, xml.StartElement{Name: xml.Name{Local: "x"}}); err != nil {
			panic(fmt.Sprintf("sim: marshal %T: %v", r.Body, err))
		}
	}
	fields := strings.TrimSuffix(strings.TrimPrefix(inner.String(), "<x>"), "</x>")
	write := func(parts ...string) {
		for _, part := range parts {
			io.WriteString(rw, part)
		}
	}
	if namespace, query := queryNamespaces[c.service]; query {
		write(xml.Header, "<", c.action, `Response xmlns="`, namespace, `"><`, c.action, "Result>", fields, "</", c.action,
			"Result><ResponseMetadata><RequestId>", c.requestID, "</RequestId></ResponseMetadata></", c.action, "Response>")
		return
	}
	write(xml.Header, "<", c.action, `Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>`, c.requestID, "</requestId>", fields, "</", c.action, "Response>")
}

// queryNamespaces are those of the services whose answers have the form of AWS
// query; EC2's is its own.
var queryNamespaces = map[string]string{
	"sts":            "https://sts.amazonaws.com/doc/2011-06-15/",
	"cloudformation": "http://cloudformation.amazonaws.com/doc/2010-05-15/",
}

func escape(s string) string {
	var b strings.Builder
	xml.EscapeText(&b, []byte(s))
	return b.String()
}
