package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"santral/api/client"
)

// customer says which tenant a command is about.
type customer struct {
	exchange
	Tenant string `required:"" help:"The tenant." placeholder:"ID"`
}

// orderLine makes a line ready: number, password, device, link.
type orderLine struct {
	customer
	Number     string `help:"In any spelling; the next one that is free when left out."`
	Block      string `help:"Name of the operator's block that the number is to be of."`
	Name       string `help:"Display name."`
	Language   string `help:"That it hears: en or fa."`
	Class      string `help:"Class of service."`
	Site       string `help:"Where it is."`
	Department string `help:"That it belongs to."`
	Unit       string `help:"Flat or office that it is for."`
	Device     string `help:"Device that gets it as its next account; made where there is none."`
	Model      string `help:"Make and model of a device that is made."`
	Days       int    `help:"Days that the link leads anywhere; 7 when left out."`
	Letter     string `help:"Write the letter to the subscriber into this file, a PDF." placeholder:"FILE"`
	In         string `help:"Language of the letter: fa, en or both." enum:"fa,en,both" default:"both"`
}

// Run orders it, and prints what its phone needs.
func (c *orderLine) Run() error {
	x, err := c.open()
	if err != nil {
		return err
	}
	s, err := x.OrderLine(context.Background(), c.Tenant, client.Order{
		Number: c.Number, Block: c.Block, Name: c.Name, Language: c.Language, Class: c.Class, Site: c.Site, Department: c.Department,
		Unit: c.Unit, Device: c.Device, Model: c.Model, Days: c.Days,
	})
	if err != nil {
		return err
	}
	if err := c.told(s); err != nil {
		return err
	}
	if c.Letter == "" {
		return nil
	}
	return letterInto(x, c.Tenant, s.Number, c.In, c.Letter)
}

// told prints what a phone needs, for people or for programs.
func (c *customer) told(list ...client.Setup) error {
	return show(&c.exchange, list, "NUMBER\tNAME\tPASSWORD\tDOMAIN\tSERVER\tLINK", func(s client.Setup) string {
		return fmt.Sprintf("%s\t%s\t%s\t%s\t%s;transport=%s\t%s", s.Number, s.Name, s.Password, s.Domain, s.Proxy, s.Transport, s.Link)
	})
}

func letterInto(x *client.Client, tenant, number, language, file string) error {
	text, err := x.Letter(context.Background(), tenant, number, language)
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return fmt.Errorf("write the letter: %w", err)
	}
	fmt.Fprintln(os.Stderr, "the letter is in", file)
	return nil
}

// letterCommand writes the letter of an account that is there.
type letterCommand struct {
	customer
	Number string `arg:"" help:"The account."`
	Output string `short:"o" required:"" help:"File that it is written into, a PDF." placeholder:"FILE"`
	In     string `help:"Language: fa, en or both." enum:"fa,en,both" default:"both"`
}

// Run writes it.
func (c *letterCommand) Run() error {
	x, err := c.open()
	if err != nil {
		return err
	}
	return letterInto(x, c.Tenant, c.Number, c.In, c.Output)
}

// link makes another link for an account, or another password with it.
type link struct {
	customer
	Number      string `arg:"" help:"The account."`
	NewPassword bool   `help:"With a new password: phones that have the old one are out."`
}

// Run prints it.
func (c *link) Run() error {
	x, err := c.open()
	if err != nil {
		return err
	}
	ask := x.LinkAccount
	if c.NewPassword {
		ask = x.ResetPassword
	}
	s, err := ask(context.Background(), c.Tenant, c.Number)
	if err != nil {
		return err
	}
	return c.told(s)
}

// cease gives a line's number back.
type cease struct {
	customer
	Number     string `arg:"" help:"The line's number."`
	Quarantine int    `default:"90" help:"Days that the number rests."`
}

// Run gives it back.
func (c *cease) Run() error {
	x, err := c.open()
	if err != nil {
		return err
	}
	return x.Cease(context.Background(), c.Tenant, c.Number, c.Quarantine)
}

// free lists numbers that may be had.
type free struct {
	customer
	Block string `help:"Only of the block of this name."`
	Limit int    `default:"20" help:"How many."`
}

// Run prints them.
func (c *free) Run() error {
	x, err := c.open()
	if err != nil {
		return err
	}
	page, err := x.FreeNumbers(context.Background(), c.Tenant, c.Block, "", c.Limit)
	if err != nil {
		return err
	}
	return show(&c.exchange, page.Items, "NUMBER\tE.164", func(n client.FreeNumber) string { return n.Number + "\t" + n.E164 })
}

// moveIn has people live in a unit.
type moveIn struct {
	customer
	Unit  string   `arg:"" help:"The unit."`
	Names []string `arg:"" help:"Who lives there; the first one's name is shown."`
}

// Run moves them in, and prints what their phones need.
func (c *moveIn) Run() error {
	x, err := c.open()
	if err != nil {
		return err
	}
	lines, err := x.MoveIn(context.Background(), c.Tenant, c.Unit, c.Names)
	if err != nil {
		return err
	}
	return c.told(lines...)
}

// moveOut has nobody live in a unit.
type moveOut struct {
	customer
	Unit string `arg:"" help:"The unit."`
}

// Run moves them out.
func (c *moveOut) Run() error {
	x, err := c.open()
	if err != nil {
		return err
	}
	return x.MoveOut(context.Background(), c.Tenant, c.Unit)
}

// tableExport prints a list as a CSV file.
type tableExport struct {
	customer
	List   string `arg:"" help:"lines, extensions, numbers, devices, units, buildings, groups, users, departments, sites or trunks."`
	Output string `short:"o" help:"File that it is written into; standard output when left out." placeholder:"FILE"`
}

// Run writes it.
func (c *tableExport) Run() error {
	x, err := c.open()
	if err != nil {
		return err
	}
	file, err := x.Table(context.Background(), c.Tenant, c.List)
	if err != nil {
		return err
	}
	if c.Output == "" {
		_, err = os.Stdout.Write(file)
		return err
	}
	if err := os.WriteFile(c.Output, file, 0o600); err != nil {
		return fmt.Errorf("write the table: %w", err)
	}
	return nil
}

// tableImport has the entries of a list be as a CSV file says.
type tableImport struct {
	customer
	List    string `arg:"" help:"As of export, or orders: then each row is one order."`
	File    string `arg:"" help:"The CSV file; - for standard input."`
	Dry     bool   `help:"Only tell what would be done."`
	Partial bool   `help:"Do what is good though other rows are refused."`
	Why     string `help:"Why, for whoever reads the revisions."`
}

// Run sends it, and prints what became of each row.
func (c *tableImport) Run() error {
	x, err := c.open()
	if err != nil {
		return err
	}
	var file []byte
	if c.File == "-" {
		file, err = io.ReadAll(os.Stdin)
	} else {
		file, err = os.ReadFile(c.File)
	}
	if err != nil {
		return fmt.Errorf("read the table: %w", err)
	}
	report, err := x.ImportTable(context.Background(), c.Tenant, c.List, file, c.Dry, c.Partial, c.Why)
	if err != nil {
		return err
	}
	err = show(&c.exchange, report.Rows, "LINE\tKEY\tDID\tPROBLEM\tPASSWORD\tLINK", func(r client.ImportedRow) string {
		var ready client.Setup
		if r.Ready != nil {
			ready = *r.Ready
		}
		return fmt.Sprintf("%d\t%s\t%s\t%s\t%s\t%s", r.Line, r.Key, r.Did, r.Problem, ready.Password, ready.Link)
	})
	if err == nil && report.Refused > 0 {
		err = fmt.Errorf("%d rows were refused", report.Refused)
		if !c.Partial && !c.Dry {
			err = errors.New(strings.TrimSpace(err.Error() + ", and nothing was changed: mend them, or send the others with --partial"))
		}
	}
	return err
}
