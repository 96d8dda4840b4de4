package event

import "encoding/json"

// Patterns match neither the account nor detail.source: EventBridge compares
// types strictly, and whether detail.source is a string or a number is not
// certain. Who may share is checked against EC2, in code.
//
// Each lets test events of its kind through, too: what proves that they arrive
// must take the way of the real ones, rule by rule.

// SharePattern is the EventBridge pattern for shares, as JSON: for the Regions
// in which snapshots are shared with the account.
func SharePattern() string {
	return pattern(map[string][]string{"event": {eventShare}, "result": {resultSucceeded}})
}

// CopyPattern is the EventBridge pattern for the results of copies, good and
// bad, as JSON: for the Regions into which snapshots are copied.
func CopyPattern() string {
	return pattern(map[string][]string{"event": {eventCopy}})
}

func pattern(detail map[string][]string) string {
	data, err := json.Marshal(map[string]any{
		"source":      []string{sourceEC2, sourceTest},
		"detail-type": []string{detailNotification},
		"detail":      detail,
	})
	if err != nil {
		panic(err) // strings always marshal
	}
	return string(data)
}
