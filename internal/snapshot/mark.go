package snapshot

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Prefix starts the key of every tag of snapferry's own.
const Prefix = "snapferry:"

// The tags of a mark, and two that come beside it: Settled, which says whether
// the end of the copy has been told, and Hold, which a person sets, with any
// value: nothing that has it is deleted.
const (
	TagOrder         = Prefix + "order"
	TagPolicy        = Prefix + "policy"
	TagSource        = Prefix + "source"
	TagSourceAccount = Prefix + "source-account"
	TagSourceVolume  = Prefix + "source-volume"
	TagSourceTime    = Prefix + "source-time"
	TagExpires       = Prefix + "expires"
	TagLineage       = Prefix + "lineage"
	TagSettled       = Prefix + "settled"
	TagHold          = Prefix + "hold"
)

// never is the value of TagExpires on a copy without an end.
const never = "never"

// Mark says which order made a copy, from what, and when the copy expires. It
// travels as tags in the CopySnapshot call itself, so that no copy is ever
// without it, and it is snapferry's only state.
type Mark struct {
	Policy        string
	Source        Ref
	SourceAccount string
	SourceVolume  string
	SourceTime    time.Time
	Expires       time.Time // zero: never
}

// OrderKey names an order within a target Region: the policy and the source.
func OrderKey(policy, sourceID string) string { return policy + "/" + sourceID }

// Order is the key of the order that made the copy.
func (m Mark) Order() string { return OrderKey(m.Policy, m.Source.ID) }

// Lineage is what the copy is a point in time of, as Snapshot.Lineage of its
// source.
func (m Mark) Lineage() string {
	return Snapshot{Ref: m.Source, Volume: m.SourceVolume}.Lineage()
}

// Kin is the value of TagLineage: policy, volume and source, from the general to
// the particular, so that one search by "policy/volume/*" and "*/source" finds
// the copies of a lineage and those of a source.
func (m Mark) Kin() string { return m.Group() + "/" + m.Source.ID }

// Group is the part of Kin that the copies of one lineage share.
func (m Mark) Group() string { return m.Policy + "/" + m.Lineage() }

// Tags is the mark as tags. ParseMark reads them back.
func (m Mark) Tags() map[string]string {
	expires := never
	if !m.Expires.IsZero() {
		expires = m.Expires.UTC().Format(time.RFC3339)
	}
	return map[string]string{
		TagOrder:         m.Order(),
		TagPolicy:        m.Policy,
		TagSource:        m.Source.String(),
		TagSourceAccount: m.SourceAccount,
		TagSourceVolume:  m.SourceVolume,
		TagSourceTime:    m.SourceTime.UTC().Format(time.RFC3339),
		TagExpires:       expires,
		TagLineage:       m.Kin(),
	}
}

// ErrNoMark is ParseMark's answer for a snapshot that snapferry did not make.
var ErrNoMark = errors.New("not marked")

// ParseMark reads the mark among tags. It returns ErrNoMark when there is none
// (no order tag), and an error naming each tag that can't be read when there is
// one that snapferry would not have written: such a copy must be left alone.
func ParseMark(tags map[string]string) (Mark, error) {
	order, marked := tags[TagOrder]
	if !marked {
		return Mark{}, ErrNoMark
	}
	var problems []string
	problem := func(key, want string) {
		value, there := tags[key]
		if !there {
			problems = append(problems, fmt.Sprintf("tag %s is missing", key))
			return
		}
		problems = append(problems, fmt.Sprintf("tag %s is %q, want %s", key, value, want))
	}
	m := Mark{
		Policy:        tags[TagPolicy],
		SourceAccount: tags[TagSourceAccount],
		SourceVolume:  tags[TagSourceVolume],
	}
	var err error
	if m.Policy == "" {
		problem(TagPolicy, "a policy's name")
	}
	if m.Source, err = ParseRef(tags[TagSource]); err != nil {
		problem(TagSource, "REGION/SNAPSHOT-ID")
	}
	if !isAccount(m.SourceAccount) {
		problem(TagSourceAccount, "12 digits")
	}
	if m.SourceVolume == "" {
		problem(TagSourceVolume, "a volume id")
	}
	if m.SourceTime, err = parseTime(tags[TagSourceTime]); err != nil {
		problem(TagSourceTime, "an RFC 3339 time")
	}
	if expires := tags[TagExpires]; expires != never {
		if m.Expires, err = parseTime(expires); err != nil {
			problem(TagExpires, "an RFC 3339 time or "+never)
		}
	}
	if len(problems) == 0 && order != m.Order() {
		problem(TagOrder, fmt.Sprintf("%q, as the policy and source tags say", m.Order()))
	}
	if len(problems) > 0 {
		return Mark{}, fmt.Errorf("unreadable mark: %s", strings.Join(problems, "; "))
	}
	return m, nil
}

// Held says whether a person has put a hold on the snapshot with these tags.
// People type tags by hand: the case of the letters does not count.
func Held(tags map[string]string) bool {
	for key := range tags {
		if strings.EqualFold(strings.TrimSpace(key), TagHold) {
			return true
		}
	}
	return false
}

// Reserved says whether key may be set only by snapferry or by Amazon.
func Reserved(key string) bool {
	return beginsWith(key, Prefix) || beginsWith(key, "aws:")
}

// beginsWith compares as Held does: without regard to case or leading blanks.
func beginsWith(key, prefix string) bool {
	letters := []rune(strings.TrimSpace(key))
	return len(letters) >= len(prefix) && strings.EqualFold(string(letters[:len(prefix)]), prefix)
}

func parseTime(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, s)
	if err == nil && t.IsZero() {
		err = errors.New("the year 1 means nothing")
	}
	return t.UTC(), err
}

func isAccount(s string) bool {
	if len(s) != 12 {
		return false
	}
	for _, c := range s {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
