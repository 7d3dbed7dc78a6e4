package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"santral/api/client"
	"santral/observe/trace"
)

// exchange says which running exchange a command asks.
type exchange struct {
	Data  string `default:"data/local" env:"SANTRAL_DATA" help:"Data folder of the exchange on this machine."`
	URL   string `name:"api" env:"SANTRAL_URL" help:"Address of the API of another exchange." placeholder:"URL"`
	Token string `env:"SANTRAL_TOKEN" help:"Token of that API."`
	JSON  bool   `name:"json" help:"Print JSON, a line each."`
}

func (e *exchange) open() (*client.Client, error) {
	if e.URL != "" {
		return &client.Client{URL: e.URL, Token: e.Token}, nil
	}
	return client.Open(e.Data)
}

// show prints rows as JSON lines or as a table.
func show[T any](e *exchange, rows []T, head string, line func(T) string) error {
	if e.JSON {
		out := json.NewEncoder(os.Stdout)
		for _, row := range rows {
			if err := out.Encode(row); err != nil {
				return err
			}
		}
		return nil
	}
	w := tabwriter.NewWriter(os.Stdout, 2, 0, 2, ' ', 0)
	fmt.Fprintln(w, head)
	for _, row := range rows {
		fmt.Fprintln(w, trace.Printable(line(row)))
	}
	return w.Flush()
}

// calls lists live calls.
type calls struct{ exchange }

// Run prints them.
func (c *calls) Run() error {
	x, err := c.open()
	if err != nil {
		return err
	}
	rows, err := x.Calls(context.Background())
	if err != nil {
		return err
	}
	return show(&c.exchange, rows, "CALL\tFROM\tDIALLED\tTO\tSTATE\tSINCE\tRECORDED\tMOS\tNOTICED", func(r client.Call) string {
		return fmt.Sprintf("%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s", r.Call, r.From, r.Dialled, r.To, r.State, time.Since(r.Began).Round(time.Second), r.Recording, mos(r.Legs), lastNotice(r.Legs))
	})
}

// mos tells how each leg sounds: what came from its peer, and behind a slash what the peer says it got.
func mos(legs []client.Leg) string {
	var list []string
	for _, l := range legs {
		for _, s := range l.Streams {
			if s.MOS == 0 {
				continue
			}
			text := fmt.Sprintf("%s %.1f", l.Leg, s.MOS)
			if s.Heard != nil {
				text += fmt.Sprintf("/%.1f", s.Heard.MOS)
			}
			list = append(list, text)
			break
		}
	}
	return strings.Join(list, ", ")
}

// lastNotice is what was noticed last of any leg.
func lastNotice(legs []client.Leg) string {
	var last client.Notice
	text := ""
	for _, l := range legs {
		for _, n := range l.Notices {
			if !n.At.Before(last.At) {
				last, text = n, l.Leg+" "+n.What
			}
		}
	}
	if last.Addr != "" {
		text += " " + last.Addr
	}
	return text
}

// dial has an account rung and connected.
type dial struct {
	From   string `arg:"" help:"The account that is rung first."`
	To     string `arg:"" help:"The number that it is connected with, as its phone would dial it."`
	Tenant string `help:"The account's tenant; the default one when left out."`
	Auto   bool   `help:"Ask its phones to answer by themselves."`
	exchange
}

// Run begins the call and prints its id.
func (d *dial) Run() error {
	x, err := d.open()
	if err != nil {
		return err
	}
	id, err := x.Dial(context.Background(), d.Tenant, d.From, d.To, d.Auto)
	if err != nil {
		return err
	}
	if d.JSON {
		return json.NewEncoder(os.Stdout).Encode(map[string]string{"call": id})
	}
	fmt.Println(id)
	return nil
}

// hangup ends a call.
type hangup struct {
	Call string `arg:"" help:"The call's id, as calls prints it."`
	exchange
}

// Run ends it.
func (h *hangup) Run() error {
	x, err := h.open()
	if err != nil {
		return err
	}
	return x.Hangup(context.Background(), h.Call)
}

// registrations lists bindings.
type registrations struct{ exchange }

// Run prints all of them, page by page.
func (r *registrations) Run() error {
	x, err := r.open()
	if err != nil {
		return err
	}
	var rows []client.Registration
	for cursor := ""; ; {
		page, err := x.Registrations(context.Background(), cursor, 1000)
		if err != nil {
			return err
		}
		rows = append(rows, page.Items...)
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	return show(&r.exchange, rows, "ACCOUNT\tCONTACT\tVIA\tPHONE\tEXPIRES IN", func(b client.Registration) string {
		return fmt.Sprintf("%s\t%s\t%s\t%s\t%s", b.Account, b.Contact, b.Flow, b.UserAgent, time.Until(b.Expires).Round(time.Second))
	})
}

// cdrs lists call records.
type cdrs struct {
	Limit int `default:"50" help:"How many, newest first."`
	exchange
	search
	style
}

// Run prints them, or writes their file.
func (c *cdrs) Run() error {
	x, v, err := c.ask(&c.exchange)
	if err != nil {
		return err
	}
	if c.Output != "" {
		return c.into(v, func(v client.Search, w io.Writer) error { return x.ExportRecords(context.Background(), "", v, w) })
	}
	page, err := x.Records(context.Background(), v, "", min(max(c.Limit, 1), 1000))
	if err != nil {
		return err
	}
	return show(&c.exchange, page.Items, "CALL\tBEGAN\tFROM\tDIALLED\tSTATE\tTALK\tMOS\tENDED BY\tCAUSE\tNOTICED", func(r client.CDR) string {
		return fmt.Sprintf("%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d %s\t%s", r.Call, r.Began.Local().Format(time.DateTime), r.FromNumber, r.Dialled, r.State,
			(time.Duration(r.TalkMS) * time.Millisecond).Round(100*time.Millisecond), mos(r.Legs), r.EndedBy, r.SIP, r.Cause, lastNotice(r.Legs))
	})
}

// traceCall draws a ladder.
type traceCall struct {
	Call string `arg:"" help:"The call's id, as calls and cdrs print it."`
	Full bool   `help:"Print the whole messages below the ladder."`
	Pcap string `help:"Write the messages to a file for Wireshark (pcapng) instead." placeholder:"FILE"`
	exchange
}

// Run draws it.
func (t *traceCall) Run() error {
	x, err := t.open()
	if err != nil {
		return err
	}
	if t.Pcap != "" {
		file, err := x.Capture(context.Background(), t.Call)
		if err != nil {
			return err
		}
		if err := os.WriteFile(t.Pcap, file, 0o600); err != nil {
			return fmt.Errorf("write the capture: %w", err)
		}
		return nil
	}
	var entries []trace.Entry
	if err := x.Trace(context.Background(), t.Call, &entries); err != nil {
		return err
	}
	if t.JSON {
		return show(&t.exchange, entries, "", nil)
	}
	fmt.Print(trace.Ladder(entries))
	if t.Full {
		for _, e := range entries {
			if e.Decision != "" {
				fmt.Printf("\n%s * %s\n", e.At.Format("15:04:05.000"), trace.Printable(e.Decision))
				continue
			}
			arrow := "<-"
			if e.Out {
				arrow = "->"
			}
			fmt.Printf("\n%s %s %s %s\n%s\n", e.At.Format("15:04:05.000"), e.Proto, arrow, e.Remote, trace.Printable(e.Text))
		}
	}
	return nil
}

// bans lists banned sources, or lifts a ban.
type bans struct {
	Lift   string `help:"Let this source be heard again." placeholder:"ADDR:PORT"`
	Allow  string `help:"Never ban this network." placeholder:"CIDR"`
	Forbid string `help:"Let this network be banned again." placeholder:"CIDR"`
	List   bool   `name:"allowed" help:"List the networks that are never banned."`
	exchange
}

// Run prints or lifts.
func (b *bans) Run() error {
	x, err := b.open()
	if err != nil {
		return err
	}
	switch {
	case b.Lift != "":
		return x.Unban(context.Background(), b.Lift)
	case b.Allow != "":
		return x.Allow(context.Background(), b.Allow)
	case b.Forbid != "":
		return x.Forbid(context.Background(), b.Forbid)
	case b.List:
		rows, err := x.Allowed(context.Background())
		if err != nil {
			return err
		}
		return show(&b.exchange, rows, "NETWORK\tFROM", func(r client.Allowed) string {
			if r.Boot {
				return r.Source + "\tboot file"
			}
			return r.Source + "\tAPI"
		})
	}
	rows, err := x.Bans(context.Background())
	if err != nil {
		return err
	}
	return show(&b.exchange, rows, "SOURCE\tUNTIL", func(r client.Ban) string {
		return fmt.Sprintf("%s\t%s", r.Source, r.Until.Local().Format(time.DateTime))
	})
}
