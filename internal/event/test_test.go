package event

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// delivered is a test event as EventBridge hands it on: it says itself from
// which account and Region it came.
func delivered(t *testing.T, test Test) string {
	t.Helper()
	source, detailType, detail := test.Entry()
	data, err := json.Marshal(map[string]any{
		"version": "0", "id": "6a7b8c9d-0e1f-4a2b-8c3d-4e5f6a7b8c9d", "source": source, "detail-type": detailType,
		"account": "222222222222", "region": test.Region, "time": "2026-09-25T15:40:00Z", "resources": []string{},
		"detail": json.RawMessage(detail),
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

var someTest = Test{ID: "0f1e2d3c4b5a69788796a5b4c3d2e1f0", Region: "eu-west-2", Kind: KindCopy}

// TestTestEventsComeBack: what is sent is what is read.
func TestTestEventsComeBack(t *testing.T) {
	for _, kind := range []string{KindShare, KindCopy} {
		want := someTest
		want.Kind = kind
		got, err := Decode([]byte(delivered(t, want)))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(Event(want), got); diff != "" {
			t.Error(diff)
		}
	}
}

// TestTestEventsAskForNothing: whatever a test event says, it is a test event or
// ignored, never an error and never an event that something comes of; and what
// is said of it repeats nothing that its sender chose.
func TestTestEventsAskForNothing(t *testing.T) {
	for name, change := range map[string]struct{ from, to string }{
		"an id that is too long":     {someTest.ID, someTest.ID + "0"},
		"an id with a line break":    {someTest.ID, `0f1e2d3c4b5a69788796a5b4c3d2e1f\n`},
		"an id in upper case":        {someTest.ID, strings.ToUpper(someTest.ID)},
		"no id":                      {`"test":`, `"other":`},
		"an id that is an object":    {`"` + someTest.ID + `"`, `{"hostile":1}`},
		"another kind":               {KindCopy, "hostile"},
		"no Region":                  {`"region":"eu-west-2"`, `"region":"hostile"`},
		"a detail that is no object": {`"detail":{`, `"detail":[],"x":{`},
		"a snapshot besides":         {`"test":`, `"snapshot_id":"arn:aws:ec2::us-west-2:snapshot/snap-01234567","source":"111111111111","test":`},
	} {
		t.Run(name, func(t *testing.T) {
			text := delivered(t, someTest)
			if !strings.Contains(text, change.from) {
				t.Fatalf("%s is not in %s", change.from, text)
			}
			got, err := Decode([]byte(strings.Replace(text, change.from, change.to, 1)))
			if err != nil {
				t.Fatal(err)
			}
			switch got := got.(type) {
			case Test:
				if got != someTest {
					t.Errorf("Decode = %#v, want %#v", got, someTest)
				}
			case Ignored:
				if strings.Contains(strings.ToLower(got.Reason), "hostile") || strings.Contains(strings.ToLower(got.Reason), someTest.ID) {
					t.Errorf("the reason repeats what the sender chose: %s", got.Reason)
				}
			default:
				t.Errorf("Decode = %#v", got)
			}
		})
	}
}
