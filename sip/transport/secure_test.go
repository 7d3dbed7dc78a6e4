package transport

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"santral/base/cert"
	"santral/sip"
)

const viaTLS = "SIP/2.0/TLS 192.0.2.10:5061;rport;branch=z9hG4bKa"

// authority makes a certificate authority for a test.
func authority(t *testing.T) *cert.Authority {
	t.Helper()
	a, err := cert.OpenAuthority(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func issue(t *testing.T, a *cert.Authority, names ...string) tls.Certificate {
	t.Helper()
	c, err := a.Issue(names, nil, 90*24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return *c
}

// secureWorld is a world with a TLS listener named pbx.example.com at port 5061.
func secureWorld(t *testing.T, change func(*Config)) (*world, *cert.Authority) {
	t.Helper()
	a := authority(t)
	return newWorld(t, func(c *Config) {
		c.Listeners = append(c.Listeners, Listener{Transport: sip.TLS, Addr: at("0.0.0.0:5061"), Name: "pbx.example.com"})
		c.TLS = &tls.Config{Certificates: []tls.Certificate{issue(t, a, "pbx.example.com")}, ClientCAs: a.Pool(), RootCAs: a.Pool()}
		if change != nil {
			change(c)
		}
	}), a
}

func (w *world) dialAt(port uint16) net.Conn {
	w.t.Helper()
	c, err := w.phone.DialTCP(w.t.Context(), netip.Addr{}, netip.AddrPortFrom(house, port))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { c.Close() })
	return c
}

// dialTLS connects as a client of the authority's.
func (w *world) dialTLS(a *cert.Authority, own ...tls.Certificate) *tls.Conn {
	w.t.Helper()
	return w.dialTLSAt(5061, a, own...)
}

func (w *world) dialTLSAt(port uint16, a *cert.Authority, own ...tls.Certificate) *tls.Conn {
	w.t.Helper()
	c := tls.Client(w.dialAt(port), &tls.Config{ServerName: "pbx.example.com", RootCAs: a.Pool(), Certificates: own})
	if err := c.Handshake(); err != nil {
		w.t.Fatal(err)
	}
	return c
}

// Messages over TLS come out whole, are answered on their connection, and a keep-alive is answered; what
// a peer is told is the listener's name.
func TestTLS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, a := secureWorld(t, nil)
		c := w.dialTLS(a)
		for _, size := range []int{1, 63, 64, 65, 1000, 1 << 20} {
			long := withBody("one", strings.Repeat("v=0\r\n", 1000))
			text := strings.Replace(long, viaTCP, viaTLS, 1) + request(viaTLS, "two")
			for b := text; b != ""; {
				n := min(size, len(b))
				write(t, c, b[:n])
				b = b[n:]
			}
			one, two := w.must(), w.must()
			if one.Err != nil || one.Msg.CallID() != "one" || len(one.Msg.Body) != 5000 || two.Msg.CallID() != "two" || one.Flow != two.Flow || one.Flow.Transport != sip.TLS {
				t.Fatalf("%d octets at a time: %+v %+v", size, one, two)
			}
			w.answer(two, 200)
			if got := readAll(c); !strings.HasPrefix(got, "SIP/2.0 200 OK\r\n") {
				t.Fatal(got)
			}
		}
		write(t, c, "\r\n\r\n")
		if got := readAll(c); got != "\r\n" {
			t.Fatalf("%q", got)
		}
		write(t, c, request(viaTLS, "x"))
		in := w.must()
		w.answer(in, 200)
		if got := w.layer.SentBy(in.Flow).String(); got != "pbx.example.com:5061" {
			t.Fatal(got)
		}
		if !w.layer.Alive(in.Flow) || w.layer.Certificate(in.Flow) != nil {
			t.Fatal("alive, and nothing proved")
		}
		c.Close()
		if time.Sleep(time.Second); w.layer.Alive(in.Flow) {
			t.Fatal("alive after its end")
		}
	})
}

// Clients that are silent in the handshake, or speak another language, are cut off and keep nobody
// waiting: not the phone that connects after them, and not their address's place.
func TestHandshakesThatStick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, a := secureWorld(t, nil)
		silent, plain, half := w.dialAt(5061), w.dialAt(5061), w.dialAt(5061)
		write(t, plain, request(viaTLS, "plain"))
		write(t, half, "\x16\x03\x01\x02\x00\x01")
		for range 100 {
			w.dialAt(5061)
		}
		began := time.Now()
		c := w.dialTLS(a)
		write(t, c, request(viaTLS, "good"))
		if in := w.must(); in.Msg.CallID() != "good" || time.Since(began) > 100*time.Millisecond {
			t.Fatal(in.Msg.CallID(), time.Since(began))
		}
		if !isOver(plain, time.Second) {
			t.Error("plain SIP at a TLS port goes on")
		}
		for _, c := range []net.Conn{silent, half} {
			if !isOver(c, 6*time.Second) {
				t.Error("a handshake without an end goes on")
			}
		}
		time.Sleep(time.Second)
		if s := w.layer.Stats(); s.Open != 1 || s.Shakes != 103 {
			t.Errorf("%+v", s)
		}
	})
}

// A request hidden by its Content-Length is no more seen over TLS than over TCP.
func TestHostileContentLengthOverTLS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, a := secureWorld(t, nil)
		c := w.dialTLS(a)
		hidden := request(viaTLS, "hidden")
		write(t, c, strings.Replace(request(viaTLS, "outer"), "Content-Length: 0", "Content-Length: 0\r\nContent-Length: 5", 1)+hidden)
		in := w.must()
		if in.Err == nil || in.Msg.CallID() != "outer" {
			t.Fatalf("%+v", in)
		}
		w.answer(in, 400)
		if got := readAll(c); !strings.HasPrefix(got, "SIP/2.0 400 ") || strings.Contains(got, "hidden") {
			t.Fatal(got)
		}
		if in := w.take(); in != nil {
			t.Fatalf("seen: %s", in.Msg)
		}
	})
}

// A client certificate that leads to a root of ours says which domains its bearer speaks for; another
// one says nothing, and is no reason to refuse a phone.
func TestClientCertificates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, a := secureWorld(t, nil)
		foreign := issue(t, authority(t), "carrier.example.net")
		late, err := a.Issue([]string{"carrier.example.net"}, nil, -time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			name string
			own  tls.Certificate
			want []string
		}{
			{"of ours", issue(t, a, "Carrier.example.net", "*.example.org"), []string{"carrier.example.net"}},
			{"of a stranger's", foreign, nil},
			{"expired", *late, nil},
		} {
			conn := tls.Client(w.dialAt(5061), &tls.Config{
				ServerName: "pbx.example.com", RootCAs: a.Pool(),
				GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &c.own, nil },
			})
			if err := conn.Handshake(); err != nil {
				t.Fatal(c.name, err)
			}
			write(t, conn, request(viaTLS, "x"))
			if got := w.layer.Certificate(w.must().Flow); !slices.Equal(got, c.want) {
				t.Errorf("%s: %v, want %v", c.name, got, c.want)
			}
		}
		if s := w.layer.Stats(); s.Unproved != 2 {
			t.Errorf("%+v", s)
		}
	})
}

// serveTLS answers at 192.0.2.10:5061 with a certificate and gives the connections that are shaken.
func (w *world) serveTLS(c tls.Certificate) chan *tls.Conn {
	l := w.listen(w.phone, "192.0.2.10:5061")
	out := make(chan *tls.Conn, 16)
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			tc := tls.Server(nc, &tls.Config{Certificates: []tls.Certificate{c}})
			if tc.Handshake() == nil {
				out <- tc
			}
			w.t.Cleanup(func() { nc.Close() })
		}
	}()
	return out
}

// A request over TLS leaves only to a peer that proves the name it is for (RFC 5922 §7.3), and what was
// proved for one name is not reused for another (RFC 5923 §9).
func TestThePeerProvesItsName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var unproved []error
		w, a := secureWorld(t, func(c *Config) { c.Unproved = func(_ sip.Hop, err error) { unproved = append(unproved, err) } })
		peers := w.serveTLS(issue(t, a, "carrier.example.net", "second.example.net"))
		hop := sip.Hop{Transport: sip.TLS, Addr: at("192.0.2.10:5061"), Name: "Carrier.example.net"}
		way := func(name string) sip.Flow {
			hop.Name = name
			f, err := w.layer.Way(hop)
			if err != nil {
				t.Fatal(err)
			}
			return f
		}
		first := way("Carrier.example.net")
		send(w.layer, first, []byte(request("SIP/2.0/TLS pbx.example.com:5061;branch=z9hG4bKx", "a")), func(err error) { t.Error(err) })
		peer := <-peers
		if got := readAll(peer); !strings.Contains(got, "Call-ID: a\r\n") {
			t.Fatal(got)
		}
		if again := way("carrier.example.net."); again != first {
			t.Errorf("not reused: %v, %v", again, first)
		}
		second := way("second.example.net")
		if second == first {
			t.Error("a connection is reused for a name that it did not prove")
		}
		<-peers
		var failure error
		send(w.layer, way("other.example.net"), []byte(request("SIP/2.0/TLS pbx.example.com:5061;branch=z9hG4bKy", "b")), func(err error) { failure = err })
		synctest.Wait()
		var name *NameError
		if !errors.As(failure, &name) || name.Wanted != "other.example.net" || !strings.Contains(failure.Error(), "carrier.example.net, second.example.net") {
			t.Errorf("a wrong name: %v", failure)
		}
		if len(unproved) != 1 || w.layer.Stats().Shakes == 0 {
			t.Errorf("%v", unproved)
		}
		// What a peer answers comes up on its flow.
		write(t, peer, sip.NewResponse(parse(t, request("SIP/2.0/TLS pbx.example.com:5061;branch=z9hG4bKx", "a")), 200, "").String())
		if in := w.must(); in.Flow != first || in.Msg.Status != 200 {
			t.Errorf("%+v", in)
		}
	})
}

func parse(t *testing.T, text string) *sip.Message {
	t.Helper()
	m := new(sip.Message)
	if err := sip.Parse(text, m); err != nil {
		t.Fatal(err)
	}
	return m
}

// A certificate that nobody whom we trust has signed, or that is over, proves nothing.
func TestThePeerIsNotTrusted(t *testing.T) {
	for name, life := range map[string]time.Duration{"a stranger's": time.Hour, "expired": -time.Minute} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, a := secureWorld(t, nil)
				if life > 0 {
					a = authority(t)
				}
				c, err := a.Issue([]string{"carrier.example.net"}, nil, life)
				if err != nil {
					t.Fatal(err)
				}
				w.serveTLS(*c)
				f, err := w.layer.Way(sip.Hop{Transport: sip.TLS, Addr: at("192.0.2.10:5061"), Name: "carrier.example.net"})
				if err != nil {
					t.Fatal(err)
				}
				failure := make(chan error, 1)
				send(w.layer, f, []byte(request(viaTLS, "a")), func(err error) { failure <- err })
				time.Sleep(time.Second)
				if len(failure) != 1 || w.layer.Stats().Open != 0 {
					t.Error("sent to a peer that proved nothing")
				}
			})
		})
	}
}

// A connection that a peer opened is reused towards it only for what its certificate vouches for, or
// when any name will do.
func TestReuseOfTheirConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, a := secureWorld(t, nil)
		own := issue(t, a, "carrier.example.net")
		c := w.dialTLS(a, own)
		write(t, c, request(viaTLS, "x"))
		f := w.must().Flow
		for name, same := range map[string]bool{"carrier.example.net": true, "": true, "other.example.net": false} {
			got, err := w.layer.Way(sip.Hop{Transport: sip.TLS, Addr: f.Remote, Name: name})
			if err != nil || (got == f) != same {
				t.Errorf("%q: %v %v", name, got, err)
			}
		}
	})
}

// A new certificate is for those who come; who is there stays and notices nothing.
func TestReloadKeepsFlows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := authority(t)
		k, err := cert.Own(a, []string{"pbx.example.com"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		w := newWorld(t, func(c *Config) {
			c.Listeners = []Listener{{Transport: sip.TLS, Addr: at("0.0.0.0:5061"), Name: "pbx.example.com"}}
			c.TLS = cert.Config(k)
		})
		old := w.dialTLS(a)
		write(t, old, request(viaTLS, "before"))
		before := w.must()
		if err := k.Reload(); err != nil {
			t.Fatal(err)
		}
		fresh := w.dialTLS(a)
		if first, second := old.ConnectionState().PeerCertificates[0], fresh.ConnectionState().PeerCertificates[0]; first.Equal(second) {
			t.Error("the old certificate is still shown")
		}
		write(t, old, request(viaTLS, "after"))
		if after := w.must(); after.Flow != before.Flow || !w.layer.Alive(before.Flow) {
			t.Error("the flow was cut")
		}
	})
}

// A slow reader over TLS is cut off and keeps nobody waiting, and its end waits for no farewell.
func TestSlowReaderOverTLS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, a := secureWorld(t, func(c *Config) { c.Limits.Queue = 256 << 10 })
		c := w.dialTLS(a)
		write(t, c, request(viaTLS, "slow"))
		in := w.must()
		began := time.Now()
		for range 3000 {
			w.answer(in, 200)
		}
		if time.Since(began) > 0 {
			t.Error("sending has waited", time.Since(began))
		}
		if synctest.Wait(); w.layer.Alive(in.Flow) || w.layer.Stats().Slow == 0 {
			t.Errorf("%+v", w.layer.Stats())
		}
	})
}

// The identities of a certificate in the order of RFC 5922 §7.1.
func TestIdentities(t *testing.T) {
	uri := func(s string) *url.URL {
		u, err := url.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	san := []pkix.Extension{{Id: subjectAltName}}
	for name, c := range map[string]struct {
		cert x509.Certificate
		want string
	}{
		"SIP URIs first": {x509.Certificate{URIs: []*url.URL{uri("sip:Example.com"), uri("sip:user@example.net"), uri("https://example.org"), uri("sips:example.net")},
			DNSNames: []string{"host.example.com"}, Extensions: san}, "example.com"},
		"then DNS names":    {x509.Certificate{URIs: []*url.URL{uri("https://example.org")}, DNSNames: []string{"Host.example.com", "*.example.com"}, Extensions: san}, "host.example.com"},
		"no common name":    {x509.Certificate{Subject: named("example.com"), Extensions: san}, ""},
		"but alone it goes": {x509.Certificate{Subject: named("Example.com")}, "example.com"},
	} {
		if got := strings.Join(identities(&c.cert), " "); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	wild := &x509.Certificate{DNSNames: []string{"*.example.com"}, Extensions: san}
	if proves(wild, "sip.example.com") || proves(wild, "*.example.com") {
		t.Error("a wildcard proves a name")
	}
	byAddr := &x509.Certificate{IPAddresses: []net.IP{net.ParseIP("192.0.2.7")}, Extensions: san}
	if !proves(byAddr, "192.0.2.7") || proves(byAddr, "192.0.2.8") {
		t.Error("an address is proved by an address alone")
	}
}

func named(name string) pkix.Name { return pkix.Name{CommonName: name} }
