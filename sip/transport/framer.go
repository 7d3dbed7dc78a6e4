package transport

import (
	"bytes"
	"strconv"
	"strings"
	"sync"

	"santral/sip"
)

// framer cuts a stream of octets into messages by their Content-Length (RFC 3261 §18.3). It does no
// reading of its own: octets are put into room and next takes out what is whole. It holds no more
// than one message and one read at a time, and grows by what arrived, never by what was promised.
type framer struct {
	lim *sip.Limits
	buf []byte
	at  int // what is before has been taken out

	seen int          // octets behind at in which the head does not end
	msg  *sip.Message // a head that waits for its body
	err  error        // what is wrong with it
	head int          // its length
	body int          // the length of its body
}

const (
	bufferFirst = 4 << 10  // what an idle connection keeps
	bufferRoom  = 2 << 10  // the least that a read is offered
	bufferKeep  = 16 << 10 // a larger buffer is let go when it is empty
)

// phase says what a framer waits for.
type phase uint8

const (
	unknownPhase phase = iota
	betweenMessages
	inHead
	inBody
)

func (p phase) String() string {
	return [...]string{"unknown", "between messages", "in a head", "in a body"}[p]
}

// frame is what next took out of the stream.
type frame struct {
	ping   bool         // a keep-alive, to be answered (RFC 5626 §4.4.1)
	broken bool         // nobody can tell where the next message begins: answer, then close
	msg    *sip.Message // nil for a ping, and where nothing can be answered
	err    error        // what is wrong with msg
	size   int          // octets on the wire
}

// room gives free memory to read into.
func (f *framer) room() []byte {
	if f.at == len(f.buf) {
		f.at, f.buf = 0, f.buf[:0]
		if cap(f.buf) > bufferKeep {
			f.buf = nil
		}
	}
	if cap(f.buf)-len(f.buf) < bufferRoom {
		if f.buf == nil {
			f.buf = buffers.Get().(*[bufferFirst]byte)[:0]
		} else if f.at >= bufferRoom {
			n := copy(f.buf, f.buf[f.at:])
			f.at, f.buf = 0, f.buf[:n]
		} else {
			grown := make([]byte, len(f.buf)-f.at, 2*cap(f.buf))
			copy(grown, f.buf[f.at:])
			f.at, f.buf = 0, grown
		}
	}
	return f.buf[len(f.buf):cap(f.buf)]
}

// buffers holds what framers that wait for nothing have let go of.
var buffers = sync.Pool{New: func() any { return new([bufferFirst]byte) }}

// letGo gives the buffer away and reports whether that was possible: nothing is in it.
func (f *framer) letGo() bool {
	if f.msg != nil || f.at < len(f.buf) {
		return false
	}
	if cap(f.buf) == bufferFirst {
		buffers.Put((*[bufferFirst]byte)(f.buf[:bufferFirst]))
	}
	f.at, f.buf = 0, nil
	return true
}

// filled tells that n octets were read into room.
func (f *framer) filled(n int) { f.buf = f.buf[:len(f.buf)+n] }

// phase says what is being waited for now.
func (f *framer) phase() phase {
	switch {
	case f.msg != nil:
		return inBody
	case len(bytes.TrimLeft(f.buf[f.at:], "\r\n")) > 0:
		return inHead
	}
	return betweenMessages
}

var headEnd = []byte("\r\n\r\n")

// next takes out the next frame; false means that more has to be read.
func (f *framer) next() (frame, bool) {
	if f.msg == nil {
		if fr, ok := f.readHead(); ok || f.msg == nil {
			return fr, ok
		}
	}
	rest := f.buf[f.at:]
	if len(rest) < f.body {
		return frame{}, false
	}
	m := f.msg
	if f.body > 0 {
		m.Body = string(rest[:f.body])
	}
	f.at += f.body
	fr := frame{msg: m, err: f.err, size: f.head + f.body}
	f.msg, f.err = nil, nil
	return fr, true
}

// readHead looks for keep-alives and for a whole head. It leaves a head in f.msg.
func (f *framer) readHead() (frame, bool) {
	for {
		rest := f.buf[f.at:]
		if len(rest) == 0 || f.seen > 0 || rest[0] != '\r' {
			break
		}
		switch {
		case bytes.HasPrefix(rest, headEnd): // RFC 5626 §4.4.1
			f.at += len(headEnd)
			return frame{ping: true}, true
		case bytes.HasPrefix(headEnd, rest):
			return frame{}, false
		case rest[1] == '\n': // a pong, or an empty line before a message (RFC 3261 §7.5)
			f.at += 2
		default:
			return frame{broken: true}, true
		}
	}
	rest := f.buf[f.at:]
	if len(rest) > 0 && !starts(rest[0]) {
		return frame{broken: true}, true
	}
	from := max(f.seen-len(headEnd)+1, 0)
	i := bytes.Index(rest[from:], headEnd)
	if i < 0 {
		if f.seen = len(rest); f.seen <= f.lim.Message {
			return frame{}, false
		}
		// So long a head can still be answered by its beginning.
		m := new(sip.Message)
		_, err := sip.ParseHead(string(rest), m, f.lim)
		return broken(m, err, len(rest)), true
	}
	f.seen = 0
	text := string(rest[:from+i+len(headEnd)])
	m := new(sip.Message)
	body, err := sip.ParseHead(text, m, f.lim)
	if err != nil && (body > f.lim.Body || !lengthKnown(text, body)) {
		return broken(m, err, len(text)), true
	}
	f.at += len(text)
	f.msg, f.err, f.head, f.body = m, err, len(text), body
	return frame{}, false
}

// starts reports whether a start line may begin with c: a letter or a sign of a token.
func starts(c byte) bool {
	return c > ' ' && c < 0x7F && strings.IndexByte("()<>@,;:\\\"/[]?={}", c) < 0
}

func broken(m *sip.Message, err error, size int) frame {
	if err == nil || sip.ParseStatusOf(err) == 0 {
		m, err = nil, nil
	}
	return frame{broken: true, msg: m, err: err, size: size}
}

// lengthKnown looks again at a head in which a fault was found, and reports whether all the same
// nobody could doubt where the message ends: every line is whole, and exactly one of them is a
// Content-Length, a plain number that was read as body.
func lengthKnown(head string, body int) bool {
	lengths := 0
	for i, line := range strings.Split(strings.TrimSuffix(head, "\r\n\r\n"), "\r\n") {
		if strings.ContainsAny(line, "\r\n") {
			return false
		}
		if i == 0 || line[0] == ' ' || line[0] == '\t' {
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		name = strings.TrimRight(name, " \t")
		if !ok || name == "" || strings.ContainsAny(name, " \t") {
			return false
		}
		if sip.KindOf(name) != sip.ContentLength {
			continue
		}
		value = strings.Trim(value, " \t")
		lengths++
		if n, err := strconv.ParseUint(value, 10, 31); err != nil || n != uint64(body) {
			return false
		}
	}
	return lengths == 1
}
