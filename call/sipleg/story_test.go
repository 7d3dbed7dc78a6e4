package sipleg

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"santral/call"
	"santral/call/control"
	"santral/media"
	"santral/sip"
)

// story is a service in one function.
type story func(ctx context.Context, c call.Control) call.Cause

// Serve tells it.
func (f story) Serve(ctx context.Context, c call.Control) call.Cause { return f(ctx, c) }

// hush is music of which nothing is heard.
type hush struct{}

// Music is silence.
func (hush) Music(string, string) media.Source { return quiet{} }

type quiet struct{}

// Read gives silence.
func (quiet) Read(f media.Frame) (int, error) {
	clear(f)
	return len(f), nil
}

// serving plays a scene in which *1 and *2 lead to stories.
func serving(t *testing.T, one, two story, f func(*world, *exchange)) {
	t.Helper()
	play(t, func(w *world, x *exchange) {
		w.house.Service("*1", "one")
		w.house.Service("*2", "two")
		x.control = control.New(control.Config{
			Router: w.house, Contacts: w.house, Channels: w.house, Ledger: w.house, Dialer: x.agent, RingTime: 30 * time.Second, Music: hush{},
			Stories: map[string]call.Story{"one": one, "two": two},
		})
		x.agent.Open(x.control)
		f(w, x)
		w.house.Check(t)
	})
}

// agrees answers what the exchange offers.
func (p *phone) agrees(body string) *sip.Message {
	p.w.Helper()
	m := p.want(sip.INVITE)
	p.reply(m, 200, body)
	p.want(sip.ACK)
	return m
}

// A story rings a phone for its caller and joins the two; when the other hangs up the story goes on.
func TestStoryJoins(t *testing.T) {
	serving(t, func(ctx context.Context, c call.Control) call.Cause {
		_ = c.Answer(ctx)
		if _, err := c.Dial(ctx, call.Wish{To: []string{"102"}}); err != nil {
			t.Error(err)
		}
		short, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		if _, err := c.Join(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if left, err := c.Join(ctx); !left || err != nil {
			t.Error(left, err)
		}
		_, _ = c.Collect(ctx, call.Collecting{Most: 1, First: time.Second})
		return call.NormalClearing
	}, nil, func(w *world, x *exchange) {
		a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102")
		a.invite("*1", a.sdp)
		a.answered("")
		rang := b.rings()
		if !strings.Contains(rang.Body, "m=audio") {
			t.Errorf("B is offered\n%s", rang.Body)
		}
		b.picksUp()
		a.agrees(a.sdp)
		a.none(100 * time.Millisecond)
		time.Sleep(3 * time.Second) // joined again
		hold := a.asks(sip.INVITE, audio(a.addr, 4000, "inactive"))
		if in := b.agrees(audio(b.addr, 4000, "recvonly")); !strings.Contains(in.Body, "a=sendonly") {
			t.Errorf("who is held is offered\n%s", in.Body)
		}
		if res := a.status(200); !strings.Contains(res.Body, "a=inactive") {
			t.Errorf("who holds is answered\n%s", res.Body)
		}
		seq, _ := hold.CSeq()
		a.ack(seq.Seq, "")
		back := a.asks(sip.INVITE, a.sdp)
		b.agrees(b.sdp)
		a.status(200)
		seq, _ = back.CSeq()
		a.ack(seq.Seq, "")
		b.asks(sip.BYE, "")
		b.status(200)
		a.reply(a.want(sip.BYE), 200, "")
	})
}

// A caller that its story has not answered gets what the other has answered.
func TestStoryJoinsUnanswered(t *testing.T) {
	serving(t, func(ctx context.Context, c call.Control) call.Cause {
		_, _ = c.Dial(ctx, call.Wish{To: []string{"102"}})
		_, _ = c.Join(ctx)
		return call.NormalClearing
	}, nil, func(w *world, x *exchange) {
		a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102")
		a.invite("*1", a.sdp)
		a.status(180)
		b.rings()
		b.picksUp()
		a.answered("")
		a.none(100 * time.Millisecond)
		a.leaves(b)
	})
}

// One is parked, another takes it; then a story sends the one on.
func TestStoryParks(t *testing.T) {
	var parked call.ID
	serving(t, func(ctx context.Context, c call.Control) call.Cause {
		_ = c.Answer(ctx)
		parked = c.ID()
		if err := c.Park(ctx, ""); !errors.Is(err, call.ErrEnded) {
			t.Error(err)
		}
		return call.NormalClearing
	}, func(ctx context.Context, c call.Control) call.Cause {
		if err := c.Take(ctx, parked); !errors.Is(err, call.ErrEnded) {
			t.Error(err)
		}
		return call.NormalClearing
	}, func(w *world, x *exchange) {
		a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102")
		a.invite("*1", a.sdp)
		a.answered("")
		time.Sleep(10 * time.Second)
		b.invite("*2", b.sdp)
		b.answered("")
		b.agrees(b.sdp)
		a.agrees(a.sdp)
		b.leaves(a)
	})
}

// A story sends its caller on to an account, which answers the caller as if it had dialled that.
func TestStorySendsOn(t *testing.T) {
	serving(t, func(ctx context.Context, c call.Control) call.Cause {
		_ = c.Answer(ctx)
		_ = c.Transfer(ctx, "102")
		return call.NormalClearing
	}, nil, func(w *world, x *exchange) {
		a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102")
		a.invite("*1", a.sdp)
		a.answered("")
		b.rings()
		b.picksUp()
		a.agrees(a.sdp)
		a.none(100 * time.Millisecond)
		b.leaves(a)
	})
}
