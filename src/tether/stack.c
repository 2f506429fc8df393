// SPDX-License-Identifier: BSD-2-Clause
/* Walking the stack (stack.h). */
#include "stack.h"

static void find_bounds(struct stack_bounds *bounds)
{
	pthread_attr_t attr;
	void *low = NULL;
	size_t size = 0;

	bounds->thread = pthread_self();
	bounds->low = bounds->high = 0;
	if (pthread_getattr_np(bounds->thread, &attr))
		return;
	if (!pthread_attr_getstack(&attr, &low, &size)) {
		bounds->low = (uintptr_t)low;
		bounds->high = bounds->low + size;
	}
	pthread_attr_destroy(&attr);
}

__attribute__((noinline)) size_t stack_take(struct stack_bounds *bounds, void *stack[STACK_DEPTH])
{
	uintptr_t frame = (uintptr_t)__builtin_frame_address(0), next;
	size_t depth = 0;

	if (!bounds->high || !pthread_equal(bounds->thread, pthread_self()))
		find_bounds(bounds);
	while (depth < STACK_DEPTH && frame >= bounds->low &&
	       frame + 2 * sizeof(void *) <= bounds->high && frame % sizeof(void *) == 0) {
		next = *(uintptr_t *)frame;
		stack[depth] = *(void **)(frame + sizeof(void *));
		if (!stack[depth])
			break;
		depth++;
		/* Stacks grow down: callers' frames lie above. */
		if (next <= frame)
			break;
		frame = next;
	}
	return depth;
}
