package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"santral/api/client"
)

// prompts holds what is done with announcements.
type prompts struct {
	List     listPrompts    `cmd:"" default:"withargs" help:"List what is said to a tenant's callers, and by whose voice; or with an id the versions of one."`
	Get      getPrompt      `cmd:"" help:"Save what is heard, or a version of it: a WAV file."`
	Put      putPrompt      `cmd:"" help:"Have a file be heard from the next sentence on, or a text that is put into speech."`
	Rollback rollbackPrompt `cmd:"" help:"Go back to a version, or with 0 to the exchange's own voice."`
	Delete   deletePrompt   `cmd:"" help:"Delete a version that is not heard, or all."`
}

// ofPrompt names a prompt.
type ofPrompt struct {
	Tenant   string `required:"" help:"The tenant." placeholder:"ID"`
	Language string `enum:"en,fa" default:"en" help:"en or fa."`
	Prompt   string `arg:"" help:"Its id, as santral prompts lists it; or a name of the tenant's own: own.welcome."`
}

func (p *ofPrompt) name() client.PromptName {
	return client.PromptName{Tenant: p.Tenant, Language: p.Language, ID: p.Prompt}
}

// listPrompts lists them.
type listPrompts struct {
	Tenant   string `required:"" help:"The tenant." placeholder:"ID"`
	Language string `help:"In this language: en or fa."`
	Own      bool   `help:"What the tenant has of its own."`
	Missing  bool   `help:"What the tenant has of its own in another language, and not in this."`
	Prompt   string `arg:"" optional:"" help:"The versions of this one."`
	exchange
}

// Run prints them.
func (l *listPrompts) Run() error {
	x, err := l.open()
	if err != nil {
		return err
	}
	if l.Prompt != "" {
		if l.Language == "" {
			l.Language = "en"
		}
		list, err := x.PromptVersions(context.Background(), client.PromptName{Tenant: l.Tenant, Language: l.Language, ID: l.Prompt})
		if err != nil {
			return err
		}
		return show(&l.exchange, list, "VERSION\tHEARD\tMADE\tBY\tORIGIN\tLONG\tLUFS\tTEXT", func(v client.PromptVersion) string {
			heard := ""
			if v.Current {
				heard = "now"
			}
			return fmt.Sprintf("%d\t%s\t%s\t%s\t%s\t%s\t%.1f\t%s", v.Version, heard, v.Made.Local().Format(time.DateTime), v.By, v.Origin, millis(v.Long), v.Loudness, v.Text)
		})
	}
	list, err := x.Prompts(context.Background(), l.Tenant, l.Language, l.Own, l.Missing)
	if err != nil {
		return err
	}
	return show(&l.exchange, list, "NUMBER\tID\tLANGUAGE\tHEARD\tVERSION\tTEXT", func(p client.Prompt) string {
		version := ""
		if p.Version != nil {
			version = fmt.Sprint(p.Version.Version)
		}
		if p.Missing {
			version = "missing"
		}
		return fmt.Sprintf("%d\t%s\t%s\t%s\t%s\t%s", p.Number, p.ID, p.Language, p.Heard, version, p.Text)
	})
}

func millis(ms int64) time.Duration { return time.Duration(ms) * time.Millisecond }

// getPrompt saves one.
type getPrompt struct {
	ofPrompt
	Out     string `short:"o" help:"The file that it is saved as; its id when left out." placeholder:"FILE"`
	Version int    `help:"A version, instead of what is heard."`
	exchange
}

// Run saves it.
func (g *getPrompt) Run() error {
	x, err := g.open()
	if err != nil {
		return err
	}
	wav, err := x.PromptSound(context.Background(), g.name(), g.Version)
	if err != nil {
		return err
	}
	if g.Out == "" {
		g.Out = g.Prompt + ".wav"
		if _, err := os.Stat(g.Out); err == nil {
			return fmt.Errorf("%s is there already: name another file with -o", g.Out)
		}
	}
	if err := os.WriteFile(g.Out, wav, 0o644); err != nil {
		return fmt.Errorf("save the prompt: %w", err)
	}
	fmt.Fprintf(os.Stderr, "%s: %d octets\n", g.Out, len(wav))
	return nil
}

// putPrompt gives one.
type putPrompt struct {
	ofPrompt
	File string `arg:"" optional:"" help:"A file with its sound."`
	Text string `help:"A text that is put into speech, instead of a file."`
	exchange
}

// mostUpload is the largest file that is read, in octets: the exchange takes less.
const mostUpload = 64 << 20

// Run gives it, and prints what it became.
func (p *putPrompt) Run() error {
	if (p.File == "") == (p.Text == "") {
		return errors.New("name a file, or a text with --text")
	}
	x, err := p.open()
	if err != nil {
		return err
	}
	var v client.PromptVersion
	if p.Text != "" {
		v, err = x.SpeakPrompt(context.Background(), p.name(), p.Text)
	} else {
		var data []byte
		if data, err = readAll(p.File); err != nil {
			return err
		}
		v, err = x.PutPrompt(context.Background(), p.name(), p.File, data)
	}
	if err != nil {
		return err
	}
	fmt.Printf("version %d of %s is heard now: %v at %.1f LUFS\n", v.Version, p.Prompt, millis(v.Long), v.Loudness)
	return nil
}

func readAll(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("read the sound: %w", err)
	}
	data, err := io.ReadAll(io.LimitReader(f, mostUpload))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("read the sound: %w", err)
	}
	return data, nil
}

// rollbackPrompt goes back.
type rollbackPrompt struct {
	ofPrompt
	Version int `arg:"" help:"The version; 0 for the exchange's own voice."`
	exchange
}

// Run goes back.
func (r *rollbackPrompt) Run() error {
	x, err := r.open()
	if err != nil {
		return err
	}
	return x.HearPrompt(context.Background(), r.name(), r.Version)
}

// deletePrompt deletes one.
type deletePrompt struct {
	ofPrompt
	Version int `help:"A version that is not heard; all when left out."`
	exchange
}

// Run deletes it.
func (d *deletePrompt) Run() error {
	x, err := d.open()
	if err != nil {
		return err
	}
	return x.DeletePrompt(context.Background(), d.name(), d.Version)
}
