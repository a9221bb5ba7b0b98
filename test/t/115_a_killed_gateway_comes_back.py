#!/usr/bin/env python3
"""Claim: a gateway that ends comes back, and who waited is told something to act on.

SIGTERM: the requests in flight end as 'lost', the server goes on, a new gateway serves.
SIGKILL: the server restarts, as for every background worker; then all works again, and
limits begin with an empty bucket and a full window's wait.
"""
import os
import signal
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from cluster import Cluster, connect_services, gateway_pid, is_back, known_tracks, nothing_left, resolve, stand_still  # noqa: E402
from emulator import Emulator  # noqa: E402
from reco_tap import done, ok, same, until  # noqa: E402

WINDOW = 3          # seconds
SOON = 15           # seconds; generous, as machines are shared


def main():
    with Emulator("--latency", "none") as emulator, Cluster() as cluster:
        watcher = cluster.session()
        watcher.query("CREATE EXTENSION reco CASCADE")
        connect_services(watcher, emulator, reccobeats={"rate": f"1000/{WINDOW}s", "batch_max": "1", "max_concurrency": "30"})
        tracks = known_tracks(emulator, 60)
        until(lambda: gateway_pid(watcher) is not None)
        first = gateway_pid(watcher)
        ok(first is not None and first == cluster.gateway(), "the view knows the gateway's pid")
        state = "SELECT worker, state, starts, last_error FROM reco_stat_worker WHERE worker = 'gateway'"
        until(lambda: watcher.query(state)[0][1] == "serving")
        same(watcher.query(state), [["gateway", "serving", "1", ""]], "and its state")

        emulator.fault([{"route": "/audio-features", "kind": "stall", "argument": 0}])
        sessions = [cluster.session() for _ in range(5)]
        for number, session in enumerate(sessions):
            session.send(resolve("track_features", tracks[number * 4:number * 4 + 4], "60 s"))
        ok(until(lambda: int(watcher.value("SELECT coalesce(sum(in_flight), 0) FROM reco_stat_upstream")) == 20),
           "20 requests are in flight")
        os.kill(first, signal.SIGTERM)
        began = time.monotonic()
        same([[row[1] for row in session.wait(20)] for session in sessions], [["lost"] * 4] * 5,
             "who waited is told that the gateway was lost")
        ok(time.monotonic() - began < SOON, "at once")
        emulator.fault([])
        ok(until(lambda: gateway_pid(watcher) not in (None, first)), "a new gateway comes by itself")
        same(watcher.value("SELECT starts FROM reco_stat_worker WHERE worker = 'gateway'"), "2", "the view counts it")
        ok(until(lambda: watcher.query(resolve("track_features", tracks[:1]))[0][1] == "fresh", 20),
           "and it serves")
        same(nothing_left(watcher), None, "no slot and no memory is left behind")
        same(watcher.value("SELECT pg_postmaster_start_time() < now() - interval '1 s'"), "t", "the server went on")

        # a stopped process cannot answer; who asks then waits until its deadline and no longer
        stand_still(gateway_pid(watcher))
        began = time.monotonic()
        rows = watcher.query(resolve("track_features", tracks[5:8], "500 ms"))
        same([row[1] for row in rows], ["timeout"] * 3, "a gateway that hangs costs nobody more than the deadline")
        ok(time.monotonic() - began < SOON, "indeed")
        os.kill(gateway_pid(watcher), signal.SIGCONT)
        same(nothing_left(watcher), None, "what was left to it is freed when it goes on")

        killed = time.monotonic()
        dead = gateway_pid(watcher)
        os.kill(dead, signal.SIGKILL)
        ok(until(lambda: is_back(cluster, dead), 60), "after SIGKILL the server restarts, and takes connections, with a gateway")
        watcher = cluster.session()
        emulator.reset_counters()
        rows = watcher.query(resolve("track_features", tracks[:40], "30 s"))
        same({row[1] for row in rows}, {"fresh"}, "which serves")
        waited = min(emulator.times("reccobeats")) - killed
        ok(waited >= WINDOW, "after the window that may hold calls from before", f"{waited:.2f} s")
        log = cluster.log_text()
        ok("reinitializ" in log and "reco gateway" in log, "the log says what happened")
        same(cluster.log_text().count("PANIC"), 0, "no panic")
    done()


main()
