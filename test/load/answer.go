//go:build linux

package load

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"net/netip"
	"strconv"
	"time"
)

// answered is a call as its callee sees it.
type answered struct {
	unit
	from  netip.AddrPort
	user  string         // the caller's number
	relay netip.AddrPort // where the exchange hears the callee
}

// answers is the answering side of a run: every phone rings, answers at once and says good-bye.
type answers struct {
	socket         *socket
	offer          string
	contact        string
	calls          map[string]*answered // by Call-ID
	unacknowledged int
	result         *Result
	in             message

	// heard gives where the exchange hears the callee of a caller's call. It is kept only while the
	// calls are held, and says the truth only where each caller has one call.
	heard map[string]netip.AddrPort
}

func newAnswers(w *wire, c Calls, result *Result) (*answers, error) {
	a := &answers{calls: map[string]*answered{}, heard: map[string]netip.AddrPort{}, result: result}
	a.offer = offer(netip.AddrPortFrom(c.Media.Addr(), c.Media.Port()+2))
	var err error
	more := ""
	if c.TLS != nil {
		more = ";transport=tls"
		a.socket, err = w.openTLS(c.TLS, a.hear, func(i int, conn *tls.Conn, in *bufio.Reader) error {
			return c.TLS.enrol(i, conn, in, c.Callees, c.Password)
		})
	} else {
		a.socket, err = w.open(c.Answer, false, a.hear)
	}
	if err != nil {
		return nil, err
	}
	a.contact = "<sip:" + a.socket.addr.String() + more + ">"
	return a, nil
}

func (a *answers) hear(text []byte, from netip.AddrPort, _ int64) {
	m := &a.in
	if !m.read(text) || m.status != 0 {
		return
	}
	switch c := a.calls[string(m.callID)]; string(m.method) {
	case "INVITE":
		now := time.Now()
		if c != nil && c.text != nil { // it did not hear the answer
			a.result.Resent++
			a.socket.send(c.text, from)
			return
		}
		if c == nil {
			c = &answered{from: from, user: user(m.from)}
			a.calls[string(m.callID)] = c
			a.socket.send(a.reply(m, "180 Ringing", false), from)
		}
		c.relay = media(m.body)
		a.heard[c.user] = c.relay
		c.say(a.reply(m, "200 OK", true), now)
		a.socket.send(c.text, from)
	case "ACK":
		if c != nil {
			c.text = nil
		}
	case "CANCEL": // too late, the call is answered
		a.socket.send(a.reply(m, "200 OK", false), from)
	case "BYE":
		delete(a.calls, string(m.callID))
		a.socket.send(a.reply(m, "200 OK", false), from)
	default:
		a.socket.send(a.reply(m, "405 Method Not Allowed", false), from)
	}
}

// check sends what was not acknowledged again (RFC 3261 §13.3.1.4).
func (a *answers) check(now time.Time) {
	for _, c := range a.calls {
		switch {
		case c.text == nil:
		case c.lost(now):
			c.text = nil
			a.unacknowledged++
		case c.again(now):
			c.tries++
			c.sent = now
			a.result.Resent++
			a.socket.send(c.text, c.from)
		}
	}
}

func (a *answers) reply(m *message, status string, described bool) []byte {
	b := cat(make([]byte, 0, 1024), "SIP/2.0 ", status, "\r\n")
	for _, v := range m.via {
		b = append(append(append(b, "Via: "...), v...), crlf...)
	}
	for _, r := range m.route {
		b = append(append(append(b, "Record-Route: "...), r...), crlf...)
	}
	b = append(append(append(b, "From: "...), m.from...), crlf...)
	b = append(append(b, "To: "...), m.to...)
	if !bytes.Contains(m.to, []byte(";tag=")) {
		b = append(append(b, ";tag=b"...), m.callID...)
	}
	b = append(append(append(b, "\r\nCall-ID: "...), m.callID...), "\r\nCSeq: "...)
	b = cat(append(b, m.cseq...), "\r\nContact: ", a.contact)
	if !described {
		return cat(b, "\r\nContent-Length: 0\r\n\r\n")
	}
	return cat(b, "\r\nContent-Type: application/sdp\r\nContent-Length: ", strconv.Itoa(len(a.offer)), "\r\n\r\n", a.offer)
}

// paired tells a caller's call where the exchange hears its callee.
func (a *answers) paired(c *call) { c.other = a.heard[c.user] }
