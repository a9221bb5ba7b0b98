#!/usr/bin/env python3
"""The measuring half of test/bench/prewarm: what is predicted, and what then comes.

Purpose: see test/bench/prewarm.
Runs in: plain Python 3; a session is a psql (test/t/reco_tap.py).
Never:   let the made-up traffic depend on what is predicted, or on the clock.

A prediction is for an hour that has not ended, so the world moves, not the clock: before
an hour is looked at, all that is on record is moved into the past by the time between it
and the one before. All that was asked since is put on record then.
"""
import argparse
import collections
import random
import statistics
import sys
import time

sys.dont_write_bytecode = True
from bench import WIDE, WIDE_QUOTA  # noqa: E402
from emulator import Emulator  # noqa: E402
from reco_tap import Session, call, literal, until  # noqa: E402

HOUR = 3600
WEEK = 168 * HOUR
EPOCH_MS = 1704067200000    # of run ids
SIZE = 20
SCALE, QUICK_SCALE = .2, .05    # of the services' latencies
KNOWN_WEEKS = 4             # on record before the first that is predicted
MEMORY_WEEKS = 8            # that a prediction looks back
BUDGET = 100                # reco.prewarm_budget, as by default
SERVICES = ("spotify", "reccobeats", "gemini")
# how often a habit is kept, and how many of ten habits are so
REGULARITY = ((.95, 3), (.7, 3), (.4, 3), (.15, 1))
FICKLE = .1                 # of habits: to come, but each time with another question
GIVEN_GOAL = .9             # a list that lacks something is kept for a moment only
NOISE = .08                 # one-off questions of a listener an hour

WHERE = ("for a rainy sunday", "for a long drive", "to study by", "while cooking", "for the gym", "late at night", "with friends")
POPULAR = 10                # prompts that many ask for

Habit = collections.namedtuple("Habit", "user prompt slot minute regularity")
Ask = collections.namedtuple("Ask", "at user prompt")


class Town:
    """Who lives here, and what they ask: the same whenever the seed is."""

    def __init__(self, artists, listeners, slots, weeks, seed=11):
        self.rng = random.Random(seed)
        self.prompts = [f"like {artist}, {where}" for where in WHERE for artist in artists]
        self.slots = sorted(self.rng.sample(range(168), slots))
        self.habits = [self.habit(n % listeners) for n in range(int(1.5 * listeners))]
        self.once = 0
        self.asks = sorted(self.live(listeners, weeks))

    def habit(self, n):
        regularity = self.rng.choices([r for r, _ in REGULARITY], [many for _, many in REGULARITY])[0]
        prompt = None if self.rng.random() < FICKLE else self.rng.choice(self.prompts)
        return Habit(f"listener{n}", prompt, self.rng.choice(self.slots), self.rng.uniform(10, 50), regularity)

    def new_prompt(self):
        self.once += 1
        return f"{self.rng.choice(self.prompts)}, for the {self.once}. time"

    def live(self, listeners, weeks):
        """All that is asked: habits, some minutes early or late, and what comes to mind."""
        for week in range(weeks):
            for habit in self.habits:
                if self.rng.random() < habit.regularity:
                    minute = habit.minute + self.rng.gauss(0, 8)
                    yield Ask(week * WEEK + habit.slot * HOUR + 60 * minute, habit.user, habit.prompt or self.new_prompt())
            for slot in self.slots:
                for n in range(listeners):
                    if self.rng.random() < NOISE:
                        # one in three asks for something that many ask for
                        prompt = self.rng.choice(self.prompts[:POPULAR]) if self.rng.random() < .33 else self.new_prompt()
                        yield Ask(week * WEEK + slot * HOUR + 60 * self.rng.uniform(0, 60), f"listener{n}", prompt)

    def between(self, since, until_then):
        """{(user, prompt)} of that time."""
        return {(ask.user, ask.prompt) for ask in self.asks if since <= ask.at < until_then}


class Figures:
    """What was predicted, what of it came, and what was asked of which that is a part."""

    def __init__(self):
        self.predicted = self.came = self.asked = 0

    def add(self, predicted, asked):
        self.predicted += len(predicted)
        self.came += len(predicted & asked)
        self.asked += len(asked)

    @property
    def precision(self):
        return self.came / max(self.predicted, 1)

    @property
    def recall(self):
        return self.came / max(self.asked, 1)

    @property
    def both(self):
        """The harmonic mean."""
        return 2 * self.precision * self.recall / max(self.precision + self.recall, 1e-9)


class World:
    """The town's traffic on record, as of an hour that begins now."""

    def __init__(self, session, town, ms, calls):
        self.session, self.town = session, town
        self.ms, self.calls = ms, calls
        self.at = 0             # the town's time
        self.start = self.now()
        self.next = 0           # of the town's asks
        self.number = 0

    def now(self):
        """Milliseconds."""
        return int(self.session.value("SELECT (1000 * extract(epoch FROM clock_timestamp()))::bigint"))

    def move(self, at, played=False):
        """To an hour; what was asked before is on record, but for what was really asked."""
        begin, now = self.at, self.now()
        back = 1000 * (at - self.at) - (now - self.start)
        self.session.query(
            f"UPDATE reco.run SET run_id = run_id - ({back}::bigint << 22), started = started - {back} * interval '1 ms';"
            f"UPDATE reco.ask SET run_id = run_id - ({back}::bigint << 22), at = at - {back} * interval '1 ms';"
            f"UPDATE reco.prewarm SET run_id = run_id - ({back}::bigint << 22), hour = hour - {back} * interval '1 ms';"
            f"UPDATE reco.prewarm_hour SET hour = hour - {back} * interval '1 ms', judged = judged - {back} * interval '1 ms'")
        self.at, self.start = at, now
        rows = []
        while self.next < len(self.town.asks) and self.town.asks[self.next].at < at:
            ask = self.town.asks[self.next]
            self.next += 1
            if played and begin <= ask.at < begin + HOUR:
                continue
            self.number += 1
            rows.append(f"({literal(ask.user)}, {now + round(1000 * (ask.at - at))}::bigint, {self.number}, {literal(ask.prompt)})")
        if rows:
            self.session.query(
                "INSERT INTO reco.run (user_id, run_id, role_id, started, record, tracks)"
                f" SELECT user_id, ((ms - {EPOCH_MS}) << 22) + number, 'postgres'::regrole, to_timestamp(ms / 1000.0),"
                f" jsonb_build_object('prompt', prompt, 'size', {SIZE}, 'options', '{{}}'::jsonb, 'total_ms', {self.ms:.3f}, 'spent_calls', {self.calls}),"
                f" '[]' FROM (VALUES {', '.join(rows)}) AS t (user_id, ms, number, prompt)")

    def prewarm(self):
        """Predicts the hour; how many lists are queued."""
        return int(self.session.value(f"SELECT reco_prewarm({self.hour()})"))

    def hour(self):
        return f"to_timestamp({self.start} / 1000.0)"

    def predicted(self):
        """{(user, prompt)}, and {user} of those without a question."""
        rows = self.session.query(f"SELECT user_id, arguments ->> 'prompt', key FROM reco.prewarm WHERE hour = {self.hour()}")
        return {(row[0], row[1]) for row in rows if row[2]}, {row[0] for row in rows if not row[2]}

    def told(self):
        """What the view tells of the hours before: predicted, came, asked, foreseen."""
        self.prewarm()
        return [int(value) for value in self.session.query(
            f"SELECT sum(predicted), sum(came), sum(asked), sum(foreseen) FROM reco_stat_prewarm WHERE hour < {self.hour()}")[0]]


def connect(session, emulator):
    for kind, where, secrets in (
            ("spotify", f"base_url '{emulator.spotify}', accounts_url '{emulator.accounts}'", "client_id 'app', client_secret 's'"),
            ("reccobeats", f"base_url '{emulator.reccobeats}'", "api_key 'k'"),
            ("gemini", f"base_url '{emulator.gemini}', model 'gemini-3.6-flash'", "api_key 'g'")):
        more = "".join(f", {name} '{value}'" for name, value in {**WIDE, **WIDE_QUOTA.get(kind, {})}.items())
        session.query(f"CREATE SERVER {kind} FOREIGN DATA WRAPPER reco_upstream OPTIONS (kind '{kind}', {where}{more})")
        session.query(f"CREATE USER MAPPING FOR PUBLIC SERVER {kind} OPTIONS ({secrets})")


def calls(emulator):
    services = emulator.counters()["services"]
    return sum(services.get(name, {}).get("calls", 0) for name in SERVICES)


def ask(session, user, prompt):
    """Milliseconds that a list takes, and the run that made it."""
    began = time.monotonic()
    rows = session.query("SELECT run_id FROM " + call(user, prompt, SIZE, None, "60 s", "reco_generate"))
    return 1000 * (time.monotonic() - began), rows[0][0]


def usual(session, emulator, artists):
    """What a first question takes: milliseconds, calls."""
    took = []
    for n, artist in enumerate(artists):
        emulator.reset_counters()
        ms, _ = ask(session, f"stranger{n}", f"like {artist}, to begin with")
        took.append((ms, calls(emulator)))
    session.query("DELETE FROM reco.run WHERE user_id LIKE 'stranger%'")
    return statistics.median(ms for ms, _ in took), max(1, round(statistics.mean(n for _, n in took)))


class Judge:
    """What is predicted for an hour, by whom, and what comes."""

    def __init__(self, world):
        self.world, self.town = world, world.town
        self.all = {who: Figures() for who in ("reco_prewarm", "the same hour last week", "what was asked most", "who knew the habits")}
        self.listeners = Figures()

    def look(self):
        """Once the hour was predicted."""
        at, town = self.world.at, self.town
        asked = town.between(at, at + HOUR)
        questions, listeners = self.world.predicted()
        counts = collections.Counter((ask.user, ask.prompt) for ask in town.asks if at - MEMORY_WEEKS * WEEK <= ask.at < at)
        most = {pair for pair, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:len(questions)]}
        known = {(habit.user, habit.prompt) for habit in town.habits
                 if habit.slot == at % WEEK // HOUR and habit.regularity > .5 and habit.prompt}
        for who, predicted in zip(self.all, (questions, town.between(at - WEEK, at - WEEK + HOUR), most, known)):
            self.all[who].add(predicted, asked)
        self.listeners.add(listeners, {user for user, _ in asked})
        return asked, questions

    def print(self):
        for who, figures in self.all.items():
            print(f"  {who:<26} predicted {figures.predicted:>5}  precision {figures.precision:>6.1%}  recall {figures.recall:>6.1%}"
                  f"  both {figures.both:>6.1%}")
        print(f"  and by reco_prewarm, listeners without a question: {self.listeners.predicted}, of whom {self.listeners.precision:.0%} came")


class Play:
    """Hours whose lists are made and asked for."""

    def __init__(self):
        self.most = self.spent = self.queued = self.made = 0
        self.due = self.hits = 0    # lists that were made and asked for; of them, those that were given
        self.hit_calls = self.asked_calls = 0
        self.ahead, self.anew = [], []

    def hour(self, world, judge, emulator, wait):
        session = world.session
        emulator.reset_counters()
        self.queued += world.prewarm()
        if not until(lambda: session.value("SELECT count(*) FROM reco.job WHERE state IN ('queued', 'running')") == "0", 120):
            sys.exit("lists are not made")
        spent = calls(emulator)
        told = int(session.value(f"SELECT calls FROM reco_stat_prewarm WHERE hour = {world.hour()}"))
        self.most = max(self.most, spent, told)
        self.spent += spent
        made = {(row[0], row[1]): row[2] for row in session.query(
            f"SELECT user_id, arguments ->> 'prompt', run_id FROM reco.prewarm WHERE hour = {world.hour()} AND run_id IS NOT NULL")}
        hits = self.hits
        self.made += len(made)
        asked, _ = judge.look()
        for user, prompt in sorted(asked):
            emulator.reset_counters()
            ms, run = ask(session, user, prompt)
            self.due += (user, prompt) in made
            if run == made.get((user, prompt)):
                self.hits += 1
                self.hit_calls += calls(emulator)
                self.ahead.append(ms)
            else:
                self.anew.append(ms)
                self.asked_calls += calls(emulator)
        if wait:
            self.noted(world, self.hits - hits)
        session.query("SELECT reco_cache_invalidate('result')")

    @staticmethod
    def noted(world, hits):
        """Waits until the keeper has noted which lists were given."""
        def looked():
            world.prewarm()
            return world.session.value(f"SELECT hits FROM reco_stat_prewarm WHERE hour = {world.hour()}") == str(hits)
        if not until(looked, 60):
            sys.exit("the view does not tell of what was given")


def goal(met, text):
    print(f"  {'met   ' if met else 'MISSED'}  {text}")
    return met


def told_alike(world, judge):
    """Does the view tell the same?"""
    figures, listeners = judge.all["reco_prewarm"], judge.listeners
    told, counted = world.told(), [figures.predicted + listeners.predicted, figures.came + listeners.came, figures.asked, figures.came]
    return goal(told == counted, f"reco_stat_prewarm tells the same of them: predicted, came, asked, foreseen {told}"
                + ("" if told == counted else f", counted {counted}"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    listeners, slots, weeks, played = (60, 4, KNOWN_WEEKS + 3, 1) if options.quick else (200, 12, KNOWN_WEEKS + 8, 12)
    Session("postgres").query("CREATE DATABASE prewarm")
    session = Session("prewarm")
    session.query("CREATE EXTENSION reco CASCADE; SELECT reco_demo_catalogue(5000); VACUUM ANALYZE")
    scale = QUICK_SCALE if options.quick else SCALE
    with Emulator("--latency", "default", "--scale", scale, "--seed", 1, "--preset", "extended", "--window", "none", "--quota", "none") as emulator:
        artists = [artist["name"] for artist in emulator.artists(205)]
        town = Town(artists[5:], listeners, slots, weeks)
        connect(session, emulator)
        world = World(session, town, *usual(session, emulator, artists[:5]))
        session.query("DROP SERVER spotify, reccobeats, gemini CASCADE")
        judge, play = Judge(world), Play()
        # without a service, hours are predicted, and no list is made
        hours = [week * WEEK + slot * HOUR for week in range(KNOWN_WEEKS, weeks) for slot in town.slots]
        for at in hours[:-played]:
            world.move(at)
            world.prewarm()
            judge.look()
        world.move(hours[-played])
        told = told_alike(world, judge)
        connect(session, emulator)
        for n, at in enumerate(hours[-played:]):
            world.move(at, played=n > 0)
            play.hour(world, judge, emulator, not options.quick)
    habits = collections.Counter(habit.regularity for habit in town.habits)
    print(f"{listeners} listeners, {len(town.habits)} habits ({', '.join(f'{many} kept {regularity:.0%}' for regularity, many in sorted(habits.items()))}),"
          f" {len(town.asks)} questions in {weeks} weeks")
    print(f"questions of {len(hours)} hours, after {KNOWN_WEEKS} weeks on record")
    judge.print()
    print(f"lists of {played} hour(s) with services; an average one takes {world.calls} calls")
    print(f"  queued {play.queued} jobs, made {play.made} lists, with {play.spent} calls, at most {play.most} an hour;"
          f" given {play.hits} of {play.due} that were asked for")
    ahead, anew = statistics.median(play.ahead), statistics.median(play.anew)
    print(f"  took {ahead:.1f} ms where made ahead, else {anew:.1f} ms and {play.asked_calls / max(len(play.anew), 1):.1f} calls (medians)")
    if not options.quick:
        print(f"  saved {(anew - ahead) * play.hits / 1000:.1f} s in all; reco_stat_prewarm tells "
              + session.value("SELECT round((saved_ms / 1000)::numeric, 1) FROM reco_stat_prewarm WHERE hour IS NULL")
              + f" s, as on record each took {world.ms:.0f} ms before")
    mine, last, most = (judge.all[who] for who in list(judge.all)[:3])
    print("goals")
    kept = goal(play.most <= BUDGET, f"no hour's lists cost more than {play.most} calls (reco.prewarm_budget: {BUDGET})")
    good = goal(play.hits >= GIVEN_GOAL * play.due and play.hit_calls == 0,
                f"{play.hits} of {play.due} lists that were made ahead and asked for are given (at least {GIVEN_GOAL:.0%}), with {play.hit_calls} calls (0)")
    good = goal(mine.precision > last.precision, f"precision {mine.precision:.1%} (more than last week's {last.precision:.1%})") and good
    good = goal(mine.both > max(last.both, most.both),
                f"precision and recall {mine.both:.1%} (more than {max(last.both, most.both):.1%} of simple guesses)") and good
    print(f"ratio prewarm.in_vain {1 - mine.precision:.3f}")
    print(f"ratio prewarm.missed {1 - mine.recall:.3f}")
    print(f"ratio prewarm.calls_to_budget {play.most / BUDGET:.3f}")
    print(f"ratio prewarm.made_ahead_to_anew {ahead / anew:.3f}")
    # what is promised holds in every run
    sys.exit(3 if not (kept and told) else 0 if good or options.quick else 1)


main()
