package endpoint

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"santral/sip"
)

const invites = " INVITE sip:bob@192.0.2.20 SIP/2.0"

func TestOurRequest(t *testing.T) {
	play(t, nil, func(r *rig) {
		tx, d := r.ask(sip.OPTIONS, toBob)
		out := r.last()
		via, err := out.Via()
		if err != nil || via.Transport != sip.UDP || via.Host != "192.0.2.1" || via.Port != 5060 || !strings.HasPrefix(via.Branch(), "z9hG4bK") || !via.Params.Has("rport") {
			t.Errorf("Via %v, %v", via, err)
		}
		if out.Headers[0].Kind != sip.ViaKind || out.Get(sip.MaxForwards) != "70" || out.Get(sip.ContentLength) != "0" {
			t.Errorf("%v", out)
		}
		if tx.Flow() != bob || tx.Request().Method != sip.OPTIONS {
			t.Errorf("flow %v", tx.Flow())
		}
		r.wait(600 * ms)
		r.get(bob, r.reply(out, 200, "b1"))
		r.get(bob, r.reply(out, 200, "b1"))
		r.sends("0.000 bob OPTIONS sip:bob@192.0.2.20 SIP/2.0", "0.500 bob OPTIONS sip:bob@192.0.2.20 SIP/2.0")
		d.is(t, "200")
		r.lives(0, 1)
		r.wait(6 * time.Second) // Timer K
		r.lives(0, 0)
		r.get(bob, r.reply(out, 200, "b1"))
		d.is(t, "200")
		if s := r.e.Stats(); s.Stray != 1 {
			t.Errorf("%d stray", s.Stray)
		}
	})
}

func TestOurRequestUnanswered(t *testing.T) {
	play(t, nil, func(r *rig) {
		_, d := r.ask(sip.OPTIONS, toBob)
		r.wait(32*time.Second + 20*ms)
		d.is(t, ErrTimeout.Error())
		if n := len(r.paper.lines); n != 11 {
			t.Errorf("%d copies", n)
		}
		r.lives(0, 0)
	})
}

func TestOurInviteUnanswered(t *testing.T) {
	play(t, nil, func(r *rig) {
		_, d := r.ask(sip.INVITE, toBob)
		r.wait(33 * time.Second)
		d.is(t, ErrTimeout.Error())
		r.sends("0.000 bob"+invites, "0.500 bob"+invites, "1.500 bob"+invites, "3.500 bob"+invites, "7.500 bob"+invites, "15.500 bob"+invites, "31.500 bob"+invites)
		r.lives(0, 0)
	})
}

// RFC 3261 §17.1.1.3: every copy of a refusal is acknowledged, to the INVITE's branch and Routes.
func TestOurInviteRefused(t *testing.T) {
	play(t, nil, func(r *rig) {
		d := new(told)
		r.on("call-1", func(s *Shard) {
			req := request(sip.INVITE)
			req.Add(sip.Route, "<sip:192.0.2.20;lr>")
			s.Request(req, toBob, d.h)
		})
		out := r.last()
		r.get(bob, r.reply(out, 100, ""))
		r.get(bob, r.reply(out, 180, "b1"))
		r.get(bob, r.reply(out, 486, "b1"))
		ack := r.last()
		r.wait(time.Second)
		r.get(bob, r.reply(out, 486, "b1"))
		r.sends("0.000 bob"+invites, "0.000 bob ACK sip:bob@192.0.2.20 SIP/2.0", "1.000 bob ACK sip:bob@192.0.2.20 SIP/2.0")
		if ack.Get(sip.ViaKind) != out.Get(sip.ViaKind) || ack.Get(sip.Route) != "<sip:192.0.2.20;lr>" || ack.ToTag() != "b1" ||
			ack.Get(sip.CSeqKind) != "1 ACK" || ack.Get(sip.From) != out.Get(sip.From) || ack.Get(sip.MaxForwards) == "" {
			t.Errorf("ACK\n%v", ack)
		}
		d.is(t, "100", "180", "486")
		r.wait(33 * time.Second)
		r.lives(0, 0)
	})
}

// RFC 6026 §7.2: all 2xx, those of several branches too, are the user's until Timer M.
func TestOurInviteForked(t *testing.T) {
	play(t, nil, func(r *rig) {
		tx, d := r.ask(sip.INVITE, toBob)
		out := r.last()
		for _, tag := range []string{"b1", "b1", "b2"} {
			r.get(bob, r.reply(out, 200, tag))
		}
		d.is(t, "200", "200", "200")
		r.on("call-1", func(*Shard) { tx.Cancel("") }) // too late to matter
		r.wait(31 * time.Second)
		r.get(bob, r.reply(out, 200, "b3"))
		d.is(t, "200", "200", "200", "200")
		r.wait(2 * time.Second)
		r.get(bob, r.reply(out, 200, "b4"))
		d.is(t, "200", "200", "200", "200")
		r.sends("0.000 bob" + invites)
		r.lives(0, 0)
	})
}

func TestForget(t *testing.T) {
	play(t, nil, func(r *rig) {
		tx, d := r.ask(sip.INVITE, toBob)
		out := r.last()
		r.get(bob, r.reply(out, 180, "b1"))
		r.on("call-1", func(*Shard) { tx.Forget() })
		r.get(bob, r.reply(out, 486, "b1"))
		d.is(t, "180")
		r.sends("0.000 bob"+invites, "0.000 bob ACK sip:bob@192.0.2.20 SIP/2.0")

		r.on("call-1", func(s *Shard) {
			tx = s.Request(request(sip.INVITE), toBob, d.h)
		})
		r.get(bob, r.reply(r.last(), 180, "b1"))
		r.on("call-1", func(*Shard) { tx.Forget() })
		r.wait(33 * time.Second)
		r.lives(0, 0)
	})
}

// RFC 3261 §9.1: a CANCEL waits for a provisional response, goes the INVITE's way with its branch, and
// its INVITE ends by its own response.
func TestOurCancel(t *testing.T) {
	play(t, nil, func(r *rig) {
		tx, d := r.ask(sip.INVITE, toBob)
		out := r.last()
		r.on("call-1", func(*Shard) { tx.Cancel(`SIP;cause=200;text="Call completed elsewhere"`) })
		r.sends("0.000 bob" + invites)
		r.get(bob, r.reply(out, 180, "b1"))
		cancel := r.last()
		r.sends("0.000 bob CANCEL sip:bob@192.0.2.20 SIP/2.0")
		if cancel.Get(sip.ViaKind) != out.Get(sip.ViaKind) || cancel.Get(sip.CSeqKind) != "1 CANCEL" || cancel.ToTag() != "" ||
			cancel.Get(sip.ReasonKind) != `SIP;cause=200;text="Call completed elsewhere"` {
			t.Errorf("CANCEL\n%v", cancel)
		}
		r.get(bob, r.reply(out, 180, "b1"))
		r.get(bob, r.reply(cancel, 200, "b1"))
		r.get(bob, r.reply(out, 487, "b1"))
		r.sends("0.000 bob ACK sip:bob@192.0.2.20 SIP/2.0")
		d.is(t, "180", "180", "487")
		r.wait(33 * time.Second)
		r.sends()
		r.lives(0, 0)
	})
}

// The 200 and the CANCEL cross, and the user hears of the 200.
func TestOurCancelTooLate(t *testing.T) {
	play(t, nil, func(r *rig) {
		tx, d := r.ask(sip.INVITE, toBob)
		out := r.last()
		r.get(bob, r.reply(out, 180, "b1"))
		r.on("call-1", func(*Shard) { tx.Cancel("") })
		cancel := r.last()
		r.get(bob, r.reply(out, 200, "b1"))
		r.get(bob, r.reply(cancel, 200, "b1"))
		d.is(t, "180", "200")
		r.sends("0.000 bob"+invites, "0.000 bob CANCEL sip:bob@192.0.2.20 SIP/2.0")
	})
}

func TestOurCancelUnanswered(t *testing.T) {
	play(t, nil, func(r *rig) {
		tx, d := r.ask(sip.INVITE, toBob)
		r.get(bob, r.reply(r.last(), 180, "b1"))
		r.on("call-1", func(*Shard) { tx.Cancel(""); tx.Cancel("") })
		r.wait(33 * time.Second)
		d.is(t, "180", ErrTimeout.Error())
		r.lives(0, 0)

		// Cancelled and never heard of: it stops at Timer B, and no other hop is tried.
		d = new(told)
		r.on("call-1", func(s *Shard) {
			tx = s.Request(request(sip.INVITE), Next{Hops: []sip.Hop{{Transport: sip.UDP, Addr: bob.Remote}, {Transport: sip.UDP, Addr: alice.Remote}}}, d.h)
			tx.Cancel("")
		})
		r.wait(33 * time.Second)
		d.is(t, ErrTimeout.Error())
		for _, l := range r.paper.lines {
			if strings.Contains(l, "alice") {
				t.Errorf("sent %s", l)
			}
		}
		r.lives(0, 0)
	})
}

// What rings for ever is given up some day.
func TestOurInviteRingsForEver(t *testing.T) {
	play(t, func(c *Config) { c.Limits.Age = 5 * time.Minute }, func(r *rig) {
		_, d := r.ask(sip.INVITE, toBob)
		r.get(bob, r.reply(r.last(), 180, "b1"))
		r.wait(5*time.Minute + time.Second)
		d.is(t, "180", ErrTimeout.Error())
		r.lives(0, 0)
	})
}

// RFC 3263 §4.3: the next hop's turn comes after a 503, silence, or a failure to send, each as a new
// transaction; another answer is final.
func TestHops(t *testing.T) {
	hops := func(list ...string) (h []sip.Hop) {
		for _, a := range list {
			h = append(h, sip.Hop{Transport: sip.UDP, Addr: netip.MustParseAddrPort(a)})
		}
		return h
	}
	play(t, nil, func(r *rig) {
		r.paper.fail(sip.Flow{Transport: sip.UDP, Local: us, Remote: mustAddr("192.0.2.31:5060")})
		var prepared []string
		d := new(told)
		r.on("call-1", func(s *Shard) {
			to := Next{Hops: hops("192.0.2.31:5060", "192.0.2.32:5060", "192.0.2.33:5060", "192.0.2.34:5060")}
			to.Prepare = func(m *sip.Message, f sip.Flow) {
				m.Set(sip.Contact, "<sip:us@"+s.SentBy(f).String()+">")
				prepared = append(prepared, f.Remote.String())
			}
			s.Request(request(sip.INVITE), to, d.h)
		})
		r.wait(0)
		second := r.last()
		if second.Get(sip.Contact) != "<sip:us@192.0.2.1:5060>" {
			t.Errorf("Contact %q", second.Get(sip.Contact))
		}
		r.sends("0.000 192.0.2.32:5060" + invites)
		r.get(alice, r.reply(second, 503, "b1"))
		third := r.last()
		if third.Get(sip.ViaKind) == second.Get(sip.ViaKind) {
			t.Error("the same branch on the next hop")
		}
		n := 0
		for range third.Vias() {
			n++
		}
		if n != 1 {
			t.Errorf("%d Vias", n)
		}
		r.sends("0.000 192.0.2.32:5060 ACK sip:bob@192.0.2.20 SIP/2.0", "0.000 192.0.2.33:5060"+invites)
		r.get(alice, r.reply(second, 503, "b1"))
		r.sends("0.000 192.0.2.32:5060 ACK sip:bob@192.0.2.20 SIP/2.0")
		r.wait(2 * time.Second)
		d.is(t)
		fourth := r.last()
		r.get(alice, r.reply(fourth, 503, "b2"))
		d.is(t, "503")
		if strings.Join(prepared, " ") != "192.0.2.31:5060 192.0.2.32:5060 192.0.2.33:5060 192.0.2.34:5060" {
			t.Errorf("prepared %q", prepared)
		}
		r.wait(33 * time.Second)
		r.lives(0, 0)
	})
	play(t, nil, func(r *rig) {
		for _, f := range []sip.Flow{alice, bob} {
			r.paper.fail(f)
		}
		_, d := r.ask(sip.OPTIONS, Next{Hops: hops("192.0.2.10:5060", "192.0.2.20:5060")})
		r.wait(ms)
		d.is(t, ErrTransport.Error())
		r.lives(0, 0)
		_, d = r.ask(sip.OPTIONS, Next{Hops: []sip.Hop{{Transport: sip.TCP, Addr: bob.Remote}}})
		r.wait(ms)
		d.is(t, ErrTransport.Error())
		_, d = r.ask(sip.OPTIONS, Next{HasFlow: true})
		r.wait(ms)
		d.is(t, ErrTransport.Error())
		r.lives(0, 0)
	})
}

type names map[string][]sip.Hop

func (n names) Resolve(ctx context.Context, uri sip.URI) ([]sip.Hop, error) {
	select {
	case <-time.After(100 * ms):
	case <-ctx.Done():
	}
	if h := n[uri.Host]; h != nil {
		return h, nil
	}
	return nil, errors.New("no such name")
}

func TestURIs(t *testing.T) {
	uri := func(s string) Next {
		u, err := sip.ParseURI(s)
		if err != nil {
			t.Fatal(err)
		}
		return Next{URI: u}
	}
	play(t, func(c *Config) {
		c.Resolver = names{"bob.example.com": {{Transport: sip.UDP, Addr: bob.Remote}}}
		c.Limits.Resolving = 4
	}, func(r *rig) {
		r.ask(sip.OPTIONS, uri("sip:x@192.0.2.20"))
		r.ask(sip.OPTIONS, uri("sip:x@[2001:db8::7]:5070;transport=udp"))
		r.sends("0.000 bob OPTIONS sip:bob@192.0.2.20 SIP/2.0", "0.000 [2001:db8::7]:5070 OPTIONS sip:bob@192.0.2.20 SIP/2.0")
		_, d := r.ask(sip.OPTIONS, uri("sip:x@nobody.example.com"))
		r.ask(sip.OPTIONS, uri("sip:x@bob.example.com"))
		_, over := r.ask(sip.OPTIONS, uri("sip:x@bob.example.com")) // one more than a shard's share of 4
		r.wait(100 * ms)
		r.sends("0.100 bob OPTIONS sip:bob@192.0.2.20 SIP/2.0")
		d.is(t, ErrTransport.Error())
		over.is(t, ErrTransport.Error())
		tx, d := r.ask(sip.INVITE, uri("sip:x@bob.example.com"))
		r.on("call-1", func(*Shard) { tx.Cancel("") })
		r.wait(200 * ms)
		d.is(t, ErrCancelled.Error())
		r.sends()
		r.wait(33 * time.Second)
		r.lives(0, 0)
	})
}

// wideInvite is an INVITE that no UDP datagram may carry.
func wideInvite() *sip.Message {
	m := request(sip.INVITE)
	m.SetBody("application/sdp", strings.Repeat("a=x:0123456789012345678901234567890\r\n", 40))
	return m
}

// RFC 3261 §18.1.1: above 1,300 octets over TCP; back to UDP when TCP fails at once, or does not
// connect within a second; the transaction stays the same.
func TestWideRequests(t *testing.T) {
	send := func(r *rig) (*ClientTx, *told) {
		d := new(told)
		var tx *ClientTx
		r.on("call-1", func(s *Shard) { tx = s.Request(wideInvite(), toBob, d.h) })
		return tx, d
	}
	t.Run("connected", func(t *testing.T) {
		play(t, nil, func(r *rig) {
			r.connect(bob, 5)
			tx, d := send(r)
			out := r.last()
			if via, _ := out.Via(); via.Transport != sip.TCP || tx.Flow() != bob {
				t.Errorf("Via %v, flow %v", via, tx.Flow())
			}
			r.wait(2 * time.Second)
			r.get(onTCP(bob, 5), r.reply(out, 486, "b1"))
			r.sends("0.000 bob/TCP"+invites, "2.000 bob/TCP ACK sip:bob@192.0.2.20 SIP/2.0")
			d.is(t, "486")
			r.wait(33 * time.Second)
			r.lives(0, 0)
		})
	})
	t.Run("connects", func(t *testing.T) {
		play(t, nil, func(r *rig) {
			r.connect(bob, 0)
			send(r)
			r.wait(900 * ms)
			r.connect(bob, 6)
			r.wait(time.Second)
			r.sends("0.000 bob/TCP" + invites)
		})
	})
	t.Run("silent", func(t *testing.T) {
		play(t, nil, func(r *rig) {
			r.connect(bob, 0)
			_, d := send(r)
			first, _ := r.last().Via()
			r.wait(1600 * ms)
			out := r.last()
			if via, _ := out.Via(); via.Transport != sip.UDP || via.Branch() != first.Branch() {
				t.Errorf("Via %v, first %v", via, first)
			}
			r.get(bob, r.reply(out, 180, "b1"))
			r.sends("0.000 bob/TCP"+invites, "1.000 bob"+invites, "1.500 bob"+invites)
			d.is(t, "180")
			send(r) // TCP is not tried again for a while
			r.sends("1.600 bob" + invites)
			r.wait(6 * time.Minute)
			r.paper.lines = nil
			send(r)
			r.sends("361.600 bob/TCP" + invites)
		})
	})
	t.Run("refused", func(t *testing.T) {
		play(t, nil, func(r *rig) {
			r.connect(bob, 0)
			r.paper.fail(onTCP(bob, 0))
			send(r)
			r.wait(600 * ms)
			r.sends("0.000 bob"+invites, "0.500 bob"+invites)
		})
	})
	t.Run("no TCP listener", func(t *testing.T) {
		play(t, nil, func(r *rig) {
			send(r)
			r.sends("0.000 bob" + invites)
		})
	})
	t.Run("stateless", func(t *testing.T) {
		play(t, nil, func(r *rig) {
			r.connect(bob, 0)
			ack := wideInvite()
			ack.Method = sip.ACK
			ack.Set(sip.CSeqKind, "1 ACK")
			var sent *Sent
			r.on("call-1", func(s *Shard) { sent = s.Send(ack, toBob) })
			r.sends("0.000 bob/TCP ACK sip:bob@192.0.2.20 SIP/2.0")
			r.paper.fail(onTCP(bob, 0))
			r.on("call-1", func(s *Shard) { sent = s.Send(ack, toBob) })
			r.wait(0)
			r.on("call-1", func(s *Shard) { sent.Resend() })
			r.sends("0.000 bob ACK sip:bob@192.0.2.20 SIP/2.0", "0.000 bob ACK sip:bob@192.0.2.20 SIP/2.0")
		})
	})
}

// RFC 3261 §13.2.2.4: the ACK to a 2xx has a branch of its own and is sent again as it was.
func TestStatelessSend(t *testing.T) {
	play(t, func(c *Config) {
		c.Resolver = names{"bob.example.com": {{Transport: sip.TCP, Addr: alice.Remote}, {Transport: sip.UDP, Addr: bob.Remote}}}
	}, func(r *rig) {
		var sent *Sent
		r.on("call-1", func(s *Shard) { sent = s.Send(request(sip.ACK), toBob) })
		first := r.last().String()
		r.on("call-1", func(s *Shard) { sent.Resend() })
		if again := r.last().String(); again != first {
			t.Error("the copy differs")
		}
		r.sends("0.000 bob ACK sip:bob@192.0.2.20 SIP/2.0", "0.000 bob ACK sip:bob@192.0.2.20 SIP/2.0")
		uri, _ := sip.ParseURI("sip:bob.example.com")
		r.on("call-1", func(s *Shard) {
			sent = s.Send(request(sip.ACK), Next{URI: uri})
			sent.Resend() // not known where to yet
		})
		r.wait(100 * ms)
		r.sends("0.100 bob ACK sip:bob@192.0.2.20 SIP/2.0")
		r.on("call-1", func(s *Shard) {
			s.Send(request(sip.ACK), Next{Hops: []sip.Hop{{Transport: sip.TCP, Addr: alice.Remote}}})
		})
		r.sends()
		r.lives(0, 0)
		if s := r.e.Stats(); s.Unsent != 1 {
			t.Errorf("%d unsent", s.Unsent)
		}
	})
}

func TestResponsesThatAreNotOurs(t *testing.T) {
	play(t, nil, func(r *rig) {
		_, d := r.ask(sip.OPTIONS, toBob)
		out := r.last()
		two := sip.NewResponse(out, 200, "")
		two.Add(sip.ViaKind, "SIP/2.0/UDP 192.0.2.99;branch=z9hG4bKx")
		r.get(bob, two.String()) // RFC 3261 §8.1.3.3
		other := sip.NewResponse(out, 200, "")
		other.Set(sip.CSeqKind, "1 INVITE")
		r.get(bob, other.String())
		r.get(bob, "SIP/2.0 999 No\r\n\r\n")
		d.is(t)
		r.get(bob, r.reply(out, 404, "b"))
		d.is(t, "404")
		if s := r.e.Stats(); s.Dropped != 2 || s.Stray != 1 || s.Malformed != 1 {
			t.Errorf("%+v", s)
		}
	})
}

func TestCloseEndsRequests(t *testing.T) {
	var d *told
	play(t, nil, func(r *rig) {
		_, d = r.ask(sip.INVITE, toBob)
		r.wait(0)
		if err := r.e.Close(context.Background()); err != nil {
			t.Error(err)
		}
		if r.e.Shard("call-1").Do(func() {}) {
			t.Error("a closed shard takes work")
		}
		r.get(alice, text(sip.OPTIONS))
		d.is(t, ErrClosed.Error())
	})
}

// A flow that is gone gives way to the URI that Next knows besides; silence on it does not.
func TestFlowThenURI(t *testing.T) {
	play(t, nil, func(r *rig) {
		uri, _ := sip.ParseURI("sip:bob@192.0.2.20")
		gone := onTCP(alice, 4)
		r.paper.fail(gone)
		_, d := r.ask(sip.BYE, Next{Flow: gone, HasFlow: true, URI: uri})
		r.wait(ms)
		r.get(bob, r.reply(r.last(), 200, "b"))
		r.sends("0.000 bob BYE sip:bob@192.0.2.20 SIP/2.0")
		d.is(t, "200")

		r.paper.fail(bob)
		_, d = r.ask(sip.BYE, Next{Flow: gone, HasFlow: true, URI: uri})
		r.wait(ms)
		d.is(t, ErrTransport.Error())

		_, d = r.ask(sip.BYE, Next{Flow: alice, HasFlow: true, URI: uri})
		r.wait(33 * time.Second)
		d.is(t, ErrTimeout.Error())
		r.lives(0, 0)
	})
}
