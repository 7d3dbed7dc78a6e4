package config

import (
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"santral/base/doc"
)

// TTS is the engine that puts free text into speech. The zero value is none; otherwise Command or HTTP is set.
type TTS struct {
	Command map[string][]string // a program with its arguments for each language
	HTTP    *TTSServer
	Cache   uint64 // octets of what was said that may lie in the data folder
}

// TTSServer is an engine that is asked by HTTP.
type TTSServer struct {
	URL      string
	Form     string // "openai" or "plain"
	Model    string
	Voices   map[string]string // by language
	Key      string            // bearer token, "" for none
	Targets  []string          // further addresses that a redirect may lead to: scheme, host and port
	Networks []netip.Prefix    // of one's own, in which the server may be
}

// DefaultTTSCache is how much of what was said is kept, in octets.
const DefaultTTSCache = 256 << 20

// voiceLanguages are those that announcements are said in.
var voiceLanguages = []string{"en", "fa"}

func readTTS(n *doc.Node, base string, t *TTS) {
	t.Cache = DefaultTTSCache
	n.Map(doc.Fields{
		"command": func(n *doc.Node) {
			t.Command = map[string][]string{}
			fields := doc.Fields{}
			for _, language := range voiceLanguages {
				fields[language] = func(n *doc.Node) { t.Command[language] = readCommand(n) }
			}
			n.Map(fields)
		},
		"http": func(n *doc.Node) { t.HTTP = readTTSServer(n, base) },
		"cache": func(n *doc.Node) {
			f := readFree(n)
			if t.Cache = f.Octets; t.Cache == 0 {
				n.Fail("must be a size such as 256MiB")
			}
		},
	})
	if (t.HTTP == nil) == (len(t.Command) == 0) {
		n.Fail("write command: with a program for each language, or http: with a server's url, and not both")
	}
}

// readCommand reads a program with its arguments.
func readCommand(n *doc.Node) (line []string) {
	n.Each(func(n *doc.Node) {
		line = append(line, n.Text())
		if strings.ContainsRune(line[len(line)-1], 0) || line[0] == "" {
			n.Fail("must be a program or one of its arguments")
		}
	})
	if len(line) == 0 {
		n.Fail("must be a list of a program and its arguments, such as [espeak-ng, -v, fa, --stdin, --stdout]")
		return nil
	}
	if _, err := exec.LookPath(line[0]); err != nil {
		n.Fail("there is no program %s: install it, or write its whole path", line[0])
	}
	return line
}

func readTTSServer(n *doc.Node, base string) *TTSServer {
	s := &TTSServer{Form: "openai", Voices: map[string]string{}}
	n.Map(doc.Fields{
		"url": func(n *doc.Node) {
			u, err := url.Parse(n.Text())
			if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil || u.Fragment != "" {
				n.Fail("must be the address of a server of speech, such as https://speech.example.com/v1/audio/speech")
				return
			}
			s.URL = n.Text()
		},
		"form":  func(n *doc.Node) { s.Form = n.OneOf("openai", "plain") },
		"model": func(n *doc.Node) { s.Model = n.Text() },
		"voices": func(n *doc.Node) {
			fields := doc.Fields{}
			for _, language := range voiceLanguages {
				fields[language] = func(n *doc.Node) { s.Voices[language] = n.Text() }
			}
			n.Map(fields)
		},
		"key": func(n *doc.Node) {
			file := n.Text()
			if !filepath.IsAbs(file) {
				file = filepath.Join(base, file)
			}
			text, err := os.ReadFile(file)
			if err != nil {
				n.Fail("must name the file that holds the server's key: %v", err)
				return
			}
			if s.Key = strings.TrimSpace(string(text)); s.Key == "" || strings.ContainsFunc(s.Key, func(r rune) bool { return r <= ' ' || r > '~' }) {
				n.Fail("the file must hold the server's key and nothing else, in one line")
			}
		},
		"targets": func(n *doc.Node) {
			n.Each(func(n *doc.Node) {
				u, err := url.Parse(n.Text())
				if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.Path != "" || u.RawQuery != "" || u.User != nil {
					n.Fail("must be scheme, host and port, such as https://speech.example.com:8443")
					return
				}
				s.Targets = append(s.Targets, n.Text())
			})
		},
		"networks": func(n *doc.Node) { n.Each(func(n *doc.Node) { s.Networks = append(s.Networks, readNetwork(n)) }) },
	}, "url", "voices")
	if len(s.Voices) == 0 {
		n.Fail("voices must name one for each language that the server speaks: {en: alloy}")
	}
	if s.Form == "openai" && s.Model == "" {
		n.Fail("model is missing, such as tts-1; a server that wants none has the form plain")
	}
	u, err := url.Parse(s.URL)
	if err != nil || s.URL == "" {
		return s
	}
	if at, err := netip.ParseAddr(u.Hostname()); err == nil && !slices.ContainsFunc(s.Networks, func(p netip.Prefix) bool { return p.Contains(at.Unmap()) }) &&
		(at.IsPrivate() || at.IsLoopback() || at.IsLinkLocalUnicast()) {
		n.Fail("%s is of a network of your own: list it under networks, so that the server may be there", at)
	}
	if s.Key != "" && u.Scheme == "http" && !slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, u.Hostname()) {
		n.Fail("a key goes to a server over https alone, or to one on this machine")
	}
	return s
}
