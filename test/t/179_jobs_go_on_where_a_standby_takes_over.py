#!/usr/bin/env python3
"""Claim: jobs go on where a standby takes over; with too few background workers, the number that is named does.

A primary stops with jobs under way, and its standby is promoted: there each job is done,
once; the old primary follows, has no workers, and takes over again. Where two databases
want more workers than there can be, what can run does its jobs, and the log and
reco_doctor name the number with which all do.
"""
import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
import cluster as clusters  # noqa: E402
from cluster import Cluster, Standby, owner  # noqa: E402
from reco_tap import Lost, done, literal, ok, same, until  # noqa: E402

SEATS = 3
SETTINGS = ("reco.keeper_interval = '50ms'", "reco.result_cache = on", "max_worker_processes = 20", f"reco.job_workers = {SEATS}",
            "reco.job_pause = '50ms'")
LONG = 120
AHEAD = "SELECT count(*) FROM reco.job WHERE state IN ('queued', 'running')"
WORKERS = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'reco job worker' AND datname = {}"


def flood(session, count, title):
    """Queues so many jobs in one transaction."""
    session.query(f"SELECT count(reco_generate_async('user' || n % 9, {literal(title)} || n, 5)) FROM generate_series(1, {count}) AS n")


def under_way(session, title, count=300):
    """Queues jobs until workers are at them, and more is open than they can do at once; how many it queued."""
    number = 0

    def busy():
        nonlocal number
        if int(session.value(AHEAD)) <= 2 * SEATS:
            flood(session, count, f"{title} {number}: ")
            number += count
        return session.query("SELECT count(*) FILTER (WHERE state IN ('running', 'done')) > 0,"
                             f" count(*) FILTER (WHERE state IN ('queued', 'running')) > {2 * SEATS} FROM reco.job") == [["t", "t"]]
    ok(until(busy), f"{title}: jobs are under way", session.query("SELECT state, count(*) FROM reco.job GROUP BY 1"))
    return number


def each_once(session, count, title, runs=True):
    """Is each job done, with one list, and no other run on record?"""
    ok(until(lambda: session.value(AHEAD) == "0", LONG), f"{title}: all jobs end", session.query("SELECT * FROM reco.job WHERE finished IS NULL"))
    rows = session.query("SELECT state, failures, (SELECT count(*) FROM reco.run AS r WHERE r.run_id = j.run_id), count(*)"
                         " FROM reco.job AS j GROUP BY 1, 2, 3")
    same(rows, [["done", "0", "1", str(count)]], f"{title}: each is done, and none is to blame")
    same(session.value("SELECT count(*) FROM reco.run"), str(count), f"{title}: once")


def workers(admin, name, count=SEATS):
    return until(lambda: admin.value(WORKERS.format(literal(name))) == str(count))


def follow(cluster, primary):
    """Makes a server that was stopped a standby of another one."""
    cluster.configure(f"primary_conninfo = 'host={primary.dir} port={primary.port} user=postgres'", "recovery_target_timeline = 'latest'")
    path = cluster.data + "/standby.signal"
    with open(path, "w", encoding="utf-8"):
        pass
    if owner():
        os.chown(path, owner().pw_uid, owner().pw_gid)
    cluster.start()


def switched_over():
    """A standby takes over while jobs are under way; the old primary follows, and takes over again."""
    with Cluster(*SETTINGS) as first:
        session = first.session()
        session.query("CREATE EXTENSION reco CASCADE; SELECT reco_demo_catalogue(300)")
        with Standby(first, *SETTINGS) as second:
            standby = second.session()
            count = under_way(session, "a switch-over")
            # what was queued has arrived there; nobody does it there
            ok(second.caught_up(standby), "the standby has caught up")
            job = standby.value("SELECT min(job_id) FROM reco.job")
            same(standby.value(f"SELECT user_id FROM reco_job({job})"), "user1", "a standby tells of the primary's jobs")
            same(standby.error(f"SELECT reco_job_cancel({job})"), "0A000", "but changes none")
            same(standby.value("SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'reco%worker'"), "0", "and has no workers for them")
            ok(first.stop("fast") is not None, "the primary stops with jobs under way")
            ok(second.promote(), "the standby is promoted")
            standby = second.session()
            ok(workers(standby, "postgres"), "and gets its workers")
            follow(first, second)
            session = first.session()
            each_once(standby, count, "after the promotion")
            ok(first_caught_up(second, session), "the old primary follows")
            same(session.query("SELECT state, count(*) FROM reco.job GROUP BY 1"), [["done", str(count)]], "and tells the same")
            same(session.value("SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'reco%worker'"), "0", "without a worker")
            flood(standby, 300, "and back")
            ok(second.stop("fast") is not None, "the new primary stops with jobs under way")
            ok(as_primary(first), "the old one is promoted again")
            session = first.session()
            each_once(session, count + 300, "and back")
            failed = [line for line in (first.log_text() + second.log_text()).splitlines() if "PANIC" in line or "TRAP" in line]
            same(failed, [], "nothing broke")


def first_caught_up(primary, session):
    lsn = primary.session().value("SELECT pg_current_wal_flush_lsn()")
    return until(lambda: session.value(f"SELECT pg_last_wal_replay_lsn() >= '{lsn}'") == "t")


def as_primary(cluster):
    return clusters.as_owner([clusters.BINDIR + "/pg_ctl", "-D", cluster.data, "-w", "-t", "60", "-s", "promote"]).returncode == 0


def too_few():
    """Two databases that want three job workers each, and not enough processes for all."""
    doctor = "SELECT status, hint FROM reco_doctor() WHERE \"check\" = 'job workers'"
    names = ("postgres", "two")
    with Cluster("reco.keeper_interval = '50ms'", f"reco.job_workers = {SEATS}", "max_worker_processes = 6") as small:
        def told():
            """The numbers that the log names."""
            return [int(number) for number in re.findall(r"reco could not start a (?:keeper|job worker): .*\n.*\n.*max_worker_processes to at least (\d+)", small.log_text())]
        admin = small.session()
        admin.query("CREATE DATABASE two")
        for name in names:
            small.session(name).query("CREATE EXTENSION reco CASCADE; SELECT reco_demo_catalogue(300)")
        ok(until(lambda: admin.value("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'reco keeper'") == "2"),
           "each database has its keeper, before others have all their workers")
        # these, and what PostgreSQL itself needs one for
        need = 2 * SEATS + int(admin.value(
            "SELECT count(*) FILTER (WHERE backend_type LIKE 'reco%' AND backend_type NOT IN ('reco job worker', 'reco chore') OR backend_type = 'logical replication launcher')"
            " + (count(*) FILTER (WHERE backend_type LIKE '%gateway%') = 0)::int FROM pg_stat_activity"))
        ok(until(lambda: told()[-1:] == [need]), "the log names the number that is needed", told(), need)
        same(told(), sorted(set(told())), "once, or once more where it grew")
        before = len(told())
        small.stop()
        small.start()
        ok(until(lambda: len(told()) > before), "after a restart it does again", told())
        sessions = {name: small.session(name) for name in names}
        ok(until(lambda: any(session.value(WORKERS.format(literal(name))) != "0" for name, session in sessions.items())), "some workers run")
        for name, session in sessions.items():
            if session.value(WORKERS.format(literal(name))) != "0":
                flood(session, 20, "few")
                each_once(session, 20, "with few workers")
        ok(until(lambda: told()[-1:] == [need]), "the log names the number that is needed again", told()[before:], need)
        same(told()[before:], sorted(set(told()[before:])), "once, or once more where it grew")
        found = [re.search(r"at least (\d+)", session.query(doctor)[0][1] or "") for session in sessions.values()]
        same({int(one.group(1)) for one in found if one}, {need}, "reco_doctor names it, too")
        small.stop()
        small.configure(f"max_worker_processes = {need}")
        small.start()
        for name in names:
            session = small.session(name)
            ok(workers(session, name), f"with as many {name} has its workers", session.query(doctor))
            ok(until(lambda s=session: s.query(doctor)[0][0] == "ok"), "and reco_doctor is content")


def main():
    try:
        switched_over()
        too_few()
    except Lost as lost:
        ok(False, "the servers live", lost)
    done()


main()
