package tenant

import "math/bits"

// byDigits finds entries of a list by numbers of at most maxPacked digits. One is found by looking at one place of memory:
// of a hundred thousand numbers hardly any is in the processor's cache.
type byDigits struct {
	slots []digitSlot
	shift uint8
}

type digitSlot struct {
	key uint64 // 0 for an empty slot
	at  int32
}

const maxPacked = 18 // digits

// pack makes an integer of digits, leading zeros kept. 0 for what is no number of so many digits.
func pack(digits string) uint64 {
	if digits == "" || len(digits) > maxPacked {
		return 0
	}
	n := uint64(1)
	for i := 0; i < len(digits); i++ {
		c := digits[i] - '0'
		if c > 9 {
			return 0
		}
		n = n*10 + uint64(c)
	}
	return n
}

// newByDigits makes room for so many entries, half of it empty.
func newByDigits(entries int) byDigits {
	if entries == 0 {
		return byDigits{}
	}
	size := bits.Len(uint(2*entries - 1))
	return byDigits{slots: make([]digitSlot, 1<<size), shift: uint8(64 - size)}
}

// slot is where a key stands, or would.
func (t *byDigits) slot(key uint64) *digitSlot {
	mask := uint64(len(t.slots) - 1)
	for i := key * 0x9e3779b97f4a7c15 >> t.shift; ; i = (i + 1) & mask {
		if s := &t.slots[i]; s.key == key || s.key == 0 {
			return s
		}
	}
}

// put adds an entry. Of two of one key the first stays.
func (t *byDigits) put(key uint64, at int) {
	if s := t.slot(key); s.key == 0 && key != 0 {
		*s = digitSlot{key, int32(at)}
	}
}

// get gives the entry of a key.
func (t *byDigits) get(key uint64) (at int32, ok bool) {
	if key == 0 || len(t.slots) == 0 {
		return 0, false
	}
	s := t.slot(key)
	return s.at, s.key != 0
}
