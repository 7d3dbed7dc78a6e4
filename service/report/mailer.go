package report

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"santral/base/jalali"
	"santral/store"
)

// Order is a report that is mailed, as a tenant's document says it.
type Order struct {
	Tenant   string
	ID       string
	Name     string
	Kind     string
	Every    string // "day", "week", "month"
	At       time.Duration
	To       []string
	Format   string
	Language string
	Zone     *time.Location
	Filter   store.CDRFilter // department and site, and their parts
	From     string          // sender of the mail; "" for the exchange's
	Jalali   bool
}

// Mail is a report on its way.
type Mail struct {
	From    string
	To      []string
	Subject string
	Text    string
	File    string // name
	Type    string // media type
	Data    []byte
}

// Post keeps a mail so that it survives a crash, or says why not. One whose key it has taken before it takes and does not send again.
type Post func(key string, m Mail) error

// MailerConfig is what the mailer of reports is given.
type MailerConfig struct {
	Orders  func() []Order // as the configuration says now
	Records store.Records
	Sent    store.SentReports
	Post    Post
	Now     func() time.Time         // nil for time.Now
	Log     *slog.Logger             // nil to discard
	Failing func(o Order, err error) // a report could not be made or mailed; nil err: it could again. nil for nobody
}

// Mailer makes and mails reports when they are due. What it has mailed stands in a table, with what it was about to: a report is neither sent
// twice over a restart nor left out because of one. It looks back as far as one period: an exchange that was away longer sends the last.
type Mailer struct{ cfg MailerConfig }

// NewMailer gives a mailer; Run runs it.
func NewMailer(cfg MailerConfig) *Mailer {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Failing == nil {
		cfg.Failing = func(Order, error) {}
	}
	return &Mailer{cfg}
}

// look is how often the mailer looks whether something is due.
const look = 30 * time.Second

// Run mails what is due until ctx ends.
func (m *Mailer) Run(ctx context.Context) {
	t := time.NewTicker(look)
	defer t.Stop()
	for {
		m.Round(ctx)
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		}
	}
}

// Round mails what is due now.
func (m *Mailer) Round(ctx context.Context) {
	now := m.cfg.Now()
	for _, o := range m.cfg.Orders() {
		if ctx.Err() != nil {
			return
		}
		if err := m.order(ctx, &o, now); err != nil && ctx.Err() == nil {
			m.cfg.Log.Error("a report could not be mailed; it is tried again", "tenant", o.Tenant, "report", o.ID, "error", err)
			m.cfg.Failing(o, err)
		}
	}
}

// mostOwed is how many periods are looked back for: an exchange that was away sends what it owes, the oldest first.
const mostOwed = 31

// order mails one report when its time has come and it has not been.
func (m *Mailer) order(ctx context.Context, o *Order, now time.Time) error {
	var owed []span
	at := now.In(o.Zone).Add(-o.At) // before At the period that ended last is not yet due
	for range mostOwed {
		from, until := Before(o.Every, at, o.Jalali)
		due, err := m.cfg.Sent.ReportDue(ctx, o.Tenant, o.ID, until, now)
		if err != nil || due.Waits {
			return err // in order: the younger wait with it
		}
		if !due.Due {
			break
		}
		owed = append(owed, span{from, until})
		at = until.Add(-time.Second)
	}
	for i := len(owed) - 1; i >= 0; i-- {
		if err := m.send(ctx, o, owed[i].from, owed[i].until, now); err != nil {
			return err
		}
	}
	return nil
}

func (m *Mailer) send(ctx context.Context, o *Order, from, until, now time.Time) error {
	mail, err := m.make(ctx, o, from, until)
	if err == nil {
		err = m.cfg.Post("report/"+o.Tenant+"/"+o.ID+"/"+until.UTC().Format(time.RFC3339), mail)
	}
	if err != nil {
		return errors.Join(err, m.cfg.Sent.ReportFailed(ctx, o.Tenant, o.ID, until, now, err.Error()))
	}
	// Should the process end just here, the mail is handed over again after the start, and taken for what it is by its key.
	if err := m.cfg.Sent.ReportSent(ctx, o.Tenant, o.ID, until, now); err != nil {
		return err
	}
	m.cfg.Failing(*o, nil)
	return nil
}

// make makes the mail of a report.
func (m *Mailer) make(ctx context.Context, o *Order, from, until time.Time) (Mail, error) {
	f := o.Filter
	f.Tenant, f.From, f.Until = o.Tenant, from, until
	style := Style{Format: o.Format, Language: o.Language, Zone: o.Zone, Jalali: o.Jalali, Persian: o.Language == "fa"}
	q := Question{Kind: o.Kind, Filter: f, Zone: o.Zone, Jalali: o.Jalali, Language: o.Language}
	if o.Kind == "calls" { // the sums are in the mail, the calls in the file
		table, err := Make(ctx, m.cfg.Records, q)
		if err != nil {
			return Mail{}, err
		}
		var file bytes.Buffer
		if err := WriteCalls(ctx, &limited{w: &file, left: mostMail}, m.cfg.Records, f, false, nil, style); err != nil {
			if !errors.Is(err, errLarge) {
				return Mail{}, err
			}
			file.Reset() // too many calls for a mail: their sums
			if err := table.Write(&file, style); err != nil {
				return Mail{}, err
			}
		}
		return o.mail(table, from, until, &style, file.Bytes()), nil
	}
	table, err := Make(ctx, m.cfg.Records, q)
	if err != nil {
		return Mail{}, err
	}
	var file bytes.Buffer
	if err := table.Write(&limited{w: &file, left: mostMail}, style); err != nil {
		return Mail{}, err
	}
	return o.mail(table, from, until, &style, file.Bytes()), nil
}

func (o *Order) mail(t *Table, from, until time.Time, s *Style, file []byte) Mail {
	name := o.Name
	if name == "" {
		name = t.Title
	}
	q := Question{Zone: o.Zone, Jalali: o.Jalali}
	first, last := q.day(from), q.day(until.Add(-time.Second))
	days := first
	if last != first {
		days = first + " – " + last
	}
	if s.Persian {
		days = jalali.Digits(days)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s\n%s\n\n", name, days)
	if t.Total != nil {
		for i, c := range t.Columns {
			if v := s.text(t.Total[i], c.Format); v != "" && c.Format != Text {
				fmt.Fprintf(&text, "%s: %s\n", c.Name, v)
			}
		}
		text.WriteByte('\n')
	}
	text.WriteString(word(o.Language, "mail.text") + "\n")
	return Mail{
		From: o.From, To: o.To, Subject: word(o.Language, "mail.subject") + ": " + name + ", " + days, Text: text.String(),
		File: FileName(t.Kind, from.In(o.Zone), until.In(o.Zone).Add(-time.Second), o.Format), Type: MediaType(o.Format), Data: file,
	}
}

// mostMail is how many octets a mailed file has at most.
const mostMail = 15 << 20

var errLarge = errors.New("the file is too large for a mail")

// limited refuses more than so many octets.
type limited struct {
	w    *bytes.Buffer
	left int
}

// Write implements io.Writer.
func (l *limited) Write(p []byte) (int, error) {
	if l.left -= len(p); l.left < 0 {
		return 0, errLarge
	}
	return l.w.Write(p)
}
