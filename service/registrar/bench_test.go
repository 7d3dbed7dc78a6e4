package registrar

import (
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"testing"

	"santral/call"
	"santral/sip"
	"santral/store"
	"santral/tenant"
)

// nowhere is a journal that keeps nothing.
type nowhere struct{}

func (nowhere) Put(_ *store.Binding, done func())      { done() }
func (nowhere) Delete(_ store.BindingKey, done func()) { done() }

func open(tb testing.TB) *Registrar {
	s := snapshot()
	r := New(Config{Journal: nowhere{}, Current: func() *tenant.Snapshot { return s }}, nil)
	tb.Cleanup(r.Close)
	return r
}

// refresh is a REGISTER as a desk phone sends it.
const refresh = "REGISTER sip:example.net SIP/2.0\r\n" +
	"Via: SIP/2.0/UDP 10.%d.%d.%d:5060;branch=z9hG4bK%d;rport\r\n" +
	"Max-Forwards: 70\r\n" +
	"From: \"Extension\" <sip:%d@example.net>;tag=%d\r\n" +
	"To: <sip:%d@example.net>\r\n" +
	"Call-ID: 4f1b7c2e-9a10-4c55-8f0e-%012d@10.0.0.5\r\n" +
	"CSeq: %d REGISTER\r\n" +
	"User-Agent: Vendor T46 108.86.0.45 AA:BB:CC:DD:EE:FF\r\n" +
	"Contact: <sip:%d@10.%d.%d.%d:5060;transport=udp>;+sip.instance=\"<urn:uuid:f81d4fae-7dec-11d0-a765-%012d>\"\r\n" +
	"Expires: 3600\r\n" +
	"Content-Length: 0\r\n\r\n"

func deskPhone(tb testing.TB, i, cseq int) (*sip.Message, sip.Flow) {
	a, b, c := byte(i>>16), byte(i>>8), byte(i)
	m, err := sip.ParseMessage(fmt.Sprintf(refresh, a, b, c, i, i, i, i, i, cseq, i, a, b, c, i))
	if err != nil {
		tb.Fatal(err)
	}
	return m, udp(netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, a, b, c}), 5060))
}

func BenchmarkRegister(b *testing.B) {
	r := open(b)
	req, flow := deskPhone(b, 1, 1)
	who := call.Party{Tenant: "t", Account: "101"}
	cseq := 1
	b.ReportAllocs()
	for b.Loop() {
		cseq++
		req.Set(sip.CSeqKind, sip.CSeq{Seq: uint32(cseq), Method: sip.REGISTER}.String())
		r.Register(req, flow, who, func(*sip.Message) {})
	}
}

func BenchmarkContacts(b *testing.B) {
	r := open(b)
	req, flow := deskPhone(b, 1, 1)
	r.Register(req, flow, call.Party{Tenant: "t", Account: "101"}, func(*sip.Message) {})
	b.ReportAllocs()
	for b.Loop() {
		r.Contacts("t", "101")
	}
}

// A million bindings fit in memory at under 1 KB each: here a hundred thousand, which is where a table
// of this shape weighs the same for each.
func TestMemoryOfABinding(t *testing.T) {
	if testing.Short() {
		t.Skip("a hundred thousand bindings")
	}
	const count = 100_000
	r := open(t)
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	for i := range count {
		req, flow := deskPhone(t, i, 1)
		r.Register(req, flow, call.Party{Tenant: "t", Account: strings.Clone(fmt.Sprint(i))}, func(*sip.Message) {})
	}
	each := (heap() - before) / count
	t.Logf("%d octets for each binding", each)
	if each > 1024 {
		t.Errorf("%d octets for each binding, want at most 1024", each)
	}
	if n := r.Count()[sip.UDP]; n != count {
		t.Errorf("%d bindings, want %d", n, count)
	}
	runtime.KeepAlive(r)
}
