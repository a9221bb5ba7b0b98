#!/usr/bin/env python3
"""Claim: a list that its deadline cut, or that is old, is made anew in the background, once.

Who is short of time gets what is at hand; the next one gets the whole list, and no service
is asked for it then. What is old is given at once, whatever the deadline, while one job
makes it new. The caller writes nothing and waits for nothing; wishes that find no room are
dropped and counted. Without job workers all is as it was. A job never waits in a transaction.
"""
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from bench import WIDE, WIDE_QUOTA  # noqa: E402
from cluster import Cluster, connect_services  # noqa: E402
from emulator import Emulator  # noqa: E402
from reco_tap import call, done, literal, ok, same, until  # noqa: E402

SETTINGS = ("reco.keeper_interval = '50ms'", "reco.result_cache = on", "reco.cache = on", "reco.id_registry = on",
            "reco.learn_interval = 0", "max_worker_processes = 16", "reco.job_pause = '20ms'")
SIZE = 20
SLOW = 700          # ms that a service takes
SHORT = "400 ms"    # too little for any of them
LONG = 120


class Lists:
    def __init__(self, cluster, emulator):
        self.cluster = cluster
        self.emulator = emulator
        self.session = cluster.session()
        self.watcher = cluster.session()
        self.artists = [artist["name"] for artist in emulator.artists(8)]

    def like(self, number, words):
        """A prompt that asks services: it names somebody whom nobody here knows."""
        return f"like {self.artists[number]}, {words}"

    def slow(self, ms):
        self.emulator.config(latency={"spotify": ms, "reccobeats": ms, "gemini": ms})

    def ask(self, user, prompt, deadline=SHORT, options=None, session=None):
        return (session or self.session).json("SELECT " + call(user, prompt, SIZE, options, deadline))

    def jobs(self, kind):
        """How many jobs of a kind there are, by their state."""
        return {row[0]: int(row[1]) for row in self.watcher.query(
            f"SELECT state, count(*) FROM reco.job WHERE kind = {literal(kind)} GROUP BY state")}

    def idle(self, kind, number):
        """Have so many of a kind ended, and is none open?"""
        return until(lambda: self.jobs(kind) == {"done": number}, LONG)

    def wishes(self, kind):
        """(wished, dropped)"""
        rows = self.watcher.query(f"SELECT coalesce(wished, 0), coalesce(dropped, 0) FROM reco_stat_job WHERE kind = {literal(kind)}")
        return tuple(map(int, rows[0])) if rows else (0, 0)

    def clean(self):
        until(lambda: self.watcher.value("SELECT count(*) FROM reco.job WHERE state IN ('queued', 'running')") == "0", LONG)
        self.watcher.query("DELETE FROM reco.job")

    def calls(self):
        return sum(service["calls"] for service in self.emulator.counters()["services"].values())

    def workers(self, number):
        self.watcher.query(f"ALTER SYSTEM SET reco.job_workers = {number}")
        self.watcher.query("SELECT pg_reload_conf()")
        ok(until(lambda: self.watcher.value("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'reco job worker'"
                                            " AND datname = current_database()") == str(number)
                 and self.session.value("SHOW reco.job_workers") == str(number)), f"job workers: {number}")


def completion(lists):
    prompt = lists.like(0, "rainy sunday, calm piano")
    cut = lists.ask("ana", prompt)
    same([len(cut["tracks"]), cut["complete"]], [SIZE, False], "who is short of time gets a list that is not complete")
    ok(lists.idle("complete", 1), "a job completes it", lists.watcher.query("SELECT * FROM reco.job"))
    same(lists.watcher.query("SELECT user_id, priority, attempts, run_id IS NULL, error IS NULL FROM reco.job"),
         [["ana", "2", "1", "f", "t"]], "of the listener's, behind those that somebody waits for")
    before = lists.calls()
    whole = lists.ask("ana", prompt)
    same([whole["answer"], whole["complete"], len(whole["tracks"])], ["cached", True, SIZE], "the next one gets the whole list, as short of time as before")
    same(lists.calls(), before, "and no service is asked for it")
    ok(any(track["origin"] != "local" for track in whole["tracks"]), "services had a part in it")
    same(lists.watcher.value(f"SELECT record -> 'ahead' FROM reco.run WHERE run_id = {whole['run_id']}"), "true", "its run is on record, as one that nobody asked for")
    same([lists.jobs("complete"), lists.wishes("complete")], [{"done": 1}, (1, 0)], "nothing more is wished")
    lists.clean()

    # in other words that mean the same
    same(lists.ask("ana", lists.like(0, "calm piano, rainy sunday"))["answer"], "cached", "so does who says it otherwise")
    cut = lists.ask("ben", lists.like(1, "dark techno night"), "0")
    ok(lists.idle("complete", 1), "who has no time at all has it completed, too")
    same(lists.ask("ben", lists.like(1, "dark techno night"), "0")["complete"], True, "and gets it then without time")
    lists.clean()


def once(lists):
    """However many ask, and whoever they are."""
    sessions = [lists.cluster.session() for _ in range(12)]
    for session in sessions:
        session.send("SELECT " + call("cleo", lists.like(2, "summer road trip"), SIZE, None, SHORT))
    for session in sessions:
        session.wait()
    ok(lists.idle("complete", 1), "what many ask for is completed once", lists.jobs("complete"))
    for session in sessions:
        session.close()
    lists.clean()
    lists.watcher.query("CREATE ROLE app LOGIN; GRANT EXECUTE ON FUNCTION reco_generate_json TO app")
    session = lists.cluster.session("postgres", "app")
    session.query("BEGIN READ ONLY")
    before = session.value("SELECT pg_current_xact_id_if_assigned()")
    lists.ask("dan", lists.like(3, "late night jazz"), session=session)
    same(session.value("SELECT pg_current_xact_id_if_assigned()"), before, "the caller writes nothing, and may be in a transaction that cannot")
    session.query("COMMIT")
    ok(lists.idle("complete", 1), "a role that must not write has its list completed")
    same(lists.watcher.value("SELECT role_id::regrole FROM reco.job"), "app", "with its own rights")
    session.close()
    lists.clean()
    options = {"exclude_artists": ["somebody " + "x" * 90 + str(n) for n in range(60)]}
    before = lists.wishes("complete")
    lists.ask("dan", lists.like(3, "late night jazz"), options=options)
    same(lists.wishes("complete"), (before[0], before[1] + 1), "a wish that is too long is dropped, and counted")
    lists.clean()


def no_room(lists):
    """Nobody takes wishes for a while: nobody waits, and what is dropped is counted."""
    holder = lists.cluster.session()
    holder.query("BEGIN; LOCK TABLE reco.job IN ACCESS EXCLUSIVE MODE")
    stat = "SELECT sum(dropped) FROM reco.stat_wish()"
    before = int(lists.session.value(stat))
    for n in range(100):
        lists.ask("flood", lists.like(4, f"number {n}"), "0")
    ok(until(lambda: int(lists.session.value(stat)) > before), "what finds no room, or cannot be queued, is dropped and counted")
    holder.query("COMMIT")
    holder.close()
    lists.clean()
    lists.ask("flood", lists.like(4, "after all that"))
    ok(until(lambda: lists.jobs("complete").get("done", 0) > 0, LONG), "afterwards wishes are granted again")
    lists.clean()


def refresh(lists):
    lists.slow(0)
    prompt = lists.like(5, "happy songs for the kitchen")
    first = lists.ask("eve", prompt, "20 s")
    same(first["complete"], True, "with time a list is complete")
    lists.clean()
    lists.session.query(f"SELECT reco_listen('eve', {literal(first['tracks'][0]['track_id'])})")
    lists.slow(SLOW)
    old = lists.ask("eve", prompt, "20 s")
    same([old["answer"], old["run_id"]], ["stale", first["run_id"]], "what is old is given at once, to who has time, too")
    ok(lists.idle("refresh", 1), "a job makes it new", lists.jobs("refresh"))
    new = lists.ask("eve", prompt, "20 s")
    ok(new["answer"] == "cached" and new["run_id"] != first["run_id"], "and the next one gets that", new["answer"])
    lists.clean()
    first = lists.ask("hal", prompt, "20 s")
    lists.clean()
    lists.session.query(f"SELECT reco_listen('hal', {literal(first['tracks'][1]['track_id'])})")
    sessions = [lists.cluster.session() for _ in range(8)]
    for session in sessions:
        session.send("SELECT doc ->> 'run_id', doc ->> 'answer' FROM " + call("hal", prompt, SIZE, None, "20 s") + " AS doc")
    answers = [tuple(session.wait()[0]) for session in sessions]
    ok(answers.count((str(first["run_id"]), "stale")) >= 1 and {answer for _, answer in answers} <= {"stale", "cached"},
       "however many ask, none of them makes it", answers)
    ok(lists.idle("refresh", 1), "but one job", lists.jobs("refresh"))
    for session in sessions:
        session.close()
    lists.clean()

    # a wish that is dropped leaves it to the caller
    options = {"exclude_artists": ["somebody " + "x" * 90 + str(n) for n in range(60)]}
    first = lists.ask("eve", prompt, "20 s", options)
    lists.session.query(f"SELECT reco_listen('eve', {literal(first['tracks'][2]['track_id'])})")
    new = lists.ask("eve", prompt, "20 s", options)
    ok(new["answer"] not in ("stale", "cached") and new["run_id"] != first["run_id"], "where the wish finds no room the caller makes it new", new["answer"])
    lists.clean()


def nobody_hears(lists):
    """The keeper takes wishes and cannot queue them: who has time makes the list new, as where there are none."""
    prompt = lists.like(5, "songs that nobody hears of")

    def old():
        first = lists.ask("ivy", prompt, "20 s")
        lists.session.query(f"SELECT reco_listen('ivy', {literal(first['tracks'][0]['track_id'])})")
        return first["run_id"]

    def made_new(run):
        found = lists.ask("ivy", prompt, "20 s")
        return found["answer"] not in ("stale", "cached") and found["run_id"] != run

    lists.slow(0)
    run = old()
    lists.watcher.query("INSERT INTO reco.job (user_id, job_id, kind, key, role_id, arguments, priority, created, run_after, turn)"
                        " SELECT 'flood', n, 'refresh', n::text, 10, '{}', 2, now(), now() + interval '1 day', now() FROM generate_series(1, 200) AS n")
    dropped = lists.wishes("refresh")[1]
    ok(until(lambda: made_new(run)), "where too many jobs wait who has time makes it new", lists.wishes("refresh"))
    ok(lists.wishes("refresh")[1] > dropped, "the wish was dropped, and counted", lists.wishes("refresh"))
    same(lists.jobs("refresh"), {"queued": 200}, "and is no job")
    lists.watcher.query("DELETE FROM reco.job")
    run = old()
    holder = lists.cluster.session()
    holder.query("BEGIN; LOCK TABLE reco.job IN ACCESS EXCLUSIVE MODE")
    ok(until(lambda: made_new(run)), "so it is where they cannot be queued")
    holder.query("COMMIT")
    holder.close()
    ok(until(lambda: (old(), lists.ask("ivy", prompt, "20 s"), lists.jobs("refresh"))[2] != {}), "afterwards refreshes are jobs again")
    lists.clean()


def in_vain(lists):
    """A service is down, so what is made ahead is no better than what is old."""
    prompt = lists.like(7, "songs of a service that is down")
    lists.slow(0)
    first = lists.ask("joe", prompt, "20 s")
    same(first["complete"], True, "a list, as long as the services are up")
    lists.clean()
    lists.session.query(f"SELECT reco_listen('joe', {literal(first['tracks'][0]['track_id'])})")
    lists.session.query("SELECT reco_cache_invalidate(category) FROM reco.cache_policy WHERE category NOT IN ('result', 'run')")
    runs = "SELECT count(*) FROM reco.run WHERE user_id = 'joe'"
    ok(until(lambda: lists.watcher.value(runs) == "1"), "has its record")
    lists.emulator.fault([{"route": "/", "kind": "status", "argument": 503}])
    same(lists.ask("joe", prompt, "20 s")["answer"], "stale", "what is old is given")
    ok(lists.idle("refresh", 1), "a job tries to make it new", lists.watcher.query("SELECT * FROM reco.job"))
    wished = lists.wishes("refresh")[0]
    answers = set()
    for _ in range(20):
        again = lists.ask("joe", prompt, "20 s")
        answers.add((again["answer"], again["run_id"]))
        time.sleep(0.2)
    same(answers, {("stale", first["run_id"])}, "in vain: what is old is given further on")
    same(lists.wishes("refresh")[0], wished, "and not wished for anew by each who asks")
    same([lists.jobs("refresh"), lists.watcher.value(runs)], [{"done": 1}, "1"], "the try is in nobody's history")
    same(lists.watcher.query("SELECT state, run_id, error FROM reco.job WHERE kind = 'refresh'"), [["done", "", ""]], "its job names no run")
    lists.emulator.fault([])
    lists.slow(SLOW)
    lists.clean()


def without_workers(lists):
    lists.workers(0)
    before = [lists.wishes(kind) for kind in ("complete", "refresh", "hydrate")]
    cut = lists.ask("fay", lists.like(6, "slow acoustic morning"))
    same(cut["complete"], False, "without job workers a list is cut as well")
    whole = lists.ask("fay", lists.like(6, "slow acoustic morning"), "20 s")
    lists.session.query(f"SELECT reco_listen('fay', {literal(whole['tracks'][0]['track_id'])})")
    same(lists.ask("fay", lists.like(6, "slow acoustic morning"), "0")["answer"], "stale", "what is old is given to who has no time")
    new = lists.ask("fay", lists.like(6, "slow acoustic morning"), "20 s")
    ok(new["answer"] not in ("stale", "cached") and new["run_id"] != whole["run_id"], "who has time makes it new", new["answer"])
    same([lists.wishes(kind) for kind in ("complete", "refresh", "hydrate")], before, "and nothing is wished")
    lists.workers(1)


def longest_open(lists):
    """For how many seconds a worker has a transaction open at most, meanwhile: longer than any wait for a lock."""
    found = 0
    for _ in range(15):
        time.sleep(0.1)
        found = max(found, float(lists.watcher.value(
            "SELECT coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0) FROM pg_stat_activity"
            " WHERE backend_type = 'reco job worker' AND xact_start IS NOT NULL AND wait_event_type IS DISTINCT FROM NULL")))
    return found


def locked(lists):
    """A table that a job needs is locked for long."""
    holder = lists.cluster.session()
    for table in ("change", "track", "cache_policy"):
        holder.query(f"BEGIN; LOCK TABLE reco.{table} IN ACCESS EXCLUSIVE MODE")
        job = lists.session.value(f"SELECT reco_generate_async('gus', 'behind a lock: {table}', {SIZE}, '20 s')")
        ok(until(lambda: lists.watcher.value(f"SELECT state FROM reco_job({job})") == "running"), f"reco.{table} is locked: the job is begun")
        # who is kept from the processor has one open as well, but not each time
        open_since = [longest_open(lists)]
        while open_since[-1] >= 1 and len(open_since) < 3:
            open_since.append(longest_open(lists))
        same(lists.watcher.value(f"SELECT state FROM reco_job({job})"), "running", "and waits")
        ok(open_since[-1] < 1, "with no transaction open", open_since)
        holder.query("COMMIT")
        ok(until(lambda: lists.watcher.value(f"SELECT state FROM reco_job({job})") == "done", LONG), "once it is free the job is done",
           lists.watcher.query(f"SELECT * FROM reco_job({job})"))
        same(lists.watcher.query(f"SELECT attempts, error IS NULL FROM reco_job({job})"), [["1", "t"]], "at the first attempt")
        run = lists.watcher.value(f"SELECT run_id FROM reco_job({job})")
        same(lists.watcher.query(f"SELECT complete, missing FROM reco_run WHERE run_id = {run}"), [["t", "[]"]], "and lacks nothing")
    holder.close()


def main():
    with Emulator() as emulator, Cluster(*SETTINGS) as cluster:
        session = cluster.session()
        session.query("CREATE EXTENSION reco CASCADE")
        session.query("SELECT reco_demo_catalogue(2000)")
        connect_services(session, emulator, spotify={**WIDE, **WIDE_QUOTA["spotify"]}, reccobeats=WIDE, gemini=WIDE)
        lists = Lists(cluster, emulator)
        until(lambda: session.value("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'reco job worker'") == "1")
        lists.slow(SLOW)
        completion(lists)
        once(lists)
        no_room(lists)
        refresh(lists)
        nobody_hears(lists)
        in_vain(lists)
        without_workers(lists)
        locked(lists)
        ok(lists.wishes("refresh")[0] > 0, "wishes were counted", lists.wishes("refresh"))
        session.query("DROP EXTENSION reco CASCADE")
        session.query("CREATE EXTENSION reco CASCADE")
        same(lists.wishes("refresh"), (0, 0), "what a database wished for goes with its extension")
        same(emulator.counters()["bugs"], [], "the emulator has no bugs")
    done()


main()
