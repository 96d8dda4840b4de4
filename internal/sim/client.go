package sim

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// InsecureHeader marks a request, with any value, as one that came without TLS:
// then aws:SecureTransport is false, which it is not otherwise, whatever the
// simulation is served on.
const InsecureHeader = "X-Simulated-Insecure-Transport"

type insecurely struct{}

// Insecurely makes the calls of World.Do with the context such as came without
// TLS.
func Insecurely(ctx context.Context) context.Context {
	return context.WithValue(ctx, insecurely{}, true)
}

// Error is an AWS error as Do returns it.
type Error struct {
	Action        string
	Code, Message string
	Status        int
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s: %s (%d): %s", e.Action, e.Code, e.Status, e.Message)
}

// Do makes one call in memory, over the same wire format as any other caller,
// for programs that run a World and have no SDK at hand. For ec2 and sts, in is
// a url.Values of parameters and out a struct that encoding/xml can fill; for
// the other services both are what encoding/json takes. Either may be nil. An
// AWS error is an *Error. The caller is an account, or an access key id of a
// role's session.
func (w *World) Do(ctx context.Context, caller, region, service, action string, in, out any) error {
	var body []byte
	header := http.Header{}
	query := speaksQuery(service)
	if query {
		form := url.Values{"Action": {action}}
		if in != nil {
			for key, values := range in.(url.Values) {
				form[key] = values
			}
		}
		body = []byte(form.Encode())
		header.Set("Content-Type", "application/x-www-form-urlencoded")
	} else {
		if in == nil {
			in = struct{}{}
		}
		var err error
		if body, err = json.Marshal(in); err != nil {
			return fmt.Errorf("%s: %w", action, err)
		}
		header.Set("X-Amz-Target", service+"."+action)
	}
	header.Set("Authorization", fmt.Sprintf("AWS4-HMAC-SHA256 Credential=%s/20000101/%s/%s/aws4_request", caller, region, service))
	header.Set("User-Agent", "sim.Do")
	if ctx.Value(insecurely{}) != nil {
		header.Set(InsecureHeader, "true")
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://sim/", bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%s: %w", action, err)
	}
	request.Header = header
	response, err := w.Transport().RoundTrip(request)
	if err != nil {
		return fmt.Errorf("%s: %w", action, err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("%s: %w", action, err)
	}
	if response.StatusCode != http.StatusOK {
		return readError(action, response.StatusCode, answer, query)
	}
	switch {
	case out == nil:
		return nil
	case query:
		err = xml.Unmarshal(answer, out)
	default:
		err = json.Unmarshal(answer, out)
	}
	if err != nil {
		return fmt.Errorf("%s: read the answer: %w", action, err)
	}
	return nil
}

func readError(action string, status int, answer []byte, query bool) error {
	e := &Error{Action: action, Status: status}
	if query {
		type reason struct{ Code, Message string }
		var body struct {
			EC2   reason `xml:"Errors>Error"`
			Other reason `xml:"Error"`
		}
		if err := xml.Unmarshal(answer, &body); err != nil {
			return fmt.Errorf("%s: HTTP %d: %s", action, status, strings.TrimSpace(string(answer)))
		}
		e.Code, e.Message = body.EC2.Code+body.Other.Code, body.EC2.Message+body.Other.Message
		return e
	}
	var body struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}
	if err := json.Unmarshal(answer, &body); err != nil {
		return fmt.Errorf("%s: HTTP %d: %s", action, status, strings.TrimSpace(string(answer)))
	}
	e.Code, e.Message = body.Type[strings.LastIndexByte(body.Type, '#')+1:], body.Message
	return e
}
