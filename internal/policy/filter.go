package policy

import (
	"errors"
	"regexp"
	"regexp/syntax"
	"strings"
)

// Filter is a DescriptionRegex. The zero Filter matches nothing.
type Filter struct {
	source string
	regexp *regexp.Regexp
}

// ParseFilter reads a regular expression of Go's syntax (RE2). The error says
// what RE2 does not have and what to write instead.
func ParseFilter(source string) (Filter, error) {
	// (?s): a dot is any character, as descriptions may hold line breaks.
	re, err := regexp.Compile("(?s)" + source)
	if err != nil {
		return Filter{}, explain(err)
	}
	// The longest match is the whole description if any match is. Wrapping the
	// source in \A(…)\z instead would mend an "a)(b" and break an open \Q.
	re.Longest()
	return Filter{source, re}, nil
}

// String is the regular expression as it was written.
func (f Filter) String() string { return f.source }

// Literal says whether f has no character with a meaning of its own, so that it
// matches one description only: itself.
func (f Filter) Literal() bool { return f.source == regexp.QuoteMeta(f.source) }

// Equal says whether both were written the same.
func (f Filter) Equal(g Filter) bool {
	return f.source == g.source && (f.regexp == nil) == (g.regexp == nil)
}

// Match says whether the whole description matches.
func (f Filter) Match(description string) bool {
	if f.regexp == nil {
		return false
	}
	found := f.regexp.FindStringIndex(description)
	return found != nil && found[0] == 0 && found[1] == len(description)
}

// lacking says why, after the name of what RE2 does not have.
const lacking = ", which Go's engine (RE2) does not have because it guarantees linear time: "

// explain says in a policy author's words what the compiler found.
func explain(err error) error {
	se := new(syntax.Error)
	errors.As(err, &se)
	found := quote(se.Expr)
	switch se.Code {
	case syntax.ErrInvalidPerlOp, syntax.ErrInvalidNamedCapture:
		return errors.New(explainGroup(se.Expr))
	case syntax.ErrInvalidEscape:
		return errors.New(explainEscape(se.Expr))
	case syntax.ErrInvalidRepeatOp:
		if strings.HasSuffix(se.Expr, "+") {
			return errors.New("uses a possessive repetition " + found + lacking + "remove the last +")
		}
		return errors.New("repeats a repetition, " + found + ": keep one of the two")
	case syntax.ErrMissingRepeatArgument:
		return errors.New("has " + found + " with nothing before it to repeat: a regular expression is not a file pattern, write .* for anything")
	case syntax.ErrInvalidRepeatSize:
		return errors.New("repeats too often at " + found + ": RE2 allows counts up to 1000, also multiplied; write * or + instead")
	case syntax.ErrUnexpectedParen, syntax.ErrMissingParen:
		return errors.New("has unbalanced parentheses: close each ( with a ), or write \\( and \\) for the characters")
	case syntax.ErrMissingBracket:
		return errors.New("has a [ without its ]: close it, or write \\[ for the character")
	case syntax.ErrTrailingBackslash:
		return errors.New("ends in a backslash: remove it, or write it twice (four times in JSON) for the character")
	}
	return errors.New("is not a regular expression that Go can read: " + string(se.Code) + " at " + found + "; correct it as in https://pkg.go.dev/regexp/syntax")
}

// explainGroup is about an expression from "(?" on.
func explainGroup(expr string) string {
	found := quote(expr)
	starts := func(prefixes ...string) bool {
		for _, prefix := range prefixes {
			if strings.HasPrefix(expr, prefix) {
				return true
			}
		}
		return false
	}
	switch {
	case starts("(?=", "(?!"):
		return "uses look-ahead " + quote(expr[:3]) + lacking + "describe the descriptions to copy directly (a|b for alternatives), or split the policy in two"
	case starts("(?<=", "(?<!"):
		return "uses look-behind " + quote(expr[:4]) + lacking + "describe the descriptions to copy directly (a|b for alternatives), or split the policy in two"
	case starts("(?>"):
		return "uses an atomic group " + found + lacking + "write (?: instead"
	case starts("(?P", "(?<", "(?R", "(?("):
		return "uses a recursion, a condition or a bad group name at " + found + lacking + "write the expression out"
	}
	return "uses " + found + ", a kind of group or flag that Go's engine (RE2) does not have: the flags are i, m, s and U, the groups (…), (?:…) and (?P<name>…)"
}

// explainEscape is about a backslash and what follows.
func explainEscape(expr string) string {
	found := quote(expr)
	escaped := func(chars string) bool { return len(expr) > 1 && strings.IndexByte(chars, expr[1]) >= 0 }
	switch {
	case escaped("123456789kg"):
		return "uses a back-reference " + found + lacking + "write the text out instead of referring to a group"
	case escaped("ZGK"):
		return "uses the anchor " + found + ", which Go's engine (RE2) does not have: remove it; the filter matches the whole description anyway"
	case escaped("hHRvVX"):
		return "uses " + found + ", which Go's engine (RE2) does not have: write \\s for white space, \\n for a line break or . for any character"
	case escaped("u"):
		return "uses " + found + ", which Go's engine (RE2) does not have: write the character itself, or \\x{…} with its code"
	}
	return "has " + found + ", which means nothing: write the character without the backslash, or two backslashes (four in JSON) for a backslash"
}
