package recorder

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"filippo.io/age"

	"santral/media"
)

// BenchmarkRecord is what 20 ms of both sides cost from the sink to the file, on the file system of the machine: two frames
// an operation. Its goroutine's turns are taken here, one for each half second of sound, and what is read and hashed at the end
// of a WAV file is hashed then.
func BenchmarkRecord(b *testing.B) {
	for _, rate := range []int{8000, 16000, 48000} {
		for _, k := range kinds {
			if rate > 8000 && k.sealed {
				continue
			}
			b.Run(fmt.Sprint(k, " ", rate), func(b *testing.B) {
				path := filepath.Join(b.TempDir(), "x")
				o := k.options(b, Options{Channels: 2, Rate: rate, Path: path})
				form, err := formOf(o)
				if err != nil {
					b.Fatal(err)
				}
				r := &Recorder{o: o, done: make(chan struct{})}
				r.w = writer{r: r, form: form, line: newLine(2, rate), open: func() (file, error) { return os.Create(path) }}
				if k.sealed {
					if r.w.seal, err = newSealer(o); err != nil {
						b.Fatal(err)
					}
				}
				sinks := [2]media.Sink{r.Sink(0), r.Sink(1)}
				f := make(media.Frame, rate/50)
				for i := range f {
					f[i] = int16(i * 97)
				}
				r.begun = true
				n := 0
				step := func() {
					n++
					r.birth = time.Now().Add(-time.Duration(n) * 20 * time.Millisecond)
					sinks[0].Write(f)
					sinks[1].Write(f)
					if n%25 == 0 {
						if err := r.w.turn(false); err != nil {
							b.Fatal(err)
						}
						r.w.body.spoilt = false
					}
				}
				for range 200 {
					step()
				}
				b.ReportAllocs()
				for b.Loop() {
					step()
				}
				if err := r.w.turn(true); err != nil {
					b.Fatal(err)
				}
				if r.sum.Lost > 0 || r.sum.Long < time.Duration(n)*20*time.Millisecond-time.Second {
					b.Fatalf("%+v of %d frames", r.sum, n)
				}
			})
		}
	}
}

// BenchmarkOpen reads a sealed hour of both sides of a call.
func BenchmarkOpen(b *testing.B) {
	path := filepath.Join(b.TempDir(), "x")
	o := Options{Channels: 2, Rate: 8000, Path: path, Seal: []age.Recipient{xor(7)}}
	s, err := newSealer(o)
	if err != nil {
		b.Fatal(err)
	}
	piece := make([]byte, 16000)
	data := s.block(append([]byte(nil), s.head...), kindSound, header(2, 8000, 1<<32-start), 0)
	for range 7200 {
		data = s.block(data, kindSound, piece, 4000)
	}
	if err := os.WriteFile(path, s.end(data), 0o600); err != nil {
		b.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		p, err := Open(f, info.Size(), xor(7))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := p.Seek(50<<20, io.SeekStart); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(p, piece); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkMemory reports what a recording of both sides holds while it goes on.
func BenchmarkMemory(b *testing.B) {
	for _, k := range []kind{{WAV, false}, {Opus, true}} {
		b.Run(k.String(), func(b *testing.B) {
			const many = 50
			dir := b.TempDir()
			for b.Loop() {
				var before, after runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&before)
				var all []*Recorder
				for i := range many {
					r, err := Create(k.options(b, Options{Channels: 2, Path: filepath.Join(dir, fmt.Sprint(i))}))
					if err != nil {
						b.Fatal(err)
					}
					all = append(all, r)
				}
				f := make(media.Frame, 160)
				tick := time.NewTicker(20 * time.Millisecond)
				for range 150 {
					for _, r := range all {
						r.Sink(0).Write(f)
						r.Sink(1).Write(f)
					}
					<-tick.C
				}
				tick.Stop()
				runtime.GC()
				runtime.ReadMemStats(&after)
				b.ReportMetric(float64(after.HeapAlloc+after.StackInuse-before.HeapAlloc-before.StackInuse)/many, "B/recording")
				for _, r := range all {
					if _, err := r.Close(); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}
