/*-------------------------------------------------------------------------
 *
 * redis.c
 *	  Gets a value from Redis again and again, and parses its JSON.
 *
 * Purpose: the yardstick of test/bench/hot: a cache beside the database, as a plain C
 *			program with hiredis and jansson uses it.
 * Runs in: a plain C program:
 *			redis PORT KEY CLIENTS SECONDS (get | parse)
 *			prints the mean microseconds of a call
 * Locks:	none.
 * Never:	do anything that such a program would not do.
 *
 *-------------------------------------------------------------------------
 */
#include <hiredis/hiredis.h>
#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_CLIENTS 64

typedef struct Client
{
	pthread_t	thread;
	const char *key;
	redisContext *context;
	double		end;
	bool		parses;
	long		calls;
} Client;

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}

static void
die(const char *what)
{
	fprintf(stderr, "redis: %s\n", what);
	exit(1);
}

/* One call: what was sent, in and out of JSON. */
static void
call(Client *client)
{
	redisReply *reply = redisCommand(client->context, "GET %s", client->key);

	if (reply == NULL || reply->type != REDIS_REPLY_STRING)
		die("no such value");
	if (client->parses)
	{
		json_error_t error;
		json_t	   *json = json_loadb(reply->str, reply->len, 0, &error);

		if (json == NULL)
			die(error.text);
		json_decref(json);
	}
	freeReplyObject(reply);
}

static void *
run(void *argument)
{
	Client	   *client = argument;

	while (now() < client->end)
	{
		call(client);
		client->calls++;
	}
	return NULL;
}

int
main(int argc, char **argv)
{
	static Client clients[MAX_CLIENTS];
	int			nclients = argc == 6 ? atoi(argv[3]) : 0;
	double		seconds = argc == 6 ? atof(argv[4]) : 0;
	double		begin;
	long		calls = 0;

	if (nclients < 1 || nclients > MAX_CLIENTS || seconds <= 0)
		die("PORT KEY CLIENTS SECONDS (get | parse)");
	for (int i = 0; i < nclients; i++)
	{
		clients[i].context = redisConnect("127.0.0.1", atoi(argv[1]));
		if (clients[i].context == NULL || clients[i].context->err != 0)
			die("cannot connect");
		clients[i].key = argv[2];
		clients[i].parses = strcmp(argv[5], "parse") == 0;
	}
	begin = now();
	for (int i = 0; i < nclients; i++)
	{
		clients[i].end = begin + seconds;
		if (pthread_create(&clients[i].thread, NULL, run, &clients[i]) != 0)
			die("no thread");
	}
	for (int i = 0; i < nclients; i++)
	{
		pthread_join(clients[i].thread, NULL);
		redisFree(clients[i].context);
		calls += clients[i].calls;
	}
	if (calls == 0)
		die("no call came back");
	printf("%.1f\n", (now() - begin) * 1e6 * nclients / (double) calls);
	return 0;
}
