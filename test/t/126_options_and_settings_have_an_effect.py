#!/usr/bin/env python3
"""Claim: every option of a server and every setting of the gateway does what it says, within its bounds.

Options are changed by ALTER SERVER and obeyed by the next question, without a restart of
anything. What cannot be meant is refused at CREATE. (ca_file: 119; deadline and classes:
121; single flight: 110; batching: 128; on a standby: 124.)
"""
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from bench import Bench, outcomes  # noqa: E402
from cluster import Cluster, connect_services, gateway_pid, nothing_left, resolve, stand_still  # noqa: E402
from emulator import Emulator  # noqa: E402
from reco_tap import SqlError, done, ok, same, skip, until  # noqa: E402

FALSE_NAMES = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
/* Names that lead where no address may be written. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **res)
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) =
        dlsym(RTLD_NEXT, "getaddrinfo");
    if (node != NULL && strcmp(node, "inner.example") == 0)
        node = "10.254.253.252";
    else if (node != NULL && strcmp(node, "metadata.example") == 0)
        node = "169.254.169.254";
    else if (node != NULL && strcmp(node, "loop.example") == 0)
        node = "127.0.0.1";
    return real(node, service, hints, res);
}
"""


def took(action):
    began = time.monotonic()
    result = action()
    return time.monotonic() - began, result


def count(got):
    return {outcome: got.count(outcome) for outcome in sorted(set(got))}


def limits(bench):
    tracks = bench.tracks
    one = {"batch_max": 1}
    # who would have to wait for longer than he has time is told at once, so a long deadline costs none
    bench.fresh("reccobeats", rate="2/60s", burst=2, **one)
    same(count(bench.ask("track_features", tracks[:4], "20 s")), {"fresh": 2, "limited": 2}, "rate: so many and no more")
    bench.alter(rate="1000/1s")
    same(count(bench.ask("track_features", tracks[:4], "10 s")), {"fresh": 4}, "rate: changed at once")
    bench.alter(rate="6/60s")
    same(count(bench.ask("track_features", tracks[:4], "20 s")), {"limited": 4}, "rate: what was sent before counts")

    bench.fresh("reccobeats", rate="20/1000s", burst=3, **one)
    same(count(bench.ask("track_features", tracks[:5], "20 s")), {"fresh": 3, "limited": 2}, "burst: so many at once")
    bench.fresh("reccobeats", rate="20/1000s", burst=4, **one)
    same(count(bench.ask("track_features", tracks[:5], "20 s")), {"fresh": 4, "limited": 1}, "burst: or so many")
    bench.fresh("reccobeats", rate="20/1000s", burst=None, **one)
    same(count(bench.ask("track_features", tracks[:5], "20 s")), {"fresh": 3, "limited": 2}, "burst: a sixth by default")

    bench.fresh("reccobeats", max_concurrency=3, **one)
    bench.emulator.config(latency={"reccobeats": 150})
    bench.ask("track_features", tracks[:12])
    same(bench.emulator.service("reccobeats")["most_in_flight"], 3, "max_concurrency: so many under way")
    bench.alter(max_concurrency=6)
    bench.emulator.reset_counters()
    bench.ask("track_features", tracks[:18])
    same(bench.emulator.service("reccobeats")["most_in_flight"], 6, "max_concurrency: more at once")
    same(bench.figures("concurrency"), ["6"], "max_concurrency: as the view says")
    bench.alter(max_concurrency=2)
    bench.emulator.reset_counters()
    bench.ask("track_features", tracks[:6])
    same(bench.emulator.service("reccobeats")["most_in_flight"], 2, "max_concurrency: fewer at once")

    bench.fresh("reccobeats", batch_max=5)
    bench.ask("track_features", tracks[:10])
    same(bench.emulator.service("reccobeats")["keys_per_call"], {"5": 2}, "batch_max: so many keys in a call")
    bench.alter(batch_max=10)
    bench.emulator.reset_counters()
    bench.ask("track_features", tracks[:10])
    same(bench.emulator.service("reccobeats")["keys_per_call"], {"10": 1}, "batch_max: changed at once")

    bench.fresh("reccobeats", daily_quota=3, **one)
    same(count(bench.ask("track_features", tracks[:4])), {"fresh": 3, "quota": 1}, "daily_quota: so many a day")
    bench.alter(daily_quota=5)
    same(count(bench.ask("track_features", tracks[4:8])), {"fresh": 2, "quota": 2}, "daily_quota: what was sent counts")


def times(bench):
    track = bench.tracks[:1]
    bench.fresh("reccobeats", timeout="20s")
    bench.emulator.fault([{"route": "*", "kind": "stall"}])
    seconds, got = took(lambda: bench.ask("track_features", track, "1 s"))
    same((got, seconds > 0.9), (["timeout"], True), "timeout: a long one leaves it to the deadline")
    bench.alter(timeout="200ms")
    seconds, got = took(lambda: bench.ask("track_features", track, "30 s"))
    same((got, seconds < 10), (["timeout"], True), "timeout: a short one ends each attempt")
    bench.fresh("reccobeats", deadline="30s")
    bench.emulator.fault([{"route": "*", "kind": "stall"}])
    sql = f"SELECT outcome FROM reco_resolve('track_features', ARRAY['{track[0]}'])"
    bench.alter(deadline="300ms")
    seconds, got = took(lambda: outcomes(bench.session, sql))
    same((got, seconds < 5), (["timeout"], True), "deadline: counts where the question has none")

    # a listener whose queue is full answers no SYN
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = []
        for _ in range(8):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
            fillers.append(filler)
        where = f"base_url 'http://127.0.0.1:{full.getsockname()[1]}'"
        bench.fresh("reccobeats", base=where, connect_timeout="200ms", timeout="60s")
        seconds, got = took(lambda: bench.ask("track_features", track, "30 s"))
        ok(got[0] in ("timeout", "unavailable") and seconds < 10, "connect_timeout: a short one ends each attempt",
           got, seconds)
        same(bench.figures("calls"), ["3"], "connect_timeout: of which there are three")
        bench.alter(connect_timeout="60s")
        seconds, got = took(lambda: bench.ask("track_features", track, "1 s"))
        same((got, seconds > 0.9), (["timeout"], True), "connect_timeout: a long one leaves it to the deadline")
        for filler in fillers:
            filler.close()


def what_is_asked(bench):
    bench.fresh("gemini")
    same(bench.value("completion", "hello")[1]["model"], "gemini-3.6-flash", "model: which one answers")
    bench.alter(model="gemini-3.5-flash")
    same(bench.value("completion", "hello again")[1]["model"], "gemini-3.5-flash", "model: changed at once")

    twin = next(track for track in bench.emulator.tracks(500) if track["twin"])
    bench.fresh("spotify")
    before = bench.value("track_facts", twin["id"])[1]
    bench.session.query("ALTER SERVER spotify OPTIONS (ADD market 'de')")
    after = bench.value("track_facts", twin["id"])[1]
    same((before["id"], after["id"] != twin["id"], after.get("linked_from")), (twin["id"], True, twin["id"]),
         "market: what is to be had there is given instead")

    def calls(path):
        return bench.emulator.counters()["routes"].get(f"GET /spotify/v1{path}", {}).get("calls", 0)

    bench.fresh("spotify", access="development")
    bench.ask("track_facts", bench.tracks[:3])
    name = f"{bench.artists[0]['id']} {bench.artists[0]['name']}"
    bench.ask("artist_tracks", [name])
    same((calls("/tracks"), calls("/tracks/{id}"), calls("/artists/{id}/top-tracks"), calls("/search")), (0, 3, 0, 1),
         "access development: what such an app may not use is not even tried")
    bench.emulator.config(preset="dev-2026")
    bench.ask("track_search", ["calm"])
    same(bench.emulator.service("spotify")["statuses"], {"200": 5}, "access development: nor a limit that is too high")
    bench.alter(access="extended")
    bench.emulator.config(preset="extended")
    bench.ask("track_facts", bench.tracks[3:6])
    same(calls("/tracks"), 1, "access extended: it is tried")

    bench.fresh("reccobeats")
    bench.ask("track_features", bench.tracks[:1])
    bench.session.query("ALTER SERVER reccobeats OPTIONS (ADD enabled 'false')")
    same((bench.ask("track_features", bench.tracks[:1]), bench.calls()), ("55000", 1), "enabled false: not asked")
    bench.alter(enabled="true")
    same((bench.ask("track_features", bench.tracks[1:2]), bench.calls()), (["fresh"], 2), "enabled true: asked again")
    with Emulator("--preset", "extended") as another:
        bench.alter(base_url=another.reccobeats)
        same((bench.ask("track_features", bench.tracks[2:3]), another.service("reccobeats")["calls"], bench.calls()),
             (["fresh"], 1, 2), "base_url: another place is asked")
        bench.fresh("spotify")
        bench.alter(accounts_url=another.accounts)
        same((bench.ask("track_search", ["x"]), another.service("accounts")["calls"], bench.calls("accounts")),
             (["unauthorised"], 2, 0), "accounts_url: another place gives tokens, which are none here")
    bench.fresh("spotify", mapping="client_id 'app-{}', client_secret 'wrong'")
    same(bench.ask("track_search", ["x"]), ["unauthorised"], "a user mapping's secret")
    bench.session.query("ALTER USER MAPPING FOR PUBLIC SERVER spotify OPTIONS (SET client_secret 'right')")
    same(bench.ask("track_search", ["x"]), ["fresh"], "changed at once, and nothing of the wrong one is left")


def addresses(bench):
    def create(options):
        bench.session.query("DROP SERVER IF EXISTS reccobeats")
        return bench.session.error("CREATE SERVER reccobeats FOREIGN DATA WRAPPER reco_upstream"
                                   f" OPTIONS (kind 'reccobeats', {options})")

    bench.fresh("openai")
    same(create("base_url 'http://music.example/v1'"), "HV024", "allow_plaintext: without it, no plain http")
    same(create("base_url 'http://music.example/v1', allow_plaintext 'true'"), None, "allow_plaintext: with it")
    same(create(f"base_url '{bench.emulator.reccobeats}'"), None, "but to this machine")
    for host in ("10.1.2.3", "192.168.1.1", "169.254.169.254", "[fd00::1]", "172.16.0.1", "100.64.0.1"):
        same(create(f"base_url 'https://{host}/v1'"), "HV024", f"allow_private: without it, nothing at {host}")
        same(create(f"base_url 'https://{host}/v1', allow_private 'true'"), None, "allow_private: with it")
    port = bench.emulator.url.rsplit(":", 1)[1]
    for name, private in (("inner.example", True), ("metadata.example", True), ("loop.example", False)):
        plain = {"allow_plaintext": "true", "connect_timeout": "5s"}
        bench.fresh("reccobeats", base=f"base_url 'http://{name}:{port}/reccobeats/v1'", **plain)
        same(bench.ask("track_features", bench.tracks[:1]), ["denied"], f"a name that leads to such a place, {name}: denied")
        same((bench.calls(), bench.figures("retries")), (0, ["0"]), "without a connection, and once")
        if private:
            bench.session.query("ALTER SERVER reccobeats OPTIONS (ADD allow_private 'true',"
                                " SET connect_timeout '200ms')")
            got = bench.ask("track_features", bench.tracks[:1])
            ok(got[0] in ("unavailable", "timeout"), "allow_private: then it is tried", got)


def bounds(session):
    """What a setting may be, and where it may be set."""
    rows = {row[0]: row[1:] for row in session.query(
        "SELECT name, setting, unit, min_val, max_val, context FROM pg_settings WHERE name LIKE 'reco.%'")}
    for name, wanted in {
            "reco.deadline": ["8000", "ms", "0", "3600000", "user"],
            "reco.batching": ["on", "", "", "", "user"],
            "reco.single_flight": ["on", "", "", "", "user"],
            "reco.upstreams": ["on", "", "", "", "user"],
            "reco.call_budget": ["spotify=12, reccobeats=6, model=1", "", "", "", "superuser"],
            "reco.popular_moods": ["50", "", "0", "1000", "superuser"],
            "reco.gateway_slots": ["256", "", "8", "65536", "postmaster"],
            "reco.gateway_memory": ["16384", "kB", "1024", "2097152", "postmaster"],
            "reco.gateway_upstreams": ["500", "", "1", "1024", "postmaster"],
            "reco.gateway_connections": ["64", "", "1", "1000", "postmaster"],
            "reco.gateway_on_standby": ["off", "", "", "", "postmaster"]}.items():
        same(rows.pop(name, None), wanted, f"{name}: value, unit, bounds, context")
        if wanted[2]:
            for beyond in (int(wanted[2]) - 1, int(wanted[3]) + 1):
                change = "ALTER SYSTEM SET" if wanted[4] == "postmaster" else "SET"
                same(session.error(f"{change} {name} = {beyond}"), "22023", f"{name}: {beyond} is out of bounds")
        else:
            change = "ALTER SYSTEM SET" if wanted[4] == "postmaster" else "SET"
            same(session.error(f"{change} {name} = 'perhaps'"), "22023", f"{name}: is not just anything")
        if wanted[4] == "postmaster":
            same(session.error(f"SET {name} = '{wanted[0]}'"), "55P02", f"{name}: needs a restart")
    ok(not [name for name in rows if name.startswith("reco.gateway")], "no setting of the gateway is left out", rows)
    same(session.error("SET reco.gateway_slotz = 10"), "42602", "there are no others")


def switches(bench, cluster):
    bench.fresh("reccobeats")
    bench.session.query("SET reco.upstreams = off")
    same((bench.ask("track_features", bench.tracks[:1]), bench.calls()), ("55000", 0), "reco.upstreams off: nothing is asked")
    bench.session.query("RESET reco.upstreams")
    same(bench.ask("track_features", bench.tracks[:1]), ["fresh"], "reco.upstreams on: it is")
    other, third = cluster.session(), cluster.session()
    for setting, calls in (("on", 1), ("off", 2)):
        bench.fresh("reccobeats")
        bench.emulator.config(latency={"reccobeats": 500})
        gateway = gateway_pid(third)
        stand_still(gateway)        # until both have asked
        try:
            for session in (bench.session, other):
                session.query(f"SET reco.single_flight = {setting}")
                session.send(resolve("track_features", bench.tracks[:1], "30 s"))
            until(lambda: third.value("SELECT slots - slots_free FROM reco_stat_gateway") == "2")
        finally:
            os.kill(gateway, signal.SIGCONT)
        same(([outcomes(bench.session), outcomes(other)], bench.calls()), ([["fresh"]] * 2, calls),
             f"reco.single_flight {setting}: two who ask the same make {calls} call{'s'[:calls - 1]}")
    bench.session.query("RESET reco.single_flight")
    for setting, calls in (("on", 1), ("off", 10)):
        bench.fresh("reccobeats")
        bench.session.query(f"SET reco.batching = {setting}")
        same((count(bench.ask("track_features", bench.tracks[:10])), bench.calls()), ({"fresh": 10}, calls),
             f"reco.batching {setting}: ten keys make {calls} call{'s'[:calls - 1]}")
    bench.session.query("RESET reco.batching")


def sizes(bench, cluster):
    """The settings of the server's start, as small as they can be."""
    cluster.configure("reco.gateway_slots = 8", "reco.gateway_memory = 1MB", "reco.gateway_upstreams = 2",
                      "reco.gateway_connections = 5")
    cluster.stop()
    cluster.start()
    bench.session = session = cluster.session()
    same(session.query("SELECT slots, memory FROM reco_stat_gateway"), [["8", str(1024 * 1024)]], "the sizes are what was set")
    ok(until(lambda: gateway_pid(session) is not None, 20), "the gateway runs")

    bench.fresh("reccobeats", batch_max=1)
    bench.emulator.config(latency={"reccobeats": 100})
    same(count(bench.ask("track_features", bench.tracks[:40], "60 s")), {"fresh": 40}, "gateway_connections 5: 40 at once are served")
    seen = bench.emulator.service("reccobeats")["most_in_flight"]
    most = bench.emulator.counters()["connections"]["most"]
    ok(2 <= seen <= 5 and most <= 6, "by no more than 5 connections", seen, most)    # one is the test's own

    bench.emulator.fault([{"route": "*", "kind": "stall"}])
    sessions = [cluster.session() for _ in range(8)]
    for number, other in enumerate(sessions):
        other.send(resolve("track_features", [bench.tracks[50 + number]], "60 s"))
    until(lambda: session.value("SELECT slots_free FROM reco_stat_gateway") == "0", 20)
    seconds, got = took(lambda: bench.ask("track_features", [bench.tracks[60]], "20 s"))
    same((got, seconds < 5), (["busy"], True), "gateway_slots 8: a ninth question is busy, at once")
    for other in sessions:
        session.query(f"SELECT pg_cancel_backend({other.pid})")
    same([outcomes(other) for other in sessions], ["57014"] * 8, "the others are not touched by that")
    ok(until(lambda: bench.ask("track_features", [bench.tracks[60]], "100 ms") == ["timeout"], 20), "then there is room again")

    # while the gateway is stopped, questions stay where they are
    bench.fresh("openai")
    long = "SELECT outcome FROM reco_resolve('completion', ARRAY[repeat('calm ', 120000)], '{}')"
    gateway = gateway_pid(session)
    stand_still(gateway)
    sessions[0].send(long.format("60 s"))
    ok(until(lambda: int(session.value("SELECT memory_free FROM reco_stat_gateway")) < 500000, 20), "600 kB are taken")
    seconds, got = took(lambda: outcomes(session, long.format("20 s")))
    same((got, seconds < 5), (["busy"], True), "gateway_memory 1MB: a second question of 600 kB is busy, at once")
    refused = int(session.value("SELECT refused_memory FROM reco_stat_gateway"))
    ok(refused > 0, "which the view counts")
    os.kill(gateway, signal.SIGCONT)
    same(outcomes(sessions[0]), ["fresh"], "the first one is answered in the end")
    # two upstreams are asked, and remembered: a third has to wait for its turn
    for name in ("openai", "gemini", "spotify"):
        session.query(f"DROP SERVER IF EXISTS {name} CASCADE")
    bench.emulator.reset()
    connect_services(session, bench.emulator, reccobeats={"rate": "1000/1s"}, gemini={"rate": "1000/1s"})
    bench.emulator.fault([{"route": "/gemini/", "kind": "stall"}, {"route": "/reccobeats/", "kind": "stall"}])
    for other, sql in ((sessions[1], resolve("track_features", [bench.tracks[0]], "60 s")),
                       (sessions[2], resolve("completion", ["calm"], "60 s"))):
        # those of before are kept until their window is over
        until(lambda q=sql: outcomes(session, q.replace("60 s", "100 ms")) == ["timeout"], 20)
        other.send(sql)
    ok(until(lambda: session.value("SELECT count(*) FROM reco_stat_upstream WHERE in_flight > 0") == "2", 20),
       "two upstreams are in use")
    same(bench.ask("track_search", ["calm"]), ["busy"], "gateway_upstreams 2: a third is busy while both are in use")
    for other in sessions[1:3]:
        session.query(f"SELECT pg_cancel_backend({other.pid})")
        outcomes(other)
    same(session.value("SELECT count(*) FROM reco_stat_upstream"), "2", "the view has no more rows than that")

    # a Spotify that has a quota is kept for a day, so it comes last
    bench.fresh("spotify", access="extended")
    until(lambda: bench.ask("track_search", ["calm"]) == ["fresh"], 20)    # another upstream has to go first
    got = count(bench.ask("track_search", [f"calm {n}" for n in range(200)], "60 s"))
    ok(sorted(got) == ["busy", "fresh"] and sum(got.values()) == 200,
       "gateway_memory 1MB: answers that find no room are busy, the others come", got)
    for other in sessions[1:4]:
        other.send(resolve("track_search", [f"calm {n}" for n in range(1000, 1200)], "60 s"))
    got = count([outcome for other in sessions[1:4] for outcome in outcomes(other)])
    ok(sorted(got) == ["busy", "fresh"] and sum(got.values()) == 600 and got["busy"] > 200,
       "however many ask at once, no word of an answer is lost for want of room", got)
    ok(int(session.value("SELECT refused_memory FROM reco_stat_gateway")) > refused, "which the view counts")

    # those that failed give way, too, once their breakers let calls through again
    cluster.configure("reco.gateway_upstreams = 1")
    cluster.stop()
    cluster.start()
    bench.session = session = cluster.session()
    ok(until(lambda: gateway_pid(session) is not None, 20), "the gateway runs again")
    bench.fresh("reccobeats", batch_max=1)
    bench.emulator.fault([{"route": "*", "kind": "status:500"}])
    bench.ask("track_features", bench.tracks[:6], "5 s")
    same(bench.figures("breaker"), ["open"], "gateway_upstreams 1: an upstream that fails")
    bench.fresh("reccobeats")
    ok(until(lambda: bench.ask("track_features", bench.tracks[:1]) == ["fresh"], 20), "gives way to another one",
       session.query("SELECT server, breaker, breaker_until, clock_timestamp() FROM reco_stat_upstream"))


def library(directory):
    """Names that lie; None without a compiler."""
    source, path = directory + "/names.c", directory + "/names.so"
    with open(source, "w", encoding="utf-8") as file:
        file.write(FALSE_NAMES)
    try:
        subprocess.run(["cc", "-shared", "-fPIC", "-o", path, source, "-ldl"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    os.chmod(directory, 0o755)
    return path


def main():
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        names = library(directory)
        with Emulator("--preset", "extended", "--latency", "none", "--window", "none") as emulator, \
                Cluster("reco.gateway_upstreams = 500", environment={"LD_PRELOAD": names} if names else {}) as cluster:
            session = cluster.session()
            session.query("CREATE EXTENSION reco CASCADE")
            bench = Bench(emulator, session)
            first = gateway_pid(session)
            bounds(session)
            limits(bench)
            times(bench)
            what_is_asked(bench)
            switches(bench, cluster)
            if names:
                addresses(bench)
            else:
                skip("names that lead to private places", "no compiler")
            same(gateway_pid(session), first, "all that without another gateway")
            sizes(bench, cluster)
            emulator.reset()
            same(nothing_left(bench.session), None, "no slot and no memory is left behind")
    done()


main()
