#!/usr/bin/env python3
"""Claim: whatever breaks, a list comes: whole, in time, under every rule, and with no call too many.

In each of the presets of the emulator, for each kind of listener: whatever a service does with its answers,
one service alone and all together, and at each stage of a run.
"""
import sys
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from chaos import LISTENERS, SLACK, World, told  # noqa: E402
from cluster import Cluster, nothing_left  # noqa: E402
from emulator import Emulator  # noqa: E402
from reco_tap import done, ok, same  # noqa: E402
from rules import origins  # noqa: E402

PRESETS = ("extended", "extended-no-n24", "dev-legacy", "dev-2026")
EVERYWHERE = ("/spotify-accounts/", "/spotify/v1/", "/reccobeats/v1/", "/gemini/v1beta/")
HANGING = ("stall", "stall-body", "504-stall:2", "slow-drip:0.2", "delay:0.7")
BROKEN = (
    # gone, or on the way out
    "status:500", "status:502", "status:503", "502-html", "reset", "reset-body", "close", "empty-200", "204", "redirect",
    # refusals
    "status:400", "status:401", "status:403", "text-403", "status:404", "status:410", "401-expired", "limited", "limited:text",
    "limited:none", "limited:date", "limited:float", "limited:absurd", "limited:negative", "quota-exceeded", "status:429", "4002",
    "1010", "invalid_grant",
    # spoilt bytes
    "truncate:40,right", "truncate:60,wrong", "chunked", "chunked-cut", "no-length", "gzip", "bad-gzip", "wrong-content-type",
    "no-content-type", "html-200", "huge-body:20", "huge-header", "bom", "latin1-bytes", "lone-surrogate", "nul-escape",
    "dup-keys", "deep-nesting", "not-an-object", "null-items", "null-key:name", "null-key:artists", "missing-key:id",
    "missing-key:artists", "missing-key:items", "missing-key:content", "missing-key:energy", "numbers-as-strings", "continue",
    # models
    "blocked", "safety", "max_tokens", "no-parts", "null-content", "refusal", "not-json", "fences", "string-error", "overloaded",
    "retry-info:60", "per-day", "no-usage")
STAGES = ("/api/token", "/search", "/me/top/tracks", "/me/top/artists", "/top-tracks", "/spotify/v1/tracks", "/spotify/v1/artists/",
          "/reccobeats/v1/track?", "/audio-features", "/track/recommendation", ":generateContent")
AT_STAGES = ("reset", "stall", "status:503", "limited", "html-200", "status:403", "null-items", "truncate:50,right")
WORDS = ("calm", "party, upbeat", "for a long drive", "rainy sunday", "xyzzy plugh, slowly", "jazz", "sad, acoustic", "workout")


def prompt_of(world, number):
    """A question that services have a part in; another one each time."""
    artist = world.artists[number % len(world.artists)]
    other = world.artists[(number + 50) % len(world.artists)]
    words = WORDS[number % len(WORDS)]
    return (f"like {artist}, {words}", f"songs by {artist}, {words}, not {other}", f"{words} music", f"{artist} and {other}, {words}")[
        number // 3 % 4]


def whole(world):
    """Nothing is broken: services are in the list, for whoever asks."""
    for number, user in enumerate(LISTENERS):
        wrong = world.case([], f"like {world.artists[number]}, calm", "20 s", user)
        live = origins(world.document)["live"] if world.document else 0
        yield told("nothing broken", user=user), wrong + ([] if live else ["no live row"])


def kinds(world, turn, turns):
    """Each kind of trouble, at one service and at all; the presets share the cases out."""
    cases = [(kind, place) for kind in BROKEN + HANGING for place in (*EVERYWHERE, "*")]
    for number, (kind, place) in enumerate(cases):
        if number % turns != turn:
            continue
        deadline = "1 s" if kind in HANGING else "8 s"
        user = LISTENERS[number // turns % len(LISTENERS)]
        wrong = world.case([{"route": place, "kind": kind}], prompt_of(world, 10 + number), deadline, user)
        if place == "*" and kind in ("reset", "close", "stall", "status:503", "html-200") and world.document and \
                origins(world.document)["live"]:
            wrong.append("rows are live, and nobody is there")
        yield told(f"{kind} at {place}", user=user), wrong


def stages(world, turn, turns):
    """Each stage's route, broken alone."""
    cases = [(kind, place) for place in STAGES for kind in AT_STAGES]
    for number, (kind, place) in enumerate(cases):
        if number % turns != turn:
            continue
        user = LISTENERS[2 if "/me/" in place else number // turns % len(LISTENERS)]
        wrong = world.case([{"route": place, "kind": kind}], prompt_of(world, 500 + number), "1 s" if kind == "stall" else "8 s", user)
        yield told(f"{kind} at {place}", user=user), wrong


def gone(world):
    """The emulator is gone, with its listening socket."""
    world.emulator.stop()
    for number, user in enumerate(LISTENERS):
        document, seconds, wrong = world.list_of(prompt_of(world, 900 + number), "5 s", user)
        wrong += world.judge(document) if document else []
        wrong += [f"{seconds:.1f} s"] if seconds > 5 + SLACK else []
        wrong += ["rows are live"] if document and origins(document)["live"] else []
        yield told("nobody there", user=user), wrong


def all_of(world, turn, turns):
    yield from whole(world)
    yield from kinds(world, turn, turns)
    yield from stages(world, turn, turns)
    yield from gone(world)


def watched(cluster, preset, turn, lines, only):
    """All cases in one preset."""
    emulator = Emulator("--preset", preset, "--latency", "none", "--window", "none", "--quota", "none")
    try:
        with emulator:
            world = World(cluster, "chaos_" + preset.replace("-", "_"), emulator, model=("gemini", "openai")[turn % 2])
            world.listeners()
            for name, wrong in all_of(world, turn, len(PRESETS)):
                lines.append((f"{preset}: {name}", wrong))
                if only:
                    print(lines[-1], flush=True)
    except Exception as error:  # pylint: disable=broad-except
        lines.append((f"{preset}: all cases", [f"{type(error).__name__}: {error}"]))


def main():
    only = sys.argv[1:]
    with Cluster("reco.gateway_upstreams = 1024", "max_connections = 80") as cluster:
        lines = {preset: [] for preset in PRESETS}
        threads = [threading.Thread(target=watched, args=(cluster, preset, turn, lines[preset], only))
                   for turn, preset in enumerate(PRESETS) if not only or preset in only]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for preset in PRESETS:
            for name, wrong in lines[preset]:
                ok(not wrong, name, *wrong)
        session = cluster.session()
        session.query("CREATE EXTENSION reco CASCADE")
        same(nothing_left(session), None, "no slot and no memory is left behind")
    done()


main()
