// SPDX-License-Identifier: BSD-2-Clause
/*
 * tether_stream CERT KEY: what a live stream takes of memory, beside what ngtcp2 takes for it. A
 * client opens STREAMS streams to a server in the same process, a byte goes over each, and all stay
 * open. Prints {"streams":N,"bytes":X,"ngtcp2_bytes":Y}, both a stream and an end of it.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tether/tether.h>

#define STREAMS 5000

struct bench {
	struct tether_loop *loop;
	struct tether_tls *server_tls, *client_tls;
	struct tether_quic *quic;
	struct tether_scope scope;
	struct tether_quic_conn conn;
	struct tether_dest dest;
	bool opened;
	int accepted;
};

static void check(const char *what, int err)
{
	if (!err)
		return;
	fprintf(stderr, "tether_stream: %s: %s\n", what, strerror(-err));
	exit(1);
}

static void opened(struct tether_quic_conn conn, void *arg)
{
	struct bench *b = arg;

	(void)conn;
	b->opened = true;
}

static void accepted(struct tether_stream stream, void *arg)
{
	struct bench *b = arg;

	(void)stream;
	b->accepted++;
}

static void begin(struct bench *b, char **argv)
{
	struct tether_quic_options server = {
		.events.stream = accepted,
		.arg = b,
		.alpn = "bench",
		.streams = STREAMS + 1,
	};
	struct tether_quic_options client = {
		.events.opened = opened,
		.arg = b,
		.alpn = "bench",
	};

	check("loop", tether_loop_new(NULL, &b->loop));
	check(argv[1], tether_tls_server(argv[1], argv[2], &b->server_tls));
	check("TLS", tether_tls_client_insecure(&b->client_tls));
	check("listen", tether_quic_listen(b->loop, "127.0.0.1:0", b->server_tls, &server, &b->quic,
					   &b->dest.port));
	check("scope", tether_scope_new(b->loop, 60 * TETHER_S, &b->scope));
	b->dest.host = "127.0.0.1";
	b->dest.tls = b->client_tls;
	check("connect", tether_quic_connect(b->scope, &b->dest, &client, &b->conn));
	while (!b->opened)
		tether_loop_turn(b->loop, true);
}

static void open_streams(struct bench *b, int n)
{
	struct tether_stream stream;
	int i, until = b->accepted + n;

	for (i = 0; i < n; i++) {
		check("open", tether_stream_open(b->conn, TETHER_STREAM_BIDI, &stream));
		check("write", tether_stream_write(stream, "x", 1));
	}
	while (b->accepted < until)
		tether_loop_turn(b->loop, true);
}

/* Half a second, in which all that was sent is acknowledged. */
static void quiet(struct bench *b)
{
	int i;

	for (i = 0; i < 500; i++) {
		usleep(1000);
		tether_loop_turn(b->loop, false);
	}
}

int main(int argc, char **argv)
{
	struct bench b = { 0 };
	size_t all, own;

	if (argc != 3) {
		fputs("usage: tether_stream CERT KEY\n", stderr);
		return 2;
	}
	begin(&b, argv);
	open_streams(&b, 1);
	quiet(&b);
	all = mallinfo2().uordblks;
	own = tether_loop_count(b.loop).quic_bytes;
	open_streams(&b, STREAMS);
	quiet(&b);
	all = mallinfo2().uordblks - all;
	own = tether_loop_count(b.loop).quic_bytes - own;
	printf("{\"streams\":%d,\"bytes\":%zu,\"ngtcp2_bytes\":%zu}\n", STREAMS,
	       (all - own) / STREAMS / 2, own / STREAMS / 2);
	return 0;
}
