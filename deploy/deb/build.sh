#!/usr/bin/env bash
# Builds the Debian package: deploy/deb/build.sh PROGRAM VERSION ARCHITECTURE FOLDER leaves santral_VERSION_ARCHITECTURE.deb in the folder.
set -euo pipefail
program=$1 version=$2 architecture=$3 folder=$(realpath "$4")
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"

put() { install -D -m "$1" "$2" "$root/$3"; }
put 755 "$program" usr/bin/santral
put 644 "$top/deploy/systemd/santral.service" lib/systemd/system/santral.service
put 640 "$here/santral.yaml" etc/santral/santral.yaml
install -d -m 750 "$root/etc/santral/tenants"
put 644 "$here/copyright" usr/share/doc/santral/copyright
put 644 "$top/README.md" usr/share/doc/santral/README.md
put 644 "$top/README.fa.md" usr/share/doc/santral/README.fa.md
for page in "$top"/docs/*.md "$top"/docs/operations/*.md "$top"/docs/operations/fa/*.md; do
	[ -e "$page" ] && put 644 "$page" "usr/share/doc/santral/${page#"$top/docs/"}"
done
for sample in $(cd "$top/docs/sample" && find . -name '*.yaml'); do
	put 644 "$top/docs/sample/$sample" "usr/share/doc/santral/examples/$sample"
done
put 644 "$top/deploy/prometheus/santral.rules.yaml" usr/share/doc/santral/examples/prometheus/santral.rules.yaml
put 644 "$top/deploy/grafana/santral.json" usr/share/doc/santral/examples/grafana/santral.json
put 644 "$here/santral.8" usr/share/man/man8/santral.8
gzip -n9 "$root/usr/share/man/man8/santral.8"
printf 'santral (%s) stable; urgency=medium\n\n  * docs/decisions and the history of the source tell what changed.\n\n -- Santral <santral@localhost>  %s\n' \
	"$version" "$(LC_ALL=C date -R -u -d "@${SOURCE_DATE_EPOCH:-0}")" >"$root/usr/share/doc/santral/changelog"
gzip -n9 "$root/usr/share/doc/santral/changelog"

install -d "$root/DEBIAN"
cat >"$root/DEBIAN/control" <<END
Package: santral
Version: $version
Architecture: $architecture
Maintainer: Santral <santral@localhost>
Installed-Size: $(du -ks "$root" | cut -f1)
Depends: libc6, adduser
Recommends: libopus0, ca-certificates
Suggests: ffmpeg, age, postgresql, prometheus
Section: comm
Priority: optional
Description: SIP telephone exchange: an operator's SIP service and an IP PBX
 Santral registers phones of any make, connects their calls with each other and
 with carriers, records and accounts for them exactly, and serves an HTTP API
 for everything that it does. It is one program and needs no other server.
END
echo /etc/santral/santral.yaml >"$root/DEBIAN/conffiles"
for script in postinst prerm postrm; do install -m 755 "$here/$script" "$root/DEBIAN/$script"; done
(cd "$root" && find . -type f ! -path './DEBIAN/*' -printf '%P\0' | sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
chmod 644 "$root/DEBIAN/md5sums" "$root/DEBIAN/conffiles" "$root/DEBIAN/control"
dpkg-deb --root-owner-group -Zzstd -b "$root" "$folder/santral_${version}_$architecture.deb" >/dev/null
echo "$folder/santral_${version}_$architecture.deb"
