#!/usr/bin/env python3
"""Claim: what pg_cron has and does not do, the keeper does; what goes wrong in pg_cron's database is told.

Its job may be gone though the extension has noted it: what was taken back in another
database is gone whatever becomes of the caller's transaction. When pg_cron has missed
three of its times, the keeper does the chore until pg_cron does again.
"""
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from cluster import BINDIR, Cluster, as_owner  # noqa: E402
from reco_tap import SqlError, done, ok, same, skip, until  # noqa: E402


def chore(session, name, columns):
    return session.query(f"SELECT {columns} FROM reco_stat_chore WHERE chore = '{name}'")[0]


def long_ago(session, name):
    """As if it were registered an hour ago, and never done by pg_cron since."""
    session.query(f"UPDATE reco.schedule SET registered_at = now() - interval '10 y' WHERE chore = '{name}'")
    session.query(f"UPDATE reco.chore SET since = now() - interval '10 y', last_cron = NULL WHERE chore = '{name}'")


def doctor(session):
    return session.query("SELECT status, detail FROM reco_doctor() WHERE \"check\" = 'chores'")


def schedule(session, name, when):
    others = "".join(f", {other} => NULL" for other in ("warm", "prewarm", "learn", "reprobe", "reindex") if other != name)
    session.query(f"SELECT * FROM reco_schedule({name} => '{when}'{others})")


def overdue():
    """What is registered with pg_cron, though pg_cron has no such job."""
    with Cluster("max_worker_processes = 20", "cron.database_name = 'postgres'", "cron.use_background_workers = on",
                 "reco.reprobe_interval = '1s'", "reco.reindex_interval = '1s'", preload="pg_cron,reco") as cluster:
        session = cluster.session()
        session.query("CREATE EXTENSION pg_cron")
        session.query("CREATE DATABASE shop")
        shop = cluster.session("shop")
        shop.query("CREATE EXTENSION reco CASCADE")
        schedule(shop, "reprobe", "* * * * *")
        month = shop.value("SELECT extract(month FROM now() + interval '6 months')::int")
        schedule(shop, "reindex", f"1 1 1 {month} *")
        # the keeper may have done it before that
        until(lambda: shop.value("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'reco chore' AND datname = current_database()") == "0")
        before = chore(shop, "reindex", "runs")[0]
        shop.query("BEGIN")
        shop.query("SELECT reco_unschedule()")
        shop.query("ROLLBACK")
        same(session.value("SELECT count(*) FROM cron.job"), "0", "taken back in another database, jobs are gone")
        same(chore(shop, "reprobe", "done_by"), ["pg_cron"], "that it is rolled back here, the marks do not know")
        ok(any(row[0] == "error" and 'nobody does "reprobe"' in row[1] for row in doctor(shop)), "reco_doctor does", doctor(shop))
        long_ago(shop, "reprobe")
        long_ago(shop, "reindex")
        ok(until(lambda: chore(shop, "reprobe", "done_by") == ["keeper"], 180), "when pg_cron has missed its times, the chore is the keeper's",
           shop.query("SELECT * FROM reco.schedule"))
        ok(until(lambda: chore(shop, "reprobe", "last_by, ended") == ["keeper", "done"]), "who does it", chore(shop, "reprobe", "*"))
        same(chore(shop, "reindex", "done_by, runs"), ["pg_cron", before], "one whose time has not come since the server runs is let alone")
        ok(any(row[0] == "warning" and 'the keeper does "reprobe" for pg_cron' in row[1] and "is gone" in row[1] for row in doctor(shop)),
           "reco_doctor says so", doctor(shop))
        same(cluster.log_text().count('pg_cron has missed the last times of chore "reprobe"'), 1, "and the log, once")
        schedule(shop, "reprobe", "* * * * *")
        same(chore(shop, "reprobe", "done_by"), ["pg_cron"], "registered again, it is pg_cron's")
        ok(until(lambda: 'the keeper leaves chore "reprobe" to pg_cron again' in cluster.log_text()), "which the keeper sees")
        shop.query("UPDATE reco.chore SET last_run = NULL, last_by = NULL WHERE chore = 'reprobe'")
        ok(until(lambda: chore(shop, "reprobe", "last_by") == ["pg_cron"], 180), "pg_cron does it, and nobody else")
        long_ago_but_done = "UPDATE reco.schedule SET registered_at = now() - interval '10 y' WHERE chore = 'reprobe'"
        shop.query(long_ago_but_done)
        same(chore(shop, "reprobe", "done_by"), ["pg_cron"], "what was done lately is not overdue, however long ago it was registered")
        errands(cluster, session)


def errands(cluster, session):
    """What goes wrong in pg_cron's database reaches who asked, in the letters of the database that it is told in."""
    session.query("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    latin = cluster.session("latin")
    latin.query("CREATE EXTENSION reco CASCADE")
    latin.query("SELECT reco_demo_catalogue(500)")
    session.query("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '%', repeat('ä€', 400); END $$")
    session.query("CREATE TRIGGER refuse BEFORE INSERT ON cron.job FOR EACH ROW EXECUTE FUNCTION refuse()")
    shop = cluster.session("shop")
    for one, text in ((shop, "ä€"), (latin, "ä?")):
        try:
            schedule(one, "reindex", "2 2 2 2 *")
            message = ""
        except SqlError as error:
            message = error.message
        ok(message == (text * 400)[:len(message)] and len(message) > 180, "an error is told in whole characters", message)
    session.query("CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_catalog.pg_sleep(600); RETURN NULL; END $$")
    same(shop.error("SELECT * FROM reco_schedule(reindex => '2 2 2 2 *', warm => NULL, prewarm => NULL, learn => NULL, reprobe => NULL)"), "57000",
         "and what lasts too long is cancelled")
    session.query("DROP TRIGGER refuse ON cron.job")
    shop.close()
    latin.close()


def main():
    if os.path.exists(as_owner([BINDIR + "/pg_config", "--pkglibdir"]).stdout.strip() + "/pg_cron.so"):
        overdue()
    else:
        skip("chores of pg_cron", "pg_cron is not installed for this server")
    done()


main()
