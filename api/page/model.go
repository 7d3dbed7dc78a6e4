package page

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// group is operations that are shown on one page.
type group struct {
	Name, Slug, Text string
	Operations       []operation
}

// operation is one that can be asked for, or an event that is told.
type operation struct {
	ID, Method, Path, Summary, Text string
	Event                           bool
	Open                            bool // without credentials
	Parameters                      []field
	Bodies                          []body
	Answers                         []answer
	Curl                            string
}

// body is what is sent, in one media type.
type body struct {
	Type    string
	Ref     string // name of a type of its own
	Fields  []field
	Example string
}

// answer is what comes back.
type answer struct {
	Status, Text, Type, Ref, Example string
	Good                             bool
}

// field is a key of an object, or a parameter.
type field struct {
	Name, Kind, Ref, Text, Place string
	Required                     bool
	Rules                        []string // what bounds it
	Secret                       bool
}

// schema is a type of its own.
type schema struct {
	Name, Text, Example string
	Fields              []field
}

// order is that of methods on a page.
var order = []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}

func methods(item *huma.PathItem) map[string]*huma.Operation {
	return map[string]*huma.Operation{
		http.MethodGet: item.Get, http.MethodPost: item.Post, http.MethodPut: item.Put, http.MethodPatch: item.Patch, http.MethodDelete: item.Delete,
	}
}

func slug(name string) string { return strings.ReplaceAll(strings.ToLower(name), " ", "-") }

// groupsOf sorts operations into groups: those that the description names, in their order, then others.
func groupsOf(doc *huma.OpenAPI) (groups []group) {
	m := maker{doc}
	add := func(tag string, op operation) {
		i := slices.IndexFunc(groups, func(g group) bool { return g.Name == tag })
		if i < 0 {
			groups = append(groups, group{Name: tag, Slug: slug(tag)})
			i = len(groups) - 1
		}
		groups[i].Operations = append(groups[i].Operations, op)
	}
	for _, t := range doc.Tags {
		groups = append(groups, group{Name: t.Name, Slug: slug(t.Name), Text: t.Description})
	}
	for _, path := range slices.Sorted(maps.Keys(doc.Paths)) {
		all := methods(doc.Paths[path])
		for _, method := range order {
			if op := all[method]; op != nil && !op.Hidden {
				add(first(op.Tags, "Other"), m.operation(method, path, op, false))
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(doc.Webhooks)) {
		if op := doc.Webhooks[name].Post; op != nil {
			add(first(op.Tags, "Events"), m.operation("EVENT", name, op, true))
		}
	}
	return slices.DeleteFunc(groups, func(g group) bool { return len(g.Operations) == 0 })
}

func first(list []string, otherwise string) string {
	if len(list) == 0 {
		return otherwise
	}
	return list[0]
}

func schemasOf(doc *huma.OpenAPI) (list []schema) {
	m := maker{doc}
	all := doc.Components.Schemas.Map()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		s := all[name]
		list = append(list, schema{Name: name, Text: s.Description, Fields: m.fields(s), Example: m.exampleOf(s)})
	}
	return list
}

// maker looks up what a description refers to.
type maker struct{ doc *huma.OpenAPI }

func (m maker) operation(method, path string, op *huma.Operation, event bool) operation {
	o := operation{ID: op.OperationID, Method: method, Path: path, Summary: op.Summary, Text: op.Description, Event: event, Open: op.Security != nil && len(op.Security) == 0}
	for _, p := range op.Parameters {
		if name, ok := strings.CutPrefix(p.Ref, "#/components/parameters/"); ok {
			p = m.doc.Components.Parameters[name]
		}
		if p == nil {
			continue
		}
		f := m.field(p.Name, p.Schema, p.Required)
		f.Place = p.In
		if p.Description != "" {
			f.Text = p.Description
		}
		o.Parameters = append(o.Parameters, f)
	}
	if op.RequestBody != nil {
		for _, kind := range slices.Sorted(maps.Keys(op.RequestBody.Content)) {
			c := op.RequestBody.Content[kind]
			b := body{Type: kind}
			if c.Schema != nil {
				if b.Ref = refName(c.Schema); b.Ref == "" {
					b.Fields = m.fields(c.Schema)
				}
				b.Example = m.exampleOf(c.Schema)
			}
			o.Bodies = append(o.Bodies, b)
		}
	}
	for _, status := range slices.Sorted(maps.Keys(op.Responses)) {
		r := op.Responses[status]
		if name, ok := strings.CutPrefix(r.Ref, "#/components/responses/"); ok {
			r = m.doc.Components.Responses[name]
		}
		if r == nil {
			continue
		}
		a := answer{Status: status, Text: r.Description, Good: status < "300"}
		for _, kind := range slices.Sorted(maps.Keys(r.Content)) {
			a.Type = kind
			if s := r.Content[kind].Schema; s != nil && a.Good {
				a.Ref, a.Example = refName(s), m.exampleOf(s)
			}
			break
		}
		o.Answers = append(o.Answers, a)
	}
	if !event {
		o.Curl = m.curl(&o)
	}
	return o
}

// curl is how an operation is tried.
func (m maker) curl(o *operation) string {
	path := o.Path
	for _, f := range o.Parameters {
		if f.Place == "path" {
			value := strings.ToUpper(f.Name)
			if len(f.Rules) > 0 && strings.HasPrefix(f.Rules[0], "= ") {
				value = f.Rules[0][2:]
			}
			path = strings.ReplaceAll(path, "{"+f.Name+"}", value)
		}
	}
	line := "curl"
	if o.Method != http.MethodGet {
		line += " -X " + o.Method
	}
	line += " \"$SANTRAL_URL" + path + "\""
	if !o.Open {
		line += " \\\n  -H \"Authorization: Bearer $SANTRAL_TOKEN\""
	}
	if len(o.Bodies) > 0 {
		b := o.Bodies[len(o.Bodies)-1]
		for i := range o.Bodies {
			if strings.Contains(o.Bodies[i].Type, "json") {
				b = o.Bodies[i]
				break
			}
		}
		line += " \\\n  -H \"Content-Type: " + b.Type + "\""
		if strings.Contains(b.Type, "json") && b.Example != "" {
			var small any
			if json.Unmarshal([]byte(b.Example), &small) == nil {
				if text, err := json.Marshal(small); err == nil {
					line += " \\\n  -d '" + strings.ReplaceAll(string(text), "'", `'\''`) + "'"
				}
			}
		} else {
			line += " \\\n  --data-binary @FILE"
		}
	}
	return line
}

func refName(s *huma.Schema) string {
	if s == nil {
		return ""
	}
	return strings.TrimPrefix(s.Ref, "#/components/schemas/")
}

// resolved gives what a schema refers to, or itself.
func (m maker) resolved(s *huma.Schema) *huma.Schema {
	if name := refName(s); name != "" {
		if t := m.doc.Components.Schemas.Map()[name]; t != nil {
			return t
		}
	}
	return s
}

func (m maker) fields(s *huma.Schema) (list []field) {
	s = m.resolved(s)
	if s == nil {
		return nil
	}
	keys := slices.Sorted(maps.Keys(s.Properties))
	rank := func(key string) int { return slices.Index([]bool{true, false}, slices.Contains(s.Required, key)) }
	slices.SortStableFunc(keys, func(a, b string) int { return rank(a) - rank(b) }) // what must be there stands first
	for _, key := range keys {
		list = append(list, m.field(key, s.Properties[key], slices.Contains(s.Required, key)))
	}
	return list
}

func (m maker) field(name string, s *huma.Schema, required bool) field {
	f := field{Name: name, Required: required}
	if s == nil {
		return f
	}
	f.Text, f.Secret = s.Description, s.WriteOnly
	f.Kind, f.Ref = m.kind(s)
	rule := func(format string, args ...any) { f.Rules = append(f.Rules, fmt.Sprintf(format, args...)) }
	if len(s.Examples) > 0 {
		if text, ok := s.Examples[0].(string); ok {
			rule("= %s", text)
		}
	}
	of := s
	if s.Type == huma.TypeArray && s.Items != nil {
		of = s.Items
	}
	var words []string
	for _, e := range of.Enum {
		words = append(words, fmt.Sprint(e))
	}
	if words != nil {
		rule("%s", strings.Join(words, " | "))
	}
	switch {
	case s.Minimum != nil && s.Maximum != nil:
		rule("%v – %v", *s.Minimum, *s.Maximum)
	case s.Minimum != nil:
		rule("≥ %v", *s.Minimum)
	case s.Maximum != nil:
		rule("≤ %v", *s.Maximum)
	}
	if s.Default != nil {
		rule("default %v", s.Default)
	}
	if s.MaxLength != nil {
		rule("≤ %d characters", *s.MaxLength)
	}
	if s.MaxItems != nil {
		rule("≤ %d items", *s.MaxItems)
	}
	if s.Pattern != "" {
		rule("%s", s.Pattern)
	}
	return f
}

// kind says what a value is, and of which type of its own.
func (m maker) kind(s *huma.Schema) (kind, ref string) {
	if name := refName(s); name != "" {
		return name, name
	}
	switch {
	case s.Type == huma.TypeArray && s.Items != nil:
		kind, ref = m.kind(s.Items)
		return "list of " + kind, ref
	case s.Type == huma.TypeObject && s.AdditionalProperties != nil:
		if of, ok := s.AdditionalProperties.(*huma.Schema); ok {
			kind, ref = m.kind(of)
			return "map of " + kind, ref
		}
	case s.Format != "":
		return s.Type + ", " + s.Format, ""
	case s.Type == "":
		return "any", ""
	}
	return s.Type, ""
}

// exampleOf writes an example of a schema.
func (m maker) exampleOf(s *huma.Schema) string {
	v := m.example(s, 0)
	if v == nil {
		return ""
	}
	if text, ok := v.(string); ok {
		return text
	}
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return ""
	}
	return string(text)
}

// example makes one of a schema: its own where it has some, else one of its words or bounds. Objects show what must be there
// and what has an example.
func (m maker) example(s *huma.Schema, depth int) any {
	if s == nil || depth > 4 {
		return nil
	}
	if len(s.Examples) > 0 {
		return s.Examples[0]
	}
	name := refName(s)
	s = m.resolved(s)
	switch {
	case len(s.Examples) > 0:
		return s.Examples[0]
	case len(s.Enum) > 0:
		return s.Enum[0]
	case s.Default != nil:
		return s.Default
	}
	switch s.Type {
	case huma.TypeArray:
		if v := m.example(s.Items, depth+1); v != nil {
			return []any{v}
		}
		return []any{}
	case huma.TypeObject:
		v := map[string]any{}
		for key, p := range s.Properties {
			must := slices.Contains(s.Required, key)
			if p.ReadOnly || !must && len(p.Examples) == 0 {
				continue
			}
			if strings.HasSuffix(name, "Patch") && len(v) > 1 {
				continue
			}
			if e := m.example(p, depth+1); e != nil {
				v[key] = e
			}
		}
		return v
	case huma.TypeInteger, huma.TypeNumber:
		if s.Minimum != nil {
			return *s.Minimum
		}
		return 1
	case huma.TypeBoolean:
		return true
	case huma.TypeString:
		switch s.Format {
		case "date-time":
			return "2026-11-27T07:30:00Z"
		case "uri":
			return "https://example.net"
		}
		return "…"
	}
	return nil
}
