package transport

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"santral/base/vnet"
	"santral/sip"
)

// A stream that drips, stops or never speaks is ended by its deadline, however its octets come.
func TestSlowClients(t *testing.T) {
	half := request(viaTCP, "c1")[:60]
	body := strings.Replace(request(viaTCP, "c1"), "Content-Length: 0", "Content-Length: 1000", 1)
	for _, c := range []struct {
		name, first, drip string
		wait              time.Duration // when it must be over
	}{
		{"silent", "", "", 10 * time.Second},
		{"keep-alives alone", "", "\r\n\r\n", 10 * time.Second},
		{"first head drips", half, "x", 10 * time.Second},
		{"first body drips", body, "x", 10 * time.Second},
		{"later head stops", request(viaTCP, "c0") + half, "", 10 * time.Second},
		{"later head drips", request(viaTCP, "c0") + half, "x", 10 * time.Second},
		{"later body drips", request(viaTCP, "c0") + body, "x", 10 * time.Second},
		{"a stranger's silence", request(viaTCP, "c0"), "", 2 * time.Minute},
		{"a stranger's keep-alives", request(viaTCP, "c0"), "\r\n\r\n", 2 * time.Minute},
		{"bad message first", strings.Replace(request(viaTCP, "c0"), "Max-Forwards: 70", "Max-Forwards: x", 1), "", 10 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				conn := w.dial(w.phone)
				write(t, conn, c.first)
				start := time.Now()
				quit := make(chan struct{})
				if c.drip != "" {
					go func() {
						for {
							select {
							case <-quit:
								return
							case <-time.After(500 * time.Millisecond):
								conn.Write([]byte(c.drip))
							}
						}
					}()
				}
				<-w.closed
				close(quit)
				if d := time.Since(start); d < c.wait || d > c.wait+time.Second {
					t.Fatal("ended after", d)
				}
				if w.layer.Stats().Late != 1 {
					t.Fatalf("%+v", w.layer.Stats())
				}
			})
		})
	}
	t.Run("a phone", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			conn := w.dial(w.phone)
			write(t, conn, request(viaTCP, "c0"))
			in := w.must()
			time.Sleep(time.Minute) // the answer comes while a stranger's patience runs
			w.answer(in, 200)
			go io.Copy(io.Discard, conn)
			for range 10 {
				time.Sleep(time.Hour)
				write(t, conn, "\r\n\r\n")
			}
			if w.layer.Stats().Open != 1 {
				t.Fatal("ended")
			}
			start := time.Now()
			<-w.closed
			if d := time.Since(start); d != 65*time.Minute {
				t.Fatal(d)
			}
		})
	})
}

// A peer that does not read is cut off: by the octets that wait for it, or by time.
func TestSlowReader(t *testing.T) {
	for name, size := range map[string]int{"queue": 300 << 10, "time": 40 << 10} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				c := w.dial(w.phone)
				write(t, c, request(viaTCP, "c1"))
				in := w.must()
				start := time.Now()
				failed := make(chan error, 10)
				for range 5 {
					send(w.layer, in.Flow, []byte("SIP/2.0 200 OK\r\n\r\n"+strings.Repeat("x", size)), func(err error) { failed <- err })
				}
				if f := <-w.closed; f != in.Flow {
					t.Fatal(f)
				}
				if err := <-failed; !errors.Is(err, ErrSlow) {
					t.Fatal(err)
				}
				if d := time.Since(start); (d > 0) != (name == "time") || d > 11*time.Second {
					t.Fatal("took", d)
				}
				if w.layer.Stats().Slow == 0 || w.layer.Alive(in.Flow) {
					t.Fatal(w.layer.Stats())
				}
			})
		})
	}
}

// Connections that never spoke make room for new ones, of the same source first; those that did
// keep their place, and no source takes all.
func TestConnectionCaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *Config) { c.Limits.PerSource, c.Limits.Conns = 10, 15 })
		speak := func(c net.Conn) net.Conn {
			t.Helper()
			write(t, c, request(viaTCP, "c1"))
			w.answer(w.must(), 200)
			synctest.Wait()
			return c
		}
		var idle []net.Conn
		for range 10 {
			idle = append(idle, w.dial(w.phone))
		}
		var phones []net.Conn
		for i := range 8 { // the source is full of idlers, and yet a phone gets in
			phones = append(phones, speak(w.dial(w.phone)))
			if !isOver(idle[i], time.Millisecond) {
				t.Fatal("nobody made room")
			}
		}
		for range 5 {
			speak(w.dial(w.other))
		}
		speak(w.dial(w.other)) // all is full: the oldest idler goes
		if !isOver(idle[8], time.Millisecond) || isOver(idle[9], time.Millisecond) {
			t.Fatal("not the oldest one made room")
		}
		speak(idle[9])
		for _, h := range []*vnet.Host{w.phone, w.other} {
			if !isOver(w.dial(h), time.Millisecond) {
				t.Fatal("a phone had to go")
			}
		}
		s := w.layer.Stats()
		if s.Open != 15 || s.Refused != 2 || s.Evicted != 9 || s.Accepted != 24 {
			t.Fatalf("%+v", s)
		}
		for range 9 {
			<-w.closed
		}
		phones[0].Close()
		<-w.closed
		speak(w.dial(w.phone))
	})
}

// Strangers who have said something make room too, after those who have said nothing: one good message, never
// answered by a 2xx, keeps nobody's place against a phone.
func TestStrangersMakeRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *Config) { c.Limits.PerSource, c.Limits.Conns = 4, 6 })
		speak := func(c net.Conn, status int) net.Conn {
			t.Helper()
			write(t, c, request(viaTCP, "c1"))
			w.answer(w.must(), status)
			synctest.Wait()
			readAll(c)
			return c
		}
		var strangers []net.Conn
		for range 4 {
			strangers = append(strangers, speak(w.dial(w.phone), 401))
		}
		phones := []net.Conn{speak(w.dial(w.phone), 200)}
		if !isOver(strangers[0], time.Millisecond) || isOver(strangers[1], time.Millisecond) {
			t.Fatal("of one source: not the oldest one made room")
		}
		for range 2 {
			phones = append(phones, speak(w.dial(w.other), 200))
		}
		idle := w.dial(w.other) // all is full: a stranger goes
		if !isOver(strangers[1], time.Millisecond) || isOver(strangers[2], time.Millisecond) {
			t.Fatal("of all: not the oldest one made room")
		}
		phones = append(phones, speak(w.dial(w.other), 200)) // who has said nothing goes before who has
		if !isOver(idle, time.Millisecond) || isOver(strangers[2], time.Millisecond) {
			t.Fatal("who has spoken went before who has not")
		}
		for range 2 {
			speak(w.dial(w.phone), 200)
		}
		if !isOver(w.dial(w.phone), time.Millisecond) {
			t.Fatal("a phone had to go")
		}
		for i, c := range phones {
			if isOver(c, time.Millisecond) {
				t.Errorf("phone %d had to go", i)
			}
		}
	})
}

func TestExemptSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *Config) {
			c.Limits.PerSource = 1
			c.Limits.Exempt = func(a netip.Addr) bool { return a == phone }
		})
		for range 5 {
			w.dial(w.phone)
		}
		write(t, w.dial(w.other), request(viaTCP, "c1"))
		w.answer(w.must(), 200)
		if !isOver(w.dial(w.other), time.Millisecond) {
			t.Fatal("not refused")
		}
		if n := w.layer.Stats().Open; n != 6 {
			t.Fatal(n)
		}
	})
}

func TestSourcePrefix(t *testing.T) {
	for a, want := range map[string]string{"192.0.2.1": "192.0.2.1", "2001:db8::1:2:3:4": "2001:db8::", "fe80::1%eth0": "fe80::"} {
		if got := sourceOf(netip.MustParseAddr(a)); got != netip.MustParseAddr(want) {
			t.Error(a, got)
		}
	}
}

// A thousand connections that open and end leave nothing behind.
func TestManyConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		for i := range 1000 {
			c := w.dial(w.phone)
			if i%3 == 0 {
				write(t, c, request(viaTCP, "c1")[:i%200])
			}
			c.Close()
		}
		time.Sleep(10 * time.Second)
		t1 := &w.layer.conns
		if n := w.layer.Stats().Open; n != 0 || len(t1.bySource) != 0 || len(t1.byRemote) != 0 {
			t.Fatal(n, len(t1.bySource), len(t1.byRemote))
		}
		write(t, w.dial(w.phone), request(viaTCP, "c1"))
		w.must()
	})
}

// A connection that is held is not read: what it sends comes after that, in order, and others do not wait.
func TestHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		hasty, other := w.dial(w.phone), w.dial(w.phone)
		write(t, hasty, request(viaTCP, "c0"))
		flow := w.must().Flow
		w.layer.Hold(flow, 300*time.Millisecond)
		began := time.Now()
		go func() {
			for i := range 20 {
				io.WriteString(hasty, request(viaTCP, fmt.Sprint("h", i)))
			}
		}()
		synctest.Wait()
		write(t, other, request(viaTCP, "other"))
		if in := w.must(); in.Msg.CallID() != "other" || time.Since(began) > 0 {
			t.Errorf("%s after %v", in.Msg.CallID(), time.Since(began))
		}
		time.Sleep(400 * time.Millisecond)
		for i := range 20 {
			if in := w.must(); in.Msg.CallID() != fmt.Sprint("h", i) {
				t.Fatalf("%s in the place of h%d", in.Msg.CallID(), i)
			}
		}
		w.layer.Hold(flow, time.Hour) // it ends all the same, and is not held for ever
		write(t, hasty, request(viaTCP, "last"))
		time.Sleep(2 * time.Second)
		w.must()
		w.layer.Hold(flow, time.Second)
		hasty.Close()
		w.layer.Hold(sip.Flow{Transport: sip.UDP}, time.Second)
	})
}
