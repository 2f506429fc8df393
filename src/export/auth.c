// SPDX-License-Identifier: BSD-2-Clause
/* Who may see what is served (auth.h). */
#include "export/auth.h"

#include <crypt.h>
#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <uv.h>

#define PENDING_MAX  32
#define PASSWORD_MAX 256 /* bcrypt itself looks at 72 */
#define DIGEST_LEN   32

struct known {
	bool is;
	uint8_t digest[DIGEST_LEN]; /* of the password that was right, keyed */
};

struct auth {
	uv_loop_t *uv;
	const struct config *config;
	struct known *known; /* by user */
	uint8_t key[DIGEST_LEN];
	unsigned int pending;
};

struct job {
	uv_work_t work;
	struct auth *auth;
	const char *hash;
	size_t user; /* config->users: there is no such */
	char password[PASSWORD_MAX];
	bool right;
	auth_done_fn done;
	void *arg;
};

struct auth *auth_new(void *uv, const struct config *config)
{
	struct auth *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->uv = uv;
	a->config = config;
	a->known = calloc(config->users, sizeof(*a->known));
	if (a->known && getrandom(a->key, sizeof(a->key), 0) == sizeof(a->key))
		return a;
	free(a->known);
	free(a);
	return NULL;
}

/* ---- "Basic dXNlcjpwYXNzd29yZA==" */

/* Splits it at the first colon; the user's number is config->users where there is no such. */
static bool parse(const struct auth *a, const char *field, size_t *user,
		  char password[PASSWORD_MAX])
{
	gnutls_datum_t in, out;
	char *colon;
	bool ok;

	if (!field || strncasecmp(field, "Basic ", 6))
		return false;
	field += 6 + strspn(field + 6, " ");
	in = (gnutls_datum_t){ (unsigned char *)(uintptr_t)field, strlen(field) };
	if (!in.size || in.size > 1024 || gnutls_base64_decode2(&in, &out))
		return false;
	/* Zero bytes would end what comes after them. */
	colon = out.size && !memchr(out.data, 0, out.size) ? memchr(out.data, ':', out.size) : NULL;
	ok = colon && out.data + out.size - (unsigned char *)colon - 1 < PASSWORD_MAX;
	if (ok) {
		size_t name = (size_t)(colon - (char *)out.data), len = out.size - name - 1;

		memcpy(password, colon + 1, len);
		password[len] = '\0';
		for (*user = 0; *user < a->config->users; ++*user)
			if (strlen(a->config->user[*user].name) == name &&
			    !memcmp(a->config->user[*user].name, out.data, name))
				break;
	}
	explicit_bzero(out.data, out.size);
	gnutls_free(out.data);
	return ok;
}

static bool digest(const struct auth *a, const char *password, uint8_t out[DIGEST_LEN])
{
	return !gnutls_hmac_fast(GNUTLS_MAC_SHA256, a->key, sizeof(a->key), password,
				 strlen(password), out);
}

static bool remembered(const struct auth *a, size_t user, const char *password)
{
	uint8_t now[DIGEST_LEN];

	return user < a->config->users && a->known[user].is && digest(a, password, now) &&
	       !gnutls_memcmp(now, a->known[user].digest, DIGEST_LEN);
}

/* ---- on a thread of its own */

static void work(uv_work_t *req)
{
	struct job *job = req->data;
	struct crypt_data *data = calloc(1, sizeof(*data));
	const char *hash = data ? crypt_r(job->password, job->hash, data) : NULL;

	job->right = hash && strlen(hash) == strlen(job->hash) &&
		     !gnutls_memcmp(hash, job->hash, strlen(hash));
	if (data)
		explicit_bzero(data, sizeof(*data));
	free(data);
}

static void worked(uv_work_t *req, int status)
{
	struct job *job = req->data;
	struct auth *a = job->auth;
	bool right = !status && job->right && job->user < a->config->users;

	a->pending--;
	if (right)
		a->known[job->user].is = digest(a, job->password, a->known[job->user].digest);
	job->done(job->arg, right ? AUTH_YES : AUTH_NO);
	explicit_bzero(job->password, sizeof(job->password));
	free(job);
}

void auth_ask(struct auth *a, const char *field, auth_done_fn done, void *arg)
{
	struct job *job = a->pending < PENDING_MAX ? calloc(1, sizeof(*job)) : NULL;
	char password[PASSWORD_MAX];
	size_t user;

	if (!parse(a, field, &user, password)) {
		free(job);
		done(arg, AUTH_NO);
		return;
	}
	if (!job || remembered(a, user, password)) {
		done(arg, remembered(a, user, password) ? AUTH_YES : AUTH_BUSY);
		free(job);
		goto out;
	}
	job->work.data = job;
	job->auth = a;
	job->user = user;
	/* A name that is not there costs as much as one that is: nobody learns which there are. */
	job->hash = a->config->user[user < a->config->users ? user : 0].hash;
	job->done = done;
	job->arg = arg;
	strcpy(job->password, password);
	a->pending++;
	if (uv_queue_work(a->uv, &job->work, work, worked)) {
		a->pending--;
		free(job);
		done(arg, AUTH_BUSY);
	}
out:
	explicit_bzero(password, sizeof(password));
}
