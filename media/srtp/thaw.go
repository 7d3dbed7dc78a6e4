package srtp

import (
	"errors"
	"fmt"
	"slices"

	"santral/media/rtp"
)

var (
	errShort   = errors.New("srtp: no packet to seal")
	errSpent   = errors.New("srtp: the key has sealed all that it may") // RFC 3711 §9.2
	errSources = errors.New("srtp: too many sources under one key")
)

// thawedAhead is how many SRTCP indices are left out after a machine was read back: whoever wrote it out may have
// sent a little more since.
const thawedAhead = 64

// same reports whether two keys seal alike.
func (k Key) same(o Key) bool {
	return k.Suite == o.Suite && slices.Equal(k.Master, o.Master) && slices.Equal(k.MKI, o.MKI)
}

func (k Key) freeze(t *table) rtp.CryptState {
	return rtp.CryptState{Suite: k.Suite.String(), Master: slices.Clone(k.Master), MKI: slices.Clone(k.MKI), Tag: k.Tag, Sources: t.freeze()}
}

func thawKey(st rtp.CryptState) Key {
	k := Key{Tag: st.Tag, Master: st.Master, MKI: st.MKI}
	if i := slices.Index(suiteNames[:], st.Suite); i > 0 {
		k.Suite = Suite(i)
	}
	return k
}

// Machines is rtp.Machines: it makes again what Freeze of an Opener and a Sealer wrote out.
type Machines struct{}

// Opener makes an Opener that has seen what the one before had seen.
func (Machines) Opener(st rtp.CryptState) (rtp.Opener, error) {
	o, err := NewOpener(thawKey(st))
	if err != nil {
		return nil, fmt.Errorf("thaw opener: %w", err)
	}
	o.table.thaw(st.Sources, opened)
	return o, nil
}

// Sealer makes a Sealer that uses no index again.
func (Machines) Sealer(st rtp.CryptState) (rtp.Sealer, error) {
	s, err := NewSealer(thawKey(st))
	if err != nil {
		return nil, fmt.Errorf("thaw sealer: %w", err)
	}
	s.table.thaw(st.Sources, sealed)
	for i := range s.table.list {
		if c := &s.table.list[i].control; c.begun {
			c.top = min(c.top+thawedAhead, lastControl)
		}
	}
	return s, nil
}
