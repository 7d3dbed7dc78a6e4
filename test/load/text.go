//go:build linux

package load

import (
	"bytes"
	"net/netip"
	"strconv"
	"strings"

	"santral/media/srtp"
)

// message is what this generator needs to know of a SIP message. It points into the datagram.
type message struct {
	status     int    // of a response, 0 for a request
	method     []byte // of a request, or of the request that a response answers
	seq        int
	from, to   []byte
	callID     []byte
	cseq       []byte
	contact    []byte
	via, route [][]byte // values of Via and Record-Route, a header field each
	challenges [][]byte // of WWW-Authenticate
	body       []byte
}

// read takes a datagram apart; false says that it is no SIP message.
func (m *message) read(text []byte) bool {
	*m = message{via: m.via[:0], route: m.route[:0], challenges: m.challenges[:0]}
	first, rest, ok := bytes.Cut(text, crlf)
	if !ok {
		return false
	}
	if after, is := bytes.CutPrefix(first, []byte("SIP/2.0 ")); is {
		if len(after) < 3 {
			return false
		}
		m.status, _ = strconv.Atoi(string(after[:3]))
		if m.status < 100 {
			return false
		}
	}
	for {
		var line []byte
		if line, rest, ok = bytes.Cut(rest, crlf); !ok {
			return false
		}
		if len(line) == 0 {
			break
		}
		colon := bytes.IndexByte(line, ':')
		if colon < 0 {
			continue
		}
		if name := bytes.TrimSpace(line[:colon]); len(name) > 0 {
			m.field(name, bytes.TrimSpace(line[colon+1:]))
		}
	}
	m.body = rest
	seq, method, ok := bytes.Cut(m.cseq, []byte(" "))
	if !ok || m.callID == nil || len(m.via) == 0 {
		return false
	}
	m.seq, _ = strconv.Atoi(string(seq))
	m.method = method
	return true
}

var crlf = []byte("\r\n")

func (m *message) field(name, value []byte) {
	is := func(long, short string) bool {
		return len(name) == len(long) && bytes.EqualFold(name, []byte(long)) || short != "" && len(name) == 1 && name[0]|0x20 == short[0]
	}
	switch name[0] | 0x20 {
	case 'v':
		if is("Via", "v") {
			m.via = append(m.via, value)
		}
	case 'f':
		if is("From", "f") {
			m.from = value
		}
	case 't':
		if is("To", "t") {
			m.to = value
		}
	case 'i':
		if is("i", "i") {
			m.callID = value
		}
	case 'c':
		switch {
		case is("Call-ID", ""):
			m.callID = value
		case is("CSeq", ""):
			m.cseq = value
		case is("Contact", ""):
			m.contact = value
		}
	case 'm':
		if is("m", "m") {
			m.contact = value
		}
	case 'r':
		if is("Record-Route", "") {
			m.route = append(m.route, value)
		}
	case 'w':
		if is("WWW-Authenticate", "") {
			m.challenges = append(m.challenges, value)
		}
	}
}

// target is the URI of the contact.
func (m *message) target() string {
	_, uri, ok := bytes.Cut(m.contact, []byte("<"))
	if !ok {
		uri, _, _ = bytes.Cut(m.contact, []byte(";"))
		return string(uri)
	}
	uri, _, _ = bytes.Cut(uri, []byte(">"))
	return string(uri)
}

// user is the user part of an address.
func user(address []byte) string {
	_, uri, ok := bytes.Cut(address, []byte("sip:"))
	if !ok {
		return ""
	}
	end := bytes.IndexAny(uri, "@>;")
	if end < 0 {
		return ""
	}
	return string(uri[:end])
}

// media reads the first audio address of a session description.
func media(body []byte) netip.AddrPort {
	_, host, _ := bytes.Cut(body, []byte("c=IN IP4 "))
	host, _, _ = bytes.Cut(host, crlf)
	_, port, _ := bytes.Cut(body, []byte("\r\nm=audio "))
	port, _, _ = bytes.Cut(port, []byte(" "))
	addr, err := netip.ParseAddr(string(host))
	if err != nil {
		return netip.AddrPort{}
	}
	n, err := strconv.ParseUint(string(port), 10, 16)
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(addr, uint16(n))
}

// offer is a session description of G.711 A-law at an address; it answers such a one too.
func offer(at netip.AddrPort) string {
	host := at.Addr().String()
	return "v=0\r\no=- 1 1 IN IP4 " + host + "\r\ns=-\r\nc=IN IP4 " + host + "\r\nt=0 0\r\nm=audio " + strconv.Itoa(int(at.Port())) + " RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"
}

// secured is an offer with a key in the place of one without.
func secured(offer string, k srtp.Key) string {
	return strings.Replace(offer, " RTP/AVP ", " RTP/SAVP ", 1) + "a=crypto:" + k.Crypto() + "\r\n"
}

// crypto reads the key of an answer; ok is false when it has none.
func crypto(body []byte) (k srtp.Key, ok bool) {
	_, line, ok := bytes.Cut(body, []byte("\r\na=crypto:"))
	if !ok {
		return k, false
	}
	line, _, _ = bytes.Cut(line, crlf)
	k, err := srtp.ParseCrypto(string(line))
	return k, err == nil
}

// cat appends strings.
func cat(b []byte, parts ...string) []byte {
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}
