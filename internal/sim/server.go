package sim

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// maxRequest bounds a request's body: the largest is an SQS batch of 1 MiB, which
// JSON may write several times as long, and an object of S3 in one piece.
const (
	maxRequest = 8 << 20
	maxObject  = 256 << 20
)

// defaultAccount is the caller when the access key id is not an account id.
const defaultAccount = "000000000000"

// call is one request on its way through the world.
type call struct {
	account, region string
	service, action string
	accessKey       string
	caller          caller
	insecure        bool // as if it had come without TLS
	requestID       string
	form            url.Values      // query protocol: EC2, STS, CloudFormation
	body            json.RawMessage // JSON protocol: SQS, EventBridge, KMS, SSM
	rest            *restCall       // REST: S3
	host            string          // the endpoint as the caller wrote it, for queue URLs
}

// apiError is an error as a service puts it on the wire.
type apiError struct {
	Status  int
	Code    string
	Message string
}

func (e *apiError) Error() string { return e.Code + ": " + e.Message }

func badRequest(code, format string, args ...any) *apiError {
	return &apiError{Status: http.StatusBadRequest, Code: code, Message: fmt.Sprintf(format, args...)}
}

// A service answers the calls of one AWS API. serve is called without the
// world's lock and takes it by World.step. What it returns is marshalled as XML
// (query protocol: an ec2Reply) or JSON.
type service interface {
	serve(ctx context.Context, c *call) (any, *apiError)
}

// services is what the world has.
var services = []string{"cloudformation", "ec2", "events", "kms", "logs", "s3", "sqs", "ssm", "sts"}

func (w *World) service(name string) (service, bool) {
	switch name {
	case "ec2":
		return w.ec2, true
	case "kms":
		return w.kms, true
	case "logs":
		return w.logs, true
	case "sqs":
		return w.sqs, true
	case "events":
		return w.events, true
	case "sts":
		return sts{w}, true
	case "cloudformation":
		return w.cloudformation, true
	case "s3":
		return w.s3, true
	case "ssm":
		return w.ssm, true
	}
	return nil, false
}

// Transport answers requests in memory: an http.RoundTripper for SDK clients
// in the same process, which also works within a testing/synctest bubble.
func (w *World) Transport() http.RoundTripper { return transport{w} }

type transport struct{ w *World }

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	recorder := httptest.NewRecorder()
	in := r.Clone(r.Context())
	if in.Body == nil {
		in.Body = http.NoBody
	}
	defer in.Body.Close()
	dropped := false
	t.w.handle(recorder, in, func() { dropped = true })
	if dropped {
		return nil, io.ErrUnexpectedEOF
	}
	// A caller that gave up meanwhile has no answer, as on a real connection.
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	response := recorder.Result()
	response.Request = r
	return response, nil
}

// ServeHTTP serves every service on one endpoint: the request's signature says
// which service and Region are meant, and its access key id who is calling: the
// root of the account when the id is 12 digits, a role's session when it is one
// of World.AddRole's or of AssumeRole's, else the root of 000000000000.
// Signatures are not verified.
func (w *World) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.handle(rw, r, func() { panic(http.ErrAbortHandler) })
}

func (w *World) handle(rw http.ResponseWriter, r *http.Request, drop func()) {
	most := int64(maxRequest)
	if scope(r)[3] == "s3" {
		most = maxObject
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, most+1))
	if err != nil {
		drop()
		return
	}
	c := &call{requestID: w.newRequestID(), host: "http://" + r.Host}
	respond := protocolOf(r)
	reply, problem := any(nil), (*apiError)(nil)
	switch {
	case int64(len(body)) > most:
		problem = badRequest("RequestEntityTooLarge", "the request is larger than %d bytes", most)
	default:
		problem = c.read(r, body)
	}
	if problem == nil {
		problem = w.identify(c)
	}
	if problem == nil {
		seen := Call{Account: c.account, Region: c.region, Service: c.service, Action: c.action, UserAgent: r.UserAgent()}
		fault := Fault{}
		if w.options.Fault != nil {
			fault = w.options.Fault(seen)
		}
		faulty := fault.Drop || fault.Status != 0
		if !faulty || fault.Done {
			reply, problem = w.dispatch(r.Context(), c)
		}
		if faulty && !fault.Drop {
			problem = &apiError{Status: fault.Status, Code: fault.Code, Message: fault.Message}
		}
		w.record(seen, problem)
		if fault.Drop {
			drop()
			return
		}
	}
	rw.Header().Set("Date", w.Now().UTC().Format(http.TimeFormat))
	rw.Header().Set("X-Amzn-Requestid", c.requestID)
	respond(rw, c, reply, problem)
}

func (w *World) dispatch(ctx context.Context, c *call) (any, *apiError) {
	s, known := w.service(c.service)
	if !known {
		return nil, c.noService()
	}
	switch query := speaksQuery(c.service); {
	case c.rest != nil:
	case query && c.form == nil:
		return nil, c.unknown("%s came in the JSON protocol, and the simulated %s speaks the query protocol only: leave out the header X-Amz-Target", c.action, c.service)
	case !query && c.form != nil:
		return nil, c.unknown("%s came in the query protocol, and the simulated %s speaks the JSON protocol only: use an SDK or command line of 2024 or later", c.action, c.service)
	}
	if problem := c.refuseUnmapped(); problem != nil {
		return nil, problem
	}
	return s.serve(ctx, c)
}

// speaksQuery says whether a service's protocol is AWS query, with answers in
// XML, and not AWS JSON.
func speaksQuery(service string) bool {
	return service == "ec2" || service == "sts" || service == "cloudformation"
}

// foreign says whether the call is for a service that is not here and speaks REST.
func (c *call) foreign() bool {
	return c.action == "" && c.service != "" && !slices.Contains(services, c.service)
}

func (c *call) noService() *apiError {
	last := len(services) - 1
	return c.unknown("the simulated AWS has no service %q; it has %s and %s", c.service, strings.Join(services[:last], ", "), services[last])
}

// unknownAction is the answer to an action that the simulation does not have.
func unknownAction(c *call) *apiError {
	return c.unknown("The action %s is not valid for this web service: the simulated AWS does not have %s:%s", c.action, c.service, c.action)
}

// unknown is the answer to a call that nothing here can take.
func (c *call) unknown(format string, args ...any) *apiError {
	code := "InvalidAction"
	if c.form == nil {
		code = "UnknownOperationException"
	}
	return badRequest(code, format, args...)
}

// missingAction is the answer to a request without an action: services that
// speak REST (Lambda) name none, and are not here.
func (c *call) missingAction() *apiError {
	if c.foreign() {
		return c.noService()
	}
	return badRequest("MissingAction", "The request must contain the parameter Action (query protocol) or the header X-Amz-Target with Service.Action (JSON protocol)")
}

func (w *World) record(seen Call, problem *apiError) {
	answer := Answer{Status: http.StatusOK}
	if problem != nil {
		answer = Answer{Status: problem.Status, Code: problem.Code}
	}
	w.mu.Lock()
	counted := seen
	counted.UserAgent = ""
	w.counts[counted]++
	w.mu.Unlock()
	if w.options.Log != nil {
		w.options.Log(seen, answer)
	}
}

// credential matches AKID/20261123/us-east-1/ec2/aws4_request in an
// Authorization header or a presigned URL.
var credential = regexp.MustCompile(`([^/=\s]+)/\d{8}/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request`)

var accountID = regexp.MustCompile(`^\d{12}$`)

// scope is what a request's signature says: the access key id, the Region and the
// service, as the groups of credential. Of an unsigned request all are "".
func scope(r *http.Request) [4]string {
	signed := r.Header.Get("Authorization")
	if signed == "" {
		signed = r.URL.Query().Get("X-Amz-Credential")
	}
	var found [4]string
	copy(found[:], credential.FindStringSubmatch(signed))
	return found
}

// read finds out who is calling what.
func (c *call) read(r *http.Request, body []byte) *apiError {
	m := scope(r)
	if m[0] == "" {
		return &apiError{Status: http.StatusForbidden, Code: "MissingAuthenticationToken",
			Message: "Request is missing Authentication Token: sign it (Signature Version 4); the access key id is the account, 12 digits"}
	}
	c.account, c.accessKey, c.region, c.service = defaultAccount, m[1], m[2], m[3]
	c.insecure = r.Header.Get(InsecureHeader) != ""
	if accountID.MatchString(m[1]) {
		c.account = m[1]
	}
	if c.service == "s3" {
		return c.readREST(r, body)
	}
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		c.action = target[strings.LastIndexByte(target, '.')+1:]
		c.body = body
		if len(body) == 0 {
			c.body = json.RawMessage("{}")
		}
		if c.action == "" {
			return c.missingAction()
		}
		return nil
	}
	form, err := url.ParseQuery(string(body))
	if err != nil && c.foreign() {
		return c.noService()
	}
	if err != nil {
		return badRequest("MalformedQueryString", "%v", err)
	}
	for key, values := range r.URL.Query() {
		if _, inBody := form[key]; !inBody {
			form[key] = values
		}
	}
	c.form, c.action = form, form.Get("Action")
	if c.action == "" {
		return c.missingAction()
	}
	return nil
}

func (w *World) newRequestID() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.uuid()
}

// uuid makes a random id; call it with the lock held.
func (w *World) uuid() string {
	a, b := w.chance.Uint64(), w.chance.Uint64()
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", uint32(a>>32), uint16(a>>16), uint16(a)&0xfff, 0x8000|uint16(b>>48)&0x3fff, b&0xffffffffffff)
}

// hexID makes a random id of n hexadecimal digits; call it with the lock held.
func (w *World) hexID(n int) string {
	const digits = "0123456789abcdef"
	id := make([]byte, n)
	for i := range id {
		id[i] = digits[w.chance.IntN(16)]
	}
	return string(id)
}

// token turns a position in a listing into a NextToken and back.
func token(position string) string { return base64.RawURLEncoding.EncodeToString([]byte(position)) }

func untoken(t string) (string, bool) {
	position, err := base64.RawURLEncoding.DecodeString(t)
	return string(position), err == nil
}

// wait blocks until f returns true, asking it again whenever wake is signalled,
// or until d of the world's time has passed or ctx has ended. f runs within a
// step.
func (w *World) wait(ctx context.Context, d time.Duration, wake <-chan struct{}, f func(now time.Time) bool) {
	over := make(chan struct{})
	timer := w.clock.AfterFunc(d, func() { close(over) })
	defer timer.Stop()
	for {
		done := false
		w.step(func(now time.Time) { done = f(now) })
		if done {
			return
		}
		select {
		case <-wake:
		case <-over:
			w.step(func(now time.Time) { f(now) })
			return
		case <-ctx.Done():
			return
		}
	}
}
