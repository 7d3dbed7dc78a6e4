package presence

import (
	"encoding/xml"
	"strings"
	"testing"
	"time"

	"santral/call"
	"santral/sip"
	"santral/store"
	"santral/tenant"
)

// A lamp through a call: dark, ringing, lit, held, dark again (RFC 4235 §6.1 in spirit), and a second call
// beside it.
func TestLamp(t *testing.T) {
	story(t, func(s *scene) {
		s.send(sip.SUBSCRIBE, "101", "sip:102@exchange.example", "Event: dialog", "Accept: application/dialog-info+xml")
		s.take("200")
		s.take("NOTIFY")
		leg := call.Appearance{Call: "c1", Leg: "b", Account: "102", Direction: call.Out, State: call.Trying, Number: "103",
			Other: call.Party{Tenant: "t", Account: "103", Number: "103", Name: "Carol <3"}}
		s.show(leg)
		s.take("NOTIFY")
		leg.State, leg.Dialog = call.Early, call.DialogName{CallID: "x&y", Local: "ours", Remote: "theirs"}
		s.show(leg)
		s.take("NOTIFY")
		leg.State = call.Talk
		s.show(leg)
		s.take("NOTIFY")
		second := call.Appearance{Call: "c2", Leg: "a", Account: "102", Direction: call.In, State: call.Trying, Number: "0098 21"}
		s.show(second)
		s.take("NOTIFY")
		leg.Held = true
		s.show(leg)
		s.take("NOTIFY")
		leg.State, second.State = call.Gone, call.Gone
		s.show(leg)
		s.take("NOTIFY")
		s.show(second)
		s.take("NOTIFY")
		s.show(call.Appearance{Call: "c3", Leg: "a", Account: "103", Direction: call.In, State: call.Talk})
		s.none(time.Minute)
	})
}

// Who may look at what.
func TestWatchersAreOfTheSameTenant(t *testing.T) {
	story(t, func(s *scene) {
		for _, c := range [][]string{
			{"101", "sip:104@exchange.example", "dialog", "404"},
			{"101", "sip:101@other.example", "dialog", "404"},
			{"101@other.example", "sip:102@exchange.example", "presence", "404"},
			{"101", "sip:102@elsewhere.example", "dialog", "404"},
			{"101", "tel:+98211", "dialog", "404"},
			{"101", "sip:102@exchange.example", "message-summary", "403"},
			{"101", "sip:102@exchange.example", "reg", "403"},
			{"101", "sip:102@exchange.example", "conference", "489"},
			{"101", "sip:blf@exchange.example", "message-summary", "404"},
			{"101", "sip:blf@exchange.example", "dialog", "421"},
		} {
			s.send(sip.SUBSCRIBE, c[0], c[1], "Event: "+c[2])
			s.take(c[3])
		}
	})
}

// Messages wait (RFC 3842 §4), and the counts are kept.
func TestMessagesWaiting(t *testing.T) {
	story(t, func(s *scene) {
		s.send(sip.SUBSCRIBE, "101", "sip:101@exchange.example", "Event: message-summary", "Accept: application/simple-message-summary")
		s.take("200")
		s.take("NOTIFY")
		box := store.Mailbox{Tenant: "t", Account: "101", New: 2, Old: 8, UrgentNew: 0, UrgentOld: 2}
		if err := s.house.SetMailbox(t.Context(), box); err != nil {
			t.Fatal(err)
		}
		s.take("NOTIFY")
		if got, err := s.house.Mailbox("t", "101"); err != nil || got != box || s.boxes["101"] != box {
			t.Errorf("the mailbox is %+v, %v", got, err)
		}
		if err := s.house.SetMailbox(t.Context(), box); err != nil {
			t.Fatal(err)
		}
		s.none(time.Minute)
		for _, bad := range []store.Mailbox{
			{Tenant: "t", Account: "109"}, {Tenant: "t", Account: "101", New: -1}, {Tenant: "t", Account: "101", New: 1, UrgentNew: 2}, {Tenant: "t", Account: "101", Old: MaxCount + 1},
		} {
			if err := s.house.SetMailbox(t.Context(), bad); err == nil {
				t.Errorf("%+v was taken", bad)
			}
		}
		if again := New(s.house.cfg, []store.Mailbox{box}); again.of(key{"t", "101"}).box != box {
			t.Error("what was saved is not there after a restart")
		}
	})
}

// Phones that have not subscribed are told too, where the tenant says so: at their registration and after every
// change, and not once they have.
func TestMessagesWaitingPushed(t *testing.T) {
	story(t, func(s *scene) {
		set := func(n int) {
			t.Helper()
			if err := s.house.SetMailbox(t.Context(), store.Mailbox{Tenant: "t", Account: "101", New: n}); err != nil {
				t.Fatal(err)
			}
		}
		phone := store.Binding{Contact: "sip:101@192.0.2.7"}
		s.register("101", phone)
		set(1) // the tenant does not say so
		pushing := *snapshot.Tenant("t")
		pushing.PushWaiting = true
		s.house.cfg.Current = func() *tenant.Snapshot { return tenant.NewSnapshot(2, []*tenant.Tenant{&pushing}) }
		s.register("102", phone) // nobody has said what waits for 102
		s.register("101", phone)
		set(2)
		s.send(sip.SUBSCRIBE, "101", "sip:101@exchange.example", "Event: message-summary")
		s.take("200")
		s.take("NOTIFY")
		set(3)
		s.take("NOTIFY")
		if s.pushed != 2 {
			t.Errorf("%d were pushed", s.pushed)
		}
	})
}

const published = `<?xml version="1.0" encoding="UTF-8"?>
<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" entity="sip:102@exchange.example">
<tuple id="sg89ae"><status><basic>open</basic></status><contact priority="0.8">sip:102@192.0.2.7</contact><note>At &lt;home&gt;</note><evil:x xmlns:evil="urn:evil">boo</evil:x></tuple>
<dm:person id="p1"><rpid:activities><rpid:away/><rpid:hacking/></rpid:activities><dm:note>Back soon</dm:note></dm:person></presence>`

// Presence: offline is not idle; on the phone; what phones publish, each for itself (RFC 3856 §6, RFC 3863).
func TestPresence(t *testing.T) {
	story(t, func(s *scene) {
		s.send(sip.SUBSCRIBE, "101", "sip:102@exchange.example", "Event: presence")
		s.take("200")
		s.take("NOTIFY")
		s.remark("its phone registers")
		s.register("102", store.Binding{Contact: "sip:102@192.0.2.7"})
		s.take("NOTIFY")
		s.remark("it calls")
		leg := call.Appearance{Call: "c1", Leg: "a", Account: "102", Direction: call.In, State: call.Trying, Number: "103"}
		s.show(leg)
		s.take("NOTIFY")
		leg.State = call.Talk
		s.show(leg)
		s.none(time.Minute) // no more than was told
		s.remark("it publishes")
		s.send(sip.PUBLISH, "102", "sip:102@exchange.example", "Event: presence", "Expires: 600", "Content-Type: application/pidf+xml", published)
		s.take("200")
		s.take("NOTIFY")
		leg.State = call.Gone
		s.show(leg)
		s.take("NOTIFY")
		s.remark("its phone is gone, and what it published with time")
		s.register("102", store.Binding{Contact: "sip:102@192.0.2.7", Event: store.BindingExpired})
		s.take("NOTIFY")
		time.Sleep(9 * time.Minute)
		s.take("NOTIFY")
	})
}

// PUBLISH with entity tags (RFC 3903 §5): made, refreshed, modified, removed, and what is refused.
func TestPublish(t *testing.T) {
	story(t, func(s *scene) {
		const own = "sip:102@exchange.example"
		put := func(want string, extra ...string) string {
			t.Helper()
			s.send(sip.PUBLISH, "102", own, extra...)
			return s.take(want).Get(sip.SIPETag)
		}
		tag := put("200", "Event: presence", "Content-Type: application/pidf+xml", published)
		tag2 := put("200", "Event: presence", "SIP-If-Match: "+tag, "Expires: 1800")
		put("412", "Event: presence", "SIP-If-Match: "+tag, "Expires: 1800")
		tag = put("200", "Event: presence", "SIP-If-Match: "+tag2, "Content-Type: application/pidf+xml", strings.ReplaceAll(published, ">open<", ">closed<"))
		if n := s.house.Stats().Publications; n != 1 {
			t.Errorf("%d publications", n)
		}
		put("200", "Event: presence", "SIP-If-Match: "+tag, "Expires: 0")
		put("412", "Event: presence", "SIP-If-Match: "+tag, "Expires: 0")
		put("400", "Event: presence")
		put("423", "Event: presence", "Expires: 30", "Content-Type: application/pidf+xml", published)
		put("489", "Event: dialog", "Content-Type: application/pidf+xml", published)
		put("415", "Event: presence", "Content-Type: text/plain", published)
		put("400", "Event: presence", "Content-Type: application/pidf+xml", "<presence>")
		s.send(sip.PUBLISH, "101", own, "Event: presence", "Content-Type: application/pidf+xml", published)
		s.take("403")
		for range MaxPublications {
			put("200", "Event: presence", "Content-Type: application/pidf+xml", "<presence/>")
		}
		put("403", "Event: presence", "Content-Type: application/pidf+xml", "<presence/>")
		time.Sleep(2 * time.Hour)
		if n := s.house.Stats().Publications; n != 0 {
			t.Errorf("%d publications outlive their time", n)
		}
	})
}

// Registrations of the account itself (RFC 3680 §5).
func TestRegistrations(t *testing.T) {
	story(t, func(s *scene) {
		s.send(sip.SUBSCRIBE, "101", "sip:101@exchange.example", "Event: reg", "Accept: application/reginfo+xml")
		s.take("200")
		s.take("NOTIFY")
		now := time.Now()
		b := store.Binding{Account: "101", Contact: "sip:101@192.0.2.7;x=\"1\"", CallID: "reg<1>", CSeq: 5, InstanceID: "urn:uuid:1", Q: 500,
			Expires: now.Add(time.Hour), Registered: now.Add(-time.Minute)}
		s.register("101", b)
		s.take("NOTIFY")
		b.Event = store.BindingUnregistered
		s.register("101", b)
		s.take("NOTIFY")
	})
}

// A list of lamps with one subscription (RFC 4662 §7): all at first, then what has changed.
func TestList(t *testing.T) {
	story(t, func(s *scene) {
		s.send(sip.SUBSCRIBE, "101", "sip:blf@exchange.example", "Event: dialog", "Supported: eventlist",
			"Accept: application/dialog-info+xml, application/rlmi+xml, multipart/related")
		s.take("200")
		s.take("NOTIFY")
		s.show(call.Appearance{Call: "c1", Leg: "b", Account: "103", Direction: call.Out, State: call.Early, Number: "102"})
		s.take("NOTIFY")
		s.none(time.Minute)
	})
}

func TestPIDFBounds(t *testing.T) {
	deep := strings.Repeat("<a>", 20) + strings.Repeat("</a>", 20)
	for name, body := range map[string]string{
		"empty":      "",
		"no XML":     "hello",
		"other root": "<html/>",
		"two roots":  "<presence/><presence/>",
		"cut":        "<presence><tuple>",
		"entities":   `<!DOCTYPE presence [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><presence>&b;</presence>`,
		"external":   `<!DOCTYPE presence SYSTEM "file:///etc/passwd"><presence/>`,
		"unknown":    "<presence>&nothing;</presence>",
		"too deep":   "<presence>" + deep + "</presence>",
		"too many":   "<presence>" + strings.Repeat("<a/>", maxElements) + "</presence>",
		"tuples":     "<presence>" + strings.Repeat("<tuple/>", maxTuples+1) + "</presence>",
		"too large":  "<presence>" + strings.Repeat(" ", MaxDocument) + "</presence>",
		"charset":    `<?xml version="1.0" encoding="UTF-16"?><presence/>`,
	} {
		if _, err := parsePIDF(body); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

func FuzzPIDF(f *testing.F) {
	f.Add(published)
	f.Add("<presence/>")
	f.Fuzz(func(t *testing.T, body string) {
		doc, err := parsePIDF(body)
		if err != nil {
			return
		}
		r := &resource{key: key{"t", "102"}, docs: []*publication{{doc: doc}}}
		told := r.pidfOf("exchange.example", true, time.Time{}).Head
		var any struct{}
		if err := xml.Unmarshal([]byte(told), &any); err != nil {
			t.Fatalf("what is told is no XML: %v\n%s", err, told)
		}
		again, err := parsePIDF(told)
		if len(told) > MaxDocument || len(doc.tuples) >= maxTuples {
			return
		}
		if err != nil || len(again.tuples) != len(doc.tuples)+1 || len(again.activities) != len(doc.activities) {
			t.Fatalf("what is told reads back as %+v, %v\n%s", again, err, told)
		}
	})
}
