#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Healthy programs, all at once, for HEALTHY_SECONDS, at the default thresholds: nobody is accused, in any
# report. A program that is not installed is left out, and said to be.
# shellcheck source=tests/proof/lib.sh
. "${0%/*}/../lib.sh"

own=$here/../proof/healthy
: "${HEALTHY_SECONDS:=60}"
seconds=$HEALTHY_SECONDS
programs=()
ulimit -n 65536 2>/dev/null || ulimit -n "$(ulimit -Hn)"

# there COMMAND NAME: is it installed? If not it is named.
there() {
	command -v "$1" >/dev/null && return
	echo "$2: $1 is not installed" >>"$ROWS/healthy.skipped"
	return 1
}

# program NAME: what is started from now on is known by it, with its children, by its environment.
program() {
	programs+=("$1")
	export LOSTSOCK_PROOF=$1
}

# runs COMMAND...: in the background.
runs() { "$@" >>"$TMPDIR/log" 2>&1 9>&- & }

# clients VERB ...: of clients.py; returns when they stand.
clients() {
	local out=$TMPDIR/clients.$((++load_no))
	"$own/clients.py" "$@" <"$TMPDIR/rope" >"$out" 2>"$out.err" 9>&- &
	until_true 30 test -s "$out" || fail "clients.py $*: $(tail -n 2 "$out.err")"
}

: >"$ROWS/healthy.skipped"
stream --interval 2s

program "nginx, keep-alive pool"
if there nginx nginx; then
	web 8000 75s
	clients pool http 8000 30 "$seconds"
fi
program "haproxy in front of it"
if there haproxy haproxy; then
	cat >"$TMPDIR/haproxy.cfg" <<-END
		defaults
			mode http
			timeout connect 5s
			timeout client 50s
			timeout server 50s
			timeout http-keep-alive 10m
			http-reuse always
		listen front
			bind 127.0.0.1:8001
			server web 127.0.0.1:8000
	END
	runs haproxy -db -f "$TMPDIR/haproxy.cfg"
	clients pool http 8001 30 "$seconds"
fi
program "PostgreSQL, pools by TCP and UNIX"
postgres 8002 0
clients postgres 127.0.0.1 8002 10 "$seconds"
clients postgres "$db" 8002 10 "$seconds"
program "Redis, pool"
if there redis-server Redis; then
	runs redis-server --bind 127.0.0.1 --port 8003 --save '' --dir "$TMPDIR"
	clients pool redis 8003 30 "$seconds"
fi
program "memcached, pool"
if there memcached memcached; then
	runs memcached -u root -l 127.0.0.1 -p 8004 -c 8000
	clients pool memcached 8004 30 "$seconds"
	program "batch of 5000"
	clients batch 8004 5000 "$seconds"
fi
program "mosquitto, silent subscribers"
if there mosquitto mosquitto; then
	printf 'listener 8005 127.0.0.1\nallow_anonymous true\n' >"$TMPDIR/mosquitto.conf"
	runs mosquitto -c "$TMPDIR/mosquitto.conf"
	clients subscribe 8005 20 "$seconds"
fi
program "WebSockets and long polls"
clients web 8006 20 "$seconds"
program "sshd, session at rest"
if there sshd sshd && there ssh sshd; then
	[ -d /run/sshd ] || { mkdir /run/sshd; trap "rmdir /run/sshd" EXIT; }
	ssh-keygen -q -t ed25519 -N '' -f "$TMPDIR/host"
	ssh-keygen -q -t ed25519 -N '' -f "$TMPDIR/user"
	cat >"$TMPDIR/sshd.conf" <<-END
		ListenAddress 127.0.0.1:8007
		HostKey $TMPDIR/host
		AuthorizedKeysFile $TMPDIR/user.pub
		PidFile none
		StrictModes no
		UsePAM no
	END
	runs "$(command -v sshd)" -D -f "$TMPDIR/sshd.conf"
	until_true 5 test -n "$(ss -Hltn 'sport = 8007')" || :
	runs ssh -p 8007 -F none -i "$TMPDIR/user" -o StrictHostKeyChecking=no \
		-o UserKnownHostsFile=/dev/null -o LogLevel=ERROR "$(id -un)@127.0.0.1" \
		"echo at-rest; exec sleep $((seconds + 60))"
	until_true 10 grep -q at-rest "$TMPDIR/log" || fail "ssh: $(tail -n 3 "$TMPDIR/log")"
fi
program "chat that fills"
# Each guest's word goes to each guest: 150 in all, or it is the server that is too slow.
load chat.py --count 2 --hold $((seconds + 60)) --rate "$(jq -n "150 / ($seconds + 60)")"
program "pool that warms up"
load ramppool --seconds $((seconds / 2)) --hold $((seconds + 60)) --count 60
program "thread a connection"
# Its clients do not look whether they were hung up on.
load threadserver --hold $((seconds + 60)) --timeout $((seconds + 120))

say "watching for $seconds s"
sleep "$seconds"

# Whose a process is, by its environment while it lives, else by its name. Only those that were started
# here are asked: this namespace has no others.
known=$TMPDIR/known
netns=$(ip netns identify $$)
[ -n "$netns" ] || fail "in no network namespace of its own"
for pid in $(ip netns pids "$netns"); do
	name=$({ tr '\0' '\n' <"/proc/$pid/environ" | sed -n 's/^LOSTSOCK_PROOF=//p'; } 2>/dev/null) || :
	[ -z "$name" ] || echo "$pid $name"
done >"$known"

whose() {
	local name
	name=$(sed -n "s/^$1 //p" "$known")
	echo "${name:-$2}"
}

kill -TERM "$stream_pid"
wait "$stream_pid" || :
last=$TMPDIR/last
reports | tail -n 1 >"$last"
found=$TMPDIR/found
strangers '' | jq -c '.[]' | while read -r line; do
	jq -c --arg whose "$(whose "$(jq .pid <<<"$line")" "$(jq -r .comm <<<"$line")")" \
		'. + {whose: $whose}' <<<"$line"
done >"$found"
live=$TMPDIR/live
jq -r '.processes[] | "\(.pid) \(.live) \(.opened) \(.comm)"' "$last" | while read -r pid n opened comm; do
	printf '%s\t%s\t%s\n' "$(whose "$pid" "$comm")" "$n" "$opened"
done >"$live"

passed=0 failed=0
{
	echo "## Healthy programs"
	echo
	echo "All at once, for $seconds s, at the default thresholds; $(date -u +%F), Linux $(uname -r)."
	echo "*ends* and *opened* count both ends of each connection: at the last report, and since the first."
	echo
	echo "| program | ends | opened | accused | result |"
	echo "| --- | --- | --- | --- | --- |"
} >"$ROWS/healthy.md"
for name in "${programs[@]}"; do
	ends=$(awk -F'\t' -v name="$name" '$1 == name { n += $2 } END { print n + 0 }' "$live")
	opened=$(awk -F'\t' -v name="$name" '$1 == name { n += $3 } END { print n + 0 }' "$live")
	accused=$(jq -s --arg name "$name" 'map(select(.whose == $name) | .count) | add // 0' "$found")
	classes=$(jq -rs --arg name "$name" 'map(select(.whose == $name) | "\(.count) \(.class) on \(.comm)") | join(", ")' "$found")
	if [ "$accused" -eq 0 ] && [ "$opened" -gt 0 ]; then
		result=ok passed=$((passed + 1))
	else
		[ "$opened" -gt 0 ] || classes="it has opened nothing"
		result="RED: $classes" failed=$((failed + 1))
	fi
	echo "| $name | $ends | $opened | $accused | $result |" >>"$ROWS/healthy.md"
done
others=$(jq -rs --arg names "$(printf '%s,' "${programs[@]}")" \
	'map(select(.whose as $w | $names | contains($w + ",") | not) | "\(.count) \(.class) on \(.comm)") | join(", ")' "$found")
[ -z "$others" ] || {
	echo "| others | - | - | - | RED: $others |" >>"$ROWS/healthy.md"
	failed=$((failed + 1))
}
printf '\n**%d passed, %d failed; lost records: %s**\n' "$passed" "$failed" "$(jq .lost.total "$last")" >>"$ROWS/healthy.md"
sed 's/^/- not run: /' "$ROWS/healthy.skipped" >>"$ROWS/healthy.md"
echo "$passed $failed" >"$ROWS/healthy.tally"
jq -c . "$found" >&2
[ "$failed" -eq 0 ]
