package stacks

import (
	"debug/elf"
	"fmt"
	"path/filepath"

	"snapferry/infra/blueprint"
	"snapferry/internal/policy"
)

// machines are the processors that Lambda has, as settings and as programs name
// them.
var machines = map[string]struct {
	machine elf.Machine
	arch    string // for make
}{
	"arm64":  {elf.EM_AARCH64, "arm64"},
	"x86_64": {elf.EM_X86_64, "amd64"},
}

// checkCode says if what `make build` put into dist is not what the blueprint was
// made for: with other policies than those in the package the permissions would
// not fit, and the function would refuse to start; for another processor it could
// not.
func checkCode(f blueprint.Function, dist, architecture string) error {
	dir := filepath.Join(dist, f.Name)
	want := machines[architecture]
	program := filepath.Join(dir, "bootstrap")
	file, err := elf.Open(program)
	if err != nil {
		return fmt.Errorf("package %s: read %s: %w: run make build ARCH=%s", f.Name, program, err, want.arch)
	}
	defer file.Close()
	if file.Machine != want.machine {
		return fmt.Errorf("package %s: %s is for %s and the settings say %s: build it with ARCH=%s, as in make synth ARCH=%s, or change architecture",
			f.Name, program, file.Machine, architecture, want.arch, want.arch)
	}
	packaged, err := policy.ReadDir(filepath.Join(dir, "policies"))
	if err != nil {
		return fmt.Errorf("package %s: %w: run make build ARCH=%s", f.Name, err, want.arch)
	}
	if got, hash := policy.Hash(packaged), f.Environment["POLICY_HASH"]; got != hash {
		return fmt.Errorf("package %s: the policies in %s have the hash %s and those to deploy %s: run make build ARCH=%s",
			f.Name, dir, got, hash, want.arch)
	}
	return nil
}
