package siptest

import (
	"fmt"
	"strconv"
	"strings"

	"santral/sip"
)

// Text completes a script's text: line feeds become line ends, {me} the phone's address, {branch} a
// new branch, and a Content-Length is added where the head has none. Text that has CRLF already stays
// as it is, so that a test can write what no program should. Send does this too.
func (p *Phone) Text(text string) string {
	if strings.Contains(text, "\r\n") {
		return text
	}
	if strings.Contains(text, "{branch}") {
		text = strings.ReplaceAll(text, "{branch}", p.Branch())
	}
	text = strings.ReplaceAll(text, "{me}", p.addr.String())
	head, body, _ := strings.Cut(text, "\n\n")
	head = strings.ReplaceAll(strings.TrimRight(head, "\n"), "\n", "\r\n") + "\r\n"
	body = strings.ReplaceAll(body, "\n", "\r\n")
	if !strings.Contains(head, "Content-Length:") {
		head += fmt.Sprintf("Content-Length: %d\r\n", len(body))
	}
	return head + "\r\n" + body
}

// Branch makes a branch that nobody has used before, the same in every run.
func (p *Phone) Branch() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.branches++
	return "z9hG4bK-" + p.name + "-" + strconv.Itoa(p.branches)
}

// Request gives a request out of nowhere: from the phone's name to uri, with CSeq 1, a Call-ID of its
// own for each call number and the header lines of extra; what follows an empty line among them is the
// body.
func (p *Phone) Request(method sip.Method, uri string, call int, extra ...string) string {
	return p.Text(fmt.Sprintf(`%s %s SIP/2.0
Via: SIP/2.0/UDP {me};branch=%s;rport
Max-Forwards: 70
From: "%s" <sip:%s@example.com>;tag=%s-%d
To: <%s>
Call-ID: call-%d@%s
CSeq: 1 %s
Contact: <sip:%s@{me}>
%s`, method, uri, p.Branch(), p.name, p.name, p.name, call, uri, call, p.name, method, p.name, joined(extra)))
}

func joined(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return strings.Join(lines, "\n") + "\n"
}

// Reply answers a request that came, on the way that it came: status is "180 Ringing" or only "180".
// The To tag is the phone's own, a Contact is added to answers to an INVITE, and Record-Routes are
// copied. extra is as in Request.
func (p *Phone) Reply(g Got, status string, extra ...string) {
	p.stage.t.Helper()
	code, reason, _ := strings.Cut(status, " ")
	n, err := strconv.Atoi(code)
	if err != nil {
		p.stage.t.Fatalf("status %q", status)
	}
	res := sip.NewResponse(g.Message, n, reason)
	if n > 100 && res.ToTag() == "" {
		res.SetToTag("tag-" + p.name)
	}
	for i := range g.Headers {
		if h := &g.Headers[i]; h.Kind == sip.RecordRoute && n > 100 {
			res.Add(h.Kind, h.Value)
		}
	}
	if g.Method == sip.INVITE && n > 100 && n < 300 {
		res.Add(sip.Contact, "<sip:"+p.name+"@"+p.addr.String()+">")
	}
	head, body, _ := strings.Cut(strings.TrimSuffix(joined(extra), "\n"), "\n\n")
	for line := range strings.SplitSeq(head, "\n") {
		if name, value, ok := strings.Cut(line, ":"); ok {
			res.AddName(name, strings.TrimSpace(value))
		}
	}
	res.Body = strings.ReplaceAll(body, "\n", "\r\n")
	if g.Stream {
		p.write(g.Conn, g.From, res.String())
		return
	}
	p.Send(g.From, res.String())
}

// Ack gives the ACK to a final response to an INVITE that this phone sent: for a refusal it is part of
// the INVITE's transaction (RFC 3261 §17.1.1.3), for a 2xx it goes to the peer's Contact with a branch
// of its own (RFC 3261 §13.2.2.4).
func (p *Phone) Ack(invite string, res Got) string {
	if res.Status < 300 {
		return p.Within(invite, res, sip.ACK, 1)
	}
	req := p.parse(invite)
	ack := sip.NewRequest(sip.ACK, req.RequestURI)
	ack.Add(sip.ViaKind, req.Get(sip.ViaKind))
	p.identify(ack, req, res, 1)
	return ack.String()
}

// Cancel gives the CANCEL of an INVITE that this phone sent (RFC 3261 §9.1).
func (p *Phone) Cancel(invite string) string {
	req := p.parse(invite)
	c := sip.NewRequest(sip.CANCEL, req.RequestURI)
	c.Add(sip.ViaKind, req.Get(sip.ViaKind))
	p.identify(c, req, Got{Message: req}, 1)
	return c.String()
}

// Within gives a request within the dialog that the response to this phone's INVITE made.
func (p *Phone) Within(invite string, res Got, method sip.Method, seq int, extra ...string) string {
	req := p.parse(invite)
	uri := req.RequestURI
	for a, err := range res.Contacts() {
		if err == nil {
			uri = a.RawURI
		}
	}
	m := sip.NewRequest(method, uri)
	m.Add(sip.ViaKind, "SIP/2.0/UDP "+p.addr.String()+";branch="+p.Branch()+";rport")
	p.identify(m, req, res, seq)
	return p.Text(strings.TrimSuffix(strings.ReplaceAll(m.String(), "\r\n", "\n"), "Content-Length: 0\n\n") + joined(extra))
}

// Back gives a request within the dialog of an INVITE that this phone received and answered.
func (p *Phone) Back(invite Got, method sip.Method, seq int, extra ...string) string {
	uri := invite.RequestURI
	for a, err := range invite.Contacts() {
		if err == nil {
			uri = a.RawURI
		}
	}
	m := sip.NewRequest(method, uri)
	m.Add(sip.ViaKind, "SIP/2.0/UDP "+p.addr.String()+";branch="+p.Branch()+";rport")
	m.Add(sip.From, invite.Get(sip.To)+";tag=tag-"+p.name)
	m.Add(sip.To, invite.Get(sip.From))
	m.Add(sip.CallID, invite.CallID())
	m.Add(sip.CSeqKind, strconv.Itoa(seq)+" "+string(method))
	m.Add(sip.MaxForwards, "70")
	return p.Text(strings.TrimSuffix(strings.ReplaceAll(m.String(), "\r\n", "\n"), "Content-Length: 0\n\n") + joined(extra))
}

// identify copies what names a call from an INVITE and the response to it.
func (p *Phone) identify(m, req *sip.Message, res Got, seq int) {
	m.Add(sip.From, req.Get(sip.From))
	m.Add(sip.To, res.Get(sip.To))
	m.Add(sip.CallID, req.CallID())
	m.Add(sip.CSeqKind, strconv.Itoa(seq)+" "+string(m.Method))
	m.Add(sip.MaxForwards, "70")
}

func (p *Phone) parse(script string) *sip.Message {
	m, err := sip.ParseMessage(script)
	if err != nil {
		p.stage.t.Fatalf("a message of the script's own: %v\n%s", err, script)
	}
	return m
}
