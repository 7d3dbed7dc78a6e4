package tts

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"santral/media/player"
)

// Form is how a server is asked.
type Form uint8

// Forms.
const (
	UnknownForm Form = iota
	OpenAI           // POST of a JSON document with model, input, voice and response_format
	Plain            // POST of the text, with language and voice in the query
)

// String gives the word that documents use.
func (f Form) String() string { return [...]string{"unknown", "openai", "plain"}[f] }

// Server is where an engine is that is asked by HTTP. Nothing of it comes from who speaks but the text.
type Server struct {
	URL    string
	Form   Form
	Model  string            // of OpenAI's form
	Voices map[string]string // the server's voices by our languages; another language is refused
	Key    string            // bearer token, "" for none; it goes to the URL's own target alone
	Allow  Allow
}

// HTTP is an engine that is a server.
type HTTP struct {
	s      Server
	at     *url.URL
	client *http.Client
}

var _ Engine = (*HTTP)(nil)

// redirects is the most of them that are followed.
const redirects = 3

// NewHTTP makes one. The error says what is wrong with the server's address.
func NewHTTP(s Server) (*HTTP, error) {
	at, err := url.Parse(s.URL)
	if err != nil || at.User != nil || at.Fragment != "" {
		return nil, errors.New("the address of the server of speech must be such as https://speech.example.com/v1/audio/speech")
	}
	if err := s.Allow.target(at); err != nil {
		return nil, err
	}
	h := &HTTP{s: s, at: at}
	h.client = &http.Client{Transport: s.Allow.transport(), CheckRedirect: h.onward}
	return h, nil
}

// Close ends its connections.
func (h *HTTP) Close() { h.client.CloseIdleConnections() }

// onward decides on a redirect: it leads to a target that is allowed, and takes the key nowhere else.
func (h *HTTP) onward(req *http.Request, via []*http.Request) error {
	if len(via) >= redirects {
		return errors.New("the server of speech sends us on and on")
	}
	if err := h.s.Allow.target(req.URL); err != nil {
		return err
	}
	if Origin(req.URL) != Origin(h.at) {
		req.Header.Del("Authorization")
	}
	return nil
}

// Voice names server, model and voice.
func (h *HTTP) Voice(language string) string {
	voice, ok := h.s.Voices[language]
	if !ok {
		return ""
	}
	return strings.Join([]string{h.s.URL, h.s.Form.String(), h.s.Model, voice}, "\x00")
}

// Speak asks the server.
func (h *HTTP) Speak(ctx context.Context, language, text string) (*player.Sound, error) {
	voice, ok := h.s.Voices[language]
	if !ok {
		return nil, ErrLanguage
	}
	if err := checked(text); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, MaxTime)
	defer cancel()
	req, err := h.request(ctx, language, voice, text)
	if err != nil {
		return nil, fmt.Errorf("ask the server of speech: %w", err)
	}
	res, err := h.client.Do(req)
	if err != nil {
		var wrapped *url.Error // whose text has the whole address
		if errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		return nil, fmt.Errorf("the server of speech can't be asked: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the server of speech answers %d", res.StatusCode)
	}
	data, err := io.ReadAll(io.LimitReader(res.Body, MaxSound+1))
	if err != nil {
		return nil, fmt.Errorf("the server of speech breaks off: %w", err)
	}
	if len(data) > MaxSound {
		return nil, fmt.Errorf("the server of speech said more than %d MiB", MaxSound>>20)
	}
	return decoded("the server of speech", data)
}

func (h *HTTP) request(ctx context.Context, language, voice, text string) (*http.Request, error) {
	at, kind, content := *h.at, "text/plain; charset=utf-8", []byte(text)
	if h.s.Form == OpenAI {
		document, err := json.Marshal(map[string]string{"model": h.s.Model, "input": text, "voice": voice, "response_format": "wav"})
		if err != nil {
			return nil, err
		}
		kind, content = "application/json", document
	} else {
		q := at.Query()
		q.Set("language", language)
		if voice != "" {
			q.Set("voice", voice)
		}
		at.RawQuery = q.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, at.String(), bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", kind)
	req.Header.Set("Accept", "audio/wav")
	if h.s.Key != "" {
		req.Header.Set("Authorization", "Bearer "+h.s.Key)
	}
	return req, nil
}
