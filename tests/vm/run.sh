#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# run.sh DIR [PATTERN]: boots each kernel of DIR/kernel whose name has PATTERN in it, with the static
# program and the scenarios of the table below; what doctor says there has to be expected/NAME, exactly.
# Emulated in software, two at a time: a guest is one processor. Leaves "passed failed skipped" in build/results/vm; what a
# guest said is in DIR/NAME.log. With UPDATE=1 what doctor says becomes what is expected.
#
# From the environment: RESULTS the folder for results, V=1 shows all that the guests say, VM_SECONDS
# the time limit of each.
set -u

dir=$1 pattern=${2:-${T:-}}
here=$(cd "$(dirname "$0")" && pwd)
results=${RESULTS:-$here/../../build/results}
rows=${PROOF_DIR:-$here/../../build/proof-rows} # the next `make proof` or `proof-healthy` takes the table from there
most=programs,states,ends,streams,attach

# name  architecture  must it be there  scenarios
kernels="
5.10       amd64  required  refused
6.1        amd64  required  $most
6.12       amd64  required  $most
newest     amd64  optional  $most
arm64-6.1  arm64  optional  $most
"
at_once=2 names=()
said=$(mktemp -d)
trap 'rm -rf "$said"' EXIT

passes() { echo "ok $*"; }
fails() { echo "not ok $*"; }
skips() { echo "skip $*"; }

# boot NAME ARCH SCENARIOS: what the guest says. Software emulation: it is the same everywhere, and
# needs no right. qemu's exit status says nothing: it is 0 after a panic, too.
boot() {
	local name=$1 arch=$2 run=$3 machine
	case $arch in
	amd64) machine=(qemu-system-x86_64 -M q35 -cpu qemu64) console=ttyS0 ;;
	arm64) machine=(qemu-system-aarch64 -M virt -cpu cortex-a57) console=ttyAMA0 ;;
	esac
	timeout -k 5 "${VM_SECONDS:-600}" "${machine[@]}" -accel tcg -m 768 -smp 1 -display none \
		-no-reboot -nodefaults -net none -serial stdio -monitor none \
		-kernel "$dir/kernel/$name" -initrd "$dir/$arch/initrd" \
		-append "console=$console quiet panic=-1 loglevel=4 vm.run=$run" </dev/null |
		tr -d '\r'
}

# features NAME: what doctor said is what is expected of it.
features() {
	local name=$1 expected=$here/expected/$1
	sed -n 's/^vm: feature //p' "$dir/$name.log" >"$dir/$name.features"
	[ "${UPDATE:-0}" -eq 0 ] || cp "$dir/$name.features" "$expected"
	if diff -u --label "expected of $name" --label "doctor on $name" "$expected" \
		"$dir/$name.features"; then
		passes "$name: doctor"
	else
		fails "$name: doctor"
	fi
}

# scenarios NAME RUN: each has reported, whatever it is.
scenarios() {
	local name=$1 run=$2 log=$dir/$1.log scenario verdict
	for scenario in ${run//,/ }; do
		verdict=$(grep -E "^vm: (ok|not ok|skip) $scenario( |:|\$)" "$log" | sed -n '1s/^vm: //p')
		case $verdict in
		ok*) passes "$name: ${verdict#ok }" ;;
		skip*) skips "$name: ${verdict#skip }" ;;
		not*) fails "$name: ${verdict#not ok }" && sed -n "/^vm: not ok $scenario:/,/^vm: /p" "$log" | grep '^    |' ;;
		*) fails "$name: $scenario did not report" ;;
		esac
	done
}

kernel() {
	local name=$1 arch=$2 must=$3 run=$4 start=$SECONDS
	if [ ! -s "$dir/kernel/$name" ]; then
		if [ "$must" = required ]; then
			fails "$name: there is no such kernel"
		else
			skips "$name: this kernel could not be fetched"
		fi
		return
	fi
	boot "$name" "$arch" "$run" >"$dir/$name.log" 2>&1
	[ "${V:-0}" -eq 0 ] || sed 's/^/    | /' "$dir/$name.log"
	if ! grep -qx 'vm: end 0' "$dir/$name.log"; then
		fails "$name: it has not come to its end"
		tail -n 30 "$dir/$name.log" | sed 's/^/    | /'
	fi
	features "$name"
	scenarios "$name" "$run"
	echo "$name: $(cat "$dir/kernel/$name.package"), $((SECONDS - start)) s"
}

count() { cat "$said"/* /dev/null 2>/dev/null | grep -c "^$1 "; }

# A part of docs/PROOF.md, of what was said.
table() {
	cat <<-END
		## Kernels

		One static binary in virtual machines, emulated in software ([KERNELS.md](KERNELS.md)); $(date -u +%F).
		What doctor says is compared with what is expected; the rest are scenarios.

		| kernel | package | passed | failed | skipped |
		| --- | --- | --- | --- | --- |
	END
	awk '
		/^(ok|not ok|skip) / { n = $0; sub(/^not /, "not_", n); split(n, word, " "); name = word[2]; sub(/:$/, "", name)
			sub(/^[^:]*: /, "", n); sub(/ \([0-9]+ s\)$/, "", n)
			list[name, word[1]] = list[name, word[1]] (list[name, word[1]] == "" ? "" : ", ") n; next }
		/^[^ ]+: .*, [0-9]+ s$/ { name = $1; sub(/:$/, "", name); package = $2; sub(/,$/, "", package)
			printf "| %s | %s | %s | %s | %s |\n", name, package, told(name, "ok"), told(name, "not_ok"), told(name, "skip") }
		function told(name, what) { return list[name, what] == "" ? "-" : list[name, what] }'
	echo
	echo "**$passed passed, $failed failed, $skipped skipped**"
}

while read -r name arch must run; do
	[[ -n $name && $name == *"$pattern"* ]] || continue
	while [ "$(jobs -pr | wc -l)" -ge "$at_once" ]; do
		wait -n
	done
	echo "vm: $name" >&2
	kernel "$name" "$arch" "$must" "$run" >"$said/$name" 2>&1 &
	names+=("$name")
done <<<"$kernels"
wait
for name in "${names[@]}"; do
	cat "$said/$name"
done
passed=$(count ok) failed=$(count 'not ok') skipped=$(count skip)
if [ ${#names[@]} -eq 0 ]; then
	echo "vm: no kernel matches '$pattern'" >&2
	failed=1
fi
mkdir -p "$results"
echo "$passed $failed $skipped" >"$results/vm"
if [ -z "$pattern" ]; then
	mkdir -p "$rows"
	cat "${names[@]/#/$said/}" | table >"$rows/kernels.md"
fi
echo "vm: $passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
