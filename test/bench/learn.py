#!/usr/bin/env python3
"""The measuring half of test/bench/learn: calls per question, and questions without any.

Purpose: see test/bench/learn.
Runs in: plain Python 3; a session is a psql (test/t/reco_tap.py).
Never:   compare figures of different runs; count a call twice.
"""
import argparse
import random
import statistics
import sys

sys.dont_write_bytecode = True
from bench import WIDE, WIDE_QUOTA  # noqa: E402
from emulator import Emulator  # noqa: E402
from reco_tap import Session, SqlError, call, until  # noqa: E402

TRACKS = 2000           # that the services know; the catalogue here is empty
SIZE = 20
DEADLINE = "20 s"
SERVICES = ("spotify", "reccobeats", "gemini")
BLOCK = 20
SETTLE = 10             # prompts: then the catalogue in memory takes in what was learned
LISTENERS = 50
ZIPF = 1.0
FALL_GOAL, HIT_GOAL = 0.75, 0.7

HOW = ("calm", "happy", "sad", "energetic", "dreamy", "dark", "romantic", "nostalgic", "warm", "restless")
WHAT = ("folk", "techno", "jazz", "indie rock", "soul", "ambient", "hip hop", "pop", "blues", "metal")
WHERE = ("for a rainy sunday", "for a long drive", "to study by", "while cooking", "for the gym", "late at night",
         "on the beach", "for a party", "in the morning", "by the fire")
POLITE = ("please", "some", "the", "a few")


def new_prompts(count, artists, rng):
    """Prompts of which no two are the same; each fifth one names an artist."""
    every = [(how, what, where) for how in HOW for what in WHAT for where in WHERE]
    rng.shuffle(every)
    prompts = []
    for number, (how, what, where) in enumerate(every[:count]):
        by = f", like {artists[number % len(artists)]}" if number % 5 == 4 else ""
        prompts.append(f"{how} {what} {where}{by}")
    return prompts


def variant(prompt, rng):
    """The same in other words: case, order of its parts, words that say nothing."""
    parts = prompt.rstrip(".!?").split(", ")
    if rng.random() < 0.5:
        rng.shuffle(parts)
    text = ", ".join(parts)
    if rng.random() < 0.3:
        text = rng.choice((text.upper(), text.lower(), text.title() if len(parts) == 1 else text.lower()))
    if rng.random() < 0.3:
        text = f"{rng.choice(POLITE)} {text}"
    return text + rng.choice(("", "", "!", "."))


class Upstreams:
    """How many calls each service got since it was asked last."""

    def __init__(self, emulator):
        self.emulator = emulator
        self.before = self.now()

    def now(self):
        services = self.emulator.counters()["services"]
        return {name: services.get(name, {"calls": 0})["calls"] for name in SERVICES}

    def since(self):
        now, before = self.now(), self.before
        self.before = now
        return {name: now[name] - before[name] for name in SERVICES}


def connect(session, emulator):
    for kind, where, secrets in (
            ("spotify", f"base_url '{emulator.spotify}', accounts_url '{emulator.accounts}'", "client_id 'app', client_secret 's'"),
            ("reccobeats", f"base_url '{emulator.reccobeats}'", "api_key 'k'"),
            ("gemini", f"base_url '{emulator.gemini}', model 'gemini-3.6-flash'", "api_key 'g'")):
        more = "".join(f", {option} '{value}'" for option, value in {**WIDE, **WIDE_QUOTA.get(kind, {})}.items())
        session.query(f"CREATE SERVER {kind} FOREIGN DATA WRAPPER reco_upstream OPTIONS (kind '{kind}', {where}{more})")
        session.query(f"CREATE USER MAPPING FOR PUBLIC SERVER {kind} OPTIONS ({secrets})")


def settle(session):
    """Waits until all is learned that was told, and scans see it."""
    until(lambda: session.value("SELECT sum(unwritten) FROM reco_cache_stats") == "0", 30)
    until(lambda: session.value("SELECT learned_at IS NULL OR (published_at > learned_at AND m.built_at > published_at)"
                                " FROM reco_learn_stats, reco_stat_memory AS m WHERE m.database = current_database()") == "t", 30)


def ask(session, user, prompt):
    """Asks; False = nobody knew a track, which the error says."""
    try:
        return session.value(f"SELECT count(*) FROM {call(user, prompt, SIZE, None, DEADLINE, 'reco_generate')}", 60) != "0"
    except SqlError as error:
        if error.sqlstate != "55000":
            raise
        return False


def fall(session, upstreams, prompts):
    """Calls of prompts that nobody asked before, block by block."""
    blocks, figures, empty = [], [], 0
    for number, prompt in enumerate(prompts):
        empty += not ask(session, "", prompt)
        figures.append(upstreams.since())
        if number % SETTLE == SETTLE - 1:
            settle(session)
            upstreams.since()
    print(f"calls a run, {len(prompts)} prompts of which no two are the same")
    print("  prompts      " + "".join(f"{name:>18}" for name in SERVICES) + f"{'all':>18}     (median, mean)")
    for first in range(0, len(figures), BLOCK):
        block = figures[first:first + BLOCK]
        columns = [[f[name] for f in block] for name in SERVICES] + [[sum(f.values()) for f in block]]
        blocks.append([(statistics.median(c), statistics.mean(c)) for c in columns])
        if first in (0, len(figures) - BLOCK) or len(figures) <= 5 * BLOCK or first % (2 * BLOCK) == 0:
            print(f"  {first + 1:>4} .. {first + len(block):<4} "
                  + "".join(f"{median:>10.1f}{mean:>8.2f}" for median, mean in blocks[-1]))
    known = session.query("SELECT known_tracks, artists, features, skipped FROM reco_learn_stats")[0]
    print(f"  learned: {known[0]} tracks, {known[1]} times an artist, {known[2]} times features; {known[3]} skipped; {empty} lists were empty")
    return blocks[0], blocks[-1]


def mix(session, upstreams, prompts, count, rng):
    """Questions as people ask them; shares of those without a run, and without a call."""
    weights = [1 / (rank + 1) ** ZIPF for rank in range(len(prompts))]
    people = [1 / (rank + 1) ** ZIPF for rank in range(LISTENERS)]
    spared = 0
    total = dict.fromkeys(SERVICES, 0)
    before = session.query("SELECT hits + table_hits + stale_hits + coalesced, misses FROM reco_cache_stats WHERE category = 'result'")[0]
    for number in range(count):
        prompt = rng.choices(prompts, weights)[0]
        user = f"listener{rng.choices(range(LISTENERS), people)[0]}"
        ask(session, user, variant(prompt, rng))
        calls = upstreams.since()
        spared += sum(calls.values()) == 0
        total = {name: total[name] + calls[name] for name in SERVICES}
        if number % 100 == 99:
            settle(session)
            upstreams.since()
    after = session.query("SELECT hits + table_hits + stale_hits + coalesced, misses FROM reco_cache_stats WHERE category = 'result'")[0]
    again = int(after[0]) - int(before[0])
    print(f"{count} questions of {LISTENERS} listeners, {len(prompts)} prompts (Zipf), in words of their own")
    print(f"  answered with a list that was there   {again / count:>8.1%}")
    print(f"  answered without a call               {spared / count:>8.1%}")
    print("  calls a question                      "
          + "  ".join(f"{name} {total[name] / count:.3f}" for name in SERVICES))
    for row in session.query("SELECT category, round(hit_ratio::numeric, 3), calls_saved FROM reco_cache_stats"
                             " WHERE hit_ratio IS NOT NULL ORDER BY category"):
        print(f"  {row[0]:<20} hit ratio {row[1]:>6}  calls saved {row[2]:>7}")
    return spared / count


def goal(met, text):
    print(f"  {'met   ' if met else 'MISSED'}  {text}")
    return met


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--prompts", required=True)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    rng = random.Random(5)
    with open(options.prompts, encoding="utf-8") as file:
        sentences = [line.strip() for line in file if line.strip() and not line.startswith("#")]
    with Emulator("--preset", "extended", "--latency", "none", "--window", "none", "--quota", "none", "--catalogue", TRACKS) as emulator:
        Session("postgres").query("CREATE DATABASE learn")
        session = Session("learn")
        session.query("CREATE EXTENSION reco CASCADE")
        connect(session, emulator)
        artists = [artist["name"] for artist in emulator.artists(40)]
        upstreams = Upstreams(emulator)
        first, last = fall(session, upstreams, new_prompts(60 if options.quick else 200, artists, rng))
        spared = mix(session, upstreams, sentences, 400 if options.quick else 3000, rng)
    ratio = last[-1][1] / max(first[-1][1], 0.01)
    print("goals" + (" (of the full run; this was a quick one)" if options.quick else ""))
    good = goal(ratio <= FALL_GOAL, f"the last {BLOCK} new prompts cost {ratio:.2f} of the calls of the first {BLOCK} (at most {FALL_GOAL})")
    good = goal(spared > HIT_GOAL, f"{spared:.1%} of the mix without a call (more than {HIT_GOAL:.0%})") and good
    print(f"ratio learn.last_to_first {ratio:.3f}")
    print(f"ratio learn.questions_with_calls {1 - spared:.3f}")
    sys.exit(0 if good or options.quick else 1)


main()
