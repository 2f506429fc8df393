#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What the two processes may do: nothing, and next to nothing; and what they hold.
# shellcheck disable=SC2016,SC2119 # what until_true evaluates each time; exporter's own arguments
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/e2e/export.sh
. "${0%/*}/export.sh"

needs setpriv capsh
exporting
line() { awk -v name="$2:" '$1 == name { print $2 }' "/proc/$1/status"; }
is() {
	local got
	got=$(line "$1" "$2")
	[ "$got" = "$3" ] || fail "process $1: $2 is $got, not $3"
}

# The HTTP part: nobody, who may do nothing.
for what in CapInh CapPrm CapEff CapAmb; do
	is "$web_pid" $what 0000000000000000
done
is "$web_pid" NoNewPrivs 1
is "$web_pid" Seccomp 2
is "$web_pid" Uid "$(id -u nobody)"
is "$web_pid" Gid "$(id -g nobody)"
[ -z "$(awk '/^Groups:/ { $1 = ""; print $0 }' "/proc/$web_pid/status" | tr -d ' ')" ] || fail "it is in groups"
! find "/proc/$web_pid/fd" -lname '*bpf*' | grep . || fail "the HTTP part holds something of BPF"

# The collector: it may read its iterators, and that is all.
is "$export_pid" NoNewPrivs 1
is "$export_pid" Seccomp 2
effective=$(capsh --decode="$(line "$export_pid" CapEff)")
[ "${effective#*=}" = cap_bpf ] || fail "the collector may: $effective"
[ "$(line "$export_pid" CapPrm)" = "$(line "$export_pid" CapEff)" ] || fail "it could take more"
! find "/proc/$export_pid/fd" -lname 'socket:*' | grep . || fail "the collector holds a socket"
[ "$(find "/proc/$export_pid/fd" -lname '*bpf*link*' | wc -l)" -ge 5 ] || fail "nothing is attached?"

# It still finds what there is, opened after all that was given up, in a process of another user.
mkdir "$TMPDIR/public"
cp "$LOAD/close-wait" "$TMPDIR/public/"
chmod 755 "$TMPDIR" "$TMPDIR/public"
setpriv --reuid 65534 --regid 65534 --clear-groups "$TMPDIR/public/close-wait" --leaky \
	<"$TMPDIR/rope" 9>&- >"$TMPDIR/truth" &
until_true 10 eval '[ -s "$TMPDIR/truth" ]' || fail "no workload"
gets 200 /metrics
exported
exporting --after 1s
comes 'lostsock_findings{class="close-wait",kind="leak",certainty="certain"}' '=' "$(jq .count "$TMPDIR/truth")"
exported

# What the unit of deploy/ leaves it is enough, and the unit is one.
unit=$here/../../deploy/systemd/lostsock-export.service
bounds=$(sed -n 's/^CapabilityBoundingSet=//p' "$unit" | sed 's/CAP_/+/g; s/ /,/g' | tr '[:upper:]' '[:lower:]')
[ -n "$bounds" ] || fail "no CapabilityBoundingSet"
cat >"$TMPDIR/bounded" <<-END
	#!/bin/sh
	exec setpriv --bounding-set=-all,$bounds --inh-caps=-all --no-new-privs "$LOSTSOCK" "\$@"
END
chmod 755 "$TMPDIR/bounded"
LOSTSOCK=$TMPDIR/bounded exporting --after 1s
comes 'lostsock_findings{class="close-wait",kind="leak",certainty="certain"}' '=' "$(jq .count "$TMPDIR/truth")"
[ "$(line "$web_pid" CapBnd)" != 000001ffffffffff ] || fail "not bounded: the test is wrong"
is "$web_pid" Uid "$(id -u nobody)"
exported
if command -v systemd-analyze >/dev/null; then
	sed "s|^ExecStart=.*|ExecStart=$LOSTSOCK export|; /^Documentation/d" "$unit" >"$TMPDIR/lostsock-export.service"
	cp "${unit%.service}.socket" "$TMPDIR"
	systemd-analyze verify "$TMPDIR"/lostsock-export.* 2>&1 | grep -F lostsock-export >"$TMPDIR/log" || :
	[ ! -s "$TMPDIR/log" ] || fail "systemd: $(cat "$TMPDIR/log")"
else
	say "systemd-analyze is not installed: the units are not verified"
fi
