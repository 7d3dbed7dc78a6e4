package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"santral/base/doc"
)

const boot = `
listen: [{transport: udp, address: "127.0.0.1:5060"}]
data: data
tenants: tenants
`

func TestRecordings(t *testing.T) {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	hybrid, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("id", "# made for a test\n"+key.String()+"\n")
	write("s3.yaml", "access_key: AKIA\nsecret_key: hush\n")
	write("santral.yaml", boot+`
recordings:
  folder: tapes
  format: opus
  rate: 16000
  seal: [`+key.Recipient().String()+", "+hybrid.Recipient().String()+`]
  identity: id
  free: 2.5%
  most: 20
  longest: 90m
  s3: {endpoint: "http://127.0.0.1:7070/", bucket: recordings, region: x, prefix: santral, path_style: true, secrets: s3.yaml}
`)
	var problems doc.Problems
	b := Read(filepath.Join(dir, "santral.yaml"), &problems)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	r := b.Recordings
	if r.Folder != filepath.Join(dir, "tapes") || r.Format != "opus" || r.Rate != 16000 || len(r.Seal) != 2 || len(r.Identities) != 1 || r.Free != (Free{Share: .025}) || r.Most != 20 || r.Longest != 90*time.Minute {
		t.Errorf("%+v", r)
	}
	if want := (S3{Endpoint: "http://127.0.0.1:7070", Bucket: "recordings", Region: "x", Prefix: "santral/", PathStyle: true, AccessKey: "AKIA", SecretKey: "hush"}); r.S3 != want {
		t.Errorf("%+v", r.S3)
	}

	b, p := read(t, boot)
	if r := b.Recordings; p.Err() != nil || r.Format != "wav" || r.Rate != 8000 || r.Free != (Free{Octets: 1 << 30}) || r.Most != 1000 || r.Longest != 6*time.Hour || r.S3 != (S3{}) || r.Seal != nil {
		t.Errorf("%+v %v", r, p.Err())
	}
}

func TestWhatRecordingsCannotBe(t *testing.T) {
	for text, want := range map[string]string{
		"{format: mp3}":                       ":6:22: ",
		"{rate: 44100}":                       "8000",
		"{seal: []}":                          "at least one recipient",
		"{seal: [age1nobody]}":                "recipient that begins with age1",
		"{seal: [AGE-SECRET-KEY-1X]}":         "recipient that begins with age1",
		"{identity: none}":                    "can't be read",
		"{identity: santral.yaml}":            "holds no identity",
		"{free: much}":                        "a size such as",
		"{free: 95%}":                         "share of the disk",
		"{free: -1GiB}":                       "a size such as",
		"{free: NaN%}":                        "share of the disk",
		"{most: 0}":                           ":6:20: ",
		"{longest: 1s}":                       ":6:23: ",
		"{folder: ''}":                        "must name a folder",
		"{s3: {bucket: abc}}":                 "endpoint",
		"{s3: {endpoint: s3.example.com}}":    "must be the address of a server",
		"{s3: {endpoint: 'https://a.b/c'}}":   "must be the address of a server",
		"{s3: {endpoint: 'https://u:p@a.b'}}": "must be the address of a server",
		"{s3: {bucket: A}}":                   "a bucket's name",
		"{s3: {prefix: /}}":                   "what the names of objects begin with",
		"{s3: {secrets: none}}":               "can't be read",
		"{s3: {secrets: santral.yaml}}":       "must hold access_key: and secret_key:",
		"{s3: {access_key: x}}":               "write access_key and secret_key",
		"{sealed: true}":                      "sealed",
	} {
		_, problems := read(t, boot+"\nrecordings: "+text+"\n")
		if err := problems.Err(); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "santral.yaml:6:") {
			t.Errorf("%s: %v", text, err)
		}
	}
	for text, want := range map[string]Free{"0MiB": {}, "500MiB": {Octets: 500 << 20}, "1.5 GiB": {Octets: 3 << 29}, "2TiB": {Octets: 2 << 40}, "0%": {}, "10%": {Share: .1}} {
		b, problems := read(t, boot+"\nrecordings: {free: "+text+"}\n")
		if err := problems.Err(); err != nil || b.Recordings.Free != want {
			t.Errorf("%s: %+v %v", text, b.Recordings.Free, err)
		}
	}
}
