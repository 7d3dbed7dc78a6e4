package endpoint

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"santral/base/id"
	"santral/sip"
)

// sieve is a wire that looks at what is sent: a response is a status line and header lines, with one
// empty line and no lone line end, and goes back to whom the request came from.
type sieve struct {
	silent
	t *testing.T
	n int
}

func (s *sieve) Writer() Writer { return s }

func (s *sieve) Send(f sip.Flow, b []byte, fail func(error)) {
	s.n++
	if f.Remote != alice.Remote {
		s.t.Errorf("sent to %v", f.Remote)
	}
	head, body, ok := bytes.Cut(b, []byte("\r\n\r\n"))
	if !ok || len(body) != 0 || !bytes.HasPrefix(b, []byte("SIP/2.0 ")) {
		s.t.Errorf("sent %q", b)
	}
	for _, line := range bytes.Split(head, []byte("\r\n")) {
		if bytes.ContainsAny(line, "\r\n\x00") {
			s.t.Errorf("line %q in %q", line, b)
		}
	}
}

// FuzzReceive gives the endpoint any text twice, lets an hour pass, and asks that it answered each
// copy at most as its timers say and keeps nothing.
func FuzzReceive(f *testing.F) {
	for _, m := range []sip.Method{sip.INVITE, sip.ACK, sip.CANCEL, sip.BYE, sip.OPTIONS, sip.PUBLISH, "HELLO"} {
		f.Add(text(m))
		f.Add(text(m, "To: <sip:bob@example.com>", "To: <sip:bob@example.com>;tag=x"))
	}
	files, _ := filepath.Glob("../testdata/torture/*.dat")
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(b))
	}
	f.Fuzz(func(t *testing.T, s string) {
		wire := &sieve{t: t}
		e := build(Config{
			Wire: wire, Shards: 1, Random: id.New([32]byte{1}), Server: "x",
			User:  serveFunc(func(_ *Shard, tx *ServerTx) { tx.Refuse(486, "") }),
			Allow: []sip.Method{sip.INVITE, sip.ACK, sip.BYE, sip.CANCEL, sip.OPTIONS, sip.REGISTER},
		})
		shard := e.shards[0]
		for range 2 {
			m, err := sip.ParseMessage(s)
			shard.receive(&sip.Inbound{Flow: alice, Msg: m, Err: err, Size: len(s)})
		}
		for i := range 100 {
			shard.now += time.Second
			if i > 40 {
				shard.now += time.Minute
			}
			shard.wheel.advance(uint64(shard.now / tick))
		}
		if wire.n > 12 {
			t.Errorf("%d messages sent", wire.n)
		}
		if len(shard.servers) != 0 || shard.wheel.n != 0 || shard.pending != 0 || len(shard.merges) != 0 {
			t.Errorf("%d transactions, %d timers, %d pending left", len(shard.servers), shard.wheel.n, shard.pending)
		}
	})
}
