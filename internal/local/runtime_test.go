package local

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const base = "/2018-06-01/runtime/"

// newRuntime serves the Runtime API for a process that the test plays itself.
func newRuntime(t *testing.T) (*environment, chan *invocation, *httptest.Server) {
	work := make(chan *invocation)
	e := newEnvironment("echo", "arn:aws:lambda:us-east-1:222222222222:function:echo", time.Minute, work)
	e.kill = func() {}
	server := httptest.NewServer(e)
	t.Cleanup(server.Close)
	return e, work, server
}

func request(t *testing.T, method, url, body string, header http.Header) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = header
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header, string(content)
}

// begin hands one invocation to the played process.
func begin(t *testing.T, work chan *invocation, server *httptest.Server) *invocation {
	t.Helper()
	i := newInvocation([]byte(`{"a":1}`))
	go func() { work <- i }()
	status, header, body := request(t, "GET", server.URL+base+"invocation/next", "", nil)
	if status != http.StatusOK || body != `{"a":1}` {
		t.Fatalf("next: got %d %s", status, body)
	}
	got := []string{header.Get("Lambda-Runtime-Aws-Request-Id"), header.Get("Lambda-Runtime-Invoked-Function-Arn")}
	want := []string{i.id, "arn:aws:lambda:us-east-1:222222222222:function:echo"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
	for _, name := range []string{"Lambda-Runtime-Deadline-Ms", "Lambda-Runtime-Trace-Id"} {
		if header.Get(name) == "" {
			t.Errorf("next: no header %s", name)
		}
	}
	return i
}

func TestRuntimeHandsOverAnswers(t *testing.T) {
	_, work, server := newRuntime(t)
	i := begin(t, work, server)
	status, _, _ := request(t, "POST", server.URL+base+"invocation/"+i.id+"/response", `"done"`, nil)
	if status != http.StatusAccepted {
		t.Errorf("response: got status %d, want 202", status)
	}
	a := <-i.done
	if string(a.payload) != `"done"` || a.err != nil {
		t.Errorf("got %s, %v", a.payload, a.err)
	}
	// The same invocation has one answer only.
	status, _, body := request(t, "POST", server.URL+base+"invocation/"+i.id+"/response", `"again"`, nil)
	if status != http.StatusBadRequest || !strings.Contains(body, "InvalidRequestID") {
		t.Errorf("second response: got %d %s", status, body)
	}
}

func TestRuntimeErrors(t *testing.T) {
	for name, test := range map[string]struct {
		body string
		kind string
		want FunctionError
	}{
		"the documented form": {
			body: `{"errorMessage":"no","errorType":"Refused","stackTrace":[]}`,
			want: FunctionError{Function: "echo", Type: "Refused", Message: "no"},
		},
		"the type in the header": {
			body: `{"errorMessage":"no"}`, kind: "Runtime.Refused",
			want: FunctionError{Function: "echo", Type: "Runtime.Refused", Message: "no"},
		},
		"another text": {
			body: "no\n",
			want: FunctionError{Function: "echo", Type: "Unknown", Message: "no"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, work, server := newRuntime(t)
			i := begin(t, work, server)
			header := http.Header{"Lambda-Runtime-Function-Error-Type": {test.kind}}
			if status, _, _ := request(t, "POST", server.URL+base+"invocation/"+i.id+"/error", test.body, header); status != http.StatusAccepted {
				t.Errorf("got status %d, want 202", status)
			}
			if diff := cmp.Diff(error(&test.want), (<-i.done).err); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRuntimeEndFailsTheRunningInvocation(t *testing.T) {
	e, work, server := newRuntime(t)
	i := begin(t, work, server)
	if wasReady, _ := e.end("exit status 7"); !wasReady {
		t.Error("got not ready, want ready")
	}
	want := error(&FunctionError{
		Function: "echo",
		Type:     "Runtime.ExitError",
		Message:  "RequestId: " + i.id + " Error: Runtime exited: exit status 7",
	})
	if diff := cmp.Diff(want, (<-i.done).err); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
}

func TestRuntimeInitError(t *testing.T) {
	e, _, server := newRuntime(t)
	request(t, "POST", server.URL+base+"init/error", `{"errorMessage":"no policies","errorType":"Init"}`, nil)
	wasReady, got := e.end("exit status 1")
	if diff := cmp.Diff(&FunctionError{Function: "echo", Type: "Init", Message: "no policies"}, got); diff != "" || wasReady {
		t.Errorf("ready %v, error (-want +got):\n%s", wasReady, diff)
	}
}

func TestRuntimeRefusesAnswersThatAreTooLarge(t *testing.T) {
	_, work, server := newRuntime(t)
	i := begin(t, work, server)
	status, _, _ := request(t, "POST", server.URL+base+"invocation/"+i.id+"/response", strings.Repeat("x", maxAnswer+1), nil)
	if status != http.StatusRequestEntityTooLarge {
		t.Errorf("got status %d, want 413", status)
	}
	if err := (<-i.done).err; err == nil || !strings.Contains(err.Error(), "Function.ResponseSizeTooLarge") {
		t.Errorf("got %v", err)
	}
}

func TestRuntimeHasNothingElse(t *testing.T) {
	_, _, server := newRuntime(t)
	for _, path := range []string{"/", base, base + "invocation/", base + "invocation/x/stop"} {
		if status, _, _ := request(t, "POST", server.URL+path, "", nil); status != http.StatusNotFound {
			t.Errorf("POST %s: got status %d, want 404", path, status)
		}
	}
}
