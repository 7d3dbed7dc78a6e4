package mail

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sink is a mail server for one test: what it answers, and what it got.
type sink struct {
	mu     sync.Mutex
	away   bool
	rcpt   func(to string) string // "" takes it
	data   string                 // answer to what was sent; "" for 250
	calls  int
	mails  []string
	talked []string
}

func (s *sink) dial(context.Context, string, string) (net.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if s.away {
		return nil, errors.New("connection refused")
	}
	ours, theirs := net.Pipe()
	go s.serve(theirs)
	return ours, nil
}

func (s *sink) serve(c net.Conn) {
	defer c.Close()
	r := bufio.NewReader(c)
	fmt.Fprint(c, "220 sink\r\n")
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		s.mu.Lock()
		s.talked = append(s.talked, strings.TrimSpace(line))
		rcpt, data := s.rcpt, s.data
		s.mu.Unlock()
		answer := "250 ok"
		switch word, rest, _ := strings.Cut(strings.TrimSpace(line), " "); strings.ToUpper(word) {
		case "EHLO":
			answer = "250-sink\r\n250-AUTH LOGIN\r\n250 8BITMIME"
		case "AUTH":
			fmt.Fprintf(c, "334 %s\r\n", base64.StdEncoding.EncodeToString([]byte("Username:")))
			user, _ := r.ReadString('\n')
			fmt.Fprintf(c, "334 %s\r\n", base64.StdEncoding.EncodeToString([]byte("Password:")))
			word, _ := r.ReadString('\n')
			answer = "535 no"
			if strings.TrimSpace(user) == base64.StdEncoding.EncodeToString([]byte("me")) && strings.TrimSpace(word) == base64.StdEncoding.EncodeToString([]byte("secret")) {
				answer = "235 welcome"
			}
		case "RCPT":
			if rcpt != nil {
				if no := rcpt(strings.Trim(strings.TrimPrefix(rest, "TO:"), "<>")); no != "" {
					answer = no
				}
			}
		case "DATA":
			fmt.Fprint(c, "354 go on\r\n")
			var b strings.Builder
			for {
				line, err := r.ReadString('\n')
				if err != nil {
					return
				}
				if line == ".\r\n" {
					break
				}
				b.WriteString(strings.TrimPrefix(line, "."))
			}
			if data != "" {
				answer = data
				break
			}
			s.mu.Lock()
			s.mails = append(s.mails, b.String())
			s.mu.Unlock()
		case "QUIT":
			fmt.Fprint(c, "221 bye\r\n")
			return
		}
		fmt.Fprint(c, answer+"\r\n")
	}
}

func (s *sink) got() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.mails...)
}

func (s *sink) set(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

func open(t *testing.T, k *sink, folder string, more func(*Config)) *Service {
	t.Helper()
	cfg := Config{Server: &Server{Address: "localhost:25", From: "سنترال <santral@example.com>", TLS: NoTLS}, Folder: folder, Dial: k.dial}
	if more != nil {
		more(&cfg)
	}
	s, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var persian = Message{
	To: []string{"علی <ali@example.com>", "bob@example.com"}, Subject: "گزارش تماس‌های دیروز که از دست رفته‌اند و هنوز کسی به آن‌ها زنگ نزده است",
	Text: "سلام\nسه تماس.\n.\n", HTML: "<p dir=rtl>سلام</p>",
	Attachments: []Attachment{{Name: "گزارش.csv", Type: "text/csv", Data: []byte(strings.Repeat("a,b\r\n", 100))}},
}

// TestAMailIsReadAsItWasMeant reads what was sent with the standard library's reader.
func TestAMailIsReadAsItWasMeant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &sink{}
		s := open(t, k, t.TempDir(), func(c *Config) { c.Server.User, c.Server.Password = "me", "secret" })
		defer s.Close()
		if _, err := s.Send(persian); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		got := k.got()
		if len(got) != 1 {
			t.Fatalf("%d mails came; the talk was %q", len(got), k.talked)
		}
		for i, line := range strings.Split(strings.TrimSuffix(got[0], "\r\n"), "\r\n") {
			if len(line) > 998 {
				t.Errorf("line %d has %d octets", i, len(line))
			}
		}
		m, err := mail.ReadMessage(strings.NewReader(got[0]))
		if err != nil {
			t.Fatal(err)
		}
		words := new(mime.WordDecoder)
		if subject, err := words.DecodeHeader(m.Header.Get("Subject")); err != nil || subject != persian.Subject {
			t.Errorf("the subject is %q, %v", subject, err)
		}
		to, err := m.Header.AddressList("To")
		if err != nil || len(to) != 2 || to[0].Name != "علی" || to[0].Address != "ali@example.com" {
			t.Errorf("it goes to %v, %v", to, err)
		}
		kind, params, _ := mime.ParseMediaType(m.Header.Get("Content-Type"))
		if kind != "multipart/mixed" {
			t.Fatalf("it is %s", kind)
		}
		parts := multipart.NewReader(m.Body, params["boundary"])
		both, err := parts.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		kind, params, _ = mime.ParseMediaType(both.Header.Get("Content-Type"))
		inner := multipart.NewReader(both, params["boundary"])
		for _, want := range []string{strings.ReplaceAll(persian.Text, "\n", "\r\n"), persian.HTML} {
			p, err := inner.NextPart()
			if err != nil {
				t.Fatal(err, kind)
			}
			var r io.Reader = p
			if p.Header.Get("Content-Transfer-Encoding") == "base64" {
				r = base64.NewDecoder(base64.StdEncoding, p)
			}
			if text, err := io.ReadAll(r); err != nil || strings.TrimRight(string(text), "\r\n") != strings.TrimRight(want, "\r\n") {
				t.Errorf("a part is %q, %v", text, err)
			}
		}
		file, err := parts.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		if file.FileName() != "گزارش.csv" {
			t.Errorf("the file's name is %q", file.FileName())
		}
		if data, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, file)); err != nil || string(data) != string(persian.Attachments[0].Data) {
			t.Errorf("the file has %d octets, %v", len(data), err)
		}
	})
}

// TestAMailWaitsForItsServer: the server is away, then answers; what was accepted before a restart comes after it, once.
func TestAMailWaitsForItsServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, folder := &sink{away: true}, t.TempDir()
		var told []error
		s := open(t, k, folder, func(c *Config) { c.OnTrouble = func(err error) { told = append(told, err) } })
		for range 3 {
			if _, err := s.Send(persian); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if len(told) != 1 || told[0] == nil {
			t.Errorf("the trouble was told as %v", told)
		}
		if n := s.Stats().Waiting; n != 3 {
			t.Errorf("%d wait", n)
		}
		s.Close()

		k.set(func() { k.away = false })
		s = open(t, k, folder, nil)
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := len(k.got()); n != 3 {
			t.Errorf("%d came", n)
		}
		s.Close()
		if left, _ := os.ReadDir(folder); len(left) != 0 {
			t.Errorf("%d files are left", len(left))
		}
	})
}

// TestEachRecipientIsTriedForItself: one is refused for ever, one for now.
func TestEachRecipientIsTriedForItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &sink{}
		later := true
		k.rcpt = func(to string) string {
			switch {
			case to == "nobody@example.com":
				return "550 no such user"
			case to == "busy@example.com" && later:
				later = false
				return "450 greylisted"
			}
			return ""
		}
		var gone []string
		s := open(t, k, t.TempDir(), func(c *Config) { c.OnGivenUp = func(_, _ string, err error) { gone = append(gone, err.Error()) } })
		defer s.Close()
		if _, err := s.Send(Message{To: []string{"a@example.com", "nobody@example.com", "busy@example.com"}, Subject: "x", Text: "y"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := len(k.got()); n != 2 { // a, then busy
			t.Errorf("%d came", n)
		}
		if len(gone) != 1 || !strings.Contains(gone[0], "nobody@example.com") {
			t.Errorf("given up: %q", gone)
		}
		if n := s.Stats().Waiting; n != 0 {
			t.Errorf("%d wait", n)
		}
	})
}

// TestAMailIsGivenUp after two days of refusals for now, at once when it is refused for ever.
func TestAMailIsGivenUp(t *testing.T) {
	for _, c := range []struct {
		answer string
		after  time.Duration
	}{{"554 spam", time.Second}, {"451 later", 51 * time.Hour}} {
		synctest.Test(t, func(t *testing.T) {
			k := &sink{data: c.answer}
			var gone int
			s := open(t, k, t.TempDir(), func(cfg *Config) { cfg.OnGivenUp = func(string, string, error) { gone++ } })
			defer s.Close()
			if _, err := s.Send(persian); err != nil {
				t.Fatal(err)
			}
			time.Sleep(c.after - 500*time.Millisecond)
			synctest.Wait()
			if c.after > time.Minute && k.calls < 24 {
				t.Errorf("it was tried %d times", k.calls)
			}
			time.Sleep(time.Second)
			synctest.Wait()
			if gone != 1 || s.Stats().Waiting != 0 {
				t.Errorf("%s: given up %d times, %d wait, %d attempts", c.answer, gone, s.Stats().Waiting, k.calls)
			}
		})
	}
}

// TestWhatIsNoMail is refused before it is kept, and nothing gets into the header that does not belong there.
func TestWhatIsNoMail(t *testing.T) {
	folder := t.TempDir()
	s, err := Open(Config{Server: &Server{Address: "localhost:25", From: "a@example.com", TLS: NoTLS}, Folder: folder, Dial: (&sink{away: true}).dial})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for name, m := range map[string]Message{
		"nobody":       {Subject: "x"},
		"no address":   {To: []string{"here"}},
		"two lines":    {To: []string{"a@example.com\r\nBcc: b@example.com"}},
		"bad sender":   {From: "x", To: []string{"a@example.com"}},
		"too many":     {To: make([]string, MostRecipients+1)},
		"too large":    {To: []string{"a@example.com"}, Attachments: []Attachment{{Name: "x", Data: make([]byte, MaxMessage)}}},
		"type of file": {To: []string{"a@example.com"}, Attachments: []Attachment{{Name: "x", Type: "a\r\nb"}}},
	} {
		if _, err := s.Send(m); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(folder, "*")); len(left) != 0 {
		t.Errorf("kept: %q", left)
	}
	raw, _, err := compose(Message{To: []string{"a@example.com"}, Subject: "x\r\nBcc: b@example.com", Text: "y"}, "c@example.com", time.Now(), "id")
	if err != nil || strings.Contains(string(raw), "\r\nBcc") {
		t.Errorf("%v: %q", err, raw)
	}
	off, err := Open(Config{Folder: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer off.Close()
	if _, err := off.Send(persian); !errors.Is(err, ErrOff) {
		t.Errorf("without a server: %v", err)
	}
}
