// Package standin writes what stands for the functions' code in tests of the
// synthesis: compiling the real one takes minutes.
package standin

import (
	"debug/elf"
	"os"
	"path/filepath"
)

// Write puts into dir what `make build` leaves for a function, but for the program,
// which is only the head of one.
func Write(dir string, machine elf.Machine, policies map[string][]byte) error {
	if err := os.MkdirAll(filepath.Join(dir, "policies"), 0o755); err != nil {
		return err
	}
	for name, data := range policies {
		if err := os.WriteFile(filepath.Join(dir, "policies", name), data, 0o644); err != nil {
			return err
		}
	}
	head := make([]byte, 64)
	copy(head, "\x7fELF\x02\x01\x01")
	head[16] = 2 // an executable
	head[18] = byte(machine)
	head[20] = 1
	head[52] = 64
	head[58] = 64
	return os.WriteFile(filepath.Join(dir, "bootstrap"), head, 0o755)
}
