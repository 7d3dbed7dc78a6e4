package server

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"santral/api/rest"
	"santral/base/id"
	"santral/config"
	"santral/media/player"
	"santral/store"
	"santral/tenant"
)

// The API of prompts, with the service and the database behind it: who has the token does all of it, each tenant apart; what
// leads elsewhere, or is no sound, is refused with a sentence and leaves nothing behind.
func TestPromptsByTheAPI(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	data := t.TempDir()
	s := &server{log: log, random: id.Random(), boot: &config.Boot{Data: data}}
	s.current.Store(tenant.NewSnapshot(1, []*tenant.Tenant{{ID: "one"}, {ID: "two"}}))
	var err error
	if s.records, err = openRecords(data, "", s.before.living, log); err != nil {
		t.Fatal(err)
	}
	defer s.close()
	s.later(s.records.close)
	if err := s.openPrompts(); err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(rest.Handler(rest.Config{Token: "token", Prompts: s.prompts, Metrics: http.NotFoundHandler(), Log: log}))
	defer web.Close()
	ask := func(method, path, token string, body io.Reader) (int, string) {
		t.Helper()
		req, err := http.NewRequest(method, web.URL+path, body)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		if method == http.MethodPost || strings.HasSuffix(path, "/version") {
			req.Header.Set("Content-Type", "application/json")
		}
		res, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(method, path, err)
		}
		defer res.Body.Close()
		text, _ := io.ReadAll(res.Body)
		return res.StatusCode, string(text)
	}
	x := make([]int16, 16000)
	for i := range x {
		x[i] = int16(6000 - 12000*(i/20%2))
	}
	sound := string(player.New(x, 16000).WAV())
	const hello = "/api/v1/prompts/one/en/general.hello"
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"PUT", hello + "/sound", sound, 200, `"version":1`},
		{"PUT", hello + "/sound?file=x.wav", sound, 200, `"version":2`},
		{"GET", hello + "/versions", "", 200, `"origin":"upload"`},
		{"GET", "/api/v1/prompts/two/en/general.hello/versions", "", 200, `"items":[]`},
		{"GET", "/api/v1/prompts/two/en/general.hello/sound?version=1", "", 404, "no such prompt"},
		{"PUT", "/api/v1/prompts/two/en/general.hello/version", `{"version":1}`, 404, "no such prompt"},
		{"DELETE", "/api/v1/prompts/two/en/general.hello", "", 404, "no such prompt"},
		{"GET", "/api/v1/prompts/three", "", 404, "no such prompt"},
		{"PUT", "/api/v1/prompts/three/en/general.hello/sound", sound, 404, "no such prompt"},
		{"GET", "/api/v1/prompts/one?language=de", "", 404, "no such prompt"},
		{"GET", "/api/v1/prompts/one?language=fa&missing=true", "", 200, `"missing":true`},
		{"PUT", "/api/v1/prompts/one/en/own.%2e%2e%2f%2e%2e%2fetc/sound", sound, 404, "no such prompt"},
		{"PUT", "/api/v1/prompts/..%2f..%2fone/en/own.x/sound", sound, 404, "no such prompt"},
		{"PUT", "/api/v1/prompts/one/..%2fen/own.x/sound", sound, 422, ""},
		{"GET", "/api/v1/prompts/one/en/%2fetc%2fpasswd/sound", "", 404, "no such prompt"},
		{"GET", "/api/v1/prompts/one/en/own.x%00/sound", "", 404, "no such prompt"},
		{"PUT", hello + "/sound?file=..%2f..%2fx.mp3", "no sound at all", 422, "can't be taken"},
		{"PUT", hello + "/sound", "", 400, ""},
		{"PUT", hello + "/sound?file=x.alaw", strings.Repeat("a", 21<<20), 413, ""},
		{"PUT", hello + "/sound", "RIFF\xff\xff\xff\xffWAVEfmt \xff\xff\xff\xff", 422, "can't be taken"},
		{"DELETE", hello + "?version=2", "", 409, "heard now"},
		{"PUT", hello + "/version", `{"version":7}`, 404, "no such prompt"},
		{"PUT", hello + "/version", `{"version":1}`, 204, ""},
		{"DELETE", hello + "?version=2", "", 204, ""},
		{"GET", hello + "/sound", "", 200, "RIFF"},
		{"POST", hello + "/speech", `{"text":"hello"}`, 409, "no engine of speech"},
		{"POST", "/api/v1/prompts/one/speech", `{"text":"hello","language":"en"}`, 409, "no engine of speech"},
		{"POST", "/api/v1/prompts/one/speech", `{"text":"","language":"en"}`, 422, ""},
		{"PUT", "/api/v1/prompts/one/fa/own.welcome/sound", sound, 200, `"version":1`},
		{"GET", "/api/v1/prompts/one?own=true&language=fa", "", 200, `"number":9001`},
		{"GET", "/api/v1/prompts/two?own=true", "", 200, `"items":[]`},
	} {
		if status, text := ask(c.method, c.path, "token", strings.NewReader(c.body)); status != c.status || !strings.Contains(text, c.want) {
			t.Errorf("%s %s: %d %s, want %d %s", c.method, c.path, status, text[:min(len(text), 200)], c.status, c.want)
		}
		if status, text := ask(c.method, c.path, "guess", strings.NewReader("")); status != 401 {
			t.Errorf("%s %s without the token: %d %s", c.method, c.path, status, text)
		}
	}
	_, text := ask("GET", hello+"/versions", "token", nil)
	var page struct{ Items []store.PromptVersion }
	if err := json.Unmarshal([]byte(text), &page); err != nil || len(page.Items) != 1 || !page.Items[0].Current || page.Items[0].By != "api from 127.0.0.1" || page.Items[0].Loudness < -17 || page.Items[0].Loudness > -15 {
		t.Errorf("%+v %v", page, err)
	}
	if files, _ := filepath.Glob(filepath.Join(data, "prompts", "*", "*", "*", "*")); len(files) != 2 {
		t.Errorf("files: %v", files)
	}
	if files, _ := filepath.Glob(filepath.Join(data, "prompts", ".put-*")); len(files) != 0 {
		t.Errorf("left over: %v", files)
	}
}

// An engine is made of what the boot file says, and asked at its own address alone.
func TestTheEngineOfTheBootFile(t *testing.T) {
	s := &server{boot: &config.Boot{}}
	if e, err := s.engine(); e != nil || err != nil {
		t.Errorf("none: %v %v", e, err)
	}
	s.boot.TTS.Command = map[string][]string{"en": {"espeak-ng"}}
	if e, err := s.engine(); err != nil || e.Voice("en") == "" || e.Voice("fa") != "" {
		t.Errorf("a program: %v %v", e, err)
	}
	s.boot.TTS = config.TTS{HTTP: &config.TTSServer{URL: "https://X.example/say", Form: "plain", Voices: map[string]string{"fa": ""}, Targets: []string{"http://y.example:8080"}}}
	e, err := s.engine()
	if err != nil || e.Voice("fa") == "" {
		t.Fatalf("a server: %v %v", e, err)
	}
	s.close()
	allow, err := allowedForSpeech(s.boot.TTS.HTTP)
	if err != nil || strings.Join(allow.Targets, " ") != "https://x.example:443 http://y.example:8080" {
		t.Errorf("%v %v", allow.Targets, err)
	}
}
