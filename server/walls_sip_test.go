package server

import (
	"context"
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
	"santral/store"
)

// ourOwn is the password of our phones; that of theirs is password.
const ourOwn = "another long secret"

// smaller is our document without what the neighbours alone have: an extension, a group and a list.
func smaller() string {
	text := strings.ReplaceAll(ourHouse, "password: a long secret", "password: "+ourOwn)
	for _, line := range []string{`  - {number: "109"`, `  - {group: front`} {
		i := strings.Index(text, line)
		text = text[:i] + text[i+strings.IndexByte(text[i:], '\n')+1:]
	}
	text = strings.Replace(text, "groups:\n", "", 1)
	text = strings.Replace(text, "name: blf", "name: ours", 1)
	return text + "present: \"02133000001\"\n"
}

// member is a scripted phone of one of the two customers.
type member struct {
	*siptest.Phone
	h              *stage
	number, domain string
	secret         string
	digest         digest.ClientState
	seq            int
}

func (w *stage) member(s *siptest.Stage, name, addr, number, domain, secret string) *member {
	m := &member{Phone: s.Phone(name, addr), h: w, number: number, domain: domain, secret: secret}
	m.digest.Random = id.New([32]byte{byte(len(name)), name[0]})
	return m
}

// ask sends a request, answers a challenge, and gives the text that was sent last and the final answer.
func (m *member) ask(method sip.Method, uri, to string, extra ...string) (text string, got siptest.Got) {
	m.h.Helper()
	call, credentials := fmt.Sprintf("%s-%d-%d", m.number, m.Addr().Addr().As4()[3], m.seq), ""
	for range 2 {
		m.seq++
		text = m.Text(fmt.Sprintf("%s %s SIP/2.0\nVia: SIP/2.0/UDP {me};branch={branch};rport\nMax-Forwards: 70\nFrom: <sip:%s@%s>;tag=%s\nTo: <%s>\nCall-ID: %s\nCSeq: %d %s\n%s%s\n",
			method, uri, m.number, m.domain, call, to, call, m.seq, method, credentials, strings.Join(extra, "\n")+"\n"))
		m.Send(exchangeAt, text)
		for {
			var ok bool
			if got, ok = m.Next(40 * time.Second); !ok {
				m.h.Errorf("%s %s gets no answer", method, uri)
				return text, got
			}
			if got.Status >= 200 {
				break
			}
		}
		if got.Status >= 300 && method == sip.INVITE {
			m.Send(exchangeAt, m.acknowledged(text, got))
		}
		if got.Status != 401 {
			return text, got
		}
		var challenges []string
		for v := range got.Values(sip.WWWAuthenticate) {
			challenges = append(challenges, v)
		}
		value, err := digest.Answer(challenges, m.number, m.secret, string(method), uri, &m.digest)
		m.h.must(err)
		credentials = "Authorization: " + value + "\n"
	}
	return text, got
}

// acknowledged is the ACK of a refusal.
func (m *member) acknowledged(text string, got siptest.Got) string {
	req, err := sip.ParseMessage(text)
	m.h.must(err)
	ack := sip.NewRequest(sip.ACK, req.RequestURI)
	for _, k := range []sip.Kind{sip.ViaKind, sip.From, sip.CallID, sip.MaxForwards} {
		ack.Add(k, req.Get(k))
	}
	ack.Add(sip.To, got.Get(sip.To))
	ack.Add(sip.CSeqKind, fmt.Sprintf("%d ACK", m.seq))
	return ack.String()
}

// register registers it at its own domain.
func (m *member) register() siptest.Got {
	m.h.Helper()
	_, got := m.ask(sip.REGISTER, "sip:"+m.domain, "sip:"+m.number+"@"+m.domain,
		fmt.Sprintf("Contact: <sip:%s@%s>%s", m.number, m.Addr(), deskInstance), "Supported: path, outbound, gruu")
	if got.Status != 200 {
		m.h.Fatalf("%s registers: %d %s", m.number, got.Status, got.Reason)
	}
	return got
}

// withNeighbours plays a scene of scripted phones of the two customers.
func withNeighbours(t *testing.T, scene func(w *stage, s *siptest.Stage)) {
	synctest.Test(t, func(t *testing.T) {
		s := siptest.NewStage(t, 1)
		s.Net().SetDefault(vnet.Link{Latency: 5 * time.Millisecond})
		kernel := network
		network = s.Host("exchange", "192.0.2.1")
		defer func() { network = kernel }()
		w := newStage(t, exchangeAt)
		w.net, w.texts = s.Net(), []Text{{File: "a.yaml", Text: []byte(smaller())}, {File: "b.yaml", Text: []byte(theirHouse)}}
		w.boot.Allow = []netip.Prefix{netip.MustParsePrefix("192.0.2.31/32"), netip.MustParsePrefix("192.0.2.32/32")} // a guest that tries much is not banned here
		w.play(func(w *stage) { scene(w, s) })
	})
}

// TestNothingOfANeighbourIsReached: a phone of one tenant asks by every method for what is another's, at its own domain, at
// theirs and at the exchange's address: nobody there hears of it, and it is answered as for what there is not.
func TestNothingOfANeighbourIsReached(t *testing.T) {
	withNeighbours(t, func(w *stage, s *siptest.Stage) {
		us := w.member(s, "us", "192.0.2.31:5060", "100", "ahu.example", ourOwn)
		them, other := w.member(s, "them", "192.0.2.21:5060", "100", "zarafe.example", password), w.member(s, "other", "192.0.2.22:5060", "109", "zarafe.example", password)
		other.secret = "zarafe-long-secret"
		for _, m := range []*member{us, them, other} {
			defer m.Close()
			m.register()
		}
		_, lists := other.ask(sip.REGISTER, "sip:zarafe.example", "sip:109@zarafe.example", fmt.Sprintf("Contact: <sip:109@%s>%s", other.Addr(), deskInstance), "Supported: path, outbound, gruu")
		public, temporary := between(lists.Get(sip.Contact), `pub-gruu="`), between(lists.Get(sip.Contact), `temp-gruu="`)
		if public == "" || temporary == "" {
			t.Fatalf("no GRUUs in %s", lists.Get(sip.Contact))
		}
		user := func(uri string) string { return strings.TrimPrefix(uri[:strings.IndexByte(uri, '@')], "sip:") }

		// A call of theirs, which others would like to take.
		type end struct {
			text string
			got  siptest.Got
		}
		talk := make(chan end, 1)
		go func() {
			text, got := them.ask(sip.INVITE, "sip:109@zarafe.example", "sip:109@zarafe.example", offerLines)
			talk <- end{text, got}
		}()
		invite := other.Want("INVITE")
		other.Reply(invite, "180 Ringing")
		w.wait(time.Second)

		replaces := "Replaces: " + invite.Get(sip.CallID) + ";to-tag=x;from-tag=" + tagOf(invite.Get(sip.From)) + ";early-only"
		nobody := "Replaces: nothing;to-tag=x;from-tag=y;early-only"
		answered := map[int]int{}
		try := func(what string, method sip.Method, their, unknown string, extra, other []string) {
			w.Helper()
			request := func(uri string) string {
				if method == sip.REGISTER {
					return "sip:ahu.example"
				}
				return uri
			}
			_, got := us.ask(method, request(their), their, extra...)
			_, like := us.ask(method, request(unknown), unknown, other...)
			answered[got.Status]++
			if got.Status != like.Status || got.Reason != like.Reason || got.Status < 300 {
				t.Errorf("%s: %s %s is answered %d %s, and %s %d %s", what, method, their, got.Status, got.Reason, unknown, like.Status, like.Reason)
			}
			if strings.Contains(got.Text, "zarafe two") || strings.Contains(got.Text, "zarafe four") || !strings.Contains(their, marker) && strings.Contains(strings.ReplaceAll(got.Text, `realm="zarafe.example"`, ""), marker) {
				t.Errorf("%s: %s %s tells\n%s", what, method, their, got.Text)
			}
		}
		try("pick-up", sip.INVITE, "sip:101@ahu.example", "sip:102@ahu.example", []string{replaces, "Require: replaces", offerLines}, []string{nobody, "Require: replaces", offerLines})
		try("pick-up", sip.INVITE, "sip:109@ahu.example", "sip:108@ahu.example", []string{replaces, offerLines}, []string{nobody, offerLines})
		try("joining", sip.INVITE, "sip:101@ahu.example", "sip:102@ahu.example", []string{"Join: " + replaces[10:], "Require: join", offerLines}, []string{"Join: x;to-tag=x;from-tag=y", "Require: join", offerLines})
		other.Reply(invite, "200 OK", voice(other.Phone))
		begun := <-talk
		if begun.got.Status != 200 {
			t.Fatalf("their call is answered %d", begun.got.Status)
		}
		them.Send(exchangeAt, them.Within(begun.text, begun.got, sip.ACK, them.seq))
		other.Want("ACK")
		taking := "Replaces: " + begun.got.Get(sip.CallID) + ";to-tag=" + tagOf(begun.got.Get(sip.To)) + ";from-tag=" + tagOf(begun.got.Get(sip.From))
		try("taking over", sip.INVITE, "sip:101@ahu.example", "sip:102@ahu.example", []string{taking, "Require: replaces", offerLines}, []string{"Replaces: x;to-tag=x;from-tag=y", "Require: replaces", offerLines})
		them.seq++
		them.Send(exchangeAt, them.Within(begun.text, begun.got, sip.BYE, them.seq))
		them.Want("200")
		other.Reply(other.Want("BYE"), "200 OK")
		contact := "Contact: <sip:100@192.0.2.31>"
		subscribe := func(event string) []string {
			return []string{contact, "Event: " + event, "Expires: 600", "Supported: eventlist", "Accept: application/dialog-info+xml, application/pidf+xml, application/simple-message-summary, application/reginfo+xml, application/rlmi+xml, multipart/related"}
		}
		for _, c := range []struct {
			what   string
			method sip.Method
			extra  []string
		}{
			{"call", sip.INVITE, []string{offerLines}},
			{"dialog", sip.SUBSCRIBE, subscribe("dialog")},
			{"presence", sip.SUBSCRIBE, subscribe("presence")},
			{"messages", sip.SUBSCRIBE, subscribe("message-summary")},
			{"registrations", sip.SUBSCRIBE, subscribe("reg")},
			{"publication", sip.PUBLISH, []string{"Event: presence", "Expires: 600", "Content-Type: application/pidf+xml", "", `<?xml version="1.0"?><presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:109@zarafe.example"><tuple id="a"><status><basic>open</basic></status></tuple></presence>`}},
			{"message", sip.MESSAGE, []string{"Content-Type: text/plain", "", "salam"}},
			{"transfer", sip.REFER, []string{contact, "Refer-To: <sip:100@ahu.example>"}},
		} {
			for _, pair := range [][2]string{
				{"sip:109@ahu.example", "sip:108@ahu.example"},                                                                                // their extension at our domain
				{"sip:200@ahu.example", "sip:208@ahu.example"},                                                                                // their group
				{"sip:blf@ahu.example", "sip:nolist@ahu.example"},                                                                             // their list
				{"sip:" + user(temporary) + "@ahu.example", "sip:" + strings.ToUpper(user(temporary)[:8]) + "0@ahu.example"},                  // their GRUU
				{strings.Replace(public, "zarafe", "ahu", 1), "sip:108@ahu.example;gr=urn:uuid:00000000-0000-1000-8000-00000000000d"},         // likewise
				{"sip:109@zarafe.example", "sip:108@zarafe.example"},                                                                          // at theirs
				{"sip:100@zarafe.example", "sip:100@nowhere.example"},                                                                         // where our own number is somebody else's
				{"sip:8000@zarafe.example", "sip:8000@nowhere.example"},                                                                       // their room
				{"sip:blf@zarafe.example", "sip:nolist@nowhere.example"},                                                                      // their list
				{public, "sip:108@nowhere.example;gr=urn:uuid:00000000-0000-1000-8000-00000000000d"}, {temporary, "sip:x@nowhere.example;gr"}, // their GRUUs
				{"sip:109@192.0.2.1", "sip:108@192.0.2.1"}, // at the exchange's address, which is theirs
			} {
				try(c.what, c.method, pair[0], pair[1], c.extra, c.extra)
			}
		}
		register := []string{"Contact: <sip:100@192.0.2.31>", "Expires: 600"}
		try("registration", sip.REGISTER, "sip:100@zarafe.example", "sip:100@nowhere.example", register, register)
		try("registration", sip.REGISTER, "sip:109@ahu.example", "sip:108@ahu.example", register, register)
		try("taking away", sip.REGISTER, "sip:109@zarafe.example", "sip:109@nowhere.example", []string{"Contact: *", "Expires: 0"}, []string{"Contact: *", "Expires: 0"})
		try("announcements", sip.INVITE, "sip:*77@zarafe.example", "sip:*77@nowhere.example", []string{offerLines}, []string{offerLines})
		if len(answered) < 3 {
			t.Errorf("all was answered with %v", answered)
		}
		t.Logf("answers: %v", answered)
		w.wait(time.Second)
		if n := len(w.x.registry.Bindings(theirs, "109")) + len(w.x.registry.Bindings(theirs, "100")); n != 2 {
			t.Errorf("they have %d registrations", n)
		}
		them.Quiet(time.Second)
		other.Quiet(time.Second)
	})
}

// between gives what stands between a beginning and the next quote.
func between(text, begin string) string {
	_, rest, _ := strings.Cut(text, begin)
	value, _, _ := strings.Cut(rest, `"`)
	return value
}

// tagOf gives the tag of a From or To.
func tagOf(text string) string {
	_, tag, _ := strings.Cut(text, ";tag=")
	tag, _, _ = strings.Cut(tag, ";")
	return tag
}

// TestANumberOfANeighbour: a number of the public network reaches another tenant, and neither side learns more of the other
// than name and number; rooms of one number are two rooms.
func TestANumberOfANeighbour(t *testing.T) {
	withNeighbours(t, func(w *stage, s *siptest.Stage) {
		us, them, other := w.member(s, "us", "192.0.2.31:5060", "100", "ahu.example", ourOwn), w.member(s, "them", "192.0.2.21:5060", "101", "zarafe.example", password), w.member(s, "other", "192.0.2.22:5060", "102", "zarafe.example", password)
		for _, m := range []*member{us, them, other} {
			defer m.Close()
			m.register()
		}
		type end struct {
			text string
			got  siptest.Got
		}
		ends := make(chan end, 1)
		go func() {
			text, got := us.ask(sip.INVITE, "sip:02133000002@ahu.example", "sip:02133000002@ahu.example", offerLines)
			ends <- end{text, got}
		}()
		invite := them.Want("INVITE")
		them.Reply(invite, "180 Ringing")
		them.Reply(invite, "200 OK", voice(them.Phone))
		e := <-ends
		us.Send(exchangeAt, us.Within(e.text, e.got, sip.ACK, us.seq))
		them.Want("ACK")
		if from := invite.Get(sip.From); !strings.Contains(from, "02133000001@") || strings.Contains(invite.Text, "sip:100@") || strings.Contains(invite.Text, "ahu.example") || strings.Contains(invite.Text, ours) {
			t.Errorf("they are told\n%s", invite.Text)
		}
		if strings.Contains(e.got.Text, "zarafe.example") || strings.Contains(e.got.Text, "101@") || strings.Contains(e.got.Text, theirs) || strings.Contains(e.got.Text, "192.0.2.21") {
			t.Errorf("we are told\n%s", e.got.Text)
		}
		us.seq++
		us.Send(exchangeAt, us.Within(e.text, e.got, sip.BYE, us.seq))
		them.Reply(them.Want("BYE"), "200 OK")
		us.Want("200")

		for _, m := range []*member{us, other} {
			text, got := m.ask(sip.INVITE, "sip:8000@"+m.domain, "sip:8000@"+m.domain, offerLines)
			if got.Status != 200 {
				t.Fatalf("a room is answered %d", got.Status)
			}
			m.Send(exchangeAt, m.Within(text, got, sip.ACK, m.seq))
			defer func() {
				m.seq++
				m.Send(exchangeAt, m.Within(text, got, sip.BYE, m.seq))
				m.Want("200")
			}()
		}
		w.wait(8 * time.Second)
		for _, id := range []string{ours, theirs} {
			if r, err := w.x.rooms.Room(id, "8000"); err != nil || len(r.Members) != 1 {
				t.Errorf("the room of %s: %+v, %v", id, r, err)
			}
		}
		rows, _, err := w.x.records.CDRs(context.Background(), store.CDRFilter{Tenant: ours}, "", 10)
		if err != nil || len(rows) != 1 || strings.Contains(fmt.Sprintf("%+v", (&rows[0]).For(ours)), "192.0.2.21") {
			t.Errorf("our record is %+v, %v", rows, err)
		}
	})
}
