// Package journal keeps records in append-only files: framed, checksummed, optionally hash-chained,
// written in groups, and repaired when a crash left half of one behind. The ledger and the
// registrar's bindings stand on it.
//
// What lives here is the mechanism: files, groups, group commit, patience with a sick disk, reading by
// position. What a record means is the caller's. One goroutine, the writer, owns the open segment; a
// second one, the watch, owns nothing and only sees to it that nobody waits for a slow disk longer than
// Patience. What the two and the callers share (the waiting batches) is under one leaf mutex.
//
// A journal is a row of segments, each a file named by the position at which it begins. A position
// counts octets from the beginning of the first segment on, across all of them. A segment is a header
// and groups; a group is what was written at one time:
//
//	header   "SNTRLJ1\n", base position, time, flags, the chain's value so far, CRC-32C
//	group    magic, payload length, number of records, CRC-32C, time, own position; 32 octets of chain
//	         when chained; then the records, each with its length before it
//
// The chain of a group is SHA-256 over the chain before it, the group's header and its payload: nobody
// can change, drop or insert a group without changing every chain value after it.
package journal

import (
	"errors"
	"time"

	"santral/store"
)

// Sync says when files are forced to the disk.
type Sync uint8

// How far done's promise reaches.
const (
	UnknownSync Sync = iota
	SyncCommits      // before done: what was committed survives loss of power
	SyncLazily       // done after write(): it survives kill -9 of the process; loss of power takes at most SyncEvery
)

// String names the policy.
func (s Sync) String() string { return [...]string{"unknown", "commits", "lazily"}[s] }

// Alarm is what is wrong with the disk.
type Alarm uint8

// The disk's states, as they are told to Options.OnAlarm.
const (
	Healthy Alarm = iota + 1
	Slow          // a write takes longer than Patience
	NoSpace       // the disk is full
	Failing       // writing fails for another reason
)

// String names the alarm.
func (a Alarm) String() string {
	return [...]string{"unknown", "healthy", "slow", "no space", "failing"}[a]
}

// Options are a journal's parameters. Zero values take the defaults that stand beside them.
type Options struct {
	Disk    Disk // OS
	Chained bool
	Sync    Sync // SyncCommits

	Segment   int64         // octets after which a new segment is begun; 16 MiB
	Pace      time.Duration // the least time between two groups, so that a busy journal writes fewer and larger ones; 4 ms, and twice that when a group had 4 commits or more
	SyncEvery time.Duration // the longest time that anything is unforced; 1 s
	Heartbeat time.Duration // an empty group when nothing was written for so long, to know later when the process was last alive; 0 for none
	Patience  time.Duration // after which done is called whatever the disk does; 250 ms
	Memory    int           // octets of waiting records; 64 MiB. Above three quarters the journal is Full, above it records are lost and counted.

	// OnAlarm is told every change of the disk's state, on a goroutine of the journal's. It must not block.
	OnAlarm func(Alarm, error)
}

const (
	maxRecord = 1 << 20   // octets of one record
	batchSize = 256 << 10 // a group is closed when it has so many

	busyCommits = 4 // in one group
	busyPace    = 2 // times Pace: forcing costs the processor 100 µs and more each time, however much it is

	maxUnsynced = 4 << 20 // octets that may be unforced
	maxSpare    = 4       // buffers that wait for their next use
)

var errClosed = errors.New("the journal is closed")

func (o Options) withDefaults() Options {
	if o.Disk == nil {
		o.Disk = OS
	}
	if o.Sync == UnknownSync {
		o.Sync = SyncCommits
	}
	if o.Segment <= 0 {
		o.Segment = 16 << 20
	}
	if o.Pace <= 0 {
		o.Pace = 4 * time.Millisecond
	}
	if o.SyncEvery <= 0 {
		o.SyncEvery = time.Second
	}
	if o.Patience <= 0 {
		o.Patience = 250 * time.Millisecond
	}
	if o.Memory <= 0 {
		o.Memory = 64 << 20
	}
	if o.OnAlarm == nil {
		o.OnAlarm = func(Alarm, error) {}
	}
	return o
}

// Status is how a journal is doing.
type Status struct {
	Alarm    Alarm
	Error    error     // the last one of the disk, nil when healthy
	Since    time.Time // of the alarm
	Waiting  int       // octets that are not written yet
	End      store.Pos // up to here readers may read
	Segments int
	Groups   uint64 // written since Open
	Records  uint64 // likewise
	Late     uint64 // commits whose done was called before they were on disk
	Lost     uint64 // records that were never written: no memory, too long, or closed
}

// Repair is what Open found at the end of a journal that was not closed.
type Repair struct {
	At       store.Pos // where the last whole group ended
	Octets   int64     // what followed it and was cut off; a copy is beside the segment
	LastBeat time.Time // when the last whole group was written: the process was alive then
}
