package sipleg

import (
	"slices"
	"strings"

	"santral/call"
	"santral/sip"
	"santral/sip/invite"
)

// maxPackages bounds the INFO packages that a peer may list, maxPackage the length of a name.
const (
	maxPackages = 16
	maxPackage  = 64
)

var _ call.Packager = (*Leg)(nil)

// packagesOf reads the INFO packages that a message's sender takes (RFC 6086 §5).
func packagesOf(m *sip.Message) (names []string) {
	for v := range m.Values(sip.RecvInfo) {
		if v = invite.PackageName(v); v != "" && len(v) <= maxPackage && clean(v) == v && len(names) < maxPackages {
			names = append(names, v)
		}
	}
	return names
}

// takes reports whether a package is one of names.
func takes(names []string, pkg string) bool {
	pkg = invite.PackageName(pkg)
	return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, pkg) })
}

// Packages sets which INFO packages the peer is told that it may send: those that the other side takes
// (call.Packager). One that comes all the same is refused by 469.
func (l *Leg) Packages(names []string) {
	l.do(func() {
		l.admitted = slices.DeleteFunc(slices.Clone(names), func(n string) bool { return strings.EqualFold(n, tricklePackage) })
		l.tellPackages()
	})
}
