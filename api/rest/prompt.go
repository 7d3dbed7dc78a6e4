package rest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"santral/service/prompt"
	"santral/store"
	"santral/tenant"
)

// Prompts is what the API shows and changes of announcements.
type Prompts interface {
	List(ctx context.Context, tenant, language string) ([]prompt.Item, error)
	Versions(ctx context.Context, key store.PromptKey) ([]store.PromptVersion, error)
	Sound(ctx context.Context, key store.PromptKey, version int) (wav []byte, err error)
	Put(ctx context.Context, key store.PromptKey, name string, file io.Reader, by string) (store.PromptVersion, error)
	Speak(ctx context.Context, key store.PromptKey, text, by string) (store.PromptVersion, error)
	Preview(ctx context.Context, tenant, language, text string) (wav []byte, err error)
	Hear(ctx context.Context, key store.PromptKey, version int) error
	Delete(ctx context.Context, key store.PromptKey, version int) error
}

// PromptPath names a prompt of a tenant in a language. It is exported because huma reads only exported fields, of an
// embedded struct too.
type PromptPath struct {
	Tenant   string `path:"tenant" maxLength:"40"`
	Language string `path:"language" enum:"en,fa"`
	Prompt   string `path:"prompt" maxLength:"60" doc:"an id of the list, or a name of the tenant's own: own.welcome"`
}

func (p *PromptPath) key() store.PromptKey {
	return store.PromptKey{Tenant: p.Tenant, Language: p.Language, ID: p.Prompt}
}

// SpeechText is what is to be put into speech.
type SpeechText struct {
	Text string `json:"text" minLength:"1" maxLength:"2000"`
}

// SpokenText is a text with its language.
type SpokenText struct {
	SpeechText
	Language string `json:"language" enum:"en,fa"`
}

// HeardVersion says which version is heard.
type HeardVersion struct {
	Version int `json:"version" minimum:"0" doc:"0 for the exchange's own voice"`
}

// wavAnswer is a WAV file.
type wavAnswer struct {
	ContentType string `header:"Content-Type"`
	Body        []byte
}

func wav(data []byte) *wavAnswer { return &wavAnswer{"audio/wav", data} }

// Times of what takes long: to read a file that comes slowly, to convert it, to have it spoken.
const (
	promptRead  = 2 * time.Minute
	promptWrite = 5 * time.Minute
)

// isPrompt tells of requests whose bodies may be as large as a prompt.
func isPrompt(r *http.Request) bool {
	return r.Method == http.MethodPut && len(r.URL.Path) > len(promptsPath) && r.URL.Path[:len(promptsPath)] == promptsPath
}

const promptsPath = "/api/v1/prompts/"

// patient has an answer be awaited for as long as a prompt takes to be made.
func patient(ctx huma.Context, next func(huma.Context)) {
	_, w := humago.Unwrap(ctx)
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(promptWrite)) // where it can't be set there is none
	next(ctx)
}

func (c Config) prompts(api huma.API) {
	const path = promptsPath + "{tenant}/{language}/{prompt}"
	sound := map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{"audio/wav": {Schema: &huma.Schema{Type: "string", Format: "binary"}}}}}
	upload := op("put-prompt-sound", http.MethodPut, path+"/sound",
		"Have a file be heard from the next sentence on: WAV, Ogg with Opus, and what ffmpeg reads where it is installed", writes("prompts", tenant.RoleManager))
	upload.MaxBodyBytes = prompt.MaxUpload + maxBody
	upload.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		"application/octet-stream": {Schema: &huma.Schema{Type: "string", Format: "binary"}}, "audio/*": {Schema: &huma.Schema{Type: "string", Format: "binary"}},
	}}
	slow := func(o huma.Operation) huma.Operation {
		o.BodyReadTimeout, o.Middlewares = promptRead, huma.Middlewares{patient}
		return o
	}
	huma.Register(api, op("list-prompts", http.MethodGet, promptsPath+"{tenant}", "What is said to callers of a tenant, by whose voice, and what is missing in a language", reads("prompts", tenant.RoleReporter)),
		func(ctx context.Context, in *struct {
			Tenant   string `path:"tenant" maxLength:"40"`
			Language string `query:"language" doc:"every language when left out"`
			Own      bool   `query:"own" doc:"only what the tenant has of its own, or in another language"`
			Missing  bool   `query:"missing" doc:"only what the tenant has of its own in another language and not in this"`
		}) (*body[Page[prompt.Item]], error) {
			if !c.sees(ctx, in.Tenant, "") {
				return nil, c.unsaid(store.ErrNotFound)
			}
			list, err := c.Prompts.List(ctx, in.Tenant, in.Language)
			if err != nil {
				return nil, c.unsaid(err)
			}
			page := Page[prompt.Item]{Items: []prompt.Item{}}
			for _, i := range list {
				if (!in.Missing || i.Missing) && (!in.Own || i.Missing || i.Version != nil) {
					page.Items = append(page.Items, i)
				}
			}
			return &body[Page[prompt.Item]]{page}, nil
		})
	huma.Register(api, op("list-prompt-versions", http.MethodGet, path+"/versions", "What a tenant has had for a prompt, newest first", reads("prompts", tenant.RoleReporter)),
		func(ctx context.Context, in *PromptPath) (*body[Page[store.PromptVersion]], error) {
			if !c.sees(ctx, in.Tenant, "") {
				return nil, c.unsaid(store.ErrNotFound)
			}
			list, err := c.Prompts.Versions(ctx, in.key())
			if err != nil {
				return nil, c.unsaid(err)
			}
			if list == nil {
				list = []store.PromptVersion{}
			}
			return &body[Page[store.PromptVersion]]{Page[store.PromptVersion]{Items: list}}, nil
		})
	huma.Register(api, answering(op("get-prompt-sound", http.MethodGet, path+"/sound", "What is heard now, or a version of it: a WAV file", reads("prompts", tenant.RoleReporter)), sound),
		func(ctx context.Context, in *struct {
			PromptPath
			Version int `query:"version" minimum:"0" doc:"0 for what is heard now, whosever voice that is"`
		}) (*wavAnswer, error) {
			if !c.sees(ctx, in.Tenant, "") {
				return nil, c.unsaid(store.ErrNotFound)
			}
			data, err := c.Prompts.Sound(ctx, in.key(), in.Version)
			if err != nil {
				return nil, c.unsaid(err)
			}
			return wav(data), nil
		})
	huma.Register(api, slow(upload), func(ctx context.Context, in *struct {
		PromptPath
		Caller
		File    string `query:"file" maxLength:"200" doc:"the file's name, whose ending says what it is where the file itself does not: x.g722, x.alaw"`
		RawBody []byte `contentType:"application/octet-stream"`
	}) (*body[store.PromptVersion], error) {
		if !c.changes(ctx, in.Tenant, "") {
			return nil, c.unsaid(store.ErrNotFound)
		}
		v, err := c.Prompts.Put(ctx, in.key(), in.File, bytes.NewReader(in.RawBody), "api from "+in.remote)
		return c.madePrompt(in.key(), v, in.remote, err)
	})
	huma.Register(api, slow(op("speak-prompt", http.MethodPost, path+"/speech", "Have a text be put into speech, and be heard from the next sentence on", writes("prompts", tenant.RoleManager))),
		func(ctx context.Context, in *struct {
			PromptPath
			Caller
			Body SpeechText
		}) (*body[store.PromptVersion], error) {
			if !c.changes(ctx, in.Tenant, "") {
				return nil, c.unsaid(store.ErrNotFound)
			}
			v, err := c.Prompts.Speak(ctx, in.key(), in.Body.Text, "api from "+in.remote)
			return c.madePrompt(in.key(), v, in.remote, err)
		})
	huma.Register(api, slow(answering(op("preview-speech", http.MethodPost, promptsPath+"{tenant}/speech", "Put a text into speech, and hear it: a WAV file", writes("prompts", tenant.RoleManager)), sound)),
		func(ctx context.Context, in *struct {
			Tenant string `path:"tenant" maxLength:"40"`
			Body   SpokenText
		}) (*wavAnswer, error) {
			if !c.changes(ctx, in.Tenant, "") {
				return nil, c.unsaid(store.ErrNotFound)
			}
			data, err := c.Prompts.Preview(ctx, in.Tenant, in.Body.Language, in.Body.Text)
			if err != nil {
				return nil, c.unsaid(err)
			}
			return wav(data), nil
		})
	huma.Register(api, empty(op("put-prompt-version", http.MethodPut, path+"/version", "Roll back to a version, or to the exchange's own voice", writes("prompts", tenant.RoleManager))),
		func(ctx context.Context, in *struct {
			PromptPath
			Caller
			Body HeardVersion
		}) (*struct{}, error) {
			if !c.changes(ctx, in.Tenant, "") {
				return nil, c.unsaid(store.ErrNotFound)
			}
			if err := c.Prompts.Hear(ctx, in.key(), in.Body.Version); err != nil {
				return nil, c.unsaid(err)
			}
			c.audit("another version of a prompt is heard: "+strconv.Itoa(in.Body.Version), "prompt", in.Tenant+"/"+in.Language+"/"+in.Prompt, in.remote)
			return nil, nil
		})
	huma.Register(api, empty(op("delete-prompt", http.MethodDelete, path, "Delete a version that is not heard, or all; the exchange's own voice is heard then", writes("prompts", tenant.RoleManager))),
		func(ctx context.Context, in *struct {
			PromptPath
			Caller
			Version int `query:"version" minimum:"0" doc:"0 for all"`
		}) (*struct{}, error) {
			if !c.changes(ctx, in.Tenant, "") {
				return nil, c.unsaid(store.ErrNotFound)
			}
			if err := c.Prompts.Delete(ctx, in.key(), in.Version); err != nil {
				return nil, c.unsaid(err)
			}
			c.audit("a prompt was deleted, version "+strconv.Itoa(in.Version), "prompt", in.Tenant+"/"+in.Language+"/"+in.Prompt, in.remote)
			return nil, nil
		})
}

// madePrompt answers with a new version.
func (c Config) madePrompt(key store.PromptKey, v store.PromptVersion, from string, err error) (*body[store.PromptVersion], error) {
	if err != nil {
		return nil, c.unsaid(err)
	}
	c.audit("a prompt has a new version: "+strconv.Itoa(v.Version), "prompt", key.Tenant+"/"+key.Language+"/"+key.ID, from)
	return &body[store.PromptVersion]{v}, nil
}

// unsaid puts into HTTP what is wrong with a prompt.
func (c Config) unsaid(err error) error {
	var bad *prompt.Bad
	switch {
	case errors.Is(err, store.ErrNotFound):
		return huma.Error404NotFound("there is no such prompt or version; the list has the catalogue, and names of a tenant's own begin with own. and go on in a–z, 0–9 and -")
	case errors.Is(err, store.ErrPrompts):
		return huma.Error409Conflict("the tenant has as many prompts of its own as it may have: delete some")
	case errors.Is(err, store.ErrHeard):
		return huma.Error409Conflict("this version is heard now: roll back to another one, or delete the prompt with all of them")
	case errors.Is(err, prompt.ErrNoEngine):
		return huma.Error409Conflict(err.Error())
	case errors.As(err, &bad):
		return huma.Error422UnprocessableEntity(bad.Text)
	}
	return c.failed("the prompt can't be read or kept", err)
}
