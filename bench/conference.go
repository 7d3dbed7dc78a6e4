//go:build linux

package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"

	"santral/base/id"
	"santral/media/mixer"
	"santral/media/pcm"
	"santral/media/rtp"
	"santral/media/sdp"
	"santral/media/session"
)

// A conference is measured in a process of its own that has no SIP: sessions, each with its ports, in one room. Phones
// are one socket here: each member is told that its phone is there, and is known by the port that it has over there.

// roomPlan is what the process is told, roomReady and roomDone are what it says.
type (
	roomPlan struct {
		Members int
		Phones  netip.AddrPort
	}
	roomReady struct{ Ports []uint16 }
	roomDone  struct {
		Turns, Late uint64
		Allocations float64 // for a member's 20 ms
	}
)

const (
	roomPorts   = "41000-41999"
	roomTalkers = 3
	roomWarm    = 2 * time.Second // until buffers have found their delays and it is known who talks
)

// beRoom is the measured process.
func beRoom(text string) error {
	var plan roomPlan
	if err := json.Unmarshal([]byte(text), &plan); err != nil {
		return fmt.Errorf("the plan: %w", err)
	}
	var first, last uint16
	fmt.Sscanf(roomPorts, "%d-%d", &first, &last)
	home := plan.Phones.Addr()
	pool, err := rtp.NewPool(rtp.Config{Bind: []netip.Addr{home}, First: first, Last: last})
	if err != nil {
		return fmt.Errorf("ports: %w", err)
	}
	cfg := &session.Config{Pool: pool, Random: id.Random(), Formats: session.Telephony()}
	room := mixer.New(mixer.Config{Clock: pool, Rate: 8000})
	offer, err := sdp.Parse(fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %d RTP/AVP 8\r\n", home, home, plan.Phones.Port()))
	if err != nil {
		return fmt.Errorf("offer: %w", err)
	}
	var ready roomReady
	for range plan.Members {
		s := session.New(cfg, home, session.Profile{})
		if err := s.SetRemote(offer); err != nil {
			return fmt.Errorf("session: %w", err)
		}
		answer, err := s.AnswerLocal()
		if err != nil {
			return fmt.Errorf("session: %w", err)
		}
		m, err := room.Join(mixer.Options{})
		if err != nil {
			return fmt.Errorf("join: %w", err)
		}
		s.Attach(m, m)
		ready.Ports = append(ready.Ports, uint16(answer.Media[0].Port))
	}
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM)
	out := json.NewEncoder(os.Stdout)
	if err := out.Encode(ready); err != nil {
		return fmt.Errorf("say the ports: %w", err)
	}
	time.Sleep(roomWarm)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	turns, late := room.Turns()
	<-end
	runtime.ReadMemStats(&after)
	all, lates := room.Turns()
	done := roomDone{Turns: all - turns, Late: lates - late}
	done.Allocations = float64(after.Mallocs-before.Mallocs) / float64(max(done.Turns, 1)) / float64(plan.Members)
	return out.Encode(done)
}

// conferenced is what a conference came to.
type conferenced struct {
	work           work
	done           roomDone
	sent, received int
	frames         float64 // members' 20 ms
}

func (c conferenced) cost() float64 { return c.work.cpu.Seconds() * 1e6 / c.frames }

// hold holds a conference for a time.
func (b *bench) hold(members int, span time.Duration) (c conferenced, err error) {
	phones, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return c, fmt.Errorf("phones: %w", err)
	}
	defer phones.Close()
	phones.SetReadBuffer(4 << 20)
	plan, err := json.Marshal(roomPlan{members, phones.LocalAddr().(*net.UDPAddr).AddrPort()})
	if err != nil {
		return c, fmt.Errorf("the plan: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return c, fmt.Errorf("find myself: %w", err)
	}
	p, out, err := b.launch(self, "-room", string(plan))
	if err != nil {
		return c, err
	}
	defer out.Close()
	said := json.NewDecoder(bufio.NewReader(out))
	var ready roomReady
	if err := said.Decode(&ready); err != nil {
		return c, p.failed(err)
	}
	received := new(atomic.Int64)
	go func() {
		buf := make([]byte, 2048)
		for {
			n, _, err := phones.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			if n == 172 {
				received.Add(1)
			}
		}
	}()
	var m meter
	var sentBefore, receivedBefore int
	sent := 0
	talk(phones, ready.Ports, roomWarm+span, func(at time.Duration) {
		sent++
		if m.p == nil && at >= roomWarm {
			m = b.meter(p)
			sentBefore, receivedBefore = sent, int(received.Load())
		}
	})
	c.work = m.read()
	c.sent, c.received = sent-sentBefore, int(received.Load())-receivedBefore
	c.frames = float64(members) * c.work.elapsed.Seconds() / rtp.FrameTime.Seconds()
	p.cmd.Process.Signal(syscall.SIGTERM)
	if err := said.Decode(&c.done); err != nil {
		return c, p.failed(err)
	}
	p.stop()
	b.say("room: %d members, %d talk: %.2f µs a member's 20 ms, core %.0f %%, others %.0f %%, %d packets sent, %d received, %d of %d turns late, %.4f allocations",
		members, roomTalkers, c.cost(), 100*c.work.share(), 100*c.work.others, c.sent, c.received, c.done.Late, c.done.Turns, c.done.Allocations)
	return c, nil
}

// talk has phones speak for a time, of which the first few talk and the others are open lines. They are spread over the
// 20 ms. each is called before every packet.
func talk(phones *net.UDPConn, ports []uint16, span time.Duration, each func(at time.Duration)) {
	random := rand.New(rand.NewPCG(1, 1))
	frame, code := make([]int16, 160), make([]byte, 160)
	packets := make([][]byte, len(ports))
	var sounds [2][50][]byte // of an open line, and of one who talks
	for kind := range sounds {
		for k := range sounds[kind] {
			loud := 12
			if kind == 1 && k%10 < 8 {
				loud = 6000 // in syllables
			}
			for i := range frame {
				frame[i] = int16(random.IntN(2*loud+1) - loud)
			}
			pcm.EncodeALaw(code, frame)
			sounds[kind][k] = append([]byte(nil), code...)
		}
	}
	for i := range packets {
		packets[i] = rtp.AppendHeader(make([]byte, 0, 172), rtp.Header{Payload: 8, SSRC: uint32(i + 1)})[:172]
	}
	const slots = 20
	began := time.Now()
	for tick := 0; ; tick++ {
		at := time.Duration(tick) * rtp.FrameTime / slots
		time.Sleep(time.Until(began.Add(at)))
		if at >= span {
			return
		}
		n := tick / slots
		for i := tick % slots; i < len(ports); i += slots {
			p := packets[i]
			binary.BigEndian.PutUint16(p[2:], uint16(n))
			binary.BigEndian.PutUint32(p[4:], uint32(n*160))
			kind := 0
			if i < roomTalkers {
				kind = 1
			}
			copy(p[rtp.HeaderSize:], sounds[kind][(n+7*i)%50])
			each(at)
			phones.WriteToUDPAddrPort(p, netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), ports[i]))
		}
	}
}

// conference measures rooms of 100 and of 200 with three who talk.
func (b *bench) conference() error {
	var cost, share, late, lost [2]series
	for range b.rounds {
		for i, members := range []int{100, 200} {
			c, err := b.hold(members, b.span)
			if err != nil {
				return err
			}
			cost[i].add(c.cost())
			share[i].add(100 * c.work.share())
			late[i].add(float64(c.done.Late))
			lost[i].add(100 * max(0, 1-float64(c.received)/c.frames))
			if c.done.Allocations > 0.01 {
				cost[i].note(fmt.Sprintf("%.3f allocations each", c.done.Allocations))
			}
		}
	}
	b.table.add(against("a member's 20 ms in a conference of 100, G.711, three talk: CPU", &cost[0], "%.1f", "µs", 20, "", nil, 0))
	b.table.add(against("the same of 200", &cost[1], "%.1f", "µs", 20, "", nil, 0))
	b.table.add(row{work: "200 members: share of the core", ours: share[1].text("%.0f", "%")})
	b.table.add(against("200 members: turns more than a frame late", &late[1], "%.0f", "", 0, "", nil, 0))
	b.table.add(against("200 members: packets that members did not get", &lost[1], "%.3f", "%", 0.1, "", nil, 0))
	return nil
}
