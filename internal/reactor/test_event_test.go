package reactor_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"snapferry/internal/reactor"
)

const testEvent = `{"source":"snapferry.test","detail-type":"EBS Snapshot Notification","account":"222222222222","region":"eu-west-2",` +
	`"detail":{"event":"KIND","result":"succeeded","test":"0f1e2d3c4b5a69788796a5b4c3d2e1f0",` +
	// As little comes of what else is in it.
	`"snapshot_id":"arn:aws:ec2::us-east-1:snapshot/SNAPSHOT","source":"111111111111"}}`

// TestTestEvents: of a test event, even one about a snapshot that a real event
// would have copied, comes one line in the log, whatever the log's level is: no
// call, no order, no outcome.
func TestTestEvents(t *testing.T) {
	bubble(t, quiet, func(l *lab) {
		source := l.shared(owner, "production")
		before := l.world.Counts()
		for _, kind := range []string{"shareSnapshot", "copySnapshot"} {
			body := strings.NewReplacer("KIND", kind, "SNAPSHOT", source).Replace(testEvent)
			for _, receives := range []int{1, 5} {
				var log bytes.Buffer
				journal := reactor.NewJournal(slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelError})).With("requestId", "r"), false)
				failures := l.copier.Handle(l.ctx, journal, []reactor.Record{{ID: "m", Body: []byte(body), Receives: receives}})
				if len(failures) > 0 {
					t.Errorf("failures: %v", failures)
				}
				var line map[string]any
				if err := json.Unmarshal(log.Bytes(), &line); err != nil {
					t.Fatalf("%v: want one line of JSON: %s", err, &log)
				}
				if line["time"] == "" || line["time"] == nil {
					t.Errorf("no time in %s", &log)
				}
				delete(line, "time")
				want := map[string]any{"level": "INFO", "msg": "arrived", "reason": "a test event: nothing to do", "requestId": "r",
					"region": "eu-west-2", "test": "0f1e2d3c4b5a69788796a5b4c3d2e1f0", "kind": kind}
				if diff := cmp.Diff(want, line); diff != "" {
					t.Errorf("line (-want +got):\n%s", diff)
				}
				if counts := journal.Summary().Counts; len(counts) != 1 || counts["arrived"] != 1 {
					t.Errorf("counts %v", counts)
				}
			}
		}
		if after := l.world.Counts(); !maps.Equal(before, after) {
			t.Errorf("calls:\n%s", cmp.Diff(before, after))
		}
	})
}

// TestTestEventsHoldNobodyUp: in a batch with others, all get their due.
func TestTestEventsHoldNobodyUp(t *testing.T) {
	bubble(t, quiet, func(l *lab) {
		l.shared(owner, "production")
		records := []reactor.Record{}
		for i, body := range append(l.heard.take(), []byte(strings.ReplaceAll(testEvent, "KIND", "shareSnapshot"))) {
			records = append(records, reactor.Record{ID: string(rune('a' + i)), Body: body, Receives: 1})
		}
		slices.Reverse(records)
		journal := reactor.NewJournal(slog.New(slog.DiscardHandler), false)
		if failures := l.copier.Handle(l.ctx, journal, records); len(failures) > 0 {
			t.Errorf("failures: %v", failures)
		}
		if counts := journal.Summary().Counts; counts["arrived"] != 1 || counts["started"] != 2 {
			t.Errorf("counts %v, want 1 arrived and 2 started", counts)
		}
	})
}
