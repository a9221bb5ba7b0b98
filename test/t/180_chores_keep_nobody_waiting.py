#!/usr/bin/env python3
"""Claim: a chore that fails or that lasts keeps nothing else waiting, and is not forgotten.

What failed was not done: it is tried again soon, then later and later, up to its interval.
That a failure cannot be noted yet costs the keeper nothing, nor do questions for moods
that are not popular. One that lasts is done beside the keeper, which goes on; who needs
the extension or the database does not wait for it.
"""
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from cluster import Cluster  # noqa: E402
from reco_tap import SqlError, done, literal, ok, same, until  # noqa: E402


def chore(session, name, columns):
    return session.query(f"SELECT {columns} FROM reco_stat_chore WHERE chore = '{name}'")[0]


def setting(session, **values):
    for name, value in values.items():
        session.query(f"ALTER SYSTEM SET reco.{name} = {literal(value)}")
    session.query("SELECT pg_reload_conf()")


def make_due(session, name):
    """As if it were done long ago."""
    session.query(f"UPDATE reco.chore SET since = now() - interval '10 d', last_run = now() - interval '9 d',"
                  f" last_done = now() - interval '9 d' WHERE chore = '{name}'")


def failing(session):
    """A chore with a long interval that fails."""
    until(lambda: session.value("SELECT count(*) FROM reco.chore WHERE chore = 'reindex'") == "1")
    session.query("ALTER FUNCTION reco_reindex_advice(bigint) RENAME TO elsewhere")
    make_due(session, "reindex")
    done_last = chore(session, "reindex", "last_done")
    seen = []

    def failed(n):
        seen.append([float(number) for number in chore(session, "reindex", "failures, extract(epoch FROM next_run - last_run)")])
        return seen[-1][0] >= n
    for n in range(1, 4):
        ok(until(lambda: failed(n)), f"failure {n} of a chore that is done once a day", chore(session, "reindex", "*"))
        # it may have failed again since
        same(seen[-1][1], 2.0 ** (seen[-1][0] - 1), "it is tried again after a pause that grows")
    same(chore(session, "reindex", "ended, failures >= 3, last_done"), ["failed", "t"] + done_last, "and none of it is taken for having done it")
    session.query("UPDATE reco.chore SET failing = 40 WHERE chore = 'reindex'")
    same(chore(session, "reindex", "next_run - last_run"), ["1 day"], "the pause is no longer than the interval, however often it failed")
    before = int(chore(session, "reindex", "failures")[0])
    setting(session, reindex_interval="2s")
    ok(until(lambda: int(chore(session, "reindex", "failures")[0]) >= before + 2), "nor is it in truth")
    session.query("ALTER FUNCTION elsewhere(bigint) RENAME TO reco_reindex_advice")
    ok(until(lambda: chore(session, "reindex", "ended") == ["done"]), "mended, it is done")
    setting(session, reindex_interval="1d")
    ok(until(lambda: chore(session, "reindex", "next_run - last_done, last_done = last_run") == ["1 day", "t"]),
       "and then after its interval", chore(session, "reindex", "*"))
    same(session.value("SELECT failing FROM reco.chore WHERE chore = 'reindex'"), "0", "as if it had never failed")


LASTING = """CREATE FUNCTION rest() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_catalog.pg_sleep(600); RETURN NULL; END $$;
CREATE TRIGGER rest BEFORE INSERT ON reco.mood_term FOR EACH STATEMENT EXECUTE FUNCTION rest()"""


def begin_lasting(session):
    """Has the lexicon learned, for ten minutes; whether that began."""
    for statement in LASTING.split(";\n"):
        session.query(statement)
    session.query("UPDATE reco.track SET tags = tags || 'quuxic'::text WHERE track_id IN (SELECT track_id FROM reco.track LIMIT 20)")
    make_due(session, "learn")
    return until(lambda: at_chore(session) == ["learn"])


def at_chore(session, what="substring(query FROM '\"(.*)\"')"):
    """The chores that are under way here."""
    return [row[0] for row in session.query(f"SELECT {what} FROM pg_stat_activity"
                                            " WHERE application_name = 'reco chore' AND wait_event = 'PgSleep'"
                                            " AND datname = current_database()")]


def lasting(cluster, session):
    """A chore that lasts."""
    ok(begin_lasting(session), "a chore begins that lasts for ten minutes", session.query("SELECT application_name, query FROM pg_stat_activity"))
    before = int(session.value("SELECT count(*) FROM reco.run"))
    session.query("SELECT count(*) FROM reco_generate('ana', 'slow river', 5)")
    ok(until(lambda: int(session.value("SELECT count(*) FROM reco.run")) > before), "the keeper goes on draining the buffer")
    make_due(session, "reprobe")
    failures = int(chore(session, "reprobe", "failures")[0])
    session.query("ALTER FUNCTION reco_reprobe() RENAME TO elsewhere")
    session.error("SELECT reco_chore('reprobe')")
    ok(until(lambda: int(chore(session, "reprobe", "failures")[0]) > failures), "and noting what became of chores")
    session.query("ALTER FUNCTION elsewhere() RENAME TO reco_reprobe")
    same(at_chore(session), ["learn"], "while it lasts")
    other = cluster.session()
    began = time.monotonic()
    other.query("BEGIN")
    other.query("DROP EXTENSION reco")
    took = time.monotonic() - began
    ok(took < 60, "who drops the extension does not wait for it", f"{took} s")
    print(f"# DROP EXTENSION took {took:.2f} s while a chore was under way")
    other.query("ROLLBACK")
    ok(until(lambda: at_chore(session) == ["learn"]), "it begins again where the extension stays")
    same(chore(session, "learn", "failures"), ["0"], "which is no failure")
    pid = at_chore(session, "pid")[0]
    session.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'reco keeper' AND datname = current_database()")
    ok(until(lambda: session.value(f"SELECT count(*) FROM pg_stat_activity WHERE pid = {pid}") == "0"), "it ends when its keeper does")
    ok(until(lambda: at_chore(session) == ["learn"]), "and begins again with the next one")
    # the trigger goes as soon as that is cancelled, before it is tried again
    other.send("DROP TRIGGER rest ON reco.mood_term")
    until(lambda: session.value(f"SELECT wait_event_type FROM pg_stat_activity WHERE pid = {other.pid}") == "Lock")
    session.query("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'reco chore' AND datname = current_database()")
    other.wait()
    ok(until(lambda: chore(session, "learn", "ended, last_by") == ["done", "keeper"]), "then it is done", chore(session, "learn", "*"))
    same(at_chore(session), [], "and nobody is at it")
    session.query("DROP FUNCTION rest()")


def dropping(cluster, session):
    """A database where a chore lasts."""
    session.query("CREATE DATABASE shop")
    shop = cluster.session("shop")
    shop.query("CREATE EXTENSION reco CASCADE")
    shop.query("SELECT reco_demo_catalogue(500)")
    until(lambda: shop.value("SELECT count(*) FROM reco.chore WHERE chore = 'learn'") == "1")
    ok(begin_lasting(shop), "a chore lasts in another database")
    shop.close()
    same(session.error("DROP DATABASE shop"), None, "it can be dropped")


def crowded():
    """A server with no process to spare, nor job workers."""
    with Cluster("max_worker_processes = 4", "reco.job_workers = 0", "reco.reprobe_interval = '1s'") as cluster:
        session = cluster.session()
        session.query("CREATE EXTENSION reco CASCADE")
        # launcher, gateway, keeper, and PostgreSQL's own
        ok(until(lambda: int(chore(session, "reprobe", "runs")[0]) > 1), "without another process the keeper does a chore itself",
           chore(session, "reprobe", "*"), cluster.log_text()[-2000:])
        same(cluster.log_text().count("could not start a process for chore"), 1, "and says so once")
        session.query("ALTER SYSTEM SET max_worker_processes = 5")
        session.close()
        cluster.stop()
        cluster.start()
        session = cluster.session()
        runs = int(chore(session, "reprobe", "runs")[0])
        ok(until(lambda: int(chore(session, "reprobe", "runs")[0]) > runs + 1), "with one more a process does, without job workers")
        same(cluster.log_text().count("could not start a process for chore"), 1, "and nothing is said")


def commits(session):
    session.query("SELECT pg_stat_force_next_flush()")
    return int(session.value("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"))


def unnoted(cluster, session):
    """A failure that cannot be noted, as somebody has the row."""
    holder = cluster.session()
    holder.query("BEGIN")
    holder.query("SELECT FROM reco.chore WHERE chore = 'reprobe' FOR UPDATE")
    failures = int(chore(session, "reprobe", "failures")[0])
    session.query("SET lock_timeout = '10ms'")
    same(session.error("SELECT reco_chore('reprobe')"), "55P03", "a chore fails, as its row is locked")
    session.query("RESET lock_timeout")
    other = cluster.session()
    other.send("SELECT reco_chore('reprobe')")
    until(lambda: session.value(f"SELECT wait_event_type FROM pg_stat_activity WHERE pid = {other.pid}") == "Lock")
    session.query(f"SELECT pg_cancel_backend({other.pid})")
    ok(cancelled(other), "another one is cancelled by somebody")
    before, began = commits(session), time.monotonic()
    session.query("SELECT pg_sleep(4)")
    rate = (commits(session) - before) / (time.monotonic() - began)
    ok(rate < 20, "the keeper sleeps until it can note it", f"{rate} transactions a second")
    same(chore(session, "reprobe", "failures"), [str(failures)], "which is not yet")
    holder.query("COMMIT")
    ok(until(lambda: chore(session, "reprobe", "failures, ended, last_by") == [str(failures + 1), "failed", "hand"]), "when it is let go, it is noted",
       chore(session, "reprobe", "*"))
    ok("lock timeout" in chore(session, "reprobe", "error")[0], "but for what somebody cancelled", chore(session, "reprobe", "*"))
    holder.query("BEGIN")
    holder.query("SELECT FROM reco.chore WHERE chore = 'reprobe' FOR UPDATE")
    other.query("SET application_name = 'pg_cron'")
    other.query("SET statement_timeout = '100ms'")
    same(other.error("SELECT reco_chore('reprobe')"), "57014", "one that takes longer than statement_timeout, of pg_cron's")
    holder.query("COMMIT")
    ok(until(lambda: chore(session, "reprobe", "failures, ended, last_by") == [str(failures + 2), "failed", "pg_cron"]), "has failed",
       chore(session, "reprobe", "*"))
    other.close()
    holder.close()


def cancelled(session):
    """Whether what was sent is cancelled."""
    try:
        session.wait()
    except SqlError as error:
        return error.sqlstate == "57014"
    return False


def unpopular(session):
    """What is asked and is not popular: the table of popular moods is not read for it again and again."""
    scans = ("SELECT coalesce(seq_scan, 0) + coalesce(idx_scan, 0) FROM pg_stat_all_tables WHERE relid = 'reco.popular_mood'::regclass")
    session.query("SELECT count(*) FROM reco_generate('ana', 'brisk harbour evening', 5)")
    until(lambda: int(session.value(scans)) > 0)
    before = int(session.value(scans))
    session.query("SELECT pg_sleep(13)")
    read = int(session.value(scans)) - before
    ok(read < 8, "the keeper does not read the popular moods while nothing changes", f"{read} scans")


def closed(cluster, session):
    """A database that lets nobody in: its chores' processes end at once."""
    elsewhere = cluster.session("template1")
    made = cluster.log_text().count("is not currently accepting connections")

    def ended():
        return cluster.log_text().count("is not currently accepting connections") - made
    elsewhere.query("ALTER DATABASE postgres ALLOW_CONNECTIONS false")
    make_due(session, "reindex")
    ok(until(lambda: ended() >= 2, 30), "a process that may not connect to its database is tried again")
    time.sleep(15)
    ok(ended() <= 7, "after pauses that grow", ended())
    elsewhere.query("ALTER DATABASE postgres ALLOW_CONNECTIONS true")
    elsewhere.close()
    ok(until(lambda: chore(session, "reindex", "last_done > now() - interval '1 d'") == ["t"], 60), "until it may")


def main():
    with Cluster("max_worker_processes = 20", "reco.reindex_interval = '1d'", "reco.reprobe_interval = '1d'", "reco.cache = on",
                 "reco.result_cache = on") as cluster:
        session = cluster.session()
        session.query("CREATE EXTENSION reco CASCADE")
        session.query("SELECT reco_demo_catalogue(500)")
        failing(session)
        unnoted(cluster, session)
        unpopular(session)
        closed(cluster, session)
        lasting(cluster, session)
        dropping(cluster, session)
        ok("PANIC" not in cluster.log_text() and "terminated by signal" not in cluster.log_text(), "nothing crashed")
    crowded()
    done()


main()
