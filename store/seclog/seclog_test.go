package seclog_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"santral/store/seclog"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t testing.TB, dir string, o seclog.Options) *seclog.Log {
	t.Helper()
	l, err := seclog.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func closeLog(t testing.TB, l *seclog.Log) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func lines(t *testing.T, dir string) (all []map[string]any) {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	for _, path := range files {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		for s := bufio.NewScanner(f); s.Scan(); {
			line := map[string]any{}
			if err := json.Unmarshal(s.Bytes(), &line); err != nil {
				t.Fatalf("%v in %q", err, s.Text())
			}
			all = append(all, line)
		}
		f.Close()
	}
	return all
}

func from(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, byte(i >> 8), byte(i)}), 5060)
}

func TestStrangersAreCountedAndKept(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		l := open(t, dir, seclog.Options{})
		evil := "x\r\n{\"what\":\"forged\"}\x00\xff<script>"
		for range 25 {
			l.Note(seclog.Entry{At: time.Now(), What: "wrong password", Source: from(1), Transport: "UDP", Method: "REGISTER", Who: evil, Agent: evil})
		}
		l.Note(seclog.Entry{At: time.Now(), What: "unknown account", Source: from(2)})
		<-time.After(61 * time.Second)
		l.Note(seclog.Entry{At: time.Now(), What: "wrong password", Source: from(1), To: "900"})
		closeLog(t, l)
		if n := l.Totals(); n["wrong password"] != 26 || n["unknown account"] != 1 {
			t.Errorf("%v", n)
		}
		s := l.Sources(10)
		if len(s) != 2 || s[0].Count != 26 || s[0].Addr != from(1).Addr() || s[0].Last.Sub(s[0].First) != 61*time.Second {
			t.Errorf("%+v", s)
		}
		all := lines(t, dir)
		if len(all) != 12 || all[11]["suppressed"] != 15.0 || all[11]["to"] != "900" {
			t.Errorf("%d lines: %v", len(all), all[len(all)-1])
		}
	})
}

func TestFloodIsBounded(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		l := open(t, dir, seclog.Options{FileSize: 20_000, Files: 3, Sources: 100, PerSecond: 50})
		for i := range 60_000 {
			l.Note(seclog.Entry{At: time.Now(), What: fmt.Sprint("word", i%200), Source: from(i), Who: "101"})
			if i%1000 == 0 {
				<-time.After(time.Second)
			}
		}
		closeLog(t, l)
		if n := l.Totals(); len(n) > 65 {
			t.Errorf("%d words", len(n))
		}
		if n := len(l.Sources(1000)); n != 100 {
			t.Errorf("%d sources", n)
		}
		if n, err := l.Unwritten(); n < 50_000 || err != nil {
			t.Errorf("%d unwritten, %v", n, err)
		}
	})
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	total := int64(0)
	for _, path := range files {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		total += info.Size()
	}
	if len(files) != 3 || total > 60_000 || total < 30_000 {
		t.Errorf("%d files of %d octets in all", len(files), total)
	}
	lines(t, dir)
}

func TestIPv6IsCountedByNetwork(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, seclog.Options{})
	for i := range 5 {
		l.Note(seclog.Entry{At: time.Now(), What: "x", Source: netip.MustParseAddrPort(fmt.Sprintf("[2001:db8:1:2::%d]:5060", i+1))})
	}
	l.Note(seclog.Entry{At: time.Now(), What: "x", Source: netip.MustParseAddrPort("[::ffff:192.0.2.1]:5060")})
	if s := l.Sources(9); len(s) != 2 || s[0].Count != 5 || s[0].Addr.String() != "2001:db8:1:2::" || s[1].Addr.String() != "192.0.2.1" {
		t.Errorf("%+v", s)
	}
	closeLog(t, l)
	l = open(t, dir, seclog.Options{})
	l.Note(seclog.Entry{At: time.Now(), What: "x", Source: from(1)})
	closeLog(t, l)
	if n := len(lines(t, dir)); n != 7 {
		t.Errorf("%d lines after it was opened again", n)
	}
}

func BenchmarkNote(b *testing.B) {
	l := open(b, b.TempDir(), seclog.Options{})
	defer l.Close()
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		l.Note(seclog.Entry{At: time.Now(), What: "unknown account", Source: from(i % 10_000), Who: "101", Method: "INVITE"})
	}
}
