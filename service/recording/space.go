package recording

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Floor is how much of a disk stays free: no new recording begins below it. The larger of the two counts.
type Floor struct {
	Octets uint64
	Share  float64 // of the whole disk, 0 to 1
}

// under reports whether too little is left.
func (f Floor) under(free, total uint64) bool {
	return free < f.Octets || float64(free) < f.Share*float64(total)
}

// Disk tells how much of the disk that a folder is on is free for us, and how large it is, in octets.
func Disk(folder string) (free, total uint64, err error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(folder, &s); err != nil {
		return 0, 0, fmt.Errorf("look at the disk of %s: %w", folder, err)
	}
	return uint64(s.Bavail) * uint64(s.Bsize), uint64(s.Blocks) * uint64(s.Bsize), nil // systems differ in the types
}

// Alarm is something of recordings that people must look after. No alarm ends a call.
type Alarm uint8

// Alarms.
const (
	NoRoom  Alarm = iota // the disk is so full that no new recording begins
	BadDisk              // the spool's disk fails or is stuck: sound is being lost
	NotTook              // the place where recordings are filed takes none: they wait in the spool
	alarms
)

var alarmNames = [...]string{"room", "disk", "filing"}

// String names it.
func (a Alarm) String() string { return alarmNames[a] }

// alarm raises an alarm with its reason or, with nil, ends it; whoever is told is told of changes alone.
func (a *Archive) alarm(what Alarm, err error) {
	a.mu.Lock()
	changed := (err != nil) != a.up[what]
	a.up[what] = err != nil
	a.mu.Unlock()
	if changed && a.c.Alarmed != nil {
		a.c.Alarmed(what, err)
	}
}

// watch looks at the disk again and again.
func (a *Archive) watch() {
	defer a.workers.Done()
	t := time.NewTicker(a.c.Look)
	defer t.Stop()
	for {
		select {
		case <-a.ctx.Done():
			return
		case <-t.C:
			a.look()
			a.probe()
		}
	}
}

// look sees how much room there is.
func (a *Archive) look() {
	free, total, err := a.c.Space(a.c.Folder)
	if err != nil {
		a.alarm(NoRoom, err)
		return
	}
	a.free.Store(free)
	if a.c.Floor.under(free, total) {
		a.alarm(NoRoom, fmt.Errorf("%d MB are free for recordings: no new one begins", free>>20))
		return
	}
	a.alarm(NoRoom, nil)
}

// probe writes to a disk that failed, to see whether it is well again: a recording that would tell may have ended.
func (a *Archive) probe() {
	a.mu.Lock()
	bad := a.up[BadDisk]
	a.mu.Unlock()
	if !bad {
		return
	}
	file := filepath.Join(a.c.Folder, ".probe")
	if err := writeWhole(file, make([]byte, 64<<10)); err == nil && os.Remove(file) == nil {
		a.alarm(BadDisk, nil)
	}
}
