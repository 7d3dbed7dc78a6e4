package registrar

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"santral/base/id"
	"santral/call"
	"santral/sip"
	"santral/store"
	"santral/tenant"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// journal is a registrar's memory on disk that never fails. While it is slow, what it was told is
// safe only once release says so.
type journal struct {
	mu     sync.Mutex
	rows   map[store.BindingKey]store.Binding
	writes int
	slow   bool
	owed   []func()
}

func newJournal() *journal { return &journal{rows: map[store.BindingKey]store.Binding{}} }

func (j *journal) Put(b *store.Binding, done func()) {
	j.mu.Lock()
	j.rows[b.Key()] = *b
	j.written(done)
}

func (j *journal) Delete(key store.BindingKey, done func()) {
	j.mu.Lock()
	delete(j.rows, key)
	j.written(done)
}

func (j *journal) written(done func()) {
	j.writes++
	if j.slow {
		j.owed = append(j.owed, done)
		done = nil
	}
	j.mu.Unlock()
	if done != nil {
		done()
	}
}

// release says that the first n writes that wait are safe, and gives how many waited.
func (j *journal) release(n int) int {
	j.mu.Lock()
	waited := len(j.owed)
	ready := j.owed[:min(n, waited)]
	j.owed = j.owed[len(ready):]
	j.mu.Unlock()
	for _, done := range ready {
		done()
	}
	return waited
}

// saved gives what a restart would find.
func (j *journal) saved() []store.Binding {
	j.mu.Lock()
	defer j.mu.Unlock()
	var rows []store.Binding
	for _, row := range j.rows {
		rows = append(rows, row)
	}
	return rows
}

// house is a registrar over a snapshot with accounts 101 to 109 and a line in tenant "t", and 101 in
// the tenant "t-b".
type house struct {
	t       *testing.T
	reg     *Registrar
	journal *journal
	alive   map[sip.Flow]bool // of connections; nil means that all are
	cseq    uint32
	changed func(tenant, account string)
}

func snapshot() *tenant.Snapshot {
	t := &tenant.Tenant{ID: "t", Realm: "example.net", Domains: []string{"example.net"}, Default: true}
	for n := 101; n <= 109; n++ {
		t.Accounts = append(t.Accounts, tenant.Account{Tenant: "t", Kind: tenant.Extension, Number: fmt.Sprint(n), Channels: 2, Credential: tenant.Credential{Password: "zanjanrood"}})
	}
	t.Accounts = append(t.Accounts, tenant.Account{Tenant: "t", Kind: tenant.Line, Number: "22000001", Channels: 1})
	b := &tenant.Tenant{ID: "t-b", Realm: "b.example.net", Domains: []string{"b.example.net"}}
	b.Accounts = []tenant.Account{{Tenant: "t-b", Kind: tenant.Extension, Number: "101", Channels: 2}}
	return tenant.NewSnapshot(1, []*tenant.Tenant{t, b})
}

func newHouse(t *testing.T) *house { return openHouse(t, newJournal()) }

func openHouse(t *testing.T, j *journal) *house {
	h := &house{t: t, journal: j}
	s := snapshot()
	h.reg = New(Config{
		Journal: j,
		Current: func() *tenant.Snapshot { return s },
		Alive:   func(f sip.Flow) bool { return h.alive == nil || h.alive[f] },
		Edges:   func(a netip.Addr) bool { return a == edge.Addr() },
		SentBy: func(f sip.Flow) sip.HostPort {
			return sip.HostPort{Host: f.Local.Addr().String(), Port: f.Local.Port()}
		},
		Secret: [32]byte{3}, Random: id.New([32]byte{4}), Port: 5070,
		Changed: func(tenant, account string) {
			if h.changed != nil {
				h.changed(tenant, account)
			}
		},
	}, j.saved())
	t.Cleanup(h.close)
	return h
}

func (h *house) close() {
	if h.reg != nil {
		h.reg.Close()
		h.reg = nil
	}
}

// restart gives a house with what this one's journal kept; this one is closed.
func (h *house) restart() *house {
	h.close()
	return openHouse(h.t, h.journal)
}

var (
	us    = netip.MustParseAddrPort("192.0.2.1:5060")
	phone = netip.MustParseAddrPort("192.0.2.101:5060")
	edge  = netip.MustParseAddrPort("192.0.2.50:5060")
)

func udp(remote netip.AddrPort) sip.Flow {
	return sip.Flow{Transport: sip.UDP, Local: us, Remote: remote}
}

func tcp(remote netip.AddrPort, conn uint64) sip.Flow {
	return sip.Flow{Transport: sip.TCP, Local: us, Remote: remote, Conn: conn}
}

// request makes a REGISTER of 101 with the header lines given beside the everyday ones, each of which
// a line of the same name replaces.
func request(t testing.TB, lines ...string) *sip.Message {
	t.Helper()
	head := []string{
		"Via: SIP/2.0/UDP 192.0.2.101:5060;branch=z9hG4bK1",
		"Max-Forwards: 70",
		"From: <sip:101@example.net>;tag=1",
		"To: <sip:101@example.net>",
		"Call-ID: reg@192.0.2.101",
		"CSeq: 1 REGISTER",
	}
	name := func(line string) string { n, _, _ := strings.Cut(line, ":"); return n }
	for _, line := range lines {
		i := slices.IndexFunc(head, func(l string) bool { return name(l) == name(line) })
		if i >= 0 && name(line) != "Path" {
			head[i] = line
		} else {
			head = append(head, line)
		}
	}
	m, err := sip.ParseMessage("REGISTER sip:example.net SIP/2.0\r\n" + strings.Join(head, "\r\n") + "\r\nContent-Length: 0\r\n\r\n")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func party(account string) call.Party {
	return call.Party{Tenant: "t", Account: account, Number: account}
}

// send registers 101 from its phone with the next CSeq, and gives the answer.
func (h *house) send(lines ...string) *sip.Message {
	h.t.Helper()
	return h.from("101", udp(phone), lines...)
}

// from registers an account over a flow with the next CSeq, and gives the answer.
func (h *house) from(account string, flow sip.Flow, lines ...string) *sip.Message {
	h.t.Helper()
	h.cseq++
	lines = append([]string{fmt.Sprintf("CSeq: %d REGISTER", h.cseq)}, lines...)
	var answer *sip.Message
	h.reg.Register(request(h.t, lines...), flow, party(account), func(res *sip.Message) {
		if answer != nil {
			h.t.Error("answered twice")
		}
		answer = res
	})
	if answer == nil {
		h.t.Fatal("not answered")
	}
	return answer
}

// contacts gives the contacts of an answer in its order.
func contacts(res *sip.Message) (list []string) {
	for v := range res.Values(sip.Contact) {
		list = append(list, v)
	}
	return list
}

// reach gives where a call to 101 would go, best first.
func (h *house) reach() (list []string) {
	h.t.Helper()
	targets, ok := h.reg.Contacts("t", "101")
	if !ok {
		h.t.Fatal("account 101 is unknown")
	}
	for _, t := range targets {
		where := t.URI
		if t.Flow != "" {
			where += " on " + t.Flow
		}
		for _, e := range t.Else {
			where += " else on " + e.Flow
		}
		if t.Path != nil {
			where += " through " + strings.Join(t.Path, " ")
		}
		list = append(list, where)
	}
	return list
}

// kept gives the contacts that the journal holds for 101.
func (h *house) kept() (list []string) {
	for _, row := range h.journal.saved() {
		if row.Tenant == "t" && row.Account == "101" {
			list = append(list, row.Contact)
		}
	}
	slices.Sort(list)
	return list
}

func want[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
		t.Errorf("%s:\n got %s\nwant %s", what, g, w)
	}
}

// put sets the bindings of an account; nobody else sees the table yet.
func (t *table) put(key aor, list []binding) {
	t.of(key).put(key, list)
	for i := range list {
		if list[i].onConnection() {
			t.hang(list[i].flow, key)
		}
	}
}
