//go:build linux

package load

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"time"
)

// Registers says what to register: each is a REGISTER, its challenge and the answer to it.
type Registers struct {
	Server   netip.AddrPort
	Users    []string // taken in turn
	Password string
	Contact  netip.AddrPort // where the users shall be called; the generator's own socket when zero
	Expires  time.Duration  // an hour when zero
	Rate     int            // registrations a second
	Count    int
}

// registration is one of a run's.
type registration struct {
	unit
	user string
	seq  int
}

type registers struct {
	cfg     Registers
	socket  *socket
	pace    *pace
	prefix  string
	contact string
	expires string
	units   []registration
	under   under
	checked time.Time
	result  Result
	in      message
}

// Run registers and waits for every answer.
func (c Registers) Run() (*Result, error) {
	if err := loopback(c.Server); err != nil {
		return nil, err
	}
	if len(c.Users) == 0 {
		return nil, errors.New("nobody to register")
	}
	pace, err := newPace(c.Rate, c.Count)
	if err != nil {
		return nil, err
	}
	w, err := newWire()
	if err != nil {
		return nil, err
	}
	defer w.close()
	r := &registers{cfg: c, pace: pace, prefix: prefix("r"), units: make([]registration, c.Count)}
	if r.socket, err = w.open(anyPort, false, r.hear); err != nil {
		return nil, err
	}
	r.contact = c.Contact.String()
	if !c.Contact.IsValid() {
		r.contact = r.socket.addr.String()
	}
	r.expires = "3600"
	if c.Expires != 0 {
		r.expires = strconv.Itoa(int(c.Expires.Seconds()))
	}
	began := time.Now()
	if err := w.run(r.step); err != nil {
		return nil, err
	}
	r.result.Elapsed = time.Since(began)
	r.result.Own, r.result.Late = w.own(), pace.late
	return &r.result, nil
}

func (r *registers) step(now time.Time) bool {
	for due := r.pace.due(now); r.pace.started < due; r.pace.started++ {
		n := r.pace.started
		u := &r.units[n]
		u.user, u.seq, u.began, u.phase = r.cfg.Users[n%len(r.cfg.Users)], 1, now, challenged
		r.under.add(&u.unit)
		u.say(r.request(u, n, nil), now)
		r.socket.send(u.text, r.cfg.Server)
	}
	if now.Sub(r.checked) >= checkUp {
		r.checked = now
		for i := len(r.under.units) - 1; i >= 0; i-- {
			u := r.under.units[i]
			switch {
			case u.lost(now):
				r.end(u, "no answer")
			case u.again(now):
				u.tries++
				u.sent = now
				r.result.Resent++
				r.socket.send(u.text, r.cfg.Server)
			}
		}
	}
	return r.result.Done+r.result.Failed == r.cfg.Count
}

func (r *registers) end(u *unit, why string) {
	r.under.remove(u)
	u.phase, u.text = over, nil
	if why != "" {
		r.result.fail(why)
		return
	}
	r.result.Done++
	r.result.Setup = append(r.result.Setup, time.Since(u.began))
}

func (r *registers) request(u *registration, n int, authorization []byte) []byte {
	id := strconv.Itoa(n)
	seq := strconv.Itoa(u.seq)
	host := r.cfg.Server.String()
	b := cat(make([]byte, 0, 768), "REGISTER sip:", host, " SIP/2.0\r\nVia: SIP/2.0/UDP ", r.socket.addr.String(), ";branch=z9hG4bK", r.prefix, id, ".", seq,
		";rport\r\nMax-Forwards: 70\r\nFrom: <sip:", u.user, "@", host, ">;tag=", r.prefix, id, "\r\nTo: <sip:", u.user, "@", host, ">\r\nCall-ID: ", r.prefix, id,
		"\r\nCSeq: ", seq, " REGISTER\r\nContact: <sip:", u.user, "@", r.contact, ">\r\nExpires: ", r.expires, "\r\n")
	b = append(b, authorization...)
	return append(b, "Content-Length: 0\r\n\r\n"...)
}

func (r *registers) hear(text []byte, _ netip.AddrPort, _ int64) {
	m := &r.in
	if !m.read(text) || m.status < 200 {
		return
	}
	n, ok := number(m.callID, r.prefix, len(r.units))
	if !ok || r.units[n].phase == over || m.seq != r.units[n].seq {
		return
	}
	u := &r.units[n]
	switch {
	case m.status == 401 && u.phase == challenged:
		authorization := authorize(m.challenges, "REGISTER", "sip:"+r.cfg.Server.String(), u.user, r.cfg.Password)
		if authorization == nil {
			r.end(&u.unit, "no challenge by MD5")
			return
		}
		u.seq, u.phase = 2, registering
		u.say(r.request(u, n, authorization), time.Now())
		r.socket.send(u.text, r.cfg.Server)
	case m.status == 200 && u.phase == registering:
		r.end(&u.unit, "")
	case m.status == 200:
		r.end(&u.unit, "200 without a challenge")
	default:
		r.end(&u.unit, fmt.Sprint(m.status))
	}
}

// authorize answers the first challenge by MD5 (RFC 7616 §3.4, and the older form without qop); nil when
// there is none.
func authorize(challenges [][]byte, method, uri, user, password string) []byte {
	for _, c := range challenges {
		c, ok := bytes.CutPrefix(c, []byte("Digest "))
		if algorithm := param(c, "algorithm"); !ok || algorithm != "" && algorithm != "MD5" {
			continue
		}
		realm, nonce := param(c, "realm"), param(c, "nonce")
		a1, a2 := hash(user, ":", realm, ":", password), hash(method, ":", uri)
		response := hash(a1, ":", nonce, ":00000001:0a4f113b:auth:", a2)
		if param(c, "qop") == "" {
			response = hash(a1, ":", nonce, ":", a2)
		}
		b := cat(make([]byte, 0, 384), `Authorization: Digest username="`, user, `", realm="`, realm, `", nonce="`, nonce, `", uri="`, uri, `", algorithm=MD5, response="`, response, `"`)
		if opaque := param(c, "opaque"); opaque != "" {
			b = cat(b, `, opaque="`, opaque, `"`)
		}
		if param(c, "qop") != "" {
			b = cat(b, `, qop=auth, nc=00000001, cnonce="0a4f113b"`)
		}
		return append(b, crlf...)
	}
	return nil
}

// param reads a parameter of a challenge, quoted or not.
func param(challenge []byte, name string) string {
	for rest := challenge; len(rest) > 0; {
		at := bytes.Index(rest, []byte(name+"="))
		if at < 0 {
			return ""
		}
		before := at == 0 || rest[at-1] == ' ' || rest[at-1] == ','
		rest = rest[at+len(name)+1:]
		if !before {
			continue
		}
		if len(rest) > 0 && rest[0] == '"' {
			value, _, _ := bytes.Cut(rest[1:], []byte(`"`))
			return string(value)
		}
		value, _, _ := bytes.Cut(rest, []byte(","))
		return string(bytes.TrimSpace(value))
	}
	return ""
}

func hash(parts ...string) string {
	var room [512]byte
	sum := md5.Sum(cat(room[:0], parts...))
	return hex.EncodeToString(sum[:])
}
