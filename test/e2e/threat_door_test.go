package e2e

import (
	"fmt"
	"slices"
	"strings"
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

// flip changes one letter of a token into another that may stand in its place.
func flip(s string) string {
	b := []byte(s)
	i := len(b) / 3
	if b[i] == 'b' {
		b[i] = 'c'
	} else {
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
