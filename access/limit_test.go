package access

import (
	"net/netip"
	"testing"
	"time"

	"santral/call"
	"santral/tenant"
)

var t0 = time.Date(2026, 3, 21, 12, 0, 0, 0, time.UTC)

func source4(host byte, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, host}), port)
}

func TestAGoodSourceHasRoomAndAFloodHasNot(t *testing.T) {
	g := NewGuard(DefaultLimits)
	good, bad := source4(1, 5060), source4(2, 5060)
	refused, passed := 0, 0
	for ms := range 10_000 {
		now := t0.Add(time.Duration(ms) * time.Millisecond)
		if ms%7 == 0 && !g.Ask(good, now) { // 143 a second
			refused++
		}
		for range 3 { // 3,000 a second
			if g.Ask(bad, now) {
				passed++
			}
		}
	}
	if refused > 0 {
		t.Errorf("a good source was refused %d times", refused)
	}
	if most := int(DefaultLimits.PortBurst + 10*DefaultLimits.PortRate + 1); passed > most {
		t.Errorf("the flood got %d requests in, want at most %d", passed, most)
	}
}

func TestAFloodFromManyPortsLeavesAProvenPhoneAlone(t *testing.T) {
	g := NewGuard(DefaultLimits)
	phone := source4(1, 5060)
	g.Right(phone, t0)
	refused := 0
	for ms := range 5_000 {
		now := t0.Add(time.Duration(ms) * time.Millisecond)
		for i := range 10 {
			g.Ask(source4(1, uint16(10000+(ms*10+i)%50000)), now)
		}
		if ms%50 == 0 && !g.Ask(phone, now) {
			refused++
		}
	}
	if refused > 0 {
		t.Errorf("the phone was refused %d times because of its neighbours", refused)
	}
	if g.Ask(source4(1, 9), t0.Add(4999*time.Millisecond)) {
		t.Error("a stranger at the flooding address still passes")
	}
}

func TestGuessingIsSlowedThenBannedAndForgiven(t *testing.T) {
	g := NewGuard(DefaultLimits)
	from, now := source4(9, 5060), t0
	slow, wrong := 0, 0
	for g.Hear(from, now) {
		if g.Wait(from, now) >= 400*time.Millisecond {
			slow++
		}
		g.Wrong(from, false, now)
		wrong++
		now = now.Add(20 * time.Millisecond)
	}
	if wrong != DefaultLimits.BanAfter || slow < wrong-10 {
		t.Errorf("banned after %d guesses, %d of them slow", wrong, slow)
	}
	if bans := g.Bans(now); len(bans) != 1 || bans[0].Source != from {
		t.Errorf("bans %v", bans)
	}
	if !g.Hear(source4(9, 5062), now) {
		t.Error("a neighbour behind the same address is banned too")
	}
	if !g.Hear(from, now.Add(DefaultLimits.BanFor+time.Second)) {
		t.Error("the ban does not end")
	}
	if !g.Unban(from) || !g.Hear(from, now) {
		t.Error("the ban can't be lifted")
	}
}

// Over connections every guess may come from a port of its own: the address is shut out, but never one
// from which somebody has proved himself, and over UDP, where an address may be forged, never.
func TestGuessingOverConnectionsShutsTheAddressOut(t *testing.T) {
	g := NewGuard(DefaultLimits)
	guess := func(host byte, connection bool) (banned bool) {
		for port := range DefaultLimits.HostBanAfter {
			banned = g.Wrong(source4(host, uint16(10000+port)), connection, t0) || banned
		}
		return banned
	}
	bad, good, forged := source4(1, 0), source4(2, 5060), source4(3, 0)
	g.Right(good, t0)
	if !guess(1, true) || g.Admit(bad.Addr(), t0) {
		t.Error("an address that guesses may open connections")
	}
	if guess(2, true) || !g.Admit(good.Addr(), t0) {
		t.Error("an address with a phone that has proved itself is shut out")
	}
	if guess(3, false) || !g.Admit(forged.Addr(), t0) {
		t.Error("an address is shut out for datagrams that anybody may have sent")
	}
	if !g.Hear(source4(1, 5060), t0) {
		t.Error("a phone over UDP at that address is not heard")
	}
	if bans := g.Bans(t0); len(bans) != 1 || bans[0].Source != bad {
		t.Errorf("bans %v", bans)
	}
	if !g.Admit(bad.Addr(), t0.Add(DefaultLimits.BanFor+time.Second)) {
		t.Error("the ban does not end")
	}
	if !g.Unban(bad) || !g.Admit(bad.Addr(), t0) {
		t.Error("the ban can't be lifted")
	}
}

func TestTheAllowListIsNeverBanned(t *testing.T) {
	g := NewGuard(DefaultLimits)
	from := source4(9, 5060)
	guess := func() (banned bool) {
		for range 2 * DefaultLimits.HostBanAfter {
			banned = g.Wrong(from, true, t0) || banned
		}
		return banned
	}
	g.Allow([]netip.Prefix{netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("192.0.2.8/29")})
	if guess() || !g.Hear(from, t0) || !g.Admit(from.Addr(), t0) || len(g.Bans(t0)) != 0 {
		t.Errorf("an allowed source is banned: %v", g.Bans(t0))
	}
	if g.Wait(from, t0) == 0 {
		t.Error("an allowed source guesses at full speed")
	}
	g.Allow(nil)
	if !guess() || g.Hear(from, t0) || g.Admit(from.Addr(), t0) || len(g.Bans(t0)) != 2 {
		t.Errorf("no longer allowed, and not banned: %v", g.Bans(t0))
	}
	g.Allow([]netip.Prefix{netip.MustParsePrefix("192.0.2.9/32")})
	if !g.Hear(from, t0) || !g.Admit(from.Addr(), t0) || len(g.Bans(t0)) != 0 {
		t.Error("allowing a banned source does not let it be heard at once")
	}
}

func TestSourcesAreBounded(t *testing.T) {
	limits := DefaultLimits
	limits.Sources = 1000
	g := NewGuard(limits)
	banned := source4(1, 1)
	for range limits.BanAfter {
		g.Wrong(banned, false, t0)
	}
	for i := range 50_000 {
		g.Ask(netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 5060), t0)
	}
	count := 0
	g.ports.each(func(netip.AddrPort, *source) { count++ })
	if count > 1000 {
		t.Errorf("%d sources are remembered, want at most 1000", count)
	}
	if g.Hear(banned, t0.Add(time.Second)) {
		t.Error("a flood of sources washed a ban away")
	}
}

func channels(accounts ...tenant.Account) *Channels {
	s := tenant.NewSnapshot(1, []*tenant.Tenant{{ID: "t", Accounts: accounts}})
	return NewChannels(func() *tenant.Snapshot { return s }, nil)
}

func TestALineHasOneChannel(t *testing.T) {
	c := channels(tenant.Account{Number: "22000001", Kind: tenant.Line, Channels: 1})
	release, refusal := takeLine(c, "call1", "t", "22000001", call.In)
	if refusal != nil {
		t.Fatalf("the first call is refused: %v", refusal)
	}
	if _, refusal := takeLine(c, "call2", "t", "22000001", call.Out); refusal == nil || refusal.SIP != 486 {
		t.Errorf("a second call in: %v, want 486", refusal)
	}
	if _, refusal := takeLine(c, "call3", "t", "22000001", call.In); refusal == nil || refusal.SIP != 403 {
		t.Errorf("a second call out: %v, want 403", refusal)
	}
	if _, refusal := takeLine(c, "call1", "t", "22000001", call.Out); refusal == nil {
		t.Error("the line calls itself on its only channel")
	}
	release()
	release()
	if c.InUse("t", "22000001") != 0 {
		t.Error("the channel is not free after the call")
	}
	if _, refusal := takeLine(c, "call4", "t", "22000001", call.In); refusal != nil {
		t.Errorf("after the call: %v", refusal)
	}
	if _, refusal := takeLine(c, "call5", "t", "999", call.Out); refusal == nil || refusal.SIP != 404 {
		t.Errorf("an unknown account: %v", refusal)
	}
}

func BenchmarkAsk(b *testing.B) {
	g := NewGuard(DefaultLimits)
	from := source4(1, 5060)
	b.ReportAllocs()
	now := t0
	for b.Loop() {
		now = now.Add(time.Millisecond)
		g.Ask(from, now)
	}
}
