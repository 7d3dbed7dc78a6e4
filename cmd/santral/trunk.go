package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"santral/api/client"
)

// trunks lists trunks.
type trunks struct{ exchange }

// Run prints them.
func (t *trunks) Run() error {
	x, err := t.open()
	if err != nil {
		return err
	}
	rows, err := x.Trunks(context.Background())
	if err != nil {
		return err
	}
	return show(&t.exchange, rows, "TENANT\tTRUNK\tMODE\tSTATE\tCALLS\tREGISTERED UNTIL\tPLACES\tWHY", func(r client.Trunk) string {
		until, why := "", ""
		if g := r.Registration; g != nil {
			if !g.Until.IsZero() {
				until = g.Until.Local().Format(time.DateTime)
			}
			if g.Fault != "" {
				why = fmt.Sprintf("%d %s", g.Status, g.Reason)
			}
		}
		var places []string
		for _, p := range r.Places {
			places = append(places, p.URI+" "+p.Health)
		}
		return fmt.Sprintf("%s\t%s\t%s\t%s\t%d of %d\t%s\t%s\t%s", r.Tenant, r.Trunk, r.Mode, r.State, r.CallsIn+r.CallsOut, r.Channels, until, strings.Join(places, ", "), why)
	})
}

// trunkCommand holds what is done with one trunk.
type trunkCommand struct {
	Certify certify `cmd:"" help:"Test a trunk by the clauses of SIPconnect, against its other side."`
}

// certify tests a trunk.
type certify struct {
	Name   string `arg:"" help:"The trunk: its name, or TENANT/NAME where several tenants have one of that name."`
	Number string `name:"call" help:"A number there that answers: it is called, held, resumed and sent a digit." placeholder:"NUMBER"`
	exchange
}

// errClauses is how a certification ends that found something.
var errClauses = errors.New("not every clause holds")

// Run tests it and prints clause by clause.
func (c *certify) Run() error {
	x, err := c.open()
	if err != nil {
		return err
	}
	tenant, name, ok := strings.Cut(c.Name, "/")
	if !ok {
		name = tenant
		if tenant, err = whose(x, name); err != nil {
			return err
		}
	}
	rows, err := x.Certify(context.Background(), tenant, name, c.Number)
	if err != nil {
		return err
	}
	if err := show(&c.exchange, rows, "CLAUSE\tVERDICT\tASKS\tSEEN", func(r client.TrunkClause) string {
		return fmt.Sprintf("%s\t%s\t%s\t%s", r.Clause, r.Verdict, r.Asks, r.Seen)
	}); err != nil {
		return err
	}
	for _, r := range rows {
		if r.Verdict == "failed" {
			return errClauses
		}
	}
	return nil
}

// whose finds the tenant of a trunk.
func whose(x *client.Client, name string) (tenant string, err error) {
	rows, err := x.Trunks(context.Background())
	if err != nil {
		return "", err
	}
	for _, r := range rows {
		if r.Trunk != name {
			continue
		}
		if tenant != "" {
			return "", fmt.Errorf("tenants %s and %s both have a trunk %s: write TENANT/%s", tenant, r.Tenant, name, name)
		}
		tenant = r.Tenant
	}
	if tenant == "" {
		return "", fmt.Errorf("there is no trunk %s; santral trunks lists them", name)
	}
	return tenant, nil
}
