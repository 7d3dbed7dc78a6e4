package phone

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/evanw/esbuild/pkg/api"
)

// pageFolder holds the page's source and, once `make peers` has run, what it is made of.
const pageFolder = "../phone/page"

// bundle makes one script of the page and of JsSIP.
var bundle = sync.OnceValues(func() (string, error) {
	folder, err := filepath.Abs(pageFolder)
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(filepath.Join(folder, "node_modules", "jssip")); err != nil {
		return "", fmt.Errorf("JsSIP is not installed: run `make peers`: %w", err)
	}
	built := api.Build(api.BuildOptions{
		EntryPoints: []string{filepath.Join(folder, "page.js")}, Bundle: true, Platform: api.PlatformBrowser, Format: api.FormatIIFE,
		AbsWorkingDir: folder, LogLevel: api.LogLevelSilent,
	})
	if len(built.Errors) > 0 {
		return "", fmt.Errorf("bundle the page: %s", built.Errors[0].Text)
	}
	return string(built.OutputFiles[0].Contents), nil
})

// Browser is a page in a headless Chromium in which JsSIP runs.
type Browser struct {
	t    testing.TB
	ctx  context.Context
	seen int
}

// Happening is one thing that a Browser's telephone told.
type Happening struct {
	Kind   string `json:"kind"`
	Detail string `json:"detail"`
}

// StartTalker is StartBrowser for a page that calls: its microphone hears a WAV file of 48 kHz again and again, and its
// media may go over loopback.
func StartTalker(t testing.TB, sound string, more ...chromedp.ExecAllocatorOption) *Browser {
	t.Helper()
	return startBrowser(t, append(more, chromedp.Flag("use-file-for-fake-audio-capture", sound), chromedp.Flag("allow-loopback-in-peer-connection", true),
		chromedp.Flag("autoplay-policy", "no-user-gesture-required"))...)
}

// StartBrowser opens a page with a telephone. The browser takes every certificate: whom to trust is the
// browser's own affair, and not what is tested.
func StartBrowser(t testing.TB) *Browser {
	t.Helper()
	return startBrowser(t)
}

func startBrowser(t testing.TB, more ...chromedp.ExecAllocatorOption) *Browser {
	t.Helper()
	Need(t, "chromium")
	script, err := bundle()
	if err != nil {
		if os.Getenv("SANTRAL_TEST_PEERS") == "require" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if d, err := time.ParseDuration(r.FormValue("nap")); err == nil {
			time.Sleep(d)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, "<!doctype html><title>telephone</title><script>%s</script>", strings.ReplaceAll(script, "</script", "<\\/script"))
	}))
	t.Cleanup(site.Close)
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()), chromedp.IgnoreCertErrors,
		chromedp.Flag("disable-quic", true), chromedp.Flag("use-fake-ui-for-media-stream", true), chromedp.Flag("use-fake-device-for-media-stream", true))
	ctx, stop := chromedp.NewExecAllocator(context.Background(), append(options, more...)...)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewContext(ctx)
	t.Cleanup(stop)
	b := &Browser{t: t, ctx: ctx}
	b.do(chromedp.Navigate(strings.Replace(site.URL, "127.0.0.1", "localhost", 1))) // the host of the exchange's own pages
	return b
}

func (b *Browser) do(action chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, action); err != nil {
		b.t.Fatalf("browser: %v", err)
	}
}

// Register has the page's telephone register an account over a WebSocket at url ("wss://…/ws").
func (b *Browser) Register(url, realm string, a Account) {
	b.t.Helper()
	b.Tell(fmt.Sprintf("register(%q, %q, %q, %q)", url, "sip:"+a.User+"@"+realm, a.User, a.Password))
}

// Tell runs a piece of script in the page.
func (b *Browser) Tell(script string) {
	b.t.Helper()
	b.do(chromedp.Evaluate[chromedp.Void]("{" + script + "; undefined}"))
}

// Wait waits for the telephone to tell of a kind of thing, behind what was waited for before.
func (b *Browser) Wait(kind string) Happening {
	b.t.Helper()
	var all []Happening
	found := -1
	Eventually(b.t, 30*time.Second, "the browser tells "+kind, func() bool {
		all = b.Happened()
		for i := b.seen; i < len(all); i++ {
			if all[i].Kind == kind {
				found = i
				return true
			}
		}
		return false
	})
	b.seen = found + 1
	return all[found]
}

// Happened gives everything that the telephone told so far.
func (b *Browser) Happened() []Happening {
	b.t.Helper()
	all, err := chromedp.Run(b.ctx, chromedp.Evaluate[[]Happening]("window.events"))
	if err != nil {
		b.t.Fatalf("browser: %v", err)
	}
	return all
}

// Nap has the page stand still for a while, as one that its browser gives no time to: none of its script
// runs. What the browser does for it besides goes on. (A page that Chromium freezes loses its connections.)
func (b *Browser) Nap(d time.Duration) {
	b.t.Helper()
	b.Tell(fmt.Sprintf(`const r = new XMLHttpRequest(); r.open("GET", "/?nap=%s", false); r.send()`, d))
}

// Heard writes what the page has heard since the last time into a WAV file.
func (b *Browser) Heard() string {
	b.t.Helper()
	text, err := chromedp.Run(b.ctx, chromedp.Evaluate[string]("window.heard()"))
	if err != nil {
		b.t.Fatalf("browser: %v", err)
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		b.t.Fatalf("browser: %v", err)
	}
	in, out := write(b.t, b.t.TempDir(), "heard.s16", string(raw)), filepath.Join(b.t.TempDir(), "heard.wav")
	run(b.t, "sox", "-t", "raw", "-r", "8000", "-c", "1", "-b", "16", "-e", "signed", in, out)
	return out
}

// Seen is what a browser has seen of pictures, and was asked for.
type Seen struct {
	Codec  string  `json:"codec"`  // "video/VP8"
	Frames int     `json:"frames"` // decoded
	Keys   int     `json:"keys"`   // whole pictures among them
	Width  int     `json:"width"`  // pixels
	Sent   int     `json:"sent"`   // whole pictures encoded
	Asked  int     `json:"asked"`  // requests for one, PLI and FIR
	Rate   float64 `json:"rate"`   // bits a second that it thinks it may send
}

// Seen gives the figures of the page's call.
func (b *Browser) Seen() Seen {
	b.t.Helper()
	seen, err := chromedp.Run(b.ctx, chromedp.Evaluate[Seen]("window.seen()", chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("browser: %v", err)
	}
	return seen
}

// Voices tells the encodings of the page's call, as "audio/opus audio/opus": what it hears, and what it says.
func (b *Browser) Voices() string { return b.ask("window.voices()") }

// Selected tells the pair of candidates that the page's media goes by: kinds of ours and theirs, and their address.
func (b *Browser) Selected() string { return b.ask("window.selected()") }

func (b *Browser) ask(script string) string {
	b.t.Helper()
	text, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](script, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("browser: %v", err)
	}
	return text
}

// Call has the page call a number of the realm.
func (b *Browser) Call(number, realm string) {
	b.t.Helper()
	b.Tell(fmt.Sprintf("call(%q)", "sip:"+number+"@"+realm))
}
