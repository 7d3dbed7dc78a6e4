package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"santral/test/phone"
)

// The threats at the door, by their numbers in the table of threats: who may call, register and be
// known. Each source is an address of loopback that only one test uses.

// place gives an address of loopback that only one transport uses: what comes by one is not held against
// the others.
func place(transport string, n int) string {
	return fmt.Sprintf("127.0.%d.%d", 150+slices.Index(transports, transport), n)
}

// over tells a story over each of some transports.
func over(t *testing.T, list string, story func(t *testing.T, transport string)) {
	for transport := range strings.FieldsSeq(list) {
		t.Run(transport, func(t *testing.T) { story(t, transport) })
	}
}

func TestNobodyCallsWithoutProof(t *testing.T) { // 6
	x := phone.StartExchange(t, "--digest", "md5")
	b, browser := x.UDP(t, "").Agent("102").Register(), x.Wire(t, "wss", "").Agent("102").Register()
	over(t, "udp tcp tls wss", func(t *testing.T, transport string) { withoutProof(t, x, transport) })
	b.Quiet(500*time.Millisecond, "something at 102", phone.Anything)
	browser.Quiet(0, "something at 102's browser", phone.Anything)
}

func withoutProof(t *testing.T, x *phone.Exchange, transport string) {
	w := x.Wire(t, transport, place(transport, 1))
	count := 0
	for _, from := range []string{"101", "102", "999", "+15551234567"} {
		a := w.Agent(from)
		for _, method := range []string{"INVITE", "MESSAGE", "SUBSCRIBE", "REFER", "PUBLISH", "NOTIFY", "INFO", "UPDATE", "PRACK"} {
			d := a.Request(method, a.URI("102")).Set("Event", "presence").Set("Refer-To", "<sip:+15551234567@127.0.0.1>")
			switch method {
			case "INVITE":
				d.SDP(phone.Offer("127.0.3.1:40000")).Set("Replaces", "x@y;to-tag=1;from-tag=2")
			case "MESSAGE":
				d.Set("Content-Type", "text/plain").Body = "buy now"
			case "REFER":
				d.Set("Target-Dialog", "x@y;local-tag=1;remote-tag=2")
			}
			if from == "+15551234567" {
				d.Set("From", "<sip:"+from+"@elsewhere.example>;tag=1").Set("P-Asserted-Identity", "<sip:102@127.0.0.1>")
			}
			count++
			if m := a.Transact(d, 5*time.Second); m.Status() < 400 || m.Status() > 499 {
				t.Errorf("%s from %s: %.60q, want a 4xx", method, from, m.Text)
			}
		}
	}
	t.Logf("%d requests refused", count)
	a := w.Agent("101")
	m := a.Transact(a.Request("OPTIONS", a.URI("")), 5*time.Second)
	if m.Status() != 200 || !strings.Contains(m.Get("Allow"), "INVITE") || m.Get("Accept") == "" {
		t.Errorf("OPTIONS without credentials:\n%s", m.Text)
	}
}

func TestDigestTricks(t *testing.T) { // 7
	x := phone.StartExchange(t, "--digest", "md5")
	over(t, "udp tls wss", func(t *testing.T, transport string) { digestTricks(t, x, transport) })
}

func digestTricks(t *testing.T, x *phone.Exchange, transport string) {
	try := func(change func(*phone.Credentials), bend func(string) string) phone.Message {
		a := x.Wire(t, transport, place(transport, 2)).Agent("101")
		defer a.Close()
		d := a.Request("REGISTER", a.URI("")).Set("Expires", "60")
		m := a.Transact(d, 5*time.Second)
		c := a.Answer(phone.ChallengeOf(m, "MD5"), "REGISTER", a.URI(""), 1)
		if change != nil {
			change(&c)
		}
		value := c.String()
		if bend != nil {
			value = bend(value)
		}
		return a.Transact(d.Branch().Set("CSeq", "2 REGISTER").Set("Authorization", value), 5*time.Second)
	}
	if m := try(nil, nil); m.Status() != 200 {
		t.Fatalf("right credentials: %.300q", m.Text)
	}
	without := func(part string) func(string) string {
		return func(s string) string {
			var kept []string
			for p := range strings.SplitSeq(strings.TrimPrefix(s, "Digest "), ", ") {
				if !strings.HasPrefix(p, part+"=") {
					kept = append(kept, p)
				}
			}
			return "Digest " + strings.Join(kept, ", ")
		}
	}
	for name, v := range map[string]struct {
		change func(*phone.Credentials)
		bend   func(string) string
	}{
		"wrong password":                 {change: func(c *phone.Credentials) { c.Password = "wrong" }},
		"realm of others":                {change: func(c *phone.Credentials) { c.Realm = "elsewhere.example" }},
		"uri of others":                  {change: func(c *phone.Credentials) { c.URI = "sip:elsewhere.example" }},
		"uri of another number":          {change: func(c *phone.Credentials) { c.URI = "sip:102@" + x.SIP }},
		"uri empty":                      {change: func(c *phone.Credentials) { c.URI = "" }},
		"another method":                 {change: func(c *phone.Credentials) { c.Method = "INVITE" }},
		"algorithm that was not offered": {change: func(c *phone.Credentials) { c.Algorithm = "SHA-256" }},
		"algorithm of nobody":            {bend: func(s string) string { return strings.Replace(s, "algorithm=MD5", "algorithm=NONE", 1) }},
		"algorithm MD5-sess":             {bend: func(s string) string { return strings.Replace(s, "algorithm=MD5", "algorithm=MD5-sess", 1) }},
		"nonce invented":                 {change: func(c *phone.Credentials) { c.Nonce = "0123456789abcdef0123456789abcdef" }},
		"nonce altered":                  {change: func(c *phone.Credentials) { c.Nonce = flip(c.Nonce) }},
		"nonce cut":                      {change: func(c *phone.Credentials) { c.Nonce = c.Nonce[:len(c.Nonce)/2] }},
		"nonce empty":                    {change: func(c *phone.Credentials) { c.Nonce = "" }},
		"response empty":                 {bend: func(s string) string { return strings.Replace(s, field(s, "response"), `response=""`, 1) }},
		"response missing":               {bend: without("response")},
		"response of zeros":              {change: func(c *phone.Credentials) { c.Response = strings.Repeat("0", 32) }},
		"response cut": {bend: func(s string) string {
			return strings.Replace(s, field(s, "response"), field(s, "response")[:20]+`"`, 1)
		}},
		"qop left out":                   {change: func(c *phone.Credentials) { c.Qop = "" }},
		"qop auth-int":                   {change: func(c *phone.Credentials) { c.Qop = "auth-int" }},
		"nc missing":                     {bend: without("nc")},
		"nc zero":                        {change: func(c *phone.Credentials) { c.NC = "00000000" }},
		"cnonce missing":                 {bend: without("cnonce")},
		"user missing":                   {bend: without("username")},
		"user of nobody, empty password": {change: func(c *phone.Credentials) { c.User, c.Password = "nobody", "" }},
		"user by quotes":                 {change: func(c *phone.Credentials) { c.User = `101\" or \"1\"=\"1` }},
		"another scheme":                 {bend: func(string) string { return "Basic MTAxOmNvcnJlY3QtaG9yc2U=" }},
		"twice, a wrong one before right": {bend: func(s string) string {
			return strings.Replace(s, "Digest ", `Digest response="00000000000000000000000000000000", `, 1)
		}},
	} {
		m := try(v.change, v.bend)
		if m.Status() < 400 || m.Status() > 499 {
			t.Errorf("%s: %.60q", name, m.Text)
		}
		if strings.HasPrefix(name, "nonce ") && m.Status() != 401 && m.Status() != 403 {
			t.Errorf("%s: %s, want 401 or 403", name, m.Line())
		}
	}
}

func flip(s string) string {
	b := []byte(s)
	i := len(b) / 3
	if b[i]++; b[i] > 'z' || b[i] == '"' {
		b[i] = 'b'
	}
	return string(b)
}

// field gives `name="value"` out of credentials.
func field(s, name string) string {
	_, rest, _ := strings.Cut(s, name+`="`)
	value, _, _ := strings.Cut(rest, `"`)
	return name + `="` + value + `"`
}

func TestReplay(t *testing.T) { // 8
	x := phone.StartExchange(t, "--digest", "md5")
	over(t, "udp tls wss", func(t *testing.T, transport string) { replay(t, x, transport) })
}

func replay(t *testing.T, x *phone.Exchange, transport string) {
	a, other := x.Wire(t, transport, place(transport, 3)).Agent("101"), x.Wire(t, transport, place(transport, 4)).Agent("101")
	ask := func(a *phone.Agent, cseq int, auth string) phone.Message {
		d := a.Request("REGISTER", a.URI("")).Set("Expires", "60").Set("CSeq", fmt.Sprint(cseq, " REGISTER"))
		if auth != "" {
			d.Set("Authorization", auth)
		}
		return a.Transact(d, 5*time.Second)
	}
	c := phone.ChallengeOf(ask(a, 1, ""), "MD5")
	first := a.Answer(c, "REGISTER", a.URI(""), 1).String()
	if m := ask(a, 2, first); m.Status() != 200 {
		t.Fatalf("the first: %.300q", m.Text)
	}
	if m := ask(a, 3, first); m.Status() != 401 {
		t.Errorf("nc=1 again: %s, want 401", m.Line())
	}
	if m := ask(other, 4, first); m.Status() < 400 {
		t.Errorf("nc=1 from another source: %s", m.Line())
	}
	if m := ask(other, 5, a.Answer(c, "REGISTER", a.URI(""), 2).String()); m.Status() < 400 {
		t.Errorf("nc=2 from another source: %s", m.Line())
	}
	m := ask(a, 6, a.Answer(c, "REGISTER", a.URI(""), 2).String())
	if stale := m.Status() == 401 && strings.Contains(strings.ToLower(m.Get("WWW-Authenticate")), "stale=true"); m.Status() != 200 && !stale {
		t.Errorf("nc=2: %.300q, want 200 or a stale nonce", m.Text)
	}
	nonces := map[string]bool{}
	for i := range 30 {
		nonces[phone.ChallengeOf(ask(a, 10+i, ""), "MD5")["nonce"]] = true
	}
	if len(nonces) != 30 {
		t.Errorf("%d nonces in 30 challenges", len(nonces))
	}
}

func TestStrongDigestFirst(t *testing.T) { // 9
	x := phone.StartExchange(t)
	over(t, "udp tcp tls ws wss", func(t *testing.T, transport string) {
		a := x.Wire(t, transport, place(transport, 8)).Agent("101")
		m := a.Transact(a.Request("REGISTER", a.URI("")), 5*time.Second)
		list := phone.Challenges(m)
		if len(list) != 2 || list[0]["algorithm"] != "SHA-256" || list[1]["algorithm"] != "MD5" || list[0]["qop"] != "auth" {
			t.Fatalf("challenges %v", list)
		}
		for i, algorithm := range []string{"SHA-256", "MD5"} { // from elsewhere: who left a challenge alone gets MD5 the next time
			a := x.Wire(t, transport, place(transport, 9+i)).Agent("101")
			d := a.Request("REGISTER", a.URI(""))
			m := a.Transact(d, 5*time.Second)
			auth := a.Answer(phone.ChallengeOf(m, algorithm), "REGISTER", a.URI(""), 1).String()
			if m = a.Transact(d.Branch().Set("CSeq", "2 REGISTER").Set("Authorization", auth), 5*time.Second); m.Status() != 200 {
				t.Errorf("%s: %.300q", algorithm, m.Text)
			}
		}
	})
}

func TestUsersCannotBeEnumerated(t *testing.T) { // 10
	x := phone.StartExchange(t, "--tenant", phone.File(t, "tenant.yaml", `tenant: sample
domains: [santral.local, 127.0.0.1, localhost]
default: true
extensions:
  - {number: "102", password: correct-horse}
  - {number: "103", password: correct-horse}
trunks: [{name: branch, mode: registered, user: branch, password: correct-horse, numbers: [500-519]}]
`))
	over(t, "udp tls wss", func(t *testing.T, transport string) { enumeration(t, x, transport) })
}

func enumeration(t *testing.T, x *phone.Exchange, transport string) {
	pairs := 30
	if transport != "udp" { // each probe is a connection of its own
		pairs = 12
	}
	wrong := func(a *phone.Agent, d *phone.Draft) phone.Message {
		f := strings.Fields(d.Line)
		m := a.Transact(d, 5*time.Second)
		c := phone.ChallengeOf(m, "MD5")
		if c == nil {
			return m
		}
		auth := a.Answer(c, f[0], f[1], 1)
		auth.Password = "wrong"
		return a.Transact(d.Branch().Set("CSeq", "2 "+f[0]).Set("Authorization", auth.String()), 5*time.Second)
	}
	probes := map[string]func(a *phone.Agent) phone.Message{
		"REGISTER": func(a *phone.Agent) phone.Message {
			return a.Transact(a.Request("REGISTER", a.URI("")), 5*time.Second)
		},
		"REGISTER, wrong password": func(a *phone.Agent) phone.Message { return wrong(a, a.Request("REGISTER", a.URI(""))) },
		"INVITE to": func(a *phone.Agent) phone.Message {
			return a.Transact(a.Request("INVITE", a.URI(a.User)).Set("From", "<sip:x@y>;tag=1"), 5*time.Second)
		},
		"INVITE from, wrong password": func(a *phone.Agent) phone.Message { return wrong(a, a.Request("INVITE", a.URI("102"))) },
		"OPTIONS": func(a *phone.Agent) phone.Message {
			return a.Transact(a.Request("OPTIONS", a.URI(a.User)), 5*time.Second)
		},
		"SUBSCRIBE": func(a *phone.Agent) phone.Message {
			return a.Transact(a.Request("SUBSCRIBE", a.URI(a.User)).Set("Event", "presence"), 5*time.Second)
		},
		"SUBSCRIBE, wrong password": func(a *phone.Agent) phone.Message {
			return wrong(a, a.Request("SUBSCRIBE", a.URI(a.User)).Set("Event", "presence"))
		},
		"MESSAGE to": func(a *phone.Agent) phone.Message {
			return a.Transact(a.Request("MESSAGE", a.URI(a.User)), 5*time.Second)
		},
		"MESSAGE, wrong password": func(a *phone.Agent) phone.Message { return wrong(a, a.Request("MESSAGE", a.URI("102"))) },
		"PUBLISH, wrong password": func(a *phone.Agent) phone.Message {
			return wrong(a, a.Request("PUBLISH", a.URI(a.User)).Set("Event", "presence"))
		},
		"REFER": func(a *phone.Agent) phone.Message {
			return a.Transact(a.Request("REFER", a.URI(a.User)).Set("Refer-To", "<"+a.URI("102")+">"), 5*time.Second)
		},
	}
	compare := func(name string, users [2]string, probe func(*phone.Agent) phone.Message) (differ string) {
		var took [2][]time.Duration
		var seen [2]string
		probed++
		for i := range pairs {
			for side, user := range users {
				a := x.Wire(t, transport, fmt.Sprintf("127.%d.%d.%d", 1+side, probed, i+1)).Agent(user)
				began := time.Now()
				m := probe(a)
				took[side] = append(took[side], time.Since(began))
				seen[side] = fmt.Sprint(m.Line(), m.Names())
				a.Close()
			}
			if seen[0] != seen[1] {
				t.Errorf("%s: %s for %s, %s for %s", name, seen[0], users[0], seen[1], users[1])
				return ""
			}
		}
		slices.Sort(took[0])
		slices.Sort(took[1])
		known, unknown := took[0][len(took[0])/2], took[1][len(took[1])/2]
		if d := (known - unknown).Abs(); d > 1500*time.Microsecond && d > max(known, unknown)/4 {
			return fmt.Sprintf("%s: %v for %s, %v for %s", name, known, users[0], unknown, users[1])
		}
		return ""
	}
	for name, probe := range probes {
		all := [][2]string{{"103", "903"}}
		if strings.Contains(name, "wrong") { // and the name that a PBX registers by
			all = append(all, [2]string{"branch", "brunch"})
		}
		for _, users := range all {
			differ := ""
			for range 3 { // a machine that is busy with other things tells times that mean nothing
				if differ = compare(name, users, probe); differ == "" {
					break
				}
			}
			if differ != "" {
				t.Error(differ)
			}
		}
	}
}

// probed counts what was compared: each has addresses of its own.
var probed int

func TestGuessingPasswords(t *testing.T) { // 11
	x := phone.StartExchange(t, "--digest", "md5")
	guess := func(a *phone.Agent, limit time.Duration) phone.Message {
		d := a.Request("REGISTER", a.URI(""))
		c := phone.Challenge{"algorithm": "MD5", "realm": x.Realm, "nonce": "guessed"}
		auth := a.Answer(c, "REGISTER", a.URI(""), 1)
		auth.Password = "wrong"
		d.Set("Authorization", auth.String())
		a.Send(d.String())
		m, _ := a.Take(limit, phone.Responses(d.Get("Call-ID"), d.Get("CSeq"), 200))
		return m
	}
	w := x.UDP(t, "127.0.3.5")
	var wait sync.WaitGroup
	for range 20 { // ten tries each, so that the slow answers are awaited side by side
		wait.Go(func() {
			for range 10 {
				guess(w.Agent("101"), 1500*time.Millisecond)
			}
		})
	}
	slowest := time.Duration(0)
	for range 3 {
		began := time.Now()
		x.UDP(t, "127.0.3.5").Agent("101").Register() // the owner, from behind the same address
		slowest = max(slowest, time.Since(began))
	}
	wait.Wait()
	if slowest > 2*time.Second {
		t.Errorf("the owner's registration took %v meanwhile", slowest)
	}
	began := time.Now()
	if m := guess(w.Agent("101"), 2*time.Second); m.Status() != 0 && time.Since(began) < 400*time.Millisecond {
		t.Errorf("after 200 wrong tries one more was answered after %v: %s", time.Since(began), m.Line())
	}
	for i := range 60 {
		a := x.UDP(t, fmt.Sprintf("127.0.5.%d", i+1)).Agent("102")
		for range 5 {
			guess(a, time.Second)
		}
	}
	began = time.Now()
	x.UDP(t, "127.0.3.6").Agent("102").Register()
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("after 60 sources guessed, the owner's registration took %v", took)
	}
}

// TestGuessingOverConnections: over a connection whoever guesses can have a new port for every guess, so his
// address is shut out. An owner elsewhere does not notice, nor one who has proved himself from there before.
func TestGuessingOverConnections(t *testing.T) { // 11
	x := phone.StartExchange(t, "--digest", "md5")
	bans := func(host string) (n int) {
		var page struct{ Items []struct{ Source string } }
		x.Get("/api/v1/bans", &page)
		for _, b := range page.Items {
			if b.Source == host {
				n++
			}
		}
		return n
	}
	guess := func(t *testing.T, transport, host string) {
		t.Helper()
		var list []*phone.Agent
		for range 60 {
			list = append(list, x.Wire(t, transport, host).Agent("101"))
		}
		for range 9 {
			for _, a := range list {
				d := a.Request("REGISTER", a.URI(""))
				auth := a.Answer(phone.Challenge{"algorithm": "MD5", "realm": x.Realm, "nonce": "guessed"}, "REGISTER", a.URI(""), 1)
				auth.Password = "wrong"
				a.Send(d.Set("Authorization", auth.String()).String())
			}
		}
		began := time.Now()
		x.Wire(t, transport, place(transport, 12)).Agent("101").Register() // the owner, elsewhere
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("the owner's registration took %v meanwhile", took)
		}
	}
	over(t, "tls ws wss", func(t *testing.T, transport string) {
		stranger, shared := place(transport, 11), place(transport, 13)
		guess(t, transport, stranger)
		phone.Eventually(t, 10*time.Second, "the stranger's address is banned", func() bool { return bans(stranger) == 1 })
		if x.Admits(t, transport, stranger) {
			t.Error("a banned address opens a connection")
		}
		if !x.Admits(t, transport, place(transport, 12)) {
			t.Error("another address does not")
		}
		owner := x.Wire(t, transport, shared).Agent("102").Register()
		guess(t, transport, shared) // a neighbour behind the same address
		owner.Register()
		began := time.Now()
		x.Wire(t, transport, shared).Agent("102").Register()
		if took := time.Since(began); took > 2*time.Second || bans(shared) != 0 {
			t.Errorf("the owner next to it registers within %v, %d bans", took, bans(shared))
		}
		req, _ := http.NewRequest("DELETE", x.HTTP+"/api/v1/bans/"+stranger, nil)
		req.Header.Set("Authorization", "Bearer "+x.Token)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if !x.Admits(t, transport, stranger) {
			t.Errorf("after the ban was lifted (%s) the address is not served", res.Status)
		}
	})
}

func TestHijackAndSpoofedIdentity(t *testing.T) { // 12 and 13
	x := phone.StartExchange(t, "--digest", "md5")
	over(t, "udp tls wss", func(t *testing.T, transport string) { hijack(t, x, transport) })
}

func hijack(t *testing.T, x *phone.Exchange, transport string) {
	b := device(t, x, transport, "102")
	a := x.Wire(t, transport, place(transport, 7)).Agent("101")
	for name, change := range map[string]func(*phone.Draft){
		"To 102":          func(d *phone.Draft) { d.Set("To", "<"+a.URI("102")+">") },
		"To and From 102": func(d *phone.Draft) { d.Set("To", "<"+a.URI("102")+">").Set("From", "<"+a.URI("102")+">;tag=1") },
		"remove 102":      func(d *phone.Draft) { d.Set("To", "<"+a.URI("102")+">").Set("Contact", "*").Set("Expires", "0") },
		"To %31%30%32":    func(d *phone.Draft) { d.Set("To", "<"+a.URI("%31%30%32")+">") },
	} {
		d := a.Request("REGISTER", a.URI(""))
		change(d)
		if m := a.Ask(d); m.Status() != 403 {
			t.Errorf("%s with 101's credentials: %.80q, want 403", name, m.Text)
		}
	}
	query := func() []string { return b.Ask(b.Request("REGISTER", b.URI("")).Del("Contact")).All("Contact") }
	if list := query(); len(list) != 1 || !strings.Contains(list[0], strings.Trim(b.Contact(), "<>")) {
		t.Errorf("102's bindings are %v", list)
	}

	call := a.Dial("102", phone.Offer("127.0.3.7:40000"), func(d *phone.Draft) {
		d.Set("From", `"Spoof Boss" <sip:spoof@evil.example>;tag=77`).Set("P-Asserted-Identity", `"Spoof" <sip:spoof@evil.example>`).
			Set("P-Preferred-Identity", "<sip:spoof@evil.example>").Set("Remote-Party-ID", "<sip:spoof@evil.example>;party=calling").
			Set("Diversion", "<sip:spoof@evil.example>").Set("History-Info", "<sip:spoof@evil.example>;index=1").Set("X-Spoof", "spoof").Set("Subject", "spoof")
	})
	ring := b.Ring()
	if text := ring.Incoming.Text; strings.Contains(strings.ToLower(text), "spoof") || strings.Contains(text, "evil") {
		t.Errorf("102 sees what the caller says of itself:\n%s", text)
	}
	if from := ring.Incoming.Get("From"); !strings.Contains(from, "sip:101@") {
		t.Errorf("102 sees From %s", from)
	}
	if pai := ring.Incoming.All("P-Asserted-Identity"); len(pai) != 1 || !strings.Contains(pai[0], "sip:101@") {
		t.Errorf("102 sees P-Asserted-Identity %v", pai)
	}
	if ring.Incoming.Get("Authorization") != "" {
		t.Error("102 sees the caller's credentials")
	}
	// The callee asks for credentials: nobody gives it any.
	ring.Send(ring.Reply(407, "Proxy Authentication Required", "").Add("Proxy-Authenticate", `Digest realm="santral.local", nonce="evil", algorithm=MD5, qop="auth"`).
		Add("WWW-Authenticate", `Digest realm="santral.local", nonce="evil", algorithm=MD5, qop="auth"`).String())
	refused := call.Want(5*time.Second, "refusal", phone.Responses(call.ID, call.Invite.Get("CSeq"), 300))
	if refused.Get("Proxy-Authenticate") != "" || refused.Get("WWW-Authenticate") != "" || refused.Status() == 401 || refused.Status() == 407 {
		t.Errorf("the callee's challenge reaches the caller:\n%s", refused.Text)
	}
	b.Quiet(700*time.Millisecond, "credentials at 102", func(m phone.Message) bool { return strings.Contains(m.Text, "uthorization") })
}

func TestFanOut(t *testing.T) { // 21
	x := phone.StartExchange(t, "--digest", "md5")
	a := x.UDP(t, "").Agent("101")
	var contacts []string
	for i := range 64 {
		contacts = append(contacts, fmt.Sprintf("<sip:%d@127.0.6.1:%d>", i, 20000+i))
	}
	one := a.Request("REGISTER", a.URI("")).Set("Contact", strings.Join(contacts, ", "))
	m := a.Ask(one)
	several := a.Request("REGISTER", a.URI("")).Del("Contact").Set("CSeq", "10 REGISTER")
	for _, c := range contacts {
		several.Add("Contact", c)
	}
	m2 := a.Ask(several)
	left := a.Ask(a.Request("REGISTER", a.URI("")).Del("Contact").Set("CSeq", "20 REGISTER"))
	bindings := strings.Count(strings.Join(left.All("Contact"), ","), "<sip:")
	t.Logf("64 contacts in one field: %s, in fields of their own: %s; %d bindings", m.Line(), m2.Line(), bindings)
	if left.Status() != 200 || bindings > 20 {
		t.Errorf("%s, %d bindings, want at most 20", left.Line(), bindings)
	}
	if m := a.Ask(a.Request("REFER", a.URI("102")).Set("Refer-To", "<sip:102@127.0.0.1>")); m.Status() != 403 {
		t.Errorf("REFER of nobody's call: %.300q", m.Text) // nobody is called for somebody who has no call
	}
	if m := a.Ask(a.Request("SUBSCRIBE", a.URI("102")).Set("Event", "refer")); m.Status() != 489 || m.Get("Allow-Events") == "" {
		t.Errorf("SUBSCRIBE: %.300q", m.Text)
	}
}
