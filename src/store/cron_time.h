/*-------------------------------------------------------------------------
 *
 * cron_time.h
 *	  When a schedule of pg_cron's has come.
 *
 * Purpose: tell whether a job that is to run at some times should have run by now.
 * Runs in: any process, and plain C programs (no server header).
 * Locks:	none.
 * Never:	guess: a schedule that is not understood has no times.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_CRON_TIME_H
#define RECO_CRON_TIME_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The nth time of a schedule after a moment, if that is not later than 'by'; else, or
 * where the schedule is not understood, 0. All in seconds since 1970 of its time zone.
 */
extern int64_t reco_cron_time(const char *schedule, int64_t after, int nth, int64_t by);

#endif							/* RECO_CRON_TIME_H */
