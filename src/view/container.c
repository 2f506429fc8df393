/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which container or unit a cgroup path stands for. Reads the path only: no runtime is asked, so
 * it works on a recording from another machine. Knows the names that Docker, containerd, CRI-O,
 * Podman, nerdctl, LXC, Kubernetes and systemd give their groups, under cgroup v1 and v2 and with
 * the cgroupfs and the systemd driver.
 */
#include "view/view.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "base/text.h"

#define ID_MIN	 32 /* digits; runtimes use 64 */
#define ID_SHOWN 12 /* as `docker ps` does */

/* One component of the path. */
struct part {
	const char *s;
	size_t len;
};

/* A component's prefix, and the runtime it speaks of. */
static const struct {
	const char *prefix;
	const char *runtime;
} runtimes[] = {
	{ "docker-", "docker" },	{ "cri-containerd-", "cri-containerd" },
	{ "crio-conmon-", "crio" },	{ "crio-", "crio" },
	{ "libpod-conmon-", "podman" }, { "libpod-payload-", "podman" },
	{ "libpod-", "podman" },	{ "nerdctl-", "nerdctl" },
};

static bool part_starts(struct part p, const char *prefix)
{
	size_t n = strlen(prefix);

	return p.len >= n && memcmp(p.s, prefix, n) == 0;
}

static bool part_ends(struct part p, const char *suffix)
{
	size_t n = strlen(suffix);

	return p.len > n && memcmp(p.s + p.len - n, suffix, n) == 0;
}

static bool part_is(struct part p, const char *word)
{
	return p.len == strlen(word) && memcmp(p.s, word, p.len) == 0;
}

/* The component that ends before @end, and moves @end to its slash; false at the path's start. */
static bool part_before(const char *path, const char **end, struct part *p)
{
	const char *e = *end, *s;

	while (e > path && e[-1] == '/')
		e--;
	for (s = e; s > path && s[-1] != '/'; s--)
		;
	*p = (struct part){ .s = s, .len = (size_t)(e - s) };
	*end = s;
	return p->len > 0;
}

/* Whether @p is a container's id, perhaps with ".scope" or ".service" behind it. */
static bool part_is_id(struct part p)
{
	size_t n = 0;

	while (n < p.len && isxdigit((unsigned char)p.s[n]))
		n++;
	p.s += n;
	p.len -= n;
	return n >= ID_MIN && (!p.len || part_is(p, ".scope") || part_is(p, ".service"));
}

static char *name_id(char *buf, size_t len, const char *runtime, size_t runtime_len, const char *id)
{
	snprintf(buf, len, "%.*s:%.*s", (int)runtime_len, runtime, ID_SHOWN, id);
	return buf;
}

/* "kubepods-burstable-podUID.slice" and "podUID": a pod as a whole, outside its containers. */
static bool name_pod(char *buf, size_t len, struct part p)
{
	const char *uid = NULL;
	size_t i, n;

	for (i = 0; i + 3 < p.len; i++)
		if (memcmp(p.s + i, "pod", 3) == 0 && (!i || p.s[i - 1] == '-'))
			uid = p.s + i + 3;
	if (!uid)
		return false;
	n = strspn(uid, "0123456789abcdef-_");
	i = (size_t)(p.s + p.len - uid);
	if (n < ID_MIN || (n != i && n + strlen(".slice") != i))
		return false; /* "podcast.service" */
	snprintf(buf, len, "pod:%.*s", (int)n, uid);
	for (; *buf; buf++)
		if (*buf == '_') /* systemd's way to write the dashes of the uid */
			*buf = '-';
	return true;
}

/* A bare id: the runtime shows in the component above it. */
static void name_bare(char *buf, size_t len, const char *path, const char *above, struct part id)
{
	struct part up;

	if (!part_before(path, &above, &up))
		up = (struct part){ .s = "", .len = 0 };
	if (part_is(up, "docker") || part_is(up, "lxc") || part_is(up, "nerdctl"))
		name_id(buf, len, up.s, up.len, id.s);
	else if (part_is(up, "libpod_parent"))
		name_id(buf, len, "podman", 6, id.s);
	else if (part_starts(up, "pod") || strstr(path, "kubepods"))
		name_id(buf, len, "k8s", 3, id.s);
	else
		name_id(buf, len, "container", 9, id.s);
}

/* "lxc.payload.NAME", "/lxc/NAME", "/lxc.payload/NAME". */
static bool name_lxc(char *buf, size_t len, const char *path, const char *above, struct part p)
{
	const char *prefix = "lxc.payload.";
	struct part up;

	if (part_starts(p, prefix)) {
		p.s += strlen(prefix);
		p.len -= strlen(prefix);
	} else if (!part_before(path, &above, &up) ||
		   !(part_is(up, "lxc") || part_is(up, "lxc.payload"))) {
		return false;
	}
	snprintf(buf, len, "lxc:%.*s", (int)p.len, p.s);
	return true;
}

/* "PARENT:RUNTIME:ID", as runc writes it where it was given a systemd name but no systemd. */
static bool name_colons(char *buf, size_t len, struct part p)
{
	const char *id = memrchr(p.s, ':', p.len), *runtime;

	if (!id || !part_is_id((struct part){ id + 1, (size_t)(p.s + p.len - id - 1) }))
		return false;
	runtime = memrchr(p.s, ':', (size_t)(id - p.s));
	runtime = runtime ? runtime + 1 : p.s;
	name_id(buf, len, runtime, (size_t)(id - runtime), id + 1);
	return true;
}

/* @above: where the component above @p ends. */
static bool name_container(char *buf, size_t len, const char *path, const char *above,
			   struct part p)
{
	size_t i;

	for (i = 0; i < sizeof(runtimes) / sizeof(runtimes[0]); i++) {
		size_t n = strlen(runtimes[i].prefix);

		if (!part_starts(p, runtimes[i].prefix) ||
		    !part_is_id((struct part){ p.s + n, p.len - n }))
			continue;
		name_id(buf, len, runtimes[i].runtime, strlen(runtimes[i].runtime), p.s + n);
		return true;
	}
	if (part_is_id(p)) {
		name_bare(buf, len, path, above, p);
		return true;
	}
	return name_colons(buf, len, p) || name_lxc(buf, len, path, above, p) ||
	       name_pod(buf, len, p);
}

/* The innermost service or scope; a slice only where there is neither. The init.scope of a user's
 * manager is that manager. */
static void name_unit(char *buf, size_t len, const char *path)
{
	const char *end = path + strlen(path);
	struct part p, slice = { .s = NULL };

	while (part_before(path, &end, &p)) {
		if (part_ends(p, ".service") || (part_ends(p, ".scope") && end <= path + 1) ||
		    (part_ends(p, ".scope") && !part_is(p, "init.scope"))) {
			snprintf(buf, len, "%.*s", (int)p.len, p.s);
			return;
		}
		if (!slice.s && part_ends(p, ".slice"))
			slice = p;
	}
	if (slice.s)
		snprintf(buf, len, "%.*s", (int)slice.len, slice.s);
}

char *view_container(char *buf, size_t len, const char *cgroup_path)
{
	const char *path = cgroup_path ? strchr(cgroup_path, '/') : NULL;
	char raw[VIEW_CONTAINER_LEN] = "";
	const char *end;
	struct part p;

	buf[0] = '\0';
	if (!path)
		return buf;
	end = path + strlen(path);
	while (part_before(path, &end, &p))
		if (name_container(raw, sizeof(raw), path, end, p))
			return text_clean(buf, len, raw);
	name_unit(raw, sizeof(raw), path);
	return text_clean(buf, len, raw);
}
