#!/usr/bin/env python3
"""Claim: one upstream's trouble never delays another's.

While one service hangs for a minute, and while the resolver of names hangs, the 99th
percentile of another service's answers stays what it was; the hanging one is found out by
its circuit breaker; a shutdown ends at once.
"""
import os
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from cluster import Cluster, connect_services, known_tracks, resolve  # noqa: E402
from emulator import Emulator  # noqa: E402
from reco_tap import done, ok, same, skip, until  # noqa: E402

CALLS = 200

HANGING_RESOLVER = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **res)
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) =
        dlsym(RTLD_NEXT, "getaddrinfo");
    if (node != NULL && strstr(node, "hangs.example") != NULL)
        sleep(30);
    return real(node, service, hints, res);
}
"""


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))]


def durations(session, tracks):
    """How long each of many calls takes, in seconds."""
    taken = []
    for i in range(CALLS):
        began = time.monotonic()
        rows = session.query(resolve("track_features", [tracks[i % len(tracks)]], "20 s"))
        taken.append(time.monotonic() - began)
        if rows[0][1] not in ("fresh", "absent"):
            return None
    return taken


def check(session, tracks, before, name):
    taken = durations(session, tracks)
    if ok(taken is not None, f"{name}: the other service answers"):
        p99 = percentile(taken, 0.99)
        ok(p99 < 4 * before + 0.1, f"{name}: its 99th percentile is what it was",
           f"{p99 * 1000:.1f} ms, {before * 1000:.1f} ms before")


def resolver(directory):
    """A library whose getaddrinfo hangs for one name; None without a compiler."""
    source, library = directory + "/hang.c", directory + "/hang.so"
    with open(source, "w", encoding="utf-8") as file:
        file.write(HANGING_RESOLVER)
    try:
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True,
                       capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    os.chmod(directory, 0o755)
    return library


def main():
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        library = resolver(directory)
        environment = {"LD_PRELOAD": library} if library else {}
        with Emulator("--latency", "none") as emulator, \
                Cluster("reco.gateway_connections = 40", environment=environment) as cluster:
            session = cluster.session()
            session.query("CREATE EXTENSION reco CASCADE")
            connect_services(session, emulator, reccobeats={"rate": "100000/1s", "burst": "10000"},
                             spotify={"rate": "100000/1s", "burst": "10000", "max_concurrency": "100",
                                      "timeout": "20s"})
            session.query("CREATE SERVER model FOREIGN DATA WRAPPER reco_upstream OPTIONS (kind 'openai',"
                          " base_url 'http://hangs.example:9/v1', allow_plaintext 'true', model 'm',"
                          " timeout '60s', connect_timeout '60s', max_concurrency '100', rate '10000/1s')")
            session.query("CREATE USER MAPPING FOR PUBLIC SERVER model OPTIONS (api_key 'k')")
            session.query("ALTER SERVER gemini OPTIONS (ADD enabled 'false')")
            tracks = known_tracks(emulator, 50)
            durations(session, tracks)
            before = percentile(durations(session, tracks), 0.99)

            emulator.fault([{"route": "/search", "kind": "stall", "argument": 60}])
            hanging = [cluster.session() for _ in range(6)]
            for number, other in enumerate(hanging):
                other.send(resolve("track_search", [f"q{number} {i}" for i in range(30)], "60 s"))
            until(lambda: int(session.value("SELECT in_flight FROM reco_stat_upstream WHERE kind = 'spotify'"
                                            " UNION ALL SELECT 0 LIMIT 1")) > 5)
            check(session, tracks, before, "while another service hangs")

            # its hanging is found out, so nobody waits for it for long
            for other in hanging:
                session.query(f"SELECT pg_cancel_backend({other.pid})")
                try:
                    other.wait()
                except Exception:
                    pass
            session.query(resolve("track_search", [f"found {i}" for i in range(12)], "2 s"))
            began = time.monotonic()
            rows = session.query(resolve("track_search", ["one more"], "10 s"))
            same(rows[0][1], "unavailable", "the breaker of a service that hangs opens")
            ok(time.monotonic() - began < 3, "and answers at once")
            emulator.fault([])

            if library:
                for number, other in enumerate(hanging):
                    other.send(resolve("completion", [f"prompt {number} {i}" for i in range(20)], "25 s"))
                until(lambda: int(session.value("SELECT in_flight FROM reco_stat_upstream WHERE kind = 'openai'"
                                                " UNION ALL SELECT 0 LIMIT 1")) > 5)
                check(session, tracks, before, "while the resolver hangs")
                session.send(resolve("completion", ["and a last one"], "20 s"))
                seconds = cluster.stop("fast")
                ok(seconds is not None and seconds < 5, "a shutdown with a hanging resolver ends at once",
                   f"{seconds} s")
            else:
                skip("while the resolver hangs", "no compiler")
    done()


main()
