package recorder

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"santral/media/ogg"
)

// Finish makes a file whole that a crash has cut: what was half written at its end goes, and a head or a last page says
// how much there is. It needs no key for a sealed one, which stays marked as torn. A file that is whole stays as it is.
// The Summary is of what is there; what the crash cost is not known.
func Finish(path string) (sum Summary, err error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return sum, fmt.Errorf("finish recording: %w", err)
	}
	info, err := f.Stat()
	if err == nil {
		sum, err = finish(f, info.Size())
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = syncFolder(path)
	}
	if err != nil {
		return sum, fmt.Errorf("finish recording %s: %w", path, err)
	}
	return sum, nil
}

func finish(f file, size int64) (sum Summary, err error) {
	h, err := headOf(f, size)
	if err != nil {
		return sum, err
	}
	head := make([]byte, min(size, start))
	if _, err := f.ReadAt(head, 0); err != nil {
		return sum, err
	}
	switch {
	case h != nil:
		sum, err = finishSealed(f, size, h)
	case bytes.HasPrefix(head, []byte("OggS")):
		sum, err = finishOgg(f, size)
	default:
		sum, err = finishWAV(f, size, head)
	}
	if err != nil {
		return sum, err
	}
	if err := f.Sync(); err != nil {
		return sum, err
	}
	sum.SHA256, err = (&digest{}).sum(f, sum.Octets)
	return sum, err
}

func finishWAV(f file, size int64, head []byte) (sum Summary, err error) {
	w, err := wavOf(head)
	if err != nil {
		return sum, err
	}
	samples := w.written(size)
	sum.Octets, sum.Long = start+samples*w.width(), lasting(samples, w.rate)
	if err := f.Truncate(sum.Octets); err != nil {
		return sum, err
	}
	_, err = f.WriteAt(w.mend(sum.Octets), 0)
	return sum, err
}

// lasting is how long samples of a rate are: also where, in nanoseconds, they are more than a number holds before the division.
func lasting(samples int64, rate int) time.Duration {
	whole, rest := samples/int64(rate), samples%int64(rate)
	return time.Duration(whole)*time.Second + time.Duration(rest)*time.Second/time.Duration(rate)
}

// finishSealed finds the last whole block. It can't say that it is the last: it has no key.
func finishSealed(f file, size int64, h *sealedHead) (sum Summary, err error) {
	b, samples := h.scan(f, size, nil)
	sum.Long, sum.Octets = lasting(samples, h.rate), b.end
	if long, many, ok := tail(f, size, b.end); ok && many == int64(len(b.at)) && b.end+long+endLen == size {
		sum.Octets = size
		return sum, nil
	}
	return sum, f.Truncate(sum.Octets)
}

// finishOgg writes the last whole page anew, as the stream's last (RFC 3533 §6).
func finishOgg(f file, size int64) (sum Summary, err error) {
	r := ogg.NewReader(io.NewSectionReader(f, 0, size))
	skip := uint64(0)
	var before, last ogg.Place // the page before the last one, and that
	var packets, rest [][]byte // of the last, and behind it
	for {
		p, granule, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return sum, err
		}
		if h, err := ogg.ParseOpusHead(p); err == nil && r.Begins() {
			skip = uint64(h.PreSkip)
		}
		rest = append(rest, bytes.Clone(p))
		if granule != ogg.NoGranule {
			before, last = last, r.Last()
			packets, rest = rest, nil
		}
	}
	sum.Octets = last.End
	if last.Granule > skip {
		sum.Long = lasting(int64(last.Granule-skip), ogg.OpusRate)
	}
	if err := f.Truncate(last.End); err != nil || last.Ended || last.Granule == 0 {
		return sum, err
	}
	var page bytes.Buffer
	w := ogg.Continue(&page, before)
	at := before.Granule
	for _, p := range packets {
		at += uint64(ogg.Samples(p))
		_ = w.WritePacket(p, min(at, last.Granule), false) // writing to memory does not fail
	}
	_ = w.Close()
	sum.Octets = before.End + int64(page.Len())
	_, err = f.WriteAt(page.Bytes(), before.End)
	return sum, err
}
