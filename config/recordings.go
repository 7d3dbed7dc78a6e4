package config

import (
	"bytes"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"filippo.io/age"

	"santral/base/doc"
)

// Recordings says how recordings lie, and where.
type Recordings struct {
	Folder     string // of the spool, and of the files unless S3 keeps them; "" for recordings in the data folder
	Format     string // "wav" or "opus"
	Rate       int    // samples a second of each channel: 8000, 16000 or 48000
	Seal       []age.Recipient
	Identities []age.Identity // what opens sealed recordings here; nil for nothing
	S3         S3
	Free       Free
	Most       int           // at once
	Longest    time.Duration // one of them
}

// S3 is a bucket of a server that keeps recordings. The zero value is none.
type S3 struct {
	Endpoint  string // address, https:// or http://
	Bucket    string
	Region    string // "" asks the server
	Prefix    string // before every name, "" or with a "/" at its end
	PathStyle bool   // the bucket stands in the path, not in the host's name
	AccessKey string
	SecretKey string
}

// Free is how much of the disk stays free, below which no recording begins. One of the two is set.
type Free struct {
	Octets uint64
	Share  float64 // of the whole disk
}

// Defaults of recordings.
const (
	DefaultRate        = 8000
	DefaultFree        = 1 << 30
	DefaultRecordings  = 1000
	DefaultLongestTape = 6 * time.Hour
)

func readRecordings(n *doc.Node, base string, r *Recordings) {
	at := func(n *doc.Node) string {
		file := n.Text()
		if file != "" && !filepath.IsAbs(file) {
			file = filepath.Join(base, file)
		}
		return file
	}
	n.Map(doc.Fields{
		"folder": func(n *doc.Node) {
			if r.Folder = at(n); r.Folder == "" {
				n.Fail("must name a folder")
			}
		},
		"format": func(n *doc.Node) { r.Format = n.OneOf("wav", "opus") },
		"rate":   func(n *doc.Node) { r.Rate, _ = strconv.Atoi(n.OneOf("8000", "16000", "48000")) },
		"seal": func(n *doc.Node) {
			n.Each(func(n *doc.Node) {
				list, err := age.ParseRecipients(strings.NewReader(n.Text()))
				if err != nil || len(list) != 1 {
					n.Fail("must be a recipient that begins with age1; age-keygen makes one with its identity")
					return
				}
				r.Seal = append(r.Seal, list[0])
			})
			if len(r.Seal) == 0 {
				n.Fail("must name at least one recipient; leave the key out to keep recordings unsealed")
			}
		},
		"identity": func(n *doc.Node) {
			text, err := os.ReadFile(at(n))
			if err != nil {
				n.Fail("can't be read: %v", err)
				return
			}
			if r.Identities, err = age.ParseIdentities(bytes.NewReader(text)); err != nil {
				n.Fail("holds no identity: a line that begins with AGE-SECRET-KEY-, as age-keygen writes it")
			}
		},
		"s3":      func(n *doc.Node) { readS3(n, at, &r.S3) },
		"free":    func(n *doc.Node) { r.Free = readFree(n) },
		"most":    func(n *doc.Node) { r.Most = n.Int(1, 100_000) },
		"longest": func(n *doc.Node) { r.Longest = n.Duration(time.Minute, 24*time.Hour) },
	})
}

func readS3(n *doc.Node, at func(*doc.Node) string, s *S3) {
	keys := doc.Fields{
		"access_key": func(n *doc.Node) { s.AccessKey = n.Text() },
		"secret_key": func(n *doc.Node) { s.SecretKey = n.Text() },
	}
	fields := doc.Fields{
		"endpoint": func(n *doc.Node) {
			s.Endpoint = strings.TrimSuffix(n.Text(), "/")
			if u, err := url.Parse(s.Endpoint); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.User != nil {
				n.Fail("must be the address of a server that speaks S3, such as https://s3.example.com")
			}
		},
		"bucket": func(n *doc.Node) {
			if s.Bucket = n.Text(); len(s.Bucket) < 3 || len(s.Bucket) > 63 || strings.Trim(s.Bucket, "abcdefghijklmnopqrstuvwxyz0123456789.-") != "" {
				n.Fail("must be a bucket's name: 3 to 63 of a–z, 0–9, . and -")
			}
		},
		"region": func(n *doc.Node) { s.Region = n.Text() },
		"prefix": func(n *doc.Node) {
			s.Prefix = strings.TrimSuffix(n.Text(), "/") + "/"
			if len(s.Prefix) < 2 || len(s.Prefix) > 200 || s.Prefix[0] == '/' || strings.Contains(s.Prefix, "//") || strings.ContainsFunc(s.Prefix, func(r rune) bool { return r <= ' ' || r > '~' }) {
				n.Fail("must be what the names of objects begin with, such as santral/")
			}
		},
		"path_style": func(n *doc.Node) { s.PathStyle = n.Bool() },
		"secrets": func(n *doc.Node) {
			file := at(n)
			text, err := os.ReadFile(file)
			if err != nil {
				n.Fail("can't be read: %v", err)
				return
			}
			var problems doc.Problems
			if inner := doc.Read(file, text, &problems); inner != nil {
				inner.Map(keys, "access_key", "secret_key")
			}
			if err := problems.Err(); err != nil {
				n.Fail("must hold access_key: and secret_key:, a line each: %v", err)
			}
		},
	}
	for name, read := range keys {
		fields[name] = read
	}
	n.Map(fields, "endpoint", "bucket")
	if s.AccessKey == "" || s.SecretKey == "" {
		n.Fail("write access_key and secret_key, or secrets: with a file that holds both")
	}
}

// readFree reads a size such as 1GiB, or a share such as 2%.
func readFree(n *doc.Node) (f Free) {
	text := strings.ReplaceAll(n.Text(), " ", "")
	if share, ok := strings.CutSuffix(text, "%"); ok {
		v, err := strconv.ParseFloat(share, 64)
		if err != nil || !(v >= 0 && v <= 90) {
			n.Fail("must be a share of the disk of 0%% to 90%%, or a size")
		}
		f.Share = v / 100
		return f
	}
	for i, unit := range [...]string{"MiB", "GiB", "TiB"} {
		if number, ok := strings.CutSuffix(text, unit); ok {
			v, err := strconv.ParseFloat(number, 64)
			if err != nil || !(v >= 0 && v <= 1<<20) {
				break
			}
			f.Octets = uint64(v * float64(uint64(1)<<(20+10*i)))
			return f
		}
	}
	n.Fail("must be a size such as 500MiB or 1GiB, or a share of the disk such as 2%%")
	return f
}
