package snapshot

import (
	"testing"
	"time"
)

func TestSettled(t *testing.T) {
	shared := time.Date(2026, 9, 25, 15, 24, 9, 0, time.UTC)
	_, told := Told()
	_, untold := Untold(shared.In(time.FixedZone("", 7200)))
	for name, test := range map[string]struct {
		tags    map[string]string
		settled bool
		shared  time.Time
	}{
		"told":                 {map[string]string{TagSettled: told}, true, time.Time{}},
		"not told":             {map[string]string{TagSettled: untold}, false, shared},
		"not told, no tag":     {nil, false, time.Time{}},
		"by hand":              {map[string]string{TagSettled: ""}, true, time.Time{}},
		"not told, odd time":   {map[string]string{TagSettled: notSettled + "yesterday"}, false, time.Time{}},
		"in another tag's key": {map[string]string{"settled": untold}, false, time.Time{}},
	} {
		if got := Settled(test.tags); got != test.settled {
			t.Errorf("%s: settled %v, want %v", name, got, test.settled)
		}
		if got := Shared(test.tags); !got.Equal(test.shared) {
			t.Errorf("%s: shared %v, want %v", name, got, test.shared)
		}
	}
}
