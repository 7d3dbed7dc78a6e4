package journal

import "syscall"

func dataSync(fd int) error { return syscall.Fdatasync(fd) }
