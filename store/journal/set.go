package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"time"

	"santral/store"
)

// SetWriter writes a file of records that is there whole or not at all: a compacted journal. It uses the
// frames of segments. One goroutine may use it.
type SetWriter struct {
	disk    Disk
	path    string
	file    File
	buf     []byte
	records int
	pos     int64
	dirty   int64
}

// setGroup is how much is framed together, and how often the writer lets others run.
const setGroup = 64 << 10

// setSync is how much is written before it is forced, so that others who force a little never wait for much.
const setSync = 4 << 20

// CreateSet begins the file; until Finish it has another name.
func CreateSet(disk Disk, path string) (*SetWriter, error) {
	disk.Remove(path + ".tmp") // what a crash left
	f, err := disk.Create(path + ".tmp")
	if err != nil {
		return nil, fmt.Errorf("create %s: %w", path, err)
	}
	w := &SetWriter{disk: disk, path: path, file: f, buf: make([]byte, groupHeader, setGroup+4096), pos: fileHeader}
	if _, err := f.WriteAt(fileHead{time: time.Now()}.encode(), 0); err != nil {
		w.Abandon()
		return nil, fmt.Errorf("create %s: %w", path, err)
	}
	return w, nil
}

// Add adds a record.
func (w *SetWriter) Add(rec []byte) error {
	w.buf = binary.AppendUvarint(w.buf, uint64(len(rec)))
	w.buf = append(w.buf, rec...)
	w.records++
	if len(w.buf) < setGroup {
		return nil
	}
	return w.flush()
}

func (w *SetWriter) flush() error {
	if w.records == 0 {
		return nil
	}
	sealGroup(w.buf, w.records, store.Pos(w.pos), time.Now(), false, chain{})
	if _, err := w.file.WriteAt(w.buf, w.pos); err != nil {
		return fmt.Errorf("write %s: %w", w.path, err)
	}
	w.pos += int64(len(w.buf))
	w.dirty += int64(len(w.buf))
	w.buf, w.records = w.buf[:groupHeader], 0
	if w.dirty >= setSync {
		w.dirty = 0
		if err := w.file.Sync(); err != nil {
			return fmt.Errorf("write %s: %w", w.path, err)
		}
	}
	runtime.Gosched()
	return nil
}

// Finish forces the file to the disk and gives it its name. It returns the file's size.
func (w *SetWriter) Finish() (int64, error) {
	err := w.flush()
	if err == nil {
		err = w.file.Sync()
	}
	if err != nil {
		w.Abandon()
		return 0, err
	}
	if err := w.file.Close(); err != nil {
		return 0, fmt.Errorf("close %s: %w", w.path, err)
	}
	if err := w.disk.Rename(w.path+".tmp", w.path); err != nil {
		return 0, fmt.Errorf("finish %s: %w", w.path, err)
	}
	return w.pos, w.disk.SyncDir(filepath.Dir(w.path))
}

// Abandon closes and removes what was written.
func (w *SetWriter) Abandon() {
	w.file.Close()
	w.disk.Remove(w.path + ".tmp")
}

// ReadSet calls f with every record of a finished file, in order; the memory of rec is used again. It
// gives the file's size and how many damaged parts were passed over.
func ReadSet(disk Disk, path string, f func(rec []byte) error) (size int64, damaged int, err error) {
	file, err := disk.Open(path)
	if err != nil {
		return 0, 0, fmt.Errorf("read %s: %w", path, err)
	}
	defer file.Close()
	if size, err = file.Size(); err != nil {
		return 0, 0, fmt.Errorf("read %s: %w", path, err)
	}
	var buf []byte
	var records [][]byte
	for off := int64(fileHeader); off < size; {
		var g group
		g, buf, err = readGroup(file, 0, false, off, size, buf)
		if errors.Is(err, errNoGroup) {
			damaged++
			if off, err = findGroup(file, 0, false, off+1, size); err != nil {
				return size, damaged, fmt.Errorf("read %s: %w", path, err)
			}
			if off < 0 {
				break
			}
			continue
		}
		if err != nil {
			return size, damaged, fmt.Errorf("read %s: %w", path, err)
		}
		off += g.size
		if records, err = g.records(records[:0]); err != nil {
			damaged++
			continue
		}
		for _, rec := range records {
			if err := f(rec); err != nil {
				return size, damaged, err
			}
		}
	}
	return size, damaged, nil
}
