package sipleg

import (
	"context"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"santral/base/id"
	"santral/call"
	"santral/call/calltest"
	"santral/media/rtp"
	"santral/media/session"
	"santral/sip"
	"santral/sip/digest"
	"santral/sip/endpoint"
	"santral/sip/invite"
	"santral/sip/transport"
)

// soft is a telephone made of the same legs: no door, an account of its own.
type soft struct {
	w     *world
	layer *transport.Layer
	ep    *endpoint.Endpoint
	agent *Agent
	pool  *rtp.Pool
	inbox chan call.LegEvent
	rings chan call.Leg
	from  chan call.Party
}

// Post takes what happens on a leg (call.Inbox).
func (s *soft) Post(e call.LegEvent) { s.inbox <- e }

// Incoming takes a call (call.Incoming).
func (s *soft) Incoming(leg call.Leg, in call.Arrival) call.Inbox {
	s.rings <- leg
	s.from <- in.From
	return s
}

func (w *world) soft(addr, user, password string) *soft {
	w.Helper()
	s := &soft{w: w, inbox: make(chan call.LegEvent, 64), rings: make(chan call.Leg, 4), from: make(chan call.Party, 4)}
	host, local := w.host(addr), netip.MustParseAddr(addr)
	random := id.New([32]byte{9, local.As4()[3]})
	var err error
	s.pool, err = rtp.NewPool(rtp.Config{Net: host, Bind: []netip.Addr{local}, First: 20000, Last: 20099})
	w.must(err)
	s.layer, err = transport.Start(transport.Config{
		Net: host, Readers: 1, Handle: func(in sip.Inbound) { s.ep.Receive(in) },
		Listeners: []transport.Listener{{Transport: sip.UDP, Addr: netip.AddrPortFrom(local, 5060)}},
	})
	w.must(err)
	s.agent = New(Config{
		Shard:     func(callID string) *endpoint.Shard { return s.ep.Shard(callID) },
		Media:     &session.Config{Pool: s.pool, Random: random},
		Random:    random,
		Account:   &invite.Account{User: user, Password: password},
		Host:      func(string) string { return "192.0.2.1" },
		UserAgent: "Santral phone",
	})
	s.ep = endpoint.New(endpoint.Config{
		Wire: wire{s.layer}, User: s.agent, Shards: 1, Random: random,
		Allow: []sip.Method{sip.INVITE, sip.ACK, sip.CANCEL, sip.BYE, sip.OPTIONS, sip.INFO},
	})
	s.agent.Open(s)
	return s
}

func (s *soft) close() {
	s.layer.Close()
	s.ep.Close(context.Background())
	s.pool.Close()
}

// dial calls a number at the exchange.
func (s *soft) dial(number, own string) call.Leg {
	return s.agent.Dial(context.Background(), call.Dial{
		Call: "1", Leg: "a", From: call.Party{Account: own, Number: own, Name: "Soft"}, To: number, Own: true, Hops: 70,
		Target: call.Target{URI: "sip:" + number + "@192.0.2.1"}, Timeout: time.Minute,
	}, s)
}

// event waits for the next thing that happens on a leg.
func (s *soft) event(kind call.LegEventKind) call.LegEvent {
	s.w.Helper()
	select {
	case e := <-s.inbox:
		if e.Kind != kind {
			s.w.Fatalf("the phone was told %s (%+v), want %s\n%s", e.Kind, e.Cause, kind, s.w.ladder.String())
		}
		return e
	case <-time.After(10 * time.Minute):
		s.w.Fatalf("the phone was told nothing, want %s\n%s", kind, s.w.ladder.String())
	}
	return call.LegEvent{}
}

// asking is a door that wants a digest from everybody.
type asking struct{ server *digest.Server }

func (d asking) Identify(req *sip.Message, flow sip.Flow) (call.Party, *sip.Message) {
	header := req.Get(sip.Authorization)
	user, r := d.server.Check(req.Method, req.RequestURI, header, flow.Remote.Addr(), func(user string) (digest.HA1, bool) {
		return digest.NewHA1(user, "test", "secret"), true
	})
	if r == digest.Accepted {
		p := calltest.Party(user)
		p.Source = flow.Remote
		return p, nil
	}
	res := sip.NewResponse(req, 401, "")
	for _, c := range d.server.Challenge(flow.Remote.Addr(), false, r == digest.Stale) {
		res.Add(sip.WWWAuthenticate, c)
	}
	return call.Party{}, res
}

// TestSoftphone: two telephones made of our own legs call each other through the exchange, which asks the
// caller who it is.
func TestSoftphone(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		begun := time.Now()
		x.agent.cfg.Door = asking{digest.NewServer(digest.Config{Realm: "test", Random: id.New([32]byte{3})})}
		a, b := w.soft("192.0.2.11", "101", "secret"), w.soft("192.0.2.12", "102", "secret")
		defer a.close()
		defer b.close()
		leg := a.dial("102", "101")
		other := <-b.rings
		if from := <-b.from; from.Number != "101" || from.Name != "Phone 101" {
			t.Errorf("B is called by %+v", from)
		}
		other.Progress(call.Progress{Status: 180})
		if e := a.event(call.Progressed); e.Status != 180 {
			t.Errorf("progress %d", e.Status)
		}
		other.Answer(nil)
		a.event(call.Answered)
		b.event(call.Confirmed)
		if codec := leg.Media().Codec(); codec != session.Formats()[0].Name {
			t.Errorf("codec %q", codec)
		}

		leg.Offer(nil) // with an offer of the far side
		e := b.event(call.Offered)
		if e.Desc != nil {
			t.Errorf("offered %s", e.Desc)
		}
		other.Accept(nil)
		a.event(call.Accepted)
		leg.Accept(nil)
		b.event(call.Accepted)

		leg.Inform(call.Info{ContentType: "application/dtmf-relay", Content: "Signal=#\r\nDuration=100\r\n"})
		if e := b.event(call.Pressed); e.Digit != '#' || e.Long != 100*time.Millisecond {
			t.Errorf("digit %q for %s", e.Digit, e.Long)
		}
		time.Sleep(time.Until(begun.Add(200 * time.Millisecond))) // on which turn of the media clock the key began is chance
		leg.Hangup(call.NormalClearing)
		if e := a.event(call.Ended); e.Cause.Q850 != 16 || e.Detail.SIPCallID == "" || e.Detail.UserAgent != "Santral" {
			t.Errorf("ended %+v", e)
		}
		e = b.event(call.Ended)
		e.Finish()
		synctest.Wait()
		w.house.Check(t)
	})
}

// TestWrongPassword: the exchange refuses the second answer too, and the telephone gives up.
func TestWrongPassword(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		x.agent.cfg.Door = asking{digest.NewServer(digest.Config{Realm: "test", Random: id.New([32]byte{3})})}
		a := w.soft("192.0.2.11", "101", "guess")
		defer a.close()
		a.dial("102", "101")
		if e := a.event(call.Failed); e.Cause.SIP != 401 {
			t.Errorf("failed with %+v", e.Cause)
		}
		synctest.Wait() // the ACK leaves in the same instant
	})
}

// TestDialAndLeave: every way in which a leg outwards can end before it is answered tells it once.
func TestDialAndLeave(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		w.silence()
		a, b := w.soft("192.0.2.11", "101", "secret"), w.phone("192.0.2.12", "102")
		defer a.close()
		dial := func(ctx context.Context, change func(*call.Dial)) call.Leg {
			d := call.Dial{Call: "1", Leg: "a", From: call.Party{Number: "101"}, To: "102", Own: true, Hops: 70,
				Target: call.Target{URI: "sip:102@192.0.2.12"}, Timeout: 20 * time.Second}
			if change != nil {
				change(&d)
			}
			return a.agent.Dial(ctx, d, a)
		}
		for name, d := range map[string]func(*call.Dial){
			"a target that is none": func(d *call.Dial) { d.Target.URI = "sip:<>" },
			"a flow that is none":   func(d *call.Dial) { d.Target.Flow = "UDP" },
			"no hops":               func(d *call.Dial) { d.Hops = -1 },
			"no way":                func(d *call.Dial) { d.Target.URI = "sip:102@host.example;transport=tls" },
		} {
			dial(context.Background(), d)
			if e := a.event(call.Failed); e.Cause.SIP == 0 || e.Cause.Q850 == 0 {
				t.Errorf("%s: %+v", name, e.Cause)
			}
		}
		b.peer = "192.0.2.11"
		away := func(status int, e call.LegEvent) {
			t.Helper()
			b.cancelled()
			if e.Cause.SIP != status {
				t.Errorf("%+v, want %d", e.Cause, status)
			}
		}
		ctx, cancel := context.WithCancel(context.Background())
		dial(ctx, nil)
		b.rings()
		a.event(call.Progressed)
		cancel()
		away(487, a.event(call.Failed))

		dial(context.Background(), nil)
		b.rings()
		a.event(call.Progressed)
		away(call.NoAnswer.SIP, a.event(call.Failed)) // the time is over

		leg := dial(context.Background(), nil)
		b.rings()
		a.event(call.Progressed)
		leg.Hangup(call.AnsweredElsewhere)
		leg.Hangup(call.Cancelled)
		away(call.AnsweredElsewhere.SIP, a.event(call.Failed))

		dial(context.Background(), func(d *call.Dial) { d.Timeout = time.Minute })
		b.close() // nobody is there any more
		if e := a.event(call.Failed); e.Cause.SIP != 408 {
			t.Errorf("nobody there: %+v", e.Cause)
		}
		select {
		case e := <-a.inbox:
			t.Errorf("told %s after the end", e.Kind)
		case <-time.After(time.Minute):
		}
	})
}
