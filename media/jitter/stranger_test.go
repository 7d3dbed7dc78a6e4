package jitter_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"santral/media/jitter"
	"santral/media/mediatest"
	"santral/media/rtp"
)

// ffmpeg has a stranger's buffer hear the packets over loopback, in real time, and gives what it makes of them. Time
// that it has nothing for is silence (aresample).
func ffmpeg(t *testing.T, list []jitter.Packet) []int16 {
	t.Helper()
	program, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("ffmpeg is not installed")
	}
	probe, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	to := probe.LocalAddr().(*net.UDPAddr)
	probe.Close()
	to.Port &^= 1 // the RTCP port is the next one
	description := filepath.Join(t.TempDir(), "speech.sdp")
	text := fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %d RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n", to.Port)
	if err := os.WriteFile(description, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-v", "error", "-protocol_whitelist", "file,udp,rtp", "-analyzeduration", "0", "-probesize", "32", "-reorder_queue_size", "5", "-max_delay", "100000",
		"-i", description, "-af", "aresample=async=1:min_hard_comp=0.01", "-f", "s16le", "-ar", "8000", "-ac", "1", "-")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second) // until it listens; it says nothing of that
	c, err := net.DialUDP("udp4", nil, to)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	begin := time.Now()
	for _, p := range list {
		time.Sleep(time.Until(begin.Add(p.At)))
		c.Write(append(rtp.AppendHeader(nil, rtp.Header{Payload: p.Payload, Seq: p.Seq, Timestamp: p.Timestamp, SSRC: p.SSRC}), p.Sound...))
	}
	time.Sleep(time.Second)
	cmd.Process.Signal(os.Interrupt)
	cmd.Wait()
	sound := make([]int16, out.Len()/2)
	binary.Decode(out.Bytes(), binary.LittleEndian, sound)
	return sound
}

// TestBesideFFmpeg prints how ffmpeg does on the same networks, when SANTRAL_TEST_TABLES is set: it takes real time.
func TestBesideFFmpeg(t *testing.T) {
	if os.Getenv("SANTRAL_TEST_TABLES") == "" {
		t.Skip("SANTRAL_TEST_TABLES is not set")
	}
	const ms = time.Millisecond
	c := coders["G.711"]
	for _, n := range []network{{}, {loss: .01}, {loss: .05}, {loss: .05, jitter: 30 * ms}, {loss: .05, jitter: 80 * ms}} {
		var ours, theirs, plain float64
		voices := []string{"en", "kal", "slt"}
		for i, voice := range voices {
			speech := mediatest.Speech(t, voice, 8000)[:6*8000]
			list, of := c.packets(t, speech, 0)
			got := n.carry(list, uint64(i))
			sound, _ := c.hear(t, of, got, jitter.Config{})
			every := float64(len(voices))
			ours += mediatest.Opinion(speech, sound, 8000) / every
			plain += mediatest.Opinion(speech, c.unrepaired(t, of, got), 8000) / every
			theirs += mediatest.Opinion(speech, ffmpeg(t, got), 8000) / every
		}
		t.Logf("| %s | %.2f | %.2f | %.2f |", n, ours, theirs, plain)
	}
}
