package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// FunctionConfig says how to run one function.
type FunctionConfig struct {
	Name string
	// Binary is the function's executable, named bootstrap in the cloud.
	Binary string
	// Policies is a directory of policy documents, or one document, that the
	// function finds in policies/ of its task root; "" means none.
	Policies string
	// Environment is all that the process gets, besides PATH and what Lambda
	// itself sets.
	Environment map[string]string
	Account     string
	Region      string
	MemoryMB    int
	// Timeout ends an invocation, on the machine's clock; 0 means Lambda's
	// own default of 3 s.
	Timeout time.Duration
	// Concurrency is how many processes run; 0 means 1.
	Concurrency int
	// Output gets what the processes print, line by line, unless Quiet, and that
	// one had to be started again; nil drops it.
	Output io.Writer
	Quiet  bool
	// Logs, when set, is called for each process, and what it returns for each
	// line that the process prints, be it Quiet or not.
	Logs func() func(line string)
}

// How processes are treated.
const (
	lambdaTimeout = 3 * time.Second
	// startTimeout is how long a process may take before it asks for work.
	// Lambda gives the first start 10 s.
	startTimeout = 10 * time.Second
	// endTimeout is what a process has between SIGTERM and SIGKILL.
	endTimeout = 2 * time.Second
	// restartPause grows from the first to the second, as long as a process
	// ends before it asks for work.
	restartPause, restartPauseMax = 100 * time.Millisecond, 5 * time.Second
)

var (
	// ErrStart says that a function's process does not come up.
	ErrStart = errors.New("the function does not start")
	// ErrClosed is Invoke's answer after Close.
	ErrClosed = errors.New("the function has been stopped")
)

// Function is a Lambda function on this machine: its binary in as many
// processes as it may run at once, each with a Runtime API of its own. A
// process that crashes or exceeds the time-out is replaced.
type Function struct {
	config  FunctionConfig
	root    string // LAMBDA_TASK_ROOT; temporary
	arn     string
	console *console
	work    chan *invocation

	context context.Context
	stop    context.CancelFunc
	running sync.WaitGroup
}

// StartFunction starts the processes and waits until each is ready for work. A
// process that ends instead is an error with what it printed last. ctx bounds
// the start alone; Close ends what was started.
func StartFunction(ctx context.Context, config FunctionConfig) (*Function, error) {
	if config.Timeout == 0 {
		config.Timeout = lambdaTimeout
	}
	config.Concurrency = max(config.Concurrency, 1)
	f := &Function{
		config:  config,
		arn:     fmt.Sprintf("arn:aws:lambda:%s:%s:function:%s", config.Region, config.Account, config.Name),
		console: newConsole(config.Output),
		work:    make(chan *invocation),
	}
	var err error
	// The processes run in a directory of their own.
	if f.config.Binary, err = filepath.Abs(config.Binary); err != nil {
		return nil, fmt.Errorf("start function %s: %w", config.Name, err)
	}
	if f.root, err = makeTaskRoot(config.Policies); err != nil {
		return nil, fmt.Errorf("start function %s: %w", config.Name, err)
	}
	f.context, f.stop = context.WithCancel(context.WithoutCancel(ctx))
	started := make(chan error, config.Concurrency)
	for range config.Concurrency {
		f.running.Go(func() { f.supervise(started) })
	}
	for range config.Concurrency {
		select {
		case err := <-started:
			if err != nil {
				f.Close()
				return nil, &startError{config.Name, err}
			}
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("start function %s: %w", config.Name, ctx.Err())
		}
	}
	return f, nil
}

// startError is an ErrStart with its cause.
type startError struct {
	function string
	cause    error
}

func (e *startError) Error() string   { return fmt.Sprintf("start function %s: %v", e.function, e.cause) }
func (e *startError) Unwrap() []error { return []error{ErrStart, e.cause} }

// Invoke runs the function once, waiting for a free process first. When the
// function ran and failed the error is a *FunctionError. When ctx ends first,
// the invocation goes on without its caller, as in Lambda.
func (f *Function) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	i := newInvocation(payload)
	select {
	case f.work <- i:
	case <-ctx.Done():
		return nil, fmt.Errorf("invoke %s: %w", f.config.Name, ctx.Err())
	case <-f.context.Done():
		return nil, fmt.Errorf("invoke %s: %w", f.config.Name, ErrClosed)
	}
	select {
	case a := <-i.done:
		return a.payload, a.err
	case <-ctx.Done():
		return nil, fmt.Errorf("invoke %s: %w", f.config.Name, ctx.Err())
	}
}

// Close ends the processes, each by its own id, and waits until they are gone.
// It may be called more than once.
func (f *Function) Close() {
	f.stop()
	f.running.Wait()
	os.RemoveAll(f.root)
}

// supervise keeps one process running. It reports the fate of the first start.
func (f *Function) supervise(started chan<- error) {
	told := false
	tell := func(err error) (first bool) {
		if first = !told; first {
			told = true
			started <- err
		}
		return first
	}
	pause := restartPause
	for f.context.Err() == nil {
		wasReady, err := f.run(func() { tell(nil) })
		if f.context.Err() != nil || tell(err) {
			return
		}
		if wasReady {
			pause = restartPause
			f.console.line(f.config.Name, "starting again: "+err.Error())
			continue
		}
		f.console.line(f.config.Name, "does not start: "+err.Error())
		f.failUntil(time.After(pause), err)
		pause = min(2*pause, restartPauseMax)
	}
}

// failUntil answers whoever asks while the function can't start, as Lambda does.
func (f *Function) failUntil(over <-chan time.Time, cause error) {
	for {
		select {
		case i := <-f.work:
			problem, ok := errors.AsType[*FunctionError](cause)
			if !ok {
				problem = &FunctionError{Function: f.config.Name, Type: "Runtime.ExitError", Message: cause.Error()}
			}
			i.done <- answer{err: problem}
		case <-over:
			return
		case <-f.context.Done():
			return
		}
	}
}
