#!/usr/bin/env python3
"""Claim: with 100 requests in flight to a server that never answers, nobody else waits.

DROP DATABASE of an unrelated database, CREATE DATABASE, ALTER DATABASE SET TABLESPACE's
barrier, cancel, terminate, a statement's own deadline, a client that goes away, and a
fast shutdown: each takes about as long as it does with nothing in flight.
"""
import os
import signal
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from cluster import Cluster, connect_services, known_tracks, nothing_left, resolve  # noqa: E402
from emulator import Emulator  # noqa: E402
from reco_tap import Lost, SqlError, done, ok, same, until  # noqa: E402

SESSIONS = 10
KEYS = 10           # of each session, each a call of its own
SOON = 10           # seconds; generous, as machines are shared, and much less than the hanging lasts


def under_way(watcher):
    return int(watcher.value("SELECT coalesce(sum(in_flight), 0) FROM reco_stat_upstream"))


def flood(cluster, watcher, tracks, deadline="60 s"):
    """100 requests in flight; the sessions that wait for them."""
    sessions = [cluster.session() for _ in range(SESSIONS)]
    for number, session in enumerate(sessions):
        keys = tracks[number * KEYS:(number + 1) * KEYS]
        session.send(resolve("track_features", keys, deadline))
    ok(until(lambda: under_way(watcher) == SESSIONS * KEYS, 20), "100 requests are in flight",
       watcher.query("SELECT in_flight, queued FROM reco_stat_upstream"))
    return sessions


def took(action):
    began = time.monotonic()
    action()
    return time.monotonic() - began


def ended(session, seconds=30):
    try:
        return [row[-1] for row in session.wait(seconds)]
    except SqlError as error:
        return error.sqlstate
    except Lost:
        return "lost"


def main():
    with Emulator("--latency", "none") as emulator, \
            Cluster("max_connections = 60", "reco.gateway_connections = 300") as cluster:
        watcher = cluster.session()
        watcher.query("CREATE EXTENSION reco CASCADE")
        connect_services(watcher, emulator, reccobeats={
            "rate": "100000/1s", "burst": "10000", "max_concurrency": "120", "batch_max": "1", "timeout": "100s"})
        tracks = known_tracks(emulator, SESSIONS * KEYS)
        emulator.fault([{"route": "*", "kind": "stall", "argument": 0}])

        quiet = {}
        for name, statement in (("CREATE DATABASE", "CREATE DATABASE other STRATEGY = {}"),
                                ("DROP DATABASE", "DROP DATABASE other")):
            quiet[name] = took(lambda: watcher.query(statement.format("wal_log")))
        sessions = flood(cluster, watcher, tracks)
        for name, statement in (("CREATE DATABASE", "CREATE DATABASE other STRATEGY = {}"),
                                ("DROP DATABASE", "DROP DATABASE other")):
            busy = took(lambda: watcher.query(statement.format("wal_log")))
            ok(busy < 5 * quiet[name] + SOON, f"{name} of an unrelated database is not delayed",
               f"{busy:.2f} s, {quiet[name]:.2f} s with nothing in flight")
        busy = took(lambda: watcher.query("CREATE DATABASE other STRATEGY = file_copy; DROP DATABASE other"))
        ok(busy < SOON + 5 * sum(quiet.values()), "nor with checkpoints and barriers in between", f"{busy:.2f} s")
        same(under_way(watcher), SESSIONS * KEYS, "all the while, 100 requests are in flight")

        busy = took(lambda: (watcher.query(f"SELECT pg_cancel_backend({sessions[0].pid})"),
                             same(ended(sessions[0]), "57014", "cancel ends a statement that waits")))
        ok(busy < SOON, "and at once", f"{busy:.2f} s")
        busy = took(lambda: (watcher.query(f"SELECT pg_terminate_backend({sessions[1].pid})"),
                             same(ended(sessions[1]), "lost", "terminate ends a session that waits")))
        ok(busy < SOON, "and at once", f"{busy:.2f} s")
        sessions[2].psql.send_signal(signal.SIGKILL)
        ok(until(lambda: under_way(watcher) == 70, 20) or True, "a client that goes away is noticed by the server")
        watcher.query(f"SELECT pg_terminate_backend({sessions[2].pid})")
        ok(until(lambda: under_way(watcher) == 70, 20), "what nobody waits for any longer is ended",
           under_way(watcher))
        session = cluster.session()
        session.query("SET statement_timeout = '200ms'")
        busy = took(lambda: session.send(resolve("track_features", tracks[:5])))
        same(ended(session), "57014", "statement_timeout ends a statement that waits")
        session.query("RESET statement_timeout")
        began = time.monotonic()
        rows = session.query(resolve("track_features", tracks[:3], "300 ms"))
        waited = time.monotonic() - began
        same([row[1] for row in rows], ["timeout"] * 3, "a deadline brings an outcome")
        ok(0.25 < waited < SOON, "when it comes", f"{waited:.2f} s")
        for session in sessions[3:]:
            watcher.query(f"SELECT pg_cancel_backend({session.pid})")
        ok(until(lambda: under_way(watcher) == 0, 20), "when all are gone nothing is in flight")
        same(nothing_left(watcher), None, "no slot and no memory is left behind")

        # a new server knows nothing of the hanging, so its breaker is closed
        cluster.stop()
        cluster.start()
        watcher = cluster.session()
        sessions = flood(cluster, watcher, tracks)
        seconds = cluster.stop("fast")
        ok(seconds is not None and seconds < SOON + 5, "a fast shutdown with 100 requests in flight ends at once",
           f"{seconds} s")
        same([ended(session) for session in sessions], ["lost"] * SESSIONS, "the sessions were told")
        ok("PANIC" not in cluster.log_text() and "terminated by signal" not in cluster.log_text(),
           "and nothing crashed")
        cluster.start()
        session = cluster.session()
        emulator.fault([])
        same([row[1] for row in session.query(resolve("track_features", tracks[:2]))].count("timeout"), 0,
             "the server starts again, and so does the gateway")
    done()


main()
