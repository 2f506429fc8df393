// SPDX-License-Identifier: BSD-2-Clause
/*
 * A frame as people read it, and whether it is the application's own. The tables below are about
 * names that everybody knows; what they do not know is the application's.
 */
#include <stdio.h>
#include <string.h>

#include "symbol/symbol.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

int symbol_frame_text(const struct symbol_frame *f, char *buf, size_t len)
{
	const char *module = base_name(f->module);
	const unsigned long long offset = f->offset;

	if (f->function[0] && f->file[0] && f->line)
		return snprintf(buf, len, "%s (%s:%u)", f->function, base_name(f->file), f->line);
	if (f->function[0] && f->file[0])
		return snprintf(buf, len, "%s (%s)", f->function, base_name(f->file));
	if (f->function[0] && module[0] && offset)
		return snprintf(buf, len, "%s+0x%llx (%s)", f->function, offset, module);
	if (f->function[0] && module[0])
		return snprintf(buf, len, "%s (%s)", f->function, module);
	if (f->function[0])
		return snprintf(buf, len, "%s", f->function);
	if (module[0] && f->build_id[0])
		return snprintf(buf, len, "%s+0x%llx [build-id %.16s%s]", module, offset,
				f->build_id, f->build_id[16] ? "..." : "");
	if (module[0])
		return snprintf(buf, len, "%s+0x%llx", module, offset);
	return snprintf(buf, len, "0x%llx", offset);
}

/* ---- the application's own? */

static bool starts_with_any(const char *s, const char *const *prefixes, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strncmp(s, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

static bool has_any(const char *s, const char *const *parts, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strstr(s, parts[i]))
			return true;
	return false;
}

/* Where installed dependencies, and the sources of languages, lie. */
static bool is_dependency_file(const char *file)
{
	static const char *const parts[] = {
		"/node_modules/", "/site-packages/",   "/dist-packages/",    "/pkg/mod/",
		"/vendor/",	  "/.cargo/registry/", "/.cargo/git/",	     "/rustlib/src/",
		"/usr/include/",  "/library/std/src/", "/library/core/src/", "/library/alloc/src/",
		"/lib/python3",
	};
	static const char *const starts[] = {
		"/rustc/", "library/std/src/", "library/core/src/", "library/alloc/src/",
		"node:",   "internal/",	       "<frozen ",
	};

	return has_any(file, parts, COUNT(parts)) || starts_with_any(file, starts, COUNT(starts));
}

/* Libraries of the system, wherever they were installed. */
static bool is_known_library(const char *name)
{
	static const char *const names[] = {
		"libc.so",	  "libc-",	"libc.musl",  "ld-linux",   "ld-musl",
		"libpthread",	  "libm.so",	"libdl.so",   "librt.so",   "libresolv",
		"libnss_",	  "libcurl",	"libpq.",     "libssl",	    "libcrypto",
		"libgnutls",	  "libstdc++",	"libgcc_s",   "libc++",	    "libuv.",
		"libev.",	  "libevent",	"libpython",  "libruby",    "libperl",
		"libphp",	  "libjvm",	"libnet.so",  "libnio",	    "libjava.so",
		"libjli",	  "libnghttp",	"libssh",     "libldap",    "libz.so",
		"libmysqlclient", "libmariadb", "libhiredis", "libnode.so", "libtsan",
		"libasan",
	};

	return starts_with_any(name, names, COUNT(names));
}

static bool is_system_path(const char *path)
{
	static const char *const dirs[] = { "/lib/",	    "/lib32/",	   "/lib64/",	 "/usr/lib",
					    "/usr/libx32/", "/nix/store/", "/gnu/store/" };

	return starts_with_any(path, dirs, COUNT(dirs));
}

/* Programs that run other people's programs. */
static bool is_interpreter(const char *name)
{
	static const char *const names[] = { "node", "nodejs", "python", "java",
					     "ruby", "perl",   "php",	 "deno",
					     "bun",  "lua",    "dotnet", "beam.smp" };
	static const char version[] = "0123456789.-";
	size_t i, n;

	for (i = 0; i < COUNT(names); i++) {
		n = strlen(names[i]);
		if (strncmp(name, names[i], n) != 0)
			continue;
		n += strspn(name + n, version);
		if (strncmp(name + n, "fpm", 3) == 0)
			n += 3;
		n += strspn(name + n, version);
		if (!name[n])
			return true;
	}
	return false;
}

/* Runtimes that are linked into the program itself. */
static bool is_runtime_function(const char *name)
{
	static const char *const exact[] = { "_start",	  "start_thread",      "clone",
					     "clone3",	  "rust_begin_unwind", "rust_panic",
					     "lang_start" };
	static const char *const starts[] = {
		"__libc_", "std::",    "core::",    "alloc::",	     "__gnu_cxx::",    "<std::",
		"<core::", "<alloc::", "__rust_",   "tokio::",	     "<tokio::",       "mio::",
		"<mio::",  "hyper::",  "<hyper::",  "boost::asio::", "v8::",	       "node::",
		"uv__",	   "uv_",      "Builtins_", "__asan_",	     "__interceptor_", "__tsan_",
	};
	size_t i;

	for (i = 0; i < COUNT(exact); i++)
		if (strcmp(name, exact[i]) == 0)
			return true;
	return starts_with_any(name, starts, COUNT(starts));
}

/* Java's own, and names that its VM gives to code without a method. */
static bool is_jvm_function(const char *name)
{
	static const char *const starts[] = { "java.",	      "javax.",	   "jdk.",
					      "sun.",	      "com.sun.",  "Interpreter",
					      "StubRoutines", "call_stub", "kotlin.",
					      "scala.",	      "kotlinx." };

	return starts_with_any(name, starts, COUNT(starts));
}

/*
 * Go's standard library: an import path whose first part has no dot, but for main. Its programs'
 * own packages may lack the dot as well, so where the file is known it decides.
 */
static bool is_go_runtime(const struct symbol_frame *f)
{
	static const char *const roots[] = { "/usr/lib/go", "/usr/share/go", "/usr/local/go/",
					     "/opt/hostedtoolcache/go/" };
	static const char *const std[] = {
		"runtime.",	 "runtime/", "net.",	     "net/",	  "syscall.", "internal/",
		"crypto/",	 "os.",	     "os/",	     "io.",	  "io/",      "bufio.",
		"bytes.",	 "context.", "database/sql", "encoding/", "errors.",  "fmt.",
		"reflect.",	 "sync.",    "sync/",	     "time.",	  "testing.", "vendor/",
		"golang.org/x/", "type:.",   "go:",	     "strings.",  "sort.",    "log.",
		"compress/",
	};

	/* A wrapper: whose it is stands above it. */
	if (strcmp(f->file, "<autogenerated>") == 0)
		return true;
	if (starts_with_any(f->file, roots, COUNT(roots)) || strstr(f->file, "/src/runtime/"))
		return true;
	return starts_with_any(f->function, std, COUNT(std));
}

bool symbol_frame_is_application(const struct symbol_frame *f)
{
	const char *module = base_name(f->module);

	if (is_dependency_file(f->file))
		return false;
	switch (f->kind) {
	case SYMBOL_KIND_JIT:
		return f->function[0] && !is_jvm_function(f->function);
	case SYMBOL_KIND_PROGRAM:
		if (f->go)
			return f->function[0] && !is_go_runtime(f);
		/* A libc can be run as a program, too. */
		return !is_interpreter(module) && !is_known_library(module) &&
		       !is_runtime_function(f->function);
	case SYMBOL_KIND_LIBRARY:
		return !is_known_library(module) && !is_system_path(f->module) &&
		       !is_dependency_file(f->module) && !is_runtime_function(f->function);
	default:
		return false;
	}
}
