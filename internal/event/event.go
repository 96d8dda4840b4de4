// Package event turns the bytes that EventBridge delivers into values: a share,
// a copy's result, a wake-up, or something that is not for us. It owns the
// patterns of the EventBridge rules, so that what a rule lets through is what
// the decoder reads.
//
// It believes nothing: an event is a hint where to look. Owner, description,
// state and encryption come from EC2.
package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"snapferry/internal/snapshot"
)

// What the rules match and the decoder reads.
const (
	sourceEC2          = "aws.ec2"
	detailNotification = "EBS Snapshot Notification"
	eventShare         = "shareSnapshot"
	eventCopy          = "copySnapshot"
	resultSucceeded    = "succeeded"

	sourceOwn       = "snapferry"
	detailWakeUp    = "Wake-Up"
	detailUnsettled = "Copies Unsettled"
)

// An Event is a Share, a CopyResult, a WakeUp, an Unsettled, a Test or Ignored.
type Event interface{ event() }

// Share says that a snapshot was shared with this account.
type Share struct {
	Snapshot snapshot.Ref
	// Account is who shared it, as the event claims; empty if it does not say.
	Account string
	// Time is when, zero if the event does not say so in a way we can read.
	Time time.Time
}

// CopyResult says that a copy has ended.
type CopyResult struct {
	Copy   snapshot.Ref
	Source snapshot.Ref // zero if the event does not name it
	// Succeeded is what the event claims.
	Succeeded bool
	Cause     string
}

// WakeUp asks to drain the orders of a Region. reconcile sends it.
type WakeUp struct{ Region string }

// Unsettled names copies in a Region that have ended without anybody having been
// told, because the event of their result was lost. reconcile sends it.
type Unsettled struct {
	Region string   `json:"region"`
	Copies []string `json:"copies"`
}

// Ignored is an event that is none of our business, with the reason.
type Ignored struct{ Reason string }

func (Share) event()      {}
func (CopyResult) event() {}
func (WakeUp) event()     {}
func (Unsettled) event()  {}
func (Ignored) event()    {}

// envelope is what all EventBridge events have. Every field is optional here:
// what is missing is named when it is needed.
type envelope struct {
	Source     string          `json:"source"`
	DetailType string          `json:"detail-type"`
	Region     text            `json:"region"`
	Time       text            `json:"time"`
	Resources  texts           `json:"resources"`
	Detail     json.RawMessage `json:"detail"`
}

type detail struct {
	Event      string `json:"event"`
	Result     text   `json:"result"`
	Cause      text   `json:"cause"`
	SnapshotID text   `json:"snapshot_id"`
	Source     text   `json:"source"`
	EndTime    text   `json:"endTime"`
}

// Decode reads one EventBridge event. An event that is not for us is Ignored;
// an error means that data can't be read, or is for us and lacks what is needed
// to act on it.
func Decode(data []byte) (Event, error) {
	var e envelope
	if err := unmarshal(data, &e); err != nil {
		return nil, fmt.Errorf("read event: %w", err)
	}
	switch {
	case e.Source == "" && e.DetailType == "":
		return nil, errors.New("read event: it has neither source nor detail-type: not an EventBridge event")
	case e.Source == sourceOwn && e.DetailType == detailWakeUp:
		return decodeWakeUp(e)
	case e.Source == sourceOwn && e.DetailType == detailUnsettled:
		return decodeUnsettled(e)
	case e.Source == sourceTest:
		return decodeTest(e), nil
	case e.Source != sourceEC2:
		return Ignored{fmt.Sprintf("source is %q, not %q", e.Source, sourceEC2)}, nil
	case e.DetailType != detailNotification:
		return Ignored{fmt.Sprintf("detail-type is %q, not %q", e.DetailType, detailNotification)}, nil
	}
	var d detail
	if err := unmarshal(e.Detail, &d); err != nil {
		return nil, fmt.Errorf("read event: detail: %w", err)
	}
	switch d.Event {
	case eventShare:
		return decodeShare(e, d)
	case eventCopy:
		return decodeCopy(e, d)
	case "":
		return nil, errors.New("read event: detail.event is missing")
	}
	return Ignored{fmt.Sprintf("detail.event is %q, neither %q nor %q", d.Event, eventShare, eventCopy)}, nil
}

func decodeShare(e envelope, d detail) (Event, error) {
	if d.Result != resultSucceeded {
		return Ignored{fmt.Sprintf("%s with result %q: nothing was shared", eventShare, d.Result)}, nil
	}
	ref, err := subject(e, d)
	if err != nil {
		return nil, fmt.Errorf("read %s event: %w", eventShare, err)
	}
	when := parseTime(string(d.EndTime))
	if when.IsZero() {
		when = parseTime(string(e.Time))
	}
	return Share{Snapshot: ref, Account: account(string(d.Source)), Time: when}, nil
}

func decodeCopy(e envelope, d detail) (Event, error) {
	ref, err := subject(e, d)
	if err != nil {
		return nil, fmt.Errorf("read %s event: %w", eventCopy, err)
	}
	// The source only adds to what we tell people: its absence is no error.
	source, err := refOf(string(d.Source), "")
	if err != nil {
		source = snapshot.Ref{}
	}
	return CopyResult{Copy: ref, Source: source, Succeeded: d.Result == resultSucceeded, Cause: string(d.Cause)}, nil
}

// subject is the snapshot that an event is about: detail.snapshot_id, or else
// the first resource.
func subject(e envelope, d detail) (snapshot.Ref, error) {
	ref, err := refOf(string(d.SnapshotID), string(e.Region))
	if err == nil {
		return ref, nil
	}
	if len(e.Resources) > 0 {
		if ref, second := refOf(string(e.Resources[0]), string(e.Region)); second == nil {
			return ref, nil
		}
	}
	return snapshot.Ref{}, fmt.Errorf("detail.snapshot_id: %w", err)
}

// refOf reads a snapshot's ARN, or its bare id. Amazon's EBS events carry ARNs
// with the Region in the account's place (arn:aws:ec2::us-west-2:snapshot/…);
// other texts of Amazon's have it where it belongs. Whichever of the two fields
// looks like a Region is it, else the envelope's.
func refOf(arn, region string) (snapshot.Ref, error) {
	if arn == "" {
		return snapshot.Ref{}, errors.New("missing")
	}
	id := arn[strings.LastIndexByte(arn, '/')+1:]
	if !snapshot.LooksLikeID(id) {
		return snapshot.Ref{}, fmt.Errorf("%q names no snapshot", arn)
	}
	if fields := strings.SplitN(arn, ":", 6); len(fields) == 6 {
		for _, field := range fields[3:5] {
			if snapshot.LooksLikeRegion(field) {
				return snapshot.Ref{Region: field, ID: id}, nil
			}
		}
	}
	if !snapshot.LooksLikeRegion(region) {
		return snapshot.Ref{}, fmt.Errorf("%q names no Region, nor does the event", arn)
	}
	return snapshot.Ref{Region: region, ID: id}, nil
}

func decodeWakeUp(e envelope) (Event, error) {
	var d struct {
		Region string `json:"region"`
	}
	if err := unmarshal(e.Detail, &d); err != nil {
		return nil, fmt.Errorf("read %s event: detail: %w", detailWakeUp, err)
	}
	if !snapshot.LooksLikeRegion(d.Region) {
		return nil, fmt.Errorf("read %s event: detail.region %q is not a Region", detailWakeUp, d.Region)
	}
	return WakeUp{Region: d.Region}, nil
}

func decodeUnsettled(e envelope) (Event, error) {
	var u Unsettled
	if err := unmarshal(e.Detail, &u); err != nil {
		return nil, fmt.Errorf("read %s event: detail: %w", detailUnsettled, err)
	}
	if !snapshot.LooksLikeRegion(u.Region) {
		return nil, fmt.Errorf("read %s event: detail.region %q is not a Region", detailUnsettled, u.Region)
	}
	for _, id := range u.Copies {
		if !snapshot.LooksLikeID(id) {
			return nil, fmt.Errorf("read %s event: detail.copies: %q is not a snapshot", detailUnsettled, id)
		}
	}
	return u, nil
}

// Bytes is the event that Decode reads back.
func (w WakeUp) Bytes() []byte { return own(detailWakeUp, map[string]string{"region": w.Region}) }

// Bytes is the event that Decode reads back.
func (u Unsettled) Bytes() []byte { return own(detailUnsettled, u) }

func own(detailType string, detail any) []byte {
	data, err := json.Marshal(map[string]any{
		"source":      sourceOwn,
		"detail-type": detailType,
		"detail":      detail,
	})
	if err != nil {
		panic(err) // strings always marshal
	}
	return data
}

// bareAccount finds an account number with leading zeros, as Amazon's own
// documentation prints it: not valid JSON.
const bareAccount = `("source"\s*:\s*)(0\d{1,11})(\s*[,}])`

// unmarshal reads JSON, and JSON that is broken only as Amazon's examples are.
func unmarshal(data []byte, into any) error {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if len(bytes.TrimSpace(data)) == 0 {
		return errors.New("empty")
	}
	err := json.Unmarshal(data, into)
	if _, broken := errors.AsType[*json.SyntaxError](err); !broken {
		return err
	}
	if repaired := regexp.MustCompile(bareAccount).ReplaceAll(data, []byte(`$1"$2"$3`)); json.Valid(repaired) {
		return json.Unmarshal(repaired, into)
	}
	return err
}

// text is a JSON string, or a number as it is written, or nothing.
type text string

func (t *text) UnmarshalJSON(data []byte) error {
	var s string
	if json.Unmarshal(data, &s) == nil {
		*t = text(s)
		return nil
	}
	var n json.Number
	if json.Unmarshal(data, &n) == nil {
		*t = text(n)
	}
	return nil // another type tells us nothing, and we need nothing from it
}

// texts is a JSON list of which only strings and numbers count; anything else is
// an empty list.
type texts []text

func (t *texts) UnmarshalJSON(data []byte) error {
	var list []text
	if json.Unmarshal(data, &list) == nil {
		*t = list
	}
	return nil
}

// account is s as an account id: a number lost its leading zeros on the way.
func account(s string) string {
	if len(s) == 0 || len(s) > 12 {
		return ""
	}
	for _, c := range s {
		if c < '0' || c > '9' {
			return ""
		}
	}
	return strings.Repeat("0", 12-len(s)) + s
}

// layouts are the forms of time seen in Amazon's events and texts.
var layouts = []string{
	time.RFC3339,
	"2006-01-02T15:04:05Z0700",
	"2006-01-02T15:04:05",
	"2006-01-02 15:04:05",
	"Mon Jan _2 15:04:05 MST 2006",
	time.RFC1123,
	time.RFC1123Z,
}

// parseTime is lenient: a time we can't read is no time, never an error.
func parseTime(s string) time.Time {
	for _, layout := range layouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}
