// SPDX-License-Identifier: BSD-2-Clause
/*
 * Names as compilers write them and as people read them: mangled, from perf maps, hostile.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "symbol/internal.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void mangled_names_are_read(void **state)
{
	static const char *const rows[][2] = {
		{ "main", "main" },
		{ "_start", "_start" },
		{ "_ZN4pool6Client6borrowERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE",
		  "pool::Client::borrow" },
		{ "_ZN5mycrt4pool6borrow17h0123456789abcdefE", "mycrt::pool::borrow" },
		{ "_RNvNtCs1234_7mycrate4pool6borrow", "mycrate::pool::borrow" },
		{ "_Zbroken", "_Zbroken" },
		{ "evil\033[2Jname\n", "evil?[2Jname?" },
	};
	char buf[SYMBOL_FUNCTION_LEN], small[8];
	char *huge = malloc(100000);
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		demangle(buf, sizeof(buf), rows[i][0]);
		assert_string_equal(buf, rows[i][1]);
	}
	demangle(small, sizeof(small), rows[2][0]);
	assert_string_equal(small, "pool::C");
	/* Deep nesting takes neither the stack nor the day. */
	memset(huge, 'P', 100000);
	memcpy(huge, "_ZN1aI", 6);
	huge[99999] = '\0';
	demangle(buf, sizeof(buf), huge);
	huge[2000] = '\0';
	demangle(buf, sizeof(buf), huge);
	free(huge);
}

static void jit_names_are_taken_apart(void **state)
{
	static const struct {
		const char *name, *function, *file;
		uint32_t line;
		uint8_t kind;
	} rows[] = {
		{ "LazyCompile:*leakOne /srv/app.js:10:5", "leakOne", "/srv/app.js", 10,
		  SYMBOL_KIND_JIT },
		{ "JS:~leakOne file:///srv/app.js:10:5", "leakOne", "/srv/app.js", 10,
		  SYMBOL_KIND_JIT },
		{ "JS:^get it /srv/my app.js:7:1", "get it", "/srv/my app.js", 7, SYMBOL_KIND_JIT },
		{ "JS:* file:///srv/app.js:3:1", "(anonymous)", "/srv/app.js", 3, SYMBOL_KIND_JIT },
		{ "JS:*connect node:net:1100:17", "connect", "node:net", 1100,
		  SYMBOL_KIND_RUNTIME },
		{ "Builtin:ArrayPush", "Builtin:ArrayPush", "", 0, SYMBOL_KIND_RUNTIME },
		{ "py::leak_one:/srv/app.py", "leak_one", "/srv/app.py", 0, SYMBOL_KIND_JIT },
		{ "Lorg/app/Pool;::borrow", "org.app.Pool.borrow", "", 0, SYMBOL_KIND_JIT },
		{ "void org.app.Pool.borrow(int, java.lang.String)", "org.app.Pool.borrow", "", 0,
		  SYMBOL_KIND_JIT },
		{ "Interpreter", "Interpreter", "", 0, SYMBOL_KIND_JIT },
		{ "JS:", "(anonymous)", "", 0, SYMBOL_KIND_JIT },
		{ "L;::", ".", "", 0, SYMBOL_KIND_JIT },
		{ "(", "(", "", 0, SYMBOL_KIND_JIT },
		{ "", "", "", 0, SYMBOL_KIND_JIT },
	};
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		struct symbol_frame f = { 0 };

		perfmap_name(rows[i].name, &f);
		assert_string_equal(f.function, rows[i].function);
		assert_string_equal(f.file, rows[i].file);
		assert_int_equal(f.line, rows[i].line);
		assert_int_equal(f.kind, rows[i].kind);
	}
}

static void perf_maps_are_read_strictly(void **state)
{
	static const char text[] = "7f0010 20 first\n"
				   "0x7f0030 10 second\r\n"
				   "-7f0050 10 negative\n"
				   "7f0050 10\n"
				   "7f0050 -10 negative\n"
				   "7f0050 0 empty\n"
				   "ffffffffffffffff 10 around\n"
				   "11112222333344445 10 long\n"
				   "zz 10 none\n"
				   "\n"
				   "7f0010 20 again\n"
				   "7f0060 10 \033]0;title\007\n"
				   "7f0080 10 half";
	struct perfmap m = { 0 };
	struct symbol_frame f = { 0 };
	uint64_t start;
	int64_t used = perfmap_add(&m, text, sizeof(text) - 1);

	assert_int_equal(used, (int64_t)(sizeof(text) - 1 - strlen("7f0080 10 half")));
	assert_int_equal(m.n, 4);
	assert_int_equal(m.bad, 8);
	assert_string_equal(perfmap_find(&m, 0x7f0011, &start), "again"); /* the later one */
	assert_int_equal(start, 0x7f0010);
	assert_string_equal(perfmap_find(&m, 0x7f003f, &start), "second\r");
	assert_null(perfmap_find(&m, 0x7f0040, &start));
	assert_null(perfmap_find(&m, 0x7f0050, &start));
	assert_null(perfmap_find(&m, 0, &start));
	perfmap_name(perfmap_find(&m, 0x7f0060, &start), &f);
	assert_string_equal(f.function, "?]0;title?");
	/* What the compiler adds later. */
	assert_int_equal(perfmap_add(&m, "7f0080 10 whole\n", 16), 16);
	assert_string_equal(perfmap_find(&m, 0x7f0081, &start), "whole");
	assert_string_equal(perfmap_find(&m, 0x7f0011, &start), "again");
	perfmap_fini(&m);
}

static struct symbol_frame frame(uint8_t kind, const char *module, const char *function,
				 const char *file)
{
	struct symbol_frame f = { .kind = kind, .go = strncmp(module, "go:", 3) == 0 };

	strcpy(f.module, f.go ? module + 3 : module);
	strcpy(f.function, function);
	strcpy(f.file, file);
	f.line = *file ? 42 : 0;
	return f;
}

static void the_applications_own_are_told_apart(void **state)
{
	static const struct {
		bool own;
		uint8_t kind;
		const char *module, *function, *file;
	} rows[] = {
#define P SYMBOL_KIND_PROGRAM
#define L SYMBOL_KIND_LIBRARY
#define J SYMBOL_KIND_JIT
		{ true, P, "/srv/app", "leak_one", "/src/app.c" },
		{ true, P, "/srv/app", "main", "" },
		{ true, P, "/srv/app", "", "" },
		{ false, P, "/srv/app", "_start", "" },
		{ false, P, "/usr/bin/node", "node::TCPWrap::Connect", "" },
		{ false, P, "/usr/bin/python3.11", "_PyEval_EvalFrameDefault", "" },
		{ false, P, "/usr/sbin/php-fpm8.2", "php_execute_script", "" },
		{ true, P, "/srv/nodewatch", "leak", "" },
		{ false, P, "/srv/app", "std::net::TcpStream::connect",
		  "/rustc/abc/library/std/x.rs" },
		{ false, P, "/srv/app", "<&dyn core::ops::Fn>::call",
		  "library/core/src/ops/function.rs" },
		{ false, P, "/srv/app", "reqwest::get",
		  "/root/.cargo/registry/src/x/reqwest/lib.rs" },
		{ false, L, "/usr/lib/x86_64-linux-gnu/libc.so.6", "connect", "" },
		{ false, L, "/opt/own/libcurl.so.4", "curl_easy_perform", "" },
		{ true, L, "/srv/lib/libshop.so", "shop_open", "" },
		{ true, P, "go:/srv/app", "main.leak", "/srv/main.go" },
		{ true, P, "go:/srv/app", "example.com/shop.Open",
		  "/root/go/src/example.com/shop/a.go" },
		{ false, P, "go:/srv/app", "net.(*Dialer).Dial",
		  "/usr/lib/go-1.19/src/net/dial.go" },
		{ false, P, "go:/srv/app", "net/http.(*Transport).dial", "net/http/transport.go" },
		{ false, P, "go:/srv/app", "github.com/lib/pq.Open",
		  "/root/go/pkg/mod/github.com/lib/pq@v1/conn.go" },
		{ true, J, "", "leakOne", "/srv/app.js" },
		{ false, J, "", "request", "/srv/node_modules/axios/index.js" },
		{ false, SYMBOL_KIND_RUNTIME, "", "connect", "node:net" },
		{ true, J, "", "org.app.Pool.borrow", "" },
		{ false, J, "", "java.net.Socket.connect", "" },
		{ false, J, "", "", "" },
		{ false, SYMBOL_KIND_KERNEL, "[vdso]", "clock_gettime", "" },
		{ false, SYMBOL_KIND_UNKNOWN, "", "", "" },
	};
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		struct symbol_frame f =
			frame(rows[i].kind, rows[i].module, rows[i].function, rows[i].file);

		if (symbol_frame_is_application(&f) != rows[i].own)
			fail_msg("%s %s is%s the application's own?", rows[i].module,
				 rows[i].function, rows[i].own ? " not" : "");
	}
}

static void frames_are_texts(void **state)
{
	struct symbol_frame f = frame(P, "/srv/app", "leak_one", "/src/dir/app.c");
	char buf[SYMBOL_TEXT_LEN];

	assert_int_equal(symbol_frame_text(&f, buf, sizeof(buf)),
			 (int)strlen("leak_one (app.c:42)"));
	assert_string_equal(buf, "leak_one (app.c:42)");
	f = frame(L, "/usr/lib/libcurl.so.4", "curl_easy_perform", "");
	f.offset = 0x1f;
	symbol_frame_text(&f, buf, sizeof(buf));
	assert_string_equal(buf, "curl_easy_perform+0x1f (libcurl.so.4)");
	f = frame(L, "/opt/libfoo.so", "", "");
	f.offset = 0x1f2;
	symbol_frame_text(&f, buf, sizeof(buf));
	assert_string_equal(buf, "libfoo.so+0x1f2");
	strcpy(f.build_id, "ab12cd34ef56ab12cd34");
	symbol_frame_text(&f, buf, sizeof(buf));
	assert_string_equal(buf, "libfoo.so+0x1f2 [build-id ab12cd34ef56ab12...]");
	symbol_frame_text(&f, buf, 4);
	assert_string_equal(buf, "lib");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mangled_names_are_read),
		cmocka_unit_test(jit_names_are_taken_apart),
		cmocka_unit_test(perf_maps_are_read_strictly),
		cmocka_unit_test(the_applications_own_are_told_apart),
		cmocka_unit_test(frames_are_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
