package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"santral/store"
	"santral/store/storetest"
	"santral/test/phone"
)

// recorded waits for the recordings of the exchange.
func recorded(t *testing.T, x *phone.Exchange, n int) []store.Recording {
	t.Helper()
	var page struct{ Items []store.Recording }
	phone.Eventually(t, 20*time.Second, fmt.Sprint(n, " recordings"), func() bool {
		x.Get("/api/v1/recordings", &page)
		return len(page.Items) >= n
	})
	if len(page.Items) != n {
		t.Errorf("%d recordings", len(page.Items))
	}
	return page.Items
}

// saved has the command line save a recording, and strangers read it: soxi (of Opus ffprobe) says how long it is, and ffmpeg finds no fault.
func saved(t *testing.T, x *phone.Exchange, r *store.Recording) (file string, long time.Duration) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "saved."+r.Media)
	x.Run("recordings", "get", r.Name, "-o", file)
	return file, readable(t, file)
}

func readable(t *testing.T, file string) time.Duration {
	t.Helper()
	phone.Need(t, "ffmpeg")
	probe := []string{"ffprobe", "-v", "error", "-show_entries", "stream=channels:format=duration", "-of", "csv=p=0", file}
	if filepath.Ext(file) == ".wav" {
		phone.Need(t, "soxi")
		probe = []string{"sh", "-c", `soxi -c "$0" && soxi -D "$0"`, file}
	}
	out, err := exec.Command(probe[0], probe[1:]...).CombinedOutput()
	lines := strings.Fields(string(out))
	if err != nil || len(lines) != 2 || lines[0] != "2" {
		t.Fatalf("%s: %v %s", probe[0], err, out)
	}
	seconds, err := strconv.ParseFloat(lines[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	if out, err = exec.Command("ffmpeg", "-v", "error", "-i", file, "-f", "null", "-").CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("ffmpeg: %v %s", err, out)
	}
	return time.Duration(seconds * float64(time.Second))
}

// channel gives the left (1) or the right (2) of a recording, from a second on for some seconds.
func channel(t *testing.T, file string, which int, from, seconds float64) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), fmt.Sprintf("channel%d.wav", which))
	if text, err := exec.Command("sox", file, out, "remix", fmt.Sprint(which), "trim", fmt.Sprint(from), fmt.Sprint(seconds)).CombinedOutput(); err != nil {
		t.Fatalf("sox: %v %s", err, text)
	}
	return out
}

// spoken has two phones talk, and gives the call.
func spoken(t *testing.T, x *phone.Exchange, a, b *phone.Baresip) (id string) {
	t.Helper()
	a.Dial("102")
	b.Wait("CALL_INCOMING")
	b.Command("accept", "")
	a.Wait("CALL_ESTABLISHED")
	b.Wait("CALL_ESTABLISHED")
	var live struct{ Items []struct{ Call string } }
	x.Get("/api/v1/calls", &live)
	if len(live.Items) != 1 {
		t.Fatalf("%d calls", len(live.Items))
	}
	return live.Items[0].Call
}

// A call is recorded on demand, with a part of it masked and one left out: the caller left, the other right, as they were heard, and silence
// in the place of what was masked. Lists show what it does, its record shows it, and the command line lists, saves, verifies and deletes it.
func TestACallIsRecordedOnDemand(t *testing.T) {
	t.Parallel()
	x := phone.StartExchange(t, "--digest", "md5")
	saraSays, aliSays := phone.Speech(t, "en", pageText, speech), phone.Speech(t, "fa", aliText, speech)
	sara, ali := phone.StartBaresip(t, x.Account("101", "udp"), saraSays), phone.StartBaresip(t, x.Account("102", "udp"), aliSays)
	id := spoken(t, x, sara, ali)
	begun := time.Now()
	x.Run("recordings", "call", id, "start")
	time.Sleep(talk)
	shows := func(want string) {
		t.Helper()
		var live struct{ Items []struct{ Recording string } }
		if x.Get("/api/v1/calls", &live); len(live.Items) != 1 || live.Items[0].Recording != want {
			t.Errorf("the list of calls shows %+v, want %q", live.Items, want)
		}
	}
	shows("on")
	x.Run("recordings", "call", id, "mask")
	shows("masked")
	time.Sleep(3 * time.Second)
	x.Run("recordings", "call", id, "unmask")
	time.Sleep(2 * time.Second)
	x.Run("recordings", "call", id, "pause")
	paused := time.Now()
	shows("paused")
	time.Sleep(3 * time.Second)
	x.Run("recordings", "call", id, "resume")
	stood := time.Since(paused)
	shows("on")
	time.Sleep(2 * time.Second)
	x.Run("recordings", "call", id, "stop")
	long := time.Since(begun) - stood
	shows("")
	time.Sleep(time.Second)
	sara.Command("hangup", "")
	ali.Wait("CALL_CLOSED")
	r := recorded(t, x, 1)[0]
	file, lasts := saved(t, x, &r)
	if lasts < long-time.Second || lasts > long+time.Second || r.Long.Duration() < lasts-50*time.Millisecond || r.Long.Duration() > lasts+50*time.Millisecond {
		t.Errorf("the call was recorded for %v; it is %v long, its row says %v", long, lasts, r.Long.Duration())
	}
	judge(t, "the left channel", channel(t, file, 1, 0, 8), saraSays, 0.95)
	judge(t, "the right channel", channel(t, file, 2, 0, 8), aliSays, 0.95)
	for which := range 2 {
		if len(r.Segments) < 3 {
			break
		}
		from, until := r.Segments[1].At.Duration().Seconds()+.02, r.Segments[2].At.Duration().Seconds()-.02
		for _, s := range phone.Samples(t, channel(t, file, 1+which, from, until-from)) {
			if s > 8 || s < -8 { // of 32,767
				t.Fatalf("something is heard where it is masked: %v", s)
			}
		}
	}
	what := ""
	for _, s := range r.Segments {
		what += s.What + " " + s.Left + " " + s.Right + ", "
	}
	if what != "talk 101 102, masked 101 102, talk 101 102, paused 101 102, talk 101 102, " || r.Account != "101" || r.Kind != "call" || r.Torn || r.Lost != 0 {
		t.Errorf("segments %s %+v", what, r)
	}
	var cdr store.CDR
	x.Get("/api/v1/cdrs/"+id, &cdr)
	if len(cdr.Recordings) != 1 || cdr.Recordings[0].Name != r.Name {
		t.Errorf("the record shows %+v", cdr.Recordings)
	}
	if list := x.Run("recordings", "--call", id); !strings.Contains(list, r.Name) || !strings.Contains(list, "101 102") {
		t.Errorf("the list: %s", list)
	}
	if verdict := x.Run("recordings", "verify", r.Name); !strings.Contains(verdict, "true") || !strings.Contains(verdict, r.SHA256) {
		t.Errorf("the verdict: %s", verdict)
	}
	x.Run("recordings", "delete", r.Name)
	recorded(t, x, 0)
	if x.Metric("santral_recordings_total", `"filed"`) != 1 || x.Metric("santral_recordings_alarm") != 0 {
		t.Error("the figures are others")
	}
	if left, _ := filepath.Glob(filepath.Join(x.Data, "recordings", "*", "*", "*", "*")); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}

// An exchange that is killed in the middle of a call has its recording after the start, to its last second.
func TestKilledWithinARecording(t *testing.T) {
	t.Parallel()
	x := phone.StartExchange(t, "--digest", "md5")
	saraSays, aliSays := phone.Speech(t, "en", pageText, speech), phone.Speech(t, "fa", aliText, speech)
	sara, ali := phone.StartBaresip(t, x.Account("101", "udp"), saraSays), phone.StartBaresip(t, x.Account("102", "udp"), aliSays)
	id := spoken(t, x, sara, ali)
	begun := time.Now()
	x.Run("recordings", "call", id, "start")
	time.Sleep(talk)
	long := time.Since(begun)
	x.Kill()
	x.Start()
	r := recorded(t, x, 1)[0]
	file, lasts := saved(t, x, &r)
	if !r.Torn || r.Call != id || r.Account != "101" || len(r.Segments) != 1 || r.Segments[0].Right != "102" {
		t.Errorf("%+v", r)
	}
	if lasts < long-1500*time.Millisecond || lasts > long { // what is heard by a tap is a quarter of a second late
		t.Errorf("it is %v long of %v", lasts, long)
	}
	judge(t, "the left channel", channel(t, file, 1, 0, lasts.Seconds()), saraSays, 0.95)
	judge(t, "the right channel", channel(t, file, 2, 0, lasts.Seconds()), aliSays, 0.95)
	end := lasts.Seconds() - 1.2
	judge(t, "the end of the left channel", channel(t, file, 1, end-1, 2.1), saraSays, 0.9)
	if verdict := x.Run("recordings", "verify", r.Name); !strings.Contains(verdict, "true") {
		t.Errorf("the verdict: %s", verdict)
	}
}

// Every call of a tenant is recorded, sealed, and goes to a bucket; a server that is away at first gets it when it is
// back. Whoever has the identity hears it.
func TestRecordedSealedInABucket(t *testing.T) {
	t.Parallel()
	phone.Library(t, "libopus.so.0")
	bucket := storetest.StartS3(t, "calls")
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	identity := filepath.Join(folder, "identity")
	if err := os.WriteFile(identity, []byte(key.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	rtp := 44000 + phone.FreePort(t)%12000
	sip := fmt.Sprintf("127.0.0.1:%d", phone.FreePort(t))
	x := phone.Serve(t, folder, fmt.Sprintf(`listen:
  - {transport: udp, address: "%s"}
http: 127.0.0.1:%d
media: {address: 127.0.0.1, ports: %d-%d}
data: data
tenants: tenants
digest: [md5]
recordings:
  format: opus
  rate: 16000
  seal: [%s]
  identity: identity
  s3: {endpoint: "%s", bucket: calls, region: us-east-1, prefix: santral/, path_style: true, access_key: %s, secret_key: %s}
`, sip, phone.FreePort(t), rtp, rtp+999, key.Recipient(), bucket.URL, storetest.S3Key, storetest.S3Secret), site([2]string{"101", ""}, [2]string{"102", ""})+"record: all\n")
	x.Ready.SIP = sip
	saraSays, aliSays := phone.Speech(t, "en", pageText, speech), phone.Speech(t, "fa", aliText, speech)
	sara, ali := phone.StartBaresip(t, x.Account("101", "udp"), saraSays), phone.StartBaresip(t, x.Account("102", "udp"), aliSays)
	spoken(t, x, sara, ali)
	time.Sleep(talk)
	bucket.Stop()
	sara.Command("hangup", "")
	ali.Wait("CALL_CLOSED")
	phone.Eventually(t, 60*time.Second, "an alarm", func() bool { return x.Metric("santral_recordings_alarm", `"filing"`) == 1 })
	bucket.Start()
	phone.Eventually(t, 60*time.Second, "the recording is filed", func() bool { return x.Metric("santral_recordings_total", `"filed"`) == 1 })
	r := recorded(t, x, 1)[0]
	if !r.Sealed || r.Media != "opus" || x.Metric("santral_recordings_alarm") != 0 {
		t.Errorf("%+v", r)
	}
	lies, err := os.ReadFile(filepath.Join(bucket.Folder, "calls", "santral", "site", r.Name[:8], r.Name))
	if err != nil || int64(len(lies)) != r.Octets || strings.Contains(string(lies), "OggS") {
		t.Errorf("%d octets lie in the bucket, %v", len(lies), err)
	}
	file, lasts := saved(t, x, &r)
	if lasts < talk-time.Second || lasts > talk+3*time.Second {
		t.Errorf("it is %v long", lasts)
	}
	wav := filepath.Join(t.TempDir(), "plain.wav")
	if out, err := exec.Command("ffmpeg", "-v", "error", "-i", file, wav).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v %s", err, out)
	}
	judge(t, "the left channel", channel(t, wav, 1, 0, 8), saraSays, 0.9)
	judge(t, "the right channel", channel(t, wav, 2, 0, 8), aliSays, 0.9)
	var verdict struct{ Whole bool }
	if err := json.Unmarshal([]byte(x.Run("recordings", "verify", r.Name, "--json")), &verdict); err != nil || !verdict.Whole {
		t.Errorf("%+v %v", verdict, err)
	}
}
