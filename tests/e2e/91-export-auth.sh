#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# TLS and passwords: right, wrong, and none.
# shellcheck disable=SC2016,SC2119 # what until_true evaluates each time; exporter's own arguments
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/e2e/export.sh
. "${0%/*}/export.sh"

needs openssl htpasswd
cd "$TMPDIR" || exit

# certificate NAME AUTHORITY USE: NAME.pem and NAME.key, by AUTHORITY or by itself.
certificate() {
	local by=()
	[ "$2" = self ] || by=(-CA "$2.pem" -CAkey "$2.key")
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$1" \
		-addext subjectAltName=DNS:localhost,IP:127.0.0.1 -addext "extendedKeyUsage=$3" \
		"${by[@]}" -keyout "$1.key" -out "$1.pem" 2>/dev/null || fail "openssl: $1"
}
certificate server self serverAuth
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=authority \
	-keyout authority.key -out authority.pem 2>/dev/null
cp authority.pem other.pem && cp authority.key other.key
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=other \
	-keyout other.key -out other.pem 2>/dev/null
# signed NAME AUTHORITY
signed() {
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -keyout "$1.key" \
		-out "$1.csr" 2>/dev/null
	openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -CAcreateserial -days 2 -out "$1.pem" \
		-extfile <(echo extendedKeyUsage=clientAuth) 2>/dev/null || fail "openssl: $1"
}
signed client authority
signed stranger other
chmod 600 ./*.key
hash=$(htpasswd -nbBC 5 '' 'right: pässword' | tr -d ':\n')
cat >web.yml <<END
tls_server_config:
  cert_file: server.pem
  key_file: server.key
basic_auth_users:
  prometheus: $hash
END

# status CURL-ARGS...: of /metrics; 000 where there is no answer.
status_of() { "${CURL[@]}" -o /dev/null -w '%{http_code}' "$@" "$base/metrics" 2>/dev/null || :; }
says() {
	local want=$1 got
	shift
	got=$(status_of "$@")
	[ "$got" = "$want" ] || fail "${*}: $want expected, got $got"
}

# --- TLS and passwords ---

CURL+=(--cacert "$TMPDIR/server.pem")
exporter --web.config.file web.yml
[[ $base == https://* ]] || fail "no TLS: $base"
right=(-u 'prometheus:right: pässword')
until_true 20 eval '[ "$(status_of "${right[@]}")" = 200 ]' || fail "the right password: $(status_of "${right[@]}")"
says 401
says 401 -u prometheus:wrong
says 401 -u 'nobody:right: pässword'
says 401 -u 'prometheus:'
says 401 -H 'Authorization: Basic !!!!'
says 401 -H "Authorization: Basic $(printf 'prometheus:right: p\0' | base64)"
says 401 -H 'Authorization: Bearer x'
says 401 -H "Authorization: Basic $(head -c 900 /dev/zero | tr '\0' a | base64 -w0)"
says 200 "${right[@]}"
for path in / /healthz /readyz /findings; do
	gets 401 $path
	[[ $(field www-authenticate) == Basic* ]] || fail "$path: no word of who may"
	gets 200 $path "${right[@]}"
done
# Plain HTTP on the same port has no answer of ours.
[ "$(curl -s --max-time 5 -o /dev/null -w '%{http_code}' "http://${base#https://}/metrics")" = 000 ] ||
	fail "plain HTTP is answered"
says 000 --tls-max 1.1 "${right[@]}"
says 200 --tls-max 1.2 "${right[@]}"

# Many wrong ones at a time: none gets in, and a right one does afterwards.
asking=()
for _ in $(seq 60); do
	status_of -u prometheus:wrong >>many &
	asking+=($!)
done
wait "${asking[@]}"
! grep -q 200 many || fail "a wrong password got in"
until_true 10 eval '[ "$(status_of "${right[@]}")" = 200 ]' || fail "no way in after the wrong ones"
exported

# --- clients with certificates, TLS 1.3 only ---

cat >clients.yml <<END
tls_server_config:
  cert_file: $TMPDIR/server.pem
  key_file: $TMPDIR/server.key
  client_ca_file: authority.pem
  client_auth_type: RequireAndVerifyClientCert
  min_version: TLS13
END
exporter --web.config.file clients.yml
mine=(--cert client.pem --key client.key)
until_true 20 eval '[ "$(status_of "${mine[@]}")" = 200 ]' || fail "the right certificate: $(status_of "${mine[@]}")"
says 000
says 000 --cert stranger.pem --key stranger.key
says 000 --tls-max 1.2 "${mine[@]}"
exported

sed -i 's/RequireAnd.*/VerifyClientCertIfGiven/; /min_version/d' clients.yml
exporter --web.config.file clients.yml
until_true 20 eval '[ "$(status_of)" = 200 ]' || fail "none is fine: $(status_of)"
says 000 --cert stranger.pem --key stranger.key
says 200 "${mine[@]}"
exported

sed -i 's/VerifyClient.*/RequireAnyClientCert/; /client_ca_file/d' clients.yml
exporter --web.config.file clients.yml
until_true 20 eval '[ "$(status_of --cert stranger.pem --key stranger.key)" = 200 ]' || fail "any certificate"
says 000
exported

# --- certificates that have expired: each is told who has to mend it ---

# aged NAME AUTHORITY USE: one whose day was years ago.
aged() {
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -keyout "$1.key" \
		-out "$1.csr" 2>/dev/null
	mkdir -p ca && : >ca/index.txt && echo "0$((++aged_no))" >ca/serial
	openssl ca -batch -config <(printf '[ca]\ndefault_ca=d\n[d]\ndatabase=ca/index.txt\nserial=ca/serial\nnew_certs_dir=ca\ndefault_md=sha256\npolicy=p\nx509_extensions=x\n[p]\ncommonName=supplied\n[x]\nsubjectAltName=IP:127.0.0.1\nextendedKeyUsage=%s\n' "$3") \
		-cert "$2.pem" -keyfile "$2.key" -in "$1.csr" -out "$1.pem" -notext \
		-startdate 20200101000000Z -enddate 20200201000000Z 2>"$TMPDIR/openssl" || fail "openssl: $(cat "$TMPDIR/openssl")"
	chmod 600 "$1.key"
}
aged_no=0
words() { "${CURL[@]}" -o /dev/null "$@" "$base/metrics" 2>&1 || :; }
aged oldclient authority clientAuth
cat >aged.yml <<END
tls_server_config:
  cert_file: server.pem
  key_file: server.key
  client_ca_file: authority.pem
  client_auth_type: RequireAndVerifyClientCert
END
exporter --web.config.file aged.yml
until_true 20 eval '[ "$(status_of "${mine[@]}")" = 200 ]' || fail "the right certificate: $(status_of "${mine[@]}")"
"${CURL[@]}" "${mine[@]}" "$base/metrics" >"$TMPDIR/body"
compare "$(sample lostsock_http_certificate_end_timestamp_seconds)" '=' \
	"$(date -d "$(openssl x509 -in server.pem -noout -enddate | cut -d= -f2)" +%s)" || fail "its end is told wrong"
# curl has words of its own for what TLS 1.2 says.
alert() {
	openssl s_client -connect "${base#https://}" -tls1_2 -cert "$1.pem" -key "$1.key" </dev/null 2>&1 |
		grep -o 'alert .*' || :
}
words --cert oldclient.pem --key oldclient.key | grep -q 'alert certificate expired' ||
	fail "an expired certificate: $(words --cert oldclient.pem --key oldclient.key)"
[[ $(alert oldclient) == 'alert certificate expired'* ]] || fail "... by TLS 1.2: $(alert oldclient)"
words --cert stranger.pem --key stranger.key | grep -q 'alert unknown ca' ||
	fail "a stranger's: $(words --cert stranger.pem --key stranger.key)"
[[ $(alert stranger) == 'alert unknown ca'* ]] || fail "... by TLS 1.2: $(alert stranger)"
says 200 "${mine[@]}"
exported

aged oldserver authority serverAuth
cat >old.yml <<END
tls_server_config:
  cert_file: oldserver.pem
  key_file: oldserver.key
END
LINES_SAID=2 exporter --web.config.file old.yml
until_true 10 said 'serving'
grep -q 'oldserver.pem: the certificate has expired on 2020-02-01 00:00 UTC' "$export_log" || fail "it says: $(cat "$export_log")"
words --cacert authority.pem | grep -qi 'certificate.*expired' || fail "curl says: $(words --cacert authority.pem)"
until_true 20 eval '[ "$(status_of -k)" = 200 ]' || fail "who does not mind is not answered: $(status_of -k)"
LINES_SAID=2 exported

# --- what is not for this server is said, and left out ---

printf 'http_server_config:\n  http2: true\nbasic_auth_users:\n' >http.yml
LINES_SAID=2 exporting --web.config.file http.yml
grep -q 'http.yml:2: http_server_config: is ignored' "$export_log" || fail "it says: $(cat "$export_log")"
gets 200 /metrics
LINES_SAID=2 exported
