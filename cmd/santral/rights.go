package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"santral/api/client"
)

// tokens holds what is done with tokens of programs.
type tokens struct {
	List   listTokens  `cmd:"" default:"withargs" help:"List tokens, and when each was last used."`
	Create createToken `cmd:"" help:"Make a token for a program, and print it this once."`
	Revoke revokeToken `cmd:"" help:"Revoke a token at once."`
}

// listTokens lists them.
type listTokens struct {
	Tenant string `help:"Of this tenant." placeholder:"ID"`
	exchange
}

// Run prints them.
func (l *listTokens) Run() error {
	x, err := l.open()
	if err != nil {
		return err
	}
	rows, err := x.Tokens(context.Background(), l.Tenant)
	if err != nil {
		return err
	}
	return show(&l.exchange, rows, "ID\tNAME\tTENANT\tROLE\tSCOPES\tEXPIRES\tLAST USED\tFROM\tSTATE", func(t client.Token) string {
		state := ""
		switch {
		case !t.Revoked.IsZero():
			state = "revoked"
		case !t.Expires.IsZero() && time.Now().After(t.Expires):
			state = "expired"
		}
		return fmt.Sprintf("%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s", t.ID, t.Name, t.Tenant, t.Role, strings.Join(t.Scopes, ","), moment(t.Expires), moment(t.Used), t.UsedFrom, state)
	})
}

// moment prints a time that may be none.
func moment(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Local().Format("2006-01-02 15:04:05")
}

// createToken makes one.
type createToken struct {
	Name       string   `arg:"" help:"The program that it is for."`
	Tenant     string   `help:"That it is bound to; left out with the role operator." placeholder:"ID"`
	Role       string   `default:"admin" enum:"user,reporter,manager,admin,operator" help:"What it may do: user, reporter, manager, admin, operator."`
	Scope      []string `help:"Only this, such as records:read, calls:* or *:read; may be given again." placeholder:"SCOPE"`
	Site       string   `help:"Only what is of this site." placeholder:"ID"`
	Department string   `help:"Only what is of this department and its parts." placeholder:"ID"`
	Account    string   `help:"The number that a token with the role user is for." placeholder:"NUMBER"`
	Address    []string `help:"A network that it may be used from; may be given again." placeholder:"CIDR"`
	Expires    string   `help:"After so long: 12h, 90d." placeholder:"TIME"`
	exchange
}

// Run makes it and prints it.
func (c *createToken) Run() error {
	x, err := c.open()
	if err != nil {
		return err
	}
	want := client.Token{Name: c.Name, Tenant: c.Tenant, Role: c.Role, Scopes: c.Scope, Site: c.Site, Department: c.Department, Account: c.Account, Addresses: c.Address}
	if c.Expires != "" {
		d, err := span(c.Expires)
		if err != nil {
			return fmt.Errorf("--expires: %w", err)
		}
		want.Expires = time.Now().Add(d).UTC()
	}
	made, err := x.CreateToken(context.Background(), want)
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(made)
	}
	fmt.Println(made.Token)
	fmt.Fprintf(os.Stderr, "This is shown once. Its id is %s: santral token revoke %s ends it.\n", made.ID, made.ID)
	return nil
}

// span reads a length of time, in days too.
func span(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n > 0 && n < 36500 {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	} else if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return d, nil
	}
	return 0, fmt.Errorf("%q is no time such as 12h or 90d", text)
}

// revokeToken ends one.
type revokeToken struct {
	ID string `arg:"" help:"The token's id, as list prints it."`
	exchange
}

// Run ends it.
func (r *revokeToken) Run() error {
	x, err := r.open()
	if err != nil {
		return err
	}
	return x.RevokeToken(context.Background(), r.ID)
}

// people holds what is done for people who sign in.
type people struct {
	Password  userPassword `cmd:"" help:"Give a user a password: one that is made, and printed, unless --stdin gives it."`
	TOTPReset totpReset    `cmd:"" name:"totp-reset" help:"Take away a user's second factor, when the authenticator is lost."`
}

// named is a user by tenant and id.
type named struct {
	User string `arg:"" help:"TENANT/USER, or operator/USER for one of the operator's."`
}

func (n *named) parts() (tenant, user string, err error) {
	tenant, user, ok := strings.Cut(n.User, "/")
	if !ok || tenant == "" || user == "" {
		return "", "", errors.New("write TENANT/USER, such as sample/sara, or operator/mina")
	}
	return tenant, user, nil
}

// userPassword sets a password.
type userPassword struct {
	named
	Stdin bool `help:"Read the password from standard input."`
	Keep  bool `help:"The user need not change it at the next sign-in."`
	exchange
}

// Run sets it.
func (u *userPassword) Run() error {
	tenant, user, err := u.parts()
	if err != nil {
		return err
	}
	x, err := u.open()
	if err != nil {
		return err
	}
	password := ""
	if u.Stdin {
		var line [1024]byte
		n, err := os.Stdin.Read(line[:])
		if password = strings.TrimRight(string(line[:n]), "\r\n"); password == "" {
			return fmt.Errorf("there is no password on standard input: %w", err)
		}
	}
	made, err := x.SetPassword(context.Background(), tenant, user, password, u.Keep)
	if err != nil || made == "" {
		return err
	}
	if u.JSON {
		return json.NewEncoder(os.Stdout).Encode(map[string]string{"password": made})
	}
	fmt.Println(made)
	return nil
}

// totpReset takes a second factor away.
type totpReset struct {
	named
	exchange
}

// Run takes it away.
func (t *totpReset) Run() error {
	tenant, user, err := t.parts()
	if err != nil {
		return err
	}
	x, err := t.open()
	if err != nil {
		return err
	}
	return x.ResetTOTP(context.Background(), tenant, user)
}

// auditCommand lists who did what.
type auditCommand struct {
	Tenant string `help:"Of this tenant; operator for the operator's own." placeholder:"ID"`
	Who    string `help:"Only what this one did: a user's id, a token's name, root."`
	What   string `help:"Only this operation, such as sign-in or put-mailbox."`
	Thing  string `help:"Only what was done to this."`
	Failed bool   `help:"Only what was not done."`
	Limit  int    `default:"100" help:"How many lines, the newest first."`
	exchange
}

// Run prints them.
func (a *auditCommand) Run() error {
	x, err := a.open()
	if err != nil {
		return err
	}
	rows, err := x.Audits(context.Background(), client.AuditFilter{Tenant: a.Tenant, Who: a.Who, What: a.What, Thing: a.Thing, Failed: a.Failed}, a.Limit)
	if err != nil {
		return err
	}
	return show(&a.exchange, rows, "WHEN\tTENANT\tWHO\tFROM\tWHAT\tTO\tSTATUS\tNOTE", func(l client.Audit) string {
		return fmt.Sprintf("%s\t%s\t%s\t%s\t%s\t%s\t%d\t%s", moment(l.At), l.Tenant, strings.TrimSpace(l.Kind+" "+l.Who), l.Source, l.What, strings.Join(l.Things, " "), l.Status, l.Note)
	})
}
