// SPDX-License-Identifier: BSD-2-Clause
/*
 * The page (page.h). Its script and its style carry a number that is drawn for each answer, and the
 * browser is told to run nothing else: names of processes are anybody's to choose.
 */
#include "export/page.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include "export/reply.h"

#define NONCE_LEN 33

/* page.html, as it lies in the tree, with a NUL behind it. */
__asm__(".pushsection .rodata\n"
	".global lostsock_page\n"
	".type lostsock_page, %object\n"
	"lostsock_page:\n"
	".incbin \"src/export/page.html\"\n"
	".byte 0\n"
	".size lostsock_page, . - lostsock_page\n"
	".popsection\n");
extern const char lostsock_page[] __attribute__((visibility("hidden")));

static int draw(char nonce[NONCE_LEN])
{
	uint8_t bytes[(NONCE_LEN - 1) / 2];
	size_t i;

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return -1;
	for (i = 0; i < sizeof(bytes); i++)
		snprintf(nonce + 2 * i, 3, "%02x", bytes[i]);
	return 0;
}

/* Writes the page with its two words, @NONCE@ and @METRICS@, put in. */
static void fill(FILE *out, const char *nonce, const char *metrics_path)
{
	const char *at = lostsock_page, *mark;

	while ((mark = strchr(at, '@'))) {
		fwrite(at, 1, (size_t)(mark - at), out);
		if (!strncmp(mark, "@NONCE@", 7)) {
			fputs(nonce, out);
			at = mark + 7;
		} else if (!strncmp(mark, "@METRICS@", 9)) {
			fputs(metrics_path, out);
			at = mark + 9;
		} else {
			fputc('@', out);
			at = mark + 1;
		}
	}
	fputs(at, out);
}

void page_reply(struct tether_call call, const char *metrics_path)
{
	char nonce[NONCE_LEN], policy[512], *html = NULL;
	const struct tether_field fields[] = {
		{ "Content-Type", "text/html; charset=utf-8" },
		{ "Content-Security-Policy", policy },
		{ "Cache-Control", "no-store" },
		{ "X-Content-Type-Options", "nosniff" },
		{ "Referrer-Policy", "no-referrer" },
	};
	size_t len = 0;
	FILE *out = draw(nonce) ? NULL : open_memstream(&html, &len);

	if (!out) {
		tether_call_cancel(call);
		return;
	}
	snprintf(policy, sizeof(policy),
		 "default-src 'none'; script-src 'nonce-%s'; style-src 'nonce-%s'; "
		 "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
		 nonce, nonce);
	fill(out, nonce, metrics_path);
	if (fclose(out))
		tether_call_cancel(call);
	else
		tether_call_reply(call, 200, fields, sizeof(fields) / sizeof(fields[0]), html, len);
	free(html);
}
