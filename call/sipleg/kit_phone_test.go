package sipleg

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"santral/base/vnet"
	"santral/sip"
	"santral/sip/dialog"
)

// phone is a scripted telephone over UDP. Its test says every message.
type phone struct {
	w       *world
	addr    string
	peer    string // whom it sends to: the exchange
	number  string
	sock    vnet.UDP
	conn    net.Conn // instead of sock: over TCP
	in      chan *sip.Message
	done    chan struct{}
	d       *dialog.Dialog
	req     *sip.Message // our INVITE, or the one that rang us
	branch  int
	heardID string // the last Session-ID that came
	sdp     string
}

// phone puts a phone at an address, until the scene is over.
func (w *world) phone(addr, number string) *phone {
	w.Helper()
	sock, err := w.host(addr).ListenUDP(netip.AddrPortFrom(netip.MustParseAddr(addr), 5060), vnet.Options{})
	w.must(err)
	p := &phone{w: w, addr: addr, peer: "192.0.2.1", number: number, sock: sock, in: make(chan *sip.Message, 64), done: make(chan struct{}), sdp: audio(addr, 4000, "sendrecv")}
	w.phones = append(w.phones, p)
	go func() {
		defer close(p.done)
		for {
			var d [1]vnet.Datagram
			d[0].B = make([]byte, 65536)
			if _, err := sock.ReadBatch(d[:]); err != nil {
				return
			}
			if m, err := sip.ParseMessage(string(d[0].B[:d[0].N])); err == nil {
				p.in <- m
			}
		}
	}()
	return p
}

// over has the phone speak over a connection. Messages come one at a time in these scenes.
func (p *phone) over(conn net.Conn) {
	p.conn, p.in, p.done = conn, make(chan *sip.Message, 64), make(chan struct{})
	go func() {
		defer close(p.done)
		text, b := "", make([]byte, 65536)
		for {
			n, err := conn.Read(b)
			if err != nil {
				return
			}
			text += string(b[:n])
			for {
				end := strings.Index(text, "\r\n\r\n")
				if end < 0 {
					break
				}
				var m sip.Message
				head := end + 4
				length, err := sip.ParseHead(text[:head], &m, &sip.DefaultLimits)
				if err != nil || len(text) < head+length {
					break
				}
				if whole, err := sip.ParseMessage(text[:head+length]); err == nil {
					p.in <- whole
				}
				text = text[head+length:]
			}
		}
	}()
}

func (p *phone) close() {
	p.sock.Close()
	<-p.done
}

// audio is an everyday description.
func audio(addr string, port int, dir string) string {
	return "v=0\r\no=- 1 1 IN IP4 " + addr + "\r\ns=-\r\nc=IN IP4 " + addr + "\r\nt=0 0\r\nm=audio " + strconv.Itoa(port) +
		" RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=" + dir + "\r\n"
}

func (p *phone) send(m *sip.Message) {
	p.w.Helper()
	if p.conn != nil {
		_, err := p.conn.Write([]byte(m.String()))
		p.w.must(err)
		return
	}
	p.w.must(p.sock.WriteTo([]byte(m.String()), netip.AddrPortFrom(netip.MustParseAddr(p.peer), 5060)))
}

func (p *phone) via() string {
	p.branch++
	transport := "UDP"
	if p.conn != nil {
		transport = "TCP"
	}
	return "SIP/2.0/" + transport + " " + p.addr + ":5060;rport;branch=z9hG4bK" + p.number + "x" + strconv.Itoa(p.branch)
}

func (p *phone) contact() string { return "<sip:" + p.number + "@" + p.addr + ":5060>" }

// invite calls a number; more changes the request before it is sent.
func (p *phone) invite(number, body string, more ...func(*sip.Message)) *sip.Message {
	req := sip.NewRequest(sip.INVITE, "sip:"+number+"@192.0.2.1")
	req.Set(sip.ViaKind, p.via())
	req.Set(sip.MaxForwards, "70")
	req.Set(sip.From, "\"Somebody\" <sip:"+p.number+"@192.0.2.1>;tag=from"+p.number+strconv.Itoa(p.branch))
	req.Set(sip.To, "<sip:"+number+"@192.0.2.1>")
	req.Set(sip.CallID, "call"+strconv.Itoa(p.branch)+"@"+p.addr)
	req.Set(sip.CSeqKind, "10 INVITE")
	req.Set(sip.Contact, p.contact())
	req.Set(sip.UserAgent, "Phone "+p.number)
	req.SetBody("application/sdp", body)
	for _, f := range more {
		f(req)
	}
	p.req = req
	p.send(req)
	return req
}

// get waits for the next message that is not a 100.
func (p *phone) get() *sip.Message {
	p.w.Helper()
	for {
		select {
		case m := <-p.in:
			if m.Status != 100 {
				p.heardID = m.Get(sip.SessionID)
				return m
			}
		case <-time.After(10 * time.Minute):
			p.w.Fatalf("nothing reached %s\n%s", p.number, p.w.ladder.String())
		}
	}
}

func (p *phone) want(method sip.Method) *sip.Message {
	p.w.Helper()
	m := p.get()
	if m.Method != method {
		p.w.Fatalf("%s got\n%s\nwant %s\n%s", p.number, m, method, p.w.ladder.String())
	}
	return m
}

func (p *phone) status(code int) *sip.Message {
	p.w.Helper()
	m := p.get()
	if m.Status != code {
		p.w.Fatalf("%s got\n%s\nwant %d\n%s", p.number, m, code, p.w.ladder.String())
	}
	return m
}

// none makes sure that nothing reaches the phone for d.
func (p *phone) none(d time.Duration) {
	p.w.Helper()
	select {
	case m := <-p.in:
		p.w.Fatalf("%s got\n%s\n%s", p.number, m, p.w.ladder.String())
	case <-time.After(d):
	}
}

// rings waits for a call and answers it 180.
func (p *phone) rings() *sip.Message {
	p.w.Helper()
	p.req = p.want(sip.INVITE)
	p.reply(p.req, 180, "")
	return p.req
}

// reply answers a request.
func (p *phone) reply(req *sip.Message, status int, body string, headers ...sip.Header) {
	res := sip.NewResponse(req, status, "")
	res.SetToTag("tag" + p.number)
	if req.Method == sip.INVITE {
		res.Set(sip.Contact, p.contact())
	}
	for _, h := range headers {
		res.Add(h.Kind, h.Value)
	}
	res.SetBody("application/sdp", body)
	if req.Method == sip.INVITE && status >= 200 && status < 300 && p.d == nil {
		d, err := dialog.FromRequest(req, "tag"+p.number)
		p.w.must(err)
		p.d = d
	}
	p.send(res)
}

// picksUp answers the call that rings and waits for the ACK.
func (p *phone) picksUp() *sip.Message {
	p.w.Helper()
	p.reply(p.req, 200, p.sdp)
	return p.want(sip.ACK)
}

// answered waits for the 200 to the phone's call and acknowledges it.
func (p *phone) answered(body string) *sip.Message {
	p.w.Helper()
	ok := p.status(200)
	seq, _ := p.req.CSeq()
	if p.d != nil && p.d.RemoteTag == ok.ToTag() {
		p.d.Confirm(ok)
	} else {
		d, err := dialog.FromResponse(p.req, ok)
		p.w.must(err)
		p.d = d
	}
	p.ack(seq.Seq, body)
	return ok
}

func (p *phone) ack(seq uint32, body string) {
	ack := p.d.Ack(seq)
	ack.Prepend(sip.ViaKind, p.via())
	ack.SetBody("application/sdp", body)
	p.send(ack)
}

// refused acknowledges a refusal of the phone's INVITE.
func (p *phone) refused(req, res *sip.Message) {
	ack := sip.NewRequest(sip.ACK, req.RequestURI)
	for _, k := range []sip.Kind{sip.ViaKind, sip.MaxForwards, sip.From, sip.CallID} {
		ack.Set(k, req.Get(k))
	}
	ack.Set(sip.To, res.Get(sip.To))
	seq, _ := req.CSeq()
	ack.Set(sip.CSeqKind, strconv.Itoa(int(seq.Seq))+" ACK")
	p.send(ack)
}

// asks sends a request within the phone's dialog.
func (p *phone) asks(method sip.Method, body string) *sip.Message {
	req := p.d.Request(method)
	req.Prepend(sip.ViaKind, p.via())
	if method == sip.INVITE {
		req.Set(sip.Contact, p.contact())
	}
	req.SetBody("application/sdp", body)
	p.send(req)
	return req
}

// talking sets up a call between two phones.
func talking(w *world, from, to *phone) {
	w.Helper()
	from.invite(to.number, from.sdp)
	to.rings()
	from.status(180)
	to.picksUp()
	from.answered("")
	from.none(100 * time.Millisecond)
}

// leaves hangs up a call of two phones.
func (p *phone) leaves(other *phone) {
	p.w.Helper()
	p.asks(sip.BYE, "")
	other.reply(other.want(sip.BYE), 200, "")
	p.status(200)
}

// cancels gives up a call that is not answered.
func (p *phone) cancels() {
	p.w.Helper()
	cancel := sip.NewRequest(sip.CANCEL, p.req.RequestURI)
	for _, k := range []sip.Kind{sip.ViaKind, sip.MaxForwards, sip.From, sip.To, sip.CallID} {
		cancel.Set(k, p.req.Get(k))
	}
	seq, _ := p.req.CSeq()
	cancel.Set(sip.CSeqKind, sip.CSeq{Seq: seq.Seq, Method: sip.CANCEL}.String())
	p.send(cancel)
	p.status(200)
	p.refused(p.req, p.status(487))
}

// cancelled is the same for whoever rings.
func (p *phone) cancelled() {
	p.w.Helper()
	p.reply(p.want(sip.CANCEL), 200, "")
	p.reply(p.req, 487, "")
	p.want(sip.ACK)
}

// ringing makes the phone's dialog out of a provisional answer.
func (p *phone) ringing(res *sip.Message) {
	p.w.Helper()
	if p.d == nil {
		d, err := dialog.FromResponse(p.req, res)
		p.w.must(err)
		p.d = d
	}
}

// begins makes the dialog of a phone that rings.
func (p *phone) begins() {
	p.w.Helper()
	d, err := dialog.FromRequest(p.req, "tag"+p.number)
	p.w.must(err)
	p.d = d
}
