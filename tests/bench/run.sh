#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# run.sh [WORD]: what watching costs, beside what it costs with others. Measures the figures whose
# name has WORD in it, each as the median of several runs, prints a table, and leaves it in
# $RESULTS/bench.txt. Exit status 1 if a target was missed. Needs root, and a quiet machine.
#
# From the environment: LOSTSOCK the program, LOAD the folder of workloads, BENCH the folder of what
# tests/bench/*.c became, RESULTS, T as WORD, BENCH_RUNS (5) runs, or pairs of runs, a figure,
# BENCH_EXPORT_SECONDS (300) how long an exporter is scraped.
set -u

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
export LOSTSOCK=${LOSTSOCK:-$root/build/lostsock} LOAD=${LOAD:-$root/build/load} LC_ALL=C
BENCH=${BENCH:-$root/build/bench}
results=${RESULTS:-$root/build/results}
word=${1:-${T:-}}
runs=${BENCH_RUNS:-5}
peer_runs=$(((runs + 1) / 2))
export_seconds=${BENCH_EXPORT_SECONDS:-300}
peers=(tcplife tcpstates)

[ "$(id -u)" -eq 0 ] || {
	echo "bench: needs root: network namespaces and BPF" >&2
	exit 3
}
for command in ip unshare nsenter setpriv taskset jq timeout; do
	command -v "$command" >/dev/null || {
		echo "bench: $command is missing" >&2
		exit 3
	}
done

m=() others=
work=$(mktemp -d "${TMPDIR:-/tmp}/lostsock-bench.XXXXXX")
# shellcheck source=tests/bench/lib.sh
. "$here/lib.sh"

# shellcheck disable=SC2317 # called by the trap
cleanup() {
	trap - EXIT INT TERM
	[ "$BASHPID" = $$ ] || exit # a child that was stopped before it became what it should
	stop_all
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# row FIGURE FORMAT "<= TARGET" UNIT OTHERS [MORE]: a line of the table for what is in $m: its value,
# the least and the most.
missed=0
row() {
	local verdict=met shown=-
	[ -z "${m[0]:-}" ] || shown="$(show "$2" "${m[@]}")${4:+ $4}${6:-}"
	if [ "$shown" = - ]; then
		verdict='not measured'
	elif [ -z "$3" ]; then
		verdict=-
	elif ! awk "BEGIN { exit !(${m[0]} $3) }"; then
		verdict=MISSED
	fi
	[[ $verdict != [Mn]* ]] || missed=$((missed + 1))
	printf '%s\t%s\t%s\t%s\t%s\n' "$1" "$shown" "${3:+${3% *} $(show %s "${3#* }") $4}" "$verdict" \
		"$5" >>"$work/rows"
	say "    $1: $shown${5:+ ($5)}"
}

# --- the figures ---

connections=40000

# net_ns: nanoseconds a connection that the programs of the watcher under $pid take.
net_ns() {
	timeout 90 "$BENCH/bpfcost" "$pid" "${churn[@]}" "$LOAD/churn" --count $connections --hold 0 \
		2>/dev/null </dev/null >"$work/cost" || return 1
	calc "$(jq .net_ns "$work/cost") / $connections"
}

# bpf_time WATCHER RUNS: into $m.
bpf_time() {
	local i values=() value gone=0
	m=()
	for ((i = 0; i < $2; i++)); do
		watcher "$1" || return
		value=$(net_ns) && values+=("$value")
		[[ $1 != lostsock* ]] || gone=$(lost)
		stop "$pid"
		[ "$gone" = 0 ] || say "  $1 has lost $gone records"
	done
	median "${values[@]}"
}

# beside COMMAND FORMAT ARGS...: "peer value; peer value" of COMMAND PEER RUNS ARGS... into $others.
# Of each peer the one of bcc, or where that finds no headers to compile with, that of libbpf-tools.
beside() {
	local peer name command=$1 format=$2
	shift 2
	others=
	for peer in "${peers[@]}"; do
		name=$peer-bpfcc
		has "$name" || name=$peer
		has "$name" || continue
		"$command" "$name" "$peer_runs" "$@"
		others+="${others:+; }$name $(show "$format" "${m[0]:-0}")"
	done
}

figure_bpf_time() {
	beside bpf_time %.0f
	bpf_time lostsock "$runs"
	row 'BPF time a connection, both ends' %.0f '<= 1000' ns "$others"
	say "      $(cat "$work/cost")"
	bpf_time lostsock-stacks "$runs"
	row 'the same with --stacks all' %.0f '<= 1800' ns "$others"
	say "      $(cat "$work/cost")"
}

figure_churn() {
	beside paired %.2f churn_rate $connections
	paired lostsock "$runs" churn_rate $connections
	row 'churn, traced / untraced' %.3f '>= 0.95' '' "$others"
	paired lostsock-stacks "$runs" churn_rate $connections
	row 'the same with --stacks all' %.3f '>= 0.95' '' "$others"
}

# Differences of a hundredth need more pairs, not longer ones: the machine's own pace drifts.
figure_established() {
	local mode
	for mode in pingpong bulk; do
		paired lostsock $((2 * runs)) flow_rate $mode 1
		row "established $mode, traced / untraced" %.3f '>= 0.99' '' ''
	done
}

# On a screen, lostsock slows down rather than take more than a tenth of a core: how often it looked
# says whether it kept its pace.
cpu_top() {
	local looks seconds=20
	stand "$1" || return
	start cpu "${on_watch[@]}" "$LOSTSOCK" top --json -i 1s
	sleep 3
	looks=$(grep -c '"schema"' "$work/cpu")
	m=("$(cpu_percent "$pid" $seconds)")
	looks=$(($(grep -c '"schema"' "$work/cpu") - looks))
	stop "$pid"
	row "CPU of top -i 1s, $(show %d "$1") idle sockets" %.2f "$2" % '' \
		", looks every $(show %.1f "$(calc "$seconds / ($looks + ($looks == 0))")") s"
}

# In the background it looks the more seldom the longer that takes: whole rounds are measured.
cpu_record() {
	stand "$1" || return
	start cpu "${on_watch[@]}" "$LOSTSOCK" record /dev/null
	sleep 1
	m=("$(cpu_percent_whole "$pid" 20 90)")
	stop "$pid"
	row "CPU of record, $(show %d "$1") idle sockets" %.2f "$2" % ''
}

figure_cpu() {
	cpu_top 100000 '<= 10'
	cpu_record 100000 '<= 1'
	cpu_top 200000 ''
	cpu_record 200000 ''
}

# full: the table has every socket, on the processes that hold them.
full() {
	jq -e '[.processes[] | select(.comm == "idle") | .live] | add == 200000' "$1" >/dev/null ||
		fail "the table is not full: $(jq -c .totals "$1")"
}

ss_seconds() {
	local begin
	command -v ss >/dev/null || return
	begin=$(now)
	nsenter --net="/proc/$stand_pid/ns/net" timeout 120 ss -tanp >"$work/ss"
	echo "ss -tanp $(show %.1f "$(calc "$(now) - $begin")") s for" \
		"$(show %d "$(grep -c '"idle"' "$work/ss")") rows"
}

figure_table() {
	local i begin values=()
	stand 200000 || return
	for ((i = 0; i < runs; i++)); do
		begin=$(now)
		"${on_watch[@]}" timeout 60 "$LOSTSOCK" top --once --json >"$work/table"
		values+=("$(calc "$(now) - $begin")")
		full "$work/table" || return
	done
	median "${values[@]}"
	row 'full table of 200,000 sockets' %.3f '<= 0.3' s "$(ss_seconds)"
}

figure_memory() {
	local kb=()
	stand 200000 || return
	start memory "${on_watch[@]}" "$LOSTSOCK" top --json -i 1s
	sleep 6
	kb=("$(memory_kb "$pid" VmHWM)" "$(memory_kb "$pid" VmRSS)" "$(memory_kb "$pid" RssAnon)")
	stop "$pid"
	m=("$(calc "${kb[0]} * 1024 / 200000")")
	row 'memory a socket, 200,000 stand' %.0f '<= 200' B '' " peak, \
$(show %.0f "$(calc "${kb[1]} * 1024 / 200000")") B resident, \
$(show %.0f "$(calc "${kb[2]} * 1024 / 200000")") B of it heap"
}

figure_replay() {
	local i begin records values=()
	records=$("$BENCH/mkrecording" "$work/recording" 20 50000 27500) || return
	for ((i = 0; i < runs; i++)); do
		begin=$(now)
		"${on_watch[@]}" timeout 60 "$LOSTSOCK" replay "$work/recording" --once --json >"$work/replay"
		values+=("$(calc "$records / ($(now) - $begin) / 1e6")")
	done
	rm -f "$work/recording"
	jq -e '.totals.live == 50000 and .totals.closed == 2 * 19 * 27500' "$work/replay" >/dev/null ||
		fail "the replay is wrong: $(jq -c .totals "$work/replay")" || return
	median "${values[@]}"
	row 'replay, million records a second' %.2f '>= 3' '' ''
}

figure_start() {
	local i values=()
	for ((i = 0; i < runs; i++)); do
		values+=("$(timeout 20 "$BENCH/screen" 1 'PID COMM' "${on_watch[@]}" "$LOSTSOCK" top)") ||
			return
	done
	median "${values[@]}"
	row 'start to first screen' %.3f '<= 0.3' s ''
}

# Of a process that is attached to, and of one beside it.
figure_attach() {
	paired_followed "$runs" 20000 --stacks fp
	row 'churn, attached to / not, frame pointers' %.3f '>= 0.90' '' ''
	paired_followed "$runs" 20000 --stacks copy
	row 'churn, attached to / not, copied stacks' %.3f '>= 0.80' '' ''
	paired attach $((2 * runs)) churn_rate $connections
	row 'churn beside an attached process / without' %.3f '>= 0.99' '' ''
}

figure_run() {
	local i begin bare values=()
	for ((i = 0; i < runs; i++)); do
		begin=$(now)
		env true
		bare=$(calc "$(now) - $begin")
		begin=$(now)
		"$LOSTSOCK" run -- true 2>/dev/null || return
		values+=("$(calc "$(now) - $begin - $bare")")
	done
	median "${values[@]}"
	row 'run -- true, more than true' %.3f '<= 0.3' s ''
}

# symbols COMMAND...: names a thousand places in the code of COMMAND, or in that of the benchmark itself.
symbols() {
	local i name=$1 values=()
	shift
	for ((i = 0; i < runs; i++)); do
		timeout 60 "$BENCH/symbols" 1000 "$@" >"$work/symbols" || return
		values+=("$(jq .seconds "$work/symbols")")
	done
	median "${values[@]}"
	row "naming 1,000 sites of $name, cold" %.3f '<= 1' s '' ", $(jq .named "$work/symbols") named"
}

figure_symbols() {
	symbols 'a program with DWARF'
	m=("$(jq .unwind_us "$work/symbols")")
	row "unwinding a copied stack of $(jq .frames "$work/symbols") frames" %.1f '<= 50' us ''
	if command -v node >/dev/null; then
		symbols node node -e 'console.log("ready"); setTimeout(() => {}, 60000)'
	fi
	symbols python3 python3 -c 'import time, ssl; print("ready", flush=True); time.sleep(60)'
}

# Servers in turn, so that the machine's own pace is the same for all.
# shellcheck disable=SC2034 # by name
figure_http() {
	local i name value ratios nginx=() tether=() h2o=() libmicrohttpd=() lates=() late nginx_late
	for ((i = 0; i < runs; i++)); do
		for name in nginx tether h2o libmicrohttpd; do
			value=$(http_rate $name) || return
			eval "$name+=($value)"
		done
	done
	for name in nginx:1.5 h2o:1.5 libmicrohttpd:2; do
		ratios=()
		for ((i = 0; i < runs; i++)); do
			eval "value=\${${name%:*}[i]}"
			ratios+=("$(calc "${tether[i]} / $value")")
		done
		eval "median \"\${${name%:*}[@]}\""
		value=$(show %.0f "${m[0]}")
		median "${ratios[@]}"
		row "tether's requests a second / ${name%:*}'s" %.2f ">= ${name#*:}" '' "${name%:*} $value"
	done
	median "${tether[@]}"
	row "tether's requests a second, 100 connections" %.0f '' '' ''
	median "${nginx[@]}"
	value=$(calc "${m[0]} * 0.7")
	ratios=()
	for ((i = 0; i < runs; i++)); do
		nginx_late=$(http_late nginx "$value") && late=$(http_late tether "$value") || return
		lates+=("$nginx_late")
		ratios+=("$(calc "$late / $nginx_late")")
	done
	median "${lates[@]}"
	name="nginx $(show %.0f "${m[0]}") us"
	median "${ratios[@]}"
	row "its p99.9 at 70 % of nginx's load / nginx's" %.2f '<= 1' '' "$name"
	m=("$(http_memory tether 8000)") || return
	row 'its memory an idle connection, 8,000 stand' %.0f '<= 2048' B ''
}

figure_h3() {
	local i theirs ours ratios=() rates=()
	for ((i = 0; i < runs; i++)); do
		theirs=$(h3_rate gtlsserver 50000) && ours=$(h3_rate tether 50000) || return
		rates+=("$theirs")
		ratios+=("$(calc "$ours / $theirs")")
	done
	median "${rates[@]}"
	theirs=$(show %.0f "${m[0]}")
	median "${ratios[@]}"
	row "tether's HTTP/3 requests a second / gtlsserver's" %.2f '>= 1' '' "gtlsserver $theirs"
	certificate
	timeout 60 "$BENCH/tether_stream" "$work/cert.pem" "$work/key.pem" >"$work/stream" || return
	median "$(jq .bytes "$work/stream")"
	row "memory a live stream, beside ngtcp2's" %.0f '<= 1024' B "ngtcp2 $(jq .ngtcp2_bytes "$work/stream") B"
}

# told RECORD-ARGS... -- LOAD-ARGS...: the account of a program that tells of streams, into $work/told;
# of the program beside it, which nobody watches, into $work/untold. $work/lost: records lost.
told() {
	local args=() watcher program other i
	while [ "$1" != -- ]; do args+=("$1") && shift; done
	shift
	start untold "${on_load[@]}" "$LOAD/streams" --hold 20 "$@"
	other=$pid
	start told "${on_load[@]}" "$LOAD/streams" --hold 20 "$@"
	program=$pid
	start record "${on_watch[@]}" "$LOSTSOCK" record -p "$program" "${args[@]}" "$work/streams.lsk"
	watcher=$pid
	for ((i = 0; i < 150; i++)); do
		[ "$(wc -l <"$work/told")" -lt 2 ] || [ "$(wc -l <"$work/untold")" -lt 2 ] || break
		sleep 0.1
	done
	stop "$watcher"
	stop "$program"
	stop "$other"
	"$here/../e2e/load/recorded.py" "$work/streams.lsk" "$program" >"$work/heard" || return 1
	sed -i -n '2p' "$work/told" "$work/untold"
	[ -s "$work/told" ] && [ -s "$work/untold" ]
}

# The program's own CPU time: what else runs on its CPU does not count.
figure_streams() {
	local i watched=() beside=() alone=() rates=() lost=0 heard
	for ((i = 0; i < runs; i++)); do
		start bare "${on_load[@]}" "$LOAD/streams" --mode alone --hold 1 --count 1000000
		wait "$pid"
		alone+=("$(sed -n 2p "$work/bare" | jq .ns)")
		told --streams -- --count 200000 || return
		watched+=("$(jq .ns "$work/told")")
		beside+=("$(jq .ns "$work/untold")")
		told --streams -- --count 200000 --rate 220000 || return
		rates+=("$(jq .events_s "$work/told")")
		heard=$(jq '.open + .free' "$work/heard")
		lost=$((lost + 400000 - heard))
	done
	median "${rates[@]}"
	row 'events of streams told and heard' %.0f '>= 200000' /s '' ", $lost of $((400000 * runs)) lost"
	[ "$lost" -eq 0 ] || missed=$((missed + 1))
	median "${watched[@]}"
	row 'a stream opened and freed, to who tells' %.0f '<= 2000' ns ''
	median "${beside[@]}"
	row '... to another with the same library' %.0f '' ns ''
	median "${alone[@]}"
	row '... while nobody listens' %.1f '<= 20' ns ''
}

figure_pool() {
	local i with without values=() ratios=()
	for ((i = 0; i < runs; i++)); do
		without=$(LD_LIBRARY_PATH=$BENCH/bare "${on_load[@]}" "$BENCH/tether_pool" | jq -r .ns) &&
			with=$("${on_load[@]}" "$BENCH/tether_pool" | jq -r .ns) || return
		values+=("$with")
		ratios+=("$(calc "$with / $without")")
	done
	median "${values[@]}"
	row 'borrowing and giving back a connection' %.0f '<= 200' ns ''
	median "${ratios[@]}"
	row '... / the same in a library without probes' %.3f '<= 1.03' '' ''
}

# As Prometheus does it: each of the two is asked every 15 s, one after the other.
export_run() {
	local ours=$1 web=$2 theirs=$3 end=$((SECONDS + $4)) a b now_kb
	while :; do
		a=$(scrape 9977) && b=$(scrape 9100) || return
		scrapes+=("$(calc "${a% *} * 1000")") bytes=${a#* }
		peer_scrapes+=("$(calc "${b% *} * 1000")")
		now_kb=$(($(memory_kb "$ours" VmRSS) + $(memory_kb "$web" VmRSS)))
		[ "$now_kb" -le "$most_kb" ] || most_kb=$now_kb
		now_kb=$(memory_kb "$theirs" VmRSS)
		[ "$now_kb" -le "$peer_kb" ] || peer_kb=$now_kb
		[ $((end - SECONDS)) -gt 15 ] || break
		sleep 15
	done
	[ $SECONDS -ge $end ] || sleep $((end - SECONDS))
}

# The exporter, and that of Prometheus for machines with its collector of TCP states alone.
figure_export() {
	local scrapes=() peer_scrapes=() bytes=0 most_kb=0 peer_kb=0 ours web theirs before begin peer looks
	command -v prometheus-node-exporter >/dev/null || fail "prometheus-node-exporter is missing" || return
	unstand
	crowd 100000 250 $((export_seconds + 240)) || return
	exporter node 9100 prometheus-node-exporter --collector.disable-defaults --collector.tcpstat \
		--web.disable-exporter-metrics --web.listen-address 127.0.0.1:9100 || return
	theirs=$pid
	exporter lostsock 9977 "$LOSTSOCK" export --web.listen-address 127.0.0.1:9977 || return
	ours=$pid web=$(pgrep -P "$ours")
	before=$(($(cpu_ticks "$ours") + $(cpu_ticks "$web"))) peer=$(cpu_ticks "$theirs") begin=$(now)
	export_run "$ours" "$web" "$theirs" "$export_seconds" || return
	m=("$(calc "($(cpu_ticks "$ours") + $(cpu_ticks "$web") - $before) * 100 / $(getconf CLK_TCK) / ($(now) - $begin)")")
	peer=$(calc "($(cpu_ticks "$theirs") - $peer) * 100 / $(getconf CLK_TCK) / ($(now) - $begin)")
	scrape 9977 >/dev/null
	looks=$(awk '$1 == "lostsock_interval_seconds" { print $2 }' "$work/scraped")
	row "export: CPU, 100,000 connections, $export_seconds s" %.2f '<= 1' % \
		"node_exporter $(show %.2f "$peer") %" ", looks $(show %.0f "$looks") s apart"
	m=("$(calc "$most_kb / 1024")")
	row '... resident at the most, both processes' %.1f '<= 64' MiB "node_exporter $(show %.1f "$(calc "$peer_kb / 1024")") MiB"
	median "${peer_scrapes[@]}"
	peer=$(show %.1f "${m[@]}")
	median "${scrapes[@]}"
	row '... a scrape' %.1f '<= 20' ms "node_exporter, tcpstat alone, $peer ms"
	m=("$bytes")
	row '... its size' %.0f '<= 1000000' B ''
	stop "$ours"
	stop "$theirs"
	stop "$crowd_pid"
}

# What the standing sockets would slow down comes before them.
figures=(start run symbols pool http h3 streams replay bpf_time churn attach established cpu table memory export)

table() {
	echo "lostsock $("$LOSTSOCK" --version 2>/dev/null | awk '{ print $NF; exit }'), Linux $(uname -r)," \
		"$(nproc) CPUs, $(date -u +%Y-%m-%d): medians of $runs (least-most)"
	echo
	{
		printf 'figure\tmeasured\ttarget\t\tothers, in the same run\n'
		cat "$work/rows"
	} | awk -F '\t' '
		{ for (i = 1; i < NF; i++) if (length($i) > w[i]) w[i] = length($i); line[NR] = $0 }
		END { for (n = 1; n <= NR; n++) {
			f = split(line[n], c)
			for (i = 1; i < f; i++) printf "%-*s  ", w[i], c[i]
			print c[f] } }' | sed 's/ *$//'
}

: >"$work/rows"
for name in "${figures[@]}"; do
	[[ ${name//_/-} == *"$word"* ]] || continue
	say "  ${name//_/-}"
	"figure_$name" || missed=$((missed + 1))
done
[ -s "$work/rows" ] || {
	echo "bench: no figure matches '$word': ${figures[*]//_/-}" >&2
	exit 2
}
mkdir -p "$results"
table | tee "$results/bench.txt"
[ $missed -eq 0 ]
