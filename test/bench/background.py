#!/usr/bin/env python3
"""The measuring half of test/bench/background.

Purpose: see test/bench/background.
Runs in: plain Python 3; sessions are psql (test/t/reco_tap.py), and pgbench.
Never:   compare figures that were not taken in turns.
"""
import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
from bench import WIDE, WIDE_QUOTA  # noqa: E402
from emulator import Emulator  # noqa: E402
from reco_tap import Session, call, literal, until  # noqa: E402

DATABASE = "background"
SIZE = 20
SCALE = .2              # of the services' latencies
AT_ONCE = 12            # calls of a service
LEAST_AHEAD = 2000      # jobs
GOAL = 1.2
QUESTION = "SELECT * FROM reco_generate('ana', 'rainy sunday, calm', 20);"


class Load:
    """Jobs without an end, and their workers."""

    def __init__(self, session, workers):
        self.session = session
        self.workers = workers
        self.number = self.before = 0

    def fill(self, artists):
        """Queues jobs; with artists, such as have something to ask of services."""
        while self.queued() < LEAST_AHEAD:
            self.number += 1
            names = "ARRAY[" + ", ".join(literal(name) for name in artists or ["rainy", "calm", "happy", "slow"]) + "]"
            self.switch(1, wait=False)
            self.session.query("SELECT reco_generate_async('job' || n % 20, 'like ' || a[1 + n % cardinality(a)] || ' and '"
                               f" || a[1 + n / 7 % cardinality(a)] || ', part {self.number} of ' || n, {SIZE}, '60 s')"
                               f" FROM generate_series(1, {LEAST_AHEAD}) AS n, (SELECT {names}) AS x (a)")

    def switch(self, workers, wait=True):
        """As many workers from here on."""
        self.session.query(f"ALTER SYSTEM SET reco.job_workers = {workers}")
        self.session.query("SELECT pg_reload_conf()")
        at_work = "SELECT count(*) FROM reco.job WHERE state = 'running'"
        if not until(lambda: self.session.value("SHOW reco.job_workers") == str(workers)
                     and (not wait or int(self.session.value(at_work)) == workers), 120):
            sys.exit(f"there are not {workers} workers at jobs")

    def queued(self):
        return int(self.session.value("SELECT count(*) FROM reco.job WHERE state = 'queued'"))

    def on(self, artists=None):
        """From here on all workers are at jobs."""
        self.fill(artists)
        self.switch(self.workers)
        self.before = self.queued()

    def off(self):
        """No more; how many jobs ended meanwhile. Nothing is compared with what was beside no load."""
        left = self.queued()
        at_work = "SELECT count(*) FROM reco.job WHERE state = 'running'"
        if left == 0 or not until(lambda: int(self.session.value(at_work)) == self.workers, 10):
            sys.exit(f"there was no full load: {left} jobs are queued")
        self.switch(0)
        return self.before - left


class Burners:
    """Processes that use what processor time nobody else wants."""

    def __init__(self, count):
        self.count = count
        self.processes = []

    def __enter__(self):
        program = "import os; os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))\nwhile True: pass"
        self.processes = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(self.count)]
        time.sleep(.2)

    def __exit__(self, *exception):
        for process in self.processes:
            process.kill()
            process.wait()


def connect(session, emulator):
    for kind, where, secrets in (
            ("spotify", f"base_url '{emulator.spotify}', accounts_url '{emulator.accounts}'", "client_id 'app', client_secret 's'"),
            ("reccobeats", f"base_url '{emulator.reccobeats}'", "api_key 'k'"),
            ("gemini", f"base_url '{emulator.gemini}', model 'gemini-3.6-flash'", "api_key 'g'")):
        options = {**WIDE, **WIDE_QUOTA.get(kind, {}), "max_concurrency": AT_ONCE}
        more = "".join(f", {name} '{value}'" for name, value in options.items())
        session.query(f"CREATE SERVER {kind} FOREIGN DATA WRAPPER reco_upstream OPTIONS (kind '{kind}', {where}{more})")
        session.query(f"CREATE USER MAPPING FOR PUBLIC SERVER {kind} OPTIONS ({secrets})")


def first_questions(emulator, load, options):
    """Milliseconds of first questions without jobs and beside them; the most calls at once there, and how many jobs ended."""
    session = Session(DATABASE)
    connect(session, emulator)
    artists = [artist["name"] for artist in emulator.artists(200)]
    took = {False: [], True: []}
    asked = most = done = 0
    for turn in range(2 * options.rounds):
        busy = turn % 2 == 1
        if busy:
            load.on(artists[100:])
            emulator.reset_counters()
        for n in range(options.questions):
            # the same artists in both, but never the same question
            prompt = f"like {artists[n]}, for an evening, number {asked}"
            asked += 1
            began = time.monotonic()
            session.json("SELECT " + call("", prompt, SIZE, {"seed": 7}, "60 s"))
            if turn >= 2:
                took[busy].append(1000 * (time.monotonic() - began))
        if busy:
            most = max(most, emulator.service("spotify")["most_in_flight"])
            done += load.off()
    session.close()
    return took, most, done


def pgbench(script, seconds):
    """Mean milliseconds of a call."""
    done = subprocess.run([os.environ["RECO_BINDIR"] + "/pgbench", "-n", "-M", "prepared", "-c", "1", "-T", str(seconds), "-f", script, DATABASE],
                          capture_output=True, text=True, check=True)
    return float(re.search(r"latency average = ([0-9.]+) ms", done.stdout).group(1))


def hot(load, options):
    """Milliseconds of a question that was asked before: alone, beside burners, beside jobs."""
    session = Session(DATABASE)
    session.query("DROP SERVER spotify CASCADE; DROP SERVER reccobeats CASCADE; DROP SERVER gemini CASCADE; DELETE FROM reco.job")
    took = {"alone": [], "burners": [], "jobs": []}
    done = 0
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(QUESTION)
        script.flush()
        os.chmod(script.name, 0o644)
        for turn in range(options.rounds + 1):
            session.query(QUESTION)
            for what in took:
                if what == "jobs":
                    load.on()
                with Burners(load.workers if what == "burners" else 0):
                    figure = pgbench(script.name, options.seconds)
                if what == "jobs":
                    done += load.off()
                if turn > 0:
                    took[what].append(figure)
    session.close()
    return took, done / (options.rounds + 1) / options.seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    options.rounds = 2 if options.quick else 7
    options.questions = 4 if options.quick else 8
    options.seconds = 1 if options.quick else 3
    admin = Session("postgres")
    admin.query(f"CREATE DATABASE {DATABASE}")
    session = Session(DATABASE)
    session.query("CREATE EXTENSION reco CASCADE; SELECT reco_demo_catalogue(5000); VACUUM ANALYZE")
    load = Load(session, options.workers)
    with Emulator("--latency", "default", "--scale", SCALE, "--seed", 1, "--preset", "extended", "--window", "none") as emulator:
        took, most, done = first_questions(emulator, load, options)
    alone, beside = (statistics.median(took[busy]) for busy in (False, True))
    waiting = beside / alone
    print(f"# {options.workers} job worker(s); medians; goals are for ratios")
    print(f"first questions, which wait for services: alone {alone:8.1f} ms, beside jobs {beside:8.1f} ms, ratio {waiting:.2f} (goal {GOAL})")
    print(f"   calls of Spotify at once beside jobs: at most {most} of {AT_ONCE}; {done} jobs ended meanwhile")
    took, rate = hot(load, options)
    alone, burners, jobs = (statistics.median(took[what]) for what in ("alone", "burners", "jobs"))
    ratio = jobs / burners
    print(f"a question asked before: alone {1000 * alone:8.1f} us, beside burners {1000 * burners:8.1f} us, beside jobs {1000 * jobs:8.1f} us"
          f" ({rate:.0f} jobs/s), ratio to burners {ratio:.2f} (goal {GOAL}), to alone {jobs / alone:.2f}")
    print(f"ratio background.waiting_beside_to_alone {waiting:.3f}")
    print(f"ratio background.hot_beside_jobs_to_burners {ratio:.3f}")
    missed = waiting > GOAL or ratio > GOAL
    sys.exit(1 if missed and not options.quick else 0)


main()
