package feed

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"santral/store"
)

// NATS is a server of JetStream that takes records. The stream that has its subjects is made by whoever runs it.
type NATS struct {
	URL         string // "nats://host:4222", "tls://host:4222"; several with commas between
	Subject     string // before the tenant's id: "santral.records" gives santral.records.TENANT
	User        string
	Password    string
	Token       string
	Credentials string // a file of a user's credentials
	Authority   []byte // PEM of the authorities that its certificate may be of; nil for the machine's
	Stream      string // the stream that must take them; "" for whichever does
}

// String hides the secrets.
func (n NATS) String() string { return n.URL }

// GoString hides the secrets from %#v.
func (n NATS) GoString() string { return n.URL }

// ackWait is how long a server may take to keep a record.
const ackWait = 10 * time.Second

// Publisher gives records to NATS. It connects when it is first asked to, and again when it has lost its connection.
type Publisher struct {
	cfg NATS

	mu   sync.Mutex // a leaf but for connecting, which waits a few seconds at most
	conn *nats.Conn
	js   jetstream.JetStream
}

// NewPublisher gives a publisher for a server.
func NewPublisher(cfg NATS) *Publisher { return &Publisher{cfg: cfg} }

// Message is what stands in each message: the payload of record.made too.
type Message struct {
	Sequence uint64     `json:"sequence"` // grows by one from message to message of this target
	Type     string     `json:"type"`     // "record.made"
	Record   *store.CDR `json:"record"`
}

func (p *Publisher) connect() (jetstream.JetStream, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conn != nil && p.conn.IsConnected() {
		return p.js, nil
	}
	if p.conn != nil {
		p.conn.Close()
		p.conn = nil
	}
	options := []nats.Option{nats.Name("santral"), nats.Timeout(5 * time.Second), nats.NoReconnect()}
	switch c := &p.cfg; {
	case c.Credentials != "":
		options = append(options, nats.UserCredentials(c.Credentials))
	case c.Token != "":
		options = append(options, nats.Token(c.Token))
	case c.User != "":
		options = append(options, nats.UserInfo(c.User, c.Password))
	}
	if p.cfg.Authority != nil {
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(p.cfg.Authority) {
			return nil, errors.New("connect to NATS: its authority's file has no certificate")
		}
		options = append(options, nats.Secure(&tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}))
	}
	conn, err := nats.Connect(p.cfg.URL, options...)
	if err != nil {
		return nil, fmt.Errorf("connect to NATS: %w", err)
	}
	js, err := jetstream.New(conn)
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("connect to NATS: %w", err)
	}
	p.conn, p.js = conn, js
	return js, nil
}

// Close ends the connection.
func (p *Publisher) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conn != nil {
		p.conn.Close()
		p.conn = nil
	}
}

// Send publishes items one after another and returns when the stream has all of them. Each has an id of its own (Nats-Msg-Id), by which the stream
// drops what it was given twice.
func (p *Publisher) Send(ctx context.Context, items []Item) error {
	js, err := p.connect()
	if err != nil {
		return err
	}
	for i := range items {
		c := &items[i].Record
		text, err := json.Marshal(Message{items[i].Sequence, "record.made", c})
		if err != nil {
			return err
		}
		options := []jetstream.PublishOpt{jetstream.WithMsgID("santral/" + c.Call)}
		if p.cfg.Stream != "" {
			options = append(options, jetstream.WithExpectStream(p.cfg.Stream))
		}
		m := nats.NewMsg(p.cfg.Subject + "." + token(c.Tenant))
		m.Data = text
		m.Header.Set("Santral-Sequence", strconv.FormatUint(items[i].Sequence, 10))
		wait, stop := context.WithTimeout(ctx, ackWait)
		_, err = js.PublishMsg(wait, m, options...)
		stop()
		if err != nil {
			return fmt.Errorf("publish record %s: %w", c.Call, err)
		}
	}
	return nil
}

// token is a tenant's id as a part of a subject.
func token(id string) string {
	if id == "" {
		return "none"
	}
	b := []byte(id)
	for i, c := range b {
		if c <= ' ' || c == '.' || c == '*' || c == '>' || c >= 0x7f {
			b[i] = '_'
		}
	}
	return string(b)
}
