#!/usr/bin/env python3
"""Claim: what one server's options mean for an answer is never another's, and lanes keep what counts.

Two servers with one credential share its limits; but where model or market differ, no
answer and no call. A lane whose day's quota is used up does not give way to another
upstream. A new gateway starts with gauges at zero. A server's name in one encoding does not
break the view in another.
"""
import os
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from cluster import Cluster, connect_services, gateway_pid, known_tracks, resolve  # noqa: E402
from emulator import Emulator  # noqa: E402
from reco_tap import done, ok, same, until  # noqa: E402


def check_options(cluster, emulator, watcher, tracks):
    markets = {}
    for market in ("DE", "US"):
        name = f"market_{market.lower()}"
        watcher.query(f"CREATE DATABASE {name}")
        session = markets[market] = cluster.session(name)
        session.query("CREATE EXTENSION reco CASCADE")
        connect_services(session, emulator, spotify={"market": market, "rate": "1000/1s", "max_concurrency": "1"})
    emulator.config(preset="extended", latency={"spotify": 2000})
    watcher.send(resolve("track_facts", [tracks[0]], "30 s"))       # keeps the lane busy, so the others wait for each other
    until(lambda: emulator.service("spotify")["calls"] >= 1)
    markets["DE"].send(resolve("track_facts", [tracks[1]], "30 s"))
    markets["US"].send(resolve("track_facts", [tracks[2]], "30 s"))
    same([watcher.wait()[0][1], markets["DE"].wait()[0][1], markets["US"].wait()[0][1]], ["fresh"] * 3,
         "servers with another market are answered")
    calls = emulator.service("spotify")["calls"]
    same(calls, 3, "by calls of their own")
    same(watcher.value("SELECT count(*) FROM reco_stat_upstream WHERE kind = 'spotify'"), "1",
         "within one limit, as the credential is the same")
    emulator.config(latency={"spotify": 0})
    for session in markets.values():
        session.close()

    watcher.query(f"CREATE SERVER zz_gone FOREIGN DATA WRAPPER reco_upstream OPTIONS (kind 'gemini',"
                  f" base_url '{emulator.gemini}', model 'gone-model', rate '1000/1s')")
    watcher.query("CREATE USER MAPPING FOR PUBLIC SERVER zz_gone OPTIONS (api_key 's3cret-gemini')")
    rows = dict(row[:2] for row in watcher.query("SELECT \"check\", status FROM reco_doctor() WHERE \"check\" LIKE 'server%'"))
    same([rows.get('server "gemini"'), rows.get('server "zz_gone"')], ["ok", "error"],
         "a server whose model is gone is told from one whose model is there")
    watcher.query("DROP SERVER zz_gone CASCADE")


def check_quota(emulator, watcher, tracks):
    watcher.query("ALTER SERVER reccobeats OPTIONS (ADD daily_quota '4', ADD batch_max '1')")
    outcomes = [row[1] for row in watcher.query(resolve("track_features", tracks[:5]))]
    same(sorted(outcomes), ["fresh"] * 3 + ["quota"] * 2, "a day's quota is kept (the doctor took one call of it)")
    # as many other upstreams as there are places, and more
    for number in range(6):
        watcher.query(f"CREATE SERVER IF NOT EXISTS model{number} FOREIGN DATA WRAPPER reco_upstream OPTIONS"
                      f" (kind 'openai', base_url '{emulator.openai}', model 'm', rate '100/1ms')")
        watcher.query(f"CREATE USER MAPPING FOR PUBLIC SERVER model{number} OPTIONS (api_key 'k{number}')")
    watcher.query("SELECT count(*) FROM reco_doctor()")
    same([row[1] for row in watcher.query(resolve("track_features", tracks[5:7]))], ["quota"] * 2,
         "also when many others have wanted its place")
    ok(int(watcher.value("SELECT count(*) FROM reco_stat_upstream")) <= 4, "of which there are as many as were asked for")
    for number in range(6):
        watcher.query(f"DROP SERVER model{number} CASCADE")


def check_gauges(emulator, watcher):
    emulator.fault([{"route": "/search", "kind": "stall", "argument": 0}])
    watcher.send(resolve("track_search", ["hangs", "too"], "30 s"))
    pid = int(subprocess.run(["psql", "-XqAt", "-c", "SELECT pid FROM reco_stat_worker WHERE worker = 'gateway'"], capture_output=True,
                             text=True, check=True).stdout)
    until(lambda: emulator.service("spotify")["in_flight"] > 0)
    os.kill(pid, signal.SIGTERM)
    same({row[1] for row in watcher.wait()}, {"lost"}, "a gateway ends")
    ok(until(lambda: gateway_pid(watcher) not in (None, pid)), "and another one comes")
    same(watcher.query("SELECT DISTINCT in_flight, queued, connections FROM reco_stat_upstream"), [["0", "0", "0"]],
         "for which nothing is under way")
    emulator.fault([])


def check_encodings(cluster, emulator, watcher):
    watcher.query("CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    session = cluster.session("latin")
    session.query("CREATE EXTENSION reco CASCADE")
    session.query(f"CREATE SERVER \"müsic\" FOREIGN DATA WRAPPER reco_upstream OPTIONS (kind 'openai',"
                  f" base_url '{emulator.openai}', model 'm')")
    session.query("CREATE USER MAPPING FOR PUBLIC SERVER \"müsic\" OPTIONS (api_key 'latin')")
    same(session.query(resolve("completion", ["hello"]))[0][1], "fresh", "a LATIN1 database asks")
    same(watcher.query("SELECT server, octet_length(server) FROM reco_stat_upstream WHERE server LIKE 'm%sic'"),
         [["müsic", "6"]], "its server's name is right in a UTF8 database")
    same(session.query("SELECT server, octet_length(server) FROM reco_stat_upstream WHERE server LIKE 'm%sic'"),
         [["müsic", "5"]], "and in its own")


def main():
    with Emulator("--latency", "none") as emulator, Cluster("reco.gateway_upstreams = 4") as cluster:
        watcher = cluster.session()
        watcher.query("CREATE EXTENSION reco CASCADE")
        connect_services(watcher, emulator, reccobeats={"rate": "1000/1s"}, gemini={"rate": "1000/1s"},
                         spotify={"rate": "1000/1s", "max_concurrency": "1"})
        tracks = known_tracks(emulator, 20)
        check_options(cluster, emulator, watcher, tracks)
        check_gauges(emulator, watcher)
        check_quota(emulator, watcher, tracks)
    with Emulator("--latency", "none") as emulator, Cluster() as cluster:
        watcher = cluster.session()
        watcher.query("CREATE EXTENSION reco CASCADE")
        check_encodings(cluster, emulator, watcher)
    done()


main()
