package transport

import (
	"encoding/binary"
	"io"
	"testing"
	"testing/synctest"
	"time"
)

// A TLS connection that we end says so before TCP does (RFC 8446 §6.1), whether its peer listens or not.
func TestFarewellOverTLS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, a := secureWorld(t, nil)
		c, deaf := w.dialTLS(a), w.dialTLS(a)
		for _, x := range []io.Writer{c, deaf} {
			io.WriteString(x, request(viaTLS, "a"))
			w.must()
		}
		done := make(chan error, 1)
		go func() {
			_, err := c.Read(make([]byte, 1))
			done <- err
		}()
		synctest.Wait()
		began := time.Now()
		w.layer.Close()
		if err := <-done; err != io.EOF {
			t.Errorf("the peer hears %v", err)
		}
		if d := time.Since(began); d > time.Second {
			t.Error("closing took", d)
		}
	})
}

// A WebSocket that we end gets a Close frame, and is closed at the peer's own or after a moment
// (RFC 6455 §7.1.2). What comes in between is not heard any more.
func TestFarewellOfAWebSocket(t *testing.T) {
	for name, answers := range map[string]bool{"a browser that answers": true, "one that does not": false} {
		synctest.Test(t, func(t *testing.T) {
			w := webWorld(t, nil)
			c, _ := w.upgrade(asSIP)
			write(t, c, frameOf(finText, request(viaWS, "a")))
			in := w.must()
			began := time.Now()
			w.layer.conns.get(in.Flow).end(ErrGone)
			op, b := frameIn(c, time.Second)
			if op != finClose || len(b) < 2 || binary.BigEndian.Uint16([]byte(b)) != 1001 {
				t.Fatalf("%s gets %x %q", name, op, b)
			}
			write(t, c, frameOf(finText, request(viaWS, "b")))
			limit := lastWait
			if answers {
				write(t, c, frameOf(finClose, b))
				limit = 50 * time.Millisecond
			}
			if !isOver(c, time.Second) || time.Since(began) > limit {
				t.Errorf("%s is let go of after %s", name, time.Since(began))
			}
			if in := w.take(); in != nil {
				t.Errorf("%s is heard after its end: %+v", name, in)
			}
		})
	}
}
