// Package order is what stands between somebody who wants a telephone and the dial tone: it picks a free number, makes the line
// with its password and device, and gives a link by which a phone sets itself up; it moves residents in and out, changes
// passwords, and takes numbers back. Each is one revision of configuration.
//
// What lives here: what such an action consists of. What does not: how configuration is changed (service/revision), what the
// letter looks like (service/letter), who may ask (api/rest).
package order

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"santral/base/e164"
	"santral/service/revision"
	"santral/store"
	"santral/tenant"
)

// Config is what an Office is made of.
type Config struct {
	Book  revision.Configuration
	Links store.Links
	// Access tells how a phone of a tenant reaches the exchange.
	Access func(tenantID string) Access
}

// Access is how phones reach the exchange.
type Access struct {
	Domain    string // that they register at
	Realm     string // of its digest
	Proxy     string // host:port that they connect to
	Transport string // "tls", "tcp", "udp"
	Web       string // base address of the HTTP side, "https://pbx.example.com:8443"
}

// Office carries orders out. It is safe for concurrent use: who picks a number waits for whoever picks one.
type Office struct {
	cfg     Config
	picking sync.Mutex
}

// New makes an office.
func New(cfg Config) *Office { return &Office{cfg: cfg} }

// Wish is what somebody wants.
type Wish struct {
	Tenant     string
	Number     string // in any spelling; "" for the next one that is free
	Block      string // the name of the block that the number is to be of; "" for any
	Name       string
	Language   string
	Class      string
	Site       string
	Department string
	Unit       string // whose accounts the line is to be among; "" for none
	Device     string // id of a device that gets the line as its next account; it is made where there is none. "" for none
	Model      string // of a device that is made
	Password   string // "" for one that the exchange makes
	Days       int    // that the link leads anywhere; 0 for DefaultDays
}

// What holds of links where a wish does not say.
const (
	DefaultDays = 7
	MostDays    = 90
)

// Setup is what a phone needs to be the telephone of an account.
type Setup struct {
	Tenant    string      `json:"tenant"`
	Number    string      `json:"number" doc:"that its phone registers by"`
	E164      e164.Number `json:"-"`
	Public    string      `json:"e164,omitempty" doc:"the number in E.164"`
	Name      string      `json:"name,omitempty"`
	Password  string      `json:"password"`
	Domain    string      `json:"domain" doc:"that a phone registers at"`
	Realm     string      `json:"realm" doc:"of digest authentication"`
	Proxy     string      `json:"proxy" doc:"host:port that it connects to"`
	Transport string      `json:"transport"`
	Device    string      `json:"device,omitempty"`
	Link      string      `json:"link" doc:"provisioning URL: what a phone fetches to set itself up; the QR code holds it"`
	Until     time.Time   `json:"until" doc:"the link leads nowhere afterwards"`
	Revision  uint64      `json:"revision"`
}

// Why an order is not carried out.
var (
	ErrNoNumber = errors.New("no number is free: give the operator's document another block, or name a number")
	ErrTaken    = errors.New("the number is somebody's, reserved for another, or rests: choose another")
	ErrForeign  = errors.New("the number is none of the operator's blocks: add the block, or choose one of them")
	ErrNoNoun   = errors.New("there is no such tenant, line or unit")
)

// tries is how often another number is picked when the first went away.
const tries = 5

// Fill carries an order out: number, line, device and credential in one revision, and a link.
func (o *Office) Fill(ctx context.Context, w Wish, by revision.Author) (Setup, error) {
	o.picking.Lock()
	defer o.picking.Unlock()
	var taken []e164.Number
	for range tries {
		snapshot := o.cfg.Book.Current()
		t := snapshot.Tenant(w.Tenant)
		if t == nil {
			return Setup{}, ErrNoNoun
		}
		n, err := o.pick(snapshot, t, &w, taken)
		if err != nil {
			return Setup{}, err
		}
		line := Setup{Tenant: t.ID, Number: registered(t, snapshot, n), E164: n, Public: n.String(), Name: w.Name, Password: w.Password, Device: w.Device}
		if line.Password == "" {
			line.Password = Password()
		}
		change, err := o.change(snapshot, &w, &line)
		if err != nil {
			return Setup{}, err
		}
		change.Author = by
		r, err := o.cfg.Book.Apply(ctx, change)
		if errors.Is(err, revision.ErrExists) && w.Number == "" {
			taken = append(taken, n)
			continue
		}
		if err != nil {
			return Setup{}, err
		}
		line.Revision = r.Number
		return line, o.link(ctx, &line, w.Days)
	}
	return Setup{}, ErrNoNumber
}

// change is what an order changes of the documents.
func (o *Office) change(s *tenant.Snapshot, w *Wish, line *Setup) (revision.Change, error) {
	entry := map[string]any{"number": line.Number, "password": line.Password}
	for key, value := range map[string]string{"name": w.Name, "language": w.Language, "class": w.Class, "site": w.Site, "department": w.Department} {
		if value != "" {
			entry[key] = value
		}
	}
	c := revision.Change{Edits: []revision.Edit{{Tenant: w.Tenant, List: "lines", Key: line.Number, Do: revision.Add, Value: object(entry)}}}
	if w.Device != "" {
		accounts, there, err := o.accounts(w.Tenant, "devices", w.Device)
		if err != nil {
			return c, err
		}
		device := map[string]any{"device": w.Device, "accounts": append(accounts, line.Number)}
		do := revision.Patch
		if !there {
			do = revision.Add
			if w.Model != "" {
				device["model"] = w.Model
			}
			if w.Name != "" {
				device["name"] = w.Name
			}
		}
		c.Edits = append(c.Edits, revision.Edit{Tenant: w.Tenant, List: "devices", Key: w.Device, Do: do, Value: object(device)})
	}
	if w.Unit != "" {
		accounts, there, err := o.accounts(w.Tenant, "units", w.Unit)
		if err != nil {
			return c, err
		}
		if !there {
			return c, fmt.Errorf("unit %s: %w", w.Unit, ErrNoNoun)
		}
		c.Edits = append(c.Edits, revision.Edit{Tenant: w.Tenant, List: "units", Key: w.Unit, Do: revision.Patch, Value: object(map[string]any{"accounts": append(accounts, line.Number)})})
	}
	if b := blockOf(s, line.E164); b != nil && b.State != tenant.NumberFree && b.First == b.Last { // it was reserved for this tenant, or has rested
		c.Edits = append(c.Edits, revision.Edit{Tenant: tenant.OperatorID, List: "blocks", Key: b.First, Do: revision.Delete})
	}
	return c, nil
}

// accounts are the accounts that an entry of a list names; there is false where there is no such entry.
func (o *Office) accounts(tenantID, list, key string) (accounts []string, there bool, err error) {
	e, err := o.cfg.Book.Entry(tenantID, list, key)
	if errors.Is(err, revision.ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	var entry struct {
		Accounts []string `json:"accounts"`
	}
	if err := json.Unmarshal(e.Value, &entry); err != nil {
		return nil, false, fmt.Errorf("read %s %s: %w", list, key, err)
	}
	return entry.Accounts, true, nil
}

func object(m map[string]any) json.RawMessage {
	text, err := json.Marshal(m)
	if err != nil { // of texts and lists of texts
		panic(err)
	}
	return text
}

// registered is how a number is written as the user of a line: as it is dialled in the country of its tenant.
func registered(t *tenant.Tenant, s *tenant.Snapshot, n e164.Number) string {
	return planOf(t, s).Shown(n)
}

func planOf(t *tenant.Tenant, s *tenant.Snapshot) *tenant.Plan {
	if t.Country != "" {
		return tenant.PlanOf(t.Country)
	}
	return tenant.PlanOf(s.Operator().Country)
}

// alphabet is what made passwords are of: nothing that looks like something else, since people type it from a letter.
const alphabet = "abcdefghjkmnpqrstuvwxyz23456789"

// Password makes one of 80 bits, in groups that people can read out.
func Password() string {
	octets := make([]byte, 20)
	rand.Read(octets)
	var b strings.Builder
	for i, c := range octets[:17] {
		if i > 0 && i%6 == 0 {
			b.WriteByte('-')
		}
		b.WriteByte(alphabet[int(c)%len(alphabet)])
	}
	return b.String()
}

// Reset gives an account another password, and a link.
func (o *Office) Reset(ctx context.Context, tenantID, list, number string, days int, by revision.Author) (Setup, error) {
	line := Setup{Tenant: tenantID, Number: number, Password: Password()}
	r, err := o.cfg.Book.Apply(ctx, revision.Change{Author: by, Edits: []revision.Edit{
		{Tenant: tenantID, List: list, Key: number, Do: revision.Patch, Value: object(map[string]any{"password": line.Password, "ha1": nil})},
	}})
	if err != nil {
		return Setup{}, err
	}
	if err := o.cfg.Links.DeleteLinks(ctx, tenantID, number); err != nil {
		return Setup{}, err
	}
	line.Revision = r.Number
	o.describe(&line)
	return line, o.link(ctx, &line, days)
}

// Show gives an account as it is now, without a link.
func (o *Office) Show(tenantID, number string) (Setup, error) {
	a := o.cfg.Book.Current().Account(tenantID, number)
	if a == nil {
		return Setup{}, ErrNoNoun
	}
	line := Setup{Tenant: tenantID, Number: number, Password: a.Credential.Password}
	o.describe(&line)
	o.reach(&line)
	return line, nil
}

// describe fills in what the snapshot knows of a line.
func (o *Office) describe(line *Setup) {
	if a := o.cfg.Book.Current().Account(line.Tenant, line.Number); a != nil {
		line.Name, line.Public = a.Name, a.E164
		line.E164 = e164.Parse(a.E164)
	}
}

// reach fills in how a phone of the line reaches the exchange.
func (o *Office) reach(line *Setup) (web string) {
	at := o.cfg.Access(line.Tenant)
	line.Domain, line.Realm, line.Proxy, line.Transport = at.Domain, at.Realm, at.Proxy, at.Transport
	return at.Web
}

// Cease gives a line's number back: the line is gone with what named it, and the number rests for days before somebody else
// gets it, where it is of the operator's stock.
func (o *Office) Cease(ctx context.Context, tenantID, number string, days int, now time.Time, by revision.Author) (uint64, error) {
	s := o.cfg.Book.Current()
	a := s.Account(tenantID, number)
	if a == nil {
		return 0, ErrNoNoun
	}
	c := revision.Change{Author: by, Force: true, Edits: []revision.Edit{{Tenant: tenantID, List: "lines", Key: number, Do: revision.Delete}}}
	t := s.Tenant(tenantID)
	for i := range t.Devices {
		if d := &t.Devices[i]; slices.Contains(d.Accounts, number) {
			c.Edits = append(c.Edits, without(tenantID, "devices", d.ID, d.Accounts, number))
		}
	}
	for i := range t.Units {
		if u := &t.Units[i]; slices.Contains(u.Accounts, number) {
			c.Edits = append(c.Edits, without(tenantID, "units", u.ID, u.Accounts, number))
		}
	}
	for i := range t.Groups {
		if g := &t.Groups[i]; slices.Contains(g.Members, number) {
			e := without(tenantID, "groups", g.ID, g.Members, number)
			e.Value = object(map[string]any{"members": left(g.Members, number)})
			c.Edits = append(c.Edits, e)
		}
	}
	if n := e164.Parse(a.E164); blockOf(s, n) != nil && days > 0 {
		rests := map[string]any{"number": n.String(), "state": tenant.NumberQuarantine.String(), "until": now.AddDate(0, 0, days).Format(time.DateOnly), "tenant": tenantID}
		c.Edits = append(c.Edits, revision.Edit{Tenant: tenant.OperatorID, List: "blocks", Key: n.String(), Do: revision.Put, Value: object(rests)})
	}
	r, err := o.cfg.Book.Apply(ctx, c)
	if err != nil {
		return 0, err
	}
	return r.Number, o.cfg.Links.DeleteLinks(ctx, tenantID, number)
}

func without(tenantID, list, key string, accounts []string, number string) revision.Edit {
	return revision.Edit{Tenant: tenantID, List: list, Key: key, Do: revision.Patch, Value: object(map[string]any{"accounts": left(accounts, number)})}
}

func left(numbers []string, number string) []string {
	return slices.DeleteFunc(slices.Clone(numbers), func(n string) bool { return n == number })
}
