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
			case strings.Contains(low, marker):
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
		for _, o := range list {
			path, form := h.fill(o.path, theirs), h.form(o, theirs, false)
			itsOwn := strings.Contains(o.path, "{tenant}") || strings.Contains(o.path, "{call}") || strings.Contains(o.path, "{alarm}") || strings.Contains(o.path, "{session}") ||
				strings.Contains(o.path, "{token}") || strings.Contains(o.path, "/recordings/{name}") || strings.Contains(o.path, "/revisions/{number}") || strings.Contains(o.path, "/operator")
			paths := []string{path}
			if slices.Contains(o.query, "tenant") {
				paths = append(paths, path+"?tenant="+theirs)
			}
			for _, name := range names {
				for i, path := range paths {
					a := ask(name, o, path, o.kind, form)
					if (itsOwn || i > 0) && a.status != 404 && a.status != 403 && a.status != 401 && a.status != 422 && a.status != 400 {
						t.Errorf("%s: %s %s: %d %.200s", name, o.method, path, a.status, a.text)
					}
				}
			}
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
		if n := statuses["an administrator"]; n[200] < 60 || n[404] < 150 {
			t.Errorf("the administrator's walk proves little: %v", n)
		}
		t.Logf("%d requests", asked)
	})
}
