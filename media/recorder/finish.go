package recorder

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// Finish makes a file whole that a crash has cut: what was half written at its end goes, and its head says how much there
// is. It needs no key for one that is sealed. A file that is whole stays as it is. The Summary is of what is there; what
// the crash cost is not known.
func Finish(path string) (sum Summary, err error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return sum, fmt.Errorf("finish recording: %w", err)
	}
	info, err := f.Stat()
	if err == nil {
		sum, err = finish(f, info.Size())
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = syncFolder(path)
	}
	if err != nil {
		return sum, fmt.Errorf("finish recording %s: %w", path, err)
	}
	return sum, nil
}

func finish(f file, size int64) (sum Summary, err error) {
	head := make([]byte, min(size, start))
	if _, err := f.ReadAt(head, 0); err != nil {
		return sum, err
	}
	w, err := wavOf(head)
	if err != nil {
		return sum, err
	}
	samples := w.written(size)
	sum.Octets = start + samples*w.width()
	sum.Long = time.Duration(samples) * time.Second / time.Duration(w.rate)
	if err := f.Truncate(sum.Octets); err != nil {
		return sum, err
	}
	if _, err := f.WriteAt(w.mend(sum.Octets), 0); err != nil {
		return sum, err
	}
	if err := f.Sync(); err != nil {
		return sum, err
	}
	sum.SHA256, err = (&digest{}).sum(f, sum.Octets)
	return sum, err
}
