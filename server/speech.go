package server

import (
	"santral/call"
	"santral/media"
	"santral/media/prompt"
	"santral/tenant"
)

// speech says things to callers: in the language of their account or tenant, with the voices that there are.
type speech struct {
	current func() *tenant.Snapshot
	set     *prompt.Set
}

var _ call.Speech = (*speech)(nil)

// speech opens the voices.
func (s *server) speech() (*speech, error) {
	set, err := prompt.Load(prompt.Options{
		Folder: s.boot.Voices.Folder, Asterisk: s.boot.Voices.Asterisk,
		Fault: func(file string, err error) {
			s.log.Warn("a file of a voice can't be read, ours is heard in its place", "file", file, "error", err)
		},
	})
	if err != nil {
		return nil, err
	}
	return &speech{s.current.Load, set}, nil
}

// Language is that of an account, or of the tenant for who has none.
func (s *speech) Language(who call.Party) string {
	snapshot := s.current()
	if a := snapshot.Account(who.Tenant, who.Account); a != nil && who.Account != "" {
		return prompt.Language(a.Language)
	}
	if t := snapshot.Tenant(who.Tenant); t != nil {
		return prompt.Language(t.Language)
	}
	return prompt.Language("")
}

// Say gives the sound of phrases.
func (s *speech) Say(_, language string, what ...media.Phrase) (media.Source, error) {
	return s.set.Say(prompt.Language(language), prompt.Overlay{}, what...)
}
