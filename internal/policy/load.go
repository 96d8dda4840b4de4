package policy

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Load reads the policies in paths: files, and the *.json of directories but
// not of those below. It returns them sorted by name, or everything that is
// wrong with any of them: half a set of policies would be worse than none.
func Load(paths ...string) ([]Policy, []Problem) {
	files, problems := filesIn(paths)
	var policies []Policy
	from := make(map[string]string) // policy to its file
	for _, file := range files {
		data, err := read(file)
		if err != nil {
			problems = append(problems, unreadable(file, err))
			continue
		}
		p, wrong := Parse(file, data)
		if len(wrong) > 0 {
			problems = append(problems, wrong...)
			continue
		}
		if first, twice := from[p.Name]; twice {
			problems = append(problems, fileProblem(file, fmt.Sprintf(
				"is a second policy %s, after %s: rename one of the files", p.Name, printable(first))))
			continue
		}
		from[p.Name] = file
		policies = append(policies, p)
	}
	if len(problems) > 0 {
		return nil, problems
	}
	slices.SortFunc(policies, func(a, b Policy) int { return cmp.Compare(a.Name, b.Name) })
	return policies, nil
}

// filesIn is the files that paths mean, each once.
func filesIn(paths []string) (files []string, problems []Problem) {
	add := func(file string) {
		if file = filepath.Clean(file); !slices.Contains(files, file) {
			files = append(files, file)
		}
	}
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			problems = append(problems, unreadable(path, err))
			continue
		}
		if !info.IsDir() {
			add(path)
			continue
		}
		names, err := documents(path)
		switch {
		case err != nil:
			problems = append(problems, unreadable(path, err))
		case len(names) == 0:
			problems = append(problems, fileProblem(path, "the directory has no *"+extension+" file: put the policies there, or name another one"))
		}
		for _, name := range names {
			add(filepath.Join(path, name))
		}
	}
	return files, problems
}

// ReadDir is the policy files of a directory, by base name: what Load reads
// there, for Hash.
func ReadDir(dir string) (map[string][]byte, error) {
	names, err := documents(dir)
	if err != nil {
		return nil, fmt.Errorf("read policies: %w", err)
	}
	files := make(map[string][]byte, len(names))
	for _, name := range names {
		if files[name], err = read(filepath.Join(dir, name)); err != nil {
			return nil, fmt.Errorf("read policies: %w", err)
		}
	}
	return files, nil
}

// Hash is the hex SHA-256 of files, by base name. It differs whenever a name or
// a content does.
func Hash(files map[string][]byte) string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		// The lengths keep "a" + "bc" apart from "ab" + "c".
		fmt.Fprintf(h, "%d %d %s", len(name), len(files[name]), name)
		h.Write(files[name])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// documents is the names of the policy files in a directory, sorted. NAME.JSON
// is among them, so that Parse asks for another name instead of nobody noticing.
func documents(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		if !entry.IsDir() && strings.EqualFold(filepath.Ext(entry.Name()), extension) {
			names = append(names, entry.Name())
		}
	}
	return names, nil
}

// errNotRegular is about what only looks like a file: a pipe could keep its
// reader waiting for ever.
var errNotRegular = errors.New("it is not a regular file")

// read is a file's bytes, though not many more than Parse accepts.
func read(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "read", Path: file, Err: errNotRegular}
	}
	if err != nil {
		return nil, err
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxBytes+1))
}

func unreadable(path string, err error) Problem {
	fix := "check the path"
	switch {
	case errors.Is(err, fs.ErrPermission):
		fix = "allow reading it"
	case errors.Is(err, errNotRegular):
		fix = "put a file there, or a link to one"
	}
	var cause *fs.PathError
	if errors.As(err, &cause) {
		err = cause.Err
	}
	return fileProblem(path, fmt.Sprintf("can't be read: %v: %s", err, fix))
}

func fileProblem(file, text string) Problem {
	return Problem{File: file, Path: "$", Text: text}
}
