package policy

import "strings"

// nearest is the known word that a misspelt one was most likely meant to be, or
// "" if none is near. Case, dashes and underscores are not counted, so that
// retain_rule finds RetainRule. Of equally near words, the first one wins.
func nearest(word string, known []string) string {
	best, least := "", 0
	folded := fold(word)
	for _, candidate := range known {
		allowed := min(3, max(1, len(candidate)/3))
		if len(folded) > len(candidate)+allowed {
			continue
		}
		d := distance(folded, fold(candidate))
		if d <= allowed && (best == "" || d < least) {
			best, least = candidate, d
		}
	}
	return best
}

var separators = strings.NewReplacer("-", "", "_", "")

func fold(s string) string { return strings.ToLower(separators.Replace(s)) }

// distance is how many letters must be put in, taken out, replaced or swapped
// with their neighbour to turn a into b (optimal string alignment).
func distance(a, b string) int {
	d := make([][]int, len(a)+1)
	for i := range d {
		d[i] = make([]int, len(b)+1)
		d[i][0] = i
	}
	for j := range d[0] {
		d[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			replaced := d[i-1][j-1]
			if a[i-1] != b[j-1] {
				replaced++
			}
			d[i][j] = min(replaced, d[i-1][j]+1, d[i][j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d[i][j] = min(d[i][j], d[i-2][j-2]+1)
			}
		}
	}
	return d[len(a)][len(b)]
}
