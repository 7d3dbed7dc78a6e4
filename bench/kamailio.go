//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// kamailioConfig is a registrar with digest over users in memory, and a stateful proxy that stays in
// the way of its calls; one worker. The rest is what Kamailio does untold.
const kamailioConfig = `#!KAMAILIO
debug=0
log_stderror=yes
children=1
disable_tcp=yes
auto_aliases=no
max_while_loops=1000000
listen=udp:%[1]s
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
loadmodule "htable.so"
modparam("usrloc", "db_mode", 0)
modparam("registrar", "max_contacts", 20)
modparam("htable", "htable", "users=>size=14;")

event_route[htable:mod-init] {
	$var(i) = %[2]d;
	while ($var(i) < %[3]d) {
		$sht(users=>$var(i)) = "%[4]s";
		$var(i) = $var(i) + 1;
	}
}

request_route {
	if (!mf_process_maxfwd_header("10")) {
		sl_send_reply("483", "Too Many Hops");
		exit;
	}
	if (is_method("CANCEL")) {
		if (t_check_trans()) {
			t_relay();
		}
		exit;
	}
	if (has_totag()) {
		if (loose_route()) {
			t_relay();
			exit;
		}
		if (is_method("ACK")) {
			if (t_check_trans()) {
				t_relay();
			}
			exit;
		}
		sl_send_reply("404", "Not Here");
		exit;
	}
	t_check_trans();
	if (is_method("OPTIONS")) {
		sl_send_reply("200", "OK");
		exit;
	}
	if (is_method("REGISTER")) {
		if (!pv_www_authenticate("$td", "$sht(users=>$fU)", "0")) {
			www_challenge("$td", "1");
			exit;
		}
		save("location");
		exit;
	}
	record_route();
	if (!lookup("location")) {
		sl_send_reply("404", "Not Found");
		exit;
	}
	t_relay();
}
`

// kamailio starts the peer; nil when it is not installed or not wanted.
func (b *bench) kamailio(users int) (*exchange, error) {
	program, err := exec.LookPath("kamailio")
	if err != nil || !b.peers {
		return nil, nil
	}
	folder, err := os.MkdirTemp(b.folder, "kamailio-")
	if err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	sip := freePort()
	config := filepath.Join(folder, "kamailio.cfg")
	if err := os.WriteFile(config, fmt.Appendf(nil, kamailioConfig, sip, first, first+users, password), 0o600); err != nil {
		return nil, fmt.Errorf("write Kamailio's configuration: %w", err)
	}
	p, out, err := b.launch(program, "-f", config, "-DD", "-E", "-m", "512", "-Y", folder, "-w", folder, "-P", filepath.Join(folder, "pid"))
	if err != nil {
		return nil, err
	}
	drain(out)
	served, err := options(sip, time.Now().Add(patience))
	if err != nil {
		return nil, p.failed(err)
	}
	p.family()
	return &exchange{process: p, sip: sip, answer: freePort(), served: served}, nil
}
