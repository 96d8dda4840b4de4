// Package snapshot owns the noun: an EBS snapshot as EC2 shows it, and the mark
// that a copy carries in its tags. It decides nothing and calls nothing.
package snapshot

import (
	"fmt"
	"strings"
	"time"
)

// State is the state of a snapshot, in EC2's words.
type State string

// The states that matter here. EC2 has others (recoverable, recovering: in the
// Recycle Bin); a snapshot in one of those can be neither copied nor deleted.
const (
	Pending   State = "pending"
	Completed State = "completed"
	Failed    State = "error"
)

// Archive is the storage tier of a snapshot that can't be copied.
const Archive = "archive"

// NoVolume is the volume that EC2 shows for a snapshot that was not made from
// one, such as every copy.
const NoVolume = "vol-ffffffff"

// Snapshot is one EBS snapshot as EC2 shows it to the account that asked.
type Snapshot struct {
	Ref
	Owner       string // the account, 12 digits
	Volume      string // NoVolume for a copy
	Description string
	State       State
	// StateMessage says why State is Failed. EC2 sets it on healthy pending
	// copies too.
	StateMessage string
	Encrypted    bool
	KeyARN       string
	SizeGiB      int32
	Started      time.Time
	Completed    time.Time // zero unless State is Completed
	Tier         string    // Archive, or standard
	// Tags are those of the account that asked: nobody sees another account's
	// tags on a shared snapshot.
	Tags map[string]string
}

// Healthy says whether s is, or may still become, a usable snapshot.
func (s Snapshot) Healthy() bool { return s.State == Pending || s.State == Completed }

// Lineage is what s is a point in time of: its volume, or itself when it was
// not made from a volume.
func (s Snapshot) Lineage() string {
	if s.Volume == "" || s.Volume == NoVolume {
		return s.ID
	}
	return s.Volume
}

// Ref names a snapshot: ids are unique within a Region.
type Ref struct {
	Region string `json:"region"`
	ID     string `json:"id"`
}

// String is the form of the source tag: region/id.
func (r Ref) String() string { return r.Region + "/" + r.ID }

// ParseRef reads what Ref.String wrote.
func ParseRef(s string) (Ref, error) {
	region, id, ok := strings.Cut(s, "/")
	if !ok || !LooksLikeRegion(region) || !LooksLikeID(id) {
		return Ref{}, fmt.Errorf("%q is not REGION/SNAPSHOT-ID", s)
	}
	return Ref{Region: region, ID: id}, nil
}

const (
	digits  = "0123456789"
	letters = "abcdefghijklmnopqrstuvwxyz"
)

// LooksLikeID says whether s has the form of a snapshot id.
func LooksLikeID(s string) bool {
	number, found := strings.CutPrefix(s, "snap-")
	return found && only(number, digits+"abcdef", 8, 17)
}

// LooksLikeRegion says whether s has the form of a Region's name, in any
// partition. Whether there is such a Region is another question.
func LooksLikeRegion(s string) bool {
	parts := strings.Split(s, "-")
	last := len(parts) - 1
	if last < 2 || !only(parts[0], letters, 2, 5) || !only(parts[last], digits, 1, 2) {
		return false
	}
	for _, part := range parts[1:last] {
		if !only(part, letters, 1, len(part)) {
			return false
		}
	}
	return true
}

// only says whether s is of the characters in set, from least to most of them.
func only(s, set string, least, most int) bool {
	return len(s) >= least && len(s) <= most && strings.Trim(s, set) == ""
}
