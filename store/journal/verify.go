package journal

import (
	"errors"
	"fmt"
	"path/filepath"

	"santral/store"
)

// Report is what Verify found.
type Report struct {
	From, To store.Pos
	Groups   uint64
	Records  uint64
	Damage   []DamageError // empty when every octet is as it was written
}

// Verify reads a whole journal and checks its sums and its chain: that every group is as it was written,
// and that none was changed, taken away, put in or moved. upTo bounds it while the journal is being
// written (Journal.End); 0 means the end of the last file. It changes nothing.
func Verify(disk Disk, dir string, chained bool, upTo store.Pos) (Report, error) {
	row, err := listSegments(disk, dir)
	if err != nil {
		return Report{}, fmt.Errorf("verify journal %s: %w", dir, err)
	}
	var r Report
	if len(row) == 0 {
		return r, nil
	}
	v := verifier{disk: disk, dir: dir, chained: chained, report: &r}
	r.From = row[0].base
	for i, s := range row {
		if upTo != 0 && s.base >= upTo {
			break
		}
		if err := v.segment(s, i == 0, upTo); err != nil {
			return r, fmt.Errorf("verify journal %s: %w", dir, err)
		}
	}
	return r, nil
}

type verifier struct {
	disk    Disk
	dir     string
	chained bool
	report  *Report
	chain   chain // as computed
	stored  chain // as the last group says
	lost    bool  // nobody knows the chain behind a damaged part: the next group is taken at its word
	buf     []byte
}

func (v *verifier) damage(from, to store.Pos, what string) {
	v.report.Damage = append(v.report.Damage, DamageError{from, to, what})
}

func (v *verifier) segment(s segment, first bool, upTo store.Pos) error {
	f, err := v.disk.Open(filepath.Join(v.dir, s.name))
	if err != nil {
		return err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return err
	}
	end := size
	if upTo != 0 {
		end = int64(upTo - s.base)
	}
	if s.end != 0 && (upTo == 0 || s.end < upTo) {
		end = int64(s.end - s.base)
	}
	v.report.To = s.base + store.Pos(end)
	if size < end {
		v.damage(s.base+store.Pos(size), s.base+store.Pos(end), "the file is shorter than it was")
		end = size
	}
	var b [fileHeader]byte
	if err := readFull(f, b[:], 0); err != nil && !errors.Is(err, errNoGroup) {
		return err
	}
	h, err := decodeFileHead(b[:])
	switch {
	case err != nil:
		v.damage(s.base, s.base+fileHeader, err.Error())
	case h.base != s.base:
		v.damage(s.base, s.base+fileHeader, "the segment belongs elsewhere")
	case v.chained && !first && !v.lost && h.chain != v.stored && h.chain != v.chain:
		v.damage(s.base, s.base+fileHeader, "the chain does not lead here")
	}
	if err == nil {
		v.chain, v.stored, v.lost = h.chain, h.chain, false
	}
	ahead := &window{f: f, limit: end}
	for off := int64(fileHeader); off < end; {
		var g group
		g, v.buf, err = readGroup(ahead, s.base, v.chained, off, end, v.buf)
		if errors.Is(err, errNoGroup) {
			next, err := findGroup(f, s.base, v.chained, off+1, end)
			if err != nil {
				return err
			}
			if next < 0 {
				next = end
			}
			v.damage(s.base+store.Pos(off), s.base+store.Pos(next), "no whole group")
			v.lost = true
			off = next
			continue
		}
		if err != nil {
			return err
		}
		if v.chained {
			v.link(&g)
		}
		v.report.Groups++
		v.report.Records += uint64(g.count)
		off += g.size
	}
	return nil
}

// link checks that the group follows the one before it, whose own chain value may be what was changed.
func (v *verifier) link(g *group) {
	if v.lost {
		v.chain, v.stored, v.lost = g.chain, g.chain, false
		return
	}
	computed := nextChain(v.chain, g.head, g.payload)
	if computed != g.chain && v.stored != v.chain {
		computed = nextChain(v.stored, g.head, g.payload)
	}
	if computed != g.chain {
		v.damage(g.at, g.at+store.Pos(g.size), "the chain is broken")
	}
	v.chain, v.stored = computed, g.chain
}
