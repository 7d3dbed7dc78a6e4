package blob

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"santral/store"
)

// Bucket says where a server keeps blobs.
type Bucket struct {
	Endpoint  string // "https://s3.example.com", or http:// on a network of one's own
	Name      string
	Region    string // "" asks the server
	Prefix    string // before every name, "" or with a "/" at its end
	PathStyle bool   // the bucket's name stands in the path, not in the host's name
	AccessKey string
	SecretKey string
}

// S3 keeps blobs as the objects of a bucket. It owns nothing but connections.
type S3 struct {
	client *minio.Client
	at     Bucket
	wire   *http.Transport
}

var _ store.Blobs = (*S3)(nil)

// Limits of what a server may take.
const (
	answerTime = 30 * time.Second // to answer a request, and between two pieces of a blob that is read
	tries      = 4                // of one request, with growing pauses
	slowest    = 64 << 10         // octets a second at which a blob is put; slower counts as stuck
	part       = 8 << 20          // octets of a piece; what is no larger is put in one
	mostParts  = 9000             // pieces of one blob; the standard's limit is 10,000
)

// OpenS3 makes a store of a bucket. It does not ask the server: see Check.
func OpenS3(b Bucket) (*S3, error) {
	u, err := url.Parse(b.Endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Path != "" && u.Path != "/" {
		return nil, fmt.Errorf("open a bucket: %q is no address such as https://s3.example.com", b.Endpoint)
	}
	wire := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: answerTime,
		MaxIdleConnsPerHost:   16,
		IdleConnTimeout:       time.Minute,
		DisableCompression:    true,
		ForceAttemptHTTP2:     true,
	}
	o := &minio.Options{
		Creds: credentials.NewStaticV4(b.AccessKey, b.SecretKey, ""), Secure: u.Scheme == "https", Region: b.Region,
		Transport: wire, MaxRetries: tries, BucketLookup: minio.BucketLookupDNS,
	}
	if b.PathStyle {
		o.BucketLookup = minio.BucketLookupPath
	}
	client, err := minio.New(u.Host, o)
	if err != nil {
		return nil, fmt.Errorf("open a bucket: %w", err)
	}
	return &S3{client: client, at: b, wire: wire}, nil
}

// Close lets the connections go.
func (s *S3) Close() { s.wire.CloseIdleConnections() }

// Check asks the server whether the bucket is there for us.
func (s *S3) Check(ctx context.Context) error {
	ctx, stop := context.WithTimeout(ctx, answerTime)
	defer stop()
	there, err := s.client.BucketExists(ctx, s.at.Name)
	if err != nil {
		return fmt.Errorf("ask for bucket %s at %s: %w", s.at.Name, s.at.Endpoint, err)
	}
	if !there {
		return fmt.Errorf("there is no bucket %s at %s", s.at.Name, s.at.Endpoint)
	}
	return nil
}

func (s *S3) key(name string) (string, error) {
	if err := store.CheckBlobName(name); err != nil {
		return "", err
	}
	return s.at.Prefix + name, nil
}

// Put is as store.Blobs says. Each piece goes with its checksum, and the server refuses what arrives as something else.
func (s *S3) Put(ctx context.Context, name string, r io.Reader, size int64) error {
	key, err := s.key(name)
	if err != nil {
		return err
	}
	if size < 0 || size > store.MaxBlob {
		return fmt.Errorf("put %s: %d octets are too many", name, size)
	}
	ctx, stop := context.WithTimeout(ctx, 2*answerTime+time.Duration(size/slowest)*time.Second)
	defer stop()
	from := io.Reader(&exact{patient{ctx, r}, size})
	o := minio.PutObjectOptions{ContentType: "application/octet-stream", SendContentMd5: true, PartSize: uint64(max(part, size/mostParts))}
	if size <= part { // in memory, so that it can be tried again
		whole, err := io.ReadAll(io.LimitReader(from, size+1))
		if err == nil && int64(len(whole)) != size {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return fmt.Errorf("put %s: %w", name, err)
		}
		from, o.DisableMultipart = bytes.NewReader(whole), true
	} else if err := s.client.RemoveIncompleteUpload(ctx, s.at.Name, key); err != nil { // of a process that was killed
		return fmt.Errorf("put %s: %w", name, err)
	}
	if _, err := s.client.PutObject(ctx, s.at.Name, key, from, size, o); err != nil {
		return fmt.Errorf("put %s: %w", name, err)
	}
	return nil
}

// exact gives so many octets and fails, before the last of them is given, when there are more or fewer.
type exact struct {
	r    io.Reader
	left int64
}

// Read reads and counts.
func (e *exact) Read(b []byte) (int, error) {
	if e.left == 0 {
		return 0, e.more()
	}
	if int64(len(b)) > e.left {
		b = b[:e.left]
	}
	n, err := e.r.Read(b)
	if e.left -= int64(n); e.left > 0 {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return n, err
	}
	if err := e.more(); err != io.EOF {
		return 0, err
	}
	return n, nil
}

// more looks whether anything is left, and gives io.EOF when nothing is.
func (e *exact) more() error {
	var one [1]byte
	for {
		if n, err := e.r.Read(one[:]); n > 0 {
			return errors.New("there are more octets than were announced")
		} else if err != nil {
			return err
		}
	}
}

// Open is as store.Blobs says.
func (s *S3) Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	key, err := s.key(name)
	if err != nil {
		return nil, err
	}
	if offset < 0 {
		return nil, fmt.Errorf("open %s at %d", name, offset)
	}
	if length == 0 {
		return s.nothing(ctx, name, offset)
	}
	var o minio.GetObjectOptions
	if offset > 0 || length > 0 {
		end := int64(0) // to the end
		if length > 0 {
			end = offset + length - 1
		}
		if offset == 0 && end == 0 { // the one octet that SetRange takes for everything
			o.Set("Range", "bytes=0-0")
		} else if err := o.SetRange(offset, end); err != nil {
			return nil, fmt.Errorf("open %s: %w", name, err)
		}
	}
	ctx, stop := context.WithCancel(ctx)
	body, _, _, err := minio.Core{Client: s.client}.GetObject(ctx, s.at.Name, key, o)
	if err != nil {
		stop()
		if minio.ToErrorResponse(err).StatusCode == http.StatusRequestedRangeNotSatisfiable {
			return s.nothing(ctx, name, offset)
		}
		return nil, absent("open", name, err)
	}
	return &answer{body: body, stop: stop}, nil
}

// nothing opens no octets at an offset, if that is within the blob.
func (s *S3) nothing(ctx context.Context, name string, offset int64) (io.ReadCloser, error) {
	info, err := s.Stat(context.WithoutCancel(ctx), name)
	if err != nil {
		return nil, err
	}
	if offset > info.Size {
		return nil, fmt.Errorf("open %s at %d: it has %d octets", name, offset, info.Size)
	}
	return io.NopCloser(bytes.NewReader(nil)), nil
}

// answer is a blob on its way; a server that falls silent is given up.
type answer struct {
	body io.ReadCloser
	stop context.CancelFunc
}

// Read reads what comes, for which it waits as long as for any answer.
func (a *answer) Read(b []byte) (int, error) {
	late := time.AfterFunc(answerTime, a.stop)
	defer late.Stop()
	return a.body.Read(b)
}

// Close ends it.
func (a *answer) Close() error {
	a.stop()
	return a.body.Close()
}

// Stat is as store.Blobs says.
func (s *S3) Stat(ctx context.Context, name string) (store.BlobInfo, error) {
	key, err := s.key(name)
	if err != nil {
		return store.BlobInfo{}, err
	}
	ctx, stop := context.WithTimeout(ctx, answerTime)
	defer stop()
	info, err := s.client.StatObject(ctx, s.at.Name, key, minio.StatObjectOptions{})
	if err != nil {
		return store.BlobInfo{}, absent("look for", name, err)
	}
	return store.BlobInfo{Name: name, Size: info.Size, Modified: info.LastModified.UTC()}, nil
}

// Delete is as store.Blobs says.
func (s *S3) Delete(ctx context.Context, name string) error {
	key, err := s.key(name)
	if err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(ctx, answerTime)
	defer stop()
	if err := s.client.RemoveObject(ctx, s.at.Name, key, minio.RemoveObjectOptions{}); err != nil && !gone(err) {
		return fmt.Errorf("delete %s: %w", name, err)
	}
	return nil
}

// List is as store.Blobs says. Objects whose names no blob can have are passed over.
func (s *S3) List(ctx context.Context, prefix, after string, limit int) ([]store.BlobInfo, error) {
	if limit <= 0 || limit > store.MaxBlobList {
		limit = store.MaxBlobList
	}
	ctx, stop := context.WithTimeout(ctx, 4*answerTime)
	defer stop()
	o := minio.ListObjectsOptions{Prefix: s.at.Prefix + prefix, Recursive: true, MaxKeys: limit}
	if after != "" {
		o.StartAfter = s.at.Prefix + after
	}
	var list []store.BlobInfo
	for info := range s.client.ListObjectsIter(ctx, s.at.Name, o) {
		if info.Err != nil {
			return nil, fmt.Errorf("list %s: %w", prefix, info.Err)
		}
		name := info.Key[min(len(s.at.Prefix), len(info.Key)):]
		if store.CheckBlobName(name) != nil {
			continue
		}
		list = append(list, store.BlobInfo{Name: name, Size: info.Size, Modified: info.LastModified.UTC()})
		if len(list) == limit {
			break
		}
	}
	return list, nil
}

func gone(err error) bool {
	r := minio.ToErrorResponse(err)
	return r.Code == minio.NoSuchKey || r.StatusCode == http.StatusNotFound && r.Code != minio.NoSuchBucket
}

func absent(verb, name string, err error) error {
	if gone(err) {
		return store.ErrNotFound
	}
	return fmt.Errorf("%s %s: %w", verb, name, err)
}
