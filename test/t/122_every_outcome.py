#!/usr/bin/env python3
"""Claim: whatever a service does, a key ends in one outcome, and it costs no more calls than that is worth.

Each member of the enumeration comes end to end: from a fault of the service, over the
gateway, to SQL and to the column of reco_stat_upstream that counts it. Repeated is only
what may be repeated: twice after a failure of the service or the network, once after an
answer that was cut, never after a refusal. Whatever bytes come, what SQL gets is jsonb.
"""
import json
import socket
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from bench import Bench, outcomes  # noqa: E402
from cluster import Cluster, nothing_left, resolve  # noqa: E402
from emulator import Emulator  # noqa: E402
from reco_tap import done, ok, same, until  # noqa: E402

SCHEMA = {"type": "object", "additionalProperties": False, "required": ["energy"],
          "properties": {"energy": {"type": "number"}}}
PLAN = json.dumps({"prompt": "rainy sunday, calm", "schema": SCHEMA})
SERVICE_OF = {"track_features": "reccobeats", "reccobeats_id": "reccobeats", "recommendation": "reccobeats",
              "track_search": "spotify", "track_facts": "spotify", "artist_tracks": "spotify"}


def case(bench, name, kind, key, fault, outcome, calls, options=None, service=None, config=None, **fresh):
    """One key, one fault: the outcome, the calls that it cost, and the views."""
    service = service or SERVICE_OF[kind]
    bench.fresh(service, **(options or {}), **fresh)
    if config:
        bench.emulator.config(**config)
    if fault:
        rules = fault if isinstance(fault, list) else [{"route": f"/{service}/", **fault}]
        bench.emulator.fault(rules)
    got, value = bench.value(kind, key)
    seen = bench.calls()
    column, counted, error = bench.figures(outcome, "calls", "last_error")
    good = (got, seen, column, counted) == (outcome, calls, "1", str(calls)) and (value is not None) == (got == "fresh")
    ok(good, f"{service}, {name}: {outcome}, {calls} call{'s' if calls > 1 else ''}",
       f"{got}, {seen} calls; the view counts {counted} calls, {outcome} {column}; {error}", value)
    return value


def statuses(bench):
    track = bench.tracks[0]
    for status in (500, 502, 503, 504, 520, 408):
        case(bench, f"status {status}", "track_features", track, {"kind": f"status:{status}"}, "unavailable", 3)
    same(bench.figure("retries"), 2, "retries are counted")
    for status, outcome in ((400, "rejected"), (401, "unauthorised"), (403, "denied"), (404, "rejected"),
                            (410, "rejected"), (413, "rejected"), (418, "rejected"), (451, "rejected")):
        case(bench, f"status {status}", "track_features", track, {"kind": f"status:{status}"}, outcome, 1)
    case(bench, "a failure that passes", "track_features", track, {"kind": "status:503", "times": 2}, "fresh", 3)
    case(bench, "an HTML page with 502", "track_features", track, {"kind": "502-html"}, "unavailable", 3)
    case(bench, "an HTML page with 200", "track_features", track, {"kind": "html-200"}, "unavailable", 3)
    case(bench, "its doorman", "track_features", track, {"kind": "1010"}, "denied", 1)
    value = bench.ask("track_features", [bench.tracks[1]])
    same((value, bench.calls()), (["denied"], 1), "who was refused as such does not ask again")
    ok(bench.seconds_until("refused_until") > 600, "the view says until when", bench.seconds_until("refused_until"))


def redirect(bench):
    target = bench.emulator.url + "/openai/v1/models"
    case(bench, "a redirect", "track_features", bench.tracks[0], {"kind": f"redirect:{target}"}, "unavailable", 1)
    same(bench.calls("openai"), 0, "it is not followed")


def network(bench):
    track = bench.tracks[0]
    case(bench, "a reset", "track_features", track, {"kind": "reset"}, "unavailable", 3)
    case(bench, "a closed connection", "track_features", track, {"kind": "close"}, "unavailable", 3)
    case(bench, "a reset that passes", "track_features", track, {"kind": "reset", "times": 1}, "fresh", 2)
    case(bench, "no answer", "track_features", track, {"kind": "stall"}, "timeout", 3, {"timeout": "1s"})
    case(bench, "an answer that stops", "track_features", track, {"kind": "stall-body"}, "timeout", 3,
         {"timeout": "1s"})
    bench.fresh("reccobeats", timeout="60s")
    bench.emulator.fault([{"route": "*", "kind": "stall"}])
    began = time.monotonic()
    same(bench.ask("track_features", [track], "500 ms"), ["timeout"], "the deadline comes before the service's time-out")
    ok(time.monotonic() - began < 5, "and ends it")
    ok(until(lambda: bench.emulator.service("reccobeats")["abandoned"] == 1, 20), "the call is given up, too")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        bench.fresh("reccobeats", base=f"base_url 'http://127.0.0.1:{closed.getsockname()[1]}'")
        same(bench.ask("track_features", [track]), ["unavailable"], "nobody listens: unavailable")
        same(bench.figures("calls", "retries"), ["3", "2"], "after three attempts")


def bodies(bench):
    track = bench.tracks[0]
    for name, kind, outcome, calls in (
            ("cut, as its length says", "truncate:50,right", "malformed", 2),
            ("cut, though its length denies it", "truncate:50,wrong", "malformed", 2),
            ("cut between chunks", "chunked-cut", "malformed", 2),
            ("cut by a reset", "reset-body", "malformed", 2),
            ("empty", "empty-200", "malformed", 2),
            ("204", "204", "malformed", 1),
            ("huge", "huge-body:16", "malformed", 1),
            ("with huge headers", "huge-header:200000", "malformed", 1),
            ("nested too deeply", "deep-nesting:100000", "malformed", 2),
            ("no object", "not-an-object", "malformed", 1),
            ("without its list", "missing-key:content", "malformed", 1),
            ("not gzip as it says", "bad-gzip", "malformed", 2),
            ("gzip", "gzip", "fresh", 1),
            ("in chunks", "chunked", "fresh", 1),
            ("without a length", "no-length", "fresh", 1),
            ("after 100 Continue", "continue", "fresh", 1),
            ("without a type", "no-content-type", "fresh", 1),
            ("with nulls between", "null-items", "fresh", 1),
            ("with numbers as strings", "numbers-as-strings", "fresh", 1),
            ("with keys twice", "dup-keys", "fresh", 1),
            ("with a byte order mark", "bom", "fresh", 1),
            ("with lone surrogates", "lone-surrogate", "fresh", 1),
            ("with escaped NULs", "nul-escape", "fresh", 1)):
        value = case(bench, f"an answer that is {name}", "track_features", track, {"kind": kind}, outcome, calls)
        if outcome == "fresh":
            ok(value is not None and 0 <= value.get("energy", -1) <= 1, f"  with its features: {name}", value)
    case(bench, "an answer that is cut once", "track_features", track, {"kind": "truncate:50", "times": 1}, "fresh", 2)


def titles(bench):
    """Names with whatever in them, on their way to jsonb."""
    artist = bench.artists[0]
    seed = json.dumps({"seeds": [bench.tracks[0]]})
    for kind, key in (("track_search", artist["name"]), ("artist_tracks", artist["id"]), ("recommendation", seed)):
        for fault in ("lone-surrogate", "nul-escape", "latin1-bytes", "bom"):
            service = SERVICE_OF[kind]
            bench.fresh(service)
            bench.emulator.fault([{"route": f"/{service}/", "kind": fault}])
            outcome, value = bench.value(kind, key)
            names = [track["name"] for track in (value or {}).get("tracks", [])]
            good = outcome == "fresh" and names and all(names) and not any("\0" in name for name in names)
            if fault == "latin1-bytes" and outcome == "malformed":
                good = True     # no JSON at all, strictly taken
            ok(good, f"{kind}, {fault}: titles are text", outcome, names[:3])


def spotify(bench):
    artist = bench.artists[0]["id"]
    track = bench.tracks[0]
    case(bench, "a track that there is not", "track_facts", "0" * 22, None, "absent", 1)
    case(bench, "an artist that there is not", "artist_tracks", "0" * 22, None, "absent", 1)
    case(bench, "an empty answer", "artist_tracks", artist, {"kind": "empty-200"}, "absent", 1)
    case(bench, "204", "track_facts", track, {"kind": "204"}, "absent", 1)
    case(bench, "a malformed question", "track_search", "calm", {"kind": "status:400"}, "rejected", 1)
    case(bench, "a broken gateway", "track_search", "calm", {"kind": "status:502"}, "unavailable", 3)
    case(bench, "a cut answer", "track_search", "calm", {"kind": "truncate:30"}, "malformed", 2)
    case(bench, "another shape", "track_search", "calm", {"kind": "not-an-object"}, "malformed", 1)
    case(bench, "an app without a subscription", "track_search", "calm", None, "denied", 1, config={"premium": False})
    same((bench.ask("track_search", ["other"]), bench.calls()), (["denied"], 1), "that is not tried again")
    ok(bench.seconds_until("refused_until") > 600, "for an hour")
    for status, wanted in ((500, "unavailable"), (400, "rejected")):
        bench.fresh("spotify")
        bench.emulator.fault([{"route": "/spotify/", "kind": f"status:{status}"}])
        same(bench.ask("track_facts", bench.tracks[:3]), [wanted] * 3, f"status {status} counts for all keys of a batch")

    # tokens
    case(bench, "a token that ended early", "track_search", "calm",
         [{"route": "/spotify/v1/", "kind": "401-expired", "times": 1}], "fresh", 2)
    same(bench.figures("token_calls", "retries"), ["2", "0"], "by another token, which is no retry")
    case(bench, "tokens that are never good", "track_search", "calm",
         [{"route": "/spotify/v1/", "kind": "401-expired"}], "unauthorised", 2)
    bench.fresh("spotify", mapping="client_id 'app-{}', client_secret 'wrong'")
    same((bench.ask("track_search", ["calm"]), bench.calls("accounts"), bench.calls()), (["unauthorised"], 1, 0),
         "a wrong secret: unauthorised, by one call")
    same((bench.ask("track_search", ["else"]), bench.calls("accounts")), (["unauthorised"], 1), "which is remembered")
    ok(bench.seconds_until("refused_until") > 10, "for a minute", bench.figures("refused_until", "last_error"))
    for name, fault, wanted, calls in (
            ("fail", {"kind": "status:500"}, "unavailable", 3), ("fail for a moment", {"kind": "reset", "times": 2}, "fresh", 3),
            ("fail often", {"kind": "status:503", "times": 2}, "fresh", 3),
            ("hang", {"kind": "stall"}, "timeout", None), ("are cut", {"kind": "truncate:40"}, "malformed", None)):
        bench.fresh("spotify", timeout="1s" if wanted == "timeout" else None)
        bench.emulator.fault([{"route": "api/token", **fault}])
        got = bench.ask("track_search", ["calm"])
        seen = bench.calls("accounts")
        ok(got == [wanted] and seen in ([calls] if calls else [1, 2, 3]), f"tokens that {name}: {wanted}", got, seen)


def reccobeats(bench):
    emulator = bench.emulator
    covered, missing = bench.tracks[:2], [t["id"] for t in emulator.tracks(50, covered="false")[:2]]
    bench.fresh("reccobeats")
    same(bench.ask("track_features", covered + missing), ["fresh"] * 2 + ["absent"] * 2,
         "what is left out of a sound answer is absent")
    same((bench.calls(), bench.figures("fresh", "absent")), (1, ["2", "2"]), "by one call")
    for name, fault in (("cut", "truncate:70"), ("cut, with a wrong length", "truncate:70,wrong"), ("empty", "empty-200"),
                        ("404", "status:404"), ("without a list", "missing-key:content"), ("HTML", "html-200"),
                        ("with records without ids", "missing-key:id")):
        bench.fresh("reccobeats")
        emulator.fault([{"route": "/reccobeats/", "kind": fault}])
        got = bench.ask("track_features", missing)
        # without an id a record may still have a link that names it
        good = "absent" not in got or name == "with records without ids"
        ok(good, f"but nothing is absent because an answer is {name}", got)
    seed = json.dumps({"seeds": [bench.tracks[0]]})
    case(bench, "seeds that nobody knows", "recommendation", json.dumps({"seeds": missing}), None, "absent", 1)
    case(bench, "the same with 200", "recommendation", json.dumps({"seeds": missing}), None, "absent", 1,
         config={"reccobeats_4002_status": 200})
    case(bench, "a recommendation", "recommendation", seed, None, "fresh", 1)
    bench.fresh("reccobeats")
    same((bench.ask("track_features", ["no id", bench.tracks[0], ""]), bench.calls()),
         (["rejected", "fresh", "rejected"], 1), "a malformed key is rejected here, and spoils no batch")


def models(bench, service):
    """What both kinds of language models have in common, and what is each one's own."""
    for name, fault, outcome, calls in (
            ("an answer", None, "fresh", 1), ("thoughts beside it", "thoughts", "fresh", 1),
            ("fences around it", "fences", "fresh", 1), ("no usage", "no-usage", "fresh", 1),
            ("a refusal by its filter", "content-filter", "refused", 1),
            ("an end before its time", "max_tokens", "malformed", 1), ("no JSON", "not-json", "malformed", 1),
            ("nothing written", "empty-content", "malformed", 2), ("no text at all", "null-content", "malformed", 2),
            ("overload", "overloaded", "unavailable", 3), ("an error with 200", "top-level-error", "unavailable", 3),
            ("an error in an array", "array-error", "unavailable", 3)):
        value = case(bench, name, "completion", PLAN, fault and {"kind": fault}, outcome, calls, service=service)
        if outcome == "fresh":
            ok(value and "energy" in value.get("json", {}), f"  which fits the schema: {name}", value)
    model = {"gemini": "gemini-2.0-flash", "openai": "gone-away"}[service]
    where = {"gemini": bench.emulator.gemini, "openai": bench.emulator.openai}[service]
    case(bench, "a model that is gone", "completion", PLAN, None, "rejected", 1, service=service,
         base=f"base_url '{where}', model '{model}'")
    ok(model in bench.figures("last_error")[0], "  the view names it", bench.figures("last_error"))
    bench.fresh(service, mapping="api_key 'wrong'")
    same((bench.ask("completion", [PLAN]), bench.calls()), (["unauthorised"], 1), f"{service}: a wrong key is unauthorised")
    same((bench.ask("completion", ["other"]), bench.calls()), (["unauthorised"], 1), "which is remembered for a while")
    case(bench, "the day's quota", "completion", PLAN, {"kind": "per-day"}, "quota", 1, service=service)
    same((bench.ask("completion", ["other"]), bench.calls()), (["quota"], 1), "then nothing more is asked")
    ok((bench.seconds_until("quota_until") or 0) > 1800, "for a long while", bench.figures("quota_until"))


def ends_here(bench, cluster):
    """Outcomes that no service decides on."""
    bench.fresh("reccobeats", max_concurrency=4)
    bench.emulator.fault([{"route": "*", "kind": "stall"}])
    other = cluster.session()
    other.send(resolve("track_features", bench.tracks[:2], "30 s"))
    until(lambda: bench.calls() > 0, 20)
    bench.session.query(f"SELECT pg_cancel_backend({other.pid})")
    same(outcomes(other), "57014", "a question that is cancelled raises an error")
    ok(until(lambda: bench.figure("cancelled") == 2, 20), "and its keys are counted as cancelled", bench.figure("cancelled"))

    # a slot takes 1000 keys: 17000 searches need more slots than there are
    bench.fresh("spotify")
    bench.emulator.fault([{"route": "*", "kind": "stall"}])
    sessions = [cluster.session() for _ in range(2)]
    for number, session in enumerate(sessions):
        session.send("SELECT count(*) FILTER (WHERE outcome = 'busy'), count(*) FILTER (WHERE outcome = 'timeout') FROM"
                     f" reco_resolve('track_search', ARRAY(SELECT 'q{number} ' || n FROM generate_series(1, 9000) n), '8 s')")
    results = [session.wait()[0] for session in sessions]
    busy = sum(int(row[0]) for row in results)
    ok(busy >= 2000 and busy + sum(int(row[1]) for row in results) == 18000,
       "what finds no slot is busy", results)
    ok(int(bench.session.value("SELECT refused_slots FROM reco_stat_gateway")) >= 2, "which a view counts")
    same(bench.ask("user_top_tracks", ["medium_term"]), ["unconfigured"], "a listener without a token: unconfigured")


def main():
    with Emulator("--preset", "extended", "--latency", "none") as emulator, \
            Cluster("reco.gateway_slots = 16", "reco.gateway_upstreams = 500") as cluster:
        session = cluster.session()
        session.query("CREATE EXTENSION reco CASCADE")
        bench = Bench(emulator, session)
        for part in (statuses, redirect, network, bodies, titles, spotify, reccobeats):
            part(bench)
        models(bench, "gemini")
        models(bench, "openai")
        case(bench, "a blocked prompt", "completion", PLAN, {"kind": "blocked"}, "refused", 1, service="gemini")
        case(bench, "no parts", "completion", PLAN, {"kind": "max_tokens-no-parts"}, "malformed", 1, service="gemini")
        case(bench, "a schema too many", "completion", PLAN, {"kind": "schema-too-complex"}, "rejected", 1, service="gemini")
        case(bench, "a key that leaked", "completion", PLAN, None, "unauthorised", 1, service="gemini",
             mapping="api_key 'leaked'")
        case(bench, "a refusal", "completion", PLAN, {"kind": "refusal"}, "refused", 1, service="openai")
        case(bench, "an error that is a string", "completion", PLAN, {"kind": "string-error"}, "unavailable", 3,
             service="openai")
        case(bench, "no credit", "completion", PLAN, {"kind": "insufficient-quota"}, "quota", 1, service="openai")
        case(bench, "no money", "completion", PLAN, None, "quota", 1, service="openai", mapping="api_key 'broke'")
        ends_here(bench, cluster)
        emulator.reset()
        same(nothing_left(session), None, "no slot and no memory is left behind")
        same(emulator.counters()["bugs"], [], "the emulator did what it was told")
    done()


main()
