// SPDX-License-Identifier: BSD-2-Clause
/* What the tests of QUIC share (quic_world.h). */
#include "quic_world.h"

#include <arpa/inet.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- certificate ----------------------------------------------------------------------------- */

static void put_file(char *path, const gnutls_datum_t *pem)
{
	int fd;

	strcpy(path, "/tmp/tether-quic-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, pem->data, pem->size), pem->size);
	close(fd);
}

void quic_cert_make(struct quic_cert *cert)
{
	const unsigned char serial[] = { 1 };
	gnutls_datum_t pem;
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t crt;

	gnutls_x509_privkey_init(&key);
	assert_int_equal(
		gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
					     GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
		0);
	gnutls_x509_crt_init(&crt);
	gnutls_x509_crt_set_version(crt, 3);
	gnutls_x509_crt_set_serial(crt, serial, sizeof(serial));
	gnutls_x509_crt_set_activation_time(crt, time(NULL) - 3600);
	gnutls_x509_crt_set_expiration_time(crt, time(NULL) + 3600);
	gnutls_x509_crt_set_dn(crt, "CN=localhost", NULL);
	gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, "localhost", 9,
					     GNUTLS_FSAN_SET);
	gnutls_x509_crt_set_key(crt, key);
	assert_int_equal(gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0), 0);
	assert_int_equal(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem), 0);
	put_file(cert->cert, &pem);
	gnutls_free(pem.data);
	assert_int_equal(gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL,
							   GNUTLS_PKCS_PLAIN, &pem),
			 0);
	put_file(cert->key, &pem);
	gnutls_free(pem.data);
	gnutls_x509_crt_deinit(crt);
	gnutls_x509_privkey_deinit(key);
}

void quic_cert_drop(struct quic_cert *cert)
{
	unlink(cert->cert);
	unlink(cert->key);
}

/* ---- a bad network --------------------------------------------------------------------------- */

struct quic_parcel {
	struct quic_parcel *next;
	unsigned int turns;
	bool to_server;
	size_t len;
	char data[];
};

static unsigned int chance(struct quic_proxy *p)
{
	p->random ^= p->random << 13;
	p->random ^= p->random >> 7;
	p->random ^= p->random << 17;
	return p->random % 1000;
}

static void deliver(struct quic_proxy *p, bool to_server, const char *data, size_t len)
{
	uv_buf_t buf = uv_buf_init((char *)data, len);
	const struct sockaddr *to = (const struct sockaddr *)(to_server ? &p->server : &p->client);

	p->passed++;
	uv_udp_try_send(!to_server ? &p->front : p->moved ? &p->spare : &p->back, &buf, 1, to);
}

static void pass_on(struct quic_proxy *p, bool to_server, const char *data, size_t len)
{
	struct quic_parcel *parcel;

	if ((to_server ? p->deaf : p->mute) || chance(p) < p->drop) {
		p->dropped++;
		return;
	}
	if (chance(p) < p->twice) {
		p->doubled++;
		deliver(p, to_server, data, len);
	}
	if (chance(p) >= p->late) {
		deliver(p, to_server, data, len);
		return;
	}
	p->delayed++;
	parcel = malloc(sizeof(*parcel) + len);
	assert_non_null(parcel);
	*parcel = (struct quic_parcel){ p->parcels, 1 + chance(p) % 20, to_server, len };
	memcpy(parcel->data, data, len);
	p->parcels = parcel;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	static char space[65536];

	(void)handle;
	(void)suggested;
	*buf = uv_buf_init(space, sizeof(space));
}

static void on_front(uv_udp_t *udp, ssize_t n, const uv_buf_t *buf, const struct sockaddr *from,
		     unsigned int flags)
{
	struct quic_proxy *p = udp->data;

	if (n <= 0 || !from)
		return;
	memcpy(&p->client, from, sizeof(p->client));
	pass_on(p, true, buf->base, n);
}

static void on_back(uv_udp_t *udp, ssize_t n, const uv_buf_t *buf, const struct sockaddr *from,
		    unsigned int flags)
{
	if (n > 0 && from)
		pass_on(udp->data, false, buf->base, n);
}

static void open_end(uv_loop_t *uv, uv_udp_t *udp, uv_udp_recv_cb on_receive, void *data)
{
	struct sockaddr_in any;

	uv_ip4_addr("127.0.0.1", 0, &any);
	assert_int_equal(uv_udp_init(uv, udp), 0);
	assert_int_equal(uv_udp_bind(udp, (struct sockaddr *)&any, 0), 0);
	udp->data = data;
	assert_int_equal(uv_udp_recv_start(udp, on_alloc, on_receive), 0);
}

void quic_proxy_open(struct quic_proxy *p, struct tether_loop *loop, uint16_t server_port,
		     uint64_t seed)
{
	struct sockaddr_in mine;
	int len = sizeof(mine);

	*p = (struct quic_proxy){ .random = seed };
	uv_ip4_addr("127.0.0.1", server_port, &p->server);
	open_end(tether_loop_uv(loop), &p->front, on_front, p);
	open_end(tether_loop_uv(loop), &p->back, on_back, p);
	uv_udp_getsockname(&p->front, (struct sockaddr *)&mine, &len);
	p->port = ntohs(mine.sin_port);
}

void quic_proxy_move(struct quic_proxy *p, struct tether_loop *loop)
{
	open_end(tether_loop_uv(loop), &p->spare, on_back, p);
	p->moved = true;
}

void quic_proxy_turn(struct quic_proxy *p)
{
	struct quic_parcel **at = &p->parcels, *parcel;

	while ((parcel = *at)) {
		if (--parcel->turns) {
			at = &parcel->next;
			continue;
		}
		*at = parcel->next;
		deliver(p, parcel->to_server, parcel->data, parcel->len);
		free(parcel);
	}
}

static void on_closed(uv_handle_t *handle)
{
	((struct quic_proxy *)handle->data)->closed++;
}

void quic_proxy_close(struct quic_proxy *p)
{
	struct quic_parcel *parcel;

	while ((parcel = p->parcels)) {
		p->parcels = parcel->next;
		free(parcel);
	}
	uv_close((uv_handle_t *)&p->front, on_closed);
	uv_close((uv_handle_t *)&p->back, on_closed);
	if (p->moved)
		uv_close((uv_handle_t *)&p->spare, on_closed);
}

/* ---- server and client ----------------------------------------------------------------------- */

static void count_up(void *arg)
{
	(*(int *)arg)++;
}

void quic_trip_begin(struct quic_trip *t)
{
	t->loop = fake_loop(&t->fake);
	quic_cert_make(&t->cert);
	assert_int_equal(tether_tls_server(t->cert.cert, t->cert.key, &t->server_tls), 0);
	assert_int_equal(tether_tls_client_insecure(&t->client_tls), 0);
	t->server.alpn = t->client.alpn = "trip";
	assert_int_equal(tether_quic_listen(t->loop, "127.0.0.1:0", t->server_tls, &t->server,
					    &t->quic, &t->dest.port),
			 0);
	t->dest.host = "127.0.0.1";
	t->dest.tls = t->client_tls;
	assert_int_equal(tether_scope_new(t->loop, 24 * 3600 * TETHER_S, &t->scope), 0);
}

void quic_pass(struct quic_trip *t, unsigned int ms)
{
	while (ms--) {
		t->fake.now_ns += TETHER_MS;
		if (t->proxied)
			quic_proxy_turn(&t->proxy);
		tether_loop_turn(t->loop, false);
	}
}

void quic_until(struct quic_trip *t, const int *flag, unsigned int ms)
{
	while (ms-- && !*flag)
		quic_pass(t, 1);
	assert_true(*flag);
}

void quic_trip_proxy(struct quic_trip *t, uint64_t seed)
{
	quic_proxy_open(&t->proxy, t->loop, t->dest.port, seed);
	t->dest.port = t->proxy.port;
	t->proxied = true;
}

void quic_trip_end(struct quic_trip *t)
{
	tether_scope_cancel(t->scope);
	assert_int_equal(tether_scope_join(t->scope, NULL, NULL), 0);
	assert_int_equal(tether_quic_shutdown(t->quic, TETHER_S, count_up, &t->stopped), 0);
	quic_until(t, &t->stopped, 2000);
	if (t->proxied) {
		quic_proxy_close(&t->proxy);
		quic_pass(t, 2);
		assert_int_equal(t->proxy.closed, 2 + t->proxy.moved);
	}
	tether_tls_free(t->server_tls);
	tether_tls_free(t->client_tls);
	quic_cert_drop(&t->cert);
	/* Not a byte of ngtcp2's, not a stream, not a connection. */
	end_loop(t->loop);
}
