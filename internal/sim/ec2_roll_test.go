package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type numbered struct{ n int }

func (n *numbered) sequence() int { return n.n }

// A roll must agree with a sorted set, whatever is added and removed in
// whatever order, and must not keep more than twice what it holds.
func TestRoll(t *testing.T) {
	chance := rand.New(rand.NewPCG(1, 2))
	items := make([]*numbered, 60)
	for i := range items {
		items[i] = &numbered{i + 1}
	}
	rolls := []*roll[*numbered]{{}, {}, nil}
	models := []map[int]bool{{}, {}, {}}
	for range 20_000 {
		which, item := chance.IntN(2), items[chance.IntN(len(items))]
		if chance.IntN(2) == 0 {
			rolls[which].add(item)
			models[which][item.n] = true
		} else {
			rolls[which].remove(item)
			delete(models[which], item.n)
		}
		if got, want := rolls[which].len(), len(models[which]); got != want {
			t.Fatalf("len: got %d, want %d", got, want)
		}
		if kept := len(rolls[which].items); kept > 2*len(models[which])+1 || kept != len(rolls[which].state) {
			t.Fatalf("kept %d items and %d states for %d members", kept, len(rolls[which].state), len(models[which]))
		}
		after := chance.IntN(len(items)) - 1
		var got, want []int
		for item := range merged(after, rolls) {
			got = append(got, item.n)
		}
		for _, item := range items {
			if item.n > after && (models[0][item.n] || models[1][item.n]) {
				want = append(want, item.n)
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("after %d: got %v, want %v", after, got, want)
		}
	}
}

func TestTagIndex(t *testing.T) {
	bubble(t, "an index of tags holds what is tagged so now, and nothing else", Options{}, func(l *lab) {
		id := l.newSnapshot(owner, east, l.newVolume(owner, east))
		in := l.w.ec2.region(east)
		indexed := func() []string {
			keys := []string{}
			for index := range in.byTag {
				keys = append(keys, fmt.Sprint(index.key, "=", index.value))
			}
			for index := range in.byTagKey {
				keys = append(keys, index.key)
			}
			slices.Sort(keys)
			return keys
		}
		steps := []struct {
			action string
			pairs  []string
			want   []string
		}{
			{"CreateTags", []string{"Tag.1.Key", "a", "Tag.1.Value", "1", "Tag.2.Key", "b"}, []string{"a", "a=1", "b", "b="}},
			{"CreateTags", []string{"Tag.1.Key", "a", "Tag.1.Value", "2"}, []string{"a", "a=2", "b", "b="}},
			{"DeleteTags", []string{"Tag.1.Key", "b"}, []string{"a", "a=2"}},
			{"DeleteSnapshot", []string{"SnapshotId", id}, []string{}},
		}
		for _, step := range steps {
			l.ec2(owner, east, step.action, append(step.pairs, "ResourceId.1", id)...)
			if diff := cmp.Diff(step.want, indexed()); diff != "" {
				t.Errorf("after %s (-want +got):\n%s", step.action, diff)
			}
		}
	})
}
