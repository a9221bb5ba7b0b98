#!/usr/bin/env python3
"""Claim: no job that was promised is lost, and none is done twice, whenever workers and servers are killed.

Workers of two databases are ended at random moments, and while they commit; so are their
server and its start. Then each job that was queued by a transaction which committed is
done, has one list, and no other run is on record. Jobs that can never be done end with
their error, after their attempts, in nobody's way. A worker that is told to go costs its
job nothing, however often. Who cancels a job learns whether that came before its end, and
harms no other job. The history stays within its bounds whatever goes through it.
"""
import itertools
import os
import random
import signal
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from bench import WIDE  # noqa: E402
from cluster import Cluster, connect_services  # noqa: E402
from emulator import Emulator  # noqa: E402
from reco_tap import Listener, Lost, SqlError, done, literal, ok, same, until  # noqa: E402

SEATS = 8
SETTINGS = ("reco.keeper_interval = '50ms'", "reco.result_cache = on", "max_worker_processes = 24",
            "max_prepared_transactions = 5", "reco.job_pause = '20ms'", "reco.job_attempts = 3", f"reco.job_workers = {SEATS}")
LONG = 120
# after a crash nothing is sent for as long as a limit's window
PATIENT = {**WIDE, "timeout": "100s", "deadline": "600s"}
AHEAD = "SELECT count(*) FROM reco.job WHERE state IN ('queued', 'running')"


def queue(session, user, prompt, more=", 5"):
    return int(session.value(f"SELECT reco_generate_async({literal(user)}, {literal(prompt)}{more})"))


def workers(session, database="postgres"):
    return [int(row[0]) for row in session.query(
        f"SELECT pid FROM pg_stat_activity WHERE backend_type = 'reco job worker' AND datname = '{database}' ORDER BY 1")]


def facts(session, job, columns="state, attempts, error"):
    return session.query(f"SELECT {columns} FROM reco_job({job})")[0]


def nobody_left(session, seconds=LONG):
    return until(lambda: session.value(AHEAD) == "0", seconds)


def back(cluster, database="postgres"):
    """A session as soon as the server takes one."""
    found = []

    def try_it():
        try:
            found.append(cluster.session(database))
            return found[-1].value("SELECT pg_is_in_recovery()") == "f"
        except (Lost, SqlError, TimeoutError):
            return False
    ok(until(try_it), f"the server is back: {database}")
    return found[-1]


def lost(session):
    """Is a session's server gone?"""
    try:
        return session.value("SELECT 1") != "1"
    except (Lost, SqlError):
        return True


def each_once(session, jobs, title):
    """Is each of these jobs done, with one list of 5, and no other run on record?"""
    ok(nobody_left(session), f"{title}: all jobs end", session.query("SELECT * FROM reco.job WHERE finished IS NULL"))
    rows = session.query("SELECT job_id, state, run_id, (SELECT count(*) FROM reco_run_tracks(run_id)),"
                         " (SELECT count(*) FROM reco.run AS r WHERE r.run_id = j.run_id) FROM reco.job AS j")
    same(sorted(int(row[0]) for row in rows), sorted(jobs), f"{title}: none is lost")
    same({(row[1], *row[3:]) for row in rows}, {("done", "5", "1")}, f"{title}: each is done, and has its list")
    same(session.value("SELECT count(*) FROM reco.run"), str(len(jobs)), f"{title}: none is done twice")


def forget(session):
    session.query("DELETE FROM reco.job; DELETE FROM reco.run")


def ended_by_signals(cluster, admin, emulator):
    """SIGTERM at random moments, while jobs are queued."""
    forget(admin)
    chance = random.Random(176)
    jobs, hits = [], 0
    for _ in range(3):
        ok(until(lambda: len(workers(admin)) == SEATS), f"there are {SEATS} workers")
        left = workers(admin)
        chance.shuffle(left)
        while left:
            jobs.append(queue(admin, f"user{len(jobs) % 17}", f"prompt {len(jobs)}"))
            time.sleep(chance.random() * 0.01)
            if chance.random() < 0.3:
                os.kill(left.pop(), signal.SIGTERM)
                hits += 1
    ok(hits == 3 * SEATS, "workers are ended while there is work", hits)
    each_once(admin, jobs, "SIGTERM")
    same(admin.value("SELECT count(*) FROM reco.job WHERE failures > 0"), "0", "SIGTERM: which is no failure of a job's")


def ended_at_commit(cluster, admin, emulator):
    """In the transaction that ends a job, and within its commit."""
    forget(admin)
    # who comes first is ended, and who comes then need not wait
    admin.query("CREATE SEQUENCE public.once")
    admin.query("CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS"
                " $$ BEGIN IF pg_catalog.nextval('public.once') = 1 THEN PERFORM pg_catalog.pg_sleep(60); END IF; RETURN NEW; END $$")
    jobs = []
    for number, trigger in enumerate(("BEFORE INSERT ON reco.run", "AFTER INSERT ON reco.run DEFERRABLE INITIALLY DEFERRED")):
        kind = "TRIGGER" if "BEFORE" in trigger else "CONSTRAINT TRIGGER"
        admin.query("ALTER SEQUENCE public.once RESTART")
        admin.query(f"CREATE {kind} slow {trigger} FOR EACH ROW EXECUTE FUNCTION public.slow()")
        jobs.append(queue(admin, "ana", f"killed at the end {number}"))
        sleeping = "SELECT min(pid) FROM pg_stat_activity WHERE backend_type = 'reco job worker' AND wait_event = 'PgSleep'"
        pids = []
        ok(until(lambda: pids.extend(pid for pid in [admin.value(sleeping)] if pid) or pids, 30), "a worker is about to commit that its job is done")
        os.kill(int(pids[0]), signal.SIGTERM)
        admin.query("DROP TRIGGER slow ON reco.run")
        ok(nobody_left(admin), "and ended there, its job is done by another one")
        same(facts(admin, jobs[-1]), ["done", "1", ""], "in its first attempt, as that was no fault of its")
    admin.query("DROP FUNCTION public.slow; DROP SEQUENCE public.once")
    each_once(admin, jobs, "ended at its commit")


def at_work(session):
    """The pid of the worker that is at a job."""
    pids = []
    until(lambda: pids.extend(session.query("SELECT pid FROM pg_stat_activity WHERE backend_type = 'reco job worker'"
                                            " AND datname = current_database() AND query = 'reco: generate' AND state = 'active'")) or pids)
    ok(len(pids) == 1, "one worker is at work", pids)
    return int(pids[0][0])


def hanging(session, emulator, prompt):
    """A job that waits for a service as long as that is at fault."""
    emulator.fault([{"route": "/spotify/v1", "kind": "stall", "argument": 0}])
    job = queue(session, "ana", prompt, ", 5, '10 min'")
    ok(until(lambda: facts(session, job)[0] == "running" and session.value("SELECT sum(in_flight) > 0 FROM reco_stat_upstream") == "t", 30),
       "a job waits for a service", facts(session, job), session.query("SELECT * FROM reco_stat_upstream"))
    return job


def told_to_go(cluster, admin, emulator):
    """A worker that is told to go gives its job back, more often than workers may die of one."""
    forget(admin)
    connect_services(admin, emulator, spotify=PATIENT, reccobeats=WIDE, gemini=WIDE)
    job = hanging(admin, emulator, "songs like Nobody by Zorblax")
    claims = set()

    def another():
        claim = admin.value("SELECT claim FROM reco.job WHERE state = 'running'")
        return claim != "" and claim not in claims and not claims.add(claim)
    for _ in range(12):
        ok(until(another, LONG), "a worker is at it", facts(admin, job))
        admin.query(f"SELECT pg_terminate_backend({at_work(admin)})")
    ok(until(another, LONG), "so is another one after 12 were told to go", facts(admin, job))
    ok(cluster.stop("fast") is not None, "the server is shut down")
    cluster.start()
    admin = back(cluster)
    ok(until(another, LONG), "and started", facts(admin, job))
    same(facts(admin, job), ["running", "1", ""], "none of that was an attempt")
    os.kill(at_work(admin), signal.SIGKILL)
    emulator.fault([])
    ok(until(lambda: lost(admin)), "a worker's crash is the server's")
    admin = back(cluster)
    each_once(admin, [job], "told to go")
    same(facts(admin, job), ["done", "2", ""], "a crash was one")
    admin.query("DROP SERVER spotify CASCADE; DROP SERVER reccobeats CASCADE; DROP SERVER gemini CASCADE")
    return admin


def crashes(cluster, admin, emulator):
    """SIGKILL of workers and of their server, a fast and an immediate stop, in two databases at once."""
    forget(admin)
    chance = random.Random(6)
    admin.query("CREATE DATABASE two")
    two = cluster.session("two")
    two.query("CREATE EXTENSION reco CASCADE; SELECT reco_demo_catalogue(300)")
    jobs = {"postgres": [], "two": []}
    sessions = {"postgres": admin, "two": two}
    numbers = itertools.count()
    waiting = []

    def busy():
        """Queues more; whether workers have enough to do."""
        for name, session in sessions.items():
            for n in range(30):
                jobs[name].append(queue(session, f"user{n % 5}", f"crashes {next(numbers)}"))
        time.sleep(chance.random() * 0.05)
        waiting[:] = [int(session.value(AHEAD)) for session in sessions.values()]
        return sum(waiting) > 5
    admin.query("BEGIN")
    jobs["postgres"].append(queue(admin, "ana", "prepared before it all"))
    admin.query("PREPARE TRANSACTION 'kept'")
    for how in ("worker", "postmaster", "fast", "worker", "immediate"):
        ok(until(busy), f"there is work under way: {how}", waiting)
        if how == "worker":
            pids = []
            ok(until(lambda found=pids: found.extend(workers(admin) + workers(admin, "two")) or found), "there are workers")
            os.kill(chance.choice(pids), signal.SIGKILL)
        elif how == "postmaster":
            os.kill(cluster.postmaster(), signal.SIGSTOP)       # no more children from here on
            pids = cluster.children()
            os.kill(cluster.postmaster(), signal.SIGKILL)
            ok(until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids)), "all of a dead server's processes end")
            cluster.start()
        else:
            ok(cluster.stop(how) is not None, f"it stops: {how}")
            cluster.start()
        ok(until(lambda: lost(admin)), f"the server is gone: {how}")
        sessions = {name: back(cluster, name) for name in sessions}
        admin = sessions["postgres"]
    admin.query("COMMIT PREPARED 'kept'")
    for name, session in sessions.items():
        each_once(session, jobs[name], f"crashes: {name}")
        same(session.value("SELECT count(*) FROM reco.job WHERE failures > 0"), "0", "no crash is a job's failure")
    ok(int(admin.value("SELECT count(*) FROM reco.job WHERE attempts > 1")) > 0, "some were begun more than once")
    sessions["two"].close()
    return admin


def never_done(cluster, admin, emulator):
    """Jobs that cannot be done, between others."""
    forget(admin)
    admin.query("CREATE ROLE leaver LOGIN")
    admin.query("GRANT EXECUTE ON FUNCTION reco_generate_async, reco_job TO leaver")
    admin.query("CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS"
                " $$ BEGIN RAISE EXCEPTION 'not of %', NEW.user_id; END $$")
    admin.query("CREATE TRIGGER refuse BEFORE INSERT ON reco.run FOR EACH ROW WHEN (NEW.user_id LIKE 'bad%')"
                " EXECUTE FUNCTION public.refuse()")
    leaver = cluster.session("postgres", "leaver")
    leaver.query("BEGIN")
    gone = queue(leaver, "ana", "whose role goes")
    admin.query("REVOKE ALL ON FUNCTION reco_generate_async, reco_job FROM leaver")
    admin.query("DROP ROLE leaver")
    leaver.query("COMMIT")
    leaver.close()
    bad, good = [], []
    for number in range(20):
        bad += [queue(admin, f"bad{number % 3}", f"{number} {n}") for n in range(2)]
        good.append(queue(admin, f"good{number}", "a good one"))
    ok(nobody_left(admin), "all jobs end", admin.query("SELECT * FROM reco.job WHERE finished IS NULL"))
    same({tuple(facts(admin, job)) for job in good}, {("done", "1", "")}, "those that can be done are done")
    same({tuple(facts(admin, job, "state, attempts, run_id")) for job in bad + [gone]}, {("failed", "3", "")},
         "the others are given up after reco.job_attempts")
    same({tuple(facts(admin, job, "error = 'not of ' || user_id")) for job in bad}, {("t",)}, "with their errors")
    ok("role" in facts(admin, gone)[2], "also that of a role that is gone", facts(admin, gone))
    same(admin.value("SELECT count(*) FROM reco.run"), "20", "and no run of theirs is on record")
    same([line for line in cluster.log_text().splitlines() if "not of bad" in line], [], "nor in the log")
    admin.query("DROP TRIGGER refuse ON reco.run")

    # nor can its failure be noted
    admin.query("CREATE TRIGGER refuse BEFORE UPDATE ON reco.job FOR EACH ROW"
                " WHEN (NEW.state = 'done' OR NEW.failures > OLD.failures) EXECUTE FUNCTION public.refuse()")
    ear = Listener("postgres")
    ear.query("LISTEN reco_progress")
    job = queue(admin, "bad", "whose row is refused")
    ok(nobody_left(admin), "a job of which nothing can be noted ends", facts(admin, job))
    same(facts(admin, job), ["failed", "10", "its worker died 10 times"], "after so many attempts")
    heard = []
    until(lambda: heard.extend(ear.heard()) or (heard and heard[-1]["state"] == "failed"), 20)
    same([(told["state"], told["job"]) for told in heard[-1:]], [("failed", str(job))], "and who listens is told")
    ear.close()
    admin.query("DROP TRIGGER refuse ON reco.job; DROP FUNCTION public.refuse")


def cancelled(cluster, admin, emulator):
    """By whom a job can be cancelled, and when."""
    forget(admin)
    for name, member in (("owner", ""), ("boss", ""), ("other", "")):
        admin.query(f"CREATE ROLE {name} LOGIN{member}")
        admin.query(f"GRANT EXECUTE ON FUNCTION reco_generate_async, reco_job, reco_job_cancel TO {name}")
    admin.query("GRANT owner TO boss")
    owner, boss, other = (cluster.session("postgres", name) for name in ("owner", "boss", "other"))
    connect_services(admin, emulator, spotify=PATIENT, reccobeats=WIDE, gemini=WIDE)
    admin.query("GRANT USAGE ON FOREIGN SERVER spotify, reccobeats, gemini TO owner, boss")
    for who, session in (("its owner", owner), ("a member of its role", boss), ("a superuser", admin)):
        emulator.fault([{"route": "/spotify/v1", "kind": "stall", "argument": 0}])
        job = queue(owner, "ana", f"songs like Nobody by Zorblax {who}", ", 5, '10 min'")
        ok(until(lambda: facts(owner, job)[0] == "running" and admin.value("SELECT sum(in_flight) > 0 FROM reco_stat_upstream") == "t", 30),
           "a job waits for a service", facts(owner, job), admin.query("SELECT * FROM reco_stat_upstream"))
        same(other.error(f"SELECT reco_job_cancel({job})"), "42704", "another role cannot cancel it")
        same(facts(owner, job)[0], "running", "and it goes on")
        same(session.value(f"SELECT reco_job_cancel({job})"), "t", f"{who} can")
        same(facts(owner, job), ["cancelled", "1", ""], "and it is")
        # its worker is free for others, while the services hang
        emulator.fault([])
        ok(until(lambda: admin.value("SELECT count(*) FROM reco_stat_worker WHERE worker = 'job worker' AND state = 'at a job'"
                                     " AND database = 'postgres'") == "0", 30), "its worker leaves it")
    same(admin.value("SELECT count(*) FROM reco.run"), "0", "nothing of them is on record")
    admin.query("ALTER SERVER spotify OPTIONS (SET timeout '5s', SET deadline '5s')")
    job = hanging(admin, emulator, "songs like Somebody by Zorblax")
    os.kill(at_work(admin), signal.SIGUSR2)
    admin.query("BEGIN")
    others = [queue(admin, f"user{n}", "one of many") for n in range(40)]
    for other_job in others:
        admin.query(f"SELECT reco_job_cancel({other_job})")
    # those who are interrupted without need begin once more
    emulator.fault([])
    admin.query("COMMIT")
    ok(nobody_left(admin), "a job is done while others, and many at once, are cancelled", facts(admin, job))
    same(facts(admin, job, "state, attempts, error"), ["done", "1", ""], "which are none of its failures")
    same(admin.value(f"SELECT failures FROM reco.job WHERE job_id = {job}"), "0", "nor counted as any")
    forget(admin)
    admin.query("DROP SERVER spotify CASCADE; DROP SERVER reccobeats CASCADE; DROP SERVER gemini CASCADE")

    chance = random.Random(4)
    forget(admin)
    told = {}

    def cancel(number, meanwhile=lambda job: time.sleep(chance.random() * 0.02)):
        job = queue(owner, f"user{number}", f"cancelled at any moment {number}")
        meanwhile(job)
        told[job] = owner.value(f"SELECT reco_job_cancel({job})")
    # the first cannot have begun, and the last is done
    owner.query("BEGIN")
    cancel(0)
    owner.query("COMMIT")
    for number in range(1, 149):
        cancel(number)
    cancel(149, lambda job: until(lambda: facts(owner, job)[0] == "done"))
    ok(nobody_left(admin), "jobs that are cancelled at any moment end")
    rows = {int(row[0]): tuple(row[1:]) for row in admin.query(
        "SELECT job_id, state, attempts <= 1, failures, (SELECT count(*) FROM reco.run AS r WHERE r.run_id = j.run_id) FROM reco.job AS j")}
    expected = {job: ("cancelled", "t", "0", "0") if answer == "t" else ("done", "t", "0", "1") for job, answer in told.items()}
    same({job: (row, expected[job]) for job, row in rows.items() if row != expected[job]}, {}, "each as its cancel said")
    same(admin.value("SELECT count(*) FROM reco.run"), str(list(told.values()).count("f")), "what was cancelled has no run")
    ok(0 < list(told.values()).count("t") < len(told), "both happen", list(told.values()).count("t"))
    for session in (owner, boss, other):
        session.close()


def nowhere(cluster, admin, emulator):
    """Without records of runs a job's list would be lost."""
    admin.query("SET reco.run_history = 0")
    same(admin.error("SELECT reco_generate_async('ana', 'nowhere')"), "55000", "where no run is on record, nothing is promised")
    admin.query("RESET reco.run_history")
    same(admin.error("SELECT reco_generate_async('ana', 'nowhere')"), None, "else it is")


def bounded(cluster, admin, emulator):
    """Jobs by the thousand, and a queue of a hundred thousand."""
    forget(admin)
    for setting in ("job_history = 50", "run_history = 100", "job_workers = 1"):
        admin.query("ALTER SYSTEM SET reco." + setting)
    admin.query("SELECT pg_reload_conf()")
    ok(until(lambda: len(workers(admin)) == 1), "there is one worker")
    most = 0
    for _ in range(3):
        admin.query("SELECT count(reco_generate_async('user' || n % 10, 'prompt ' || n, 3)) FROM generate_series(1, 300) AS n")
        ok(nobody_left(admin), "300 more jobs are done")
        most = max(most, int(admin.value("SELECT count(*) FROM reco.job")))
    # it looks after 500 jobs, or 10 s
    ok(most <= 50 + 500 + 300, "meanwhile the history is kept within its rows, but for what came since it was looked at", most)
    ok(until(lambda: int(admin.value("SELECT count(*) FROM reco.job")) <= 50), "and then to its rows", admin.value("SELECT count(*) FROM reco.job"))

    admin.query("INSERT INTO reco.job (user_id, job_id, kind, key, role_id, arguments, priority, created, run_after, turn)"
                " SELECT 'flood', n, 'generate', n::text, 10, '{\"prompt\": \"a flood\", \"size\": 3}', 1, now(), now(),"
                " now() + n * interval '1 min' FROM generate_series(1, 100000) AS n")
    single = queue(admin, "single", "behind a flood")
    ok(until(lambda: facts(admin, single)[0] == "done"), "a job behind 100,000 of another listener is done")
    before = int(admin.value("SELECT 100000 - count(*) FROM reco.job WHERE user_id = 'flood' AND state = 'queued' AND attempts = 0"))
    ok(before < 10000, "long before those", before)
    admin.query("UPDATE reco.job SET state = 'cancelled', finished = clock_timestamp(), claim = NULL WHERE user_id = 'flood'"
                " AND state IN ('queued', 'running')")
    queue(admin, "single", "this wakes a worker")
    ok(until(lambda: int(admin.value("SELECT count(*) FROM reco.job")) <= 52, LONG), "which all leave the history",
       admin.value("SELECT count(*) FROM reco.job"))
    for setting in ("job_history", "run_history", "job_workers"):
        admin.query("ALTER SYSTEM RESET reco." + setting)
    admin.query("SELECT pg_reload_conf()")


PARTS = (ended_by_signals, ended_at_commit, told_to_go, crashes, never_done, cancelled, nowhere, bounded)


def main():
    try:
        with Emulator("--latency", "none", "--preset", "extended") as emulator, Cluster(*SETTINGS) as cluster:
            admin = cluster.session()
            admin.query("CREATE EXTENSION reco CASCADE; SELECT reco_demo_catalogue(300)")
            for part in PARTS:
                if not sys.argv[1:] or part.__name__ in sys.argv[1:]:
                    began = time.monotonic()
                    admin = part(cluster, admin, emulator) or admin
                    print(f"# {part.__name__}: {time.monotonic() - began:.1f} s")
            bad = [line for line in cluster.log_text().splitlines() if "PANIC" in line or "TRAP" in line]
            same(bad, [], "nothing broke")
    except Lost as lost:
        ok(False, "the server lives", lost)
    done()


main()
