#!/usr/bin/env python3
"""Claim: no window ever sees more calls than the option 'rate' allows, and the limit is used.

Random bursts from many sessions, for many windows; a service that says Retry-After in every
form; a restart of the gateway and a crash of the server in between. What counts is when the
calls arrived at the service, give or take 150 ms.
"""
import os
import random
import signal
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from cluster import Cluster, connect_services, gateway_pid, is_back, resolve  # noqa: E402
from emulator import Emulator  # noqa: E402
from reco_tap import done, ok, same, until  # noqa: E402

LIMIT, WINDOW = 20, 1.0
JITTER = 0.15       # of a call's way; and what the emulator was late by comes on top
SESSIONS = 50


def most_in_a_window(times, lag, window=WINDOW):
    """The most calls that any window, shortened by the jitter, holds."""
    times = sorted(times)
    window -= JITTER + min(lag, window / 2)
    most = first = 0
    for last, end in enumerate(times):
        while times[first] <= end - window:
            first += 1
        most = max(most, last - first + 1)
    return most


def saturate(sessions, tracks, windows):
    """Asks for more than the limit, for so many windows and a little more."""
    per_session = int(windows * LIMIT / len(sessions)) + 1
    for number, session in enumerate(sessions):
        keys = tracks[number * per_session:(number + 1) * per_session]
        session.send(resolve("track_features", keys, f"{int(windows * WINDOW * 3 + 20)} s"))
    return [row[1] for session in sessions for row in session.wait(120)]


def bursts(sessions, tracks, seconds, seed):
    """Small questions at random times, some in the background."""
    dice = random.Random(seed)
    ends = time.monotonic() + seconds
    busy = {}
    asked = 0
    while time.monotonic() < ends:
        session = dice.choice(sessions)
        if session in busy:
            busy.pop(session).wait(120)
        key = dice.choice(tracks)
        session.send(resolve("track_features", dice.sample(tracks, dice.randint(1, 6)) + [key],
                             f"{dice.randint(50, 3000)} ms", dice.choice(["interactive", "warm", "refresh"])))
        busy[session] = session
        asked += 1
        if dice.random() < 0.1:
            session = dice.choice(list(busy))
            busy.pop(session).wait(120)
    for session in busy:
        session.wait(120)
    return asked


def check_windows(emulator, name, limit=LIMIT):
    times = emulator.times("reccobeats")
    lag = emulator.counters()["lag"]
    most = most_in_a_window(times, lag)
    ok(most <= limit, f"{name}: no window of {WINDOW} s has more than {limit} calls",
       f"{most} calls in one of {len(times)}; the emulator was {lag:.3f} s late at most")


def main():
    with Emulator("--latency", "none") as emulator, \
            Cluster(f"max_connections = {SESSIONS + 20}") as cluster:
        watcher = cluster.session()
        watcher.query("CREATE EXTENSION reco CASCADE")
        connect_services(watcher, emulator, reccobeats={"rate": f"{LIMIT}/{WINDOW:g}s", "batch_max": "1"})
        tracks = [track["id"] for track in emulator.tracks(900)]
        sessions = [cluster.session() for _ in range(SESSIONS)]

        # what a stall of the machine takes from these windows none of them can make up for
        outcomes = set()
        for _ in range(3):
            seen = len(emulator.times("reccobeats"))
            outcomes |= set(saturate(sessions, tracks, 11))
            times = emulator.times("reccobeats")[seen:]
            full = [t for t in times if t < min(times) + 10 * WINDOW]
            if len(full) >= 0.9 * 10 * LIMIT:
                break
        ok(outcomes <= {"fresh", "absent"}, "all is answered", sorted(outcomes))
        check_windows(emulator, "under load")
        ok(len(full) >= 0.9 * 10 * LIMIT, "ten full windows are used to 90 % and more",
           f"{len(full)} of {10 * LIMIT}")

        asked = bursts(sessions, tracks, 8, 7)
        check_windows(emulator, f"in {asked} random bursts")

        # another gateway remembers what the last one sent
        seen = len(emulator.times("reccobeats"))
        for session in sessions[:10]:
            session.send(resolve("track_features", tracks[:90], "20 s"))
        until(lambda: len(emulator.times("reccobeats")) > seen + 10)
        pid = gateway_pid(watcher)
        os.kill(pid, signal.SIGTERM)
        for session in sessions[:10]:
            session.wait()
        ok(until(lambda: gateway_pid(watcher) not in (None, pid)), "the gateway is restarted")
        saturate(sessions[:10], tracks[100:], 2)
        check_windows(emulator, "across a restart of the gateway")

        # so does a changed option
        watcher.query("ALTER SERVER reccobeats OPTIONS (SET rate '5/1s')")
        saturate(sessions[:5], tracks[300:], 1)
        times = emulator.times("reccobeats")
        tail = [t for t in times if t > times[-1] - 2 * WINDOW]
        most = most_in_a_window(tail, emulator.counters()["lag"])
        ok(most <= LIMIT, "a changed limit holds at once", most)

        for session in sessions[:10]:
            session.send(resolve("track_features", tracks[:30], "20 s"))
        dead = gateway_pid(watcher)
        os.kill(dead, signal.SIGKILL)
        ok(until(lambda: is_back(cluster, dead), 60), "the server comes back after a crash")
        watcher = cluster.session()
        watcher.query("ALTER SERVER reccobeats OPTIONS (SET rate '20/1s')")
        saturate([watcher], tracks[:60], 3)
        check_windows(emulator, "across a crash")
    done()


main()
