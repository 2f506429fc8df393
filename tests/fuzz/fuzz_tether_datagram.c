// SPDX-License-Identifier: BSD-2-Clause
/*
 * Datagrams of strangers, as they come to a listener: an input is a row of them, each behind two
 * bytes of length. Whatever they are, all is given back when the handshakes have timed out.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <gnutls/x509.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <tether/tether.h>

#include "tether/quic_endpoint.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t now_ns = 1000 * TETHER_S;
static struct tether_loop *loop;
static struct tether_quic *quic;

static uint64_t clock_now(void *arg)
{
	(void)arg;
	return now_ns;
}

static void put_file(const char *path, const gnutls_datum_t *pem)
{
	FILE *f = fopen(path, "w");

	if (!f || fwrite(pem->data, 1, pem->size, f) != pem->size || fclose(f))
		abort();
	gnutls_free(pem->data);
}

static struct tether_tls *make_tls(void)
{
	char dir[] = "/tmp/tether-fuzz-XXXXXX", cert[64], key[64];
	const unsigned char serial[] = { 1 };
	struct tether_tls *tls;
	gnutls_x509_privkey_t priv;
	gnutls_x509_crt_t crt;
	gnutls_datum_t pem;

	if (!mkdtemp(dir))
		abort();
	snprintf(cert, sizeof(cert), "%s/cert", dir);
	snprintf(key, sizeof(key), "%s/key", dir);
	gnutls_x509_privkey_init(&priv);
	gnutls_x509_privkey_generate(priv, GNUTLS_PK_ECDSA,
				     GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
	gnutls_x509_crt_init(&crt);
	gnutls_x509_crt_set_version(crt, 3);
	gnutls_x509_crt_set_serial(crt, serial, sizeof(serial));
	gnutls_x509_crt_set_activation_time(crt, time(NULL) - 3600);
	gnutls_x509_crt_set_expiration_time(crt, time(NULL) + 86400);
	gnutls_x509_crt_set_dn(crt, "CN=localhost", NULL);
	gnutls_x509_crt_set_key(crt, priv);
	gnutls_x509_crt_sign2(crt, crt, priv, GNUTLS_DIG_SHA256, 0);
	gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem);
	put_file(cert, &pem);
	gnutls_x509_privkey_export2_pkcs8(priv, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &pem);
	put_file(key, &pem);
	gnutls_x509_crt_deinit(crt);
	gnutls_x509_privkey_deinit(priv);
	if (tether_tls_server(cert, key, &tls))
		abort();
	unlink(cert);
	unlink(key);
	rmdir(dir);
	return tls;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static struct tether_clock clock = { clock_now, NULL };
	const struct tether_loop_options options = { .clock = &clock };
	const struct tether_quic_options quic_options = { .alpn = "h3", .unproven = 4 };
	struct tether_tls *tls = make_tls();

	(void)argc;
	(void)argv;
	if (tether_loop_new(&options, &loop) ||
	    tether_quic_listen(loop, "127.0.0.1:0", tls, &quic_options, &quic, NULL))
		abort();
	tether_tls_free(tls);
	return 0;
}

static void pass(uint64_t ns)
{
	now_ns += ns;
	tether_loop_turn(loop, false);
	tether_loop_turn(loop, false);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* It is what a listener begins with. */
	struct quic_endpoint *ep = (struct quic_endpoint *)(void *)quic;
	struct quic_address from = { .len = sizeof(struct sockaddr_in) };
	uint8_t datagram[2048];
	size_t len;
	int i;

	from.u.v4.sin_family = AF_INET;
	from.u.v4.sin_port = htons(9);
	from.u.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	while (size > 2) {
		len = (size_t)(data[0] << 8 | data[1]) % sizeof(datagram);
		data += 2;
		size -= 2;
		len = len < size ? len : size;
		memcpy(datagram, data, len);
		quic_endpoint_datagram(ep, &from, datagram, len);
		data += len;
		size -= len;
		pass(TETHER_MS);
	}
	for (i = 0; i < 15 && tether_quic_stats(quic).open; i++)
		pass(TETHER_S);
	if (tether_quic_stats(quic).open || tether_loop_count(loop).quic_bytes)
		abort();
	return 0;
}
