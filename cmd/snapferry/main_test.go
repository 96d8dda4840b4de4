package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"snapferry": main})
}

// The scripts in testdata/script are the command line's contract: what is
// printed where, and with what exit code. Besides testscript's own commands
// they have:
//
//	exits CODE COMMAND...
//		runs COMMAND, which must exit with CODE
//	serve COMMAND...
//		starts COMMAND, takes the first line of its stdout as URL, and leaves
//		it running
//	interrupt
//		sends what serve left running Ctrl-C, at which it must exit with 0;
//		stdout and stderr are what it printed
//	await REGEXP ACCOUNT REGION NAME=VALUE...
//		makes a call to the EC2 at URL until stdout, the answer, matches
//	sqs ACTION JSON
//		makes a call to the SQS at URL, as 222222222222 in us-east-1; stdout is
//		the answer
//	events ACTION REGION JSON
//		makes a call to the EventBridge at URL, as 222222222222
//	capture NAME REGEXP
//		sets NAME to what the group in REGEXP matches in stdout
//	functions DIR
//		puts the three functions, built for this machine, into DIR
//
// and the variables DEPLOYED, which has the synthesized templates snapferry and
// the policies that they were made for, and GOLDEN, which has the golden cases.
func TestScripts(t *testing.T) {
	running := &servers{}
	deployed, err := filepath.Abs("../../internal/cloudformation/testdata")
	if err != nil {
		t.Fatal(err)
	}
	cases, err := filepath.Abs("../../infra/golden")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":     exits,
			"serve":     running.serve,
			"interrupt": running.interrupt,
			"await":     await,
			"sqs":       callSQS,
			"events":    callEvents,
			"capture":   capture,
			"functions": functionsIn(t.TempDir()),
		},
		Setup: func(e *testscript.Env) error {
			e.Setenv("DEPLOYED", deployed)
			e.Setenv("GOLDEN", cases)
			return nil
		},
		RequireExplicitExec: true,
	})
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	got := "0"
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, exited := errors.AsType[*exec.ExitError](err)
		if !exited {
			ts.Fatalf("run %v: %v", args[1:], err)
		}
		got = strconv.Itoa(exit.ExitCode())
	}
	if want := args[0]; got != want {
		ts.Fatalf("%v: got exit code %s, want %s", args[1:], got, want)
	}
}

// functionsIn is the command functions; it builds them into directory, once for
// all scripts.
func functionsIn(directory string) func(*testscript.TestScript, bool, []string) {
	build := sync.OnceValue(func() error {
		for _, name := range []string{"copy", "reconcile", "expire"} {
			command := exec.Command("go", "build", "-tags", "lambda.norpc",
				"-o", filepath.Join(directory, name, "bootstrap"), "snapferry/functions/"+name)
			if output, err := command.CombinedOutput(); err != nil {
				return errors.New(string(output))
			}
		}
		return nil
	})
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) != 1 {
			ts.Fatalf("usage: functions DIR")
		}
		ts.Check(build())
		ts.Check(os.MkdirAll(filepath.Dir(ts.MkAbs(args[0])), 0o755))
		ts.Check(os.Symlink(directory, ts.MkAbs(args[0])))
	}
}
