package reactor_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"snapferry/internal/reactor"
	"snapferry/internal/sim"
	"snapferry/internal/snapshot"
)

// seeded puts n completed copies into a Region that expired a day ago.
func (l *lab) seeded(region string, n int, tags ...string) {
	l.t.Helper()
	for i := range n {
		mark := snapshot.Mark{
			Policy: "policy1", Source: snapshot.Ref{Region: virginia, ID: snapID(i)}, SourceAccount: owner, SourceVolume: fmt.Sprintf("vol-%d", i),
			SourceTime: time.Now().Add(-96 * time.Hour).UTC(), Expires: time.Now().Add(-24 * time.Hour).UTC(),
		}
		all := mark.Tags()
		for t := 0; t < len(tags); t += 2 {
			all[tags[t]] = tags[t+1]
		}
		id := fmt.Sprintf("snap-0a%07x%08x", len(tags), i)
		if err := l.world.AddSnapshot(sim.Seed{Region: region, ID: id, Owner: target, Tags: all}); err != nil {
			l.t.Fatal(err)
		}
	}
}

// bus counts what is published at a time, and refuses some.
type bus struct {
	reactor.Outcomes
	refuse reactor.OutcomeType

	mu    sync.Mutex
	calls map[reactor.OutcomeType][]int
}

func (b *bus) Publish(ctx context.Context, outcomes []reactor.Outcome) error {
	b.mu.Lock()
	if b.calls == nil {
		b.calls = map[reactor.OutcomeType][]int{}
	}
	kind := outcomes[0].Type
	b.calls[kind] = append(b.calls[kind], len(outcomes))
	b.mu.Unlock()
	if kind == b.refuse {
		return errors.New("no bus")
	}
	return b.Outcomes.Publish(ctx, outcomes)
}

// Many copies are deleted and told of a hundred at a time, and all of them are.
func TestExpireManyCopies(t *testing.T) {
	bubble(t, quiet, func(l *lab) {
		l.seeded(saoPaulo, 230)
		l.seeded(saoPaulo, 250, snapshot.TagHold, "case 17")
		told := &bus{Outcomes: l.expirer.Outcomes}
		l.expirer.Outcomes = told
		summary := l.expire(false)
		if diff := cmp.Diff(map[string]int{"deleted": 230, "kept": 250}, summary.Counts); diff != "" {
			t.Errorf("steps: %s", diff)
		}
		want := map[reactor.OutcomeType][]int{reactor.Expired: {100, 100, 30}, reactor.Kept: {100, 100, 50}}
		if diff := cmp.Diff(want, told.calls); diff != "" {
			t.Errorf("published: %s", diff)
		}
		if diff := cmp.Diff(map[string]int{"Expired": 230, "Kept": 250}, l.types()); diff != "" {
			t.Errorf("outcomes: %s", diff)
		}
		if got := len(l.own(saoPaulo)); got != 250 {
			t.Errorf("%d copies are left, want the 250 that are held", got)
		}
	})
}

// That nobody can be told what stays is an error, once, and no reason for
// anything else to stay.
func TestExpireWhenKeptCanNotBeTold(t *testing.T) {
	bubble(t, quiet, func(l *lab) {
		l.seeded(saoPaulo, 10)
		l.seeded(saoPaulo, 250, snapshot.TagHold, "case 17")
		told := &bus{Outcomes: l.expirer.Outcomes, refuse: reactor.Kept}
		l.expirer.Outcomes = told
		j := l.journal(false)
		err := l.expirer.Expire(l.ctx, j)
		if err == nil || strings.Count(err.Error(), "no bus") != 1 {
			t.Errorf("error %v, want one", err)
		}
		if diff := cmp.Diff(map[string]int{"deleted": 10, "kept": 250, "failed": 1}, j.Summary().Counts); diff != "" {
			t.Errorf("steps: %s", diff)
		}
		if diff := cmp.Diff([]int{100}, told.calls[reactor.Kept]); diff != "" {
			t.Errorf("tried to publish: %s", diff)
		}
	})
}

// listings sees the Regions as they are listed, and may keep one from going on.
type listings struct {
	reactor.Expiring
	during func(region string) error // after the last copy

	mu           sync.Mutex
	begun        []string
	open, widest int
}

func (s *listings) Marked(ctx context.Context, region string) iter.Seq2[snapshot.Snapshot, error] {
	return func(yield func(snapshot.Snapshot, error) bool) {
		s.mu.Lock()
		s.begun = append(s.begun, region)
		s.open++
		s.widest = max(s.widest, s.open)
		s.mu.Unlock()
		defer func() {
			s.mu.Lock()
			s.open--
			s.mu.Unlock()
		}()
		for c, err := range s.Expiring.Marked(ctx, region) {
			if !yield(c, err) {
				return
			}
		}
		if s.during != nil {
			if err := s.during(region); err != nil {
				yield(snapshot.Snapshot{}, err)
			}
		}
	}
}

// A listing that breaks off decides nothing, of whatever it has shown.
func TestExpireDecidesNothingOnHalfAList(t *testing.T) {
	bubble(t, quiet, func(l *lab) {
		l.seeded(saoPaulo, 5)
		l.seeded(london, 3)
		l.expirer.Copies = &listings{Expiring: l.expirer.Copies, during: func(region string) error {
			if region == saoPaulo {
				return errors.New("the token has expired")
			}
			return nil
		}}
		j := l.journal(false)
		err := l.expirer.Expire(l.ctx, j)
		if err == nil || !strings.Contains(err.Error(), "list copies in "+saoPaulo) {
			t.Errorf("error %v, want one about %s", err, saoPaulo)
		}
		if diff := cmp.Diff(map[string]int{"deleted": 3, "failed": 1}, j.Summary().Counts); diff != "" {
			t.Errorf("steps: %s", diff)
		}
		if got := len(l.own(saoPaulo)); got != 5 {
			t.Errorf("%s has %d copies left, want all 5", saoPaulo, got)
		}
	})
}

// Three Regions are looked into at once and no more, those that policies name
// first; while one takes its time the others go on.
func TestExpireTakesRegionsAtOnce(t *testing.T) {
	bubble(t, quiet, func(l *lab) {
		l.seeded(london, 3)
		l.seeded(saoPaulo, 2)
		began := time.Now()
		var others time.Duration
		seen := &listings{Expiring: l.expirer.Copies}
		seen.during = func(region string) error {
			if region == london {
				time.Sleep(5 * time.Minute)
				return nil
			}
			seen.mu.Lock()
			others = max(others, time.Since(began))
			seen.mu.Unlock()
			time.Sleep(time.Second)
			return nil
		}
		l.expirer.Copies = seen
		if got := l.expire(false).Counts["deleted"]; got != 5 {
			t.Errorf("deleted %d, want all 5", got)
		}
		if seen.widest != 3 {
			t.Errorf("%d Regions were listed at once, want 3", seen.widest)
		}
		if others >= time.Minute {
			t.Errorf("others waited for %s, until %s", london, others)
		}
		first := seen.begun[:3]
		if !slices.Contains(first, london) || !slices.Contains(first, saoPaulo) {
			t.Errorf("the first Regions are %v, want those of the policies among them", first)
		}
		if all := slices.Sorted(slices.Values(seen.begun)); len(all) != len(slices.Compact(slices.Clone(all))) {
			t.Errorf("some Regions were looked into twice: %v", all)
		}
	})
}

// Where time runs out, it is not always the same Regions that wait.
func TestRegionsTakeTurns(t *testing.T) {
	bubble(t, quiet, func(l *lab) {
		l.expirer.Regions = []string{"eu-central-1", "eu-west-1", "us-east-2", "us-west-2"}
		first := map[string]bool{}
		real := l.expirer.Copies
		for range 12 {
			seen := &listings{Expiring: real}
			l.expirer.Copies = seen
			l.expire(false)
			for _, region := range seen.begun[:3] {
				first[region] = true
			}
			time.Sleep(6 * time.Hour)
		}
		if len(first) <= 3 {
			t.Errorf("in three days these were first: %v", first)
		}
	})
}
