// SPDX-License-Identifier: BSD-2-Clause
/* Sites: where a process opens connections. Counted together, judged together. */
#include <errno.h>
#include <string.h>
#include "ledger/internal.h"

/* A process that talks to more endpoints than this (a crawler, a scanner) is counted by port. */
#define ENDPOINTS_MAX 1024
#define ABORT_KEEP_NS 600000000000ull

struct site_key {
	uint32_t proc;
	int32_t stack;
	uint32_t netns;
	uint16_t port;
	uint8_t family;
	uint8_t proto;
	uint8_t role;
	uint8_t zero[7];
	uint8_t addr[16];
};

struct site *site_at(const struct ledger *led, uint32_t id)
{
	return slab_get(&led->sites, id);
}

/* FNV-1a: a path has to fit where an address does. */
static uint64_t hash_path(const char *s)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (; *s; s++)
		h = (h ^ (uint8_t)*s) * 0x100000001b3ull;
	return h;
}

static void key_endpoint(const struct ledger *led, struct site_key *k, const struct conn *c)
{
	const struct proc_entry *p = proc_at(led, c->opener);
	uint64_t h;

	k->port = c->role == LS_ROLE_CLIENT ? c->rport : c->lport;
	if (c->role != LS_ROLE_CLIENT && c->role != LS_ROLE_SERVER)
		k->port = 0;
	if (c->family == FAMILY_UNIX) {
		h = hash_path(conn_ext(led, c)->un.path);
		memcpy(k->addr, &h, sizeof(h));
	} else if (c->role == LS_ROLE_CLIENT && p && p->client_sites < ENDPOINTS_MAX) {
		memcpy(k->addr, ledger_conn_remote(led, c), c->family == FAMILY_INET ? 4 : 16);
	}
}

static void site_key(const struct ledger *led, struct site_key *k, const struct conn *c,
		     int32_t stack)
{
	memset(k, 0, sizeof(*k));
	k->proc = c->opener;
	k->stack = stack < 0 ? -1 : stack;
	k->netns = c->netns;
	k->family = c->family;
	k->proto = c->proto;
	k->role = c->role;
	key_endpoint(led, k, c);
}

static void key_of_site(struct site_key *k, const struct site *s)
{
	*k = (struct site_key){
		.proc = s->proc,
		.stack = s->stack,
		.netns = s->netns,
		.port = s->port,
		.family = s->family,
		.proto = s->proto,
		.role = s->role,
	};
	memcpy(k->addr, s->addr, sizeof(k->addr));
}

static bool site_same(const void *owner, uint32_t id, const void *key, size_t len)
{
	struct site_key k;

	key_of_site(&k, site_at(owner, id));
	return !memcmp(&k, key, len);
}

uint32_t site_get(struct ledger *led, const struct conn *c, int32_t stack)
{
	struct site_key k;
	struct site *s;
	uint32_t id;

	if (!c->opener)
		return 0;
	site_key(led, &k, c, stack);
	id = dict_get(&led->by_site, &k, sizeof(k), site_same, led);
	if (id)
		return id;
	id = slab_alloc(&led->sites);
	if (!id)
		return 0;
	if (dict_put(&led->by_site, &k, sizeof(k), id)) {
		slab_free(&led->sites, id);
		return 0;
	}
	s = site_at(led, id);
	s->proc = k.proc;
	s->stack = k.stack;
	s->family = k.family;
	s->proto = k.proto;
	s->role = k.role;
	s->port = k.port;
	s->netns = k.netns;
	memcpy(s->addr, k.addr, sizeof(s->addr));
	s->first_ns = led->totals.time_ns;
	proc_ref(led, k.proc);
	if (k.role == LS_ROLE_CLIENT)
		proc_at(led, k.proc)->client_sites++;
	return id;
}

void site_opened(struct ledger *led, uint32_t id, uint64_t now_ns, bool counted)
{
	struct site *s = site_at(led, id);

	if (!s)
		return;
	s->live++;
	if (counted) {
		s->opened++;
		s->open_last_ns = now_ns;
	}
}

void site_closed(struct ledger *led, uint32_t id, uint64_t age_ns, uint64_t now_ns)
{
	struct site *s = site_at(led, id);

	if (!s)
		return;
	s->live--;
	s->closed++;
	age_bucket_mark(s->close_ns, age_ns, now_ns);
}

void site_left(struct ledger *led, uint32_t id, bool counted)
{
	struct site *s = site_at(led, id);

	if (!s)
		return;
	s->live--;
	s->opened -= counted;
}

void site_keep(struct ledger *led, uint32_t id, int n)
{
	struct site *s = site_at(led, id);

	if (s)
		s->left += n;
}

static void site_free(struct ledger *led, uint32_t id)
{
	struct site *s = site_at(led, id);
	struct proc_entry *p = proc_at(led, s->proc);
	struct site_key k;

	key_of_site(&k, s);
	dict_drop(&led->by_site, &k, sizeof(k), id);
	if (p && k.role == LS_ROLE_CLIENT)
		p->client_sites--;
	proc_unref(led, s->proc);
	slab_free(&led->sites, id);
}

/* Where nothing lives there is nothing to judge, but for what was aborted. */
void sites_sweep(struct ledger *led)
{
	uint64_t now_ns = led->totals.snapshot_time_ns;
	uint32_t id;

	for (id = 1; id < led->sites.end; id++) {
		struct site *s = site_at(led, id);

		if (s && !s->live && !s->left &&
		    (!s->aborted || ns_since(now_ns, s->abort_last_ns) > ABORT_KEEP_NS))
			site_free(led, id);
	}
	led->totals.sites = led->sites.used;
}
