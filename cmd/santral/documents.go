package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"santral/api/client"
)

// readTexts reads documents: files, folders of *.yaml, or - for what is piped in.
func readTexts(names []string) (texts []client.Text, err error) {
	for _, name := range names {
		if name == "-" {
			text, err := io.ReadAll(os.Stdin)
			if err != nil {
				return nil, fmt.Errorf("read what is piped in: %w", err)
			}
			texts = append(texts, client.Text{File: "stdin", Text: string(text)})
			continue
		}
		files := []string{name}
		if info, err := os.Stat(name); err == nil && info.IsDir() {
			if files, _ = filepath.Glob(filepath.Join(name, "*.yaml")); len(files) == 0 {
				return nil, fmt.Errorf("%s holds no *.yaml", name)
			}
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				return nil, err
			}
			texts = append(texts, client.Text{File: file, Text: string(text)})
		}
	}
	return texts, nil
}

// errProblems is how a plan ends that can't be applied.
var errProblems = errors.New("this can't be applied")

// planFiles tells what documents would change.
type planFiles struct {
	Files []string `arg:"" name:"file" help:"Documents, folders of them, or - for what is piped in." completion:"file"`
	exchange
}

// Run prints it.
func (p *planFiles) Run() error {
	x, err := p.open()
	if err != nil {
		return err
	}
	texts, err := readTexts(p.Files)
	if err != nil {
		return err
	}
	plan, err := x.Plan(context.Background(), texts)
	if err != nil {
		return err
	}
	return showPlan(&p.exchange, &plan)
}

func showPlan(e *exchange, p *client.Plan) error {
	if e.JSON {
		if err := json.NewEncoder(os.Stdout).Encode(p); err != nil {
			return err
		}
	} else {
		printPlan(os.Stdout, p)
	}
	if len(p.Problems) > 0 {
		return errProblems
	}
	return nil
}

func printPlan(w io.Writer, p *client.Plan) {
	for _, q := range p.Problems {
		if q.Line > 0 {
			fmt.Fprintf(w, "%s:%d:%d: %s\n", q.File, q.Line, q.Column, q.Text)
		} else {
			fmt.Fprintf(w, "%s: %s\n", q.File, q.Text)
		}
	}
	if len(p.Problems) > 0 {
		return
	}
	if len(p.Documents) == 0 {
		fmt.Fprintln(w, "Nothing would change.")
		return
	}
	tenant := ""
	marks := map[string]string{"add": "+", "edit": "~", "remove": "-"}
	for _, e := range p.Entries {
		if e.Tenant != tenant {
			tenant = e.Tenant
			fmt.Fprintln(w, tenant)
		}
		what := e.List + " " + e.Key
		if e.List == "" {
			what = "key " + e.Key
		}
		if len(e.Keys) > 0 {
			what += ": " + strings.Join(e.Keys, ", ")
		}
		fmt.Fprintf(w, "  %s %s\n", marks[e.Do], what)
	}
	if len(p.Leads) > 0 {
		fmt.Fprintln(w, "Numbers that would lead elsewhere")
		for _, l := range p.Leads {
			fmt.Fprintf(w, "  %s %s: %s → %s\n", l.Tenant, l.Number, l.Was, l.Is)
		}
	}
	if p.More > 0 {
		fmt.Fprintf(w, "and %d more\n", p.More)
	}
	if len(p.Loses) > 0 {
		fmt.Fprintf(w, "Registered or in calls, and would be gone (apply --force): %s\n", strings.Join(p.Loses, ", "))
	}
	fmt.Fprintln(w, summary(p.Documents))
}

// summary tells in how many entries documents change.
func summary(list []client.Changed) string {
	var added, edited, gone int
	for _, d := range list {
		added, edited, gone = added+d.Added, edited+d.Edited, gone+d.Gone
	}
	what := "documents"
	if len(list) == 1 {
		what = "document"
	}
	return fmt.Sprintf("%d %s: %d added, %d edited, %d removed", len(list), what, added, edited, gone)
}

func showRevision(e *exchange, r *client.Revision) error {
	if e.JSON {
		return json.NewEncoder(os.Stdout).Encode(r)
	}
	if len(r.Documents) == 0 {
		fmt.Println("Nothing changed.")
		return nil
	}
	fmt.Printf("revision %d, %s\n", r.Revision, summary(r.Documents))
	return nil
}

// applyFiles has documents be the configuration.
type applyFiles struct {
	Files []string `arg:"" name:"file" help:"Documents, folders of them, or - for what is piped in."`
	Why   string   `help:"Why, for whoever reads the revisions."`
	Force bool     `help:"Also where phones that are registered or calls that go on lose their account."`
	exchange
}

// Run applies them.
func (a *applyFiles) Run() error {
	x, err := a.open()
	if err != nil {
		return err
	}
	texts, err := readTexts(a.Files)
	if err != nil {
		return err
	}
	r, err := x.Apply(context.Background(), texts, a.Why, a.Force)
	if err != nil {
		return err
	}
	return showRevision(&a.exchange, &r)
}

// undo takes a change back.
type undo struct {
	Number uint64 `arg:"" optional:"" help:"The revision; the last when left out."`
	Plan   bool   `help:"Only say what it would do."`
	Why    string `help:"Why, for whoever reads the revisions."`
	Force  bool   `help:"Also where phones that are registered or calls that go on lose their account."`
	exchange
}

// Run takes it back.
func (u *undo) Run() error {
	x, err := u.open()
	if err != nil {
		return err
	}
	ctx := context.Background()
	if u.Number == 0 {
		last, err := x.Revisions(ctx, "", 1)
		if err != nil {
			return err
		}
		if len(last) == 0 {
			return errors.New("there is no revision to take back")
		}
		u.Number = last[0].Revision
	}
	if u.Plan {
		plan, err := x.PlanUndo(ctx, u.Number)
		if err != nil {
			return err
		}
		return showPlan(&u.exchange, &plan)
	}
	r, err := x.Undo(ctx, u.Number, u.Why, u.Force)
	if err != nil {
		return err
	}
	return showRevision(&u.exchange, &r)
}

// revisions lists changes.
type revisions struct {
	Number uint64 `arg:"" optional:"" help:"Show this one with its difference."`
	Tenant string `help:"Only those that changed this tenant's document." env:"SANTRAL_TENANT"`
	Limit  int    `default:"20" help:"How many, newest first."`
	exchange
}

// Run prints them.
func (r *revisions) Run() error {
	x, err := r.open()
	if err != nil {
		return err
	}
	ctx := context.Background()
	if r.Number > 0 {
		one, err := x.Revision(ctx, r.Number)
		if err != nil {
			return err
		}
		if r.JSON {
			return json.NewEncoder(os.Stdout).Encode(one)
		}
		fmt.Printf("revision %d of %s, by %s via %s: %s\n%s\n", one.Revision, one.At.Local().Format("2006-01-02 15:04:05"), one.Who, one.Via, one.Why, summary(one.Documents))
		for _, d := range one.Diffs {
			fmt.Print(d.Text)
		}
		return nil
	}
	rows, err := x.Revisions(ctx, r.Tenant, min(max(r.Limit, 1), 1000))
	if err != nil {
		return err
	}
	return show(&r.exchange, rows, "REVISION\tAT\tWHO\tVIA\tCHANGED\tWHY", func(v client.Revision) string {
		var of []string
		for _, d := range v.Documents {
			of = append(of, fmt.Sprintf("%s +%d ~%d -%d", d.Tenant, d.Added, d.Edited, d.Gone))
		}
		if len(of) > 3 {
			of = append(of[:3], fmt.Sprintf("and %d more", len(of)-3))
		}
		why := v.Why
		if v.Undoes > 0 {
			why = strings.TrimSpace(fmt.Sprintf("undoes %d %s", v.Undoes, why))
		}
		return fmt.Sprintf("%d\t%s\t%s\t%s\t%s\t%s", v.Revision, v.At.Local().Format("2006-01-02 15:04:05"), v.Who, v.Via, strings.Join(of, ", "), why)
	})
}

// export prints documents.
type export struct {
	Tenant string `help:"Only this tenant's document; operator for the operator's; all when left out."`
	Out    string `short:"o" help:"Write into a file instead." placeholder:"FILE"`
	exchange
}

// Run prints them.
func (e *export) Run() error {
	x, err := e.open()
	if err != nil {
		return err
	}
	text, err := x.Export(context.Background(), e.Tenant)
	if err != nil {
		return err
	}
	if e.Out != "" {
		return os.WriteFile(e.Out, text, 0o600)
	}
	_, err = os.Stdout.Write(text)
	return err
}

// routeCall asks what would happen to a call.
type routeCall struct {
	Tenant string `help:"Who calls, or is called from outside; the only tenant when left out." env:"SANTRAL_TENANT"`
	From   string `required:"" help:"Who calls: an account, or any number."`
	To     string `required:"" help:"What is dialled."`
	At     string `help:"When: '2026-04-02 18:05', '1405-01-13 18:05', '13 farvardin 18:05', '18:05'; now when left out."`
	By     string `help:"The trunk by which it would come." placeholder:"TRUNK"`
	Lang   string `help:"Language of the reasoning: en or fa; that of the terminal when left out." enum:",en,fa" default:""`
	exchange
}

// Run prints where it would go, and why.
func (r *routeCall) Run() error {
	x, err := r.open()
	if err != nil {
		return err
	}
	ctx := context.Background()
	if r.Tenant == "" {
		if r.Tenant, err = onlyTenant(ctx, x); err != nil {
			return err
		}
	}
	answer, err := x.WhatIf(ctx, client.WhatIf{Tenant: r.Tenant, From: r.From, Trunk: r.By, Dialled: r.To, At: r.At})
	if err != nil {
		return err
	}
	if r.JSON {
		return json.NewEncoder(os.Stdout).Encode(answer)
	}
	persian := r.Lang == "fa" || r.Lang == "" && strings.HasPrefix(os.Getenv("LC_ALL")+os.Getenv("LC_MESSAGES")+os.Getenv("LANG"), "fa")
	fmt.Printf("%s  (%s)\n", answer.At.Format("2006-01-02 15:04 MST"), answer.Jalali)
	for _, s := range answer.Steps {
		if persian {
			fmt.Println(s.Fa)
		} else {
			fmt.Println(s.En)
		}
	}
	return nil
}

// onlyTenant gives the tenant that is meant where none is named: the only one.
func onlyTenant(ctx context.Context, x *client.Client) (string, error) {
	rows, err := x.Entries(ctx, "", "tenants", "", 10)
	if err != nil {
		return "", err
	}
	var ids []string
	for _, raw := range rows {
		var t struct {
			Tenant string `json:"tenant"`
		}
		_ = json.Unmarshal(raw, &t) // what the exchange gives is an object
		ids = append(ids, t.Tenant)
	}
	switch len(ids) {
	case 0:
		return "", errors.New("there is no tenant yet: santral add tenants tenant=ID domains=NAME")
	case 1:
		return ids[0], nil
	}
	return "", fmt.Errorf("say which tenant with --tenant (or SANTRAL_TENANT): %s", strings.Join(ids, ", "))
}
