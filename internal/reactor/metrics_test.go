package reactor_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"snapferry/internal/reactor"
)

// measure handles what was heard and returns the sums of what was measured, by
// name and Region.
func (l *lab) measure() map[string]float64 {
	l.t.Helper()
	l.settled()
	var records []reactor.Record
	for i, e := range l.heard.take() {
		records = append(records, reactor.Record{ID: strconv.Itoa(i), Body: e, Receives: 1})
	}
	l.heard.take()
	j := l.journal(false)
	if failures := l.copier.Handle(l.ctx, j, records); len(failures) > 0 {
		l.t.Fatal(failures)
	}
	sums := map[string]float64{}
	for _, m := range j.Metrics() {
		for _, v := range m.Values {
			sums[m.Name+" "+m.Region] += v
		}
	}
	return sums
}

func TestCopiesAreMeasured(t *testing.T) {
	bubble(t, quiet, func(l *lab) {
		l.shared(owner, "production")
		began := l.measure()
		for _, wait := range []string{"OrderWait " + saoPaulo, "OrderWait " + london} {
			if began[wait] < 0 || began[wait] > 2 {
				t.Errorf("%s is %v seconds in an idle system", wait, began[wait])
			}
			delete(began, wait)
		}
		want := map[string]float64{"CopiesStarted " + saoPaulo: 1, "CopiesStarted " + london: 1, "SlotsInUse " + saoPaulo: 0, "SlotsInUse " + london: 0}
		if diff := cmp.Diff(want, began); diff != "" {
			t.Errorf("after the share (-want +got):\n%s", diff)
		}

		time.Sleep(time.Hour)
		ended := l.measure()
		for _, lag := range []string{"CopyLag " + saoPaulo, "CopyLag " + london} {
			if ended[lag] < 1 || ended[lag] > 10 {
				t.Errorf("%s is %v seconds, want the copy's own few", lag, ended[lag])
			}
			delete(ended, lag)
		}
		want = map[string]float64{"CopiesCompleted " + saoPaulo: 1, "CopiesCompleted " + london: 1}
		if diff := cmp.Diff(want, ended); diff != "" {
			t.Errorf("after the results (-want +got):\n%s", diff)
		}

		l.shared("999999999999", "production")
		if diff := cmp.Diff(map[string]float64{"CopiesSkipped ": 1}, l.measure()); diff != "" {
			t.Errorf("after a stranger's share (-want +got):\n%s", diff)
		}
	})
}

// What a missing key refuses is one failure, however often it is tried.
func TestFailuresAreMeasured(t *testing.T) {
	bubble(t, quiet, func(l *lab) {
		l.do(target, london, "kms", "DisableKey", map[string]any{"KeyId": londonKey}, nil)
		l.shared(owner, "production")
		got := l.measure()
		if got["CopiesFailed "+london] != 1 || got["CopiesStarted "+london] != 0 || got["CopiesStarted "+saoPaulo] != 1 {
			t.Errorf("measured %v", got)
		}
	})
}

// What expires is counted, and so is what stays, by its cause.
func TestExpiryIsMeasured(t *testing.T) {
	bubble(t, quiet, func(l *lab) {
		l.shared(owner, "production")
		l.run(time.Hour)
		for _, want := range []map[string]float64{
			{"CopiesKept " + saoPaulo + " not expired": 1, "CopiesKept " + london + " not expired": 1},
			{"CopiesExpired " + saoPaulo + " ": 1, "CopiesKept " + london + " not expired": 1},
		} {
			j := l.journal(false)
			if err := l.expirer.Expire(l.ctx, j); err != nil {
				t.Fatal(err)
			}
			got := map[string]float64{}
			for _, m := range j.Metrics() {
				for _, v := range m.Values {
					got[m.Name+" "+m.Region+" "+m.Cause] += v
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("measured (-want +got):\n%s", diff)
			}
			time.Sleep(5 * 24 * time.Hour)
		}
	})
}
