package session

import (
	"crypto/rand"
	"net/netip"
	"slices"

	"santral/media/sdp"
	"santral/media/srtp"
)

// secrets are what descriptions say of the keys of a line (RFC 4568). They leave the session in descriptions for
// the peer, and in State.
type secrets struct {
	Ours  []srtp.Key     `json:"ours,omitempty"`  // of our last description: one for each suite in an offer, the chosen one in an answer
	Peer  []srtp.Key     `json:"peer,omitempty"`  // of the peer's last description, as far as we speak them, in its order
	At    netip.AddrPort `json:"at"`              // where the peer's media was to be then
	Ufrag string         `json:"ufrag,omitempty"` // and which credentials of ICE it had
	Renew bool           `json:"renew,omitempty"` // our next answer has a new key

	in, out srtp.Key // that the stream has now; without a suite: none
}

// mostKeys bounds what is kept of one line's keys.
const mostKeys = 16

// readKeys gives the keys of a line that we speak.
func readKeys(m *sdp.Media) (list []srtp.Key) {
	for i := range m.Attrs {
		if m.Attrs[i].Name != "crypto" || len(list) == mostKeys {
			continue
		}
		if k, err := srtp.ParseCrypto(m.Attrs[i].Value); err == nil {
			list = append(list, k)
		}
	}
	return list
}

// agreed finds the key that the peer seals with and the one that we seal with: the first of the peer's that one of
// ours goes with, by tag and suite (RFC 4568 §5.1.2).
func (k *secrets) agreed() (peer, ours srtp.Key, ok bool) {
	if k == nil {
		return peer, ours, false
	}
	for _, p := range k.Peer {
		for _, o := range k.Ours {
			if p.Tag == o.Tag && p.Suite == o.Suite {
				return p, o, true
			}
		}
	}
	return peer, ours, false
}

// heard reports whether the peer has keys. A line that never had any has no secrets.
func (k *secrets) heard() bool { return k != nil && len(k.Peer) > 0 }

// unused takes note that the stream has no keys now.
func (k *secrets) unused() {
	if k != nil {
		k.in, k.out = srtp.Key{}, srtp.Key{}
	}
}

// clone gives a copy, nil of nil.
func (k *secrets) clone() *secrets {
	if k == nil {
		return nil
	}
	c := *k
	return &c
}

// secrets are those of a line, made when they are first needed.
func (l *line) secrets() *secrets {
	if l.keys == nil {
		l.keys = new(secrets)
	}
	return l.keys
}

// hearKeys takes what the peer's description says of keys. Where the peer changes its key or its place our next answer
// has a new one too: no key may protect two streams (RFC 4568 §7.1.4).
func (l *line) hearKeys(d *sdp.Description, m *sdp.Media) {
	peer := readKeys(m)
	if peer == nil && l.keys == nil {
		return
	}
	k := l.secrets()
	at, _ := m.Addr(d)
	ufrag, _ := either(d, m, "ice-ufrag")
	if used, _, ok := k.agreed(); ok {
		kept := slices.ContainsFunc(peer, func(p srtp.Key) bool { return sameKey(p, used) })
		moved := at != k.At && at.IsValid() && !at.Addr().IsUnspecified() && k.At.IsValid() && !k.At.Addr().IsUnspecified()
		k.Renew = !kept || moved || ufrag != k.Ufrag
	}
	k.Peer, k.At, k.Ufrag = peer, at, ufrag
}

func sameKey(a, b srtp.Key) bool {
	return a.Suite == b.Suite && slices.Equal(a.Master, b.Master) && slices.Equal(a.MKI, b.MKI)
}

// offer gives the keys of an offer: the one in use, so that nothing changes by it, or one for each suite.
func (k *secrets) offer() ([]srtp.Key, error) {
	if _, ours, ok := k.agreed(); ok {
		k.Ours = []srtp.Key{ours}
		return k.Ours, nil
	}
	suites := srtp.Offered()
	if len(k.Ours) == len(suites) {
		return k.Ours, nil // the offer is made again
	}
	list := make([]srtp.Key, 0, len(suites))
	for i, suite := range suites {
		key, err := srtp.NewKey(suite, i+1, rand.Reader)
		if err != nil {
			return nil, err
		}
		list = append(list, key)
	}
	k.Ours = list
	return list, nil
}

// answer gives the key of an answer: of the suite of the peer's first that we speak. Ours of that suite stays as it
// is unless it is to be made anew.
func (k *secrets) answer() ([]srtp.Key, error) {
	p := k.Peer[0]
	for _, o := range k.Ours {
		if o.Suite == p.Suite && !k.Renew {
			o.Tag = p.Tag
			k.Ours = []srtp.Key{o}
			return k.Ours, nil
		}
	}
	key, err := srtp.NewKey(p.Suite, p.Tag, rand.Reader)
	if err != nil {
		return nil, err
	}
	k.Ours, k.Renew = []srtp.Key{key}, false
	return k.Ours, nil
}

// cryptoAttrs are keys as a description has them.
func cryptoAttrs(attrs []sdp.Attr, list []srtp.Key) []sdp.Attr {
	for _, k := range list {
		attrs = append(attrs, sdp.Attr{Name: "crypto", Value: k.Crypto()})
	}
	return attrs
}
