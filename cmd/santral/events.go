package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"

	"santral/api/client"
	"santral/observe/trace"
)

// events shows what happens.
type events struct {
	Types  []string `arg:"" optional:"" help:"Only these, such as call.ended or call.*."`
	Tenant string   `help:"Only what this tenant is told." placeholder:"ID"`
	After  string   `help:"Begin behind this event." placeholder:"ID"`
	Follow bool     `short:"f" help:"Come back when the connection ends, from where it was."`
	exchange
}

// Run prints them until it is interrupted.
func (e *events) Run() error {
	x, err := e.open()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	out := json.NewEncoder(os.Stdout)
	return x.Listen(ctx, client.Listening{Types: e.Types, Tenant: e.Tenant, After: e.After}, e.Follow, func(v client.Event) error {
		if e.JSON {
			return out.Encode(v)
		}
		_, err := fmt.Println(trace.Printable(fmt.Sprintf("%s  %d  %s  %s  %s", v.Time.Local().Format("15:04:05.000"), v.ID, v.Tenant, v.Type, v.Data)))
		return err
	})
}

// webhooks holds what is done with what webhooks are told.
type webhooks struct {
	Log    hookLog    `cmd:"" help:"List what a webhook was told and what came of it, newest first."`
	Resend hookResend `cmd:"" help:"Send deliveries anew, each with its id."`
	Test   hookTest   `cmd:"" help:"Tell a webhook of an event for a test, and see what comes of it."`
	Resume hookResume `cmd:"" help:"Switch a webhook on again whose target had answered 410."`
}

// ofHook names a webhook.
type ofHook struct {
	Webhook string `arg:"" help:"The webhook."`
	Tenant  string `help:"Its tenant; the operator when left out." placeholder:"ID"`
	exchange
}

// hookLog lists deliveries.
type hookLog struct {
	ofHook
	State string `enum:"waiting,delivered,given up,discarded," default:"" help:"Only those in this state." placeholder:"STATE"`
	Limit int    `default:"50" help:"How many."`
}

// Run prints them.
func (l *hookLog) Run() error {
	x, err := l.open()
	if err != nil {
		return err
	}
	page, err := x.Deliveries(context.Background(), l.Tenant, l.Webhook, l.State, "", l.Limit)
	if err != nil {
		return err
	}
	return show(&l.exchange, page.Items, "DELIVERY\tSEQUENCE\tTYPE\tMADE\tSTATE\tTRIES\tLAST\tID", delivered)
}

func delivered(d client.Delivery) string {
	last := ""
	if n := len(d.Attempts); n > 0 {
		if last = d.Attempts[n-1].Error; last == "" {
			last = fmt.Sprint(d.Attempts[n-1].Status)
		}
	}
	return fmt.Sprintf("%d\t%d\t%s\t%s\t%s\t%d\t%s\t%s", d.Delivery, d.Sequence, d.Type, d.Made.Local().Format(time.DateTime), d.State, d.Tries, last, d.ID)
}

// hookResend sends anew.
type hookResend struct {
	ofHook
	From  uint64 `help:"The first delivery; the oldest that is kept when left out." placeholder:"N"`
	To    uint64 `help:"The last; the newest when left out." placeholder:"N"`
	State string `enum:"waiting,delivered,given up,discarded," default:"" help:"Only those in this state." placeholder:"STATE"`
}

// Run tells how many.
func (r *hookResend) Run() error {
	x, err := r.open()
	if err != nil {
		return err
	}
	n, err := x.Resend(context.Background(), r.Tenant, r.Webhook, r.From, r.To, r.State)
	if err != nil {
		return err
	}
	if r.JSON {
		return json.NewEncoder(os.Stdout).Encode(map[string]int{"resent": n})
	}
	fmt.Println(n, "are sent anew")
	return nil
}

// hookTest tries one.
type hookTest struct{ ofHook }

// Run prints what came of it.
func (t *hookTest) Run() error {
	x, err := t.open()
	if err != nil {
		return err
	}
	d, err := x.TestWebhook(context.Background(), t.Tenant, t.Webhook)
	if err != nil {
		return err
	}
	if t.JSON {
		return json.NewEncoder(os.Stdout).Encode(d)
	}
	for _, a := range d.Attempts {
		fmt.Println(trace.Printable(strings.TrimSpace(fmt.Sprintf("%s after %d ms: %d %s%s", d.State, a.Took, a.Status, a.Error, a.Excerpt))))
	}
	return nil
}

// hookResume switches one on.
type hookResume struct{ ofHook }

// Run says whether it was off.
func (r *hookResume) Run() error {
	x, err := r.open()
	if err != nil {
		return err
	}
	was, err := x.ResumeWebhook(context.Background(), r.Tenant, r.Webhook)
	switch {
	case err != nil:
		return err
	case r.JSON:
		return json.NewEncoder(os.Stdout).Encode(map[string]bool{"was_off": was})
	case was:
		fmt.Println("it is on again")
	default:
		fmt.Println("it was not off")
	}
	return nil
}

// alarms holds what is done with alarms.
type alarms struct {
	List listAlarms `cmd:"" default:"withargs" help:"List what is wrong, newest first."`
	Ack  ackAlarm   `cmd:"" help:"Say that an alarm is known."`
}

// listAlarms lists them.
type listAlarms struct {
	All   bool `help:"Those that are over too."`
	Limit int  `default:"100" help:"How many."`
	exchange
}

// Run prints them.
func (l *listAlarms) Run() error {
	x, err := l.open()
	if err != nil {
		return err
	}
	page, err := x.Alarms(context.Background(), !l.All, "", l.Limit)
	if err != nil {
		return err
	}
	return show(&l.exchange, page.Items, "ALARM\tSEVERITY\tTENANT\tSINCE\tOVER\tKNOWN TO\tWHAT", func(a client.Alarm) string {
		over := ""
		if !a.Cleared.IsZero() {
			over = a.Cleared.Local().Format(time.DateTime)
		}
		return fmt.Sprintf("%s\t%s\t%s\t%s\t%s\t%s\t%s", a.Alarm, a.Severity, a.Tenant, a.Raised.Local().Format(time.DateTime), over, a.By, a.Text)
	})
}

// ackAlarm acknowledges one.
type ackAlarm struct {
	Alarm string `arg:"" help:"The alarm, as alarms prints it."`
	exchange
}

// Run says it.
func (a *ackAlarm) Run() error {
	x, err := a.open()
	if err != nil {
		return err
	}
	return x.Acknowledge(context.Background(), a.Alarm)
}
