#!/usr/bin/env python3
"""Claim: what a service refuses once is not tried again before its time.

Retry-After in every form, Gemini's RetryInfo, quotas: no call before the time that was
said, and a view that says when that is. Endpoints, limits and parameters that an app may
not use are found out by one call each, and there is another way. A service that fails is
left alone by its breaker; retries are few however much fails. A gateway that ends takes
none of this along.
"""
import json
import os
import signal
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from bench import Bench  # noqa: E402
from cluster import Cluster, gateway_pid, nothing_left  # noqa: E402
from emulator import Emulator  # noqa: E402
from reco_tap import done, ok, same, until  # noqa: E402

PLAN = json.dumps({"prompt": "rainy sunday, calm", "schema": {
    "type": "object", "additionalProperties": False, "required": ["energy"],
    "properties": {"energy": {"type": "number"}}}})
SEARCH = "GET /spotify/v1/search"
DAY = 24 * 3600


def another_gateway(bench):
    """Ends the gateway; another one comes."""
    first = gateway_pid(bench.session)
    os.kill(first, signal.SIGTERM)
    return until(lambda: gateway_pid(bench.session) not in (None, first), 20)


def wait_forms(bench):
    """429 with every form of Retry-After."""
    for form, least, most in (("header", 0.1, 9), ("float", 0.1, 9), ("date", 0.1, 9), ("text", 4, 11), ("none", 4, 11),
                              ("negative", 4, 11), ("absurd", 3600, 3 * DAY)):
        bench.fresh("spotify")
        bench.emulator.config(limit={"spotify": {"count": 3, "seconds": 8, "retry_after": form}})
        bench.ask("track_search", [f"first {n}" for n in range(3)])
        began = time.monotonic()
        same(bench.ask("track_search", ["too many"], "3 s"), ["limited"], f"429 with {form}: limited")
        ahead = bench.seconds_until("blocked_until")
        ok(ahead is not None and ahead <= most and ahead + time.monotonic() - began >= least,
           f"{form}: the view says until when", ahead)
        before = bench.calls()
        # of a block that ends soon the deadline must be shorter, which may pass before the gateway comes to it
        deadline = 20 if form == "absurd" else 1
        began = time.monotonic()
        got = bench.ask("track_search", ["later"], f"{deadline} s")
        seconds = time.monotonic() - began
        ok((got == ["limited"] or got == ["timeout"] and seconds >= deadline) and bench.calls() == before,
           f"{form}: then nothing is asked", got, bench.calls(), before)
        ok(seconds < 10, f"{form}: which is said at once", seconds)
        if form in ("header", "float", "date"):
            same(bench.ask("track_search", ["in time"], "40 s"), ["fresh"], f"{form}: who has time is served after it")
        if form in ("header", "absurd"):
            ok(another_gateway(bench) and (form == "header" or
                                           (bench.ask("track_search", ["x"], "20 s"), bench.calls()) == (["limited"], before)),
               f"{form}: another gateway knows of it")
        same(bench.emulator.service("spotify")["in_cooldown"], 0, f"{form}: no call during the cool-down")

    # who was limited once may wait and go again
    bench.fresh("spotify")
    bench.emulator.config(limit={"spotify": {"count": 4, "seconds": 2}})
    same(set(bench.ask("track_search", [f"many {n}" for n in range(7)], "20 s")), {"fresh"},
         "seven at once where four are allowed: all are served")
    counts = bench.emulator.service("spotify")
    same((counts["in_cooldown"], counts["over_limit"] <= 3, counts["duplicates"] <= 3), (0, True, True),
         "none during the cool-down, none twice but those that were refused")
    ok(float(bench.figures("concurrency")[0]) < 50, "fewer at once from then on", bench.figures("concurrency"))

    bench.fresh("reccobeats")
    bench.emulator.fault([{"route": "/track", "kind": "status:429", "headers": {"Retry-After": "2"}, "body": "", "times": 1}])
    same(bench.ask("reccobeats_id", bench.tracks[:3], "15 s"), ["fresh"] * 3, "ReccoBeats: after the time that it says")
    counts = bench.emulator.service("reccobeats")
    same((counts["calls"], counts["in_cooldown"]), (2, 0), "by one more call")


def quotas(bench):
    bench.fresh("spotify")
    bench.emulator.fault([{"route": "/search", "kind": "quota-exceeded", "times": 1}])
    same(bench.ask("track_search", ["calm"]), ["quota"], "QUOTA_EXCEEDED: quota")
    ok(bench.seconds_until("quota_until") > 10 * 3600, "for hours", bench.figures("quota_until"))
    same((bench.ask("track_search", ["calm", "more"]), bench.calls()), (["quota"] * 2, 1), "nothing more is asked")
    same((bench.ask("track_facts", bench.tracks[:1]), bench.calls()), (["fresh"], 2), "but another endpoint answers")
    same(bench.session.value("SELECT count(*) FROM reco_doctor() WHERE status = 'warning'"
                             " AND detail LIKE 'the quota of endpoint \"search\" is used up until %'"), "1", "the doctor says so")
    same(bench.calls(), 2, "without a call to the endpoint")
    ok(another_gateway(bench), "another gateway comes")
    same((bench.ask("track_search", ["calm"]), bench.calls()), (["quota"], 2), "and knows of it")
    same((bench.ask("artist_tracks", [bench.artists[0]["id"]]), bench.calls()), (["fresh"], 3), "and of nothing else")
    bench.fresh("spotify")
    bench.emulator.fault([{"route": "/tracks", "kind": "quota-exceeded", "times": 1}])
    same((bench.ask("track_facts", bench.tracks[:3]), bench.calls()), (["fresh"] * 3, 4),
         "a quota of batches: the same is read one by one")

    bench.fresh("gemini")
    bench.emulator.fault([{"route": "*", "kind": "retry-info:8", "times": 1}])
    same(bench.ask("completion", [PLAN], "3 s"), ["limited"], "Gemini's RetryInfo: limited")
    ahead = bench.seconds_until("blocked_until")
    ok(ahead is not None and 0.3 < ahead <= 8, "until then", ahead)
    same(bench.ask("completion", [PLAN], "30 s"), ["fresh"], "after that it is served")
    same((bench.calls(), bench.emulator.service("gemini")["in_cooldown"]), (2, 0), "not before")
    bench.fresh("gemini")
    bench.emulator.fault([{"route": "*", "kind": "no-details"}])
    same(bench.ask("completion", [PLAN], "5 s"), ["limited"], "a delay that stands in words only")
    ok(20 < (bench.seconds_until("blocked_until") or 0) < 30, "is understood", bench.figures("blocked_until"))
    bench.fresh("gemini")
    bench.emulator.fault([{"route": "*", "kind": "per-day"}])
    same(bench.ask("completion", [PLAN]), ["quota"], "a quota of the day is none of 29 seconds")
    ok((bench.seconds_until("quota_until") or 0) > 1800, "whatever RetryInfo says", bench.figures("quota_until"))
    bench.fresh("openai")
    bench.emulator.fault([{"route": "*", "kind": "retry-info:7.5", "times": 1}])
    same(bench.ask("completion", [PLAN], "3 s"), ["limited"], "retry-after-ms: limited")
    ahead = bench.seconds_until("blocked_until")
    ok(ahead is not None and 0.2 < ahead <= 7.5, "until then", ahead)
    same(bench.ask("completion", [PLAN], "30 s"), ["fresh"], "and served after that")
    same(bench.emulator.service("openai")["in_cooldown"], 0, "not before")


def endpoints(bench):
    """An app in development: what it may not use is found out once."""
    emulator = bench.emulator

    def route(name):
        return emulator.counters()["routes"].get(f"GET /spotify/v1{name}", {}).get("calls", 0)

    bench.fresh("spotify")
    same((bench.ask("track_facts", bench.tracks[:5]), route("/tracks"), route("/tracks/{id}")), (["fresh"] * 5, 1, 0),
         "an app with extended access reads five tracks by one call")
    bench.fresh("spotify")
    emulator.config(preset="dev-2026")
    same(bench.ask("track_facts", bench.tracks[:5]), ["fresh"] * 5, "one in development gets them, too")
    same((route("/tracks"), route("/tracks/{id}")), (1, 5), "one by one, after one refusal")
    same(bench.figures("refused_endpoints", "retries"), ["{tracks}", "0"], "the view lists the endpoint")
    same((bench.ask("track_facts", bench.tracks[5:9]), route("/tracks"), route("/tracks/{id}")), (["fresh"] * 4, 1, 9),
         "it is not asked again")
    same(bench.ask("artist_facts", [artist["id"] for artist in bench.artists[:3]]), ["fresh"] * 3, "artists")
    same((route("/artists"), route("/artists/{id}")), (1, 3), "the same")
    named = [f"{artist['id']} {artist['name']}" for artist in bench.artists[:3]]
    outcome, value = bench.value("artist_tracks", named[0])
    same((outcome, route("/artists/{id}/top-tracks"), route("/search")), ("fresh", 0, 1),
         "an artist's tracks come by a search, which is open to all, of as many results as all may have")
    ok(value["tracks"] and all(named[0][:22] in [artist["id"] for artist in track["artists"]] for track in value["tracks"]),
       "and only what is by that artist is taken", value)
    same((bench.ask("artist_tracks", named[1:]), route("/artists/{id}/top-tracks"), route("/search")), (["fresh"] * 2, 0, 3),
         "each by one call")
    same((bench.ask("artist_tracks", [bench.artists[4]["id"]]), route("/artists/{id}/top-tracks")), (["denied"], 1),
         "without a name top tracks are the only way, and closed: denied")
    same((bench.ask("artist_tracks", [bench.artists[5]["id"]]), route("/artists/{id}/top-tracks")), (["denied"], 1), "once")
    same(sorted(bench.figures("refused_endpoints")[0].strip("{}").split(",")), ["artist_top_tracks", "artists", "tracks"],
         "the view lists all three")
    ok(another_gateway(bench), "another gateway comes")
    bench.ask("track_facts", bench.tracks[10:12])
    bench.ask("artist_tracks", [bench.artists[6]["id"]])
    same((route("/tracks"), route("/artists/{id}/top-tracks")), (1, 1), "and knows what is closed")
    counts = emulator.service("spotify")
    same((counts["after_refusal"], counts["statuses"].get("403")), (0, 3), "three refusals in all, none twice")

    # the kind of an app shows in its answers, which costs no call
    artist = next(a for a in bench.artists if bench.value("track_search", f'artist:"{a["name"]}"')[1]["tracks"])
    for preset, access, statuses, top in (("dev-2026", {}, {"200": 5}, 0), ("extended", {}, {"200": 4}, 1),
                                          ("extended", {"limits": False}, {"200": 4, "400": 1}, 1)):
        bench.fresh("spotify")
        emulator.config(preset=preset, access=access)
        for name in (artist["name"], "calm 1", "calm 2", "calm 3"):
            same(bench.ask("track_search", [name]), ["fresh"], f"{preset} {access}: a search")
        same(bench.ask("artist_tracks", [f"{artist['id']} {artist['name']}"]), ["fresh"], f"{preset} {access}: an artist's tracks")
        same((emulator.counters()["routes"][SEARCH]["statuses"], route("/artists/{id}/top-tracks")), (statuses, top),
             f"{preset} {access}: no call too many")
    bench.fresh("spotify", access="extended")
    emulator.config(preset="dev-2026")
    for n in range(4):
        same(bench.ask("track_search", [f"calm {n}"]), ["fresh"], "a search of an app that is said to be extended")
    same(emulator.counters()["routes"][SEARCH]["statuses"], {"400": 1, "200": 4}, "the limit of a search is learned by one 400")
    bench.fresh("spotify", reset=False)
    bench.ask("track_facts", bench.tracks[20:23])
    same(bench.figures("refused_endpoints"), ["{tracks}"], "each credential is judged by itself")


def ladder(bench):
    """Parameters that an OpenAI-compatible service does not take."""
    for name, config, first in (("json_object", {"openai_format": "json_object"}, 2), ("text", {"openai_format": "text"}, 3),
                                ("max_tokens", {"openai_refuses": ["max_completion_tokens"]}, 2),
                                ("no limit at all", {"openai_refuses": ["max_completion_tokens", "max_tokens"]}, 3),
                                ("all of it", {"openai_refuses": ["max_completion_tokens", "max_tokens"],
                                               "openai_format": "text"}, 5)):
        bench.fresh("openai")
        bench.emulator.config(**config)
        outcome, value = bench.value("completion", PLAN)
        same((outcome, bench.calls()), ("fresh", first), f"a service that knows only {name}: {first} calls at first")
        ok(value and "energy" in value.get("json", {}), f"{name}: the answer fits", value)
        same((bench.ask("completion", [PLAN, PLAN.replace("rainy", "sunny")]), bench.calls()), (["fresh"] * 2, first + 2),
             f"{name}: one each from then on")
        same(bench.figures("retries"), ["0"], f"{name}: these are no retries")


def breaker(bench):
    for _ in range(10):
        bench.fresh("reccobeats", batch_max=1)
        bench.emulator.fault([{"route": "*", "kind": "status:500"}])
        last, asked = time.monotonic(), 0
        while bench.figures("breaker") != ["open"] and asked < 10:
            last = time.monotonic()
            bench.ask("track_features", [bench.tracks[asked]])
            asked += 1
        state, calls, left = bench.figures("breaker"), bench.calls(), bench.seconds_until("breaker_until")
        began = time.monotonic()
        got = bench.ask("track_features", bench.tracks[20:30]), bench.calls()
        said = time.monotonic()
        if said - last < 1.9:       # all that in less time than it is open for
            break
    same(state, ["open"], "failures open the breaker")
    same(calls, 5, "five in a row")
    ok(0 < (left or 0) < 3, "for two seconds at first", left)
    same(got, (["unavailable"] * 10, 5), "meanwhile nothing is sent")
    ok(said - began < 2, "and who asks hears of it at once", said - began)

    ok(until(lambda: bench.seconds_until("breaker_until") is None, 20), "the time passes")
    began = time.monotonic()
    same((bench.ask("track_features", [bench.tracks[30]]), bench.calls()), (["unavailable"], 6),
         "one call looks whether it is well again")
    same(bench.figures("breaker"), ["open"], "it is not")
    left = bench.seconds_until("breaker_until") or 0
    ok(left + time.monotonic() - began >= 4 and left < 6, "so it stays open for twice as long", left)

    bench.emulator.fault([])
    bench.emulator.config(latency={"reccobeats": 300})
    ok(until(lambda: bench.seconds_until("breaker_until") is None, 20), "the time passes")
    got = bench.ask("track_features", bench.tracks[31:36])
    same((got.count("fresh"), got.count("unavailable"), bench.calls()), (1, 4, 7), "of five that come, one is let through")
    same(bench.figures("breaker"), ["half-open"], "one success is half the way")
    bench.ask("track_features", [bench.tracks[36]])
    same(bench.figures("breaker"), ["closed"], "two close it")
    same(bench.ask("track_features", bench.tracks[37:47]), ["fresh"] * 10, "and all is as before")

    bench.fresh("reccobeats", batch_max=1, timeout="600ms")
    bench.emulator.config(latency={"reccobeats": 400})
    got = bench.ask("track_features", bench.tracks[:12])
    same((set(got) <= {"fresh", "timeout", "unavailable"}, bench.figures("breaker")), (True, ["open"]), "so do calls that are slow")
    bench.fresh("reccobeats", batch_max=1, timeout="10s")
    bench.emulator.config(latency={"reccobeats": 400})
    bench.ask("track_features", bench.tracks[:12])
    same(bench.figures("breaker"), ["closed"], "against their time-out")
    bench.fresh("reccobeats", batch_max=1)
    bench.emulator.fault([{"route": "*", "kind": "status:404"}])
    bench.ask("track_features", bench.tracks[:12])
    same(bench.figures("breaker"), ["closed"], "refusals do not open it")


def budget(bench):
    """However much fails, retries are a tenth of the calls, and three."""
    bench.fresh("reccobeats", batch_max=1, max_concurrency=4)
    bench.emulator.fault([{"route": "*", "kind": "status:500", "every": 3}])
    got = []
    for first in range(0, 120, 40):
        got += bench.ask("track_features", bench.tracks[first:first + 40])
    calls, retries = bench.figure("calls"), bench.figure("retries")
    ok(retries <= 0.1 * calls + 3, "a third fails: retries stay within a tenth and three", retries, calls)
    ok(retries > 3 and got.count("unavailable") > 10, "and are used up to that", retries, got.count("unavailable"))
    same((calls, bench.calls()), (120 + retries, 120 + retries), "the figures are what the service saw")
    bench.fresh("reccobeats", batch_max=1, max_concurrency=50)
    bench.emulator.fault([{"route": "*", "kind": "status:500"}])
    bench.ask("track_features", bench.tracks[:100])
    calls, retries = bench.figure("calls"), bench.figure("retries")
    ok(retries <= 0.1 * calls + 3, "all fails: the same", retries, calls)


def main():
    with Emulator("--preset", "extended", "--latency", "none", "--window", "none") as emulator, \
            Cluster("reco.gateway_upstreams = 200") as cluster:
        session = cluster.session()
        session.query("CREATE EXTENSION reco CASCADE")
        bench = Bench(emulator, session)
        for part in (wait_forms, quotas, endpoints, ladder, breaker, budget):
            part(bench)
        emulator.reset()
        same(nothing_left(session), None, "no slot and no memory is left behind")
        same(emulator.counters()["bugs"], [], "the emulator did what it was told")
    done()


main()
