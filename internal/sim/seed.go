package sim

import (
	"cmp"
	"fmt"
	"maps"
	"strings"
	"time"
)

// Seed is a snapshot that is there without anybody having made it.
type Seed struct {
	Region, ID  string
	Owner       string // default 000000000000
	Description string
	GiB         int       // default 1
	Volume      string    // default: one that nothing else is a snapshot of
	Started     time.Time // default: now
	State       string    // default completed; or error
	Message     string    // why it is in state error
	KeyARN      string    // the key that it is encrypted under; default: it is not encrypted
	SharedWith  []string
	Tags        map[string]string // as the owner sees them
}

// AddSnapshot puts a snapshot into the world, under an id of the caller's
// choice, as if it had been made and shared a moment ago. It sends no event.
func (w *World) AddSnapshot(s Seed) (err error) {
	w.step(func(now time.Time) { err = w.ec2.seed(now, s) })
	return err
}

func (e *ec2) seed(now time.Time, seed Seed) error {
	if seed.Owner == "" {
		seed.Owner = defaultAccount
	}
	for _, account := range append([]string{seed.Owner}, seed.SharedWith...) {
		if !accountID.MatchString(account) {
			return fmt.Errorf("add snapshot %q: %q is not an account: 12 digits", seed.ID, account)
		}
	}
	if !validSource(seed.ID) {
		return fmt.Errorf("add snapshot %q: the id is not like snap-0123456789abcdef0", seed.ID)
	}
	if !e.knows(seed.Region) {
		return fmt.Errorf("add snapshot %s: there is no Region %q", seed.ID, seed.Region)
	}
	state := cmp.Or(seed.State, "completed")
	if state != "completed" && state != "error" {
		return fmt.Errorf("add snapshot %s: state %q is neither completed nor error", seed.ID, state)
	}
	in := e.region(seed.Region)
	if in.snapshots[seed.ID] != nil {
		return fmt.Errorf("add snapshot %s: %s has it already", seed.ID, seed.Region)
	}
	s := &ebsSnapshot{
		resource:    e.newResource(in, "snap", "snapshot", seed.Owner),
		in:          in,
		volume:      "vol-0" + e.w.hexID(16),
		description: seed.Description,
		start:       now,
		ready:       now,
		now: snapshotFacts{exists: true, state: state, message: seed.Message, gib: max(seed.GiB, 1),
			encrypted: seed.KeyARN != "", key: seed.KeyARN, shares: map[string]time.Time{}},
	}
	s.id = seed.ID
	if seed.Volume != "" {
		s.volume = seed.Volume
	}
	if !seed.Started.IsZero() {
		s.start, s.ready = seed.Started, seed.Started
	}
	if state == "completed" {
		s.now.completed = s.ready
	}
	if len(seed.Tags) > 0 {
		s.sheet(in, s.owner).now = maps.Clone(seed.Tags)
	}
	// Shared for long enough that no lag of the world's hides it.
	since := now.Add(-e.w.options.ShareLag)
	for _, account := range seed.SharedWith {
		s.now.shares[account] = since
	}
	in.snapshots[s.id] = s
	in.owned[s.owner]++
	s.reveal()
	return nil
}

// AddKey puts a symmetric key into the world under an ARN of the caller's
// choice, with the default policy: its account may do everything. A key that is
// there already stays as it is.
func (w *World) AddKey(arn string) error {
	fields := strings.SplitN(arn, ":", 6)
	if len(fields) != 6 || fields[2] != "kms" || fields[3] == "" || !accountID.MatchString(fields[4]) || !strings.HasPrefix(fields[5], "key/") {
		return fmt.Errorf("add key %q: it is not like arn:aws:kms:REGION:ACCOUNT:key/ID", arn)
	}
	text := defaultKeyPolicy(fields[4])
	policy, problem := parseKeyPolicy(text)
	if problem != nil {
		return fmt.Errorf("add key %s: %w", arn, problem)
	}
	w.step(func(now time.Time) {
		if w.kms.keys[arn] != nil {
			return
		}
		key := w.kms.add(place{fields[4], fields[3]}, now, text, policy)
		delete(w.kms.keys, key.arn)
		key.id, key.arn = strings.TrimPrefix(fields[5], "key/"), arn
		w.kms.keys[arn] = key
	})
	return nil
}
