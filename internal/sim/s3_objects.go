package sim

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

func (s *s3) putObject(c *s3Call) (restReply, *apiError) {
	if c.header.Get("X-Amz-Copy-Source") != "" {
		return restReply{}, &apiError{Status: http.StatusNotImplemented, Code: "NotImplemented", Message: "the simulated S3 does not copy objects"}
	}
	o := &s3Object{body: c.upload, contentType: c.header.Get("Content-Type"), modified: c.now}
	c.in.objects[c.key] = o
	return restReply{header: http.Header{"Etag": {o.etag()}, "X-Amz-Server-Side-Encryption": {c.in.algorithm}}}, nil
}

// getObject serves GET and HEAD: a HEAD has no body, which the server sees to.
func (s *s3) getObject(c *s3Call) (restReply, *apiError) {
	o := c.in.objects[c.key]
	if o == nil {
		return restReply{}, noSuchKey()
	}
	if c.header.Get("Range") != "" {
		return restReply{}, &apiError{Status: http.StatusNotImplemented, Code: "NotImplemented", Message: "the simulated S3 reads whole objects: leave Range out"}
	}
	kind := o.contentType
	if kind == "" {
		kind = "binary/octet-stream"
	}
	return restReply{body: o.body, header: http.Header{
		"Content-Type": {kind}, "Etag": {o.etag()}, "Last-Modified": {o.modified.UTC().Format(http.TimeFormat)}, "Content-Length": {strconv.Itoa(len(o.body))},
	}}, nil
}

func (s *s3) deleteObject(c *s3Call) (restReply, *apiError) {
	delete(c.in.objects, c.key)
	return restReply{status: http.StatusNoContent}, nil
}

// unchunk takes the chunks of an upload together, whose signatures and checksums
// nothing here verifies
// (https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html).
func unchunk(header http.Header, body []byte) ([]byte, bool) {
	if !strings.HasPrefix(header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
		return body, true
	}
	var whole []byte
	for {
		line, rest, found := bytes.Cut(body, []byte("\r\n"))
		size, _, _ := strings.Cut(string(line), ";")
		n, err := strconv.ParseInt(size, 16, 32)
		switch {
		case !found || err != nil || n < 0:
			return nil, false
		case n == 0: // trailers follow
			return whole, true
		case int64(len(rest)) < n+2:
			return nil, false
		}
		whole = append(whole, rest[:n]...)
		body = rest[n+2:]
	}
}

// respondS3 writes an answer of S3.
func respondS3(rw http.ResponseWriter, c *call, reply any, problem *apiError) {
	rw.Header().Set("X-Amz-Request-Id", c.requestID)
	head := c.rest != nil && c.rest.method == http.MethodHead
	if problem != nil {
		rw.Header().Set("Content-Type", "application/xml")
		rw.WriteHeader(problem.Status)
		if !head {
			fmt.Fprintf(rw, xml.Header+`<Error><Code>%s</Code><Message>%s</Message><RequestId>%s</RequestId></Error>`,
				escape(problem.Code), escape(problem.Message), c.requestID)
		}
		return
	}
	answer, _ := reply.(restReply)
	for name, values := range answer.header {
		rw.Header()[name] = values
	}
	body := answer.body
	if answer.xml != nil {
		text, err := xml.Marshal(answer.xml)
		if err != nil {
			panic(fmt.Sprintf("sim: marshal %T: %v", answer.xml, err))
		}
		rw.Header().Set("Content-Type", "application/xml")
		body = append([]byte(xml.Header), text...)
	}
	status := answer.status
	if status == 0 {
		status = http.StatusOK
	}
	rw.WriteHeader(status)
	if !head {
		io.Copy(rw, bytes.NewReader(body))
	}
}
