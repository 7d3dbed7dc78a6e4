package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"net/textproto"
	"slices"
	"strings"
	"time"
)

// Deadlines of a conversation (RFC 5321 §4.5.3.2 is more patient; what waits here is tried again).
const (
	dialTime = 30 * time.Second
	talkTime = 5 * time.Minute
)

// session is a conversation with the mail server.
type session struct {
	*smtp.Client
	conn net.Conn
}

// connect opens a conversation as the server is configured.
func (s *Service) connect(ctx context.Context) (*session, error) {
	host, _, err := net.SplitHostPort(s.server.Address)
	if err != nil {
		return nil, fmt.Errorf("the mail server's address: %w", err)
	}
	settings := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if s.server.Authority != nil {
		settings.RootCAs = x509.NewCertPool()
		if !settings.RootCAs.AppendCertsFromPEM(s.server.Authority) {
			return nil, errors.New("the file of the mail server's authority holds no certificate in PEM")
		}
	}
	ctx, stop := context.WithTimeout(ctx, dialTime)
	defer stop()
	conn, err := s.dial(ctx, "tcp", s.server.Address)
	if err != nil {
		return nil, fmt.Errorf("reach the mail server: %w", err)
	}
	_ = conn.SetDeadline(time.Now().Add(talkTime))
	if s.server.TLS == ImplicitTLS {
		conn = tls.Client(conn, settings)
	}
	c, err := smtp.NewClient(conn, host)
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("greet the mail server: %w", err)
	}
	if err := s.open(c, settings); err != nil {
		c.Close()
		return nil, err
	}
	return &session{c, conn}, nil
}

// open says who we are, over TLS where that is asked, with credentials where there are some.
func (s *Service) open(c *smtp.Client, settings *tls.Config) error {
	name := s.server.Name
	if name == "" {
		name = "localhost"
	}
	if err := c.Hello(name); err != nil {
		return fmt.Errorf("greet the mail server: %w", err)
	}
	if s.server.TLS == StartTLS {
		if ok, _ := c.Extension("STARTTLS"); !ok {
			return errors.New("the mail server offers no STARTTLS: write tls: tls or tls: none under mail: if that is meant")
		}
		if err := c.StartTLS(settings); err != nil {
			return fmt.Errorf("begin TLS with the mail server: %w", err)
		}
	}
	if s.server.User == "" {
		return nil
	}
	_, secure := c.TLSConnectionState()
	ok, offered := c.Extension("AUTH")
	if !ok {
		return errors.New("the mail server takes no user: leave user and password out under mail:, or use TLS")
	}
	ways := strings.Fields(strings.ToUpper(offered))
	host, _, _ := net.SplitHostPort(s.server.Address)
	var way smtp.Auth
	switch {
	case slices.Contains(ways, "PLAIN"):
		way = smtp.PlainAuth("", s.server.User, s.server.Password, host) // refuses an open wire by itself
	case slices.Contains(ways, "LOGIN"):
		if !secure && !isLocal(host) {
			return errors.New("the password is not sent to the mail server without TLS")
		}
		way = &login{s.server.User, s.server.Password}
	default:
		return fmt.Errorf("the mail server wants one of %s, and we know PLAIN and LOGIN", offered)
	}
	if err := c.Auth(way); err != nil {
		return fmt.Errorf("prove ourselves to the mail server: %w", err)
	}
	return nil
}

func isLocal(host string) bool { return host == "localhost" || host == "127.0.0.1" || host == "::1" }

// login is the old way of AUTH LOGIN, which some servers know alone.
type login struct{ user, password string }

// Start implements smtp.Auth.
func (l *login) Start(*smtp.ServerInfo) (string, []byte, error) { return "LOGIN", nil, nil }

// Next implements smtp.Auth.
func (l *login) Next(asked []byte, more bool) ([]byte, error) {
	if !more {
		return nil, nil
	}
	switch strings.ToLower(strings.TrimSuffix(string(asked), ":")) {
	case "username", "user name":
		return []byte(l.user), nil
	case "password":
		return []byte(l.password), nil
	}
	return nil, errors.New("the mail server asks for something else than user name and password")
}

// hand gives a message to the server. left are the recipients that it may be tried for again, gone says why others can't have it.
// An err is of the whole: nobody got it.
func (c *session) hand(e envelope, raw []byte) (left []string, gone []error, err error) {
	_ = c.conn.SetDeadline(time.Now().Add(talkTime))
	if err := c.Mail(e.from); err != nil {
		return nil, nil, err
	}
	taken := 0
	for _, to := range e.to {
		switch err := c.Rcpt(to); {
		case err == nil:
			taken++
		case permanent(err):
			gone = append(gone, fmt.Errorf("%s: %w", to, err))
		default:
			var told *textproto.Error
			if !errors.As(err, &told) {
				return nil, nil, err // the connection is gone
			}
			left = append(left, to)
		}
	}
	if taken == 0 {
		return left, gone, c.Reset()
	}
	w, err := c.Data()
	if err != nil {
		return nil, nil, err
	}
	if _, err := w.Write(raw); err != nil {
		return nil, nil, err
	}
	return left, gone, w.Close()
}

// permanent reports that a refusal will be the same tomorrow (RFC 5321 §4.2.1).
func permanent(err error) bool {
	var told *textproto.Error
	return errors.As(err, &told) && told.Code >= 500 && told.Code < 600
}

// answered reports that it was the server that said no, and not the connection that broke.
func answered(err error) bool {
	var told *textproto.Error
	return errors.As(err, &told)
}
