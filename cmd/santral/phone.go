package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"santral/observe/trace"
	"santral/phone"
	"santral/sip"
)

// telephone is a phone for the command line. Its exit status says how far it came, its last line on
// standard output is a JSON summary, and what happens is told on standard error.
type telephone struct {
	Server    string        `default:"127.0.0.1:5060" help:"The exchange: host:port, or a host, which is found by its SRV records too."`
	Transport string        `default:"udp" enum:"udp,tcp,tls" help:"udp, tcp or tls."`
	CA        string        `name:"ca" type:"existingfile" help:"Over TLS trust the authorities of this file, such as data/local/ca.pem; the system's when left out." placeholder:"FILE"`
	User      string        `help:"Account, which is the number."`
	Password  string        `env:"SANTRAL_PASSWORD" help:"Its password."`
	Name      string        `help:"Display name."`
	Register  bool          `default:"true" negatable:"" help:"Register first."`
	Call      string        `xor:"do" help:"Call this number or SIP URI." placeholder:"NUMBER"`
	Answer    bool          `xor:"do" help:"Wait for a call and answer it."`
	Within    time.Duration `default:"1m" help:"A call must come, or be answered, within this time; with neither --call nor --answer, stay registered so long."`
	Ring      time.Duration `help:"Let it ring so long before answering."`
	Play      string        `type:"existingfile" help:"Say this sound file: WAV, Ogg with Opus, .g722, .alaw, .ulaw, .sln." placeholder:"FILE"`
	Loop      bool          `help:"Say it over and over."`
	Record    string        `type:"path" help:"Write what is heard into this WAV file." placeholder:"FILE"`
	Digits    string        `help:"Keys to press in the call; a comma is a pause of half a second."`
	DigitsAt  time.Duration `name:"digits-at" help:"When, from the answer."`
	HoldAt    time.Duration `name:"hold-at" help:"Hold the other side so long after the answer."`
	ResumeAt  time.Duration `name:"resume-at" help:"Resume so long after the answer."`
	HangupAt  time.Duration `name:"hangup-after" help:"Hang up so long after the answer; when left out, once the file and the keys are through, or when the other side does."`
}

// Run makes or awaits the call.
func (t *telephone) Run(k *kong.Context) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	o := phone.Options{
		Config:   phone.Config{Server: t.Server, Transport: sip.ParseTransport(t.Transport), User: t.User, Password: t.Password, Name: t.Name},
		Register: t.Register && t.User != "",
		Number:   t.Call, Await: t.Answer, Within: t.Within, Ring: t.Ring,
		Play: t.Play, Loop: t.Loop, Record: t.Record, Digits: t.Digits, DigitsAt: t.DigitsAt,
		HoldAt: t.HoldAt, ResumeAt: t.ResumeAt, HangupAt: t.HangupAt,
		Note: func(text string) { fmt.Fprintln(os.Stderr, trace.Printable(text)) },
	}
	if t.CA != "" {
		text, err := os.ReadFile(t.CA)
		if err != nil {
			return err
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(text) {
			return fmt.Errorf("--ca %s: the file holds no certificate", t.CA)
		}
		o.Config.TLS = &tls.Config{RootCAs: roots}
	}
	if t.Call == "" && !t.Answer {
		o.Stay = t.Within
	}
	summary, err := phone.Run(ctx, o)
	_, _ = os.Stdout.Write(append(summary.JSON(), '\n'))
	if status := summary.Exit(err); status != 0 {
		if err != nil && !errors.Is(err, context.Canceled) {
			fmt.Fprintln(os.Stderr, "santral phone:", err)
		}
		k.Exit(status)
	}
	return nil
}
