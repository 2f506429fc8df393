// SPDX-License-Identifier: BSD-2-Clause
/*
 * forked: tells of two streams, forks once somebody listens, and its child tells of one more. With
 * NOP5 its probe stands on a nop of five bytes, which sys/sdt.h never emits and a patched one may.
 * Says how the child ended: {"done":true,"child":N}, as wait() gives it.
 */
#define _SDT_HAS_SEMAPHORES 1
#include "load.h"
#include <stdint.h>
#include <sys/sdt.h>
#include <sys/wait.h>

#if defined(NOP5) && defined(__x86_64__)
#undef _SDT_NOP
#define _SDT_NOP          \
	.long 0x00441f0f; \
	.byte 0
#endif

volatile unsigned short tether_stream_open_semaphore __attribute__((section(".probes")));

static __attribute__((noinline)) void opens(uint64_t id)
{
	DTRACE_PROBE3(tether, stream_open, (uint64_t)7, id, (uint64_t)0);
}

int main(int argc, char **argv)
{
	struct load l = { .hold = 30, .seconds = 15 };
	double end;
	int status;
	pid_t child;

	load_options(&l, argc, argv);
	load_ready(&l, NULL, NULL, 0, "%s", "");
	/* Where nobody will listen, it goes on after --seconds all the same. */
	end = load_now() + l.seconds;
	while (load_now() < end && !tether_stream_open_semaphore)
		if (!load_wait(&l, 0.01))
			return load_end(&l);
	opens(4);
	opens(8); /* what the kernel makes of it, it makes at the first hit */
	child = fork();
	if (child < 0)
		die("fork");
	if (!child) {
		opens(12);
		_exit(7);
	}
	if (waitpid(child, &status, 0) != child)
		die("waitpid");
	printf("{\"done\":true,\"child\":%d}\n", status);
	fflush(stdout);
	load_hold(&l);
	return load_end(&l);
}
