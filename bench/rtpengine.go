//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"strconv"
	"time"
)

// relayPeer is rtpengine, forwarding in user space.
type relayPeer struct {
	*process
	ng      *net.UDPConn
	cookies int
}

// rtpengine starts the peer; nil when it is not installed or not wanted.
func (b *bench) rtpengine() (*relayPeer, error) {
	program, err := exec.LookPath("rtpengine")
	if err != nil || !b.peers {
		return nil, nil
	}
	control := freePort()
	low, high, _ := bytes.Cut([]byte(peerPorts), []byte("-"))
	p, out, err := b.launch(program, "--foreground", "--log-stderr", "--log-level=3", "--table=-1", "--interface=127.0.0.1", "--listen-ng="+control.String(),
		"--num-threads=1", "--delete-delay=0", "--port-min="+string(low), "--port-max="+string(high))
	if err != nil {
		return nil, err
	}
	drain(out)
	r := &relayPeer{process: p}
	if r.ng, err = net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(control)); err != nil {
		return nil, p.failed(err)
	}
	until := time.Now().Add(patience)
	for {
		if _, err = r.ask(map[string]string{"command": "ping"}, 100*time.Millisecond); err == nil {
			break
		}
		if time.Now().After(until) {
			return nil, p.failed(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	p.family()
	return r, nil
}

func (r *relayPeer) stop() {
	r.ng.Close()
	r.process.stop()
}

// setUp makes n calls between the media addresses and gives the relay's ports for each side.
func (r *relayPeer) setUp(n int, media netip.AddrPort) (ports [2][]netip.AddrPort, err error) {
	for i := range n {
		id := strconv.Itoa(i)
		for side, command := range []string{"offer", "answer"} {
			ask := map[string]string{"command": command, "call-id": "bench" + id, "from-tag": "a" + id,
				"sdp": description(netip.AddrPortFrom(media.Addr(), media.Port()+uint16(2*side)))}
			if side == 1 {
				ask["to-tag"] = "b" + id
			}
			answer, err := r.ask(ask, 5*time.Second)
			if err != nil {
				return ports, fmt.Errorf("%s: %w", command, err)
			}
			at, err := audio(answer["sdp"])
			if err != nil {
				return ports, fmt.Errorf("%s: %w", command, err)
			}
			// What goes into the offer is where the called side sends to, and the other way round.
			ports[1-side] = append(ports[1-side], at)
		}
	}
	return ports, nil
}

func (r *relayPeer) tearDown(n int) error {
	for i := range n {
		id := strconv.Itoa(i)
		if _, err := r.ask(map[string]string{"command": "delete", "call-id": "bench" + id, "from-tag": "a" + id}, 5*time.Second); err != nil {
			return fmt.Errorf("delete: %w", err)
		}
	}
	return nil
}

func description(at netip.AddrPort) string {
	return fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 %[1]s\r\ns=-\r\nc=IN IP4 %[1]s\r\nt=0 0\r\nm=audio %[2]d RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n", at.Addr(), at.Port())
}

// audio reads the first audio address of a session description.
func audio(sdp string) (netip.AddrPort, error) {
	var host, port string
	for line := range bytes.Lines([]byte(sdp)) {
		line = bytes.TrimSpace(line)
		if c, ok := bytes.CutPrefix(line, []byte("c=IN IP4 ")); ok {
			host = string(c)
		}
		if m, ok := bytes.CutPrefix(line, []byte("m=audio ")); ok && port == "" {
			p, _, _ := bytes.Cut(m, []byte(" "))
			port = string(p)
		}
	}
	at, err := netip.ParseAddrPort(host + ":" + port)
	if err != nil {
		return at, fmt.Errorf("no address in %q: %w", sdp, err)
	}
	return at, nil
}

// ask sends a command of the ng protocol: a cookie, a space and a dictionary in bencode.
func (r *relayPeer) ask(command map[string]string, wait time.Duration) (map[string]string, error) {
	r.cookies++
	cookie := strconv.Itoa(r.cookies)
	text := append([]byte(cookie+" "), bencode(command)...)
	if _, err := r.ng.Write(text); err != nil {
		return nil, fmt.Errorf("ask rtpengine: %w", err)
	}
	r.ng.SetReadDeadline(time.Now().Add(wait))
	b := make([]byte, 64<<10)
	for {
		n, err := r.ng.Read(b)
		if err != nil {
			return nil, fmt.Errorf("ask rtpengine: %w", err)
		}
		got, answer, _ := bytes.Cut(b[:n], []byte(" "))
		if string(got) != cookie {
			continue
		}
		fields, err := bdecode(answer)
		if err != nil {
			return nil, fmt.Errorf("read rtpengine's answer: %w", err)
		}
		if fields["result"] == "error" {
			return nil, errors.New("rtpengine: " + fields["error-reason"])
		}
		return fields, nil
	}
}
