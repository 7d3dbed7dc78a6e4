package load

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"

	"santral/sip"
)

// Calls says what to call. The callees must be registered at Answer; the exchange must take the
// callers without a challenge (`santral local --trust`).
type Calls struct {
	Server  netip.AddrPort
	Answer  netip.AddrPort // the answering side's address
	Callers []string       // taken in turn
	Callees []string
	Rate    int // calls a second
	Count   int
	Hold    time.Duration  // from the answer to BYE
	Media   netip.AddrPort // where the caller's descriptions say that it listens; the callee's is one port pair on

	// Answered, where not nil, is told of every answered call: the exchange's media address for
	// the caller and for the callee.
	Answered func(caller, callee netip.AddrPort)
}

// phones is a run of Calls: the calling and the answering socket and what is under way.
type phones struct {
	cfg    Calls
	mu     sync.Mutex
	units  map[string]*unit
	media  map[string]netip.AddrPort // by the number that stands in the display name: the exchange's media address for the callee
	result *Result
	left   chan struct{}
	caller *socket
	callee *socket
}

// Run makes the calls and waits for every end.
func (c Calls) Run() (*Result, error) {
	p := &phones{cfg: c, units: map[string]*unit{}, result: &Result{Why: map[string]int{}}, left: make(chan struct{})}
	var err error
	if p.callee, err = open(c.Answer, p.answer); err != nil {
		return nil, err
	}
	defer p.callee.close()
	if p.caller, err = open(netip.MustParseAddrPort("127.0.0.1:0"), p.hear); err != nil {
		return nil, err
	}
	defer p.caller.close()
	stop := again(p.caller, c.Server, &p.mu, p.units, p.finish)
	defer stop()
	began := time.Now()
	prefix := fmt.Sprintf("c%x", began.UnixNano())
	err = pace(c.Rate, c.Count, p.caller, func(i int) {
		id := fmt.Sprintf("%sx%d", prefix, i)
		u := &unit{began: time.Now(), sent: time.Now(), user: c.Callers[i%len(c.Callers)], seq: 1}
		u.text = p.invite(id, u, c.Callees[i%len(c.Callees)])
		p.mu.Lock()
		p.units[id] = u
		p.mu.Unlock()
		p.caller.send(u.text, c.Server)
	})
	if err != nil {
		return nil, err
	}
	<-p.left
	p.result.Elapsed = time.Since(began)
	return p.result, nil
}

func (p *phones) finish(id string, u *unit, why string) {
	if u.over {
		return
	}
	u.over = true
	delete(p.units, id)
	if why == "" {
		p.result.Done++
	} else {
		p.result.Failed++
		p.result.Why[why]++
	}
	if p.result.Done+p.result.Failed == p.cfg.Count {
		close(p.left)
	}
}

func offer(media netip.AddrPort) string {
	return fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %d RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n", media.Addr(), media.Addr(), media.Port())
}

func (p *phones) mediaOf(callee bool) netip.AddrPort {
	m := p.cfg.Media
	if !m.IsValid() {
		m = netip.MustParseAddrPort("127.0.0.1:9000")
	}
	if callee {
		m = netip.AddrPortFrom(m.Addr(), m.Port()+2)
	}
	return m
}

func (p *phones) invite(id string, u *unit, to string) []byte {
	body := offer(p.mediaOf(false))
	return fmt.Appendf(nil, "INVITE sip:%s@%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%si;rport\r\nMax-Forwards: 70\r\nFrom: <sip:%s@%s>;tag=%s\r\nTo: <sip:%s@%s>\r\nCall-ID: %s\r\nCSeq: 1 INVITE\r\nContact: <sip:%s@%s>\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s",
		to, p.cfg.Server, p.caller.addr, id, u.user, p.cfg.Server, id, to, p.cfg.Server, id, u.user, p.caller.addr, len(body), body)
}

// within writes an in-dialog request of the caller's.
func (p *phones) within(method, id string, u *unit, seq int, to, target string) []byte {
	return fmt.Appendf(nil, "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%s%s;rport\r\nMax-Forwards: 70\r\nFrom: <sip:%s@%s>;tag=%s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %d %s\r\nContent-Length: 0\r\n\r\n",
		method, target, p.caller.addr, id, method[:1], u.user, p.cfg.Server, id, to, id, seq, method)
}

// hear takes what comes to the calling socket.
func (p *phones) hear(text []byte, _ netip.AddrPort) {
	id := field(text, "Call-ID")
	cseq := field(text, "CSeq")
	code := status(text)
	p.mu.Lock()
	defer p.mu.Unlock()
	u := p.units[id]
	switch {
	case u == nil || code == 0:
	case strings.HasSuffix(cseq, "BYE"):
		if code == 200 {
			p.finish(id, u, "")
		} else if code > 200 {
			p.finish(id, u, fmt.Sprint("BYE ", code))
		}
	case code < 200:
		u.text = nil // Timer A ends at the first provisional answer
	case code == 200:
		target := strings.Trim(field(text, "Contact"), "<>")
		to := field(text, "To")
		if u.seq == 1 {
			u.seq = 2
			p.result.Setup = append(p.result.Setup, time.Since(u.began))
			if p.cfg.Answered != nil {
				p.cfg.Answered(mediaAddr(string(text)), netip.AddrPort{})
			}
			time.AfterFunc(p.cfg.Hold, func() {
				bye := p.within("BYE", id, u, 2, to, target)
				p.mu.Lock()
				u.text, u.sent, u.tries = bye, time.Now(), 0
				p.mu.Unlock()
				p.caller.send(bye, p.cfg.Server)
				p.caller.flush()
			})
		}
		u.text = nil
		p.caller.send(p.within("ACK", id, u, 1, to, target), p.cfg.Server)
	default:
		p.caller.send(p.ackRefusal(id, u, text), p.cfg.Server)
		p.finish(id, u, fmt.Sprint("INVITE ", code))
	}
}

func (p *phones) ackRefusal(id string, u *unit, text []byte) []byte {
	to := field(text, "To")
	uri := strings.TrimPrefix(to, "<")
	uri, _, _ = strings.Cut(uri, ">")
	return fmt.Appendf(nil, "ACK %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%si;rport\r\nMax-Forwards: 70\r\nFrom: <sip:%s@%s>;tag=%s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n",
		uri, p.caller.addr, id, u.user, p.cfg.Server, id, to, id)
}

// answer takes what comes to the answering socket: it rings, answers and says good-bye.
func (p *phones) answer(text []byte, from netip.AddrPort) {
	if status(text) != 0 {
		return
	}
	m, err := parse(text)
	if err != nil {
		return
	}
	reply := func(code int, body string) {
		res := sip.NewResponse(m, code, "")
		if m.ToTag() == "" {
			res.SetToTag("b" + m.CallID())
		}
		res.Set(sip.Contact, "<sip:"+p.callee.addr.String()+">")
		if body != "" {
			res.SetBody("application/sdp", body)
		}
		p.callee.send(res.Append(nil), from)
	}
	switch m.Method {
	case sip.INVITE:
		if p.cfg.Answered != nil {
			p.cfg.Answered(netip.AddrPort{}, mediaAddr(string(text)))
		}
		reply(180, "")
		reply(200, offer(p.mediaOf(true)))
	case sip.BYE:
		reply(200, "")
	}
}

// mediaAddr reads the first audio address of a message's session description.
func mediaAddr(text string) netip.AddrPort {
	_, host, _ := strings.Cut(text, "\r\nc=IN IP4 ")
	host, _, _ = strings.Cut(host, "\r\n")
	_, port, _ := strings.Cut(text, "\r\nm=audio ")
	port, _, _ = strings.Cut(port, " ")
	addr, err := netip.ParseAddrPort(host + ":" + port)
	if err != nil {
		return netip.AddrPort{}
	}
	return addr
}
