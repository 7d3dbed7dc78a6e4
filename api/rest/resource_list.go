package rest

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/danielgtaylor/huma/v2"

	"santral/api/noun"
	"santral/base/jalali"
	"santral/service/revision"
)

// cursor is where a page of a list begins: behind this value of what the list is ordered by, and behind this key.
type cursor struct {
	Order string `json:"o,omitempty"`
	Value string `json:"v,omitempty"`
	Key   string `json:"k"`
}

func (c cursor) String() string {
	text, _ := json.Marshal(c) // texts can be written
	return base64.RawURLEncoding.EncodeToString(text)
}

func parseCursor(text, order string) (c cursor, err error) {
	if text == "" {
		return c, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(raw, &c)
	}
	if err != nil || c.Order != order || c.Key == "" {
		return c, huma.Error400BadRequest("that cursor is none of this list's in this order; leave it out for the first page")
	}
	return c, nil
}

// list gives a page of a list.
func (r resource) list(ctx context.Context, id string, q *ListQuery) (*answer, error) {
	d, err := r.document(ctx, id)
	if err != nil {
		return nil, err
	}
	by := strings.TrimPrefix(q.Order, "-")
	if by != "" && !slices.ContainsFunc(noun.Fields(r.Type), func(f reflectField) bool { return noun.Key(f) == by && f.Tag.Get("writeOnly") == "" }) {
		return nil, huma.Error422UnprocessableEntity("a "+r.One+" has no key "+strconv.Quote(by)+" to order by", &huma.ErrorDetail{Message: "write a key of the entries, perhaps with - before it", Location: "query.order"})
	}
	if by == r.Key && q.Order == by {
		q.Order = ""
	}
	from, err := parseCursor(q.Cursor, q.Order)
	if err != nil {
		return nil, err
	}
	want := folded(q.Text)
	keep := func(e revision.Entry) bool { return r.visible(ctx, id, &e) && (want == "" || r.holds(&e, want)) }
	page := struct {
		Items []json.RawMessage `json:"items"`
		Next  string            `json:"next,omitempty"`
	}{Items: []json.RawMessage{}}
	var rows []revision.Entry
	if d.Text != "" || !r.operator {
		if rows, page.Next, err = r.rows(id, from, q, keep); err != nil {
			return nil, r.refusedChange(err, r.things(id, ""))
		}
	}
	for i := range rows {
		text, err := r.show(&rows[i])
		if err != nil {
			return nil, err
		}
		page.Items = append(page.Items, text)
	}
	text, err := json.Marshal(page)
	if err != nil {
		return nil, r.failed("the list can't be shown", err)
	}
	now := tag(text)
	if q.same(now) {
		return unchanged(now), nil
	}
	return &answer{Status: http.StatusOK, ContentType: jsonType, ETag: now, Body: text}, nil
}

// rows gives a page of entries, and where the next one begins.
func (r resource) rows(id string, from cursor, q *ListQuery, keep func(revision.Entry) bool) ([]revision.Entry, string, error) {
	if q.Order == "" {
		rows, more, err := r.Book.Entries(id, r.Name, from.Key, q.Limit, keep)
		if err != nil || !more || len(rows) == 0 {
			return rows, "", err
		}
		return rows, cursor{Key: rows[len(rows)-1].Key}.String(), nil
	}
	by, down := strings.CutPrefix(q.Order, "-")
	type row struct {
		revision.Entry
		value string
	}
	var all []row
	for after := ""; ; {
		rows, more, err := r.Book.Entries(id, r.Name, after, 1000, keep)
		if err != nil {
			return nil, "", err
		}
		for _, e := range rows {
			var v map[string]json.RawMessage
			_ = json.Unmarshal(e.Value, &v) // what the book gives is an object
			all = append(all, row{e, sortable(v[by])})
		}
		if !more || len(rows) == 0 {
			break
		}
		after = rows[len(rows)-1].Key
	}
	order := func(a, b row) int {
		c := cmp.Or(strings.Compare(a.value, b.value), strings.Compare(a.Key, b.Key))
		if down {
			return -c
		}
		return c
	}
	slices.SortFunc(all, order)
	if from.Key != "" {
		at := row{value: from.Value}
		at.Key = from.Key
		i, found := slices.BinarySearchFunc(all, at, order)
		if found {
			i++
		}
		all = all[i:]
	}
	more := len(all) > q.Limit
	all = all[:min(len(all), q.Limit)]
	var rows []revision.Entry
	for i := range all {
		rows = append(rows, all[i].Entry)
	}
	if !more {
		return rows, "", nil
	}
	last := all[len(all)-1]
	return rows, cursor{Order: q.Order, Value: last.value, Key: last.Key}.String(), nil
}

// sortable is a value as lists are ordered by it: texts without regard to letters' cases, numbers by how large they are.
func sortable(v json.RawMessage) string {
	if s := scalar(v); s != "" {
		if n, err := strconv.ParseFloat(s, 64); err == nil && len(v) > 0 && v[0] != '"' {
			return strings.Repeat(" ", max(0, 24-len(strconv.FormatFloat(n, 'f', 3, 64)))) + strconv.FormatFloat(n, 'f', 3, 64)
		}
		return folded(s)
	}
	return string(v)
}

// folded is a text as it is looked for: small letters, ASCII digits, and one form of the letters that keyboards write in two.
func folded(s string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case 'ي', 'ى':
			return 'ی'
		case 'ك':
			return 'ک'
		case '\u200c': // a half space is often left out
			return -1
		}
		return unicode.ToLower(r)
	}, jalali.ASCII(s))
}

// holds tells whether a text stands in what is shown of an entry.
func (r resource) holds(e *revision.Entry, want string) bool {
	shown, err := noun.Shape(r.Type, e.Value)
	if err != nil {
		return false
	}
	var v any
	_ = json.Unmarshal(shown, &v) // it was just made
	return holds(v, want)
}

func holds(v any, want string) bool {
	switch x := v.(type) {
	case string:
		return strings.Contains(folded(x), want)
	case float64:
		return strings.Contains(strconv.FormatFloat(x, 'f', -1, 64), want)
	case []any:
		return slices.ContainsFunc(x, func(v any) bool { return holds(v, want) })
	case map[string]any:
		for _, v := range x {
			if holds(v, want) {
				return true
			}
		}
	}
	return false
}
