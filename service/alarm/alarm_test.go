package alarm

import (
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func everything(*Alarm) bool { return true }

func open(t *testing.T, file string, told *[]string) *Book {
	t.Helper()
	b, err := Open(Config{File: file, Changed: func(a Alarm) {
		word := "+"
		if !a.Cleared.IsZero() {
			word = "-"
		}
		*told = append(*told, word+a.Name+" "+a.About)
	}})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestAnAlarmIsToldOnce however often it is noticed, and again when it was over.
func TestAnAlarmIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		b := open(t, filepath.Join(t.TempDir(), "alarms.json"), &told)
		defer b.Close()
		for range 3 {
			b.Raise(TrunkDown, "a", "pstn", "408 Request Timeout")
		}
		b.Raise(TrunkDown, "b", "pstn", "x")
		b.Clear(TrunkDown, "a", "pstn")
		b.Clear(TrunkDown, "a", "pstn")
		b.Raise(TrunkDown, "a", "pstn", "again")
		if got := strings.Join(told, ","); got != "+trunk-down pstn,+trunk-down pstn,-trunk-down pstn,+trunk-down pstn" {
			t.Error(got)
		}
		list := b.List(func(a *Alarm) bool { return a.Tenant == "a" })
		if len(list) != 2 || list[1].Times != 3 || list[1].Cleared.IsZero() || !list[0].Cleared.IsZero() || !strings.Contains(list[1].TextFa, "ترانک pstn") {
			t.Errorf("%+v", list)
		}
		if up := b.Up(); up["warning"] != 2 || up["critical"] != 0 {
			t.Error(up)
		}
	})
}

// TestAlarmsOverARestart: what is found anew stays, what is not is over after a while, ids go on.
func TestAlarmsOverARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "alarms.json")
		var told []string
		b := open(t, file, &told)
		b.Raise(LedgerDisk, "operator", "", "slow")
		b.Raise(TrunkDown, "a", "one", "dead")
		b.Raise(MailGivenUp, "operator", "report", "550")
		b.Close()

		told = nil
		b = open(t, file, &told)
		defer b.Close()
		b.Raise(TrunkDown, "a", "one", "still dead")
		time.Sleep(settle + time.Second)
		synctest.Wait()
		if got := strings.Join(told, ","); got != "-ledger-disk " {
			t.Error(got)
		}
		a, ok := b.Acknowledge("3", "root", everything)
		if !ok || a.By != "root" || a.Cleared.IsZero() { // a thing that has happened is over then
			t.Errorf("%+v %v", a, ok)
		}
		if a, ok = b.Acknowledge("2", "root", everything); !ok || !a.Cleared.IsZero() || a.Seen.IsZero() {
			t.Errorf("%+v %v", a, ok)
		}
		if _, ok = b.Acknowledge("2", "x", func(*Alarm) bool { return false }); ok {
			t.Error("an alarm of others is acknowledged")
		}
		b.Raise(TrunkDown, "a", "two", "dead")
		if list := b.List(everything); list[0].ID != "4" {
			t.Errorf("%+v", list[0])
		}
	})
}

// TestTheBookIsBounded however much goes wrong.
func TestTheBookIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		b := open(t, filepath.Join(t.TempDir(), "alarms.json"), &told)
		defer b.Close()
		for i := range mostOver + 500 {
			b.Raise(TrunkDown, "a", strconv.Itoa(i), strings.Repeat("x", 10*maxWhy))
			b.Clear(TrunkDown, "a", strconv.Itoa(i))
		}
		for i := range mostUp + 10 {
			b.Raise(TrunkDown, "b", strconv.Itoa(i), "")
		}
		if n := len(b.List(everything)); n != mostOver+mostUp {
			t.Error(n)
		}
	})
}
