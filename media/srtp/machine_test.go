package srtp

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	pion "github.com/pion/srtp/v3"

	"santral/media/rtp"
)

// counting gives octets that differ from one key to the next.
type counting struct{ n byte }

func (c *counting) Read(p []byte) (int, error) {
	for i := range p {
		c.n += 7
		p[i] = c.n
	}
	return len(p), nil
}

func key(t testing.TB, s Suite, seed byte) Key {
	t.Helper()
	k, err := NewKey(s, 1, &counting{seed})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func pair(t testing.TB, k Key) (*Sealer, *Opener) {
	t.Helper()
	s, err := NewSealer(k)
	if err != nil {
		t.Fatal(err)
	}
	o, err := NewOpener(k)
	if err != nil {
		t.Fatal(err)
	}
	return s, o
}

func packet(ssrc uint32, seq uint16) []byte {
	p := rtp.AppendHeader(nil, rtp.Header{Payload: 8, Seq: seq, Timestamp: uint32(seq) * 160, SSRC: ssrc})
	for i := range 160 {
		p = append(p, byte(i)^byte(seq))
	}
	return p
}

func report(ssrc uint32) []byte {
	return rtp.AppendName(rtp.AppendReport(nil, ssrc, &rtp.Sender{NTP: 1, Packets: 2}), ssrc, "somebody")
}

func seal(t testing.TB, s *Sealer, p []byte) []byte {
	t.Helper()
	out, err := s.Seal(nil, p)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func every(t *testing.T, f func(t *testing.T, k Key)) {
	for s := AES128GCM; s < suites; s++ {
		t.Run(s.String(), func(t *testing.T) { f(t, key(t, s, byte(s))) })
		t.Run(s.String()+" with an MKI", func(t *testing.T) {
			k := key(t, s, byte(s))
			k.MKI = []byte{0, 0, 1, 7}
			f(t, k)
		})
	}
}

// What we seal an independent context of the same key opens, and the other way round; a peer's MKI is in its place.
func TestSuites(t *testing.T) {
	every(t, func(t *testing.T, k Key) {
		s, o := pair(t, k)
		size, _ := k.Suite.Sizes()
		context := func() *pion.Context {
			c, err := pion.CreateContext(k.Master[:size], k.Master[size:], profiles[k.Suite], pion.MasterKeyIndicator(k.MKI))
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		in, out := context(), context()
		for i := range 3 {
			plain := packet(7, uint16(i))
			if i == 2 { // an extension and a contributing source
				plain = slices.Insert(plain, 12, 0, 0, 0, 9, 0xbe, 0xde, 0, 1, 0x10, 5, 0, 0)
				plain[0] |= 0x11
			}
			sealed := seal(t, s, plain)
			if len(sealed) != len(plain)+tags[k.Suite][0]+len(k.MKI) || bytes.Contains(sealed, plain[24:60]) {
				t.Errorf("%d octets became %d", len(plain), len(sealed))
			}
			if got, err := in.DecryptRTP(nil, sealed, nil); err != nil || !bytes.Equal(got, plain) {
				t.Errorf("the peer opens %v", err)
			}
			theirs, err := out.EncryptRTP(nil, plain, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := o.Open(theirs); err != nil || !bytes.Equal(got, plain) {
				t.Errorf("of the peer's: %v", err)
			}
			sealed, err = s.SealControl([]byte("before"), report(7))
			if err != nil {
				t.Fatal(err)
			}
			sealed, ok := bytes.CutPrefix(sealed, []byte("before"))
			if got, err := in.DecryptRTCP(nil, sealed, nil); !ok || err != nil || !bytes.Equal(got, report(7)) {
				t.Errorf("the peer opens a report: %v", err)
			}
			theirs, err = out.EncryptRTCP(nil, report(7), nil)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := o.OpenControl(theirs); err != nil || !bytes.Equal(got, report(7)) {
				t.Errorf("of the peer's reports: %v", err)
			}
		}
	})
}

// One good packet, replayed thirty times, and sixty forged ones are one packet (threats, row 20).
func TestReplayedAndForged(t *testing.T) {
	every(t, func(t *testing.T, k Key) {
		s, o := pair(t, k)
		other, _ := pair(t, key(t, k.Suite, 200))
		good := seal(t, s, packet(7, 1000))
		opened := 0
		count := func(p []byte, want error) {
			t.Helper()
			out, err := o.Open(bytes.Clone(p))
			if err == nil {
				opened++
				if !bytes.Equal(out, packet(7, 1000)) {
					t.Error("something else was opened")
				}
			} else if !errors.Is(err, want) {
				t.Errorf("%v, want %v", err, want)
			}
		}
		for range 31 {
			count(good, rtp.ErrReplay)
		}
		for i := range 20 {
			changed := bytes.Clone(seal(t, s, packet(7, 1001+uint16(i))))
			changed[12+i*7] ^= 1
			count(changed, rtp.ErrForged)
			count(seal(t, other, packet(7, 1100+uint16(i))), rtp.ErrForged)
			count(packet(7, 1200+uint16(i)), rtp.ErrForged) // in the clear
		}
		if opened != 1 {
			t.Errorf("%d packets were heard", opened)
		}
		r, err := s.SealControl(nil, report(7))
		if err != nil {
			t.Fatal(err)
		}
		for i := range 30 {
			_, err := o.OpenControl(bytes.Clone(r))
			if i == 0 && err != nil || i > 0 && !errors.Is(err, rtp.ErrReplay) {
				t.Errorf("report %d: %v", i, err)
			}
		}
		for i := range len(r) {
			changed := bytes.Clone(r)
			changed[i] ^= 0x10
			if _, err := o.OpenControl(changed); err == nil {
				t.Errorf("a report with octet %d changed was opened", i)
			}
		}
	})
}

// What is late by less than the window passes once; what is older does not (RFC 3711 §3.3.2).
func TestWindow(t *testing.T) {
	s, o := pair(t, key(t, AES128GCM, 3))
	sealed := map[int][]byte{}
	for i := range 400 {
		sealed[i] = seal(t, s, packet(7, uint16(65436+i))) // over the wrap
	}
	open := func(i int) error {
		_, err := o.Open(bytes.Clone(sealed[i]))
		return err
	}
	for _, i := range []int{0, 300, 299, 301, 173, 174, 240} {
		err := open(i)
		if old := i == 173; (err == nil) == old {
			t.Errorf("packet %d: %v", i, err)
		}
		if err := open(i); !errors.Is(err, rtp.ErrReplay) {
			t.Errorf("packet %d again: %v", i, err)
		}
	}
	if err := open(1); !errors.Is(err, rtp.ErrReplay) {
		t.Errorf("a packet older than the window: %v", err)
	}
}

// The window agrees with a list of all that was seen, whatever the order.
func TestWindowAgainstAList(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	var w window
	seen := map[uint64]bool{}
	at := uint64(1000)
	for range 20000 {
		if r.IntN(50) == 0 {
			at += uint64(r.IntN(300))
		}
		at += uint64(r.IntN(3))
		index := at - uint64(r.IntN(200))
		want := !w.begun || index > w.top || w.top-index < rtp.ReplayWindow && !seen[index]
		if got := w.fresh(index); got != want {
			t.Fatalf("index %d with top %d: fresh %v, want %v", index, w.top, got, want)
		}
		if want {
			w.mark(index)
			seen[index] = true
		}
	}
}

// Sequence numbers wrap, and the roll-over counter goes on (RFC 3711 §3.3.1).
func TestRollOver(t *testing.T) {
	every(t, func(t *testing.T, k Key) {
		s, o := pair(t, k)
		for i := 0; i < 4*65536; i += 4096 {
			if _, err := o.Open(seal(t, s, packet(7, uint16(i)))); err != nil {
				t.Fatalf("packet %d: %v", i, err)
			}
		}
		if top := o.table.find(7).rtp.top; top != 4*65536-4096 {
			t.Errorf("index %d", top)
		}
	})
}

// No index is sealed twice, because the two packets would share a key stream (RFC 3711 §9.1).
func TestNothingIsSealedTwice(t *testing.T) {
	s, _ := pair(t, key(t, AES128GCM, 3))
	seal(t, s, packet(7, 1000))
	again := packet(7, 1000)
	again[20] ^= 1
	if _, err := s.Seal(nil, again); !errors.Is(err, rtp.ErrReplay) {
		t.Errorf("another packet of the same number: %v", err)
	}
	seal(t, s, packet(7, 999))
	seal(t, s, packet(7, 1500))
	if _, err := s.Seal(nil, packet(7, 1001)); !errors.Is(err, rtp.ErrReplay) {
		t.Errorf("a packet too old to tell: %v", err)
	}
	for i := range 300 {
		_, err := s.Seal(nil, packet(uint32(100+i), 1))
		if full := i >= sealed-1; (err == nil) == full {
			t.Errorf("source %d: %v", i, err)
		}
	}
	seal(t, s, packet(7, 1501))
	for _, p := range [][]byte{nil, {0x80}, make([]byte, 40)} {
		if _, err := s.Seal(nil, p); err == nil {
			t.Errorf("%d octets were sealed", len(p))
		}
		if _, err := s.SealControl(nil, p); err == nil {
			t.Errorf("%d octets were sealed as a report", len(p))
		}
	}
}

// However many sources come, with or without the key, memory is bounded, and who talks is not forgotten.
func TestSourceFlood(t *testing.T) {
	k := key(t, AES128GCM, 3)
	_, o := pair(t, k)
	size, _ := k.Suite.Sizes()
	peer, err := pion.CreateContext(k.Master[:size], k.Master[size:], profiles[k.Suite])
	if err != nil {
		t.Fatal(err)
	}
	say := func(ssrc uint32, seq uint16) {
		p, err := peer.EncryptRTP(nil, packet(ssrc, seq), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := o.Open(p); err != nil {
			t.Fatalf("source %d packet %d: %v", ssrc, seq, err)
		}
	}
	for i := range 3000 {
		say(7, uint16(i*40)) // over the wrap, so that the counter must be kept
		say(uint32(1000+i), 5)
		o.Open(packet(uint32(100000+i), 5))
		o.OpenControl(report(uint32(200000 + i)))
	}
	if len(o.table.list) != opened || o.made > o.most {
		t.Errorf("%d sources are remembered, and %d by the library", len(o.table.list), o.made)
	}
}

// Machines that were written out and read back go on: nothing is opened twice, nothing sealed twice.
func TestFreezeAndThaw(t *testing.T) {
	every(t, func(t *testing.T, k Key) {
		s, o := pair(t, k)
		var old [][]byte
		for i := range 1500 {
			p := seal(t, s, packet(7, uint16(i*50)))
			r, err := s.SealControl(nil, report(7))
			if err != nil {
				t.Fatal(err)
			}
			old = append(old, bytes.Clone(p), bytes.Clone(r))
			_, err = o.Open(p)
			_, err2 := o.OpenControl(r)
			if err != nil || err2 != nil {
				t.Fatal(err, err2)
			}
		}
		text, err := json.Marshal([]rtp.CryptState{o.Freeze(), s.Freeze()})
		if err != nil {
			t.Fatal(err)
		}
		last := seal(t, s, packet(7, uint16(1500*50%65536))) // on its way at the change
		report1, _ := s.SealControl(nil, report(7))
		var st []rtp.CryptState
		if err := json.Unmarshal(text, &st); err != nil {
			t.Fatal(err)
		}
		in, err := Machines{}.Opener(st[0])
		if err != nil {
			t.Fatal(err)
		}
		out, err := Machines{}.Sealer(st[1])
		if err != nil {
			t.Fatal(err)
		}
		for i, p := range old {
			open := in.Open
			if i%2 == 1 {
				open = in.OpenControl
			}
			if _, err := open(p); err == nil {
				t.Fatalf("packet %d was opened again", i)
			}
		}
		if _, err := in.Open(last); err != nil {
			t.Errorf("the packet on its way: %v", err)
		}
		if _, err := in.OpenControl(report1); err != nil {
			t.Errorf("the report on its way: %v", err)
		}
		if _, err := out.Seal(nil, packet(7, 1499*50%65536)); !errors.Is(err, rtp.ErrReplay) {
			t.Errorf("an index that was used: %v", err)
		}
		next, err := out.Seal(nil, packet(7, (1501*50)%65536))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := in.Open(next); err != nil {
			t.Errorf("after the change: %v", err)
		}
		next, err = out.SealControl(nil, report(7))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := in.OpenControl(next); err != nil {
			t.Errorf("a report after the change: %v", err)
		}
	})
	for _, st := range []rtp.CryptState{{}, {Suite: "AEAD_AES_128_GCM", Master: []byte{1}}, {Suite: "unknown"}} {
		if _, err := (Machines{}).Opener(st); err == nil {
			t.Errorf("%+v became an opener", st.Suite)
		}
		if _, err := (Machines{}).Sealer(st); err == nil {
			t.Errorf("%+v became a sealer", st.Suite)
		}
	}
}

// After a change of keys the roll-over counters go on (RFC 3711 §3.3.1), and a peer that begins anew is understood.
func TestInherit(t *testing.T) {
	s, o := pair(t, key(t, AES128GCM, 3))
	for i := 0; i < 2*65536; i += 8192 {
		if _, err := o.Open(seal(t, s, packet(7, uint16(i)))); err != nil {
			t.Fatal(err)
		}
	}
	k := key(t, AES128CM80, 9)
	s2, o2 := pair(t, k)
	if s2.Inherit(s) || o2.Inherit(o) {
		t.Error("another key is taken for the same")
	}
	if _, err := o2.Open(seal(t, s2, packet(7, 57400))); err != nil {
		t.Errorf("the first packet with the next key: %v", err)
	}
	if roc := s2.table.find(7).rtp.top >> 16; roc != 1 || o2.table.find(7).rtp.top>>16 != 1 {
		t.Errorf("the roll-over counter is %d", roc)
	}
	anew, _ := pair(t, k)
	_, o3 := pair(t, k)
	o3.Inherit(o)
	if _, err := o3.Open(seal(t, anew, packet(7, 57401))); err != nil {
		t.Errorf("of a peer whose counter begins anew: %v", err)
	}
	s4, o4 := pair(t, k)
	if !s4.Inherit(s2) || !o4.Inherit(o2) || !s4.Inherit(s4) {
		t.Error("the same key is taken for another")
	}
	if s4.Inherit(nil) || o4.Inherit("something") {
		t.Error("what is no machine is inherited from")
	}
}

func TestKeysThatDontFit(t *testing.T) {
	for _, k := range []Key{{}, {Suite: AES128GCM}, {Suite: AES256GCM, Master: make([]byte, 30)}, {Suite: suites, Master: make([]byte, 30)}} {
		if _, err := NewOpener(k); err == nil {
			t.Errorf("%v with %d octets opens", k.Suite, len(k.Master))
		}
	}
}

// Opening and sealing allocate nothing in the long run.
func TestAllocations(t *testing.T) {
	if racing {
		t.Skip("the race detector makes pools forget")
	}
	for suite := AES128GCM; suite < suites; suite++ {
		s, o := pair(t, key(t, suite, 1))
		buf := make([]byte, 0, 2048)
		seq := uint16(0)
		plain, about := packet(7, 0), report(7)
		n := testing.AllocsPerRun(1000, func() {
			seq++
			binary.BigEndian.PutUint16(plain[2:], seq)
			out, err := s.Seal(buf, plain)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := o.Open(out); err != nil {
				t.Fatal(err)
			}
		})
		if n != 0 {
			t.Errorf("%s: %.2f allocations for a packet", suite, n)
		}
		n = testing.AllocsPerRun(1000, func() {
			out, err := s.SealControl(buf, about)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := o.OpenControl(out); err != nil {
				t.Fatal(err)
			}
		})
		if n != 0 {
			t.Errorf("%s: %.2f allocations for a report", suite, n)
		}
	}
}

func FuzzOpen(f *testing.F) {
	k := key(f, AES128GCM, 3)
	s, _ := pair(f, k)
	p, _ := s.Seal(nil, packet(7, 1))
	r, _ := s.SealControl(nil, report(7))
	for _, b := range [][]byte{p, r, packet(7, 1), report(7), {}, {0x9f, 0xc8}, make([]byte, 100)} {
		f.Add(b, uint8(0))
		f.Add(b, uint8(3))
	}
	f.Fuzz(func(t *testing.T, p []byte, suite uint8) {
		_, o := pair(t, key(t, Suite(suite%uint8(suites-1))+1, 200)) // a key that nothing was sealed with
		for range 2 {
			if out, err := o.Open(bytes.Clone(p)); err == nil {
				t.Fatalf("%x was opened as %x", p, out)
			}
			if out, err := o.OpenControl(bytes.Clone(p)); err == nil {
				t.Fatalf("%x was opened as %x", p, out)
			}
		}
		if len(o.table.list) != 0 {
			t.Fatal("a forged packet is remembered")
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	for suite := AES128GCM; suite < suites; suite++ {
		b.Run(suite.String(), func(b *testing.B) {
			s, o := pair(b, key(b, suite, 1))
			var list [][]byte
			for i := range 20000 {
				list = append(list, seal(b, s, packet(7, uint16(i))))
			}
			buf := make([]byte, 2048)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if i%len(list) == 0 {
					o.table = table{}
				}
				p := list[i%len(list)]
				if _, err := o.Open(buf[:copy(buf, p)]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkSeal(b *testing.B) {
	for suite := AES128GCM; suite < suites; suite++ {
		b.Run(suite.String(), func(b *testing.B) {
			s, _ := pair(b, key(b, suite, 1))
			p, buf := packet(7, 0), make([]byte, 0, 2048)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				binary.BigEndian.PutUint16(p[2:], uint16(i))
				if _, err := s.Seal(buf, p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Keys don't reach a log.
func TestKeysAreHidden(t *testing.T) {
	k := key(t, AES128GCM, 1)
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(format, k); text != "(secret)" {
			t.Errorf("%s prints %s", format, text)
		}
	}
}
