package noun

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Columns are the keys of a noun that stand in the cells of a table: texts, numbers, yes and no, lists of texts (apart by
// blanks or semicolons), and what is within an object under its own key ("address.city"). Other keys stand there as JSON.
func Columns(t reflect.Type) (names []string) {
	for _, f := range Fields(t) {
		inner := f.Type
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Struct && flat(inner) {
			for _, g := range Fields(inner) {
				names = append(names, Key(f)+"."+Key(g))
			}
			continue
		}
		names = append(names, Key(f))
	}
	return names
}

// flat tells of an object whose members are texts, numbers, yes and no, and lists of texts.
func flat(t reflect.Type) bool {
	return !slices.ContainsFunc(Fields(t), func(f reflect.StructField) bool {
		k := f.Type.Kind()
		if k == reflect.Pointer {
			k = f.Type.Elem().Kind()
		}
		return k == reflect.Struct || k == reflect.Map || k == reflect.Interface || k == reflect.Slice && f.Type.Elem().Kind() != reflect.String
	})
}

// field finds the type of a column.
func field(t reflect.Type, column string) (of reflect.Type, ok bool) {
	head, rest, nested := strings.Cut(column, ".")
	for _, f := range Fields(t) {
		if Key(f) != head {
			continue
		}
		of = f.Type
		if of.Kind() == reflect.Pointer {
			of = of.Elem()
		}
		if nested {
			return field(of, rest)
		}
		return of, true
	}
	return nil, false
}

// Cell reads a cell of a column: the value as JSON has it.
func Cell(t reflect.Type, column, cell string) (any, error) {
	of, ok := field(t, column)
	if !ok {
		return nil, fmt.Errorf("there is no key %q; known are %s", column, strings.Join(Columns(t), ", "))
	}
	switch of.Kind() {
	case reflect.Bool:
		switch strings.ToLower(cell) {
		case "true", "yes", "1", "x", "بله", "آری":
			return true, nil
		case "false", "no", "0", "خیر", "نه":
			return false, nil
		}
		return nil, fmt.Errorf("%s: write yes or no", column)
	case reflect.Int:
		n, err := strconv.Atoi(cell)
		if err != nil {
			return nil, fmt.Errorf("%s: write a whole number", column)
		}
		return n, nil
	case reflect.Slice:
		if of.Elem().Kind() == reflect.String && !strings.HasPrefix(cell, "[") {
			return strings.FieldsFunc(cell, func(r rune) bool { return strings.ContainsRune(" ;,|\n\t", r) }), nil
		}
	case reflect.String:
		return cell, nil
	}
	var v any
	d := json.NewDecoder(strings.NewReader(cell))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		if of.Kind() == reflect.Struct && shortOf(of) != "" || of.Kind() == reflect.Slice || of.Kind() == reflect.Interface {
			return cell, nil // one that may be written short
		}
		return nil, fmt.Errorf("%s: write it as JSON, such as the API shows it", column)
	}
	return v, nil
}

// Set puts a column's value into an entry.
func Set(entry map[string]any, column string, value any) {
	head, rest, nested := strings.Cut(column, ".")
	if !nested {
		entry[head] = value
		return
	}
	inner, ok := entry[head].(map[string]any)
	if !ok {
		inner = map[string]any{}
		entry[head] = inner
	}
	Set(inner, rest, value)
}

// Cells writes an entry, as Shape gives it, into the cells of columns.
func Cells(columns []string, entry json.RawMessage) ([]string, error) {
	d := json.NewDecoder(bytes.NewReader(entry))
	d.UseNumber()
	var all map[string]any
	if err := d.Decode(&all); err != nil {
		return nil, fmt.Errorf("show an entry: %w", err)
	}
	cells := make([]string, len(columns))
	for i, column := range columns {
		cells[i] = text(at(all, column))
	}
	return cells, nil
}

func at(m map[string]any, column string) any {
	head, rest, nested := strings.Cut(column, ".")
	if !nested {
		return m[head]
	}
	inner, _ := m[head].(map[string]any)
	return at(inner, rest)
}

// text is a value in a cell.
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		if v {
			return "yes"
		}
		return "no"
	case []any:
		var words []string
		for _, one := range v {
			s, ok := one.(string)
			if !ok || strings.ContainsAny(s, " ;,|") {
				return asJSON(v)
			}
			words = append(words, s)
		}
		return strings.Join(words, " ")
	}
	return asJSON(v)
}

func asJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil { // of what was JSON
		return ""
	}
	return string(b)
}
