#!/usr/bin/env python3
"""Claim: one upstream call per key, however many ask; a cancelled asker takes nobody's answer.

Many sessions ask for one key at once: one call. The first asker is cancelled while the
key is queued, while the call is under way, while it waits for a token, while the service
wants no calls, while it waits for a retry: the others are served, by one further call at
most. An artist's tracks are one key however the name is written, and kept as one.
"""
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from cluster import Cluster, all_in, connect_services, known_tracks, nothing_left, resolve  # noqa: E402
from emulator import Emulator  # noqa: E402
from reco_tap import Lost, SqlError, done, literal, ok, same, until  # noqa: E402

SESSIONS = 200


def ask(sessions, sql):
    for session in sessions:
        session.send(sql)


def outcomes(sessions):
    """How each session's statement ended."""
    ended = []
    for session in sessions:
        try:
            ended.append([row[-1] for row in session.wait(60)])
        except SqlError as error:
            ended.append(error.sqlstate)
        except Lost:
            ended.append("lost")
    return ended


def in_flight(watcher, kind, how_many=1):
    return until(lambda: int(watcher.value("SELECT coalesce(sum(in_flight + queued), 0) FROM reco_stat_upstream"
                                           f" WHERE kind = '{kind}'")) >= how_many)


def coalesced(watcher, kind):
    return int(watcher.value(f"SELECT sum(coalesced) FROM reco_stat_upstream WHERE kind = '{kind}'"))


def cancelled_at(watcher, emulator, sessions, name, sql, route, hangs, certain=True):
    """Cancels the first of many askers once its question is under way; 'certain': before it is answered."""
    emulator.reset()
    emulator.fault(hangs)
    sessions[0].send(sql)
    kind = "reccobeats" if "features" in sql else "spotify"
    ok(in_flight(watcher, kind), f"{name}: it is under way")
    joined = coalesced(watcher, kind)
    ask(sessions[1:10], sql)
    ok(until(lambda: coalesced(watcher, kind) == joined + 9), f"{name}: the others have joined")
    watcher.query(f"SELECT pg_cancel_backend({sessions[0].pid})")
    try:
        sessions[0].wait(10)
        first = "answered"
    except SqlError as error:
        first = error.sqlstate
    ok(first == "57014" or first == "answered" and not certain, f"{name}: the first one was cancelled", first)
    same(outcomes(sessions[1:10]), [["fresh"]] * 9, f"{name}: the others are served")
    calls = sum(count["calls"] for path, count in emulator.counters()["routes"].items() if route in path)
    ok(calls <= 2, f"{name}: by one further call at most", f"{calls} calls of {route}")


def spelled_in_many_ways(watcher, emulator, sessions):
    """The name in "id name" helps to ask, and sources spell it each in their way."""
    def calls(route):
        return sum(count["calls"] for path, count in emulator.counters()["routes"].items() if route in path)

    first, second = emulator.artists(2)
    keys = [f"{first['id']}{name}" for name in ("", f" {first['name']}", f" {first['name'].upper()}", " The " + first["name"])]
    emulator.reset()
    watcher.query(resolve("track_search", ["calm"]))
    emulator.config(latency={"spotify": 1000})
    all_in(watcher, len(keys), lambda: [session.send(resolve("artist_tracks", [key], "30 s")) for session, key in zip(sessions, keys)])
    same((outcomes(sessions[:4]), calls("/top-tracks")), ([["fresh"]] * 4, 1), "one artist's tracks are one call, however the name is written")

    emulator.config(latency={"spotify": 0})
    asker = sessions[4]
    asker.query("SET reco.cache = on")
    for key in keys:
        asker.query(resolve("artist_tracks", [key], "30 s"))
    same(calls("/top-tracks"), 2, "and one entry of the cache")
    same([asker.value(f"SELECT reco_cache_invalidate('artist_tracks', {literal(key)})") for key in (keys[2], keys[0])], ["1", "0"],
         "which is invalidated by any of them")
    same(asker.query(resolve("artist_tracks", keys, "30 s")), [[key, "fresh"] for key in keys], "asked for in one question, each has its answer")
    same((calls("/top-tracks"), asker.value(f"SELECT reco_cache_invalidate(NULL, {literal(keys[1])})")), (3, "1"), "from one call")
    asker.query("SET reco.single_flight = off")
    asker.query("SET reco.cache = off")
    same((asker.query(resolve("artist_tracks", keys, "30 s")), calls("/top-tracks")), ([[key, "fresh"] for key in keys], 4),
         "even where each asker asks for itself")
    asker.query("RESET reco.cache")
    asker.query("RESET reco.single_flight")

    watcher.query("ALTER USER MAPPING FOR PUBLIC SERVER spotify OPTIONS (SET client_id 'other')")
    emulator.reset()
    emulator.config(preset="dev-2026")
    emulator.fault([{"route": "/top-tracks", "kind": "stall", "argument": 7, "times": 1}])
    sessions[0].send(resolve("artist_tracks", [second["id"]], "30 s"))
    ok(until(lambda: calls("/top-tracks") == 1), "who knows no name asks for top tracks")
    sessions[1].send(resolve("artist_tracks", [f"{second['id']} {second['name']}"], "30 s"))
    same((outcomes(sessions[:2]), calls("/top-tracks"), calls("/search")), ([["fresh"]] * 2, 1, 1),
         "where these are closed, the name of one who came later opens the other way for both")


def main():
    with Emulator("--preset", "extended", "--latency", "none") as emulator, \
            Cluster(f"max_connections = {SESSIONS + 20}", "reco.gateway_slots = 512") as cluster:
        watcher = cluster.session()
        watcher.query("CREATE EXTENSION reco CASCADE")
        connect_services(watcher, emulator, reccobeats={"rate": "1000/1s"}, spotify={"rate": "1000/1s"})
        track = known_tracks(emulator, 1)[0]
        sessions = [cluster.session() for _ in range(SESSIONS)]
        sql = resolve("track_features", [track], "30 s")

        emulator.config(latency={"reccobeats": 1000})
        ok(all_in(watcher, SESSIONS, lambda: ask(sessions, sql)), f"{SESSIONS} sessions ask")
        same(outcomes(sessions), [["fresh"]] * SESSIONS, f"{SESSIONS} sessions are all answered")
        same(emulator.service("reccobeats")["calls"], 1, "by one call")
        same(watcher.value("SELECT coalesced FROM reco_stat_upstream WHERE kind = 'reccobeats'"),
             str(SESSIONS - 1), "and the view says how many joined")

        for session in sessions[:10]:
            session.query("SET reco.single_flight = off")
        emulator.reset()
        emulator.config(latency={"reccobeats": 300})
        ask(sessions[:10], resolve("track_features", [track], "30 s").replace("reco_resolve", "reco_resolve"))
        outcomes(sessions[:10])
        ok(emulator.service("reccobeats")["calls"] > 1, "without single flight each asks for itself")
        for session in sessions[:10]:
            session.query("RESET reco.single_flight")

        hang = {"kind": "stall", "argument": 6}
        cancelled_at(watcher, emulator, sessions, "while the call is under way", sql, "/audio-features",
                     [{"route": "/audio-features", "times": 1, **hang}])
        cancelled_at(watcher, emulator, sessions, "while the service wants no calls", sql, "/audio-features",
                     [{"route": "/audio-features", "kind": "status:429", "times": 1, "headers": {"Retry-After": "6"}}])
        # the pause before a retry is drawn, and may be none; the retry hangs, so it is under way for long enough
        cancelled_at(watcher, emulator, sessions, "while a retry is due", sql, "/audio-features",
                     [{"route": "/audio-features", "kind": "status:503", "times": 1}, {"route": "/audio-features", "times": 1, **hang}],
                     certain=False)
        cancelled_at(watcher, emulator, sessions, "while the token is fetched",
                     resolve("track_search", ["calm"], "30 s"), "/search",
                     [{"route": "/api/token", "times": 1, **hang}])
        spelled_in_many_ways(watcher, emulator, sessions)
        emulator.reset()
        same(nothing_left(watcher), None, "no slot and no memory is left behind")
    done()


main()
