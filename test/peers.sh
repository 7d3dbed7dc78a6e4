#!/usr/bin/env bash
# Installs what the tests talk to and is missing: phones, servers and tools that are not ours.
# Debian's package names; needs root or sudo only when something is missing.
set -euo pipefail

declare -A package=(
	[sipp]=sip-tester [baresip]=baresip-core [linphonec]=linphone-cli [sox]=sox [ip]=iproute2 [iptables]=iptables
	[tshark]=tshark [gcc]=gcc [espeak-ng]=espeak-ng [kamailio]=kamailio [chromium]=chromium [npm]=npm [node]=nodejs
	[ffmpeg]=ffmpeg [aiosmtpd]=python3-aiosmtpd [flite]=flite [turnserver]=coturn [tiffcp]=libtiff-tools [opusinfo]=opus-tools
	[systemd-analyze]=systemd [promtool]=prometheus [pdftotext]=poppler-utils [zbarimg]=zbar-tools
	[debootstrap]=debootstrap [buildah]=buildah
)
missing=()
for program in "${!package[@]}"; do
	PATH="$PATH:/usr/sbin:/sbin" command -v "$program" >/dev/null || missing+=("${package[$program]}")
done
# Codecs and fax engines are loaded when they are there; the tests want them all.
declare -A library=([libopus.so.0]=libopus0 [libbcg729.so.0]=libbcg729-0 [libspandsp.so.2]=libspandsp2)
for name in "${!library[@]}"; do
	compgen -G "/usr/lib/*/$name" >/dev/null || missing+=("${library[$name]}")
done
# baresip has H.264 in a package of its own.
[ -e /usr/lib/baresip/modules/avcodec.so ] || missing+=(baresip-ffmpeg)
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql)

# JsSIP, the telephone in the browser's page.
page() {
	cd "$(dirname "$0")/phone/page"
	[ -d node_modules/jssip ] || npm install --no-audit --no-fund --no-package-lock --ignore-scripts --loglevel=error >/dev/null
}
[ ${#missing[@]} -eq 0 ] && page && exit 0

if ! command -v apt-get >/dev/null; then
	echo "The tests need ${missing[*]}, and this is not a Debian system: install them by hand." >&2
	exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null || { echo "The tests need ${missing[*]}: run 'apt-get install ${missing[*]}' as root, then try again." >&2; exit 1; }
	as_root=(sudo)
fi
echo "installing ${missing[*]} …"
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
page
