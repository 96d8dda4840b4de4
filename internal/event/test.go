package event

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"

	"snapferry/internal/snapshot"
)

// sourceTest is the source of test events. Only Amazon may put events whose
// source begins with "aws.", so that a test event differs from what it stands
// for in its source, and in nothing else that a rule looks at.
const sourceTest = "snapferry.test"

// Test is a test event, which `snapferry test-event` sends to see whether events
// get through. It stands for one kind of EBS event, and takes its way: the same
// rules match it. It asks for nothing.
type Test struct {
	// ID is that of the run that sent it: 32 hexadecimal digits.
	ID string
	// Region is where it was put on a bus, according to EventBridge.
	Region string
	// Kind is the kind of EBS event that it stands for: KindShare or KindCopy.
	Kind string
}

// The kinds of EBS events that rules let through.
const (
	KindShare = eventShare
	KindCopy  = eventCopy
)

func (Test) event() {}

var testID = regexp.MustCompile(`^[0-9a-f]{32}$`)

// testDetail is the detail of a test event.
type testDetail struct {
	Event  string `json:"event"`
	Result string `json:"result"`
	Test   string `json:"test"`
}

// Entry is the test event as PutEvents takes it. Account and Region are not in it:
// EventBridge adds them.
func (t Test) Entry() (source, detailType, detail string) {
	data, err := json.Marshal(testDetail{t.Kind, resultSucceeded, t.ID})
	if err != nil {
		panic(err) // strings always marshal
	}
	return sourceTest, detailNotification, string(data)
}

// decodeTest reads a test event. A malformed one is ignored and not an error: any
// principal of the account may put one, and an error would cost five deliveries, an
// outcome and an alarm. The reason repeats nothing of its content.
func decodeTest(e envelope) Event {
	var d testDetail
	if unmarshal(e.Detail, &d) != nil || !testID.MatchString(d.Test) ||
		!slices.Contains([]string{KindShare, KindCopy}, d.Event) || !snapshot.LooksLikeRegion(string(e.Region)) {
		return Ignored{fmt.Sprintf("source is %q, and it is not in the form of a test event", sourceTest)}
	}
	return Test{ID: d.Test, Region: string(e.Region), Kind: d.Event}
}
