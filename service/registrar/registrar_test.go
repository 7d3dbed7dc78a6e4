package registrar

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"santral/sip"
	"santral/store"
)

// The flows of RFC 3665 §2 as far as the registrar answers them; §2.1's challenge and §2.5 are the
// door's, and flows_test.go goes through both.
func TestRFC3665(t *testing.T) {
	h := newHouse(t)
	res := h.send("Contact: <sip:bob@client.biloxi.example.com>", "Expires: 3600")
	want(t, "2.1 registration", contacts(res), []string{"<sip:bob@client.biloxi.example.com>;expires=3600"})
	if res.Status != 200 || res.Get(sip.Date) == "" {
		t.Errorf("answered %d, Date %q", res.Status, res.Get(sip.Date))
	}
	res = h.send("Contact: mailto:bob@biloxi.example.com")
	want(t, "2.2 a contact that no call can go to", res.Status, 416)
	res = h.send("Contact: <sip:bob@deskphone.biloxi.example.com>;q=0.5")
	want(t, "2.2 update", contacts(res), []string{
		"<sip:bob@client.biloxi.example.com>;expires=3600", "<sip:bob@deskphone.biloxi.example.com>;expires=3600;q=0.5",
	})
	before := h.journal.writes
	res = h.send()
	want(t, "2.3 request for the list", len(contacts(res)), 2)
	if h.journal.writes != before {
		t.Error("2.3 a mere question was written down")
	}
	res = h.send("Contact: *", "Expires: 0")
	want(t, "2.4 cancellation", contacts(res), []string(nil))
	want(t, "2.4 in the journal", h.kept(), []string(nil))
	want(t, "2.4 to call", h.reach(), []string(nil))
}

// RFC 3261 §10.3: what a registrar refuses, and that a refused REGISTER changes nothing.
func TestRefused(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		lines  []string
	}{
		"too brief":                   {423, []string{"Contact: <sip:101@192.0.2.101>;expires=59"}},
		"too brief by the header":     {423, []string{"Contact: <sip:101@192.0.2.101>", "Expires: 1"}},
		"* without Expires":           {400, []string{"Contact: *"}},
		"* with time":                 {400, []string{"Contact: *", "Expires: 60"}},
		"* among others":              {400, []string{"Contact: *, <sip:101@192.0.2.101>", "Expires: 0"}},
		"not a SIP URI":               {416, []string{"Contact: <tel:+982122000001>"}},
		"an endless contact":          {400, []string{"Contact: <sip:" + strings.Repeat("a", 3000) + "@192.0.2.101>"}},
		"an endless instance":         {400, []string{`Contact: <sip:101@192.0.2.101>;+sip.instance="<` + strings.Repeat("a", 3000) + `>"`}},
		"one bad contact spoils all":  {423, []string{"Contact: <sip:101@192.0.2.101>, <sip:101@192.0.2.102>;expires=5"}},
		"an older one of the Call-ID": {500, []string{"CSeq: 1 REGISTER", "Contact: <sip:101@192.0.2.200>;expires=0"}},
		"the same one again":          {500, []string{"CSeq: 2 REGISTER", "Contact: <sip:101@192.0.2.200>;expires=0"}},
		"an older *":                  {500, []string{"CSeq: 1 REGISTER", "Contact: *", "Expires: 0"}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.cseq = 1
			if res := h.send("Contact: <sip:101@192.0.2.200>"); res.Status != 200 {
				t.Fatalf("answered %d", res.Status)
			}
			writes := h.journal.writes
			res := h.send(c.lines...)
			if res.Status != c.status {
				t.Errorf("answered %d %s, want %d", res.Status, res.Reason, c.status)
			}
			if min := res.Get(sip.MinExpires); (c.status == 423) != (min == "60") {
				t.Errorf("Min-Expires %q", min)
			}
			want(t, "bindings", h.reach(), []string{"sip:101@192.0.2.200"})
			if h.journal.writes != writes {
				t.Error("something was written down")
			}
		})
	}
}

func TestExpiry(t *testing.T) {
	for name, c := range map[string]struct {
		lines []string
		left  string
	}{
		"unsaid":                      {[]string{"Contact: <sip:101@192.0.2.101>"}, "3600"},
		"the header":                  {[]string{"Contact: <sip:101@192.0.2.101>", "Expires: 120"}, "120"},
		"the parameter goes before":   {[]string{"Contact: <sip:101@192.0.2.101>;expires=90", "Expires: 120"}, "90"},
		"malformed means the default": {[]string{"Contact: <sip:101@192.0.2.101>;expires=soon"}, "3600"},
		"the least":                   {[]string{"Contact: <sip:101@192.0.2.101>;expires=60"}, "60"},
		"the most":                    {[]string{"Contact: <sip:101@192.0.2.101>;expires=86400"}, "7200"},
		"beyond all numbers":          {[]string{"Contact: <sip:101@192.0.2.101>;expires=99999999999999999999"}, "7200"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			want(t, "answer", contacts(h.send(c.lines...)), []string{"<sip:101@192.0.2.101>;expires=" + c.left})
		})
	}
}

func TestABindingExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.send("Contact: <sip:101@192.0.2.101>", "Expires: 100")
		time.Sleep(40 * time.Second)
		want(t, "after 40 s", contacts(h.send()), []string{"<sip:101@192.0.2.101>;expires=60"})
		time.Sleep(59 * time.Second)
		want(t, "after 99 s", len(h.reach()), 1)
		time.Sleep(2 * time.Second)
		want(t, "after 101 s", len(h.reach()), 0)
		want(t, "on the list", len(h.reg.List("", 10)), 0)
		time.Sleep(sweepEvery)
		want(t, "memory", h.reg.Count()[sip.UDP], 0)
		want(t, "journal", len(h.kept()), 0)
	})
}

func TestContactsAreOrdered(t *testing.T) {
	h := newHouse(t)
	h.send("Contact: <sip:101@192.0.2.101:1>;q=0.1, <sip:101@192.0.2.101:2>;q=0.57, <sip:101@192.0.2.101:3>, <sip:101@192.0.2.101:4>;q=nonsense")
	want(t, "order", h.reach(), []string{"sip:101@192.0.2.101:3", "sip:101@192.0.2.101:4", "sip:101@192.0.2.101:2", "sip:101@192.0.2.101:1"})
	want(t, "q", contacts(h.send())[2], "<sip:101@192.0.2.101:2>;expires=3600;q=0.57")
	h = h.restart()
	want(t, "order after a restart", h.reach()[2:], []string{"sip:101@192.0.2.101:2", "sip:101@192.0.2.101:1"})
}

// Two spellings of a URI are one contact (RFC 3261 §19.1.4).
func TestAContactIsKnownByItsMeaning(t *testing.T) {
	h := newHouse(t)
	h.send("Contact: <sip:101@Phone.Example.NET;transport=udp>")
	h.send("Contact: <sip:%31%301@phone.example.net;Transport=UDP>")
	want(t, "bindings", len(h.reach()), 1)
	want(t, "journal", len(h.kept()), 1)
	h.send("Contact: <sip:101@phone.example.net;transport=udp>;expires=0")
	want(t, "after removal", len(h.reach()), 0)
	want(t, "journal after removal", len(h.kept()), 0)
}

// A phone that says its instance is known by it at a new address (RFC 5626 §6).
func TestAnInstanceHasOneBinding(t *testing.T) {
	h := newHouse(t)
	const instance = `;+sip.instance="<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>"`
	h.send("Contact: <sip:101@192.0.2.101:5060>" + instance)
	res := h.send("Contact: <sip:101@192.0.2.101:6060>"+instance, "Call-ID: another")
	want(t, "answer", contacts(res), []string{"<sip:101@192.0.2.101:6060>;expires=3600" + instance})
	want(t, "journal", h.kept(), []string{"sip:101@192.0.2.101:6060"})
	// It moves to where an older phone was: that one's place is its own now.
	h.send("Contact: <sip:101@192.0.2.101:7070>", "Call-ID: older")
	h.send("Contact: <sip:101@192.0.2.101:7070>"+instance, "Call-ID: another")
	want(t, "bindings", h.reach(), []string{"sip:101@192.0.2.101:7070"})
	want(t, "journal", h.kept(), []string{"sip:101@192.0.2.101:7070"})
	want(t, "device", h.device(), "<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>")
}

func (h *house) device() string {
	targets, _ := h.reg.Contacts("t", "101")
	return targets[0].Device
}

// What a phone says of itself comes back as one value, whatever stands in it.
func TestAnInstanceCannotInject(t *testing.T) {
	h := newHouse(t)
	res := h.send(`Contact: <sip:101@192.0.2.101>;+sip.instance="a\";q=0.1, <sip:evil@192.0.2.66>;x=\"b"`)
	want(t, "contacts", len(contacts(res)), 1)
	a, err := sip.ParseAddress(contacts(res)[0])
	if err != nil {
		t.Fatal(err)
	}
	got, _ := a.Params.Get("+sip.instance")
	want(t, "instance", got, `a";q=0.1, <sip:evil@192.0.2.66>;x="b`)
}

// At most 20 bindings: a new one displaces the one that expires first, never itself.
func TestTwentyBindings(t *testing.T) {
	h := newHouse(t)
	for i := range 25 {
		h.send(fmt.Sprintf("Contact: <sip:101@192.0.2.101:%d>;expires=%d", 1000+i, 1000+i), fmt.Sprintf("Call-ID: %d", i))
	}
	want(t, "bindings", len(h.reach()), MaxBindings)
	want(t, "journal", len(h.kept()), MaxBindings)
	if strings.Contains(fmt.Sprint(h.kept()), ":1004 ") || !strings.Contains(fmt.Sprint(h.kept()), ":1005 ") {
		t.Errorf("kept %v", h.kept())
	}
	res := h.send("Contact: <sip:101@192.0.2.101:99>;expires=60", "Call-ID: brief")
	if !strings.Contains(fmt.Sprint(contacts(res)), ":99>;expires=60") {
		t.Errorf("a new binding displaced itself: %v", contacts(res))
	}
	want(t, "bindings", len(h.reach()), MaxBindings)
}

// 64 contacts in one REGISTER are a fan-out weapon.
func TestSixtyFourContacts(t *testing.T) {
	h := newHouse(t)
	var list []string
	for i := range 64 {
		list = append(list, fmt.Sprintf("<sip:101@192.0.2.101:%d>", 1000+i))
	}
	res := h.send("Contact: " + strings.Join(list, ", "))
	want(t, "answer", res.Status, 403)
	want(t, "bindings", len(h.reach()), 0)
	res = h.send("Contact: " + strings.Join(list[:MaxBindings], ", "))
	want(t, "answer", res.Status, 200)
	want(t, "bindings", len(h.reach()), MaxBindings)
}

// A REGISTER that contradicts itself leaves memory and journal with the same.
func TestOneContactTwice(t *testing.T) {
	h := newHouse(t)
	h.send("Contact: <sip:101@192.0.2.101>, <sip:101@192.0.2.101>;expires=0")
	want(t, "to call", h.reach(), h.kept())
	h.send("Contact: <sip:101@192.0.2.101>;expires=0, <sip:101@192.0.2.101>")
	want(t, "to call", h.reach(), h.kept())
	want(t, "bindings", len(h.kept()), 1)
}

// Where a phone is reached: at its contact, or on the flow that its REGISTER came by when an address
// translator stands between us.
func TestFlows(t *testing.T) {
	nat := netip.MustParseAddrPort("203.0.113.9:40000")
	for name, c := range map[string]struct {
		flow    sip.Flow
		via     string
		contact string
		byFlow  bool
	}{
		"in the open":               {udp(phone), "192.0.2.101:5060", "sip:101@192.0.2.101:5060", false},
		"another port of the phone": {udp(phone), "192.0.2.101:5060", "sip:101@192.0.2.101:7000", false},
		"behind NAT":                {udp(nat), "10.0.0.5:5060", "sip:101@10.0.0.5:5060", true},
		"a name":                    {udp(phone), "192.0.2.101:5060", "sip:101@phone.example.net", false},
		"for another device":        {udp(phone), "192.0.2.101:5060", "sip:101@192.0.2.102:5060", false},
		"a connection":              {tcp(phone, 7), "192.0.2.101:5060", "sip:101@192.0.2.101:5060;transport=tcp", true},
		"TLS":                       {sip.Flow{Transport: sip.TLS, Local: us, Remote: phone, Conn: 7}, "192.0.2.101:5061", "sip:101@192.0.2.101:5061;transport=tls", true},
		"a browser":                 {sip.Flow{Transport: sip.WSS, Local: us, Remote: nat, Conn: 7}, "k3l.invalid", "sip:8f1@k3l.invalid;transport=ws", true},
		"IPv6 behind NAT66":         {udp(netip.MustParseAddrPort("[2001:db8:1::5]:40000")), "[fd00::5]:5060", "sip:101@[fd00::5]:5060", true},
		"IPv6":                      {udp(netip.MustParseAddrPort("[2001:db8::5]:5060")), "[2001:db8::5]:5060", "sip:101@[2001:db8::5]:5060", false},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.from("101", c.flow, "Via: SIP/2.0/"+c.flow.Transport.String()+" "+c.via+";branch=z9hG4bK1", "Contact: <"+c.contact+">")
			wanted := c.contact
			if c.byFlow {
				wanted += " on " + c.flow.String()
			}
			want(t, "reached", h.reach(), []string{wanted})
			if h = h.restart(); !c.flow.Transport.Stream() {
				want(t, "reached after a restart", h.reach(), []string{wanted})
			}
		})
	}
}

// A binding over TCP ends with its connection, and no other does.
func TestAConnectionEnds(t *testing.T) {
	h := newHouse(t)
	first, second := tcp(phone, 7), tcp(phone, 8)
	h.from("101", first, "Contact: <sip:101@192.0.2.101:1;transport=tcp>")
	h.from("101", second, "Contact: <sip:101@192.0.2.101:2;transport=tcp>")
	h.from("101", udp(phone), "Contact: <sip:101@192.0.2.101:3>")
	h.from("102", first, "Contact: <sip:102@192.0.2.101:1;transport=tcp>", "Call-ID: other")
	h.reg.Closed(first)
	want(t, "left of 101", h.reach(), []string{"sip:101@192.0.2.101:2;transport=tcp on " + second.String(), "sip:101@192.0.2.101:3"})
	want(t, "journal", h.kept(), []string{"sip:101@192.0.2.101:2;transport=tcp", "sip:101@192.0.2.101:3"})
	if targets, _ := h.reg.Contacts("t", "102"); len(targets) != 0 {
		t.Errorf("102 is still reached at %v", targets)
	}
	// A phone that has come back on another connection is not forgotten with the old one.
	h.from("101", first, "Contact: <sip:101@192.0.2.101:2;transport=tcp>")
	h.reg.Closed(second)
	want(t, "after moving", len(h.reach()), 2)
	h.alive = map[sip.Flow]bool{}
	want(t, "a connection that is dead but not yet told", h.reach(), []string{"sip:101@192.0.2.101:3"})
}

func TestAConnectionEndsBeforeItsAnswer(t *testing.T) {
	h := newHouse(t)
	h.alive = map[sip.Flow]bool{}
	h.reg.Closed(tcp(phone, 7))
	h.from("101", tcp(phone, 7), "Contact: <sip:101@192.0.2.101;transport=tcp>")
	want(t, "bindings", h.reg.Count()[sip.TCP], 0)
	want(t, "journal", len(h.kept()), 0)
	want(t, "connections remembered", len(h.reg.table.hung), 0)
}

// Whatever comes at once, memory and journal end with the same.
func TestMemoryAndJournalAgree(t *testing.T) {
	h := newHouse(t)
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			for i := range 200 {
				flow := tcp(phone, uint64(i%3+1))
				if i%7 == worker%7 {
					h.reg.Closed(flow)
				}
				req := request(t, fmt.Sprintf("Call-ID: %d", worker), fmt.Sprintf("CSeq: %d REGISTER", i+1),
					fmt.Sprintf("Contact: <sip:101@192.0.2.101:%d>;expires=%d", 1000+(worker+i)%5, i%4*60))
				h.reg.Register(req, flow, party("101"), func(*sip.Message) {})
				h.reg.Contacts("t", "101")
			}
		})
	}
	all.Wait()
	var memory []string
	for _, b := range h.reg.List("", 100) {
		memory = append(memory, b.Contact)
	}
	want(t, "journal", h.kept(), memory)
}

// A flood of connections that register nothing must not look through all bindings each time.
func TestAStrangersConnectionEnds(t *testing.T) {
	h := newHouse(t)
	for i := range 2000 {
		h.reg.table.put(aor{"t", fmt.Sprint(10000 + i)}, []binding{{contact: "sip:x@192.0.2.1", flow: tcp(phone, uint64(100+i)), expires: time.Now().Add(time.Hour).UnixMilli()}})
	}
	if n := testing.AllocsPerRun(100, func() { h.reg.Closed(tcp(phone, 9)) }); n > 0 {
		t.Errorf("%v allocations for a connection that carries nothing", n)
	}
	h.reg.Closed(tcp(phone, 105))
	want(t, "bindings", h.reg.Count()[sip.TCP], 1999)
}

// The 200 goes out only once all that it says is on disk.
func TestTheAnswerWaitsForTheJournal(t *testing.T) {
	h := newHouse(t)
	h.send("Contact: <sip:101@192.0.2.101:1>")
	h.journal.slow = true
	answered := 0
	h.reg.Register(request(t, "CSeq: 5 REGISTER", "Contact: <sip:101@192.0.2.101:2>, <sip:101@192.0.2.101:3>, <sip:101@192.0.2.101:1>;expires=0"), udp(phone), party("101"), func(res *sip.Message) {
		answered = res.Status
	})
	for range 2 {
		h.journal.release(1)
		want(t, "answered before all is safe", answered, 0)
	}
	want(t, "writes that waited", h.journal.release(9), 1)
	want(t, "answered", answered, 200)
	h.journal.slow = false
}

func TestARestart(t *testing.T) {
	h := newHouse(t)
	nat := udp(netip.MustParseAddrPort("203.0.113.9:40000"))
	h.from("101", nat, "Via: SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bK1", `Contact: <sip:101@10.0.0.5:5060>;+sip.instance="<urn:uuid:1>";q=0.5`, "User-Agent: Phone/1.0")
	h.from("101", tcp(phone, 7), "Contact: <sip:101@192.0.2.101;transport=tcp>")
	before := h.reg.List("", 10)[0]
	h = h.restart()
	want(t, "reached", h.reach(), []string{"sip:101@10.0.0.5:5060 on " + nat.String()})
	want(t, "row", h.reg.List("", 10), []store.Binding{before})
	want(t, "the dead connection's binding in the journal", h.kept(), []string{"sip:101@10.0.0.5:5060"})
	// Order holds across the restart.
	res := h.from("101", nat, "CSeq: 1 REGISTER", "Contact: <sip:101@10.0.0.5:5060>;expires=0")
	want(t, "an old REGISTER", res.Status, 500)
}

func TestARestartAfterALongNight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.send("Contact: <sip:101@192.0.2.101>", "Expires: 60")
		h.close()
		time.Sleep(2 * time.Minute)
		h = openHouse(t, h.journal)
		want(t, "reached", len(h.reach()), 0)
		want(t, "journal", len(h.kept()), 0)
	})
}

func TestUnknownAccounts(t *testing.T) {
	h := newHouse(t)
	if _, ok := h.reg.Contacts("t", "999"); ok {
		t.Error("999 is known")
	}
	if targets, ok := h.reg.Contacts("t-b", "101"); !ok || len(targets) != 0 {
		t.Errorf("the other tenant's 101: %v %v", targets, ok)
	}
	h.send("Contact: <sip:101@192.0.2.101>")
	if targets, _ := h.reg.Contacts("t-b", "101"); len(targets) != 0 {
		t.Errorf("one tenant's binding is another's: %v", targets)
	}
}

// Pages of the list hold every binding once, in one order, whatever their size.
func TestTheListIsPaged(t *testing.T) {
	h := newHouse(t)
	var all []string
	name := func(b store.Binding) string { return b.Tenant + " " + b.Account + " " + b.Contact }
	for _, key := range []aor{{"t", "101"}, {"t", "102"}, {"t-b", "101"}, {"t-b", "9"}, {"u", "1"}} {
		var list []binding
		for i := range 4 {
			list = append(list, binding{contact: fmt.Sprintf("sip:x/y@192.0.2.1:%d", 10+i), expires: time.Now().Add(time.Hour).UnixMilli()})
		}
		h.reg.table.put(key, list)
		for _, b := range list {
			all = append(all, name(b.row(key)))
		}
	}
	for size := 1; size <= 21; size++ {
		var got []string
		for after := ""; ; {
			page := h.reg.List(after, size)
			if len(page) > size {
				t.Fatalf("a page of %d rows, want at most %d", len(page), size)
			}
			for i := range page {
				got = append(got, name(page[i]))
			}
			if len(page) < size {
				break
			}
			after = Cursor(&page[len(page)-1])
		}
		want(t, fmt.Sprintf("pages of %d", size), strings.Join(got, "\n"), strings.Join(all, "\n"))
	}
}
