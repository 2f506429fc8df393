#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# deps.sh GROUP...  installs the packages that a group needs and this machine lacks: build, test, bench,
# lint, vm, deb, peers (large ones, without which some tests are skipped), or proof (what they are beside).
# It looks for the files that are needed, not for the packages: where somebody put them there by other
# means it has nothing to do, and needs neither root nor a package manager.
set -eu

PATH=$PATH:/usr/sbin:/sbin

# group  what must be there  Debian's package
needs='
build cmd:gcc                  gcc
build inc:stdio.h              libc6-dev
build inc:linux/bpf.h          linux-libc-dev
build cmd:ar                   binutils
build cmd:clang                clang
build cmd:bpftool              bpftool
build inc:bpf/libbpf.h         libbpf-dev
build inc:libelf.h             libelf-dev
build inc:zlib.h               zlib1g-dev
build inc:elfutils/libdw.h     libdw-dev
build inc:lzma.h               liblzma-dev
build inc:libiberty/demangle.h libiberty-dev
build inc:ncurses.h            libncurses-dev
build inc:jansson.h            libjansson-dev
build inc:Judy.h               libjudy-dev
build inc:sys/capability.h     libcap-dev
build inc:yaml.h               libyaml-dev
build inc:crypt.h              libcrypt-dev
build inc:seccomp.h            libseccomp-dev
build inc:uv.h                 libuv1-dev
build inc:gnutls/gnutls.h      libgnutls28-dev
build inc:ngtcp2/ngtcp2.h     libngtcp2-dev
build inc:ngtcp2/ngtcp2_crypto_gnutls.h libngtcp2-crypto-gnutls-dev
build inc:nghttp3/nghttp3.h   libnghttp3-dev
build inc:sys/sdt.h            systemtap-sdt-dev
build file:/usr/share/llhttp/llhttp.c node-llhttp
deb   file:/usr/share/build-essential/list build-essential
deb   cmd:dh                   debhelper
deb   cmd:dpkg-buildpackage    dpkg-dev
test  inc:cmocka.h             libcmocka-dev
test  inc:liburing.h           liburing-dev
test  rt:fuzzer                libclang-rt-dev
test  cmd:ip                   iproute2
test  cmd:ps                   procps
test  cmd:jq                   jq
test  cmd:tmux                 tmux
test  cmd:python3              python3
test  cmd:nginx                nginx-light
test  cmd:xz                   xz-utils
test  cmd:curl                 curl
test  cmd:wrk                  wrk
test  cmd:h2load               nghttp2-client
test  cmd:openssl              openssl
test  cmd:htpasswd             apache2-utils
test  cmd:capsh                libcap2-bin
test  cmd:setpriv              util-linux
test  cmd:gtlsclient           ngtcp2-client
test  cmd:gtlsserver           ngtcp2-server
test  cmd:faketime             faketime
peers cmd:g++                  g++
peers inc:curl/curl.h          libcurl4-openssl-dev
peers inc:postgresql/libpq-fe.h libpq-dev
peers dir:postgresql           postgresql
peers cmd:go                   golang-go
peers file:/usr/share/gocode/src/github.com/lucas-clemente/quic-go golang-github-lucas-clemente-quic-go-dev
peers inc:nghttp2/nghttp2.h    libnghttp2-dev
peers cmd:h2load               nghttp2-client
peers cmd:rustc                rustc
peers py:requests              python3-requests
peers cmd:node                 nodejs
peers cmd:javac                default-jdk-headless
peers cmd:setpriv              util-linux
peers cmd:prometheus           prometheus
peers py:prometheus_client     python3-prometheus-client
peers cmd:chromium             chromium
peers cmd:valgrind             valgrind
peers cmd:debootstrap          debootstrap
peers cmd:lintian              lintian
peers cmd:podman               podman
peers cmd:buildah              buildah
peers cmd:runc                 runc
peers cmd:systemd-nspawn       systemd-container
peers py:yaml                  python3-yaml
peers py:kubernetes.client     python3-kubernetes
proof go:github.com/valyala/fasthttp golang-github-valyala-fasthttp-dev
proof go:google.golang.org/grpc golang-google-grpc-dev
proof go:github.com/gorilla/websocket golang-github-gorilla-websocket-dev
proof py:aiohttp               python3-aiohttp
proof py:urllib3               python3-urllib3
proof py:redis                 python3-redis
proof py:psycopg2              python3-psycopg2
proof inc:hiredis/hiredis.h    libhiredis-dev
proof cmd:redis-server         redis-server
proof cmd:memcached            memcached
proof cmd:haproxy              haproxy
proof cmd:mosquitto            mosquitto
proof cmd:sshd                 openssh-server
proof cmd:ssh                  openssh-client
proof cmd:socat                socat
bench cmd:openssl              openssl
bench cmd:gtlsserver           ngtcp2-server
bench cmd:gtlsclient           ngtcp2-client
bench cmd:ip                   iproute2
bench cmd:jq                   jq
bench cmd:curl                 curl
bench cmd:wrk                  wrk
bench cmd:h2load               nghttp2-client
bench cmd:nginx                nginx-light
bench cmd:h2o                  h2o
bench inc:microhttpd.h         libmicrohttpd-dev
bench cmd:taskset              util-linux
bench cmd:tcplife-bpfcc        bpfcc-tools
bench cmd:tcplife              libbpf-tools
vm    cmd:qemu-system-x86_64   qemu-system-x86
vm    cmd:qemu-system-aarch64  qemu-system-arm
vm    cmd:cpio                 cpio
vm    cmd:aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu
vm    file:/usr/aarch64-linux-gnu/lib/libc.a libc6-dev-arm64-cross
vm    file:/usr/share/keyrings/debian-archive-keyring.gpg debian-archive-keyring
bench cmd:prometheus-node-exporter prometheus-node-exporter
bench cmd:pgrep                procps
lint  cmd:clang-format         clang-format
lint  cmd:cppcheck             cppcheck
lint  cmd:shellcheck           shellcheck
lint  cmd:mandoc               mandoc
'

# there PROBE: is it on this machine?
there() {
	case $1 in
	cmd:*) command -v "${1#cmd:}" >/dev/null ;;
	inc:*) compgen -G "/usr/include/${1#inc:}" >/dev/null ||
		compgen -G "/usr/include/*-linux-*/${1#inc:}" >/dev/null ||
		compgen -G "/usr/local/include/${1#inc:}" >/dev/null ;;
	go:*) [ -d "/usr/share/gocode/src/${1#go:}" ] ;;
	dir:*) [ -d "/usr/lib/${1#dir:}" ] ;;
	py:*) /usr/bin/python3 -c "import ${1#py:}" 2>/dev/null ;;
	file:*) [ -e "${1#file:}" ] ;;
	rt:*) compgen -G "/usr/lib*/llvm*/lib/clang/*/lib/*/libclang_rt.${1#rt:}*.a" >/dev/null ||
		compgen -G "/usr/lib*/clang/*/lib/*/libclang_rt.${1#rt:}*.a" >/dev/null ;;
	*) echo "deps: bad probe $1" >&2 && exit 2 ;;
	esac
}

# missing GROUP...: the packages whose probe fails.
missing() {
	local group probe package
	while read -r group probe package; do
		case " $* " in
		*" $group "*) there "$probe" || echo "$package" ;;
		esac
	done <<<"$needs"
}

mapfile -t packages < <(missing "$@")
[ ${#packages[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
	echo "deps: missing: ${packages[*]}" >&2
	echo "deps: these are Debian's names, and there is no apt-get here:" >&2
	echo "deps: install what your distribution calls them, then try again" >&2
	exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
	echo "deps: missing: ${packages[*]}" >&2
	echo "deps: run as root: apt-get install ${packages[*]}" >&2
	exit 1
fi

echo "deps: installing ${packages[*]}"
log=$(mktemp)
policy=/usr/sbin/policy-rc.d
trap 'rm -f "$log" $made' EXIT
made=
# The tests start their own nginx; its package must not start one for the whole machine.
if [ ! -e "$policy" ]; then
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod 755 "$policy"
	made=$policy
fi
export DEBIAN_FRONTEND=noninteractive
if ! { apt-get -q update &&
	apt-get -q install -y --no-install-recommends "${packages[@]}"; } >"$log" 2>&1 </dev/null; then
	cat "$log" >&2
	echo "deps: could not install ${packages[*]}" >&2
	exit 1
fi

# A package that is installed and still does not bring the file would come round for ever.
mapfile -t packages < <(missing "$@")
[ ${#packages[@]} -eq 0 ] || { echo "deps: installed, and still missing: ${packages[*]}" >&2; exit 1; }
