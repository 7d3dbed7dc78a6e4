//go:build linux

package load

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"time"

	"santral/media/srtp"
)

// Calls says what to call. The callees must be registered at Answer; the exchange must take the
// callers without a challenge (`santral local --trust`).
type Calls struct {
	Server   netip.AddrPort
	Answer   netip.AddrPort // the answering side's address
	Callers  []string       // taken in turn
	Callees  []string
	Rate     int // calls a second
	Count    int
	Hold     time.Duration  // from the answer to BYE
	TLS      *TLS           // go over TLS; the callees are then registered by the run itself
	Password string         // for that
	Ready    func()         // called when the connections stand and the callees are registered; nil for nobody
	Media    netip.AddrPort // where the caller's descriptions say that it listens, 127.0.0.1:9000 when zero; the callee's is one port pair on

	key srtp.Key // that the callers' descriptions offer; without a suite they are plain
}

// call is one of a run's, as its caller sees it.
type call struct {
	unit
	n      int
	user   string
	to     string   // with the callee's tag
	target string   // the URI of requests within the dialog
	routes []string // their Route headers, in order
	ack    []byte
	relay  netip.AddrPort // where the exchange hears the caller
	other  netip.AddrPort // and the callee
	key    srtp.Key       // that the exchange answers the caller's with
}

// phones is a run of Calls: the calling and the answering side and what is under way.
type phones struct {
	cfg     Calls
	caller  *socket
	proto   string // of Via
	more    string // of the Contact URI
	pace    *pace
	prefix  string
	offer   string
	calls   []call
	ends    []*call // answered and to be ended, in that order
	held    bool    // nothing is ended for now
	hangUps *pace   // ends are paced like beginnings, where they were held
	under   under
	answers *answers
	checked time.Time
	done    time.Time // when the last caller was done
	result  Result
	in      message
}

// Run makes the calls and waits for every end.
func (c Calls) Run() (*Result, error) {
	w, err := newWire()
	if err != nil {
		return nil, err
	}
	defer w.close()
	p, err := newPhones(w, c)
	if err != nil {
		return nil, err
	}
	if c.Ready != nil {
		c.Ready()
	}
	began := time.Now()
	if err := w.run(p.step); err != nil {
		return nil, err
	}
	return p.sum(w, began), nil
}

func newPhones(w *wire, c Calls) (*phones, error) {
	if len(c.Callers) == 0 || len(c.Callees) == 0 {
		return nil, errors.New("nobody to call")
	}
	if !c.Media.IsValid() {
		c.Media = netip.MustParseAddrPort("127.0.0.1:9000")
	}
	if c.TLS != nil {
		c.Server, c.Answer = c.TLS.Server, c.TLS.Server
	}
	if err := loopback(c.Server, c.Answer, c.Media); err != nil {
		return nil, err
	}
	pace, err := newPace(c.Rate, c.Count)
	if err != nil {
		return nil, err
	}
	p := &phones{cfg: c, pace: pace, prefix: prefix("c"), offer: offer(c.Media), calls: make([]call, c.Count)}
	if c.key.Suite != srtp.UnknownSuite {
		p.offer = secured(p.offer, c.key)
	}
	if p.answers, err = newAnswers(w, c, &p.result); err != nil {
		return nil, err
	}
	p.proto = "UDP"
	if c.TLS != nil {
		p.proto, p.more, p.cfg.Server = "TLS", ";transport=tls", c.TLS.Server
		p.caller, err = w.openTLS(c.TLS, p.hear, nil)
	} else {
		p.caller, err = w.open(anyPort, false, p.hear)
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

// step begins what is due, ends what is due, and says again what was not answered.
func (p *phones) step(now time.Time) bool {
	for due := p.pace.due(now); p.pace.started < due; p.pace.started++ {
		n := p.pace.started
		c := &p.calls[n]
		c.n, c.line, c.user, c.began, c.phase = n, n, p.cfg.Callers[n%len(p.cfg.Callers)], now, inviting
		p.under.add(&c.unit)
		c.say(p.invite(c), now)
		p.send(c, c.text)
	}
	p.hangUp(now)
	if now.Sub(p.checked) >= checkUp {
		p.checked = now
		p.check(now)
		p.answers.check(now)
	}
	if p.result.Done+p.result.Failed < p.cfg.Count {
		return false
	}
	if p.done.IsZero() {
		p.done = now
	}
	return len(p.answers.calls) == 0 || now.Sub(p.done) > t2
}

// sum closes the books: a callee that never heard the end is a failed call.
func (p *phones) sum(w *wire, began time.Time) *Result {
	r := &p.result
	r.Elapsed = p.done.Sub(began)
	for range len(p.answers.calls) {
		r.Done = max(0, r.Done-1)
		r.fail("the callee was not told of the end")
	}
	for range p.answers.unacknowledged {
		r.Done = max(0, r.Done-1)
		r.fail("the callee got no ACK")
	}
	r.Own, r.Late = w.own(), p.pace.late
	return r
}

// send sends a call's message on the way that the call has.
func (p *phones) send(c *call, text []byte) { p.caller.send(text, p.way(c.n)) }

// way is where the n-th call's messages go.
func (p *phones) way(n int) netip.AddrPort {
	if p.caller.lines != nil {
		return lineOf(n % len(p.caller.lines.conns))
	}
	return p.cfg.Server
}

func (p *phones) hangUp(now time.Time) {
	if p.held || len(p.ends) == 0 {
		return
	}
	may := len(p.ends)
	if p.hangUps != nil {
		may = p.hangUps.due(now) - p.hangUps.started
		p.hangUps.started += may
	}
	gone := 0
	for _, c := range p.ends {
		if gone == may || now.Sub(c.sent) < p.cfg.Hold {
			break
		}
		gone++
		if c.phase != talking {
			continue
		}
		c.phase = leaving
		c.say(p.within("BYE", c, 2), now)
		p.send(c, c.text)
	}
	p.ends = p.ends[gone:]
}

func (p *phones) check(now time.Time) {
	for i := len(p.under.units) - 1; i >= 0; i-- {
		u := p.under.units[i]
		switch {
		case u.phase == talking:
		case u.lost(now):
			p.end(u, u.phase.String()+": no answer")
		case u.again(now):
			u.tries++
			u.sent = now
			p.result.Resent++
			p.caller.send(u.text, p.way(u.line))
		}
	}
}

func (p *phones) end(u *unit, why string) {
	p.under.remove(u)
	u.phase, u.text = over, nil
	if why == "" {
		p.result.Done++
	} else {
		p.result.fail(why)
	}
}

func (p *phones) invite(c *call) []byte {
	id, host, own := strconv.Itoa(c.n), p.cfg.Server.String(), p.caller.addr.String()
	to := p.cfg.Callees[c.n%len(p.cfg.Callees)]
	return cat(make([]byte, 0, 1024), "INVITE sip:", to, "@", host, " SIP/2.0\r\nVia: SIP/2.0/", p.proto, " ", own, ";branch=z9hG4bK", p.prefix, id,
		".i;rport\r\nMax-Forwards: 70\r\nFrom: <sip:", c.user, "@", host, ">;tag=", p.prefix, id, "\r\nTo: <sip:", to, "@", host, ">\r\nCall-ID: ", p.prefix, id,
		"\r\nCSeq: 1 INVITE\r\nContact: <sip:", c.user, "@", own, p.more, ">\r\nContent-Type: application/sdp\r\nContent-Length: ", strconv.Itoa(len(p.offer)), "\r\n\r\n", p.offer)
}

// within writes a request of the caller's within the dialog.
func (p *phones) within(method string, c *call, seq int) []byte {
	id, host := strconv.Itoa(c.n), p.cfg.Server.String()
	b := cat(make([]byte, 0, 768), method, " ", c.target, " SIP/2.0\r\nVia: SIP/2.0/", p.proto, " ", p.caller.addr.String(), ";branch=z9hG4bK", p.prefix, id, ".", method,
		";rport\r\nMax-Forwards: 70\r\n")
	for _, r := range c.routes {
		b = cat(b, "Route: ", r, "\r\n")
	}
	return cat(b, "From: <sip:", c.user, "@", host, ">;tag=", p.prefix, id, "\r\nTo: ", c.to, "\r\nCall-ID: ", p.prefix, id,
		"\r\nCSeq: ", strconv.Itoa(seq), " ", method, "\r\nContent-Length: 0\r\n\r\n")
}

// refused writes the ACK to a refusal, which is part of the INVITE's transaction.
func (p *phones) refused(c *call) []byte {
	id, host := strconv.Itoa(c.n), p.cfg.Server.String()
	callee := p.cfg.Callees[c.n%len(p.cfg.Callees)]
	return cat(nil, "ACK sip:", callee, "@", host, " SIP/2.0\r\nVia: SIP/2.0/", p.proto, " ", p.caller.addr.String(), ";branch=z9hG4bK", p.prefix, id,
		".i;rport\r\nMax-Forwards: 70\r\nFrom: <sip:", c.user, "@", host, ">;tag=", p.prefix, id, "\r\nTo: ", c.to, "\r\nCall-ID: ", p.prefix, id,
		"\r\nCSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n")
}

// hear takes what comes to the calling side.
func (p *phones) hear(text []byte, _ netip.AddrPort, _ int64) {
	m := &p.in
	if !m.read(text) || m.status == 0 {
		return
	}
	n, ok := number(m.callID, p.prefix, len(p.calls))
	if !ok {
		return
	}
	c := &p.calls[n]
	switch now := time.Now(); string(m.method) {
	case "BYE":
		switch {
		case c.phase != leaving || m.status < 200:
		case m.status == 200:
			p.end(&c.unit, "")
		default:
			p.end(&c.unit, fmt.Sprint("BYE ", m.status))
		}
	case "INVITE":
		p.invited(c, m, now)
	}
}

func (p *phones) invited(c *call, m *message, now time.Time) {
	switch {
	case m.status < 200:
		if c.phase == inviting {
			c.text, c.sent = nil, now // Timer A ends at the first provisional answer
		}
	case c.phase != inviting: // an answer that comes again wants its ACK again
		if c.ack != nil {
			p.result.Resent++
			p.send(c, c.ack)
		}
	case m.status < 300:
		c.to, c.target = string(m.to), m.target()
		for i := len(m.route) - 1; i >= 0; i-- {
			c.routes = append(c.routes, string(m.route[i]))
		}
		c.relay = media(m.body)
		c.key, _ = crypto(m.body)
		p.result.Setup = append(p.result.Setup, now.Sub(c.began))
		c.phase, c.text, c.sent = talking, nil, now
		c.ack = p.within("ACK", c, 1)
		p.send(c, c.ack)
		p.ends = append(p.ends, c)
		p.answers.paired(c)
	default:
		c.to = string(m.to)
		c.ack = p.refused(c)
		p.send(c, c.ack)
		p.end(&c.unit, fmt.Sprint("INVITE ", m.status))
	}
}
