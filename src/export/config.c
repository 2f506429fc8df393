// SPDX-License-Identifier: BSD-2-Clause
/* Reads --web.config.file by libyaml (config.h). Each key is a row of a table. */
#include "export/config.h"

#include <crypt.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>
#include "base/text.h"

struct reader {
	struct config *c;
	const char *path;
	char *say;
	yaml_document_t doc;
};

struct key {
	const char *name;
	int (*take)(struct reader *r, const char *key, yaml_node_t *value);
};

/* ---- what is wrong, and where */

__attribute__((format(printf, 4, 5))) static int wrong(struct reader *r, const yaml_node_t *node,
						       const char *key, const char *fmt, ...)
{
	char text[CONFIG_ERROR_LEN / 2];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(r->say, CONFIG_ERROR_LEN, "%.150s:%zu: %.80s%s%s", r->path,
		 node ? node->start_mark.line + 1 : 1, key ? key : "", key ? ": " : "", text);
	return -EINVAL;
}

static const char *text_of(const yaml_node_t *node)
{
	return node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : NULL;
}

/* "key:" with nothing behind it. */
static bool is_null(const yaml_node_t *node)
{
	return node->type == YAML_SCALAR_NODE &&
	       node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (!node->data.scalar.length || !strcmp(text_of(node), "~") ||
		!strcmp(text_of(node), "null"));
}

static int unknown(struct reader *r, const yaml_node_t *node, const struct key *keys)
{
	const char *names[16] = { 0 }, *near;
	size_t i;

	for (i = 0; i < 15 && keys[i].name; i++)
		names[i] = keys[i].name;
	near = text_nearest(text_of(node), names);
	return wrong(r, node, text_of(node), "there is no such key here%s%s%s",
		     near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
}

/* Hands each pair of a mapping to its row, or to @any where there is no table. */
static int each_key(struct reader *r, const char *name, yaml_node_t *map, const struct key *keys,
		    int (*any)(struct reader *r, const char *key, yaml_node_t *value))
{
	yaml_node_pair_t *p, *before;
	yaml_node_t *key, *value;
	const struct key *row = NULL;
	int err;

	if (is_null(map))
		return 0;
	if (map->type != YAML_MAPPING_NODE)
		return wrong(r, map, name, "keys and values are needed here");
	for (p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top; p++) {
		key = yaml_document_get_node(&r->doc, p->key);
		value = yaml_document_get_node(&r->doc, p->value);
		if (!text_of(key))
			return wrong(r, key, name, "a key has to be a word");
		for (before = map->data.mapping.pairs.start; before < p; before++)
			if (!strcmp(text_of(yaml_document_get_node(&r->doc, before->key)),
				    text_of(key)))
				return wrong(r, key, text_of(key), "is there twice");
		for (row = keys; row && row->name && strcmp(row->name, text_of(key)); row++)
			;
		if (row && !row->name)
			return unknown(r, key, keys);
		err = (row ? row->take : any)(r, text_of(key), value);
		if (err)
			return err;
	}
	return 0;
}

/* ---- tls_server_config */

/* A path is relative to the file that names it. */
static int take_path(struct reader *r, const char *key, yaml_node_t *value, char **out)
{
	const char *path = text_of(value), *slash = strrchr(r->path, '/');
	int n;

	if (!path || !*path)
		return wrong(r, value, key, "a path is needed");
	n = slash && *path != '/' ? asprintf(out, "%.*s/%s", (int)(slash - r->path), r->path, path)
				  : asprintf(out, "%s", path);
	if (n >= 0)
		return 0;
	*out = NULL;
	return -ENOMEM;
}

static int take_cert(struct reader *r, const char *key, yaml_node_t *value)
{
	return take_path(r, key, value, &r->c->cert);
}

static int take_key(struct reader *r, const char *key, yaml_node_t *value)
{
	return take_path(r, key, value, &r->c->key);
}

static int take_ca(struct reader *r, const char *key, yaml_node_t *value)
{
	return take_path(r, key, value, &r->c->client_ca);
}

static int take_clients(struct reader *r, const char *key, yaml_node_t *value)
{
	static const char *const names[] = { "NoClientCert",
					     "RequestClientCert",
					     "RequireAnyClientCert",
					     "VerifyClientCertIfGiven",
					     "RequireAndVerifyClientCert",
					     NULL };
	const char *word = text_of(value), *near;
	unsigned int i;

	for (i = 0; word && names[i]; i++)
		if (!strcmp(word, names[i])) {
			r->c->clients = i;
			return 0;
		}
	near = word ? text_nearest(word, names) : NULL;
	return wrong(r, value, key,
		     "'%.40s' is none of NoClientCert, RequestClientCert, RequireAnyClientCert, "
		     "VerifyClientCertIfGiven, RequireAndVerifyClientCert%s%s%s",
		     word ? word : "", near ? " (did you mean " : "", near ? near : "",
		     near ? "?)" : "");
}

static int take_min_version(struct reader *r, const char *key, yaml_node_t *value)
{
	const char *word = text_of(value);

	if (word && !strcmp(word, "TLS13"))
		r->c->tls13 = true;
	else if (!word || strcmp(word, "TLS12"))
		return wrong(r, value, key, "TLS12 or TLS13, not '%.40s'", word ? word : "");
	return 0;
}

/* Of the format, but of another library's TLS. */
static int refuse(struct reader *r, const char *key, yaml_node_t *value)
{
	return wrong(r, value, key,
		     "is not supported; the library's own choice is TLS 1.2 and "
		     "1.3 with strong ciphers");
}

static int take_tls(struct reader *r, const char *name, yaml_node_t *value)
{
	static const struct key keys[] = {
		{ "cert_file", take_cert },
		{ "key_file", take_key },
		{ "client_ca_file", take_ca },
		{ "client_auth_type", take_clients },
		{ "min_version", take_min_version },
		{ "max_version", refuse },
		{ "cipher_suites", refuse },
		{ "curve_preferences", refuse },
		{ "prefer_server_cipher_suites", refuse },
		{ "client_allowed_sans", refuse },
		{ NULL, NULL },
	};
	struct config *c = r->c;
	bool verifies;
	int err = each_key(r, name, value, keys, NULL);

	if (err)
		return err;
	verifies = c->clients >= CONFIG_CLIENTS_VERIFY_GIVEN;
	if (!c->cert && (c->key || c->client_ca || c->clients))
		return wrong(r, value, name, "cert_file is missing");
	if (c->cert && !c->key)
		return wrong(r, value, name, "key_file is missing");
	if (verifies && !c->client_ca)
		return wrong(r, value, name,
			     "client_auth_type verifies clients, so client_ca_file is needed");
	if (c->client_ca && !verifies)
		return wrong(r, value, name,
			     "client_ca_file is there, but client_auth_type verifies nobody");
	return 0;
}

/* ---- basic_auth_users */

static int take_user(struct reader *r, const char *name, yaml_node_t *value)
{
	const char *hash = text_of(value);
	struct config_user *more;

	if (!*name || strchr(name, ':'))
		return wrong(r, value, name, "a name of one letter at least, and no ':' in it");
	if (!hash || hash[0] != '$' || hash[1] != '2' || strlen(hash) != 60 ||
	    crypt_checksalt(hash) != CRYPT_SALT_OK)
		return wrong(r, value, name,
			     "no bcrypt hash; `htpasswd -nBC 10 \"\"` makes one: $2y$10$...");
	if (r->c->users == CONFIG_USERS_MAX)
		return wrong(r, value, name, "more than %d users", CONFIG_USERS_MAX);
	more = reallocarray(r->c->user, r->c->users + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	r->c->user = more;
	more += r->c->users;
	*more = (struct config_user){ strdup(name), strdup(hash) };
	r->c->users++;
	return more->name && more->hash ? 0 : -ENOMEM;
}

static int take_users(struct reader *r, const char *name, yaml_node_t *value)
{
	return each_key(r, name, value, NULL, take_user);
}

/* ---- the file */

static int ignore(struct reader *r, const char *name, yaml_node_t *value)
{
	wrong(r, value, name, "is ignored: this server speaks HTTP/1.1, with headers of its own");
	return 0;
}

static int take_file(struct reader *r)
{
	static const struct key keys[] = {
		{ "tls_server_config", take_tls },
		{ "basic_auth_users", take_users },
		{ "http_server_config", ignore },
		{ "rate_limit", ignore },
		{ NULL, NULL },
	};
	yaml_node_t *root = yaml_document_get_root_node(&r->doc);

	return root ? each_key(r, NULL, root, keys, NULL) : 0;
}

static int not_yaml(struct reader *r, const yaml_parser_t *p)
{
	if (p->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	snprintf(r->say, CONFIG_ERROR_LEN, "%.150s:%zu: no YAML: %.150s", r->path,
		 p->problem_mark.line + 1, p->problem ? p->problem : "cannot be read");
	return -EINVAL;
}

int config_read(struct config *c, const char *path, char say[CONFIG_ERROR_LEN])
{
	struct reader r = { .c = c, .path = path, .say = say };
	yaml_parser_t parser;
	FILE *file = fopen(path, "re");
	int err = 0;

	*c = (struct config){ .cert = NULL };
	say[0] = '\0';
	if (!file) {
		err = -errno;
		snprintf(say, CONFIG_ERROR_LEN, "%.150s: %s", path, strerror(errno));
		return err;
	}
	if (yaml_parser_initialize(&parser)) {
		yaml_parser_set_input_file(&parser, file);
		if (yaml_parser_load(&parser, &r.doc)) {
			err = take_file(&r);
			yaml_document_delete(&r.doc);
		} else {
			err = not_yaml(&r, &parser);
		}
		yaml_parser_delete(&parser);
	} else {
		err = -ENOMEM;
	}
	fclose(file);
	if (err == -ENOMEM)
		snprintf(say, CONFIG_ERROR_LEN, "%.150s: out of memory", path);
	if (err)
		config_fini(c);
	return err;
}

void config_fini(struct config *c)
{
	free(c->cert);
	free(c->key);
	free(c->client_ca);
	while (c->users) {
		c->users--;
		free(c->user[c->users].name);
		free(c->user[c->users].hash);
	}
	free(c->user);
	*c = (struct config){ .cert = NULL };
}
