package blueprint

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestGuardDoc: the table of docs/guard.md has every statement, in their order, and
// no other.
func TestGuardDoc(t *testing.T) {
	guard, problems := guarded(t, []string{"Deploy"}, []string{"BackupOperator"})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	var want, got []string
	for _, p := range guard.Policies {
		for _, s := range p.Statements {
			want = append(want, s.Sid)
		}
	}
	for line := range strings.Lines(string(contents(t, "../../docs/guard.md"))) {
		if columns := strings.Split(line, "|"); len(columns) == 5 {
			for _, sid := range regexp.MustCompile("`([A-Za-z]+)`").FindAllStringSubmatch(columns[1], -1) {
				got = append(got, sid[1])
			}
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("docs/guard.md has %q, want %q", got, want)
	}
}
