// Package page shows the API's description to people: readable pages in English and Persian, made from the OpenAPI document
// that programs read, served by the exchange itself. They need nothing of any other host, no script to be read, and with one
// they can be searched.
//
// It owns pages that were made, for as long as the exchange runs: a page is made when somebody first asks for it.
package page

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"html/template"
	"net/http"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
)

// Path is where the pages are.
const Path = "/api/docs"

//go:embed page.html
var layout string

//go:embed style.css
var style []byte

//go:embed script.js
var script []byte

// policy lets a page load what stands beside it, and nothing else.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// Book is the description as pages. It is safe for concurrent use.
type Book struct {
	doc    *huma.OpenAPI
	groups []group
	schema []schema
	layout *template.Template

	mu   sync.Mutex
	made map[string][]byte // page and language → its octets, packed
}

// New makes pages of a description that changes no more.
func New(doc *huma.OpenAPI) *Book {
	b := &Book{doc: doc, made: map[string][]byte{}}
	b.layout = template.Must(template.New("page").Funcs(template.FuncMap{"prose": prose, "lower": strings.ToLower}).Parse(layout))
	b.groups, b.schema = groupsOf(doc), schemasOf(doc)
	return b
}

// ServeHTTP gives a page, its style or its script.
func (b *Book) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "these pages are only read", http.StatusMethodNotAllowed)
		return
	}
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	name := strings.Trim(strings.TrimPrefix(r.URL.Path, Path), "/")
	switch name {
	case "style.css":
		h.Set("Content-Type", "text/css; charset=utf-8")
		w.Write(style)
		return
	case "script.js":
		h.Set("Content-Type", "text/javascript; charset=utf-8")
		w.Write(script)
		return
	}
	language := languageOf(r)
	h.Set("Vary", "Accept-Language, Accept-Encoding")
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", language)
	packed, ok := b.page(name, language)
	if !ok {
		w.WriteHeader(http.StatusNotFound)
	}
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		w.Write(packed)
		return
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return
	}
	var out bytes.Buffer
	if _, err := out.ReadFrom(z); err == nil {
		w.Write(out.Bytes())
	}
}

// languageOf gives the language in which somebody reads: that of the address, else the first of both that the browser names.
func languageOf(r *http.Request) string {
	if l := r.URL.Query().Get("lang"); l == "fa" || l == "en" {
		return l
	}
	for part := range strings.SplitSeq(strings.ToLower(r.Header.Get("Accept-Language")), ",") {
		switch {
		case strings.HasPrefix(strings.TrimSpace(part), "fa"):
			return "fa"
		case strings.HasPrefix(strings.TrimSpace(part), "en"):
			return "en"
		}
	}
	return "en"
}

// page gives a page, packed; the one that says what there is, and false, where there is none of that name.
func (b *Book) page(name, language string) ([]byte, bool) {
	v := view{Path: Path, Name: name, Language: language, W: words[language], Groups: b.groups, Title: b.doc.Info.Title, Version: b.doc.Info.Version}
	v.Dir, v.Other, v.OtherName = "ltr", "fa", "فارسی"
	if language == "fa" {
		v.Dir, v.Other, v.OtherName = "rtl", "en", "English"
	}
	found := true
	switch {
	case name == "":
		v.Text, v.TextDir = b.doc.Info.Description, "ltr"
		if language == "fa" {
			v.Text, v.TextDir = introduction, "rtl"
		}
	case name == "types":
		v.Schemas = b.schema
	default:
		found = false
		for i := range b.groups {
			if b.groups[i].Slug == name {
				v.Group, found = &b.groups[i], true
			}
		}
		if !found {
			v.Name, name = "", "missing"
			v.Missing = true
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	key := name + " " + language
	if packed := b.made[key]; packed != nil {
		return packed, found
	}
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if err := b.layout.Execute(z, &v); err != nil {
		return nil, false
	}
	if err := z.Close(); err != nil {
		return nil, false
	}
	b.made[key] = out.Bytes()
	return out.Bytes(), found
}

// view is what one page shows.
type view struct {
	Path, Name, Language, Dir, Other, OtherName string
	Title, Version, Text, TextDir               string
	W                                           map[string]string
	Groups                                      []group
	Group                                       *group
	Schemas                                     []schema
	Missing                                     bool
}

// Say gives a word of the page in its language; of what it has no word for, the word itself.
func (v *view) Say(word string) string {
	if s := v.W[word]; s != "" {
		return s
	}
	return word
}

// part is fields with the page that they are shown on.
type part struct {
	View   *view
	Fields []field
}

// With gives fields to a part of the page.
func (v *view) With(fields []field) part { return part{v, fields} }
