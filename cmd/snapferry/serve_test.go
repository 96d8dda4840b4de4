package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// servers is the commands that serve left running, by script.
type servers struct{ byScript sync.Map }

type server struct {
	command *exec.Cmd
	stderr  strings.Builder // to be read after the command's end
	stdout  strings.Builder // to be read after ended
	ended   chan struct{}   // stdout has come to its end
}

func (all *servers) serve(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: serve COMMAND...")
	}
	s := &server{command: exec.Command(args[0], args[1:]...), ended: make(chan struct{})}
	s.command.Dir = ts.Getenv("WORK")
	s.command.Stderr = &s.stderr
	pipe, err := s.command.StdoutPipe()
	ts.Check(err)
	ts.Check(s.command.Start())
	ts.Defer(func() { s.command.Process.Kill() }) // does nothing after interrupt
	lines := bufio.NewReader(pipe)
	first, err := lines.ReadString('\n')
	if err != nil {
		s.command.Wait()
		ts.Fatalf("%v ended without a line on stdout; on stderr:\n%s", args, s.stderr.String())
	}
	s.stdout.WriteString(first)
	ts.Setenv("URL", strings.TrimSpace(first))
	go func() {
		io.Copy(&s.stdout, lines)
		close(s.ended)
	}()
	all.byScript.Store(ts, s)
}

func (all *servers) interrupt(ts *testscript.TestScript, neg bool, _ []string) {
	running, ok := all.byScript.LoadAndDelete(ts)
	if neg || !ok {
		ts.Fatalf("nothing was left running")
	}
	s := running.(*server)
	ts.Check(s.command.Process.Signal(os.Interrupt))
	<-s.ended
	if err := s.command.Wait(); err != nil {
		ts.Fatalf("after an interrupt: %v; on stderr:\n%s", err, s.stderr.String())
	}
	io.WriteString(ts.Stdout(), s.stdout.String())
	io.WriteString(ts.Stderr(), s.stderr.String())
}

// await repeats a call to EC2 until its answer is as wanted.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: await REGEXP ACCOUNT REGION NAME=VALUE...")
	}
	want, err := regexp.Compile(args[0])
	ts.Check(err)
	var answer string
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		answer, err = callEC2(ts.Getenv("URL"), args[1], args[2], args[3:])
		ts.Check(err)
		if want.MatchString(answer) {
			fmt.Fprint(ts.Stdout(), answer)
			return
		}
	}
	ts.Fatalf("no answer matches %s; the last was:\n%s", want, answer)
}

func callEC2(endpoint, account, region string, parameters []string) (string, error) {
	form := url.Values{}
	for _, p := range parameters {
		name, value, _ := strings.Cut(p, "=")
		form.Set(name, value)
	}
	request, err := http.NewRequest(http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+account+"/20260101/"+region+"/ec2/aws4_request")
	client := http.Client{Timeout: 20 * time.Second}
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return string(body), err
}

func callSQS(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: sqs ACTION JSON")
	}
	callJSON(ts, "sqs", "AmazonSQS."+args[0], "us-east-1", args[1])
}

func callEvents(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: events ACTION REGION JSON")
	}
	callJSON(ts, "events", "AWSEvents."+args[0], args[1], args[2])
}

// callJSON makes a call in the JSON protocol, as 222222222222.
func callJSON(ts *testscript.TestScript, service, target, region, in string) {
	request, err := http.NewRequest(http.MethodPost, ts.Getenv("URL"), strings.NewReader(in))
	ts.Check(err)
	request.Header.Set("X-Amz-Target", target)
	request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=222222222222/20260101/"+region+"/"+service+"/aws4_request")
	client := http.Client{Timeout: 20 * time.Second}
	response, err := client.Do(request)
	ts.Check(err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	ts.Check(err)
	if response.StatusCode != http.StatusOK {
		ts.Fatalf("%s: %s: %s", target, response.Status, body)
	}
	ts.Stdout().Write(body)
}

func capture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: capture NAME REGEXP")
	}
	pattern, err := regexp.Compile(args[1])
	ts.Check(err)
	stdout := ts.ReadFile("stdout")
	m := pattern.FindStringSubmatch(stdout)
	if len(m) != 2 {
		ts.Fatalf("%s matches nothing, or has not one group, in:\n%s", pattern, stdout)
	}
	ts.Setenv(args[0], m[1])
}
