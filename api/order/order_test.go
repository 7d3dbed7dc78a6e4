package order_test

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"santral/api/order"
	"santral/base/seal"
	"santral/service/revision"
	"santral/store/db"
	"santral/store/storetest"
	"santral/tenant"
)

func TestMain(m *testing.M) { os.Exit(storetest.Main(m, nil)) }

const operator = `operator: Example
country: ir
area: "21"
blocks:
  - number: 02191000000-02191000004   # stock
    name: north
  - {number: "02191000001", state: reserved, tenant: other}
  - {number: "02191000002", state: quarantine, until: 2099-01-01}
`

const customer = `tenant: acme
name: Acme
domains: [acme.example]
area: "21"
extensions:
  - {number: 101, name: Reception, password: "k3-Reception-x"}
lines:
  - {number: "02191000000", name: First, password: "k3-First-line"}
buildings:
  - {building: a, name: A, blocks: ["1"]}
units:
  - {unit: a-1, building: a, block: "1", door: "1", accounts: ["02191000000"], residents: [{name: Old}]}
groups:
  - {group: all, number: "55", members: ["101", "02191000000"]}
`

// office is one over a book and a database.
func office(t *testing.T, dsn string) (*order.Office, *revision.Book) {
	t.Helper()
	d, err := db.Open(context.Background(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	key, err := seal.Open(filepath.Join(t.TempDir(), "secrets.key"))
	if err != nil {
		t.Fatal(err)
	}
	var current atomic.Pointer[tenant.Snapshot]
	book, err := revision.Open(context.Background(), revision.Config{Store: d, Keys: revision.NewKeys(key), Current: &current}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := book.Apply(t.Context(), revision.Change{Author: by, Texts: []revision.Text{{File: "o.yaml", Text: []byte(operator)}, {File: "a.yaml", Text: []byte(customer)}}}); err != nil {
		t.Fatal(err)
	}
	return order.New(order.Config{Book: book, Links: d, Access: func(string) order.Access {
		return order.Access{Domain: "acme.example", Realm: "acme.example", Proxy: "sip.example.net:5061", Transport: "tls", Web: "https://sip.example.net:8443"}
	}}), book
}

var by = revision.Author{Who: "sara", Via: "order"}

// TestFromOrderToDialTone: the next free number, a line with a password, a device, all in one revision, and a link that gives
// a phone what it needs.
func TestFromOrderToDialTone(t *testing.T) {
	storetest.Databases(t, func(t *testing.T, dsn string) {
		o, book := office(t, dsn)
		before := book.Last().Number
		got, err := o.Fill(t.Context(), order.Wish{Tenant: "acme", Name: "سارا", Device: "805ec0a1b2c3", Model: "grandstream-ht812", Unit: "a-1"}, by)
		if err != nil {
			t.Fatal(err)
		}
		if got.Number != "02191000003" || got.Public != "+982191000003" || len(got.Password) < 16 || got.Revision != before+1 || got.Proxy != "sip.example.net:5061" {
			t.Errorf("%+v", got)
		}
		a := book.Current().Account("acme", "02191000003")
		if a == nil || a.Kind != tenant.Line || a.Name != "سارا" || a.Credential.Password != got.Password {
			t.Fatalf("the line is %+v", a)
		}
		d := book.Current().Tenant("acme").Devices[0]
		if u := book.Current().Tenant("acme").Units[0]; !slices.Equal(d.Accounts, []string{"02191000003"}) || !slices.Equal(u.Accounts, []string{"02191000000", "02191000003"}) {
			t.Errorf("device %+v, unit %+v", d, u)
		}
		text, err := book.Document("acme")
		if err != nil || strings.Contains(text.Text, got.Password) {
			t.Errorf("the password lies open in the document: %v", err)
		}
		token := strings.TrimPrefix(got.Link, "https://sip.example.net:8443/p/")
		setup, err := o.Follow(t.Context(), token, "Linphone", "192.0.2.1")
		if err != nil || setup.Password != got.Password || setup.Number != got.Number {
			t.Errorf("the link gives %+v, %v", setup, err)
		}
		if _, err := o.Follow(t.Context(), token+"x", "", ""); !errors.Is(err, order.ErrNoNoun) {
			t.Errorf("a guessed link: %v", err)
		}
		reset, err := o.Reset(t.Context(), "acme", "lines", got.Number, 0, by)
		if err != nil || reset.Password == got.Password {
			t.Errorf("reset: %+v, %v", reset, err)
		}
		if _, err := o.Follow(t.Context(), token, "", ""); !errors.Is(err, order.ErrNoNoun) {
			t.Errorf("the link of the password before still leads somewhere: %v", err)
		}
		second, err := o.Fill(t.Context(), order.Wish{Tenant: "acme", Device: "805ec0a1b2c3"}, by)
		if err != nil || second.Number != "02191000004" || !slices.Equal(book.Current().Tenant("acme").Devices[0].Accounts, []string{"02191000003", "02191000004"}) {
			t.Errorf("the second port: %+v, %v", second, err)
		}
		if _, err := o.Fill(t.Context(), order.Wish{Tenant: "acme"}, by); !errors.Is(err, order.ErrNoNumber) {
			t.Errorf("without a free number: %v", err)
		}
	})
}

// TestWhichNumbersMayBeHad: those that are somebody's, reserved for another, at rest or nobody's of ours are not given.
func TestWhichNumbersMayBeHad(t *testing.T) {
	o, book := office(t, filepath.Join(t.TempDir(), "a.db"))
	for number, want := range map[string]error{
		"02191000000": order.ErrTaken, "91000001": order.ErrTaken, "+98 21 9100 0002": order.ErrTaken, "02133333333": order.ErrForeign, "12": order.ErrForeign, "۰۲۱۹۱۰۰۰۰۰۴": nil,
	} {
		if _, err := o.Fill(t.Context(), order.Wish{Tenant: "acme", Number: number}, by); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", number, err, want)
		}
	}
	var got []string
	for _, n := range order.Free(book.Current(), "other", "", 0, 10, time.Now()) {
		got = append(got, n.String())
	}
	if want := []string{"+982191000001", "+982191000003"}; !slices.Equal(got, want) {
		t.Errorf("another may have %q, want %q", got, want)
	}
	if _, err := o.Fill(t.Context(), order.Wish{Tenant: "nobody"}, by); !errors.Is(err, order.ErrNoNoun) {
		t.Errorf("of no tenant: %v", err)
	}
	var refused *revision.Refused
	if _, err := o.Fill(t.Context(), order.Wish{Tenant: "acme", Class: "none"}, by); !errors.As(err, &refused) {
		t.Errorf("of no class: %v", err)
	}
}

// TestOrdersAtOnce: as many orders as there are numbers, and more, all at once: each number goes once.
func TestOrdersAtOnce(t *testing.T) {
	o, book := office(t, filepath.Join(t.TempDir(), "a.db"))
	if _, err := book.Apply(t.Context(), revision.Change{Author: by, Edits: []revision.Edit{{Tenant: tenant.OperatorID, List: "blocks", Key: "02192000000-02192000019", Do: revision.Add, Value: []byte(`{"number":"02192000000-02192000019","name":"south"}`)}}}); err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	var mu sync.Mutex
	given, refused := map[string]int{}, 0
	for i := range 25 {
		wait.Go(func() {
			s, err := o.Fill(t.Context(), order.Wish{Tenant: "acme", Block: "south", Name: fmt.Sprint(i)}, by)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				refused++
				return
			}
			given[s.Number]++
		})
	}
	wait.Wait()
	if len(given) != 20 || refused != 5 {
		t.Errorf("%d numbers given, %d orders refused: %v", len(given), refused, given)
	}
}

// TestMovingInAndOut: one revision each; the unit's accounts have the name and passwords of who lives there.
func TestMovingInAndOut(t *testing.T) {
	o, book := office(t, filepath.Join(t.TempDir(), "a.db"))
	before := book.Last().Number
	lines, err := o.MoveIn(t.Context(), "acme", "a-1", []order.NewResident{{Name: "مریم", Mobile: "09120000000"}, {Name: "Ali"}}, time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC), 0, by)
	if err != nil {
		t.Fatal(err)
	}
	u, a := book.Current().Tenant("acme").Units[0], book.Current().Account("acme", "02191000000")
	if book.Last().Number != before+1 || len(lines) != 1 || a.Name != "مریم" || a.Credential.Password != lines[0].Password || len(u.Residents) != 2 || u.Residents[1].Name != "Ali" || u.Residents[0].Since.Day() != 27 {
		t.Errorf("%+v lives in %+v with %+v", a.Name, u, lines)
	}
	if err := o.MoveOut(t.Context(), "acme", "a-1", by); err != nil {
		t.Fatal(err)
	}
	u, a = book.Current().Tenant("acme").Units[0], book.Current().Account("acme", "02191000000")
	if book.Last().Number != before+2 || len(u.Residents) != 0 || a.Name != "a-1" || a.Credential.Password == lines[0].Password {
		t.Errorf("after moving out %+v, %s", u, a.Name)
	}
	if _, err := o.Follow(t.Context(), lines[0].Link[strings.LastIndex(lines[0].Link, "/")+1:], "", ""); !errors.Is(err, order.ErrNoNoun) {
		t.Errorf("the link of who left still leads somewhere: %v", err)
	}
	if _, err := o.MoveIn(t.Context(), "acme", "z-9", []order.NewResident{{Name: "x"}}, time.Now(), 0, by); !errors.Is(err, order.ErrNoNoun) {
		t.Errorf("into no unit: %v", err)
	}
}

// TestANumberRests: a line that is given back leaves nothing behind, and its number is nobody's for a while.
func TestANumberRests(t *testing.T) {
	o, book := office(t, filepath.Join(t.TempDir(), "a.db"))
	now := time.Now()
	if _, err := o.Cease(t.Context(), "acme", "02191000000", 30, now, by); err != nil {
		t.Fatal(err)
	}
	s := book.Current()
	acme := s.Tenant("acme")
	if s.Account("acme", "02191000000") != nil || len(acme.Units[0].Accounts) != 0 || !slices.Equal(acme.Groups[0].Members, []string{"101"}) {
		t.Errorf("it left %+v, %+v", acme.Units[0], acme.Groups[0])
	}
	if _, err := o.Fill(t.Context(), order.Wish{Tenant: "acme", Number: "02191000000"}, by); !errors.Is(err, order.ErrTaken) {
		t.Errorf("it is given again at once: %v", err)
	}
	if got := order.Free(s, "acme", "", 0, 1, now.AddDate(0, 0, 32)); len(got) != 1 || got[0].String() != "+982191000000" {
		t.Errorf("after its rest %v is free first", got)
	}
	if _, err := o.Cease(t.Context(), "acme", "02191000000", 30, now, by); !errors.Is(err, order.ErrNoNoun) {
		t.Errorf("twice: %v", err)
	}
}

// TestLinksEnd: by their time, and after too many fetches.
func TestLinksEnd(t *testing.T) {
	storetest.Databases(t, func(t *testing.T, dsn string) {
		o, _ := office(t, dsn)
		s, err := o.Link(t.Context(), "acme", "101", 1)
		if err != nil {
			t.Fatal(err)
		}
		token := s.Link[strings.LastIndex(s.Link, "/")+1:]
		uses := 0
		for {
			if _, err := o.Follow(t.Context(), token, strings.Repeat("a\x00", 500), "192.0.2.1"); err != nil {
				break
			}
			if uses++; uses > 1000 {
				t.Fatal("a link is followed for ever")
			}
		}
		if uses < 20 {
			t.Errorf("a link was followed %d times only", uses)
		}
	})
}

// TestLinphonesDocument is well-formed whatever the names are.
func TestLinphonesDocument(t *testing.T) {
	text, err := order.Linphone(&order.Setup{Number: "101", Name: `A "quoted" <b> & \ نام`, Password: "a<b>&", Domain: "acme.example", Proxy: "192.0.2.1:5060", Transport: "udp"})
	if err != nil {
		t.Fatal(err)
	}
	var any struct {
		Sections []struct {
			Name    string `xml:"name,attr"`
			Entries []struct {
				Name  string `xml:"name,attr"`
				Value string `xml:",chardata"`
			} `xml:"entry"`
		} `xml:"section"`
	}
	if err := xml.Unmarshal(text, &any); err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, s := range any.Sections {
		for _, e := range s.Entries {
			found[s.Name+"."+e.Name] = e.Value
		}
	}
	if found["auth_info_0.passwd"] != "a<b>&" || found["proxy_0.reg_identity"] != `"A \"quoted\" <b> & \\ نام" <sip:101@acme.example>` || found["proxy_0.reg_proxy"] != "<sip:192.0.2.1:5060;transport=udp>" {
		t.Errorf("%q", found)
	}
}
