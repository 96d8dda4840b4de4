package proof

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// realFunction is a built function that runs as a process of its own, served by
// a Runtime API for one invocation.
type realFunction struct {
	binary      string
	environment []string
}

// once starts the process, has it answer one event and stops it. It returns how
// long that took from the start, and the most memory that the process had.
func (f realFunction) once(t *testing.T, event string, patience time.Duration) (took time.Duration, peakMB float64, answer string) {
	t.Helper()
	answered := make(chan string, 1)
	asked := false
	var process *exec.Cmd
	started := make(chan struct{}) // a process may be faster than its starter
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", func(w http.ResponseWriter, r *http.Request) {
		if asked {
			<-r.Context().Done() // until the process is stopped
			return
		}
		asked = true
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", "1")
		w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(patience).UnixMilli(), 10))
		w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:222222222222:function:proof")
		io.WriteString(w, event)
	})
	mux.HandleFunc("POST /2018-06-01/runtime/", func(w http.ResponseWriter, r *http.Request) {
		took = time.Since(began)
		body, _ := io.ReadAll(r.Body)
		<-started
		peakMB = peakOf(process.Process.Pid)
		w.WriteHeader(http.StatusAccepted)
		answered <- r.URL.Path + " " + string(body)
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	process = exec.CommandContext(ctx, f.binary)
	process.Env = append(f.environment, "AWS_LAMBDA_RUNTIME_API="+strings.TrimPrefix(server.URL, "http://"))
	process.Stdout, process.Stderr = io.Discard, io.Discard
	began = time.Now()
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	close(started)
	select {
	case answer = <-answered:
	case <-ctx.Done():
		t.Errorf("%s did not answer within %s", f.binary, patience)
	}
	cancel()
	process.Wait()
	if !strings.Contains(answer, "/response ") {
		t.Errorf("%s answered %.500s", f.binary, answer)
	}
	return took, peakMB, answer
}

// began is when the process that runs was started.
var began time.Time

// peakOf is the most memory that a process has had resident, in MB.
func peakOf(pid int) float64 {
	file, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if rest, found := strings.CutPrefix(lines.Text(), "VmHWM:"); found {
			kb, _ := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 64)
			return kb / 1024
		}
	}
	return 0
}

// build builds a function for this machine, as `make build` does for Lambda, and
// puts a policy beside it. The program is written anew in one go, as Lambda does
// that unpacks it: what the linker has written piece by piece is read back more
// slowly, and differently from build to build.
func build(t *testing.T, source, policy string) string {
	t.Helper()
	dir := t.TempDir()
	built, binary := filepath.Join(dir, "built"), filepath.Join(dir, "bootstrap")
	command := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-tags", "lambda.norpc", "-ldflags", "-s -w -buildid=", "-o", built, source)
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v: %s", source, err, out)
	}
	program, err := os.ReadFile(built)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(binary, program, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "policies"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "policies", "storm.json"), []byte(policy), 0o644); err != nil {
		t.Fatal(err)
	}
	return binary
}
