//go:build linux && (amd64 || arm64)

package rtp

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// BenchmarkLoad runs a relay in a process of its own, pinned to the first core, and phones in
// another one on the second core: each call is two phones that say 50 packets of G.711 a second to
// each other through the relay. It reports processor time for each packet, loss and the delay that
// was added. SANTRAL_LOAD_SECONDS sets how long each size is measured.
func BenchmarkLoad(b *testing.B) {
	if runtime.NumCPU() < 2 {
		b.Skip("needs two cores")
	}
	for _, calls := range []int{50, 400, 1000, 1200} {
		b.Run(strconv.Itoa(calls), func(b *testing.B) {
			for range b.N {
				r := runLoad(b, calls)
				b.ReportMetric(r.Micros, "cpu-µs/packet")
				b.ReportMetric(100*r.Core, "%core")
				b.ReportMetric(100*r.Lost, "%lost")
				b.ReportMetric(r.P50, "p50-ms")
				b.ReportMetric(r.P99, "p99-ms")
				b.ReportMetric(0, "ns/op")
			}
		})
	}
}

// loadResult is what both processes say at the end.
type loadResult struct {
	Ports   []uint16 // relay, at the start
	Packets uint64   // relay: sent on
	CPU     float64  // relay: seconds
	Wall    float64
	Memory  int64 // relay: octets of heap and stacks
	Lost    float64
	P50     float64
	P99     float64
	Micros  float64
	Core    float64
}

// The relay has its ports from 12000 and the phones have theirs from 20000, on an address that nobody
// else uses.
const loadFirst = 12000

var loadHome = netip.AddrFrom4([4]byte{127, 77, 0, 1})

func runLoad(b *testing.B, calls int) (r loadResult) {
	b.Helper()
	relay := startLoad(b, 0, "relay", calls)
	defer relay.cmd.Wait()
	defer relay.in.Close()
	var ready loadResult
	if err := relay.out.Decode(&ready); err != nil {
		b.Fatal(err)
	}
	phones := startLoad(b, 1, "phones", calls)
	defer phones.cmd.Wait()
	var heard, measured loadResult
	if err := phones.out.Decode(&heard); err != nil { // begins to measure
		b.Fatal(err)
	}
	fmt.Fprintln(relay.in, "start")
	if err := phones.out.Decode(&heard); err != nil { // ends
		b.Fatal(err)
	}
	fmt.Fprintln(relay.in, "stop")
	if err := relay.out.Decode(&measured); err != nil {
		b.Fatal(err)
	}
	r = heard
	r.Micros = measured.CPU / float64(measured.Packets) * 1e6
	r.Core = measured.CPU / measured.Wall
	return r
}

type loadProcess struct {
	cmd *exec.Cmd
	in  interface {
		Write([]byte) (int, error)
		Close() error
	}
	out *json.Decoder
}

// startLoad starts this test program again, pinned to a core from its first instruction.
func startLoad(b *testing.B, core int, role string, calls int) loadProcess {
	b.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var all, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		b.Fatal(err)
	}
	one.Set(core)
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		b.Skip("no second core to pin to: ", err)
	}
	defer unix.SchedSetaffinity(0, &all)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "SANTRAL_LOAD="+role, "SANTRAL_LOAD_CALLS="+strconv.Itoa(calls))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	return loadProcess{cmd, in, json.NewDecoder(out)}
}

// loadMain is the other processes' main function. It returns false in an ordinary test run.
func loadMain() bool {
	calls, _ := strconv.Atoi(os.Getenv("SANTRAL_LOAD_CALLS"))
	switch os.Getenv("SANTRAL_LOAD") {
	case "relay":
		loadRelay(calls)
	case "phones":
		loadPhones(calls)
	default:
		return false
	}
	return true
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func cpuTime() float64 {
	var u unix.Rusage
	must(unix.Getrusage(unix.RUSAGE_SELF, &u))
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

func loadRelay(calls int) {
	home := loadHome
	pool, err := NewPool(Config{Bind: []netip.Addr{home}, First: loadFirst, Last: loadFirst + uint16(4*calls)})
	must(err)
	var streams []*Stream
	for i := range 2 * calls {
		s, err := pool.Take(home)
		must(err)
		s.Negotiate(Terms{
			Remote: netip.AddrPortFrom(home, phonePort(i)), Peer: home, Open: true,
			Types: Types(8), Packets: 50, Octets: 50 * 172,
		})
		streams = append(streams, s)
	}
	for i := range streams {
		streams[i].Relay(streams[i^1])
	}
	out := json.NewEncoder(os.Stdout)
	must(out.Encode(loadResult{}))
	var word string
	fmt.Scanln(&word)
	cpu, begin, packets := cpuTime(), time.Now(), pool.Stats().Sent
	fmt.Scanln(&word)
	must(out.Encode(loadResult{CPU: cpuTime() - cpu, Wall: time.Since(begin).Seconds(), Packets: pool.Stats().Sent - packets}))
	pool.Close()
}

func phonePort(i int) uint16 { return uint16(20000 + 2*i) }

func loadPhones(calls int) {
	runtime.LockOSThread()
	n := 2 * calls
	seconds, _ := strconv.Atoi(os.Getenv("SANTRAL_LOAD_SECONDS"))
	if seconds == 0 {
		seconds = 4
	}
	epoll, err := unix.EpollCreate1(0)
	must(err)
	fds := make([]int, n)
	for i := range fds {
		fds[i], err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK, 0)
		must(err)
		must(unix.Bind(fds[i], &unix.SockaddrInet4{Addr: loadHome.As4(), Port: int(phonePort(i))}))
		must(unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, fds[i], &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)}))
	}
	const warm = time.Second
	total := warm + time.Duration(seconds)*time.Second
	var sent, heard int
	delays := make([]float64, 0, n*50*(seconds+1))
	packet := append(AppendHeader(nil, Header{Payload: 8}), make([]byte, 160)...)
	var buf [2048]byte
	var events [512]unix.EpollEvent
	begin := time.Now()
	next := make([]time.Duration, n) // when each phone speaks next
	order := make([]int, n)
	for i := range next {
		next[i] = time.Duration(i) * 20 * time.Millisecond / time.Duration(n)
		order[i] = i * 7919 % n // phones of a call don't speak one after the other
	}
	if n%7919 == 0 {
		panic("phones")
	}
	out := json.NewEncoder(os.Stdout)
	at, started := 0, false
	read := func(wait int) {
		for {
			count, _ := unix.EpollWait(epoll, events[:], wait)
			now := time.Since(begin)
			for _, e := range events[:max(count, 0)] {
				size, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fds[e.Fd]), uintptr(unsafe.Pointer(&buf)), uintptr(len(buf)), unix.MSG_DONTWAIT, 0, 0)
				if errno != 0 || size < 24 {
					continue
				}
				then := time.Duration(binary.BigEndian.Uint64(buf[12:]))
				if then >= warm && then < total {
					heard++
					delays = append(delays, (now-then).Seconds()*1e3)
				}
			}
			if count < len(events) {
				return
			}
		}
	}
	for {
		now := time.Since(begin)
		if now >= total {
			break
		}
		if now >= warm && !started {
			started = true
			must(out.Encode(loadResult{}))
		}
		for range n {
			i := order[at]
			if next[at] > now {
				break
			}
			stamp := time.Since(begin)
			binary.BigEndian.PutUint64(packet[12:], uint64(stamp))
			sa := rawAddrFrom(netip.AddrPortFrom(loadHome, loadFirst+uint16(2*i)))
			_, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fds[i]), uintptr(unsafe.Pointer(unsafe.SliceData(packet))), uintptr(len(packet)), 0, uintptr(unsafe.Pointer(&sa.b)), sa.size)
			if errno == 0 && stamp >= warm && stamp < total {
				sent++
			}
			next[at] += 20 * time.Millisecond
			if at++; at == n {
				at = 0
			}
			read(0)
		}
		read(0)
	}
	end := time.Now().Add(200 * time.Millisecond)
	for time.Now().Before(end) {
		read(1)
	}
	slices.Sort(delays)
	r := loadResult{Lost: 1 - float64(heard)/float64(max(sent, 1))}
	if len(delays) > 0 {
		r.P50, r.P99 = delays[len(delays)/2], delays[len(delays)*99/100]
	}
	must(out.Encode(r))
}
