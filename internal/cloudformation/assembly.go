// Package cloudformation creates what synthesized CloudFormation templates say
// in a simulated AWS, so that what is tried there is what would be deployed. It
// reads templates as the CDK writes them, creates their resources through the
// API as the account that they are for, and says what Lambda and EventBridge
// Scheduler, which the simulation has not, would have been told.
//
// It is strict: a type, a property or an intrinsic function that it does not
// know is an error and never passed over. What has no meaning in the simulation
// is in a table, with the reason.
package cloudformation

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Assembly is stacks in an order in which they can be deployed, as often as one
// likes.
type Assembly struct {
	Stacks []Stack
	// Boundary, a policy document, stands for every permissions boundary that no
	// template makes, because the account has it from elsewhere. Without it roles
	// with such a boundary are refused.
	Boundary string
}

// Stack is one template for one account and Region.
type Stack struct {
	Name, Account, Region string
	File                  string // of the template

	id       string // its ARN; "" for one that follows from the rest
	template *template
}

// Where an assembly says what is in it: the CDK's manifest, or an index of ours
// beside templates that somebody put into a folder.
const (
	manifestFile = "manifest.json"
	indexFile    = "index.json"
)

// Open reads an assembly: a folder as `cdk synth` writes it, or one with
// templates and an index.json:
//
//	{"stacks": [{"name": "home", "account": "222222222222", "region": "us-east-1", "template": "home.template.json"}]}
func Open(folder fs.FS) (*Assembly, error) {
	stacks, err := listStacks(folder)
	if err != nil {
		return nil, err
	}
	return Read(folder, stacks...)
}

// Read reads the templates of stacks, in the order in which they are deployed, out
// of a folder that does not say what is in it.
func Read(folder fs.FS, stacks ...Stack) (*Assembly, error) {
	if len(stacks) == 0 {
		return nil, errors.New("open the templates: there is no stack in them")
	}
	stacks = slices.Clone(stacks)
	for i := range stacks {
		s := &stacks[i]
		if err := s.check(); err != nil {
			return nil, err
		}
		data, err := fs.ReadFile(folder, s.File)
		if err != nil {
			return nil, fmt.Errorf("read the template of stack %s: %w", s.Name, err)
		}
		if s.template, err = readTemplate(data); err != nil {
			return nil, fmt.Errorf("%s: %w", s.File, err)
		}
	}
	return &Assembly{Stacks: stacks}, nil
}

func listStacks(folder fs.FS) ([]Stack, error) {
	data, err := fs.ReadFile(folder, manifestFile)
	if err == nil {
		return readManifest(data)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open the templates: %w", err)
	}
	if data, err = fs.ReadFile(folder, indexFile); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open the templates: there is neither %s nor %s: give the folder that `cdk synth` writes: %w", manifestFile, indexFile, err)
	}
	if err != nil {
		return nil, fmt.Errorf("open the templates: %w", err)
	}
	return readIndex(data)
}

func readIndex(data []byte) ([]Stack, error) {
	if _, err := readObject(data); err != nil {
		return nil, fmt.Errorf("%s: %w", indexFile, err)
	}
	var index struct {
		Stacks []struct{ Name, Account, Region, Template string }
	}
	decoder := json.NewDecoder(strings.NewReader(string(data)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&index); err != nil {
		return nil, fmt.Errorf("%s: %w", indexFile, err)
	}
	var stacks []Stack
	for _, s := range index.Stacks {
		stacks = append(stacks, Stack{Name: s.Name, Account: s.Account, Region: s.Region, File: s.Template})
	}
	return stacks, nil
}

// readManifest reads the part of the CDK's manifest that is about stacks.
func readManifest(data []byte) ([]Stack, error) {
	var manifest struct {
		Artifacts map[string]struct {
			Type         string
			Environment  string
			Dependencies []string
			Properties   struct{ TemplateFile, StackName string }
		}
	}
	if err := json.Unmarshal(data, &manifest); err != nil {
		return nil, fmt.Errorf("%s: %w", manifestFile, err)
	}
	needs, byID := map[string][]string{}, map[string]Stack{}
	for id, a := range manifest.Artifacts {
		switch a.Type {
		case "aws:cloudformation:stack":
		case "cdk:cloud-assembly":
			return nil, fmt.Errorf("%s: %s is an assembly within the assembly, a stage of a pipeline: open its own folder", manifestFile, id)
		default:
			continue // assets and the construct tree
		}
		s := Stack{Name: id, File: a.Properties.TemplateFile}
		if a.Properties.StackName != "" {
			s.Name = a.Properties.StackName
		}
		environment := environmentForm.FindStringSubmatch(a.Environment)
		if environment == nil {
			return nil, fmt.Errorf("%s: stack %s has the environment %q: give it an account and a Region, as in aws://222222222222/us-east-1", manifestFile, id, a.Environment)
		}
		s.Account, s.Region = environment[1], environment[2]
		byID[id], needs[id] = s, a.Dependencies
	}
	for id := range needs {
		needs[id] = slices.DeleteFunc(slices.Clone(needs[id]), func(other string) bool { _, stack := byID[other]; return !stack })
	}
	order, err := inOrder(slices.Sorted(maps.Keys(byID)), func(id string) []string { return needs[id] })
	if err != nil {
		return nil, fmt.Errorf("%s: stacks %w", manifestFile, err)
	}
	var stacks []Stack
	for _, id := range order {
		stacks = append(stacks, byID[id])
	}
	return stacks, nil
}

var (
	environmentForm = regexp.MustCompile(`^aws://([^/]+)/([^/]+)$`)
	accountForm     = regexp.MustCompile(`^\d{12}$`)
	// The simulation's ARNs are those of the partition aws.
	regionForm     = regexp.MustCompile(`^[a-z]{2}-[a-z]+-\d$`)
	otherPartition = regexp.MustCompile(`^cn-`)
)

func (s *Stack) check() error {
	switch {
	case s.Name == "" || s.File == "":
		return fmt.Errorf("open the templates: stack %q has the template %q: a stack needs a name and a template", s.Name, s.File)
	case !accountForm.MatchString(s.Account):
		return fmt.Errorf("open the templates: stack %s is for the account %q: give it one of 12 digits", s.Name, s.Account)
	case !regionForm.MatchString(s.Region) || otherPartition.MatchString(s.Region):
		return fmt.Errorf("open the templates: stack %s is for the Region %q: the simulation has Regions of the partition aws, such as us-east-1", s.Name, s.Region)
	}
	return nil
}
