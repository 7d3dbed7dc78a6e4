package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"santral/api/noun"
	"santral/base/seal"
	"santral/call"
	"santral/route"
	"santral/service/revision"
	"santral/store/db"
	"santral/tenant"
)

// library is an API over a real book of configuration.
type library struct {
	t    *testing.T
	url  string
	book *revision.Book
}

const twoTenants = `operator: Example Telecom
country: ir
---
# the first customer
tenant: a
domains: [a.example]
zone: Asia/Tehran
sites:
  - site: tehran
    area: 21
  - site: shiraz
    area: 71
departments:
  - {department: trade, site: tehran}
  - {department: sales, parent: trade}
extensions:
  - number: 101                # the door
    name: Reception
    password: Xy7!kkpq1
    department: sales
  - number: 102
    name: دفتر مدیریت
    password: Xy7!kkpq2
    site: shiraz
lines:
  - number: 02122000001
    password: Xy7!kkpq3
---
tenant: b
domains: [b.example]
extensions:
  - {number: 101, password: Xy7!kkpq4}
`

func newLibrary(t *testing.T) *library {
	t.Helper()
	store, err := db.Open(context.Background(), filepath.Join(t.TempDir(), "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := seal.Open(filepath.Join(t.TempDir(), "secrets.key"))
	if err != nil {
		t.Fatal(err)
	}
	var current atomic.Pointer[tenant.Snapshot]
	l := &library{t: t}
	l.book, err = revision.Open(context.Background(), revision.Config{Store: store, Keys: revision.NewKeys(key), Current: &current}, nil)
	if err != nil {
		t.Fatal(err)
	}
	plan := route.NewPlan(&current)
	c := (&exchange{}).config()
	c.Book, c.Explain, c.Who = l.book, func(s *tenant.Snapshot, from call.Party, dialled string, at time.Time) (call.Destination, []route.Step) {
		return plan.ExplainIn(s, from, dialled, at)
	}, badge{}
	c.Place = func(id, account string) (Place, bool) {
		a := current.Load().Account(id, account)
		if a == nil {
			return Place{}, false
		}
		p := Place{Site: a.Site}
		if x := current.Load().Index(id); p.Site == "" && x.Place("") != nil {
			p.Site = x.Place("").Key()
		}
		for d := a.Department; d != ""; {
			p.Departments = append(p.Departments, d)
			i := slices.IndexFunc(current.Load().Tenant(id).Departments, func(x tenant.Department) bool { return x.ID == d })
			d = current.Load().Tenant(id).Departments[i].Parent
		}
		return p, true
	}
	s := httptest.NewServer(Handler(c))
	t.Cleanup(func() {
		s.Close()
		store.Close()
	})
	l.url = s.URL
	if _, err := l.book.Apply(context.Background(), revision.Change{Texts: []revision.Text{{File: "two.yaml", Text: []byte(twoTenants)}}}); err != nil {
		t.Fatal(err)
	}
	return l
}

// reply is what came back.
type reply struct {
	*http.Response
	body string
}

// ask sends a request as somebody: "" is who may everything. headers are names and values in turn.
func (l *library) ask(who, method, path, text string, headers ...string) reply {
	l.t.Helper()
	req, err := http.NewRequest(method, l.url+path, strings.NewReader(text))
	if err != nil {
		l.t.Fatal(err)
	}
	if who == "" {
		who = token
	}
	req.Header.Set("Authorization", "Bearer "+who)
	if text != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		l.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		l.t.Fatal(err)
	}
	return reply{res, strings.TrimSpace(string(body))}
}

// want asks, and demands a status and parts of the answer.
func (l *library) want(status int, who, method, path, text string, parts ...string) reply {
	l.t.Helper()
	r := l.ask(who, method, path, text)
	if r.StatusCode != status {
		l.t.Errorf("%s %s %s: %d, want %d: %s", who, method, path, r.StatusCode, status, r.body)
	}
	if r.StatusCode >= 400 && r.Header.Get("Content-Type") != "application/problem+json" {
		l.t.Errorf("%s %s: %d is no problem document: %s", method, path, r.StatusCode, r.body)
	}
	for _, part := range parts {
		if !strings.Contains(r.body, part) {
			l.t.Errorf("%s %s: no %q in %s", method, path, part, r.body)
		}
	}
	return r
}

func (l *library) text(id string) string {
	l.t.Helper()
	d, err := l.book.Document(id)
	if err != nil {
		l.t.Fatal(err)
	}
	return d.Text
}

const extensions = "/api/v1/tenants/a/extensions"

func TestResources(t *testing.T) {
	l := newLibrary(t)
	r := l.want(200, "", "GET", extensions+"/101", "")
	if r.body != `{"number":"101","name":"Reception","department":"sales"}` || r.Header.Get("ETag") == "" {
		t.Errorf("%s %v", r.body, r.Header)
	}
	r = l.want(201, "", "POST", extensions+"?why=new+desk", `{"number":"103","name":"Desk","password":"Zz9!pqrs1","channels":2}`, `{"number":"103","name":"Desk","channels":2}`)
	if r.Header.Get("Location") != extensions+"/103" || r.Header.Get("Revision") != "2" || r.Header.Get("ETag") == "" {
		t.Errorf("%v", r.Header)
	}
	if a := l.book.Current().Account("a", "103"); a == nil || a.Credential.Password != "Zz9!pqrs1" || strings.Contains(l.text("a"), "Zz9!pqrs1") {
		t.Errorf("%+v\n%s", a, l.text("a"))
	}
	l.want(409, "", "POST", extensions, `{"number":"103","password":"Zz9!pqrs1"}`, "extension 103", "PUT or PATCH")
	l.want(422, "", "POST", extensions, `{"password":"Zz9!pqrs1"}`, `"/number"`)
	l.want(200, "", "GET", extensions+"/103", "", `"channels":2`)
	l.want(204, "", "DELETE", extensions+"/103?why=gone", "")
	l.want(404, "", "GET", extensions+"/103", "", "GET "+extensions)
	l.want(404, "", "DELETE", extensions+"/103", "")
	l.want(404, "", "PATCH", extensions+"/103", `{"name":"x"}`)
	if !strings.Contains(l.text("a"), "- number: 101                # the door") {
		t.Errorf("a comment is lost:\n%s", l.text("a"))
	}
	l.want(201, "", "PUT", "/api/v1/operator/carriers/up", `{"mode":"static","to":["sip:up.example"],"numbers":[{"number":"02155000000-02155000099"}]}`, `"to":["sip:up.example"]`)
	l.want(200, "", "GET", "/api/v1/operator/carriers", "", `"numbers":[{"number":"02155000000-02155000099"}]`)
	l.want(422, "", "DELETE", "/api/v1/tenants/a/sites/shiraz", "", "shiraz")
}

func TestPutKeepsSecretsThatItDoesNotName(t *testing.T) {
	l := newLibrary(t)
	password := func() string { return l.book.Current().Account("a", "101").Credential.Password }
	r := l.want(200, "", "PUT", extensions+"/101", `{"number":"101","name":"Door"}`)
	if r.body != `{"number":"101","name":"Door"}` || password() != "Xy7!kkpq1" {
		t.Errorf("%s, password %s", r.body, password())
	}
	l.want(200, "", "PUT", extensions+"/101", `{"password":"Other7!pass"}`)
	if password() != "Other7!pass" {
		t.Error(password())
	}
	l.want(200, "", "PUT", extensions+"/101", `{"ha1":{"md5":"3a57ff2a584ad600f3d2f8f0b5d5db52"}}`)
	if password() != "" {
		t.Error("a hash stands beside the old password")
	}
	l.want(422, "", "PUT", extensions+"/101", `{"ha1":null}`, "password")
	l.want(422, "", "PUT", extensions+"/101", `{"number":"102"}`, `"/number"`)
}

func TestPatchKeepsWhatItDoesNotName(t *testing.T) {
	l := newLibrary(t)
	l.want(200, "", "PATCH", extensions+"/101", `{"media":{"codecs":["opus","pcma"],"ptime":20},"withhold":true}`)
	r := l.ask("", "PATCH", extensions+"/101", `{"media":{"ptime":null,"srtp":"required"},"name":null}`, "Content-Type", "application/merge-patch+json")
	if r.body != `{"number":"101","department":"sales","withhold":true,"media":{"codecs":["opus","pcma"],"srtp":"required"}}` {
		t.Error(r.body)
	}
	if a := l.book.Current().Account("a", "101"); a.Credential.Password != "Xy7!kkpq1" {
		t.Error("the password is another")
	}
	l.want(422, "", "PATCH", extensions+"/101", `{"number":"105"}`, `"/number"`)
	l.want(200, "", "PATCH", extensions+"/101", `{"number":101,"channels":3}`)
}

func TestConditions(t *testing.T) {
	l := newLibrary(t)
	first := l.want(200, "", "GET", extensions+"/101", "").Header.Get("ETag")
	for _, path := range []string{extensions + "/101", extensions, "/api/v1/tenants", "/api/v1/tenants/a", "/api/v1/operator", "/api/v1/tenants/a/document", "/api/v1/operator/carriers"} {
		tag := l.want(200, "", "GET", path, "").Header.Get("ETag")
		if r := l.ask("", "GET", path, "", "If-None-Match", `"x", `+tag); r.StatusCode != 304 || r.body != "" || r.Header.Get("ETag") != tag {
			t.Errorf("%s: %d %q", path, r.StatusCode, r.body)
		}
	}
	l.want(200, "", "PATCH", extensions+"/102", `{"name":"other entry"}`)
	if r := l.ask("", "PATCH", extensions+"/101", `{"name":"A"}`, "If-Match", first); r.StatusCode != 200 {
		t.Errorf("another entry changed, and this one's tag does not hold: %d %s", r.StatusCode, r.body)
	}
	for _, c := range []struct{ method, body string }{{"PATCH", `{"name":"B"}`}, {"PUT", `{"name":"B"}`}, {"DELETE", ""}} {
		if r := l.ask("", c.method, extensions+"/101", c.body, "If-Match", first); r.StatusCode != 412 || !strings.Contains(r.body, "GET it again") {
			t.Errorf("%s: %d %s", c.method, r.StatusCode, r.body)
		}
	}
	if r := l.ask("", "PUT", extensions+"/101", `{}`, "If-None-Match", "*"); r.StatusCode != 412 {
		t.Error(r.StatusCode, r.body)
	}
	if r := l.ask("", "PUT", extensions+"/109", `{"password":"Zz9!pqrs1"}`, "If-None-Match", "*"); r.StatusCode != 201 {
		t.Error(r.StatusCode, r.body)
	}
	if r := l.ask("", "PATCH", extensions+"/110", `{}`, "If-Match", "*"); r.StatusCode != 412 {
		t.Error(r.StatusCode, r.body)
	}
	tag := l.want(200, "", "GET", "/api/v1/tenants/a", "").Header.Get("ETag")
	l.want(200, "", "PATCH", "/api/v1/tenants/a", `{"name":"A"}`)
	if r := l.ask("", "PATCH", "/api/v1/tenants/a", `{"name":"B"}`, "If-Match", tag); r.StatusCode != 412 {
		t.Error(r.StatusCode, r.body)
	}
	// The tag of a secret's entry is another after the secret changed.
	was := l.want(200, "", "GET", extensions+"/102", "").Header.Get("ETag")
	is := l.want(200, "", "PATCH", extensions+"/102", `{"password":"Zz9!pqrs2"}`).Header.Get("ETag")
	if was == is {
		t.Error("a password changed and the tag did not")
	}
}

func TestRacingChangesAllHappen(t *testing.T) {
	l := newLibrary(t)
	var all sync.WaitGroup
	for i := range 12 {
		all.Go(func() {
			r := l.ask("", "PUT", fmt.Sprintf("%s/%d", extensions, 200+i), `{"password":"Zz9!pqrs1"}`)
			if r.StatusCode != 201 {
				t.Errorf("%d: %d %s", i, r.StatusCode, r.body)
			}
		})
	}
	all.Wait()
	if n := len(l.book.Current().Tenant("a").Accounts); n != 15 {
		t.Errorf("%d accounts", n)
	}
}

func TestLists(t *testing.T) {
	l := newLibrary(t)
	names := []string{"Zoe", "ali", "Bahar", "سارا یزدی"}
	for i, name := range names {
		l.want(201, "", "PUT", fmt.Sprintf("%s/%d", extensions, 110+i), fmt.Sprintf(`{"name":%q,"password":"Zz9!pqrs1","channels":%d}`, name, 10-i))
	}
	pages := func(query string) (keys []string) {
		t.Helper()
		for cursor := ""; ; {
			var page Page[noun.Extension]
			r := l.want(200, "", "GET", extensions+"?"+query+"&cursor="+cursor, "")
			if err := json.Unmarshal([]byte(r.body), &page); err != nil {
				t.Fatal(err)
			}
			for _, e := range page.Items {
				keys = append(keys, e.Number)
			}
			if cursor = page.Next; cursor == "" {
				return keys
			}
		}
	}
	for query, want := range map[string]string{
		"limit=2":                         "101 102 110 111 112 113",
		"limit=1000":                      "101 102 110 111 112 113",
		"limit=4&order=name":              "111 112 101 110 102 113",
		"limit=1&order=-name":             "113 102 110 101 112 111",
		"limit=3&order=channels":          "101 102 113 112 111 110",
		"limit=2&order=number":            "101 102 110 111 112 113",
		"limit=2&q=BAHAR":                 "112",
		"limit=2&q=%DB%B1%DB%B1":          "110 111 112 113", // ۱۱
		"q=" + "%D9%8A%D8%B2%D8%AF%D9%8A": "113",             // يزدي with Arabic letters
		"q=Xy7":                           "",                // no secret is found
		"q=sealed":                        "",
	} {
		if got := strings.Join(pages(query), " "); got != want {
			t.Errorf("%s gives %s, want %s", query, got, want)
		}
	}
	l.want(400, "", "GET", extensions+"?cursor=nonsense", "", "first page")
	l.want(422, "", "GET", extensions+"?order=strange", "", "strange")
	l.want(422, "", "GET", extensions+"?order=password", "")
	l.want(422, "", "GET", extensions+"?limit=0", "")
	l.want(200, "", "GET", "/api/v1/tenants/a/groups", "", `{"items":[]}`)
}

// A problem of a document is told by its place in what was sent, and nothing is written.
func TestProblemsPointIntoTheBody(t *testing.T) {
	l := newLibrary(t)
	was := l.text("a")
	for _, c := range []struct {
		method, path, body string
		where              []string
	}{
		{"PATCH", extensions + "/101", `{"media":{"ptime":15},"record":"never"}`, []string{"/media/ptime", "/record"}},
		{"PUT", extensions + "/101", `{"channels":"many","strange":1}`, []string{"/channels", "/strange"}},
		{"POST", extensions, `{"number":"1","password":"Zz9!pqrs1"}`, []string{"/number"}},
		{"POST", extensions, `{"number":"120"}`, nil},
		{"PATCH", "/api/v1/tenants/a", `{"zone":"Nowhere","domains":["x y"]}`, []string{"/zone", "/domains/0"}},
		{"POST", "/api/v1/batch", `{"edits":[{"tenant":"a","list":"extensions","key":"101","do":"patch","value":{"name":"x"}},{"tenant":"a","list":"extensions","key":"102","do":"patch","value":{"record":"no"}}]}`, []string{"/edits/1/value/record"}},
	} {
		r := l.want(422, "", c.method, c.path, c.body)
		var p struct {
			Errors []struct{ Location, Message string }
		}
		if err := json.Unmarshal([]byte(r.body), &p); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range p.Errors {
			got = append(got, e.Location)
		}
		slices.Sort(got)
		slices.Sort(c.where)
		if c.where != nil && !slices.Equal(got, c.where) {
			t.Errorf("%s %s: %q, want %q: %s", c.method, c.path, got, c.where, r.body)
		}
	}
	if l.text("a") != was {
		t.Error("something was written")
	}
}

func TestTenants(t *testing.T) {
	l := newLibrary(t)
	l.want(200, "", "GET", "/api/v1/tenants", "", `"tenant":"a"`, `"tenant":"b"`)
	l.want(200, "", "GET", "/api/v1/tenants?q=b.example", "", `{"items":[{"tenant":"b"`)
	r := l.want(201, "", "POST", "/api/v1/tenants?why=sold", `{"tenant":"c","domains":["c.example"],"name":"سی \"C\"","limits":{"extensions":10}}`, `"limits":{"extensions":10}`)
	if r.Header.Get("Location") != "/api/v1/tenants/c" || l.book.Current().Tenant("c").Name != `سی "C"` {
		t.Error(r.Header)
	}
	l.want(409, "", "POST", "/api/v1/tenants", `{"tenant":"c","domains":["c2.example"]}`)
	l.want(422, "", "POST", "/api/v1/tenants", `{"tenant":"d","domains":["c.example"]}`, "c.example")
	l.want(422, "", "POST", "/api/v1/tenants", `{"domains":["c.example"]}`, "/tenant")
	l.want(200, "", "PATCH", "/api/v1/tenants/c", `{"zone":"Asia/Tehran","limits":{"lines":3}}`, `"zone":"Asia/Tehran"`, `"limits":{"extensions":10,"lines":3}`)
	l.want(422, "", "PATCH", "/api/v1/tenants/c", `{"tenant":"x"}`, "never changes")
	l.want(422, "", "PATCH", "/api/v1/tenants/c", `{"lines":[]}`, "resource of its own")
	l.want(200, "", "PATCH", "/api/v1/tenants/c", `{"prompts":{"pin":"4711"}}`, `"prompts":{}`)
	if l.book.Current().Tenant("c").PromptsPIN != "4711" {
		t.Error("the PIN is lost")
	}
	l.want(204, "", "DELETE", "/api/v1/tenants/c", "")
	l.want(404, "", "GET", "/api/v1/tenants/c", "")
	l.want(404, "", "GET", "/api/v1/tenants/operator", "")
	l.want(200, "", "GET", "/api/v1/operator", "", `"operator":"Example Telecom"`)
	l.want(200, "", "PATCH", "/api/v1/operator", `{"area":"21"}`, `"area":"21"`)
}

func TestTheOperatorsFirstWords(t *testing.T) {
	l := newLibrary(t)
	l.want(200, "", "GET", "/api/v1/operator/brands", "", `{"items":[]}`)
	if _, err := l.book.Apply(context.Background(), revision.Change{Remove: []string{tenant.OperatorID}}); err != nil {
		t.Fatal(err)
	}
	l.want(200, "", "GET", "/api/v1/operator", "")
	l.want(200, "", "GET", "/api/v1/operator/brands", "", `{"items":[]}`)
	l.want(404, "", "GET", "/api/v1/operator/document", "")
	l.want(201, "", "PUT", "/api/v1/operator/brands/novin", `{"name":"Novin"}`)
	l.want(200, "", "PATCH", "/api/v1/operator", `{"operator":"Us","country":"ir"}`, `"operator":"Us"`)
}

func TestDocuments(t *testing.T) {
	l := newLibrary(t)
	was := l.want(200, "", "GET", "/api/v1/tenants/a/document", "")
	if was.body+"\n" != l.text("a") || !strings.HasPrefix(was.Header.Get("Content-Type"), "text/yaml") || was.Header.Get("Revision") != "1" {
		t.Errorf("%v\n%s", was.Header, was.body)
	}
	put := func(who, id, text string, headers ...string) reply {
		return l.ask(who, "PUT", "/api/v1/tenants/"+id+"/document", text, append([]string{"Content-Type", "text/yaml"}, headers...)...)
	}
	next := strings.Replace(l.text("a"), "name: Reception", "name: Front desk # new", 1)
	if r := put("", "a", next, "If-Match", was.Header.Get("ETag"), "Why", "new sign"); r.StatusCode != 200 || r.Header.Get("Revision") != "2" || l.text("a") != next {
		t.Errorf("%d %s", r.StatusCode, r.body)
	}
	if r := put("", "a", next, "If-Match", was.Header.Get("ETag")); r.StatusCode != 412 {
		t.Error(r.StatusCode)
	}
	if r := put("", "a", "tenant: b\ndomains: [b.example]\n"); r.StatusCode != 422 || !strings.Contains(r.body, "path names") {
		t.Errorf("%d %s", r.StatusCode, r.body)
	}
	if r := put("", "a", next+"strange: 1\n"); r.StatusCode != 422 || !strings.Contains(r.body, "a:31:1") && !strings.Contains(r.body, ":1\"") {
		t.Errorf("%d %s", r.StatusCode, r.body)
	}
	if r := put("", "new", "tenant: new\ndomains: [new.example]\n"); r.StatusCode != 200 || l.book.Current().Tenant("new") == nil {
		t.Errorf("%d %s", r.StatusCode, r.body)
	}
	old := l.want(200, "", "GET", "/api/v1/tenants/a/document?revision=1", "")
	if old.body != was.body {
		t.Error("the former document is another")
	}
	l.want(404, "", "GET", "/api/v1/tenants/new/document?revision=1", "")

	rev := l.want(200, "", "GET", "/api/v1/revisions/2", "", `"why":"new sign"`, `"via":"api"`, `"who":"root"`, "+    name: Front desk # new", `"edited":1`)
	if strings.Contains(rev.body, "Xy7!") {
		t.Error("a secret is told")
	}
	l.want(200, "", "GET", "/api/v1/revisions?limit=1", "", `"revision":3`, `"next":"3"`)
	l.want(200, "", "GET", "/api/v1/revisions?cursor=3&limit=1&tenant=a", "", `"revision":2`)
	l.want(400, "", "GET", "/api/v1/revisions?cursor=x", "")
	l.want(200, "", "GET", "/api/v1/revisions/2/undo", "", `"do":"edit"`, `"key":"101"`)
	l.want(200, "", "POST", "/api/v1/revisions/2/undo?why=sorry", "", `"undoes":2`, `"revision":4`)
	if l.text("a")+"" != was.body+"\n" {
		t.Error("undo brings another document back")
	}
	l.want(404, "", "POST", "/api/v1/revisions/99/undo", "")

	export := l.want(200, "", "GET", "/api/v1/export", "")
	if !strings.Contains(export.body, "operator: Example Telecom") || !strings.Contains(export.body, "# the door") {
		t.Error(export.body)
	}
	yaml := []string{"Content-Type", "application/yaml"}
	if r := l.ask("", "POST", "/api/v1/apply", export.body+"\n", yaml...); r.StatusCode != 200 || r.Header.Get("Revision") != "4" {
		t.Errorf("what was exported is no change: %d %s", r.StatusCode, r.body)
	}
	plan := l.ask("", "POST", "/api/v1/plan?file=x.yaml", "tenant: a\ndomains: [a.example]\nlines: 1\n", yaml...)
	if plan.StatusCode != 200 || !strings.Contains(plan.body, `"file":"x.yaml","line":3`) {
		t.Errorf("%d %s", plan.StatusCode, plan.body)
	}
	l.want(200, "", "POST", "/api/v1/plan", `{"documents":[{"file":"b.yaml","text":"tenant: b\ndomains: [b.example]\n"}],"edits":[{"tenant":"a","list":"extensions","key":"102","do":"delete"}]}`, `"do":"remove"`, `"key":"102"`, `"tenant":"b"`)
	if l.text("a")+"" != was.body+"\n" {
		t.Error("a plan changed something")
	}
	if r := l.ask("", "POST", "/api/v1/apply", "x", "Content-Type", "text/html"); r.StatusCode != 415 {
		t.Error(r.StatusCode)
	}
}

func TestBatch(t *testing.T) {
	l := newLibrary(t)
	l.want(200, "", "POST", "/api/v1/batch?why=many", `{"edits":[
		{"tenant":"a","list":"extensions","key":"104","do":"add","value":{"number":"104","password":"Zz9!pqrs1"}},
		{"tenant":"a","list":"extensions","key":"102","do":"delete"},
		{"tenant":"b","do":"patch","value":{"name":"B"}},
		{"tenant":"b","list":"extensions","key":"101","do":"put","value":{"number":"101","name":"One","password":"Zz9!pqrs1"}}]}`, `"revision":2`, `"added":1`)
	if s := l.book.Current(); s.Account("a", "104") == nil || s.Account("a", "102") != nil || s.Tenant("b").Name != "B" || s.Account("b", "101").Name != "One" {
		t.Error("the batch is not there whole")
	}
	was := l.text("a") + l.text("b")
	for body, parts := range map[string][]string{
		`{"edits":[{"tenant":"a","list":"extensions","key":"105","do":"add","value":{"number":"105","password":"Zz9!pqrs1"}},{"tenant":"a","list":"extensions","key":"105","do":"add","value":{"number":"105","password":"Zz9!pqrs1"}}]}`: {"409"},
		`{"edits":[{"tenant":"zz","list":"none","key":"","do":"make","value":[]}]}`: {"/edits/0/do", "/edits/0/tenant", "/edits/0/list", "/edits/0/value"},
		`{"edits":[{"tenant":1}]}`: {"/edits"},
		`{"strange":[]}`:           {"strange"},
		`[]`:                       {"an object"},
		`{"edits":[]} x`:           {},
		`{"if":{"a":1},"edits":[{"tenant":"a","do":"patch","value":{"name":"x"}}]}`: {"412"},
	} {
		r := l.ask("", "POST", "/api/v1/batch", body)
		if r.StatusCode < 400 || r.StatusCode > 422 {
			t.Errorf("%s: %d %s", body, r.StatusCode, r.body)
		}
		for _, part := range parts {
			if !strings.Contains(r.body, part) {
				t.Errorf("%s: no %q in %s", body, part, r.body)
			}
		}
	}
	if was != l.text("a")+l.text("b") {
		t.Error("half a batch was written")
	}
}

func TestBoundsOfWhoChanges(t *testing.T) {
	l := newLibrary(t)
	const path = extensions
	site, sales, admin, own := "role=manager tenant=a site=shiraz", "role=manager tenant=a department=trade", "role=admin tenant=a", "role=user tenant=a account=101"
	l.want(200, site, "GET", path, "", `{"items":[{"number":"102"`)
	l.want(404, site, "GET", path+"/101", "")
	l.want(200, site, "PATCH", path+"/102", `{"name":"x"}`)
	l.want(403, site, "PATCH", path+"/102", `{"site":"tehran"}`, "shiraz")
	l.want(404, site, "PATCH", path+"/101", `{"name":"x"}`)
	l.want(403, site, "POST", path, `{"number":"130","password":"Zz9!pqrs1"}`)
	l.want(201, site, "POST", path, `{"number":"130","site":"shiraz","password":"Zz9!pqrs1"}`)
	l.want(404, site, "PUT", path+"/101", `{"site":"shiraz","password":"Zz9!pqrs1"}`)
	l.want(403, site, "POST", "/api/v1/tenants/a/groups", `{"group":"g","members":["101","130"]}`)
	l.want(201, site, "POST", "/api/v1/tenants/a/groups", `{"group":"g","members":["130"]}`)
	l.want(200, sales, "GET", path, "", `{"items":[{"number":"101"`)
	l.want(403, sales, "PATCH", path+"/101", `{"department":null}`)
	l.want(201, sales, "POST", path, `{"number":"131","department":"trade","password":"Zz9!pqrs1"}`)
	l.want(403, site, "POST", "/api/v1/tenants/a/trunks", `{}`)
	l.want(403, site, "GET", "/api/v1/tenants/a/document", "")
	l.want(403, "role=admin tenant=a site=shiraz", "GET", "/api/v1/tenants/a/document", "")
	l.want(403, "role=admin tenant=a site=shiraz", "POST", "/api/v1/batch", `{"edits":[]}`)

	l.want(404, admin, "GET", "/api/v1/tenants/b", "")
	l.want(404, admin, "GET", "/api/v1/tenants/b/extensions/101", "")
	l.want(404, admin, "PUT", "/api/v1/tenants/b/extensions/101", `{"password":"Zz9!pqrs1"}`)
	l.want(404, admin, "DELETE", "/api/v1/tenants/b/extensions/101", "")
	l.want(403, admin, "GET", "/api/v1/operator", "")
	l.want(403, admin, "GET", "/api/v1/operator/carriers", "")
	l.want(403, admin, "POST", "/api/v1/tenants", `{"tenant":"z","domains":["z.example"]}`)
	l.want(403, admin, "DELETE", "/api/v1/tenants/a", "")
	l.want(403, admin, "PATCH", "/api/v1/tenants/a", `{"limits":{"lines":1000}}`, "limits")
	l.want(403, admin, "PATCH", "/api/v1/tenants/a", `{"domains":["a.example","bank.example"]}`, "domains")
	l.want(200, admin, "PATCH", "/api/v1/tenants/a", `{"language":"fa"}`)
	l.want(200, admin, "GET", "/api/v1/tenants", "", `{"items":[{"tenant":"a"`)
	l.want(404, admin, "GET", "/api/v1/tenants/b/document", "")
	yaml := func(who, path, text string) int {
		return l.ask(who, "POST", path, text, "Content-Type", "text/yaml").StatusCode
	}
	if s := yaml(admin, "/api/v1/apply", "tenant: b\ndomains: [b.example]\n"); s != 404 {
		t.Error(s)
	}
	if s := yaml(admin, "/api/v1/plan", "operator: mine\n"); s != 404 {
		t.Error(s)
	}
	if s := yaml(admin, "/api/v1/apply", "tenant: mine\ndomains: [mine.example]\n"); s != 404 {
		t.Error(s)
	}
	l.want(404, admin, "POST", "/api/v1/batch", `{"remove":["a"]}`[:0]+`{"remove":["b"]}`)
	l.want(403, admin, "POST", "/api/v1/batch", `{"remove":["a"]}`)
	l.want(422, admin, "POST", "/api/v1/batch", `{"edits":[{"tenant":"b","do":"patch","value":{"name":"x"}}]}`)
	l.want(403, admin, "POST", "/api/v1/revisions/1/undo", "", "more than your tenant")
	l.want(200, admin, "GET", "/api/v1/revisions/1", "")
	if r := l.want(200, admin, "GET", "/api/v1/revisions/1", ""); strings.Contains(r.body, `"tenant":"b"`) {
		t.Errorf("another's document is told: %s", r.body)
	}
	if r := l.want(200, admin, "GET", "/api/v1/export", ""); strings.Contains(r.body, "tenant: b") || strings.Contains(r.body, "operator:") {
		t.Errorf("another's document is told: %s", r.body)
	}

	l.want(200, own, "GET", path, "", `{"items":[{"number":"101"`)
	l.want(200, own, "GET", path+"/101", "")
	l.want(404, own, "GET", path+"/102", "")
	l.want(200, own, "PATCH", path+"/101", `{"language":"fa","withhold":true}`)
	l.want(403, own, "PATCH", path+"/101", `{"class":"all"}`)
	l.want(403, own, "PUT", path+"/101", `{"language":"fa"}`)
	l.want(403, own, "DELETE", path+"/101", "")
	l.want(403, own, "GET", "/api/v1/tenants/a/sites", "")
	l.want(403, "role=admin tenant=a scopes=lines:write", "PATCH", path+"/101", `{"name":"x"}`, "extensions:write")
	l.want(401, "nonsense", "GET", path, "")
}

func TestWhatIf(t *testing.T) {
	l := newLibrary(t)
	const path = "/api/v1/what-if"
	r := l.want(200, "", "POST", path, `{"tenant":"a","from":"101","dialled":"۱۰۲","at":"۱۴۰۵-۰۱-۱۳ 18:05"}`, `"to":"account"`, `"account":"102"`, `"jalali":"1405-01-13 18:05"`, `"at":"2026-04-02T18:05:00+03:30"`, `"fa":`)
	var got WouldBe
	if err := json.Unmarshal([]byte(r.body), &got); err != nil || len(got.Steps) == 0 || got.Steps[0].En == "" || got.Steps[0].Fa == "" || got.Steps[0].En == got.Steps[0].Fa {
		t.Errorf("%v %s", err, r.body)
	}
	l.want(200, "", "POST", path, `{"tenant":"a","from":"101","dialled":"999"}`, `"to":"refused"`, `"sip":404`)
	l.want(422, "", "POST", path, `{"tenant":"a","from":"101","dialled":"102","at":"soon"}`, `"/at"`)
	l.want(422, "", "POST", path, `{"tenant":"a","from":"101"}`, "dialled")
	l.want(422, "", "POST", path, `{"tenant":"a","from":"09121234567","dialled":"02122000001","trunk":"none"}`, "/from")
	l.want(404, "role=admin tenant=a", "POST", path, `{"tenant":"b","from":"101","dialled":"101"}`)
	l.want(403, "role=user tenant=a account=101", "POST", path, `{"tenant":"a","from":"101","dialled":"101"}`)
	now := time.Date(2026, 11, 27, 9, 30, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"": "2026-11-27 09:30", "18:05": "2026-11-27 18:05", "13 farvardin 18:05": "2026-04-02 18:05", "۱۳ فروردین ۱۸:۰۵": "2026-04-02 18:05", "2026-01-02 03:04": "2026-01-02 03:04",
		"2026-01-02T03:04": "2026-01-02 03:04", "1405/1/13 18:05": "2026-04-02 18:05", "2026-11-27T12:00:00+03:30": "2026-11-27 08:30",
	} {
		got, err := moment(text, now)
		if err != nil || got.Format("2006-01-02 15:04") != want {
			t.Errorf("%q is %v (%v), want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"x", "25:00", "1405-13-01 10:00", "31 mehr 10:00", "tomorrow 10:00", "10"} {
		if got, err := moment(text, now); err == nil {
			t.Errorf("%q passed for %v", text, got)
		}
	}
}

// Whatever is sent to whatever resource, it is a problem document and never a fault of ours, and nothing is written.
func TestBadInputEverywhere(t *testing.T) {
	l := newLibrary(t)
	deep := strings.Repeat(`{"a":`, 9000) + "1" + strings.Repeat("}", 9000)
	bodies := []string{
		"", "null", "[]", "1", `"x"`, "{", `{"a"`, "\x00\xff\xfe", `{} {}`, deep, strings.Repeat("[", 200000), `{"x":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`,
		`{"` + strings.Repeat("k", 100000) + `":1}`, `{"number":{}}`, `{"number":["a"]}`, `{"name":{"a":1},"number":12345678901234567890123456789012345678901234567890}`,
		`{"number":"1\u0000\n2","name":"\u202e\u0007"}`, `{"number":-1,"channels":1e400,"media":"x","owns":{"a":1}}`, `{"name":` + `"` + strings.Repeat("x", 900000) + `"}`,
		`{"trunks":[[[]]],"in":[{"match":"(((("}],"numbers":[null],"to":[{}]}`, `{"number":"101","number":"102","a":1,"a":2}`, `{"__proto__":{},"<script>":1}`,
	}
	was := l.text("a") + l.text("b") + l.text("operator")
	var paths []string
	for _, list := range noun.Lists {
		for _, c := range tenant.Collections {
			if c.List != list.Name {
				continue
			}
			if c.Only != tenant.InOperator {
				paths = append(paths, "/api/v1/tenants/a/"+c.List)
			}
			if c.Only != tenant.InTenants {
				paths = append(paths, "/api/v1/operator/"+c.List)
			}
		}
	}
	try := func(method, path, body string, headers ...string) {
		t.Helper()
		r := l.ask("", method, path, body, headers...)
		if r.StatusCode < 400 || r.StatusCode >= 500 {
			t.Errorf("%s %s %.80q: %d %.300s", method, path, body, r.StatusCode, r.body)
		}
		if kind := r.Header.Get("Content-Type"); kind != "application/problem+json" {
			t.Errorf("%s %s %.80q: %d %s %.300s", method, path, body, r.StatusCode, kind, r.body)
		}
		if len(r.body) > 100_000 {
			t.Errorf("%s %s %.80q: %d octets of problem", method, path, body, len(r.body))
		}
	}
	for _, path := range paths {
		for _, body := range bodies {
			if len(body) > 1000 && path != extensions && path != "/api/v1/operator/carriers" {
				continue
			}
			try("POST", path, body)
			try("PUT", path+"/zz", body)
			try("PATCH", path+"/zz", body)
		}
		for _, key := range []string{"%00", "..%2f..%2fetc", "%ff%fe", "a%20b", strings.Repeat("k", 101), "%3Cscript%3E", "'%20OR%201=1"} {
			try("GET", path+"/"+key, "")
			try("DELETE", path+"/"+key, "")
		}
		for _, query := range []string{"limit=x", "limit=-1", "limit=1001", "cursor=%00", "cursor=" + strings.Repeat("A", 5000), "order=%00", "order=" + strings.Repeat("a", 41), "q=" + strings.Repeat("a", 101)} {
			try("GET", path+"?"+query, "")
		}
	}
	for _, body := range bodies {
		for _, path := range []string{"/api/v1/tenants", "/api/v1/batch", "/api/v1/plan", "/api/v1/apply", "/api/v1/what-if"} {
			if path == "/api/v1/plan" || body == "{}" {
				continue
			}
			try("POST", path, body)
		}
		try("PUT", "/api/v1/tenants/a/document", body, "Content-Type", "text/yaml")
		try("PUT", "/api/v1/operator/document", body, "Content-Type", "text/yaml")
		try("POST", "/api/v1/apply", body, "Content-Type", "text/yaml")
		if body != "null" { // a patch of nothing changes nothing
			try("PATCH", "/api/v1/tenants/a", body)
		}
	}
	for _, path := range []string{"/api/v1/revisions/x", "/api/v1/revisions/0", "/api/v1/revisions/-1", "/api/v1/revisions/18446744073709551615", "/api/v1/revisions/99999999999999999999", "/api/v1/tenants/%00", "/api/v1/tenants/a/document?revision=0", "/api/v1/tenants/a/document?revision=18446744073709551615", "/api/v1/export?tenant=none"} {
		try("GET", path, "")
	}
	big := bytes.Repeat([]byte("x"), 2<<20)
	try("POST", extensions, `{"name":"`+string(big)+`"}`)
	if is := l.text("a") + l.text("b") + l.text("operator"); is != was {
		t.Error("something was written")
	}
}
