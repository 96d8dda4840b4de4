package local

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// echoBinary is testdata/echo, built once.
var echoBinary string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		directory, err := os.MkdirTemp("", "echo")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(directory)
		echoBinary = filepath.Join(directory, "bootstrap")
		build := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", echoBinary, "./testdata/echo")
		if output, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build echo: %v\n%s", err, output)
			return 1
		}
		return m.Run()
	}())
}

// record collects what processes print.
type record struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.b.Write(p)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.b.String()
}

func startEcho(t *testing.T, change func(*FunctionConfig)) *Function {
	t.Helper()
	config := FunctionConfig{
		Name:     "echo",
		Binary:   echoBinary,
		Account:  "222222222222",
		Region:   "us-east-1",
		MemoryMB: 256,
		Timeout:  time.Minute,
	}
	if change != nil {
		change(&config)
	}
	f, err := StartFunction(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f
}

func invoke(t *testing.T, f *Function, payload string) string {
	t.Helper()
	got, err := f.Invoke(t.Context(), []byte(payload))
	if err != nil {
		t.Fatalf("invoke with %s: %v", payload, err)
	}
	return string(got)
}

// eventually waits for something that happens beside the test.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !f() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: it did not happen", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func gone(pid int) bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

func TestFunctionAnswers(t *testing.T) {
	f := startEcho(t, nil)
	for range 3 {
		if got, want := invoke(t, f, `{"hello":"world"}`), `{"hello":"world"}`; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestFunctionSeesLambdasContextAndEnvironment(t *testing.T) {
	t.Setenv("SECRET_OF_THE_CALLER", "x")
	f := startEcho(t, func(c *FunctionConfig) {
		c.Environment = map[string]string{"EVENT_BUS": "snapferry"}
	})
	var values map[string]string
	if err := json.Unmarshal([]byte(invoke(t, f, `{"do":"environment","names":["EVENT_BUS","SECRET_OF_THE_CALLER","LAMBDA_TASK_ROOT",
		"AWS_REGION","AWS_LAMBDA_FUNCTION_NAME","AWS_LAMBDA_FUNCTION_VERSION","AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]}`)), &values); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"EVENT_BUS":                       "snapferry",
		"SECRET_OF_THE_CALLER":            "",
		"LAMBDA_TASK_ROOT":                f.root,
		"AWS_REGION":                      "us-east-1",
		"AWS_LAMBDA_FUNCTION_NAME":        "echo",
		"AWS_LAMBDA_FUNCTION_VERSION":     "$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
	}
	if diff := cmp.Diff(want, values); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
	var context struct {
		ID, ARN  string
		Deadline bool
	}
	if err := json.Unmarshal([]byte(invoke(t, f, `{"do":"context"}`)), &context); err != nil {
		t.Fatal(err)
	}
	if len(context.ID) != 36 || context.ARN != "arn:aws:lambda:us-east-1:222222222222:function:echo" || !context.Deadline {
		t.Errorf("got context %+v", context)
	}
}

func TestFunctionErrors(t *testing.T) {
	f := startEcho(t, nil)
	pid := invoke(t, f, `{"do":"pid"}`)
	_, err := f.Invoke(t.Context(), []byte(`{"do":"fail","text":"the cause"}`))
	want := error(&FunctionError{Function: "echo", Type: "errorString", Message: "the cause"})
	if diff := cmp.Diff(want, err); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
	if got := invoke(t, f, `{"do":"pid"}`); got != pid {
		t.Errorf("after an error: got process %s, want %s still", got, pid)
	}
}

func TestFunctionIsReplacedAfterItCrashed(t *testing.T) {
	for _, test := range []struct{ do, wantType, wantText string }{
		{"exit", "Runtime.ExitError", "exit status 7"},
		{"panic", "string", "overboard"}, // the Go runtime library reports it before it exits
	} {
		t.Run(test.do, func(t *testing.T) {
			output := &record{}
			f := startEcho(t, func(c *FunctionConfig) { c.Output = output })
			pid := invoke(t, f, `{"do":"pid"}`)
			_, err := f.Invoke(t.Context(), fmt.Appendf(nil, `{"do":%q,"text":"overboard"}`, test.do))
			problem, ok := errors.AsType[*FunctionError](err)
			if !ok || problem.Type != test.wantType || !strings.Contains(problem.Message, test.wantText) {
				t.Errorf("got %v, want %s with %q", err, test.wantType, test.wantText)
			}
			eventually(t, "a new process", func() bool {
				got, err := f.Invoke(t.Context(), []byte(`{"do":"pid"}`))
				return err == nil && string(got) != pid
			})
			if !strings.Contains(output.String(), "echo: starting again: exit status") {
				t.Errorf("the user was not told; output:\n%s", output)
			}
		})
	}
}

func TestFunctionIsKilledWhenItExceedsItsTimeout(t *testing.T) {
	f := startEcho(t, func(c *FunctionConfig) { c.Timeout = 200 * time.Millisecond })
	pid, _ := strconv.Atoi(invoke(t, f, `{"do":"pid"}`))
	_, err := f.Invoke(t.Context(), []byte(`{"do":"hang"}`))
	problem, ok := errors.AsType[*FunctionError](err)
	if !ok || problem.Type != "Sandbox.Timedout" || !strings.Contains(problem.Message, "Task timed out after 0.20 seconds") {
		t.Errorf("got %v, want Sandbox.Timedout", err)
	}
	eventually(t, "the end of the process", func() bool { return gone(pid) })
	if got := invoke(t, f, `"next"`); got != `"next"` {
		t.Errorf("after the time-out: got %s", got)
	}
}

func TestFunctionRunsSeveralProcesses(t *testing.T) {
	output := &record{}
	f := startEcho(t, func(c *FunctionConfig) { c.Concurrency, c.Output = 2, output })
	signal := filepath.Join(t.TempDir(), "go")
	pids := make(chan string, 2)
	for range 2 {
		go func() {
			got, err := f.Invoke(t.Context(), fmt.Appendf(nil, `{"do":"wait-for-file","text":%q}`, signal))
			pids <- fmt.Sprint(string(got), err)
		}()
	}
	eventually(t, "both at once", func() bool { return strings.Count(output.String(), "waiting") == 2 })
	// A third has to wait: nobody is free.
	busy, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := f.Invoke(busy, []byte(`"third"`)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("third: got %v, want to wait", err)
	}
	if err := os.WriteFile(signal, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if a, b := <-pids, <-pids; a == b {
		t.Errorf("got process %s twice, want two", a)
	}
}

func TestFunctionOutputIsPrefixed(t *testing.T) {
	output := &record{}
	f := startEcho(t, func(c *FunctionConfig) { c.Output = output })
	invoke(t, f, `{"do":"print","text":"one\ntwo"}`)
	eventually(t, "the output", func() bool { return output.String() == "echo: one\necho: two\n" })
}

func TestFunctionBinaryMayBeRelative(t *testing.T) {
	t.Chdir(filepath.Dir(echoBinary))
	f := startEcho(t, func(c *FunctionConfig) { c.Binary = "bootstrap" })
	if got := invoke(t, f, `"here"`); got != `"here"` {
		t.Errorf("got %s", got)
	}
}

func TestFunctionThatDoesNotStart(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*FunctionConfig)
		want   string
	}{
		"it exits": {
			func(c *FunctionConfig) { c.Environment = map[string]string{"ECHO_REFUSE": "no policies here"} },
			"start function echo: exit status 3; it printed:\nno policies here",
		},
		"there is none": {
			func(c *FunctionConfig) { c.Binary = "/nonexistent/bootstrap" },
			"start function echo: fork/exec /nonexistent/bootstrap: no such file or directory",
		},
	} {
		t.Run(name, func(t *testing.T) {
			config := FunctionConfig{Name: "echo", Binary: echoBinary, Concurrency: 2}
			test.change(&config)
			_, err := StartFunction(t.Context(), config)
			if got := fmt.Sprint(err); got != test.want {
				t.Errorf("got %q\nwant %q", got, test.want)
			}
		})
	}
}

func TestFunctionClose(t *testing.T) {
	output := &record{}
	f := startEcho(t, func(c *FunctionConfig) { c.Output = output })
	pid, _ := strconv.Atoi(invoke(t, f, `{"do":"pid"}`))
	running := make(chan error)
	go func() {
		_, err := f.Invoke(t.Context(), []byte(`{"do":"hang"}`))
		running <- err
	}()
	eventually(t, "the invocation", func() bool { return strings.Contains(output.String(), "hanging") })
	f.Close()
	f.Close()
	if !gone(pid) {
		t.Errorf("process %d is still there", pid)
	}
	if err := <-running; err == nil {
		t.Error("a running invocation: got no error")
	}
	if _, err := f.Invoke(t.Context(), nil); !errors.Is(err, ErrClosed) {
		t.Errorf("invoke after close: got %v, want ErrClosed", err)
	}
}
