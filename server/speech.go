package server

import (
	"santral/call"
	"santral/media"
	"santral/media/prompt"
	own "santral/service/prompt"
	"santral/tenant"
)

// speech says things to callers: in the language of their account or tenant, with what their tenant has of its own and the
// voices that there are.
type speech struct {
	current func() *tenant.Snapshot
	prompts *own.Service
}

var _ call.Speech = (*speech)(nil)

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
func (s *speech) Say(tenant, language string, what ...media.Phrase) (media.Source, error) {
	return s.prompts.Say(tenant, language, what...)
}
