// Package noun holds the nouns of configuration as JSON has them: for each list of a document its entries' type, with
// exactly the document's keys. The OpenAPI document is made from these types, the API shows entries in their shape, and
// our own client speaks in them. What may stand in an entry, and with what, is judged by tenant alone: a type says what
// there is, not what is right.
package noun

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// List is a list of documents as the API tells of it. Its words are those of tenant.Collections.
type List struct {
	Name string       // of the resource: "lines"
	One  string       // an entry: "line"
	Key  string       // the key of an entry that names it: "number"
	Many string       // what it is, as a sentence's beginning: "SIP Phone lines"
	Type reflect.Type // of an entry
	Tag  string       // the group of pages that it stands in
}

// Lists are all lists of documents, in the order in which pages show them.
var Lists = []List{
	list[Site]("sites", "site", "site", "Places", "Places where the tenant is, with area code, zone and address"),
	list[Department]("departments", "department", "department", "People", "Parts of the organisation"),
	list[User]("users", "user", "user", "People", "People who may sign in"),
	list[Group]("groups", "group", "group", "People", "Telephones that are rung for one number"),
	list[Building]("buildings", "building", "building", "Places", "Houses of a complex"),
	list[Unit]("units", "unit", "unit", "Places", "Flats, offices and shops, and who is in them"),
	list[Extension]("extensions", "extension", "number", "Accounts", "Internal numbers"),
	list[Line]("lines", "line", "number", "Accounts", "SIP Phone lines: a number and one channel each"),
	list[Device]("devices", "device", "device", "Accounts", "Telephones, adapters and gateways"),
	list[Number]("numbers", "number", "number", "Numbers", "Public numbers that are no line's, and where they lead"),
	list[Block]("blocks", "block", "number", "Numbers", "Numbers that the operator has to give out, or that rest"),
	list[Class]("classes", "class", "class", "Routing", "Classes of service: who may call what"),
	list[Schedule]("schedules", "schedule", "schedule", "Routing", "When something holds"),
	list[Calendar]("calendars", "calendar", "calendar", "Routing", "Holidays"),
	list[Trunk]("trunks", "trunk", "name", "Routing", "Ways to carriers and to customers' PBXs"),
	list[Carrier]("carriers", "carrier", "name", "Routing", "Ways to other operators, for all tenants"),
	list[Pool]("pools", "pool", "pool", "Routing", "Channels that several trunks share"),
	list[Route]("routes", "route", "name", "Routing", "Which trunks carry which numbers"),
	list[Lamps]("lists", "list", "name", "Accounts", "Accounts that are watched as one"),
	list[Tune]("music", "tune", "name", "Media", "What those hear who wait"),
	list[Webhook]("webhooks", "webhook", "webhook", "Events", "Addresses that are told of events"),
	list[Report]("reports", "report", "report", "Records", "Reports that are made again and again"),
	list[Brand]("brands", "brand", "brand", "Places", "Resellers' names and colours"),
}

func list[T any](name, one, key, tag, many string) List {
	return List{Name: name, One: one, Key: key, Many: many, Tag: tag, Type: reflect.TypeFor[T]()}
}

// Of gives a list by its name.
func Of(name string) (List, bool) {
	i := slices.IndexFunc(Lists, func(l List) bool { return l.Name == name })
	if i < 0 {
		return List{}, false
	}
	return Lists[i], true
}

// Shape gives an entry as the API shows it: its keys in the order of its type, texts as texts however they are written
// (number: 101 is the text "101"), a list where one may be written as a single text, and no secret. What has no place in
// the type stays as it is. An error says that entry is no JSON object.
func Shape(t reflect.Type, entry []byte) (json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(entry))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("show an entry: %w", err)
	}
	if _, ok := v.(map[string]any); !ok {
		return nil, fmt.Errorf("show an entry: it is no object")
	}
	return appendShaped(nil, t, v), nil
}

func appendShaped(out []byte, t reflect.Type, v any) []byte {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Struct:
		m, ok := v.(map[string]any)
		if key := shortOf(t); !ok && key != "" {
			m, ok = map[string]any{key: v}, true
		}
		if ok {
			return appendObject(out, t, m)
		}
	case reflect.Slice:
		items, ok := v.([]any)
		if !ok && v != nil {
			if _, object := v.(map[string]any); !object {
				items, ok = []any{v}, true // one, written without a list
			}
		}
		if ok {
			out = append(out, '[')
			for i, item := range items {
				if i > 0 {
					out = append(out, ',')
				}
				out = appendShaped(out, t.Elem(), item)
			}
			return append(out, ']')
		}
	case reflect.String:
		switch x := v.(type) {
		case json.Number:
			v = x.String()
		case bool:
			v = fmt.Sprint(x)
		}
	}
	return appendValue(out, v)
}

func appendValue(out []byte, v any) []byte {
	text, err := json.Marshal(v)
	if err != nil { // what a decoder gave can be encoded
		text = []byte("null")
	}
	return append(out, text...)
}

func appendObject(out []byte, t reflect.Type, m map[string]any) []byte {
	out = append(out, '{')
	empty := true
	put := func(key string, value func([]byte) []byte) {
		if !empty {
			out = append(out, ',')
		}
		empty = false
		out = append(appendValue(out, key), ':')
		out = value(out)
	}
	known := map[string]bool{}
	for f := range fields(t) {
		key := Key(f)
		known[key] = true
		if v, there := m[key]; there && f.Tag.Get("writeOnly") == "" {
			put(key, func(out []byte) []byte { return appendShaped(out, f.Type, v) })
		}
	}
	var others []string
	for key := range m {
		if !known[key] {
			others = append(others, key)
		}
	}
	slices.Sort(others)
	for _, key := range others {
		put(key, func(out []byte) []byte { return appendValue(out, m[key]) })
	}
	return append(out, '}')
}

// Secrets are the keys of a type's secrets, those of a credential first. They are taken, and never shown.
func Secrets(t reflect.Type) (keys []string) {
	for f := range fields(t) {
		if f.Tag.Get("writeOnly") != "" {
			keys = append(keys, Key(f))
		}
	}
	return keys
}

// Key gives the document's key of a field.
func Key(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

// fields gives the fields of a struct with those of what it embeds.
func fields(t reflect.Type) func(yield func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for _, f := range reflect.VisibleFields(t) {
			if !f.Anonymous && !yield(f) {
				return
			}
		}
	}
}

// Fields gives the fields of an entry, with those of what it embeds, in the order in which they are shown.
func Fields(t reflect.Type) (list []reflect.StructField) {
	for f := range fields(t) {
		list = append(list, f)
	}
	return list
}

// shortOf gives the key that a bare text stands for where a document may write one instead of an object; "" for none.
func shortOf(t reflect.Type) string {
	for f := range fields(t) {
		if f.Tag.Get("short") == "true" {
			return Key(f)
		}
	}
	return ""
}

// Ordered writes an object with its keys in the order of its type, those that it does not know behind them: so they then
// stand in a document.
func Ordered(t reflect.Type, v map[string]json.RawMessage) json.RawMessage {
	out := []byte{'{'}
	put := func(key string) {
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(appendValue(out, key), ':'), v[key]...)
	}
	known := map[string]bool{}
	for f := range fields(t) {
		key := Key(f)
		if known[key] = true; v[key] != nil {
			put(key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(v)) {
		if !known[key] {
			put(key)
		}
	}
	return append(out, '}')
}

// Lines writes the keys of an object as the lines of a document, in the order of its type: JSON is YAML too.
func Lines(t reflect.Type, v map[string]json.RawMessage) (lines []string) {
	known := map[string]bool{}
	line := func(key string) { lines = append(lines, plain(key)+": "+string(v[key])) }
	for f := range fields(t) {
		key := Key(f)
		if known[key] = true; v[key] != nil {
			line(key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(v)) {
		if !known[key] {
			line(key)
		}
	}
	return lines
}

// plain writes a key: as it is where it is a word, else in quotes.
func plain(key string) string {
	if key != "" && strings.Trim(key, "abcdefghijklmnopqrstuvwxyz-") == "" {
		return key
	}
	return string(appendValue(nil, key))
}
