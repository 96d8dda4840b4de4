package policy

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// write puts a valid document (or another) into each of the files.
func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, data := range files {
		if data == "good" {
			data = string(contents(t, "testdata/good/details.json"))
		}
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLoad(t *testing.T) {
	for _, test := range []struct {
		name  string
		files map[string]string
		paths []string
		want  []string // names
		wrong []string // problems
	}{
		{"a file", map[string]string{"a.json": "good"}, []string{"a.json"}, []string{"a"}, nil},
		{"a directory, sorted", map[string]string{"d/b.json": "good", "d/a.json": "good", "d/C.json": "good"}, []string{"d"}, []string{"C", "a", "b"}, nil},
		{"not below, not others", map[string]string{"d/a.json": "good", "d/README.md": "x", "d/sub/b.json": "x", "d/sub.json/x": "x"}, []string{"d"}, []string{"a"}, nil},
		{"files and directories", map[string]string{"z.json": "good", "d/a.json": "good"}, []string{"z.json", "d"}, []string{"a", "z"}, nil},
		{"the same file twice", map[string]string{"d/a.json": "good"}, []string{"d", "d/a.json", "./d//a.json"}, []string{"a"}, nil},
		{"nothing asked", nil, nil, nil, nil},
		{"no such path", map[string]string{"a.json": "good"}, []string{"a.json", "gone.json", "gone"}, nil,
			[]string{"gone.json: $: can't be read: no such file or directory: check the path", "gone: $: can't be read: no such file or directory: check the path"}},
		{"an empty directory", map[string]string{"d/README.md": "x"}, []string{"d"}, nil,
			[]string{"d: $: the directory has no *.json file: put the policies there, or name another one"}},
		{"two of a name", map[string]string{"d/a.json": "good", "e/a.json": "good", "e/b.json": "good"}, []string{"d", "e"}, nil,
			[]string{"e/a.json: $: is a second policy a, after d/a.json: rename one of the files"}},
		{"every file's problems", map[string]string{"d/a.json": "", "d/b.json": "good", "d/c.json": "[]", "d/D.JSON": "good"}, []string{"d"}, nil,
			[]string{
				"d/D.JSON: $: the file's name does not end in .json: rename it to NAME.json, as NAME is the policy's name",
				"d/a.json: $: is empty: write a policy document into it, or remove the file",
				"d/c.json: $: is a list: write one policy document, an object { … }, in each file",
			}},
		{"a large file", map[string]string{"a.json": strings.Repeat(" ", 3<<20)}, []string{"a.json"}, nil,
			[]string{"a.json: $: is larger than 1048576 bytes: no DLM policy is; put one policy document into the file"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, test.files)
			t.Chdir(dir)
			policies, problems := Load(test.paths...)
			var names, lines []string
			for _, p := range policies {
				names = append(names, p.Name)
			}
			for _, p := range problems {
				lines = append(lines, p.String())
			}
			if diff := cmp.Diff(test.want, names); diff != "" {
				t.Errorf("names: -want +got\n%s", diff)
			}
			if diff := cmp.Diff(test.wrong, lines); diff != "" {
				t.Errorf("problems: -want +got\n%s", diff)
			}
		})
	}
}

func TestLoadUnreadable(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root reads everything")
	}
	dir := t.TempDir()
	write(t, dir, map[string]string{"a.json": "good", "d/b.json": "good"})
	for _, path := range []string{"a.json", "d"} {
		path = filepath.Join(dir, path)
		if err := os.Chmod(path, 0); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.Chmod(path, 0o755) })
		policies, problems := Load(path)
		if len(policies) > 0 || len(problems) != 1 || !strings.Contains(problems[0].Text, "allow reading it") {
			t.Errorf("%s: got %v, %v", path, policies, problems)
		}
	}
}

func TestLoadBrokenLink(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"a.json": "good"})
	if err := os.Symlink("gone", filepath.Join(dir, "b.json")); err != nil {
		t.Fatal(err)
	}
	if policies, problems := Load(dir); len(policies) > 0 || len(problems) != 1 {
		t.Errorf("got %v, %v", policies, problems)
	}
	if files, err := ReadDir(dir); err == nil || !strings.HasPrefix(err.Error(), "read policies: ") {
		t.Errorf("got %v, %v", files, err)
	}
}

func TestReadDir(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"b.json": "bb", "a.json": "", "notes.txt": "x", "sub/c.json": "x"})
	got, err := ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]byte{"a.json": {}, "b.json": []byte("bb")}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if _, err := ReadDir(filepath.Join(dir, "gone")); err == nil {
		t.Error("no error for a directory that is not there")
	}
}

func TestHash(t *testing.T) {
	sets := map[string]map[string][]byte{
		"none":           {},
		"one":            {"a.json": []byte("x")},
		"other content":  {"a.json": []byte("y")},
		"other name":     {"b.json": []byte("x")},
		"empty content":  {"a.json": nil},
		"two":            {"a.json": []byte("x"), "b.json": []byte("x")},
		"swapped":        {"a.json": []byte("xy"), "b.json": []byte("z")},
		"border moved":   {"a.json": []byte("x"), "b.json": []byte("yz")},
		"framing forged": {"a.json": []byte("x6 1b.jsonx")},
		"name longer":    {"a.jsonx": nil},
	}
	seen := make(map[string]string)
	for name, files := range sets {
		hash := Hash(files)
		if len(hash) != 64 || strings.Trim(hash, "0123456789abcdef") != "" {
			t.Errorf("%s: %q is not a hex SHA-256", name, hash)
		}
		if Hash(files) != hash {
			t.Errorf("%s: hash varies", name)
		}
		if other := seen[hash]; other != "" {
			t.Errorf("%s and %s have the same hash", name, other)
		}
		seen[hash] = name
	}
	// Deployments compare it across versions: a change must be meant.
	const want = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	if got := Hash(nil); got != want {
		t.Errorf("no files: got %s, want %s", got, want)
	}
	const wantOne = "ea6b0926d739b0b19561310ae3ef3fc984a8dc59c32874fb8f5044d04a11a0b8"
	if got := Hash(sets["one"]); got != wantOne {
		t.Errorf("one file: got %s, want %s", got, wantOne)
	}
}

func TestLoadPipe(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"a.json": "good"})
	pipe := filepath.Join(dir, "b.json")
	if err := syscall.Mkfifo(pipe, 0o644); err != nil {
		t.Skip(err)
	}
	for _, path := range []string{pipe, dir} {
		policies, problems := Load(path)
		if len(policies) > 0 || len(problems) != 1 || !strings.Contains(problems[0].Text, "it is not a regular file: put a file there") {
			t.Errorf("%s: got %v, %v", path, policies, problems)
		}
	}
	if files, err := ReadDir(dir); err == nil {
		t.Errorf("got %v, want an error", files)
	}
	if err := os.Rename(filepath.Join(dir, "a.json"), filepath.Join(dir, "a")); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "c.json")
	if err := os.Symlink("a", link); err != nil {
		t.Fatal(err)
	}
	if policies, problems := Load(link); len(policies) != 1 {
		t.Errorf("a link to a file: got %v", problems)
	}
}

func TestAccounts(t *testing.T) {
	got := Accounts([]Policy{
		{Enabled: true, Owners: []string{"333333333333", "111111111111"}},
		{Owners: []string{"222222222222", "111111111111"}},
	})
	if want := []string{"111111111111", "222222222222", "333333333333"}; !slices.Equal(got, want) {
		t.Errorf("accounts %v, want %v", got, want)
	}
}
