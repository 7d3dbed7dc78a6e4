package advertise

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"net/netip"
	"slices"
)

// The little of STUN that is needed: one method, Binding, without credentials (RFC 8489 §5).
const (
	stunHeader      = 20
	stunMagic       = 0x2112A442
	bindingRequest  = 0x0001
	bindingAnswer   = 0x0101
	bindingError    = 0x0111
	attrMapped      = 0x0001 // MAPPED-ADDRESS, for servers of RFC 3489
	attrErrorCode   = 0x0009
	attrUnknown     = 0x000A // UNKNOWN-ATTRIBUTES
	attrXorMapped   = 0x0020
	attrFingerprint = 0x8028
	optionalFrom    = 0x8000 // attributes from here on may be skipped
	unknownMax      = 8      // unknown attributes that one answer lists
	fingerprintMask = 0x5354554e
	fingerprintSize = 8
)

// errSTUN is what a message that is not STUN, or is not whole, gives.
var errSTUN = errors.New("not a STUN message")

// txid is a STUN transaction number (RFC 8489 §5).
type txid [12]byte

// stunMessage is a STUN message that was read.
type stunMessage struct {
	kind        uint16
	tx          txid
	mapped      netip.AddrPort // from either form of the attribute
	unknown     []uint16       // attributes that must be understood and were not
	fingerprint bool
}

// IsSTUN tells a STUN message from a SIP one that came to the same port: its first two bits are zero
// and the magic cookie follows (RFC 8489 §5, RFC 5626 §8). No SIP message begins so.
func IsSTUN(b []byte) bool {
	return len(b) >= stunHeader && b[0]&0xC0 == 0 && binary.BigEndian.Uint32(b[4:]) == stunMagic
}

// Answer appends to dst the answer to a Binding request that came from source, and reports whether b
// was one. The answer is never more than three times as long as the request.
func Answer(dst, b []byte, source netip.AddrPort) ([]byte, bool) {
	m, err := parseSTUN(b)
	if err != nil || m.kind != bindingRequest {
		return dst, false
	}
	start := len(dst)
	if len(m.unknown) > 0 {
		// RFC 8489 §6.3.1: 420, with what was not understood.
		dst = appendHeader(dst, bindingError, m.tx)
		dst = append(dst, 0, attrErrorCode, 0, 4, 0, 0, 4, 20)
		dst = append(dst, 0, attrUnknown, 0, byte(2*len(m.unknown)))
		for _, a := range m.unknown {
			dst = binary.BigEndian.AppendUint16(dst, a)
		}
		for len(dst)%4 != start%4 {
			dst = append(dst, 0)
		}
	} else {
		dst = appendHeader(dst, bindingAnswer, m.tx)
		dst = appendXorMapped(dst, source, m.tx)
	}
	return finish(dst, start, m.fingerprint), true
}

// appendRequest appends a Binding request.
func appendRequest(dst []byte, tx txid) []byte {
	start := len(dst)
	return finish(appendHeader(dst, bindingRequest, tx), start, true)
}

func appendHeader(dst []byte, kind uint16, tx txid) []byte {
	dst = binary.BigEndian.AppendUint16(dst, kind)
	dst = append(dst, 0, 0)
	dst = binary.BigEndian.AppendUint32(dst, stunMagic)
	return append(dst, tx[:]...)
}

// finish writes the length and, where asked for, the fingerprint (RFC 8489 §14.7).
func finish(dst []byte, start int, fingerprint bool) []byte {
	size := len(dst) - start - stunHeader
	if fingerprint {
		binary.BigEndian.PutUint16(dst[start+2:], uint16(size+fingerprintSize))
		sum := crc32.ChecksumIEEE(dst[start:]) ^ fingerprintMask
		dst = append(dst, attrFingerprint>>8, attrFingerprint&0xFF, 0, 4)
		return binary.BigEndian.AppendUint32(dst, sum)
	}
	binary.BigEndian.PutUint16(dst[start+2:], uint16(size))
	return dst
}

// xorPad is what an XOR-MAPPED-ADDRESS is mixed with (RFC 8489 §14.2).
func xorPad(tx txid) (pad [16]byte) {
	binary.BigEndian.PutUint32(pad[:], stunMagic)
	copy(pad[4:], tx[:])
	return pad
}

func appendXorMapped(dst []byte, a netip.AddrPort, tx txid) []byte {
	ip := a.Addr().Unmap().AsSlice()
	family := byte(1)
	if len(ip) == 16 {
		family = 2
	}
	dst = append(dst, 0, attrXorMapped, 0, byte(4+len(ip)), 0, family)
	dst = binary.BigEndian.AppendUint16(dst, a.Port()^stunMagic>>16)
	pad := xorPad(tx)
	for i, c := range ip {
		dst = append(dst, c^pad[i])
	}
	return dst
}

// parseSTUN reads a message. Its length must be exactly that of the datagram.
func parseSTUN(b []byte) (m stunMessage, err error) {
	if !IsSTUN(b) || int(binary.BigEndian.Uint16(b[2:])) != len(b)-stunHeader || len(b)%4 != 0 {
		return m, errSTUN
	}
	m.kind = binary.BigEndian.Uint16(b)
	m.tx = txid(b[8:stunHeader])
	for at := stunHeader; at < len(b); {
		kind, size := binary.BigEndian.Uint16(b[at:]), int(binary.BigEndian.Uint16(b[at+2:]))
		end := at + 4 + size
		if end > len(b) {
			return m, errSTUN
		}
		value := b[at+4 : end]
		switch kind {
		case attrXorMapped, attrMapped:
			a, ok := parseMapped(value, kind == attrXorMapped, m.tx)
			if !ok {
				return m, errSTUN
			}
			if kind == attrXorMapped || !m.mapped.IsValid() {
				m.mapped = a
			}
		case attrFingerprint:
			// RFC 8489 §14.7: the last attribute, over all that is before it.
			if size != 4 || end != len(b) || binary.BigEndian.Uint32(value) != crc32.ChecksumIEEE(b[:at])^fingerprintMask {
				return m, errSTUN
			}
			m.fingerprint = true
		case attrErrorCode, attrUnknown:
		default:
			if kind < optionalFrom && len(m.unknown) < unknownMax && !slices.Contains(m.unknown, kind) {
				m.unknown = append(m.unknown, kind)
			}
		}
		at = end + (4-size%4)%4
	}
	return m, nil
}

func parseMapped(v []byte, xor bool, tx txid) (netip.AddrPort, bool) {
	if len(v) < 4 {
		return netip.AddrPort{}, false
	}
	port, ip := binary.BigEndian.Uint16(v[2:]), slices.Clone(v[4:])
	if family := v[1]; family == 1 && len(ip) != 4 || family == 2 && len(ip) != 16 || family != 1 && family != 2 {
		return netip.AddrPort{}, false
	}
	if xor {
		port ^= stunMagic >> 16
		pad := xorPad(tx)
		for i := range ip {
			ip[i] ^= pad[i]
		}
	}
	a, ok := netip.AddrFromSlice(ip)
	return netip.AddrPortFrom(a.Unmap(), port), ok
}
