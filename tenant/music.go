package tenant

import (
	"path/filepath"
	"strings"

	"santral/base/doc"
)

// Tune is music that goes on for whoever waits, by a name.
type Tune struct {
	Name    string // MusicDefault for the tenant's own
	Play    string // a file or a folder of them, MusicBuiltin or MusicNone
	Shuffle bool   // a folder's files in an order of chance, instead of that of their names
}

// Words of music.
const (
	MusicDefault = "default" // the tune of who names none
	MusicBuiltin = "builtin" // what the exchange has of its own
	MusicNone    = "none"    // silence, or what the phone that holds plays itself
)

// MaxTunes is the most tunes of a tenant.
const MaxTunes = 50

// tunes are those of one document while it is read: their names are looked up when all are known.
type tunes struct {
	list  []Tune
	named []*doc.Node // by accounts
}

func (t *tunes) read(n *doc.Node) {
	var tune Tune
	n.Map(doc.Fields{
		"name": func(n *doc.Node) {
			tune.Name = n.Text()
			if !isID(tune.Name) || tune.Name == MusicBuiltin || tune.Name == MusicNone {
				n.Fail("the name of music %q must be 1 to 40 of a–z, 0–9 and -, and neither builtin nor none", tune.Name)
			}
			for i := range t.list {
				if t.list[i].Name == tune.Name {
					n.Fail("music %s stands twice in this tenant", tune.Name)
				}
			}
		},
		"play": func(n *doc.Node) {
			if tune.Play = n.Text(); tune.Play == "" || len(tune.Play) > 1024 || strings.ContainsFunc(tune.Play, isControl) {
				n.Fail("must name a file, a folder, builtin or none")
			}
		},
		"shuffle": func(n *doc.Node) { tune.Shuffle = n.Bool() },
	}, "name", "play")
	if len(t.list) == MaxTunes {
		n.Fail("a tenant has at most %d pieces of music", MaxTunes)
	}
	t.list = append(t.list, tune)
}

// account reads the tune that an account names.
func (t *tunes) account(n *doc.Node) string {
	t.named = append(t.named, n)
	return n.Text()
}

// join gives the tunes when all of the document are known.
func (t *tunes) join() []Tune {
	known := map[string]bool{MusicDefault: true, MusicBuiltin: true, MusicNone: true}
	for i := range t.list {
		known[t.list[i].Name] = true
	}
	for _, n := range t.named {
		if !known[n.Text()] {
			n.Fail("there is no music %s in this tenant; write its name: and play: under music", n.Text())
		}
	}
	return t.list
}

// within has relative places of tunes be in a folder.
func within(dir string, tunes []Tune) {
	for i := range tunes {
		if p := tunes[i].Play; p != MusicBuiltin && p != MusicNone && p != "" && !filepath.IsAbs(p) {
			tunes[i].Play = filepath.Join(dir, p)
		}
	}
}

// Tune gives the tenant's tune of a name, "" being the tenant's own; false where there is none of it. A tenant that
// says nothing has what is built in.
func (t *Tenant) Tune(name string) (Tune, bool) {
	if name == "" {
		name = MusicDefault
	}
	for _, tune := range t.Music {
		if tune.Name == name {
			return tune, true
		}
	}
	switch name {
	case MusicDefault:
		return Tune{Name: name, Play: MusicBuiltin}, true
	case MusicBuiltin, MusicNone:
		return Tune{Name: name, Play: name}, true
	}
	return Tune{}, false
}

// Within takes relative paths of a document from a folder.
func Within(dir string, d Document) {
	if d.Tenant != nil {
		within(dir, d.Tenant.Music)
	}
}
