package phone

import (
	"context"
	"errors"
	"math"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"santral/base/id"
	"santral/base/vnet"
	"santral/call"
	"santral/media"
	"santral/media/tone"
	"santral/sip"
	"santral/sip/siptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	addrA = netip.MustParseAddr("10.0.0.1")
	addrB = netip.MustParseAddr("10.0.0.2")
	addrS = netip.MustParseAddr("10.0.0.9")
)

// world is a virtual network in virtual time.
type world struct {
	t    *testing.T
	net  *vnet.Network
	ctx  context.Context
	seed byte
}

// virtually runs a test in a bubble; everything must be over within a virtual hour.
func virtually(t *testing.T, test func(w *world)) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		n := vnet.New(7)
		n.SetDefault(vnet.Link{Latency: 5 * time.Millisecond})
		test(&world{t: t, net: n, ctx: ctx})
	})
}

func (w *world) random() *id.Source {
	w.seed++
	return id.New([32]byte{w.seed})
}

// phone switches a phone on, and off again at the end of the test.
func (w *world) phone(cfg Config) *Phone {
	w.t.Helper()
	if cfg.Net == nil {
		cfg.Net = w.net.Host(cfg.Listen.Addr())
	}
	cfg.Random = w.random()
	p, err := New(w.ctx, cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		if err := p.Close(context.WithoutCancel(w.ctx)); err != nil {
			w.t.Error(err)
		}
	})
	return p
}

func (w *world) pair(t sip.Transport) (a, b *Phone) {
	port := netip.AddrPortFrom
	a = w.phone(Config{Transport: t, Listen: port(addrA, 5060), User: "alice", Name: "Alice A."})
	b = w.phone(Config{Transport: t, Listen: port(addrB, 5060), User: "bob"})
	return a, b
}

// connect calls from a to b and answers.
func (w *world) connect(a, b *Phone) (ca, cb *Call) {
	w.t.Helper()
	target := "sip:bob@" + b.Addr().String()
	if a.cfg.Transport == sip.TCP {
		target += ";transport=tcp"
	}
	ca, err := a.Call(w.ctx, target)
	if err != nil {
		w.t.Fatal(err)
	}
	if cb, err = b.Ringing(w.ctx); err != nil {
		w.t.Fatal(err)
	}
	if e := w.wait(ca, Progress); e.Status != 180 || ca.State() != Rings || cb.State() != Rings {
		w.t.Errorf("progress %d, states %v and %v", e.Status, ca.State(), cb.State())
	}
	cb.Answer()
	w.wait(ca, Talks)
	w.wait(cb, Talks)
	return ca, cb
}

func (w *world) wait(c *Call, kinds ...EventKind) Event {
	w.t.Helper()
	e, err := c.Wait(w.ctx, kinds...)
	if err != nil {
		w.t.Fatalf("waiting for %v: %v", kinds, err)
	}
	return e
}

func (w *world) pass(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	<-t.C
}

// meter is a sink that measures what it hears, in samples.
type meter struct{ samples, loud atomic.Int64 }

func (m *meter) Write(f media.Frame) {
	sum := 0.0
	for _, s := range f {
		sum += float64(s) * float64(s)
	}
	m.samples.Add(int64(len(f)))
	if math.Sqrt(sum/float64(len(f))) > 1000 {
		m.loud.Add(int64(len(f)))
	}
}

func TestCall(t *testing.T) {
	for _, transport := range []sip.Transport{sip.UDP, sip.TCP} {
		t.Run(transport.String(), func(t *testing.T) {
			virtually(t, func(w *world) {
				a, b := w.pair(transport)
				ca, cb := w.connect(a, b)
				if cb.Number() != "alice" || cb.Name() != "Alice A." || cb.Dialled() != "bob" || cb.Direction() != call.In {
					t.Errorf("the caller is %q %q, dialled %q", cb.Number(), cb.Name(), cb.Dialled())
				}
				var ear meter
				cb.Record(&ear)
				ca.Play(tone.Milliwatt().Play())
				w.pass(10 * time.Second)
				ca.Hangup()
				e := w.wait(cb, Over)
				if !e.ByPeer || e.Cause.Q850 != 16 {
					t.Errorf("b's end: %+v", e)
				}
				if e = w.wait(ca, Over); e.ByPeer {
					t.Errorf("a's end: %+v", e)
				}
				if _, err := ca.Next(w.ctx); !errors.Is(err, ErrEnded) {
					t.Errorf("after the end: %v", err)
				}
				if n := ear.loud.Load(); n < 79000 || n > 80500 {
					t.Errorf("%d of %d samples were heard", n, ear.samples.Load())
				}
				fa, fb := ca.Facts(), cb.Facts()
				if fa.Codec != "PCMA" || fb.Received < 495 || fb.Received > 502 || fb.Lost != 0 || fb.MOS != 4.41 || fa.Status != 200 || fa.By != "us" || fb.By != "peer" || fb.Transport != transport.String() {
					t.Errorf("facts:\n%+v\n%+v", fa, fb)
				}
				if fa.TalkMS < 9900 || fa.TalkMS > 10100 || fa.SIPCallID != fb.SIPCallID {
					t.Errorf("talked %d ms", fa.TalkMS)
				}
			})
		})
	}
}

func TestEarlyMedia(t *testing.T) {
	virtually(t, func(w *world) {
		a, b := w.pair(sip.UDP)
		ca, err := a.Call(w.ctx, "sip:bob@10.0.0.2")
		if err != nil {
			t.Fatal(err)
		}
		var ear meter
		ca.Record(&ear)
		cb, err := b.Ringing(w.ctx)
		if err != nil {
			t.Fatal(err)
		}
		cb.Play(tone.Ringback().Play())
		if err := cb.Early(); err != nil {
			t.Fatal(err)
		}
		for {
			if e := w.wait(ca, Progress); e.Status == 183 {
				break
			}
		}
		w.pass(10 * time.Second)
		if n := ear.loud.Load(); n < 15500 || n > 16500 { // two rings of a second
			t.Errorf("%d samples heard before the answer", n)
		}
		cb.Answer()
		w.wait(ca, Talks)
		w.pass(10 * time.Second)
		if n := ear.loud.Load(); n < 31500 || n > 32500 {
			t.Errorf("%d samples heard in all", n)
		}
	})
}

func TestLateOffer(t *testing.T) {
	virtually(t, func(w *world) {
		a := w.phone(Config{Listen: netip.AddrPortFrom(addrA, 5060), User: "alice", LateOffer: true})
		b := w.phone(Config{Listen: netip.AddrPortFrom(addrB, 5060), User: "bob"})
		ca, cb := w.connect(a, b)
		ca.Play(tone.Milliwatt().Play())
		cb.Play(tone.Milliwatt().Play())
		var here, there meter
		ca.Record(&here)
		cb.Record(&there)
		w.pass(5 * time.Second)
		if f := ca.Facts(); f.Codec != "PCMA" || f.State != Talking || f.TalkMS < 4900 || f.By != "" {
			t.Errorf("%+v", f)
		}
		ca.Hangup()
		w.wait(cb, Over)
		if here.loud.Load() < 39000 || there.loud.Load() < 39000 || ca.Facts().Codec != "PCMA" {
			t.Errorf("%d and %d samples heard, codec %s", here.loud.Load(), there.loud.Load(), ca.Facts().Codec)
		}
	})
}

func TestHold(t *testing.T) {
	virtually(t, func(w *world) {
		a, b := w.pair(sip.UDP)
		ca, cb := w.connect(a, b)
		ca.Play(tone.Milliwatt().Play())
		for range 2 {
			if err := ca.Hold(w.ctx); err != nil {
				t.Fatal(err)
			}
			w.wait(cb, Held)
			var ear meter
			cb.Record(&ear)
			w.pass(2 * time.Second)
			if n := ear.loud.Load(); n != 0 {
				t.Errorf("%d samples heard on hold", n)
			}
			if err := ca.Resume(w.ctx); err != nil {
				t.Fatal(err)
			}
			w.wait(cb, Resumed)
			ear.loud.Store(0)
			w.pass(2 * time.Second)
			if n := ear.loud.Load(); n < 15000 {
				t.Errorf("%d samples heard after the hold", n)
			}
		}
		if f := ca.Facts(); f.Holds != 2 {
			t.Errorf("%d holds", f.Holds)
		}
		if err := cb.Hold(w.ctx); err != nil { // the callee may as well
			t.Fatal(err)
		}
		w.wait(ca, Held)
		cb.Hangup()
		w.wait(ca, Over)
		if err := ca.Hold(w.ctx); !errors.Is(err, ErrEnded) {
			t.Errorf("hold after the end: %v", err)
		}
	})
}

func TestDigits(t *testing.T) {
	virtually(t, func(w *world) {
		a, b := w.pair(sip.UDP)
		ca, cb := w.connect(a, b)
		if err := ca.SendDigits(w.ctx, "112,#*0D"); err != nil {
			t.Fatal(err)
		}
		w.pass(time.Second)
		if cb.Digits() != "112#*0D" || cb.Tones() != "" {
			t.Errorf("heard %q, and %q as tones", cb.Digits(), cb.Tones())
		}
		cb.Play(tone.Digits("74", 100*time.Millisecond, 100*time.Millisecond).Play())
		w.pass(time.Second)
		if ca.Tones() != "74" || ca.Digits() != "" {
			t.Errorf("heard %q as tones, %q as events", ca.Tones(), ca.Digits())
		}
		if err := ca.SendDigits(w.ctx, "1x"); err == nil {
			t.Error("x was sent")
		}
	})
}

func TestDigitsAsTonesWithoutEvents(t *testing.T) {
	virtually(t, func(w *world) {
		a := w.phone(Config{Listen: netip.AddrPortFrom(addrA, 5060), User: "alice", Formats: []media.Format{{Name: "PCMU", Rate: 8000, Channels: 1}}})
		b := w.phone(Config{Listen: netip.AddrPortFrom(addrB, 5060), User: "bob"})
		ca, cb := w.connect(a, b)
		if err := cb.SendDigits(w.ctx, "19"); err != nil {
			t.Fatal(err)
		}
		w.pass(time.Second)
		if ca.Tones() != "19" || ca.Digits() != "" || ca.Facts().Codec != "PCMU" {
			t.Errorf("heard %q as tones, %q as events, codec %s", ca.Tones(), ca.Digits(), ca.Facts().Codec)
		}
	})
}

func TestEndings(t *testing.T) {
	virtually(t, func(w *world) {
		a, b := w.pair(sip.UDP)
		target := "sip:bob@10.0.0.2"
		dial := func() (*Call, *Call) {
			ca, err := a.Call(w.ctx, target)
			if err != nil {
				t.Fatal(err)
			}
			cb, err := b.Ringing(w.ctx)
			if err != nil {
				t.Fatal(err)
			}
			w.wait(ca, Progress)
			return ca, cb
		}
		ends := func(name string, c *Call, byPeer bool, status int) {
			t.Helper()
			e := w.wait(c, Over)
			if e.ByPeer != byPeer || e.Status != status {
				t.Errorf("%s: by peer %v, status %d, %+v; want %v, %d", name, e.ByPeer, e.Status, e.Cause, byPeer, status)
			}
		}
		ca, cb := dial()
		cb.Hangup()
		ends("declined, caller", ca, true, 603)
		ends("declined, callee", cb, false, 603)

		ca, cb = dial()
		cb.Reject(call.Busy)
		ends("busy, caller", ca, true, 486)
		ends("busy, callee", cb, false, 486)

		ca, cb = dial()
		ca.Hangup()
		ends("given up, caller", ca, false, 487)
		ends("given up, callee", cb, true, 487)

		ctx, cancel := context.WithCancel(w.ctx)
		ca, err := a.Call(ctx, target)
		if err != nil {
			t.Fatal(err)
		}
		if cb, err = b.Ringing(w.ctx); err != nil {
			t.Fatal(err)
		}
		w.pass(time.Second)
		cancel()
		ends("context ended, caller", ca, false, 487)
		ends("context ended, callee", cb, true, 487)

		b.cfg.Calls = 1
		_, cb = dial()
		if ca, err = a.Call(w.ctx, target); err != nil {
			t.Fatal(err)
		}
		ends("second call", ca, true, 486)
		cb.Hangup()

		if ca, err = a.Call(w.ctx, "sip:nobody@10.0.0.77"); err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		ends("nobody there", ca, true, 408)
		if took := time.Since(begun); took < 31*time.Second || took > 33*time.Second {
			t.Errorf("given up after %v", took)
		}
		if _, err := a.Call(w.ctx, "102"); !errors.Is(err, ErrNobody) {
			t.Errorf("a number without a server: %v", err)
		}
		if _, err := a.Call(w.ctx, "sip:x@absent.example"); err == nil {
			t.Error("an unknown name was called")
		}
	})
}

func TestLossIsMeasured(t *testing.T) {
	virtually(t, func(w *world) {
		a, b := w.pair(sip.UDP)
		ca, cb := w.connect(a, b)
		n := 0
		w.net.SetFilter(func(p vnet.Packet) bool { // every tenth packet of the sound goes lost
			if p.To.Addr() != addrB || p.To.Port() < 30000 || p.To.Port()%2 != 0 {
				return true
			}
			n++
			return n%10 != 0
		})
		w.pass(20 * time.Second)
		w.net.SetFilter(nil)
		w.pass(time.Second)
		ca.Hangup()
		w.wait(cb, Over)
		f := cb.Facts()
		if f.Lost < 80 || f.Lost > 120 || f.MOS > 3.9 || f.MOS < 2 {
			t.Errorf("%d lost of %d, MOS %v", f.Lost, f.Lost+f.Received, f.MOS)
		}
	})
}

func TestSilenceIsTold(t *testing.T) {
	virtually(t, func(w *world) {
		a := w.phone(Config{Listen: netip.AddrPortFrom(addrA, 5060), User: "alice", DeadAfter: 5 * time.Second})
		b := w.phone(Config{Listen: netip.AddrPortFrom(addrB, 5060), User: "bob"})
		ca, _ := w.connect(a, b)
		w.net.SetFilter(func(p vnet.Packet) bool { return p.To.Port() == 5060 })
		begun := time.Now()
		w.wait(ca, Silence)
		if took := time.Since(begun); took < 4*time.Second || took > 8*time.Second {
			t.Errorf("told after %v", took)
		}
		w.net.SetFilter(nil)
	})
}

func TestCloseHangsUp(t *testing.T) {
	virtually(t, func(w *world) {
		a, b := w.pair(sip.UDP)
		_, cb := w.connect(a, b)
		if err := a.Close(w.ctx); err != nil {
			t.Fatal(err)
		}
		if e := w.wait(cb, Over); !e.ByPeer {
			t.Errorf("%+v", e)
		}
		if _, err := a.Call(w.ctx, "sip:bob@10.0.0.2"); !errors.Is(err, ErrClosed) {
			t.Errorf("a call of a closed phone: %v", err)
		}
		if _, err := a.Ringing(w.ctx); !errors.Is(err, ErrClosed) {
			t.Errorf("waiting with a closed phone: %v", err)
		}
	})
}

func TestNew(t *testing.T) {
	virtually(t, func(w *world) {
		for name, cfg := range map[string]Config{
			"no address":         {Net: w.net.Host(netip.MustParseAddr("10.1.0.1"))},
			"not our address":    {Net: w.net.Host(netip.MustParseAddr("10.1.0.2")), Listen: netip.MustParseAddrPort("10.9.9.9:5060")},
			"an unknown server":  {Net: w.net.Host(netip.MustParseAddr("10.1.0.3")), Server: "absent.example"},
			"a senseless server": {Net: w.net.Host(netip.MustParseAddr("10.1.0.4")), Server: "a b:c"},
		} {
			if p, err := New(w.ctx, cfg); err == nil {
				t.Errorf("%s: the phone listens at %v", name, p.Addr())
			}
		}
	})
}

// A name without a port is found by its SRV records, one with a port by its addresses (RFC 3263 §4.2); of these
// the first that this phone can reach.
func TestServerByItsName(t *testing.T) {
	names := netip.MustParseAddrPort("10.1.0.53:53")
	for server, want := range map[string]string{
		"pbx.example": "10.1.0.7:5070", "pbx.example:5062": "10.1.0.8:5062", "10.1.0.9": "10.1.0.9:5060",
	} {
		virtually(t, func(w *world) {
			siptest.StartNames(w.t, w.net.Host(names.Addr()), names, `
_sip._udp.pbx.example. 60 IN SRV 10 0 5070 one.pbx.example.
_sip._tcp.pbx.example. 60 IN SRV 10 0 5071 one.pbx.example.
one.pbx.example.       60 IN AAAA 2001:db8::7
one.pbx.example.       60 IN A 10.1.0.7
pbx.example.           60 IN A 10.1.0.8
.                      60 IN SOA ns. root. 1 3600 600 86400 300
`)
			host := w.net.Host(addrA)
			p, err := New(w.ctx, Config{Net: host, Server: server, DNS: []netip.AddrPort{names}, Listen: netip.AddrPortFrom(addrA, 5060)})
			if err != nil {
				w.t.Fatal(err)
			}
			if p.server.Addr.String() != want {
				w.t.Errorf("%s is at %v, want %s", server, p.server, want)
			}
			p.Close(w.ctx)
		})
	}
}
