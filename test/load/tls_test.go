//go:build linux

package load

import (
	"bufio"
	"strings"
	"testing"
)

// Messages are cut out of a stream by their Content-Length, however long a line is, and keep-alives
// between them are passed over.
func TestMessagesOfALine(t *testing.T) {
	one := "SIP/2.0 200 OK\r\nVia: " + strings.Repeat("v", 100) + "\r\nContent-Length: 5\r\n\r\nv=0\r\n"
	two := "OPTIONS sip:x SIP/2.0\r\nContent-Length: 0\r\n\r\n"
	in := bufio.NewReaderSize(strings.NewReader(one+"\r\n\r\n"+two+one[:30]), 128)
	for _, want := range []string{one, two} {
		if got, err := readMessage(in); err != nil || string(got) != want {
			t.Errorf("%q %v, want %q", got, err, want)
		}
	}
	if got, err := readMessage(in); err == nil {
		t.Errorf("half a message: %q", got)
	}
}
