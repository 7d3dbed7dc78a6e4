//go:build linux

// Bench measures the figures of docs/performance.md: CPU time of the exchange's process for each
// unit of work, what one core bears, delay, memory, and time to start; next to Kamailio and
// rtpengine where they are installed.
//
// It builds and starts the program like anybody else would (`santral local`), pinned to one core,
// runs on another core itself, and makes the load with test/load. Figures are medians; the peers are
// measured by turns with ours at the same rates. Everything runs on loopback, and what was started
// is ended by its process id. The measured programs own their state; this one keeps only numbers.
//
//	go run ./bench                 every figure, about ten minutes
//	go run ./bench -short          a quick look, less than a minute
//	go run ./bench -only relay     one figure
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// bench is a run: what was asked for, and where things are.
type bench struct {
	short  bool
	rounds int
	span   time.Duration // of one measurement
	cpu    int           // the measured core
	peers  bool
	folder string // temporary
	binary string // the program
	table  table
}

// figure is one measurement, which may give several rows.
type figure struct {
	name string
	what string
	run  func(*bench) error
}

var figures = []figure{
	{"register", "REGISTER with digest at 2,000/s and 8,000/s", (*bench).register},
	{"call", "a call, INVITE to BYE, at 1,000/s", (*bench).call},
	{"ceiling", "calls a second without a failure", (*bench).ceiling},
	{"overload", "twice the calls that one core bears: what is accepted is perfect", (*bench).overload},
	{"relay", "RTP of 400 calls: CPU and delay", (*bench).relay},
	{"secured", "SRTP on one leg and RTP on the other, 400 calls: CPU and delay", (*bench).secured},
	{"streams", "RTP of 1,000 calls: loss", (*bench).streams},
	{"conference", "a member's 20 ms in rooms of 100 and 200: CPU, late turns", (*bench).conference},
	{"memory", "memory of a call with media and of a registration", (*bench).memory},
	{"tls", "a call over TLS next to UDP, and 20,000 idle TLS connections", (*bench).secure},
	{"start", "from start to the first answered OPTIONS", (*bench).start},
}

func main() {
	b := &bench{}
	names := make([]string, len(figures))
	for i, f := range figures {
		names[i] = f.name
	}
	flag.BoolVar(&b.short, "short", false, "one short round of each figure")
	only := flag.String("only", "", "one figure: "+strings.Join(names, ", "))
	flag.IntVar(&b.rounds, "rounds", 3, "measurements of each figure, of which the median counts")
	flag.DurationVar(&b.span, "span", 10*time.Second, "time of one measurement")
	flag.IntVar(&b.cpu, "cpu", 0, "core of the measured program")
	load := flag.Int("load-cpu", 1, "core of the load")
	flag.BoolVar(&b.peers, "peers", true, "measure Kamailio and rtpengine too, where they are installed")
	ahead := flag.Bool("ahead", false, "run the measured program and the load ahead of other work of the machine (real-time scheduling, root)")
	binary := flag.String("binary", "", "measure this program instead of building it")
	room := flag.String("room", "", "be a room that is measured, of this plan (the bench starts itself so)")
	flag.Parse()
	if *room != "" {
		if err := beRoom(*room); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	if *only != "" && !slices.Contains(names, *only) {
		fmt.Fprintf(os.Stderr, "bench: there is no figure %q, but %s\n", *only, strings.Join(names, ", "))
		os.Exit(2)
	}
	if b.short {
		b.rounds, b.span = 1, time.Second
	}
	if err := b.prepare(*load, *ahead, *binary); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.RemoveAll(b.folder)
		os.Exit(1)
	}
	code := b.all(*only)
	os.RemoveAll(b.folder)
	os.Exit(code)
}

// all runs the figures and prints the table; the exit status says whether all could be measured.
func (b *bench) all(only string) int {
	code := 0
	began := time.Now()
	for _, f := range figures {
		if only != "" && f.name != only {
			continue
		}
		fmt.Fprintf(os.Stderr, "%s: %s\n", f.name, f.what)
		if err := f.run(b); err != nil {
			fmt.Fprintf(os.Stderr, "bench: %s: %v\n", f.name, err)
			b.table.add(row{work: f.what, ours: "not measured: " + strings.SplitN(err.Error(), "\n", 2)[0]})
			code = 1
		}
	}
	fmt.Printf("%s, %d cores (%s), %s, load average %s; %d rounds of %s; %s.\n\n", time.Now().UTC().Format("2006-01-02"), runtimeCores(), cpuModel(), kernel(),
		loadAverage(), b.rounds, b.span, time.Since(began).Round(time.Second))
	fmt.Print(b.table.String())
	return code
}

const pinned = "SANTRAL_BENCH_PINNED"

// prepare builds the program on all cores and then moves to the load's core. The Go runtime counts
// its cores when a program starts, so moving means starting anew.
func (b *bench) prepare(load int, ahead bool, binary string) error {
	if at := os.Getenv(pinned); at != "" {
		b.folder, b.binary, _ = strings.Cut(at, "\n")
		runtime.GOMAXPROCS(1)
		return nil
	}
	if runtimeCores() < 2 {
		return errors.New("a measurement needs two cores: one for the program, one for the load")
	}
	folder, err := os.MkdirTemp("", "santral-bench-")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	b.folder = folder
	if binary == "" {
		binary = filepath.Join(folder, "santral")
		build := exec.Command("go", "build", "-trimpath", "-o", binary, "santral/cmd/santral")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("build the program: %w\n%s", err, out)
		}
	}
	runtime.LockOSThread()
	if ahead { // a nice value is not enough where the kernel groups work by session
		if err := unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_RR, Priority: 1}, 0); err != nil {
			return fmt.Errorf("run ahead of other work: %w", err)
		}
	}
	var set unix.CPUSet
	set.Set(load)
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return fmt.Errorf("move to core %d: %w", load, err)
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find myself: %w", err)
	}
	env := append(os.Environ(), pinned+"="+folder+"\n"+binary)
	return fmt.Errorf("start on core %d: %w", load, syscall.Exec(self, os.Args, env))
}

// say tells the progress.
func (b *bench) say(format string, args ...any) { fmt.Fprintf(os.Stderr, "  "+format+"\n", args...) }
