#!/usr/bin/env python3
"""Claim: two databases with one credential share its limit, and never an answer.

The service counts by credential, whichever database asks. But what one database asked
is none of another's business, nor are its listeners.
"""
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from cluster import Cluster, connect_services, known_tracks, resolve  # noqa: E402
from emulator import Emulator, most_in_window  # noqa: E402
from reco_tap import done, ok, same, until  # noqa: E402

JITTER = 0.15       # of a call's way; and what the emulator was late by comes on top


def main():
    with Emulator("--latency", "none") as emulator, Cluster() as cluster:
        databases = []
        for name, rate in (("one", "40/2s"), ("two", "10/2s"), ("three", "40/2s")):
            watcher = cluster.session()
            watcher.query(f"CREATE DATABASE {name}")
            session = cluster.session(name)
            session.query("CREATE EXTENSION reco CASCADE")
            connect_services(session, emulator, reccobeats={"rate": rate, "batch_max": "1", "burst": "1"})
            databases.append(session)
        one, two, three = databases
        three.query("ALTER USER MAPPING FOR PUBLIC SERVER spotify OPTIONS (SET client_id 'another')")
        tracks = known_tracks(emulator, 60)

        emulator.reset_counters()
        emulator.config(latency={"reccobeats": 500})
        one.send(resolve("track_features", tracks[:1]))
        two.send(resolve("track_features", tracks[:1]))
        same([one.wait(), two.wait()], [[[tracks[0], "fresh"]]] * 2, "both databases get the answer")
        same(emulator.service("reccobeats")["calls"], 2, "each by a call of its own")
        emulator.config(latency={"reccobeats": 0})
        same(one.value("SELECT count(*) FROM reco_stat_upstream WHERE kind = 'reccobeats'"), "1",
             "but they are one upstream")

        one.send(resolve("track_features", tracks[:24], "30 s"))
        two.send(resolve("track_features", tracks[24:48], "30 s"))
        fresh = [row[1] for row in one.wait() + two.wait()]
        same(fresh.count("fresh"), 48, "both go on")
        times, lag = emulator.times("reccobeats"), emulator.counters()["lag"]
        most = most_in_window(times, 2 - JITTER - min(lag, 1))
        ok(most <= 10, "within the stricter of the two limits",
           f"{most} calls in one of {len(times)}; the emulator was {lag:.3f} s late at most")

        for session in databases:
            session.query(resolve("track_search", ["calm"]))
        same(one.value("SELECT count(*), count(DISTINCT credential) FROM reco_stat_upstream WHERE kind = 'spotify'"),
             "2", "another credential is another upstream")
        same(len({*emulator.service("spotify")["authorizations"]}), 2, "with a token of its own")
    done()


main()
