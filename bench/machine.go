//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// process is a program under measurement with everything that it forked.
type process struct {
	name string
	cmd  *exec.Cmd
	pids []int
	log  *os.File
	gone chan struct{}
}

// launch starts a program on the measured core; its output goes to a file of the bench's folder. A
// pipe for its standard output is handed back.
func (b *bench) launch(name string, args ...string) (*process, *os.File, error) {
	log, err := os.CreateTemp(b.folder, filepath.Base(name)+"-*.log")
	if err != nil {
		return nil, nil, fmt.Errorf("make a log: %w", err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		return nil, nil, fmt.Errorf("make a pipe: %w", err)
	}
	defer write.Close()
	p := &process{name: filepath.Base(name), log: log, gone: make(chan struct{})}
	p.cmd = exec.Command("taskset", append([]string{"-c", strconv.Itoa(b.cpu), name}, args...)...)
	p.cmd.Stdout, p.cmd.Stderr = write, log
	p.cmd.Dir = b.folder
	if err := p.cmd.Start(); err != nil {
		return nil, nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		p.cmd.Wait()
		close(p.gone)
	}()
	p.pids = []int{p.cmd.Process.Pid}
	return p, read, nil
}

// drain reads what nobody wants to read, so that the writer goes on.
func drain(out *os.File) {
	go func() {
		io.Copy(io.Discard, out)
		out.Close()
	}()
}

// family finds the children; to be called when the program serves.
func (p *process) family() {
	p.pids = children(p.cmd.Process.Pid)
}

func (p *process) stop() {
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.gone:
	case <-time.After(10 * time.Second):
		for _, pid := range p.pids {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		<-p.gone
	}
	p.log.Close()
}

// failed is the error of a program that did not start, with its last words.
func (p *process) failed(err error) error {
	p.stop()
	words, _ := os.ReadFile(p.log.Name())
	if len(words) > 2000 {
		words = words[len(words)-2000:]
	}
	return fmt.Errorf("%s does not serve: %w\n%s", p.name, err, words)
}

// cpu gives the user and system time that the process and its children have had, to the nanosecond.
func (p *process) cpu() time.Duration {
	var sum time.Duration
	for _, pid := range p.pids {
		var t unix.Timespec
		clock := int32(^pid<<3 | 2) // the process's CPU clock, see clock_getcpuclockid(3)
		if unix.ClockGettime(clock, &t) == nil {
			sum += time.Duration(t.Nano())
		}
	}
	return sum
}

// memory gives the process's resident octets, shared pages counted once.
func (p *process) memory() (int, error) {
	sum := 0
	for _, pid := range p.pids {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			return 0, fmt.Errorf("read the memory of %s: %w", p.name, err)
		}
		kb, err := pss(string(data))
		if err != nil {
			return 0, err
		}
		sum += kb << 10
	}
	return sum, nil
}

// pss reads the proportional share out of smaps_rollup, in KB.
func pss(text string) (int, error) {
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "Pss:" {
			return strconv.Atoi(f[1])
		}
	}
	return 0, errors.New("no Pss in smaps_rollup")
}

// children gives a process and everything below it.
func children(pid int) []int {
	parents := map[int]int{}
	entries, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, e := range entries {
		data, err := os.ReadFile(e)
		if err != nil {
			continue
		}
		if id, parent, ok := parentOf(string(data)); ok {
			parents[id] = parent
		}
	}
	family := []int{pid}
	for i := 0; i < len(family); i++ {
		for id, parent := range parents {
			if parent == family[i] {
				family = append(family, id)
			}
		}
	}
	slices.Sort(family[1:])
	return family
}

// parentOf reads /proc/PID/stat, in which the name may contain anything.
func parentOf(stat string) (pid, parent int, ok bool) {
	open, end := strings.IndexByte(stat, '('), strings.LastIndexByte(stat, ')')
	if open < 0 || end < open {
		return 0, 0, false
	}
	pid, err := strconv.Atoi(strings.TrimSpace(stat[:open]))
	f := strings.Fields(stat[end+1:])
	if err != nil || len(f) < 2 {
		return 0, 0, false
	}
	parent, err = strconv.Atoi(f[1])
	return pid, parent, err == nil
}

// work is what a stretch of time cost.
type work struct {
	cpu     time.Duration // of the process
	elapsed time.Duration
	others  float64 // share of the core that somebody else had
}

func (w work) share() float64 { return float64(w.cpu) / float64(w.elapsed) }

// meter measures a stretch of time.
type meter struct {
	b     *bench
	p     *process
	cpu   time.Duration
	busy  time.Duration
	began time.Time
}

func (b *bench) meter(p *process) meter {
	return meter{b, p, p.cpu(), coreBusy(b.cpu), time.Now()}
}

func (m meter) read() work {
	w := work{cpu: m.p.cpu() - m.cpu, elapsed: time.Since(m.began)}
	w.others = max(0, float64(coreBusy(m.b.cpu)-m.busy-w.cpu)/float64(w.elapsed))
	return w
}

// coreBusy gives the time that a core was not idle, in the kernel's clock ticks of 10 ms.
func coreBusy(cpu int) time.Duration {
	data, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(data)) {
		f := strings.Fields(line)
		if len(f) < 9 || f[0] != "cpu"+strconv.Itoa(cpu) {
			continue
		}
		ticks := 0
		for i, v := range f[1:9] {
			const idle, wait = 3, 4
			if n, err := strconv.Atoi(v); err == nil && i != idle && i != wait {
				ticks += n
			}
		}
		return time.Duration(ticks) * 10 * time.Millisecond
	}
	return 0
}

func runtimeCores() int {
	data, _ := filepath.Glob("/sys/devices/system/cpu/cpu[0-9]*")
	return len(data)
}

func cpuModel() string {
	data, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(data)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

func kernel() string {
	var u unix.Utsname
	_ = unix.Uname(&u)
	return "Linux " + unix.ByteSliceToString(u.Release[:])
}

func loadAverage() string {
	data, _ := os.ReadFile("/proc/loadavg")
	first, _, _ := strings.Cut(string(data), " ")
	return first
}
