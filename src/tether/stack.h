/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who called: return addresses by frame pointers, innermost first. Cheap enough for each acquire.
 * Code without frame pointers ends the walk, or has frames missing; it is never followed out of the
 * thread's own stack.
 */
#pragma once

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#define STACK_DEPTH 12

/* The bounds of one thread's stack, looked up once. */
struct stack_bounds {
	pthread_t thread;
	uintptr_t low, high;
};

size_t stack_take(struct stack_bounds *bounds, void *stack[STACK_DEPTH]);
