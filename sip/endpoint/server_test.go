package endpoint

import (
	"strings"
	"testing"
	"time"

	"santral/sip"
)

const ms = time.Millisecond

// respond makes the rig's user answer every request at once.
func respond(status int) func(*Shard, *ServerTx) {
	return func(_ *Shard, tx *ServerTx) { tx.Refuse(status, "") }
}

// RFC 3261 §17.2.2: copies get the same answer for 64·T1, and nothing is left then.
func TestCopiesOfARequest(t *testing.T) {
	play(t, nil, func(r *rig) {
		served := 0
		r.serve = func(_ *Shard, tx *ServerTx) {
			served++
			res := sip.NewResponse(tx.Request(), 200, "")
			res.Add(sip.Contact, "<sip:us@192.0.2.1>")
			tx.Respond(res)
		}
		r.get(alice, text(sip.OPTIONS))
		first := r.last().String()
		r.wait(500 * ms)
		r.get(alice, text(sip.OPTIONS))
		if again := r.last().String(); again != first {
			t.Errorf("the copy's answer differs:\n%s\n%s", first, again)
		}
		r.sends("0.000 alice SIP/2.0 200 OK", "0.500 alice SIP/2.0 200 OK")
		if served != 1 {
			t.Errorf("served %d times", served)
		}
		r.lives(1, 0)
		r.wait(32 * time.Second)
		r.lives(0, 0)
	})
}

func TestReliableServerKeepsNothing(t *testing.T) {
	play(t, nil, func(r *rig) {
		r.serve = respond(200)
		r.get(onTCP(alice, 3), text(sip.OPTIONS))
		r.sends("0.000 alice/TCP SIP/2.0 200 OK")
		r.lives(0, 0)
	})
}

// RFC 3261 §17.2.1: a 100 after 200 ms, the refusal again until its ACK, silence after it.
func TestInviteRefused(t *testing.T) {
	play(t, nil, func(r *rig) {
		r.serve = func(s *Shard, tx *ServerTx) {
			s.After(time.Second, func() { tx.Refuse(486, "") })
		}
		r.get(alice, text(sip.INVITE))
		r.wait(time.Second)
		r.sends("0.200 alice SIP/2.0 100 Trying", "1.000 alice SIP/2.0 486 Busy Here")
		r.wait(2 * time.Second)
		r.get(alice, text(sip.INVITE))
		tag := r.last().ToTag()
		r.sends("1.500 alice SIP/2.0 486 Busy Here", "2.500 alice SIP/2.0 486 Busy Here", "3.000 alice SIP/2.0 486 Busy Here")
		r.get(alice, text(sip.ACK, "To: <sip:bob@example.com>", "To: <sip:bob@example.com>;tag="+tag))
		r.wait(time.Second)
		r.get(alice, text(sip.INVITE))
		r.sends()
		r.lives(1, 0)
		r.wait(6 * time.Second)
		r.lives(0, 0)
	})
}

func TestInviteWithoutAck(t *testing.T) {
	play(t, nil, func(r *rig) {
		r.serve = respond(404)
		r.get(alice, text(sip.INVITE))
		r.wait(40 * time.Second)
		if n := len(r.paper.lines); n != 11 {
			t.Errorf("%d copies of the refusal: %q", n, r.paper.lines)
		}
		r.lives(0, 0)
		if s := r.e.Stats(); s.Timeouts != 1 {
			t.Errorf("%d timeouts", s.Timeouts)
		}
	})
}

// RFC 6026 §7.1: copies of an answered INVITE are absorbed, the 2xx is the user's to repeat.
func TestInviteAccepted(t *testing.T) {
	play(t, nil, func(r *rig) {
		var tx *ServerTx
		r.serve = func(_ *Shard, got *ServerTx) {
			tx = got
			res := sip.NewResponse(tx.Request(), 200, "")
			res.SetBody("application/sdp", "v=0\r\n")
			tx.Respond(res)
		}
		r.get(alice, text(sip.INVITE))
		r.wait(time.Second)
		r.get(alice, text(sip.INVITE))
		r.sends("0.000 alice SIP/2.0 200 OK")
		r.on("call-1", func(*Shard) {
			if !tx.Answered() || !tx.Repeat() {
				t.Error("the 2xx cannot be repeated")
			}
			tx.Refuse(500, "")
			tx.Forget()
			if tx.Repeat() {
				t.Error("a forgotten 2xx is repeated")
			}
			res := sip.NewResponse(tx.Request(), 200, "")
			tx.Respond(res)
		})
		r.sends("1.000 alice SIP/2.0 200 OK", "1.000 alice SIP/2.0 200 OK")
		r.lives(1, 0)
		r.wait(32 * time.Second)
		r.lives(0, 0)
		r.on("call-1", func(*Shard) {
			if tx.Repeat() {
				t.Error("repeated after 64·T1")
			}
		})
	})
}

// An INVITE that its user forgets does not live for ever.
func TestInviteNobodyAnswers(t *testing.T) {
	play(t, func(c *Config) { c.Limits.Age = time.Minute }, func(r *rig) {
		old := false
		r.serve = func(_ *Shard, tx *ServerTx) {
			tx.Refuse(180, "")
			tx.OnCancel(func(cancel *sip.Message) { old = cancel == nil })
		}
		r.get(alice, text(sip.INVITE))
		r.wait(60*time.Second + 20*ms)
		r.sends("0.000 alice SIP/2.0 180 Ringing", "60.000 alice SIP/2.0 408 Request Timeout")
		if !old {
			t.Error("the user was not told")
		}
		r.wait(33 * time.Second)
		r.lives(0, 0)
	})
}

// RFC 4320: no 1xx of the user's, no 408, a 100 after 3.5 s, nothing after 64·T1.
func TestSlowAnswerToOthers(t *testing.T) {
	play(t, nil, func(r *rig) {
		var tx *ServerTx
		r.serve = func(_ *Shard, got *ServerTx) {
			tx = got
			tx.Refuse(180, "")
			tx.Respond(sip.NewResponse(tx.Request(), 182, ""))
		}
		r.get(alice, text(sip.OPTIONS))
		r.wait(3 * time.Second)
		r.get(alice, text(sip.OPTIONS))
		r.sends()
		r.wait(time.Second)
		r.get(alice, text(sip.OPTIONS))
		r.sends("3.500 alice SIP/2.0 100 Trying", "4.000 alice SIP/2.0 100 Trying")
		r.on("call-1", func(*Shard) { tx.Refuse(408, "") })
		r.sends()
		r.lives(0, 0)
		r.on("call-1", func(*Shard) { tx.Refuse(200, "") })
		r.sends()

		r.get(alice, text(sip.OPTIONS, "z9hG4bK-one", "z9hG4bK-two"))
		r.on("call-1", func(*Shard) { tx.Respond(sip.NewResponse(tx.Request(), 408, "")) })
		r.get(alice, text(sip.OPTIONS, "z9hG4bK-one", "z9hG4bK-three"))
		r.wait(33 * time.Second)
		r.on("call-1", func(*Shard) { tx.Refuse(200, "") })
		r.sends("7.500 alice SIP/2.0 100 Trying")
		r.lives(0, 0)
	})
}

// RFC 3261 §8.2.2.2: the same request by another way is refused; copies of either are not.
func TestMerged(t *testing.T) {
	play(t, nil, func(r *rig) {
		r.serve = func(_ *Shard, tx *ServerTx) { tx.Refuse(180, "") }
		r.get(alice, text(sip.INVITE))
		r.get(bob, text(sip.INVITE, "192.0.2.10:5060;branch=z9hG4bK-one", "192.0.2.20:5060;branch=z9hG4bK-two"))
		r.sends("0.000 alice SIP/2.0 180 Ringing", "0.000 bob SIP/2.0 482 Loop Detected")
		r.get(alice, text(sip.INVITE))
		r.get(bob, text(sip.ACK, "192.0.2.10:5060;branch=z9hG4bK-one", "192.0.2.20:5060;branch=z9hG4bK-two"))
		r.sends("0.000 alice SIP/2.0 180 Ringing")
		r.get(alice, text(sip.INVITE, "z9hG4bK-one", "z9hG4bK-next", "CSeq: 1", "CSeq: 2"))
		r.sends("0.000 alice SIP/2.0 180 Ringing")
		if s := r.e.Stats(); s.Merged != 1 || s.Servers != 2 {
			t.Errorf("%+v", s)
		}
	})
}

// RFC 3261 §16.3 item 4: our own request that comes back.
func TestLooped(t *testing.T) {
	play(t, nil, func(r *rig) {
		_, d := r.ask(sip.INVITE, toBob)
		out := r.last()
		r.sends("0.000 bob INVITE sip:bob@192.0.2.20 SIP/2.0")
		back := out.Clone()
		back.Prepend(sip.ViaKind, "SIP/2.0/UDP 192.0.2.20:5060;branch=z9hG4bK-p;rport")
		r.get(bob, back.String())
		r.sends("0.000 bob SIP/2.0 482 Loop Detected")
		spiral := strings.Replace(back.String(), "INVITE sip:bob@192.0.2.20", "INVITE sip:carol@192.0.2.1", 1)
		r.serve = respond(486)
		r.get(bob, spiral)
		r.sends("0.000 bob SIP/2.0 486 Busy Here")
		d.is(t)
	})
}

// RFC 3261 §9.2: a CANCEL is answered, its INVITE gets 487, and what does not match gets 481.
func TestCancelOfAnInvite(t *testing.T) {
	play(t, nil, func(r *rig) {
		cancels := 0
		r.serve = func(_ *Shard, tx *ServerTx) {
			tx.Refuse(180, "")
			tx.OnCancel(func(c *sip.Message) {
				cancels++
				tx.Refuse(487, "")
			})
		}
		r.get(alice, text(sip.INVITE))
		r.get(alice, text(sip.CANCEL, "z9hG4bK-one", "z9hG4bK-other"))
		r.get(alice, text(sip.CANCEL, "Call-ID: call-1", "Call-ID: call-2"))
		r.get(alice, text(sip.CANCEL, "CSeq: 1", "CSeq: 2"))
		r.get(bob, text(sip.CANCEL))
		const no = "SIP/2.0 481 Call/Transaction Does Not Exist"
		r.wait(0)
		if s := r.e.Stats(); s.Lost != 4 || cancels != 0 || len(r.paper.lines) != 5 {
			t.Errorf("%d lost, %d cancels, sent %q", s.Lost, cancels, r.paper.lines)
		}
		r.paper.lines = nil
		r.get(alice, text(sip.CANCEL))
		r.get(alice, text(sip.CANCEL))
		r.sends("0.000 alice SIP/2.0 200 OK", "0.000 alice SIP/2.0 487 Request Terminated", "0.000 alice SIP/2.0 200 OK")
		if cancels != 1 {
			t.Errorf("%d cancels", cancels)
		}
		r.get(alice, text(sip.ACK))
		r.wait(6 * time.Second)
		r.get(alice, text(sip.CANCEL))
		r.sends("6.000 alice " + no)
		r.lives(0, 0)
	})
}

// The CANCEL and the 200 cross: the CANCEL is answered and changes nothing.
func TestCancelAfterAnswer(t *testing.T) {
	play(t, nil, func(r *rig) {
		r.serve = func(_ *Shard, tx *ServerTx) {
			tx.OnCancel(func(*sip.Message) { t.Error("cancelled after the answer") })
			tx.Refuse(200, "")
		}
		r.get(alice, text(sip.INVITE))
		tag := r.last().ToTag()
		r.get(alice, text(sip.CANCEL))
		if got := r.last().ToTag(); got != tag {
			t.Errorf("To tag %q, the INVITE's was %q", got, tag) // RFC 3261 §9.2: SHOULD be the same
		}
		r.sends("0.000 alice SIP/2.0 200 OK", "0.000 alice SIP/2.0 200 OK")
	})
}

func TestCancelBeforeTheUserCares(t *testing.T) {
	play(t, nil, func(r *rig) {
		var tx *ServerTx
		r.serve = func(_ *Shard, got *ServerTx) { tx = got }
		r.get(alice, text(sip.INVITE))
		r.get(alice, text(sip.CANCEL))
		r.sends("0.000 alice SIP/2.0 200 OK", "0.000 alice SIP/2.0 487 Request Terminated")
		told := false
		r.on("call-1", func(*Shard) {
			tx.OnCancel(func(c *sip.Message) { told = c != nil })
			tx.Refuse(200, "")
		})
		if !told {
			t.Error("a late listener was not told")
		}
		r.sends()
	})
}

// A challenge costs no state: the copy is a new request, the ACK is absorbed.
func TestChallengeKeepsNothing(t *testing.T) {
	play(t, nil, func(r *rig) {
		r.serve = func(_ *Shard, tx *ServerTx) {
			tx.Challenge(401, "", sip.Header{Kind: sip.WWWAuthenticate, Value: `Digest realm="x"`})
			tx.Refuse(200, "")
		}
		r.get(alice, text(sip.INVITE))
		if got := r.last().Get(sip.WWWAuthenticate); got != `Digest realm="x"` {
			t.Errorf("challenge %q", got)
		}
		r.lives(0, 0)
		r.get(alice, text(sip.ACK))
		r.wait(40 * time.Second)
		r.sends("0.000 alice SIP/2.0 401 Unauthorized")
		if s := r.e.Stats(); s.Stray != 1 {
			t.Errorf("%d stray", s.Stray)
		}
	})
}

// So is every 401 and 407, however the user gives it.
func TestChallengesByRespond(t *testing.T) {
	play(t, nil, func(r *rig) {
		r.serve = func(_ *Shard, tx *ServerTx) {
			if tx.Request().Method == sip.INVITE {
				tx.Respond(sip.NewResponse(tx.Request(), 407, ""))
			} else {
				tx.Refuse(401, "", sip.Header{Kind: sip.From, Value: "twice"})
			}
			if !tx.Answered() {
				t.Error("not answered")
			}
		}
		r.get(alice, text(sip.INVITE))
		r.get(alice, text(sip.OPTIONS))
		if m := r.last(); m.Get(sip.From) == "twice" {
			t.Errorf("%v", m)
		}
		r.sends("0.000 alice SIP/2.0 407 Proxy Authentication Required", "0.000 alice SIP/2.0 401 Unauthorized")
		r.lives(0, 0)
	})
}

type usage struct {
	t     *testing.T
	got   []string
	serve func(tx *ServerTx)
}

func (u *usage) Serve(tx *ServerTx) {
	u.got = append(u.got, string(tx.Request().Method))
	if u.serve != nil {
		u.serve(tx)
		return
	}
	tx.Refuse(200, "")
}

func (u *usage) Ack(m *sip.Message, f sip.Flow) { u.got = append(u.got, "ACK") }

// RFC 3261 §12.2.2: requests within a dialog find their usage by Call-ID and both tags; others get
// 481, and a wrong ACK nothing.
func TestUsages(t *testing.T) {
	play(t, nil, func(r *rig) {
		full, half := &usage{t: t}, &usage{t: t}
		r.on("call-1", func(s *Shard) {
			s.Attach(DialogID{"call-1", "b1", "a1"}, full)
			s.Attach(DialogID{"call-1", "b1", ""}, half)
		})
		in := func(m sip.Method, branch, to, from string) {
			r.get(alice, text(m, "z9hG4bK-one", "z9hG4bK-"+branch, "To: <sip:bob@example.com>", "To: <sip:bob@example.com>;tag="+to, "tag=a1", "tag="+from))
		}
		in(sip.INFO, "1", "b1", "a1")
		in(sip.ACK, "2", "b1", "a1")
		in(sip.BYE, "3", "b1", "a2")
		r.sends("0.000 alice SIP/2.0 200 OK", "0.000 alice SIP/2.0 200 OK")
		if strings.Join(full.got, " ") != "INFO ACK" || strings.Join(half.got, " ") != "BYE" {
			t.Errorf("full %q, half %q", full.got, half.got)
		}
		in(sip.BYE, "4", "b2", "a1")
		in(sip.INVITE, "5", "b2", "a1")
		in(sip.ACK, "6", "b2", "a1")
		const no = "0.000 alice SIP/2.0 481 Call/Transaction Does Not Exist"
		r.sends(no, no)
		r.on("call-1", func(s *Shard) {
			s.Detach(DialogID{"call-1", "b1", "a1"})
			s.Detach(DialogID{"call-1", "b1", ""})
		})
		in(sip.BYE, "7", "b1", "a1")
		r.sends(no)
		r.serve = respond(200)
		in(sip.REGISTER, "8", "b1", "a1") // RFC 3261 §10.2: no dialog, whatever its To says
		r.sends("0.000 alice SIP/2.0 200 OK")
		if s := r.e.Stats(); s.Usages != 0 || s.Lost != 3 {
			t.Errorf("%+v", s)
		}
	})
}

// Clients of RFC 2543 have no branch that says anything (RFC 3261 §17.2.3).
func TestOldClients(t *testing.T) {
	play(t, nil, func(r *rig) {
		served := 0
		r.serve = func(_ *Shard, tx *ServerTx) {
			served++
			tx.Refuse(603, "")
		}
		old := func(m sip.Method, pairs ...string) string {
			return text(m, append([]string{";branch=z9hG4bK-one", ""}, pairs...)...)
		}
		r.get(alice, old(sip.INVITE))
		tag := r.last().ToTag()
		r.get(alice, old(sip.INVITE))
		r.get(alice, old(sip.ACK, "To: <sip:bob@example.com>", "To: <sip:bob@example.com>;tag=wrong"))
		r.wait(500 * ms)
		r.sends("0.000 alice SIP/2.0 603 Decline", "0.000 alice SIP/2.0 603 Decline", "0.500 alice SIP/2.0 603 Decline")
		r.get(alice, old(sip.ACK, "To: <sip:bob@example.com>", "To: <sip:bob@example.com>;tag="+tag))
		r.wait(30 * time.Second)
		r.sends()
		if served != 1 {
			t.Errorf("served %d times", served)
		}
		r.lives(0, 0)
	})
}

// A response that a stream could not carry is counted, and a refusal is still repeated.
func TestUnsentResponse(t *testing.T) {
	play(t, nil, func(r *rig) {
		dead := onTCP(alice, 9)
		r.paper.fail(dead)
		r.serve = respond(486)
		r.get(dead, text(sip.INVITE))
		r.wait(time.Second)
		r.sends()
		if s := r.e.Stats(); s.Unsent != 1 || s.Servers != 1 {
			t.Errorf("%+v", s)
		}
		r.get(dead, text(sip.OPTIONS, "call-1", "call-2"))
		r.wait(32 * time.Second)
		r.lives(0, 0)
	})
}
