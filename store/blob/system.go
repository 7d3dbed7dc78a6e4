package blob

import (
	"errors"
	"syscall"
)

func crossesDisks(err error) bool { return errors.Is(err, syscall.EXDEV) }

func notFolder(err error) bool { return errors.Is(err, syscall.ENOTDIR) }
