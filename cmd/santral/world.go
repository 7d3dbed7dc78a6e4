package main

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"embed"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"unicode"

	"santral/base/doc"
	"santral/tenant"
)

//go:embed worlds
var worldFiles embed.FS

// text is a document of a world; the first of a world is that of the tenant whose phones need no domain.
type text struct {
	name string
	data []byte
}

// worlds are those that may be tried, each with its documents.
var worlds = map[string][]string{
	"company":  {"company"},
	"complex":  {"complex"},
	"operator": {"home", "asman", "nasim", "operator"},
}

// Numbers of the worlds.
const (
	frontDesk   = "1000" // of the company's group, where extensions have three digits
	frontOfMany = "9900" // where they have five
	front       = 3      // extensions of the front desk
	firstHome   = 22001001
	homeLines   = 20
)

// seat is a telephone of a world.
type seat struct{ Number, Who, Department, Extra string }

// flat is one of the complex.
type flat struct{ Number, Line, Unit, Block, Floor, Door, Who, Since string }

// Names of people, given and family, in Persian and in English.
var (
	givenFa  = []string{"سارا", "علی", "مریم", "رضا", "مینا", "حسین", "نرگس", "امیر", "زهرا", "کیان", "پریسا", "بهرام"}
	familyFa = []string{"احمدی", "رضایی", "کریمی", "موسوی", "حسینی", "جعفری", "صادقی", "نوری", "رحیمی", "یزدانی", "شریفی"}
	givenEn  = []string{"Sara", "Ali", "Maryam", "Reza", "Mina", "Hossein", "Narges", "Amir", "Zahra", "Kian", "Parisa", "Bahram"}
	familyEn = []string{"Ahmadi", "Rezaei", "Karimi", "Mousavi", "Hosseini", "Jafari", "Sadeghi", "Nouri", "Rahimi", "Yazdani", "Sharifi"}
)

// person is somebody who lives somewhere: every fifth writes the name in Latin letters.
func person(i int) string {
	given, family := givenFa, familyFa
	if i%5 == 4 {
		given, family = givenEn, familyEn
	}
	return given[i%len(given)] + " " + family[i%len(family)]
}

// world writes the documents of the sample that is asked for.
func (l *local) world(password func(string) string) ([]text, error) {
	data := struct {
		Domains           []string
		Channels          int
		Extensions, Lines []seat
		Front             []string
		Group             string
		Flats             []flat
	}{Domains: l.domains(), Channels: l.Channels}
	switch l.Sample {
	case "complex":
		data.Flats = flats()
	case "operator":
		data.Lines = homes()
	default:
		data.Extensions, data.Group = l.extensions()
		data.Lines = []seat{{Number: strconv.Itoa(firstLine)}, {Number: strconv.Itoa(firstLine + 1)}}
		for i := range data.Extensions[:min(front, len(data.Extensions))] {
			data.Extensions[i].Department = "front"
			data.Front = append(data.Front, data.Extensions[i].Number)
		}
	}
	functions := template.FuncMap{
		"secret": func(user, realm string) string { return secret(user, realm, password(user)) },
		"json": func(v any) (string, error) {
			b, err := json.Marshal(v)
			return string(b), err
		},
	}
	var list []text
	for _, name := range worlds[l.Sample] {
		page, err := template.New(name+".yaml").Funcs(functions).ParseFS(worldFiles, "worlds/"+name+".yaml")
		if err != nil {
			return nil, fmt.Errorf("read the world %s: %w", name, err)
		}
		var b strings.Builder
		if err := page.Execute(&b, data); err != nil {
			return nil, fmt.Errorf("write the world %s: %w", name, err)
		}
		list = append(list, text{name + ".yaml", []byte(b.String())})
	}
	return list, nil
}

// secret writes an account's password, or, of one that no document takes because it is too short, its hashes.
func secret(user, realm, password string) string {
	if len(password) >= 6 && len(password) <= 128 && !strings.ContainsFunc(password, unicode.IsControl) {
		text, _ := json.Marshal(password) // a text has no reason to fail
		return "password: " + string(text)
	}
	of := []byte(user + ":" + realm + ":" + password)
	return fmt.Sprintf("ha1: {md5: %q, sha256: %q, sha512-256: %q}", hexOf(md5.Sum(of)), hexOf(sha256.Sum256(of)), hexOf(sha512.Sum512_256(of)))
}

func hexOf[H [16]byte | [32]byte](hash H) string { return fmt.Sprintf("%x", hash) }

// extensions are those of the company, and the number of its front desk, which none of them is or begins with.
func (l *local) extensions() (list []seat, group string) {
	first, group := firstExtension, frontDesk
	if l.Extensions >= many {
		first, group = firstOfMany, frontOfMany
	}
	for i := range l.Extensions {
		list = append(list, seat{Number: strconv.Itoa(first + i)})
	}
	return list, group
}

// homes are the operator's lines: the first may call abroad with a PIN, the second withholds its number, the third is barred.
func homes() (list []seat) {
	extra := []string{`class: abroad, pin: "2580"`, "withhold: true", "state: barred"}
	for i := range homeLines {
		s := seat{Number: strconv.Itoa(firstHome + i), Who: person(i)}
		if i < len(extra) {
			s.Extra = extra[i]
		}
		list = append(list, s)
	}
	return list
}

// domains are the names that phones may register at. Phones over TLS write the one that our certificate has.
func (l *local) domains() []string {
	list := []string{"santral.local"}
	for _, name := range []string{"localhost", l.TLSName, hostname()} {
		if name = strings.ToLower(name); name != "" && !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return list
}

// flats are those of the complex: the internal number is block (2 to 5), floor and door.
func flats() (list []flat) {
	for block := range 4 {
		for floor := 1; floor <= 20; floor++ {
			for door := 1; door <= 5; door++ {
				name := string(rune('A' + block))
				number := fmt.Sprintf("%d%02d%d", block+2, floor, door)
				i := len(list)
				list = append(list, flat{
					Number: number, Line: "2650" + number, Unit: fmt.Sprintf("%s-%d-%d", strings.ToLower(name), floor, door), Block: name,
					Floor: strconv.Itoa(floor), Door: strconv.Itoa(door), Who: person(i), Since: fmt.Sprintf("1404-%02d-%02d", i%12+1, i%29+1),
				})
			}
		}
	}
	return list
}

// document is the only one of a world of somebody's own.
func document(file string) ([]text, error) {
	info, err := os.Stat(file)
	if err == nil && info.Size() > doc.MaxSize {
		return nil, fmt.Errorf("%s is larger than %d MiB: split it", file, doc.MaxSize>>20)
	}
	data, err := os.ReadFile(file)
	return []text{{file, data}}, err
}

// settle reads the documents of a world.
func settle(texts []text) (operator *tenant.Operator, tenants []*tenant.Tenant, err error) {
	var problems doc.Problems
	for _, t := range texts {
		n := doc.Read(t.name, t.data, &problems)
		if n == nil {
			continue
		}
		d := tenant.ReadDocument(n)
		if d.Operator != nil {
			operator = d.Operator
		} else {
			tenants = append(tenants, d.Tenant)
		}
	}
	tenant.CheckAll(operator, tenants, &problems)
	return operator, tenants, problems.Err()
}
