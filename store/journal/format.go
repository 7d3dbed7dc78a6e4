package journal

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strconv"
	"strings"
	"time"

	"santral/store"
)

const (
	fileMagic  = "SNTRLJ1\n"
	fileHeader = 72 // magic 8, base 8, time 8, flags 4, chain 32, reserved 8, CRC 4

	groupMagic  = 0x47a1f00d
	groupHeader = 32 // magic 4, length 4, records 4, CRC 4, time 8, position 8
	chainSize   = sha256.Size

	flagChained = 1

	suffix = ".log"
)

type chain = [chainSize]byte

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errNoGroup means that there is no whole group at a place.
var errNoGroup = errors.New("no whole group")

// segmentName gives "00000000000000004096.00.log": the base position, and which try it is, because a
// segment whose very first writing failed may be begun again at the same place.
func segmentName(base store.Pos, try int) string {
	return fmt.Sprintf("%020d.%02d%s", uint64(base), try, suffix)
}

func parseName(name string) (base store.Pos, try int, ok bool) {
	rest, ok := strings.CutSuffix(name, suffix)
	if !ok || len(rest) != 23 || rest[20] != '.' {
		return 0, 0, false
	}
	n, err1 := strconv.ParseUint(rest[:20], 10, 64)
	try, err2 := strconv.Atoi(rest[21:])
	return store.Pos(n), try, err1 == nil && err2 == nil && try >= 0
}

type fileHead struct {
	base    store.Pos
	time    time.Time
	chained bool
	chain   chain // before the first group
}

func (h fileHead) encode() []byte {
	b := make([]byte, fileHeader)
	copy(b, fileMagic)
	binary.LittleEndian.PutUint64(b[8:], uint64(h.base))
	binary.LittleEndian.PutUint64(b[16:], uint64(h.time.UnixMicro()))
	if h.chained {
		b[24] = flagChained
	}
	copy(b[28:], h.chain[:])
	binary.LittleEndian.PutUint32(b[68:], crc32.Checksum(b[:68], castagnoli))
	return b
}

func decodeFileHead(b []byte) (fileHead, error) {
	if len(b) < fileHeader || string(b[:8]) != fileMagic {
		return fileHead{}, errors.New("not a segment")
	}
	if crc32.Checksum(b[:68], castagnoli) != binary.LittleEndian.Uint32(b[68:]) {
		return fileHead{}, errors.New("the segment's header is damaged")
	}
	h := fileHead{
		base:    store.Pos(binary.LittleEndian.Uint64(b[8:])),
		time:    time.UnixMicro(int64(binary.LittleEndian.Uint64(b[16:]))).UTC(),
		chained: b[24]&flagChained != 0,
	}
	copy(h.chain[:], b[28:])
	return h, nil
}

// headRoom is what stands before a group's payload.
func headRoom(chained bool) int {
	if chained {
		return groupHeader + chainSize
	}
	return groupHeader
}

// sealGroup fills in the head of a group whose payload already stands in b behind headRoom octets, and
// gives the chain's next value.
func sealGroup(b []byte, records int, at store.Pos, now time.Time, chained bool, before chain) chain {
	payload := b[headRoom(chained):]
	binary.LittleEndian.PutUint32(b[0:], groupMagic)
	binary.LittleEndian.PutUint32(b[4:], uint32(len(payload)))
	binary.LittleEndian.PutUint32(b[8:], uint32(records))
	binary.LittleEndian.PutUint32(b[12:], 0)
	binary.LittleEndian.PutUint64(b[16:], uint64(now.UnixMicro()))
	binary.LittleEndian.PutUint64(b[24:], uint64(at))
	crc := crc32.Update(crc32.Checksum(b[:groupHeader], castagnoli), castagnoli, payload)
	binary.LittleEndian.PutUint32(b[12:], crc)
	if !chained {
		return before
	}
	after := nextChain(before, b[:groupHeader], payload)
	copy(b[groupHeader:], after[:])
	return after
}

func nextChain(before chain, head, payload []byte) (after chain) {
	h := sha256.New()
	h.Write(before[:])
	h.Write(head)
	h.Write(payload)
	h.Sum(after[:0])
	return after
}

// group is one group as it was read. Its slices share the reader's memory.
type group struct {
	at      store.Pos
	size    int64 // with its head
	time    time.Time
	count   int
	head    []byte
	chain   chain
	payload []byte
}

// readGroup reads the group at off of f, which begins at base; end is where the segment ends. buf is used
// when it is large enough. Anything but a whole and unharmed group is errNoGroup or an error of the disk.
func readGroup(f io.ReaderAt, base store.Pos, chained bool, off, end int64, buf []byte) (group, []byte, error) {
	room := int64(headRoom(chained))
	if end-off < room {
		return group{}, buf, errNoGroup
	}
	buf = grow(buf, int(room))
	if err := readFull(f, buf[:room], off); err != nil {
		return group{}, buf, err
	}
	length := int64(binary.LittleEndian.Uint32(buf[4:]))
	if binary.LittleEndian.Uint32(buf) != groupMagic || length > end-off-room || length > maxRecord+batchSize+16 ||
		binary.LittleEndian.Uint64(buf[24:]) != uint64(base)+uint64(off) {
		return group{}, buf, errNoGroup
	}
	buf = grow(buf, int(room+length))
	if err := readFull(f, buf[room:room+length], off+room); err != nil {
		return group{}, buf, err
	}
	g := group{
		at:      base + store.Pos(off),
		size:    room + length,
		time:    time.UnixMicro(int64(binary.LittleEndian.Uint64(buf[16:]))).UTC(),
		count:   int(binary.LittleEndian.Uint32(buf[8:])),
		head:    buf[:groupHeader],
		payload: buf[room : room+length],
	}
	if chained {
		copy(g.chain[:], buf[groupHeader:])
	}
	want := binary.LittleEndian.Uint32(buf[12:])
	binary.LittleEndian.PutUint32(buf[12:], 0)
	got := crc32.Update(crc32.Checksum(g.head, castagnoli), castagnoli, g.payload)
	binary.LittleEndian.PutUint32(buf[12:], want)
	if got != want {
		return group{}, buf, errNoGroup
	}
	return g, buf, nil
}

// records appends the group's records to into.
func (g *group) records(into [][]byte) ([][]byte, error) {
	rest := g.payload
	for range g.count {
		n, w := binary.Uvarint(rest)
		if w <= 0 || n > uint64(len(rest)-w) {
			return into, fmt.Errorf("group at %d: record lengths don't add up", g.at)
		}
		into = append(into, rest[w:w+int(n)])
		rest = rest[w+int(n):]
	}
	if len(rest) != 0 {
		return into, fmt.Errorf("group at %d: record lengths don't add up", g.at)
	}
	return into, nil
}

func grow(buf []byte, n int) []byte {
	if cap(buf) >= n {
		return buf[:n]
	}
	return append(buf[:cap(buf)], make([]byte, n-cap(buf))...)
}

// window reads a file ahead, for those who go through it from front to back in small steps. Only octets
// before limit are kept: they never change.
type window struct {
	f     io.ReaderAt
	limit int64
	buf   []byte
	off   int64 // where buf stands in the file
}

const windowSize = 128 << 10

// ReadAt reads from what was read ahead, or reads ahead.
func (w *window) ReadAt(b []byte, off int64) (int, error) {
	if at := off - w.off; at >= 0 && at+int64(len(b)) <= int64(len(w.buf)) {
		return copy(b, w.buf[at:]), nil
	}
	ahead := min(windowSize, w.limit-off)
	if ahead <= int64(len(b)) {
		return w.f.ReadAt(b, off)
	}
	w.buf = grow(w.buf[:0], int(ahead))
	n, err := w.f.ReadAt(w.buf, off)
	w.buf, w.off = w.buf[:n], off
	if n < len(b) {
		return copy(b, w.buf), err
	}
	return copy(b, w.buf), nil
}

func readFull(f io.ReaderAt, b []byte, off int64) error {
	n, err := f.ReadAt(b, off)
	if n == len(b) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return errNoGroup // the file is shorter than it should be
	}
	return err
}
