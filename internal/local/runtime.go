package local

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The Lambda Runtime API, as custom runtimes use it
// (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html).
const (
	runtimePrefix = "/2018-06-01/runtime/"

	headerRequestID   = "Lambda-Runtime-Aws-Request-Id"
	headerDeadline    = "Lambda-Runtime-Deadline-Ms"
	headerFunctionARN = "Lambda-Runtime-Invoked-Function-Arn"
	headerTraceID     = "Lambda-Runtime-Trace-Id"
	headerErrorType   = "Lambda-Runtime-Function-Error-Type"
)

// maxAnswer is Lambda's limit for the answer of a synchronous invocation.
const maxAnswer = 6 << 20

// FunctionError says that a function ran, or tried to, and failed: Type and
// Message are what Lambda's callers get as errorType and errorMessage.
type FunctionError struct {
	Function string
	Type     string
	Message  string
}

func (e *FunctionError) Error() string {
	return fmt.Sprintf("function %s: %s: %s", e.Function, e.Type, e.Message)
}

// invocation is one event on its way through a function.
type invocation struct {
	id      string
	payload []byte
	done    chan answer // takes one answer without blocking
}

type answer struct {
	payload []byte
	err     error
}

func newInvocation(payload []byte) *invocation {
	return &invocation{id: newID(), payload: payload, done: make(chan answer, 1)}
}

// environment is what Lambda calls an execution environment, as its process
// sees it: the Runtime API. It hands out one invocation at a time and never
// outlives the process, so that a crash fails the invocation that it hit.
type environment struct {
	function string
	arn      string
	timeout  time.Duration
	work     <-chan *invocation
	kill     func() // ends the process; set before the process starts

	ready chan struct{} // closed by the first request for work

	mu       sync.Mutex
	asked    bool // ready is closed
	over     bool
	current  *invocation
	deadline *time.Timer
	initial  *FunctionError // what the process said about its failed start
}

func newEnvironment(function, arn string, timeout time.Duration, work <-chan *invocation) *environment {
	return &environment{
		function: function,
		arn:      arn,
		timeout:  timeout,
		work:     work,
		ready:    make(chan struct{}),
	}
}

// ServeHTTP is the Runtime API.
func (e *environment) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	path, ok := strings.CutPrefix(r.URL.Path, runtimePrefix)
	parts := strings.Split(path, "/")
	switch {
	case !ok:
	case r.Method == http.MethodGet && path == "invocation/next":
		e.next(rw, r)
		return
	case r.Method == http.MethodPost && path == "init/error":
		e.initError(rw, r)
		return
	case r.Method == http.MethodPost && len(parts) == 3 && parts[0] == "invocation" && parts[2] == "response":
		e.response(rw, r, parts[1])
		return
	case r.Method == http.MethodPost && len(parts) == 3 && parts[0] == "invocation" && parts[2] == "error":
		e.error(rw, r, parts[1])
		return
	}
	refuse(rw, http.StatusNotFound, "InvalidRequest", "the Runtime API has no "+r.Method+" "+r.URL.Path)
}

// next waits for an invocation, for as long as the process does.
func (e *environment) next(rw http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	if !e.asked {
		e.asked = true
		close(e.ready)
	}
	e.mu.Unlock()
	select {
	case <-r.Context().Done():
	case i := <-e.work:
		deadline, ok := e.begin(i)
		if !ok {
			i.done <- answer{err: e.exitError(i.id, "the process has ended")}
			return
		}
		h := rw.Header()
		h.Set("Content-Type", "application/json")
		h.Set(headerRequestID, i.id)
		h.Set(headerDeadline, strconv.FormatInt(deadline.UnixMilli(), 10))
		h.Set(headerFunctionARN, e.arn)
		h.Set(headerTraceID, newTraceID())
		rw.Write(i.payload)
	}
}

// begin makes i the running invocation, with Lambda's time-out on it. It
// refuses when the process has ended meanwhile.
func (e *environment) begin(i *invocation) (deadline time.Time, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.over {
		return time.Time{}, false
	}
	if e.current != nil {
		// A process that asks for more work without having answered has lost
		// its invocation; Lambda calls that the end of it.
		e.current.done <- answer{err: e.exitError(e.current.id, "the function asked for the next event before it answered")}
		e.deadline.Stop()
	}
	e.current = i
	e.deadline = time.AfterFunc(e.timeout, func() { e.timedOut(i) })
	return time.Now().Add(e.timeout), true
}

func (e *environment) timedOut(i *invocation) {
	took := e.finish(i.id, answer{err: &FunctionError{
		Function: e.function,
		Type:     "Sandbox.Timedout",
		Message:  fmt.Sprintf("RequestId: %s Error: Task timed out after %.2f seconds", i.id, e.timeout.Seconds()),
	}})
	if took {
		e.kill()
	}
}

// finish answers the running invocation, if that is its id.
func (e *environment) finish(id string, a answer) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.current == nil || e.current.id != id {
		return false
	}
	e.deadline.Stop()
	e.current.done <- a
	e.current = nil
	return true
}

// end is told when the process has ended, and how: the running invocation
// fails. It says whether the process ever asked for work, and what it reported
// about its start.
func (e *environment) end(how string) (wasReady bool, initial *FunctionError) {
	e.mu.Lock()
	e.over = true
	current := e.current
	wasReady, initial = e.asked, e.initial
	e.mu.Unlock()
	if current != nil {
		e.finish(current.id, answer{err: e.exitError(current.id, how)})
	}
	return wasReady, initial
}

func (e *environment) exitError(id, how string) error {
	return &FunctionError{
		Function: e.function,
		Type:     "Runtime.ExitError",
		Message:  fmt.Sprintf("RequestId: %s Error: Runtime exited: %s", id, how),
	}
}

func (e *environment) response(rw http.ResponseWriter, r *http.Request, id string) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxAnswer+1))
	if err != nil {
		return // the process broke off; its end is reported by end
	}
	a := answer{payload: body}
	status := http.StatusAccepted
	if len(body) > maxAnswer {
		status = http.StatusRequestEntityTooLarge
		a = answer{err: &FunctionError{
			Function: e.function,
			Type:     "Function.ResponseSizeTooLarge",
			Message:  fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", maxAnswer),
		}}
	}
	if !e.finish(id, a) {
		refuse(rw, http.StatusBadRequest, "InvalidRequestID", "invocation "+id+" is not running here")
		return
	}
	accept(rw, status)
}

func (e *environment) error(rw http.ResponseWriter, r *http.Request, id string) {
	problem, err := e.readError(r)
	if err != nil {
		return
	}
	if !e.finish(id, answer{err: problem}) {
		refuse(rw, http.StatusBadRequest, "InvalidRequestID", "invocation "+id+" is not running here")
		return
	}
	accept(rw, http.StatusAccepted)
}

func (e *environment) initError(rw http.ResponseWriter, r *http.Request) {
	problem, err := e.readError(r)
	if err != nil {
		return
	}
	e.mu.Lock()
	e.initial = problem
	e.mu.Unlock()
	accept(rw, http.StatusAccepted)
}

// readError reads the body and header that the Runtime API defines for errors.
// What is not in that form is reported as it is.
func (e *environment) readError(r *http.Request) (*FunctionError, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxAnswer))
	if err != nil {
		return nil, err
	}
	var form struct {
		Type    string `json:"errorType"`
		Message string `json:"errorMessage"`
	}
	if json.Unmarshal(body, &form) != nil {
		form.Message = strings.TrimSpace(string(body))
	}
	if form.Type == "" {
		form.Type = cmp.Or(r.Header.Get(headerErrorType), "Unknown")
	}
	return &FunctionError{Function: e.function, Type: form.Type, Message: form.Message}, nil
}

func accept(rw http.ResponseWriter, status int) {
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(status)
	io.WriteString(rw, `{"status":"OK"}`+"\n")
}

func refuse(rw http.ResponseWriter, status int, kind, message string) {
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(status)
	json.NewEncoder(rw).Encode(map[string]string{"errorType": kind, "errorMessage": message})
}

// newID is a random UUID, as Lambda's request ids are.
func newID() string {
	b := randomBytes(16)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func newTraceID() string {
	return fmt.Sprintf("Root=1-%08x-%x;Sampled=0", time.Now().Unix(), randomBytes(12))
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return b
}
