// SPDX-License-Identifier: BSD-2-Clause
/* Which format a client gets, and whether compressed: what real ones send, and what nobody should.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "export/accept.h"

static void test_formats(void **state)
{
	static const struct {
		const char *field;
		enum accept_format want;
	} rows[] = {
		{ NULL, ACCEPT_TEXT },
		{ "", ACCEPT_TEXT },
		{ "*/*", ACCEPT_TEXT },
		{ "text/html,application/xhtml+xml,*/*;q=0.8", ACCEPT_TEXT },
		/* Prometheus 2.42 and 3 */
		{ "application/openmetrics-text;version=1.0.0,application/"
		  "openmetrics-text;version=0.0.1;"
		  "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
		  ACCEPT_OPENMETRICS },
		{ "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
		  "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/"
		  "plain;version=0.0.4;q=0.2,"
		  "/;q=0.1",
		  ACCEPT_OPENMETRICS },
		{ "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;q=0.7,"
		  "text/plain;version=0.0.4;q=0.3",
		  ACCEPT_TEXT },
		{ "text/plain;q=0.9, application/openmetrics-text;q=0.5", ACCEPT_TEXT },
		{ "text/plain;q=0.5 , application/openmetrics-text ; q=0.9", ACCEPT_OPENMETRICS },
		{ "Application/OpenMetrics-Text; VERSION=1.0.0", ACCEPT_OPENMETRICS },
		{ "text/plain,application/openmetrics-text", ACCEPT_OPENMETRICS },
		{ "application/openmetrics-text;q=0", ACCEPT_TEXT },
		{ "application/openmetrics-text;q=0.000", ACCEPT_TEXT },
		{ "application/openmetrics-text;version=2.0.0", ACCEPT_TEXT },
		{ "application/openmetrics-text;q=x", ACCEPT_TEXT },
		{ "application/openmetrics-text;q=1.001", ACCEPT_TEXT },
		{ "application/openmetrics-text;q=0.0001", ACCEPT_TEXT },
		{ "application/openmetrics-textual", ACCEPT_TEXT },
		{ ",,;;q=,=,;", ACCEPT_TEXT },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (accept_format(rows[i].field) != rows[i].want)
			fail_msg("Accept: %s", rows[i].field);
}

static void test_gzip(void **state)
{
	static const struct {
		const char *field;
		bool want;
	} rows[] = {
		{ NULL, false },
		{ "", false },
		{ "gzip", true },
		{ "gzip, deflate, br", true },
		{ "deflate;q=1,GZIP;q=0.1", true },
		{ "x-gzip", true },
		{ "*", true },
		{ "gzip;q=0", false },
		{ "gzip;q=0, *;q=1", false },
		{ "*;q=0", false },
		{ "br", false },
		{ "gzipped", false },
		{ "identity;q=1, gzip;q=nonsense", false },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (accept_gzip(rows[i].field) != rows[i].want)
			fail_msg("Accept-Encoding: %s", rows[i].field);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_gzip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
