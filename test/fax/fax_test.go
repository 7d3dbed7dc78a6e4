package fax

import (
	"math/rand/v2"
	"path/filepath"
	"testing"

	"santral/media/udptl"
)

// Two machines of T.38 with nothing between them but lost datagrams: what they send is what they get, and three
// packets in a hundred are no matter.
func TestMachines(t *testing.T) {
	for _, loss := range []int{0, 3} {
		pages := Pages(2, 1)
		received := filepath.Join(t.TempDir(), "received.tif")
		rnd := rand.New(rand.NewPCG(1, 2))
		var a, b *Machine
		queue := map[bool][][]byte{}
		channel := func(toB bool) (send func([]byte, int), take func()) {
			var s udptl.Sender
			var r udptl.Receiver
			seq, heard := uint16(0), uint16(0xffff)
			send = func(ifp []byte, copies int) {
				d := s.Append(nil, seq, ifp)
				seq++
				for range copies {
					if rnd.IntN(100) >= loss {
						queue[toB] = append(queue[toB], d)
					}
				}
			}
			take = func() {
				list := queue[toB]
				queue[toB] = nil
				for _, d := range list {
					r.Take(d, 0, func(n udptl.Next) {
						heard += uint16(n.Skipped) + 1
						if toB {
							b.IFP(n.IFP, heard)
						} else {
							a.IFP(n.IFP, heard)
						}
					})
				}
			}
			return send, take
		}
		sendA, takeB := channel(true)
		sendB, takeA := channel(false)
		a, b = New(t, true, WriteFile(t, pages), sendA), New(t, false, received, sendB)
		n := 0
		for ; n < 50*600; n++ {
			a.Run(160)
			b.Run(160)
			takeA()
			takeB()
			overA, _ := a.Over()
			overB, _ := b.Over()
			if overA && overB {
				break
			}
		}
		t.Logf("%d %% lost: %d s", loss, n/50)
		for _, m := range []*Machine{a, b} {
			if over, err := m.Over(); !over || err != nil {
				t.Fatalf("over %v, %v", over, err)
			}
		}
		Compare(t, ReadFile(t, received), pages)
	}
}
