package listen

import "santral/media"

// decimator makes sound at about 8 kHz out of that of a stream, by means of as many samples as go into one.
type decimator struct {
	group int
	mean  int64 // 2¹⁶ parts of that number
	part  int32 // of a group that is not full
	parts int
}

func newDecimator(rate int) decimator {
	group := max(rate/8000, 1)
	return decimator{group: group, mean: int64(1 << 16 / group)}
}

// take gives the next samples of f, as many as room holds, and takes them off f. It may give f's own.
func (d *decimator) take(room media.Frame, f *media.Frame) media.Frame {
	x := *f
	if d.group == 1 {
		*f = nil
		return x
	}
	n, part, parts, group, mean := 0, d.part, d.parts, d.group, d.mean
	for ; len(x) > 0 && n < len(room); x = x[1:] {
		part += int32(x[0])
		if parts++; parts == group {
			room[n] = int16(int64(part) * mean >> 16)
			n++
			part, parts = 0, 0
		}
	}
	*f, d.part, d.parts = x, part, parts
	return room[:n]
}
