/* SPDX-License-Identifier: BSD-2-Clause */
/* What the end of a snapshot settles: what is gone, what only hides, and what is full. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "unit/story.h"

#define C 77

static void one_open_connection(struct story *s)
{
	look_at_nothing(s);
	tell_open(s, C, 100, LS_ROLE_CLIENT, 5);
	later(s, 1);
	begin(s);
	tell_row(s, C, 100, 5, LS_ROLE_CLIENT);
	finish(s);
	later(s, 1);
}

/* Its end would have been told: it lives on where no table shows it. */
static void nothing_lost_is_unheld(void **state)
{
	struct story *s = *state;
	int i;

	one_open_connection(s);
	for (i = 0; i < 600; i++) /* also after the generations have come round twice */
		look_at_nothing(s);
	assert_true(conn_of(s, C)->flags & CONN_UNHELD);
	assert_int_equal(conn_of(s, C)->holder.proc, 0);
	assert_int_equal(ledger_totals(s->led)->healed, 0);
	assert_int_equal(ledger_totals(s->led)->closed, 0);
}

static void look_at_all(struct story *s, uint32_t row_flags)
{
	struct ls_sock row = row_rec(s, C, 0, -1, LS_ROLE_CLIENT);

	row.flags = row_flags;
	begin(s);
	tell(s, &row);
	tell_snap(s, LS_SNAP_END, ALL_PASSES | LS_PASS_SOCKS);
	later(s, 1);
}

/* Nobody counted a loss; yet who is missed again and again is looked for in the kernel's tables,
 * which settle it. */
static void missed_for_long_is_looked_for(void **state)
{
	struct story *s = *state;
	int i;

	one_open_connection(s);
	look_at_nothing(s);
	assert_false(ledger_totals(s->led)->unplaced);
	look_at_nothing(s);
	assert_true(ledger_totals(s->led)->unplaced);
	look_at_all(s, 0);
	assert_false(ledger_totals(s->led)->unplaced);
	for (i = 0; i < 9; i++) {
		look_at_nothing(s);
		assert_false(ledger_totals(s->led)->unplaced);
	}
	look_at_nothing(s);
	assert_true(ledger_totals(s->led)->unplaced);
	begin(s);
	tell_snap(s, LS_SNAP_END, ALL_PASSES | LS_PASS_SOCKS);
	assert_null(conn_of(s, C));
	assert_int_equal(ledger_totals(s->led)->healed, 1);
	assert_int_equal(ledger_totals(s->led)->closed, 1);
}

/* Its owner has closed it and is not charged, but its end is yet to be told. */
static void orphan_is_not_healed(void **state)
{
	struct story *s = *state;

	one_open_connection(s);
	look_at_nothing(s);
	look_at_all(s, LS_SOCK_ORPHAN);
	assert_non_null(conn_of(s, C));
	assert_int_equal(conn_of(s, C)->holder.proc, 0);
	assert_int_equal(proc_of(s, 100)->live, 0);
	tell_end(s, C);
	assert_null(conn_of(s, C));
	assert_int_equal(ledger_totals(s->led)->healed, 0);
	look_at_all(s, LS_SOCK_ORPHAN); /* one that was never told of */
	assert_null(conn_of(s, C));
}

/* The kernel's tables do not have it any more, while an io_uring may. */
static void dead_is_not_healed(void **state)
{
	struct story *s = *state;
	struct ls_dead dead = { .hdr = rec_hdr(LS_DEAD, sizeof(dead), s->now_ns), .cookie = C };

	one_open_connection(s);
	tell(s, &dead);
	look_at_nothing(s);
	begin(s);
	tell_snap(s, LS_SNAP_END, ALL_PASSES | LS_PASS_SOCKS);
	assert_non_null(conn_of(s, C));
}

/* A record was lost, perhaps its end: the socket pass is asked for, and settles it. */
static void lost_end_is_healed(void **state)
{
	struct story *s = *state;

	one_open_connection(s);
	s->lost_ring = 1;
	look_at_nothing(s);
	assert_true(ledger_totals(s->led)->unplaced);
	assert_non_null(conn_of(s, C));
	begin(s);
	tell_snap(s, LS_SNAP_END, ALL_PASSES | LS_PASS_SOCKS);
	assert_null(conn_of(s, C));
	assert_false(ledger_totals(s->led)->unplaced);
	assert_int_equal(ledger_totals(s->led)->healed, 1);
	assert_int_equal(ledger_totals(s->led)->closed, 1);
	assert_int_equal(ledger_totals(s->led)->lost[LS_LOST_RING], 1);
}

/* Every time of 255: no generation is lucky. */
static void lost_end_is_healed_whenever(void **state)
{
	struct story *s = *state;
	int i, k;

	for (i = 0; i < 255; i++) {
		tell_open(s, C, 100, LS_ROLE_CLIENT, 5);
		later(s, 1);
		look_at_nothing(s);
		for (k = 0; k < i; k++)
			look_at_nothing(s);
		s->lost_ring++;
		begin(s);
		tell_snap(s, LS_SNAP_END, ALL_PASSES | LS_PASS_SOCKS);
		assert_null(conn_of(s, C));
		later(s, 1);
	}
	assert_int_equal(ledger_totals(s->led)->healed, 255);
}

/* Something else was lost; the socket pass shows it to be there. */
static void lossy_but_still_there(void **state)
{
	struct story *s = *state;

	one_open_connection(s);
	s->lost_ring = 1;
	begin(s);
	tell_row(s, C, 0, -1, LS_ROLE_CLIENT);
	tell_snap(s, LS_SNAP_END, ALL_PASSES | LS_PASS_SOCKS);
	assert_true(conn_of(s, C)->flags & CONN_UNHELD);
	assert_int_equal(ledger_totals(s->led)->healed, 0);
	later(s, 1);
	look_at_nothing(s); /* that loss has been dealt with */
	assert_false(ledger_totals(s->led)->unplaced);
	assert_non_null(conn_of(s, C));
}

/* What is lost while a snapshot runs may have come after the row: the next one judges. */
static void lost_during_the_snapshot(void **state)
{
	struct story *s = *state;
	struct ls_lost lost = {
		.hdr = rec_hdr(LS_LOST, sizeof(lost), s->now_ns),
		.count = { [LS_LOST_RING] = 1 },
	};

	one_open_connection(s);
	begin(s);
	tell(s, &lost);
	finish(s);
	assert_false(ledger_totals(s->led)->unplaced);
	s->lost_ring = 1;
	later(s, 1);
	look_at_nothing(s);
	assert_true(ledger_totals(s->led)->unplaced);
	begin(s);
	tell_snap(s, LS_SNAP_END, ALL_PASSES | LS_PASS_SOCKS);
	assert_null(conn_of(s, C));
}

static void unix_ends_by_absence(void **state)
{
	struct story *s = *state;
	struct ls_unix row = { .sock = row_rec(s, C, 100, 5, LS_ROLE_CLIENT) };

	begin(s);
	tell_unix(s, &row, "/run/x");
	finish(s);
	later(s, 1);
	look_at_nothing(s);
	assert_null(conn_of(s, C));
	assert_int_equal(ledger_totals(s->led)->closed, 1);
	assert_int_equal(ledger_totals(s->led)->healed, 0);
}

/* Without cgroup2 no record tells of a UDP socket's end. */
static void udp_ends_by_absence_where_it_is_not_told(void **state)
{
	struct story *s = *state;
	struct ls_sock row = row_rec(s, C, 100, 5, LS_ROLE_PEER);
	struct ls_snap snap;

	row.tuple.proto = IPPROTO_UDP;
	begin(s);
	tell(s, &row);
	finish(s);
	later(s, 1);
	look_at_nothing(s);
	assert_non_null(conn_of(s, C));
	snap = (struct ls_snap){
		.hdr = rec_hdr(LS_SNAP, sizeof(snap), s->now_ns),
		.what = LS_SNAP_BEGIN,
		.ends = LS_ENDS_TCP,
	};
	tell(s, &snap);
	finish(s);
	assert_null(conn_of(s, C));
}

/* The walk had passed its process when it was opened. */
static void opened_during_a_snapshot(void **state)
{
	struct story *s = *state;

	s->lost_ring = 1;
	begin(s);
	later(s, 1);
	tell_open(s, C, 100, LS_ROLE_CLIENT, 5);
	tell_snap(s, LS_SNAP_END, ALL_PASSES | LS_PASS_SOCKS);
	assert_non_null(conn_of(s, C));
	assert_false(conn_of(s, C)->flags & CONN_UNHELD);
	assert_int_equal(proc_of(s, 100)->live, 1);
}

/* A pass that broke off has not shown that anything is missing. */
static void half_a_snapshot_settles_nothing(void **state)
{
	struct story *s = *state;

	one_open_connection(s);
	s->lost_ring = 1;
	begin(s);
	tell_snap(s, LS_SNAP_END, LS_PASS_TASKS | LS_PASS_SOCKS);
	assert_int_not_equal(conn_of(s, C)->holder.proc, 0);
	tell_snap(s, LS_SNAP_END, ALL_PASSES | LS_PASS_SOCKS); /* nor does one that never began */
	assert_int_not_equal(conn_of(s, C)->holder.proc, 0);
}

/* ---- sites */

static void sites_are_by_endpoint_and_stack(void **state)
{
	struct story *s = *state;
	struct ls_open open;
	unsigned int i;

	for (i = 0; i < 6; i++) {
		open = open_rec(s, i + 1, i == 5 ? 200 : 100, LS_ROLE_CLIENT, 5);
		open.tuple.rport = i == 1 ? 5432 : 8080;
		open.tuple.raddr[3] = i == 2 ? 9 : 2;
		open.stack = i == 3 ? 7 : -1;
		open.tuple.lport = (uint16_t)(40000 + i); /* chance, not a place */
		tell(s, &open);
	}
	assert_int_equal(conn_of(s, 1)->site, conn_of(s, 5)->site);
	for (i = 2; i <= 6; i++)
		assert_true(i == 5 || conn_of(s, i)->site != conn_of(s, 1)->site);
	assert_int_equal(ledger_site(s->led, conn_of(s, 1)->site)->live, 2);
	assert_int_equal(ledger_site(s->led, conn_of(s, 1)->site)->port, 8080);
	assert_int_equal(ledger_site(s->led, conn_of(s, 4)->site)->stack, 7);
}

static void closed_by_age(void **state)
{
	struct story *s = *state;
	const struct site *site;

	tell_open(s, 1, 100, LS_ROLE_CLIENT, 5);
	tell_open(s, 2, 100, LS_ROLE_CLIENT, 6);
	site = ledger_site(s->led, conn_of(s, 1)->site);
	tell_end(s, 1);
	assert_int_equal(site->close_ns[0], s->now_ns);
	later(s, 300);
	tell_end(s, 2);
	assert_int_equal(site->close_ns[8], s->now_ns); /* 256 to 512 s */
	assert_int_equal(site->closed, 2);
	assert_int_equal(site->live, 0);
}

static void sites_are_pruned(void **state)
{
	struct story *s = *state;

	tell_open(s, C, 100, LS_ROLE_CLIENT, 5);
	tell_end(s, C);
	assert_int_equal(ledger_totals(s->led)->sites, 0); /* counted at a snapshot's end */
	later(s, 1);
	tell_open(s, C + 1, 100, LS_ROLE_SERVER, 5);
	later(s, 1);
	begin(s);
	tell_row(s, C + 1, 100, 5, LS_ROLE_SERVER);
	finish(s);
	assert_int_equal(ledger_totals(s->led)->sites, 1);
}

/* One whose connections were aborted is kept for ten minutes: that is what there is to tell. */
static void aborting_sites_are_kept(void **state)
{
	struct story *s = *state;
	struct ls_abort rec = {
		.hdr = rec_hdr(LS_ABORT, sizeof(rec), s->now_ns),
		.who = rec_who(100),
		.cookie = C,
		.unread = 1000,
	};

	tell_open(s, C, 100, LS_ROLE_CLIENT, 5);
	tell(s, &rec);
	tell_end(s, C);
	later(s, 599);
	look_at_nothing(s);
	assert_int_equal(ledger_totals(s->led)->sites, 1);
	later(s, 2);
	look_at_nothing(s);
	assert_int_equal(ledger_totals(s->led)->sites, 0);
}

/* ---- limits: full is counted, and what is there stays right */

static void full_of_connections(void **state)
{
	struct ledger_limits limits = { .conns = 3 };
	struct story s = story_new(&limits);
	uint64_t i;

	for (i = 1; i <= 5; i++)
		assert_int_equal(tell_open(&s, i, 100, LS_ROLE_CLIENT, (int)i),
				 i <= 3 ? 0 : -ENOMEM);
	begin(&s);
	for (i = 1; i <= 5; i++)
		assert_int_equal(tell_row(&s, i, 100, (int)i, LS_ROLE_CLIENT),
				 i <= 3 ? 0 : -ENOMEM);
	finish(&s);
	assert_int_equal(ledger_totals(s.led)->lost[LS_LOST_LEDGER], 4);
	assert_int_equal(ledger_totals(s.led)->conns, 3);
	assert_int_equal(ledger_totals(s.led)->opened, 3);
	assert_int_equal(proc_of(&s, 100)->live, 3);
	tell_end(&s, 5); /* never came in */
	tell_end(&s, 2);
	assert_int_equal(tell_open(&s, 6, 100, LS_ROLE_CLIENT, 6), 0);
	assert_int_equal(proc_of(&s, 100)->live, 3);
	/* The kernel's counters come with every snapshot, and do not know of ours. */
	begin(&s);
	finish(&s);
	assert_int_equal(ledger_totals(s.led)->lost[LS_LOST_LEDGER], 4);
	ledger_free(s.led);
}

static void full_of_processes(void **state)
{
	struct ledger_limits limits = { .procs = 2 };
	struct story s = story_new(&limits);

	assert_int_equal(tell_proc(&s, rec_who(1), LS_PROC_FORK, 0, "a"), 0);
	assert_int_equal(tell_proc(&s, rec_who(2), LS_PROC_FORK, 0, "b"), 0);
	assert_int_equal(tell_proc(&s, rec_who(3), LS_PROC_FORK, 0, "c"), -ENOMEM);
	assert_int_equal(tell_open(&s, C, 3, LS_ROLE_CLIENT, 5), -ENOMEM);
	assert_null(conn_of(&s, C));
	begin(&s);
	tell_process(&s, 1);
	assert_int_equal(tell_waiter(&s, 3, 33, 5), -ENOMEM);
	assert_int_equal(tell_row(&s, C, 3, 5, LS_ROLE_CLIENT), -ENOMEM);
	finish(&s);
	assert_int_equal(ledger_totals(s.led)->lost[LS_LOST_LEDGER], 4);
	assert_non_null(conn_of(&s, C)); /* there it is, of nobody that we know */
	assert_int_equal(conn_of(&s, C)->opener, 0);
	assert_int_equal(tell_end(&s, C), 0);
	ledger_free(s.led);
}

/* Connections beyond the last site have none, and are there all the same. */
static void full_of_sites(void **state)
{
	struct ledger_limits limits = { .sites = 1 };
	struct story s = story_new(&limits);
	struct ls_open open;

	assert_int_equal(tell_open(&s, 1, 100, LS_ROLE_CLIENT, 5), 0);
	open = open_rec(&s, 2, 100, LS_ROLE_CLIENT, 6);
	open.tuple.rport = 5432;
	assert_int_equal(tell(&s, &open), 0);
	assert_int_equal(conn_of(&s, 2)->site, 0);
	assert_int_equal(proc_of(&s, 100)->live, 2);
	tell_end(&s, 2);
	tell_end(&s, 1);
	assert_int_equal(ledger_totals(s.led)->closed, 2);
	ledger_free(s.led);
}

/* As many extra holders as connections. */
static void full_of_holders(void **state)
{
	struct ledger_limits limits = { .conns = 2 };
	struct story s = story_new(&limits);
	char buf[64];
	int fd;

	begin(&s);
	for (fd = 0; fd < 5; fd++)
		assert_int_equal(tell_row(&s, C, 100, fd, LS_ROLE_CLIENT), fd < 3 ? 0 : -ENOMEM);
	finish(&s);
	assert_string_equal(holders_of(&s, C, buf, sizeof(buf)), "100:0 100:1 100:2");
	tell_end(&s, C);
	assert_int_equal(tell_open(&s, C, 100, LS_ROLE_CLIENT, 1), 0);
	ledger_free(s.led);
}

/* A program that talks to a thousand hosts and more is counted by port from there on. */
static void crawlers_do_not_fill_the_sites(void **state)
{
	struct story *s = *state;
	struct ls_open open;
	uint32_t i;

	for (i = 0; i < 5000; i++) {
		open = open_rec(s, i + 1, 100, LS_ROLE_CLIENT, 5);
		open.tuple.raddr[2] = (uint8_t)(i >> 8);
		open.tuple.raddr[3] = (uint8_t)i;
		tell(s, &open);
	}
	assert_int_equal(conn_of(s, 4000)->site, conn_of(s, 5000)->site);
	assert_true(ledger_site_end(s->led) <= 1024 + 2);
	assert_int_equal(ledger_site(s->led, conn_of(s, 5000)->site)->live, 5000 - 1024);
}

/* ---- what cannot be read */

static void bad_records_change_nothing(void **state)
{
	struct story *s = *state;
	struct ls_sock row = row_rec(s, C, 100, 5, LS_ROLE_CLIENT);
	struct ls_hdr hdr = rec_hdr(LS_TYPE_MAX, sizeof(hdr), s->now_ns);
	struct ls_open open = open_rec(s, C, 100, LS_ROLE_CLIENT, 5);

	assert_int_equal(tell(s, &hdr), 0); /* of a later version */
	hdr.type = LS_OPEN;
	assert_int_equal(tell(s, &hdr), -EBADMSG);
	hdr.len = 8;
	assert_int_equal(tell(s, &hdr), -EBADMSG);
	row.hdr.len -= 8;
	assert_int_equal(tell(s, &row), -EBADMSG);
	row.hdr.len += 8;
	row.tuple.family = 16; /* AF_NETLINK */
	assert_int_equal(tell(s, &row), -EBADMSG);
	open.tuple.family = 0;
	assert_int_equal(tell(s, &open), -EBADMSG);
	assert_int_equal(ledger_totals(s->led)->conns, 0);
	assert_int_equal(ledger_totals(s->led)->lost[LS_LOST_LEDGER], 0);
}

/* A record that has grown at its end is read as far as it is known. */
static void longer_records_are_read(void **state)
{
	struct story *s = *state;
	struct {
		struct ls_open open;
		uint64_t more[4];
	} rec = { .open = open_rec(s, C, 100, LS_ROLE_CLIENT, 5) };

	rec.open.hdr.len = sizeof(rec);
	assert_int_equal(tell(s, &rec), 0);
	assert_non_null(conn_of(s, C));
}

static void totals_tell_the_time(void **state)
{
	struct story *s = *state;
	const struct ledger_totals *t = ledger_totals(s->led);

	tell_open(s, 1, 100, LS_ROLE_CLIENT, 5);
	later(s, 5);
	begin(s);
	later(s, 1);
	finish(s);
	tell_end(s, 1);
	assert_int_equal(t->start_ns, 1000 * S_NS);
	assert_int_equal(t->time_ns, 1006 * S_NS);
	assert_int_equal(t->snapshot_time_ns, 1005 * S_NS);
	assert_int_equal(t->snapshots, 1);
	assert_int_equal(t->snapshot_ns, 5000000);
	assert_int_equal(t->records, 5);
}

/* Where only given processes are watched, the socket tables show everybody's: who shares a listener
 * of theirs has what it has accepted, and not they. */
static void others_have_accepted(void **state)
{
	struct story *s = *state;
	struct ls_sock listens = row_rec(s, 1, 100, 4, LS_ROLE_LISTEN);
	struct ls_sock accepted = row_rec(s, 2, 0, -1, LS_ROLE_SERVER);
	struct ls_sock known = row_rec(s, 3, 100, 5, LS_ROLE_SERVER);
	int given;

	accepted.who = (struct ls_who){ 0 };
	for (given = 1; given >= 0; given--) {
		s->seq++;
		tell_snap(s, LS_SNAP_BEGIN,
			  ALL_PASSES | LS_PASS_SOCKS | (given ? LS_PASS_GIVEN : 0));
		tell(s, &listens);
		tell(s, &known);
		tell(s, &accepted);
		tell_snap(s, LS_SNAP_END, ALL_PASSES | LS_PASS_SOCKS);
		assert_int_equal(!ledger_find_conn(s->led, 2), given);
		assert_int_not_equal(ledger_find_conn(s->led, 3), 0);
		later(s, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(nothing_lost_is_unheld),
		CASE(missed_for_long_is_looked_for),
		CASE(orphan_is_not_healed),
		CASE(dead_is_not_healed),
		CASE(lost_end_is_healed),
		CASE(lost_end_is_healed_whenever),
		CASE(lossy_but_still_there),
		CASE(lost_during_the_snapshot),
		CASE(unix_ends_by_absence),
		CASE(udp_ends_by_absence_where_it_is_not_told),
		CASE(opened_during_a_snapshot),
		CASE(half_a_snapshot_settles_nothing),
		CASE(sites_are_by_endpoint_and_stack),
		CASE(closed_by_age),
		CASE(sites_are_pruned),
		CASE(aborting_sites_are_kept),
		cmocka_unit_test(full_of_connections),
		cmocka_unit_test(full_of_processes),
		cmocka_unit_test(full_of_sites),
		cmocka_unit_test(full_of_holders),
		CASE(crawlers_do_not_fill_the_sites),
		CASE(bad_records_change_nothing),
		CASE(longer_records_are_read),
		CASE(totals_tell_the_time),
		CASE(others_have_accepted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
