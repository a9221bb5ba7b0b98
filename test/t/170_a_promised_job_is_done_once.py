#!/usr/bin/env python3
"""Claim: a job that was queued is done, once, whatever happens to the workers, and tells how far it is.

A job runs without a restart in each database where the extension is made; a worker that is
ended in any way leaves its job to the next one; a job that always fails ends with its
error and keeps nobody waiting; listeners take turns; the same question is one job; who
queued it may cancel it, nobody else; workers are in nobody's way.
"""
import os
import random
import signal
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from cluster import Cluster, connect_services  # noqa: E402
from emulator import Emulator  # noqa: E402
from reco_tap import Listener, Lost, SqlError, done, literal, ok, same, until  # noqa: E402

SETTINGS = ("reco.keeper_interval = '50ms'", "reco.result_cache = on", "max_worker_processes = 16",
            "max_prepared_transactions = 5", "reco.job_pause = '20ms'", "reco.job_attempts = 3")
LONG = 60       # seconds; jobs that hang do so for ten minutes


def queue(session, user, prompt, more=""):
    return int(session.value(f"SELECT reco_generate_async({literal(user)}, {literal(prompt)}{more})"))


def state(session, job):
    return session.value(f"SELECT state FROM reco_job({job})")


def finished(session, job, expected="done", seconds=LONG):
    """Waits until a job is as expected."""
    return until(lambda: state(session, job) == expected, seconds)


def workers(session, database=None):
    where = f" AND datname = '{database}'" if database else ""
    return [int(row[0]) for row in session.query(
        "SELECT pid FROM pg_stat_activity WHERE backend_type = 'reco job worker'"
        f" AND application_name = 'reco job worker'{where} ORDER BY 1")]


def one_result(session, job):
    """Is there exactly one list of a job, with one record of its run?"""
    run = session.value(f"SELECT run_id FROM reco_job({job})")
    return session.query(f"SELECT (SELECT count(*) FROM reco_run_tracks({run})),"
                         f" (SELECT count(*) FROM reco.run WHERE run_id = {run})")[0]


def lost(session):
    """Is a session's server gone?"""
    try:
        return session.value("SELECT 1") != "1"
    except (Lost, SqlError):
        return True


def took(action):
    began = time.monotonic()
    action()
    return time.monotonic() - began


def first_job(cluster, admin, emulator):
    """A job, from the queue to its list, and what a listener hears of it."""
    ear = Listener("postgres")
    ear.query("LISTEN reco_progress")
    job = queue(admin, "ana", "rainy sunday, calm", ", 12")
    ok(finished(admin, job), "the job of an extension that was made while the server runs is done",
       admin.query(f"SELECT * FROM reco_job({job})"))
    same(one_result(admin, job), ["12", "1"], "its list is there, and one record")
    row = admin.query(f"SELECT kind, user_id, percent, stage, error, attempts, started IS NOT NULL, finished >= started"
                      f" FROM reco_job({job})")[0]
    same(row, ["generate", "ana", "100", "", "", "1", "t", "t"], "reco_job tells how it ended")
    heard = []
    until(lambda: heard.extend(ear.heard()) or (heard and heard[-1]["state"] == "done"), 20)
    same({note["job"] for note in heard}, {str(job)}, "a listener hears of this job")
    stages = [note["stage"] for note in heard if note["state"] == "running"]
    ok(len(stages) >= 8 and len(set(stages)) == len(stages), "each stage is told once", stages)
    ok({"mood", "discover_artists", "seed_based", "rank", "order"} <= set(stages), "from the first to the last", stages)
    percents = [note["percent"] for note in heard]
    same([percents, percents[-1], heard[-1]["state"]], [sorted(percents), 100, "done"], "how far it is only grows")
    same(heard[-1]["run_id"], admin.value(f"SELECT run_id FROM reco_job({job})"), "and the end names the run")
    rows = admin.query("SELECT DISTINCT origin, run_id FROM reco_generate('ana', 'rainy sunday, calm', 12)")
    same(rows, [["cached", heard[-1]["run_id"]]], "who asks the same then gets this very list, at once")
    same(admin.query("SELECT kind, done, failed, retried FROM reco_stat_job"), [["generate", "1", "0", "0"]],
         "reco_stat_job counts it")
    same(admin.value("SELECT count(*) FROM reco_stat_worker WHERE worker = 'job worker' AND pid IS NOT NULL"
                     " AND database = 'postgres'"), "1", "the worker is in reco_stat_worker")
    ear.close()


def two_databases(cluster, admin, emulator):
    admin.query("CREATE DATABASE two")
    session = cluster.session("two")
    session.query("BEGIN")
    session.query("CREATE EXTENSION reco CASCADE")
    session.query("SELECT reco_demo_catalogue(500)")
    job = queue(session, "bob", "jazz")
    session.query("COMMIT")
    ok(finished(session, job), "a job that was queued in the transaction of CREATE EXTENSION is done")
    ok(until(lambda: len(workers(admin, "two")) == 1 and len(workers(admin, "postgres")) == 1),
       "each database has its worker")
    session.query("BEGIN")
    job = queue(session, "bob", "not yet")
    before = session.value("SELECT count(*) FROM reco.job")
    session.query("ROLLBACK")
    same(session.value("SELECT count(*) FROM reco.job"), str(int(before) - 1), "one that is rolled back is not queued")
    session.query("BEGIN")
    job = queue(session, "bob", "prepared")
    session.query("PREPARE TRANSACTION 'later'")
    session.query("COMMIT PREPARED 'later'")
    ok(finished(session, job, seconds=20), "one that was prepared is done after COMMIT PREPARED")
    session.close()


def rights(cluster, admin, emulator):
    """Whose a job is."""
    for role in ("ann", "ben", "spy"):
        admin.query(f"CREATE ROLE {role} LOGIN")
    admin.query("GRANT EXECUTE ON FUNCTION reco_generate_async, reco_job, reco_job_cancel, reco_run_tracks TO ann, ben")
    admin.query("GRANT pg_monitor TO spy")
    ann, ben, spy = (cluster.session("postgres", role) for role in ("ann", "ben", "spy"))
    job = queue(ann, "ana", "whose is it")
    ok(finished(ann, job), "a role that may queue jobs gets them done")
    run = ann.value(f"SELECT run_id FROM reco_job({job})")
    same(ann.value(f"SELECT count(*) FROM reco_run_tracks({run})"), "20", "and its list")
    same(ben.error(f"SELECT * FROM reco_job({job})"), "42704", "another role sees no such job")
    same(ben.error(f"SELECT reco_job_cancel({job})"), "42704", "nor cancels it")
    same(spy.value(f"SELECT state FROM reco_job({job})"), "done", "pg_monitor sees it")
    same(spy.error(f"SELECT reco_job_cancel({job})"), "42501", "and cancels nothing")
    other = queue(ben, "ana", "whose is it")
    ok(other != job and finished(ben, other), "the same question of another role is another job")
    admin.query("ALTER SYSTEM SET reco.job_workers = 0")
    admin.query("SELECT pg_reload_conf()")
    # this session hears of a new setting when it hears of it
    ok(until(lambda: workers(admin) == [] and admin.value("SHOW reco.job_workers") == "0"), "with reco.job_workers = 0 there are none")
    same(admin.error("SELECT reco_generate_async('ana', 'nobody')"), "55000", "and nothing is queued")
    admin.query("ALTER SYSTEM SET reco.job_workers = 3")
    admin.query("SELECT pg_reload_conf()")
    ok(until(lambda: len(workers(admin, "postgres")) == 3), "with 3 there are 3")
    admin.query("ALTER SYSTEM SET reco.job_workers = 1")
    admin.query("SELECT pg_reload_conf()")
    ok(until(lambda: len(workers(admin, "postgres")) == 1), "and one again")
    doctor = "SELECT status, detail FROM reco_doctor() WHERE \"check\" = 'job workers'"
    until(lambda: admin.value("SHOW reco.job_workers") == "1")
    ok(until(lambda: admin.query(doctor) == [["ok", "1 of 1 run in this database"]]), "reco_doctor is content", admin.query(doctor))
    for session in (ann, ben, spy):
        session.close()


def turns(cluster, admin, emulator):
    """One listener's flood before another one's single job."""
    admin.query("DELETE FROM reco.job")
    admin.query("BEGIN")
    flood = [queue(admin, "flood", f"number {n}", ", 5") for n in range(40)]
    same(queue(admin, "flood", "number 39", ", 5"), flood[39], "the same question is the same job while that is not committed")
    admin.query("COMMIT")
    single = queue(admin, "single", "only one", ", 5")
    ok(until(lambda: admin.value("SELECT count(*) FROM reco.job WHERE state <> 'done'") == "0", 120), "all are done")
    before = int(admin.value(f"SELECT count(*) FROM reco.job WHERE started < (SELECT started FROM reco.job WHERE job_id = {single})"
                             f" AND started > (SELECT created FROM reco.job WHERE job_id = {single})"))
    ok(before <= 2, "a flood does not go before another listener's single job", before)
    order = [int(row[0]) for row in admin.query("SELECT job_id FROM reco.job WHERE user_id = 'flood' ORDER BY started")]
    same(order, flood, "a listener's jobs are done in the order in which they were queued")
    ok(queue(admin, "flood", "number 39", ", 5") != flood[39], "the same question after that is a job of its own")


def failing(cluster, admin, emulator):
    """A job that always fails, among others."""
    admin.query("CREATE DATABASE empty")
    session = cluster.session("empty")
    session.query("CREATE EXTENSION reco CASCADE")
    ear = Listener("empty")
    ear.query("LISTEN reco_progress")
    bad = queue(session, "ana", "nothing to find")
    ok(finished(session, bad, "failed"), "a job that always fails is given up",
       session.query(f"SELECT * FROM reco_job({bad})"))
    same(session.query(f"SELECT attempts, error, percent, run_id FROM reco_job({bad})"),
         [["3", "the catalogue is empty", "0", ""]], "after reco.job_attempts, with its error")
    heard = []
    until(lambda: heard.extend(ear.heard()) or (heard and heard[-1]["state"] == "failed"), 20)
    ends = [note["state"] for note in heard if note["state"] != "running"]
    same([ends, {note["job"] for note in heard}], [["queued", "queued", "failed"], {str(bad)}], "a listener hears of each attempt that failed, and of the end")
    session.query("BEGIN")
    gone = queue(session, "ana", "cancelled before it begins")
    session.value(f"SELECT reco_job_cancel({gone})")
    session.query("COMMIT")
    heard = []
    until(lambda: heard.extend(ear.heard()) or heard, 20)
    same([(note["job"], note["state"]) for note in heard], [(str(gone), "cancelled")], "and of a job that is cancelled")
    ear.close()
    again = queue(session, "ana", "nothing to find")
    ok(again != bad, "and can be queued again")
    until(lambda: session.value(f"SELECT attempts FROM reco_job({again})") != "0")
    session.query("SELECT reco_demo_catalogue(500)")
    # it may have been given up before there was a catalogue
    ok(until(lambda: state(session, again) in ("done", "failed")), "which ends")
    admin.query("ALTER SYSTEM SET reco.job_pause = '1h'")
    admin.query("SELECT pg_reload_conf()")
    until(lambda: admin.value("SHOW reco.job_pause") == "1h")
    # a worker hears of it before its next job
    ok(finished(session, queue(session, "good", "before those who fail")), "a job is done")
    session.query("ALTER TABLE reco.artist RENAME TO artist_away")
    bad = [queue(session, f"bad{n}", "who fails") for n in range(5)]
    ok(until(lambda: session.value("SELECT count(*) FROM reco.job WHERE state = 'queued' AND failures > 0"
                                   " AND run_after > now() + interval '30 min'") == "5"),
       "jobs that failed wait for their next attempt")
    session.query("ALTER TABLE reco.artist_away RENAME TO artist")
    good = queue(session, "good", "who does not")
    ok(finished(session, good, seconds=20), "and keep no other job waiting")
    same({state(session, job) for job in bad}, {"queued"}, "meanwhile they are not tried")
    session.query("UPDATE reco.job SET run_after = now() WHERE state = 'queued'")
    queue(session, "good", "this wakes the worker")
    ok(until(lambda: {state(session, job) for job in bad} == {"done"}), "when it is time, they are")
    same(session.value("SELECT count(*) FROM reco.job WHERE run_after > created + interval '30 min'"), "0", "nothing is left")
    admin.query("ALTER SYSTEM RESET reco.job_pause")
    admin.query("SELECT pg_reload_conf()")
    session.close()
    admin.query("DROP DATABASE empty")


def connect_slowly(session, emulator):
    """Services that may take long."""
    patient = {"timeout": "100s", "deadline": "600s"}
    connect_services(session, emulator, spotify=patient, reccobeats=patient, gemini=patient)


def waiting_job(session, emulator, prompt="songs like Nobody by Zorblax"):
    """A job that waits for a service that does not answer."""
    emulator.fault([{"route": "/search", "kind": "stall", "argument": 0}])
    job = queue(session, "ana", prompt, ", 10, '10 min'")
    ok(until(lambda: state(session, job) == "running" and int(session.value(
        "SELECT coalesce(sum(in_flight + queued), 0) FROM reco_stat_upstream")) > 0, 30), "a job waits for a service",
       session.query(f"SELECT * FROM reco_job({job})"), session.query("SELECT * FROM reco_stat_upstream"))
    return job


def nothing_held(admin, database):
    """What a worker holds while it waits."""
    return admin.query("SELECT backend_xmin, (SELECT count(*) FROM pg_locks AS l WHERE l.pid = a.pid AND locktype <> 'virtualxid')"
                       f" FROM pg_stat_activity AS a WHERE backend_type = 'reco job worker' AND datname = '{database}'")


def in_the_way(cluster, admin, emulator):
    """What others do while a job waits for a service that hangs."""
    session = cluster.session("two")
    connect_slowly(session, emulator)
    job = waiting_job(session, emulator)
    same(queue(session, "ana", "songs like Nobody by Zorblax", ", 10, '10 min'"), job, "the same question is the same job while that is open")
    ok(until(lambda: nothing_held(admin, "two") == [["", "0"]]), "its worker holds no snapshot and no lock",
       nothing_held(admin, "two"))
    seconds = took(lambda: same(session.value(f"SELECT reco_job_cancel({job})"), "t", "it can be cancelled"))
    same(state(session, job), "cancelled", "and is")
    ok(until(lambda: session.value("SELECT state FROM reco_stat_worker WHERE worker = 'job worker' AND database = 'two'")
             == "idle", LONG), "its worker is free at once", f"{seconds:.2f} s")
    same(session.value(f"SELECT reco_job_cancel({job})"), "f", "not twice")

    job = waiting_job(session, emulator, "songs like Somebody by Zorblax")
    session.query("UPDATE pg_extension SET extversion = '0.0' WHERE extname = 'reco'")
    session.query("UPDATE pg_extension SET extversion = (SELECT default_version FROM pg_available_extensions"
                  " WHERE name = 'reco') WHERE extname = 'reco'")
    seconds = took(lambda: session.query("ALTER EXTENSION reco UPDATE"))
    ok(seconds < LONG, "ALTER EXTENSION UPDATE does not wait for it", f"{seconds:.2f} s")
    seconds = took(lambda: session.query("DROP EXTENSION reco CASCADE"))
    ok(seconds < LONG, "nor does DROP EXTENSION", f"{seconds:.2f} s")
    ok(until(lambda: workers(admin, "two") == [], LONG), "after which no worker is there")
    session.query("CREATE EXTENSION reco CASCADE")
    session.query("SELECT reco_demo_catalogue(500)")
    connect_slowly(session, emulator)
    waiting_job(session, emulator)
    session.close()
    # what needs the database alone waits five seconds for others to leave, and fails then
    for command in ("ALTER DATABASE two RENAME TO three", "CREATE DATABASE copy TEMPLATE three", "DROP DATABASE copy"):
        same(admin.error(command), None, f"{command.split(' ')[0]} {command.split(' ')[1]} works at once while a job waits")
    session = cluster.session("three")
    ok(until(lambda: session.value("SELECT state FROM reco.job WHERE state IN ('queued', 'running')") == "running", 30),
       "then it is begun again", session.query("SELECT * FROM reco.job"))
    same(session.value("SELECT failures FROM reco.job WHERE state = 'running'"), "0", "and that was no failure of its")
    session.close()
    seconds = cluster.stop("fast")
    ok(seconds is not None and seconds < LONG, "a fast shutdown does not wait for it", seconds)
    emulator.fault([])
    cluster.start()
    session = cluster.session("three")
    ok(until(lambda: session.value("SELECT count(*) FROM reco.job WHERE state <> 'done'") == "0"),
       "after the start it is done", session.query("SELECT * FROM reco.job"))
    session.close()
    admin = cluster.session("postgres")
    same(admin.error("DROP DATABASE three"), None, "DROP DATABASE works at once")
    return admin


def killed(cluster, admin, emulator):
    """Workers that are ended at any moment, in any way."""
    admin.query("DELETE FROM reco.job")
    chance = random.Random(7)
    jobs = []
    for number in range(10):
        kind = signal.SIGKILL if number == 6 else signal.SIGTERM
        try:
            jobs.append(queue(admin, f"user{number}", f"killed {number}", ", 8"))
            pids = []
            until(lambda found=pids: found.extend(workers(admin, "postgres")) or found)
            until(lambda: False, chance.random() * 0.03)
            os.kill(pids[0], kind)
            if kind == signal.SIGKILL:
                until(lambda: lost(admin))
                raise Lost("crash")
            ok(finished(admin, jobs[-1]), "the job of a worker that got SIGTERM is done", admin.query(f"SELECT * FROM reco_job({jobs[-1]})"))
        except (Lost, ProcessLookupError, SqlError):
            def back():
                try:
                    return cluster.session("postgres").value("SELECT 1") == "1"
                except (Lost, SqlError, RuntimeError, TimeoutError):
                    return False
            ok(until(back), "the server is back after a crash")
            admin = cluster.session("postgres")
    ok(until(lambda: admin.value("SELECT count(*) FROM reco.job WHERE state <> 'done'") == "0", 120),
       "every job that was promised is done", admin.query("SELECT * FROM reco.job WHERE state <> 'done'"))
    same(admin.value("SELECT count(*) FROM reco.job"), str(len(jobs)), "none is lost")
    same({tuple(one_result(admin, job)) for job in jobs}, {("8", "1")}, "and each has exactly one list")
    return admin


def history(cluster, admin, emulator):
    admin.query("INSERT INTO reco.job (user_id, job_id, kind, key, role_id, arguments, priority, state, created, run_after, turn, started, finished)"
                " SELECT 'old' || n % 100, n, 'generate', n::text, 10, '{}', 1, 'done', t, t, t, t, t FROM generate_series(1, 100000) AS n,"
                " LATERAL (SELECT now() - n * interval '1 ms' AS t) AS x")
    admin.query("ALTER SYSTEM SET reco.job_history = 200")
    admin.query("SELECT pg_reload_conf()")
    ok(finished(admin, queue(admin, "ana", "the last one")), "a job after 100,000 others is done")
    ok(until(lambda: int(admin.value("SELECT count(*) FROM reco.job")) <= 205), "the history is kept within its rows",
       admin.value("SELECT count(*) FROM reco.job"))
    admin.query("UPDATE reco.job SET finished = now() - interval '10 days' WHERE user_id LIKE 'old%'")
    queue(admin, "ana", "one more")
    ok(until(lambda: admin.value("SELECT count(*) FROM reco.job WHERE user_id LIKE 'old%'") == "0"), "and within its age")
    admin.query("INSERT INTO reco.job (user_id, job_id, kind, key, role_id, arguments, priority, state, created, run_after, turn, started, finished)"
                " SELECT 'aged', n, 'generate', n::text, 10, '{}', 1, 'done', t, t, t, t, t FROM generate_series(1, 4) AS n,"
                " LATERAL (SELECT now() - n * interval '1 hour' AS t) AS x")
    ok(finished(admin, queue(admin, "ana", "and one more")) and admin.value("SELECT count(*) FROM reco.job WHERE user_id = 'aged'") == "4",
       "what is younger stays")
    admin.query("ALTER SYSTEM SET reco.job_history_age = '150min'")
    admin.query("SELECT pg_reload_conf()")
    queue(admin, "ana", "the very last one")
    ok(until(lambda: admin.query("SELECT job_id FROM reco.job WHERE user_id = 'aged' ORDER BY 1") == [["1"], ["2"]]),
       "as long as reco.job_history_age says", admin.query("SELECT job_id FROM reco.job WHERE user_id = 'aged'"))
    admin.query("ALTER SYSTEM RESET reco.job_history_age")
    admin.query("ALTER SYSTEM RESET reco.job_history")
    admin.query("SELECT pg_reload_conf()")


def too_few():
    """Background workers are scarce."""
    with Cluster("max_worker_processes = 5", "reco.job_workers = 3", "reco.keeper_interval = '50ms'") as small:
        admin = small.session()
        admin.query("CREATE EXTENSION reco CASCADE")
        admin.query("SELECT reco_demo_catalogue(500)")
        ok(finished(admin, queue(admin, "ana", "jazz")), "with too few background workers those that can run do")
        ok(until(lambda: "reco could not start a job worker" in small.log_text()), "the log says so")
        same([small.log_text().count("reco could not start"), "max_worker_processes to at least 7" in small.log_text()],
             [1, True], "once, with the number that is needed")
        row = admin.query("SELECT status, hint FROM reco_doctor() WHERE \"check\" = 'job workers'")[0]
        ok(row[0] == "warning" and "max_worker_processes to at least 7" in row[1], "and so does reco_doctor", row)


def taking_turns():
    """One background worker is left for the jobs of two databases."""
    with Cluster("max_worker_processes = 6", "reco.job_workers = 1", "reco.keeper_interval = '50ms'") as small:
        sessions = []
        for name in ("one", "two"):
            small.session().query(f"CREATE DATABASE {name}")
            sessions.append(small.session(name))
            sessions[-1].query("CREATE EXTENSION reco CASCADE")
            sessions[-1].query("SELECT reco_demo_catalogue(500)")
        for turn in range(2):
            jobs = [queue(session, "ana", f"{turn} {n}") for n in range(3) for session in sessions]
            for session, job in zip(sessions * 3, jobs):
                ok(finished(session, job, seconds=120), f"two databases have one worker in turns: {turn}", session.query(f"SELECT * FROM reco_job({job})"))
        same(len(workers(sessions[0])), 1, "there never is more than one")
        same([line for line in small.log_text().splitlines() if "ended unexpectedly" in line], [], "who makes room has not failed")


PARTS = (first_job, two_databases, rights, turns, failing, killed, history, in_the_way)


def main():
    try:
        with Emulator("--latency", "none", "--preset", "extended") as emulator, Cluster(*SETTINGS) as cluster:
            admin = cluster.session()
            admin.query("CREATE EXTENSION reco CASCADE")
            admin.query("SELECT reco_demo_catalogue(2000)")
            for part in PARTS:
                if not sys.argv[1:] or part.__name__ in sys.argv[1:]:
                    admin = part(cluster, admin, emulator) or admin
            bad = [line for line in cluster.log_text().splitlines() if "PANIC" in line or "TRAP" in line]
            same(bad, [], "nothing broke")
        too_few()
        taking_turns()
    except Lost as lost:
        ok(False, "the server lives", lost)
    done()


main()
