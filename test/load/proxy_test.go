//go:build linux

package load

import (
	"bytes"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
)

// proxy stands in for an exchange: a registrar, and a stateless proxy that stays in the way of the
// dialogs. What it does otherwise is a test's.
type proxy struct {
	t      *testing.T
	conn   *net.UDPConn
	addr   netip.AddrPort
	answer netip.AddrPort
	done   sync.WaitGroup

	drop  func(n int, text string) bool           // the n-th datagram is not heard
	reply func(method string, text string) string // answers by itself with a status

	read chan struct{} // closed when the proxy has read everything

	mu   sync.Mutex
	seen map[string]int // requests by method
	bad  []string
}

func newProxy(t *testing.T) *proxy {
	t.Helper()
	p := &proxy{t: t, answer: free(t), seen: map[string]int{}, read: make(chan struct{})}
	var err error
	if p.conn, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(anyPort)); err != nil {
		t.Fatal(err)
	}
	p.conn.SetReadBuffer(4 << 20)
	p.addr = p.conn.LocalAddr().(*net.UDPAddr).AddrPort()
	p.done.Add(1)
	t.Cleanup(func() {
		p.conn.Close()
		p.done.Wait()
		for _, b := range p.bad {
			t.Error(b)
		}
	})
	return p
}

// free finds a port that nobody has, with the one two on.
func free(t *testing.T) netip.AddrPort {
	t.Helper()
	for range 100 {
		a, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(anyPort))
		if err != nil {
			t.Fatal(err)
		}
		addr := a.LocalAddr().(*net.UDPAddr).AddrPort()
		b, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr.Addr(), addr.Port()+2)))
		a.Close()
		if err == nil {
			b.Close()
			return addr
		}
	}
	t.Fatal("no free pair of ports")
	return netip.AddrPort{}
}

func (p *proxy) serve() {
	defer p.done.Done()
	b := make([]byte, 4096)
	for n := 0; ; n++ {
		size, from, err := p.conn.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		text := string(b[:size])
		if text == "end" {
			close(p.read)
			continue
		}
		if p.drop != nil && p.drop(n, text) {
			continue
		}
		if strings.HasPrefix(text, "SIP/2.0 ") {
			p.back(text)
			continue
		}
		p.request(text, from)
	}
}

func (p *proxy) complain(why, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.bad) < 5 {
		p.bad = append(p.bad, why+" in\n"+text)
	}
}

func (p *proxy) request(text string, from netip.AddrPort) {
	var m message
	if !m.read([]byte(text)) {
		p.complain("not SIP", text)
		return
	}
	method, _, _ := strings.Cut(text, " ")
	p.mu.Lock()
	p.seen[method]++
	p.mu.Unlock()
	if method != string(m.method) {
		p.complain("CSeq of another method", text)
	}
	if p.reply != nil {
		if status := p.reply(method, text); status != "" {
			p.respond(&m, status, from)
			return
		}
	}
	if method == "REGISTER" {
		p.register(&m, text, from)
		return
	}
	if (method == "ACK" || method == "BYE") && !strings.Contains(text, "\r\nRoute: <sip:"+p.addr.String()+";lr>\r\n") {
		p.complain("no Route", text)
	}
	head, rest, _ := strings.Cut(text, "\r\n")
	extra := "Via: SIP/2.0/UDP " + p.addr.String() + ";branch=z9hG4bKp" + string(m.callID) + method + "\r\n"
	if method == "INVITE" {
		extra += "Record-Route: <sip:" + p.addr.String() + ";lr>\r\n"
	}
	p.send(head+"\r\n"+extra+rest, p.answer)
}

// silence is the status of a request that is not answered.
const silence = "-"

const realm, nonce = "a realm, quoted", "4f2a"

func (p *proxy) register(m *message, text string, from netip.AddrPort) {
	_, authorization, ok := strings.Cut(text, "\r\nAuthorization: Digest ")
	if !ok {
		p.respond(m, "401 Unauthorized", from, `WWW-Authenticate: Digest realm="other", nonce="9", algorithm=SHA-256, qop="auth"`,
			`WWW-Authenticate: Digest realm="`+realm+`", nonce="`+nonce+`", algorithm=MD5, qop="auth"`)
		return
	}
	got := []byte(authorization)
	want := hash(hash(user(m.from), ":", realm, ":secret"), ":", nonce, ":", param(got, "nc"), ":", param(got, "cnonce"), ":auth:", hash("REGISTER:", param(got, "uri")))
	if param(got, "response") != want {
		p.complain("wrong response", text)
	}
	p.respond(m, "200 OK", from)
}

func (p *proxy) respond(m *message, status string, to netip.AddrPort, lines ...string) {
	if status == silence {
		return
	}
	b := "SIP/2.0 " + status + "\r\n"
	for _, v := range m.via {
		b += "v: " + string(v) + "\r\n"
	}
	b += "f: " + string(m.from) + "\r\nt: " + string(m.to) + ";tag=p\r\ni: " + string(m.callID) + "\r\nCSEQ:  " + string(m.cseq) + "\r\n"
	for _, l := range lines {
		b += l + "\r\n"
	}
	p.send(b+"Content-Length: 0\r\n\r\n", to)
}

// back sends a response on to where the Via below ours says.
func (p *proxy) back(text string) {
	head, rest, _ := strings.Cut(text, "\r\nVia: ")
	_, rest, _ = strings.Cut(rest, "\r\n")
	text = head + "\r\n" + rest
	var m message
	if !m.read([]byte(text)) {
		p.complain("no response", text)
		return
	}
	sentBy, _, _ := bytes.Cut(m.via[0], []byte(";"))
	to, err := netip.ParseAddrPort(strings.TrimPrefix(string(sentBy), "SIP/2.0/UDP "))
	if err != nil {
		p.complain(err.Error(), text)
		return
	}
	p.send(text, to)
}

func (p *proxy) send(text string, to netip.AddrPort) {
	p.conn.WriteToUDPAddrPort([]byte(text), to)
}

// count waits until everything that was sent is read, and tells the requests of a method.
func (p *proxy) count(method string) int {
	p.conn.WriteToUDPAddrPort([]byte("end"), p.addr)
	<-p.read
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen[method]
}
