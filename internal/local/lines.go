package local

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
)

// tailLines is how much of a process's last words is kept for an error message.
const tailLines = 20

// console passes the writes of several writers on to one, each as a whole.
type console struct {
	mu sync.Mutex
	to io.Writer
}

// newConsole is a console for w, or w itself if it is one. A nil w drops all.
func newConsole(w io.Writer) *console {
	if c, ok := w.(*console); ok {
		return c
	}
	if w == nil {
		w = io.Discard
	}
	return &console{to: w}
}

func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.to.Write(p)
}

// line writes one line about, or by, the named one. Nobody is left to tell
// when that fails.
func (c *console) line(name, text string) {
	fmt.Fprintf(c, "%s: %s\n", name, text)
}

// lines is the output of one process: an io.Writer that passes each line on
// under the process's name, unless it is quiet, and remembers the last few.
type lines struct {
	console *console
	name    string
	quiet   bool
	log     func(line string) // gets each line too, if it is set

	mu      sync.Mutex
	partial []byte
	last    []string
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.partial = append(l.partial, p...)
	for {
		line, rest, found := bytes.Cut(l.partial, []byte("\n"))
		if !found {
			return len(p), nil
		}
		l.emit(line)
		l.partial = append([]byte(nil), rest...)
	}
}

// flush passes on a last line without an end.
func (l *lines) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.partial) > 0 {
		l.emit(l.partial)
		l.partial = nil
	}
}

func (l *lines) emit(line []byte) {
	text := string(bytes.TrimSuffix(line, []byte("\r")))
	if !l.quiet {
		l.console.line(l.name, text)
	}
	if l.log != nil {
		l.log(text)
	}
	l.last = append(l.last, text)
	if len(l.last) > tailLines {
		l.last = l.last[1:]
	}
}

// tail is the last lines, as one text.
func (l *lines) tail() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.last, "\n")
}
