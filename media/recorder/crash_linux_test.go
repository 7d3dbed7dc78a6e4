package recorder

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// The child of TestAKilledProcess says so, records, and is killed.
func TestRecordAndDie(t *testing.T) {
	path := os.Getenv("SANTRAL_RECORD_AND_DIE")
	if path == "" {
		t.Skip("for a child process")
	}
	k := kinds[int(os.Getenv("SANTRAL_RECORD_KIND")[0]-'0')]
	synctest.Test(t, func(t *testing.T) {
		o := k.options(t, Options{Path: path})
		r, err := Create(o)
		if err != nil {
			t.Fatal(err)
		}
		tones(r.Sink(0), 12)
		os.Stdout.WriteString("\nrecording\n")
		os.Stdin.Read(make([]byte, 1)) // time stands still here
		t.Error("the child lives")
	})
}

// A process that is killed leaves a file that plays to its last second, as it lies, and to strangers too when it is not
// sealed; afterwards it is finished.
func TestAKilledProcess(t *testing.T) {
	for i, k := range kinds {
		t.Run(k.String(), func(t *testing.T) {
			k.options(t, Options{})
			path := filepath.Join(t.TempDir(), "x."+k.format.String())
			child := exec.Command(os.Args[0], "-test.run=^TestRecordAndDie$")
			child.Env = append(os.Environ(), "SANTRAL_RECORD_AND_DIE="+path, "SANTRAL_RECORD_KIND="+string(rune('0'+i)))
			in, err := child.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			defer in.Close()
			out, err := child.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := child.Start(); err != nil {
				t.Fatal(err)
			}
			for lines := bufio.NewScanner(out); ; {
				if !lines.Scan() {
					t.Fatal("the child has said nothing")
				}
				if lines.Text() == "recording" {
					break
				}
			}
			if err := child.Process.Signal(syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			var died *exec.ExitError
			if err := child.Wait(); !errors.As(err, &died) || died.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
				t.Fatalf("the child: %v", err)
			}
			look := func(when string, finished bool) (plain []byte) {
				data, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				plain, torn := opened(t, data)
				if !torn && k.sealed || torn && finished && !k.sealed {
					t.Errorf("%s: torn %v", when, torn)
				}
				c := decoded(t, plain, 1, 8000)[0]
				if len(c) < 11*8000 || len(c) > 12*8000 {
					t.Errorf("%s: %v seconds of 12", when, float64(len(c))/8000)
				}
				for s := range len(c) / 8000 {
					if got := second(c, s); got != s {
						t.Errorf("%s: in second %d tone %d", when, s, got)
					}
				}
				for _, long := range strangers(t, plain, k.format) {
					if !about(long, time.Duration(len(c))*125*time.Microsecond, 20*time.Millisecond) {
						t.Errorf("%s: a stranger finds %v, we %v s", when, long, float64(len(c))/8000)
					}
				}
				return plain
			}
			look("as it lies", false)
			if !k.sealed {
				data, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				for _, long := range strangers(t, data, k.format) {
					if long < 11*time.Second {
						t.Errorf("a stranger finds %v in it", long)
					}
				}
			}
			sum, err := Finish(path)
			if err != nil {
				t.Fatal(err)
			}
			look("finished", true)
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if sum.SHA256 != shaOf(data) || sum.Octets != int64(len(data)) || sum.Long < 11*time.Second || sum.Long > 12*time.Second {
				t.Errorf("%+v", sum)
			}
			if again, err := Finish(path); err != nil || again != sum {
				t.Errorf("finished again: %+v, %v", again, err)
			}
		})
	}
}

// Files that were closed are left as they are by Finish, and those that are cut anywhere are made whole.
func TestFinishOfEveryKind(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.String(), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x")
			var sum Summary
			synctest.Test(t, func(t *testing.T) {
				r, err := Create(k.options(t, Options{Path: path}))
				if err != nil {
					t.Fatal(err)
				}
				tones(r.Sink(0), 5)
				sum = closed(t, r)
			})
			whole, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got, err := Finish(path)
			if err != nil || got != sum {
				t.Errorf("%v: %+v, was %+v", err, got, sum)
			}
			for cut := len(whole); cut > 1000; cut -= len(whole) / 23 {
				if err := os.WriteFile(path, whole[:cut], 0o600); err != nil {
					t.Fatal(err)
				}
				sum, err := Finish(path)
				if err != nil {
					t.Errorf("cut at %d: %v", cut, err)
					continue
				}
				f, err := os.Open(path)
				if err != nil {
					t.Fatal(err)
				}
				p, err := Open(f, sum.Octets, xor(7))
				if err != nil {
					t.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, p); err != nil {
					t.Errorf("cut at %d: %v", cut, err)
				}
				f.Close()
			}
		})
	}
	path := filepath.Join(t.TempDir(), "other")
	if err := os.WriteFile(path, []byte("this is no recording of ours, nor of anybody else"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Finish(path); err == nil {
		t.Error("something else was finished")
	}
	if _, err := Finish(path + "none"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// A file system that is really full, where that can be had.
func TestARealFullDisk(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can make a file system")
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Skip(err)
	}
	defer func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	}()
	filler := filepath.Join(dir, "filler")
	var told []error
	var sum Summary
	path := filepath.Join(dir, "x.wav")
	synctest.Test(t, func(t *testing.T) {
		r, err := Create(Options{Path: path, Fault: func(err error) { told = append(told, err) }})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Await(); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filler, make([]byte, 180<<10), 0o600); err != nil { // room for about four seconds
			t.Fatal(err)
		}
		tones(r.Sink(0), 6)
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
		tones(r.Sink(0), 6)
		sum = closed(t, r)
	})
	if len(told) != 2 || !errors.Is(told[0], syscall.ENOSPC) || told[1] != nil {
		t.Errorf("told %v", told)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if sum.Long != 12*time.Second || sum.Lost != 0 || sum.SHA256 != shaOf(data) {
		t.Errorf("%+v", sum)
	}
	c := sounds(t, data)[0]
	for s := range 12 {
		if got := second(c, s); got != s%6 {
			t.Errorf("in second %d tone %d", s, got)
		}
	}
}
