#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# seconds: 1500
#
# The container: its recipe builds on a clean Debian, and what the manifest for Kubernetes gives it
# (capabilities, mounts, namespaces, system calls) is enough to find what leaks in another network
# namespace; with one thing less it is not. The manifest itself is one.
# shellcheck disable=SC2016,SC2119 # what until_true evaluates each time; exporter's own arguments
# shellcheck source=tests/peers/debian.sh
. "${0%/*}/debian.sh"
private_mounts
# shellcheck source=tests/peers/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/e2e/export.sh
. "${0%/*}/../e2e/export.sh"

needs podman buildah runc debootstrap unshare
tree=$(cd "$here/../.." && pwd)
manifest=$tree/deploy/kubernetes/lostsock.yaml
yaml() { /usr/bin/python3 "$here/../peers/manifest.py" "$@"; }

# --- the manifest ---

/usr/bin/python3 -c 'import yaml' 2>/dev/null || skip "python3-yaml is not installed"
if /usr/bin/python3 -c 'import kubernetes.client' 2>/dev/null; then
	yaml check "$tree"/deploy/kubernetes/*.yaml >&2 || fail "not what Kubernetes knows, see above"
	sed 's/hostPID: true/hostPid: true/' "$manifest" >"$TMPDIR/bad.yaml"
	! yaml check "$TMPDIR/bad.yaml" >"$TMPDIR/log" || fail "the check passes whatever a manifest says"
else
	say "python3-kubernetes is not installed: the fields of the manifest are not checked"
fi

# --- the image ---

# A container engine of this scenario alone. Engines that start containers know cgroup2 alone, or
# version 1 alone, and some machines have a mix.
if [ "$(stat -fc %T /sys/fs/cgroup)" != cgroup2fs ]; then
	umount -R /sys/fs/cgroup
	mount -t cgroup2 cgroup2 /sys/fs/cgroup
fi
# The engine's defaults are more than some machines let root have.
group=/lostsock-test-$$
trap 'find "/sys/fs/cgroup$group" -depth -type d -exec rmdir {} + 2>/dev/null || :' EXIT
limits=(--ulimit nofile=1024:4096 --ulimit nproc=4096:4096)
engine=(podman --root "$TMPDIR/store" --runroot "$TMPDIR/run" --tmpdir "$TMPDIR/engine" --storage-driver overlay
	--runtime runc --cgroup-manager cgroupfs --events-backend file)
clean_root "$TMPDIR/root"
tar -C "$TMPDIR/root" -c . | quietly import "${engine[@]}" import - localhost/debian:clean
rm -rf --one-file-system "$TMPDIR/root"
# The scripts of this test are no part of it, so they need not be the same as at the last time.
quietly build outside "${engine[@]}" build --format docker --network host --isolation chroot \
	--build-arg BASE=localhost/debian:clean --file "$tree/deploy/container/Containerfile" \
	--build-arg SOURCE_DATE_EPOCH=1700000000 --tag localhost/lostsock:latest "${limits[@]}" "$tree"

# --- as the manifest has it ---

mapfile -t given < <(yaml container "$manifest")
options=() arguments=()
for option in "${given[@]}"; do
	if [ "$option" = -- ]; then
		arguments=(--)
	elif [ ${#arguments[@]} -gt 0 ]; then
		arguments+=("$option")
	else
		options+=("$option")
	fi
done
arguments=("${arguments[@]:1}")
[ $((${#options[@]} >= 8 && ${#arguments[@]} >= 1)) -eq 1 ] || fail "too little in the manifest: ${given[*]}"

# docs/DEPLOY.md starts it by hand with the same.
line=$(documented container | grep -E '^podman run')
for option in "${options[@]}"; do
	case $option in
	--user=0 | --read-only-tmpfs=*) ;; # which is so in the image; an engine's own
	--volume=*) [[ $line == *" -v ${option#*=} "* ]] || fail "DEPLOY.md: no $option" ;;
	*) [[ " $line " == *" ${option/=/ } "* ]] || fail "DEPLOY.md: no $option" ;;
	esac
done
[ "$(grep -o -- '--cap-add' <<<"$line" | wc -l)" = "$(yaml capabilities "$manifest" | wc -l)" ] || fail "DEPLOY.md: other capabilities"

# RuntimeDefault, as containerd and Docker have it: of BPF's own system calls those which the
# capabilities are for. This engine's asks for CAP_SYS_ADMIN.
jq 'del(.syscalls[] | select(.names == ["bpf"] or .names == ["perf_event_open"]))
	| .syscalls |= map(if .includes.caps // .excludes.caps then .names -= ["bpf", "perf_event_open"] else . end)
	| .syscalls += [{ names: ["bpf"], action: "SCMP_ACT_ALLOW", args: [], includes: { caps: ["CAP_BPF"] } },
		{ names: ["perf_event_open"], action: "SCMP_ACT_ALLOW", args: [], includes: { caps: ["CAP_PERFMON"] } }]' \
	/usr/share/containers/seccomp.json >"$TMPDIR/seccomp.json" || skip "no seccomp profile of the engine's"

# contained NAME OPTION... -- ARGUMENT...: a container of the image, in this network namespace.
contained() {
	local name=$1 given=()
	shift
	while [ "$1" != -- ]; do
		given+=("$1")
		shift
	done
	shift
	"${engine[@]}" run --rm --name "$name" --network host --log-driver none --no-healthcheck --pids-limit 0 --cgroup-parent "$group" \
		--security-opt seccomp="$TMPDIR/seccomp.json" "${limits[@]}" "${given[@]}" \
		localhost/lostsock:latest "$@"
}

# without OPTION: the manifest's options but one.
without() {
	local option
	for option in "${options[@]}"; do
		[ "$option" = "$1" ] || printf '%s\n' "$option"
	done
}

base=http://127.0.0.1:9977
serves() { [ "$("${CURL[@]}" "$base/readyz" 2>/dev/null)" = ready ]; }

# export_in NAME OPTION...: the exporter with these, until it is ready; false if it has ended.
export_in() {
	contained "$@" -- "${arguments[@]}" --interval 500ms --after 1s 2>"$TMPDIR/$1.log" 9>&- &
	export_pid=$!
	until_true 30 eval 'serves || gone "$export_pid"'
	! gone "$export_pid"
}

export_out() {
	"${engine[@]}" stop --time 5 "$1" >/dev/null 2>&1 || :
	wait "$export_pid" || :
}

# A leak in a network namespace that is not the exporter's.
cat >"$TMPDIR/elsewhere" <<-END
	#!/bin/sh
	exec unshare --net sh -c 'ip link set lo up && exec "$LOAD/close-wait" --leaky'
END
chmod 755 "$TMPDIR/elsewhere"
LOAD=$TMPDIR load elsewhere

# found: what /findings has of it.
found() {
	get /findings
	jq --argjson pid "$PID" '[.findings[]? | select(.class == "close-wait" and .pid == $pid) | .count] | add // 0' "$TMPDIR/body"
}
finds() { [ "$(found)" = "$COUNT" ]; }

export_in whole "${options[@]}" || fail "it has ended: $(cat "$TMPDIR/whole.log")"
serves || fail "not ready after 30 s: $(cat "$TMPDIR/whole.log")"
until_true 45 finds || fail "$COUNT connections leak, $(found) are found"
jq -e --argjson pid "$PID" '[.findings[] | select(.pid == $pid)][0] | .comm == "close-wait"' "$TMPDIR/body" >/dev/null ||
	fail "not by its name: $(jq -c '.findings[]' "$TMPDIR/body")"
while read -r probe path port; do
	[ "$("${CURL[@]}" -o /dev/null -w '%{http_code}' "http://127.0.0.1:$port$path")" = 200 ] || fail "$probe: $path does not answer 200"
done < <(yaml probes "$manifest")
health=$("${engine[@]}" image inspect --format '{{index .Config.Healthcheck.Test 1}}' localhost/lostsock:latest)
quietly "health check: $health" "${engine[@]}" exec whole sh -c "$health"
quietly "its shell" "${engine[@]}" exec whole sh -c '! touch /var/tmp/it 2>/dev/null && ! command -v cc make clang'
export_out whole

# opened TYPE: sockets of it that the program with its name is known to have opened.
opened() {
	gets 200 /metrics
	awk -v comm="{comm=\"$1\"" '/^lostsock_process_connections_opened_total/ && index($0, comm) { n += $NF }
		END { print n + 0 }' "$TMPDIR/body"
}
heard() { [ "$(opened "$1")" -ge 38 ]; }

# datagrams CONTAINER OPTION...: how many of forty UDP sockets that are closed at once it has heard of,
# once it has heard of as many TCP sockets that were opened after them.
datagrams() {
	local type
	export_in "$@" || fail "it has ended: $(cat "$TMPDIR/$1.log")"
	for type in udp tcp; do
		ln -sf "$(command -v perl)" "$TMPDIR/$type"
		"$TMPDIR/$type" -MIO::Socket::INET -e 'for (1 .. 40) {
			IO::Socket::INET->new(Proto => $ARGV[0], PeerAddr => "127.0.0.1:9977") or die $@; select(undef, undef, undef, 0.01) }' "$type"
	done
	until_true 60 heard tcp || fail "of 40 TCP sockets $(opened tcp) are known"
	opened udp
	export_out "$1"
}

# doctor, with the same: of what export uses nothing is missing.
contained doctor "${options[@]}" -- doctor >"$TMPDIR/doctor" 2>&1 || fail "doctor: $(cat "$TMPDIR/doctor")"
! grep -E '^missing +(aborts|cgroup2|TCP|UDP|blocked)' "$TMPDIR/doctor" >&2 || fail "see above"

# --- with one thing less ---

while read -r capability; do
	mapfile -t fewer < <(without "--cap-add=$capability")
	[ ${#fewer[@]} -eq $((${#options[@]} - 1)) ] || fail "$capability is not left out"
	! export_in "less-${capability,,}" "${fewer[@]}" || {
		export_out "less-${capability,,}"
		fail "it runs without CAP_$capability: it need not be given"
	}
	say "without CAP_$capability: $(grep -v serving "$TMPDIR/less-${capability,,}.log" | head -n 1)"
done < <(yaml capabilities "$manifest")

all=$(datagrams datagrams "${options[@]}")
mapfile -t fewer < <(without --volume=/sys/fs/cgroup:/sys/fs/cgroup:ro)
some=$(datagrams fewer-datagrams "${fewer[@]}")
[ ${#fewer[@]} -lt ${#options[@]} ] || fail "cgroup2 is not left out"
[ "$all" -ge 38 ] || fail "of 40 UDP sockets $all are known"
[ "$some" -lt 38 ] || fail "without the mount of cgroup2 $some of 40 UDP sockets are known: it need not be given"

mapfile -t fewer < <(without --pid=host)
if export_in alone "${fewer[@]}"; then
	sleep 4
	[ "$(found)" = 0 ] || fail "found without hostPID: it need not be given"
	export_out alone
fi
