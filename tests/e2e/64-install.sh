#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# seconds: 300
#
# What `make install` puts below a directory works there and names its own place; `make uninstall`
# takes away all of it, and nothing else.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

needs make gcc
root=$(cd "$here/../.." && pwd) dest=$TMPDIR/dest
place=(DESTDIR="$dest" PREFIX=/opt/lostsock UNITDIR=/opt/lostsock/units)
made() { env -u MAKEFLAGS -u MFLAGS make -C "$root" "$@" "${place[@]}" >"$TMPDIR/log" 2>&1 || fail "make $*: $(tail -n 5 "$TMPDIR/log")"; }

mkdir -p "$dest/opt/lostsock/sbin" "$dest/opt/lostsock/units"
echo other >"$dest/opt/lostsock/sbin/other"
echo other >"$dest/opt/lostsock/units/other.service"
find "$dest" ! -type d | sort >"$TMPDIR/before"
made install
"$dest/opt/lostsock/sbin/lostsock" --version | grep -q . || fail "no program"
"$dest/opt/lostsock/bin/tether-get" --help >/dev/null || fail "tether-get does not find its library"
for unit in "$dest"/opt/lostsock/units/lostsock-*.service; do
	program=$(sed -nE 's/^ExecStart=([^ ]+) .*/\1/p' "$unit")
	[[ $program == /* && -x $dest$program ]] || fail "${unit##*/} starts $program, which is not there"
done
[ -s "$dest/opt/lostsock/units/lostsock-export.socket" ] || fail "no socket unit"
grep -qx 'libdir=/opt/lostsock/lib' "$dest/opt/lostsock/lib/pkgconfig/tether.pc" || fail "tether.pc names another directory"
[ "$(find "$dest" ! -type d | wc -l)" -ge 35 ] || fail "only $(find "$dest" ! -type d | wc -l) files"
made uninstall
find "$dest" ! -type d | sort | diff "$TMPDIR/before" - >&2 || fail "it leaves (>), or takes away (<), see above"
