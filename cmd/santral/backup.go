package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"filippo.io/age"

	"santral/base/doc"
	"santral/config"
	"santral/server"
)

// backup saves everything that a running exchange must keep.
type backup struct {
	exchange
	Output     string   `short:"o" help:"File that the archive is written to; santral-DATE.tar.gz when left out, - for standard output." placeholder:"FILE"`
	Recordings bool     `help:"Filed recordings too."`
	Recipient  []string `help:"Seal the archive for who has the identity of this recipient of age." placeholder:"age1…"`
}

// Run asks for the archive and writes it down: the file is there when it is whole.
func (c *backup) Run() (err error) {
	x, err := c.open()
	if err != nil {
		return err
	}
	recipients, err := recipients(c.Recipient)
	if err != nil {
		return err
	}
	name := c.Output
	if name == "" {
		name = "santral-" + time.Now().Format("20060102-150405") + ".tar.gz"
		if len(recipients) > 0 {
			name += ".age"
		}
	}
	if name == "-" {
		return c.write(x.Backup, os.Stdout, recipients)
	}
	file, err := os.CreateTemp(filepath.Dir(name), ".santral-backup-*")
	if err != nil {
		return fmt.Errorf("write the archive: %w", err)
	}
	defer os.Remove(file.Name())
	if err := errors.Join(c.write(x.Backup, file, recipients), file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Rename(file.Name(), name); err != nil {
		return fmt.Errorf("write the archive: %w", err)
	}
	fmt.Fprintln(os.Stderr, "saved in", name)
	return nil
}

// write has the archive written to w, sealed where there are recipients.
func (c *backup) write(ask func(context.Context, io.Writer, bool) error, w io.Writer, recipients []age.Recipient) error {
	if len(recipients) == 0 {
		return ask(context.Background(), w, c.Recordings)
	}
	sealed, err := age.Encrypt(w, recipients...)
	if err != nil {
		return fmt.Errorf("seal the archive: %w", err)
	}
	return errors.Join(ask(context.Background(), sealed, c.Recordings), sealed.Close())
}

func recipients(names []string) (list []age.Recipient, err error) {
	for _, name := range names {
		r, err := age.ParseX25519Recipient(name)
		if err != nil {
			return nil, fmt.Errorf("--recipient %s: write a recipient that age-keygen made, age1…: %w", name, err)
		}
		list = append(list, r)
	}
	return list, nil
}

// restore makes the data folder of an exchange that does not run of an archive.
type restore struct {
	Archive  string `arg:"" type:"existingfile" help:"The archive."`
	Config   string `type:"existingfile" help:"Boot file whose data folder and database are filled." placeholder:"FILE" xor:"where" required:""`
	Data     string `help:"Data folder that is filled, with SQLite in it." placeholder:"FOLDER" xor:"where" required:""`
	Database string `help:"With --data: a postgres:// address of an empty database instead." placeholder:"DSN"`
	Identity string `type:"existingfile" help:"File with the identity of age that opens a sealed archive." placeholder:"FILE"`
}

// Run fills the folder and the database, or leaves both as they were.
func (c *restore) Run() error {
	data, dsn := c.Data, c.Database
	if c.Config != "" {
		var problems doc.Problems
		boot := config.Read(c.Config, &problems)
		if err := problems.Err(); err != nil {
			return err
		}
		data, dsn = boot.Data, boot.DB
	}
	file, err := os.Open(c.Archive)
	if err != nil {
		return fmt.Errorf("read the archive: %w", err)
	}
	defer file.Close()
	in, err := c.opened(file)
	if err != nil {
		return err
	}
	head, err := server.Restore(context.Background(), in, data, dsn)
	if err != nil {
		return err
	}
	fmt.Printf("%s is as the exchange was on %s; start it with this folder\n", data, head.Made.Local().Format(time.DateTime))
	if !head.Recordings {
		fmt.Println("filed recordings are not in the archive: put their folder or bucket back beside it")
	}
	return nil
}

// opened is the archive, unsealed where an identity is named.
func (c *restore) opened(file io.Reader) (io.Reader, error) {
	if c.Identity == "" {
		return file, nil
	}
	keys, err := os.Open(c.Identity)
	if err != nil {
		return nil, fmt.Errorf("read the identity: %w", err)
	}
	defer keys.Close()
	identities, err := age.ParseIdentities(keys)
	if err != nil {
		return nil, fmt.Errorf("--identity %s: %w", c.Identity, err)
	}
	in, err := age.Decrypt(file, identities...)
	if err != nil {
		return nil, fmt.Errorf("open the sealed archive: %w", err)
	}
	return in, nil
}
