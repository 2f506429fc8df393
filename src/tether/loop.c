// SPDX-License-Identifier: BSD-2-Clause
/* The loop: turns, timer, mailbox, date. What is kept on it is in store.c. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core.h"
#include "quic_endpoint.h"

#include <tether/base.h>

#define STRING(x)  STRING_(x)
#define STRING_(x) #x

const char *tether_version(void)
{
	return STRING(TETHER_VERSION_MAJOR) "." STRING(TETHER_VERSION_MINOR) "." STRING(
		TETHER_VERSION_PATCH);
}

uint64_t tether_loop_now_ns(const struct tether_loop *loop)
{
	if (loop->virtual_clock)
		return loop->clock.now_ns(loop->clock.arg);
	return uv_now(&loop->uv) * TETHER_MS;
}

int loop_due(const struct tether_loop *loop, uint64_t within_ns, uint64_t *at_ns)
{
	if (!within_ns || within_ns > TETHER_WITHIN_MAX_NS)
		return -ERANGE;
	*at_ns = tether_loop_now_ns(loop) + within_ns;
	return 0;
}

static void on_timer(uv_timer_t *timer);

static void arm(struct tether_loop *loop)
{
	uint64_t next = deadlines_next(&loop->deadlines), now;

	if (loop->virtual_clock || next == loop->armed_ns)
		return;
	loop->armed_ns = next;
	if (next == DEADLINE_NONE) {
		uv_timer_stop(&loop->timer);
		return;
	}
	now = tether_loop_now_ns(loop);
	/* Never early: the part of a millisecond counts as a whole one. */
	uv_timer_start(&loop->timer, on_timer,
		       next > now ? (next - now + TETHER_MS - 1) / TETHER_MS : 0, 0);
}

static void on_timer(uv_timer_t *timer)
{
	struct tether_loop *loop = timer->data;

	loop->armed_ns = 0;
	deadlines_run(&loop->deadlines, tether_loop_now_ns(loop));
	arm(loop);
}

static void on_ready(uv_prepare_t *ready)
{
	struct tether_loop *loop = ready->data;

	deadlines_run(&loop->deadlines, tether_loop_now_ns(loop));
}

void loop_deadline(struct tether_loop *loop, struct deadline *d, uint64_t at_ns)
{
	deadline_set(&loop->deadlines, d, at_ns);
	if (deadlines_next(&loop->deadlines) < loop->armed_ns)
		arm(loop);
}

void loop_deadline_drop(struct tether_loop *loop, struct deadline *d)
{
	deadline_drop(&loop->deadlines, d);
	/* A timer for nothing would keep the loop waiting when all else is over. */
	if (!loop->deadlines.root && loop->armed_ns != DEADLINE_NONE)
		arm(loop);
}

/* ---- mailbox --------------------------------------------------------------------------------- */

static void on_wake(uv_async_t *wake)
{
	struct tether_loop *loop = wake->data;
	struct mail *mail, *next;

	pthread_mutex_lock(&loop->mail_lock);
	mail = loop->mail_first;
	loop->mail_first = NULL;
	loop->mail_last = &loop->mail_first;
	pthread_mutex_unlock(&loop->mail_lock);
	for (; mail; mail = next) {
		next = mail->next;
		mail->run(mail);
	}
	if (atomic_load(&loop->stopping))
		uv_stop(&loop->uv);
}

void loop_mail(struct tether_loop *loop, struct mail *mail)
{
	mail->next = NULL;
	pthread_mutex_lock(&loop->mail_lock);
	*loop->mail_last = mail;
	loop->mail_last = &mail->next;
	pthread_mutex_unlock(&loop->mail_lock);
	uv_async_send(&loop->wake);
}

void loop_hold(struct tether_loop *loop)
{
	if (!loop->holds++)
		uv_ref((uv_handle_t *)&loop->wake);
}

void loop_release(struct tether_loop *loop)
{
	if (!--loop->holds)
		uv_unref((uv_handle_t *)&loop->wake);
}

struct letter {
	struct mail mail;
	struct tether_loop *loop;
	void (*fn)(void *arg);
	void *arg;
};

static void run_letter(struct mail *mail)
{
	struct letter *letter = container_of(mail, struct letter, mail);
	struct letter copy = *letter;

	mem_free(copy.loop, letter);
	copy.fn(copy.arg);
}

int tether_loop_post(struct tether_loop *loop, void (*fn)(void *arg), void *arg)
{
	struct letter *letter;

	if (!loop || !fn)
		return -EINVAL;
	letter = mem_new(loop, sizeof(*letter));
	if (!letter)
		return -ENOMEM;
	letter->mail.run = run_letter;
	letter->loop = loop;
	letter->fn = fn;
	letter->arg = arg;
	loop_mail(loop, &letter->mail);
	return 0;
}

/* ---- turns ----------------------------------------------------------------------------------- */

int tether_loop_run(struct tether_loop *loop)
{
	uv_run(&loop->uv, UV_RUN_DEFAULT);
	return atomic_exchange(&loop->stopping, false);
}

int tether_loop_turn(struct tether_loop *loop, bool wait)
{
	int alive;

	/* libuv does not turn at all where it has nothing of its own to wait for. */
	if (loop->virtual_clock)
		deadlines_run(&loop->deadlines, tether_loop_now_ns(loop));
	alive = uv_run(&loop->uv, wait ? UV_RUN_ONCE : UV_RUN_NOWAIT);
	return alive || (loop->virtual_clock && loop->deadlines.root);
}

void tether_loop_stop(struct tether_loop *loop)
{
	atomic_store(&loop->stopping, true);
	uv_async_send(&loop->wake);
}

void *tether_loop_uv(struct tether_loop *loop)
{
	return &loop->uv;
}

const char *loop_date(struct tether_loop *loop)
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	uint64_t second = tether_loop_now_ns(loop) / TETHER_S + 1;
	struct tm tm;
	time_t now;

	if (second == loop->date_s)
		return loop->date;
	loop->date_s = second;
	now = time(NULL);
	gmtime_r(&now, &tm);
	/* Not strftime()'s %a and %b, which the locale would translate. */
	strftime(loop->date, sizeof(loop->date), "ddd, %d mmm %Y %H:%M:%S GMT", &tm);
	memcpy(loop->date, days + 3 * tm.tm_wday, 3);
	memcpy(loop->date + 8, months + 3 * tm.tm_mon, 3);
	return loop->date;
}

/* ---- birth and death ------------------------------------------------------------------------- */

static void *default_resize(void *arg, void *old, size_t bytes)
{
	(void)arg;
	if (!bytes) {
		free(old);
		return NULL;
	}
	return realloc(old, bytes);
}

static void give_up(struct tether_loop *loop)
{
	scope_free(loop->root);
	while (loop->blocks) {
		void *block = loop->blocks;

		memcpy(&loop->blocks, block, sizeof(void *));
		mem_free(loop, block);
	}
	mem_free(loop, loop->slots);
	mem_free(loop, loop->read_buf);
	mem_free(loop, loop->scratch);
	quic_spares_free(loop);
	mem_free(loop, loop->quic);
	pthread_mutex_destroy(&loop->mail_lock);
	mem_free(loop, loop);
}

static int open_handles(struct tether_loop *loop)
{
	int err = uv_loop_init(&loop->uv);

	if (err)
		return err;
	err = uv_async_init(&loop->uv, &loop->wake, on_wake);
	if (err) {
		uv_loop_close(&loop->uv);
		return err;
	}
	uv_timer_init(&loop->uv, &loop->timer);
	uv_prepare_init(&loop->uv, &loop->ready);
	/* libuv opens a descriptor with the first TCP handle and keeps it: now, so that what comes
	 * and goes later can be counted. */
	if (!uv_tcp_init(&loop->uv, &loop->first))
		uv_close((uv_handle_t *)&loop->first, NULL);
	loop->wake.data = loop->timer.data = loop->ready.data = loop;
	uv_unref((uv_handle_t *)&loop->wake);
	if (loop->virtual_clock)
		uv_prepare_start(&loop->ready, on_ready);
	uv_unref((uv_handle_t *)&loop->ready);
	/* No two loops of a process have the same; ids stay apart without a global counter. */
	loop->id_base = (uint64_t)(uv_backend_fd(&loop->uv) & 0xfff) << 52;
	return 0;
}

int tether_loop_new(const struct tether_loop_options *options, struct tether_loop **out)
{
	const struct tether_loop_options none = { 0 };
	struct tether_alloc alloc = { default_resize, NULL };
	struct tether_loop *loop;
	int err = -ENOMEM;

	if (!options)
		options = &none;
	if (options->alloc)
		alloc = *options->alloc;
	loop = alloc.resize(alloc.arg, NULL, sizeof(*loop));
	if (!loop)
		return -ENOMEM;
	memset(loop, 0, sizeof(*loop));
	loop->alloc = alloc;
	loop->virtual_clock = options->clock;
	if (options->clock)
		loop->clock = *options->clock;
	loop->armed_ns = DEADLINE_NONE;
	loop->read_bytes = options->read_bytes ? options->read_bytes : 65536;
	loop->max_blocks = options->spare_blocks ? options->spare_blocks : 256;
	loop->mail_last = &loop->mail_first;
	pthread_mutex_init(&loop->mail_lock, NULL);
	fault_load(&loop->faults);
	loop->read_buf = mem_resize(loop, NULL, loop->read_bytes);
	loop->scratch = mem_resize(loop, NULL, SCRATCH_BYTES);
	loop->root = scope_root(loop);
	if (loop->read_buf && loop->scratch && loop->root)
		err = open_handles(loop);
	if (err) {
		give_up(loop);
		return err;
	}
	*out = loop;
	return 0;
}

int tether_loop_free(struct tether_loop *loop)
{
	int kind;

	if (!loop)
		return 0;
	for (kind = SLOT_FREE + 1; kind < SLOT_KINDS; kind++)
		if (loop->live[kind])
			return -EBUSY;
	/* A server that has not drained holds it. */
	if (loop->mail_first || loop->holds)
		return -EBUSY;
	uv_close((uv_handle_t *)&loop->wake, NULL);
	loop->armed_ns = DEADLINE_NONE;
	uv_close((uv_handle_t *)&loop->timer, NULL);
	uv_close((uv_handle_t *)&loop->ready, NULL);
	uv_run(&loop->uv, UV_RUN_DEFAULT);
	if (uv_loop_close(&loop->uv))
		return -EBUSY;
	give_up(loop);
	return 0;
}
