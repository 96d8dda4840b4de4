package snapshot

import (
	"errors"
	"maps"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var mark = Mark{
	Policy:        "nightly",
	Source:        Ref{Region: "us-east-1", ID: "snap-0123456789abcdef0"},
	SourceAccount: "111111111111",
	SourceVolume:  "vol-0123456789abcdef0",
	SourceTime:    time.Date(2026, 9, 25, 15, 24, 9, 0, time.UTC),
	Expires:       time.Date(2026, 10, 25, 15, 30, 0, 0, time.UTC),
}

func TestMarkComesBack(t *testing.T) {
	for name, change := range map[string]func(*Mark){
		"as it is":            func(*Mark) {},
		"never expires":       func(m *Mark) { m.Expires = time.Time{} },
		"not from a volume":   func(m *Mark) { m.SourceVolume = NoVolume },
		"GovCloud":            func(m *Mark) { m.Source.Region = "us-gov-west-1" },
		"an isolated Region":  func(m *Mark) { m.Source.Region = "us-iso-east-1" },
		"the sovereign cloud": func(m *Mark) { m.Source.Region = "eusc-de-east-1" },
	} {
		t.Run(name, func(t *testing.T) {
			want := mark
			change(&want)
			got, err := ParseMark(want.Tags())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// EC2 allows 50 tags, of which 40 are promised to the user.
func TestMarkLeavesRoom(t *testing.T) {
	tags := mark.Tags()
	if got := len(tags) + 1; got > 10 { // the hold
		t.Errorf("a mark and a hold are %d tags, want 10 at most", got)
	}
	for key := range tags {
		if !strings.HasPrefix(key, Prefix) || !Reserved(key) {
			t.Errorf("tag %s is not under the reserved prefix %s", key, Prefix)
		}
	}
}

func TestParseMarkRefuses(t *testing.T) {
	if _, err := ParseMark(map[string]string{"Name": "mine"}); !errors.Is(err, ErrNoMark) {
		t.Errorf("ParseMark of no mark = %v, want ErrNoMark", err)
	}
	for name, test := range map[string]struct {
		key, value string // value "-" removes the tag
		want       string
	}{
		"an expiry that is no time":      {TagExpires, "soon", TagExpires},
		"an empty expiry":                {TagExpires, "", TagExpires},
		"no expiry":                      {TagExpires, "-", TagExpires + " is missing"},
		"Never with a capital":           {TagExpires, "Never", TagExpires},
		"an expiry without a zone":       {TagExpires, "2026-10-25T15:30:00", TagExpires},
		"an expiry in the year 1":        {TagExpires, "0001-01-01T00:00:00Z", TagExpires},
		"an expiry with blanks":          {TagExpires, " 2026-10-25T15:30:00Z", TagExpires},
		"a source without a Region":      {TagSource, "snap-0123456789abcdef0", TagSource},
		"another policy than the order":  {TagPolicy, "weekly", TagOrder},
		"another source than the order":  {TagSource, "us-east-1/snap-0aaaaaaaaaaaaaaaa", TagOrder},
		"an order of something else":     {TagOrder, "nightly/snap-0aaaaaaaaaaaaaaaa", TagOrder},
		"no policy":                      {TagPolicy, "-", TagPolicy + " is missing"},
		"an account that is not one":     {TagSourceAccount, "1111", TagSourceAccount},
		"no source time":                 {TagSourceTime, "-", TagSourceTime},
		"no source volume":               {TagSourceVolume, "-", TagSourceVolume},
		"an expiry that is a plain date": {TagExpires, "2026-10-25", TagExpires},
	} {
		t.Run(name, func(t *testing.T) {
			tags := maps.Clone(mark.Tags())
			tags[test.key] = test.value
			if test.value == "-" {
				delete(tags, test.key)
			}
			got, err := ParseMark(tags)
			if err == nil || errors.Is(err, ErrNoMark) {
				t.Fatalf("ParseMark = %+v, %v; want an error about %s", got, err, test.want)
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %q does not name %q", err, test.want)
			}
			if got != (Mark{}) {
				t.Errorf("a mark comes with the error: %+v", got)
			}
		})
	}
}

func TestHeld(t *testing.T) {
	for key, want := range map[string]bool{
		"snapferry:hold":  true,
		"Snapferry:Hold":  true,
		"snapferry:hold ": true,
		"hold":            false,
		"snapferry:holds": false,
	} {
		if got := Held(map[string]string{key: ""}); got != want {
			t.Errorf("Held with tag %q = %v, want %v", key, got, want)
		}
	}
}

func TestLineage(t *testing.T) {
	for volume, want := range map[string]string{
		"vol-0123456789abcdef0": "vol-0123456789abcdef0",
		NoVolume:                "snap-1",
		"":                      "snap-1",
	} {
		if got := (Snapshot{Ref: Ref{ID: "snap-1"}, Volume: volume}).Lineage(); got != want {
			t.Errorf("lineage of volume %q = %q, want %q", volume, got, want)
		}
	}
}

func TestReserved(t *testing.T) {
	for key, want := range map[string]bool{"aws:x": true, "AWS:x": true, "snapferry:x": true, "Snapferry:x": true, " snapferry:hold": true, "\u017fnapferry:hold": true, "team": false, "snap": false, "": false} {
		if got := Reserved(key); got != want {
			t.Errorf("Reserved(%q) = %v, want %v", key, got, want)
		}
	}
}

// Whatever the tags are, a mark that is read is the mark that would be written.
func FuzzParseMark(f *testing.F) {
	tags := mark.Tags()
	f.Add(tags[TagOrder], tags[TagPolicy], tags[TagSource], tags[TagSourceAccount], tags[TagSourceVolume], tags[TagSourceTime], tags[TagExpires])
	f.Add("a/b", "a", "us-east-1/b", "1", "", "now", never)
	f.Add("p/snap-01234567", "p", "us-east-1/snap-01234567", "111111111111", "vol-1", "2026-09-25T15:24:09+02:00", never)
	f.Fuzz(func(t *testing.T, order, policy, source, account, volume, at, expires string) {
		got, err := ParseMark(map[string]string{
			TagOrder: order, TagPolicy: policy, TagSource: source, TagSourceAccount: account,
			TagSourceVolume: volume, TagSourceTime: at, TagExpires: expires,
		})
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("the error has more than one line: %q", err)
			}
			return
		}
		again, err := ParseMark(got.Tags())
		if err != nil {
			t.Fatalf("what was written is not read: %v", err)
		}
		if diff := cmp.Diff(got.Tags(), again.Tags()); diff != "" {
			t.Error(diff)
		}
	})
}

// The forms of ids and Regions, as people would write them down. To compile them
// would take a good part of a function's start.
func TestLooksLike(t *testing.T) {
	id := regexp.MustCompile(`^snap-[0-9a-f]{8,17}$`)
	region := regexp.MustCompile(`^[a-z]{2,5}(-[a-z]+)+-\d{1,2}$`)
	said := map[bool]int{}
	for _, s := range []string{
		"", "-", "snap-", "snap-0123456", "snap-01234567", "snap-0123456789abcdef0", "snap-0123456789abcdef01", "snap-0123456g", "snap-0123456é",
		"SNAP-01234567", "snap-0123456A", "snap-0123-4567", "snap-01234567\n", "xsnap-01234567", "vol-01234567",
		"us-east-1", "us-gov-west-1", "eusc-de-east-1", "us-isob-east-1", "ap-southeast-12", "ap-southeast-123", "us-east-", "us-east", "us-1", "us--1",
		"u-east-1", "abcdef-east-1", "abcde-e-1", "us-east--1", "us-east1-1", "1s-east-1", "us-East-1", "us-east-1a", "us-east-1\n", "-us-east-1", "us-éast-1",
		"us-east-\u0661", "us east-1", "a-b-c-1", "aa-b-c-d-1", "aa-1-b-1",
	} {
		if got, want := LooksLikeID(s), id.MatchString(s); got != want {
			t.Errorf("LooksLikeID(%q) = %v, want %v", s, got, want)
		}
		if got, want := LooksLikeRegion(s), region.MatchString(s); got != want {
			t.Errorf("LooksLikeRegion(%q) = %v, want %v", s, got, want)
		}
		said[LooksLikeID(s) || LooksLikeRegion(s)]++
	}
	if said[true] < 8 || said[false] < 20 {
		t.Errorf("%d texts have one of the forms and %d have not: too few to tell", said[true], said[false])
	}
}
