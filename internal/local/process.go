package local

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// run is the life of one process: it always ends with an error that says how.
func (f *Function) run(ready func()) (wasReady bool, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return false, fmt.Errorf("serve the runtime API: %w", err)
	}
	e := newEnvironment(f.config.Name, f.arn, f.config.Timeout, f.work)
	killed := make(chan struct{})
	e.kill = sync.OnceFunc(func() { close(killed) })

	server := &http.Server{Handler: e}
	served := make(chan struct{})
	go func() {
		server.Serve(listener) // ends with Close, below
		close(served)
	}()
	defer func() {
		server.Close()
		<-served
	}()

	output := &lines{console: f.console, name: f.config.Name, quiet: f.config.Quiet}
	if f.config.Logs != nil {
		output.log = f.config.Logs()
	}
	command := exec.Command(f.config.Binary)
	command.Dir = f.root
	command.Env = f.environment(listener.Addr().String())
	command.Stdout, command.Stderr = output, output
	command.SysProcAttr = ownGroup()
	// A grandchild that keeps the output open must not hold up the end.
	command.WaitDelay = endTimeout
	if err := command.Start(); errors.Is(err, syscall.ENOEXEC) {
		return false, fmt.Errorf(`%w: it was built for another machine; "make build-local" builds for this one`, err)
	} else if err != nil {
		return false, err
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()

	slow := time.NewTimer(startTimeout)
	defer slow.Stop()
	readiness, tooSlow := e.ready, slow.C
	stopping, killing := f.context.Done(), (<-chan struct{})(killed)
	var overdue <-chan time.Time
	var reason string
	for {
		select {
		case <-readiness:
			readiness, tooSlow = nil, nil
			ready()
		case <-tooSlow:
			tooSlow, reason = nil, fmt.Sprintf("not ready for work within %v; ", startTimeout)
			command.Process.Kill()
		case <-killing:
			killing, reason = nil, "timed out; "
			command.Process.Kill()
		case <-stopping:
			stopping = nil
			command.Process.Signal(syscall.SIGTERM)
			overdue = time.After(endTimeout)
		case <-overdue:
			command.Process.Kill()
		case waitError := <-ended:
			output.flush()
			how := reason + exitStatus(waitError)
			wasReady, initial := e.end(how)
			return wasReady, lastWords(wasReady, initial, how, output.tail())
		}
	}
}

// lastWords is the error for a process that has ended.
func lastWords(wasReady bool, initial *FunctionError, how, tail string) error {
	switch {
	case initial != nil:
		return initial
	case wasReady || tail == "":
		return errors.New(how)
	}
	return fmt.Errorf("%s; it printed:\n%s", how, tail)
}

func exitStatus(err error) string {
	if err == nil {
		return "exit status 0"
	}
	return err.Error()
}

// environment is the process's environment: what was configured, and what
// Lambda sets.
func (f *Function) environment(runtimeAPI string) []string {
	variables := maps.Clone(f.config.Environment)
	if variables == nil {
		variables = map[string]string{}
	}
	maps.Copy(variables, map[string]string{
		"PATH":                            os.Getenv("PATH"),
		"TZ":                              ":UTC",
		"LAMBDA_TASK_ROOT":                f.root,
		"AWS_REGION":                      f.config.Region,
		"AWS_DEFAULT_REGION":              f.config.Region,
		"AWS_LAMBDA_RUNTIME_API":          runtimeAPI,
		"AWS_LAMBDA_FUNCTION_NAME":        f.config.Name,
		"AWS_LAMBDA_FUNCTION_VERSION":     "$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": strconv.Itoa(f.config.MemoryMB),
		"AWS_EXECUTION_ENV":               "AWS_Lambda_provided.al2023",
		"_HANDLER":                        filepath.Base(f.config.Binary),
	})
	list := make([]string, 0, len(variables))
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		list = append(list, name+"="+variables[name])
	}
	return list
}
