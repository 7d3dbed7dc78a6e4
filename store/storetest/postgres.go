package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"sort"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Databases runs a test on a new, empty database of every kind: an SQLite file, and PostgreSQL where
// Debian's package is installed. With SANTRAL_TEST_POSTGRES=require its absence fails the test.
func Databases(t *testing.T, test func(t *testing.T, dsn string)) {
	t.Run("sqlite", func(t *testing.T) { test(t, filepath.Join(t.TempDir(), "santral.db")) })
	t.Run("postgres", func(t *testing.T) { test(t, Postgres(t)) })
}

// Postgres gives the address of a new database in this process's own PostgreSQL, which is started on
// first use and stopped by Main.
func Postgres(t testing.TB) string {
	t.Helper()
	cluster.once.Do(func() { cluster.err = cluster.start() })
	if errors.Is(cluster.err, errNoPostgres) && os.Getenv("SANTRAL_TEST_POSTGRES") != "require" {
		t.Skip(cluster.err)
	}
	if cluster.err != nil {
		t.Fatal(cluster.err)
	}
	cluster.mu.Lock()
	cluster.count++
	name := "t" + strconv.Itoa(cluster.count)
	cluster.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := pgx.Connect(ctx, cluster.dsn("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx)
	if _, err := c.Exec(ctx, "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	return cluster.dsn(name)
}

var (
	cluster       server
	errNoPostgres = errors.New("PostgreSQL is not installed, and tests need it: apt-get install postgresql")
)

// server is a PostgreSQL with its own folder and a unix socket in it.
type server struct {
	once  sync.Once
	err   error
	dir   string
	cmd   *exec.Cmd
	mu    sync.Mutex
	count int
}

func (s *server) dsn(database string) string {
	return (&url.URL{Scheme: "postgres", User: url.User("postgres"), Path: "/" + database, RawQuery: url.Values{"host": {s.dir}}.Encode()}).String()
}

func (s *server) start() error {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		return errNoPostgres
	}
	sort.Strings(found)
	bin := filepath.Dir(found[len(found)-1])
	dir, err := os.MkdirTemp("/tmp", "santral-pg-") // a socket's path must be short
	if err != nil {
		return err
	}
	s.dir = dir
	attr := &syscall.SysProcAttr{Pdeathsig: syscall.SIGQUIT}
	if os.Getuid() == 0 { // PostgreSQL refuses to run as root
		if attr.Credential, err = s.give(dir); err != nil {
			return err
		}
	}
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", filepath.Join(dir, "data"), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	initdb.SysProcAttr, initdb.Dir = attr, dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	var log bytes.Buffer
	s.cmd = exec.Command(filepath.Join(bin, "postgres"), "-D", filepath.Join(dir, "data"), "-k", dir, "-h", "", "-F", "-c", "max_connections=50", "-c", "shared_buffers=32MB")
	s.cmd.SysProcAttr, s.cmd.Dir, s.cmd.Stderr = attr, dir, &log
	if err := s.cmd.Start(); err != nil {
		return err
	}
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		c, err := pgx.Connect(context.Background(), s.dsn("postgres"))
		if err == nil {
			return c.Close(context.Background())
		}
		select {
		case <-again.C:
		case <-deadline.C:
			return fmt.Errorf("PostgreSQL did not start: %w: %s", err, log.String())
		}
	}
}

// give hands the folder to the user postgres.
func (s *server) give(dir string) (*syscall.Credential, error) {
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, err
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, os.Chown(dir, uid, gid)
}

func (s *server) stop() {
	if s.cmd != nil && s.cmd.Process != nil {
		s.cmd.Process.Signal(syscall.SIGQUIT)
		s.cmd.Wait()
	}
	if s.dir != "" {
		os.RemoveAll(s.dir)
	}
}
