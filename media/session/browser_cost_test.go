package session

import (
	"net/netip"
	"runtime"
	"testing"
	"time"

	"santral/base/vnet"
	"santral/media/ice"
)

// legMost is what a browser's leg may keep of memory, in octets: its session, path, keys and goroutines.
const legMost = 140 << 10

// TestMemoryOfBrowserLegs holds 500 legs with ICE and DTLS, whose peers are legs of our own in the other role.
func TestMemoryOfBrowserLegs(t *testing.T) {
	const pairs = 250
	offers, answers := webHouse(t, true), webHouse(t, false)
	var peers []*Config // each with a port of its own, as browsers have
	for range pairs {
		mux, err := ice.NewMux(ice.Config{Net: vnet.Real(), Bind: []netip.Addr{netip.MustParseAddr("127.0.0.1")}, Full: true, Random: offers.Random, Advertise: func(_ netip.Addr, v6 bool) netip.Addr {
			if v6 {
				return netip.Addr{}
			}
			return netip.MustParseAddr("127.0.0.1")
		}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(mux.Close)
		c := *offers
		c.ICE = mux
		peers = append(peers, &c)
	}
	var list []*Session
	defer func() {
		for _, s := range list {
			s.Close()
		}
	}()
	deadline := time.Now().Add(time.Minute)
	late := func() {
		if time.Now().After(deadline) {
			t.Fatalf("handshakes: %+v, %+v; ICE: %+v", offers.DTLS.Stats(), answers.DTLS.Stats(), answers.ICE.Stats())
		}
		time.Sleep(time.Millisecond)
	}
	used := func() (octets, goroutines int) {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc + m.StackInuse), runtime.NumGoroutine()
	}
	before, running := used()
	peer := netip.MustParseAddr("127.0.0.1")
	for _, c := range peers {
		a, b := New(c, peer, Profile{Web: true}), New(answers, peer, Profile{Web: true})
		list = append(list, a, b)
		offer, err := a.OfferLocal()
		if err != nil {
			t.Fatal(err)
		}
		if err := b.SetRemote(offer); err != nil {
			t.Fatal(err)
		}
		answer, err := b.AnswerLocal()
		if err != nil {
			t.Fatal(err)
		}
		if err := a.SetAnswer(answer); err != nil {
			t.Fatal(err)
		}
		b.Echo()
		for want := uint64(len(list)/2) - min(uint64(len(list)/2), 20); answers.DTLS.Stats().Agreed < want; { // twenty at once
			late()
		}
	}
	for offers.DTLS.Stats().Agreed < pairs || answers.DTLS.Stats().Agreed < pairs {
		late()
	}
	offers.DTLS.Wait()
	answers.DTLS.Wait()
	after, now := used()
	each := (after - before) / (2 * pairs)
	t.Logf("%d octets and %.2f goroutines a leg", each, float64(now-running)/(2*pairs))
	if each > legMost {
		t.Errorf("a leg keeps %d octets", each)
	}
	if now > running+10 {
		t.Errorf("%d goroutines are left of %d legs", now-running, 2*pairs)
	}
}
