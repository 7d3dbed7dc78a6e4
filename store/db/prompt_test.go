package db_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"santral/store"
	"santral/store/storetest"
)

// Versions of a prompt are counted, one is heard, and the oldest go; tenants and languages are apart.
func TestPrompts(t *testing.T) {
	storetest.Databases(t, func(t *testing.T, dsn string) {
		d := open(t, dsn)
		ctx := t.Context()
		most := store.PromptLimits{Prompts: 4, Versions: 3}
		key := store.PromptKey{Tenant: "sample", Language: "fa", ID: "general.hello"}
		made := time.Date(2026, 3, 21, 10, 0, 0, 0, time.UTC)
		version := func(key store.PromptKey, n int) store.PromptVersion {
			return store.PromptVersion{
				PromptKey: key, Made: made.Add(time.Duration(n) * time.Millisecond), By: "101", Origin: "tts", Text: "سلام", Long: 1500, Loudness: -16.25, Octets: 44, SHA256: "ab",
				Blob: fmt.Sprint("b", n),
			}
		}
		add := func(key store.PromptKey, n int, named bool) (store.PromptVersion, []store.PromptVersion) {
			t.Helper()
			v, gone, err := d.AddPrompt(ctx, version(key, n), named, 9001, most)
			if err != nil {
				t.Fatal(err)
			}
			return v, gone
		}
		if _, err := d.PromptVersions(ctx, key); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("before the first: %v", err)
		}
		if err := d.HearPrompt(ctx, key, 0); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("before the first: %v", err)
		}
		for n := 1; n <= 3; n++ {
			if v, gone := add(key, n, false); v.Version != n || gone != nil {
				t.Fatalf("%+v %v", v, gone)
			}
		}
		want := version(key, 3)
		want.Version, want.Current = 3, true
		list, err := d.PromptVersions(ctx, key)
		if err != nil || len(list) != 3 || cmp.Diff(want, list[0]) != "" || list[1].Current {
			t.Fatalf("%v %s", err, cmp.Diff(want, list[0]))
		}
		if err := d.HearPrompt(ctx, key, 1); err != nil {
			t.Fatal(err)
		}
		own, err := d.OwnPrompts(ctx, "sample")
		if err != nil || len(own) != 1 || own[0].Number != 0 || own[0].Heard == nil || own[0].Heard.Version != 1 || own[0].Heard.Blob != "b1" {
			t.Fatalf("%+v %v", own, err)
		}
		if _, err := d.DropPrompt(ctx, key, 1); !errors.Is(err, store.ErrHeard) {
			t.Errorf("the one that is heard: %v", err)
		}
		for _, no := range []int{4, -1} {
			if err := d.HearPrompt(ctx, key, no); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("version %d: %v", no, err)
			}
			if _, err := d.DropPrompt(ctx, key, no); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("version %d: %v", no, err)
			}
		}
		if v, gone := add(key, 4, false); v.Version != 4 || len(gone) != 1 || gone[0].Version != 1 || gone[0].Blob != "b1" {
			t.Errorf("the fourth: %+v, gone %+v", v, gone)
		}
		if gone, err := d.DropPrompt(ctx, key, 3); err != nil || len(gone) != 1 || gone[0].Blob != "b3" {
			t.Errorf("%+v %v", gone, err)
		}
		if err := d.HearPrompt(ctx, key, 0); err != nil {
			t.Fatal(err)
		}
		if own, err = d.OwnPrompts(ctx, ""); err != nil || len(own) != 1 || own[0].Heard != nil {
			t.Errorf("with our own voice: %+v %v", own, err)
		}
		if list, err = d.PromptVersions(ctx, key); err != nil || len(list) != 2 || list[0].Version != 4 || list[0].Current || list[1].Version != 2 {
			t.Errorf("%+v %v", list, err)
		}

		// A name of the tenant's own has one number in all languages; another tenant counts for itself.
		mine := store.PromptKey{Tenant: "sample", Language: "fa", ID: "own.welcome"}
		english, other, foreign := mine, mine, mine
		english.Language, other.ID, foreign.Tenant = "en", "own.other", "foreign"
		for i, k := range []store.PromptKey{mine, other, english, foreign} {
			add(k, 10+i, true)
		}
		if own, err = d.OwnPrompts(ctx, ""); err != nil {
			t.Fatal(err)
		}
		numbers := map[store.PromptKey]int{}
		for _, o := range own {
			numbers[o.PromptKey] = o.Number
		}
		if diff := cmp.Diff(map[store.PromptKey]int{key: 0, mine: 9001, other: 9002, english: 9001, foreign: 9001}, numbers); diff != "" {
			t.Error(diff)
		}
		fifth := mine
		fifth.ID = "own.fifth"
		if _, _, err := d.AddPrompt(ctx, version(fifth, 20), true, 9001, most); !errors.Is(err, store.ErrPrompts) {
			t.Errorf("one too many: %v", err)
		}
		if gone, err := d.DropPrompt(ctx, mine, 0); err != nil || len(gone) != 1 {
			t.Errorf("%+v %v", gone, err)
		}
		if _, err := d.DropPrompt(ctx, mine, 0); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("again: %v", err)
		}
		if own, err = d.OwnPrompts(ctx, "foreign"); err != nil || len(own) != 1 || own[0].Tenant != "foreign" {
			t.Errorf("%+v %v", own, err)
		}
		bad := key
		bad.ID = "a\x00"
		if _, err := d.PromptVersions(ctx, bad); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("no name: %v", err)
		}
	})
}
