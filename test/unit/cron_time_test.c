/*-------------------------------------------------------------------------
 *
 * cron_time_test.c
 *	  Tests of the times of schedules.
 *
 * Purpose: every form of a schedule that pg_cron takes has the times that every cron
 *			gives it; what is none has no times, whatever its bytes.
 * Runs in: a plain C program; prints TAP, exits 0 when all is well.
 * Locks:	none.
 * Never:	look at a real clock.
 *
 *-------------------------------------------------------------------------
 */
/* sources: src/store/cron_time.c */
#include "store/cron_time.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tap.h"

#define FOREVER	((int64_t) 1 << 40)

/* A moment; of UTC. */
static int64_t
moment(const char *text)
{
	struct tm	tm = {0};

	sscanf(text, "%d-%d-%d %d:%d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
		   &tm.tm_min);
	tm.tm_year -= 1900;
	tm.tm_mon--;
	return (int64_t) timegm(&tm);
}

typedef struct Case
{
	const char *schedule;
	const char *after;
	int			nth;
	const char *time;			/* NULL = none */
} Case;

static const Case cases[] = {
	{"* * * * *", "2026-03-01 10:00", 1, "2026-03-01 10:01"},
	{"* * * * *", "2026-03-01 10:00", 3, "2026-03-01 10:03"},
	{"23 4 * * *", "2026-03-01 04:22", 1, "2026-03-01 04:23"},
	{"23 4 * * *", "2026-03-01 04:23", 1, "2026-03-02 04:23"},
	{"23 4 * * *", "2026-02-27 05:00", 3, "2026-03-02 04:23"},
	{"13,43 * * * *", "2026-03-01 10:13", 2, "2026-03-01 11:13"},
	{"*/7 * * * *", "2026-03-01 10:50", 2, "2026-03-01 11:00"},
	{"10-20/5 3 * * *", "2026-03-01 03:10", 2, "2026-03-01 03:20"},
	{"52 5 * * 0", "2026-03-02 00:00", 1, "2026-03-08 05:52"},
	{"52 5 * * 7", "2026-03-02 00:00", 1, "2026-03-08 05:52"},
	{"52 5 * * sun", "2026-03-02 00:00", 1, "2026-03-08 05:52"},
	{"0 0 * * Mon-Fri", "2026-03-06 12:00", 1, "2026-03-09 00:00"},
	{"0 0 1 1 *", "2026-03-01 10:00", 2, "2028-01-01 00:00"},
	{"0 0 29 2 *", "2026-03-01 10:00", 1, "2028-02-29 00:00"},
	{"0 0 30 2 *", "2026-03-01 10:00", 1, NULL},
	{"0 0 1 FEB,oct *", "2026-03-01 10:00", 1, "2026-10-01 00:00"},
	{"0 0 $ * *", "2028-02-10 10:00", 2, "2028-03-31 00:00"},
	{"0 0 13 * 5", "2026-03-01 10:00", 1, "2026-03-06 00:00"},
	{"0 0 13 * 5", "2026-03-06 10:00", 1, "2026-03-13 00:00"},
	{"0 0 */2 * 1", "2026-03-01 10:00", 1, "2026-03-09 00:00"},
	{"@hourly", "2026-03-01 10:00", 1, "2026-03-01 11:00"},
	{"@daily", "2026-03-01 10:00", 1, "2026-03-02 00:00"},
	{"@yearly", "2026-03-01 10:00", 1, "2027-01-01 00:00"},
	{"30 seconds", "2026-03-01 10:00", 4, "2026-03-01 10:02"},
	{"  5   4 * *\t* ", "2026-03-01 10:00", 1, "2026-03-02 04:05"},
	{"0 0 1 1 *", "2099-12-31 23:59", 1, "2100-01-01 00:00"},
	{"0 0 29 2 *", "2099-12-31 23:59", 1, "2104-02-29 00:00"},
	{"@reboot", "2026-03-01 10:00", 1, NULL},
	{"every day", "2026-03-01 10:00", 1, NULL},
	{"", "2026-03-01 10:00", 1, NULL},
	{"* * * *", "2026-03-01 10:00", 1, NULL},
	{"* * * * * *", "2026-03-01 10:00", 1, NULL},
	{"60 * * * *", "2026-03-01 10:00", 1, NULL},
	{"* * 0 * *", "2026-03-01 10:00", 1, NULL},
	{"*/0 * * * *", "2026-03-01 10:00", 1, NULL},
	{"20-10 * * * *", "2026-03-01 10:00", 1, NULL},
	{"5/2 * * * *", "2026-03-01 10:00", 1, NULL},
	{"1, * * * *", "2026-03-01 10:00", 1, NULL},
	{"99999999999 * * * *", "2026-03-01 10:00", 1, NULL},
	{"0 seconds", "2026-03-01 10:00", 1, NULL},
};

static void
test_cases(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		const Case *one = &cases[i];
		int64_t		after = moment(one->after);
		int64_t		wanted = one->time == NULL ? 0 : moment(one->time);
		int64_t		got = reco_cron_time(one->schedule, after, one->nth, FOREVER);

		ok(got == wanted, "\"%s\" after %s: %s", one->schedule, one->after,
		   one->time == NULL ? "never" : one->time);
		if (wanted != 0)
			ok(reco_cron_time(one->schedule, after, one->nth, wanted) == wanted &&
				   reco_cron_time(one->schedule, after, one->nth, wanted - 1) == 0,
			   "by then, not before");
	}
}

/* Schedules of random fields: what is found fits, and nothing before it does. */
static void
test_random(void)
{
	bool		good = true;

	for (int i = 0; i < 2000 && good; i++)
	{
		int			minute = (int) (tap_draw() >> 33) % 60;
		int			hour = (int) (tap_draw() >> 33) % 24;
		int64_t		after = moment("2026-01-01 00:00") + (int) (tap_draw() >> 33) % 100000000;
		char		schedule[64];
		int64_t		got;

		snprintf(schedule, sizeof(schedule), "%d %d * * *", minute, hour);
		got = reco_cron_time(schedule, after, 1, FOREVER);
		good = got > after && got <= after + 86400 &&
			got % 86400 == hour * 3600 + minute * 60;
	}
	ok(good, "once a day is within a day");
}

/* Bytes of any kind. */
static void
test_bytes(void)
{
	static const char letters[] = "0123456789*/,-$@ \tjanmonseconds\xff\xc3";

	for (int i = 0; i < 200000; i++)
	{
		char		schedule[24];
		int			len = (int) (tap_draw() >> 33) % 23;

		for (int k = 0; k < len; k++)
			schedule[k] = letters[(int) (tap_draw() >> 33) % (sizeof(letters) - 1)];
		schedule[len] = '\0';
		(void) reco_cron_time(schedule, moment("2026-03-01 10:00"), 3,
							  moment("2026-06-01 10:00"));
	}
	ok(true, "whatever the bytes, it ends");
}

int
main(void)
{
	test_cases();
	test_random();
	test_bytes();
	return tap_done();
}
