package phone

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// Message is a SIP message as it came off the wire, read by hand: these tests must not believe the
// parser that they judge.
type Message struct {
	Text string
	At   time.Time // when it came
}

// Line is the first line.
func (m Message) Line() string {
	line, _, _ := strings.Cut(m.Text, "\r\n")
	return line
}

// Status is a response's code, 0 for a request or nothing.
func (m Message) Status() (code int) {
	fmt.Sscanf(m.Line(), "SIP/2.0 %d", &code)
	return code
}

// Method is a request's method, "" for a response.
func (m Message) Method() string {
	if m.Status() != 0 {
		return ""
	}
	method, _, _ := strings.Cut(m.Line(), " ")
	return method
}

// Target is a request's Request-URI.
func (m Message) Target() string {
	f := strings.Fields(m.Line())
	if len(f) < 3 {
		return ""
	}
	return f[1]
}

// All gives the values of a header field, one for each line.
func (m Message) All(name string) (values []string) {
	head, _, _ := strings.Cut(m.Text, "\r\n\r\n")
	for line := range strings.SplitSeq(head, "\r\n") {
		if n, v, ok := strings.Cut(line, ":"); ok && strings.EqualFold(strings.TrimSpace(n), name) {
			values = append(values, strings.TrimSpace(v))
		}
	}
	return values
}

// Get gives a header field's first value, "" for none.
func (m Message) Get(name string) string {
	if all := m.All(name); len(all) > 0 {
		return all[0]
	}
	return ""
}

// Names lists the header fields in their order.
func (m Message) Names() (names []string) {
	head, _, _ := strings.Cut(m.Text, "\r\n\r\n")
	for line := range strings.SplitSeq(head, "\r\n") {
		if n, _, ok := strings.Cut(line, ":"); ok && !strings.Contains(n, " ") {
			names = append(names, n)
		}
	}
	return names
}

// Body is what follows the header.
func (m Message) Body() string {
	_, body, _ := strings.Cut(m.Text, "\r\n\r\n")
	return body
}

// CSeq gives the number and method of a message's transaction.
func (m Message) CSeq() (number int, method string) {
	fmt.Sscan(m.Get("CSeq"), &number, &method)
	return number, method
}

// Tag gives the tag of From or To, "" for none.
func (m Message) Tag(name string) string {
	_, tag, _ := strings.Cut(m.Get(name), ";tag=")
	tag, _, _ = strings.Cut(tag, ";")
	return tag
}

// Contact gives the URI of the first Contact.
func (m Message) Contact() string {
	_, uri, _ := strings.Cut(m.Get("Contact"), "<")
	uri, _, _ = strings.Cut(uri, ">")
	return uri
}

// Draft is a message that is being written; nothing is checked, so that it may be as wrong as a test
// wants it. Content-Length is added when it is not there.
type Draft struct {
	Line string // the first line, without its end
	Head [][2]string
	Body string
}

// Set puts a value in place of all that a header field has.
func (d *Draft) Set(name, value string) *Draft {
	for i := range d.Head {
		if strings.EqualFold(d.Head[i][0], name) {
			d.Head[i][1] = value
			for j := len(d.Head) - 1; j > i; j-- {
				if strings.EqualFold(d.Head[j][0], name) {
					d.Head = append(d.Head[:j], d.Head[j+1:]...)
				}
			}
			return d
		}
	}
	return d.Add(name, value)
}

// Add puts a value behind the others.
func (d *Draft) Add(name, value string) *Draft {
	d.Head = append(d.Head, [2]string{name, value})
	return d
}

// Del takes a header field away.
func (d *Draft) Del(name string) *Draft {
	var kept [][2]string
	for _, h := range d.Head {
		if !strings.EqualFold(h[0], name) {
			kept = append(kept, h)
		}
	}
	d.Head = kept
	return d
}

// Get gives a header field's first value.
func (d *Draft) Get(name string) string {
	for _, h := range d.Head {
		if strings.EqualFold(h[0], name) {
			return h[1]
		}
	}
	return ""
}

// SDP gives the draft a session description.
func (d *Draft) SDP(text string) *Draft {
	d.Body = text
	if text == "" {
		return d.Del("Content-Type")
	}
	return d.Set("Content-Type", "application/sdp")
}

// Branch gives the draft a new branch: a transaction of its own.
func (d *Draft) Branch() *Draft {
	via := d.Get("Via")
	at, rest, _ := strings.Cut(via, ";branch=")
	if _, after, ok := strings.Cut(rest, ";"); ok {
		rest = ";" + after
	} else {
		rest = ""
	}
	return d.Set("Via", at+";branch="+NewBranch()+rest)
}

// Copy gives a draft that can be changed without this one.
func (d *Draft) Copy() *Draft {
	c := *d
	c.Head = append([][2]string(nil), d.Head...)
	return &c
}

// String is the message as it goes onto the wire.
func (d *Draft) String() string {
	var b strings.Builder
	b.WriteString(d.Line + "\r\n")
	for _, h := range d.Head {
		b.WriteString(h[0] + ": " + h[1] + "\r\n")
	}
	if d.Get("Content-Length") == "" {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(d.Body))
	}
	return b.String() + "\r\n" + d.Body
}

// NewBranch makes a branch that RFC 3261 §8.1.1.7 would accept.
func NewBranch() string { return fmt.Sprintf("z9hG4bK%x", rand.Uint64()) }

// Answer writes a response to a request: its Vias, From, To with the tag, Call-ID and CSeq.
func (m Message) Answer(status int, reason, tag string) *Draft {
	d := &Draft{Line: fmt.Sprintf("SIP/2.0 %d %s", status, reason)}
	for _, v := range m.All("Via") {
		d.Add("Via", v)
	}
	to := m.Get("To")
	if tag != "" && !strings.Contains(to, ";tag=") {
		to += ";tag=" + tag
	}
	return d.Add("From", m.Get("From")).Add("To", to).Add("Call-ID", m.Get("Call-ID")).Add("CSeq", m.Get("CSeq"))
}
