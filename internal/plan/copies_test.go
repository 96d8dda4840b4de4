package plan

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"snapferry/internal/snapshot"
)

// What is kept of a copy is what was read of it.
func TestCopiesComeBack(t *testing.T) {
	list := []snapshot.Snapshot{
		copied("1", 2, 5),
		copied("2", 2, 5, tag(snapshot.TagHold, "x")),
		copied("3", 2, 5, untag(snapshot.TagOrder)),
		copied("4", 2, 5, tag(snapshot.TagSourceTime, "?"), tag(snapshot.TagExpires, "soon")),
		copied("5", 2, 5, tag(snapshot.TagExpires, "never")),
		copied("6", 2, 5, tag(snapshot.TagExpires, "9999-12-31T23:59:59Z"), tag(snapshot.TagSourceTime, "0001-01-01T00:00:01Z")),
		copied("7", 2, 5, tag(snapshot.TagSourceVolume, strings.Repeat("v", 3*namesSize))),
		copied("8", 2, 5, state(snapshot.Failed), func(s *snapshot.Snapshot) { s.StateMessage = "the key is disabled" }),
		{Ref: snapshot.Ref{Region: london, ID: "snap-9"}, State: snapshot.Completed, Encrypted: true, KeyARN: "arn:aws:kms:eu-west-2:222222222222:key/1",
			Started: now, Completed: now.Add(1234 * time.Millisecond)},
	}
	for n := range 2 * blockSize {
		list = append(list, copied(fmt.Sprintf("%08x", n), n%40, n%7))
	}
	var copies Copies
	for _, c := range list {
		copies.Add(c)
	}
	if got, want := copies.Len(), len(list); got != want {
		t.Fatalf("%d copies, want %d", got, want)
	}
	for i, c := range list {
		if diff := gocmp.Diff(factsOf(c), copies.at(i), gocmp.AllowUnexported(facts{})); diff != "" {
			t.Errorf("copy %d: %s", i, diff)
		}
	}
}

// A copy costs no more than its names and times do, however many tags it has: a
// function of 256 MB holds those of several Regions.
func TestCopiesAreSmall(t *testing.T) {
	const many, most = 50_000, 128 // bytes each
	var copies Copies
	before := inUse()
	for n := range many {
		mark := snapshot.Mark{
			Policy: "nightly", Source: snapshot.Ref{Region: "us-east-1", ID: fmt.Sprintf("snap-0%016x", n)},
			SourceAccount: fmt.Sprintf("1111111111%02d", n%40), SourceVolume: fmt.Sprintf("vol-0%016x", n),
			SourceTime: now, Expires: now.AddDate(0, 1, n%30),
		}
		tags := mark.Tags()
		tags["Name"] = strings.Repeat("n", 200)
		copies.Add(snapshot.Snapshot{Ref: snapshot.Ref{Region: saoPaulo, ID: fmt.Sprintf("snap-1%016x", n)}, Description: strings.Repeat("d", 200),
			State: snapshot.Completed, Started: now, Completed: now, Tags: tags})
	}
	if got := (inUse() - before) / many; got > most {
		t.Errorf("a copy takes %d bytes, want %d at most", got, most)
	}
	runtime.KeepAlive(&copies)
}

func inUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
