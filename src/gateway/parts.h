/*-------------------------------------------------------------------------
 *
 * parts.h
 *	  What the gateway's files share: questions, flights, trips, lanes, tokens.
 *
 * Purpose: the words of the process. A question is what a slot asks: keys of one
 *			operation. Each key waits for a flight; a flight is one key for
 *			however many wait. A trip is one HTTP request that carries one or
 *			more flights of a lane.
 * Runs in: the gateway only.
 * Locks:	none: one process, one thread.
 * Never:	palloc or ereport: memory is malloc's, outcomes are values.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECO_GATEWAY_PARTS_H
#define RECO_GATEWAY_PARTS_H

#include "compat.h"

#include "lib/ilist.h"
#include "limiter.h"
#include "retry.h"
#include "shmem/slot.h"
#include "shmem/wire.h"
#include "transfer.h"

typedef struct RecoQuestion RecoQuestion;
typedef struct RecoFlight RecoFlight;
typedef struct RecoTrip RecoTrip;
typedef struct RecoGatewayLane RecoGatewayLane;
typedef struct RecoTokenHolder RecoTokenHolder;

/* One key of a question, waiting. */
typedef struct RecoWaiter
{
	dlist_node	node;			/* in its flight's 'waiters' */
	RecoQuestion *question;
	RecoFlight *flight;			/* NULL = answered */
	RecoWireTimes before;		/* of the flight, that are none of this one's */
} RecoWaiter;

struct RecoQuestion
{
	int			slot;			/* -1 = detached: answers go to the buffer only */
	uint32		generation;
	int			owner;			/* who asks: a process's number */
	Oid			database;
	int64		asked_at;
	int64		deadline;
	char	   *bytes;			/* what 'wire' points into; wiped when freed */
	Size		len;
	RecoWireRequest wire;
	RecoGatewayLane *lane;
	uint64		variant;		/* of the options that an answer depends on */
	int			pending;		/* keys without an answer */
	int			refs;			/* the slot's, and one per trip */
	RecoWaiter *waiters;		/* by key */
	int64		told;			/* number of the trip that it was told of last */
	RecoWireTimes times;		/* of the last key that was answered */
};

/* Where a flight is. */
typedef enum RecoFlightPlace
{
	RECO_FLIGHT_NOWHERE = 0,
	RECO_FLIGHT_QUEUED,			/* in a heap of its lane */
	RECO_FLIGHT_DELAYED,		/* in the lane's 'delayed', until 'not_before' */
	RECO_FLIGHT_PARKED,			/* waits for a token */
	RECO_FLIGHT_ON_TRIP
} RecoFlightPlace;

/* What is kept of a flight's answer in the buffer. */
typedef struct RecoFlightCache
{
	char	   *key;			/* of the entry; NULL = nothing is kept */
	const char *suffix;			/* in it, behind the flight's key */
	bool		on;				/* answers are kept, not only refusals */
	Oid			extension;
	int64		fresh_us;
	int64		usable_us;
	int64		absent_us;
	int64		deny_us;
	double		jitter;
	uint64		epoch;
} RecoFlightCache;

struct RecoFlight
{
	RecoGatewayLane *lane;
	RecoOperation operation;
	Oid			database;
	char	   *key;
	char	   *listener;		/* NULL where the answer is nobody's own */
	uint64		variant;		/* flights of another one never share anything */
	RecoFlightCache cache;
	bool		batching;
	bool		shared;			/* can be found by others who ask the same */
	uint64		hash;
	dlist_node	bucket;			/* in the table of flights, if shared */
	dlist_head	waiters;
	RecoPriority priority;		/* the best of all who wait */
	int64		deadline;		/* the latest */
	int64		asked_at;
	uint64		number;			/* order of arrival */

	RecoFlightPlace place;
	int64		since;			/* when it came there */
	int64		held;			/* of its lane and class, then */
	RecoWireTimes times;		/* until then */
	int			heap_index;
	dlist_node	node;			/* in 'delayed' or 'parked' */
	RecoTrip   *trip;
	int64		not_before;
	int			retries;
	int			ways;			/* times it was built again another way */
	bool		refreshed;		/* a refused token was exchanged once */
	bool		limited;		/* waited for a limit of the service once */
};

/* Flights of one class and operation, earliest deadline first. */
typedef struct RecoHeap
{
	RecoFlight **flights;
	int			n;
	int			size;
} RecoHeap;

/* Who names a lane, and under which rules: the strictest of all count. */
#define RECO_LANE_NAMERS	8

typedef struct RecoLaneNamer
{
	Oid			database;
	uint32		server_id;
	int64		seen_at;		/* 0 = free */
	RecoLimitRules rules;
} RecoLaneNamer;

/* A token, of the app or of one listener. */
struct RecoTokenHolder
{
	dlist_node	node;			/* in the lane's 'listeners' */
	RecoGatewayLane *lane;
	char	   *user_id;		/* NULL = the app's */
	Oid			database;
	Oid			extension;		/* who keeps the listener's token */
	char	   *server;			/* by whose name; "" where nobody does */
	uint64		consent;		/* that all of this belongs to; 0 = not known */
	bool		unpromised;		/* 'rotated' found no room in promise.h yet */
	char	   *access;			/* NULL = none */
	char	   *given;			/* a dead access token that a request brought */
	char	   *origin;			/* the refresh token that askers have */
	char	   *rotated;		/* what the service made of it, if it did */
	int64		expires_at;		/* monotonic us; INT64_MAX = not known */
	int64		early_at;		/* from then on it is refreshed ahead of time */
	int64		used_at;
	uint32		serial;			/* of the token: another one, another number */
	int			trips;			/* that are under way with it */
	RecoTransfer *transfer;		/* under way */
	RecoQuestion *question;		/* whose credential it uses; a reference, or NULL */
	int			failures;
	int64		retry_at;		/* 0 = no retry is due */
	int64		closed_until;	/* after giving up: nobody asks before */
	int64		closed_us;
	RecoOutcome closed_outcome;
	dlist_head	parked;			/* flights that wait for it */
};

struct RecoGatewayLane
{
	uint64		key;			/* 0 = not in use */
	int			index;
	RecoLane   *shared;
	RecoLaneNamer namers[RECO_LANE_NAMERS];
	RecoLimitRules rules;		/* the strictest */
	RecoHeap	heaps[RECO_NPRIORITIES][RECO_NOPERATIONS];
	int64		held_us[RECO_NPRIORITIES];	/* that limits held a class back, and */
	int64		held_since[RECO_NPRIORITIES];	/* ... since when they do; 0 = not */
	int			queued;
	dlist_head	trips;			/* under way */
	dlist_head	delayed;
	int			in_flight;
	RecoRetryBudget budget;
	int64		tokens_from;	/* no token is asked for before; 0 = any time */
	RecoTokenHolder app;
	dlist_head	listeners;
	int			nlisteners;
};

/* One HTTP request under way. */
struct RecoTrip
{
	RecoGatewayLane *lane;
	RecoQuestion *question;		/* whose options and credential it uses; a reference */
	RecoTokenHolder *holder;	/* whose token, or NULL */
	uint32		token_serial;
	RecoCall	call;
	RecoHttpRequest request;
	RecoTransfer *transfer;
	int64		number;			/* of the request; 0 = it was not sent */
	int64		answered_at;	/* 0 = it is under way */
	int			sends;
	dlist_node	node;			/* in the lane's 'trips', while there is a transfer */
	uint32		epoch;			/* of the breaker, as it began */
	int64		started_at;
	RecoFlight **flights;		/* as many as the call has keys; NULL = left */
	const char **keys;			/* copies: a flight that left takes its key along */
};

/* ---- gateway.c ---- */

/* A random number of 0 <= x < 1. */
extern double reco_gateway_dice(void);

/* May the lane begin one more transfer, such that others keep their share? */
extern bool reco_gateway_has_room(const RecoGatewayLane *lane);

extern RecoGatewayLane *reco_gateway_lanes;

/* ---- question.c ---- */

/* Looks at a slot: takes a new question, or lets one go whose owner left. */
extern void reco_question_look(int slot);

/* Answers one key. 'value' and 'message' may be NULL. */
extern void reco_question_answer(RecoWaiter *waiter, RecoOutcome outcome,
								 const char *value, size_t value_len, int64 retry_at,
								 const char *message);

/* Tells who asked what the question came to; 'trip' NULL = it has ended. */
extern void reco_question_tell(RecoQuestion *question, const RecoTrip *trip, bool shared,
							   const RecoWireTimes *times);

/* Hides the secrets that a question brought, where a message repeats them. */
extern void reco_question_hide(const RecoQuestion *question, char *message);

/* Gives up a reference; the last one frees. */
extern void reco_question_release(RecoQuestion *question);

/* ---- flight.c ---- */

/* Lets a key wait for its flight, a new one or one that is there. False = no memory. */
extern bool reco_flight_join(RecoQuestion *question, int key);

/* Takes a waiter away; a flight that nobody waits for goes, with its trip. */
extern void reco_flight_leave(RecoWaiter *waiter);

/* Tells all who wait, and frees the flight. */
extern void reco_flight_end(RecoFlight *flight, RecoOutcome outcome, const char *value,
							size_t value_len, int64 retry_at, const char *message);

/* Keeps what came of a flight in the buffer, if that was asked for. */
extern void reco_flight_keep(const RecoFlight *flight, RecoOutcome outcome,
							 const char *value, size_t value_len);

/* Keeps there that a recommendation was refused for good, likewise. */
extern void reco_flight_deny(const RecoFlight *flight, const char *reason);

/* Puts a flight into its lane's queue; 'pause' > 0: only after so many us. */
extern void reco_flight_queue(RecoFlight *flight, int64 pause);

/* Lets a flight wait for a token. */
extern void reco_flight_park(RecoFlight *flight, RecoTokenHolder *holder);

/* Takes a flight out of wherever it waits. */
extern void reco_flight_unqueue(RecoFlight *flight);

/* Moves a flight to another place, and counts the time that it spent at the old one. */
extern void reco_flight_move(RecoFlight *flight, RecoFlightPlace place);

/* Where a waiter's time went until now. */
extern void reco_flight_times(const RecoWaiter *waiter, RecoWireTimes *times);

/* ---- lane.c ---- */

/* Finds or makes the lane of a question; NULL = there is none to be had. */
extern RecoGatewayLane *reco_lane_of(const RecoQuestion *question);

/* Sends what may be sent; returns when to look again. */
extern int64 reco_lane_pump(RecoGatewayLane *lane, int64 now);

/* Forgets what services were found to refuse, if somebody asked for that. */
extern void reco_lanes_forget_refused(void);

/* The first flight of a class, or of one operation in it; NULL = none. */
extern RecoFlight *reco_lane_first(RecoGatewayLane *lane, RecoPriority priority);

/* How long limits have held a class back, in all. */
extern int64 reco_lane_held(const RecoGatewayLane *lane, RecoPriority priority,
							int64 now);

extern bool reco_heap_push(RecoHeap *heap, RecoFlight *flight);
extern void reco_heap_remove(RecoHeap *heap, RecoFlight *flight);

/* ---- trip.c ---- */

/* Sends a flight, and others that fit into the same call. */
extern void reco_trip_begin(RecoGatewayLane *lane, RecoFlight *first, int64 now);

/* A flight left; a trip without any is ended. */
extern void reco_trip_leave(RecoTrip *trip, RecoFlight *flight);

/*
 * Ends trips that nobody has waited for for too long; returns when to look again. Until
 * then they go on, for what they bring is kept.
 */
extern int64 reco_trips_end_orphans(RecoGatewayLane *lane, int64 now);

/* ---- trip_tell.c ---- */

/* A number for a request that none before had, not even one of a former gateway's. */
extern int64 reco_trip_number(void);

/* Tells those who wait for a trip what it is: all, or one who came late. */
extern void reco_trip_tell(const RecoTrip *trip);
extern void reco_trip_tell_late(const RecoTrip *trip, const RecoWaiter *waiter);

/* ---- trip_learn.c ---- */

/* Learns from how a call ended; 'split' is NULL where there is no answer. */
extern void reco_trip_learn(RecoTrip *trip, const RecoTransferResult *result,
							const RecoSplit *split);

/* How long a call may take that nobody waits for any longer; us. */
extern int64 reco_trip_patience(const RecoTrip *trip);
extern bool reco_trip_has_learned_way(const RecoTrip *trip, int key,
									  const RecoSplit *split);

/* Notes what went wrong with a lane, for people. */
extern void reco_lane_note_error(RecoGatewayLane *lane, const char *message);

/* ---- token.c ---- */

typedef enum RecoTokenState
{
	RECO_TOKEN_READY = 0,		/* 'secret' is set; NULL where none is needed */
	RECO_TOKEN_PENDING,			/* wait for 'holder' */
	RECO_TOKEN_FAILED			/* 'outcome' and 'message' say why */
} RecoTokenState;

typedef struct RecoTokenAnswer
{
	const char *secret;
	RecoTokenHolder *holder;
	RecoOutcome outcome;
	const char *message;
	int64		retry_at;
} RecoTokenAnswer;

/* Finds what opens a request; asks for a token where there is none. */
extern RecoTokenState reco_token_acquire(RecoGatewayLane *lane, RecoAuth auth,
										 RecoQuestion *question, int64 now,
										 RecoTokenAnswer *answer);

/* The service refused a token: the next acquire gets another. */
extern void reco_token_refused(RecoTokenHolder *holder, uint32 serial);

/*
 * A rotated refresh token that the asker does not know yet; else NULL. 'promised' tells
 * whether it is in promise.h, or was written.
 */
extern const char *reco_token_rotated(const RecoQuestion *question, bool *promised);

/* Takes all secrets from a holder, and tells who waits for it; frees what it has, too. */
extern void reco_token_wipe(RecoTokenHolder *holder);
extern void reco_token_drop(RecoTokenHolder *holder);

/* ---- token_promise.c ---- */

/* Has a listener's new token kept, where there is one; without room see 'unpromised'. */
extern void reco_token_promise(RecoTokenHolder *holder);

/* Forgets the listeners who are to be forgotten. */
extern void reco_token_forget_gone(void);

/* Says what is lost with this process; of its end. */
extern void reco_token_report(void);

/* Repeats failed token requests that are due; returns when to look again. */
extern int64 reco_token_pump(RecoGatewayLane *lane, int64 now);

/* Forgets all tokens of a lane. */
extern void reco_token_forget(RecoGatewayLane *lane);

#endif							/* RECO_GATEWAY_PARTS_H */
