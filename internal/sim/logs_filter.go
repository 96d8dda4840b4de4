package sim

import (
	"regexp"
	"strings"
)

// filterTerm is one term of a filter pattern: a word, or "a phrase"; with ? before
// it one of all such terms is enough, with - it must not be there.
var filterTerm = regexp.MustCompile(`^([?-]?)(?:"((?:[^"\\]|\\.)*)"|([\w]+))(?:\s+|$)`)

// parseFilter reads a filter pattern for unstructured events (CloudWatch Logs user
// guide, "Using filter patterns to match terms in unstructured log events"): all
// terms must be in an event, whose case counts. Patterns for JSON, for columns and
// regular expressions are refused, so that none is taken for another.
func parseFilter(pattern string) (func(message string) bool, *apiError) {
	var all, any, none []string
	for rest := strings.TrimSpace(pattern); rest != ""; {
		m := filterTerm.FindStringSubmatch(rest)
		if m == nil {
			return nil, invalidLogs("Invalid filter pattern: the simulated CloudWatch Logs has words and \"phrases\", with ? or - before them, and not %s", rest)
		}
		rest = rest[len(m[0]):]
		term := strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(m[2]) + m[3]
		switch m[1] {
		case "?":
			any = append(any, term)
		case "-":
			none = append(none, term)
		default:
			all = append(all, term)
		}
	}
	return func(message string) bool {
		for _, term := range all {
			if !strings.Contains(message, term) {
				return false
			}
		}
		for _, term := range none {
			if strings.Contains(message, term) {
				return false
			}
		}
		for _, term := range any {
			if strings.Contains(message, term) {
				return true
			}
		}
		return len(any) == 0
	}, nil
}
