// Package recorder writes sound to WAV files as a media.Sink. A file is whole at every moment: its
// header is brought up to date after each piece of sound, so a crash costs at most the last second.
//
// The media loop only copies samples; one goroutine for each recording owns the file and writes it.
// Where recordings are kept, for how long and for whom, is decided elsewhere.
package recorder

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"santral/media"
)

// Rate is the sample rate of recordings, in Hz; they are 16-bit PCM, mono.
const Rate = 8000

const (
	every   = time.Second   // sound is written at least so often
	piece   = 32 << 10      // and as soon as this many octets wait
	waiting = 2 << 20       // more than this is dropped: the disk has been stuck for two minutes
	most    = 1<<32 - 1<<16 // data octets that a WAV file can hold
	start   = 44            // octets of the header
)

// ErrClosed is what a second Close gives.
var ErrClosed = errors.New("recorder: closed already")

// file is what a recording is written to.
type file interface {
	io.WriterAt
	Sync() error
	Close() error
}

// Recorder is one recording; it is a media.Sink. Close ends it.
type Recorder struct {
	out  file
	wake chan struct{} // a piece waits, or the recording ends
	done chan struct{} // closed when the file is

	mu      sync.Mutex // leaf
	buffer  []byte
	spare   []byte
	samples uint64
	dropped uint64
	closed  bool
	err     error // the first failure of the disk
}

var _ media.Sink = (*Recorder)(nil)

// Create begins a recording; a file of that name is overwritten.
func Create(path string) (*Recorder, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o640)
	if err != nil {
		return nil, fmt.Errorf("create recording: %w", err)
	}
	r, err := create(f)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("create recording: %w", err), f.Close())
	}
	return r, nil
}

func create(out file) (*Recorder, error) {
	if _, err := out.WriteAt(header(0), 0); err != nil {
		return nil, err
	}
	r := &Recorder{
		out:    out,
		wake:   make(chan struct{}, 1),
		done:   make(chan struct{}),
		buffer: make([]byte, 0, 2*piece),
		spare:  make([]byte, 0, 2*piece),
	}
	go r.run()
	return r, nil
}

// Write takes the next samples. After Close they are dropped.
func (r *Recorder) Write(f media.Frame) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || len(r.buffer)+2*len(f) > waiting {
		r.dropped += uint64(len(f))
		return
	}
	r.samples += uint64(len(f))
	for _, s := range f {
		r.buffer = binary.LittleEndian.AppendUint16(r.buffer, uint16(s))
	}
	if len(r.buffer) >= piece {
		r.nudge()
	}
}

func (r *Recorder) nudge() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Duration is how much sound was taken.
func (r *Recorder) Duration() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return time.Duration(r.samples) * time.Second / Rate
}

// Dropped is how many samples were not recorded because the disk was stuck or failed, or because the
// recording was over.
func (r *Recorder) Dropped() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.dropped
}

// Close writes what waits, brings it to the disk and closes the file. It gives the first error that
// the disk made during the recording.
func (r *Recorder) Close() error {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return ErrClosed
	}
	r.closed = true
	r.mu.Unlock()
	r.nudge()
	<-r.done
	if r.err != nil {
		return fmt.Errorf("record: %w", r.err)
	}
	return nil
}

// run owns the file.
func (r *Recorder) run() {
	defer close(r.done)
	tick := time.NewTicker(every)
	defer tick.Stop()
	var written int64
	for {
		select {
		case <-tick.C:
		case <-r.wake:
		}
		data, closed := r.take()
		err := r.write(data, &written)
		if closed {
			if err == nil {
				err = r.out.Sync()
			}
			err = errors.Join(err, r.out.Close())
		}
		r.give(data, err)
		if closed {
			return
		}
	}
}

// take exchanges the buffers.
func (r *Recorder) take() (data []byte, closed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	data = r.buffer
	r.buffer, r.spare = r.spare, nil
	return data, r.closed
}

// give returns the buffer for reuse and keeps the first error.
func (r *Recorder) give(data []byte, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.spare = data[:0]
	if err != nil {
		r.dropped += uint64(len(data) / 2)
		if r.err == nil {
			r.err = err
		}
	}
}

// write puts sound behind what is there, and then makes it count in the header: in this order a
// reader never sees a size that is larger than the sound.
func (r *Recorder) write(data []byte, written *int64) error {
	if len(data) == 0 {
		return nil
	}
	if *written+int64(len(data)) > most {
		return errors.New("the file has reached the size that WAV can hold")
	}
	if _, err := r.out.WriteAt(data, start+*written); err != nil {
		return err
	}
	*written += int64(len(data))
	_, err := r.out.WriteAt(header(uint32(*written)), 0)
	return err
}

// header is the head of a WAV file with that many octets of sound.
func header(size uint32) []byte {
	b := make([]byte, 0, start)
	b = append(b, "RIFF"...)
	b = binary.LittleEndian.AppendUint32(b, start-8+size)
	b = append(b, "WAVEfmt "...)
	b = binary.LittleEndian.AppendUint32(b, 16)
	b = binary.LittleEndian.AppendUint16(b, 1) // PCM
	b = binary.LittleEndian.AppendUint16(b, 1) // channels
	b = binary.LittleEndian.AppendUint32(b, Rate)
	b = binary.LittleEndian.AppendUint32(b, 2*Rate)
	b = binary.LittleEndian.AppendUint16(b, 2)
	b = binary.LittleEndian.AppendUint16(b, 16)
	b = append(b, "data"...)
	return binary.LittleEndian.AppendUint32(b, size)
}
