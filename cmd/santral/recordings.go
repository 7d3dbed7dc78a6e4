package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"santral/api/client"
)

// recordings holds what is done with recordings.
type recordings struct {
	List   listRecordings  `cmd:"" default:"withargs" help:"List recordings, newest first."`
	Get    getRecording    `cmd:"" help:"Save what a recording holds: a WAV or Ogg file."`
	Call   recordCall      `cmd:"" help:"Record a call that goes on, or leave out what is said in it."`
	Verify verifyRecording `cmd:"" help:"Have a recording's file read and compared with what the ledger knows."`
	Delete deleteRecording `cmd:"" help:"Delete what a recording holds; its row stays, marked."`
}

// listRecordings lists them.
type listRecordings struct {
	Call    string    `help:"Of this call." placeholder:"ID"`
	Account string    `help:"Of this account." placeholder:"NUMBER"`
	Tenant  string    `help:"Of this tenant." placeholder:"ID"`
	From    time.Time `help:"Begun then or later." format:"2006-01-02" placeholder:"DATE"`
	Until   time.Time `help:"Begun before." format:"2006-01-02" placeholder:"DATE"`
	Deleted bool      `help:"Deleted ones too."`
	Limit   int       `default:"50" help:"The most rows."`
	exchange
}

// Run prints them.
func (l *listRecordings) Run() error {
	x, err := l.open()
	if err != nil {
		return err
	}
	rows, err := x.Recordings(context.Background(), client.RecordingFilter{Tenant: l.Tenant, Account: l.Account, Call: l.Call, From: l.From, Until: l.Until, Deleted: l.Deleted}, l.Limit)
	if err != nil {
		return err
	}
	return show(&l.exchange, rows, "NAME\tBEGAN\tLONG\tKIND\tACCOUNT\tHEARD\tSIZE\tSTATE\tCALL", func(r client.Recording) string {
		return fmt.Sprintf("%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s", r.Name, r.Began.Local().Format(time.DateTime), time.Duration(r.Long)*time.Millisecond/time.Second*time.Second,
			r.Kind, r.Account, heard(r.Segments), megabytes(r.Octets), tapeState(&r), r.Call)
	})
}

// heard names who is heard in a recording, each once.
func heard(segments []client.Segment) string {
	var list []string
	for _, s := range segments {
		for _, who := range []string{s.Left, s.Right} {
			if who != "" && !strings.Contains(" "+strings.Join(list, " ")+" ", " "+who+" ") {
				list = append(list, who)
			}
		}
	}
	return strings.Join(list, " ")
}

func megabytes(octets int64) string { return fmt.Sprintf("%.1f MB", float64(octets)/1e6) }

// tapeState says what is not as usual with a recording.
func tapeState(r *client.Recording) string {
	if !r.Deleted.IsZero() {
		return "deleted"
	}
	var list []string
	if r.Sealed {
		list = append(list, "sealed")
	}
	if r.Torn {
		list = append(list, "torn")
	}
	if r.Lost > 0 {
		list = append(list, fmt.Sprintf("%v lost", time.Duration(r.Lost)*time.Millisecond))
	}
	return strings.Join(list, ", ")
}

// getRecording saves one.
type getRecording struct {
	Name   string `arg:"" help:"The recording."`
	Out    string `short:"o" help:"The file that it is saved as; its own name when left out." placeholder:"FILE"`
	Sealed bool   `help:"As it lies, if it lies sealed."`
	exchange
}

// Run saves it.
func (g *getRecording) Run() error {
	x, err := g.open()
	if err != nil {
		return err
	}
	if g.Out == "" {
		if g.Out = g.Name; !g.Sealed {
			g.Out = strings.TrimSuffix(g.Out, ".sealed")
		}
		if strings.ContainsAny(g.Out, "/\\") {
			return fmt.Errorf("%q is no recording's name; santral recordings lists them", g.Name)
		}
		if _, err := os.Stat(g.Out); err == nil {
			return fmt.Errorf("%s is there already: name another file with -o", g.Out)
		}
	}
	n, err := x.SaveRecording(context.Background(), g.Name, g.Sealed, g.Out)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%s: %d octets\n", g.Out, n)
	return nil
}

// verifyRecording verifies one.
type verifyRecording struct {
	Name string `arg:"" help:"The recording."`
	exchange
}

// errHarmed is how a verification ends that found something else.
var errHarmed = errors.New("the recording is not what was filed")

// Run prints the verdict, and fails when it is a bad one.
func (v *verifyRecording) Run() error {
	x, err := v.open()
	if err != nil {
		return err
	}
	found, err := x.VerifyRecording(context.Background(), v.Name)
	if err != nil {
		return err
	}
	if err := show(&v.exchange, []client.Verified{found}, "WHOLE\tOCTETS\tSHA-256", func(r client.Verified) string {
		return fmt.Sprintf("%t\t%d\t%s", r.Whole, r.Octets, r.SHA256)
	}); err != nil {
		return err
	}
	if !found.Whole {
		return errHarmed
	}
	return nil
}

// deleteRecording deletes one.
type deleteRecording struct {
	Name string `arg:"" help:"The recording."`
	exchange
}

// Run deletes it.
func (d *deleteRecording) Run() error {
	x, err := d.open()
	if err != nil {
		return err
	}
	return x.DeleteRecording(context.Background(), d.Name)
}

// recordCall says what becomes of a live call's recording.
type recordCall struct {
	Call   string `arg:"" help:"The call, as santral calls lists it."`
	Action string `arg:"" enum:"start,stop,pause,resume,mask,unmask" help:"start, stop, pause, resume, mask or unmask."`
	exchange
}

// Run asks for it.
func (r *recordCall) Run() error {
	x, err := r.open()
	if err != nil {
		return err
	}
	return x.Record(context.Background(), r.Call, r.Action)
}
