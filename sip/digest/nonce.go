package digest

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"hash"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// A nonce is a stamp (microseconds since 1970, made unique) and a keyed hash of it, of the realm and
// of the address that it was made for. So it needs no memory, and nobody else can make one or use
// one from elsewhere (RFC 7616 §3.3).
const (
	stampLen = 8
	macLen   = 16
	nonceLen = (stampLen + macLen) * 4 / 3
)

type nonces struct {
	realm []byte
	last  atomic.Int64 // the newest stamp given out
	macs  sync.Pool    // *nonceMAC, each keyed once
}

type nonceMAC struct {
	hash hash.Hash
	in   [stampLen + 16]byte
	out  [sha256.Size]byte
	raw  [stampLen + macLen]byte
	text [nonceLen]byte
}

func (n *nonces) init(key [32]byte, realm string) {
	n.realm = []byte(realm)
	n.macs.New = func() any { return &nonceMAC{hash: hmac.New(sha256.New, key[:])} }
}

// sum computes the keyed hash of a stamp and an address.
func (n *nonces) sum(m *nonceMAC, stamp int64, source netip.Addr) []byte {
	binary.BigEndian.PutUint64(m.in[:], uint64(stamp))
	addr := source.As16()
	copy(m.in[stampLen:], addr[:])
	m.hash.Reset()
	m.hash.Write(m.in[:])
	m.hash.Write(n.realm)
	return m.hash.Sum(m.out[:0])[:macLen]
}

// append makes a new nonce.
func (n *nonces) append(dst []byte, now time.Time, source netip.Addr) []byte {
	stamp := now.UnixMicro()
	for {
		last := n.last.Load()
		stamp = max(stamp, last+1)
		if n.last.CompareAndSwap(last, stamp) {
			break
		}
	}
	m := n.macs.Get().(*nonceMAC)
	defer n.macs.Put(m)
	copy(m.raw[stampLen:], n.sum(m, stamp, source))
	binary.BigEndian.PutUint64(m.raw[:], uint64(stamp))
	base64.RawURLEncoding.Encode(m.text[:], m.raw[:])
	return append(dst, m.text[:]...)
}

// stampOf gives the stamp of a nonce; ok is false when it is not ours or was made for another
// address.
func (n *nonces) stampOf(nonce string, source netip.Addr) (stamp int64, ok bool) {
	if len(nonce) != nonceLen {
		return 0, false
	}
	m := n.macs.Get().(*nonceMAC)
	defer n.macs.Put(m)
	copy(m.text[:], nonce)
	if c, err := base64.RawURLEncoding.Decode(m.raw[:], m.text[:]); err != nil || c != len(m.raw) {
		return 0, false
	}
	stamp = int64(binary.BigEndian.Uint64(m.raw[:]))
	return stamp, subtle.ConstantTimeCompare(n.sum(m, stamp, source), m.raw[stampLen:]) == 1
}

// counts remembers which nonce counts were used, so that credentials count once (RFC 7616 §5.12).
// Only right credentials get this far, so strangers cannot fill it. It holds two generations of
// bounded size; what falls out raises the floor below which a nonce that is not in the table counts
// as used up.
type counts struct {
	mu       sync.Mutex
	limit    int
	cur, old map[int64]window
	newest   [2]int64 // the highest stamp in cur and in old
	floor    int64
}

// window is the highest count of a nonce and which of the 64 up to it were used: datagrams overtake
// one another.
type window struct {
	top  uint32
	used uint64
}

func newCounts(limit int, floor int64) *counts {
	return &counts{limit: limit, cur: make(map[int64]window), floor: floor}
}

// use takes a count of a nonce; false means that it was used before or is too old to know.
func (c *counts) use(stamp int64, nc uint32) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	w, known := c.cur[stamp]
	if !known {
		if w, known = c.old[stamp]; !known && stamp <= c.floor {
			return false
		}
	}
	switch {
	case !known:
		w = window{nc, 1}
	case nc > w.top:
		if shift := nc - w.top; shift < 64 {
			w.used = w.used<<shift | 1
		} else {
			w.used = 1
		}
		w.top = nc
	default:
		back := w.top - nc
		if back >= 64 || w.used&(1<<back) != 0 {
			return false
		}
		w.used |= 1 << back
	}
	if _, here := c.cur[stamp]; !here && len(c.cur) >= c.limit {
		c.floor = max(c.floor, c.newest[1])
		c.old, c.cur = c.cur, make(map[int64]window)
		c.newest[1], c.newest[0] = c.newest[0], 0
	}
	c.cur[stamp] = w
	c.newest[0] = max(c.newest[0], stamp)
	return true
}

// size tells how many nonces are remembered.
func (c *counts) size() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.cur) + len(c.old)
}
