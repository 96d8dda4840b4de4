package policy

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzParse holds Parse to its promises over any bytes: an answer, always the
// same; a usable policy or problems, never both; problems of one line each.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/good/*.json", "testdata/bad/*.json"} {
		for _, file := range fixtures(f, pattern) {
			f.Add(contents(f, file))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, problems := Parse("dir/fuzz.json", data)
		again, problemsAgain := Parse("dir/fuzz.json", data)
		if diff := cmp.Diff(p, again) + cmp.Diff(problems, problemsAgain); diff != "" {
			t.Errorf("a second time: %s", diff)
		}
		if len(problems) == 0 {
			usable(t, p)
			if !json.Valid(data) {
				t.Error("no problems with what is not JSON")
			}
			return
		}
		if diff := cmp.Diff(Policy{}, p); diff != "" {
			t.Errorf("a policy beside problems: %s", diff)
		}
		for _, problem := range problems {
			line := problem.String()
			if !oneLine(line) || !strings.HasPrefix(line, "dir/fuzz.json: $") {
				t.Errorf("not one line, file: path: text: %q", line)
			}
			if problem.Text == "" || problem.Path == "" {
				t.Errorf("without text or path: %+v", problem)
			}
		}
	})
}
