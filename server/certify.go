package server

import (
	"context"
	"time"

	"santral/base/loop"
	"santral/call"
	"santral/media"
	"santral/observe/trace"
	"santral/service/trunk"
	"santral/sip"
)

// How long each part of a trunk's certification may take.
const (
	optionsTime = 4 * time.Second
	answerTime  = 12 * time.Second
	talkTime    = time.Second
	changeTime  = 4 * time.Second
	settledTime = time.Second
)

// certify tests a trunk: OPTIONS, and a call to a number where one is given. It takes as long as the other
// side lets it, at most half a minute.
func (s *server) certify(ctx context.Context, tenantID, name, number string) ([]trunk.Clause, bool) {
	status, ok := s.trunks.Get(tenantID, name)
	if !ok {
		return nil, false
	}
	o := trunk.Observed{Trunk: status, Silence: "the trunk has no address to ask", NoCall: "no number to call was given"}
	s.askOptions(ctx, &o)
	if number != "" {
		s.testCall(ctx, &o, number)
	}
	return trunk.Certify(o), true
}

func (s *server) askOptions(ctx context.Context, o *trunk.Observed) {
	type answer struct {
		res *sip.Message
		err error
	}
	came := make(chan answer, 1)
	began := time.Now()
	if !s.trunks.Ask(o.Trunk.Noun.Tenant, o.Trunk.Noun.Name, func(res *sip.Message, err error) {
		if res != nil {
			res = res.Clone()
		}
		came <- answer{res, err}
	}) {
		return
	}
	select {
	case a := <-came:
		o.Options, o.Took = a.res, time.Since(began)
		if a.err != nil {
			o.Silence = a.err.Error()
		}
	case <-time.After(optionsTime):
		o.Silence = "no answer within " + optionsTime.String()
	case <-ctx.Done():
		o.Silence = ctx.Err().Error()
	}
}

// tester is the call's end of a certification: it has the leg's news in a queue.
type tester struct{ news loop.Queue[call.LegEvent] }

// Post implements call.Inbox.
func (t *tester) Post(e call.LegEvent) {
	if !t.news.Put(e) && e.Finish != nil {
		e.Finish()
	}
}

// testCall calls a number by the trunk, holds and resumes, sends a digit, hangs up, and gathers what went
// over the wire.
func (s *server) testCall(ctx context.Context, o *trunk.Observed, number string) {
	k := o.Trunk.Noun
	targets := s.trunks.Targets([]call.Way{{Tenant: k.Tenant, Trunk: k.Name}}, number)
	if len(targets) == 0 {
		o.NoCall = "the trunk is down, so no call was tried"
		return
	}
	taken := s.channels.Take(call.Taking{Call: "certify", Tenant: k.Tenant, Trunk: k.Name, Dir: call.Out})
	if taken.Refusal != nil {
		o.NoCall = taken.Refusal.Text
		return
	}
	defer taken.Release()
	ctx, stop := context.WithTimeout(ctx, answerTime+2*talkTime+2*changeTime+settledTime)
	defer stop()
	t := &tester{}
	heard := make(chan call.LegEvent, 64)
	go func() {
		defer close(heard)
		var batch []call.LegEvent
		for batch = t.news.Take(batch); batch != nil; batch = t.news.Take(batch) {
			for _, e := range batch {
				if e.Finish != nil {
					e.Finish()
				}
				select {
				case heard <- e:
				default: // nobody can use so much news
				}
				if e.Kind == call.Failed || e.Kind == call.Ended {
					t.news.Close()
				}
			}
		}
	}()
	id := call.ID(s.random.Timed(time.Now(), 10))
	leg := s.agent.Dial(context.Background(), call.Dial{
		Call: id, Leg: "a", From: call.Party{Tenant: k.Tenant, Number: k.Own()}, To: number, Target: targets[0], Own: true, Hops: 70, Timeout: answerTime,
	}, t)
	leg.Media().Attach(silence{}, silence{})
	callID := leg.Detail().SIPCallID
	s.trace.Keep(callID, string(id))
	if s.await(ctx, heard, answerTime, call.Answered) {
		s.linger(ctx, talkTime)
		for _, on := range []bool{true, false} {
			leg.Media().Hold(on)
			if d, err := leg.Media().OfferLocal(); err == nil {
				leg.Offer(d)
				s.await(ctx, heard, changeTime, call.Accepted, call.Refused)
			}
		}
		o.Digit = leg.Media().SendDigit('1', 100) == nil
		s.linger(ctx, talkTime)
	}
	leg.Hangup(call.NormalClearing)
	s.linger(ctx, settledTime)
	s.trace.Release(callID)
	o.NoCall = "nothing of the test call went over the wire"
	entries, err := s.trace.Read([]string{callID})
	if err != nil {
		o.NoCall = err.Error()
	}
	for _, e := range entries {
		if seen, ok := sighted(e); ok {
			o.Call = append(o.Call, seen)
		}
	}
}

func sighted(e trace.Entry) (trunk.Seen, bool) {
	m, err := sip.ParseMessage(e.Text)
	return trunk.Seen{At: e.At, Out: e.Out, Transport: e.Proto, Msg: m}, err == nil && m != nil
}

// await waits for news of one of the kinds; false when the leg ended or the time is over before.
func (s *server) await(ctx context.Context, heard <-chan call.LegEvent, most time.Duration, kinds ...call.LegEventKind) bool {
	limit := time.NewTimer(most)
	defer limit.Stop()
	for {
		select {
		case e, open := <-heard:
			if !open {
				return false
			}
			for _, k := range kinds {
				if e.Kind == k {
					return true
				}
			}
		case <-limit.C:
			return false
		case <-ctx.Done():
			return false
		}
	}
}

func (s *server) linger(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// silence is what a test call says, and hears.
type silence struct{}

// Read says a frame of silence.
func (silence) Read(f media.Frame) (int, error) {
	clear(f)
	return len(f), nil
}

// Write hears nothing.
func (silence) Write(media.Frame) {}
