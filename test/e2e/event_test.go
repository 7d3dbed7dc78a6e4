package e2e

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"santral/test/phone"
)

// watch subscribes an agent to something and answers its notifications; body gives what came of the next.
type watch struct {
	*phone.Agent
	t    *testing.T
	sub  *phone.Draft // the SUBSCRIBE as it was answered
	tag  string       // the exchange's
	seq  int
	last phone.Message
}

func subscribe(t *testing.T, a *phone.Agent, uri, event string, more ...string) *watch {
	t.Helper()
	d := a.Request("SUBSCRIBE", uri).Set("Event", event).Set("Expires", "600")
	for i := 0; i+1 < len(more); i += 2 {
		d.Set(more[i], more[i+1])
	}
	m := a.Ask(d)
	if m.Status() != 200 {
		t.Fatalf("SUBSCRIBE to %s: %.300q", uri, m.Text)
	}
	return &watch{Agent: a, t: t, sub: d, tag: m.Tag("To"), seq: 10}
}

// next waits for a notification that says want, and passes over others.
func (w *watch) next(want string) string {
	w.t.Helper()
	for {
		w.last = w.Want(soon, "a NOTIFY with "+want, phone.Requests("NOTIFY"))
		w.Send(w.last.Answer(200, "OK", "").String())
		if strings.Contains(w.last.Text, want) {
			return w.last.Body()
		}
	}
}

// again sends a SUBSCRIBE within the dialog.
func (w *watch) again(expires string) phone.Message {
	w.seq++
	d := w.sub.Copy().Branch().Set("CSeq", fmt.Sprintf("%d SUBSCRIBE", w.seq)).Set("Expires", expires).Del("Authorization")
	d.Set("To", d.Get("To")+";tag="+w.tag)
	return w.Transact(d, soon)
}

func TestLamp(t *testing.T) {
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			x := phone.StartExchange(t, "--digest", "md5")
			w := subscribe(t, x.Wire(t, transport, "").Agent("103"), "sip:102@127.0.0.1", "dialog", "Accept", "application/dialog-info+xml")
			if body := w.next("dialog-info"); strings.Contains(body, "<dialog ") {
				t.Errorf("a dark lamp is\n%s", body)
			}
			a, b := pair(t, x, transport, "101", "102")
			c := a.Dial("102", media)
			r := b.Ring()
			r.Tell(180, "Ringing", "")
			body := w.next("<state>early</state>")
			for _, part := range []string{`direction="recipient"`, `call-id="` + r.ID + `"`, "local-tag=", "remote-tag=", "sip:101@"} {
				if !strings.Contains(body, part) {
					t.Errorf("the lamp of a phone that rings lacks %s:\n%s", part, body)
				}
			}
			r.Tell(200, "OK", media)
			c.Response(200, soon)
			c.Ack("")
			w.next("<state>confirmed</state>")
			c.Bye()
			if body := w.next(`state="full"`); strings.Contains(body, "<dialog ") {
				w.next("</dialog-info>")
			}
			var list struct {
				Items []struct{ Account, Event string }
			}
			x.Get("/api/v1/subscriptions?account=103", &list)
			if len(list.Items) != 1 || list.Items[0].Event != "dialog" {
				t.Errorf("subscriptions %+v", list)
			}
			if m := w.again("0"); m.Status() != 200 {
				t.Errorf("unsubscribing: %.200q", m.Text)
			}
			w.next("terminated;reason=timeout")
			if m := w.again("600"); m.Status() != 481 {
				t.Errorf("after the end: %s", m.Line())
			}
		})
	}
}

// Messages wait: baresip is told at once and after every change, and asks no more than it should.
func TestBaresipShowsWaitingMessages(t *testing.T) {
	x := phone.StartExchange(t, "--digest", "md5")
	x.Put("/api/v1/mailboxes/sample/101", `{"new": 3, "old": 1}`)
	x.Kill()
	x.Start() // the counts survive
	account := x.Account("101", "udp")
	account.Modules = []string{"mwi.so"}
	x.Pause() // its module subscribes without end when it is registered within the first millisecond
	account.Running = x.Resume
	b := phone.StartBaresip(t, account, phone.Speech(t, "en", "hello", 1))
	b.Wait("Voice-Message: 3/1 (0/0)")
	x.Put("/api/v1/mailboxes/sample/101", `{"new": 4, "old": 1, "urgent_new": 2}`)
	b.Wait("Voice-Message: 4/1 (2/0)")
	x.Put("/api/v1/mailboxes/sample/101", `{"new": 0, "old": 5}`)
	b.Wait("Messages-Waiting: no")
	if n := x.Metric("santral_sip_requests_total", `method="SUBSCRIBE"`); n > 4 {
		t.Errorf("baresip sent %v SUBSCRIBEs", n)
	}
}

// baresip watches a contact's presence: it is told what the exchange knows.
func TestBaresipWatchesPresence(t *testing.T) {
	x := phone.StartExchange(t, "--digest", "md5")
	account := x.Account("101", "udp")
	account.Modules = []string{"presence.so"}
	account.Contacts = fmt.Sprintf("\"Ali\" <sip:102@%s>;presence=p2p\n", x.SIP)
	b := phone.StartBaresip(t, account, phone.Speech(t, "en", "hello", 1))
	presence := func() (list []struct{ URI string }) {
		var page struct{ Items []struct{ URI string } }
		x.Get("/api/v1/subscriptions?account=101", &page)
		return page.Items
	}
	phone.Eventually(t, 15*time.Second, "baresip subscribes to presence", func() bool { return len(presence()) == 1 })
	device(t, x, "udp", "102")
	before := x.Metric("santral_notifications_total", "taken")
	phone.Eventually(t, 10*time.Second, "baresip takes a notification", func() bool { return x.Metric("santral_notifications_total", "taken") >= max(before, 2) })
	_ = b
}

func TestMessages(t *testing.T) {
	x := phone.StartExchange(t, "--digest", "md5")
	a := x.UDP(t, "").Agent("101")
	say := func(to, text string) phone.Message {
		d := a.Request("MESSAGE", a.URI(to)).Set("From", "\"Boss\" <sip:105@evil.example>;tag=1").Set("P-Asserted-Identity", "<sip:105@127.0.0.1>")
		d.Set("Content-Type", "text/plain;charset=UTF-8").Body = text
		return a.Ask(d)
	}
	hear := func(b *phone.Agent, text string) {
		t.Helper()
		m := b.Want(soon, "MESSAGE "+text, phone.Requests("MESSAGE"))
		b.Send(m.Answer(200, "OK", "b").String())
		if m.Body() != text || !strings.Contains(m.Get("From"), "sip:101@") || strings.Contains(m.Text, "evil") || strings.Contains(m.Text, "105") || m.Get("Date") == "" || m.Get("Authorization") != "" {
			t.Errorf("what was heard is\n%s", m.Text)
		}
	}
	for i := range 3 {
		if m := say("102", fmt.Sprint("درود ", i)); m.Status() != 202 {
			t.Fatalf("to who is away: %.300q", m.Text)
		}
	}
	x.Kill() // at once
	x.Start()
	b := device(t, x, "udp", "102")
	for i := range 3 {
		hear(b, fmt.Sprint("درود ", i))
	}
	phone.Eventually(t, soon, "nothing waits any more", func() bool { return x.Metric("santral_message_recipients_waiting") == 0 })
	go func() {
		m, _ := b.Take(soon, phone.Requests("MESSAGE"))
		b.Send(m.Answer(200, "OK", "b").String())
	}()
	if m := say("102", "at once"); m.Status() != 200 {
		t.Errorf("to who is there: %.300q", m.Text)
	}
	if m := say("999", "nobody"); m.Status() != 404 {
		t.Errorf("to nobody: %.300q", m.Text)
	}
	b.Quiet(time.Second, "a MESSAGE twice", phone.Requests("MESSAGE"))
}

// Linphone says something to a baresip, and a message that waited reaches Linphone.
func TestLinphoneSpeaksText(t *testing.T) {
	x := phone.StartExchange(t, "--digest", "md5")
	a := x.UDP(t, "").Agent("103")
	d := a.Request("MESSAGE", a.URI("101")).Set("Content-Type", "text/plain")
	d.Body = "waited-for-you"
	if m := a.Ask(d); m.Status() != 202 {
		t.Fatalf("%.300q", m.Text)
	}
	l := phone.StartLinphone(t, x.Account("101", "udp"))
	l.Wait("waited-for-you")
	b := device(t, x, "udp", "102")
	l.Command(fmt.Sprintf("chat sip:102@%s hello-from-linphone", x.SIP))
	m := b.Want(15*time.Second, "Linphone's MESSAGE", phone.Requests("MESSAGE"))
	b.Send(m.Answer(200, "OK", "b").String())
	if !strings.Contains(m.Body(), "hello-from-linphone") {
		t.Errorf("heard\n%s", m.Text)
	}
}

// Phones that subscribe to what nobody serves, or to a lamp, again and again as soon as they are answered, with
// credentials that are right: they are slowed down, it costs little, and a good caller does not notice.
func TestResubscribingWithoutPause(t *testing.T) {
	x := phone.StartExchange(t, "--digest", "md5")
	good := phone.NewRaw(t, x, "")
	goodCalls(t, good, 1)
	stop := make(chan struct{})
	var phones sync.WaitGroup
	for i, transport := range []string{"udp", "tls", "wss", "wss"} {
		a := x.Wire(t, transport, place(transport, 40+i)).Agent(fmt.Sprint(104 + i))
		event, answer := "ua-profile", 489
		if i == 3 { // which is served, each time anew, and it answers no notification
			event, answer = "dialog", 200
		}
		m := a.Transact(a.Request("SUBSCRIBE", a.URI("102")).Set("Event", event), soon)
		c := phone.ChallengeOf(m, "MD5")
		if c == nil {
			t.Fatalf("%.300q", m.Text)
		}
		phones.Go(func() {
			count := map[int]int{}
			for nc := 1; ; nc++ {
				select {
				case <-stop:
					t.Logf("%s, %s: answers %v", transport, event, count)
					if count[answer] == 0 || count[answer] > 800 || count[503] < 2 || count[503] > 12 || len(count) > 2 {
						t.Errorf("%s, %s: answers in eight seconds: %v", transport, event, count)
					}
					return
				default:
				}
				d := a.Request("SUBSCRIBE", a.URI("102")).Set("Event", event)
				count[a.Transact(d.Set("Authorization", a.Answer(c, "SUBSCRIBE", a.URI("102"), nc).String()), soon).Status()]++
			}
		})
	}
	var used time.Duration
	calls := 0
	for began := time.Now(); time.Since(began) < 8*time.Second; calls++ {
		if used == 0 && time.Since(began) > 4*time.Second { // what was at once is over
			used = x.CPU()
		}
		goodCalls(t, good, 1)
	}
	used = x.CPU() - used
	close(stop)
	phones.Wait()
	t.Logf("%d good calls meanwhile, %v of CPU in the last four seconds", calls, used)
	if used > 2*time.Second {
		t.Errorf("the last four seconds cost %v of CPU", used)
	}
}

// SIPp watches a lamp.
func TestSIPpWatchesALamp(t *testing.T) {
	x := phone.StartExchange(t, "--digest", "md5")
	s := phone.StartSIPp(t, phone.WatchLamp, x.SIP, "-m", "1", "-s", "102", "-au", "103", "-ap", phone.Password, "-timeout", "20s")
	s.Wait(t, 25*time.Second)
}

// Linphone publishes its presence and watches a friend's.
func TestLinphonePresence(t *testing.T) {
	x := phone.StartExchange(t, "--digest", "md5")
	w := subscribe(t, x.UDP(t, "").Agent("103"), "sip:101@127.0.0.1", "presence")
	w.next("<basic>closed</basic>")
	account := x.Account("101", "udp")
	account.Friends = []string{"102"}
	l := phone.StartLinphone(t, account)
	w.next("p0t0") // what it publishes, beside what the exchange knows
	if !strings.Contains(w.last.Text, `<tuple id="house"><status><basic>open</basic></status>`) {
		t.Errorf("presence is\n%s", w.last.Text)
	}
	phone.Eventually(t, 15*time.Second, "Linphone subscribes to its friend", func() bool {
		var page struct {
			Items []struct{ Account, Event string }
		}
		x.Get("/api/v1/subscriptions?account=101", &page)
		return len(page.Items) == 1 && page.Items[0].Event == "presence"
	})
	l.Log(`We are notified that ["102"`)
}
