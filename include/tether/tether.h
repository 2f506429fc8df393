/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tether: an HTTP client pool and server that does not leak. Start with server.h or pool.h; base.h
 * has the conventions. `pkg-config --cflags --libs tether`.
 */
#pragma once

#include <tether/base.h>
#include <tether/blocking.h>
#include <tether/loop.h>
#include <tether/pool.h>
#include <tether/scope.h>
#include <tether/server.h>
#include <tether/stream.h>
#include <tether/tls.h>
