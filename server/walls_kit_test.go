package server

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"santral/api/rest"
	"santral/media/player"
	"santral/service/alarm"
	"santral/store"
)

// marker stands in everything that is the neighbour's and that nobody else may see.
const marker = "zarafe"

// Two customers of one exchange, who use the same words and numbers for what is theirs.
const (
	ours   = "alfa"
	theirs = "bravo"
)

// household is a tenant's document with something of every list. %[1]s is its id, %[2]s its word, %[3]s the last digit of
// what the whole exchange has but once, %[4]s what stands besides.
const household = `tenant: %[1]s
name: %[2]s company
domains: [%[2]s.example]
%[4]s
country: ir
area: "21"
class: staff
record: all
zone: Asia/Tehran
rooms: 8000-8099
extensions:
  - {number: "100", name: "%[2]s one", password: a long secret, channels: 9, site: hq, department: office, pickup: all}
  - {number: "101", name: "%[2]s two", password: a long secret, channels: 9, site: annex, pickup: all}
  - {number: "102", name: "%[2]s three", password: a long secret, channels: 9}
  - {number: "109", name: "%[2]s four", password: "%[2]s-long-secret"}
lines:
  - {number: "0212200000%[3]s", name: "%[2]s line", password: a long secret}
sites:
  - {site: hq, name: "%[2]s house", code: "7", address: {country: IR, city: "%[2]s"}}
  - {site: annex, name: "%[2]s annex", code: "8"}
departments:
  - {department: office, name: "%[2]s office", site: hq}
groups:
  - {group: front, name: "%[2]s desk", number: "200", members: ["100", "101"], ring: all, whole: 20, overflow: refuse:busy}
users:
  - {user: boss, name: "%[2]s boss", mail: boss@%[2]s.example, role: admin}
  - {user: clerk, name: "%[2]s clerk", role: user, account: "100"}
buildings:
  - {building: tower, name: "%[2]s tower", site: hq, blocks: [North]}
units:
  - {unit: u1, building: tower, block: North, floor: "2", door: "12", accounts: ["102"], residents: [{name: "%[2]s resident", mobile: "0912123456%[3]s"}]}
devices:
  - {device: 001565a1b2c%[3]s, name: "%[2]s set", model: Yealink T46U, accounts: ["100"], site: hq, note: "%[2]s"}
numbers:
  - {number: "0213300000%[3]s", name: "%[2]s number", to: "101", trunk: one}
classes:
  - {class: staff, name: "%[2]s staff", permits: {internal: allow, local: allow, national: allow, mobile: allow}}
schedules:
  - {schedule: office, name: "%[2]s hours", spans: [{days: [sat-wed], from: "08:00", to: "17:00"}]}
calendars:
  - {calendar: ours, name: "%[2]s calendar", base: ir, holidays: [{name: "%[2]s day", first: 5 azar}]}
pools:
  - {pool: shared, channels: 30, reserved: 10}
trunks:
  - {name: one, mode: static, to: 198.51.100.%[3]s, addresses: [198.51.100.%[3]s], channels: 20, pool: shared, user: "%[2]s", password: "%[2]s-long-secret"}
routes:
  - {prefix: "0", name: by-day, trunks: [one]}
lists:
  - {name: blf, title: "%[2]s lamps", numbers: ["100", "101"]}
music:
  - {name: default, play: none}
webhooks:
  - {webhook: crm, url: "https://%[2]s.example/hook", secret: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwT1f2UcVQ7rE=, off: true}
reports:
  - {report: daily, name: "%[2]s daily", kind: departments, every: day, at: "07:30", to: [boss@%[2]s.example], format: csv, language: fa}
`

// ourHouse and theirHouse are the two documents. Theirs is the default tenant's, whom whoever says no domain is for.
var (
	ourHouse   = fmt.Sprintf(household, ours, "ahu", "1", "")
	theirHouse = fmt.Sprintf(household, theirs, marker, "2", "default: true")
)

// walls is an exchange with the two customers, and its HTTP side.
type walls struct {
	*stage
	web  http.Handler
	slow map[string]string            // a token that is none any more → where it is sent from, since those are counted by address
	ids  map[string]map[string]string // tenant → name in a path or a query → what is there of the tenant's
}

// answer is what came of a request.
type answer struct {
	status int
	kind   string
	text   string
	cookie string
}

// signedIn begins what stands in place of a token for who has a session: its cookie follows.
const signedIn = "session "

// ask sends a request and gives what came of it. What goes on without an end is left after a moment.
func (h *walls) ask(token, method, path, kind, body string) answer {
	h.Helper()
	ctx, stop := context.WithTimeout(h.ctx, 200*time.Millisecond)
	if !strings.HasPrefix(path, "/api/v1/events") {
		stop()
		ctx, stop = context.WithTimeout(h.ctx, time.Minute)
	}
	defer stop()
	r := httptest.NewRequestWithContext(ctx, method, path, strings.NewReader(body))
	r.RemoteAddr, r.TLS = "203.0.113.9:40000", new(tls.ConnectionState)
	from, slow := h.slow[token]
	if slow {
		r.RemoteAddr = from
	}
	if cookie, signedIn := strings.CutPrefix(token, signedIn); signedIn {
		r.Header.Set("Cookie", cookie)
		r.Header.Set("X-Santral", "1")
	} else if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	if body == "" {
		r.Body, r.ContentLength = http.NoBody, 0
	}
	if method != http.MethodGet {
		r.Header.Set("If-Match", "*")
	}
	w := httptest.NewRecorder()
	h.web.ServeHTTP(w, r)
	pause := 6 * time.Millisecond // as often as one may ask
	if slow {
		pause = 55 * time.Millisecond
	}
	h.wait(pause)
	return answer{w.Code, w.Header().Get("Content-Type"), w.Body.String() + fmt.Sprint(w.Header()), strings.SplitN(w.Header().Get("Set-Cookie"), ";", 2)[0]}
}

// root does something that must be done.
func (h *walls) root(method, path, body string) answer {
	h.Helper()
	kind := "application/json"
	if strings.HasSuffix(path, "/sound") {
		kind = "application/octet-stream"
	}
	a := h.ask(h.x.token, method, path, kind, body)
	if a.status >= 300 {
		h.Fatalf("%s %s: %d %.400s", method, path, a.status, a.text)
	}
	return a
}

// token makes a token and gives its id and what is sent.
func (h *walls) token(body string) (id, text string) {
	h.Helper()
	var made struct{ ID, Token string }
	h.must(json.NewDecoder(strings.NewReader(h.root("POST", "/api/v1/tokens", body).text)).Decode(&made))
	return made.ID, made.Token
}

// withWalls plays a scene with the two customers; the neighbours talk, have talked, and one of them waits in a room.
func withWalls(t *testing.T, scene func(h *walls)) {
	virtually(t, func(w *stage) {
		h := &walls{stage: w, ids: map[string]map[string]string{}, slow: map[string]string{}}
		w.must(w.x.openHooks())
		w.must(w.x.keepRecords())
		h.web = rest.Handler(w.x.guarded(w.x.api()))
		h.furnish()
		scene(h)
	}, Text{File: "a.yaml", Text: []byte(ourHouse)}, Text{File: "b.yaml", Text: []byte(theirHouse)})
}

// furnish gives the neighbours something of everything, and us what is needed to be asked for.
func (h *walls) furnish() {
	h.Helper()
	w := h.stage
	a, b, c := w.extension("100", "192.0.2.11"), w.extension("101", "192.0.2.12"), w.extension("102", "192.0.2.13")
	from, to := w.talk(a, b, "101")
	from.Hangup()
	w.ended(from, to)
	done := w.last()
	from, to = w.talk(a, b, "101")
	room := w.calls(c, "8000")
	w.wait(2 * time.Second)
	w.Cleanup(func() { _, _, _ = from, to, room })

	var rows []store.Recording
	for range 50 {
		var err error
		rows, _, err = w.x.records.Recordings(w.ctx, store.RecordingFilter{}, "", 10)
		w.must(err)
		if len(rows) > 0 {
			break
		}
		w.wait(100 * time.Millisecond)
	}
	if len(rows) == 0 {
		w.Fatal("nothing was recorded")
	}
	live := ""
	for _, c := range w.x.liveCalls() {
		if c.To == "101" {
			live = c.Call
		}
	}
	x := make([]int16, 16000)
	for i := range x {
		x[i] = int16(6000 - 12000*(i/20%2))
	}
	sound := string(player.New(x, 16000).WAV())
	for tenantID, word := range map[string]string{ours: "ahu", theirs: marker} {
		h.root("PUT", "/api/v1/mailboxes/"+tenantID+"/100", `{"new":4711}`)
		h.root("PUT", "/api/v1/prompts/"+tenantID+"/en/own.hello/sound", sound)
		h.root("PATCH", "/api/v1/tenants/"+tenantID+"/extensions/102", `{"name":"`+word+` changed"}`)
		h.root("PUT", "/api/v1/logins/"+tenantID+"/boss/password", `{"password":"`+word+` is a long one 47","keep":true}`)
		h.root("POST", "/api/v1/session", `{"tenant":"`+tenantID+`","user":"boss","password":"`+word+` is a long one 47"}`)
		w.must(w.x.records.db.PutFilter(w.ctx, store.SavedFilter{Tenant: tenantID, Name: "kept", Filter: store.CDRFilter{Tenant: tenantID, Number: word}}))
		_, err := w.x.records.db.AddDeliveries(w.ctx, []store.Delivery{{
			Tenant: tenantID, Webhook: "crm", Event: word + "-1", Type: "call.ended", Body: `{"type":"call.ended","data":{"name":"` + word + `"}}`, Made: time.Now(), Since: time.Now(),
		}})
		w.must(err)
		w.must(w.x.records.db.PutLink(w.ctx, store.Link{Hash: [32]byte{word[0]}, Tenant: tenantID, Account: "100", Made: time.Now(), Until: time.Now().Add(time.Hour)}))
		w.x.alarms.Raise(alarm.WebhookGivenUp, tenantID, "crm", word)
		token, _ := h.token(`{"name":"` + word + ` program","role":"admin","tenant":"` + tenantID + `"}`)
		digit := map[string]string{ours: "1", theirs: "2"}[tenantID]
		h.ids[tenantID] = map[string]string{
			"tenant": tenantID, "account": "100", "user": "boss", "webhook": "crm", "trunk": "one", "unit": "u1", "language": "en", "prompt": "own.hello",
			"list": "extensions", "kind": "calls", "source": "198.51.100.0%2f24", "token": token,
			"line": "0212200000" + digit, "device": "001565a1b2c" + digit, "public": "0213300000" + digit,
		}
	}
	mine := h.ids[theirs]
	mine["call"], mine["recording"], mine["cdr"] = live, rows[0].Name, done.Call
	for name, value := range map[string]string{"call": "00000000000000000000000000", "recording": "none", "cdr": "none"} {
		h.ids[ours][name] = value
	}
	for tenantID, ids := range h.ids {
		ids["session"] = first(h, "/api/v1/sessions?tenant="+tenantID, "id")
		ids["alarm"] = first(h, "/api/v1/alarms?tenant="+tenantID, "id")
		ids["delivery"] = first(h, "/api/v1/tenants/"+tenantID+"/webhooks/crm/deliveries", "delivery")
		ids["revision"] = first(h, "/api/v1/revisions?tenant="+tenantID, "revision")
	}
}

// first gives a member of the first entry of a list.
func first(h *walls, path, member string) string {
	h.Helper()
	var page struct{ Items []map[string]any }
	h.must(json.NewDecoder(strings.NewReader(h.root("GET", path, "").text)).Decode(&page))
	if len(page.Items) == 0 {
		h.Fatalf("%s is empty", path)
	}
	if n, ok := page.Items[0][member].(float64); ok {
		return strconv.FormatFloat(n, 'f', -1, 64)
	}
	return fmt.Sprint(page.Items[0][member])
}

// fill puts what is a tenant's into the path of an operation.
func (h *walls) fill(path, tenantID string) string {
	ids := h.ids[tenantID]
	parts := strings.Split(path, "/")
	for i, part := range parts {
		name := strings.Trim(part, "{}")
		if name == part || i == 0 {
			continue
		}
		value, ok := ids[name]
		switch before := parts[i-1]; {
		case name == "key":
			value = map[string]string{
				"extensions": "100", "lines": ids["line"], "sites": "hq", "departments": "office", "groups": "front", "users": "boss", "buildings": "tower", "units": "u1",
				"devices": ids["device"], "numbers": ids["public"], "classes": "staff", "schedules": "office", "calendars": "ours", "pools": "shared", "trunks": "one",
				"routes": "by-day", "lists": "blf", "music": "default", "webhooks": "crm", "reports": "daily", "blocks": "1", "brands": "1", "carriers": "1",
			}[before]
		case name == "number":
			value = map[string]string{"accounts": "100", "lines": ids["line"], "rooms": "8000", "revisions": ids["revision"]}[before]
		case name == "name":
			value = map[string]string{"recordings": ids["recording"], "cdr-filters": "kept"}[before]
		case name == "call" && before == "cdrs":
			value = ids["cdr"]
		case before == "p":
			value = "00000000000000000000000000000000"
		case !ok:
			value = ""
		}
		if value == "" {
			h.Fatalf("nothing is known to stand at %s of %s: say it in fill", part, path)
		}
		parts[i] = value
	}
	return strings.Join(parts, "/")
}

// operation is one of the API, as its description has it.
type operation struct {
	method, path string
	query        []string
	body         map[string]any // its schema; nil for none
	kind         string         // of its body
}

// described gives all operations, in an order that takes things away last.
func (h *walls) described() []operation {
	h.Helper()
	var d map[string]any
	h.must(json.NewDecoder(strings.NewReader(h.root("GET", "/openapi.json", "").text)).Decode(&d))
	var find func(v any) map[string]any
	find = func(v any) map[string]any {
		m, _ := v.(map[string]any)
		ref, ok := m["$ref"].(string)
		if !ok {
			return m
		}
		var at any = d
		for _, part := range strings.Split(strings.TrimPrefix(ref, "#/"), "/") {
			at = at.(map[string]any)[part]
		}
		return find(at)
	}
	var list []operation
	for path, item := range d["paths"].(map[string]any) {
		for method, described := range item.(map[string]any) {
			o := operation{method: strings.ToUpper(method), path: path}
			about := find(described)
			params, _ := about["parameters"].([]any)
			for _, p := range params {
				if p := find(p); p["in"] == "query" {
					o.query = append(o.query, p["name"].(string))
				}
			}
			content, _ := find(about["requestBody"])["content"].(map[string]any)
			for kind, media := range content {
				if o.kind == "" || kind == "application/json" || o.kind != "application/json" && kind < o.kind {
					o.kind = kind
					o.body = whole(find, find(media)["schema"], 0)
				}
			}
			list = append(list, o)
		}
	}
	last := []string{"GET", "POST", "PUT", "PATCH", "DELETE"}
	slices.SortFunc(list, func(a, b operation) int {
		if d := slices.Index(last, a.method) - slices.Index(last, b.method); d != 0 {
			return d
		}
		return strings.Compare(a.path, b.path)
	})
	return list
}

// whole gives a schema with all that it refers to.
func whole(find func(any) map[string]any, schema any, deep int) map[string]any {
	s := find(schema)
	if s == nil || deep > 5 {
		return map[string]any{}
	}
	now := map[string]any{}
	for k, v := range s {
		now[k] = v
	}
	if props, ok := s["properties"].(map[string]any); ok {
		full := map[string]any{}
		for name, p := range props {
			full[name] = whole(find, p, deep+1)
		}
		now["properties"] = full
	}
	if items, ok := s["items"]; ok {
		now["items"] = whole(find, items, deep+1)
	}
	return now
}

// example makes a value of a schema that speaks of a tenant; wrong makes one of other types.
func (h *walls) example(name string, s map[string]any, tenantID string, wrong bool) any {
	kind, _ := s["type"].(string)
	if list, ok := s["type"].([]any); ok && len(list) > 0 {
		kind, _ = list[0].(string)
	}
	if props, ok := s["properties"].(map[string]any); ok {
		m := map[string]any{}
		for name, p := range props {
			m[name] = h.example(name, p.(map[string]any), tenantID, wrong)
		}
		return m
	}
	if wrong {
		if kind == "string" {
			return map[string]any{"x": []any{1}}
		}
		return "x"
	}
	if list, ok := s["enum"].([]any); ok && len(list) > 0 {
		return list[0]
	}
	ids := h.ids[tenantID]
	switch kind {
	case "array":
		items, _ := s["items"].(map[string]any)
		return []any{h.example(name, items, tenantID, wrong)}
	case "integer", "number":
		if least, ok := s["minimum"].(float64); ok {
			return least
		}
		return 1
	case "boolean":
		return true
	case "object":
		if name == "if" {
			return map[string]any{tenantID: 1}
		}
		return map[string]any{}
	case "string":
		switch {
		case s["format"] == "date-time":
			return "2030-01-01T00:00:00Z"
		case s["format"] == "date":
			return "2026-01-01"
		case name == "password":
			return "some long secret 47"
		case name == "text" && s["maxLength"] == nil:
			return map[string]string{ours: ourHouse, theirs: theirHouse}[tenantID]
		case name == "key", name == "from", name == "to", name == "number", name == "account":
			return "100"
		case name == "remove":
			return tenantID
		}
		if v, ok := ids[name]; ok {
			return v
		}
		return "x"
	}
	if name == "value" {
		return map[string]any{"number": "100", "name": "x"}
	}
	return "x"
}

// form gives the body that an operation wants, as a text.
func (h *walls) form(o operation, tenantID string, wrong bool) string {
	switch {
	case o.body == nil:
		return ""
	case o.kind != "application/json" && !strings.Contains(o.kind, "json"):
		if strings.Contains(o.kind, "csv") {
			return "number,name\n100,x\n"
		}
		return map[string]string{ours: ourHouse, theirs: theirHouse}[tenantID]
	}
	if strings.HasSuffix(o.path, "/{key}") && !wrong {
		for _, list := range []string{"lists", "music", "trunks", "routes", "carriers"} {
			if strings.Contains(o.path, "/"+list+"/") {
				return "{}" // there the name is the key, which the path says
			}
		}
		return `{"name":"x"}`
	}
	text, err := json.Marshal(h.example("", o.body, tenantID, wrong))
	h.must(err)
	return string(text)
}
