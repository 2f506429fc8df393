# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # run.sh sets $work, and uses what is set here
#
# lib.sh: what the figures are measured with. Everything that is started is known by its pid, ends
# with this shell, and opens its sockets in network namespaces that end with it.

# Workload and watcher each have a CPU; the client and the server of a workload share theirs.
watch_cpu=0
load_cpu=$(($(nproc) > 1))
on_watch=(taskset -c "$watch_cpu")
on_load=(taskset -c "$load_cpu")
# In an own network namespace, which the kernel drops with the last process in it.
# shellcheck disable=SC2016 # for the inner shell
alone=(unshare --net -- sh -c 'ip link set lo up && exec "$@"' sh)

say() { printf '%s\n' "$*" >&2; }

fail() {
	say "bench: $*"
	return 1
}

# --- numbers ---

# median NUMBER...: the median, the least and the most, into $m.
median() {
	# shellcheck disable=SC2207 # three numbers
	m=($(printf '%s\n' "$@" | sort -g | awk '{ v[NR] = $1 }
		END { m = int((NR + 1) / 2)
		      printf "%.9g %.9g %.9g\n", NR % 2 ? v[m] : (v[m] + v[m + 1]) / 2, v[1], v[NR] }'))
}

calc() { awk "BEGIN { printf \"%.9g\", ($*) }"; }

# show FORMAT NUMBER [LEAST MOST]: with thousands apart, and how far the runs were spread.
show() {
	# shellcheck disable=SC2059 # a format
	printf "$1" "$2" | sed -E ':a; s/^([0-9]+)([0-9]{3})/\1,\2/; ta'
	# shellcheck disable=SC2059
	[ $# -lt 4 ] || printf " ($1-$1)" "$3" "$4" | sed -E ':a; s/([0-9])([0-9]{3})([^0-9.]|$)/\1,\2\3/; ta'
}

# now: seconds since the epoch, to the microsecond.
now() { echo "${EPOCHREALTIME/,/.}"; }

# --- processes ---

pids=()

# start NAME COMMAND...: in the background, $work/NAME has what it says; its pid is in $pid.
start() {
	local name=$1
	shift
	: >"$work/$name" # what is there now is another's
	setpriv --pdeathsig KILL "$@" >"$work/$name" 2>"$work/$name.err" </dev/null &
	pid=$!
	pids+=("$pid")
}

# stop PID: in good order, by force after five seconds.
stop() {
	local i
	kill "$1" 2>/dev/null
	for ((i = 0; i < 100; i++)); do
		kill -0 "$1" 2>/dev/null || break
		sleep 0.05
	done
	kill -KILL "$1" 2>/dev/null
	wait "$1" 2>/dev/null
	return 0
}

stop_all() {
	local p
	for p in "${pids[@]}"; do
		stop "$p"
	done
}

# spoken NAME SECONDS: what was started last says its first word in time.
spoken() {
	local i
	for ((i = 0; i < $2 * 50; i++)); do
		[ ! -s "$work/$1" ] || return 0
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.02
	done
	say "$(tail -n 3 "$work/$1.err")"
	return 1
}

# --- watchers ---

# Headers for bcc's compiler: it wants one tree, Debian splits it in two. Those of another kernel
# will do: what tcplife and tcpstates read is in the tracepoint, whose format the kernel tells.
bcc_headers() {
	local dir newest
	export BCC_KERNEL_SOURCE=$work/headers
	[ ! -d "$BCC_KERNEL_SOURCE" ] || return 0
	mkdir -p "$BCC_KERNEL_SOURCE/arch/x86"
	newest=$(printf '%s\n' /usr/src/linux-headers-*/include/generated/autoconf.h | sort -V | tail -n 1)
	[ -e "$newest" ] || return 0
	newest=${newest%/include/*}
	for dir in "${newest%-*}-common" "$newest"; do
		cp -rsf "$dir/include" "$BCC_KERNEL_SOURCE/" 2>/dev/null || continue
		cp -rsf "$dir/arch/x86/include" "$BCC_KERNEL_SOURCE/arch/x86/" 2>/dev/null
	done
}

# bcc reads the tracepoints' formats below debugfs, which may not be mounted: in a mount namespace.
# shellcheck disable=SC2016 # for the inner shell
bcc=(unshare --mount -- sh -c 'mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null
	mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null; exec "$@"' sh)

# links PID: how many BPF programs it has attached.
links() { find "/proc/$1/fd" -lname '*bpf*link*' 2>/dev/null | wc -l; }

# attach PID ARGS...: lostsock to it; its own pid is in $pid when all is attached.
attach() {
	local before i
	start watcher "${on_watch[@]}" "$LOSTSOCK" attach "$@" --json
	for ((i = 0; i < 50; i++)); do
		before=$(links "$pid")
		sleep 0.3
		[ "$before" -eq 0 ] || [ "$before" -ne "$(links "$pid")" ] || return 0
	done
	say "$(tail -n 3 "$work/watcher.err")"
	return 1
}

# watcher NAME: starts it and waits until it watches. NAME is lostsock, lostsock-stacks, attach (to a
# process that does nothing), or the name of a peer.
watcher() {
	local idle
	case $1 in
	attach)
		start idle sleep 600
		idle=$pid
		attach "$idle"
		return
		;;
	lostsock) start watcher "${on_watch[@]}" "$LOSTSOCK" top --json -i 1s ;;
	lostsock-stacks) start watcher "${on_watch[@]}" "$LOSTSOCK" top --json -i 1s --stacks all ;;
	*-bpfcc)
		bcc_headers
		start watcher "${bcc[@]}" "${on_watch[@]}" env PYTHONUNBUFFERED=1 "$1"
		;;
	*) start watcher "${bcc[@]}" "${on_watch[@]}" stdbuf -oL "$1" ;;
	esac
	spoken watcher 20 || {
		stop "$pid"
		return 1
	}
}

# has PEER: it is installed, and starts on this kernel. What does not is said once.
declare -A peer_works
has() {
	if [ -z "${peer_works[$1]:-}" ]; then
		peer_works[$1]=no
		if ! command -v "$1" >/dev/null; then
			say "  $1 is not installed"
		elif watcher "$1"; then
			peer_works[$1]=yes
			stop "$pid"
		else
			say "  $1 does not start here (bcc compiles: it wants kernel headers, of any version)"
		fi
	fi
	[ "${peer_works[$1]}" = yes ]
}

# lost: what lostsock says that it has lost, and how many it has seen; after the next report.
lost() {
	sleep 1.2
	jq -s -r '.[-1].lost.total // "?"' "$work/watcher" 2>/dev/null || echo '?'
}

# --- workloads ---

churn=("${alone[@]}" "${on_load[@]}" timeout 60)

# churn_rate COUNT: connections a second. The namespace's leavings are cleared before the next run.
churn_rate() {
	local seconds
	seconds=$("${churn[@]}" "$LOAD/churn" --count "$1" --hold 0 </dev/null |
		jq -s -r '.[1].seconds') || return 1
	sleep 0.3
	calc "$1 / $seconds"
}

# followed_rate COUNT [ARGS...]: the same of a process that is attached to (with ARGS; "none": it is
# not) before it begins: a shell that stops, and becomes the workload when it goes on.
followed_rate() {
	local count=$1 shell seconds i
	shift
	# shellcheck disable=SC2016 # for the inner shell
	start churn unshare --net -- sh -c 'ip link set lo up; kill -STOP $$; exec "$@"' sh \
		"${on_load[@]}" "$LOAD/churn" --count "$count" --hold 0
	shell=$pid
	for ((i = 0; i < 100; i++)); do
		[ "$(awk '{ print $3 }' "/proc/$shell/stat")" != T ] || break
		sleep 0.02
	done
	if [ "$1" != none ]; then
		attach "$shell" "$@" || return 1
	fi
	kill -CONT "$shell"
	for ((i = 0; i < 1200; i++)); do
		seconds=$(sed -n 2p "$work/churn" | jq -r .seconds)
		[ -z "$seconds" ] || break
		sleep 0.05
	done
	stop "$shell"
	[ "$1" = none ] || stop "$pid"
	[ -n "$seconds" ] || return 1
	sleep 0.3
	calc "$count / $seconds"
}

flow_rate() { "${alone[@]}" "${on_load[@]}" timeout 60 "$BENCH/flow" "$1" "$2"; }

# paired WATCHER RUNS COMMAND...: COMMAND, which prints a rate, untraced and traced in turn; traced /
# untraced into $m.
paired() {
	local name=$1 n=$2 i bare traced ratios=()
	shift 2
	m=()
	for ((i = 0; i < n; i++)); do
		bare=$("$@") || return
		watcher "$name" || return
		traced=$("$@")
		stop "$pid"
		[ -n "$traced" ] || return
		ratios+=("$(calc "$traced / $bare")")
	done
	median "${ratios[@]}"
}

# paired_followed RUNS COUNT ARGS...: the same for a process that is attached to, with ARGS.
paired_followed() {
	local n=$1 count=$2 i bare traced ratios=()
	shift 2
	m=()
	for ((i = 0; i < n; i++)); do
		bare=$(followed_rate "$count" none) && traced=$(followed_rate "$count" "$@") || return
		ratios+=("$(calc "$traced / $bare")")
	done
	median "${ratios[@]}"
}

# stand SOCKETS: so many established sockets stand idle, in twelve processes for each 200,000.
standing=0 stand_first=1 stand_pid='' stand_pids=()
stand() {
	local more=$((($1 - standing) / 2)) couples into=("${alone[@]}")
	[ "$more" -gt 0 ] || return 0
	couples=$(((more + 16666) / 16667))
	[ -z "$stand_pid" ] || into=(nsenter --net="/proc/$stand_pid/ns/net")
	start "idle$stand_first" "${into[@]}" "$BENCH/idle" "$more" "$couples" "$stand_first"
	spoken "idle$stand_first" 60 || fail "the sockets do not stand" || return 1
	stand_pid=$pid
	stand_pids+=("$pid")
	stand_first=$((stand_first + couples))
	standing=$1
	sleep 1
}

unstand() {
	local p
	for p in "${stand_pids[@]}"; do
		stop "$p"
	done
	standing=0 stand_first=1 stand_pid='' stand_pids=()
}

# --- processes measured from outside ---

cpu_ticks() { awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$1/stat"; }

# cpu_percent PID SECONDS: of one core, iterators included: they run in its read().
cpu_percent() {
	local before after begin end
	before=$(cpu_ticks "$1") begin=$(now)
	sleep "$2"
	after=$(cpu_ticks "$1") end=$(now)
	calc "($after - $before) * 100 / $(getconf CLK_TCK) / ($end - $begin)"
}

# cpu_percent_whole PID SECONDS LIMIT: the same of a process that works seldom: from the begin of a
# burst of work to the begin of another, SECONDS later or more; nothing if none comes before LIMIT.
cpu_percent_whole() {
	local last ticks t begin='' before end=$((SECONDS + $3)) busy=1
	last=$(cpu_ticks "$1")
	while [ $SECONDS -lt $end ]; do
		sleep 0.2
		ticks=$(cpu_ticks "$1") t=$(now)
		if [ $((ticks - last)) -lt 3 ]; then
			busy=0
		elif [ $busy -eq 0 ]; then
			busy=1
			if [ -z "$begin" ]; then
				begin=$t before=$last
			elif [ "$(calc "$t - $begin >= $2")" = 1 ]; then
				calc "($last - $before) * 100 / $(getconf CLK_TCK) / ($t - $begin)"
				return
			fi
		fi
		last=$ticks
	done
}

memory_kb() { awk -v "field=$2:" '$1 == field { print $2 }' "/proc/$1/status"; }

# --- exporters, beside each other ---

# crowd CONNECTIONS COUPLES SECONDS: both ends of so many connections stand idle, in two processes a
# couple, and go by themselves after SECONDS; whose namespace it is in $crowd_pid.
crowd_pid=''
crowd() {
	start crowd "${alone[@]}" timeout "$3" "$BENCH/idle" "$1" "$2" 1
	crowd_pid=$pid
	spoken crowd 120 || fail "the connections do not stand"
}

amid() { nsenter --net="/proc/$crowd_pid/ns/net" "$@"; }

# exporter NAME PORT COMMAND...: among the crowd; its pid in $pid, once it has something to tell.
exporter() {
	local i
	start "$1" "${on_watch[@]}" nsenter --net="/proc/$crowd_pid/ns/net" "${@:3}"
	for ((i = 0; i < 600; i++)); do
		amid curl -sf -o /dev/null --max-time 5 "http://127.0.0.1:$2/metrics" && return
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.1
	done
	fail "$1 has nothing to tell: $(tail -n 3 "$work/$1.err")"
}

# scrape PORT: "seconds bytes", uncompressed.
scrape() {
	amid "${on_load[@]}" curl -sf -o "$work/scraped" --max-time 30 -w '%{time_total} %{size_download}' \
		"http://127.0.0.1:$1/metrics"
}

# --- HTTP servers: one core, the same 1 KB of text/html, keep-alive without end ---

# serve NAME: starts it in a network namespace; its pid in $pid.
serve() {
	local dir=$work/www i in=("${alone[@]}" "${on_load[@]}")
	mkdir -p "$dir"
	[ -s "$dir/index.html" ] || head -c 1024 /dev/zero | tr '\0' x >"$dir/index.html"
	case $1 in
	tether) start server "${in[@]}" "${LOSTSOCK%/*}/tether-serve" --listen 127.0.0.1:8080 "$dir" ;;
	nginx)
		cat >"$work/nginx.conf" <<-END
			daemon off; master_process off; user root; pid $work/nginx.pid; error_log stderr;
			events { worker_connections 16384; }
			http {
				access_log off; keepalive_timeout 3600s; keepalive_requests 1000000000;
				default_type text/html; sendfile on; tcp_nopush off; open_file_cache max=100;
				client_body_temp_path $work/b; proxy_temp_path $work/p; fastcgi_temp_path $work/f;
				uwsgi_temp_path $work/u; scgi_temp_path $work/s;
				server { listen 127.0.0.1:8080 backlog=16384; root $dir; }
			}
		END
		start server "${in[@]}" nginx -p "$work" -c "$work/nginx.conf"
		;;
	h2o)
		cat >"$work/h2o.conf" <<-END
			listen: { host: 127.0.0.1, port: 8080 }
			user: root
			num-threads: 1
			max-connections: 16384
			http1-request-timeout: 3600
			hosts: { default: { paths: { /: { file.dir: $dir } } } }
		END
		start server "${in[@]}" h2o -c "$work/h2o.conf"
		;;
	libmicrohttpd) start server "${in[@]}" "$BENCH/mhd" 8080 1024 ;;
	esac
	for ((i = 0; i < 100; i++)); do
		asks curl -s -o /dev/null --max-time 1 http://127.0.0.1:8080/index.html && return
		sleep 0.05
	done
	say "$1 does not serve: $(tail -n 3 "$work/server.err")"
	stop "$pid"
	return 1
}

# asks COMMAND...: in the server's network namespace, on the other core.
asks() { nsenter --net="/proc/$pid/ns/net" "${on_watch[@]}" "$@"; }

# http_rate NAME: requests that it serves in a second of its core's time, over 100 connections. Not of
# the clock's: who asks has one core too, which the faster ones fill.
http_rate() {
	local requests before after
	serve "$1" || return
	before=$(cpu_ticks "$pid")
	requests=$(asks wrk -t1 -c100 -d4s http://127.0.0.1:8080/index.html |
		awk '/requests in/ { print $1 } /Non-2xx|Socket errors/ { bad = 1 } END { exit bad }') || requests=
	after=$(cpu_ticks "$pid")
	stop "$pid"
	[ -n "$requests" ] && calc "$requests * $(getconf CLK_TCK) / ($after - $before)"
}

# http_late NAME RATE: the 99.9th percentile, in microseconds, at RATE requests a second.
http_late() {
	local us
	serve "$1" || return
	asks timeout 30 h2load --h1 -t1 -c100 -D5 --warm-up-time=1 --rps="$(calc "int($2 / 100)")" \
		--log-file="$work/log" http://127.0.0.1:8080/index.html >/dev/null
	us=$(sort -n -k3,3 "$work/log" | awk '{ v[NR] = $3 } END { if (NR) print v[int(NR * 0.999)] }')
	rm -f "$work/log"
	stop "$pid"
	[ -n "$us" ] && echo "$us"
}

# http_memory NAME COUNT: bytes of resident memory a connection that has had an answer, and is idle.
http_memory() {
	local before after i server
	serve "$1" || return
	server=$pid
	before=$(memory_kb "$server" VmRSS)
	# Both ends of its stdin are its own, so that it never sees the end.
	mkfifo "$work/hold"
	# shellcheck disable=SC2016 # for the inner shell
	start held sh -c 'exec "$@" <>"$0"' "$work/hold" nsenter --net="/proc/$server/ns/net" \
		"${on_watch[@]}" "$here/../tether/hostile.py" 8080 hold idle "$2"
	spoken held 60
	sleep 1
	after=$(memory_kb "$server" VmRSS)
	stop "$pid"
	rm -f "$work/hold"
	stop "$server"
	calc "($after - $before) * 1024 / $2"
}

# --- HTTP/3 servers: one core, the same 1 KB ---

# certificate: a key and a certificate for it, $work/key.pem and $work/cert.pem.
certificate() {
	[ -s "$work/cert.pem" ] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
		-subj /CN=localhost -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null
}

# h3_rate NAME COUNT: requests that it serves in a second of its core's time, over one connection.
h3_rate() {
	local dir=$work/www before after in=("${alone[@]}" "${on_load[@]}")
	certificate
	mkdir -p "$dir"
	[ -s "$dir/index.html" ] || head -c 1024 /dev/zero | tr '\0' x >"$dir/index.html"
	case $1 in
	tether)
		start server "${in[@]}" "${LOSTSOCK%/*}/tether-serve" --listen 127.0.0.1:8443 \
			--tls "$work/cert.pem,$work/key.pem" --h3 127.0.0.1:4433 "$dir"
		;;
	gtlsserver) start server "${in[@]}" gtlsserver -q -d "$dir" 127.0.0.1 4433 "$work/key.pem" "$work/cert.pem" ;;
	esac
	asks timeout 10 gtlsclient -q --exit-on-all-streams-close -n 100 127.0.0.1 4433 \
		https://localhost/index.html >/dev/null 2>&1
	before=$(cpu_ticks "$pid")
	asks timeout 60 gtlsclient -q --exit-on-all-streams-close -n "$2" 127.0.0.1 4433 \
		https://localhost/index.html >/dev/null 2>&1
	after=$(cpu_ticks "$pid")
	stop "$pid"
	[ "$after" -gt "$before" ] && calc "$2 * $(getconf CLK_TCK) / ($after - $before)"
}
