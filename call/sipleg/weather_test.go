package sipleg

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"santral/base/vnet"
	"santral/call"
	"santral/call/calltest"
	"santral/sip"
	"santral/sip/endpoint"
)

// person sits at a phone: it answers whatever rings, or refuses it, and agrees to every change.
type person struct {
	*soft
	refuses bool
	done    chan struct{}
	quit    chan struct{}

	mu  sync.Mutex
	leg call.Leg
}

// have notes the call that the person is in.
func (p *person) have(leg call.Leg) {
	p.mu.Lock()
	p.leg = leg
	p.mu.Unlock()
}

// hangUp ends the person's call, if there is one.
func (p *person) hangUp() {
	if leg := p.call(); leg != nil {
		leg.Hangup(call.NormalClearing)
	}
}

func (p *person) call() call.Leg {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.leg
}

func (p *person) live() {
	defer close(p.done)
	for {
		select {
		case leg := <-p.rings:
			<-p.from
			if p.refuses {
				leg.Reject(call.Busy)
				continue
			}
			p.have(leg)
			leg.Progress(call.Progress{Status: 180})
			leg.Answer(nil)
		case e := <-p.inbox:
			switch e.Kind {
			case call.Offered, call.Accepted:
				p.call().Accept(nil)
			case call.Failed, call.Ended:
				if e.Finish != nil {
					e.Finish()
				}
			}
		case <-p.quit:
			return
		}
	}
}

// TestTransfersInBadWeather has calls transferred over a network that loses, doubles and reorders: in the end
// nobody believes in a call that the other side has forgotten, nothing is left, and the records are whole.
func TestTransfersInBadWeather(t *testing.T) {
	transfers := 0
	for seed := range uint64(24) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &world{T: t, net: vnet.New(seed), hosts: map[string]*vnet.Host{}, house: calltest.New(), begun: time.Now(), quiet: true}
				w.net.SetDefault(vnet.Link{Latency: 20 * time.Millisecond, Jitter: 10 * time.Millisecond, Loss: 0.2, Duplicate: 0.1, Reorder: 0.1})
				w.house.Account("101", 0, "sip:101@192.0.2.11:5060")
				w.house.Account("102", 0, "sip:102@192.0.2.12:5060")
				w.house.Account("104", 0, "sip:104@192.0.2.13:5060")
				x := w.exchange("192.0.2.1", nil)
				var people []*person
				for i, number := range []string{"101", "102", "104"} {
					p := &person{soft: w.soft(fmt.Sprint("192.0.2.", 11+i), number, ""), done: make(chan struct{}), quit: make(chan struct{})}
					p.refuses = i == 2 && seed%3 == 0
					people = append(people, p)
					go p.live()
				}
				a, b := people[0], people[1]
				a.have(a.dial("102", "101"))
				waitFor(5 * time.Second)
				b.refer("104")
				if seed%4 == 1 {
					b.hangUp()
				}
				waitFor(time.Duration(seed%5) * 2 * time.Second)
				a.hangUp()
				waitFor(3 * time.Minute) // all that is repeated has come to its end
				for _, p := range people {
					p.hangUp()
				}
				waitFor(2 * time.Minute)
				for i, p := range people {
					close(p.quit)
					<-p.done
					if n := p.ep.Stats().Usages; n != 0 {
						t.Errorf("phone %d keeps %d dialogs", i, n)
					}
				}
				if n := x.ep.Stats().Usages; n != 0 {
					t.Errorf("the exchange keeps %d dialogs", n)
				}
				if left := x.control.Calls(""); len(left) != 0 {
					t.Errorf("calls left: %+v", left)
				}
				w.house.Check(t)
				for _, e := range w.house.Events() {
					if e.Kind == call.Transfer {
						transfers++
					}
				}
				for _, p := range people {
					p.close()
				}
				x.close()
			})
		})
	}
	if transfers < 12 {
		t.Errorf("only %d transfers came about", transfers)
	}
}

// refer sends a REFER within the person's call, which its phone repeats until it is answered.
func (p *person) refer(number string) {
	l, ok := p.call().(*Leg)
	if !ok {
		return // the call never came through
	}
	l.do(func() {
		d := l.session.Dialog()
		if d == nil {
			return
		}
		uri, err := sip.ParseURI(d.Target)
		if err != nil {
			return
		}
		req := d.Request(sip.REFER)
		req.Set(sip.Contact, "<sip:"+number+"@192.0.2.12:5060>")
		req.Set(sip.ReferTo, "<sip:"+number+"@192.0.2.1>")
		l.shard.Request(req, endpoint.Next{URI: uri}, func(endpoint.ClientEvent) {})
	})
}
