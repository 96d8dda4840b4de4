package policy

import (
	"regexp"
	"strings"
)

// The forms of what documents say. What every document is held against is told
// by its characters and not by regular expressions, as to compile those would
// be a good part of every start of a function; the two that are left are for
// what most documents do not have.

const (
	digits  = "0123456789"
	letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

// only says whether s has at least one character, and none but those in set.
func only(s, set string) bool { return s != "" && strings.Trim(s, set) == "" }

// isName is the form of policies' names.
func isName(s string) bool {
	return only(s, letters+digits+"._-") && only(s[:1], letters+digits)
}

// isPlain says whether a field's name needs no quotes in a path.
func isPlain(s string) bool {
	return only(s, letters+digits+"_") && !only(s[:1], digits)
}

// isWords is DLM's form of descriptions and names.
func isWords(s string) bool { return only(s, letters+digits+" _-") }

// isTagKey is DLM's form of the keys of its own tags.
func isTagKey(s string) bool { return only(s, letters+digits+"+,-./:;<=_") }

// isInteger is the form of whole numbers in JSON.
func isInteger(s string) bool {
	s = strings.TrimPrefix(s, "-")
	return s == "0" || only(s, digits) && s[0] != '0'
}

func isAccount(s string) bool { return only(s, digits) && len(s) == 12 }

// isKeyName is the form of what stands after key/ in the ARN of a KMS key.
func isKeyName(s string) bool { return only(s, letters+digits+"-") && len(s) <= 256 }

// isKeyID is the form of a KMS key's id where it stands alone.
func isKeyID(s string) bool {
	return regexp.MustCompile(`^(mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$`).MatchString(s)
}

func isRole(s string) bool {
	return regexp.MustCompile(`^arn:aws(-[a-z]{1,4}){0,2}:iam::\d+:role/.*$`).MatchString(s)
}
