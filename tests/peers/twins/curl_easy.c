// SPDX-License-Identifier: BSD-2-Clause
/* libcurl: a handle for each request. The leaky twin never cleans one up. */
#include <curl/curl.h>
#include "twin.h"

static size_t ignore(char *data, size_t size, size_t n, void *arg)
{
	(void)data, (void)arg;
	return size * n;
}

__attribute__((noinline)) static void fetch_catalog(const char *url, bool leaky)
{
	CURL *curl = curl_easy_init();

	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, ignore);
	if (curl_easy_perform(curl) != CURLE_OK)
		twin_fail("curl_easy_perform");
	if (!leaky)
		curl_easy_cleanup(curl);
}

int main(int argc, char **argv)
{
	struct twin t = twin_begin(argc, argv);
	char url[64];
	int i;

	snprintf(url, sizeof(url), "http://127.0.0.1:%d/", t.port);
	for (i = 0; i < t.count; i++)
		fetch_catalog(url, t.leaky);
	return twin_end(&t);
}
