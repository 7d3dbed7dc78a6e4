package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"santral/api"
	"santral/api/noun"
	"santral/api/order"
	"santral/base/jalali"
	"santral/base/sheet"
	"santral/service/revision"
	"santral/tenant"
)

// Imported tells row for row what became of a table.
type Imported struct {
	Added    int           `json:"added"`
	Changed  int           `json:"changed"`
	Same     int           `json:"same" doc:"rows that say what is so already"`
	Refused  int           `json:"refused"`
	Revision uint64        `json:"revision,omitempty" doc:"that all of it is; left out where nothing was changed"`
	Rows     []ImportedRow `json:"rows"`
}

// ImportedRow is what became of a row.
type ImportedRow struct {
	Line    int        `json:"line" doc:"of the file"`
	Key     string     `json:"key" doc:"what names the entry"`
	Did     string     `json:"did" enum:"added,changed,same,refused,not done" doc:"not done: good, but another row was refused"`
	Problem string     `json:"problem,omitempty"`
	Ready   *ReadyLine `json:"ready,omitempty" doc:"of orders: what the phone needs"`
}

// tableKinds are the lists that come and go as tables.
var tableKinds = map[string]bool{"lines": true, "extensions": true, "numbers": true, "devices": true, "units": true, "buildings": true, "groups": true, "users": true, "departments": true, "sites": true, "trunks": true}

const (
	csvType    = "text/csv"
	maxTable   = 16 << 20 // octets
	tablesPath = tenantPath + "/tables/{list}"
)

// isTable tells of requests whose bodies may be as large as tables.
func isTable(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, tenantsPath+"/") && strings.Contains(r.URL.Path, "/tables/")
}

// TablePath names a list of a tenant as a table.
type TablePath struct {
	TenantPath
	List string `path:"list" maxLength:"40" enum:"lines,extensions,numbers,devices,units,buildings,groups,users,departments,sites,trunks,orders"`
}

// tables serves lists as CSV files, there and back.
func (c Config) tables(a huma.API) {
	csv := &huma.Schema{Type: huma.TypeString, Format: "binary"}
	get := answering(op("export-table", http.MethodGet, tablesPath, "A list as a CSV file for spreadsheets; secrets are left out", reads("tables", tenant.RoleAdmin)),
		map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{csvType: {Schema: csv}}}})
	get.Tags = []string{"Orders"}
	huma.Register(a, get, func(ctx context.Context, in *struct{ TablePath }) (*tableAnswer, error) {
		if err := c.tableOf(ctx, &in.TablePath); err != nil {
			return nil, err
		}
		return c.exportTable(in.Tenant, in.List)
	})
	post := op("import-table", http.MethodPost, tablesPath, "Add and change the entries of a list by a CSV file, whose first line names keys; of orders each row is one order. Told row for row", writes("tables", tenant.RoleAdmin))
	post.Tags, post.MaxBodyBytes, post.BodyReadTimeout = []string{"Orders"}, maxTable, documentTime
	huma.Register(a, post, func(ctx context.Context, in *struct {
		TablePath
		Reasoned
		Dry     bool   `query:"dry" doc:"only tell what would be done"`
		Partial bool   `query:"partial" doc:"do what is good though other rows are refused; otherwise all of it is done or nothing"`
		RawBody []byte `contentType:"text/csv"`
	}) (*body[Imported], error) {
		if err := c.tableOf(ctx, &in.TablePath); err != nil {
			return nil, err
		}
		table, err := sheet.Read(in.RawBody)
		if err != nil {
			return nil, huma.Error422UnprocessableEntity(err.Error())
		}
		im := &importing{Config: c, tenant: in.Tenant, list: in.List, table: table, partial: in.Partial, dry: in.Dry, force: in.Force, by: author(ctx, in.why())}
		im.by.Via = "csv"
		if in.List == "orders" {
			return im.orders(ctx)
		}
		return im.entries(ctx)
	})
}

// tableOf lets through who may change everything of a tenant.
func (c Config) tableOf(ctx context.Context, in *TablePath) error {
	if _, err := c.theTenant(ctx, in.Tenant); err != nil {
		return err
	}
	if partly(ctx) {
		return huma.Error403Forbidden("a table is of a whole tenant, and you are bound to a part of it: ask an administrator")
	}
	if in.List != "orders" && !tableKinds[in.List] {
		return huma.Error404NotFound("there is no table of " + in.List)
	}
	if no := api.Judge(ctx, right{Resource: in.List, Role: tenant.RoleReporter}); no != nil && in.List != "orders" {
		return no
	}
	return nil
}

type tableAnswer struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
}

// exportTable writes a list as a table.
func (c Config) exportTable(tenantID, list string) (*tableAnswer, error) {
	l, ok := noun.Of(list)
	if !ok {
		return nil, huma.Error404NotFound("orders are given, and not kept as such: their lines, devices and units are tables")
	}
	columns := columnsOf(&l)
	var rows [][]string
	for after, more := "", true; more; {
		var page []revision.Entry
		var err error
		if page, more, err = c.Book.Entries(tenantID, list, after, 1000, nil); err != nil {
			return nil, c.refusedChange(err, things{what: "list", list: tenantPath})
		}
		for _, e := range page {
			after = e.Key
			shown, err := noun.Shape(l.Type, e.Value)
			if err != nil {
				return nil, c.failed("an entry can't be shown", err)
			}
			cells, err := noun.Cells(columns, shown)
			if err != nil {
				return nil, c.failed("an entry can't be shown", err)
			}
			rows = append(rows, cells)
		}
	}
	var b bytes.Buffer
	if err := sheet.Write(&b, columns, rows); err != nil {
		return nil, c.failed("the table can't be written", err)
	}
	return &tableAnswer{ContentType: csvType + "; charset=utf-8; header=present", Disposition: `attachment; filename="` + tenantID + "-" + list + `.csv"`, Body: b.Bytes()}, nil
}

// columnsOf are the columns of a list's table: all keys but secrets.
func columnsOf(l *noun.List) (columns []string) {
	secrets := noun.Secrets(l.Type)
	for _, name := range noun.Columns(l.Type) {
		head, _, _ := strings.Cut(name, ".")
		if !slices.Contains(secrets, head) {
			columns = append(columns, name)
		}
	}
	return columns
}

// importing is a table on its way into a list.
type importing struct {
	Config
	tenant, list        string
	table               sheet.Table
	partial, dry, force bool
	by                  revision.Author
	out                 Imported
}

// row is one that can be read: what it changes, and what it does.
type row struct {
	at   int // place in out.Rows
	edit revision.Edit
}

// entries adds and changes entries, in one revision.
func (im *importing) entries(ctx context.Context) (*body[Imported], error) {
	l, _ := noun.Of(im.list)
	key := slices.Index(im.table.Columns, l.Key)
	if key < 0 {
		return nil, huma.Error422UnprocessableEntity("a column " + l.Key + " must name the entries; known columns are " + strings.Join(noun.Columns(l.Type), ", "))
	}
	var good []row
	for i, cells := range im.table.Rows {
		r := ImportedRow{Line: im.table.Lines[i], Key: jalali.ASCII(cells[key])}
		value, err := im.entry(&l, key, r.Key, cells)
		if err != nil {
			im.refuse(&r, err.Error())
			continue
		}
		edit := revision.Edit{Tenant: im.tenant, List: im.list, Key: r.Key, Do: revision.Put, Value: value}
		switch was, err := im.Book.Entry(im.tenant, im.list, r.Key); {
		case errors.Is(err, revision.ErrNotFound):
			r.Did = "added"
		case err != nil:
			return nil, im.refusedChange(err, things{what: "entry", list: im.list})
		default:
			edit.Do, r.Did = revision.Patch, "changed"
			if bytes.Equal(merged(was.Value, value), merged(was.Value, json.RawMessage("{}"))) {
				r.Did = "same"
			}
		}
		im.out.Rows = append(im.out.Rows, r)
		if r.Did != "same" {
			good = append(good, row{len(im.out.Rows) - 1, edit})
		}
	}
	good, err := im.tried(ctx, nil, good)
	if err != nil {
		return nil, err
	}
	return im.done(ctx, good)
}

// entry reads a row: empty cells say nothing, and "-" takes a key away.
func (im *importing) entry(l *noun.List, key int, name string, cells []string) (json.RawMessage, error) {
	if name == "" {
		return nil, errors.New("the row names no " + l.Key)
	}
	entry := map[string]any{}
	for i, cell := range cells {
		column := im.table.Columns[i]
		if cell == "" || column == "" {
			continue
		}
		if cell == "-" && i != key {
			noun.Set(entry, column, nil)
			continue
		}
		if i == key || strings.HasSuffix(column, "number") || column == "accounts" || column == "members" {
			cell = jalali.ASCII(cell)
		}
		v, err := noun.Cell(l.Type, column, cell)
		if err != nil {
			return nil, err
		}
		noun.Set(entry, column, v)
	}
	return json.Marshal(entry)
}

func (im *importing) refuse(r *ImportedRow, why string) {
	r.Did, r.Problem = "refused", why
	im.out.Rows = append(im.out.Rows, *r)
}

// tried finds the rows that are good together, halving those that are not until each bad one stands alone.
func (im *importing) tried(ctx context.Context, before, rows []row) ([]row, error) {
	if len(rows) == 0 {
		return before, nil
	}
	all := append(before[:len(before):len(before)], rows...)
	problem, err := im.problem(ctx, all)
	switch {
	case err != nil:
		return nil, err
	case problem == "":
		return all, nil
	case len(rows) == 1:
		r := &im.out.Rows[rows[0].at]
		r.Did, r.Problem = "refused", problem
		return before, nil
	}
	half := len(rows) / 2
	if before, err = im.tried(ctx, before, rows[:half]); err != nil {
		return nil, err
	}
	return im.tried(ctx, before, rows[half:])
}

func (im *importing) change(ctx context.Context, rows []row) revision.Change {
	c := revision.Change{Author: im.by, Force: im.force, Judge: judge(ctx)}
	for i := range rows {
		c.Edits = append(c.Edits, rows[i].edit)
	}
	return c
}

// problem tells what is wrong with rows together, "" for nothing.
func (im *importing) problem(ctx context.Context, rows []row) (string, error) {
	plan, err := im.Book.Plan(ctx, im.change(ctx, rows))
	var judged huma.StatusError
	switch {
	case errors.Is(err, revision.ErrNotFound), errors.Is(err, revision.ErrExists):
		return err.Error(), nil
	case errors.As(err, &judged): // who asks may not do that
		return judged.Error(), nil
	}
	if err != nil {
		return "", im.refusedChange(err, things{what: "entry", list: im.list})
	}
	if len(plan.Problems) > 0 {
		return plan.Problems[0].Text, nil
	}
	return "", nil
}

// done carries out what is good, where it is wanted, and counts.
func (im *importing) done(ctx context.Context, good []row) (*body[Imported], error) {
	count := func() {
		for i := range im.out.Rows {
			switch im.out.Rows[i].Did {
			case "added":
				im.out.Added++
			case "changed":
				im.out.Changed++
			case "same":
				im.out.Same++
			case "refused":
				im.out.Refused++
			}
		}
	}
	if count(); im.out.Refused > 0 && !im.partial && !im.dry {
		for _, r := range good {
			im.out.Rows[r.at].Did = "not done"
		}
		im.out.Added, im.out.Changed = 0, 0
		good = nil
	}
	if len(good) > 0 && !im.dry {
		r, err := im.Book.Apply(ctx, im.change(ctx, good))
		if err != nil {
			return nil, im.refusedChange(err, things{what: "entry", list: im.list})
		}
		im.out.Revision = r.Number
	}
	return &body[Imported]{im.out}, nil
}

// mostOrders bounds the orders of one table: each is a revision of its own.
const mostOrders = 1000

// orders carries out an order for each row.
func (im *importing) orders(ctx context.Context) (*body[Imported], error) {
	if err := im.whole(ctx, im.tenant); err != nil {
		return nil, err
	}
	if len(im.table.Rows) > mostOrders {
		return nil, huma.Error422UnprocessableEntity("a table has at most 1000 orders: split it")
	}
	deadline := time.Now().Add(documentTime)
	for i, cells := range im.table.Rows {
		r := ImportedRow{Line: im.table.Lines[i]}
		w, err := im.wish(cells)
		if err == nil && time.Now().After(deadline) {
			err = errors.New("there was no time left: send the rest again")
		}
		if err != nil {
			im.refuse(&r, err.Error())
			continue
		}
		if r.Key, r.Did = w.Number, "added"; im.dry {
			im.out.Rows = append(im.out.Rows, r)
			continue
		}
		line, err := im.Orders.Fill(ctx, w, im.by)
		if err != nil {
			im.refuse(&r, plainly(im.unordered(err, im.tenant)))
			continue
		}
		ready, err := readyLine(line)
		if err != nil {
			return nil, im.failed("the QR code can't be drawn", err)
		}
		ready.QR = "" // a table of pictures helps nobody
		r.Key, r.Ready, im.out.Revision = line.Number, &ready, line.Revision
		im.out.Rows = append(im.out.Rows, r)
	}
	return im.done(ctx, nil)
}

// plainly is a problem in words, with its places.
func plainly(err error) string {
	var model *huma.ErrorModel
	if !errors.As(err, &model) {
		return err.Error()
	}
	return model.Detail
}

// wish reads an order from a row.
func (im *importing) wish(cells []string) (order.Wish, error) {
	w := order.Wish{Tenant: im.tenant}
	fields := map[string]*string{
		"number": &w.Number, "block": &w.Block, "name": &w.Name, "language": &w.Language, "class": &w.Class, "site": &w.Site, "department": &w.Department,
		"unit": &w.Unit, "device": &w.Device, "model": &w.Model, "password": &w.Password,
	}
	for i, column := range im.table.Columns {
		if column == "" {
			continue
		}
		to, ok := fields[column]
		if !ok {
			return w, errors.New("there is no column " + column + " of orders; known are number, block, name, language, class, site, department, unit, device, model, password")
		}
		*to = cells[i]
	}
	w.Number = jalali.ASCII(w.Number)
	return w, nil
}
