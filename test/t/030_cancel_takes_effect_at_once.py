#!/usr/bin/env python3
"""Claim: statement_timeout, cancel and terminate take effect at once, everywhere.

During a cold load, a ranking of everything, an import, a demo catalogue and a
search that stays short: what ends it comes soon after it was asked for, the
session goes on and answers as a fresh one, and the log has no leak to tell of.
"""
import os
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from cluster import Cluster  # noqa: E402
from reco_tap import Lost, Session, SqlError, call, done, list_of, literal, ok, same, until  # noqa: E402

TRACKS = int(os.environ.get("RECO_TEST_TRACKS", "100000"))
SOON = 5            # seconds; generous, as machines are shared
QUESTION = ("", "rainy sunday, calm", 20)

LOAD = "SELECT count(*) FROM " + call(*QUESTION, None, "10 min", "reco_generate")
RANK = "SELECT count(*) FROM reco_rank('', 'calm', 2000000)"

# who comes too late to interrupt one of these finds that it was rolled back all the same
IMPORT = "SELECT 1 / (0 * length(reco_catalogue_import('songs')::text))"
DEMO = f"SELECT 1 / (0 * length(reco_demo_catalogue({3 * TRACKS}, 2)::text))"
TO_ITS_END = (None, "22012")


def outcome(session, seconds=60):
    """How a statement under way ends: its SQLSTATE, None for well, 'lost'."""
    try:
        session.wait(seconds)
        return None
    except SqlError as error:
        return error.sqlstate
    except Lost:
        return "lost"


def interrupt(watcher, statement, how, after):
    """
    Starts a statement in a new session and interrupts it once it is under way and
    'after' ms more. Returns (how it ended, seconds that took, the session).
    """
    session = Session()
    pid = session.pid
    session.send(statement)
    until(lambda: watcher.value(f"SELECT query NOT LIKE '%pg_backend_pid%' FROM pg_stat_activity WHERE pid = {pid}") == "t", 20)
    watcher.query(f"SELECT pg_sleep({after / 1000})")
    began = time.monotonic()
    watcher.query(f"SELECT pg_{how}_backend({pid})")
    ended = outcome(session)
    return ended, time.monotonic() - began, session


def check(watcher, expected, statement, name, delays=(0, 20, 150, 700)):
    for how, good in (("cancel", "57014"), ("terminate", "lost")):
        wrong, hit, longest, last = [], 0, 0.0, None
        for after in delays:
            ended, took, session = interrupt(watcher, statement, how, after)
            longest = max(longest, took)
            if ended not in (good, *TO_ITS_END):
                wrong.append(f"after {after} ms it ended with {ended}")
            hit += ended == good
            if how == "cancel":
                last = session
                if list_of(session, *QUESTION, None, "10 min") != expected:
                    wrong.append(f"another list after a cancel at {after} ms")
        ok(not wrong, f"{how} during {name}: {hit} of {len(delays)} were in time", *wrong)
        ok(longest < SOON, f"{how} during {name} took effect at once", f"{longest:.1f} s")
        if last:
            last.close()


def check_timeout(expected, statement, name):
    session = Session()
    for limit in (1, 15, 120):
        session.query(f"SET statement_timeout = {limit}")
        began = time.monotonic()
        state = session.error(statement)
        took = time.monotonic() - began
        ok(state in ("57014", *TO_ITS_END) and (state in TO_ITS_END or took < SOON),
           f"statement_timeout of {limit} ms during {name}", f"{state} after {took:.1f} s")
        until(lambda: session.error("SET statement_timeout = 0") is None)     # which has that time, too
    same(list_of(session, *QUESTION, None, "10 min"), expected, f"and the session goes on after {name}")
    session.query("BEGIN; SAVEPOINT s")
    session.query("SET LOCAL statement_timeout = 3")
    session.error(statement)
    until(lambda: session.error("ROLLBACK TO s") is None)
    same(list_of(session, *QUESTION, None, "10 min"), expected, "also after a savepoint in one transaction")
    session.query("ROLLBACK")
    session.close()


def complaints(cluster):
    """What the log says of leaks."""
    words = ("leak", "still referenced", "still active", "not closed", "TRAP", "was terminated by signal",
             "transaction left non-empty SPI stack")
    return [line for line in cluster.log_text().splitlines() if any(w in line for w in words)]


def main():
    # without a keeper, which shares its matrix, every session's first load is a cold one
    with Cluster("reco.keeper = off") as cluster:
        watcher = cluster.session()
        watcher.query("CREATE EXTENSION reco CASCADE")
        watcher.query(f"SELECT reco_demo_catalogue({TRACKS})", 200)
        watcher.query(f"CREATE TABLE songs AS SELECT 'imp' || i AS id, 'Song ' || i AS name, 'Band ' || i % 4000 AS"
                      f" artists, 'rock;pop' AS track_genre, random() AS energy FROM generate_series(1, {TRACKS}) i")
        expected = list_of(watcher, *QUESTION, None, "10 min")

        check(watcher, expected, LOAD, "a cold load")
        check(watcher, expected, RANK, "a ranking of everything")
        check_timeout(expected, RANK, "a cold ranking of everything")
        check(watcher, expected, IMPORT, "an import", (5, 400))
        check(watcher, expected, DEMO, "a demo catalogue", (5, 400))
        check_timeout(expected, IMPORT, "an import")
        same(watcher.value("SELECT count(*) FROM reco.track"), str(TRACKS), "what was cancelled left no track")
        same(list_of(watcher, *QUESTION, None, "10 min"), expected, "and the catalogue is what it was")
        locks = ("SELECT count(*) FROM pg_locks AS l JOIN pg_stat_activity USING (pid) WHERE datname = current_database()"
                 " AND l.database = datid AND backend_type = 'client backend' AND pid <> pg_backend_pid()")
        ok(until(lambda: watcher.value(locks) == "0"), "nobody is left with a lock")
        told = complaints(cluster)
        ok(not told, "the log tells of no leak", *told[:5])
    done()


main()
