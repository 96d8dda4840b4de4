//go:build unix

package local

import "syscall"

// ownGroup puts a process into a process group of its own, so that Ctrl-C in a
// terminal reaches only us, and the process ends when we say so.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
