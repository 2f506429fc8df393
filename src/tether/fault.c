// SPDX-License-Identifier: BSD-2-Clause
/* The plan of faults (fault.h). An empty file in the release library. */
#include "fault.h"

#ifdef TETHER_FAULTS

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core.h"
#include "probes.h"

static const char *const fault_names[] = {
	[FAULT_NONE] = "none",
	[FAULT_READER] = "reader",
	[FAULT_EXPECT] = "expect",
	[FAULT_HALF_CLOSE] = "half-close",
	[FAULT_CANCEL_EARLY] = "cancel-early",
	[FAULT_CANCEL_NEVER] = "cancel-never",
	[FAULT_DRAIN_RACE] = "drain-race",
};

static uint64_t option(const char *s, const char *name, uint64_t otherwise)
{
	const char *at = strstr(s, name);

	return at ? strtoull(at + strlen(name), NULL, 10) : otherwise;
}

void fault_load(struct fault_plan *plan)
{
	const char *s = getenv("TETHER_FAULT");
	size_t len, i;

	*plan = (struct fault_plan){ .every = 1 };
	if (!s)
		return;
	len = strcspn(s, ":");
	for (i = 1; i < sizeof(fault_names) / sizeof(*fault_names); i++)
		if (strlen(fault_names[i]) == len && !memcmp(fault_names[i], s, len))
			plan->fault = (enum fault)i;
	plan->every = option(s, ":every=", 1);
	plan->random = option(s, ":seed=", 0);
	if (!plan->fault || !plan->every)
		fprintf(stderr, "tether-fault: unknown: %s\n", s);
	if (!plan->every)
		plan->every = 1;
}

/* Every Nth; with a seed one in N at random, the same ones in each run. */
static bool due(struct fault_plan *plan)
{
	if (!plan->random)
		return ++plan->seen % plan->every == 0;
	plan->random ^= plan->random << 13;
	plan->random ^= plan->random >> 7;
	plan->random ^= plan->random << 17;
	return plan->random % plan->every == 0;
}

bool fault_hit(struct tether_loop *loop, enum fault fault, uint64_t id, uint64_t second_id)
{
	struct fault_plan *plan = &loop->faults;

	if (plan->fault != fault || !due(plan))
		return false;
	PROBE1(fault_injected, fault_names[fault]);
	fprintf(stderr,
		"tether-fault: %s pid=%ld at_ns=%" PRIu64 " id=%#" PRIx64 " second=%#" PRIx64 "\n",
		fault_names[fault], (long)getpid(), tether_loop_now_ns(loop), id, second_id);
	return true;
}

#endif
