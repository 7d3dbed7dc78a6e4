package sipleg

import (
	"slices"
	"strings"

	"santral/media/ice"
	"santral/sip"
	"santral/sip/invite"
)

// tricklePackage is the INFO package of candidates that come after a description (RFC 8840 §10). It is a matter
// between us and the peer, and crosses no call. We send none of our own: all of our candidates are in our descriptions.
const tricklePackage = "trickle-ice"

// hearPackages takes note of the INFO packages that the peer takes, by its request or answer. One that sends
// candidates late is told that it may.
func (l *Leg) hearPackages(m *sip.Message) {
	l.packages = packagesOf(m)
	if takes(l.packages, tricklePackage) {
		l.packages = slices.DeleteFunc(l.packages, func(n string) bool { return strings.EqualFold(n, tricklePackage) })
		l.trickles = true
		l.tellPackages()
	}
}

// tellPackages says which INFO packages the peer may send: those of the other side, and ours.
func (l *Leg) tellPackages() {
	names := l.admitted
	if l.trickles {
		names = append(slices.Clone(names), tricklePackage)
	}
	l.session.Packages(strings.Join(names, ", "))
}

// trickled takes the peer's late candidates; it is false for an INFO of another kind. A fragment that can't be read
// is passed over: the peer's checks show where it is.
func (l *Leg) trickled(m *sip.Message) bool {
	if !strings.EqualFold(invite.PackageName(m.Get(sip.InfoPackage)), tricklePackage) {
		return false
	}
	if strings.EqualFold(strings.TrimSpace(m.Get(sip.ContentType)), ice.FragmentType) {
		_ = l.media.Trickle(m.Body)
	}
	return true
}
