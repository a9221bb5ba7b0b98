#!/usr/bin/env python3
"""Claim: who asks the same at the same hour of each week finds it ready, within a budget of calls.

Weeks of made-up traffic are put on record: listeners who come each week at this hour, with
a question of their own, among others who come at random. What is predicted is nearly all
of the former and nothing of the latter; the lists are made before, by no more calls than
the budget; then they are given without any; reco_stat_prewarm tells all of that.
"""
import json
import random
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from cluster import Cluster, connect_services  # noqa: E402
from emulator import Emulator  # noqa: E402
from reco_tap import done, literal, ok, same, until  # noqa: E402

SETTINGS = ("reco.keeper_interval = '50ms'", "reco.result_cache = on", "reco.cache = on", "reco.prewarm_budget = 150",
            "max_worker_processes = 16", "reco.job_workers = 2", "reco.job_pause = '20ms'")
LONG = 120
WEEKS = 5
REGULARS = 12
RANDOMS = 40
MOODS = ("rainy sunday, calm", "party", "focus music", "sad and slow", "happy morning", "workout", "late night jazz",
         "road trip", "dinner with friends", "sleep", "study", "dance")
FLOOR = .9      # of precision and recall, for listeners who come each week
SERVICES = ("spotify", "reccobeats", "gemini")


class Traffic:
    """Runs on record, as of weeks ago."""

    def __init__(self, session, start, role="postgres"):
        self.session, self.start, self.role = session, start, role
        self.number = 0

    def put(self, user, prompt, weeks, minutes, ms=900, calls=5, size=10, options=None, more=None):
        """A run so many weeks and minutes from the start of the hour."""
        self.number += 1
        record = {"prompt": prompt, "size": size, "options": options or {}, "total_ms": ms, "spent_calls": calls, **(more or {})}
        at = f"({literal(self.start)}::timestamptz - {weeks} * interval '7 days' + {minutes} * interval '1 min')"
        self.session.query(
            "INSERT INTO reco.run (user_id, run_id, role_id, started, record, tracks) SELECT "
            f"{literal(user)}, ((1000 * extract(epoch FROM at) - 1704067200000)::bigint << 22) + {self.number},"
            f" '{self.role}'::regrole, at, {literal(record)}, '[]' FROM (SELECT {at} AS at) AS t")

    def weeks(self, rng):
        """Regular listeners, and others."""
        for n in range(REGULARS):
            for week in range(1, WEEKS + 1):
                self.put(f"regular{n}", MOODS[n], week, rng.randint(2, 55))
                self.put(f"regular{n}", "something else", week, 60 * rng.randint(30, 100))
        for n in range(RANDOMS):
            for _ in range(6):
                self.put(f"random{n}", rng.choice(MOODS), rng.randint(1, WEEKS), 60 * rng.randint(-80, 80))
        # in this very hour, but once
        for n in range(10):
            self.put(f"random{n}", rng.choice(MOODS), rng.randint(1, WEEKS), rng.randint(0, 59))


def calls(emulator):
    services = emulator.counters()["services"]
    return sum(services.get(name, {}).get("calls", 0) for name in SERVICES)


def open_jobs(session):
    return session.value("SELECT count(*) FROM reco.job WHERE state IN ('queued', 'running')")


def ask(session, user, prompt, size=10):
    """The origins of a list."""
    return [row[0] for row in session.query(
        f"SELECT DISTINCT origin FROM reco_generate({literal(user)}, {literal(prompt)}, {size})")]


def stats(session, columns, hour=None):
    where = f"hour = {literal(hour)}" if hour else "hour IS NULL"
    return session.query(f"SELECT {columns} FROM reco_stat_prewarm WHERE {where}")[0]


def predict(cluster, admin, emulator):
    """Weeks of traffic, then the lists of the coming hour."""
    start = admin.value("SELECT now()")
    Traffic(admin, start).weeks(random.Random(17))
    emulator.reset_counters()
    queued = int(admin.value(f"SELECT reco_prewarm({literal(start)})"))
    predicted = admin.query("SELECT user_id, arguments ->> 'prompt', score FROM reco.prewarm WHERE key <> '' ORDER BY 1")
    regular = {row[0] for row in predicted if row[0].startswith("regular")}
    same(sorted({row[0] for row in predicted} - regular), [], "nobody who comes at random is predicted")
    ok(len(regular) >= FLOOR * REGULARS, "those who come each week are", predicted)
    ok(all(row[1] == MOODS[int(row[0][7:])] for row in predicted), "with what they ask at this hour", predicted)
    ok(0 < queued <= len(predicted), "and lists are queued for them", queued)
    ok(until(lambda: open_jobs(admin) == "0", LONG), "which are made")
    same(admin.query("SELECT state, count(*) FROM reco.job GROUP BY 1"), [["done", str(queued)]], "all of them",)
    spent = calls(emulator)
    ok(0 < spent <= 150, "by no more calls than the budget", spent)
    told = int(stats(admin, "calls")[0])
    ok(spent <= told <= 150, "and that many are told of", (spent, told))
    made = {row[0] for row in admin.query("SELECT user_id FROM reco.prewarm WHERE run_id IS NOT NULL")}
    return start, made


def play(cluster, admin, emulator, start, made):
    """The hour, as it was predicted."""
    emulator.reset_counters()
    origins = {user: ask(admin, user, MOODS[int(user[7:])]) for user in sorted(made)}
    same([origins, calls(emulator)], [{user: ["cached"] for user in made}, 0], "what was predicted is given at once, without a call")
    rest = [n for n in range(REGULARS) if f"regular{n}" not in made]
    for n in rest:
        ask(admin, f"regular{n}", MOODS[n])
    ask(admin, "random1", "who would have thought")
    def looked():
        admin.query(f"SELECT reco_prewarm({literal(start)}::timestamptz + interval '1 hour')")
        return stats(admin, "hits", start)[0] == str(len(made))
    ok(until(looked, LONG), "the figures tell of each of these", stats(admin, "*", start))
    row = stats(admin, "predicted, came, precision, asked, foreseen, recall, hits, cold_p50_ms, saved_ms", start)
    print("# " + " ".join(row))
    ok(float(row[2]) >= FLOOR and float(row[5]) >= FLOOR * REGULARS / (REGULARS + 1), "precision and recall", row)
    same([row[3], row[4], row[7]], [str(REGULARS + 1), row[1], "900"], "what was asked, foreseen, and what it took before")
    ok(.8 * 900 * len(made) < float(row[8]) <= 900 * len(made), "and what was saved", row)


def main():
    with Emulator() as emulator, Cluster(*SETTINGS) as cluster:
        admin = cluster.session()
        admin.query("CREATE EXTENSION reco CASCADE")
        admin.query("SELECT reco_demo_catalogue(2000)")
        connect_services(admin, emulator)
        start, made = predict(cluster, admin, emulator)
        play(cluster, admin, emulator, start, made)
        admin.close()
    done()


if __name__ == "__main__":
    main()
