#!/usr/bin/env python3
"""Claim: a deadline bounds a call, whatever hangs; what did not answer is gone without, and named.

A table that another session has locked, an index that is rebuilt, a service that never
answers, a gateway that is stopped or killed: none of them makes a call late, or fail, or
wait at all where its deadline is 0. What was kept is given as if nothing had happened. What
a call went without stands in its document and in its record, and nothing of it stays behind.
"""
import collections
import os
import signal
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from cluster import Cluster  # noqa: E402
from emulator import Emulator  # noqa: E402
from reco_tap import Lost, SqlError, call, done, literal, ok, same, until  # noqa: E402

SIZE = 20
SLACK = 3           # seconds over a deadline; generous, as machines are shared
USER = "ana"
PROMPT = "rainy sunday, calm piano"

# what a list rests on, and what it does not
FACTS = ("track", "artist", "mood_term", "change", "listen", "feedback")
MEMORY = ("cache", "cache_policy", "id_registry", "deny_list", "limit_state", "listener_token")
TABLES = FACTS + MEMORY


def lock(tables):
    return "BEGIN; LOCK TABLE " + ", ".join("reco." + table for table in tables) + " IN ACCESS EXCLUSIVE MODE"


def timed(session, deadline, prompt=PROMPT, user=USER, options=None, size=SIZE):
    """A document, and how long it took."""
    began = time.monotonic()
    document = session.json("SELECT " + call(user, prompt, size, options, deadline))
    return document, time.monotonic() - began


def holds(session, deadline, seconds, name, missing=(), **question):
    """A whole list in time that names what is missing."""
    document, took = timed(session, deadline, **question)
    ok(took < seconds + SLACK, f"{name}: in time", f"{took:.2f} s")
    same(len(document["tracks"]), SIZE, f"{name}: a whole list")
    gone = [table for table in missing if table not in document["missing"]]
    same(gone, [], f"{name}: it says what it went without")
    return document


def ids(document):
    return [track["track_id"] for track in document["tracks"]]


def settled(session):
    return until(lambda: session.value("SELECT state || ' ' || exact FROM reco_stat_memory WHERE database = current_database()")
                 == "shared true")


def locked_tables(cluster, holder, full):
    """One table after another, for a session that knows the question and for a new one."""
    warm = cluster.session()
    timed(warm, "10 s")
    for table in TABLES:
        holder.query(lock([table]))
        missing = ["reco." + table] if table in FACTS else []
        for deadline, seconds in (("400 ms", 0.4), ("0", 0)):
            name = f"reco.{table} is locked, deadline {deadline}"

            # without time nobody is asked for artists
            document = holds(warm, deadline, seconds, name, missing if seconds or table != "artist" else [])
            same([row["origin"] for row in document["tracks"]], ["local"] * SIZE, f"{name}: all rows are local")
        new = cluster.session()
        document = holds(new, "400 ms", 0.4, f"reco.{table} is locked, for a new session", missing)
        same(document["complete"], not missing, f"reco.{table} is locked: the list is complete, or is said not to be")
        new.close()
        holder.query("COMMIT")
        document, _ = timed(warm, "10 s")
        same([document["complete"], document["missing"], ids(document)], [True, [], full],
             f"reco.{table}: once it is free the list is whole again")

    holder.query(lock(TABLES))
    missing = ["reco.track", "reco.mood_term", "reco.change"]
    document = holds(warm, "400 ms", 0.4, "all are locked", missing)
    holds(warm, "0", 0, "all are locked, deadline 0", missing)
    new = cluster.session()
    holds(new, "400 ms", 0.4, "all are locked, for a new session", missing)
    new.close()
    holder.query("COMMIT")
    run = document["run_id"]
    ok(until(lambda: warm.value(f"SELECT count(*) FROM reco_run WHERE run_id = {run}") == "1"), "the run is on record")
    same(warm.query(f"SELECT complete, missing ? 'reco.track' FROM reco_run WHERE run_id = {run}"), [["f", "t"]],
         "as one that is not complete, with what was missing")


def locked_indexes(cluster, holder, full):
    warm = cluster.session()
    timed(warm, "10 s")
    for index, table in (("track_search_idx", "track"), ("track_pkey", "track"), ("artist_name_fold_idx", "artist"),
                         ("mood_term_pkey", "mood_term"), ("listen_at_idx", "listen")):
        holder.query(f"BEGIN; REINDEX INDEX reco.{index}")
        for session, whose in ((warm, "a session that knows the question"), (cluster.session(), "a new one")):
            holds(session, "400 ms", 0.4, f"{index} is rebuilt, for {whose}", ["reco." + table])
            holds(session, "0", 0, f"{index} is rebuilt, for {whose}, deadline 0", ["reco." + table] if table != "artist" else [])
        holder.query("COMMIT")
    same(ids(timed(warm, "10 s")[0]), full, "once they are there the list is whole again")


def short_locks(cluster, holder):
    """Who comes to a table that is free again soon has a whole list."""
    session = cluster.session()
    timed(session, "10 s")
    holder.query(lock(["track", "mood_term"]))
    session.send("SELECT " + call(USER, PROMPT, SIZE, None, "60 s"))
    watcher = cluster.session()
    ok(until(lambda: waits(watcher, session)), "with time a call waits for a lock, for a while")
    holder.query("COMMIT")
    session_document = session.wait()
    ok('"complete": true' in session_document[0][0], "and lacks nothing where the lock goes in time")


def waits(watcher, session):
    return watcher.value(f"SELECT wait_event_type FROM pg_stat_activity WHERE pid = {session.pid}"
                       " AND state = 'active'") == "Extension"


def all_ways(cluster, holder):
    """In transactions of all kinds; nothing stays behind."""
    session = cluster.session()
    watcher = cluster.session()
    session.query(f"""CREATE FUNCTION guarded(d interval) RETURNS jsonb LANGUAGE plpgsql AS $$
        DECLARE j jsonb;
        BEGIN
            BEGIN
                PERFORM 1 / 0;
            EXCEPTION WHEN division_by_zero THEN
                j := reco_generate_json('{USER}', '{PROMPT}', {SIZE}, d);
            END;
            BEGIN
                j := reco_generate_json('{USER}', '{PROMPT}', {SIZE}, d);
                RAISE EXCEPTION 'undone';
            EXCEPTION WHEN raise_exception THEN
                RETURN j;
            END;
        END $$""")
    settings = session.query("SELECT name, setting, source FROM pg_settings ORDER BY name")
    holder.query(lock(["track", "feedback"]))
    for begin in ("BEGIN READ ONLY", "BEGIN ISOLATION LEVEL REPEATABLE READ", "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY"):
        session.query(begin)
        holds(session, "200 ms", 0.2, begin, ["reco.track", "reco.feedback"])
        session.query("SAVEPOINT s")
        holds(session, "0", 0, begin + ", in a savepoint", ["reco.track", "reco.feedback"])
        session.query("ROLLBACK TO s")
        holds(session, "0", 0, begin + ", after it was undone", ["reco.track", "reco.feedback"])
        session.query("COMMIT")
    began = time.monotonic()
    document = session.json("SELECT guarded('200 ms')")
    ok(time.monotonic() - began < SLACK and len(document["tracks"]) == SIZE, "in blocks with exceptions, too")
    ok("reco.track" in document["missing"], "and says so", document["missing"])
    session.query("SET lock_timeout = '50ms'")
    holds(session, "60 s", 0.05, "a lock_timeout of the session's own is kept", ["reco.track"])
    session.query("RESET lock_timeout")

    # no error of a lock, nor of what ends a call, leaves anything behind
    for name, run in (("cancelled", cancelled), ("over its statement_timeout", timed_out)):
        same(run(session, watcher), "57014", f"a call that waits for a lock can be {name}")
    holder.query("COMMIT")
    same(session.query("SELECT name, setting, source FROM pg_settings ORDER BY name"), settings, "no setting is another")
    holder.query("BEGIN; LOCK TABLE reco.feedback IN ACCESS EXCLUSIVE MODE")
    session.query("SET lock_timeout = '100ms'")
    same(session.error(f"SELECT reco_feedback('{USER}', 'x', 'like')"), "55P03", "who writes waits for locks as ever")
    session.query("RESET lock_timeout")
    lost = cluster.session()
    lost.send("SELECT " + call(USER, PROMPT, SIZE, None, "60 s"))
    ok(until(lambda: waits(watcher, lost)), "a call waits")
    watcher.query(f"SELECT pg_terminate_backend({lost.pid})")
    try:
        lost.wait(10)
        ok(False, "and can be terminated")
    except (Lost, SqlError):
        ok(True, "and can be terminated")
    holder.query("COMMIT")


def cancelled(session, watcher):
    session.send("SELECT " + call(USER, PROMPT, SIZE, None, "60 s"))
    until(lambda: waits(watcher, session))
    began = time.monotonic()
    watcher.query(f"SELECT pg_cancel_backend({session.pid})")
    try:
        session.wait()
    except SqlError as error:
        ok(time.monotonic() - began < SLACK, "and is at once")
        return error.sqlstate
    return None


def timed_out(session, _):
    session.query("SET statement_timeout = '50ms'")
    state = session.error("SELECT " + call(USER, PROMPT, SIZE, None, "60 s"))
    session.query("RESET statement_timeout")
    return state


def rules_hold(cluster, holder):
    session = cluster.session()
    plain, _ = timed(session, "10 s", "calm")
    artist = collections.Counter(track["artist"] for track in plain["tracks"]).most_common(1)[0][0]
    options = {"exclude_artists": [artist]}
    for tables in (["artist"], ["artist", "mood_term"]):
        holder.query(lock(tables))
        document, _ = timed(session, "200 ms", "calm", options=options)
        holder.query("COMMIT")
        ok(document["tracks"] and artist not in [track["artist"] for track in document["tracks"]],
           f"who is excluded is not listed where {' and '.join(tables)} cannot be read", artist)
    played = ids(plain)[:5]
    session.query(f"SELECT reco_listen('bo', id) FROM unnest({literal('{' + ','.join(played) + '}')}::text[]) AS id")
    holder.query(lock(["track", "artist", "mood_term"]))
    document, _ = timed(session, "200 ms", "calm", user="bo")
    holder.query("COMMIT")
    same(sorted(set(ids(document)) & set(played)), [], "nor what was just played, where only the catalogue cannot be read")


def hot_path(cluster, holder):
    """What was kept is given whatever is locked."""
    session = cluster.session()
    session.query("SET reco.result_cache = on")
    first, _ = timed(session, "10 s")
    timed(session, "10 s")
    holder.query(lock(TABLES))
    for deadline in ("0", "10 s"):
        again, took = timed(session, deadline)
        same([again["run_id"], ids(again)], [first["run_id"], ids(first)], f"a list that is kept is given, deadline {deadline}")
        ok(took < SLACK, "at once", took)
    other = cluster.session()
    other.query("SET reco.result_cache = on")
    same(timed(other, "0")[0]["run_id"], first["run_id"], "to a new session, too")
    document, took = timed(session, "400 ms", "something else")
    ok(len(document["tracks"]) == SIZE and not document["complete"] and took < 0.4 + SLACK,
       "what is not kept is made of what is at hand", document["missing"])
    holder.query("COMMIT")
    whole, _ = timed(session, "10 s", "something else")
    ok(whole["complete"] and whole["run_id"] != document["run_id"], "and that is not kept for others")


def no_catalogue(cluster, holder):
    """Nothing at hand at all: an error in time, never a wait."""
    session = cluster.session("empty")
    holder = cluster.session("empty")
    holder.query(lock(["track"]))
    began = time.monotonic()
    for deadline in ("400 ms", "0"):
        same(session.error("SELECT " + call("", "calm", SIZE, None, deadline)), "55P03",
             f"without any copy of the catalogue a lock on it is an error, deadline {deadline}")
    ok(time.monotonic() - began < 0.4 + SLACK, "in time")
    holder.query("COMMIT")
    same(session.error("SELECT " + call("", "calm")), "55000", "an empty one is another error")
    session.close()
    holder.close()


def locks():
    # what a listener's last run left would answer for tables that are locked
    with Cluster("reco.keeper_interval = '50ms'", "reco.artifacts = off") as cluster:
        session = cluster.session()
        session.query("CREATE EXTENSION reco CASCADE; SELECT reco_demo_catalogue(3000)")
        session.query("CREATE DATABASE empty")
        session.query("SELECT count(reco_listen(user_id => 'ana', track_id => track_id)) FROM"
                      " (SELECT track_id FROM reco.track ORDER BY track_id LIMIT 30) AS t")
        cluster.session("empty").query("CREATE EXTENSION reco CASCADE")
        ok(settled(session), "the catalogue is in shared memory")
        holder = cluster.session()
        full = ids(timed(session, "10 s")[0])
        locked_tables(cluster, holder, full)
        locked_indexes(cluster, holder, full)
        short_locks(cluster, holder)
        all_ways(cluster, holder)
        rules_hold(cluster, holder)
        hot_path(cluster, holder)
        no_catalogue(cluster, holder)


def main():
    locks()
    done()


main()
