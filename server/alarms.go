package server

import (
	"fmt"
	"html"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"santral/api"
	"santral/observe/metric"
	"santral/service/alarm"
	"santral/service/mail"
	"santral/store/journal"
	"santral/tenant"
)

// openAlarms opens the book of alarms and the queue of mails, before anything that may have trouble.
func (s *server) openAlarms() error {
	var err error
	if s.alarms, err = alarm.Open(alarm.Config{File: filepath.Join(s.boot.Data, "alarms.json"), Changed: s.alarmChanged, Log: s.log}); err != nil {
		return err
	}
	s.later(s.alarms.Close)
	cfg := mail.Config{
		Folder: filepath.Join(s.boot.Data, "mail"), Log: s.log,
		OnTrouble: func(err error) {
			if err == nil {
				s.alarms.Clear(alarm.MailFails, tenant.OperatorID, s.boot.Mail.Server)
				return
			}
			s.alarms.Raise(alarm.MailFails, tenant.OperatorID, s.boot.Mail.Server, err.Error())
		},
		OnGivenUp: func(id, subject string, err error) {
			s.alarms.Raise(alarm.MailGivenUp, tenant.OperatorID, subject, err.Error())
		},
	}
	if m := s.boot.Mail; m.Server != "" {
		cfg.Server = &mail.Server{Address: m.Server, From: m.From, User: m.User, Password: m.Password, Authority: m.Authority, Name: s.boot.TLS.Name}
		for i, name := range mail.TLSNames {
			if name == m.TLS {
				cfg.Server.TLS = mail.TLS(i)
			}
		}
	}
	if s.mails, err = mail.Open(cfg); err != nil {
		return err
	}
	s.later(s.mails.Close)
	s.postbox.s = s
	s.later(s.postbox.close)
	return nil
}

// alarmChanged tells of an alarm that was raised or is over.
func (s *server) alarmChanged(a alarm.Alarm) {
	kind := api.AlarmRaised
	if !a.Cleared.IsZero() {
		kind = api.AlarmCleared
	}
	s.tellTenant(kind, a.Tenant, api.AlarmEvent{Alarm: a.ID, Name: a.Name, Severity: a.Severity, About: a.About, Text: a.Text, TextFa: a.TextFa, Raised: a.Raised})
	if len(s.boot.Alarms.Mail) > 0 && !strings.HasPrefix(a.Name, "mail-") {
		s.postbox.put(a)
	}
}

// postbox gathers alarms for a moment, so that a bad night is one mail and not a hundred. Its lock is a leaf.
type postbox struct {
	s      *server
	mu     sync.Mutex
	list   []alarm.Alarm
	more   int
	timer  *time.Timer
	closed bool
}

const (
	gatherAlarms = 5 * time.Second
	mostInMail   = 50 // alarms
)

func (p *postbox) put(a alarm.Alarm) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed:
	case len(p.list) >= mostInMail:
		p.more++
	default:
		if p.list = append(p.list, a); p.timer == nil {
			p.timer = time.AfterFunc(gatherAlarms, p.send)
		}
	}
}

// close sends what was gathered.
func (p *postbox) close() {
	p.send()
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
}

func (p *postbox) send() {
	p.mu.Lock()
	list, more := p.list, p.more
	p.list, p.more = nil, 0
	if p.timer != nil {
		p.timer.Stop()
		p.timer = nil
	}
	p.mu.Unlock()
	if len(list) == 0 {
		return
	}
	if _, err := p.s.mails.Send(alarmMail(list, more, p.s.boot.Alarms.Mail)); err != nil {
		p.s.log.Error("alarms are not mailed", "error", err)
	}
}

// alarmMail writes a mail of alarms, in both languages.
func alarmMail(list []alarm.Alarm, more int, to []string) mail.Message {
	up := 0
	var en, fa, rows strings.Builder
	for i := range list {
		a := &list[i]
		word, wordFa, at := "over", "برطرف شد", a.Cleared
		if a.Cleared.IsZero() {
			word, wordFa, at = a.Severity, map[string]string{"info": "آگاهی", "warning": "هشدار", "critical": "بحرانی"}[a.Severity], a.Raised
			up++
		}
		fmt.Fprintf(&en, "[%s] %s %s: %s\n", word, at.UTC().Format("2006-01-02 15:04:05Z"), a.Tenant, a.Text)
		fmt.Fprintf(&fa, "[%s] %s %s: %s\n", wordFa, at.UTC().Format("2006-01-02 15:04:05Z"), a.Tenant, a.TextFa)
		fmt.Fprintf(&rows, "<tr><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td dir=rtl lang=fa>%s</td></tr>", word, at.UTC().Format("2006-01-02 15:04:05Z"), html.EscapeString(a.Tenant), html.EscapeString(a.Text), html.EscapeString(a.TextFa))
	}
	if more > 0 {
		fmt.Fprintf(&en, "and %d more\n", more)
		fmt.Fprintf(&fa, "و %d مورد دیگر\n", more)
	}
	subject := fmt.Sprintf("Santral: %d alarms · %d هشدار", up, up)
	if up == 0 {
		subject = "Santral: alarms are over · هشدارها برطرف شد"
	} else if len(list) == 1 && more == 0 {
		subject = "Santral: " + list[0].Name + " · هشدار سنترال"
	}
	return mail.Message{
		To: to, Subject: subject, Text: en.String() + "\n" + fa.String(),
		HTML: "<!DOCTYPE html><html><body><table border=1 cellpadding=6 style=\"border-collapse:collapse\">" + rows.String() + "</table></body></html>",
	}
}

// diskAlarm is how a journal's disk is doing.
func (s *server) diskAlarm(disk string, a journal.Alarm, err error) {
	kind := alarm.BindingsDisk
	if strings.Contains(disk, "ledger") {
		kind = alarm.LedgerDisk
	}
	if a == journal.Healthy {
		s.alarms.Clear(kind, tenant.OperatorID, "")
		return
	}
	why := a.String()
	if err != nil {
		why += ": " + err.Error()
	}
	s.alarms.Raise(kind, tenant.OperatorID, "", why)
}

// hearRecords begins to hear of records and of their disks.
func (s *server) hearRecords() {
	s.records.heard.Store(s)
	if a := s.records.ledger.Status().Alarm; a != journal.Healthy {
		s.diskAlarm("the ledger's disk", a, nil)
	}
}

// alarmMetrics adds the figures of alarms and mails.
func (s *server) alarmMetrics(r *metric.Registry) {
	r.Gauges("santral_alarms", "Alarms that hold now.", []string{"severity"}, func() (list []metric.Labelled) {
		for severity, n := range s.alarms.Up() {
			list = append(list, metric.Labelled{Values: []string{severity}, Value: float64(n)})
		}
		return list
	})
	r.Gauge("santral_mails_waiting", "Mails that wait for the mail server.", func() float64 { return float64(s.mails.Stats().Waiting) })
	r.Counters("santral_mails_total", "Mails, by what came of them.", []string{"result"}, func() []metric.Labelled {
		n := s.mails.Stats()
		return []metric.Labelled{{Values: []string{"sent"}, Value: float64(n.Sent)}, {Values: []string{"failed attempt"}, Value: float64(n.Failed)}, {Values: []string{"given up"}, Value: float64(n.GivenUp)}}
	})
	r.Gauge("santral_event_listeners", "Listeners to events over SSE and WebSocket.", func() float64 { return float64(s.bus.Stats().Listeners) })
	r.Counter("santral_events_total", "Events that were told.", func() uint64 { return s.bus.Stats().Told })
	r.Counter("santral_event_listeners_dropped_total", "Listeners that were too slow.", func() uint64 { return s.bus.Stats().Dropped })
	r.Counter("santral_events_lost_total", "Happenings that never became events because too much happened at once.", func() uint64 { return s.bus.Stats().Lost })
}
