/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The system calls in which a thread can wait for a socket, by architecture: arch/x86/entry/
 * syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h. And how to read their arguments.
 */
#pragma once

#if defined(__TARGET_ARCH_x86)

enum {
	NR_read = 0,
	NR_write = 1,
	NR_poll = 7,
	NR_readv = 19,
	NR_writev = 20,
	NR_sendfile = 40,
	NR_connect = 42,
	NR_accept = 43,
	NR_sendto = 44,
	NR_recvfrom = 45,
	NR_sendmsg = 46,
	NR_recvmsg = 47,
	NR_ppoll = 271,
	NR_accept4 = 288,
	NR_recvmmsg = 299,
	NR_sendmmsg = 307,
};

#define REGS_NR(regs)	((int)BPF_CORE_READ(regs, orig_ax))
#define REGS_ARG1(regs) BPF_CORE_READ(regs, di)
#define REGS_ARG2(regs) BPF_CORE_READ(regs, si)
#define REGS_ARG3(regs) BPF_CORE_READ(regs, dx)
#define REGS_ARG5(regs) BPF_CORE_READ(regs, r8)
#define TS_COMPAT	2 /* arch/x86/include/asm/thread_info.h: a 32-bit call, numbered otherwise */
#define IS_COMPAT(task) (BPF_CORE_READ(task, thread_info.status) & TS_COMPAT)

#elif defined(__TARGET_ARCH_arm64)

enum {
	NR_poll = -2,
	NR_read = 63,
	NR_write = 64,
	NR_readv = 65,
	NR_writev = 66,
	NR_sendfile = 71,
	NR_ppoll = 73,
	NR_accept = 202,
	NR_connect = 203,
	NR_sendto = 206,
	NR_recvfrom = 207,
	NR_sendmsg = 211,
	NR_recvmsg = 212,
	NR_accept4 = 242,
	NR_recvmmsg = 243,
	NR_sendmmsg = 269,
};

#define REGS_NR(regs)	BPF_CORE_READ(regs, syscallno)
#define REGS_ARG1(regs) BPF_CORE_READ(regs, regs[0])
#define REGS_ARG2(regs) BPF_CORE_READ(regs, regs[1])
#define REGS_ARG3(regs) BPF_CORE_READ(regs, regs[2])
#define REGS_ARG5(regs) BPF_CORE_READ(regs, regs[4])
#define IS_COMPAT(task) 0

#else
#error "no table of system calls for this architecture"
#endif

static __always_inline __u32 call_of(int nr)
{
	switch (nr) {
	case NR_read:
	case NR_readv:
	case NR_recvfrom:
	case NR_recvmsg:
	case NR_recvmmsg:
		return LS_CALL_READ;
	case NR_write:
	case NR_writev:
	case NR_sendto:
	case NR_sendmsg:
	case NR_sendmmsg:
	case NR_sendfile:
		return LS_CALL_WRITE;
	case NR_poll:
	case NR_ppoll:
		return LS_CALL_POLL;
	case NR_connect:
		return LS_CALL_CONNECT;
	case NR_accept:
	case NR_accept4:
		return LS_CALL_ACCEPT;
	}
	return LS_CALL_NONE;
}
