package tenant

import (
	"strings"

	"santral/base/doc"
)

// List is accounts of one tenant that are watched as one: all the lamps of a phone with a single
// subscription (RFC 4662).
type List struct {
	Name    string   // user part of its URI: "blf"
	Title   string   // as people read it; "" for none
	Numbers []string // accounts of the tenant, in the order in which they are told
}

// MaxList is the most accounts of one list.
const MaxList = 500

// List gives the tenant's list of that name, or nil.
func (t *Tenant) List(name string) *List {
	for i := range t.Lists {
		if t.Lists[i].Name == name {
			return &t.Lists[i]
		}
	}
	return nil
}

// lists are those of one document while it is read: their numbers are looked up when all accounts are known.
type lists struct {
	list  []List
	nodes []*doc.Node // of each number, in order
}

func (l *lists) read(n *doc.Node) {
	var list List
	seen := map[string]bool{}
	n.Map(doc.Fields{
		"name": func(n *doc.Node) {
			list.Name = n.Text()
			if !isID(list.Name) || strings.Trim(list.Name, "0123456789") == "" {
				n.Fail("list name %q must be 1 to 40 of a–z, 0–9 and -, and no number: it stands before the @ of the list's URI", list.Name)
			}
			for i := range l.list {
				if l.list[i].Name == list.Name {
					n.Fail("list %s stands twice in this tenant", list.Name)
				}
			}
		},
		"title": func(n *doc.Node) { list.Title = readName(n) },
		"numbers": func(n *doc.Node) {
			n.Each(func(n *doc.Node) {
				number := n.Text()
				if seen[number] {
					n.Fail("number %s stands twice in this list", number)
				}
				seen[number] = true
				list.Numbers = append(list.Numbers, number)
				l.nodes = append(l.nodes, n)
			})
			if len(list.Numbers) > MaxList {
				n.Fail("a list has at most %d numbers", MaxList)
			}
		},
	}, "name", "numbers")
	l.list = append(l.list, list)
}

// join gives the lists when all accounts of the document are known.
func (l *lists) join(numbers map[string]bool) []List {
	for _, n := range l.nodes {
		if !numbers[n.Text()] {
			n.Fail("number %s is no account of this tenant", n.Text())
		}
	}
	return l.list
}
