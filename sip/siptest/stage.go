// Package siptest is the kit for tests of SIP: scripted phones on a virtual network that send any text
// they are given, wait for what must come, and leave behind a ladder that reads like the figures of
// RFC 3665.
//
// What lives here is for tests alone: a [Stage] owns the virtual network and the ladder, a [Phone] its
// sockets and what it has received. A stage belongs into a testing/synctest bubble, where time is
// virtual. The phones know no transactions and no dialogs: every copy and every ACK is in the script,
// so that a test can also do what no phone should.
package siptest

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"santral/base/golden"
	"santral/base/vnet"
)

// Stage is a virtual network with a clock at zero and a ladder of what its phones sent and received.
type Stage struct {
	t     testing.TB
	net   *vnet.Network
	start time.Time

	mu     sync.Mutex
	actors []actor
	rungs  []rung
}

type actor struct {
	name  string
	addr  netip.Addr
	phone bool
}

// NewStage makes a stage; seed decides the network's chances.
func NewStage(t testing.TB, seed uint64) *Stage {
	return &Stage{t: t, net: vnet.New(seed), start: time.Now()}
}

// Net is the network, for links, cuts and names.
func (s *Stage) Net() *vnet.Network { return s.net }

// Host adds a machine that is not a phone, such as the server under test: it gets the next column of
// the ladder under its name.
func (s *Stage) Host(name string, addrs ...string) *vnet.Host {
	list := make([]netip.Addr, len(addrs))
	for i, a := range addrs {
		list[i] = netip.MustParseAddr(a)
	}
	s.column(name, false, list...)
	return s.net.Host(list...)
}

// column gives addresses a name; the first use of a name gives it the next column.
func (s *Stage) column(name string, phone bool, addrs ...netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range addrs {
		s.actors = append(s.actors, actor{name, a, phone})
	}
}

// Wait lets d pass.
func (s *Stage) Wait(d time.Duration) { time.Sleep(d) }

// Note writes a remark across the ladder.
func (s *Stage) Note(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rungs = append(s.rungs, rung{at: time.Since(s.start), note: text})
}

// heard writes what a phone received into the ladder, unless another phone's sending is there already.
func (s *Stage) heard(from, to netip.Addr, label string, stream bool) {
	s.mu.Lock()
	known := slices.ContainsFunc(s.actors, func(a actor) bool { return a.phone && a.addr == from })
	s.mu.Unlock()
	if !known {
		s.rung(from, to, label, stream)
	}
}

// rung writes one message into the ladder.
func (s *Stage) rung(from, to netip.Addr, label string, stream bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rungs = append(s.rungs, rung{at: time.Since(s.start), from: from, to: to, label: label, stream: stream})
}

// Ladder prints what happened so far.
func (s *Stage) Ladder() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return draw(s.actors, s.rungs)
}

// Golden compares the ladder with testdata/NAME.ladder, whose leading lines that begin with "#" tell
// what the ladder shows. With -update the file is written instead, its heading kept.
func (s *Stage) Golden(name string) {
	s.t.Helper()
	path := filepath.Join("testdata", name+".ladder")
	old, err := os.ReadFile(path)
	if err != nil && !golden.Update() {
		s.t.Errorf("no golden ladder: %v; the ladder is\n%s", err, s.Ladder())
		return
	}
	heading, body := split(string(old))
	got := s.Ladder()
	if golden.Update() {
		golden.Write(s.t, path, heading+got)
		return
	}
	if got != body {
		s.t.Errorf("%s: got\n%s\nwant\n%s\n%s", path, got, body, firstDifference(got, body))
	}
}

// split parts a golden file's heading from its ladder.
func split(text string) (heading, body string) {
	for strings.HasPrefix(text, "#") {
		line, rest, _ := strings.Cut(text, "\n")
		heading += line + "\n"
		text = rest
	}
	return heading, text
}

func firstDifference(got, want string) string {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(a), len(b)) {
		x, y := line(a, i), line(b, i)
		if x != y {
			return "first difference:\n- " + y + "\n+ " + x
		}
	}
	return ""
}

func line(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return "(end)"
}

// names gives the columns in their order.
func names(actors []actor) (list []string) {
	for _, a := range actors {
		if !slices.Contains(list, a.name) {
			list = append(list, a.name)
		}
	}
	return list
}
