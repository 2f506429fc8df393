// SPDX-License-Identifier: BSD-2-Clause
/*
 * mkrecording FILE SNAPSHOTS STANDING CHURN: writes what `lostsock record` would on a busy machine:
 * STANDING sockets that each of SNAPSHOTS, a second apart, shows again, and between two of them
 * CHURN connections that come and go, both ends (two opens, two ends). Prints how many records.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "source/recording.h"

#define S_NS	    1000000000ull
#define START_NS    (1000 * S_NS)
#define PROCESSES   64
#define FIRST_PID   1000
#define ESTABLISHED 1
#define FIN_WAIT1   4
#define SYN_SENT    2

struct maker {
	struct recording_writer *out;
	uint64_t now_ns;
	uint64_t cookie; /* of the next connection's first end */
};

static void put(struct maker *m, void *rec, uint16_t type, uint16_t len)
{
	struct ls_hdr *hdr = rec;
	int err;

	hdr->type = type;
	hdr->len = len;
	hdr->time_ns = m->now_ns;
	err = recording_write(m->out, hdr);
	if (err) {
		fprintf(stderr, "mkrecording: %s\n", strerror(-err));
		exit(1);
	}
}

/* Sockets are dealt to the processes in runs, as the walk through descriptor tables shows them. */
static struct ls_who who_of(unsigned int number)
{
	unsigned int pid = FIRST_PID + number % PROCESSES;

	return (struct ls_who){ .pid = pid, .start_ns = pid * 1000ull };
}

static struct ls_tuple tuple_of(unsigned int number, uint8_t role, uint8_t state)
{
	struct ls_tuple t = {
		.family = AF_INET, .proto = IPPROTO_TCP, .role = role, .state = state
	};
	uint16_t port = 10000 + number % 50000;
	uint32_t addr = htonl(0x0a000001 + number / 50000);

	t.netns = 4026531840u;
	t.lport = role == LS_ROLE_CLIENT ? port : 443;
	t.rport = role == LS_ROLE_CLIENT ? 443 : port;
	memcpy(t.laddr, &addr, sizeof(addr));
	memcpy(t.raddr, &addr, sizeof(addr));
	return t;
}

static void put_snap(struct maker *m, uint16_t what, uint64_t seq, uint64_t rows)
{
	struct ls_snap snap = {
		.what = what,
		.ends = LS_ENDS_TCP | LS_ENDS_UDP,
		.passes = LS_PASS_FILES | LS_PASS_TASKS,
		.seq = seq,
		.took_ns = what == LS_SNAP_END ? rows * 700 : 0,
		.rows = what == LS_SNAP_END ? rows : 0,
	};

	put(m, &snap, LS_SNAP, sizeof(snap));
}

static void put_process(struct maker *m, unsigned int number)
{
	struct ls_task task = {
		.who = who_of(number),
		.flags = LS_TASK_PROCESS,
		.threads = 4,
		.fd = -1,
		.nr = -1,
		.ppid = 1,
		.netns = 4026531840u,
		.comm = "server",
	};

	put(m, &task, LS_TASK, sizeof(task));
}

/* One in sixteen moved bytes within the last second; the others have been idle from the start. */
static void put_standing(struct maker *m, unsigned int i, unsigned int standing, uint64_t seq)
{
	uint32_t idle_ms = i % 16 == seq % 16 ? 500 : 60000 + seq * 1000;
	struct ls_sock row = {
		.who = who_of(i / (standing / PROCESSES + 1)),
		.cookie = i + 1,
		.fd = 8 + i % (standing / PROCESSES + 1),
		.flags = LS_SOCK_CONNECTED | LS_SOCK_NONBLOCK,
		.bytes_sent = 300 + (idle_ms == 500 ? seq : 0),
		.bytes_received = 500 + (idle_ms == 500 ? seq : 0),
		.send_age_ms = idle_ms,
		.recv_age_ms = idle_ms,
		.ack_age_ms = idle_ms,
		.tuple = tuple_of(i, i % 2 ? LS_ROLE_CLIENT : LS_ROLE_SERVER, ESTABLISHED),
	};

	put(m, &row, LS_SOCK, sizeof(row));
}

static void put_open(struct maker *m, unsigned int number, uint64_t cookie, uint8_t role)
{
	struct ls_open rec = {
		.who = who_of(number + role),
		.cookie = cookie,
		.stack = -1,
		.fd = -1,
		.tuple = tuple_of(number, role, role == LS_ROLE_CLIENT ? SYN_SENT : FIN_WAIT1),
	};

	rec.who.tid = rec.who.pid;
	put(m, &rec, LS_OPEN, sizeof(rec));
}

static void put_end(struct maker *m, uint64_t cookie)
{
	struct ls_end rec = { .cookie = cookie };

	put(m, &rec, LS_END, sizeof(rec));
}

/* Eight connections are under way at a time. */
static void put_churn(struct maker *m, unsigned int churn)
{
	uint64_t first = m->cookie;
	unsigned int i;

	for (i = 0; i < churn + 8; i++) {
		m->now_ns += S_NS / 2 / (churn + 8);
		if (i < churn)
			put_open(m, i, first + 2 * i, LS_ROLE_CLIENT);
		if (i < 8)
			continue;
		put_open(m, i - 8, first + 2 * (i - 8) + 1, LS_ROLE_SERVER);
		put_end(m, first + 2 * (i - 8));
		put_end(m, first + 2 * (i - 8) + 1);
	}
	m->cookie += 2 * churn;
}

int main(int argc, char **argv)
{
	struct source_identity id = { .start_ns = START_NS, .kernel = "bench", .host = "bench" };
	struct maker m = { .now_ns = START_NS };
	unsigned int snapshots, standing, churn, seq, i;
	char why[RECORDING_ERROR_LEN];
	uint64_t records, bytes;

	if (argc != 5) {
		fprintf(stderr, "usage: mkrecording FILE SNAPSHOTS STANDING CHURN\n");
		return 2;
	}
	snapshots = atoi(argv[2]);
	standing = atoi(argv[3]);
	churn = atoi(argv[4]);
	m.cookie = standing + 1;
	m.out = recording_create(argv[1], &id, why);
	if (!m.out) {
		fprintf(stderr, "mkrecording: %s\n", why);
		return 1;
	}
	for (seq = 1; seq <= snapshots; seq++) {
		m.now_ns = START_NS + seq * S_NS;
		put_snap(&m, LS_SNAP_BEGIN, seq, 0);
		for (i = 0; i < standing; i++)
			put_standing(&m, i, standing, seq);
		for (i = 0; i < PROCESSES; i++)
			put_process(&m, i);
		put_snap(&m, LS_SNAP_END, seq, standing + PROCESSES);
		if (seq < snapshots)
			put_churn(&m, churn);
	}
	if (recording_finish(m.out, &records, &bytes)) {
		fprintf(stderr, "mkrecording: %s: not written\n", argv[1]);
		return 1;
	}
	printf("%llu\n", (unsigned long long)records);
	return 0;
}
