package policy

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxShown is how many characters of a document's own text a problem shows.
const maxShown = 80

// Problem is one thing that is wrong with a document.
type Problem struct {
	File string
	// Path is where in the document, from $: $.Actions[0].Name.
	Path string
	// Value is what is there, written as in JSON and shortened; "" when there
	// is nothing, or too much of it, to show.
	Value string
	// Text says what is wrong, and what to do about it.
	Text string
}

// String is the problem in one line: file: path: value and text.
func (p Problem) String() string {
	text := p.Text
	if p.Value != "" {
		text = p.Value + " " + text
	}
	return fmt.Sprintf("%s: %s: %s", printable(p.File), p.Path, text)
}

// quote writes s as one short line in quotes: a document can hold anything.
func quote(s string) string { return strconv.Quote(shorten(s)) }

func shorten(s string) string {
	if utf8.RuneCountInString(s) <= maxShown {
		return s
	}
	return string([]rune(s)[:maxShown-1]) + "…"
}

// printable escapes what would break a line or a terminal, without quotes.
func printable(s string) string {
	quoted := strconv.Quote(s)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}
