package recording

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"santral/call"
)

// noteEnd is how the files of notes end, behind the name of their recording.
const noteEnd = ".json"

// freshEnd is how a file ends that is not whole yet.
const freshEnd = ".new"

// spool is where a recording's sound is while it goes on.
func (a *Archive) spool(tenant, name string) string {
	return filepath.Join(a.c.Folder, spoolName(tenant, name))
}

// keep writes a note down.
func (a *Archive) keep(n *note) error {
	text, err := json.Marshal(n)
	if err == nil {
		err = writeWhole(a.spool(n.Tenant, n.Name)+noteEnd, text)
	}
	if err != nil {
		return fmt.Errorf("write down recording %s: %w", n.Name, err)
	}
	return nil
}

// writeWhole writes a file, whole or not at all.
func writeWhole(file string, text []byte) error {
	fresh := file + freshEnd
	f, err := os.OpenFile(fresh, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(fresh, file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(fresh))
	}
	d, err := os.Open(filepath.Dir(file))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// forget removes what the spool has of a recording.
func (a *Archive) forget(n *note) {
	file := a.spool(n.Tenant, n.Name)
	for _, f := range []string{file, file + noteEnd} {
		if err := os.Remove(f); err != nil && !errors.Is(err, fs.ErrNotExist) {
			a.fail("clear the spool", &n.Recorded, err)
		}
	}
}

// left gives what an earlier process left in the spool. Sound without a note was begun a moment before a crash; whose
// it is stands in its name.
func (a *Archive) left() ([]note, error) {
	entries, err := os.ReadDir(a.c.Folder)
	if err != nil {
		return nil, fmt.Errorf("open the spool of recordings: %w", err)
	}
	var list []note
	noted := map[string]bool{}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), freshEnd) { // a crash came before it was whole
			if err := os.Remove(filepath.Join(a.c.Folder, e.Name())); err != nil {
				return nil, fmt.Errorf("open the spool of recordings: %w", err)
			}
			continue
		}
		sound, isNote := strings.CutSuffix(e.Name(), noteEnd)
		tenant, name, ok := spooled(sound)
		if !ok || !isNote {
			continue
		}
		var n note
		text, err := os.ReadFile(filepath.Join(a.c.Folder, e.Name()))
		if err == nil {
			err = json.Unmarshal(text, &n)
		}
		if err != nil {
			a.fail("read the note of a recording in the spool", &call.Recorded{Name: name}, err)
			continue // its sound is taken up without
		}
		n.Tenant, n.Name = tenant, name
		noted[sound] = true
		list = append(list, n)
	}
	for _, e := range entries {
		tenant, name, ok := spooled(e.Name())
		if !ok || noted[e.Name()] {
			continue
		}
		began, f, sealed, _ := kindOf(name)
		list = append(list, note{Tenant: tenant, Recorded: call.Recorded{Name: name, Kind: call.TapeCall, Began: began, Media: f.String(), Sealed: sealed}})
	}
	return list, nil
}

func (a *Archive) fail(what string, r *call.Recorded, err error) {
	if a.c.Failed != nil {
		a.c.Failed(what, r, err)
	}
}
