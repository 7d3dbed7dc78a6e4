package phone

import (
	"crypto/md5"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"time"
)

// Agent is a telephone made by hand: an account on a wire. It does only what a test tells it.
type Agent struct {
	*Wire
	User, Password string
}

// Agent gives a phone for an account with the password that all accounts have.
func (w *Wire) Agent(user string) *Agent { return &Agent{Wire: w, User: user, Password: Password} }

// URI is an address at the exchange: a number, or the exchange itself for "". Over TLS it is the name
// of its certificate.
func (a *Agent) URI(number string) string {
	at := a.x.SIP
	if a.name == "TLS" {
		at = a.x.TLS
	}
	if number == "" {
		return "sip:" + at
	}
	return "sip:" + number + "@" + at
}

// Contact is the agent's own Contact value.
func (a *Agent) Contact() string {
	switch a.name {
	case "TCP", "TLS":
		return "<sip:" + a.User + "@" + a.Addr() + ";transport=" + strings.ToLower(a.name) + ">"
	case "WS", "WSS": // a browser has no address that it could tell (RFC 7118 §5)
		_, port, _ := net.SplitHostPort(a.Addr())
		return "<sip:" + a.User + "@p" + port + ".invalid;transport=ws>"
	}
	return "<sip:" + a.User + "@" + a.Addr() + ">"
}

// Request writes a request outside any dialog, with everything that it must have.
func (a *Agent) Request(method, uri string) *Draft {
	to := uri
	if method == "REGISTER" {
		to = a.URI(a.User)
	}
	d := &Draft{Line: method + " " + uri + " SIP/2.0"}
	return d.Add("Via", fmt.Sprintf("SIP/2.0/%s %s;branch=%s;rport", a.Name(), a.Addr(), NewBranch())).
		Add("Max-Forwards", "70").
		Add("From", fmt.Sprintf("<%s>;tag=%x", a.URI(a.User), rand.Uint64())).
		Add("To", "<"+to+">").
		Add("Call-ID", fmt.Sprintf("%x", rand.Uint64())).
		Add("CSeq", "1 "+method).
		Add("Contact", a.Contact())
}

// Transact sends a request, again and again over UDP, until its final response, and gives that; the
// zero Message when none comes within limit. It answers no challenge.
func (a *Agent) Transact(d *Draft, limit time.Duration) Message {
	final := Responses(d.Get("Call-ID"), d.Get("CSeq"), 200)
	any := Responses(d.Get("Call-ID"), d.Get("CSeq"), 100)
	wait, text := 500*time.Millisecond, d.String()
	a.Send(text)
	for until := time.Now().Add(limit); ; {
		pause := min(wait, time.Until(until))
		if pause <= 0 {
			return Message{}
		}
		m, ok := a.Take(pause, any)
		switch {
		case ok && final(m):
			return m
		case ok: // a provisional one: no more copies
			m, _ = a.Take(time.Until(until), final)
			return m
		case a.Closed():
			return Message{}
		case a.udp != nil:
			a.Send(text)
		}
		wait = min(2*wait, 4*time.Second)
	}
}

// Challenge is one of a response's WWW-Authenticate values.
type Challenge map[string]string

// Challenges reads those of a response.
func Challenges(m Message) (list []Challenge) {
	for _, v := range m.All("WWW-Authenticate") {
		c := Challenge{}
		for _, p := range challengePart.FindAllStringSubmatch(strings.TrimPrefix(v, "Digest "), -1) {
			c[p[1]] = p[2]
		}
		list = append(list, c)
	}
	return list
}

// ChallengeOf gives the challenge of an algorithm, nil for none.
func ChallengeOf(m Message, algorithm string) Challenge {
	for _, c := range Challenges(m) {
		if c["algorithm"] == algorithm || c["algorithm"] == "" && algorithm == "MD5" {
			return c
		}
	}
	return nil
}

// Credentials are the parts of an Authorization; a test may bend each of them. Response is computed
// from the others when it is empty.
type Credentials struct {
	Algorithm, User, Password, Realm, Nonce, URI, Method string
	Qop, NC, Cnonce, Response                            string
}

// Answer gives the right credentials for a challenge.
func (a *Agent) Answer(c Challenge, method, uri string, nc int) Credentials {
	return Credentials{
		Algorithm: c["algorithm"], User: a.User, Password: a.Password, Realm: c["realm"], Nonce: c["nonce"], URI: uri, Method: method,
		Qop: "auth", NC: fmt.Sprintf("%08x", nc), Cnonce: fmt.Sprintf("%x", rand.Uint64()),
	}
}

// String is the value of Authorization.
func (c Credentials) String() string {
	h := func(s string) string {
		if c.Algorithm == "SHA-256" {
			return fmt.Sprintf("%x", sha256.Sum256([]byte(s)))
		}
		return fmt.Sprintf("%x", md5.Sum([]byte(s)))
	}
	if c.Response == "" {
		ha1, ha2 := h(c.User+":"+c.Realm+":"+c.Password), h(c.Method+":"+c.URI)
		if c.Qop == "" {
			c.Response = h(ha1 + ":" + c.Nonce + ":" + ha2)
		} else {
			c.Response = h(ha1 + ":" + c.Nonce + ":" + c.NC + ":" + c.Cnonce + ":" + c.Qop + ":" + ha2)
		}
	}
	s := fmt.Sprintf(`Digest username="%s", realm="%s", nonce="%s", uri="%s", response="%s"`, c.User, c.Realm, c.Nonce, c.URI, c.Response)
	if c.Algorithm != "" {
		s += ", algorithm=" + c.Algorithm
	}
	if c.Qop != "" {
		s += fmt.Sprintf(`, qop=%s, nc=%s, cnonce="%s"`, c.Qop, c.NC, c.Cnonce)
	}
	return s
}

// Authorize makes the next attempt of a challenged request: credentials, a new branch, the next CSeq.
func (a *Agent) Authorize(d *Draft, challenged Message) *Draft {
	c := ChallengeOf(challenged, "MD5")
	if c == nil {
		c = ChallengeOf(challenged, "SHA-256")
	}
	f := strings.Fields(d.Line)
	var number int
	fmt.Sscan(d.Get("CSeq"), &number)
	return d.Copy().Branch().Set("CSeq", fmt.Sprint(number+1, " ", f[0])).Set("Authorization", a.Answer(c, f[0], f[1], 1).String())
}

// Ask sends a request that is no INVITE, answers the challenge, and gives the final response.
func (a *Agent) Ask(d *Draft) Message {
	m := a.Transact(d, 8*time.Second)
	if m.Status() == 401 {
		m = a.Transact(a.Authorize(d, m), 8*time.Second)
	}
	return m
}

// Register registers the agent's own contact and fails the test when that does not go well.
func (a *Agent) Register() *Agent {
	a.t.Helper()
	d := a.Request("REGISTER", a.URI("")).Set("Expires", "600")
	if m := a.Ask(d); m.Status() != 200 {
		a.t.Fatalf("%s does not register: %.300q", a.User, m.Text)
	}
	return a
}

// Offer is a session description with one A-law stream at an address.
func Offer(media string) string {
	host, port, _ := net.SplitHostPort(media)
	family := "IP4"
	if strings.Contains(host, ":") {
		family = "IP6"
	}
	return fmt.Sprintf("v=0\r\no=- 1 1 IN %s %s\r\ns=-\r\nc=IN %s %s\r\nt=0 0\r\nm=audio %s RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n", family, host, family, host, port)
}

// Media reads where a session description wants its first stream.
func Media(text string) string {
	host, port := "", ""
	for line := range strings.SplitSeq(text, "\r\n") {
		f := strings.Fields(line)
		if v, ok := strings.CutPrefix(line, "c=IN "); ok && port == "" && len(f) == 3 {
			_ = v
			host = f[2]
		} else if ok && len(f) == 3 {
			host = f[2]
		}
		if strings.HasPrefix(line, "m=audio ") && port == "" {
			port = f[1]
		}
	}
	return net.JoinHostPort(host, port)
}

// Dialog is a party's side of a dialog.
type Dialog struct {
	*Agent
	Invite        *Draft  // ours, when we called
	Incoming      Message // theirs, when we were called
	ID            string
	Local, Remote string // From and To of our requests, with their tags
	Target        string // their Contact
	CSeq          int
}

// Dial sends an INVITE, answers its challenge and gives the call once the INVITE with credentials is
// on the wire. change may bend both INVITEs.
func (a *Agent) Dial(number, sdp string, change ...func(*Draft)) *Dialog {
	a.t.Helper()
	d := a.Request("INVITE", a.URI(number)).SDP(sdp)
	for _, f := range change {
		f(d)
	}
	m := a.Transact(d, 8*time.Second)
	if m.Status() != 401 {
		a.t.Fatalf("INVITE without credentials: %.300q", m.Text)
	}
	a.ack(d, m)
	d = a.Authorize(d, m)
	a.Send(d.String())
	cseq := 0
	fmt.Sscan(d.Get("CSeq"), &cseq)
	return &Dialog{Agent: a, Invite: d, ID: d.Get("Call-ID"), Local: d.Get("From"), Remote: d.Get("To"), Target: strings.Fields(d.Line)[1], CSeq: cseq}
}

// ack acknowledges a refusal (RFC 3261 §17.1.1.3).
func (a *Agent) ack(invite *Draft, m Message) {
	number, _ := m.CSeq()
	f := strings.Fields(invite.Line)
	d := &Draft{Line: "ACK " + f[1] + " SIP/2.0"}
	d.Add("Via", invite.Get("Via")).Add("Max-Forwards", "70").Add("From", m.Get("From")).Add("To", m.Get("To")).
		Add("Call-ID", m.Get("Call-ID")).Add("CSeq", fmt.Sprint(number, " ACK"))
	a.Send(d.String())
}

// Response waits for a response to our INVITE of exactly that status. A 2xx makes the dialog; a
// refusal is acknowledged.
func (c *Dialog) Response(status int, limit time.Duration) Message {
	c.t.Helper()
	cseq := c.Invite.Get("CSeq")
	m := c.Want(limit, fmt.Sprintf("%d to INVITE", status), func(m Message) bool {
		return m.Get("Call-ID") == c.ID && m.Get("CSeq") == cseq && (m.Status() == status || m.Status() >= 200)
	})
	switch {
	case m.Status() != status:
		c.t.Fatalf("INVITE: %s, want %d", m.Line(), status)
	case status >= 300:
		c.ack(c.Invite, m)
	case status >= 200:
		c.Remote, c.Target = m.Get("To"), m.Contact()
	}
	return m
}

// Request writes a request within the dialog.
func (c *Dialog) Request(method string) *Draft {
	if method != "ACK" && method != "CANCEL" {
		c.CSeq++
	}
	d := c.Agent.Request(method, c.Target)
	return d.Set("From", c.Local).Set("To", c.Remote).Set("Call-ID", c.ID).Set("CSeq", fmt.Sprint(c.CSeq, " ", method))
}

// Ack acknowledges the 2xx, with a description when there is one.
func (c *Dialog) Ack(sdp string) { c.Send(c.Request("ACK").SDP(sdp).String()) }

// Bye ends the call and wants a 200.
func (c *Dialog) Bye() {
	c.t.Helper()
	if m := c.Transact(c.Request("BYE"), 8*time.Second); m.Status() != 200 {
		c.t.Errorf("BYE: %.80q", m.Text)
	}
}

// Cancel gives up our INVITE and wants a 200 to the CANCEL.
func (c *Dialog) Cancel() Message {
	c.t.Helper()
	number, _, _ := strings.Cut(c.Invite.Get("CSeq"), " ")
	d := c.Invite.Copy().SDP("").Del("Authorization").Del("Contact").Set("CSeq", number+" CANCEL")
	d.Line = "CANCEL " + strings.Fields(c.Invite.Line)[1] + " SIP/2.0"
	return c.Transact(d, 8*time.Second)
}

// Ring waits for an INVITE to the agent.
func (a *Agent) Ring() *Dialog {
	a.t.Helper()
	m := a.Want(8*time.Second, "INVITE to "+a.User, func(m Message) bool {
		return m.Method() == "INVITE" && strings.HasPrefix(m.Target(), "sip:"+a.User+"@")
	})
	tag := fmt.Sprintf("%x", rand.Uint64())
	return &Dialog{Agent: a, Incoming: m, ID: m.Get("Call-ID"), Local: m.Get("To") + ";tag=" + tag, Remote: m.Get("From"), Target: m.Contact()}
}

// Reply writes a response to the INVITE that came.
func (c *Dialog) Reply(status int, reason, sdp string) *Draft {
	_, tag, _ := strings.Cut(c.Local, ";tag=")
	return c.Incoming.Answer(status, reason, tag).Add("Contact", c.Contact()).SDP(sdp)
}

// Tell sends a response to the INVITE that came.
func (c *Dialog) Tell(status int, reason, sdp string) { c.Send(c.Reply(status, reason, sdp).String()) }

// Expect waits for a request within the call.
func (c *Dialog) Expect(method string, limit time.Duration) Message {
	c.t.Helper()
	return c.Want(limit, method+" to "+c.User, func(m Message) bool { return m.Method() == method && m.Get("Call-ID") == c.ID })
}

// Agree answers a request within the call with a 200.
func (c *Dialog) Agree(m Message) { c.Send(m.Answer(200, "OK", "").String()) }

// Talk sets up a call between two registered agents with descriptions of both; each call is up and
// acknowledged.
func Talk(caller, callee *Agent, callerSDP, calleeSDP string) (a, b *Dialog) {
	caller.t.Helper()
	a = caller.Dial(callee.User, callerSDP)
	b = callee.Ring()
	b.Tell(180, "Ringing", "")
	a.Response(180, 5*time.Second)
	b.Tell(200, "OK", calleeSDP)
	m := a.Response(200, 5*time.Second)
	_ = m
	a.Ack("")
	b.Expect("ACK", 5*time.Second)
	return a, b
}

// End hangs up at a, answers at b.
func End(a, b *Dialog) {
	a.t.Helper()
	d := a.Request("BYE")
	a.Send(d.String())
	b.Agree(b.Expect("BYE", 5*time.Second))
	a.Want(5*time.Second, "200 to BYE", Responses(a.ID, d.Get("CSeq"), 200))
}
