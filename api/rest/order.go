package rest

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"santral/api"
	"santral/api/order"
	"santral/base/e164"
	"santral/base/jalali"
	"santral/service/letter"
	"santral/service/revision"
	"santral/tenant"
)

// OrderRequest is what somebody wants: a line, with all that it needs.
type OrderRequest struct {
	Number     string `json:"number,omitempty" maxLength:"20" doc:"in any spelling; the next one that is free when left out" example:"02122000017"`
	Block      string `json:"block,omitempty" maxLength:"128" doc:"name of the operator's block that the number is to be of"`
	Name       string `json:"name,omitempty" maxLength:"128" doc:"display name" example:"Sara Mohammadi"`
	Language   string `json:"language,omitempty" enum:"en,fa"`
	Class      string `json:"class,omitempty" maxLength:"40"`
	Site       string `json:"site,omitempty" maxLength:"40"`
	Department string `json:"department,omitempty" maxLength:"40"`
	Unit       string `json:"unit,omitempty" maxLength:"40" doc:"flat or office that the line is for"`
	Device     string `json:"device,omitempty" maxLength:"40" doc:"device that gets it as its next account; made where there is none" example:"805ec0a1b2c3"`
	Model      string `json:"model,omitempty" maxLength:"128" doc:"of a device that is made"`
	Password   string `json:"password,omitempty" writeOnly:"true" minLength:"6" maxLength:"128" doc:"one that nobody guesses is made when left out"`
	Days       int    `json:"days,omitempty" minimum:"1" maximum:"90" doc:"that the link leads anywhere; 7 when left out"`
}

// ReadyLine is a line that is ready, with what its phone needs. The password and the link are told this once.
type ReadyLine struct {
	order.Setup
	QR     string `json:"qr" doc:"the link as a picture, a data: URL of a PNG"`
	Letter string `json:"letter" doc:"where the letter to the subscriber is, a PDF in Persian and English"`
}

func readyLine(l order.Setup) (ReadyLine, error) {
	picture, err := letter.QR(l.Link, 320)
	if err != nil {
		return ReadyLine{}, err
	}
	return ReadyLine{
		Setup: l, QR: "data:image/png;base64," + base64.StdEncoding.EncodeToString(picture),
		Letter: "/api/v1/tenants/" + l.Tenant + "/accounts/" + l.Number + "/letter",
	}, nil
}

// FreeNumber is a number that may be had.
type FreeNumber struct {
	Number string `json:"number" doc:"as it is dialled in the country"`
	E164   string `json:"e164"`
}

// MoveIn is people who move in.
type MoveIn struct {
	Residents []order.NewResident `json:"residents" minItems:"1" maxItems:"50"`
	Since     string              `json:"since,omitempty" format:"date" doc:"today when left out"`
	Days      int                 `json:"days,omitempty" minimum:"1" maximum:"90" doc:"that the links lead anywhere"`
}

// AccountPath names an account of a tenant.
type AccountPath struct {
	TenantPath
	Number string `path:"number" maxLength:"20" doc:"the account's number" example:"02122000001"`
}

const accountPath = tenantPath + "/accounts/{number}"

// orders serves what stands between a wish and dial tone.
func (c Config) orders(a huma.API) {
	place := func(o huma.Operation) huma.Operation { o.Tags = []string{"Orders"}; return o }
	managers := writes("orders", tenant.RoleManager)
	huma.Register(a, place(op("list-free-numbers", http.MethodGet, tenantPath+"/free-numbers", "Numbers of the operator's stock that the tenant may have", reads("orders", tenant.RoleManager))),
		func(ctx context.Context, in *struct {
			TenantPath
			Paging
			Block string `query:"block" maxLength:"128"`
		}) (*body[Page[FreeNumber]], error) {
			if _, err := c.theTenant(ctx, in.Tenant); err != nil {
				return nil, err
			}
			return c.freeNumbers(in.Tenant, in.Block, in.Cursor, in.Limit)
		})
	huma.Register(a, place(made(op("order-line", http.MethodPost, tenantPath+"/orders", "From an order to dial tone: a free number, a line with its password, a device, a QR code, a link and a letter", managers))),
		func(ctx context.Context, in *struct {
			TenantPath
			Reasoned
			Body OrderRequest
		}) (*readied, error) {
			if err := c.whole(ctx, in.Tenant); err != nil {
				return nil, err
			}
			b := &in.Body
			line, err := c.Orders.Fill(ctx, order.Wish{
				Tenant: in.Tenant, Number: b.Number, Block: b.Block, Name: b.Name, Language: b.Language, Class: b.Class, Site: b.Site, Department: b.Department,
				Unit: b.Unit, Device: b.Device, Model: b.Model, Password: b.Password, Days: b.Days,
			}, ordered(ctx, in.why()))
			return c.readied(line, err)
		})
	huma.Register(a, place(op("reset-account-password", http.MethodPost, accountPath+"/password", "Give an account another password, with a link and a letter; phones that have the old one are out", managers)),
		func(ctx context.Context, in *struct {
			AccountPath
			Reasoned
			Days int `query:"days" minimum:"1" maximum:"90"`
		}) (*readied, error) {
			list, err := c.theAccount(ctx, &in.AccountPath)
			if err != nil {
				return nil, err
			}
			line, err := c.Orders.Reset(ctx, in.Tenant, list, in.Number, in.Days, ordered(ctx, in.why()))
			return c.readied(line, err)
		})
	huma.Register(a, place(op("link-account", http.MethodPost, accountPath+"/link", "Another link and QR code by which a phone sets itself up; the password stays", managers)),
		func(ctx context.Context, in *struct {
			AccountPath
			Days int `query:"days" minimum:"1" maximum:"90"`
		}) (*readied, error) {
			if _, err := c.theAccount(ctx, &in.AccountPath); err != nil {
				return nil, err
			}
			line, err := c.Orders.Link(ctx, in.Tenant, in.Number, in.Days)
			return c.readied(line, err)
		})
	c.letters(a, place)
	huma.Register(a, place(op("cease-line", http.MethodPost, tenantPath+"/lines/{number}/cease", "Give a line's number back: the line is gone, and the number rests before somebody else gets it", writes("orders", tenant.RoleAdmin))),
		func(ctx context.Context, in *struct {
			AccountPath
			Reasoned
			Days int `query:"quarantine" minimum:"0" maximum:"3650" default:"90" doc:"days that the number rests"`
		}) (*answer, error) {
			if _, err := c.theAccount(ctx, &in.AccountPath); err != nil {
				return nil, err
			}
			n, err := c.Orders.Cease(ctx, in.Tenant, in.Number, in.Days, time.Now(), ordered(ctx, in.why()))
			if err != nil {
				return nil, c.unordered(err, in.Tenant)
			}
			return &answer{Status: http.StatusNoContent, Revision: strconv.FormatUint(n, 10)}, nil
		})
	c.moves(a, place)
	c.links(a)
}

// moves serves moving in and out.
func (c Config) moves(a huma.API, place func(huma.Operation) huma.Operation) {
	const unit = tenantPath + "/units/{unit}"
	huma.Register(a, place(op("move-in", http.MethodPost, unit+"/move-in", "People move into a unit: its accounts get their name, new passwords and letters", writes("orders", tenant.RoleManager))),
		func(ctx context.Context, in *struct {
			TenantPath
			Unit string `path:"unit" maxLength:"40"`
			Reasoned
			Body MoveIn
		}) (*body[Page[ReadyLine]], error) {
			if err := c.whole(ctx, in.Tenant); err != nil {
				return nil, err
			}
			since := time.Now()
			if in.Body.Since != "" {
				var err error
				if since, err = time.Parse(time.DateOnly, in.Body.Since); err != nil {
					return nil, huma.Error422UnprocessableEntity("since: write a date such as 2026-03-21", &huma.ErrorDetail{Location: "body.since", Message: "is no date", Value: in.Body.Since})
				}
			}
			lines, err := c.Orders.MoveIn(ctx, in.Tenant, in.Unit, in.Body.Residents, since, in.Body.Days, ordered(ctx, in.why()))
			if err != nil {
				return nil, c.unordered(err, in.Tenant)
			}
			page := Page[ReadyLine]{Items: []ReadyLine{}}
			for _, l := range lines {
				r, err := readyLine(l)
				if err != nil {
					return nil, c.failed("the QR code can't be drawn", err)
				}
				page.Items = append(page.Items, r)
			}
			return &body[Page[ReadyLine]]{page}, nil
		})
	huma.Register(a, place(empty(op("move-out", http.MethodPost, unit+"/move-out", "Nobody lives in a unit any more: its accounts lose the name, and their phones are out", writes("orders", tenant.RoleManager)))),
		func(ctx context.Context, in *struct {
			TenantPath
			Unit string `path:"unit" maxLength:"40"`
			Reasoned
		}) (*struct{}, error) {
			if err := c.whole(ctx, in.Tenant); err != nil {
				return nil, err
			}
			if err := c.Orders.MoveOut(ctx, in.Tenant, in.Unit, ordered(ctx, in.why())); err != nil {
				return nil, c.unordered(err, in.Tenant)
			}
			return nil, nil
		})
}

// readied is the answer with a line that is ready.
type readied struct {
	Revision string `header:"Revision"`
	Body     ReadyLine
}

func (c Config) readied(line order.Setup, err error) (*readied, error) {
	if err != nil {
		return nil, c.unordered(err, line.Tenant)
	}
	r, err := readyLine(line)
	if err != nil {
		return nil, c.failed("the QR code can't be drawn", err)
	}
	return &readied{Revision: strconv.FormatUint(line.Revision, 10), Body: r}, nil
}

// unordered puts into HTTP why an order was not carried out.
func (c Config) unordered(err error, tenantID string) error {
	switch {
	case errors.Is(err, order.ErrNoNoun):
		return huma.Error404NotFound(err.Error() + ": GET /api/v1/tenants/" + tenantID + "/lines and …/units list what there is")
	case errors.Is(err, order.ErrNoNumber), errors.Is(err, order.ErrTaken), errors.Is(err, order.ErrForeign):
		return huma.Error409Conflict(err.Error() + "; GET /api/v1/tenants/" + tenantID + "/free-numbers lists what may be had")
	}
	return c.refusedChange(err, things{what: "such entry", list: "/api/v1/tenants/" + tenantID + "/lines"})
}

// whole lets through only who may change everything of a tenant, not a part of it.
func (c Config) whole(ctx context.Context, tenantID string) error {
	if c.Orders == nil {
		return huma.Error503ServiceUnavailable("this exchange takes no orders now: try again in a moment")
	}
	if _, err := c.theTenant(ctx, tenantID); err != nil {
		return err
	}
	if partly(ctx) {
		return huma.Error403Forbidden("an order is for a whole tenant, and you are bound to a part of it: ask an administrator")
	}
	return nil
}

// theAccount finds the list that an account of a tenant stands in, where who asks may know of it.
func (c Config) theAccount(ctx context.Context, in *AccountPath) (list string, err error) {
	if c.Orders == nil {
		return "", huma.Error503ServiceUnavailable("this exchange takes no orders now: try again in a moment")
	}
	if _, err := c.theTenant(ctx, in.Tenant); err != nil {
		return "", err
	}
	a := c.Book.Current().Account(in.Tenant, in.Number)
	if a == nil || !c.sees(ctx, in.Tenant, in.Number) {
		return "", huma.Error404NotFound("there is no account " + strconv.Quote(in.Number) + "; GET /api/v1/tenants/" + in.Tenant + "/lines and …/extensions list those that there are")
	}
	if a.Kind == tenant.Line {
		return "lines", nil
	}
	return "extensions", nil
}

func (c Config) freeNumbers(tenantID, block, cursor string, limit int) (*body[Page[FreeNumber]], error) {
	after := e164.Number(0)
	if cursor != "" {
		if after = e164.Parse(cursor); after == 0 {
			return nil, huma.Error400BadRequest("that cursor is none of this list's; leave it out for the first page")
		}
	}
	s := c.Book.Current()
	country := s.Tenant(tenantID).Country
	if country == "" {
		country = s.Operator().Country
	}
	page := Page[FreeNumber]{Items: []FreeNumber{}}
	for _, n := range order.Free(s, tenantID, block, after, limit+1, time.Now()) {
		if len(page.Items) == limit {
			page.Next = page.Items[limit-1].E164
			break
		}
		page.Items = append(page.Items, FreeNumber{Number: tenant.PlanOf(country).Shown(n), E164: n.String()})
	}
	return &body[Page[FreeNumber]]{page}, nil
}

// letters serves letters to subscribers.
func (c Config) letters(a huma.API, place func(huma.Operation) huma.Operation) {
	pdf := map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{"application/pdf": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}}}
	huma.Register(a, place(answering(op("get-letter", http.MethodGet, accountPath+"/letter", "The letter to the subscriber: number, password and a QR code, a page of Persian and one of English", writes("orders", tenant.RoleManager)), pdf)),
		func(ctx context.Context, in *struct {
			AccountPath
			Language string `query:"language" enum:"fa,en,both" default:"both"`
			Days     int    `query:"days" minimum:"1" maximum:"90" doc:"that its QR code leads anywhere"`
		}) (*answer, error) {
			if _, err := c.theAccount(ctx, &in.AccountPath); err != nil {
				return nil, err
			}
			line, err := c.Orders.Link(ctx, in.Tenant, in.Number, in.Days)
			if err != nil {
				return nil, c.unordered(err, in.Tenant)
			}
			if line.Password == "" {
				return nil, huma.Error409Conflict("only hashes of this account's password are kept: POST " + strings.ReplaceAll(strings.ReplaceAll(accountPath, "{tenant}", in.Tenant), "{number}", in.Number) + "/password makes a new one")
			}
			var b bytes.Buffer
			if err := letter.Write(&b, c.letterOf(&line), in.Language); err != nil {
				return nil, c.failed("the letter can't be written", err)
			}
			c.audit("a letter was given out", "account", in.Number, api.From(ctx).Source.String())
			return &answer{Status: http.StatusOK, ContentType: "application/pdf", Body: b.Bytes()}, nil
		})
}

// letterOf is the letter of a line.
func (c Config) letterOf(l *order.Setup) letter.Letter {
	s := c.Book.Current()
	t := s.Tenant(l.Tenant)
	out := letter.Letter{
		From: t.Name, To: l.Name, Number: l.Number, User: l.Number, Password: l.Password, Server: l.Domain, Proxy: l.Proxy, Security: strings.ToUpper(l.Transport),
		Link: l.Link, Until: l.Until, Issued: time.Now(), Date: dateOf,
	}
	if l.E164 != 0 {
		out.Number = tenant.PlanOf(t.Country).Shown(l.E164)
	}
	for _, b := range s.Operator().Brands {
		if b.ID == t.Brand {
			out.From, out.Colour, out.Support = b.Name, b.Colour, b.Support
		}
	}
	return out
}

// dateOf is a day as its reader writes it.
func dateOf(t time.Time, language string) string {
	if d, ok := jalali.Of(t); ok && language == letter.Persian {
		return jalali.Digits(fmt.Sprintf("%d %s %d", d.Day, jalali.MonthName(d.Month, language), d.Year))
	}
	return t.Format("2 January 2006")
}

// ordered is the author of a change that an order is.
func ordered(ctx context.Context, why string) revision.Author {
	by := author(ctx, why)
	by.Via = "order"
	return by
}
