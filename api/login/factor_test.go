package login

import (
	"encoding/base32"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"santral/api"
)

// The values of RFC 4226 appendix D and RFC 6238 appendix B (whose eight digits end in our six).
func TestCodes(t *testing.T) {
	key := []byte("12345678901234567890")
	for step, want := range []string{"755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"} {
		if got := codeAt(key, int64(step)); got != want {
			t.Errorf("step %d: %s, want %s", step, got, want)
		}
	}
	for at, want := range map[int64]string{59: "94287082", 1111111109: "07081804", 1111111111: "14050471", 1234567890: "89005924", 2000000000: "69279037", 20000000000: "65353130"} {
		step, ok := stepOf(key, want[2:], time.Unix(at, 0), 0)
		if !ok || step != at/30 {
			t.Errorf("%d: step %d, %v", at, step, ok)
		}
	}
	now := time.Unix(1111111111, 0)
	for off, good := range map[int64]bool{-2: false, -1: true, 0: true, 1: true, 2: false} {
		if _, ok := stepOf(key, codeAt(key, now.Unix()/30+off), now, 0); ok != good {
			t.Errorf("%d steps off: %v", off, ok)
		}
	}
	if _, ok := stepOf(key, codeAt(key, now.Unix()/30), now, now.Unix()/30); ok {
		t.Error("a code was taken twice")
	}
	if latin("۱۲۳ ٤٥٦") != "123456" {
		t.Error("a code of a Persian keyboard is not read")
	}
}

func TestSecondFactor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		defer h.Close()
		_, who := h.enter("sample", "sara")
		const password = "four words in a row"
		_, no := h.Enrol(t.Context(), who, "wrong")
		h.bad(no, 403, "not your password")
		address, no := h.Enrol(t.Context(), who, password)
		h.good(no)
		u, err := url.Parse(address)
		if err != nil || u.Scheme != "otpauth" || u.Host != "totp" || u.Path != "/Santral:sara@sample" || u.Query().Get("issuer") != "Santral" {
			t.Errorf("%s, %v", address, err)
		}
		key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(u.Query().Get("secret"))
		if err != nil || len(key) != 20 {
			t.Fatalf("secret of %d octets, %v", len(key), err)
		}
		if strings.Contains(string(h.memory.logins["sample/sara"].Factor), string(key)) {
			t.Error("the secret is kept as it is")
		}
		code := func() string { return codeAt(key, time.Now().Unix()/30) }
		signIn := func(given string) *api.Denial {
			_, _, no := h.signIn(t.Context(), proof{Tenant: "sample", User: "sara", Password: password, Code: given, Source: here})
			return no
		}
		h.good(signIn("")) // not before it was confirmed
		_, no = h.Confirm(t.Context(), who, "000000")
		h.bad(no, 422, "wrong")
		first := code()
		codes, no := h.Confirm(t.Context(), who, first)
		h.good(no)
		if len(codes) != recoveries {
			t.Fatalf("%d recovery codes", len(codes))
		}
		if strings.Contains(fmt.Sprintf("%+v", h.memory.logins), codes[0]) {
			t.Error("recovery codes are kept as they are")
		}
		_, no = h.Enrol(t.Context(), who, password)
		h.bad(no, 409, "take it away")
		_, no = h.Confirm(t.Context(), who, first)
		h.bad(no, 409, "")
		no = signIn("")
		h.bad(no, 401, "code")
		if no.Wants != "code" {
			t.Errorf("wants %q", no.Wants)
		}
		h.bad(signIn(first), 401, "used before") // also what confirmed it
		time.Sleep(30 * time.Second)
		next := code()
		h.good(signIn(next))
		h.bad(signIn(next), 401, "used before")
		h.good(signIn(strings.ToUpper(codes[3])))
		h.bad(signIn(codes[3]), 401, "")
		if m, _ := h.Stands(t.Context(), who, "sample", "sara"); !m.Proved || m.Codes != recoveries-1 {
			t.Errorf("stands %+v", m)
		}
		// A wrong password says nothing of a factor.
		_, _, no = h.signIn(t.Context(), proof{Tenant: "sample", User: "sara", Password: "wrong", Source: here})
		h.bad(no, 401, denied)
		// Who has the password can't try all codes, from wherever.
		time.Sleep(forget + time.Minute)
		tried := 0
		for i := range 200 {
			_, _, no := h.signIn(t.Context(), proof{Tenant: "sample", User: "sara", Password: password, Code: "000000", Source: there.Next()})
			if no.Status == 401 {
				tried++
			}
			if i%5 == 0 {
				h.slow.passed(sourceKey(there.Next())) // as if from other sources
			}
			time.Sleep(10 * time.Second)
		}
		if tried > 20 {
			t.Errorf("%d codes were tried in %v", tried, 2000*time.Second)
		}
		time.Sleep(codesPause + forget)
		_, now := h.enter2(code())
		h.bad(h.Leave(t.Context(), now, password, ""), 401, "code")
		time.Sleep(time.Minute)
		h.good(h.Leave(t.Context(), now, password, code()))
		h.good(signIn(""))
		h.bad(h.Leave(t.Context(), now, password, ""), 404, "no second factor")
	})
}

// enter2 signs sara in with a code.
func (h *house) enter2(code string) (string, api.Identity) {
	h.t.Helper()
	text, _, no := h.signIn(h.t.Context(), proof{Tenant: "sample", User: "sara", Password: "four words in a row", Code: code, Source: here})
	h.good(no)
	who, no := h.asks("GET", "/", here, "Cookie", SecureCookie+"="+text)
	h.good(no)
	return text, who
}

// An administrator takes the factor away of who has lost it, and nobody else's.
func TestResetFactor(t *testing.T) {
	h := newHouse(t)
	defer h.Close()
	_, who := h.enter("sample", "sara")
	address, no := h.Enrol(t.Context(), who, "four words in a row")
	h.good(no)
	u, _ := url.Parse(address)
	key, _ := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(u.Query().Get("secret"))
	_, no = h.Confirm(t.Context(), who, codeAt(key, time.Now().Unix()/30))
	h.good(no)
	other := api.Identity{Kind: "session", Tenant: "other", Name: "sara", Role: 4}
	h.bad(h.ResetFactor(t.Context(), other, "sample", "sara"), 404, "")
	_, no = h.Stands(t.Context(), other, "sample", "sara")
	h.bad(no, 404, "")
	if m, no := h.Stands(t.Context(), root, "sample", "sara"); no != nil || !m.Has || !m.Proved {
		t.Errorf("%+v %v", m, no)
	}
	h.good(h.ResetFactor(t.Context(), root, "sample", "sara"))
	h.enterAgain("sample", "sara")
}
