#!/usr/bin/env python3
"""Claim: keys that can share a call do, whoever asks for them, and none waits for company.

As many as the service takes in one call, and no more; of several sessions, when the lane
is busy anyway. An idle lane sends at once. Option batch_max and setting reco.batching
decide.
"""
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from bench import Bench, outcomes  # noqa: E402
from cluster import Cluster, nothing_left, resolve  # noqa: E402
from emulator import Emulator  # noqa: E402
from reco_tap import done, ok, same, until  # noqa: E402

SESSIONS = 10
HOLD_MS = 3         # so long a key may wait for others


def sizes(bench):
    """How many calls had how many keys."""
    return {int(keys): calls for keys, calls in bench.emulator.service("reccobeats")["keys_per_call"].items()}


def one_question(bench):
    for count, wanted in ((1, {1: 1}), (40, {40: 1}), (41, {40: 1, 1: 1}), (100, {40: 2, 20: 1})):
        bench.fresh("reccobeats")
        same(bench.ask("track_features", bench.tracks[:count]), ["fresh"] * count, f"{count} keys")
        same(sizes(bench), wanted, "go by as few calls as the service allows")
    same(bench.figures("keys", "calls"), ["100", "3"], "the view counts keys and calls")
    bench.fresh("reccobeats", batch_max=7)
    same(bench.ask("track_features", bench.tracks[:20]), ["fresh"] * 20, "with batch_max 7, 20 keys")
    same(sizes(bench), {7: 2, 6: 1}, "go by three")
    bench.fresh("reccobeats", batch_max=100)
    bench.ask("track_features", bench.tracks[:50])
    same(sizes(bench), {40: 1, 10: 1}, "a larger batch_max than the service's is none")
    bench.fresh("reccobeats")
    same(bench.ask("track_features", bench.tracks[:3] * 3), ["fresh"] * 9, "the same key three times")
    same(sizes(bench), {3: 1}, "goes once")
    bench.fresh("spotify")
    same(bench.ask("track_facts", bench.tracks[:120]), ["fresh"] * 120, "Spotify takes more tracks at once")
    same(bench.calls(), 3, "50 of them")
    bench.fresh("spotify")
    bench.ask("track_search", ["one", "two"])
    same(bench.calls(), 2, "searches go one by one")


def many_sessions(bench, others, name, sql_of, wanted):
    """Sessions that ask while one call is under way, which is all that may be."""
    bench.fresh("reccobeats", max_concurrency=1)
    bench.emulator.fault([{"route": f"ids={bench.tracks[149]}", "kind": "stall"}])
    holder = others[SESSIONS]
    holder.send(resolve("track_features", [bench.tracks[149]], "60 s"))
    until(lambda: bench.calls() == 1, 20)
    for number, session in enumerate(others[:SESSIONS]):
        session.send(sql_of(bench.tracks[4 * number:4 * number + 4]))
    ok(until(lambda: bench.figure("queued") == 4 * SESSIONS, 20), f"{name}: {SESSIONS} sessions wait with 4 keys each",
       bench.figures("queued"))
    bench.session.query(f"SELECT pg_cancel_backend({holder.pid})")
    outcomes(holder)
    same([outcomes(session) for session in others[:SESSIONS]], [["fresh"] * 4] * SESSIONS, f"{name}: all get their answers")
    found = sizes(bench)
    found[1] = found.get(1, 0) - 1      # the one that kept the lane busy
    same({keys: calls for keys, calls in found.items() if calls}, wanted, f"{name}: by these calls")


def idle(bench):
    """A key that comes alone does not wait."""
    bench.fresh("reccobeats")
    for track in bench.tracks[:60]:
        bench.ask("track_features", [track])
    waited = float(bench.figures("queue_p50_ms")[0])
    ok(waited < HOLD_MS, "an idle lane holds nothing back", f"{waited} ms in the median")
    same(sizes(bench), {1: 60}, "60 questions, one after another, are 60 calls")


def main():
    with Emulator("--preset", "extended", "--latency", "none") as emulator, Cluster() as cluster:
        session = cluster.session()
        session.query("CREATE EXTENSION reco CASCADE")
        bench = Bench(emulator, session)
        one_question(bench)
        idle(bench)

        first = bench.tracks[:20]
        others = [cluster.session() for _ in range(SESSIONS + 1)]
        many_sessions(bench, others, "together", lambda keys: resolve("track_features", keys, "60 s"), {40: 1})
        many_sessions(bench, others, "classes mixed", lambda keys: resolve(
            "track_features", keys, "60 s", "interactive" if keys[0] in first else "warm"), {40: 1})
        for other in others[:SESSIONS]:
            other.query("SET reco.batching = off")
        many_sessions(bench, others, "batching off", lambda keys: resolve("track_features", keys, "60 s"), {1: 40})
        for other in others[:5]:
            other.query("RESET reco.batching")
        many_sessions(bench, others, "half of them off", lambda keys: resolve(
            "track_features", keys, "50 s" if keys[0] in first else "60 s"), {1: 20, 20: 1})
        emulator.reset()
        same(nothing_left(session), None, "no slot and no memory is left behind")
    done()


main()
