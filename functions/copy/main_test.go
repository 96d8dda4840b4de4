package main

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"snapferry/internal/reactor"
)

func TestBatchOrEvent(t *testing.T) {
	for file, want := range map[string]int{
		"sqs-batch.json":                    3,
		"share-snapshot.json":               0,
		"share-snapshot-as-documented.json": 0,
		"schedule.json":                     0,
	} {
		payload, err := os.ReadFile("../../events/" + file)
		if err != nil {
			t.Fatal(err)
		}
		batch, ok := batchOf(payload)
		if ok != (want > 0) || len(batch) != want {
			t.Errorf("%s: batch %v of %d, want %d records", file, ok, len(batch), want)
		}
		for _, r := range records(batch) {
			if r.ID == "" || len(r.Body) == 0 || r.Receives != 1 {
				t.Errorf("%s: record %+v", file, r)
			}
		}
	}
}

// A record of another form is a bad record, and says so by its own id.
func TestOddRecords(t *testing.T) {
	batch, ok := batchOf([]byte(`{"Records":[{"messageId":"a","body":{"x":1}},{"messageId":"b","body":"y","attributes":{"ApproximateReceiveCount":"3"}},7]}`))
	if !ok {
		t.Fatal("not a batch")
	}
	got := records(batch)
	if len(got) != 3 || got[0].ID != "a" || got[1].ID != "b" || string(got[1].Body) != "y" || got[1].Receives != 3 || got[2].ID != "" {
		t.Errorf("records %+v", got)
	}
	if batch, ok := batchOf([]byte(`{"Records":[]}`)); !ok || len(batch) != 0 {
		t.Error("an empty batch is not a batch")
	}
}

// Lambda fails the whole batch on a null, so nothing must be an empty list.
func TestAnswer(t *testing.T) {
	for want, failures := range map[string][]reactor.Failure{
		`{"batchItemFailures":[]}`:                        nil,
		`{"batchItemFailures":[{"itemIdentifier":"id"}]}`: {{ID: "id", Err: errors.New("x")}},
	} {
		got, err := json.Marshal(answer(failures))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Error(diff)
		}
	}
}

func TestSlots(t *testing.T) {
	for value, want := range map[string]int{"": 20, "5": 5, "200": 200} {
		if got, err := slots(value); err != nil || got != want {
			t.Errorf("COPY_SLOTS=%q: %d, %v; want %d", value, got, err, want)
		}
	}
	for _, value := range []string{"0", "-1", "many", "2.5", " 5"} {
		if _, err := slots(value); err == nil || !strings.Contains(err.Error(), "COPY_SLOTS") {
			t.Errorf("COPY_SLOTS=%q: %v, want an error that names it", value, err)
		}
	}
}
