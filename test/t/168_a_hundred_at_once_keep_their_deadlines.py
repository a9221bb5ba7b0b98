#!/usr/bin/env python3
"""Claim: a hundred listeners at once each get a list in time, and a service never more than its limit; who asks again gets more.

A hundred sessions ask for a hundred things under a limit that lets a few of them through: no error, no list late or short,
no call beyond the limit, every slot free again. And what a deadline has cut short goes on: the second call for the same is
complete, has at least as much of the services, and costs fewer calls than a first one that was not cut.
"""
import json
import sys
from concurrent.futures import ThreadPoolExecutor

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from chaos import SERVICES, SLACK, World, consistency  # noqa: E402
from cluster import Cluster, nothing_left  # noqa: E402
from emulator import Emulator, most_in_window  # noqa: E402
from reco_tap import SqlError, call, done, ok, same, until  # noqa: E402
from rules import SIZE, broken_rules, origins  # noqa: E402

CROWD = 100
DEADLINE = 6        # seconds
WINDOWS = {"spotify": (90, 30), "reccobeats": (60, 30), "gemini": (15, 60)}
AS_IT_IS = {"rate": None, "burst": None, "max_concurrency": None, "timeout": None}


def ask_all(sessions, prompts, deadline):
    """All at once: (documents, the most seconds that one took, errors). The clock is the server's."""
    for number, (session, prompt) in enumerate(zip(sessions, prompts)):
        session.send("WITH b AS MATERIALIZED (SELECT clock_timestamp() AS at), d AS MATERIALIZED (SELECT at, "
                     + call(f"user{number}" if number % 2 else "", prompt, SIZE, {"seed": 7}, deadline) + " AS document FROM b)"
                     " SELECT jsonb_build_object('seconds', extract(epoch FROM clock_timestamp() - at), 'document', document) FROM d")
    documents, seconds, errors = [], [], []
    for session in sessions:
        try:
            value = json.loads(session.wait()[0][0])
            documents.append(value["document"])
            seconds.append(value["seconds"])
        except SqlError as error:
            errors.append(str(error))
    return documents, max(seconds, default=0), errors


def crowds(cluster):
    with Emulator("--latency", 30, "--window", "90/30", "--quota", "600") as emulator:
        world = World(cluster, "chaos_crowd", emulator, **AS_IT_IS)
        world.session.query("ALTER SERVER spotify OPTIONS (DROP daily_quota)")
        with ThreadPoolExecutor(8) as pool:
            sessions = list(pool.map(lambda _: cluster.session(world.name), range(CROWD)))
        _, floor, errors = ask_all(sessions, ["calm"] * CROWD, "0")
        same(errors, [], f"{CROWD} at once without time: no error")
        for number, preset in enumerate(("extended", "dev-2026")):
            crowd(world, sessions, preset, number, floor)
        for session in sessions:
            session.close()


def crowd(world, sessions, preset, number, floor):
    emulator = world.emulator
    prompts = [f"like {artist}, {('calm', 'loud')[number]}" for artist in world.artists[:CROWD]]
    assert len(prompts) == CROWD
    world.rest()
    world.renew(SERVICES)
    emulator.reset()
    emulator.config(preset=preset, limit={kind: {"count": count, "seconds": seconds} for kind, (count, seconds) in WINDOWS.items()})
    documents, most, errors = ask_all(sessions, prompts, f"{DEADLINE} s")
    same(errors, [], f"{preset}: {CROWD} at once: no error")
    ok(most < DEADLINE + SLACK + 1.5 * floor, f"{preset}: none is late", f"{most:.1f} s; without time {floor:.1f} s")
    wrong = [line for document in documents for line in broken_rules(document) + consistency(document)]
    same(wrong[:5], [], f"{preset}: each has a whole list that keeps to the rules")
    live = sum(origins(document)["live"] + origins(document)["cached"] > 0 for document in documents)
    ok(live > 0, f"{preset}: some have what services tell", live)
    same(nothing_left(world.session), None, f"{preset}: no slot and no memory is left behind")
    world.rest()
    for name in SERVICES:
        service = emulator.service(name)
        count, length = WINDOWS[name]
        found = most_in_window([row[0] for row in service["log"]], length)
        ok(found <= count, f"{preset}: {name} is never asked more than {count} times in {length} s", found)
        same([service[what] for what in ("over_limit", "over_quota", "in_cooldown", "after_refusal", "duplicates")], [0] * 5,
             f"{preset}: {name} has nothing to complain about")


def calls_of(emulator):
    return sum(emulator.service(name)["calls"] for name in SERVICES)


def again(cluster):
    """The second call for what a deadline has cut short."""
    with Emulator("--preset", "extended", "--latency", "none", "--window", "none") as emulator:
        worlds = [World(cluster, f"chaos_again_{number}", emulator, timeout="60s") for number in range(2)]
        cut, whole = worlds
        cut.renew(SERVICES)
        whole.renew(SERVICES)
        for number in range(3):
            prompt = f"like {cut.artists[number]}, calm, slow"
            emulator.config(latency={"spotify": 1500, "reccobeats": 1500, "gemini": 1500, "accounts": 0})
            emulator.reset_counters()
            full, _, wrong = whole.list_of(prompt, "60 s")
            same((wrong, full["complete"]), ([], True), f"{prompt}: with time enough it is complete")
            needed = calls_of(emulator)
            emulator.reset_counters()
            first, seconds, wrong = cut.list_of(prompt, "2500 ms")
            same((wrong, first["complete"], first["missing"] != []), ([], False, True), f"{prompt}: cut short, and it says so")
            ok(seconds < 2.5 + SLACK, f"{prompt}: in time", f"{seconds:.1f} s")
            same(broken_rules(first), [], f"{prompt}: a whole list all the same")
            cut.rest()
            emulator.reset_counters()
            second, _, wrong = cut.list_of(prompt, "60 s")
            same((wrong, second["complete"], second["missing"]), ([], True, []), f"{prompt}: the second call is complete")
            same(broken_rules(second), [], f"{prompt}: and keeps to the rules")
            ok(calls_of(emulator) < needed, f"{prompt}: it costs fewer calls than a first one", calls_of(emulator), needed)
            got = [origins(document)["live"] + origins(document)["cached"] for document in (first, second, full)]
            ok(got[1] >= got[0] and got[1] > 0, f"{prompt}: it has no less of the services", got)


def main():
    with Cluster("reco.job_workers = 0", "reco.learn = off", "max_connections = 160", "reco.cache = on", "reco.id_registry = on", "reco.deny_list = on", "reco.gateway_upstreams = 200") as cluster:
        crowds(cluster)
        again(cluster)
        session = cluster.session()
        session.query("CREATE EXTENSION reco CASCADE")
        same(nothing_left(session), None, "no slot and no memory is left behind")
        bad = [line for line in cluster.log_text().splitlines() if " ERROR: " in line or "PANIC" in line or "signal" in line]
        same(bad[:5], [], "and nothing bad in the server's log")
    done()


main()
