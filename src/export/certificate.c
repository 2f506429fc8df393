// SPDX-License-Identifier: BSD-2-Clause
/* The days of a certificate (certificate.h). */
#include "export/certificate.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdio.h>

static void say(const char *path, const char *what, time_t when)
{
	char day[32] = "?";
	struct tm tm;

	if (gmtime_r(&when, &tm))
		strftime(day, sizeof(day), "%Y-%m-%d %H:%M", &tm);
	fprintf(stderr, "lostsock export: %s: the certificate %s %s UTC: clients will refuse it\n",
		path, what, day);
}

time_t certificate_end(const char *path)
{
	gnutls_datum_t pem = { .data = NULL };
	gnutls_x509_crt_t crt = NULL;
	time_t now = time(NULL), begin, end = 0;

	if (gnutls_load_file(path, &pem))
		return 0;
	/* The first of a chain is the server's own. */
	if (!gnutls_x509_crt_init(&crt) &&
	    !gnutls_x509_crt_import(crt, &pem, GNUTLS_X509_FMT_PEM)) {
		begin = gnutls_x509_crt_get_activation_time(crt);
		end = gnutls_x509_crt_get_expiration_time(crt);
		if (end != (time_t)-1 && end < now)
			say(path, "has expired on", end);
		else if (begin != (time_t)-1 && begin > now)
			say(path, "is not valid before", begin);
	}
	if (crt)
		gnutls_x509_crt_deinit(crt);
	gnutls_free(pem.data);
	return end == (time_t)-1 ? 0 : end;
}
