#!/usr/bin/env python3
"""Claim: who is in a hurry goes first, who is too late does not go at all.

Keys past their deadline are dropped unsent and counted. The background never takes the
last third of a budget, so who waits in front of a screen finds room. In the queue the
class counts, then the deadline. Without an argument the least of reco.deadline and the
server's option counts.
"""
import json
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from bench import Bench, outcomes  # noqa: E402
from cluster import Cluster, nothing_left, resolve  # noqa: E402
from emulator import Emulator  # noqa: E402
from reco_tap import done, ok, same, until  # noqa: E402

SOON = 4            # seconds; generous, as machines are shared
# what each kind's calls look like to the service
ROUTES = {"track_features": "GET /reccobeats/v1/audio-features", "reccobeats_id": "GET /reccobeats/v1/track",
          "recommendation": "GET /reccobeats/v1/track/recommendation"}


def begin(bench, **options):
    """Another upstream for each part: nothing is left of the part before."""
    bench.fresh("reccobeats", **{"batch_max": 1, "rate": "1000/1s", "burst": 100, **options})


def key(bench, kind, number):
    return json.dumps({"seeds": [bench.tracks[number]]}) if kind == "recommendation" else bench.tracks[number]


def timed(session, sql):
    began = time.monotonic()
    rows = session.query(sql)
    return time.monotonic() - began, [row[1] for row in rows]


def block(bench):
    """Takes the only place of a server with max_concurrency 1; who holds it."""
    holder = bench.others[5]
    calls = bench.calls()
    bench.emulator.fault([{"route": f"audio-features?ids={bench.tracks[149]}", "kind": "stall"}])
    holder.send(resolve("track_features", [bench.tracks[149]], "60 s"))
    until(lambda: bench.calls() == calls + 1, 20)
    return holder


def unblock(bench, holder):
    bench.session.query(f"SELECT pg_cancel_backend({holder.pid})")
    same(outcomes(holder), "57014", "the place is free again")


def too_late(bench):
    begin(bench, max_concurrency=1, rate="1000/1s", burst=100)
    holder = block(bench)
    before = bench.figure("expired")
    waited, got = timed(bench.others[0], resolve("track_features", bench.tracks[:5], "300 ms"))
    same(got, ["timeout"] * 5, "what cannot be sent by its deadline has timed out")
    ok(0.25 < waited < SOON, "when the deadline comes", f"{waited:.2f} s")
    ok(until(lambda: bench.figure("expired") - before == 5, 20), "it is counted as expired",
       bench.figure("expired"))
    unblock(bench, holder)
    same(bench.others[0].query(resolve("track_features", bench.tracks[5:7])),
         [[key, "fresh"] for key in bench.tracks[5:7]], "others go on")
    same(bench.calls(), 3, "and it was never sent")

    # one key for two: each has its own deadline
    holder = block(bench)
    bench.others[1].send(resolve("track_features", [bench.tracks[8]], "30 s"))
    until(lambda: bench.figure("queued") == 1, 20)
    before = bench.figure("expired")
    waited, got = timed(bench.others[0], resolve("track_features", [bench.tracks[8]], "200 ms"))
    same((got, waited < SOON), (["timeout"], True), "of two who ask the same, the one in a hurry leaves")
    same(bench.figure("expired"), before, "which drops nothing")
    unblock(bench, holder)
    same(outcomes(bench.others[1]), ["fresh"], "and the other is served")

    # a deadline that is over before it begins
    calls = bench.calls()
    waited, got = timed(bench.others[0], resolve("track_features", bench.tracks[10:15], "0"))
    same(got, ["timeout"] * 5, "deadline 0 brings an outcome")
    ok(waited < SOON, "at once", f"{waited:.2f} s")
    bench.others[0].query(resolve("track_features", [bench.tracks[15]]))
    same(bench.calls() - calls, 1, "and costs no call")

    # the own limit is known ahead: nobody waits for what will be too late
    begin(bench, rate="1/60s", burst=1)
    waited, got = timed(bench.others[0], resolve("track_features", bench.tracks[20:22], "30 s"))
    same(sorted(got), ["fresh", "limited"], "what the rate lets go too late is limited")
    ok(waited < 20, "long before its deadline", f"{waited:.2f} s")
    same(bench.calls(), 1, "and unsent")


def last_third(bench):
    """Of concurrency, of the burst, and of the window."""
    begin(bench, max_concurrency=6, rate="10000/1s", burst=1000)
    bench.emulator.config(latency={"reccobeats": 600})
    bench.others[0].send(resolve("reccobeats_id", bench.tracks[:30], "60 s", "warm"))
    bench.others[1].send(resolve("reccobeats_id", bench.tracks[30:60], "60 s", "prefetch"))
    bench.others[2].send(resolve("reccobeats_id", bench.tracks[60:90], "60 s", "refresh"))
    ok(until(lambda: bench.figure("in_flight") == 4 and bench.figure("queued") > 60, 20),
       "a background flood is queued")
    queued, calls = bench.figure("queued"), bench.calls()
    waited, got = timed(bench.others[3], resolve("track_features", bench.tracks[90:92], "30 s"))
    same(got, ["fresh"] * 2, "an interactive question is answered")
    ok(bench.figure("queued") > 0, "while the flood still waits", f"{waited:.2f} s")
    order = bench.order()[calls:]
    first = order.index(ROUTES["track_features"])
    # some of the flood go while the question is on its way
    ok(first <= queued // 2, "it goes at once, before what is queued", f"after {first} of {queued}")
    counters = bench.emulator.counters()["routes"]
    same(counters[ROUTES["reccobeats_id"]]["most_in_flight"], 4, "of 6 places the background takes 4")
    same(counters[ROUTES["track_features"]]["most_in_flight"], 2, "the others were free")

    # who asks for a queued key lifts it
    key = bench.tracks[29]
    waited, got = timed(bench.others[3], resolve("reccobeats_id", [key], "30 s"))
    same((got, bench.figure("queued") > 0), (["fresh"], True), "a queued key that somebody waits for is lifted")
    for session in bench.others[:3]:
        same(outcomes(session), ["fresh"] * 30, "in the end the background is served, too")
    same(bench.emulator.service("reccobeats")["duplicates"], 0, "nothing was asked twice")

    begin(bench, max_concurrency=100, rate="30/600s", burst=30)
    got = [row[1] for row in bench.others[0].query(resolve("reccobeats_id", bench.tracks[:40], "5 s", "prefetch"))]
    same((got.count("fresh"), got.count("limited")), (20, 20), "of 30 calls at once the background takes 20")
    got = [row[1] for row in bench.others[0].query(resolve("track_features", bench.tracks[:11], "5 s"))]
    same((got.count("fresh"), got.count("limited")), (10, 1), "and 10 are left for who waits")

    # two thirds of the day's quota are the background's, and of these a sixth in an hour
    begin(bench, max_concurrency=100, daily_quota=36, rate="1000/1s", burst=100)
    got = [row[1] for row in bench.others[0].query(resolve("reccobeats_id", bench.tracks[:10], "5 s", "warm"))]
    same((got.count("fresh"), got.count("quota")), (4, 6), "of the day's 36 calls the background takes 4 in an hour")
    got = [row[1] for row in bench.others[0].query(resolve("track_features", bench.tracks[:34], "5 s"))]
    same((got.count("fresh"), got.count("quota")), (32, 2), "and all others are left for who waits")


def queued_order(bench, name, asks, expected):
    """Queues questions behind a full place, and looks in which order they go."""
    begin(bench, max_concurrency=1, rate="1000/1s", burst=100)
    holder = block(bench)
    for number, (kind, deadline, priority) in enumerate(asks):
        bench.others[number].send(resolve(kind, [key(bench, kind, number)], deadline, priority))
        until(lambda n=number: bench.figure("queued") == n + 1, 20)
    unblock(bench, holder)
    same([outcomes(bench.others[number]) for number in range(len(asks))], [["fresh"]] * len(asks),
         f"{name}: all are served")
    same(bench.order()[1:], [ROUTES[kind] for kind in expected], f"{name}: in the right order")


def order(bench):
    queued_order(bench, "interactive, refresh, warm",
                 [("track_features", "20 s", "warm"), ("recommendation", "30 s", "refresh"),
                  ("reccobeats_id", "40 s", "interactive")],
                 ["reccobeats_id", "recommendation", "track_features"])
    queued_order(bench, "refresh, prefetch, warm",
                 [("recommendation", "20 s", "warm"), ("reccobeats_id", "30 s", "prefetch"),
                  ("track_features", "40 s", "refresh")],
                 ["track_features", "reccobeats_id", "recommendation"])
    queued_order(bench, "earliest deadline first",
                 [("track_features", "40 s", "interactive"), ("reccobeats_id", "20 s", "interactive"),
                  ("recommendation", "30 s", "interactive")],
                 ["reccobeats_id", "recommendation", "track_features"])
    queued_order(bench, "earliest deadline first in the background, too",
                 [("track_features", "30 s", "prefetch"), ("reccobeats_id", "40 s", "prefetch"),
                  ("recommendation", "20 s", "prefetch")],
                 ["recommendation", "track_features", "reccobeats_id"])


def default_deadline(bench):
    begin(bench, deadline="20s")
    bench.emulator.fault([{"route": "*", "kind": "stall"}])
    session = bench.others[0]
    sql = f"SELECT key, outcome FROM reco_resolve('track_features', ARRAY['{bench.tracks[0]}'])"
    session.query("SET reco.deadline = '500ms'")
    waited, got = timed(session, sql)
    same(got, ["timeout"], "without an argument, reco.deadline counts")
    ok(0.45 < waited < 0.5 + SOON, "when it is the least", f"{waited:.2f} s")
    session.query("SET reco.deadline = '20s'")
    bench.session.query("ALTER SERVER reccobeats OPTIONS (SET deadline '500ms')")
    waited, got = timed(session, sql)
    same(got, ["timeout"], "or the server's option deadline")
    ok(0.45 < waited < 0.5 + SOON, "when that is the least", f"{waited:.2f} s")
    waited, got = timed(session, resolve("track_features", [bench.tracks[0]], "1.5 s"))
    same(got, ["timeout"], "an argument counts alone")
    ok(1.4 < waited < 1.5 + SOON, "even if it is more", f"{waited:.2f} s")
    same(session.error(resolve("track_features", [bench.tracks[0]], "-1 s")), "22023",
         "a negative deadline is an error")


def main():
    with Emulator("--preset", "extended", "--latency", "none") as emulator, Cluster() as cluster:
        session = cluster.session()
        session.query("CREATE EXTENSION reco CASCADE")
        bench = Bench(emulator, session)
        bench.others = [cluster.session() for _ in range(6)]
        too_late(bench)
        last_third(bench)
        order(bench)
        default_deadline(bench)
        emulator.reset()
        same(nothing_left(bench.session), None, "no slot and no memory is left behind")
    done()


main()
