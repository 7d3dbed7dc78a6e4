package message

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"santral/base/id"
	"santral/call"
	"santral/sip"
	"santral/store"
	"santral/tenant"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// house is everything around the service: accounts with phones that answer as they are told, and a store in
// memory.
type house struct {
	*testing.T
	s *Service

	mu      sync.Mutex
	phones  map[string][]call.Target
	answers map[string][]int // of each phone, one for each message, the last for all others; -1 never answers
	got     []string         // what phones got, "phone: from body"
	silent  []func(int)
	rows    []store.Message
	broken  error
	calls   int
}

var snapshot = tenant.NewSnapshot(1, []*tenant.Tenant{
	{ID: "t", Domains: []string{"exchange.example"}, Accounts: []tenant.Account{{Tenant: "t", Number: "101", Name: "Alice"}, {Tenant: "t", Number: "102"}, {Tenant: "t", Number: "103"}}},
	{ID: "other", Domains: []string{"other.example"}, Accounts: []tenant.Account{{Tenant: "other", Number: "101"}}},
})

func bubble(t *testing.T, f func(h *house)) {
	synctest.Test(t, func(t *testing.T) {
		h := &house{T: t, phones: map[string][]call.Target{}, answers: map[string][]int{}}
		h.open(nil)
		f(h)
		h.s.Close()
	})
}

func (h *house) open(recipients [][2]string) {
	h.s = New(Config{
		Current: func() *tenant.Snapshot { return snapshot }, Contacts: h, Store: h, Random: id.New([32]byte{1}), Send: h.send,
		Host: func(string, call.Target) string { return "exchange.example" },
		Meant: func(_ string, uri sip.URI) (account, device string, ok bool) {
			if gr, ok := uri.Params.Get("gr"); ok { // a device's name, for short
				return uri.Username(), gr, gr != "gone"
			}
			if uri.IsTel() {
				return strings.TrimPrefix(uri.AOR(), "tel:"), "", true
			}
			return uri.Username(), "", true
		},
	}, recipients)
}

func (h *house) Contacts(tenantID, account string) ([]call.Target, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.phones[account], snapshot.Account(tenantID, account) != nil
}

func (h *house) send(req *sip.Message, to call.Target, done func(int)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	from, _ := req.From()
	h.got = append(h.got, to.Device+": "+from.URI.User+" "+req.Body)
	if req.Get(sip.PAssertedIdentity) == "" || req.Get(sip.Date) == "" || strings.Contains(req.String(), "mallory") {
		h.Errorf("the phone gets\n%s", req)
	}
	list := h.answers[to.Device]
	status := 200
	if len(list) > 0 {
		if status = list[0]; len(list) > 1 {
			h.answers[to.Device] = list[1:]
		}
	}
	if status < 0 {
		h.silent = append(h.silent, done)
		return
	}
	go done(status)
}

// want says what phones got since the last time.
func (h *house) want(want ...string) {
	h.Helper()
	synctest.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	if !slices.Equal(h.got, want) {
		h.Errorf("phones got %q, want %q", h.got, want)
	}
	h.got = nil
}

// phone registers a phone of an account.
func (h *house) phone(account, device string, answers ...int) {
	h.mu.Lock()
	h.phones[account] = append(h.phones[account], call.Target{URI: "sip:" + account + "@192.0.2.7", Device: device})
	h.answers[device] = answers
	h.mu.Unlock()
	h.s.Registered("t", account)
	synctest.Wait()
}

// say sends a message and gives a function that waits for its answer.
func (h *house) say(from, uri, body string, extra ...string) func() string {
	h.Helper()
	h.calls++
	lines := []string{"MESSAGE " + uri + " SIP/2.0", "Via: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK1", "Max-Forwards: 70",
		"From: Mallory <sip:mallory@evil.example>;tag=1", "To: <" + uri + ">", fmt.Sprintf("Call-ID: call-%d", h.calls), "CSeq: 1 MESSAGE",
		"P-Asserted-Identity: <sip:mallory@evil.example>"}
	if body != "" {
		lines = append(lines, "Content-Type: text/plain")
	}
	m, err := sip.ParseMessage(strings.Join(append(append(lines, extra...), "", body), "\r\n"))
	if err != nil {
		h.Fatal(err)
	}
	answer := make(chan string, 2)
	h.s.Serve(m, call.Party{Tenant: "t", Account: from}, func(res *sip.Message) {
		answer <- strings.TrimSpace(fmt.Sprintf("%d %s", res.Status, res.Reason))
	})
	return func() string {
		select {
		case a := <-answer:
			return a
		case <-time.After(time.Minute):
			return "nothing"
		}
	}
}

func (h *house) told(got func() string, want string) {
	h.Helper()
	if a := got(); a != want {
		h.Errorf("the sender is told %q, want %q", a, want)
	}
}

// The store.

func (h *house) KeepMessage(_ context.Context, m store.Message, most, share int) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	all, own := 0, 0
	for _, r := range h.rows {
		if r.To == m.To {
			all++
			if r.From == m.From {
				own++
			}
		}
	}
	switch {
	case h.broken != nil:
		return h.broken
	case all >= most:
		return store.ErrFull
	case own >= share:
		return store.ErrShare
	}
	h.rows = append(h.rows, m)
	return nil
}

func (h *house) WaitingMessages(_ context.Context, _, account string, limit int) (list []store.Message, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range h.rows {
		if r.To == account && len(list) < limit {
			list = append(list, r)
		}
	}
	slices.SortFunc(list, func(a, b store.Message) int { return strings.Compare(a.ID, b.ID) })
	return list, h.broken
}

func (h *house) DropMessage(_ context.Context, _, id string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.rows = slices.DeleteFunc(h.rows, func(m store.Message) bool { return m.ID == id })
	return h.broken
}

func (h *house) DropExpired(_ context.Context, now time.Time) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	before := len(h.rows)
	h.rows = slices.DeleteFunc(h.rows, func(m store.Message) bool { return !now.Before(m.Expires) })
	return before - len(h.rows), h.broken
}

func (h *house) Recipients(context.Context) ([][2]string, error) { return nil, nil }

// kept is how many messages wait in the store.
func (h *house) kept() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.rows)
}

// late has a phone answer that was silent.
func (h *house) late(i, status int) {
	h.mu.Lock()
	done := h.silent[i]
	h.mu.Unlock()
	done(status)
}

const bob = "sip:102@exchange.example"

// A message goes to every phone of its recipient, from who has proved to send it.
func TestAtOnce(t *testing.T) {
	bubble(t, func(h *house) {
		h.phone("102", "desk")
		h.told(h.say("101", bob, "hello"), "200 OK")
		h.want("desk: 101 hello")
		h.phone("102", "mobile", 408)
		h.told(h.say("101", bob, "both"), "200 OK")
		h.want("desk: 101 both", "mobile: 101 both")
		h.mu.Lock()
		h.answers["desk"] = []int{415}
		h.mu.Unlock()
		h.told(h.say("101", bob, "no"), "415 Unsupported Media Type")
		h.want("desk: 101 no", "mobile: 101 no")
		h.mu.Lock()
		h.answers["desk"], h.answers["mobile"] = []int{407}, []int{407}
		h.mu.Unlock()
		h.told(h.say("101", bob, "challenged"), "480 Temporarily Unavailable")
		for i, answers := range [][2]int{{415, 603}, {603, 415}} { // who declines speaks for the account
			h.mu.Lock()
			h.answers["desk"], h.answers["mobile"] = []int{answers[0]}, []int{answers[1]}
			h.mu.Unlock()
			h.told(h.say("101", bob, fmt.Sprint("declined ", i)), "603 Decline")
		}
		if n := h.s.Stats(); n.Delivered != 2 || n.Refused != 4 || h.kept() != 0 {
			t.Errorf("%+v, %d rows", n, h.kept())
		}
	})
}

// A GRUU means one device: the others do not hear of it, and nothing is kept for them (RFC 5627 §6.1).
func TestForOneDevice(t *testing.T) {
	bubble(t, func(h *house) {
		h.phone("102", "desk")
		h.phone("102", "mobile", 200, 486, 408)
		h.told(h.say("101", bob+";gr=mobile", "taken"), "200 OK")
		h.told(h.say("101", bob+";gr=mobile", "refused"), "486 Busy Here")
		h.told(h.say("101", bob+";gr=mobile", "unanswered"), "480 Temporarily Unavailable")
		h.told(h.say("101", bob+";gr=away", "away"), "480 Temporarily Unavailable")
		h.told(h.say("101", bob+";gr=gone", "gone"), "404 Not Found")
		h.want("mobile: 101 taken", "mobile: 101 refused", "mobile: 101 unanswered")
		if n := h.s.Stats(); n.Delivered != 1 || n.Refused != 4 || h.kept() != 0 {
			t.Errorf("%+v, %d rows", n, h.kept())
		}
	})
}

// A tel URI has no domain: it is a number of the sender's own tenant.
func TestTel(t *testing.T) {
	bubble(t, func(h *house) {
		h.phone("102", "desk")
		h.told(h.say("101", "tel:102", "x"), "200 OK")
		h.want("desk: 101 x")
	})
}

func TestRefused(t *testing.T) {
	bubble(t, func(h *house) {
		for _, c := range []struct {
			uri, body, want string
			extra           []string
		}{
			{"sip:109@exchange.example", "x", "404 Not Found", nil},
			{"sip:102@elsewhere.example", "x", "404 Not Found", nil},
			{"sip:101@other.example", "x", "403 Forbidden", nil},
			{"tel:+98211", "x", "404 Not Found", nil},
			{bob, strings.Repeat("x", MaxBody+1), "413 Request Entity Too Large", nil},
			{bob, "x", "415 Unsupported Media Type", []string{"Content-Encoding: gzip"}},
			{bob, "x", "480 Temporarily Unavailable", []string{"Expires: 0"}},
		} {
			h.told(h.say("101", c.uri, c.body, c.extra...), c.want)
		}
		h.mu.Lock()
		h.broken = errors.New("the disk is gone")
		h.mu.Unlock()
		h.told(h.say("101", bob, "x"), "500 Server Internal Error")
		h.want()
	})
}

// Who is away gets everything at the next registration, in order and once.
func TestKeptForLater(t *testing.T) {
	bubble(t, func(h *house) {
		for _, body := range []string{"one", "two", "three"} {
			h.told(h.say("101", bob, body), "202 Accepted")
		}
		h.told(h.say("103", bob, "short-lived", "Expires: 60"), "202 Accepted")
		time.Sleep(time.Hour)
		h.s.Close() // the exchange starts anew
		h.open([][2]string{{"t", "102"}})
		h.phone("102", "desk", 200, 0, 200)
		h.want("desk: 101 one", "desk: 101 two") // and then nobody is there any more
		h.told(h.say("103", bob, "four"), "202 Accepted")
		h.want("desk: 101 two", "desk: 101 three", "desk: 103 four")
		h.told(h.say("103", bob, "five"), "200 OK")
		h.want("desk: 103 five")
		if n := h.s.Stats(); h.kept() != 0 || n.Waiting != 0 {
			t.Errorf("%d rows are left, %+v", h.kept(), n)
		}
	})
}

// A phone that does not answer in time has its message kept; when it takes it after all, it gets it once.
func TestSlowPhone(t *testing.T) {
	bubble(t, func(h *house) {
		h.phone("102", "desk", -1)
		answer := h.say("101", bob, "slow")
		time.Sleep(patience - time.Second)
		if h.kept() != 0 {
			t.Error("kept too early")
		}
		time.Sleep(2 * time.Second)
		h.told(answer, "202 Accepted")
		if h.kept() != 1 {
			t.Errorf("%d rows", h.kept())
		}
		h.late(0, 200)
		synctest.Wait()
		if h.kept() != 0 {
			t.Error("it would be delivered twice")
		}
		h.want("desk: 101 slow")
		h.told(h.say("101", bob, "gone"), "202 Accepted") // behind what may still wait
		synctest.Wait()
		h.late(1, 0)
		h.mu.Lock()
		h.answers["desk"] = []int{200}
		h.mu.Unlock()
		h.s.Registered("t", "102")
		h.want("desk: 101 gone", "desk: 101 gone")
	})
}

func TestBoxes(t *testing.T) {
	bubble(t, func(h *house) {
		for i := range MaxShare {
			h.told(h.say("101", bob, fmt.Sprint(i)), "202 Accepted")
		}
		h.told(h.say("101", bob, "x"), "480 Too Many Messages Of Yours Wait")
		for i := range MaxShare {
			h.told(h.say("103", bob, fmt.Sprint(i)), "202 Accepted")
		}
		for i := range MaxWaiting - 2*MaxShare {
			h.told(h.say("102", bob, fmt.Sprint(i)), "202 Accepted")
		}
		h.told(h.say("102", bob, "x"), "480 Message Box Full")
		time.Sleep(MaxAge + sweepEvery)
		synctest.Wait()
		if h.kept() != 0 {
			t.Errorf("%d messages outlive their time", h.kept())
		}
		h.phone("102", "desk")
		h.want()
		if n := h.s.Stats(); n.Expired != MaxWaiting || n.Waiting != 0 {
			t.Errorf("%+v", n)
		}
	})
}
