//go:build linux

package main

import (
	"maps"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestMedian(t *testing.T) {
	for want, in := range map[float64][]float64{0: nil, 3: {3}, 2: {9, 1, 2}, 2.5: {4, 1, 2, 3}} {
		if got := median(in); got != want {
			t.Errorf("%v: %v, want %v", in, got, want)
		}
	}
}

func TestRowsSayWhatIsKept(t *testing.T) {
	of := func(notes []string, v ...float64) *series { return &series{v, notes} }
	tests := []struct {
		name   string
		ours   *series
		theirs *series
		share  float64
		kept   string
	}{
		{"below", of(nil, 9), nil, 0, "yes"},
		{"above", of(nil, 11), nil, 0, "no"},
		{"the median counts", of(nil, 9, 8, 30), nil, 0, "yes"},
		{"below the peer's share", of(nil, 5), of(nil, 10), 0.6, "yes"},
		{"above the peer's share", of(nil, 7), of(nil, 10), 0.6, "no"},
		{"a failure is no figure", of([]string{"1 failed"}, 5), nil, 0, "no"},
		{"nothing measured", of(nil), nil, 0, "no"},
		{"a peer's zero", of(nil, 0), of(nil, 0), 0, "yes"},
	}
	for _, test := range tests {
		r := against("work", test.ours, "%.1f", "µs", 10, "peer", test.theirs, test.share)
		if r.kept != test.kept {
			t.Errorf("%s: %s, want %s", test.name, r.kept, test.kept)
		}
		if strings.Contains(r.ratio, "N") {
			t.Errorf("%s: ratio %s", test.name, r.ratio)
		}
	}
}

func TestTablePrintsMarkdown(t *testing.T) {
	var b table
	b.add(against("REGISTER", &series{values: []float64{40, 50, 42}}, "%.0f", "µs", 55, "Kamailio", &series{values: []float64{84}}, 0))
	want := "| REGISTER | 42 µs (40 to 50) | ≤ 55 µs | yes | Kamailio 84 µs | 0.50 |\n"
	if got := b.String(); !strings.HasSuffix(got, want) || strings.Count(got, "\n") != 3 {
		t.Error(got)
	}
}

func TestBencode(t *testing.T) {
	in := map[string]string{"command": "offer", "call-id": "", "sdp": "v=0\r\n:e"}
	text := bencode(in)
	if want := "d7:call-id0:7:command5:offer3:sdp7:v=0\r\n:ee"; string(text) != want {
		t.Errorf("%q, want %q", text, want)
	}
	out, err := bdecode(text)
	if err != nil || !maps.Equal(in, out) {
		t.Errorf("%v, %v", out, err)
	}
	out, err = bdecode([]byte("d3:agei7e4:listl1:ai1ee3:mapd1:a1:bee"))
	if err != nil || !maps.Equal(out, map[string]string{"age": "7"}) {
		t.Errorf("%v, %v", out, err)
	}
	for _, bad := range []string{"", "d", "x", "d1:a", "d1:a1:b", "d9:ae", "d1:ale", "d1:ai7", "d-1:ae", "d1:a" + strings.Repeat("l", 1000)} {
		if _, err := bdecode([]byte(bad)); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
}

func FuzzBdecode(f *testing.F) {
	f.Add([]byte("d3:agei7e4:listl1:ai1ee3:mapd1:a1:bee"))
	f.Fuzz(func(t *testing.T, b []byte) {
		fields, err := bdecode(b)
		if err != nil {
			return
		}
		again, err := bdecode(bencode(fields))
		if err != nil || !maps.Equal(fields, again) {
			t.Errorf("%v, then %v, %v", fields, again, err)
		}
	})
}

func TestDescriptions(t *testing.T) {
	at := netip.MustParseAddrPort("127.0.0.1:9000")
	if got, err := audio(description(at)); err != nil || got != at {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := audio("v=0\r\n"); err == nil {
		t.Error("an address out of nothing")
	}
}

func TestParentOf(t *testing.T) {
	pid, parent, ok := parentOf("12 (a) (b) 3) S 7 12 12 0")
	if pid != 12 || parent != 7 || !ok {
		t.Error(pid, parent, ok)
	}
	for _, bad := range []string{"", "12 (x", "x (y) S 1", "12 (x) S"} {
		if _, _, ok := parentOf(bad); ok {
			t.Errorf("%q is read", bad)
		}
	}
}

func TestPss(t *testing.T) {
	if kb, err := pss("Rss:  12 kB\nPss:   7 kB\nPss_Dirty: 3 kB\n"); kb != 7 || err != nil {
		t.Error(kb, err)
	}
	if _, err := pss("Rss: 12 kB\n"); err == nil {
		t.Error("no share, no error")
	}
}

// TestMeasuresItself reads its own figures.
func TestMeasuresItself(t *testing.T) {
	p := &process{name: "me", pids: []int{os.Getpid()}}
	before := p.cpu()
	for n := 0; p.cpu()-before < 5*time.Millisecond; n++ {
		if n > 1e8 {
			t.Fatal("work takes no time")
		}
	}
	if size, err := p.memory(); err != nil || size < 1<<20 {
		t.Errorf("%d octets, %v", size, err)
	}
	if coreBusy(0) == 0 {
		t.Error("the first core never worked")
	}
	if family := children(os.Getppid()); len(family) < 2 {
		t.Errorf("the parent's family is %v", family)
	}
}

func TestPortsAreGivenOnce(t *testing.T) {
	seen := map[netip.AddrPort]bool{}
	for range 50 {
		p := freePort()
		if seen[p] {
			t.Fatalf("%s again", p)
		}
		seen[p] = true
	}
}

// TestKamailioTakesItsConfiguration asks the peer itself, where it is installed.
func TestKamailioTakesItsConfiguration(t *testing.T) {
	if _, err := exec.LookPath("kamailio"); err != nil {
		t.Skip("Kamailio is not installed")
	}
	if _, err := exec.LookPath("taskset"); err != nil {
		t.Skip("taskset is not installed")
	}
	b := &bench{folder: t.TempDir(), peers: true}
	x, err := b.kamailio(20)
	if err != nil {
		t.Fatal(err)
	}
	defer x.stop()
	if len(x.pids) < 2 {
		t.Errorf("its processes are %v", x.pids)
	}
	if err := x.enrol(10); err != nil {
		t.Error(err)
	}
}

// TestRtpengineGivesPorts sets a call up and takes it down.
func TestRtpengineGivesPorts(t *testing.T) {
	if _, err := exec.LookPath("rtpengine"); err != nil {
		t.Skip("rtpengine is not installed")
	}
	b := &bench{folder: t.TempDir(), peers: true}
	r, err := b.rtpengine()
	if err != nil {
		t.Fatal(err)
	}
	defer r.stop()
	ports, err := r.setUp(3, netip.MustParseAddrPort("127.0.0.1:9000"))
	if err != nil || len(ports[0]) != 3 || len(ports[1]) != 3 || ports[0][0] == ports[1][0] {
		t.Errorf("%v, %v", ports, err)
	}
	if err := r.tearDown(3); err != nil {
		t.Error(err)
	}
}
