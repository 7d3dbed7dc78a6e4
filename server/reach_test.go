package server

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"santral/base/id"
	"santral/base/vnet"
	"santral/sip"
	"santral/sip/digest"
	"santral/sip/siptest"
)

// scripted plays a scene of scripted phones before the whole exchange, and compares its ladder.
func scripted(t *testing.T, name string, scene func(w *stage, s *siptest.Stage)) {
	synctest.Test(t, func(t *testing.T) {
		s := siptest.NewStage(t, 1)
		s.Net().SetDefault(vnet.Link{Latency: 5 * time.Millisecond})
		kernel := network
		network = s.Host("exchange", "192.0.2.1")
		defer func() { network = kernel }()
		w := newStage(t, exchangeAt)
		w.boot.Edges = []netip.Prefix{netip.MustParsePrefix("192.0.2.50/32")}
		w.net = s.Net()
		w.play(func(w *stage) {
			scene(w, s)
			s.Golden(name)
		})
	})
}

var exchangeAt = netip.MustParseAddrPort("192.0.2.1:5060")

// script is a scripted phone of an account.
type script struct {
	*siptest.Phone
	w      *stage
	number string
	stream bool
	seq    int
	digest digest.ClientState
}

func (w *stage) script(s *siptest.Stage, name, addr, number string, stream bool) *script {
	p := &script{Phone: s.Phone(name, addr), w: w, number: number, stream: stream}
	p.digest.Random = id.New([32]byte{byte(len(addr)), addr[len(addr)-6]})
	return p
}

func (p *script) put(text string) {
	if p.stream {
		p.SendTCP(exchangeAt, text)
		return
	}
	p.Send(exchangeAt, text)
}

// ask sends a request of its account's, answers the challenge, and gives what was sent last and what came of
// it, provisional answers apart.
func (p *script) ask(method sip.Method, uri, callID string, extra ...string) (text string, got siptest.Got) {
	p.w.Helper()
	to, transport := uri, "UDP"
	if method == sip.REGISTER {
		to = "sip:" + p.number + "@192.0.2.1"
	}
	if p.stream {
		transport = "TCP"
	}
	credentials := ""
	for {
		p.seq++
		text = p.Text(fmt.Sprintf("%s %s SIP/2.0\nVia: SIP/2.0/%s {me};branch={branch};rport\nMax-Forwards: 70\nFrom: <sip:%s@192.0.2.1>;tag=%s\nTo: <%s>\nCall-ID: %s\nCSeq: %d %s\n%s%s\n",
			method, uri, transport, p.number, p.number, to, callID, p.seq, method, credentials, strings.Join(extra, "\n")+"\n"))
		p.put(text)
		for {
			var ok bool
			if got, ok = p.Next(40 * time.Second); !ok {
				p.w.Errorf("%s %s gets no answer", method, uri)
				return text, got
			}
			if got.Status >= 200 {
				break
			}
		}
		if got.Status >= 300 && method == sip.INVITE {
			req, err := sip.ParseMessage(text)
			p.w.must(err)
			ack := sip.NewRequest(sip.ACK, uri)
			for _, k := range []sip.Kind{sip.ViaKind, sip.From, sip.CallID, sip.MaxForwards} {
				ack.Add(k, req.Get(k))
			}
			ack.Add(sip.To, got.Get(sip.To))
			ack.Add(sip.CSeqKind, fmt.Sprintf("%d ACK", p.seq))
			p.put(ack.String())
		}
		if got.Status != 401 || credentials != "" {
			return text, got
		}
		var challenges []string
		for v := range got.Values(sip.WWWAuthenticate) {
			challenges = append(challenges, v)
		}
		value, err := digest.Answer(challenges, p.number, password, string(method), uri, &p.digest)
		p.w.must(err)
		credentials = "Authorization: " + value + "\n"
	}
}

// register registers with the lines of a Contact's parameters and more, and gives the answer.
func (p *script) register(callID, params string, more ...string) siptest.Got {
	p.w.Helper()
	contact := fmt.Sprintf("Contact: <sip:%s@%s>%s", p.number, p.Addr(), params)
	_, got := p.ask(sip.REGISTER, "sip:192.0.2.1", callID, append([]string{contact}, more...)...)
	if got.Status != 200 {
		p.w.Fatalf("%s registers: %d %s", p, got.Status, got.Reason)
	}
	return got
}

const (
	deskInstance   = `;+sip.instance="<urn:uuid:00000000-0000-1000-8000-00000000000d>"`
	mobileInstance = `;+sip.instance="<urn:uuid:00000000-0000-1000-8000-00000000000e>"`
	speaks         = "Supported: path, outbound, gruu"
	offerLines     = "Contact: <sip:a@192.0.2.11:5060>\nContent-Type: application/sdp\n\nv=0\no=- 1 1 IN IP4 192.0.2.11\ns=-\nc=IN IP4 192.0.2.11\nt=0 0\nm=audio 4000 RTP/AVP 8\na=rtpmap:8 PCMA/8000"
)

// TestFlowsAndGRUUs: a phone keeps two flows and rings on the newer one alone; when that has failed it rings on
// the other. A GRUU rings the one phone that it names, by all its flows, and no other of the account.
func TestFlowsAndGRUUs(t *testing.T) {
	scripted(t, "flows-and-gruus", func(w *stage, s *siptest.Stage) {
		a := w.script(s, "A", "192.0.2.11:5060", ali, false)
		one := w.script(s, "desk-1", "192.0.2.21:5060", sara, true)
		two := w.script(s, "desk-2", "192.0.2.22:5060", sara, true)
		mobile := w.script(s, "mobile", "192.0.2.31:5060", sara, false)
		phones := []*script{one, two, mobile}
		defer func() {
			for _, p := range append(phones, a) {
				p.Close()
			}
		}()
		one.register("desk", deskInstance+";reg-id=1", speaks)
		w.wait(time.Second)
		answer := two.register("desk", deskInstance+";reg-id=2", speaks)
		mobile.register("mobile", mobileInstance, speaks)
		contacts := strings.Split(answer.Text, "\r\nContact: ")
		public, temporary := "", ""
		for _, c := range contacts {
			if addr, err := sip.ParseAddress(strings.Split(c, "\r\n")[0]); err == nil && addr.Params.Has("reg-id") {
				public, _ = addr.Params.Get("pub-gruu")
				temporary, _ = addr.Params.Get("temp-gruu")
			}
		}
		refuse := func(p *script, status string) {
			p.Reply(p.Want("INVITE"), status)
			p.Want("ACK")
		}

		s.Note("to all of its phones")
		go a.ask(sip.INVITE, "sip:"+sara+"@192.0.2.1", "call-1", offerLines)
		invite := mobile.Want("INVITE")
		refuse(two, "430 Flow Failed")
		refuse(one, "486 Busy Here")
		mobile.Reply(invite, "486 Busy Here")
		mobile.Want("ACK")
		w.wait(time.Second)

		for _, gruu := range []string{public, temporary} {
			s.Note("to a GRUU")
			go a.ask(sip.INVITE, gruu, "call-"+gruu[:12], offerLines)
			refuse(two, "486 Busy Here")
			w.wait(time.Second)
		}
		mobile.Quiet(time.Second)

		s.Note("to what was never given")
		for _, gruu := range []string{strings.Replace(temporary, "tgruu.", "tgruu.A", 1), "sip:" + sara + "@192.0.2.1;gr", "sip:99@192.0.2.1;gr=urn:uuid:1"} {
			if _, got := a.ask(sip.INVITE, gruu, "call-"+gruu[4:14], offerLines); got.Status != 404 {
				t.Errorf("%s is answered %d", gruu, got.Status)
			}
		}
		s.Note("to a phone that is away")
		if _, got := a.ask(sip.INVITE, strings.Replace(public, "0d", "0f", 1), "call-away", offerLines); got.Status != 480 {
			t.Errorf("answered %d", got.Status)
		}

		s.Note("by a route that we did not give")
		token := strings.TrimPrefix(answer.Get(sip.ServiceRoute), "<")
		forged := strings.Replace(token, "flow.", "flow.A", 1)
		if _, got := a.ask(sip.INVITE, "sip:"+omid+"@192.0.2.1", "call-forged", "Route: <"+forged, offerLines); got.Status != 403 {
			t.Errorf("answered %d", got.Status)
		}
		if _, got := two.ask(sip.INVITE, "sip:"+omid+"@192.0.2.1", "call-routed", "Route: <"+token, offerLines); got.Status != 480 {
			t.Errorf("with our own route answered %d", got.Status)
		}
	})
}
