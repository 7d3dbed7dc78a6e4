package phone

import (
	"net"
	"testing"

	"github.com/miekg/dns"
)

// localNames starts a name server that knows localhost alone, for phones that ask no file, and gives its
// address.
func localNames(t testing.TB) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &dns.Server{PacketConn: conn, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		a := new(dns.Msg).SetReply(q)
		if len(q.Question) == 1 && q.Question[0].Name == "localhost." {
			if q.Question[0].Qtype == dns.TypeA {
				a.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: "localhost.", Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60}, A: net.IPv4(127, 0, 0, 1)}}
			}
		} else {
			a.Rcode = dns.RcodeNameError
		}
		w.WriteMsg(a)
	})}
	go s.ActivateAndServe()
	t.Cleanup(func() { s.Shutdown() })
	return conn.LocalAddr().String()
}
