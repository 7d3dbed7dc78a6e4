// Package id gives chance to everybody who needs it: tags, branches, Call-IDs, nonces, SSRCs.
//
// What lives here is one seedable generator and the ways to spend it. Nobody else in the house reads
// randomness, so a test that gives the seed can replay a call to the letter. A [Source] owns its
// state behind a leaf mutex; keys that must outlive a process are made elsewhere and only drawn here.
package id

import (
	crand "crypto/rand"
	"encoding/binary"
	"math/rand/v2"
	"sync"
	"time"
)

// alphabet has 32 letters, so that five bits make one. All of them are safe in a SIP token, a URL
// and a file name.
const alphabet = "abcdefghijkmnpqrstuvwxyz23456789"

// Source is a cryptographically strong generator (ChaCha8). It is safe for concurrent use.
type Source struct {
	mu  sync.Mutex
	gen *rand.ChaCha8
}

// New returns a source whose whole output follows from seed.
func New(seed [32]byte) *Source {
	return &Source{gen: rand.NewChaCha8(seed)}
}

// Random returns a source that is seeded by the operating system.
func Random() *Source {
	var seed [32]byte
	crand.Read(seed[:]) // never fails: the Go runtime ends the program instead
	return New(seed)
}

// Fork returns a new source seeded from this one, for an owner that draws often.
func (s *Source) Fork() *Source {
	var seed [32]byte
	s.Bytes(seed[:])
	return New(seed)
}

// Uint64 returns 64 random bits.
func (s *Source) Uint64() uint64 {
	s.mu.Lock()
	v := s.gen.Uint64()
	s.mu.Unlock()
	return v
}

// Bytes fills b.
func (s *Source) Bytes(b []byte) {
	s.mu.Lock()
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, s.gen.Uint64())
		b = b[8:]
	}
	if len(b) > 0 {
		var last [8]byte
		binary.LittleEndian.PutUint64(last[:], s.gen.Uint64())
		copy(b, last[:])
	}
	s.mu.Unlock()
}

// Token returns n characters of [a-z2-9] with five random bits in each: 13 make 65 bits, 26 make 130.
func (s *Source) Token(n int) string {
	return string(s.AppendToken(make([]byte, 0, n), n))
}

// ordered has the 32 letters of alphabet in the order of their bytes.
const ordered = "23456789abcdefghijkmnpqrstuvwxyz"

// Timed returns a token that sorts by time: nine characters of milliseconds, good for a thousand
// years, and then n random ones. A database keeps rows with such keys side by side.
func (s *Source) Timed(at time.Time, n int) string {
	const digits = 9
	b := make([]byte, digits, digits+n)
	ms := uint64(at.UnixMilli())
	for i := digits - 1; i >= 0; i-- {
		b[i] = ordered[ms&31]
		ms >>= 5
	}
	return string(s.AppendToken(b, n))
}

// AppendToken appends what Token returns to dst.
func (s *Source) AppendToken(dst []byte, n int) []byte {
	s.mu.Lock()
	for n > 0 {
		bits := s.gen.Uint64()
		for i := 0; i < 12 && n > 0; i++ {
			dst = append(dst, alphabet[bits&31])
			bits >>= 5
			n--
		}
	}
	s.mu.Unlock()
	return dst
}
