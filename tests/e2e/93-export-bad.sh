#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What goes wrong: before anything is attached it is said in a line; afterwards neither process lives
# on without the other, and nothing stays attached.
# shellcheck disable=SC2016,SC2119 # what until_true evaluates each time; exporter's own arguments
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/e2e/export.sh
. "${0%/*}/export.sh"

cd "$TMPDIR" || exit
needs openssl

# --- options ---

refuses 2 "web.listen-address.*'nonsense'" export --web.listen-address nonsense
refuses 2 'no address' export --web.listen-address 127.0.0.1:99999
refuses 2 'no address' export --web.listen-address unix:relative
refuses 2 'is taken' export --web.telemetry-path /findings
refuses 2 'a path such as' export --web.telemetry-path 'm"x'
refuses 2 'from 1 to 1000' export --max-names 0
refuses 2 "no option '--json'|does not go" export --json
refuses 1 'gone.yml: No such file' export --web.config.file gone.yml

# --- the configuration: file, line, key ---

# config STATUS PATTERN TEXT
config() {
	printf '%b' "$3" >web.yml
	LINES_MAX=1 refuses "$1" "$2" export --web.listen-address 127.0.0.1:0 --web.config.file web.yml
}
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=a \
	-keyout key.pem -out cert.pem 2>/dev/null
echo nothing >empty.pem
tls='tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n'
config 2 'web.yml:3: no YAML' 'a: [\nb'
config 2 'web.yml:2: basic_auth_user: there is no such key here \(did you mean basic_auth_users' 'http_server_config:\nbasic_auth_user:\n'
config 2 'web.yml:4: min_version: TLS12 or TLS13, not .TLS10' "$tls  min_version: TLS10\n"
config 2 'web.yml:4: client_auth_type: .RequireAndVerify.*did you mean' "$tls  client_auth_type: RequireAndVerify\n"
config 2 'web.yml:2: tls_server_config: .*client_ca_file is needed' "$tls  client_auth_type: RequireAndVerifyClientCert\n"
config 2 'web.yml:4: cipher_suites: is not supported' "$tls  cipher_suites: [x]\n"
config 2 'web.yml:2: tls_server_config: key_file is missing' 'tls_server_config:\n  cert_file: cert.pem\n'
config 2 'web.yml:3: cert_file: is there twice' 'tls_server_config:\n  cert_file: a\n  cert_file: b\n'
config 2 'web.yml:3: anna: no bcrypt' 'basic_auth_users:\n\n  anna: plain\n'
config 2 'web.yml:1: .*keys and values' 'just words\n'
config 1 'no-cert.pem: No such file' 'tls_server_config:\n  cert_file: no-cert.pem\n  key_file: key.pem\n'
config 1 'empty.pem .*no certificate' 'tls_server_config:\n  cert_file: empty.pem\n  key_file: key.pem\n'
config 1 'no certificate in .*empty.pem' "$tls  client_ca_file: empty.pem\n  client_auth_type: RequireAndVerifyClientCert\n"

# --- the address is taken ---

exporting
first=$export_pid first_web=$web_pid
LINES_MAX=1 refuses 1 'cannot listen on 127.0.0.1:.*Address already in use.*another exporter' \
	export --web.listen-address "127.0.0.1:${base##*:}"
gets 200 /metrics
LINES_MAX=1 refuses 1 'cannot listen on 192.0.2.1:9977' export --web.listen-address 192.0.2.1:9977

# --- the collector is killed: 503, and why, and then the end ---

kill -KILL "$first"
wait "$first" || :
until_true 2 eval 'get /metrics; [ "$status" = 503 ]' || fail "no 503: $status"
grep -q 'the collector has ended' "$TMPDIR/body" || fail "why? $(cat "$TMPDIR/body")"
gets 503 /readyz
grep -q 'the collector has ended' "$TMPDIR/body" || fail "why? $(cat "$TMPDIR/body")"
gets 503 /findings
gets 503 /healthz
gets 200 /
until_true 10 gone "$first_web" || fail "the HTTP part lives on without a collector"
detached

# --- the HTTP part is killed: the collector ends, and says so ---

exporting
kill -KILL "$web_pid"
status=0
wait "$export_pid" || status=$?
[ $status -eq 1 ] || fail "exit status $status"
grep -q 'the HTTP part has ended unexpectedly' "$export_log" || fail "it said: $(cat "$export_log")"
detached

# --- told to end, the HTTP part takes the collector with it, in good order ---

exporting
kill -TERM "$web_pid"
status=0
wait "$export_pid" || status=$?
[ $status -eq 0 ] || fail "exit status $status: $(cat "$export_log")"
detached

# --- ^C goes to both ---

exporting
kill -INT "$web_pid" "$export_pid"
status=0
wait "$export_pid" || status=$?
[ $status -eq 0 ] || fail "exit status $status: $(cat "$export_log")"
until_true 3 gone "$web_pid" || fail "its second process is left"

# --- an HTTP part that hangs does not let the collector pile anything up ---

exporting --interval 100ms --by-pid
kill -STOP "$web_pid"
until_true 60 gone "$export_pid" || {
	kill -KILL "$web_pid"
	fail "the collector waits for ever"
}
kill -KILL "$web_pid"
grep -q 'takes nothing any more' "$export_log" || fail "it said: $(cat "$export_log")"
