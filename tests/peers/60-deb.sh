#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# seconds: 900
#
# The Debian packages, in a clean Debian: their dependencies are all that they need, the tool and its
# exporter work, a program is built against the library, nothing is enabled, and once they are purged
# nothing is left.
# shellcheck disable=SC2016,SC2086,SC2119 # what until_true evaluates; words of a command; exporter's own arguments
# shellcheck source=tests/peers/debian.sh
. "${0%/*}/debian.sh"
private_mounts
# shellcheck source=tests/peers/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/e2e/export.sh
. "${0%/*}/../e2e/export.sh"

needs debootstrap dpkg-deb dh unshare
debs=() root=$TMPDIR/root tree=$(cd "$here/../.." && pwd)
clean_root "$root"
packages

# --- what they need ---

# What has to be there to build is said twice: for anybody, and for Debian.
diff <(sed -n '/^Build-Depends:/,/^$/p' "$tree/deploy/debian/control" | tr -d ' ,' | grep -E '^[a-z0-9.+-]+$' | sort) \
	<(sed -nE 's/^build +[^ ]+ +([^ ]+)$/\1/p' "$tree/scripts/deps.sh" |
		grep -vxE 'gcc|libc6-dev|linux-libc-dev|binutils' | sort -u) >&2 ||
	fail "Build-Depends of deploy/debian/control (<) and the group build of scripts/deps.sh (>) differ"

version=$("$LOSTSOCK" --version | awk '{ print $2 }')
for deb in "${debs[@]}"; do
	[ "$(dpkg-deb -f "$deb" Version)" = "$version" ] || fail "${deb##*/}: not version $version"
	dpkg-deb -f "$deb" Depends | tr ',' '\n' | grep -vE 'libtether|lostsock'
done >"$TMPDIR/needs"
quietly "dependencies" in_root_online "$root" apt-get -q satisfy -y --no-install-recommends \
	"$(paste -sd, "$TMPDIR/needs")" gcc libc6-dev pkg-config

# Everything in there, but what apt and dpkg note for themselves.
listing() {
	(cd "$root" && find . -xdev \( -path ./proc -o -path ./sys -o -path ./dev -o -path ./tmp -o -path ./var/log \
		-o -path ./var/cache -o -path './var/lib/apt' -o -path './var/lib/dpkg/*-old' \) -prune -o \
		-printf '%y %m %p %l\n' | sort)
}
listing >"$TMPDIR/before"

# As docs/DEPLOY.md has it, without a network: there is nothing left to fetch.
mounts "$root"
mkdir -p "$root/tmp/build/deb"
cp "${debs[@]}" "$root/tmp/build/deb"
number=0
while IFS= read -r command; do
	number=$((number + 1))
	case $command in
	make\ * | *purge*) ;;
	*) quietly "$command" in_root "$root" sh -c "cd /tmp && $command" </dev/null ;;
	esac
done < <(documented packages)
[ $number -ge 5 ] || fail "DEPLOY.md has but $number commands for packages"

# --- the tool ---

[ "$(in_root "$root" lostsock --version)" = "$("$LOSTSOCK" --version)" ] || fail "--version: $(in_root "$root" lostsock --version 2>&1)"
load close-wait --leaky
cat >"$TMPDIR/installed" <<-END
	#!/bin/sh
	exec chroot "$root" /usr/sbin/lostsock "\$@"
END
chmod 755 "$TMPDIR/installed"
LOSTSOCK=$TMPDIR/installed
expects close-wait
look --after 1s
exporting --after 1s
[ "$(readlink "/proc/$export_pid/root")" = "$root" ] || fail "not the installed one"
comes 'lostsock_findings{class="close-wait",kind="leak",certainty="certain"}' '=' "$COUNT"
[ "$(in_root "$root" tether-get "$base/readyz" 2>/dev/null)" = ready ] || fail "tether-get does not get"
exported

# --- installed, and neither enabled nor started ---

[ -z "$(find "$root/etc/systemd" -lname '*lostsock*' 2>/dev/null)" ] || fail "a unit is enabled"
unit=$root/lib/systemd/system/lostsock-export.service
program=$(sed -nE 's/^ExecStart=([^ ]+) .*/\1/p' "$unit")
[ -x "$root$program" ] || fail "the unit starts $program, which is not there"
for page in lostsock.8 tether-get.1 tether-serve.1; do
	[ -s "$root/usr/share/man/man${page##*.}/$page.gz" ] || fail "no manual: $page"
done
[ -s "$root/usr/share/bash-completion/completions/lostsock" ] || fail "no completion"

# --- the library: the first program of its manual, by the command that is there ---

awk '/^```c$/ { inside = 1; next } /^```$/ && inside { exit } inside' "$tree/docs/TETHER.md" |
	sed 's/127.0.0.1:8080/127.0.0.1:8123/' >"$root/tmp/hello.c"
compile=$(grep -m1 -oE '^ +cc hello.c .*' "$tree/docs/TETHER.md")
quietly "$compile" in_root "$root" sh -c "cd /tmp && $compile"
quietly "a static link" in_root "$root" sh -c 'cd /tmp && cc hello.c -o hello-static $(pkg-config --cflags tether) \
	-l:libtether.a $(pkg-config --libs --static tether | sed s/-ltether//)'
printf '#define LOSTSOCK_STREAMS_DEFINE\n#include <lostsock/streams.h>\nint main(void) { lostsock_conn_close(1, 0); return 0; }\n' >"$root/tmp/streams.c"
quietly "a program with probes" in_root "$root" sh -c 'cd /tmp && cc streams.c -o streams && readelf -n streams | grep -q conn_close'
in_root "$root" sh -c 'readelf -d /tmp/hello' | grep -q 'NEEDED.*libtether.so.1' || fail "hello is not linked with the package's library"
! in_root "$root" sh -c 'readelf -d /tmp/hello-static' | grep -q 'libtether' || fail "hello-static is not static"
for hello in hello hello-static; do
	chroot "$root" "/tmp/$hello" >"$TMPDIR/said" 9>&- &
	pid=$!
	greets() { [ "$(in_root "$root" tether-get http://127.0.0.1:8123/ 2>/dev/null)" = hello ]; }
	until_true 10 greets || fail "$hello does not greet"
	kill -TERM $pid
	wait $pid || fail "$hello: exit status $?"
	grep -qx drained "$TMPDIR/said" || fail "$hello has not drained"
done

# --- gone ---

echo 'LOSTSOCK_ARGS=--by-pid' >>"$root/etc/default/lostsock-export"
quietly remove in_root "$root" dpkg --remove lostsock
grep -q by-pid "$root/etc/default/lostsock-export" || fail "remove has taken the configuration away"
quietly "installing it again" in_root "$root" sh -c 'dpkg -i /tmp/build/deb/lostsock_*.deb'
grep -q by-pid "$root/etc/default/lostsock-export" || fail "installing it again has taken the configuration away"
purge=$(documented packages | grep purge) || fail "DEPLOY.md does not say how to purge"
quietly "$purge" in_root "$root" $purge
listing >"$TMPDIR/after"
diff "$TMPDIR/before" "$TMPDIR/after" >&2 || fail "it leaves (>), or takes away (<), see above"

# --- what Debian's own critic says ---

if command -v lintian >/dev/null; then
	lintian --allow-root --fail-on error,warning "${debs[@]}" >"$TMPDIR/log" 2>&1 || fail "lintian: $(cat "$TMPDIR/log")"
else
	say "lintian is not installed: the packages are not judged"
fi
