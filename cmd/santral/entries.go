package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"strings"

	"santral/api/client"
	"santral/api/noun"
)

// whichList names a list of a document, or tenants, or the operator.
type whichList struct {
	List   string `arg:"" help:"lines, extensions, numbers, trunks, routes, users … (santral get lists all), tenants, or operator."`
	Tenant string `help:"Whose; operator for the operator's; the only tenant when left out." env:"SANTRAL_TENANT"`
	exchange
}

// at gives the path of the list and its type.
func (w *whichList) at(ctx context.Context, x *client.Client) (path string, t reflect.Type, key string, err error) {
	switch w.List {
	case "tenants", "tenant":
		return "/api/v1/tenants", reflect.TypeFor[noun.Tenant](), "tenant", nil
	case "operator":
		return "/api/v1/operator", reflect.TypeFor[noun.Operator](), "", nil
	}
	l, ok := noun.Of(w.List)
	for i := range noun.Lists {
		if noun.Lists[i].One == w.List {
			l, ok = noun.Lists[i], true
		}
	}
	if !ok {
		var names []string
		for _, l := range noun.Lists {
			names = append(names, l.Name)
		}
		return "", nil, "", fmt.Errorf("there is no list %s: write one of %s, tenants or operator", w.List, strings.Join(names, ", "))
	}
	w.List = l.Name
	if l.Name == "carriers" || l.Name == "blocks" || l.Name == "brands" {
		w.Tenant = client.OperatorID
	}
	if w.Tenant == "" {
		if w.Tenant, err = onlyTenant(ctx, x); err != nil {
			return "", nil, "", err
		}
	}
	return client.ListPath(w.Tenant, l.Name), l.Type, l.Key, nil
}

// get shows entries.
type get struct {
	List   string `arg:"" optional:"" help:"lines, extensions, numbers, trunks, routes, users …, tenants, or operator; which there are when left out."`
	Key    string `arg:"" optional:"" help:"Only this entry: a line's number, a trunk's name, a tenant's id."`
	Tenant string `help:"Whose; operator for the operator's; the only tenant when left out." env:"SANTRAL_TENANT"`
	Q      string `short:"q" help:"Only entries in which this text stands." placeholder:"TEXT"`
	Limit  int    `help:"At most so many." default:"0"`
	exchange
}

// Run prints them.
func (g *get) Run() error {
	if g.List == "" {
		return show(&g.exchange, noun.Lists, "LIST\tKEY\tWHAT", func(l noun.List) string { return l.Name + "\t" + l.Key + "\t" + l.Many })
	}
	x, err := g.open()
	if err != nil {
		return err
	}
	ctx := context.Background()
	w := whichList{g.List, g.Tenant, g.exchange}
	path, t, key, err := w.at(ctx, x)
	if err != nil {
		return err
	}
	if g.Key != "" || key == "" {
		if key != "" {
			path += "/" + url.PathEscape(g.Key)
		}
		text, err := x.Entry(ctx, path)
		if err != nil {
			return err
		}
		return showEntry(&g.exchange, t, text)
	}
	rows, err := x.Entries(ctx, w.Tenant, strings.TrimSuffix(strings.TrimPrefix(path[strings.LastIndex(path, "/"):], "/"), "/"), g.Q, g.Limit)
	if err != nil {
		return err
	}
	if g.JSON {
		return show(&g.exchange, rows, "", nil)
	}
	columns := columnsOf(t, key, rows)
	return show(&g.exchange, rows, strings.ToUpper(strings.Join(columns, "\t")), func(raw json.RawMessage) string {
		v := valuesOf(raw)
		var cells []string
		for _, c := range columns {
			cells = append(cells, v[c])
		}
		return strings.Join(cells, "\t")
	})
}

// mostColumns is how many keys of entries a table shows.
const mostColumns = 8

// columnsOf gives the keys that a table shows: what names the entries, then those that some entry has, in their order.
func columnsOf(t reflect.Type, key string, rows []json.RawMessage) []string {
	has := map[string]bool{}
	for _, raw := range rows {
		for k := range valuesOf(raw) {
			has[k] = true
		}
	}
	columns := []string{key}
	for _, f := range noun.Fields(t) {
		if k := noun.Key(f); k != key && has[k] && len(columns) < mostColumns {
			columns = append(columns, k)
		}
	}
	return columns
}

// valuesOf gives an entry's keys with what a cell shows of each.
func valuesOf(raw json.RawMessage) map[string]string {
	var v map[string]json.RawMessage
	_ = json.Unmarshal(raw, &v) // what the exchange gives is an object
	cells := map[string]string{}
	for k, value := range v {
		cells[k] = cell(value)
	}
	return cells
}

func cell(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) == nil {
		var parts []string
		for i, item := range list {
			if i == 4 {
				parts = append(parts, fmt.Sprintf("… %d", len(list)))
				break
			}
			parts = append(parts, cell(item))
		}
		return strings.Join(parts, ",")
	}
	return string(raw)
}

// showEntry prints an entry, a key a line.
func showEntry(e *exchange, t reflect.Type, text json.RawMessage) error {
	if e.JSON {
		return json.NewEncoder(os.Stdout).Encode(text)
	}
	var v map[string]json.RawMessage
	if err := json.Unmarshal(text, &v); err != nil {
		return fmt.Errorf("read the exchange's answer: %w", err)
	}
	for _, line := range noun.Lines(t, v) {
		fmt.Println(line)
	}
	return nil
}

// add adds an entry.
type add struct {
	whichList `embed:""`
	Values    []string `arg:"" help:"key=value for each key; lists with commas, nested keys with points (media.ptime=20), anything as JSON by key:=JSON."`
	Why       string   `help:"Why, for whoever reads the revisions."`
}

// Run adds it, and prints it.
func (a *add) Run() error {
	return a.change(http.MethodPost, "", a.Values, a.Why, false)
}

// set changes an entry.
type set struct {
	whichList `embed:""`
	Values    []string `arg:"" help:"The entry's key (none for the operator), then key=value for what changes; key= takes a key away."`
	Why       string   `help:"Why, for whoever reads the revisions."`
}

// Run changes it, and prints it.
func (s *set) Run() error {
	key := ""
	if s.List != "operator" {
		if key, s.Values = s.Values[0], s.Values[1:]; strings.Contains(key, "=") || len(s.Values) == 0 {
			return fmt.Errorf("write the key of the entry, then what changes: santral set %s KEY name=value", s.List)
		}
	}
	return s.change(http.MethodPatch, key, s.Values, s.Why, false)
}

// remove takes an entry away.
type remove struct {
	whichList `embed:""`
	Key       string `arg:"" help:"What names the entry."`
	Why       string `help:"Why, for whoever reads the revisions."`
	Force     bool   `help:"Also where phones that are registered or calls that go on lose their account."`
}

// Run takes it away.
func (r *remove) Run() error { return r.change(http.MethodDelete, r.Key, nil, r.Why, r.Force) }

func (w *whichList) change(method, key string, values []string, why string, force bool) error {
	x, err := w.open()
	if err != nil {
		return err
	}
	ctx := context.Background()
	path, t, _, err := w.at(ctx, x)
	if err != nil {
		return err
	}
	if key != "" {
		path += "/" + url.PathEscape(key)
	}
	value, err := valueOf(t, values)
	if err != nil {
		return err
	}
	text, err := x.Change(ctx, method, path, value, why, force)
	if err != nil || method == http.MethodDelete {
		return err
	}
	return showEntry(&w.exchange, t, text)
}

// valueOf makes an entry of what was typed.
func valueOf(t reflect.Type, values []string) (map[string]any, error) {
	v := map[string]any{}
	for _, part := range values {
		name, text, ok := strings.Cut(part, "=")
		name, raw := strings.CutSuffix(name, ":")
		if !ok || name == "" {
			return nil, fmt.Errorf("%q: write key=value, or key:=JSON", part)
		}
		into, of := v, t
		path := strings.Split(name, ".")
		for i, key := range path {
			f, known := fieldOf(of, key)
			if !known {
				var keys []string
				for _, f := range noun.Fields(of) {
					keys = append(keys, noun.Key(f))
				}
				return nil, fmt.Errorf("there is no key %s: write one of %s", strings.Join(path[:i+1], "."), strings.Join(keys, ", "))
			}
			for of = f.Type; of.Kind() == reflect.Pointer; {
				of = of.Elem()
			}
			if i < len(path)-1 {
				if of.Kind() != reflect.Struct {
					return nil, fmt.Errorf("%s has no keys of its own: write %s:=JSON", key, key)
				}
				inner, _ := into[key].(map[string]any)
				if inner == nil {
					inner = map[string]any{}
				}
				into[key], into = inner, inner
				continue
			}
			value, err := typed(of, text, raw)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			into[key] = value
		}
	}
	return v, nil
}

func fieldOf(t reflect.Type, key string) (reflect.StructField, bool) {
	if t.Kind() != reflect.Struct {
		return reflect.StructField{}, false
	}
	for _, f := range noun.Fields(t) {
		if noun.Key(f) == key {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

// typed reads a value as its key takes it; nothing is null, which takes the key away.
func typed(t reflect.Type, text string, raw bool) (any, error) {
	if raw {
		var v any
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			return nil, fmt.Errorf("%q is no JSON: %w", text, err)
		}
		return v, nil
	}
	switch {
	case text == "":
		return nil, nil
	case t.Kind() == reflect.String:
		return text, nil
	case t.Kind() == reflect.Slice:
		var list []any
		for item := range strings.SplitSeq(text, ",") {
			v, err := typed(t.Elem(), strings.TrimSpace(item), false)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, nil
	case t.Kind() == reflect.Struct:
		return text, nil // the short form that documents take too, or a problem that says so
	}
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return nil, fmt.Errorf("%q is neither a number nor true or false", text)
	}
	return v, nil
}
