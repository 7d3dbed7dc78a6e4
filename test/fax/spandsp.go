// Package fax is fax machines for tests, made of spandsp: ones that speak T.38 and ones that sing through a
// telephone, and the pages that they send.
//
// What lives here is the library alone and its pages. Calls, datagrams and clocks are the tests'. A machine runs on
// the time that it is given, which may pass faster than the world's.
package fax

import (
	"fmt"
	"os"
	"sync"
	"testing"
	"unsafe"

	"github.com/ebitengine/purego"
)

// library is what we use of libspandsp.so.2. Its structures are opaque: it makes them itself.
type library struct {
	terminalInit    func(s uintptr, calling int32, send, user uintptr) uintptr
	terminalTimeout func(s uintptr, samples int32) int32
	terminalT30     func(s uintptr) uintptr
	terminalCore    func(s uintptr) uintptr
	terminalFree    func(s uintptr) int32
	ifp             func(core uintptr, b *byte, n int32, seq uint16) int32
	version         func(core uintptr, version int32)

	faxInit func(s uintptr, calling int32) uintptr
	faxRx   func(s uintptr, sound *int16, n int32) int32
	faxTx   func(s uintptr, sound *int16, n int32) int32
	faxT30  func(s uintptr) uintptr
	faxIdle func(s uintptr, always int32)
	faxFree func(s uintptr) int32

	ident    func(t30 uintptr, name string) int32
	txFile   func(t30 uintptr, file string, first, last int32) int32
	rxFile   func(t30 uintptr, file string, last int32) int32
	ecm      func(t30 uintptr, on int32) int32
	packings func(t30 uintptr, set int32) int32
	sizes    func(t30 uintptr, set int32) int32
	grains   func(t30 uintptr, set int32) int32
	modems   func(t30 uintptr, set int32) int32
	onEnd    func(t30, f, user uintptr)
	stats    func(t30 uintptr, to *[64]int32)
}

var load = sync.OnceValues(func() (*library, error) {
	lib, err := purego.Dlopen("libspandsp.so.2", purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return nil, err
	}
	l := new(library)
	for name, f := range map[string]any{
		"t38_terminal_init": &l.terminalInit, "t38_terminal_send_timeout": &l.terminalTimeout, "t38_terminal_get_t30_state": &l.terminalT30,
		"t38_terminal_get_t38_core_state": &l.terminalCore, "t38_terminal_free": &l.terminalFree, "t38_core_rx_ifp_packet": &l.ifp, "t38_set_t38_version": &l.version,
		"fax_init": &l.faxInit, "fax_rx": &l.faxRx, "fax_tx": &l.faxTx, "fax_get_t30_state": &l.faxT30, "fax_set_transmit_on_idle": &l.faxIdle, "fax_free": &l.faxFree,
		"t30_set_tx_ident": &l.ident, "t30_set_tx_file": &l.txFile, "t30_set_rx_file": &l.rxFile, "t30_set_ecm_capability": &l.ecm,
		"t30_set_supported_compressions": &l.packings, "t30_set_supported_image_sizes": &l.sizes, "t30_set_supported_resolutions": &l.grains, "t30_set_supported_modems": &l.modems,
		"t30_set_phase_e_handler": &l.onEnd, "t30_get_transfer_statistics": &l.stats,
	} {
		purego.RegisterLibFunc(f, lib, name)
	}
	return l, nil
})

// Machines by the number that the library gives back to its callbacks. purego's callbacks are never freed, so there are two
// of them for all.
var machines sync.Map

var lastMachine struct {
	sync.Mutex
	n uintptr
}

var callbacks = sync.OnceValues(func() (send, end uintptr) {
	send = purego.NewCallback(func(core, user uintptr, b *byte, n, count int32) int32 {
		if m, ok := machines.Load(user); ok && n > 0 {
			m.(*Machine).send(append([]byte(nil), unsafe.Slice(b, n)...), int(count))
		}
		return 0
	})
	end = purego.NewCallback(func(t30, user uintptr, code int32) {
		if m, ok := machines.Load(user); ok {
			m := m.(*Machine)
			m.code, m.over = int(code), true
		}
	})
	return send, end
})

// Machine is a fax machine. It belongs to one goroutine.
type Machine struct {
	l    *library
	id   uintptr
	t38  uintptr // with send
	fax  uintptr // or with sound
	send func(ifp []byte, copies int)
	code int
	over bool
}

// New makes a machine. The calling one sends the pages of a TIFF file, the other writes what it gets into one. With
// send it speaks T.38 and calls that for every IFP packet, within Run, with the number of times that it is to go out;
// without it speaks through Sound.
func New(t testing.TB, calling bool, file string, send func(ifp []byte, copies int)) *Machine {
	t.Helper()
	l, err := load()
	if err != nil {
		if os.Getenv("SANTRAL_TEST_PEERS") == "require" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	m := &Machine{l: l, send: send}
	lastMachine.Lock()
	lastMachine.n++
	m.id = lastMachine.n
	lastMachine.Unlock()
	machines.Store(m.id, m)
	onSend, onEnd := callbacks()
	caller := int32(0)
	if calling {
		caller = 1
	}
	var t30 uintptr
	if send != nil {
		m.t38 = l.terminalInit(0, caller, onSend, m.id)
		l.version(l.terminalCore(m.t38), 0)
		t30 = l.terminalT30(m.t38)
	} else {
		m.fax = l.faxInit(0, caller)
		l.faxIdle(m.fax, 1)
		t30 = l.faxT30(m.fax)
	}
	t.Cleanup(func() {
		machines.Delete(m.id)
		if m.t38 != 0 {
			l.terminalFree(m.t38)
		} else {
			l.faxFree(m.fax)
		}
	})
	l.ident(t30, "santral")
	l.ecm(t30, 1)
	l.packings(t30, 0x0e) // T.4 in one and two dimensions, T.6
	l.modems(t30, 7)      // V.27ter, V.29, V.17
	l.onEnd(t30, onEnd, m.id)
	if calling {
		l.txFile(t30, file, -1, -1)
	} else {
		l.rxFile(t30, file, -1)
	}
	return m
}

// Run lets time pass for a machine of T.38, in samples of 8000 Hz.
func (m *Machine) Run(samples int) { m.l.terminalTimeout(m.t38, int32(samples)) }

// IFP gives a machine of T.38 a packet with its number.
func (m *Machine) IFP(b []byte, seq uint16) {
	if len(b) > 0 {
		m.l.ifp(m.l.terminalCore(m.t38), &b[0], int32(len(b)), seq)
	}
}

// Sound lets a machine hear one piece of sound and fills another of the same length with what it says.
func (m *Machine) Sound(heard, said []int16) {
	m.l.faxRx(m.fax, &heard[0], int32(len(heard)))
	n := m.l.faxTx(m.fax, &said[0], int32(len(said)))
	clear(said[n:])
}

// Over tells whether the machine has ended its fax, and how: nil when all of it went well.
func (m *Machine) Over() (over bool, err error) {
	if m.over && m.code != 0 {
		err = fmt.Errorf("the fax ended with code %d of spandsp", m.code)
	}
	return m.over, err
}
