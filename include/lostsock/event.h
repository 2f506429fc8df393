/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The wire: one record format for the ring buffer, the iterators and the recordings.
 *
 * bpf/ writes these records, src/source/ carries them, src/ledger/ reads them, and nobody else
 * looks at them. A recording is a header and these same bytes (docs/RECORDING.md), so a layout,
 * once released, never changes: append to an enum, add a type, or grow a record at its end (readers
 * take `len` from the record, never sizeof). Everything is fixed width, in the byte order of the
 * machine that wrote it, 8-byte aligned.
 *
 * Times are CLOCK_MONOTONIC nanoseconds. Ages are milliseconds, as fine as the kernel's jiffies.
 * Ports are in host order; addresses are in network order, v4 in the first four bytes.
 */
#ifndef LOSTSOCK_EVENT_H
#define LOSTSOCK_EVENT_H

#ifndef __bpf__
#include <linux/types.h>
#endif

#define LS_COMM_LEN    16
#define LS_PATH_LEN    108 /* sun_path in sockaddr_un */
#define LS_STACK_DEPTH 32
#define LS_AGE_NEVER   0xffffffffu /* an age of something that has not happened */

enum ls_type {
	LS_INVALID = 0,
	LS_OPEN = 1,	/* struct ls_open: connect(), accept(), socket(SOCK_DGRAM) */
	LS_END = 2,	/* struct ls_end: the socket died */
	LS_ABORT = 3,	/* struct ls_abort: closed by us with unread bytes, a reset went out */
	LS_DEAD = 4,	/* struct ls_dead: reset or timed out while a descriptor still holds it */
	LS_PROC = 5,	/* struct ls_proc: fork, exec, exit of a process or thread */
	LS_SOCK = 6,	/* struct ls_sock: a snapshot's row, one (descriptor, socket) pair */
	LS_TASK = 7,	/* struct ls_task: a snapshot's row, one process or blocked thread */
	LS_SNAP = 8,	/* struct ls_snap: a snapshot begins or ends */
	LS_LOST = 9,	/* struct ls_lost: what could not be delivered so far */
	LS_CGROUP = 10, /* struct ls_cgroup: the cgroup path of a process */
	LS_STACK = 11,	/* struct ls_stack: the frames behind a stack number */
	LS_COPY = 12,  /* struct ls_copy: a user stack, yet to be unwound; src/source makes LS_STACK
			  of it */
	LS_FRAME = 13, /* struct ls_frame: the name of a stack's frame */
	LS_WAITER = 14, /* struct ls_waiter: the stack of a thread that a snapshot showed blocked */
	LS_WAIT = 15,	/* struct ls_wait: how long a thread has been blocked at one place so far */
	LS_EMPTY = 16,	/* struct ls_empty: the last reader of a connection that went away empty */
	LS_HELD = 17,	/* struct ls_sock: a process ends, and nobody else holds this socket */
	LS_STREAM = 18, /* struct ls_stream: what a program told of one of its streams */
	LS_STREAM_CONN = 19, /* struct ls_stream_conn: ... of the connection that carries them */
	LS_LIBRARY = 20, /* struct ls_library: who tells, before the first record that names it */
	LS_PARKED = 21,	 /* struct ls_parked: who waits for a connection, in no system call */
	LS_TYPE_MAX
};

/* Every record starts with this. */
struct ls_hdr {
	__u16 type;    /* enum ls_type */
	__u16 len;     /* of the whole record, header included, a multiple of 8 */
	__u32 zero;    /* reserved */
	__u64 time_ns; /* when it happened; for a snapshot's row, when its snapshot began */
};

/* The process a record speaks of. A pid alone may be reused; with its start time it is not. */
struct ls_who {
	__u32 pid;	/* thread group id, in the initial pid namespace */
	__u32 tid;	/* 0 where no thread is meant */
	__u64 start_ns; /* start time of the thread group's leader */
};

enum ls_role {
	LS_ROLE_UNKNOWN = 0,
	LS_ROLE_CLIENT = 1, /* it called connect() */
	LS_ROLE_SERVER = 2, /* it came from a listener's accept queue */
	LS_ROLE_LISTEN = 3,
	LS_ROLE_PEER = 4, /* neither: unconnected datagrams, socketpair() */
};

struct ls_tuple {
	__u8 family; /* AF_INET, AF_INET6, AF_UNIX */
	__u8 proto;  /* IPPROTO_TCP, IPPROTO_UDP; 0 for AF_UNIX */
	__u8 role;   /* enum ls_role */
	__u8 state;  /* TCP_ESTABLISHED ..., as in the kernel's enum, also for UDP and UNIX */
	__u16 lport;
	__u16 rport;
	__u32 netns; /* inode number of its network namespace */
	__u8 laddr[16];
	__u8 raddr[16];
};

struct ls_open {
	struct ls_hdr hdr;
	struct ls_who who; /* the opener; all 0: whoever has the listener */
	__u64 cookie;
	__s32 stack; /* its user stack's number (struct ls_stack), negative where none was taken */
	__s32 fd;    /* the new descriptor; -1: not known, as in all that bpf/ writes */
	struct ls_tuple tuple;
	__u32 zero;
};

struct ls_end {
	struct ls_hdr hdr;
	__u64 cookie;
};

struct ls_abort {
	struct ls_hdr hdr;
	struct ls_who who; /* who closed it */
	__u64 cookie;
	__u32 unread; /* bytes thrown away */
	__u32 zero;
};

struct ls_dead {
	struct ls_hdr hdr;
	__u64 cookie;
	__u32 err; /* errno the kernel keeps for it: ECONNRESET, ETIMEDOUT ...; 0 after both FINs */
	__u32 zero;
};

enum ls_proc_what {
	LS_PROC_NONE = 0,
	LS_PROC_THREAD = 1, /* a thread began: who.tid */
	LS_PROC_FORK = 2,   /* a process began */
	LS_PROC_EXEC = 3,
	LS_PROC_EXIT = 4,	 /* its last thread ends; its descriptors are still open */
	LS_PROC_THREAD_EXIT = 5, /* a thread ends, others go on */
	LS_PROC_ASKED = 6, /* a signal reaches it that asks it to end; exit_code has its number */
};

struct ls_proc {
	struct ls_hdr hdr;
	struct ls_who who;
	__u32 what; /* enum ls_proc_what */
	__u32 ppid;
	__u32 exit_code;     /* as wait() gives it: signal in the low 7 bits, 0x80 core dumped */
	__u32 netns;	     /* inode number */
	__u64 cgroup;	     /* cgroup2 id */
	__u64 task_start_ns; /* start time of this very thread */
	__u32 held; /* EXIT by a signal: TCP connections that end with it, as nobody else holds them
		     */
	__u32 zero;
	char comm[LS_COMM_LEN]; /* the process's: its first thread's */
};

enum ls_sock_flag {
	LS_SOCK_KEEPALIVE = 1 << 0,    /* SO_KEEPALIVE */
	LS_SOCK_RCVTIMEO = 1 << 1,     /* SO_RCVTIMEO is finite */
	LS_SOCK_SNDTIMEO = 1 << 2,     /* SO_SNDTIMEO is finite */
	LS_SOCK_USER_TIMEOUT = 1 << 3, /* TCP_USER_TIMEOUT */
	LS_SOCK_RCV_SHUT = 1 << 4,     /* nothing more will be received */
	LS_SOCK_SND_SHUT = 1 << 5,     /* nothing more will be sent */
	LS_SOCK_NONBLOCK = 1 << 6,     /* O_NONBLOCK on this descriptor's file */
	LS_SOCK_CONNECTED = 1 << 7,    /* has, or had, a peer */
	LS_SOCK_ZERO_WINDOW = 1 << 8,  /* the peer advertises no room */
	LS_SOCK_ORPHAN = 1 << 9,       /* closed by all who had it, but not dead yet */
};

/* A snapshot's row. A socket held through n descriptors makes n rows; one that no descriptor table
 * holds (io_uring's direct descriptors, descriptors in flight) and an orphan make one, with pid 0
 * and fd -1. */
struct ls_sock {
	struct ls_hdr hdr;
	struct ls_who who; /* the holder */
	__u64 cookie;
	__s32 fd;
	__u32 flags;  /* enum ls_sock_flag */
	__u32 unread; /* bytes; datagrams wait: their memory; LISTEN: length of the accept queue */
	__u32 unsent; /* bytes not yet acknowledged; LISTEN: the queue's limit */
	__u64 bytes_sent;     /* payload without retransmissions; 0 where the kernel keeps none */
	__u64 bytes_received; /* likewise; LISTEN: names the first in the accept queue */
	__u32 send_age_ms;    /* since payload was last sent, LS_AGE_NEVER if never */
	__u32 recv_age_ms;    /* since payload last came */
	__u32 ack_age_ms;     /* since any acknowledgement last came, the peer's FIN included */
	__u32 err;	      /* pending errno (sk_err) */
	__u64 peer;	      /* AF_UNIX: the peer's cookie, 0 if unknown or gone */
	struct ls_tuple tuple;
	__u32 zero;
	/* AF_UNIX with a name: LS_PATH_LEN + 4 more bytes, its path, or its peer's (struct ls_unix)
	 */
};

struct ls_unix {
	struct ls_sock sock;
	char path[LS_PATH_LEN + 4]; /* NUL-terminated; an abstract name starts with '@' */
};

enum ls_task_flag {
	LS_TASK_PROCESS = 1 << 0, /* the row of a whole process */
	LS_TASK_BLOCKED = 1 << 1, /* the thread sleeps in the system call `nr` */
	LS_TASK_FOREVER = 1 << 2, /* ... whose own arguments set no time limit */
	LS_TASK_KTHREAD = 1 << 3,
};

/* What a blocked thread sits in, whatever the architecture's number for it. */
enum ls_call {
	LS_CALL_NONE = 0,
	LS_CALL_READ = 1,  /* read, readv, recv*, recvmmsg */
	LS_CALL_WRITE = 2, /* write, writev, send*, sendfile */
	LS_CALL_POLL = 3,  /* poll, ppoll: `fd` is the only socket in its set */
	LS_CALL_CONNECT = 4,
	LS_CALL_ACCEPT = 5,
};

struct ls_task {
	struct ls_hdr hdr;
	struct ls_who who;
	__u64 cookie;	/* the socket it waits for, 0 if none or unknown */
	__u64 switches; /* context switches so far: unchanged means it has not run */
	__u64 cgroup;	/* cgroup2 id */
	__u32 flags;	/* enum ls_task_flag */
	__u32 threads;	/* of the process */
	__s32 fd;	/* of the system call, -1 if none */
	__s32 nr;	/* raw system call number, -1 if none */
	__u32 call;	/* enum ls_call */
	__u32 ppid;
	__u32 netns;
	__u32 zero;
	char comm[LS_COMM_LEN]; /* the thread's */
};

enum ls_snap_what {
	LS_SNAP_NONE = 0,
	LS_SNAP_BEGIN = 1,
	LS_SNAP_END = 2,
};

enum ls_pass {
	LS_PASS_TASKS = 1 << 0, /* every process, and its threads blocked on sockets */
	LS_PASS_FILES = 1 << 1, /* every socket that a descriptor table holds */
	LS_PASS_SOCKS =
		1 << 2, /* every socket of the kernel's own tables: what no table holds shows */
	LS_PASS_GIVEN = 1 << 3, /* on BEGIN: of the processes, only given ones; of the socket tables
				   all, though: a row without a process may be anybody's */
};

/* Of which sockets the end is told by a record of its own; the others are gone when a snapshot no
 * longer shows them. */
enum ls_ends {
	LS_ENDS_TCP = 1 << 0,
	LS_ENDS_UDP = 1 << 1,
};

struct ls_snap {
	struct ls_hdr hdr;
	__u16 what;    /* enum ls_snap_what */
	__u16 ends;    /* enum ls_ends */
	__u32 passes;  /* enum ls_pass: on END, those that were whole */
	__u64 seq;     /* 1, 2, ... */
	__u64 took_ns; /* on END */
	__u64 rows;    /* on END */
};

/* Why something was lost; the counters only grow. */
enum ls_lost_why {
	LS_LOST_RING = 0,  /* a ring-buffer reservation failed: the next snapshot heals it */
	LS_LOST_MAP = 1,   /* a map was full */
	LS_LOST_STACK = 2, /* a user stack could not be kept */
	LS_LOST_ROW = 3,   /* a snapshot's row could not be written */
	LS_LOST_LEDGER =
		4, /* the ledger was at its limit, or out of memory (counted by user space) */
	LS_LOST_MISSED = 5, /* ends that interrupted the telling of another: healed likewise */
	LS_LOST_MAX = 8,
};

struct ls_lost {
	struct ls_hdr hdr;
	__u64 count[LS_LOST_MAX];
};

enum ls_stream_what {
	LS_STREAM_OPEN = 1,
	LS_STREAM_READ_CLOSED = 2,  /* nothing more will be read; @how */
	LS_STREAM_WRITE_CLOSED = 3, /* nothing more will be written; @how */
	LS_STREAM_RELEASE = 4, /* the program is done with it: what is left is the peer's to do */
	LS_STREAM_FREE = 5,    /* it is gone, its memory and its credit are given back */
	LS_STREAM_BLOCKED = 6, /* its window is full; with id LS_STREAM_NONE: none can be opened */
	LS_STREAM_CREDIT = 7,  /* @id streams can still be opened on the connection */
};

#define LS_STREAM_NONE (~0ull)

enum ls_stream_how {
	LS_STREAM_END = 1,	 /* all was read, or written and acknowledged */
	LS_STREAM_RESET = 2,	 /* by the peer */
	LS_STREAM_CANCELLED = 3, /* by us */
	LS_STREAM_LOST = 4,	 /* with its connection */
};

/* @how of LS_STREAM_OPEN: the sum of these. */
enum ls_stream_kind {
	LS_STREAM_PEERS = 1, /* the peer opened it */
	LS_STREAM_UNI = 2,   /* one direction only */
};

/* ... or one of these: its number says so, as QUIC's do, to who knows which end we are. */
enum ls_stream_by_id {
	LS_STREAM_ANYONES = 4, /* who opened it is not known */
	LS_STREAM_AS_SERVER = 5,
	LS_STREAM_AS_CLIENT = 6,
};

/* A stream is known by its process, @conn and @id; nothing here is believed to be well-formed. */
struct ls_stream {
	struct ls_hdr hdr;
	struct ls_who who; /* tid: the thread that did it */
	__u64 conn;	   /* the program's own number of the connection; 0: it tells of none */
	__u64 id;	   /* the stream's number in its connection, or its address */
	__s32 stack;	   /* of the opener; negative: none was taken */
	__u16 what;	   /* enum ls_stream_what */
	__u8 how;
	__u8 library; /* 0: the provider `tether` itself; else as in struct ls_library */
};

enum ls_stream_conn_what {
	LS_STREAM_CONN_OPEN = 1,   /* @value: the cookie of its socket, 0: not known */
	LS_STREAM_CONN_CLOSE = 2,  /* all its streams are gone with it */
	LS_STREAM_CONN_COUNT = 3,  /* @value: how many are open, says the program's own counter */
	LS_STREAM_DRAIN_BEGIN = 4, /* no more are taken in; @value: how many are still open */
	LS_STREAM_DRAIN_DONE = 5,  /* the last has ended; a second time is a bug of the program's */
	LS_STREAM_DRAIN_REFUSED = 6, /* one that came after that was turned away */
};

struct ls_stream_conn {
	struct ls_hdr hdr;
	struct ls_who who;
	__u64 conn; /* as in struct ls_stream; of COUNT and DRAIN_*: what is counted (a loop, a
		       server) */
	__u64 value;
	__s32 fd;   /* OPEN: the socket's; -1: not known */
	__u8 what;  /* enum ls_stream_conn_what */
	__u8 role;  /* OPEN: enum ls_role */
	__u8 proto; /* OPEN: 1 HTTP/1, 2 HTTP/2, 3 QUIC, 0 another */
	__u8 library;
};

/* A row of the table of libraries that are looked into. */
struct ls_library {
	struct ls_hdr hdr;
	__u32 library; /* 1..255 */
	char name[28]; /* "quic-go"; NUL-terminated */
};

struct ls_cgroup {
	struct ls_hdr hdr;
	struct ls_who who;
	char path[256]; /* NUL-terminated, from /proc/PID/cgroup */
};

struct ls_stack {
	struct ls_hdr hdr;
	struct ls_who who;
	__s32 stack;
	__u32 depth; /* frames that follow, innermost first */
	__u64 ip[LS_STACK_DEPTH];
};

/* Registers as DWARF numbers them: x86-64 rax rdx rcx rbx rsi rdi rbp rsp r8-r15 rip; arm64 x0-x30
 * sp pc. */
#define LS_REGS 33

/* A stack of a program that may have no frame pointers. In the ring only: `stack` is the number by
 * which records that follow name it, until the source has unwound it and given it its own. */
struct ls_copy {
	struct ls_hdr hdr;
	struct ls_who who;
	__s32 stack;
	__u32 bytes; /* that follow, from the stack pointer up; 0: registers only */
	__u64 regs[LS_REGS];
};

enum ls_frame_flag {
	LS_FRAME_APPLICATION = 1 << 0, /* the program's own code, not a library's or a runtime's */
	LS_FRAME_INLINED = 1 << 1,     /* in the frame that follows */
	LS_FRAME_JIT = 1 << 2,
};

/* One for each function at an address, inlined ones first, after their LS_STACK. */
struct ls_frame {
	struct ls_hdr hdr;
	__s32 stack;
	__u16 index; /* 0: innermost; counts functions, so that there may be more than addresses */
	__u16 flags; /* enum ls_frame_flag */
	__u32 line;  /* 0: unknown */
	__u32 zero;
	__u64 offset; /* in the function; without one, in the module's file */
	/* Function, file, module, build id: four strings, each with its NUL, "" where unknown. */
	char text[];
};

struct ls_waiter {
	struct ls_hdr hdr;
	struct ls_who who;
	__s32 stack;
	__u32 zero;
};

#define LS_WAIT_BUCKETS 24 /* 2^i .. 2^(i+1) us, the last open-ended: 8 s and more */

/* Counters only grow; they are of one thread and one place. */
struct ls_wait {
	struct ls_hdr hdr;
	struct ls_who who;
	__s32 stack;
	__u32 call; /* enum ls_call; NONE: not on a socket */
	__s32 nr;   /* raw system call number, -1: none (a page fault, preemption by a lock) */
	__u32 zero;
	__u64 count;
	__u64 total_ns;
	__u64 max_ns;
	__u64 since_ns; /* blocked there now, since then; 0: it runs */
	__u32 bucket[LS_WAIT_BUCKETS];
};

struct ls_empty {
	struct ls_hdr hdr;
	struct ls_who who;
	__u64 cookie;
	__s32 stack;
	__u32 zero;
};

/* A goroutine: its runtime waits for all of them in one place. */
struct ls_parked {
	struct ls_hdr hdr;
	struct ls_who who; /* tid: 0 */
	__u64 cookie;
	__s32 stack; /* negative: nobody waits any more */
	__u32 call;  /* enum ls_call, as if it were a thread's */
};

_Static_assert(sizeof(struct ls_hdr) == 16, "wire");
_Static_assert(sizeof(struct ls_who) == 16, "wire");
_Static_assert(sizeof(struct ls_tuple) == 44, "wire");
_Static_assert(sizeof(struct ls_open) == 96, "wire");
_Static_assert(sizeof(struct ls_end) == 24, "wire");
_Static_assert(sizeof(struct ls_abort) == 48, "wire");
_Static_assert(sizeof(struct ls_dead) == 32, "wire");
_Static_assert(sizeof(struct ls_proc) == 88, "wire");
_Static_assert(sizeof(struct ls_sock) == 144, "wire");
_Static_assert(sizeof(struct ls_unix) == 256, "wire");
_Static_assert(sizeof(struct ls_task) == 104, "wire");
_Static_assert(sizeof(struct ls_snap) == 48, "wire");
_Static_assert(sizeof(struct ls_lost) == 80, "wire");
_Static_assert(sizeof(struct ls_cgroup) == 288, "wire");
_Static_assert(sizeof(struct ls_stack) == 296, "wire");
_Static_assert(sizeof(struct ls_copy) == 304, "wire");
_Static_assert(sizeof(struct ls_frame) == 40, "wire");
_Static_assert(sizeof(struct ls_waiter) == 40, "wire");
_Static_assert(sizeof(struct ls_wait) == 176, "wire");
_Static_assert(sizeof(struct ls_empty) == 48, "wire");
_Static_assert(sizeof(struct ls_parked) == 48, "wire");

#endif
