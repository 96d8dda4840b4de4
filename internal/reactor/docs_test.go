package reactor_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"snapferry/internal/reactor"
	"snapferry/internal/snapshot"
)

const outcomesDoc = "../../docs/outcomes.md"

// sample is an outcome as docs/outcomes.md shows it.
type sample struct {
	Source     string          `json:"source"`
	DetailType string          `json:"detail-type"`
	Detail     json.RawMessage `json:"detail"`
}

// documented are the samples in docs/outcomes.md, by their kind.
func documented(t *testing.T) map[string]sample {
	t.Helper()
	text, err := os.ReadFile(outcomesDoc)
	if err != nil {
		t.Fatal(err)
	}
	samples := map[string]sample{}
	for _, block := range regexp.MustCompile("(?s)```json\n(.*?)```").FindAllSubmatch(text, -1) {
		var s sample
		if err := strict(block[1], &s); err != nil {
			t.Fatalf("%v in\n%s", err, block[1])
		}
		kind := strings.TrimPrefix(s.DetailType, "Snapshot Copy ")
		if _, twice := samples[kind]; twice || s.Source != "snapferry" {
			t.Errorf("a second sample of %s, or one of source %q", kind, s.Source)
		}
		samples[kind] = s
	}
	return samples
}

// strict decodes JSON in which nothing is unknown.
func strict(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	return d.Decode(v)
}

// fields are the names in a JSON object, sorted.
func fields(t *testing.T, data []byte) []string {
	t.Helper()
	var object map[string]any
	if err := json.Unmarshal(data, &object); err != nil {
		t.Fatal(err)
	}
	return slices.Sorted(maps.Keys(object))
}

// TestDocumentedOutcomes: each kind has a sample, with the fields that an
// outcome of that kind really has.
func TestDocumentedOutcomes(t *testing.T) {
	told := map[string][]outcome{}
	bubble(t, quiet, func(l *lab) {
		hear := func() {
			for _, o := range l.outcomes {
				told[o.Type] = append(told[o.Type], o)
			}
			l.outcomes = nil
		}
		l.shared(owner, "production")
		l.shared(owner, "production")
		l.shared(owner, "staging") // which no policy wants
		time.Sleep(time.Second)
		l.deliver()
		time.Sleep(time.Hour)
		l.deliver()
		l.tag(london, l.own(london)[0].ID, snapshot.TagHold, "case 17")
		var key struct{ KeyMetadata struct{ Arn string } }
		l.do(owner, virginia, "kms", "CreateKey", nil, &key)
		l.shared(owner, "production", "Encrypted", "true", "KmsKeyId", key.KeyMetadata.Arn) // which nobody else may use
		l.deliver()
		time.Sleep(time.Minute)
		l.deliver()
		hear()
		time.Sleep(40 * 24 * time.Hour)
		l.expire(false)
		hear()
	})
	samples := documented(t)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(told)), slices.Sorted(maps.Keys(samples))); diff != "" {
		t.Fatalf("kinds of outcomes (-told +documented):\n%s", diff)
	}
	for kind, s := range samples {
		var o reactor.Outcome
		if err := strict(s.Detail, &o); err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		if o.Cause != "" && o.Fix != reactor.Fix(o.Cause) {
			t.Errorf("%s: the fix is %q, want %q", kind, o.Fix, reactor.Fix(o.Cause))
		}
		again, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		want := fields(t, s.Detail)
		if got := fields(t, again); !slices.Equal(got, want) {
			t.Errorf("%s: the sample has fields without a value: %q, of which %q count", kind, want, got)
		}
		alike := func(o outcome) bool { return slices.Equal(fields(t, o.Raw), want) }
		if !slices.ContainsFunc(told[kind], alike) {
			t.Errorf("%s: the sample has the fields %q, and none told has: %s", kind, want, told[kind][0].Raw)
		}
	}
}

// TestDocumentedFields: the table of docs/outcomes.md has the fields that there
// are.
func TestDocumentedFields(t *testing.T) {
	text, err := os.ReadFile(outcomesDoc)
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "| field | meaning |\n")
	table, _, _ = strings.Cut(table, "\n\n")
	var got, want []string
	for row := range strings.Lines(table) {
		for _, name := range regexp.MustCompile("`([a-zA-Z]+)`").FindAllStringSubmatch(strings.Split(row, "|")[1], -1) {
			got = append(got, name[1])
		}
	}
	for field := range reflect.TypeFor[reactor.Outcome]().Fields() {
		if name, _, _ := strings.Cut(field.Tag.Get("json"), ","); name != "-" {
			want = append(want, name)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("fields (-code +documented):\n%s", diff)
	}
}
