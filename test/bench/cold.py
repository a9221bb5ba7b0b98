#!/usr/bin/env python3
"""The measuring half of test/bench/cold: before, cold, warm, the floor, and a mix.

Purpose: see test/bench/cold.
Runs in: plain Python 3; sessions are psql (test/t/reco_tap.py).
Never:   count a run that is not complete, or compare figures of different runs.
"""
import argparse
import random
import statistics
import sys
import threading
import time

sys.dont_write_bytecode = True
from before import Old  # noqa: E402
from bench import WIDE, WIDE_QUOTA  # noqa: E402
from emulator import Emulator  # noqa: E402
from floor import calls_of, longest_path, timeline  # noqa: E402
from reco_tap import Session, SqlError, call, literal, until  # noqa: E402

TRACKS = 2000           # of the made-up catalogue, here and at the services
SIZE = 20
DEADLINE = "60 s"
CLIENTS = 8
LISTENERS = 20          # of the mix; each third has a token
ZIPF = 1.1
LOCAL_STAGES = ("rank", "rules", "quality", "order")
RATES = {"spotify": (90, 30), "reccobeats": (60, 30), "gemini": (15, 60)}   # the defaults: calls, seconds
SERVICES = {"accounts": None, "spotify": 12, "reccobeats": 6, "gemini": 1}  # most calls of a run
WARM_CALLS = 200

FLOOR_GOAL, BEFORE_GOAL, WARM_GOAL, P95_GOAL, HIT_GOAL = 1.25, 50, 1000, 3.0, .7


class Services:
    """Databases that know nothing, with servers that nobody has asked."""

    def __init__(self, emulator, scale=1, wide=False):
        self.emulator = emulator
        self.scale = scale
        self.wide = wide
        self.admin = Session("postgres")
        self.number = 1000 if wide else 0

    def options(self, kind):
        """Limits of ours: out of the way, or the default ones in scaled time."""
        calls, window = RATES[kind]
        return {**WIDE, **WIDE_QUOTA.get(kind, {})} if self.wide \
            else {"rate": f"{calls}/{round(1000 * window * self.scale)}ms"}

    def database(self):
        """A new one; its name."""
        self.number += 1
        name = f"cold_{self.number}"
        self.admin.query(f"CREATE DATABASE {name}")
        session = Session(name)
        session.query("CREATE EXTENSION reco CASCADE")
        session.query(f"SELECT reco_demo_catalogue({TRACKS})")
        session.query("VACUUM ANALYZE reco.track")
        for kind, where, secrets in (
                ("spotify", f"base_url '{self.emulator.spotify}', accounts_url '{self.emulator.accounts}'",
                 "client_id 'app-{}', client_secret 's'"),
                ("reccobeats", f"base_url '{self.emulator.reccobeats}'", "api_key 'k-{}'"),
                ("gemini", f"base_url '{self.emulator.gemini}', model 'gemini-3.6-flash'", "api_key 'g-{}'")):
            more = "".join(f", {option} '{value}'" for option, value in self.options(kind).items())
            session.query(f"CREATE SERVER {kind} FOREIGN DATA WRAPPER reco_upstream OPTIONS (kind '{kind}', {where}{more})")
            session.query(f"CREATE USER MAPPING FOR PUBLIC SERVER {kind} OPTIONS ({secrets.format(self.number)})")
        session.close()
        return name

    def drop(self, name):
        self.admin.query(f"DROP DATABASE {name} WITH (FORCE)")


def awake(session):
    """The catalogue is in the session's reach; no service knows of it."""
    session.query("SET reco.upstreams = off")
    session.query("SELECT count(*) FROM reco_generate('nobody', 'a first question', 5)")
    session.query("RESET reco.upstreams")


def taught(services, session):
    """What the app may do is known, and it has a token; its limits are as full as before."""
    artist = services.emulator.artists(1000)[-1]
    for kind, key in (("artist_search", f'artist:"{artist["name"]}"'), ("artist_tracks", artist["id"]),
                      ("track_search", f'artist:"{artist["name"]}"')):
        session.query(f"SELECT outcome FROM reco_resolve('{kind}', ARRAY[{literal(key)}], '60 s')")
    time.sleep(4 * services.scale)


class Run:
    """A cold run, of an app that is new as well or not, and the same question again."""

    def __init__(self, services, prompt, listener, new):
        self.prompt, self.listener, self.new = prompt, listener, new
        name = services.database()
        session = Session(name)
        if listener:
            session.query(f"SELECT reco_connect_user({literal(listener)}, {literal(listener + '.1')})")
        awake(session)
        if not new:
            taught(services, session)
        services.emulator.reset_counters()
        services.emulator.admin("/reset/limits", post=True)
        self.began = time.monotonic()
        self.document = session.json("SELECT " + call(listener, prompt, SIZE, {}, DEADLINE))
        self.seconds = time.monotonic() - self.began
        self.counters = services.emulator.counters()
        self.calls = calls_of(self.counters)
        self.network, self.path = longest_path(self.calls)
        # the plan's graph as it stands ends with the features of candidates
        self.short_network, _ = longest_path(self.calls, ("recommendation", "more ids", "more features"))
        stages = self.document["stages"]
        self.local = sum(stages[name]["ms"] for name in LOCAL_STAGES if name in stages) / 1000
        self.complete = self.document["complete"]
        self.warm = self.again(session) if self.complete else None
        session.close()
        services.drop(name)

    @property
    def floor(self):
        return self.network + self.local

    @property
    def short_floor(self):
        return self.short_network + self.local

    def again(self, session):
        """Seconds of the same question, in the same session; the median."""
        session.query("CREATE FUNCTION again(n int) RETURNS SETOF float8 LANGUAGE plpgsql AS $again$"
                      " DECLARE start timestamptz; rows int; BEGIN FOR i IN 1 .. n LOOP start := clock_timestamp();"
                      " SELECT count(*) INTO rows FROM "
                      + call(self.listener, self.prompt, SIZE, {}, DEADLINE, "reco_generate")
                      + f"; IF rows <> {SIZE} THEN RAISE EXCEPTION '% rows', rows; END IF;"
                      " RETURN NEXT extract(epoch FROM clock_timestamp() - start); END LOOP; END $again$")
        return statistics.median(float(row[0]) for row in session.query(f"SELECT * FROM again({WARM_CALLS})"))

    def asked(self, service):
        return self.counters["services"].get(service, {}).get("calls", 0)

    def show(self, details):
        """A line, or all that is known of it."""
        origins = {}
        for track in self.document["tracks"]:
            origins[track["origin"]] = origins.get(track["origin"], 0) + 1
        print(f"# {1000 * self.seconds:8.1f} ms, floor {1000 * self.floor:8.1f} ms ({' > '.join(self.path)}),"
              f" calls {'/'.join(str(self.asked(name)) for name in SERVICES)}, {origins}"
              f"{', new app' if self.new else ''}{'' if self.complete else ', not complete: ' + str(self.document.get('missing'))}: {self.prompt[:50]!r}")
        if not details:
            return
        print("\n".join(timeline(self.calls, self.began)))
        for name, stage in sorted(self.document["stages"].items(), key=lambda item: item[1].get("start_ms", 0)):
            print(f"    {name}: " + ", ".join(f"{key} {value}" for key, value in stage.items()))


def questions(emulator, prompts, count):
    """Prompts that nobody asked before: the given ones, and such as name an artist."""
    artists = emulator.artists(1000)[:-1]
    words = ("calm", "for a long drive", "dance", "happy", "sad", "to work by")
    named = [f"like {artist['name']}, {words[n % len(words)]}" for n, artist in enumerate(artists)]
    mixed = [prompt for pair in zip(named, prompts) for prompt in pair]
    return mixed[:count]


def cold(emulator, prompts, options):
    """All cold runs; listeners with a token and without take turns."""
    services = Services(emulator, options.scale)
    runs = []
    for n, prompt in enumerate(questions(emulator, prompts, 3 * options.runs)):
        run = Run(services, prompt, f"cold{n}" if n // 2 % 2 else "", n // 4 % 2 == 0)
        run.show(options.details)
        runs.append(run)
        if len(compared(runs)) == options.runs:
            break
    return runs


def compared(runs, new=None):
    """Those that count: complete, and with something that was asked."""
    return [run for run in runs if run.complete and run.calls and new in (None, run.new)]


class Client(threading.Thread):
    """One of the clients of the mix."""

    def __init__(self, name, calls):
        super().__init__()
        self.session = Session(name)
        self.calls = calls
        self.took, self.errors, self.short = [], [], 0

    def run(self):
        for listener, prompt in self.calls:
            began = time.monotonic()
            try:
                rows = self.session.query(
                    "SELECT count(*), min(run_id), string_agg(DISTINCT origin, ' ') FROM "
                    + call(listener, prompt, SIZE, {}, None, "reco_generate"))
                self.took.append((time.monotonic() - began, rows[0][1]))
                self.short += int(rows[0][0]) != SIZE
            except SqlError as error:
                self.errors.append(str(error))
        self.session.close()


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))]


def mix(emulator, prompts, count):
    """What calls of several clients take: [(seconds, run)], errors, short lists."""
    services = Services(emulator, wide=True)
    name = services.database()
    asked = questions(emulator, prompts, 2 * len(prompts))
    dice = random.Random(5)
    weights = [1 / (n + 1) ** ZIPF for n in range(len(asked))]
    session = Session(name)
    listeners = [f"mix{n}" for n in range(LISTENERS)]
    for listener in listeners[::3]:
        session.query(f"SELECT reco_connect_user({literal(listener)}, {literal(listener + '.1')})")
    awake(session)
    emulator.reset_counters()
    drawn = [(dice.choice(listeners), prompt) for prompt in dice.choices(asked, weights, k=count)]
    clients = [Client(name, drawn[n::CLIENTS]) for n in range(CLIENTS)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    until(lambda: session.value("SELECT sum(unwritten) FROM reco_cache_stats") == "0")
    called = int(session.value("SELECT count(*) FROM reco.run WHERE jsonb_path_exists(record, '$.services[*] ? (@.requests > 0 || @.again > 0 || @.shared > 0)')"))
    stages = session.query("SELECT metric, p50_ms, p95_ms, p99_ms, hit_ratio FROM reco_stat_stage WHERE database = current_database() AND calls > 0")
    session.close()
    services.drop(name)
    took = [one for client in clients for one in client.took]
    return (took, [error for client in clients for error in client.errors],
            sum(client.short for client in clients), len(set(drawn)), called, stages)


class Table:
    """Lines to lay beside the plan's, and whether goals were missed."""

    def __init__(self, quick):
        self.quick = quick
        self.missed = False
        self.ratios = []

    def ratio(self, name, value):
        """For test/bench/compare, at the end."""
        self.ratios.append(f"ratio {name} {value:.6g}")

    def row(self, what, plan, figure, met=None):
        goal = "" if met is None or self.quick else "" if met else "   MISSED"
        self.missed |= bool(goal)
        print(f"{what:44} {plan:>14}   {figure}{goal}")


def seconds(value):
    return f"{value:.2f} s" if value >= 1 else f"{1000 * value:.2f} ms" if value >= 0.01 else f"{1000 * value:.3f} ms"


def report_cold(table, options, before, runs):
    """(a) to (d), and the calls; the lines for test/bench/compare."""
    scale = options.scale
    good = compared(runs)
    print(f"# {len(good)} first questions; {sum(not run.complete for run in runs)} more were not complete,"
          f" {sum(not run.calls for run in runs)} asked nobody; times are scaled by {scale:g}, those in brackets not; medians")
    table.row("", "the plan", "here")
    if before:
        table.row("(a) before: the old application's calls", "120 s", f"{seconds(before.took)} [{seconds(before.took / scale)}]")
    for what, new in (("an app that is known", False), ("a new app", True)):
        some = compared(runs, new)
        if not some:
            table.row(f"(b) a first question, of {what}", "65 s", "none was complete", False)
            continue
        took = statistics.median(run.seconds for run in some)
        floor = statistics.median(run.floor for run in some)
        per_floor = statistics.median(run.seconds / run.floor for run in some)
        warm = statistics.median(run.warm for run in some)
        table.row(f"(b) a first question, of {what}", "65 s", f"{seconds(took)} [{seconds(took / scale)}]")
        table.row("(c) the same again", "17 s", seconds(warm))
        table.row("(d) the floor of (b)", "", f"{seconds(floor)} [{seconds(floor / scale)}]")
        table.row(f"(b) / (d), goal {FLOOR_GOAL}", "", f"{per_floor:.3f}", new or per_floor <= FLOOR_GOAL)
        table.row("(b) / (d) without recommendations in (d)", "",
                  f"{statistics.median(run.seconds / run.short_floor for run in some):.3f}")
        if before:
            table.row(f"(a) / (b), goal {BEFORE_GOAL}", "", f"{before.took / took:.1f}", before.took / took >= BEFORE_GOAL)
            table.ratio(f"cold.{'new' if new else 'cold'}_to_before", took / before.took)
        table.row(f"(b) / (c), goal {WARM_GOAL}", "", f"{took / warm:.0f}", took / warm >= WARM_GOAL)
        table.ratio(f"cold.{'new' if new else 'cold'}_to_floor", per_floor)
        table.ratio(f"cold.warm_to_{'new' if new else 'cold'}", warm / took)
    for service, most in SERVICES.items():
        some = [run.asked(service) for run in compared(runs, True)] or [0]
        name = "model" if service == "gemini" else service
        table.row(f"calls of {name}, new app: median and most" + (f", goal {most}" if most else ""),
                  str(before.calls.get(name)) if before else "",
                  f"{statistics.median(some):g}, {max(some)}", most is None or max(some) <= most)
        if most:
            table.ratio(f"cold.calls_of_{name}", statistics.mean(some))


def report_mix(table, options, mixed):
    took, errors, short, distinct, called, stages = mixed
    anew = len({run for _, run in took}) / max(len(took), 1)
    times = [one for one, _ in took]
    print(f"# {len(times)} calls of {CLIENTS} clients, {distinct} different ones, latencies scaled by {options.mix_scale:g}")
    table.row("P50", "5-10 s", seconds(percentile(times, .5)))
    p95 = percentile(times, .95)
    table.row(f"P95, goal {P95_GOAL:g} s", "30 s", seconds(p95), p95 / options.mix_scale <= P95_GOAL)
    table.row("P99", "", seconds(percentile(times, .99)))
    table.row(f"without a call of a service, goal {100 * HIT_GOAL:g} %", "70 %", f"{100 * (1 - called / len(times)):.1f} %",
              called / len(times) < 1 - HIT_GOAL)
    table.row("given again without a run", "",
              f"{100 * (1 - anew):.1f} % of at most {100 * (1 - distinct / len(times)):.1f} % that were asked before")
    table.row("errors", "0.1 %", f"{len(errors)} {errors[:2] if errors else ''}", not errors)
    table.row("lists that were short", "", str(short), short == 0)
    table.ratio("cold.mix_asked_anew", anew)
    for stage, p50, p95, p99, hits in stages:
        table.row(f"    {stage}", "", f"P50 {p50} ms, P95 {p95} ms, P99 {p99} ms, known before {hits or '-'}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--details", action="store_true")
    parser.add_argument("--scale", type=float)
    parser.add_argument("--prompts", required=True)
    options = parser.parse_args()
    options.scale = options.scale or .2
    options.mix_scale = options.scale if options.quick else 1
    options.runs = 8 if options.quick else 24
    with open(options.prompts, encoding="utf-8") as file:
        prompts = [line.strip() for line in file if line.strip()]
    with Emulator("--latency", "default", "--scale", options.scale, "--seed", 1) as emulator:
        emulator.config(limit={"spotify": None}, preset="extended")
        before = None if options.quick else Old(emulator, options.scale)
        if before:
            before.took = before.run()
        emulator.reset()
        runs = cold(emulator, prompts, options)
        emulator.config(limit={"spotify": None}, preset="extended", scale=options.mix_scale)
        mixed = mix(emulator, prompts, 300 if options.quick else 3000)
        bugs = emulator.counters()["bugs"]
        if bugs:
            print(f"# the emulator has a bug: {bugs[:3]}")
            sys.exit(2)
    table = Table(options.quick)
    report_cold(table, options, before, runs)
    report_mix(table, options, mixed)
    print("\n".join(table.ratios))
    sys.exit(1 if table.missed else 0)


main()
