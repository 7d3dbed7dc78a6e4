package tenant

import (
	"slices"
	"strings"

	"santral/base/doc"
)

// IdentityForm says in which header fields a peer is told who calls.
type IdentityForm uint8

// Forms of an identity. Unsaid is P-Asserted-Identity for phones and trusted trunks, From alone for others.
const (
	IdentityUnsaid IdentityForm = iota
	IdentityPAI                 // P-Asserted-Identity (RFC 3325 §9.1)
	IdentityRPID                // Remote-Party-ID
	IdentityFrom                // From, and Privacy beside it for a trusted trunk
	IdentityNone                // From alone, and never a withheld one
)

// DiversionForm says in which header fields a peer is told whom a call was for before.
type DiversionForm uint8

// Forms of diversions. Unsaid is both.
const (
	DiversionUnsaid  DiversionForm = iota
	DiversionField                 // Diversion (RFC 5806)
	DiversionHistory               // History-Info (RFC 7044)
	DiversionBoth
	DiversionNone
)

// Manners are what header fields tell a tenant's phones, or a trunk, of a call.
type Manners struct {
	Identity  IdentityForm
	Diversion DiversionForm
	Pass      []string // names of header fields of an INVITE that cross between peers that both list them
}

// Phones are the manners of a tenant's own phones.
type Phones struct {
	Manners
	Intercom bool // an account may have another's phone answer by itself (RFC 5373)
	Source   bool // Alert-Info says whether a call comes from inside (RFC 7462 §9.2)
}

// maxPass bounds the header fields that cross a call by their names.
const maxPass = 8

// passable are the fields with a meaning of their own that may be named in pass besides those that begin with
// "X-". All others are the exchange's to write, or nobody's.
var passable = []string{"Subject", "Priority", "Organization", "User-to-User", "Geolocation", "Resource-Priority"}

// fields are the keys of manners in a document.
func (m *Manners) fields(f doc.Fields) doc.Fields {
	f["diversion"] = func(n *doc.Node) {
		choose(n, &m.Diversion, DiversionField, "diversion", "history-info", "both", "none")
	}
	f["identity"] = func(n *doc.Node) { choose(n, &m.Identity, IdentityPAI, "pai", "rpid", "from", "none") }
	f["pass"] = func(n *doc.Node) {
		n.Each(func(n *doc.Node) {
			name := n.Text()
			switch {
			case !isFieldName(name):
				n.Fail("header field %q can't pass: name one that begins with X-, or one of %s", name, strings.Join(passable, ", "))
			case len(m.Pass) >= maxPass:
				n.Fail("at most %d header fields may pass", maxPass)
			default:
				m.Pass = append(m.Pass, name)
			}
		})
	}
	return f
}

// choose reads one of the words, which name the choices from first on, in their order. What is no such word leaves the
// choice as it is.
func choose[C ~uint8](n *doc.Node, into *C, first C, words ...string) {
	if i := slices.Index(words, n.OneOf(words...)); i >= 0 {
		*into = first + C(i)
	}
}

func readPhones(n *doc.Node) (p Phones) {
	n.Map(p.fields(doc.Fields{
		"intercom":     func(n *doc.Node) { p.Intercom = n.Bool() },
		"alert-source": func(n *doc.Node) { p.Source = n.Bool() },
	}))
	return p
}

func isFieldName(s string) bool {
	if slices.ContainsFunc(passable, func(known string) bool { return strings.EqualFold(known, s) }) {
		return true
	}
	return len(s) > 2 && len(s) <= 40 && strings.EqualFold(s[:2], "X-") &&
		strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == ""
}
