package event

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"santral/sip"
)

// A subscription's life: told at once, told of changes, refreshed, unsubscribed.
func TestLife(t *testing.T) {
	ladderTest(t, func(s *scene) {
		tag := s.begin("Expires: 600")
		s.now("rain")
		s.reply(s.take("NOTIFY"), 200)
		time.Sleep(300 * time.Second)
		s.subscribe("call-1", "sip:192.0.2.1:5060", tag, "Event: weather", "Expires: 600")
		s.take("200")
		s.reply(s.take("NOTIFY"), 200)
		time.Sleep(590 * time.Second)
		s.now("snow")
		s.reply(s.take("NOTIFY"), 200)
		s.subscribe("call-1", "sip:192.0.2.1:5060", tag, "Event: weather", "Expires: 0")
		s.take("200")
		s.reply(s.take("NOTIFY"), 200)
		s.now("hail")
		s.none(time.Hour)
		s.subscribe("call-1", "sip:192.0.2.1:5060", tag, "Event: weather")
		s.take("481")
	})
}

// Asking once (RFC 6665 §4.4.3), and what is not asked again in time.
func TestFetchAndExpiry(t *testing.T) {
	ladderTest(t, func(s *scene) {
		s.begin("Expires: 0")
		s.subscribe("call-2", "sip:sky@192.0.2.1", "", "Event: weather;id=7", "Expires: 60")
		s.take("200")
		s.reply(s.take("NOTIFY"), 200)
		s.reply(s.take("NOTIFY"), 200)
		s.now("hail")
		s.none(time.Hour)
		if n := s.n.Stats(); len(n.Live) != 0 || n.Ended != 2 || s.over != 2 {
			t.Errorf("afterwards %+v, %d over", n, s.over)
		}
	})
}

// What is refused, and how.
func TestRefusals(t *testing.T) {
	ladderTest(t, func(s *scene) {
		for i, lines := range [][]string{
			{},
			{"Event: presence"},
			{"Event: weather", "Accept: application/pidf+xml"},
			{"Event: weather", "Expires: 30"},
			{"Event: weather", "Expires: soon"},
			{"Event: weather", "Contact: <sip:two@192.0.2.9>"},
		} {
			s.subscribe(fmt.Sprintf("call-%d", i), "sip:sky@192.0.2.1", "", lines...)
			s.take([]string{"489", "489", "406", "423", "400", "400"}[i])
		}
		s.subscribe("call-9", "sip:nobody@192.0.2.1", "", "Event: weather")
		s.take("404")
		s.subscribe("call-10", "sip:sky@192.0.2.1", "", "Event: weather", "Accept: application/xml, text/*", "Expires: 100000")
		s.take("200")
		s.reply(s.take("NOTIFY"), 200)
	})
}

// A sips URI has a sips URI for Contact in all that follows, whether the Request-URI or the phone's own
// Contact is one (RFC 3261 §12.1.1).
func TestSecureContact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := build(t, Limits{})
		defer s.ep.Close(context.Background())
		tls := sip.Flow{Transport: sip.TLS, Local: phoneFlow.Local, Remote: phoneFlow.Remote}
		for i, c := range []struct{ uri, at, want string }{
			{"sip:sky@192.0.2.1", "", "<sip:sky@192.0.2.1:5060;transport=tls>"},
			{"sips:sky@192.0.2.1", "", "<sips:sky@192.0.2.1:5060>"},
			{"sip:sky@192.0.2.1", "sips:101@192.0.2.2:5060", "<sips:sky@192.0.2.1:5060>"},
		} {
			s.at = c.at
			s.subscribeBy(tls, fmt.Sprintf("call-%d", i), c.uri, "", "Event: weather", "Expires: 0")
			res := s.take("200")
			told := s.take("NOTIFY")
			s.reply(told, 200)
			if res.Get(sip.Contact) != c.want || told.Get(sip.Contact) != c.want {
				t.Errorf("%+v: Contact %s, then %s", c, res.Get(sip.Contact), told.Get(sip.Contact))
			}
		}
	})
}

// One notification at a time, in order; what changes meanwhile is told once, as it is then.
func TestNewestStateWins(t *testing.T) {
	ladderTest(t, func(s *scene) {
		s.subscribe("call-1", "sip:sky@192.0.2.1", "", "Event: weather")
		s.take("200")
		first := s.take("NOTIFY")
		for _, sky := range []string{"rain", "hail", "snow", "fog"} {
			s.now(sky)
		}
		s.none(100 * time.Millisecond)
		s.reply(first, 200)
		s.reply(s.take("NOTIFY"), 200)
		s.none(time.Minute)
	})
}

// A notification is lost with all its copies; so is the next. The lamp lives and shows what is so now.
func TestLostNotificationDoesNotKillALamp(t *testing.T) {
	ladderTest(t, func(s *scene) {
		s.begin()
		lost := 0
		s.drop = func(m *sip.Message) bool {
			lose := m.Method == sip.NOTIFY && m.Get(sip.CSeqKind) <= "3 NOTIFY"
			if lose {
				lost++
			}
			return lose
		}
		s.now("rain")
		time.Sleep(40 * time.Second)
		s.now("hail")
		m := s.take("NOTIFY")
		if !strings.HasPrefix(m.Body, "hail ") || lost != 22 {
			t.Errorf("after %d lost copies the phone hears %q", lost, m.Body)
		}
		s.reply(m, 200)
		s.now("sunny")
		s.reply(s.take("NOTIFY"), 200)
	})
}

// A phone that is gone for good is given up after a while, one that says so at once, one that is busy never.
func TestWhoIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := build(t, Limits{})
		defer s.ep.Close(t.Context())
		s.begin("Expires: 7200")
		s.drop = func(m *sip.Message) bool { return m.Method == sip.NOTIFY }
		s.now("rain")
		time.Sleep(3 * time.Minute)
		if n := s.n.Stats(); n.Live["weather"] != 1 || n.Unanswered < 3 || !s.n.Subscriptions("t", "101")[0].Failing {
			t.Errorf("after three minutes %+v", n)
		}
		time.Sleep(7 * time.Minute)
		if n := s.n.Stats(); n.Live["weather"] != 0 || n.Lost != 1 {
			t.Errorf("after ten minutes %+v", n)
		}
		s.drop = nil
		s.subscribe("call-2", "sip:sky@192.0.2.1", "", "Event: weather")
		s.take("200")
		s.reply(s.take("NOTIFY"), 503, "Retry-After: 90")
		s.none(89 * time.Second)
		for range 10 {
			s.reply(s.take("NOTIFY"), 500)
		}
		s.reply(s.take("NOTIFY"), 200)
		s.now("snow")
		s.reply(s.take("NOTIFY"), 400) // it did not like this one
		s.none(time.Minute)
		s.now("sunny")
		if m := s.take("NOTIFY"); !strings.HasSuffix(m.Body, "full=true") {
			t.Errorf("after a refusal %q", m.Body)
		} else {
			s.reply(m, 481)
		}
		s.now("rain")
		s.none(time.Hour)
		if n := s.n.Stats(); n.Live["weather"] != 0 || n.Lost != 2 {
			t.Errorf("after 481 %+v", n)
		}
	})
}

// A refresh that crosses a notification, comes twice, or comes from elsewhere.
func TestRefreshRaces(t *testing.T) {
	ladderTest(t, func(s *scene) {
		tag := s.begin()
		s.now("rain")
		crossing := s.take("NOTIFY")
		s.subscribe("call-1", "sip:192.0.2.1:5060", tag, "Event: weather")
		s.take("200")
		s.reply(crossing, 200)
		s.reply(s.take("NOTIFY"), 200)
		s.seq -= 2
		s.subscribe("call-1", "sip:192.0.2.1:5060", tag, "Event: weather") // older than the last
		s.take("500")
		s.seq++
		s.subscribeBy(otherFlow, "call-1", "sip:192.0.2.1:5060", tag, "Event: weather") // it has moved
		s.take("200")
		s.reply(s.take("NOTIFY"), 200)
		s.subscribe("call-1", "sip:192.0.2.1:5060", tag, "Event: presence")
		s.take("403")
		// The end crosses a notification: it waits for its turn.
		s.now("hail")
		crossing = s.take("NOTIFY")
		s.subscribe("call-1", "sip:192.0.2.1:5060", tag, "Event: weather", "Expires: 0")
		s.take("200")
		s.none(100 * time.Millisecond)
		s.reply(crossing, 200)
		s.reply(s.take("NOTIFY"), 200)
	})
}

// A phone that refreshes without pause is held off; the subscription is not harmed.
func TestRefreshFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := build(t, Limits{})
		defer s.ep.Close(t.Context())
		tag := s.begin()
		count := map[int]int{}
		for range 200 {
			s.subscribe("call-1", "sip:192.0.2.1:5060", tag, "Event: weather")
			for len(s.inbox) > 0 {
				m := <-s.inbox
				if count[m.Status]++; m.Method == sip.NOTIFY {
					s.reply(m, 200)
				}
			}
		}
		if count[200] > 12 || count[503] < 180 {
			t.Errorf("answers %v", count)
		}
		time.Sleep(time.Minute)
		s.now("rain")
		s.reply(s.take("NOTIFY"), 200)
	})
}

func TestLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := build(t, Limits{Account: 3, Source: 5})
		defer s.ep.Close(t.Context())
		for i := range 5 {
			s.subscribe(fmt.Sprintf("call-%d", i), "sip:sky@192.0.2.1", "", "Event: weather")
			if i >= 3 {
				s.take("403")
				continue
			}
			s.take("200")
			s.reply(s.take("NOTIFY"), 200)
		}
		if n := s.n.Stats(); n.Live["weather"] != 3 || n.Refused != 2 {
			t.Errorf("%+v", n)
		}
		s.n.EndAll(Probation, 5*time.Second)
		synctest.Wait()
		for range 3 {
			if m := s.take("NOTIFY"); m.Get(sip.SubscriptionState) != "terminated;reason=probation;retry-after=5" {
				t.Errorf("the end is told as %q", m.Get(sip.SubscriptionState))
			} else {
				s.reply(m, 200)
			}
		}
		if n := s.n.Stats(); len(n.Live) != 0 || n.Ended != 3 {
			t.Errorf("afterwards %+v", n)
		}
	})
}

// How often is the package's to bound, and the subscriber's to wish for (RFC 6446 §5.1).
func TestRates(t *testing.T) {
	ladderTest(t, func(s *scene) {
		s.pkg.Interval = time.Second
		s.begin("Expires: 3600")
		for _, sky := range []string{"rain", "hail"} {
			s.now(sky)
		}
		s.reply(s.take("NOTIFY"), 200)
		s.none(time.Minute)
		s.subscribe("call-2", "sip:sky@192.0.2.1", "", "Event: weather;max-rate=0.05")
		s.take("200")
		s.reply(s.take("NOTIFY"), 200)
		s.now("snow")
		s.reply(s.take("NOTIFY"), 200) // the first phone's
		s.reply(s.take("NOTIFY"), 200)
	})
}

// Subscriptions that were written out go on elsewhere, with the same dialogs and versions.
func TestHandOver(t *testing.T) {
	ladderTest(t, func(s *scene) {
		tag := s.begin("Expires: 600")
		s.now("rain")
		s.take("NOTIFY") // nobody answers it
		s.drop = func(m *sip.Message) bool { return m.Get(sip.CSeqKind) == "2 NOTIFY" }
		text, err := json.Marshal(s.n.Freeze())
		if err != nil {
			t.Fatal(err)
		}
		s.now("hail")
		s.none(time.Second)
		s.n = NewNotifier(Config{Packages: []*Package{s.pkg}, Shard: s.ep.Shard})
		var list []Frozen
		if err := json.Unmarshal(text, &list); err != nil || len(list) != 1 {
			t.Fatal(err, len(list))
		}
		if err := s.n.Thaw(list[0]); err != nil {
			t.Fatal(err)
		}
		s.reply(s.take("NOTIFY"), 200)
		s.subscribe("call-1", "sip:192.0.2.1:5060", tag, "Event: weather", "Expires: 0")
		s.take("200")
		s.reply(s.take("NOTIFY"), 200)
		list[0].Request.URI = "sip:nobody@192.0.2.1"
		if err := s.n.Thaw(list[0]); err != nil {
			t.Fatal(err)
		}
		s.reply(s.take("NOTIFY"), 200)
		list[0].Request.Event = "presence"
		if err := s.n.Thaw(list[0]); err == nil {
			t.Error("a subscription to a package that nobody serves was thawed")
		}
	})
}

// A connection that is gone leaves nothing to be told by whose Contact is another host: nobody else gets it instead.
func TestNobodyElseIsToldInstead(t *testing.T) {
	ladderTest(t, func(s *scene) {
		flow := phoneFlow
		flow.Transport, flow.Conn = sip.TCP, 7
		s.at = "sip:victim@198.51.100.66:5060"
		s.subscribeBy(flow, "call-1", "sip:sky@192.0.2.1", "", "Event: weather")
		s.take("200")
		s.reply(s.take("NOTIFY"), 200)
		s.cut(false)
		s.now("rain")
		s.none(time.Minute)
	})
}

// A connection that is gone is not waited for: what is due goes to the Contact.
func TestConnectionGone(t *testing.T) {
	ladderTest(t, func(s *scene) {
		flow := phoneFlow
		flow.Transport, flow.Conn = sip.TCP, 7
		s.subscribeBy(flow, "call-1", "sip:sky@192.0.2.1", "", "Event: weather")
		s.take("200")
		s.reply(s.take("NOTIFY"), 200)
		s.cut(true)
		s.now("rain")
		s.reply(s.take("NOTIFY"), 200)
	})
}

// A subscriber that names another host, as its Contact or by a route, is told where it asked from; who is
// named gets nothing, whether the subscriber's connection stands or not.
func TestNobodyElseIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := build(t, Limits{})
		defer func() { s.ep.Close(context.Background()) }()
		stream := phoneFlow
		stream.Transport = sip.TLS
		for i, f := range []sip.Flow{phoneFlow, stream} {
			for j, elsewhere := range []struct{ contact, route string }{
				{"sip:101@203.0.113.99:5060", "X: y"}, {"sip:101@203.0.113.99;transport=udp", "X: y"}, {"sip:101@victim.example", "X: y"},
				{"", "Record-Route: <sip:203.0.113.99;lr>"}, {"", "Record-Route: <sip:victim.example;lr>, <sip:203.0.113.99;lr>"},
			} {
				s.at = elsewhere.contact
				s.subscribeBy(f, fmt.Sprintf("call-%d-%d", i, j), "sip:sky@192.0.2.1", "", "Event: weather", elsewhere.route)
				s.take("200")
				s.reply(s.take("NOTIFY"), 200)
			}
		}
		s.cut(true)
		s.now("rain")
		time.Sleep(time.Minute)
		synctest.Wait()
		s.mu.Lock()
		defer s.mu.Unlock()
		if strings.Contains(s.ladder.String(), "203.0.113.99 ") || strings.Contains(s.ladder.String(), "with 203.0.113.99") {
			t.Errorf("somebody else is told:\n%s", s.ladder.String())
		}
	})
}

// moves is a registrar that knows one phone, which is at a flow.
type moves struct{ at sip.Flow }

func (m *moves) Phone(_, account string, f sip.Flow) string {
	if account != "101" || f != m.at {
		return ""
	}
	return "desk"
}

func (m *moves) Home(_, account, phone string, f sip.Flow) (sip.Flow, bool) {
	return m.at, account == "101" && phone == "desk"
}

// TestNotificationsFollow: a phone has registered from elsewhere, which its lamps do not know yet. They are told
// there, after a hand-over too, until it subscribes from a third place.
func TestNotificationsFollow(t *testing.T) {
	ladderTest(t, func(s *scene) {
		m := &moves{at: phoneFlow}
		s.n = NewNotifier(Config{Packages: []*Package{s.pkg}, Shard: s.ep.Shard, Phones: m})
		tag := s.begin()
		s.now("rain")
		s.reply(s.take("NOTIFY"), 200)
		m.at = otherFlow
		s.now("hail")
		s.reply(s.take("NOTIFY"), 200)
		if l := s.n.Subscriptions("t", "101"); len(l) != 1 || l[0].Flow != otherFlow.String() {
			t.Errorf("listed as %+v", l)
		}
		text, err := json.Marshal(s.n.Freeze())
		if err != nil {
			t.Fatal(err)
		}
		s.n = NewNotifier(Config{Packages: []*Package{s.pkg}, Shard: s.ep.Shard, Phones: m})
		var list []Frozen
		if err := json.Unmarshal(text, &list); err != nil || len(list) != 1 {
			t.Fatal(err, len(list))
		}
		if err := s.n.Thaw(list[0]); err != nil {
			t.Fatal(err)
		}
		s.reply(s.take("NOTIFY"), 200)
		m.at = phoneFlow
		s.now("snow")
		s.reply(s.take("NOTIFY"), 200)
		s.subscribeBy(otherFlow, "call-1", "sip:192.0.2.1:5060", tag, "Event: weather") // not the registered one
		s.take("200")
		s.reply(s.take("NOTIFY"), 200)
	})
}
