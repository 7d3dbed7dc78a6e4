// Package mail sends mails: reports, letters, alarms. A message is written down before it is accepted, and tried until the mail
// server has taken it or two days have passed.
//
// What lives here: messages in MIME, the queue in a folder, the client's side of SMTP. What does not live here: what is written
// to whom, and when. The queue is owned by the Service; its files are for it alone.
package mail

import (
	"errors"
	"net/mail"
	"time"
)

// Message is a mail. Texts are UTF-8; their lines end with "\n".
type Message struct {
	From        string   // "Name <address>"; "" for the one of [Server]
	To          []string // likewise, 1 to MostRecipients of them
	Subject     string
	Text        string
	HTML        string // the same in HTML; "" for none
	Attachments []Attachment
	Key         string // a message whose key was taken before, within a month, is taken and not sent again; "" for none
}

// Attachment is a file that comes with a message.
type Attachment struct {
	Name string // with its extension; any letters
	Type string // media type; "" for application/octet-stream
	Data []byte
}

// Sender is what rooms that write mails ask for. Send returns when the message is kept, so that it survives a crash: not
// when it has arrived. [ErrOff] without a mail server, [ErrFull] when too many wait.
type Sender interface {
	Send(m Message) (id string, err error)
}

// Bounds of messages and of the queue.
const (
	MostRecipients = 100
	MaxMessage     = 25 << 20  // octets of a message as it is sent
	MostWaiting    = 10_000    // messages
	MaxWaiting     = 512 << 20 // octets of all that wait
)

// Why a message is not taken.
var (
	ErrOff      = errors.New("there is no mail server: write mail: with server and from into the boot file")
	ErrFull     = errors.New("too many mails wait to be sent: see whether the mail server answers")
	ErrTooLarge = errors.New("the mail is larger than 25 MiB: attach less")
)

// Server is the mail server that takes our mails, and how.
type Server struct {
	Address   string // host:port
	From      string // "Name <address>" that mails come from
	User      string // "" without authentication
	Password  string
	TLS       TLS
	Authority []byte // PEM of the authorities that its certificate may be of; nil for the machine's
	Name      string // that we say in EHLO; "" for localhost
}

// String hides the secret.
func (s Server) String() string { return s.Address }

// GoString hides the secret from %#v.
func (s Server) GoString() string { return s.Address }

// TLS is how a connection to the mail server is kept from others.
type TLS uint8

// Ways: STARTTLS demanded (RFC 3207), TLS from the first octet (RFC 8314 §3.3), none at all.
const (
	StartTLS TLS = iota
	ImplicitTLS
	NoTLS
)

// TLSNames are the words of the boot file, by value.
var TLSNames = []string{"starttls", "tls", "none"}

// String gives the word.
func (t TLS) String() string { return TLSNames[t] }

// tries is how long after the first, second … attempt a message is tried again; the last repeats.
var tries = []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour}

// giveUp is how old a message may become (RFC 5321 §4.5.4.1 asks for four days at least of relays; what we write is stale then).
const giveUp = 48 * time.Hour

// ValidAddress reports why a text is not a mail address, nil when it is one.
func ValidAddress(s string) error {
	_, err := mail.ParseAddress(s)
	return err
}
