package sipleg

import (
	"slices"
	"strings"

	"santral/call"
	"santral/sip"
	"santral/sip/invite"
)

// A whole picture is asked for in signalling by this document (RFC 5168 §5).
const (
	mediaControl = "application/media_control+xml"
	fastUpdate   = `<?xml version="1.0" encoding="utf-8"?><media_control><vc_primitive><to_encoder><picture_fast_update/></to_encoder></vc_primitive></media_control>` + "\r\n"
)

// asksPicture reports an INFO that asks for a whole picture (RFC 5168 §5). What else such documents say passes as it is.
func asksPicture(i *call.Info) bool {
	kind, _, _ := strings.Cut(i.ContentType, ";")
	return i.Package == "" && strings.EqualFold(strings.TrimSpace(kind), mediaControl) && strings.Contains(i.Content, "picture_fast_update")
}

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
