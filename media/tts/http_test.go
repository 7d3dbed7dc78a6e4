package tts

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"santral/media/player"
)

// voices is a server of speech that has espeak-ng speak, or beep where that is not wanted.
func voices(t *testing.T, speak bool) (*httptest.Server, *atomic.Value) {
	t.Helper()
	var key atomic.Value
	mux := http.NewServeMux()
	say := func(w http.ResponseWriter, voice, text string) {
		if !speak {
			_, _ = w.Write(beep())
			return
		}
		cmd := exec.Command("espeak-ng", "-v", voice, "--stdin", "--stdout")
		cmd.Stdin = strings.NewReader(text)
		wav, err := cmd.Output()
		if err != nil {
			http.Error(w, err.Error(), 500)
			return
		}
		_, _ = w.Write(wav)
	}
	mux.HandleFunc("POST /v1/audio/speech", func(w http.ResponseWriter, r *http.Request) {
		key.Store(r.Header.Get("Authorization"))
		var ask struct {
			Model, Input, Voice string
			Format              string `json:"response_format"`
		}
		if json.NewDecoder(r.Body).Decode(&ask) != nil || ask.Model != "tts-1" || ask.Format != "wav" {
			http.Error(w, "what?", 400)
			return
		}
		say(w, ask.Voice, ask.Input)
	})
	mux.HandleFunc("POST /plain", func(w http.ResponseWriter, r *http.Request) {
		key.Store(r.Header.Get("Authorization"))
		text, _ := io.ReadAll(r.Body)
		if r.FormValue("language") == "" || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/plain") {
			http.Error(w, "what?", 400)
			return
		}
		say(w, r.FormValue("voice"), string(text))
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s, &key
}

func beep() []byte {
	x := make([]int16, 8000)
	for i := range x {
		x[i] = int16(8000 - 16000*(i/20%2))
	}
	return player.New(x, 8000).WAV()
}

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

func origin(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return Origin(u)
}

func server(t *testing.T, s Server) *HTTP {
	t.Helper()
	h, err := NewHTTP(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return h
}

// A server says what the engine behind it says, in both forms, and gets the key.
func TestServers(t *testing.T) {
	need(t, "espeak-ng")
	s, key := voices(t, true)
	for _, form := range []Form{OpenAI, Plain} {
		at := s.URL + map[Form]string{OpenAI: "/v1/audio/speech", Plain: "/plain"}[form]
		h := server(t, Server{
			URL: at, Form: form, Model: "tts-1", Voices: map[string]string{"en": "en-us", "fa": "fa"}, Key: "secret",
			Allow: Allow{Targets: []string{origin(t, at)}, Networks: loopback},
		})
		for language, text := range map[string]string{"en": "Your parcel arrives on Monday.", "fa": "بستهٔ شما روز دوشنبه می‌رسد."} {
			got, err := h.Speak(t.Context(), language, text)
			if err != nil {
				t.Fatal(form, err)
			}
			want, err := Command{language: {"espeak-ng", "-v", map[string]string{"en": "en-us", "fa": "fa"}[language], "--stdin", "--stdout"}}.Speak(t.Context(), language, text)
			if err != nil || !slices.Equal(got.Samples(), want.Samples()) {
				t.Errorf("%v in %s: %d samples, the engine itself has %d (%v)", form, language, len(got.Samples()), len(want.Samples()), err)
			}
		}
		if key.Load() != "Bearer secret" {
			t.Errorf("%v: the key was %q", form, key.Load())
		}
		if _, err := h.Speak(t.Context(), "de", "hallo"); err != ErrLanguage {
			t.Errorf("German: %v", err)
		}
	}
}

// A server is asked where it is allowed and nowhere else: not where a redirect leads, not at another port, not at an
// address of a network of its own behind an honest name.
func TestForgedRequests(t *testing.T) {
	s, key := voices(t, false)
	var touched atomic.Int64
	secret := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		touched.Add(1)
		_, _ = w.Write(beep())
	}))
	t.Cleanup(secret.Close)
	var to atomic.Value
	lead := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, to.Load().(string), http.StatusTemporaryRedirect)
	}))
	t.Cleanup(lead.Close)
	_, port, _ := strings.Cut(strings.TrimPrefix(s.URL, "http://"), ":")
	both := []string{origin(t, s.URL), origin(t, lead.URL)}
	for name, c := range map[string]struct {
		at, to string
		allow  Allow
		want   string // "" where it is heard
	}{
		"allowed":                {s.URL + "/plain", "", Allow{both, loopback}, ""},
		"a redirect between two": {lead.URL, s.URL + "/plain?language=en", Allow{both, loopback}, ""},
		"metadata of a cloud":    {lead.URL, "http://169.254.169.254/latest/meta-data/", Allow{both, loopback}, "not among the targets"},
		"the same, allowed by mistake as a target": {lead.URL, "http://169.254.169.254/latest/", Allow{append(both, "http://169.254.169.254:80"), loopback}, "network of its own"},
		"another port":        {lead.URL, secret.URL, Allow{both, loopback}, "not among the targets"},
		"another scheme":      {lead.URL, "file:///etc/passwd", Allow{both, loopback}, "not among the targets"},
		"gopher":              {lead.URL, "gopher://127.0.0.1/", Allow{both, loopback}, "not among the targets"},
		"in circles":          {lead.URL, lead.URL, Allow{both, loopback}, "on and on"},
		"a name for loopback": {"http://localhost:" + port + "/plain", "", Allow{[]string{"http://localhost:" + port}, nil}, "network of its own"},
		"loopback":            {s.URL + "/plain", "", Allow{both, nil}, "network of its own"},
		"loopback in IPv6":    {"http://[::ffff:127.0.0.1]:" + port + "/plain", "", Allow{[]string{"http://[::ffff:127.0.0.1]:" + port}, nil}, "network of its own"},
		"nothing":             {"http://0.0.0.0:" + port + "/plain", "", Allow{[]string{"http://0.0.0.0:" + port}, nil}, "network of its own"},
	} {
		t.Run(name, func(t *testing.T) {
			to.Store(c.to)
			key.Store("")
			h, err := NewHTTP(Server{URL: c.at, Form: Plain, Voices: map[string]string{"en": ""}, Key: "secret", Allow: c.allow})
			if err != nil {
				t.Fatal(err)
			}
			defer h.Close()
			_, err = h.Speak(t.Context(), "en", "hello")
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%v, want %q", err, c.want)
			}
			if err != nil && (strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "meta-data")) {
				t.Errorf("it says too much: %v", err)
			}
			if c.to != "" && key.Load() != "" {
				t.Errorf("another target got the key %q", key.Load())
			}
		})
	}
	if touched.Load() != 0 {
		t.Error("a server was asked that is not allowed")
	}
	for _, bad := range []string{"", "ftp://x/", "http://", s.URL, "http://user:pass@127.0.0.1/", "http://x:1/\x00"} {
		if _, err := NewHTTP(Server{URL: bad, Form: Plain}); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

// Addresses of networks of their own are known for what they are, in every dress.
func TestAddresses(t *testing.T) {
	for _, at := range []string{
		"127.0.0.1", "127.9.9.9", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "0.1.2.3", "224.0.0.1", "255.255.255.255", "240.0.0.1",
		"198.18.0.1", "192.0.0.8", "::", "::1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::7f00:1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "fec0::1",
	} {
		if (Allow{}).address(netip.MustParseAddr(at)) {
			t.Errorf("%s is taken for one of the world", at)
		}
		if !(Allow{Networks: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}}).address(netip.MustParseAddr(at)) {
			t.Errorf("%s is not taken where it is listed", at)
		}
	}
	for _, at := range []string{"8.8.8.8", "203.0.114.1", "2606:4700::1111", "172.32.0.1", "100.128.0.1"} {
		if !(Allow{}).address(netip.MustParseAddr(at)) {
			t.Errorf("%s is refused", at)
		}
	}
}

// What a server says wrong is a sentence.
func TestBadAnswers(t *testing.T) {
	answer := func(w http.ResponseWriter) {}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(w) }))
	defer s.Close()
	h := server(t, Server{URL: s.URL, Form: OpenAI, Voices: map[string]string{"en": "x"}, Allow: Allow{[]string{origin(t, s.URL)}, loopback}})
	for want, a := range map[string]func(http.ResponseWriter){
		"answers 401":           func(w http.ResponseWriter) { http.Error(w, "the key sk-123 is wrong", 401) },
		"no sound that can":     func(w http.ResponseWriter) { _, _ = w.Write([]byte("ID3 mp3")) },
		"gave no sound":         func(w http.ResponseWriter) { _, _ = w.Write(player.New(nil, 8000).WAV()) },
		"said more than 16 MiB": func(w http.ResponseWriter) { _, _ = w.Write(make([]byte, MaxSound+2)) },
		"breaks off":            func(w http.ResponseWriter) { w.Header().Set("Content-Length", "100"); _, _ = w.Write(beep()[:50]) },
	} {
		answer = a
		if _, err := h.Speak(t.Context(), "en", "hello"); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "sk-123") {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
