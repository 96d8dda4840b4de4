package proof

import (
	"encoding/json"
	"io/fs"
	"slices"
	"testing"
	"testing/fstest"

	"snapferry/infra/blueprint"
	"snapferry/infra/golden"
	"snapferry/internal/cloudformation"
	"snapferry/internal/policy"
	"snapferry/internal/sim"
)

// goldenCase is one of the deployments in infra/golden: the templates of its
// target account, and its policies.
type goldenCase struct {
	name     string
	folder   fs.FS // of the templates
	stacks   []cloudformation.Stack
	policies map[string][]byte // by file name
	reading  sim.Readings      // of the world that it is deployed in
	withheld string            // the Sid of a statement that encryption keys do not get
}

// goldenOf reads a case.
func goldenOf(t testing.TB, name string) goldenCase {
	t.Helper()
	assembly, err := golden.Target(name)
	if err != nil {
		t.Fatal(err)
	}
	policies, err := golden.Policies(name)
	if err != nil {
		t.Fatal(err)
	}
	folder, err := fs.Sub(golden.Cases, name+"/target")
	if err != nil {
		t.Fatal(err)
	}
	return goldenCase{name: name, folder: folder, stacks: assembly.Stacks, policies: policies}
}

// templates are the case's, those aside that are given in their place, by file.
func (c goldenCase) templates(t testing.TB, instead fstest.MapFS) *cloudformation.Assembly {
	t.Helper()
	files := fstest.MapFS{}
	for _, s := range c.stacks {
		files[s.File] = &fstest.MapFile{Data: readFile(t, c.folder, s.File)}
		if other, given := instead[s.File]; given {
			files[s.File] = other
		}
	}
	assembly, err := cloudformation.Read(files, c.stacks...)
	if err != nil {
		t.Fatal(err)
	}
	return assembly
}

// blueprint is what the case's templates are made of.
func (c goldenCase) blueprint(t testing.TB) blueprint.Blueprint {
	t.Helper()
	settings, problems := blueprint.ParseSettings("settings.json", readFile(t, golden.Cases, c.name+"/settings.json"), blueprint.Overrides{})
	var policies []policy.Policy
	for file, document := range sortedMap(c.policies) {
		p, found := policy.Parse(file, document)
		policies, problems = append(policies, p), append(problems, found...)
	}
	b, found := blueprint.New(settings, policies, policy.Hash(c.policies))
	if problems = append(problems, found...); len(problems) > 0 {
		t.Fatal(problems)
	}
	return b
}

// sourceKeys are the policies of the sources' keys, by account: the owner
// administers the key, and the rest is what the case's owners are told to add.
func (c goldenCase) sourceKeys(t testing.TB) map[string]string {
	t.Helper()
	keys := map[string]string{}
	for _, source := range c.blueprint(t).Sources {
		keys[source.Account] = keyPolicy(t, "arn:aws:iam::"+source.Account+":root", source.KeyStatements)
	}
	return keys
}

// addEncryptionKeys makes the case's own keys for queues, topics and logs. Their
// policies do not leave them to the account, so that all depends on what people
// are told to add.
func (c goldenCase) addEncryptionKeys(t testing.TB, d *Deployment) {
	t.Helper()
	for _, key := range c.blueprint(t).EncryptionKeys {
		statements := slices.DeleteFunc(slices.Clone(key.Statements), func(s blueprint.Statement) bool { return s.Sid == c.withheld })
		err := d.World.AddKey(key.ARN)
		if err == nil {
			err = d.Do(t.Context(), key.Region, "kms", "PutKeyPolicy", map[string]any{"KeyId": key.ARN, "PolicyName": "default",
				"Policy": keyPolicy(t, "arn:aws:iam::"+Account+":role/admin", statements), "BypassPolicyLockoutSafetyCheck": true}, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// keyPolicy lets somebody do everything with a key, and has the statements besides.
func keyPolicy(t testing.TB, administrator string, statements []blueprint.Statement) string {
	t.Helper()
	data, err := json.Marshal(blueprint.Document(append(statements, blueprint.Statement{Actions: []string{"kms:*"}, Resources: []string{"*"},
		Principals: map[string][]string{"AWS": {administrator}}})...))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func readFile(t testing.TB, folder fs.FS, name string) []byte {
	t.Helper()
	data, err := fs.ReadFile(folder, name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
