package e2e

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"santral/test/fax"
	"santral/test/phone"
)

// image is a description of a fax at an address.
func image(at string) string {
	host, port, _ := net.SplitHostPort(at)
	return fmt.Sprintf("v=0\r\no=- 1 2 IN IP4 %s\r\ns=-\r\nc=IN IP4 %[1]s\r\nt=0 0\r\nm=image %s udptl t38\r\na=T38FaxVersion:0\r\na=T38MaxBitRate:14400\r\na=T38FaxRateManagement:transferredTCF\r\na=T38FaxMaxBuffer:1800\r\na=T38FaxMaxDatagram:400\r\na=T38FaxUdpEC:t38UDPRedundancy\r\n", host, port)
}

// imagePort is where a description wants images.
func imagePort(t *testing.T, text string) *net.UDPAddr {
	t.Helper()
	_, rest, ok := strings.Cut(text, "\r\nm=image ")
	port, _, _ := strings.Cut(rest, " ")
	at, err := net.ResolveUDPAddr("udp4", "127.0.0.1:"+port)
	if !ok || err != nil || at.Port == 0 {
		t.Fatalf("no images in\n%s", text)
	}
	return at
}

// Two machines, each of which speaks T.38 to the exchange over a network that loses three datagrams in a hundred each way:
// twenty pages arrive dot for dot. The machine that is called asks for T.38, as it is the one that hears the calling tone.
func TestFaxOfTwentyPages(t *testing.T) {
	t.Parallel()
	pages := fax.Pages(20, 7)
	received := filepath.Join(t.TempDir(), "received.tif")
	caller, called := fax.NewEnd(t, true, fax.WriteFile(t, pages), 1), fax.NewEnd(t, false, received, 2)
	for _, e := range []*fax.End{caller, called} {
		e.Speed, e.Loss = 10, 3
	}
	x := phone.StartExchange(t, "--digest", "md5")
	a, b := x.UDP(t, "").Agent("101").Register(), x.UDP(t, "").Agent("102").Register()
	c, r := phone.Talk(a, b, phone.Offer(caller.Addr()), phone.Offer(called.Addr()))

	d := r.Request("INVITE").SDP(image(called.Addr()))
	r.Send(d.String())
	in := c.Expect("INVITE", soon)
	caller.To = imagePort(t, in.Body())
	c.Send(in.Answer(200, "OK", "").Add("Contact", c.Contact()).SDP(image(caller.Addr())).String())
	c.Expect("ACK", soon)
	m := r.Want(soon, "200 to re-INVITE", phone.Responses(r.ID, d.Get("CSeq"), 200))
	if m.Status() != 200 {
		t.Fatalf("T.38: %s", m.Line())
	}
	called.To = imagePort(t, m.Body())
	r.Ack("")

	begun := time.Now()
	stop, over := make(chan struct{}), make(chan error, 1)
	go func() { over <- caller.Run(3*time.Minute, stop) }()
	err := called.Run(3*time.Minute, nil)
	if err != nil {
		t.Errorf("called: %v", err)
	}
	select {
	case err := <-over:
		if err != nil {
			t.Errorf("calling: %v", err)
		}
	case <-time.After(10 * time.Second):
		close(stop)
		t.Error("the caller's fax is not over")
	}
	t.Logf("%v of the world's time; %d and %d datagrams sent, %d and %d came, %d and %d packets by redundancy alone, %d and %d lost",
		time.Since(begun).Round(time.Second), caller.Sent, called.Sent, caller.Got, called.Got,
		caller.Counts().Repaired, called.Counts().Repaired, caller.Counts().Lost, called.Counts().Lost)
	fax.Compare(t, fax.ReadFile(t, received), pages)
	phone.End(c, r)
}
