package ice

import (
	"encoding/binary"
	"net/netip"

	"github.com/pion/stun/v4"
)

// txid is a STUN transaction number (RFC 8489 §5).
type txid = [stun.TransactionIDSize]byte

const (
	stunHeader = 20
	stunMagic  = 0x2112A442
	maxSTUN    = 1280 // octets; a check is a tenth of it
)

// looksSTUN tells a STUN message from DTLS and RTP on one port (RFC 7983 §7).
func looksSTUN(b []byte) bool {
	return len(b) >= stunHeader && len(b) <= maxSTUN && b[0] < 4 && len(b)%4 == 0 &&
		binary.BigEndian.Uint32(b[4:]) == stunMagic && int(binary.BigEndian.Uint16(b[2:])) == len(b)-stunHeader
}

// username finds the attribute without reading the rest: most that a flood brings ends here, and costs no memory.
func username(b []byte) []byte {
	for at := stunHeader; at+4 <= len(b); {
		kind, size := binary.BigEndian.Uint16(b[at:]), int(binary.BigEndian.Uint16(b[at+2:]))
		if at+4+size > len(b) {
			return nil
		}
		if kind == uint16(stun.AttrUsername) {
			return b[at+4 : at+4+size]
		}
		at += 4 + (size+3)&^3
	}
	return nil
}

// read decodes b into m, whose memory is used again.
func read(m *stun.Message, b []byte) error {
	m.Raw = append(m.Raw[:0], b...)
	return m.Decode()
}

// number reads an attribute of 4 or 8 octets.
func number(m *stun.Message, t stun.AttrType) (uint64, bool) {
	v, err := m.Get(t)
	switch {
	case err != nil:
		return 0, false
	case len(v) == 4:
		return uint64(binary.BigEndian.Uint32(v)), true
	case len(v) == 8:
		return binary.BigEndian.Uint64(v), true
	}
	return 0, false
}

// check is what a Binding request of ours says (RFC 8445 §7.1).
type check struct {
	tx          txid
	to, from    Credentials // the peer's and ours
	priority    uint32
	controlling bool
	tie         uint64
	use         bool // USE-CANDIDATE
}

// begin starts a message of ours.
func begin(m *stun.Message, t stun.MessageType, tx txid) {
	m.Reset()
	m.Type, m.TransactionID = t, tx
	m.WriteHeader()
}

// finish proves a message by a password and closes it.
func finish(m *stun.Message, pwd string) []byte {
	if stun.NewShortTermIntegrity(pwd).AddTo(m) != nil || stun.Fingerprint.AddTo(m) != nil {
		return nil
	}
	return m.Raw
}

func (c *check) write(m *stun.Message) []byte {
	begin(m, stun.BindingRequest, c.tx)
	m.Add(stun.AttrUsername, []byte(c.to.Ufrag+":"+c.from.Ufrag))
	var n [8]byte
	binary.BigEndian.PutUint32(n[:], c.priority)
	m.Add(stun.AttrPriority, n[:4])
	binary.BigEndian.PutUint64(n[:], c.tie)
	if c.controlling {
		m.Add(stun.AttrICEControlling, n[:])
	} else {
		m.Add(stun.AttrICEControlled, n[:])
	}
	if c.use && c.controlling {
		m.Add(stun.AttrUseCandidate, nil)
	}
	return finish(m, c.to.Pwd)
}

// success answers a check (RFC 8445 §7.3).
func success(m *stun.Message, tx txid, seen netip.AddrPort, pwd string) []byte {
	begin(m, stun.BindingSuccess, tx)
	a := stun.XORMappedAddress{IP: seen.Addr().Unmap().AsSlice(), Port: int(seen.Port())}
	if a.AddTo(m) != nil {
		return nil
	}
	return finish(m, pwd)
}

// refusal answers a check with an error, proved by pwd.
func refusal(m *stun.Message, tx txid, code stun.ErrorCode, pwd string) []byte {
	begin(m, stun.BindingError, tx)
	if code.AddTo(m) != nil {
		return nil
	}
	return finish(m, pwd)
}

// unknownIn gives the attributes of a request that must be understood and are not.
func unknownIn(m *stun.Message) (unknown stun.UnknownAttributes) {
	for i := range m.Attributes {
		switch t := m.Attributes[i].Type; t {
		case stun.AttrUsername, stun.AttrMessageIntegrity, stun.AttrPriority, stun.AttrUseCandidate, stun.AttrMappedAddress, stun.AttrXORMappedAddress,
			stun.AttrErrorCode, stun.AttrUnknownAttributes, stun.AttrRealm, stun.AttrNonce, stun.AttrMessageIntegritySHA256:
		default:
			if t.Required() && len(unknown) < 8 {
				unknown = append(unknown, t)
			}
		}
	}
	return unknown
}

// puzzled answers a check that asks for what we don't know.
func puzzled(m *stun.Message, tx txid, unknown stun.UnknownAttributes, pwd string) []byte {
	begin(m, stun.BindingError, tx)
	if stun.CodeUnknownAttribute.AddTo(m) != nil || unknown.AddTo(m) != nil {
		return nil
	}
	return finish(m, pwd)
}
