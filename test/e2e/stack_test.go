package e2e

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"santral/test/phone"
)

// What other stacks were seen to fail at (docs/decisions/001-own-sip-core.md), asked of ours from outside.

// TestOrderOnAStream: 5,000 INFOs that one connection brings within a call reach the other phone in the
// order in which they were sent.
func TestOrderOnAStream(t *testing.T) {
	const infos, window = 5000, 500 // on their way at once: who does not read a megabyte is cut off
	x := phone.StartExchange(t)
	sara, ali := x.TCP(t, "").Agent("101").Register(), x.TCP(t, "").Agent("102").Register()
	a, b := phone.Talk(sara, ali, phone.Offer("127.0.0.1:40000"), phone.Offer("127.0.0.1:40002"))
	way := make(chan struct{}, window)
	go func() {
		for i := range infos {
			way <- struct{}{}
			d := a.Request("INFO").Set("Content-Type", "application/x-number")
			d.Body = fmt.Sprintf("Signal=%d\r\nDuration=160\r\n", i)
			a.Send(d.String())
		}
	}()
	ok := 0
	answered := func() int {
		ok += len(sara.Collect(0, func(m phone.Message) bool { return m.Status() == 200 && strings.HasSuffix(m.Get("CSeq"), "INFO") }))
		return ok
	}
	for i := range infos {
		m := b.Expect("INFO", 10*time.Second)
		b.Agree(m)
		if want := fmt.Sprintf("Signal=%d\r\n", i); !strings.HasPrefix(m.Body(), want) {
			t.Fatalf("INFO %d of the caller's came as %q", i, m.Body())
		}
		if <-way; i%50 == 0 {
			answered()
		}
	}
	phone.Eventually(t, 10*time.Second, "a 200 to every INFO", func() bool { return answered() >= infos })
	phone.End(a, b)
}

// TestEveryCancelFindsItsInvite: of 2,000 calls that are given up while they ring, each CANCEL is answered
// 200 and each INVITE 487.
func TestEveryCancelFindsItsInvite(t *testing.T) {
	const rounds, calls = 10, 200
	x := phone.StartExchange(t, "--trust", "127.0.0.1/32")
	ali := x.UDP(t, "").Agent("102").Register()
	sara := x.TCP(t, "").Agent("101")
	for range rounds {
		var drafts []*phone.Draft
		for range calls {
			d := sara.Request("INVITE", sara.URI("102")).SDP(phone.Offer("127.0.0.1:40000"))
			sara.Send(d.String())
			drafts = append(drafts, d)
		}
		for _, d := range drafts {
			sara.Want(10*time.Second, "a 100", phone.Responses(d.Get("Call-ID"), d.Get("CSeq"), 100))
		}
		for _, d := range drafts {
			c := d.Copy().SDP("").Del("Contact").Set("CSeq", "1 CANCEL")
			c.Line = strings.Replace(d.Line, "INVITE", "CANCEL", 1)
			sara.Send(c.String())
		}
		answers := map[string]int{}
		phone.Eventually(t, 10*time.Second, "an answer to every CANCEL and every INVITE", func() bool {
			for _, m := range sara.Collect(0, func(m phone.Message) bool { return m.Status() >= 200 }) {
				answers[fmt.Sprint(m.Status(), " to ", strings.Fields(m.Get("CSeq"))[1])]++
			}
			n := 0
			for _, of := range answers {
				n += of
			}
			return n >= 2*calls
		})
		if len(answers) != 2 || answers["200 to CANCEL"] != calls {
			t.Fatalf("answers %v, want %d of 200 to CANCEL and of 487 to INVITE", answers, calls)
		}
	}
	ali.Drop()
}

// TestSilentStreamsHoldUpNobody: connections that never say a word do not keep others from being taken in.
func TestSilentStreamsHoldUpNobody(t *testing.T) {
	x := phone.StartExchange(t)
	for range 20 {
		c, err := net.Dial("tcp", x.SIP)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	began := time.Now()
	x.TCP(t, "").Agent("101").Register()
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("a good phone waited %v", took)
	}
}

// TestJunkLeavesNothing: 20,000 datagrams of junk leave no transaction behind.
func TestJunkLeavesNothing(t *testing.T) {
	x := phone.StartExchange(t)
	conn, err := net.Dial("udp", x.SIP)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	junk := make([]byte, 400)
	for i := range 20000 {
		for j := range junk {
			junk[j] = byte(rand.Uint32())
		}
		text := string(junk)
		if i%2 == 0 { // half of it almost SIP
			text = fmt.Sprintf("OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK%d\r\nJunk: %q\r\n", i, text)
		}
		conn.Write([]byte(text))
		if i%50 == 0 {
			time.Sleep(time.Millisecond) // so that the kernel drops little of it
		}
	}
	x.UDP(t, "").Agent("101").Register()
	if n := x.Metric("santral_sip_transactions"); n > 2 { // the registration's own
		t.Errorf("%v transactions are left", n)
	}
}
