package phone

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"santral/base/vnet"
	"santral/sip"
	"santral/sip/digest"
	"santral/sip/endpoint"
	"santral/sip/transport"
)

// exchange is as much of a server as a phone's registration needs: it asks for digest credentials,
// keeps one binding and refuses calls as busy.
type exchange struct {
	t        *testing.T
	layer    *transport.Layer
	endpoint atomic.Pointer[endpoint.Endpoint]
	digest   *digest.Server
	host     vnet.Net

	mu    sync.Mutex
	log   []string // "REGISTER 200 60 sip:…"
	least int      // Min-Expires
	grant int      // at most; 0: as asked
	dead  bool     // every REGISTER is answered 500
	proxy bool     // ask by 407
}

func (w *world) exchange(algorithms ...digest.Algorithm) *exchange {
	w.t.Helper()
	return w.open(digest.NewServer(digest.Config{Realm: "house", Algorithms: algorithms, Random: w.random()}), w.net.Host(addrS))
}

// open starts an exchange on a host.
func (w *world) open(check *digest.Server, host vnet.Net) *exchange {
	w.t.Helper()
	x := &exchange{t: w.t, digest: check, host: host}
	at := netip.AddrPortFrom(addrS, 5060)
	layer, err := transport.Start(transport.Config{
		Net: host, Readers: 1,
		Listeners: []transport.Listener{{Transport: sip.UDP, Addr: at}, {Transport: sip.TCP, Addr: at}},
		Handle: func(in sip.Inbound) {
			if e := x.endpoint.Load(); e != nil {
				e.Receive(in)
			}
		},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	x.layer = layer
	e := endpoint.New(endpoint.Config{Wire: wire{layer}, Shards: 1, Random: w.random(), User: x, Allow: []sip.Method{sip.REGISTER, sip.INVITE, sip.ACK, sip.CANCEL}})
	x.endpoint.Store(e)
	w.t.Cleanup(func() {
		if err := e.Close(context.Background()); err != nil {
			w.t.Error(err)
		}
		layer.Close()
	})
	return x
}

func (x *exchange) note(format string, args ...any) {
	x.log = append(x.log, fmt.Sprintf(format, args...))
}

// take gives what was noted since the last time.
func (x *exchange) take() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	s := strings.Join(x.log, "\n")
	x.log = nil
	return s
}

func (x *exchange) Serve(_ *endpoint.Shard, tx *endpoint.ServerTx) {
	x.mu.Lock()
	defer x.mu.Unlock()
	req := tx.Request()
	status, ask, give := 401, sip.WWWAuthenticate, sip.Authorization
	if x.proxy || req.Method == sip.INVITE {
		status, ask, give = 407, sip.ProxyAuthenticate, sip.ProxyAuthorization
	}
	lookup := func(user string) (digest.HA1, bool) {
		return digest.NewHA1(user, "house", "secret"), user == "alice"
	}
	user, verdict := x.digest.Check(req.Method, req.RequestURI, req.Get(give), tx.Flow().Remote.Addr(), lookup)
	if verdict != digest.Accepted {
		x.note("%s %d %v", req.Method, status, verdict)
		var headers []sip.Header
		for _, c := range x.digest.Challenge(tx.Flow().Remote.Addr(), false, verdict == digest.Stale) {
			headers = append(headers, sip.Header{Kind: ask, Value: c})
		}
		tx.Refuse(status, "", headers...)
		return
	}
	if req.Method == sip.INVITE {
		x.note("INVITE 486 from %s", user)
		tx.Refuse(486, "")
		return
	}
	expires, _ := req.Expires()
	switch {
	case x.dead:
		x.note("REGISTER 500")
		tx.Refuse(500, "")
		return
	case expires > 0 && expires < x.least:
		x.note("REGISTER 423")
		tx.Refuse(423, "", sip.Header{Kind: sip.MinExpires, Value: strconv.Itoa(x.least)})
		return
	}
	if x.grant > 0 {
		expires = min(expires, x.grant)
	}
	contact := req.Get(sip.Contact)
	x.note("REGISTER 200 %d %s", expires, contact)
	tx.Refuse(200, "", sip.Header{Kind: sip.Contact, Value: "<sip:other@192.0.2.1>;expires=7, " + contact + ";expires=" + strconv.Itoa(expires)})
}

func (w *world) alice(t sip.Transport, password string) *Phone {
	return w.phone(Config{Server: addrS.String(), Transport: t, Listen: netip.AddrPortFrom(addrA, 5062), User: "alice", Password: password, Instance: "urn:uuid:00000000-0000-1000-8000-000000000001"})
}

const aliceContact = `<sip:alice@10.0.0.1:5062>;+sip.instance="<urn:uuid:00000000-0000-1000-8000-000000000001>"`

func (w *world) says(x *exchange, want ...string) {
	w.t.Helper()
	synctest.Wait()
	if got := x.take(); got != strings.Join(want, "\n") {
		w.t.Errorf("the exchange says\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

func TestRegister(t *testing.T) {
	for _, algorithm := range []digest.Algorithm{digest.MD5, digest.SHA256, digest.SHA512_256} {
		t.Run(algorithm.String(), func(t *testing.T) {
			virtually(t, func(w *world) {
				x := w.exchange(algorithm)
				a := w.alice(sip.UDP, "secret")
				if err := a.Register(w.ctx, time.Minute); err != nil {
					t.Fatal(err)
				}
				w.says(x, "REGISTER 401 missing", "REGISTER 200 60 "+aliceContact)
				w.pass(49 * time.Second) // a refresh at four fifths, with the nonce that is known
				w.says(x, "REGISTER 401 missing", "REGISTER 200 60 "+aliceContact)
				for i := range 2 {
					if r, err := a.Registered(w.ctx); err != nil || r.Expires != time.Minute || r.Status != 200 || r.Err != nil {
						t.Errorf("word %d: %+v, %v", i, r, err)
					}
				}
				if err := a.Unregister(w.ctx); err != nil {
					t.Fatal(err)
				}
				w.says(x, "REGISTER 401 missing", "REGISTER 200 0 "+aliceContact)
				w.pass(5 * time.Minute)
				w.says(x)
			})
		})
	}
}

func TestRegisterIsRefused(t *testing.T) {
	virtually(t, func(w *world) {
		x := w.exchange(digest.SHA256, digest.MD5)
		a := w.alice(sip.UDP, "wrong")
		if err := a.Register(w.ctx, time.Minute); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "401") {
			t.Errorf("%v", err)
		}
		w.says(x, "REGISTER 401 missing", "REGISTER 401 wrong")
		w.pass(10 * time.Minute) // a refusal is not repeated
		w.says(x)
		if _, err := w.phone(Config{Listen: netip.AddrPortFrom(addrB, 5060)}).Registered(canceled()); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	})
}

func canceled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func TestRegisterFollowsTheServer(t *testing.T) {
	virtually(t, func(w *world) {
		x := w.exchange(digest.MD5)
		x.proxy, x.least, x.grant = true, 100, 200
		a := w.alice(sip.UDP, "secret")
		if err := a.Register(w.ctx, time.Minute); err != nil {
			t.Fatal(err)
		}
		w.says(x, "REGISTER 407 missing", "REGISTER 423", "REGISTER 407 missing", "REGISTER 200 100 "+aliceContact)
		if err := a.Register(w.ctx, time.Hour); err != nil {
			t.Fatal(err)
		}
		w.says(x, "REGISTER 407 missing", "REGISTER 200 200 "+aliceContact)
		x.mu.Lock()
		x.dead = true
		x.mu.Unlock()
		w.pass(161 * time.Second)
		w.says(x, "REGISTER 407 missing", "REGISTER 500")
		x.mu.Lock()
		x.dead = false
		x.mu.Unlock()
		w.pass(again)
		w.says(x, "REGISTER 407 missing", "REGISTER 200 200 "+aliceContact)
	})
}

func TestRegisterSurvivesALostServer(t *testing.T) {
	virtually(t, func(w *world) {
		x := w.exchange(digest.MD5)
		a := w.alice(sip.UDP, "secret")
		w.net.SetFilter(func(p vnet.Packet) bool { return false })
		begun := time.Now()
		if err := a.Register(w.ctx, time.Minute); !errors.Is(err, endpoint.ErrTimeout) {
			t.Errorf("%v", err)
		}
		if took := time.Since(begun); took != 32*time.Second {
			t.Errorf("given up after %v", took)
		}
		w.net.SetFilter(nil)
		w.pass(again + time.Second)
		w.says(x, "REGISTER 401 missing", "REGISTER 200 60 "+aliceContact)
	})
}

func TestRegisterOverTCP(t *testing.T) {
	virtually(t, func(w *world) {
		x := w.exchange(digest.MD5)
		contact := strings.Replace(aliceContact, ":5062", ":5062;transport=tcp", 1)
		a := w.alice(sip.TCP, "secret")
		if err := a.Register(w.ctx, time.Hour); err != nil {
			t.Fatal(err)
		}
		w.says(x, "REGISTER 401 missing", "REGISTER 200 3600 "+contact)
		if err := x.endpoint.Load().Close(w.ctx); err != nil {
			t.Fatal(err)
		}
		x.layer.Close() // the server goes away and comes back: its connection was the way to us
		y := w.open(x.digest, x.host)
		w.pass(again + time.Second)
		w.says(y, "REGISTER 401 missing", "REGISTER 200 3600 "+contact)
	})
}

func TestCallWithCredentials(t *testing.T) {
	virtually(t, func(w *world) {
		x := w.exchange(digest.SHA256, digest.MD5)
		a := w.alice(sip.UDP, "secret")
		c, err := a.Call(w.ctx, "102")
		if err != nil {
			t.Fatal(err)
		}
		if e := w.wait(c, Over); e.Status != 486 || !e.ByPeer {
			t.Errorf("%+v", e)
		}
		w.says(x, "INVITE 407 missing", "INVITE 486 from alice")
		b := w.phone(Config{Server: addrS.String(), Listen: netip.AddrPortFrom(addrB, 5060), User: "alice"})
		if c, err = b.Call(w.ctx, "102"); err != nil {
			t.Fatal(err)
		}
		if e := w.wait(c, Over); e.Status != 407 {
			t.Errorf("without a password: %+v", e)
		}
	})
}

func TestRunRegisters(t *testing.T) {
	virtually(t, func(w *world) {
		x := w.exchange(digest.SHA256, digest.MD5)
		o := Options{Config: w.config(addrA, "alice"), Register: true, Stay: time.Minute}
		o.Server, o.Password, o.Listen = addrS.String(), "secret", netip.AddrPortFrom(addrA, 5062)
		sum, err := Run(w.ctx, o)
		if err != nil || !sum.Registered || sum.Reached != Registered || sum.Call != nil {
			t.Errorf("%v, %s", err, sum.JSON())
		}
		if got := x.take(); strings.Count(got, "REGISTER 200 3600") != 1 || strings.Count(got, "REGISTER 200 0") != 1 {
			t.Errorf("%s", got)
		}
		o.Password = "wrong"
		if sum, err = Run(w.ctx, o); sum.Exit(err) != ExitUnregistered || sum.Registered {
			t.Errorf("%v, %s", err, sum.JSON())
		}
	})
}
