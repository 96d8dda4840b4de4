package local

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"sync"

	"snapferry/internal/sim"
)

// logGroup is where Lambda puts what a function's processes print, under the
// function's role: a log stream for each process, and a log event for each line.
type logGroup struct {
	world  *sim.World
	clock  sim.Clock
	caller string // an account, or the access key id of the function's role
	region string
	name   string
	report func(error) // is told, once per process, that its log is lost
}

// logGroupOf is the name of a function's log group, unless it has been given
// another.
func logGroupOf(function string) string { return "/aws/lambda/" + function }

// stream is the log of one more process. As at Amazon, a function does not mind
// that its log can't be written.
func (g *logGroup) stream() func(line string) {
	var mu sync.Mutex
	name, broken := "", false
	return func(line string) {
		mu.Lock()
		defer mu.Unlock()
		if broken || line == "" { // which CloudWatch Logs does not take
			return
		}
		var err error
		if name == "" {
			name = g.clock.Now().Format("2006/01/02") + "/[$LATEST]" + streamID()
			err = g.do("CreateLogStream", map[string]any{"logGroupName": g.name, "logStreamName": name})
		}
		if err == nil {
			event := map[string]any{"timestamp": g.clock.Now().UnixMilli(), "message": line}
			err = g.do("PutLogEvents", map[string]any{"logGroupName": g.name, "logStreamName": name, "logEvents": []any{event}})
		}
		if broken = err != nil; broken {
			g.report(fmt.Errorf("write to log group %s: %w", g.name, err))
		}
	}
}

func (g *logGroup) do(action string, in any) error {
	return g.world.Do(context.Background(), g.caller, g.region, "logs", action, in, nil)
}

func streamID() string {
	id := make([]byte, 16)
	rand.Read(id) // never fails
	return hex.EncodeToString(id)
}
