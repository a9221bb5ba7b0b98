#!/usr/bin/env python3
"""Claim: whatever is done to a database whose workers are busy works at once, and its jobs are done after it, once.

Renamed, moved, copied, again and again, closed and opened, dropped; the extension dropped, and not after
all, made anew, updated to a version that the library does not know, and back.
"""
import os
import re
import shutil
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
import cluster as clusters  # noqa: E402
from cluster import Cluster, owner  # noqa: E402
from reco_tap import Lost, SqlError, done, literal, ok, same, until  # noqa: E402

SEATS = 3
TURNS = 20
SETTINGS = ("reco.keeper_interval = '50ms'", "reco.result_cache = on", "max_worker_processes = 20", f"reco.job_workers = {SEATS}",
            "reco.job_pause = '50ms'")
LONG = 120
AHEAD = "SELECT count(*) FROM reco.job WHERE state IN ('queued', 'running')"
WORKERS = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'reco job worker' AND datname = {}"


def flood(session, count, title):
    """Queues so many jobs in one transaction."""
    session.query(f"SELECT count(reco_generate_async('user' || n % 9, {literal(title)} || n, 5)) FROM generate_series(1, {count}) AS n")


def under_way(session, title, count=150):
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


def works(admin, command):
    """Whether a command works; who needs a database alone tries for five seconds."""
    try:
        admin.query(command)
        return ok(True, f"{command} works beside busy workers")
    except SqlError as error:
        return ok(False, f"{command} works beside busy workers", error)


def commands(cluster):
    """What needs the database alone."""
    admin = cluster.session()
    place = tempfile.mkdtemp(prefix="reco-space.", dir=cluster.dir)
    if owner():
        os.chown(place, owner().pw_uid, owner().pw_gid)
    admin.query(f"CREATE TABLESPACE elsewhere LOCATION '{place}'")
    admin.query("CREATE DATABASE one")
    session = cluster.session("one")
    session.query("CREATE EXTENSION reco CASCADE; SELECT reco_demo_catalogue(300)")
    session.close()
    name = "one"
    for number, command in enumerate(("CREATE DATABASE copied TEMPLATE one", "ALTER DATABASE one RENAME TO other",
                                      "ALTER DATABASE other SET TABLESPACE elsewhere")):
        session = cluster.session(name)
        session.query("DELETE FROM reco.job; DELETE FROM reco.run")
        count = under_way(session, command)
        session.close()
        works(admin, command)
        name = "other" if "other" in command else name
        names = (name, "copied") if "copied" in command else (name,)
        for here in names:
            session = cluster.session(here)
            each_once(session, count, f"{command}: {here}")
            ok(workers(admin, here), f"{here} has its workers")
            session.close()
    return admin


def again_and_again(cluster, admin):
    """Who copies a database in a loop finds it free each time, and its jobs go on between."""
    admin.query("CREATE DATABASE model")
    session = cluster.session("model")
    session.query("CREATE EXTENSION reco CASCADE; SELECT reco_demo_catalogue(300)")
    ok(workers(admin, "model"), "a database has its workers")
    failed, idle, number = [], 0, 0

    def busy(session, begun):
        """Queues more where few are left; whether jobs are open, or even begun."""
        nonlocal number
        if int(session.value(AHEAD)) < 100:
            flood(session, 100, f"number {number}: ")
            number += 100
        return session.value("SELECT count(*) FROM reco.job WHERE state = 'running'" if begun else AHEAD) != "0"
    for turn in range(TURNS):
        session = session or cluster.session("model")
        # at some of the turns workers are just away, or on their way back
        idle += not until(lambda s=session, begun=turn % 2: busy(s, begun))
        session.close()
        session = None
        for command in ("CREATE DATABASE made TEMPLATE model", "DROP DATABASE made"):
            try:
                admin.query(command)
            except SqlError as error:
                failed.append((turn, command, error))
                admin.query("DROP DATABASE IF EXISTS made")
    same([failed, idle], [[], 0], f"CREATE DATABASE … TEMPLATE works {TURNS} times while jobs are open, as does DROP DATABASE of the copy")
    session = cluster.session("model")
    each_once(session, number, f"copied {TURNS} times")
    ok(workers(admin, "model"), "it has its workers")
    session.close()
    admin.query("DROP DATABASE model")


def closed(cluster, admin):
    """A database that takes no connections, over a restart."""
    session = cluster.session("other")
    session.query("DELETE FROM reco.job; DELETE FROM reco.run")
    count = under_way(session, "ALLOW_CONNECTIONS false")
    session.close()
    admin.query("ALTER DATABASE other WITH ALLOW_CONNECTIONS false")
    ok(cluster.stop() is not None, "a fast shutdown with jobs under way")
    cluster.start()
    admin = cluster.session()
    ok(workers(admin, "copied"), "other databases have their workers")
    same(admin.value(WORKERS.format("'other'")), "0", "one that is closed has none")
    admin.query("ALTER DATABASE other WITH ALLOW_CONNECTIONS true")
    session = cluster.session("other")
    each_once(session, count, "once it is open")
    session.close()
    return admin


def dropped(cluster, admin):
    """The extension, and its database."""
    session = cluster.session("other")
    session.query("DELETE FROM reco.job; DELETE FROM reco.run")
    count = under_way(session, "DROP EXTENSION and ROLLBACK")
    session.query("BEGIN; DROP EXTENSION reco CASCADE")
    time.sleep(0.5)
    session.query("ROLLBACK")
    each_once(session, count, "DROP EXTENSION that is rolled back")
    session.query("DELETE FROM reco.job; DELETE FROM reco.run")
    under_way(session, "DROP EXTENSION")
    session.query("BEGIN; DROP EXTENSION reco CASCADE; CREATE EXTENSION reco CASCADE; SELECT reco_demo_catalogue(300)")
    flood(session, 20, "made anew")
    session.query("COMMIT")
    each_once(session, 20, "DROP and CREATE EXTENSION in one")
    flood(session, 150, "dropped")
    session.query("DROP EXTENSION reco CASCADE")
    ok(workers(admin, "other", 0), "after DROP EXTENSION there is no worker")
    ok(until(lambda: admin.value("SELECT count(*) FROM reco_stat_worker WHERE database = 'other' AND worker = 'job worker'") == "0"),
       "nor in reco_stat_worker")
    session.close()
    session = cluster.session("copied")
    flood(session, 150, "its database is dropped")
    session.close()
    works(admin, "DROP DATABASE copied")
    same(admin.value("SELECT count(*) FROM reco_stat_worker WHERE database NOT IN (SELECT datname FROM pg_database)"), "0", "nothing of it is left")


def rests(session):
    """Whether nothing became of any job within a second."""
    before = session.value("SELECT md5(string_agg(j::text, ' ' ORDER BY job_id)) FROM reco.job AS j")
    time.sleep(1)
    return session.value("SELECT md5(string_agg(j::text, ' ' ORDER BY job_id)) FROM reco.job AS j") == before


def two_versions(directory):
    """SQL objects that are older than the library, and then newer."""
    bindir = clusters.BINDIR
    root = bindir[:bindir.rindex("/usr/")] if "/usr/" in bindir else None
    if not ok(root is not None, "the server's copy can be copied", bindir):
        return
    # a server of our own, since files are put beside its programs
    shutil.copytree(root, directory + "/root", symlinks=True)
    clusters.BINDIR = directory + "/root" + bindir[len(root):]
    try:
        share = clusters.BINDIR[:-len("/bin")].replace("/lib/postgresql/", "/share/postgresql/") + "/extension"
        for name in ("1.0--0.9", "0.9--1.0", "1.0--1.1", "1.1--1.0"):
            with open(f"{share}/reco--{name}.sql", "w", encoding="utf-8") as file:
                file.write("CREATE FUNCTION public.only_{}() RETURNS int LANGUAGE sql RETURN 1;\n".format(re.sub(r"\W", "_", name)))
        with Cluster(*SETTINGS) as cluster:
            session = cluster.session()
            session.query("CREATE EXTENSION reco CASCADE; SELECT reco_demo_catalogue(300)")
            for other in ("0.9", "1.1"):
                session.query("DELETE FROM reco.job; DELETE FROM reco.run")
                count = under_way(session, f"UPDATE TO '{other}'")
                # some that nobody can have done before
                session.query("BEGIN")
                flood(session, 20, f"with version {other}: ")
                session.query(f"ALTER EXTENSION reco UPDATE TO '{other}'; COMMIT")
                ok(until(lambda: rests(session)), f"{other}: workers do nothing with another version's tables")
                ok(int(session.value(AHEAD)) > 0, f"{other}: jobs wait")
                session.query("ALTER EXTENSION reco UPDATE TO '1.0'")
                each_once(session, count + 20, f"{other} and back")
    finally:
        clusters.BINDIR = bindir


def main():
    directory = tempfile.mkdtemp(prefix="reco-root.")
    os.chmod(directory, 0o755)
    try:
        with Cluster(*SETTINGS) as cluster:
            admin = commands(cluster)
            again_and_again(cluster, admin)
            admin = closed(cluster, admin)
            admin.query("CREATE EXTENSION reco CASCADE")
            dropped(cluster, admin)
            bad = [line for line in cluster.log_text().splitlines() if "PANIC" in line or "TRAP" in line]
            same(bad, [], "nothing broke")
        two_versions(directory)
    except Lost as lost:
        ok(False, "the server lives", lost)
    finally:
        shutil.rmtree(directory)
    done()


main()
