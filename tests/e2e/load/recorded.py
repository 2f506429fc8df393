#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What a recording has of streams, one JSON object:

	recorded.py FILE [PID]
	{"open": 5, "free": 5, ..., "live": 0, "half": 0, "libraries": ["quic-go"], "lost": 0, ...}

live: streams that were opened and not freed; half: those of them of which one side was closed;
stacks: opens that have one; unknown: records of streams whose open was not told.
"""
import json
import struct
import sys

STREAM, STREAM_CONN, LIBRARY, LOST = 18, 19, 20, 9
WHAT = ["", "open", "read_closed", "write_closed", "release", "free", "blocked", "credit"]
CONN = ["", "conn_open", "conn_close", "conn_count", "drain_begin", "drain_done", "drain_refused"]


def main():
    data = open(sys.argv[1], "rb").read()
    only = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    at = struct.unpack_from("=I", data, 16)[0]
    out = dict.fromkeys(WHAT[1:] + CONN[1:] + ["stacks", "unknown"], 0)
    libraries, numbers, streams, lost, conns = [], set(), {}, 0, []
    while at + 16 <= len(data):
        kind, size = struct.unpack_from("=HH", data, at)
        if kind == LOST:
            lost = sum(struct.unpack_from("=8Q", data, at + 16))
        elif kind == LIBRARY:
            number, name = struct.unpack_from("=I28s", data, at + 16)
            libraries.append(name.rstrip(b"\0").decode())
            numbers.add(number)
        elif kind == STREAM:
            pid, _, _, conn, sid, stack, what, _, library = struct.unpack_from(
                "=IIQQQiHBB", data, at + 16)
            if not only or pid == only:
                if library and library not in numbers:
                    sys.exit(f"library {library} was not told of")
                key = (pid, conn, sid)
                out[WHAT[what]] += 1
                if what == 1:
                    out["stacks"] += stack >= 0
                    streams[key] = 0
                elif what == 5:
                    out["unknown"] += streams.pop(key, None) is None
                elif what in (2, 3):
                    if key in streams:
                        streams[key] |= what
                    else:
                        out["unknown"] += 1
        elif kind == STREAM_CONN:
            pid, _, _, conn, value, fd, what, role, proto, library = struct.unpack_from(
                "=IIQQQiBBBB", data, at + 16)
            if not only or pid == only:
                out[CONN[what]] += 1
                if what == 1:
                    conns.append({"conn": conn, "cookie": value, "fd": fd, "role": role,
                                  "proto": proto})
        at += size
    out["live"] = len(streams)
    out["half"] = sum(1 for sides in streams.values() if sides in (2, 3))
    print(json.dumps({**out, "libraries": libraries, "lost": lost, "conns": conns}))


main()
