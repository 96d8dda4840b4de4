package internal

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// root is the repository's, from here.
const root = ".."

// documents are what people read, by their path from the root.
func documents(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			name, err := filepath.Rel(root, file)
			if err != nil {
				t.Fatal(err)
			}
			texts[filepath.ToSlash(name)] = string(text)
		}
	}
	return texts
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	fenced  = regexp.MustCompile("(?s)```.*?```")
	// dropped is what headings' anchors do not have: all but letters, digits,
	// blanks, underscores and hyphens.
	dropped = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// anchors are the headings of a document as links name them.
func anchors(text string) map[string]bool {
	all := map[string]bool{}
	for _, match := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
		all[strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(match[1]), ""), " ", "-")] = true
	}
	return all
}

// TestLinks: links between the repository's files lead somewhere.
func TestLinks(t *testing.T) {
	texts := documents(t)
	followed := 0
	for name, text := range texts {
		for _, match := range link.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
			to := match[1]
			if strings.Contains(to, "://") {
				continue
			}
			followed++
			file, anchor, _ := strings.Cut(to, "#")
			path := name
			if file != "" {
				path = filepath.ToSlash(filepath.Join(filepath.Dir(name), file))
			}
			if _, err := os.Stat(filepath.Join(root, path)); err != nil {
				t.Errorf("%s: the link %s leads nowhere", name, to)
			} else if anchor != "" && !anchors(texts[path])[anchor] {
				t.Errorf("%s: the link %s leads to no heading of %s", name, to, path)
			}
		}
	}
	if followed < 20 {
		t.Errorf("%d links were followed, want more", followed)
	}
}

// TestMakeTargets: what documents tell people to make can be made.
func TestMakeTargets(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	targets := map[string]bool{}
	for _, match := range regexp.MustCompile(`(?m)^([a-z][a-z -]*):`).FindAllStringSubmatch(string(makefile), -1) {
		for _, target := range strings.Fields(match[1]) {
			targets[target] = true
		}
	}
	// In code, a command begins a line or follows another one.
	code := regexp.MustCompile("(?s)```sh\n(.*?)```|`([^`\n]*)`")
	command := regexp.MustCompile(`(?m)(?:^|[;&] )\s*(?:[A-Z_]+=\S+ )*make((?: +[a-z][a-z-]*)+)`)
	named := 0
	for name, text := range documents(t) {
		for _, span := range code.FindAllStringSubmatch(text, -1) {
			for _, match := range command.FindAllStringSubmatch(span[1]+span[2], -1) {
				for _, target := range strings.Fields(match[1]) {
					named++
					if !targets[target] {
						t.Errorf("%s: make %s is no target of the Makefile", name, target)
					}
				}
			}
		}
	}
	if named < 20 {
		t.Errorf("%d targets are named, want more", named)
	}
}
