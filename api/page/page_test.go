package page

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
)

// description is a small one with everything that pages show.
func description() *huma.OpenAPI {
	registry := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	registry.Map()["Cup"] = &huma.Schema{
		Type: "object", Description: "Holds <b>tea</b>.", Required: []string{"name"},
		Properties: map[string]*huma.Schema{
			"name":  {Type: "string", Description: "what it is called", Examples: []any{"it's blue"}, MaxLength: new(40)},
			"pin":   {Type: "string", WriteOnly: true},
			"size":  {Type: "integer", Minimum: new(1.0), Maximum: new(9.0)},
			"kind":  {Type: "string", Enum: []any{"mug", "glass"}},
			"under": {Ref: "#/components/schemas/Cup"},
			"list":  {Type: "array", Items: &huma.Schema{Ref: "#/components/schemas/Cup"}},
		},
	}
	cup := map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{Ref: "#/components/schemas/Cup"}}}
	doc := &huma.OpenAPI{
		Info: &huma.Info{Title: "Tea", Version: "1.2", Description: "Of *tea* and **cups**.\n\n## Brewing\n\n- `hot`\n- 2 * 3 <i>"},
		Tags: []*huma.Tag{{Name: "Cups", Description: "All of them."}, {Name: "Empty"}},
		Components: &huma.Components{
			Schemas:    registry,
			Parameters: map[string]*huma.Param{"id": {Name: "id", In: "path", Required: true, Schema: &huma.Schema{Type: "string", Examples: []any{"7"}}}},
			Responses:  map[string]*huma.Response{"NotFound": {Description: "None <x>"}},
		},
		Paths: map[string]*huma.PathItem{"/cups/{id}": {
			Put: &huma.Operation{
				OperationID: "put-cup", Summary: "Fill a <cup>", Tags: []string{"Cups"}, Parameters: []*huma.Param{{Ref: "#/components/parameters/id"}},
				RequestBody: &huma.RequestBody{Content: cup},
				Responses:   map[string]*huma.Response{"200": {Description: "Filled", Content: cup}, "404": {Ref: "#/components/responses/NotFound"}},
			},
		}},
		Webhooks: map[string]*huma.PathItem{"cup.broken": {Post: &huma.Operation{OperationID: "event-cup-broken", Summary: "One broke", Tags: []string{"Events"}}}},
	}
	return doc
}

func get(t *testing.T, path string, header ...string) (*httptest.ResponseRecorder, string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, Path+path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	New(description()).ServeHTTP(w, r)
	return w, w.Body.String()
}

func TestPages(t *testing.T) {
	for _, c := range []struct {
		path string
		has  []string
	}{
		{"", []string{`lang="en" dir="ltr"`, "<em>tea</em>", "<strong>cups</strong>", "<h2>Brewing</h2>", `<code dir="ltr">hot</code>`, "2 * 3 &lt;i&gt;", `href="/api/docs/cups?lang=en"`, "All of them."}},
		{"?lang=fa", []string{`lang="fa" dir="rtl"`, "سانترال مرکز تلفن", `href="?lang=en"`}},
		{"/cups", []string{"Fill a &lt;cup&gt;", "/cups/{id}", `id="put-cup"`, "None &lt;x&gt;", "curl -X PUT", "$SANTRAL_URL/cups/7", `it&#39;\&#39;&#39;s blue`}},
		{"/cups?lang=fa", []string{"الزامی", "پارامترها", "Fill a &lt;cup&gt;"}},
		{"/events", []string{"cup.broken", "One broke"}},
		{"/types", []string{`id="Cup"`, "Holds &lt;b&gt;tea&lt;/b&gt;.", "mug | glass", "taken, never shown", "1 – 9", "list of Cup"}},
		{"/types?lang=fa", []string{"نوع‌ها"}},
	} {
		w, body := get(t, c.path)
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "text/html; charset=utf-8" || w.Header().Get("Content-Security-Policy") != policy {
			t.Errorf("%s: %d %v", c.path, w.Code, w.Header())
		}
		for _, want := range c.has {
			if !strings.Contains(body, want) {
				t.Errorf("%s has no %q", c.path, want)
			}
		}
		for _, never := range []string{"<no value>", "ZgotmplZ", "http://", "<cup>", "style=", "onclick", "%!"} {
			if strings.Contains(strings.ReplaceAll(body, "http://www.w3.org", ""), never) {
				t.Errorf("%s has %q", c.path, never)
			}
		}
	}
}

func TestLanguageOfTheReader(t *testing.T) {
	for header, want := range map[string]string{"": "en", "fa-IR,fa;q=0.9,en;q=0.8": "fa", "de, en;q=0.5": "en", "en-US": "en", "xx": "en"} {
		if w, _ := get(t, "", "Accept-Language", header); w.Header().Get("Content-Language") != want {
			t.Errorf("%q reads %s", header, w.Header().Get("Content-Language"))
		}
	}
}

func TestWhatIsNoPage(t *testing.T) {
	w, body := get(t, "/nowhere/../<script>")
	if w.Code != http.StatusNotFound || strings.Contains(body, "<script>") {
		t.Errorf("%d %s", w.Code, body)
	}
	r := httptest.NewRequest(http.MethodPost, Path, nil)
	w = httptest.NewRecorder()
	New(description()).ServeHTTP(w, r)
	if w.Code != http.StatusMethodNotAllowed {
		t.Error(w.Code)
	}
}

func TestPackedPages(t *testing.T) {
	w, body := get(t, "/cups", "Accept-Encoding", "gzip, br")
	if w.Header().Get("Content-Encoding") != "gzip" || !strings.HasPrefix(body, "\x1f\x8b") {
		t.Error(w.Header())
	}
	for path, kind := range map[string]string{"/style.css": "text/css", "/script.js": "text/javascript"} {
		if w, _ := get(t, path); !strings.HasPrefix(w.Header().Get("Content-Type"), kind) || w.Body.Len() < 500 {
			t.Errorf("%s: %v", path, w.Header())
		}
	}
}
