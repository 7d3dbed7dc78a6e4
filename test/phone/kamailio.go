package phone

import (
	"fmt"
	"net"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// Kamailio is a running Kamailio that stands between phones and an exchange.
type Kamailio struct {
	Addr string // host:port of its UDP socket
	Out  *Output
}

// kamailio is the configuration of every Kamailio of ours: where it listens, the modules that it has besides, and
// what it does with a request that has not gone in circles and is no CANCEL.
const kamailio = `debug=2
log_stderror=yes
children=2
listen=udp:%s
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/:/usr/lib/aarch64-linux-gnu/kamailio/modules/"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "siputils.so"
loadmodule "textops.so"
%s
request_route {
	if (!mf_process_maxfwd_header("10")) {
		sl_send_reply("483", "Too Many Hops");
		exit;
	}
	force_rport();
	if (is_method("CANCEL")) {
		if (t_check_trans()) t_relay();
		exit;
	}
%s}
`

const edgeModules = `loadmodule "path.so"
modparam("path", "use_received", 1)
`

// edge sends what phones say to the exchange, with its Path in a REGISTER and its Record-Route in what
// makes a dialog, and what the exchange says where its Route leads (RFC 3327).
const edge = `	if (is_method("INVITE")) record_route();
	if ($si == "%[1]s" && $sp == %[2]s || has_totag()) {
		loose_route();
		$var(way) = $rc;
		if ($var(way) > 0 || $var(way) == -3) t_relay(); # -3: a route that was loaded before, ours by its Path
		else if (!is_method("ACK")) sl_send_reply("404", "Not Here");
		exit;
	}
	if (is_method("REGISTER") && !add_path_received()) {
		sl_send_reply("503", "No Path");
		exit;
	}
	$du = "sip:%[1]s:%[2]s";
	t_relay();
`

const carrierModules = `loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
modparam("usrloc", "db_mode", 0)
`

// carrier is a registrar with digest, and a proxy that asks for digest in calls of its subscribers: who
// calls must be registered here and say who it is. %[1]s is the password of all.
const carrier = `	if (has_totag()) {
		if (loose_route()) t_relay();
		else if (is_method("ACK")) { if (t_check_trans()) t_relay(); }
		else sl_send_reply("404", "Not Here");
		exit;
	}
	if (is_method("ACK")) {
		if (t_check_trans()) t_relay();
		exit;
	}
	if (is_method("OPTIONS")) {
		sl_send_reply("200", "OK");
		exit;
	}
	if (is_method("REGISTER")) {
		if (!pv_www_authenticate("carrier.test", "%[1]s", "0")) {
			www_challenge("carrier.test", "1");
			exit;
		}
		save("location");
		exit;
	}
	if ($si == "%[2]s" && !pv_proxy_authenticate("carrier.test", "%[1]s", "0")) {
		proxy_challenge("carrier.test", "1");
		exit;
	}
	consume_credentials();
	record_route();
	if (!lookup("location")) {
		sl_send_reply("404", "Not Found");
		exit;
	}
	t_relay();
`

// StartCarrier starts a carrier at 127.0.0.3, which asks the machine at customer for digest in calls too.
func StartCarrier(t testing.TB, password, customer string) *Kamailio {
	t.Helper()
	return startKamailio(t, "127.0.0.3", carrierModules, fmt.Sprintf(carrier, password, customer))
}

// StartKamailio starts an edge proxy at 127.0.0.2 before an exchange.
func StartKamailio(t testing.TB, exchange string) *Kamailio {
	t.Helper()
	host, port, _ := net.SplitHostPort(exchange)
	return startKamailio(t, "127.0.0.2", edgeModules, fmt.Sprintf(edge, host, port))
}

// startKamailio runs a Kamailio at a host until the test ends.
func startKamailio(t testing.TB, host, modules, route string) *Kamailio {
	t.Helper()
	Need(t, "kamailio")
	k := &Kamailio{Addr: fmt.Sprintf("%s:%d", host, FreePort(t)), Out: &Output{}}
	folder := t.TempDir()
	file := write(t, folder, "kamailio.cfg", fmt.Sprintf(kamailio, k.Addr, modules, route))
	cmd := exec.Command("kamailio", "-f", file, "-DD", "-E", "-m", "32", "-M", "4", "-Y", folder, "-P", folder+"/pid")
	cmd.Stdout, cmd.Stderr = k.Out, k.Out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // it has children of its own
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	gone := make(chan error, 1)
	go func() { gone <- cmd.Wait() }()
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		select {
		case <-gone:
		case <-time.After(5 * time.Second):
			syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		}
	})
	Eventually(t, 10*time.Second, "kamailio answers", func() bool {
		select {
		case err := <-gone:
			t.Fatalf("kamailio ended: %v\n%s", err, k.Out)
		default:
		}
		return answersUDP(k.Addr)
	})
	return k
}

// answersUDP reports whether whatever listens at an address answers an OPTIONS.
func answersUDP(addr string) bool {
	c, err := net.Dial("udp", addr)
	if err != nil {
		return false
	}
	defer c.Close()
	fmt.Fprintf(c, "OPTIONS sip:%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKprobe;rport\r\nMax-Forwards: 0\r\nFrom: <sip:probe@localhost>;tag=1\r\nTo: <sip:%s>\r\nCall-ID: probe\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n", addr, c.LocalAddr(), addr)
	c.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	n, err := c.Read(make([]byte, 2048))
	return err == nil && n > 0
}
