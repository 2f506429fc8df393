// SPDX-License-Identifier: BSD-2-Clause
/*
 * The blocking wrapper (tether/blocking.h). What a caller wants is a *job* that is mailed to the
 * client's thread and answered there; the caller sleeps until it is. No wait is without an end:
 * each reply has a scope with a deadline on the loop, and what is asked for is answered when it
 * ends.
 *
 * A reply belongs to its caller and to the loop; whoever lets go last frees it.
 */
#include <tether/blocking.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <tether/loop.h>

#include "core.h"

struct tether_client {
	struct tether_loop *loop;
	struct tether_pool *pool;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned int refs; /* itself, and its replies */
	bool closing;
	struct list replies; /* the loop's: those that are not over */
	uint64_t grace_ns;
};

struct tether_reply {
	struct tether_client *client;
	struct list link;
	struct mail mail; /* what the caller wants now */
	unsigned int refs;

	/* Guarded by the client's lock. */
	bool headed, over, asked, answered;
	int why;

	/* The loop's. */
	struct tether_scope scope;
	struct tether_body body;
	const struct tether_dest *dest;
	const struct tether_request *request;
	uint64_t within_ns;

	/* A piece that came, and how far it was read: the loop's while asked, else the caller's. */
	char *piece;
	size_t len, at;
	int status;
	struct tether_text *fields; /* name, value, name, ... */
	size_t n_fields;
};

static void client_put(struct tether_client *client)
{
	bool last;

	pthread_mutex_lock(&client->lock);
	last = !--client->refs;
	pthread_mutex_unlock(&client->lock);
	if (!last)
		return;
	pthread_cond_destroy(&client->changed);
	pthread_mutex_destroy(&client->lock);
	free(client);
}

static void reply_put(struct tether_reply *reply)
{
	struct tether_client *client = reply->client;
	bool last;
	size_t i;

	pthread_mutex_lock(&client->lock);
	last = !--reply->refs;
	pthread_mutex_unlock(&client->lock);
	if (!last)
		return;
	for (i = 0; i < 2 * reply->n_fields; i++)
		free((char *)reply->fields[i].at);
	free(reply->fields);
	free(reply->piece);
	free(reply);
	client_put(client);
}

/* ---- on the loop ----------------------------------------------------------------------------- */

static void changed(struct tether_reply *reply)
{
	pthread_cond_broadcast(&reply->client->changed);
}

/* The loop is done with it. */
static void reply_over(struct tether_reply *reply, int why)
{
	struct tether_client *client = reply->client;

	list_remove(&reply->link);
	pthread_mutex_lock(&client->lock);
	reply->over = reply->answered = true;
	reply->why = why;
	changed(reply);
	pthread_mutex_unlock(&client->lock);
	reply_put(reply);
}

static void on_joined(int why, void *arg)
{
	struct tether_reply *reply = arg;

	(void)why;
	reply_over(reply, reply->why);
}

/* Members that still end hold the scope; when the last has, on_joined() comes, maybe from inside:
 * the reply may be gone after this. */
static void end_scope(struct tether_reply *reply, int why)
{
	struct tether_client *client = reply->client;

	/* Cut off with the client, whatever that looks like from here. */
	pthread_mutex_lock(&client->lock);
	reply->why = why && client->closing ? -ECANCELED : why;
	pthread_mutex_unlock(&client->lock);
	tether_scope_cancel(reply->scope);
}

static char *copy_text(struct tether_text text)
{
	char *copy = malloc(text.len + 1);

	if (copy) {
		memcpy(copy, text.at, text.len);
		copy[text.len] = '\0';
	}
	return copy;
}

static int copy_fields(struct tether_reply *reply, struct tether_body body)
{
	struct tether_text name, value;
	size_t n = 0, i;

	while (!tether_body_header_at(body, n, &name, &value))
		n++;
	reply->fields = calloc(2 * n + 1, sizeof(*reply->fields));
	if (!reply->fields)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		tether_body_header_at(body, i, &name, &value);
		reply->fields[2 * i] = (struct tether_text){ copy_text(name), name.len };
		reply->fields[2 * i + 1] = (struct tether_text){ copy_text(value), value.len };
		reply->n_fields = i + 1;
		if (!reply->fields[2 * i].at || !reply->fields[2 * i + 1].at)
			return -ENOMEM;
	}
	return 0;
}

static void on_head(struct tether_body body, int status, void *arg)
{
	struct tether_reply *reply = arg;

	if (copy_fields(reply, body)) {
		end_scope(reply, -ENOMEM);
		return;
	}
	pthread_mutex_lock(&reply->client->lock);
	reply->status = status;
	reply->headed = true;
	changed(reply);
	pthread_mutex_unlock(&reply->client->lock);
}

static void on_end(struct tether_body body, int why, void *arg)
{
	struct tether_reply *reply = arg;

	(void)body;
	end_scope(reply, reply->why ? reply->why : why);
}

static void on_piece(struct tether_body body, const void *data, size_t len, void *arg)
{
	struct tether_reply *reply = arg;
	char *piece = len ? realloc(reply->piece, len) : NULL;

	(void)body;
	/* The end is told by on_end(), when its reason is known. */
	if (!len)
		return;
	if (!piece) {
		end_scope(reply, -ENOMEM);
		return;
	}
	memcpy(piece, data, len);
	pthread_mutex_lock(&reply->client->lock);
	reply->piece = piece;
	reply->len = len;
	reply->at = 0;
	reply->answered = true;
	changed(reply);
	pthread_mutex_unlock(&reply->client->lock);
}

static void on_lease(struct tether_lease lease, int status, void *arg)
{
	static const struct tether_body_events events = { on_head, on_end };
	struct tether_reply *reply = arg;

	if (!status) {
		status = tether_exchange(lease, reply->request, reply->within_ns, &events, reply,
					 &reply->body);
		if (!status)
			return;
	}
	/* Gives the lease back as well. */
	end_scope(reply, status);
}

static void run_ask(struct mail *mail)
{
	struct tether_reply *reply = container_of(mail, struct tether_reply, mail);
	struct tether_client *client = reply->client;
	int err;

	list_append(&client->replies, &reply->link);
	err = tether_scope_new(client->loop, reply->within_ns, &reply->scope);
	if (err) {
		reply_over(reply, err);
		return;
	}
	err = tether_pool_acquire(client->pool, reply->dest, reply->scope, on_lease, reply, NULL);
	if (err)
		end_scope(reply, err);
	tether_scope_join(reply->scope, on_joined, reply);
}

static void run_read(struct mail *mail)
{
	struct tether_reply *reply = container_of(mail, struct tether_reply, mail);

	if (!reply->over)
		tether_body_read(reply->body, on_piece, reply);
	reply_put(reply);
}

static void run_free(struct mail *mail)
{
	struct tether_reply *reply = container_of(mail, struct tether_reply, mail);

	if (!reply->over)
		tether_body_end(reply->body);
	reply_put(reply);
}

static void *client_main(void *arg)
{
	struct tether_client *client = arg;

	tether_loop_run(client->loop);
	return NULL;
}

/* ---- the callers ----------------------------------------------------------------------------- */

/* The loop has a reference to what is mailed to it. False: it is gone. */
static bool post(struct tether_reply *reply, void (*run)(struct mail *mail))
{
	struct tether_client *client = reply->client;
	bool sent;

	pthread_mutex_lock(&client->lock);
	sent = !client->closing || run != run_ask;
	sent = sent && client->loop && !reply->over;
	if (sent) {
		reply->refs++;
		reply->mail.run = run;
		reply->answered = false;
		loop_mail(client->loop, &reply->mail);
	}
	pthread_mutex_unlock(&client->lock);
	return sent;
}

int tether_client_ask(struct tether_client *client, const struct tether_dest *dest,
		      const struct tether_request *request, uint64_t within_ns,
		      struct tether_reply **out)
{
	struct tether_reply *reply;
	int err = 0;

	if (!client || !dest || !request || !out)
		return -EINVAL;
	/* Nobody could write the pieces. */
	if (!request->data && request->length)
		return -EINVAL;
	reply = calloc(1, sizeof(*reply));
	if (!reply)
		return -ENOMEM;
	reply->client = client;
	reply->refs = 1;
	reply->dest = dest;
	reply->request = request;
	reply->within_ns = within_ns;
	list_init(&reply->link);
	pthread_mutex_lock(&client->lock);
	client->refs++;
	pthread_mutex_unlock(&client->lock);
	if (!post(reply, run_ask)) {
		reply_put(reply);
		return -ESHUTDOWN;
	}
	pthread_mutex_lock(&client->lock);
	while (!reply->headed && !reply->over)
		pthread_cond_wait(&client->changed, &client->lock);
	if (!reply->headed)
		err = reply->why ? reply->why : -ECONNRESET;
	pthread_mutex_unlock(&client->lock);
	if (err)
		reply_put(reply);
	else
		*out = reply;
	return err;
}

int tether_reply_status(const struct tether_reply *reply)
{
	return reply ? reply->status : -EINVAL;
}

struct tether_text tether_reply_header(const struct tether_reply *reply, const char *name)
{
	size_t i;

	for (i = 0; reply && i < reply->n_fields; i++)
		if (!strcasecmp(reply->fields[2 * i].at, name))
			return reply->fields[2 * i + 1];
	return (struct tether_text){ NULL, 0 };
}

ssize_t tether_reply_read(struct tether_reply *reply, void *buf, size_t len)
{
	struct tether_client *client = reply ? reply->client : NULL;

	if (!reply || (!buf && len))
		return -EINVAL;
	if (reply->at == reply->len && len) {
		if (post(reply, run_read)) {
			pthread_mutex_lock(&client->lock);
			while (!reply->answered)
				pthread_cond_wait(&client->changed, &client->lock);
			pthread_mutex_unlock(&client->lock);
		}
		/* Nothing more came: it is over. */
		if (reply->at == reply->len)
			return reply->why;
	}
	if (len > reply->len - reply->at)
		len = reply->len - reply->at;
	if (len)
		memcpy(buf, reply->piece + reply->at, len);
	reply->at += len;
	return len;
}

void tether_reply_free(struct tether_reply *reply)
{
	if (!reply)
		return;
	post(reply, run_free);
	reply_put(reply);
}

/* ---- birth and death ------------------------------------------------------------------------- */

int tether_client_new(const struct tether_pool_options *options, struct tether_client **out)
{
	struct tether_client *client = out ? calloc(1, sizeof(*client)) : NULL;
	int err;

	if (!client)
		return out ? -ENOMEM : -EINVAL;
	client->refs = 1;
	list_init(&client->replies);
	pthread_mutex_init(&client->lock, NULL);
	pthread_cond_init(&client->changed, NULL);
	err = tether_loop_new(NULL, &client->loop);
	if (!err)
		err = tether_pool_new(client->loop, options, &client->pool);
	if (!err) {
		/* Also while nothing is asked, the thread waits for mail. */
		loop_hold(client->loop);
		err = -pthread_create(&client->thread, NULL, client_main, client);
	}
	if (!err) {
		*out = client;
		return 0;
	}
	if (client->pool) {
		loop_release(client->loop);
		tether_pool_shutdown(client->pool, TETHER_S, NULL, NULL);
		tether_loop_run(client->loop);
	}
	tether_loop_free(client->loop);
	client_put(client);
	return err;
}

struct parting {
	struct mail mail;
	struct tether_client *client;
};

static void on_pool_done(void *arg)
{
	struct tether_client *client = arg;

	tether_loop_stop(client->loop);
}

static void run_parting(struct mail *mail)
{
	struct tether_client *client = container_of(mail, struct parting, mail)->client;

	tether_pool_shutdown(client->pool, client->grace_ns, on_pool_done, client);
}

void tether_client_free(struct tether_client *client, uint64_t grace_ns)
{
	struct parting parting = { .mail.run = run_parting, .client = client };
	struct tether_loop *loop;

	if (!client)
		return;
	/* No time at all, and too much of it, are the least and the most that there is. */
	if (!grace_ns)
		grace_ns = 1;
	client->grace_ns = grace_ns > TETHER_WITHIN_MAX_NS ? TETHER_WITHIN_MAX_NS : grace_ns;
	pthread_mutex_lock(&client->lock);
	client->closing = true;
	loop_mail(client->loop, &parting.mail);
	pthread_mutex_unlock(&client->lock);
	pthread_join(client->thread, NULL);
	pthread_mutex_lock(&client->lock);
	loop = client->loop;
	client->loop = NULL;
	pthread_mutex_unlock(&client->lock);
	/* Mail of the last moment: nobody can send any more. */
	tether_loop_turn(loop, false);
	loop_release(loop);
	tether_loop_run(loop);
	tether_loop_free(loop);
	client_put(client);
}
