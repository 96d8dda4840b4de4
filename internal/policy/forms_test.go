package policy

import (
	"regexp"
	"strings"
	"testing"
)

// TestForms holds the forms against regular expressions that say the same.
func TestForms(t *testing.T) {
	texts := []string{
		"", "a", "Z", "0", "9", "-", "-0", "-7", "+7", "07", "-07", "10", "1.0", "1e3", "--1", "_", ".", "_a1", "1a", "a_1", "a-1", "a.b", ".a", "-a", "a b", " a", "a ",
		"ä", "aä", "äa", "a\n", "\na", "a\xff", "\xffa", "\u0661", "a+b", "a,b", "a;b<c=d:e/f", "a>b", "a*b", "a@b", "a\\b", "a[b",
		"111111111111", "11111111111", "1111111111111", "11111111111a", "1111-1111-11",
		strings.Repeat("a", 256), strings.Repeat("a", 257),
	}
	for pattern, is := range map[string]func(string) bool{
		`^[A-Za-z0-9][A-Za-z0-9._-]*$`: isName,
		`^[A-Za-z_][A-Za-z0-9_]*$`:     isPlain,
		`^[0-9A-Za-z _-]+$`:            isWords,
		`^[a-zA-Z+-=._:/]+$`:           isTagKey, // as in DLM's reference: "+-=" is a range, with the digits in it
		`^-?(0|[1-9][0-9]*)$`:          isInteger,
		`^[0-9]{12}$`:                  isAccount,
		`^[A-Za-z0-9-]{1,256}$`:        isKeyName,
	} {
		form := regexp.MustCompile(pattern)
		said := map[bool]int{}
		for _, s := range texts {
			want := form.MatchString(s)
			said[want]++
			if got := is(s); got != want {
				t.Errorf("%q has the form %s: got %v, want %v", s, pattern, got, want)
			}
		}
		if said[true] == 0 || said[false] == 0 {
			t.Errorf("%s: of the texts %d have that form and %d have not: nothing is told apart", pattern, said[true], said[false])
		}
	}
}
