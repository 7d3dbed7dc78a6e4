package server

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// restless tells which paths are not asked for what does not change: what counts time, and what goes on.
func restless(path string) bool {
	if strings.HasSuffix(path, "/letter") || strings.HasPrefix(path, "/p/") {
		return true
	}
	return slices.ContainsFunc([]string{"calls", "events", "backup", "audit", "rooms", "sessions", "export", "alarms", "bans", "trunks"}, func(part string) bool {
		return strings.HasPrefix(path, "/api/v1/"+part)
	})
}

// standing is all that is a tenant's, as the operator sees it.
func (h *walls) standing(list []operation, tenantID string) map[string]string {
	h.Helper()
	all := map[string]string{}
	for _, o := range list {
		if o.method != "GET" || restless(o.path) || strings.HasPrefix(o.path, "/api/v1/operator") {
			continue
		}
		path := h.fill(o.path, tenantID)
		if slices.Contains(o.query, "tenant") {
			path += "?tenant=" + tenantID
		}
		a := h.ask(h.x.token, "GET", path, "", "")
		text, _, _ := strings.Cut(a.text, "map[")
		all[path] = fmt.Sprint(a.status, " ", text)
	}
	return all
}

// TestNothingOfANeighbourIsSeen: whoever is of one tenant asks every operation for what is another's, with every right and
// with none, and in every wrong way: nothing of it is told, nothing of it changes, and nothing breaks.
func TestNothingOfANeighbourIsSeen(t *testing.T) {
	withWalls(t, func(h *walls) {
		list := h.described()
		if len(list) < 250 {
			t.Fatalf("%d operations are described", len(list))
		}
		before := h.standing(list, theirs)
		told := 0
		for path, text := range before {
			if strings.HasPrefix(text, "200") && strings.Contains(strings.ToLower(text), marker) {
				told++
			} else if !strings.HasPrefix(text, "200") {
				t.Logf("even the operator is not told %s: %.200s", path, text)
			}
		}
		if told < 45 {
			t.Errorf("only %d answers have something of the neighbour's: the walk proves little", told)
		}

		who := map[string]string{"nobody": "", "who guesses": "guess"}
		for name, body := range map[string]string{
			"an administrator": `"role":"admin"`, "a manager of a site": `"role":"manager","site":"hq"`, "a reporter": `"role":"reporter"`, "a user": `"role":"user","account":"100"`,
			"who may see alarms alone": `"role":"admin","scopes":["alarms:read"]`, "whose time is over": `"role":"admin","expires":"` + time.Now().Add(time.Second).Format(time.RFC3339) + `"`,
		} {
			_, who[name] = h.token(`{"name":"walker","tenant":"` + ours + `",` + body + `}`)
		}
		id, text := h.token(`{"name":"walker","role":"admin","tenant":"` + ours + `"}`)
		h.root("DELETE", "/api/v1/tokens/"+id, "")
		who["who was turned out"] = text
		h.wait(2 * time.Second)
		who["an administrator who signed in"] = signedIn + h.root("POST", "/api/v1/session", `{"tenant":"`+ours+`","user":"boss","password":"ahu is a long one 47"}`).cookie

		strangers := []string{"nobody", "who guesses", "whose time is over", "who was turned out"}
		for i, name := range strangers {
			h.slow[who[name]] = fmt.Sprintf("203.0.113.%d:40000", 10+i)
		}
		statuses := map[string]map[int]int{}
		names := slices.Sorted(maps.Keys(who))
		asked := 0
		ask := func(name string, o operation, path, kind, body string) answer {
			a := h.ask(who[name], o.method, path, kind, body)
			asked++
			if statuses[name] == nil {
				statuses[name] = map[int]int{}
			}
			statuses[name][a.status]++
			said := strings.ToLower(path + body)
			about := fmt.Sprintf("%s: %s %s %.120q: %d %.600s", name, o.method, path, body, a.status, a.text)
			switch low := strings.ToLower(a.text); {
			case strings.Contains(low, marker) && !strings.Contains(said, marker):
				t.Errorf("something of the neighbour's is told to %s", about)
			case strings.Contains(low, theirs) && !strings.Contains(said, theirs) && !strings.Contains(path, "/audit"):
				t.Errorf("the neighbour is named to %s", about)
			case a.status == 429 && !strings.HasPrefix(o.path, "/api/v1/session"): // there it is guessing
				t.Fatalf("too much is asked at once by %s", about)
			case a.status >= 500:
				t.Errorf("it breaks for %s", about)
			case a.status >= 400 && a.kind != "application/problem+json":
				t.Errorf("no problem document, but %s for %s", a.kind, about)
			}
			if slices.Contains(strangers, name) && a.status < 400 &&
				!strings.HasPrefix(path, "/openapi") {
				t.Errorf("it is open to %s", about)
			}
			return a
		}

		// What is the neighbour's is not there, whoever asks.
		var unjudged []string // the body was refused before it was asked whose it is
		for _, o := range list {
			path, form := h.fill(o.path, theirs), h.form(o, theirs, false)
			itsOwn := strings.Contains(o.path, "{tenant}") || strings.Contains(o.path, "{call}") || strings.Contains(o.path, "{alarm}") || strings.Contains(o.path, "{session}") ||
				strings.Contains(o.path, "{token}") || strings.Contains(o.path, "/recordings/{name}") || strings.Contains(o.path, "/revisions/{number}") || strings.Contains(o.path, "/operator")
			paths := []string{path}
			if slices.Contains(o.query, "tenant") {
				paths = append(paths, path+"?tenant="+theirs)
			}
			for _, name := range names {
				if o.method == "DELETE" && o.path == "/api/v1/session" {
					continue // it would be gone for what follows
				}
				for i, path := range paths {
					a := ask(name, o, path, o.kind, form)
					if itsOwn && name == "an administrator" && (a.status == 422 || a.status == 400) {
						unjudged = append(unjudged, o.method+" "+o.path+" "+a.text[:min(len(a.text), 300)])
					}
					if (itsOwn || i > 0) && a.status != 404 && a.status != 403 && a.status != 401 && a.status != 422 && a.status != 400 {
						t.Errorf("%s: %s %s: %d %.200s", name, o.method, path, a.status, a.text)
					}
				}
			}
		}
		if len(unjudged) > 0 {
			t.Errorf("of %d operations it was never asked whose it is: the walk proves nothing of them\n%s", len(unjudged), strings.Join(unjudged, "\n"))
		}
		after := h.standing(list, theirs)
		for path, text := range before {
			if after[path] != text {
				t.Errorf("%s was changed:\n%.1500s\nis\n%.1500s", path, text, after[path])
			}
		}
		if len(h.x.liveCalls()) != 2 {
			t.Errorf("%d calls go on", len(h.x.liveCalls()))
		}

		h.sly(func(method, path, body string) answer {
			kind := "application/json"
			if strings.HasSuffix(path, "/document") {
				kind = "application/yaml"
			}
			return ask("an administrator", operation{method: method, path: path}, path, kind, body)
		})
		if now := h.standing(list, theirs); !maps.Equal(now, before) {
			for path, text := range before {
				if now[path] != text {
					t.Errorf("%s was changed by a trick:\n%.1500s\nis\n%.1500s", path, text, now[path])
				}
			}
		}

		// What is wrong is said to be so, and breaks nothing.
		long := `{"name":"` + strings.Repeat("x", 3<<20) + `"}`
		for _, o := range list {
			path := h.fill(o.path, ours)
			for _, q := range []string{"?limit=x&tenant=" + url.QueryEscape("\x00"), "?cursor=" + h.ids[theirs]["call"], "?cursor=" + theirs + "/100/x&limit=99999", "?from=x&until=y&account=" + strings.Repeat("9", 5000)} {
				if o.method == "GET" {
					ask("an administrator", o, path+q, "", "")
				}
			}
			if o.method == "GET" || o.method == "DELETE" {
				continue
			}
			bodies := []string{"null", "[]", `"x"`, `{"a":`, `{"` + strings.Repeat(`a":{"`, 2000), "\x00\xff\xfe", h.form(o, ours, true)}
			for _, body := range bodies {
				ask("an administrator", o, path, o.kind, body)
			}
			ask("an administrator", o, path, "text/x-none", "{}")
			if strings.HasPrefix(o.path, "/api/v1/tenants/{tenant}/s") || !strings.Contains(o.path, "{key}") {
				ask("an administrator", o, path, o.kind, long)
			}
		}

		// What is ours is ours, and what we do with it tells nothing of them either.
		for _, name := range []string{"a user", "a reporter", "a manager of a site", "an administrator"} {
			for _, o := range list {
				ask(name, o, h.fill(o.path, ours), o.kind, h.form(o, ours, false))
			}
		}
		after = h.standing(list, theirs)
		for path, text := range before {
			if after[path] != text {
				t.Errorf("%s was changed afterwards:\n%.1500s\nis\n%.1500s", path, text, after[path])
			}
		}
		for _, name := range names {
			t.Logf("%s: %v", name, statuses[name])
		}
		if n := statuses["an administrator who signed in"]; n[200] < 20 || n[404] < 150 || n[401] > 10 {
			t.Errorf("the walk of who signed in proves little: %v", n)
		}
		if n := statuses["an administrator"]; n[200] < 60 || n[404] < 150 {
			t.Errorf("the administrator's walk proves little: %v", n)
		}
		t.Logf("%d requests", asked)
	})
}

// sly asks for what is the neighbour's by ways that no description tells of: in a body, for a number, or as a name that only
// one in the whole exchange may have.
func (h *walls) sly(ask func(method, path, body string) answer) {
	h.Helper()
	edit := func(do string) string {
		return `{"edits":[{"tenant":"bravo","list":"extensions","key":"100","do":"` + do + `","value":{"number":"100","name":"x"}}]}`
	}
	refused := []int{403, 404, 422} // as what is not there
	quoted := func(text string) string { return fmt.Sprintf("%q", text) }
	theirDocument := `{"documents":[{"text":` + quoted(theirHouse) + `}]}`
	ids := h.ids[theirs]
	for _, c := range []struct {
		method, path, body string
		statuses           []int
	}{
		{"POST", "/api/v1/apply", edit("patch"), refused},
		{"POST", "/api/v1/apply", edit("put"), refused},
		{"POST", "/api/v1/apply", edit("add"), refused},
		{"POST", "/api/v1/apply", edit("delete"), refused},
		{"POST", "/api/v1/plan", edit("patch"), refused},
		{"POST", "/api/v1/batch", edit("patch"), refused},
		{"POST", "/api/v1/apply", `{"remove":["bravo"]}`, refused},
		{"POST", "/api/v1/plan", `{"remove":["bravo"]}`, refused},
		{"POST", "/api/v1/apply", theirDocument, []int{403, 404}},
		{"POST", "/api/v1/plan", theirDocument, []int{403, 404}},
		{"POST", "/api/v1/apply", `{"edits":[{"tenant":"operator","list":"users","key":"x","do":"put","value":{"user":"x","role":"operator"}}]}`, refused},
		{"POST", "/api/v1/apply", `{"if":{"bravo":1},"edits":[{"tenant":"alfa","list":"extensions","key":"100","do":"patch","value":{"name":"x"}}]}`, []int{400, 403, 404, 412, 422}},
		{"PUT", "/api/v1/tenants/alfa/document", theirHouse, []int{403, 404, 409, 422}},
		{"PUT", "/api/v1/tenants/alfa/document", strings.Replace(ourHouse, "tenant: alfa", "tenant: bravo", 1), []int{403, 404, 409, 422}},
		{"PUT", "/api/v1/tenants/alfa/document", strings.Replace(ourHouse, "ahu.example]", "ahu.example, zarafe.example]", 1), []int{409, 422}},
		{"PATCH", "/api/v1/tenants/alfa", `{"domains":["ahu.example","zarafe.example"]}`, []int{409, 422}},
		{"PATCH", "/api/v1/tenants/alfa", `{"tenant":"bravo"}`, []int{403, 404, 409, 422}},
		{"POST", "/api/v1/tenants/alfa/lines", `{"number":"` + ids["line"] + `","password":"a long secret"}`, []int{409, 422}},
		{"POST", "/api/v1/tenants/alfa/numbers", `{"number":"` + ids["public"] + `","to":"100"}`, []int{409, 422}},
		{"POST", "/api/v1/tenants/alfa/numbers", `{"number":"02133000000-02133000009","to":"100"}`, []int{409, 422}},
		{"POST", "/api/v1/tenants/alfa/trunks", `{"name":"two","mode":"static","to":"198.51.100.2","addresses":["198.51.100.2"],"channels":10}`, nil},
		{"POST", "/api/v1/what-if", `{"tenant":"alfa","from":"100","dialled":"` + ids["public"] + `"}`, []int{200}},
		{"POST", "/api/v1/what-if", `{"tenant":"alfa","from":"100","dialled":"` + ids["line"] + `"}`, []int{200}},
		{"POST", "/api/v1/what-if", `{"tenant":"alfa","from":"09121111111","dialled":"` + ids["public"] + `"}`, nil},
		{"POST", "/api/v1/what-if", `{"tenant":"alfa","from":"` + ids["line"] + `","dialled":"` + h.ids[ours]["line"] + `"}`, nil},
		{"POST", "/api/v1/what-if", `{"tenant":"alfa","from":"` + ids["line"] + `","dialled":"` + h.ids[ours]["public"] + `"}`, nil},
		{"POST", "/api/v1/apply", `{"documents":[{"text":"tenant: bravo\nname: x\ndomains: [x.example]\n"}]}`, []int{403, 404}},
		{"POST", "/api/v1/plan", `{"documents":[{"text":"tenant: bravo\nname: x\ndomains: [x.example]\n"}]}`, []int{403, 404}},
		{"POST", "/api/v1/apply", `{"documents":[{"text":"operator: x\n"}]}`, []int{403, 404, 422}},
		{"POST", "/api/v1/what-if", `{"tenant":"bravo","from":"100","dialled":"101"}`, refused},
		{"POST", "/api/v1/calls", `{"tenant":"bravo","from":"100","to":"101"}`, []int{403, 404}},
		{"POST", "/api/v1/tokens", `{"name":"x","role":"user","tenant":"bravo","account":"100"}`, []int{403, 404}},
		{"POST", "/api/v1/tokens", `{"name":"x","role":"operator"}`, []int{403, 404}},
		{"POST", "/api/v1/tokens", `{"name":"x","role":"operator","tenant":"alfa"}`, []int{403, 404, 422}},
		{"POST", "/api/v1/session", `{"tenant":"bravo","user":"boss","password":"ahu is a long one 47"}`, []int{401, 429}},
		{"PUT", "/api/v1/cdr-filters/sly?tenant=bravo", `{"number":"100"}`, []int{403, 404}},
		{"PUT", "/api/v1/cdr-filters/sly", `{"tenant":"bravo"}`, nil},
		{"GET", "/api/v1/events?after=1&tenant=bravo", "", []int{403, 404}},
		{"GET", "/api/v1/events?after=1", "", []int{200}},
		{"GET", "/api/v1/cdrs/" + ids["cdr"] + "?tenant=alfa", "", []int{404}},
		{"GET", "/api/v1/recordings/" + ids["recording"] + "?tenant=alfa", "", []int{404}},
		{"GET", "/api/v1/recordings/" + ids["recording"] + "/sound?tenant=alfa", "", []int{404}},
		{"GET", "/api/v1/recordings?call=" + ids["cdr"], "", []int{200, 404}},
		{"GET", "/api/v1/cdrs?number=101&account=101&limit=1000", "", []int{200}},
		{"GET", "/api/v1/cdrs/export?format=json&tenant=alfa", "", []int{200}},
		{"GET", "/api/v1/registrations?account=100", "", []int{200}},
		{"GET", "/api/v1/registrations?cursor=bravo/", "", []int{200, 400}},
		{"GET", "/api/v1/archive?name=bravo%2f2026.json.gz", "", []int{403, 404}},
		{"GET", "/api/v1/archive?name=..%2fbravo%2f2026.json.gz&tenant=alfa", "", []int{403, 404}},
		{"GET", "/api/v1/rooms/8000", "", []int{404}},
		{"GET", "/api/v1/prompts/..%2fbravo", "", []int{404}},
		{"GET", "/api/v1/tenants/alfa%2f..%2fbravo", "", []int{404}},
		{"GET", "/api/v1/tenants/BRAVO", "", []int{404}},
		{"GET", "/api/v1/export?tenant=bravo", "", nil},
	} {
		a := ask(c.method, c.path, c.body)
		if c.statuses != nil && !slices.Contains(c.statuses, a.status) {
			h.Errorf("%s %s %.200q: %d %.500s, want one of %v", c.method, c.path, c.body, a.status, a.text, c.statuses)
		}
	}
	for n := range 20 { // the neighbour's among them
		for _, ends := range []string{"GET /%d", "GET /%d/undo", "POST /%d/undo?force=true", "POST /%d/undo"} {
			method, path, _ := strings.Cut(fmt.Sprintf(ends, n), " ")
			body := ""
			if method == "POST" {
				body = "{}"
			}
			ask(method, "/api/v1/revisions"+path, body)
		}
	}
}
