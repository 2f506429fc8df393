// SPDX-License-Identifier: BSD-2-Clause
/* Whose empty reads are told of: a program that is attached only while there is somebody to watch.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "source/live_internal.h"

#define SUSPECTS_MAX 1024 /* as in bpf/empty.bpf.c */

/* Those that are no suspects any more. */
static void clear(int fd, const uint64_t *cookies, size_t n)
{
	uint64_t key, next;
	bool more = !bpf_map_get_next_key(fd, NULL, &next);
	size_t i;

	while (more) {
		key = next;
		more = !bpf_map_get_next_key(fd, &key, &next);
		for (i = 0; i < n && cookies[i] != key; i++)
			;
		if (i == n)
			bpf_map_delete_elem(fd, &key);
	}
}

int live_suspect(struct source *src, const uint64_t *cookies, size_t n)
{
	struct live *live = live_of(src);
	const uint64_t never = 0;
	struct lostsock_bpf *skel;
	size_t i;
	int fd;

	if (!live)
		return -EOPNOTSUPP;
	n = n < SUSPECTS_MAX ? n : SUSPECTS_MAX;
	if (live->parked)
		live_parked_suspect(live->parked, cookies, n);
	if (bpf_program__fd(live->skel->progs.read_empty) < 0)
		return -EOPNOTSUPP;
	skel = live->skel;
	fd = bpf_map__fd(skel->maps.suspects);
	clear(fd, cookies, n);
	for (i = 0; i < n; i++)
		if (bpf_map_update_elem(fd, &cookies[i], &never, BPF_NOEXIST) && errno != EEXIST)
			return -errno;
	if (!n) {
		bpf_link__destroy(skel->links.read_empty);
		skel->links.read_empty = NULL;
	} else if (!skel->links.read_empty) {
		skel->links.read_empty = bpf_program__attach(skel->progs.read_empty);
		return skel->links.read_empty ? 0 : -errno;
	}
	return 0;
}
