package e2e

import (
	"fmt"
	"os"
	"testing"
	"time"

	"santral/test/phone"
)

// room is a conference room as the API gives it; only what tests look at.
type room struct {
	Rate    int    `json:"rate_hz"`
	Turns   int    `json:"turns"`
	Late    int    `json:"late"`
	Locked  bool   `json:"locked"`
	Members []seat `json:"members"`
}

type seat struct {
	Call   string `json:"call"`
	Number string `json:"number"`
	Talks  bool   `json:"talks"`
	Mute   bool   `json:"mute"`
}

// members waits until so many are in a room.
func members(t *testing.T, x *phone.Exchange, number string, many int) (r room) {
	t.Helper()
	phone.Eventually(t, 60*time.Second, fmt.Sprintf("%d are in the room", many), func() bool {
		var page struct {
			Items []struct {
				room
				Number string `json:"number"`
			} `json:"items"`
		}
		x.Get("/api/v1/rooms", &page)
		for _, each := range page.Items {
			if each.Number == number {
				r = each.room
				return len(r.Members) == many
			}
		}
		return many == 0
	})
	return r
}

// pitched is a stranger in a room that says a pitch.
type pitched struct {
	name  string
	hz    int
	phone *phone.Baresip // nil: the browser
}

// hears fails the test unless one has heard the pitches of some, and of no others, in a part of what it heard.
func (p *pitched) hears(t *testing.T, when string, sound []float64, all, some []*pitched) {
	t.Helper()
	if len(sound) < 8000 {
		t.Errorf("%s: %s has heard %d samples", when, p.name, len(sound))
		return
	}
	for _, o := range all {
		heard := false
		for _, s := range some {
			heard = heard || s == o
		}
		if got := phone.Strength(sound, o.hz); heard && got < 400 || !heard && got > 100 {
			t.Errorf("%s: %s hears %s at %.0f", when, p.name, o.name, got)
		}
	}
}

// span is a part of what strangers have heard: where their recordings began and ended to hold it.
type span map[*pitched][2]int64

// begin notes where the recordings of some are.
func begin(who ...*pitched) span {
	s := span{}
	for _, p := range who {
		s[p] = [2]int64{p.phone.Written(), 0}
	}
	return s
}

// end notes where they are then.
func (s span) end() {
	for p, at := range s {
		at[1] = p.phone.Written()
		s[p] = at
	}
}

// of is that part of one's recording.
func (s span) of(t *testing.T, p *pitched) []float64 {
	t.Helper()
	whole := p.phone.Written()
	samples := phone.Samples(t, p.phone.Heard())
	at := func(octets int64) int { return int(float64(len(samples)) * float64(octets) / float64(whole)) }
	return samples[at(s[p][0]):at(s[p][1])]
}

// TestConference has three baresips, of G.711, G.722 and Opus, and a browser dial one number: each hears the others and not
// itself, nobody hears one who has muted itself by key, and who leaves and comes back is there again. SANTRAL_SOAK has
// them talk for a minute.
func TestConference(t *testing.T) {
	t.Parallel()
	long := 5 * time.Second
	if os.Getenv("SANTRAL_SOAK") != "" {
		long = time.Minute
	}
	x := phone.StartServe(t, "site.example", "tenant: site\ndomains: [site.example]\ndefault: true\nmusic: [{name: default, play: none}]\nextensions:\n"+
		"  - {number: 101, password: "+phone.Password+"}\n  - {number: 102, password: "+phone.Password+"}\n  - {number: 103, password: "+phone.Password+"}\n  - {number: 104, password: "+phone.Password+"}\n")
	seconds := 60 + int(long.Seconds())
	var all []*pitched
	come := func(p *pitched) {
		p.phone.Dial("8000")
		p.phone.Wait("CALL_ESTABLISHED")
	}
	for i, codec := range []string{"PCMA", "G722/16000/1", "opus"} {
		a := x.Account(fmt.Sprint(102+i), "udp")
		a.Codec = codec
		p := &pitched{name: "the phone of " + codec, hz: []int{620, 850, 1150}[i]}
		p.phone = phone.StartBaresip(t, a, phone.Pitch(t, p.hz, seconds))
		come(p)
		all = append(all, p)
	}
	a, b, c := all[0], all[1], all[2]
	d := &pitched{name: "the browser", hz: 440}
	all = append(all, d)
	page := page101(t, x, phone.Pitch(t, d.hz, seconds))
	page.Call("8000", x.Realm)
	page.Wait("talks")
	if r := members(t, x, "8000", 4); r.Rate != 16000 {
		t.Errorf("the room is mixed at %d Hz", r.Rate)
	}
	page.Heard()
	time.Sleep(time.Second)
	first := begin(a, b, c)
	time.Sleep(long)
	first.end()
	d.hears(t, "at first", phone.Samples(t, page.Heard())[8000:], all, []*pitched{a, b, c})

	a.phone.Command("sndcode", "1")
	time.Sleep(200 * time.Millisecond)
	a.phone.Command("sndcode", "")
	phone.Eventually(t, 10*time.Second, "102 is mute", func() bool { return members(t, x, "8000", 4).Members[0].Mute })
	time.Sleep(3 * time.Second) // it is told so
	page.Heard()
	mute := begin(a, b, c)
	time.Sleep(3 * time.Second)
	mute.end()
	d.hears(t, "one is mute", phone.Samples(t, page.Heard())[4000:], all, []*pitched{b, c})

	c.phone.Command("hangup", "")
	c.phone.Wait("CALL_CLOSED")
	c.hears(t, "at first", first.of(t, c), all, []*pitched{a, b, d})
	c.hears(t, "one is mute", mute.of(t, c), all, []*pitched{b, d})
	members(t, x, "8000", 3)
	c.phone.Out.Reset()
	c.phone.Anew() // its next recording has another name
	come(c)
	a.phone.Command("sndcode", "1")
	time.Sleep(200 * time.Millisecond)
	a.phone.Command("sndcode", "")
	members(t, x, "8000", 4)
	time.Sleep(3 * time.Second)
	page.Heard()
	again := begin(a, b, c)
	time.Sleep(3 * time.Second)
	again.end()
	d.hears(t, "one is back", phone.Samples(t, page.Heard())[4000:], all, []*pitched{a, b, c})

	page.Tell("window.session.terminate()")
	for _, p := range all[:3] {
		p.phone.Command("hangup", "")
	}
	members(t, x, "8000", 0)
	time.Sleep(500 * time.Millisecond) // files are closed
	for _, p := range all[:3] {
		others := []*pitched{d}
		for _, o := range all[:3] {
			if o != p {
				others = append(others, o)
			}
		}
		if p != c {
			p.hears(t, "at first", first.of(t, p), all, others)
		}
		p.hears(t, "one is back", again.of(t, p), all, others)
	}
	a.hears(t, "it is mute", mute.of(t, a), all, []*pitched{b, c, d})
	b.hears(t, "one is mute", mute.of(t, b), all, []*pitched{c, d})
}

// hindered counts how often somebody who only wants to wake every 20 ms comes more than 20 ms too late, until stop is
// called: then the machine has too much else to do.
func hindered() (stop func() int) {
	over, count := make(chan struct{}), make(chan int)
	go func() {
		late := 0
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		last := time.Now()
		for {
			select {
			case <-over:
				count <- late
				return
			case <-tick.C:
			}
			now := time.Now()
			if now.Sub(last) > 40*time.Millisecond {
				late++
			}
			last = now
		}
	}()
	return func() int {
		close(over)
		return <-count
	}
}

// TestConferenceOfAHundred has SIPp put a hundred into one room, of whom three talk: all stay and hear what is said, 50
// packets a second each, and nothing is late on our side, as far as the machine has time for us.
func TestConferenceOfAHundred(t *testing.T) {
	x := phone.StartExchange(t, "--digest", "md5", "--extensions", "40", "--channels", "200", "--rtp-ports", "30000-39999")
	calm := hindered()
	const many, talkers, stays = 100, 3, 26 * time.Second
	listener := phone.StartBaresip(t, x.Account("140", "udp"), phone.Hiss(t, 60))
	says := phone.Speech(t, "en", "Row, row, row your boat, gently down the stream, merrily, merrily, life is but a dream", 40)
	start := func(said string, first, n, port int) *phone.SIPp {
		var inject [][]string
		for i := range n {
			who := fmt.Sprint(101 + (first+i)%20)
			inject = append(inject, []string{who, phone.AuthField(who, phone.Password), "8000"})
		}
		return phone.StartSIPp(t, phone.Stays(phone.ALaw(t, said), stays), x.SIP, "-t", "u1", "-p", fmt.Sprint(phone.FreePort(t)), "-r", "25", "-m", fmt.Sprint(n), "-l", "200",
			"-inf", phone.CSV(t, inject...), "-mi", "127.0.0.1", "-mp", fmt.Sprint(port), "-timeout", "90", "-timeout_error")
	}
	quiet := start(phone.Hiss(t, 40), 0, many-talkers, 61000)
	talk := start(says, many-talkers, talkers, 63000)
	members(t, x, "8000", many)
	listener.Dial("8000")
	members(t, x, "8000", many+1)
	began, busy, from := time.Now(), x.CPU(), members(t, x, "8000", many+1)
	time.Sleep(8 * time.Second)
	until, used, took := members(t, x, "8000", many+1), x.CPU()-busy, time.Since(began)
	frames := took.Seconds() * 50 * (many + 1)
	t.Logf("%.1f µs of CPU for a member's 20 ms", float64(used.Microseconds())/frames)
	if until.Turns-from.Turns < int(took.Seconds()*49) {
		t.Errorf("%d turns in %s", until.Turns-from.Turns, took)
	}
	talking := 0
	for _, m := range until.Members {
		if m.Talks {
			talking++
		}
	}
	if talking > talkers+1 {
		t.Errorf("%d are said to talk", talking)
	}
	loud, sound := 0, phone.Samples(t, phone.Ending(t, listener.Heard(), 5))
	for _, v := range sound {
		if v > 300 || v < -300 {
			loud++
		}
	}
	if loud*10 < len(sound) {
		t.Errorf("one who listens hears something in %d of %d samples", loud, len(sound))
	}
	listener.Command("hangup", "")
	talk.Wait(t, 60*time.Second)
	quiet.Wait(t, 60*time.Second)
	phone.Eventually(t, 20*time.Second, "every call has its record", func() bool {
		return x.Metric("santral_calls_total", `result="answered"`) == many+1
	})
	late, held, share := int(x.Metric("santral_room_late_turns_total")), calm(), 98
	t.Logf("%d turns were late; the machine was so %d times besides", late, held)
	if held > 0 { // a turn needs more of a processor than who only wakes
		share = 80
	}
	if late > 4*held {
		t.Errorf("%d turns were late, and the machine only %d times", late, held)
	}
	for _, c := range x.CDRs() {
		if c.From == "140" {
			continue
		}
		streams, _ := c.Legs[0]["streams"].([]any)
		if len(streams) != 1 {
			t.Fatalf("streams of a record: %+v", c.Legs)
		}
		s := streams[0].(map[string]any)
		count := func(name string) int {
			n, _ := s[name].(float64)
			return int(n)
		}
		least := int(time.Duration(c.TalkMS)*time.Millisecond/(20*time.Millisecond)) * share / 100
		if c.TalkMS < stays.Milliseconds()-500 || c.EndedBy != "caller" || count("sent") < least || count("packets") < least-100 || count("lost") > 0 {
			t.Errorf("a member's call of %d ms, ended by the %s: %v", c.TalkMS, c.EndedBy, s)
		}
	}
}
