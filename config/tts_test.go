package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"santral/base/doc"
)

// Every mistake in the words of an engine of speech is pointed at, and what is right is read.
func TestTTS(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "key"), []byte("sk-secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	read := func(text string) (*Boot, string) {
		file := filepath.Join(dir, "santral.yaml")
		if err := os.WriteFile(file, []byte("{listen: [{transport: udp, address: \"127.0.0.1:5060\"}], data: d, tenants: t, tts: "+text+"}"), 0o600); err != nil {
			t.Fatal(err)
		}
		var problems doc.Problems
		b := Read(file, &problems)
		if err := problems.Err(); err != nil {
			return b, err.Error()
		}
		return b, ""
	}
	const server = "{http: {url: \"https://x.example/v1/audio/speech\", voices: {en: alloy}, "
	for text, want := range map[string]string{
		"{command: {en: [sh, -c, cat]}}":      "",
		server + "model: tts-1, key: key}}":   "",
		server + "form: plain}, cache: 1GiB}": "",
		"{http: {url: \"http://10.0.0.5:8000/say\", form: plain, voices: {fa: x}, networks: [10.0.0.0/24]}}": "",
		"{}":                                 "write command: with a program",
		"{command: {}}":                      "write command: with a program",
		"{command: {en: []}}":                "must be a list of a program",
		"{command: {de: [sh]}}":              "unknown key",
		"{command: {en: [no-such-program]}}": "there is no program no-such-program",
		"{command: {en: [sh]}, " + server[1:] + "form: plain}}":                                                      "and not both",
		server + "model: tts-1, key: none}}":                                                                         "must name the file",
		server + "form: plain}, cache: 5%}":                                                                          "must be a size",
		"{http: {url: \"https://x.example/\", voices: {en: x}}}":                                                     "model is missing",
		"{http: {url: \"https://x.example/\", voices: {}, form: plain}}":                                             "voices must name one",
		"{http: {url: \"file:///etc/passwd\", voices: {en: x}, form: plain}}":                                        "must be the address of a server",
		"{http: {url: \"http://127.0.0.1:1/\", voices: {en: x}, form: plain}}":                                       "list it under networks",
		"{http: {url: \"http://x.example/\", voices: {en: x}, form: plain, key: key}}":                               "over https alone",
		"{http: {url: \"https://x.example/\", voices: {en: x}, form: plain, targets: [\"https://y.example/path\"]}}": "must be scheme, host and port",
	} {
		b, got := read(text)
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %q", text, got, want)
		}
		if strings.Contains(got, "sk-secret") {
			t.Errorf("%s: the key is told", text)
		}
		if strings.Contains(text, "tts-1, key: key") && (b.TTS.HTTP.Key != "sk-secret" || b.TTS.Cache != DefaultTTSCache) {
			t.Errorf("%+v", b.TTS)
		}
	}
}
