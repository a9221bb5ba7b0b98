/*-------------------------------------------------------------------------
 *
 * multi.c
 *	  The floor for the gateway: a plain program with libcurl's multi interface.
 *
 * Purpose: send N requests over at most C connections, with nothing around them,
 *			and print how long that took.
 * Runs in: a plain C program:
 *			multi URL N C		prints the wall time in ms
 *			multi URL N			one after another; prints the median time of one in
 *								ms, the third quartile, and the wall time
 *			{id} in the URL becomes an id of 22 letters, another one each time.
 * Locks:	none.
 * Never:	count an answer that is not 200 and JSON: exit code 1.
 *
 *-------------------------------------------------------------------------
 */
#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_CONNECTIONS 1000
#define MAX_URL			1024

static const char *url;
static long requests;
static long begun;

static double at_once(int connections);
static double in_sequence(double *times);
static CURL *make_handle(void);
static void next_url(CURL *easy);
static void check(CURL *easy, CURLcode result);

static double
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double) t.tv_sec * 1e3 + (double) t.tv_nsec / 1e6;
}

static int
by_size(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x > y) - (x < y);
}

static void
die(const char *why)
{
	fprintf(stderr, "multi: %s\n", why);
	exit(1);
}

int
main(int argc, char **argv)
{
	int			connections = argc > 3 ? atoi(argv[3]) : 0;

	if (argc < 3 || argc > 4 || atol(argv[2]) < 1 || connections < 0 ||
		connections > MAX_CONNECTIONS)
		die("usage: multi URL N [C]");
	url = argv[1];
	requests = atol(argv[2]);
	if (curl_global_init(CURL_GLOBAL_ALL) != 0)
		die("libcurl does not start");
	if (connections > 0)
		printf("%.3f\n", at_once(connections));
	else
	{
		double	   *times = malloc(sizeof(double) * (size_t) requests);
		double		wall;

		if (!times)
			die("out of memory");
		wall = in_sequence(times);
		qsort(times, (size_t) requests, sizeof(double), by_size);
		printf("%.4f %.4f %.3f\n", times[requests / 2], times[requests * 3 / 4], wall);
		free(times);
	}
	curl_global_cleanup();
	return 0;
}

/* Keeps all connections busy until the last request. */
static double
at_once(int connections)
{
	CURLM	   *multi = curl_multi_init();
	CURL	   *handles[MAX_CONNECTIONS];
	int			nhandles = requests < connections ? (int) requests : connections;
	long		ended = 0;
	double		start;

	if (!multi)
		die("libcurl has no multi handle");
	curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long) connections);
	curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long) connections);
	for (int i = 0; i < nhandles; i++)
		handles[i] = make_handle();
	start = now_ms();
	for (int i = 0; i < nhandles; i++)
	{
		next_url(handles[i]);
		curl_multi_add_handle(multi, handles[i]);
	}
	while (ended < requests)
	{
		CURLMsg    *message;
		int			n;

		if (curl_multi_perform(multi, &n) != CURLM_OK)
			die("curl_multi_perform failed");
		while ((message = curl_multi_info_read(multi, &n)) != NULL)
		{
			CURL	   *easy = message->easy_handle;

			if (message->msg != CURLMSG_DONE)
				continue;
			check(easy, message->data.result);
			ended++;
			curl_multi_remove_handle(multi, easy);
			if (begun < requests)
			{
				next_url(easy);
				curl_multi_add_handle(multi, easy);
			}
		}
		if (ended < requests && curl_multi_poll(multi, NULL, 0, 1000, NULL) != CURLM_OK)
			die("curl_multi_poll failed");
	}
	start = now_ms() - start;
	for (int i = 0; i < nhandles; i++)
		curl_easy_cleanup(handles[i]);
	curl_multi_cleanup(multi);
	return start;
}

/* One after another, on one connection that is open from the first on. */
static double
in_sequence(double *times)
{
	CURL	   *easy = make_handle();
	double		start = now_ms();

	for (long i = 0; i < requests; i++)
	{
		double		one = now_ms();

		next_url(easy);
		check(easy, curl_easy_perform(easy));
		times[i] = now_ms() - one;
	}
	start = now_ms() - start;
	curl_easy_cleanup(easy);
	return start;
}

static size_t
drop_body(char *data, size_t size, size_t n, void *arg)
{
	return size * n;
}

static CURL *
make_handle(void)
{
	CURL	   *easy = curl_easy_init();

	if (!easy)
		die("libcurl has no handle");
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, drop_body);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "reco-bench/1");
	curl_easy_setopt(easy, CURLOPT_TIMEOUT, 60L);
	return easy;
}

/* Sets the URL of the next request. */
static void
next_url(CURL *easy)
{
	char		text[MAX_URL];
	const char *place = strstr(url, "{id}");

	if (place)
		snprintf(text, sizeof(text), "%.*sm%021ld%s", (int) (place - url), url, begun, place + 4);
	else
		snprintf(text, sizeof(text), "%s", url);
	curl_easy_setopt(easy, CURLOPT_URL, text);
	begun++;
}

static void
check(CURL *easy, CURLcode result)
{
	long		status = 0;
	const char *type = NULL;

	if (result != CURLE_OK)
		die(curl_easy_strerror(result));
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &type);
	if (status != 200 || !type || strcmp(type, "application/json") != 0)
		die("an answer is not 200 with JSON");
}
