#!/usr/bin/env python3
"""Claim: scratch."""
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from cluster import Cluster, connect_services, nothing_left  # noqa: E402
from emulator import Emulator  # noqa: E402
from reco_tap import call, done, literal, ok, same  # noqa: E402


def main():
    with Emulator("--latency", "default", "--preset", "dev-2026") as emulator, Cluster() as cluster:
        one = cluster.session()
        one.query("CREATE EXTENSION reco CASCADE; SELECT reco_demo_catalogue(3000)")
        connect_services(one, emulator, reccobeats={"rate": "10000/1s", "max_concurrency": "20"},
                         spotify={"rate": "10000/1s", "daily_quota": "100000"})
        artists = emulator.artists(50)
        for prompt in (f"like {artists[0]['name']}, calm", f"like {artists[0]['name']} and {artists[1]['name']}"):
            for row in one.query(f"SELECT * FROM {call('ana', prompt, 5, None, '20 s', 'reco_explain')}"):
                print("#", row[0])
        c = emulator.counters()["services"]
        for n in c:
            print("#", n, c[n]["calls"], c[n]["keys_per_call"])
    ok(True, "x")
    done()


if __name__ == "__main__":
    main()
