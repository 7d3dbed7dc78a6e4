package fax

import (
	"math/rand/v2"
	"net/netip"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"santral/base/id"
	"santral/base/vnet"
	"santral/media"
	"santral/media/mediatest"
	"santral/media/pcm"
	"santral/media/rtp"
	"santral/media/session"
)

// modem is a machine that sings into a call: a packet each 20 ms, and what comes in the order of its timestamps, late
// enough for the jitter that it has.
type modem struct {
	*Machine
	phone  *mediatest.Phone
	to     netip.AddrPort
	ulaw   bool
	heard  map[uint32][]byte // by timestamp
	next   uint32
	begun  bool
	wait   int
	missed int
}

// step takes 20 ms: what was heard goes in, what is said goes out after a delay of the network's.
func (m *modem) step(delay time.Duration, out *sync.WaitGroup) {
	for _, p := range m.phone.Take() {
		if len(p.Data) > 12 && p.Header.Payload == m.phone.Payload {
			m.heard[p.Header.Timestamp] = p.Data[p.Header.Begin:p.Header.End]
			if !m.begun {
				m.begun, m.next, m.wait = true, p.Header.Timestamp, 4
			}
		}
	}
	var heard, said [160]int16
	if m.begun {
		if m.wait > 0 {
			m.wait--
		} else {
			if b := m.heard[m.next]; b == nil {
				m.missed++
			} else if m.ulaw {
				pcm.DecodeULaw(heard[:], b)
			} else {
				pcm.DecodeALaw(heard[:], b)
			}
			delete(m.heard, m.next)
			m.next += 160
		}
	}
	m.Sound(heard[:], said[:])
	b := m.phone.Next()
	if m.ulaw {
		pcm.EncodeULaw(b[12:], media.Frame(said[:]))
	} else {
		pcm.EncodeALaw(b[12:], media.Frame(said[:]))
	}
	out.Go(func() {
		mediatest.Wait(delay)
		m.phone.Send(m.to, b)
	})
}

// Three pages go as sound from A-law to µ-law: without jitter, and with 20 ms of it on the way to us. Nobody tells the exchange
// that it is a fax; it hears it.
func TestFaxAsSound(t *testing.T) {
	for _, jitter := range []int{0, 20} {
		pages := Pages(3, 5)
		file, received := WriteFile(t, pages), filepath.Join(t.TempDir(), "received.tif")
		a, b := New(t, true, file, nil), New(t, false, received, nil)
		synctest.Test(t, func(t *testing.T) { soundFax(t, a, b, jitter) })
		Compare(t, ReadFile(t, received), pages)
	}
}

func soundFax(t *testing.T, a, b *Machine, jitter int) {
	network := vnet.New(1)
	home, at, bt := netip.MustParseAddr("198.51.100.1"), netip.MustParseAddrPort("192.0.2.10:4000"), netip.MustParseAddrPort("192.0.2.20:6000")
	pool, err := rtp.NewPool(rtp.Config{Net: network.Host(home), Bind: []netip.Addr{home}, First: 10000, Last: 10019})
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	cfg := &session.Config{Pool: pool, Random: id.New([32]byte{1})}
	sa, sb := session.New(cfg, at.Addr(), session.Profile{Codecs: []string{"PCMA"}}), session.New(cfg, bt.Addr(), session.Profile{Codecs: []string{"PCMU"}})
	defer sa.Close()
	defer sb.Close()
	offer, answer := mediatest.Offer(t, at), mediatest.Offer(t, bt)
	toB, err := sb.RelayLocal(offer, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := sa.SetRemote(offer); err != nil {
		t.Fatal(err)
	}
	if err := sb.SetAnswer(answer); err != nil {
		t.Fatal(err)
	}
	toA, err := sa.RelayLocal(answer, true)
	if err != nil {
		t.Fatal(err)
	}
	sa.Join(sb)
	x := &modem{Machine: a, phone: mediatest.NewPhone(t, network.Host(at.Addr()), at), to: mediatest.To(t, toA), heard: map[uint32][]byte{}}
	y := &modem{Machine: b, phone: mediatest.NewPhone(t, network.Host(bt.Addr()), bt), to: mediatest.To(t, toB), heard: map[uint32][]byte{}, ulaw: true}
	y.phone.Payload = 0
	rnd := rand.New(rand.NewPCG(4, uint64(jitter)))
	var out sync.WaitGroup
	defer out.Wait()
	delay := func() time.Duration { return time.Duration(rnd.IntN(1+1000*jitter)) * time.Microsecond }
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for n := range 50 * 400 {
		x.step(delay(), &out)
		y.step(delay(), &out)
		<-tick.C
		overX, errX := x.Over()
		overY, errY := y.Over()
		if overX && overY {
			if errX != nil || errY != nil {
				t.Errorf("%d ms of jitter: %v, %v", jitter, errX, errY)
			}
			t.Logf("%d ms of jitter: %d s; %d and %d packets missed; the call is %v", jitter, n/50, x.missed, y.missed, sa.Way())
			if sa.Way() != session.Transcoded {
				t.Errorf("the call is %v", sa.Way())
			}
			return
		}
	}
	t.Errorf("%d ms of jitter: not over", jitter)
}
