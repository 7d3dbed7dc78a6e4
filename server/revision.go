package server

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"santral/api"
	"santral/base/seal"
	"santral/service/revision"
	"santral/sip"
	"santral/sip/event"
	"santral/tenant"
)

// Text is a document in whole, with the name of its file.
type Text = revision.Text

// keyFile is where the key that seals the secrets of documents lies, unless the boot file names another.
const keyFile = "secrets.key"

// openBook opens the book of configuration, and takes what is new in the folder of tenants or in the sample that the exchange
// is started with.
func (s *server) openBook(sample []Text) error {
	file := s.boot.Secrets
	if file == "" {
		file = filepath.Join(s.boot.Data, keyFile)
	}
	key, err := seal.Open(file)
	if err != nil {
		return err
	}
	s.key = key
	files, by, err := s.documents(sample)
	if err != nil {
		return err
	}
	ctx := context.Background()
	s.book, err = revision.Open(ctx, revision.Config{
		Store: s.records.db, Keys: revision.NewKeys(key), Current: &s.current, Folder: s.boot.Tenants,
		Leads: s.leads, InUse: s.inUse, Prepare: s.plan.Prepare, Swapped: s.swapped, Log: s.log,
	}, func(string) bool { return len(files) > 0 })
	if err != nil {
		return err
	}
	if err := s.take(ctx, files, by); err != nil {
		return fmt.Errorf("nothing was started:\n%w", err)
	}
	return nil
}

// documents gives what lies in the folder of tenants, or the sample.
func (s *server) documents(sample []Text) (files []Text, by revision.Author, err error) {
	if s.boot.Tenants == "" {
		return sample, revision.Author{Who: "sample", Via: "sample"}, nil
	}
	files, err = ReadTexts(s.boot.Tenants)
	return files, revision.Author{Who: "folder", Via: "folder"}, err
}

// ReadTexts reads every *.yaml of a folder.
func ReadTexts(dir string) (files []Text, err error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil {
		return nil, fmt.Errorf("look into the folder of tenants: %w", err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read the folder of tenants: %w", err)
		}
		files = append(files, revision.Text{File: name, Text: text})
	}
	return files, nil
}

// take has what is new of files become a revision.
func (s *server) take(ctx context.Context, files []Text, by revision.Author) error {
	r, missing, err := s.book.Import(ctx, files, by)
	if err != nil {
		return err
	}
	for _, name := range missing {
		s.log.Warn("a document is not in the folder of tenants any more: what it brought stays until it is removed by the API", "file", name)
	}
	for _, p := range r.Problems {
		s.log.Warn("configuration", "place", fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column), "text", p.Text)
	}
	return nil
}

// followFolder takes what is new in the folder of tenants whenever a reload is asked for.
func (s *server) followFolder(reload <-chan struct{}) {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-ctx.Done():
				return
			case <-reload:
			}
			if s.boot.Tenants == "" {
				continue
			}
			files, by, err := s.documents(nil)
			if err == nil {
				err = s.take(ctx, files, by)
			}
			if err != nil {
				s.log.Error("the folder of tenants is not taken: what was before goes on", "error", err)
			}
		}
	}()
	s.later(func() {
		stop()
		<-done
	})
}

// leads tells which numbers would lead elsewhere.
func (s *server) leads(old, now *tenant.Snapshot, tenantID string) (list []revision.Lead) {
	for _, l := range s.plan.Leads(old, now, tenantID, nil) {
		list = append(list, revision.Lead{Tenant: l.Tenant, Number: l.Number, Was: l.Was, Is: l.Is})
	}
	return list
}

// inUse tells whether an account is registered, or in calls.
func (s *server) inUse(tenantID, account string) bool {
	if s.channels != nil && s.channels.InUse(tenantID, account) > 0 {
		return true
	}
	if s.registry == nil {
		return false
	}
	for _, b := range s.registry.Bindings(tenantID, account) {
		if !b.Event.Ended() {
			return true
		}
	}
	return false
}

// swapped has those follow a new snapshot who keep something of the old one: trunks, phones of accounts that are gone,
// subscriptions, music. It is told of revisions one after another; nothing in it waits for the network.
func (s *server) swapped(old, now *tenant.Snapshot, r revision.Revision) {
	s.log.Info("configuration is changed", "revision", r.Number, "who", r.Author.Who, "via", r.Author.Via, "documents", len(r.Documents))
	for _, d := range r.Documents {
		s.tellTenant(api.RevisionApplied, d.Tenant, api.RevisionEvent{
			Revision: r.Number, Who: r.Author.Who, Via: r.Author.Via, Why: r.Author.Why, Undoes: r.Undoes, Added: d.Added, Edited: d.Edited, Gone: d.Gone,
		})
	}
	if s.trunks == nil { // the exchange is still being built
		return
	}
	s.trunks.Update()
	music := false
	for _, t := range old.Tenants {
		is := now.Tenant(t.ID)
		if is == t {
			continue
		}
		s.forget(t, now)
		s.unwatch(t, now)
		music = music || is != nil && len(is.Music)+len(t.Music) > 0
	}
	for _, t := range now.Tenants {
		music = music || old.Tenant(t.ID) == nil && len(t.Music) > 0
	}
	if music {
		select {
		case s.retuned <- struct{}{}:
		default:
		}
	}
}

// forget ends the registrations of a tenant's accounts, and of the PBXs that register here, that are no more.
func (s *server) forget(t *tenant.Tenant, now *tenant.Snapshot) {
	for i := range t.Accounts {
		if number := t.Accounts[i].Number; now.Account(t.ID, number) == nil {
			s.registry.Forget(t.ID, number)
		}
	}
	for i := range t.Trunks {
		if k := &t.Trunks[i]; k.Mode == tenant.Registered && now.TrunkUser(t.ID, k.User) == nil {
			s.registry.Forget(t.ID, k.User)
		}
	}
}

// unwatch ends the subscriptions of accounts that are no more, and those to what is no more. Who watches a list that has changed
// subscribes again.
func (s *server) unwatch(t *tenant.Tenant, now *tenant.Snapshot) {
	is := now.Tenant(t.ID)
	gone := func(r event.Request) bool {
		return r.Who.Tenant == t.ID && (now.Account(t.ID, r.Who.Account) == nil || now.Account(t.ID, userOf(r.URI)) == nil && (is == nil || is.List(userOf(r.URI)) == nil))
	}
	s.events.notifier.EndSome(gone, event.NoResource)
	s.events.notifier.EndSome(func(r event.Request) bool {
		if r.Who.Tenant != t.ID || gone(r) {
			return false
		}
		was, now := t.List(userOf(r.URI)), is.List(userOf(r.URI))
		return was != nil && now != nil && !slices.Equal(was.Numbers, now.Numbers)
	}, event.Deactivated)
}

func userOf(uri string) string {
	u, err := sip.ParseURI(uri)
	if err != nil {
		return ""
	}
	return u.Username()
}
