package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"santral/test/phone"
)

// A tenant's prompt is uploaded as MP3, replaced, rolled back, and recorded by phone; whoever calls hears each from the next
// call on, and our own voice at last. Text is put into speech by the engine of the boot file.
func TestATenantsOwnPrompt(t *testing.T) {
	t.Parallel()
	phone.Need(t, "ffmpeg")
	phone.Need(t, "sox")
	phone.Need(t, "espeak-ng")
	rtp := 44000 + phone.FreePort(t)%12000
	sip := fmt.Sprintf("127.0.0.1:%d", phone.FreePort(t))
	x := phone.Serve(t, t.TempDir(), fmt.Sprintf(`listen: [{transport: udp, address: "%s"}]
http: 127.0.0.1:%d
media: {address: 127.0.0.1, ports: %d-%d}
data: data
tenants: tenants
digest: [md5]
tts: {command: {en: [espeak-ng, -v, en, --stdin, --stdout], fa: [espeak-ng, -v, fa, --stdin, --stdout]}}
`, sip, phone.FreePort(t), rtp, rtp+999), fmt.Sprintf(`tenant: home
domains: [home.example]
default: true
prompts: {pin: "4711"}
extensions:
  - {number: 101, password: %s}
  - {number: 102, password: %[1]s}
`, phone.Password))
	x.Ready.SIP, x.Ready.Realm = sip, "home.example"
	folder := t.TempDir()
	silence := filepath.Join(folder, "silence.wav")
	run := func(program string, args ...string) {
		t.Helper()
		if out, err := exec.Command(program, args...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v %s", program, err, out)
		}
	}
	run("sox", "-n", "-r", "8000", "-b", "16", "-c", "1", silence, "trim", "0", "30")
	hears := func(what, file string) {
		t.Helper()
		a := phone.StartBaresip(t, x.Account("101", "udp"), silence)
		a.Dial("*45")
		a.Wait("CALL_ESTABLISHED")
		time.Sleep(4 * time.Second)
		a.Command("hangup", "")
		a.Wait("CALL_CLOSED")
		judge(t, what, a.Heard(), file, 0.9)
	}
	ours := filepath.Join(folder, "ours.wav")
	x.Run("prompts", "get", "test.record", "--tenant", "home", "-o", ours)
	ours = phone.Rated(t, ours, 8000, 2)
	run("sox", ours, filepath.Join(folder, "ours8.wav"), "remix", "1")
	ours = filepath.Join(folder, "ours8.wav")
	first := phone.Speech(t, "en", "Tell me what you have to tell, and press the hash when you are done with it", 6)
	second := phone.Speech(t, "fa", aliText, 6)
	mp3 := filepath.Join(folder, "first.mp3")
	run("ffmpeg", "-v", "error", "-i", first, mp3)
	hears("who hears our own voice", ours)

	const at = "/api/v1/prompts/home/en/test.record"
	data, err := os.ReadFile(mp3)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPut, x.HTTP+at+"/sound?file=first.mp3", bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+x.Token)
	req.Header.Set("Content-Type", "audio/mpeg")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(res.Body)
	res.Body.Close()
	var made struct {
		Version int
		LUFS    float64 `json:"lufs"`
	}
	if res.StatusCode != 200 || json.Unmarshal(text, &made) != nil || made.Version != 1 || made.LUFS < -17 || made.LUFS > -15 {
		t.Fatalf("%s %s", res.Status, text)
	}
	hears("who hears the MP3", first)
	if said := x.Run("prompts", "put", "test.record", second, "--tenant", "home"); !strings.Contains(said, "version 2 of test.record") {
		t.Error(said)
	}
	hears("who hears the second version", second)
	x.Run("prompts", "rollback", "test.record", "1", "--tenant", "home")
	hears("who hears the first again", first)

	// By phone: the PIN, the number, a few seconds of speech to the hash, and kept.
	var list struct {
		Items []struct {
			ID     string
			Number int
			Heard  string
		}
	}
	x.Get("/api/v1/prompts/home?language=en&own=true", &list)
	if len(list.Items) != 1 || list.Items[0].ID != "test.record" || list.Items[0].Heard != "own" {
		t.Fatalf("the list: %+v", list)
	}
	third := phone.Speech(t, "en", pageText, 60)
	b := phone.StartBaresip(t, x.Account("102", "udp"), third)
	b.Dial("*77")
	b.Wait("CALL_ESTABLISHED")
	press := func(keys string) {
		for _, k := range keys {
			b.Command("sndcode", string(k))
			time.Sleep(300 * time.Millisecond)
		}
	}
	time.Sleep(time.Second)
	press("4711#")
	time.Sleep(time.Second)
	press(fmt.Sprint(list.Items[0].Number) + "#")
	time.Sleep(14 * time.Second) // what to do is said, and then the caller speaks
	press("#")
	time.Sleep(2 * time.Second)
	press("1")
	phone.Eventually(t, 10*time.Second, "the third version", func() bool {
		return strings.Contains(x.Run("prompts", "list", "test.record", "--tenant", "home"), "phone")
	})
	b.Command("hangup", "")
	b.Wait("CALL_CLOSED")
	hears("who hears what was recorded by phone", third)

	if said := x.Run("prompts", "put", "own.news", "--text", "Our office is closed today.", "--tenant", "home"); !strings.Contains(said, "version 1 of own.news") {
		t.Error(said)
	}
	if list := x.Run("prompts", "--tenant", "home", "--own", "--language", "fa"); strings.Count(list, "missing") != 2 {
		t.Errorf("what is missing in Persian: %s", list)
	}
	if x.Metric("santral_tts_total", `"spoken"`) != 1 {
		t.Error("the figures know of no speech")
	}
	x.Run("prompts", "rollback", "test.record", "0", "--tenant", "home")
	hears("who hears our own voice at last", ours)
	if x.Out.Contains("4711") {
		t.Error("the PIN is in the log")
	}
}
