#!/usr/bin/env python3
"""Claim: work ahead takes nothing from who waits, and makes no haste where a service is down.

While a service is down, jobs that can make a list without it do, and those that cannot are tried
as often as their pauses let them; the service hears of it only by its breaker's probes.
Once it is back, all is done. Of places, windows and a day's quota, jobs take two thirds
and no more, however many there are; who waits has the rest, and a full list.
"""
import math
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from bench import WIDE, WIDE_QUOTA  # noqa: E402
from cluster import Cluster  # noqa: E402
from emulator import Emulator  # noqa: E402
from reco_tap import Lost, call, done, literal, ok, same, until  # noqa: E402

SEATS = 6
PAUSE = 0.2         # seconds; reco.job_pause
SETTINGS = ("reco.keeper_interval = '50ms'", "reco.result_cache = on", "max_worker_processes = 20", f"reco.job_workers = {SEATS}",
            f"reco.job_pause = '{PAUSE}s'", "reco.job_attempts = 8")
CONCURRENCY = 4     # calls of a service at once
LONG = 120
SERVICES = ("spotify", "reccobeats", "gemini")
AHEAD = "SELECT count(*) FROM reco.job WHERE state IN ('queued', 'running')"


class Upstreams:
    """Servers with credentials of their own each time, so that nothing is left of before."""

    def __init__(self, session, emulator):
        self.session = session
        self.emulator = emulator
        self.number = 0

    def connect(self, which=SERVICES, **options):
        emulator = self.emulator
        self.session.query("".join(f"DROP SERVER IF EXISTS {kind} CASCADE;" for kind in SERVICES))
        emulator.reset()
        self.number += 1
        for kind, where, secrets in (
                ("spotify", f"base_url '{emulator.spotify}', accounts_url '{emulator.accounts}'", f"client_id 'app-{self.number}', client_secret 's'"),
                ("reccobeats", f"base_url '{emulator.reccobeats}'", f"api_key 'k-{self.number}'"),
                ("gemini", f"base_url '{emulator.gemini}', model 'gemini-3.6-flash'", f"api_key 'k-{self.number}'")):
            if kind not in which:
                continue
            given = "".join(f", {name} '{value}'" for name, value in {**WIDE, **WIDE_QUOTA.get(kind, {}), **options}.items() if value)
            self.session.query(f"CREATE SERVER {kind} FOREIGN DATA WRAPPER reco_upstream OPTIONS (kind '{kind}', {where}{given})")
            self.session.query(f"CREATE USER MAPPING FOR PUBLIC SERVER {kind} OPTIONS ({secrets})")

    def calls(self, *names):
        return sum(self.emulator.service(name)["calls"] for name in names or SERVICES)


def queue(session, user, prompt, more=", 10, '60 s'"):
    return int(session.value(f"SELECT reco_generate_async({literal(user)}, {literal(prompt)}{more})"))


def flood(session, emulator, count, title):
    """Queues jobs that each have something to ask of services; their ids."""
    artists = [artist["name"] for artist in emulator.artists(60)]
    return [queue(session, f"{title}{n % 7}", f"{title} {n}: like {artists[n % 60]}, for a drive") for n in range(count)]


def nobody_left(session, title):
    ok(until(lambda: session.value(AHEAD) == "0", LONG), f"{title}: all jobs end", session.query("SELECT * FROM reco.job WHERE finished IS NULL"))


def most_probes(seconds):
    """How often a breaker that is open may ask in that time: after 2 s, then 4 s, each a quarter less."""
    return int(math.log2(1 + seconds / 1.5)) + 1


def most_attempts(seconds):
    """How often a job that fails may be tried in that time: pauses are four times as long each time, or a quarter less."""
    return int(math.log(1 + 3 * seconds / (0.75 * PAUSE), 4)) + 2


def let_alone(upstreams, emulator, began, title):
    """What a service that is down hears: what opens its breaker, or was under way then, and probes."""
    most = 5 + CONCURRENCY + most_probes(time.monotonic() - began)
    for name in (*SERVICES, "accounts"):
        calls = emulator.service(name)["calls"]
        ok(calls <= most, f"{title}: {name} is let alone", calls, most)
    ok(upstreams.calls(*SERVICES, "accounts") > 0, f"{title}: which some were asked")


def down(cluster, admin, upstreams, emulator):
    """With a catalogue: lists come, and the services are let alone."""
    for fault, rule in (("nothing works", {"route": "*", "kind": "status:503"}), ("connections break", {"route": "v1", "kind": "reset"})):
        upstreams.connect(max_concurrency=CONCURRENCY)
        emulator.fault([rule])
        began = time.monotonic()
        flood(admin, emulator, 60, fault)
        nobody_left(admin, fault)
        let_alone(upstreams, emulator, began, fault)
        same(admin.query("SELECT DISTINCT state, attempts, error FROM reco.job"), [["done", "1", ""]], f"{fault}: lists are made without")
        admin.query("DELETE FROM reco.job")


def down_and_nothing(cluster, admin, upstreams, emulator):
    """Without a catalogue there is no list while all services are down."""
    admin.query("CREATE DATABASE bare")
    bare = cluster.session("bare")
    bare.query("CREATE EXTENSION reco CASCADE")
    there = Upstreams(bare, emulator)
    there.number = 100
    there.connect(max_concurrency=CONCURRENCY)
    emulator.fault([{"route": "*", "kind": "status:503"}])
    began = time.monotonic()
    jobs = flood(bare, emulator, 10, "bare")
    # each fails three times, in a second or so, and then waits for three seconds, or twelve
    ok(until(lambda: int(bare.value("SELECT min(failures) FROM reco.job")) >= 3), "without any track, jobs fail",
       bare.query("SELECT * FROM reco.job"))
    time.sleep(1)
    rows = bare.query("SELECT state, attempts, failures, error FROM reco.job")
    seconds = time.monotonic() - began
    attempts = max(int(row[1]) for row in rows)
    ok(attempts <= most_attempts(seconds), "they are tried as often as their pauses let them", attempts, seconds)
    ok(all(row[3].startswith("the catalogue is empty") for row in rows), "and say why", rows)
    let_alone(there, emulator, began, "nothing there")
    emulator.fault([])
    nobody_left(bare, "back")
    same(bare.query("SELECT DISTINCT state FROM reco.job"), [["done"]], "once the services are back, all are done")
    ok(all(int(bare.value(f"SELECT count(*) FROM reco_run_tracks((SELECT run_id FROM reco_job({job})))")) > 0 for job in jobs), "with lists")
    bare.query("".join(f"DROP SERVER {kind} CASCADE;" for kind in SERVICES))
    bare.close()


def two_thirds(cluster, admin, upstreams, emulator):
    """Of 30 calls jobs make 20, of 6 at once 4; who waits gets the others. Of a day's 90 calls an hour has 15, and jobs 10."""
    strangers = [artist["name"] for artist in emulator.artists(100, 60)]
    for limit, most, all_of_it, options in (("a window", 20, 30, {"rate": "30/600s", "burst": "30"}),
                                            ("a day's quota", 10, 15, {"daily_quota": "90"})):
        # the hour does not change meanwhile
        until(lambda: time.monotonic() % 3600 < 3600 - 120, 120)
        upstreams.connect(max_concurrency="6", **options)
        emulator.config(latency={name: 50 for name in SERVICES})
        flood(admin, emulator, 60, limit)
        nobody_left(admin, limit)
        counters = {name: emulator.service(name) for name in SERVICES}
        same(counters["spotify"]["calls"], most, f"{limit}: jobs make {most} of {all_of_it} calls")
        ok(all(counter["calls"] <= most for counter in counters.values()), f"{limit}: and no more of any service",
           {name: counter["calls"] for name, counter in counters.items()})
        # a day's few calls may be over before there are so many at once
        most_in_flight = max(counter["most_in_flight"] for counter in counters.values())
        ok(most_in_flight == 4 or (most < 20 and most_in_flight < 4), f"{limit}: of 6 at once 4",
           {name: counter["most_in_flight"] for name, counter in counters.items()})
        admin.query("DELETE FROM reco.job")
        admin.query("SELECT " + call("ana", f"like {strangers[0]}, calm", 10, deadline="20 s"))
        ok(upstreams.calls("spotify") > most, f"{limit}: who waits finds room", upstreams.calls("spotify"))
        for stranger in strangers[1:15]:
            admin.query("SELECT " + call("ana", f"like {stranger}, calm", 10, deadline="5 s"))
        same(upstreams.calls("spotify"), all_of_it, f"{limit}: all of the last third")


def beside(cluster, admin, upstreams, emulator):
    """Under a full load of jobs: who waits is not behind them, nor asks for less."""
    strangers = [artist["name"] for artist in emulator.artists(100, 60)]
    lists = []
    for load in (0, 300):
        # nothing is known of before
        admin.query("SELECT reco_cache_invalidate()")
        upstreams.connect(max_concurrency="6")
        emulator.config(latency={name: 50 for name in SERVICES})
        flood(admin, emulator, load, "load")
        until(lambda: upstreams.calls("spotify") > 10 or not load)
        lists.append([admin.json("SELECT " + call("", f"like {stranger}, calm", 10, {"seed": 7}, deadline="30 s")) for stranger in strangers[:5]])
        ok(not load or int(admin.value(AHEAD)) > 0, "lists come while jobs still wait", admin.value(AHEAD))
        same([document["complete"] for document in lists[-1]], [True] * 5, f"beside {load} jobs they lack nothing")
        admin.query("SELECT count(reco_job_cancel(job_id)) FROM reco.job WHERE state IN ('queued', 'running')")
        nobody_left(admin, "cancelled")


PARTS = (down, down_and_nothing, two_thirds, beside)


def main():
    try:
        with Emulator("--latency", "none", "--preset", "extended", "--window", "none") as emulator, Cluster(*SETTINGS) as cluster:
            admin = cluster.session()
            admin.query("CREATE EXTENSION reco CASCADE; SELECT reco_demo_catalogue(1000)")
            upstreams = Upstreams(admin, emulator)
            for part in PARTS:
                if not sys.argv[1:] or part.__name__ in sys.argv[1:]:
                    began = time.monotonic()
                    admin.query("DELETE FROM reco.job; DELETE FROM reco.run")
                    part(cluster, admin, upstreams, emulator)
                    print(f"# {part.__name__}: {time.monotonic() - began:.1f} s")
            bad = [line for line in cluster.log_text().splitlines() if "PANIC" in line or "TRAP" in line]
            same(bad, [], "nothing broke")
    except Lost as lost:
        ok(False, "the server lives", lost)
    done()


main()
