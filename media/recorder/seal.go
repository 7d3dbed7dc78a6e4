package recorder

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"sort"
	"sync"

	"filippo.io/age"
)

// A sealed recording (decision 32) is
//
//	head    magic, format, channels, rate, length of what follows, and a key of its own in age's format, for who may open it
//	blocks  of what was written at one time, half a second of sound: kind, length, samples, and the octets under AES-256-GCM
//	end     a block of all blocks' lengths, and behind it its own length, their number and another magic
//
// A block's nonce is its kind and its number, so that none can be put elsewhere, and its prefix is sealed with it. A file
// without the end was cut: by a crash, or by somebody.

const (
	sealMagic = "SNTLREC1"
	endMagic  = "SNTLEND1"
	sealFixed = 8 + 1 + 1 + 4 + 4 // octets before the wrapped key
	wrapMost  = 64 << 10          // of the wrapped key
	prefixLen = 8
	tagLen    = 16
	blockMost = 1<<24 - 1 // octets of a sealed block
	soundMost = 1 << 20   // octets of the sound in one
	endLen    = 4 + 4 + 8
)

// Kinds of blocks.
const (
	kindSound = iota
	kindCut   // sound at the end of a recording that was cut off: its number was another block's before
	kindEnd
)

var errSealed = errors.New("the sealed recording is damaged")

// sealer makes the blocks of one recording. It belongs to the file's goroutine.
type sealer struct {
	head    []byte
	aead    cipher.AEAD
	lengths []uint32 // of the plain octets of each block
}

// newSealer makes one for a recording that recipients can open.
func newSealer(o Options) (*sealer, error) {
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return nil, err
	}
	var wrapped bytes.Buffer
	w, err := age.Encrypt(&wrapped, o.Seal...)
	if err == nil {
		_, err = w.Write(key)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, err
	}
	s := &sealer{}
	s.head = append(s.head, sealMagic...)
	s.head = append(s.head, byte(o.Format), byte(o.Channels))
	s.head = binary.BigEndian.AppendUint32(s.head, uint32(o.Rate))
	s.head = binary.BigEndian.AppendUint32(s.head, uint32(wrapped.Len()))
	s.head = append(s.head, wrapped.Bytes()...)
	s.aead, err = aeadOf(key, s.head)
	return s, err
}

// aeadOf gives what seals the blocks behind a head.
func aeadOf(key, head []byte) (cipher.AEAD, error) {
	sum := sha256.Sum256(head)
	k, err := hkdf.Key(sha256.New, key, sum[:], "santral recording 1", 32)
	if err != nil {
		return nil, err
	}
	c, err := aes.NewCipher(k)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(c)
}

func nonceOf(room *[12]byte, kind byte, number int) []byte {
	room[0] = kind
	binary.BigEndian.PutUint64(room[4:], uint64(number))
	return room[:]
}

// block appends a block of octets, which hold so many samples of each channel. Of none there is no block.
func (s *sealer) block(to []byte, kind byte, plain []byte, samples int) []byte {
	for len(plain) > 0 {
		n := min(len(plain), soundMost)
		to = s.seal(to, kind, len(s.lengths), plain[:n], samples)
		s.lengths = append(s.lengths, uint32(n))
		plain, samples = plain[n:], 0
	}
	return to
}

func (s *sealer) seal(to []byte, kind byte, number int, plain []byte, samples int) []byte {
	var room [12]byte
	at := len(to)
	to = binary.BigEndian.AppendUint32(to, uint32(kind)<<24|uint32(len(plain)+tagLen))
	to = binary.BigEndian.AppendUint32(to, uint32(samples))
	return s.aead.Seal(to, nonceOf(&room, kind, number), plain, to[at:])
}

// end appends what makes the file whole.
func (s *sealer) end(to []byte) []byte {
	list := make([]byte, 0, 4*len(s.lengths))
	for _, n := range s.lengths {
		list = binary.BigEndian.AppendUint32(list, n)
	}
	at := len(to)
	to = s.seal(to, kindEnd, len(s.lengths), list, 0)
	to = binary.BigEndian.AppendUint32(to, uint32(len(to)-at))
	to = binary.BigEndian.AppendUint32(to, uint32(len(s.lengths)))
	return append(to, endMagic...)
}

// plain reads what was sealed so far and is in the file.
func (s *sealer) plain(r io.ReaderAt) *blocks {
	b := &blocks{r: r, aead: s.aead, have: -1}
	at := int64(len(s.head))
	for _, n := range s.lengths {
		at = b.add(at, int64(n))
	}
	return b
}

// cut says where the file is to be cut so that so many plain octets stay, which of these are to be sealed anew, and how many
// of the samples before end they hold.
func (s *sealer) cut(p *blocks, stay, end int64) (size int64, plain []byte, samples int, err error) {
	k := p.find(stay)
	begin, size := p.begin(k), int64(0)
	if k < len(p.at) {
		size = p.at[k]
	} else {
		size = p.end
	}
	plain = make([]byte, stay-begin)
	if len(plain) > 0 {
		if _, err := p.ReadAt(plain, begin); err != nil {
			return 0, nil, 0, err
		}
	}
	before := int64(0)
	var prefix [prefixLen]byte
	for _, at := range p.at[:k] {
		if _, err := p.r.ReadAt(prefix[:], at); err != nil {
			return 0, nil, 0, err
		}
		before += int64(binary.BigEndian.Uint32(prefix[4:]))
	}
	s.lengths = s.lengths[:k]
	return size, plain, int(max(end-before, 0)), nil
}

// blocks is the plain text of a sealed file, block by block. It is safe for concurrent use once all are added.
type blocks struct {
	r    io.ReaderAt
	aead cipher.AEAD
	at   []int64 // where each begins in the file
	ends []int64 // where each ends in the plain text
	end  int64   // of the last in the file

	mu     sync.Mutex
	have   int // the block that is in opened, -1 for none
	sealed []byte
	opened []byte
}

// add takes a block of so many plain octets at a place of the file, and gives the next one's.
func (b *blocks) add(at, plain int64) int64 {
	b.at = append(b.at, at)
	b.ends = append(b.ends, b.size()+plain)
	b.end = at + prefixLen + plain + tagLen
	return b.end
}

func (b *blocks) size() int64 { return b.begin(len(b.ends)) }

// begin is where a block begins in the plain text.
func (b *blocks) begin(k int) int64 {
	if k == 0 {
		return 0
	}
	return b.ends[k-1]
}

// find gives the block that has a place of the plain text.
func (b *blocks) find(at int64) int {
	return sort.Search(len(b.ends), func(i int) bool { return b.ends[i] > at })
}

// open has a block be in opened.
func (b *blocks) open(k int) (err error) {
	if b.have == k {
		return nil
	}
	b.have = -1
	n := int(b.ends[k]-b.begin(k)) + prefixLen + tagLen
	if cap(b.sealed) < n {
		b.sealed = make([]byte, n)
	}
	b.sealed = b.sealed[:n]
	if m, err := b.r.ReadAt(b.sealed, b.at[k]); m < n {
		return errors.Join(errSealed, err)
	}
	if b.opened, err = openBlock(b.aead, b.opened[:0], b.sealed, k); err != nil {
		return err
	}
	b.have = k
	return nil
}

// openBlock gives the plain octets of block k, which is sound.
func openBlock(aead cipher.AEAD, to, block []byte, k int) ([]byte, error) {
	var room [12]byte
	if kind := block[0]; kind != kindSound && kind != kindCut {
		return to, errSealed
	}
	plain, err := aead.Open(to, nonceOf(&room, block[0], k), block[prefixLen:], block[:prefixLen])
	if err != nil {
		return to, fmt.Errorf("%w: block %d", errSealed, k)
	}
	return plain, nil
}

// ReadAt reads the plain text (io.ReaderAt). What was changed since it was sealed is an error.
func (b *blocks) ReadAt(p []byte, at int64) (n int, err error) {
	if at < 0 {
		return 0, errSealed
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for k := b.find(at); n < len(p); k++ {
		if k == len(b.ends) {
			return n, io.EOF
		}
		if err := b.open(k); err != nil {
			return n, err
		}
		m := copy(p[n:], b.opened[at-b.begin(k):])
		n, at = n+m, at+int64(m)
	}
	return n, nil
}

// sealedHead is the head of a sealed file.
type sealedHead struct {
	format         Format
	channels, rate int
	all            []byte
	wrapped        []byte
}

// headOf reads it; nil for a file that is not sealed.
func headOf(r io.ReaderAt, size int64) (*sealedHead, error) {
	fixed := make([]byte, sealFixed)
	if n, _ := r.ReadAt(fixed, 0); n < len(fixed) || string(fixed[:8]) != sealMagic {
		if n >= 8 && string(fixed[:8]) == sealMagic {
			return nil, errSealed
		}
		return nil, nil
	}
	h := &sealedHead{format: Format(fixed[8]), channels: int(fixed[9]), rate: int(binary.BigEndian.Uint32(fixed[10:]))}
	n := int64(binary.BigEndian.Uint32(fixed[14:]))
	if h.format > Opus || h.channels < 1 || h.channels > 2 || h.rate < 8000 || h.rate > 48000 || n > wrapMost || sealFixed+n > size {
		return nil, errSealed
	}
	h.all = make([]byte, sealFixed+n)
	if m, err := r.ReadAt(h.all, 0); m < len(h.all) {
		return nil, errors.Join(errSealed, err)
	}
	h.wrapped = h.all[sealFixed:]
	return h, nil
}

// key gives what opens the blocks.
func (h *sealedHead) key(identities []age.Identity) (cipher.AEAD, error) {
	if len(identities) == 0 {
		return nil, errors.New("the recording is sealed, and no key is given")
	}
	r, err := age.Decrypt(bytes.NewReader(h.wrapped), identities...)
	if err != nil {
		return nil, err
	}
	key := make([]byte, 32)
	if _, err := io.ReadFull(r, key); err != nil {
		return nil, errSealed
	}
	return aeadOf(key, h.all)
}

// tail reads the end of a file behind so many octets: how long the block of it is, and how many others it tells of; ok is
// false for a file that was cut.
func tail(r io.ReaderAt, size, behind int64) (long, many int64, ok bool) {
	var t [endLen]byte
	if size < behind+endLen+prefixLen+tagLen {
		return 0, 0, false
	}
	if n, _ := r.ReadAt(t[:], size-endLen); n < endLen || string(t[8:]) != endMagic {
		return 0, 0, false
	}
	long, many = int64(binary.BigEndian.Uint32(t[:])), int64(binary.BigEndian.Uint32(t[4:]))
	return long, many, long == 4*many+prefixLen+tagLen && long <= size-endLen-behind
}

// index reads the end of a whole file: nil for one that was cut.
func (h *sealedHead) index(r io.ReaderAt, size int64, aead cipher.AEAD) (*blocks, error) {
	long, many, ok := tail(r, size, int64(len(h.all)))
	if !ok {
		return nil, nil
	}
	block := make([]byte, long)
	if _, err := r.ReadAt(block, size-endLen-long); err != nil {
		return nil, err
	}
	var room [12]byte
	list, err := aead.Open(nil, nonceOf(&room, kindEnd, int(many)), block[prefixLen:], block[:prefixLen])
	if err != nil || block[0] != kindEnd {
		return nil, errSealed
	}
	b := &blocks{r: r, aead: aead, have: -1}
	at := int64(len(h.all))
	for ; len(list) >= 4; list = list[4:] {
		at = b.add(at, int64(binary.BigEndian.Uint32(list)))
	}
	if at != size-endLen-long {
		return nil, errSealed
	}
	return b, nil
}

// scan finds the whole blocks of a file without an end, and how many samples of each channel they say to hold.
func (h *sealedHead) scan(r io.ReaderAt, size int64, aead cipher.AEAD) (b *blocks, samples int64) {
	b = &blocks{r: r, aead: aead, have: -1}
	var prefix [prefixLen]byte
	for at := int64(len(h.all)); at+prefixLen+tagLen <= size && len(b.at) < math.MaxInt32; {
		if _, err := r.ReadAt(prefix[:], at); err != nil {
			break
		}
		word := binary.BigEndian.Uint32(prefix[:])
		n := int64(word & blockMost)
		if kind := word >> 24; kind != kindSound && kind != kindCut || n <= tagLen || n > soundMost+tagLen || at+prefixLen+n > size {
			break
		}
		at = b.add(at, n-tagLen)
		samples += int64(binary.BigEndian.Uint32(prefix[4:]))
	}
	if b.end == 0 {
		b.end = int64(len(h.all))
	}
	return b, samples
}
