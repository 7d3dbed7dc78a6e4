package mail

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strings"
	"time"
)

// envelope is who sends to whom in SMTP.
type envelope struct {
	from string
	to   []string
}

// compose makes the octets of a message, and its envelope.
func compose(m Message, from string, now time.Time, id string) (raw []byte, e envelope, err error) {
	if m.From != "" {
		from = m.From
	}
	sender, err := mail.ParseAddress(from)
	if err != nil {
		return nil, e, fmt.Errorf("the sender %q is no mail address: %w", from, err)
	}
	if len(m.To) == 0 || len(m.To) > MostRecipients {
		return nil, e, fmt.Errorf("a mail goes to 1 to %d addresses, not to %d", MostRecipients, len(m.To))
	}
	var to []string
	for _, t := range m.To {
		a, err := mail.ParseAddress(t)
		if err != nil {
			return nil, e, fmt.Errorf("%q is no mail address: %w", t, err)
		}
		to = append(to, a.String())
		e.to = append(e.to, a.Address)
	}
	e.from = sender.Address
	_, domain, _ := strings.Cut(sender.Address, "@")

	var b bytes.Buffer
	head := func(name, value string) { fmt.Fprintf(&b, "%s: %s\r\n", name, value) }
	head("Date", now.UTC().Format("Mon, 02 Jan 2006 15:04:05 -0700"))
	head("From", sender.String())
	head("To", strings.Join(to, ",\r\n "))
	head("Subject", subject(m.Subject))
	head("Message-ID", "<"+id+"@"+domain+">")
	head("Auto-Submitted", "auto-generated") // RFC 3834 §5: nobody's absence is told to us
	head("MIME-Version", "1.0")
	if len(m.Attachments) == 0 {
		err = body(&b, m, func(h textproto.MIMEHeader) (io.Writer, error) { return &b, heads(&b, h) })
		return finished(b.Bytes(), e, err)
	}
	mixed := multipart.NewWriter(&b)
	if err := heads(&b, textproto.MIMEHeader{"Content-Type": {mime.FormatMediaType("multipart/mixed", map[string]string{"boundary": mixed.Boundary()})}}); err != nil {
		return nil, e, err
	}
	if err := body(&b, m, mixed.CreatePart); err != nil {
		return nil, e, err
	}
	for _, a := range m.Attachments {
		if err := attach(mixed, a); err != nil {
			return nil, e, err
		}
	}
	err = mixed.Close()
	return finished(b.Bytes(), e, err)
}

func finished(raw []byte, e envelope, err error) ([]byte, envelope, error) {
	switch {
	case err != nil:
		return nil, e, fmt.Errorf("write the mail: %w", err)
	case len(raw) > MaxMessage:
		return nil, e, ErrTooLarge
	}
	return raw, e, nil
}

func heads(w io.Writer, h textproto.MIMEHeader) error {
	for _, name := range []string{"Content-Type", "Content-Transfer-Encoding", "Content-Disposition"} {
		if v := h.Get(name); v != "" {
			if _, err := fmt.Fprintf(w, "%s: %s\r\n", name, v); err != nil {
				return err
			}
		}
	}
	_, err := io.WriteString(w, "\r\n")
	return err
}

// subject is a header's text in encoded words, a line each (RFC 2047 §2).
func subject(s string) string {
	return strings.ReplaceAll(mime.BEncoding.Encode("utf-8", strings.Join(strings.Fields(s), " ")), "?= =?", "?=\r\n =?")
}

// body writes what is to be read: the text, or the text with its HTML.
func body(b *bytes.Buffer, m Message, part func(textproto.MIMEHeader) (io.Writer, error)) error {
	if m.HTML == "" {
		return text(part, "text/plain", m.Text)
	}
	var inner bytes.Buffer
	both := multipart.NewWriter(&inner)
	if err := text(both.CreatePart, "text/plain", m.Text); err != nil {
		return err
	}
	if err := text(both.CreatePart, "text/html", m.HTML); err != nil {
		return err
	}
	if err := both.Close(); err != nil {
		return err
	}
	w, err := part(textproto.MIMEHeader{"Content-Type": {mime.FormatMediaType("multipart/alternative", map[string]string{"boundary": both.Boundary()})}})
	if err != nil {
		return err
	}
	_, err = w.Write(inner.Bytes())
	return err
}

// text writes a part of text: quoted where it is mostly ASCII, base64 otherwise, which Persian is shorter in.
func text(part func(textproto.MIMEHeader) (io.Writer, error), kind, s string) error {
	s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\n", "\r\n")
	foreign := 0
	for i := range len(s) {
		if s[i] >= 0x80 {
			foreign++
		}
	}
	h := textproto.MIMEHeader{"Content-Type": {kind + "; charset=utf-8"}, "Content-Transfer-Encoding": {"quoted-printable"}}
	if foreign*6 > len(s) {
		h.Set("Content-Transfer-Encoding", "base64")
	}
	w, err := part(h)
	if err != nil {
		return err
	}
	if foreign*6 > len(s) {
		return lines(w, []byte(s))
	}
	q := quotedprintable.NewWriter(w)
	if _, err := io.WriteString(q, s); err != nil {
		return err
	}
	if err := q.Close(); err != nil {
		return err
	}
	_, err = io.WriteString(w, "\r\n")
	return err
}

func attach(to *multipart.Writer, a Attachment) error {
	kind := a.Type
	if kind == "" {
		kind = "application/octet-stream"
	}
	if _, _, err := mime.ParseMediaType(kind); err != nil {
		return fmt.Errorf("the attachment's type %q: %w", kind, err)
	}
	name := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '/' || r == '\\' {
			return '_'
		}
		return r
	}, a.Name)
	w, err := to.CreatePart(textproto.MIMEHeader{
		"Content-Type":              {kind},
		"Content-Transfer-Encoding": {"base64"},
		"Content-Disposition":       {mime.FormatMediaType("attachment", map[string]string{"filename": name})}, // RFC 2231 where it is not ASCII
	})
	if err != nil {
		return err
	}
	return lines(w, a.Data)
}

// lines writes base64 in lines of 76 characters (RFC 2045 §6.8).
func lines(w io.Writer, data []byte) error {
	const line = 57
	out := make([]byte, 0, (len(data)/line+1)*78)
	for len(data) > 0 {
		n := min(line, len(data))
		out = base64.StdEncoding.AppendEncode(out, data[:n])
		out = append(out, '\r', '\n')
		data = data[n:]
	}
	_, err := w.Write(out)
	return err
}

// newID names a message.
func newID(now time.Time) string {
	var b [8]byte
	rand.Read(b[:])
	return fmt.Sprintf("%013x-%s", now.UnixMilli(), hex.EncodeToString(b[:]))
}
