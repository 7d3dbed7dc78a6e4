//go:build linux

package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"strconv"
	"time"
)

const (
	password = "bench-secret"
	first    = 10001 // the first extension's number, where there are many
	accounts = 4000  // half of them call, the other half is called
	patience = 20 * time.Second
)

// exchange is a SIP server that serves: ours or a peer.
type exchange struct {
	*process
	sip    netip.AddrPort
	tls    netip.AddrPort // ours alone
	data   string         // ours alone
	answer netip.AddrPort // where our callees listen
	served time.Time      // when it first answered, where that was seen
}

// santral starts the program with so many accounts and waits for its ready line.
func (b *bench) santral(extensions int, ports string) (*exchange, error) {
	x, out, err := b.open(extensions, ports)
	if err != nil {
		return nil, err
	}
	ready := make(chan error, 1)
	go func() {
		defer out.Close()
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			var line struct{ Event string }
			if json.Unmarshal(lines.Bytes(), &line) == nil && line.Event == "ready" {
				ready <- nil
				io.Copy(io.Discard, out)
				return
			}
		}
		ready <- errors.New("no ready line")
	}()
	select {
	case err = <-ready:
	case <-time.After(patience):
		err = errors.New("no ready line in time")
	}
	if err != nil {
		return nil, x.failed(err)
	}
	return x, nil
}

// open starts the program and hands over its standard output.
func (b *bench) open(extensions int, ports string) (*exchange, *os.File, error) {
	data, err := os.MkdirTemp(b.folder, "data-")
	if err != nil {
		return nil, nil, fmt.Errorf("make a data folder: %w", err)
	}
	sip, web, tls := freePort(), freePort(), freePort()
	p, out, err := b.launch(b.binary, "local", "--sip-port", strconv.Itoa(int(sip.Port())), "--tls-port", strconv.Itoa(int(tls.Port())),
		"--http-port", strconv.Itoa(int(web.Port())), "--https-port", "0", "--rtp-ports", ports,
		"--data", data, "--extensions", strconv.Itoa(extensions), "--channels", "8", "--password", password, "--trust", "127.0.0.0/8")
	if err != nil {
		return nil, nil, err
	}
	return &exchange{process: p, sip: sip, tls: tls, data: data, answer: freePort()}, out, nil
}

// given are the ports that freePort gave; its callers open them later.
var given = map[netip.AddrPort]bool{}

// freePort finds a port that nobody has, for UDP and TCP, below those that connections are given and
// the ranges of media, and gives each only once.
func freePort() netip.AddrPort {
	const low, high = 5100, 9900
	for {
		addr := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(low+4*rand.IntN((high-low)/4)))
		if given[addr] {
			continue
		}
		given[addr] = true
		u, err := net.ListenPacket("udp4", addr.String())
		if err != nil {
			continue
		}
		l, err := net.Listen("tcp4", addr.String())
		u.Close()
		if err == nil {
			l.Close()
			return addr
		}
	}
}

// numbers gives n extension numbers from the k-th on.
func numbers(k, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = strconv.Itoa(first + k + i)
	}
	return out
}

// options asks a SIP server whether it is there until it answers, and gives the time of the answer.
func options(server netip.AddrPort, until time.Time) (time.Time, error) {
	c, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(server))
	if err != nil {
		return time.Time{}, fmt.Errorf("ask OPTIONS: %w", err)
	}
	defer c.Close()
	b := make([]byte, 2048)
	for n := 0; time.Now().Before(until); n++ {
		fmt.Fprintf(c, "OPTIONS sip:%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKo%d;rport\r\nMax-Forwards: 70\r\nFrom: <sip:bench@127.0.0.1>;tag=o\r\nTo: <sip:%s>\r\nCall-ID: o%d\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n",
			server, c.LocalAddr(), n, server, n)
		c.SetReadDeadline(time.Now().Add(time.Millisecond))
		if size, err := c.Read(b); err == nil && size > 11 && string(b[:8]) == "SIP/2.0 " {
			return time.Now(), nil
		} else if errors.Is(err, os.ErrDeadlineExceeded) {
			continue
		}
		time.Sleep(time.Millisecond) // nobody listens yet: the refusal comes at once
	}
	return time.Time{}, errors.New("no answer to OPTIONS")
}
