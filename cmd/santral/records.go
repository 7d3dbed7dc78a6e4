package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"santral/api/client"
)

// search says which records a command is about.
type search struct {
	Tenant     string `help:"Whose; every tenant's when left out." placeholder:"ID"`
	From       string `help:"Begun then or later: 2026-03-21 or 2026-03-21T10:00:00Z." placeholder:"TIME"`
	Until      string `help:"Begun before." placeholder:"TIME"`
	Account    string `help:"The caller's, or the one that was called."`
	Number     string `help:"Of the caller or the called, in any spelling."`
	Trunk      string `help:"That it came or left by."`
	Site       string `help:"Of the caller or the called."`
	Department string `help:"Likewise, with its parts."`
	Kind       string `help:"Kind of calls, such as mobile or international."`
	Direction  string `help:"in, out, internal or transit."`
	State      string `help:"answered, busy, no answer, cancelled, failed or interrupted."`
	Text       string `help:"In a name, a number, a cause or a route."`
	Filter     string `help:"A search that was kept under this name."`
}

// values are what the API is asked for.
func (s *search) values() (client.Search, error) {
	v := client.Search{}
	for name, value := range map[string]string{
		"tenant": s.Tenant, "account": s.Account, "number": s.Number, "trunk": s.Trunk, "site": s.Site, "department": s.Department,
		"kind": s.Kind, "direction": s.Direction, "state": s.State, "text": s.Text, "filter": s.Filter,
	} {
		if value != "" {
			v[name] = []string{value}
		}
	}
	for name, value := range map[string]string{"from": s.From, "until": s.Until} {
		if value == "" {
			continue
		}
		at, err := time.Parse(time.RFC3339, value)
		if err != nil {
			if at, err = time.ParseInLocation(time.DateOnly, value, time.Local); err != nil {
				return nil, fmt.Errorf("--%s %q: write a date such as 2026-03-21, or a time such as 2026-03-21T10:00:00Z", name, value)
			}
		}
		v[name] = []string{at.Format(time.RFC3339)}
	}
	return v, nil
}

// ask opens the exchange that is asked for the records.
func (s *search) ask(e *exchange) (x *client.Client, v client.Search, err error) {
	if v, err = s.values(); err == nil {
		x, err = e.open()
	}
	return x, v, err
}

// style is how a file is written.
type style struct {
	Output   string `short:"o" help:"Write a file instead; its ending says how: .csv, .xlsx or .jsonl." placeholder:"FILE"`
	Language string `help:"Of names of columns, and the direction of sheets: en or fa." enum:"en,fa" default:"en"`
	Calendar string `help:"gregorian or jalali." enum:"gregorian,jalali," default:""`
}

// into has a file written, which is there when it is whole.
func (s *style) into(v client.Search, write func(client.Search, io.Writer) error) error {
	format := strings.TrimPrefix(filepath.Ext(s.Output), ".")
	if !slices.Contains([]string{"csv", "xlsx", "jsonl"}, format) {
		return fmt.Errorf("-o %s: end the name in .csv, .xlsx or .jsonl", s.Output)
	}
	v["format"] = []string{format}
	s.say(v)
	return created(s.Output, func(w io.Writer) error { return write(v, w) })
}

// created has a file written, which is there when it is whole.
func created(name string, write func(io.Writer) error) error {
	file, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("write the file: %w", err)
	}
	if err := write(file); err != nil {
		file.Close()
		os.Remove(name)
		return err
	}
	return file.Close()
}

func (s *style) say(v client.Search) {
	v["language"] = []string{s.Language}
	if s.Calendar != "" {
		v["calendar"] = []string{s.Calendar}
	}
}

// totals adds up the records of a search.
type totals struct {
	exchange
	search
}

// Run prints the sums.
func (c *totals) Run() error {
	x, v, err := c.ask(&c.exchange)
	if err != nil {
		return err
	}
	sums, err := x.Totals(context.Background(), v)
	if err != nil {
		return err
	}
	if c.JSON {
		return show(&c.exchange, []map[string]any{sums}, "", nil)
	}
	return show(&c.exchange, slices.Sorted(maps.Keys(sums)), "SUM\tVALUE", func(key string) string { return fmt.Sprintf("%s\t%v", key, sums[key]) })
}

// reportCommand makes a report of records.
type reportCommand struct {
	Kind string `arg:"" help:"calls, days, hours, departments, accounts, trunks, destinations, causes or missed." enum:"calls,days,hours,departments,accounts,trunks,destinations,causes,missed"`
	exchange
	search `prefix:""`
	style
}

// Run prints it, or writes its file.
func (c *reportCommand) Run() error {
	x, v, err := c.ask(&c.exchange)
	if err != nil {
		return err
	}
	if c.Output != "" {
		return c.into(v, func(v client.Search, w io.Writer) error { return x.ExportRecords(context.Background(), c.Kind, v, w) })
	}
	c.say(v)
	r, err := x.Report(context.Background(), c.Kind, v)
	if err != nil {
		return err
	}
	if c.JSON {
		return show(&c.exchange, r.Rows, "", nil)
	}
	var head []string
	for _, column := range r.Columns {
		head = append(head, strings.ToUpper(column.Name))
	}
	rows := r.Rows
	if len(r.Total) > 0 {
		rows = append(rows, r.Total)
	}
	return show(&c.exchange, rows, strings.Join(head, "\t"), func(row map[string]any) string {
		var cells []string
		for _, column := range r.Columns {
			cells = append(cells, cellOf(row, column.Key))
		}
		return strings.Join(cells, "\t")
	})
}

// cellOf is a value of a report for people.
func cellOf(row map[string]any, key string) string {
	if long, ok := row[key+"_ms"].(float64); ok {
		return (time.Duration(long) * time.Millisecond).Round(100 * time.Millisecond).String()
	}
	switch v := row[key].(type) {
	case nil:
		return ""
	case float64:
		return fmt.Sprint(float64(int64(v*100+0.5)) / 100)
	default:
		return fmt.Sprint(v)
	}
}

// archives lists files of old records, or saves one.
type archives struct {
	exchange
	Tenant string `help:"Whose; every tenant's when left out." placeholder:"ID"`
	Get    string `help:"Save the archive of this name." placeholder:"NAME"`
	Output string `short:"o" help:"With --get: the file." placeholder:"FILE"`
}

// Run prints or saves them.
func (c *archives) Run() error {
	x, err := c.open()
	if err != nil {
		return err
	}
	if c.Get != "" {
		if c.Output == "" {
			return fmt.Errorf("say with -o where the archive is to be saved")
		}
		return created(c.Output, func(w io.Writer) error { return x.Archived(context.Background(), c.Get, w) })
	}
	list, err := x.Archives(context.Background(), c.Tenant)
	if err != nil {
		return err
	}
	return show(&c.exchange, list, "NAME\tRECORDS\tOCTETS\tSHA-256", func(a client.Archive) string {
		return fmt.Sprintf("%s\t%d\t%d\t%s", a.Name, a.Records, a.Octets, a.SHA256)
	})
}

// proof makes all records anew and compares them with what is stored.
type proof struct{ exchange }

// Run fails where something differs.
func (c *proof) Run() error {
	x, err := c.open()
	if err != nil {
		return err
	}
	p, err := x.Prove(context.Background())
	if err != nil {
		return err
	}
	if len(p.Differences) > 0 {
		return fmt.Errorf("the records differ from the ledger:\n%s", strings.Join(p.Differences, "\n"))
	}
	fmt.Printf("%d records are what the ledger says\n", p.Records)
	return nil
}
