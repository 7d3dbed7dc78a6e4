package e2e

import (
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"santral/test/phone"
)

// onlookers is one socket of many subscribers to one lamp: it answers every NOTIFY and counts.
type onlookers struct {
	conn    *net.UDPConn
	told    atomic.Int64 // notifications
	granted atomic.Int64 // 200s to SUBSCRIBE
}

func (c *onlookers) serve() {
	buf := make([]byte, 65535)
	for {
		n, from, err := c.conn.ReadFromUDP(buf)
		if err != nil {
			return
		}
		m := phone.Message{Text: string(buf[:n])}
		switch {
		case m.Method() == "NOTIFY":
			c.told.Add(1)
			c.conn.WriteToUDP([]byte(m.Answer(200, "OK", "").String()), from)
		case m.Status() == 200:
			c.granted.Add(1)
		}
	}
}

// Ten thousand look at one lamp, and one call lights it: what that costs the exchange.
func TestTenThousandLookAtOneLamp(t *testing.T) {
	const sockets, each = 40, 250
	x := phone.StartExchange(t, "--digest", "md5", "--extensions", "60", "--channels", "2")
	server, err := net.ResolveUDPAddr("udp", x.SIP)
	if err != nil {
		t.Fatal(err)
	}
	var crowds []*onlookers
	var running, asking sync.WaitGroup
	defer running.Wait()
	for i := range sockets {
		conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP("127.0.0.1")})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetReadBuffer(8 << 20)
		c := &onlookers{conn: conn}
		crowds = append(crowds, c)
		user := fmt.Sprint(110 + i)
		a := x.UDP(t, "").Agent(user)
		m := a.Transact(a.Request("SUBSCRIBE", a.URI("102")).Set("Event", "dialog"), soon)
		challenge := phone.ChallengeOf(m, "MD5")
		if challenge == nil {
			t.Fatalf("no challenge: %.300q", m.Text)
		}
		running.Go(c.serve)
		asking.Go(func() {
			at := conn.LocalAddr().String()
			for n := range each {
				d := a.Request("SUBSCRIBE", a.URI("102")).Set("Event", "dialog").Set("Expires", "3600")
				d.Set("Via", fmt.Sprintf("SIP/2.0/UDP %s;branch=%s;rport", at, phone.NewBranch())).Set("Contact", "<sip:"+user+"@"+at+">")
				d.Set("Authorization", a.Answer(challenge, "SUBSCRIBE", a.URI("102"), n+1).String())
				for want := c.granted.Load() + 1; c.granted.Load() < want; { // one after the other; a copy does no harm
					conn.WriteToUDP([]byte(d.String()), server)
					for i := 0; i < 300 && c.granted.Load() < want; i++ {
						time.Sleep(time.Millisecond) // real sockets outside
					}
				}
			}
		})
	}
	asking.Wait()
	total := func() (n int64) {
		for _, c := range crowds {
			n += c.told.Load()
		}
		return n
	}
	const all = sockets * each
	phone.Eventually(t, 20*time.Second, "everybody is told at first", func() bool { return total() >= all })
	if n := x.Metric("santral_subscriptions", "dialog"); n != all {
		t.Fatalf("%v subscriptions", n)
	}
	b := device(t, x, "udp", "102")
	a := x.UDP(t, "").Agent("101")
	wave := func(what string, do func()) {
		t.Helper()
		taken, cpu, told := x.Metric("santral_notifications_total", "taken"), x.CPU(), total()
		do()
		phone.Eventually(t, 30*time.Second, what+" is told to everybody", func() bool { return x.Metric("santral_notifications_total", "taken") >= taken+all })
		spent, n := x.CPU()-cpu, total()-told
		t.Logf("%s: %d notifications and their answers for %v of CPU: %.0f ms for 10,000", what, n, spent, spent.Seconds()*1e7/float64(n))
		if spent.Seconds()*10_000/float64(n) > 1 {
			t.Errorf("%s: %v of CPU for %d notifications, want at most 1 s for 10,000", what, spent, n)
		}
	}
	c := a.Dial("102", media)
	r := b.Ring()
	wave("a lamp that blinks", func() {
		r.Tell(180, "Ringing", "")
	})
	wave("a lamp that is lit", func() {
		r.Tell(200, "OK", media)
		c.Response(200, soon)
		c.Ack("")
	})
	began := time.Now()
	wave("a lamp that goes dark", func() { c.Bye() })
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("it took %v", took)
	}
	if n := x.Metric("santral_notifications_total", "unanswered"); n > 0 {
		t.Errorf("%v notifications were not answered", n)
	}
}
