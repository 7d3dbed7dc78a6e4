//go:build !linux

package journal

import "syscall"

func dataSync(fd int) error { return syscall.Fsync(fd) }
