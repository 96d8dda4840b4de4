package policy

import (
	"regexp"
	"strings"
	"testing"
)

func TestFilterMatch(t *testing.T) {
	const made = "Created for policy: policy-0123456789abcdef0 schedule: Daily"
	for _, test := range []struct {
		filter, description string
		want                bool
	}{
		{".*", "", true},
		{".*", "two\nlines", true},
		{".+", "", false},
		{"^$", "", true},
		{"^$", "\n", false},
		{"Created for policy: policy-0123456789abcdef0.*", made, true},
		{"Created for policy: policy-0123456789abcdef0", made, false},
		{"^.*Created for policy: policy-0123456789abcdef0.*$", made, true},
		{".*production.*", "my production db", true},
		{"production", "my production db", false},
		{"production", "production", true},
		{"prod", "production", false},
		{"duction", "production", false},
		{"^production$", "production", true},
		{`\Aproduction\z`, "production", true},
		{"prod$uction", "production", false},
		{"production", "production\n", false},
		{".*Production.*", "production", false},
		{"(?i).*Production.*", "my PRODUCTION db", true},
		{"(?-s).*", "two\nlines", false},
		{"a.b", "a\nb", true},
		{"(?m)^two$.*", "two\nlines", true},
		{"(?m)^lines$", "two\nlines", false},
		// Whole alternatives, and the one that reaches the end, not the first.
		{"a|b", "a", true},
		{"a|b", "b", true},
		{"a|b", "ab", false},
		{"a|ab", "ab", true},
		{"(a|ab)(c|bcd)", "abcd", true},
		{"(?i)a|b", "B", true},
		{"a|.b", "\nb", true},
		{"(?:)|x", "x", true},
		{"a*?", "aaa", true},
		{"(?U)a+", "aaa", true},
		{`\Qa.b`, "a.b", true},
		{`\Qa.b`, "axb", false},
		{`\Qa)\E|b`, "b", true},
		{"é+", "éé", true},
		{".", "é", true},
		{".", "\xff", true},
	} {
		filter, err := ParseFilter(test.filter)
		if err != nil {
			t.Errorf("%s: %v", test.filter, err)
			continue
		}
		if got := filter.Match(test.description); got != test.want {
			t.Errorf("%q matches %q: got %v, want %v", test.filter, test.description, got, test.want)
		}
		if got := filter.String(); got != test.filter {
			t.Errorf("String: got %q, want %q", got, test.filter)
		}
		// The textbook way agrees wherever it applies.
		if wrapped, err := regexp.Compile(`\A(?s:` + test.filter + `)\z`); err == nil {
			if got := wrapped.MatchString(test.description); got != test.want {
				t.Errorf("wrapped %q matches %q: got %v, want %v", test.filter, test.description, got, test.want)
			}
		}
	}
}

func TestZeroFilter(t *testing.T) {
	if (Filter{}).Match("") {
		t.Error("the zero filter matches")
	}
	empty, err := ParseFilter("")
	if err != nil {
		t.Fatal(err)
	}
	if empty.Equal(Filter{}) || !empty.Equal(empty) {
		t.Error("an empty filter is not the zero filter")
	}
}

// TestParseFilterErrors covers those that TestParseBad leaves out.
func TestParseFilterErrors(t *testing.T) {
	for source, want := range map[string]string{
		"(?<!a)b":         `look-behind "(?<!"`,
		"(?<n":            "bad group name",
		"(?P=n)":          "bad group name",
		"(?(1)a|b)":       "a condition",
		"(?x)a b":         "the flags are i, m, s and U",
		"a++":             "possessive",
		"a?+":             "possessive",
		"a{2}+":           "possessive",
		"?a":              "nothing before it to repeat",
		`\Ga`:             "anchor",
		`\K`:              "anchor",
		`\R`:              `\n for a line break`,
		`\g1`:             "back-reference",
		`\p{all}`:         "not a regular expression that Go can read",
		"(a{1000}){1000}": "up to 1000",
		"a)(b":            "unbalanced parentheses",
		`\Qa\E)`:          "unbalanced parentheses",
		"a\xff":           "not a regular expression that Go can read",
		strings.Repeat("(", 1001) + strings.Repeat(")", 1001): "not a regular expression that Go can read",
	} {
		_, err := ParseFilter(source)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", source, err, want)
		}
	}
}

func TestFilterLiteral(t *testing.T) {
	for source, want := range map[string]bool{
		"nightly production": true, "production": true, "a-b_c/d": true,
		".*": false, "nightly.*": false, "^production$": false, "a|b": false, `a\.b`: false, "v1.2": false,
	} {
		f, err := ParseFilter(source)
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Literal(); got != want {
			t.Errorf("%q: got %v, want %v", source, got, want)
		}
	}
}
