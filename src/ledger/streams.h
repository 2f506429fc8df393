/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Streams, as their programs tell of them (docs/STREAMS.md): the part of the ledger that no socket
 * shows. Included by ledger.h.
 *
 * A *carrier* is a connection that carries streams, by the number that its program gives it; where
 * the program tells its socket's cookie, it is joined to a struct conn. Nothing that a program
 * tells is believed to be well-formed: what contradicts itself is counted as nonsense, what speaks
 * of streams that were there before we looked as unseen, and neither changes what is known.
 */
#pragma once

enum stream_flag {
	STREAM_DOUBTED = 1 << 0, /* what was told of it does not fit together: never judged */
	STREAM_ANYONES = 1 << 1, /* who opened it is not known */
};

struct stream {
	uint64_t id;
	uint64_t open_ns;
	uint64_t read_ns;  /* when its reading side closed; 0: it is open, or there is none */
	uint64_t write_ns; /* likewise */
	uint64_t release_ns;
	uint64_t blocked_ns; /* when its window was last told to be full */
	uint32_t carrier;
	uint32_t site; /* struct stream_site, 0: there was no room for one */
	uint32_t tid;  /* the thread that opened it */
	uint32_t next; /* the next younger one of its carrier */
	uint32_t prev;
	uint8_t kind;	   /* enum ls_stream_kind */
	uint8_t read_how;  /* enum ls_stream_how */
	uint8_t write_how; /* likewise */
	uint8_t flags;	   /* enum stream_flag */
};

_Static_assert(sizeof(struct stream) <= 72, "there may be millions");

#define STREAM_CREDIT_UNKNOWN (~0ull)

enum carrier_flag {
	CARRIER_OPENED = 1 << 0, /* it was told to open: what we do not know of it, there is not */
	CARRIER_CLOSED = 1 << 1, /* and to close; it is forgotten at the next snapshot */
	CARRIER_JOINED = 1 << 2, /* its socket was in the ledger */
	CARRIER_GONE = 1 << 3,	 /* ... and has ended */
};

struct carrier {
	uint64_t conn; /* the program's own number, 0: it tells of none */
	uint64_t cookie;
	uint64_t open_ns;    /* when it was first told of */
	uint64_t gone_ns;    /* CARRIER_GONE: when that was seen */
	uint64_t starved_ns; /* since when it has been told that none can be opened; 0: one can */
	uint64_t starved_last_ns; /* ... and when that was told last */
	uint64_t credit;	  /* streams that can still be opened */
	uint64_t opened;
	uint64_t freed;
	uint64_t nonsense;
	uint64_t unseen;
	uint32_t proc;
	uint32_t live;
	uint32_t half_open;
	uint32_t own;	/* of the live ones, those that we opened */
	uint32_t first; /* the oldest stream, 0 if none */
	uint32_t last;
	uint32_t next; /* of the same process */
	uint32_t prev;
	int32_t fd;
	uint8_t role; /* enum ls_role */
	uint8_t proto;
	uint8_t library;
	uint8_t flags; /* enum carrier_flag */
	void *by_id;   /* the ledger's own */
};

/* Where a process opens streams of one kind: its stack, if one was taken. */
struct stream_site {
	uint32_t proc;
	int32_t stack; /* negative: none */
	uint8_t kind;  /* enum ls_stream_kind */
	uint8_t library;
	uint16_t zero;
	uint32_t live;
	uint32_t half_open;
	uint64_t opened;
	uint64_t freed;
	uint64_t first_ns;
	uint64_t last_ns; /* when one was last opened or freed */
	/* As struct site's close_ns: when a stream of that age was last freed; those that only went
	 * with their connection do not count. And when one that had been answered (below), or
	 * released, for that long was last settled. */
	uint64_t free_ns[AGE_BUCKETS];
	uint64_t settle_ns[AGE_BUCKETS];
};

/* How a program's own counter of its connections compares with those that it told of. */
enum count_state {
	COUNT_UNKNOWN = 0, /* it tells no counter, or what was there before we looked is unclear */
	COUNT_SAME = 1,
	COUNT_GONE = 2, /* the same, but the kernel has fewer */
	COUNT_DIFFERS = 3,
};

struct count {
	enum count_state state;
	bool sure; /* the counter moved by one at a time, and was right before */
	uint64_t says;
	uint64_t told;	     /* open, by what it told of each */
	uint64_t gone;	     /* ... of which the kernel has no socket any more */
	int64_t before;	     /* what it says beyond these, for they were open before we looked */
	uint64_t since_ns;   /* in this state */
	uint64_t changed_ns; /* when a number last changed */
};

struct drain {
	uint64_t begun;
	uint64_t done;
	uint64_t refused;
	uint64_t begun_ns; /* the last */
	uint64_t done_ns;  /* likewise */
	uint64_t empty_ns; /* since when none of the connections that were told of is open; 0: some
			    */
	uint32_t waits;	   /* began, and were not told to be done as often */
	uint64_t twice_ns; /* when it was first told to be done more often than it was begun */
	uint64_t twice_of; /* the program's number of what was */
	uint32_t twice;	   /* how often */
	bool twice_sure;   /* and we saw it begin */
};

/* What the streams of one process come to. */
struct proc_streams {
	uint32_t proc;
	uint32_t carrier;  /* the first of its carriers, 0 if none; go on with carrier.next */
	uint32_t carriers; /* that are open */
	uint32_t live;
	uint32_t half_open;
	uint64_t opened;
	uint64_t freed;
	uint64_t nonsense; /* records that contradict what was told before */
	uint64_t unseen;   /* records of streams that opened before we looked */
	struct count count;
	struct drain drain;
};

/* One past the largest id; ids whose entry is free give NULL below. */
uint32_t ledger_stream_end(const struct ledger *led);
uint32_t ledger_carrier_end(const struct ledger *led);
uint32_t ledger_stream_site_end(const struct ledger *led);

const struct stream *ledger_stream(const struct ledger *led, uint32_t id);
const struct carrier *ledger_carrier(const struct ledger *led, uint32_t id);
const struct stream_site *ledger_stream_site(const struct ledger *led, uint32_t id);
/* NULL for a process that has told of none. */
const struct proc_streams *ledger_proc_streams(const struct ledger *led, uint32_t proc);

/* The struct conn that carries it, 0 if that is not known. */
uint32_t ledger_carrier_conn(const struct ledger *led, const struct carrier *c);
/* "tether", "quic-go"; "" where a recording does not name it. */
const char *ledger_library(const struct ledger *led, uint8_t library);
/* How many live, of all processes. */
uint32_t ledger_streams_live(const struct ledger *led);

static inline bool stream_half_open(const struct stream *s)
{
	return !(s->kind & LS_STREAM_UNI) && !s->read_ns != !s->write_ns;
}

/* Known to be. */
static inline bool stream_ours(const struct stream *s)
{
	return !(s->kind & LS_STREAM_PEERS) && !(s->flags & STREAM_ANYONES);
}

/* Since when it is so. */
static inline uint64_t stream_half_ns(const struct stream *s)
{
	return s->read_ns ? s->read_ns : s->write_ns;
}

/* The answer's side is closed, the question's is not. Whoever opens a stream asks: of the peer's,
 * our writing is the answer. Where that is not known, nobody knows which side is which. */
static inline bool stream_answered(const struct stream *s)
{
	return stream_half_open(s) && !(s->flags & STREAM_ANYONES) &&
	       (s->kind & LS_STREAM_PEERS ? s->write_ns : s->read_ns);
}

/* Neither side can be used any more. */
static inline bool stream_shut(const struct stream *s)
{
	if (s->kind & LS_STREAM_UNI)
		return s->read_ns || s->write_ns;
	return s->read_ns && s->write_ns;
}
