package transport

import (
	"slices"
	"strings"
	"testing"

	"santral/sip"
)

// frames cuts a stream in pieces of the given sizes.
func frames(data []byte, sizes []byte) (out []frame, held int) {
	f := framer{lim: &sip.DefaultLimits}
	for i := 0; len(data) > 0; i++ {
		n := len(data)
		if len(sizes) > 0 {
			n = min(n, int(sizes[i%len(sizes)])+1)
		}
		n = copy(f.room(), data[:n])
		f.filled(n)
		data = data[n:]
		held = max(held, cap(f.buf))
		for {
			fr, ok := f.next()
			if !ok {
				break
			}
			out = append(out, fr)
			if fr.broken {
				return out, held
			}
		}
	}
	return out, held
}

// Whatever comes, and in whatever pieces, gives the same messages, and the framer never holds much
// more than one message.
func FuzzFramer(f *testing.F) {
	for _, s := range []string{
		request(viaTCP, "c1") + request(viaTCP, "c2"),
		"\r\n\r\n" + withBody("c1", "v=0\r\n\r\n") + "\r\n" + request(viaTCP, "c2"),
		strings.Replace(request(viaTCP, "c1"), "Content-Length: 0\r\n", "", 1) + request(viaTCP, "c2"),
		strings.Replace(request(viaTCP, "c1"), "Content-Length: 0", "l: 0\r\nl: 7", 1),
		strings.Replace(request(viaTCP, "c1"), "Content-Length: 0", "Content-Length:\r\n 0", 1),
		"GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01", "\r\n\r\r\n",
	} {
		f.Add([]byte(s), []byte{0})
		f.Add([]byte(s), []byte{3, 200, 17})
	}
	f.Fuzz(func(t *testing.T, data, sizes []byte) {
		whole, held := frames(data, nil)
		pieces, held2 := frames(data, sizes)
		if lim := 2 * (sip.DefaultLimits.Message + sip.DefaultLimits.Body + bufferFirst); held > lim || held2 > lim {
			t.Fatal("held", held, held2)
		}
		same := slices.EqualFunc(whole, pieces, func(a, b frame) bool {
			if a.ping != b.ping || a.broken != b.broken || (a.msg == nil) != (b.msg == nil) {
				return false
			}
			if a.broken && a.size > sip.DefaultLimits.Message {
				return true // a head without end is cut where the reader gave up
			}
			return a.size == b.size && (a.msg == nil || a.msg.String() == b.msg.String()) && sip.ParseStatusOf(a.err) == sip.ParseStatusOf(b.err)
		})
		if !same {
			t.Fatalf("whole %+v\npieces %+v", whole, pieces)
		}
	})
}
