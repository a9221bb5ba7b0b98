#!/usr/bin/env python3
"""Claim: what a service answered is not asked again, by anybody, until it expires.

By the same session, another one, after the keeper wrote it, after a restart, after a
crash as far as the table goes; also what the asker did not live to see, or read in a
transaction that was rolled back. What is stale is given at once, and asked again once.
"""
import os
import signal
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from cluster import Cluster, connect_services, gateway_pid, known_tracks, nothing_left, resolve  # noqa: E402
from emulator import Emulator  # noqa: E402
from reco_tap import Lost, SqlError, call, done, ok, same, until  # noqa: E402

ENDS = "terminating any other active server processes"      # the log: from here on nobody is served who was before


def asked(session, kind, keys, deadline="10 s"):
    return [tuple(row) for row in session.query(resolve(kind, keys, deadline, columns="outcome, origin"))]


def calls(emulator, service="reccobeats"):
    return emulator.service(service)["calls"]


def without_a_gap(cluster, emulator, tracks):
    """Sessions ask for one key after another, some a little late: each key is asked for once."""
    sessions = [cluster.session() for _ in range(10)]
    before = calls(emulator)
    for track in tracks:
        for session in sessions:
            session.send(resolve("track_features", [track], "20 s"))
        for session in sessions:
            session.wait(30)
    same(calls(emulator), before + len(tracks), "however late another one asks, a key is asked for once")
    for session in sessions:
        session.close()


def is_back(cluster):
    try:
        return gateway_pid(cluster.session()) is not None
    except (Lost, SqlError):
        return False


def counted(session):
    """The counters that only questions move."""
    return session.query("SELECT hits, table_hits, absent_hits, misses, coalesced FROM reco_cache_stats"
                         " WHERE category = 'features'")[0]


def main():
    with Emulator("--latency", "none", "--preset", "extended") as emulator, \
            Cluster("reco.job_workers = 0", "reco.keeper_interval = '50ms'", "reco.cache = on", "reco.id_registry = on", "reco.learn = off") as cluster:
        one, two = cluster.session(), cluster.session()
        one.query("CREATE EXTENSION reco CASCADE")
        connect_services(one, emulator, reccobeats={"rate": "10000/1s", "max_concurrency": "20"},
                         spotify={"rate": "10000/1s", "daily_quota": "100000"})
        known = known_tracks(emulator, 260)
        tracks, late = known[:60], known[60:]
        missing = [track["id"] for track in emulator.tracks(30, covered="false")][:3]

        same(asked(one, "track_features", tracks[:5]), [("fresh", "live")] * 5, "a service is asked")
        before = calls(emulator)
        same(asked(one, "track_features", tracks[:5]), [("fresh", "cached")] * 5, "what it said is kept")
        same(asked(two, "track_features", tracks[3:5]), [("fresh", "cached")] * 2, "for other sessions, too")
        same(asked(two, "track_features", tracks[4:6]), [("fresh", "cached"), ("fresh", "live")], "the rest is asked")
        same(calls(emulator), before + 1, "by one call")
        same(asked(two, "track_features", tracks[:3], "0"), [("fresh", "cached")] * 3, "a deadline of 0 reads what is kept")
        same(asked(two, "track_features", tracks[6:7], "0"), [("timeout", "")], "and asks for nothing")
        same(asked(one, "track_features", missing), [("absent", "")] * 3, "what there is not")
        before = calls(emulator)
        same(asked(two, "track_features", missing), [("absent", "")] * 3, "is known not to be there")
        same(calls(emulator), before, "without a call")

        two.query("SET reco.cache = off")
        same(asked(two, "track_features", tracks[:2]), [("fresh", "live")] * 2, "reco.cache = off asks again")
        two.query("RESET reco.cache")

        one.query("BEGIN")
        same(asked(one, "track_features", tracks[10:12]), [("fresh", "live")] * 2, "what is asked in a transaction")
        one.query("ROLLBACK")
        one.query("BEGIN READ ONLY")
        same(asked(one, "track_features", tracks[10:12]), [("fresh", "cached")] * 2, "is there after its rollback")
        one.query("COMMIT")

        emulator.config(latency={"reccobeats": 4000})
        before = calls(emulator)
        two.send(resolve("track_features", tracks[12:14], "30 s"))
        until(lambda: calls(emulator) > before)
        one.query(f"SELECT pg_cancel_backend({two.pid})")
        try:
            two.wait()
            ok(False, "an asker that is cancelled")
        except SqlError as error:
            same(error.sqlstate, "57014", "an asker that is cancelled")
        same(asked(two, "track_features", tracks[14:16], "3 s"), [("timeout", "")] * 2, "or has no more time")
        ok(until(lambda: asked(one, "track_features", tracks[12:16], "0") == [("fresh", "cached")] * 4),
           "loses nothing: the answers are kept")
        ok(calls(emulator) <= before + 2, "and were asked for once")
        emulator.config(latency={"reccobeats": 0})

        without_a_gap(cluster, emulator, late)

        # the table, by the keeper
        ok(until(lambda: int(one.value("SELECT count(*) FROM reco.cache WHERE category = 'features'")) >= 15),
           "the keeper writes what was kept", one.query("SELECT category, count(*) FROM reco.cache GROUP BY 1"))
        before = counted(one)
        ok(all(int(value) > 0 for value in before[:1] + before[2:]), "all that is counted, the late ones as coalesced", before)
        cluster.stop()
        cluster.start()
        one, two = cluster.session(), cluster.session()
        same(counted(one), before, "counters go on after a clean restart")
        before = calls(emulator)
        same(asked(one, "track_features", tracks[:5]), [("fresh", "cached")] * 5, "after a restart it comes from the table")
        same(asked(two, "track_features", missing), [("absent", "")] * 3, "also what there is not")
        same(calls(emulator), before, "without a call")
        ends = cluster.log_text().count(ENDS)
        os.kill(gateway_pid(one), signal.SIGKILL)
        ok(until(lambda: cluster.log_text().count(ENDS) > ends) and until(lambda: is_back(cluster)), "the server comes back after a crash")
        one, two = cluster.session(), cluster.session()
        same(counted(one), ["0"] * 5, "after a crash they begin anew")

        # another market, another model
        same(asked(one, "track_facts", tracks[:1]), [("fresh", "live")], "facts of a track")
        same(asked(one, "track_facts", tracks[:1]), [("fresh", "cached")], "are kept")
        one.query("ALTER SERVER spotify OPTIONS (ADD market 'DE')")
        same(asked(one, "track_facts", tracks[:1]), [("fresh", "live")], "but for the market that was asked")

        # stale
        one.query("UPDATE reco.cache_policy SET fresh = '1 ms', usable = '1 hour' WHERE category = 'features'")
        same(asked(one, "track_features", tracks[30:32]), [("fresh", "live")] * 2, "with a short policy")
        before = calls(emulator)
        emulator.config(latency={"reccobeats": 8000})      # what is asked again is under way until all have looked
        two.query("SELECT 1")
        began = time.monotonic()
        stale = asked(two, "track_features", tracks[30:32])
        same(stale, [("fresh", "stale")] * 2, "what is stale is given")
        ok(time.monotonic() - began < 4, "at once")
        for _ in range(3):
            asked(two, "track_features", tracks[30:32])
        ok(until(lambda: calls(emulator) > before), "and asked again")
        same(calls(emulator), before + 1, "once")
        emulator.config(latency={"reccobeats": 0})
        one.query("UPDATE reco.cache_policy SET fresh = '90 days', usable = '180 days' WHERE category = 'features'")
        one.query("UPDATE reco.cache_policy SET fresh = '0' WHERE category = 'features'")
        same(asked(one, "track_features", tracks[:1]), [("fresh", "live")], "a category without time is not kept")

        # two databases never meet
        one.query("CREATE DATABASE other")
        other = cluster.session("other")
        other.query("CREATE EXTENSION reco CASCADE")
        connect_services(other, emulator, reccobeats={"rate": "10000/1s"})
        same(asked(other, "track_features", tracks[10:11]), [("fresh", "live")], "another database asks for itself")

        # a list
        one.query("SELECT reco_demo_catalogue(500)")
        artist = emulator.artists(12)[9]["name"]
        sql = "SELECT count(*) FILTER (WHERE origin = 'live'), count(*) FILTER (WHERE origin = 'cached'), count(*) FROM " \
            + call("", f'calm, like "{artist}"', 20, function="reco_generate")
        first = one.query(sql)[0]
        ok(int(first[0]) > 0, "a list has live tracks", first)
        one.query("UPDATE reco.cache_policy SET fresh = '1 day', usable = '2 days' WHERE category = 'features'")

        # features that came after a list was made may change what the next one asks
        made = []
        for _ in range(20):
            emulator.reset_counters()
            again = one.query(sql)[0]
            made.append(calls(emulator) + calls(emulator, "spotify"))
            if made[-1] == 0:
                break
        ok(int(again[1]) > 0 and again[0] == "0", "the same question again has them from what was kept", again)
        same(made[-1], 0, "and asks nobody in the end")
        same(nothing_left(one), None, "no slot and no memory is left behind")
    done()


main()
