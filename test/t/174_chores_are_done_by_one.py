#!/usr/bin/env python3
"""Claim: each chore is done by pg_cron or by the keeper's timer, never by both, and one can see by whom and how it went.

reco_schedule registers with the real pg_cron, in the same database and in another one, as
often as it is called, and says what it registered; reco_unschedule takes it back; who may
not, or writes a schedule that is none, is told what to do, and nothing is registered. The
keeper does what pg_cron does not, at its intervals; it takes over where pg_cron is gone,
and reco_doctor says what became of jobs that somebody removed.
"""
import os
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from cluster import BINDIR, Cluster, as_owner, connect_services, known_tracks, resolve  # noqa: E402
from emulator import Emulator  # noqa: E402
from reco_tap import done, literal, ok, same, skip, until  # noqa: E402

FAST = ("reco.keeper_interval = '50ms'", "max_worker_processes = 20")
TOLD = """CREATE FUNCTION told(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE hint text; BEGIN EXECUTE statement; RETURN 'it works';
EXCEPTION WHEN OTHERS THEN GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
RETURN SQLSTATE || '|' || SQLERRM || '|' || hint; END $$"""
ALL = ["warm", "prewarm", "learn", "expire", "snapshot", "history", "reprobe", "reindex"]


def installed(library):
    directory = as_owner([BINDIR + "/pg_config", "--pkglibdir"]).stdout.strip()
    return os.path.exists(f"{directory}/{library}.so")


def told(session, statement):
    """SQLSTATE, message and hint of a statement that fails."""
    return (session.value(f"SELECT told({literal(statement)})").split("|", 2) + ["", ""])[:3]


def chore(session, name, columns):
    return session.query(f"SELECT {columns} FROM reco_stat_chore WHERE chore = '{name}'")[0]


def runs(session, name):
    return int(chore(session, name, "runs")[0])


def more_runs(session, name, seconds=30):
    before = runs(session, name)
    return until(lambda: runs(session, name) > before, seconds)


def keeper_looked(session, name="reindex"):
    """Waits until the keeper has looked whose the chores are: it looks before it runs this one."""
    return more_runs(session, name) and more_runs(session, name)


def setting(session, **values):
    for name, value in values.items():
        session.query(f"ALTER SYSTEM SET reco.{name} = {literal(value)}")
    session.query("SELECT pg_reload_conf()")


def doctor(session, check="chores"):
    return session.query(f"SELECT status, detail, hint FROM reco_doctor() WHERE \"check\" LIKE '{check}%'")


def says(session, status, *words):
    """Whether reco_doctor has a row of a status with these words in it."""
    return any(row[0] == status and all(word in row[1] + row[2] for word in words) for row in doctor(session))


def timer(emulator):
    """Without pg_cron."""
    with Cluster(*FAST, "reco.run_history = 5", "reco.cache = on", "reco.reindex_interval = '1s'") as cluster:
        session = cluster.session()
        session.query("CREATE EXTENSION reco CASCADE")
        session.query("SELECT reco_demo_catalogue(500)")
        session.query(TOLD)
        same([row[0] for row in session.query("SELECT chore FROM reco_stat_chore")], ALL, "the chores there are")
        same(session.query("SELECT DISTINCT done_by FROM reco_stat_chore"), [["keeper"]],
             "without pg_cron all of them are the keeper's")
        state, message, hint = told(session, "SELECT * FROM reco_schedule()")
        ok(state == "55000" and "pg_cron" in message and "reco.*_interval" in hint, "reco_schedule says that it is not there",
           state, message, hint)
        same(session.query("SELECT * FROM reco_unschedule()"), [], "reco_unschedule has nothing to take back")
        ok(more_runs(session, "reindex"), "the timer does a chore at its interval", session.query("SELECT * FROM reco_stat_chore"))
        same(chore(session, "reindex", "last_by, ended, result, error, every, next_run > last_run"),
             ["keeper", "done", "0", "", "00:00:01", "t"], "which can be seen")
        same(chore(session, "reprobe", "runs, last_run, next_run IS NOT NULL"), ["0", "", "t"],
             "one with a longer interval waits for it")
        setting(session, reprobe_interval="1s", reindex_interval="0")
        ok(more_runs(session, "reprobe"), "an interval that is changed counts at once")
        until(lambda: chore(session, "reindex", "done_by") == [""])
        same(chore(session, "reindex", "done_by, every, next_run"), ["", "", ""], "one with interval 0 is nobody's")
        before = runs(session, "reindex")
        ok(keeper_looked(session, "reprobe") and keeper_looked(session, "reprobe"), "others go on")
        same(runs(session, "reindex"), before, "and it is not done")

        relearning(session)
        failing(session)
        by_hand(session)
        indexes(session)
        reprobing(session, emulator)


def relearning(session):
    """The lexicon is rebuilt where the catalogue has changed, and only there."""
    setting(session, learn_interval="1s")
    ok(more_runs(session, "learn"), "the lexicon is learned again")
    ok(until(lambda: chore(session, "learn", "result, ended") == ["unchanged", "done"]),
       "where nothing has changed there is nothing to do", chore(session, "learn", "*"))
    session.query("UPDATE reco.track SET tags = tags || 'quxic'::text WHERE track_id IN"
                  " (SELECT track_id FROM reco.track ORDER BY 1 LIMIT 20)")
    ok(until(lambda: session.value("SELECT count(*) FROM reco.mood_term WHERE term = 'quxic' AND source = 'learned'") == "1"),
       "a label that was written by hand is learned")


def failing(session):
    """A chore that fails: the keeper's, and one by hand."""
    session.query("ALTER TABLE reco.mood_term RENAME TO elsewhere")
    session.query("UPDATE reco.track SET tags = tags || 'quuxic'::text WHERE track_id IN"
                  " (SELECT track_id FROM reco.track ORDER BY 1 LIMIT 20)")
    ok(until(lambda: chore(session, "learn", "ended") == ["failed"]), "a chore that fails is shown as failed",
       chore(session, "learn", "*"))
    ok("mood_term" in chore(session, "learn", "error")[0], "with its error", chore(session, "learn", "error"))
    ok(says(session, "warning", "learn", "failed"), "reco_doctor says so", doctor(session))
    ok(more_runs(session, "reprobe"), "others are done meanwhile")
    setting(session, learn_interval="1d")
    keeper_looked(session, "reprobe")
    session.query("UPDATE reco.chore SET ended = NULL, error = NULL WHERE chore = 'learn'")
    before = int(chore(session, "learn", "failures")[0])
    same(session.error("SELECT reco_chore('learn')"), "42P01", "by hand it fails as well")
    ok(until(lambda: chore(session, "learn", "ended, last_by") == ["failed", "hand"]), "and that outlives the transaction",
       chore(session, "learn", "*"), before)
    # in one transaction, so that the keeper does not come before
    session.query("BEGIN")
    session.query("ALTER TABLE reco.elsewhere RENAME TO mood_term")
    ok(int(session.value("SELECT reco_chore('learn')")) > 0, "mended, it is done")
    session.query("COMMIT")
    same(chore(session, "learn", "ended, last_by, took_ms > 0"), ["done", "hand", "t"], "which is noted")


def by_hand(session):
    """Each chore is a function that a person may call."""
    same(told(session, "SELECT reco_chore('dishes')")[0], "22023", "one that does not exist is an error")
    for n in range(8):
        session.query(f"SELECT count(*) FROM reco_generate('ana', 'calm {n}', 5, options => '{{\"seed\": {n}}}')")
    session.query("SELECT reco_trim_history()")
    ok(int(session.value("SELECT count(*) FROM reco.run")) <= 5, "reco_trim_history bounds the records of runs")
    until(lambda: session.value("SELECT count(*) FROM reco.run") == "5")
    setting(session, history_interval="1d")
    ok(keeper_looked(session, "reprobe"), "with a long interval")
    setting(session, run_history="2")
    ok(keeper_looked(session, "reprobe") and keeper_looked(session, "reprobe"), "and a new limit")
    same(session.value("SELECT count(*) FROM reco.run"), "5", "the keeper leaves the records alone while none comes")
    setting(session, history_interval="1s")
    ok(until(lambda: session.value("SELECT count(*) FROM reco.run") == "2"), "with a short one it looks")
    same(chore(session, "history", "last_by, ended"), ["keeper", "done"], "and says so")
    session.query("SET application_name = 'pg_cron'")
    session.query("BEGIN")
    session.query("SELECT reco_chore('reprobe')")
    same(chore(session, "reprobe", "last_by"), ["pg_cron"], "who connects as pg_cron does is taken for it")
    session.query("COMMIT")
    session.query("RESET application_name")
    setting(session, expire_interval="1d")
    ok(keeper_looked(session, "reprobe"), "with a long interval again")
    session.query("INSERT INTO reco.cache (category, key, value, fetched_at, fresh_until, usable_until)"
                  " SELECT 'search', 'old ' || n || chr(31) || 'x', '{}', now() - interval '2 d', now() - interval '2 d',"
                  " now() - interval '1 d' FROM generate_series(1, 100) AS n")
    session.query("INSERT INTO reco.cache (category, key, value, fetched_at, fresh_until, usable_until)"
                  " SELECT 'search', 'new ' || n || chr(31) || 'x', '{}', now(), now() + interval '1 d',"
                  " now() + interval '1 d' FROM generate_series(1, 100) AS n")
    ok(keeper_looked(session, "reprobe"), "some time later")
    same(session.value("SELECT count(*) FROM reco.cache WHERE key LIKE 'old %'"), "100", "what has expired is there yet")
    session.query("SELECT reco_expire()")
    same(session.value("SELECT count(*) FROM reco.cache WHERE category = 'search'"), "100", "reco_expire deletes what is over")
    session.query("UPDATE reco.cache SET usable_until = now(), fresh_until = now() WHERE key IN"
                  " (SELECT key FROM reco.cache WHERE category = 'search' LIMIT 10)")
    setting(session, expire_interval="1s")
    ok(until(lambda: session.value("SELECT count(*) FROM reco.cache WHERE category = 'search'") == "90"),
       "with a short interval the keeper does")
    session.query("UPDATE reco.cache_policy SET max_entries = 40 WHERE category = 'search'")
    session.query("SELECT reco_expire()")
    ok(int(session.value("SELECT count(*) FROM reco.cache WHERE category = 'search'")) <= 40, "and what is too much")
    before = session.value("SELECT max(taken_at) FROM reco_snapshot_stats")
    ok(until(lambda: session.error("SELECT reco_snapshot()") is None), "reco_snapshot takes one")
    ok(session.value(f"SELECT max(taken_at) IS DISTINCT FROM nullif('{before}', '')::timestamptz FROM reco_snapshot_stats") == "t",
       "now")
    ok(int(session.value("SELECT sum(entries) FROM reco.snapshot WHERE category = 'search'")) > 0, "with what there is")


def indexes(session):
    """Advice on indexes, and nothing but advice."""
    same(session.query("SELECT * FROM reco_reindex_advice(0)"), [], "new indexes need no rebuilding")
    session.query("INSERT INTO reco.listen (user_id, track_id, at) SELECT 'bloat' || n, 't', now() FROM generate_series(1, 60000) AS n")
    session.query("DELETE FROM reco.listen WHERE user_id LIKE 'bloat%' AND listen_id % 50 <> 0")
    session.query("VACUUM ANALYZE reco.listen")
    rows = session.query("SELECT index, wasted_bytes > 1000000, statement FROM reco_reindex_advice(1000000)")
    ok(["reco.listen_pkey", "t", "REINDEX INDEX CONCURRENTLY reco.listen_pkey;"] in rows, "one that is bloated is named, with the statement", rows)
    before = session.value("SELECT pg_relation_filenode('reco.listen_pkey')")
    setting(session, reindex_interval="1s")
    ok(until(lambda: chore(session, "reindex", "ended")[0] == "done" and more_runs(session, "reindex")), "the chore looks")
    same(session.value("SELECT pg_relation_filenode('reco.listen_pkey')"), before, "and rebuilds none")
    session.query("REINDEX INDEX CONCURRENTLY reco.listen_pkey")
    session.query("VACUUM ANALYZE reco.listen")
    rows = session.query("SELECT index FROM reco_reindex_advice(1000000)")
    ok(["reco.listen_pkey"] not in rows, "rebuilt, it is not named any more", rows)
    session.query("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'reco.job_finished_idx'::regclass")
    ok(any("job_finished_idx" in row[2] and row[0] == "warning" for row in doctor(session, "index")),
       "reco_doctor names one that is invalid", doctor(session, "index"))
    session.query("UPDATE pg_index SET indisvalid = true WHERE indexrelid = 'reco.job_finished_idx'::regclass")


def reprobing(session, emulator):
    """What a service was found to refuse is asked for anew."""
    refused = "SELECT refused_endpoints FROM reco_stat_upstream WHERE kind = 'spotify'"
    setting(session, reprobe_interval="0")
    keeper_looked(session)
    connect_services(session, emulator)
    tracks = known_tracks(emulator, 15)
    session.query(resolve("track_facts", tracks[:5]))
    emulator.config(preset="dev-2026")
    session.query(resolve("track_facts", tracks[5:10]))
    if not ok(until(lambda: session.value(refused) not in (None, "{}"), 10), "an endpoint is found to be closed",
              session.query("SELECT * FROM reco_stat_upstream")):
        return
    emulator.config(preset="extended")
    ok(until(lambda: session.value("SELECT count(*) FROM reco.limit_state WHERE array_to_string(refused_until, '') <> ''")
             == "1"), "which is written")
    same(session.value("SELECT reco_reprobe()"), "1", "reco_reprobe tells of how many upstreams something was known")
    ok(until(lambda: session.value(refused) == "{}", 10), "and forgets it", session.value(refused))
    ok(until(lambda: session.value("SELECT count(*) FROM reco.limit_state WHERE array_to_string(refused_until, '') <> ''")
             == "0"), "in the table, too")
    session.query(resolve("track_facts", tracks[10:15]))
    same(session.value(refused), "{}", "what is open by now is used again")


def jobs(session, where="true"):
    """What pg_cron has of ours."""
    return session.query(f"SELECT jobname, schedule, command, database, username, active FROM cron.job WHERE {where} ORDER BY jobname")


def with_cron():
    """With the real pg_cron, in this database and in another one."""
    with Cluster(*FAST, "cron.database_name = 'postgres'", "cron.use_background_workers = on", "reco.reprobe_interval = '1s'",
                 "reco.reindex_interval = '1s'", preload="pg_cron,reco") as cluster:
        session = cluster.session()
        session.query("CREATE EXTENSION reco CASCADE")
        session.query("SELECT reco_demo_catalogue(500)")
        session.query(TOLD)
        state, message, hint = told(session, "SELECT * FROM reco_schedule()")
        ok(state == "55000" and "CREATE EXTENSION pg_cron" in hint, "where the extension is not made, that is said", state, message)
        session.query("CREATE EXTENSION pg_cron")
        session.query("CREATE DATABASE shop")
        shop = cluster.session("shop")
        shop.query("CREATE EXTENSION reco CASCADE")
        shop.query("SELECT reco_demo_catalogue(500)")
        shop.query(TOLD)
        registering(session, session, "postgres")
        registering(shop, session, "shop")
        malformed(session, session)
        malformed(shop, session)
        for one in (session, shop):
            one.query("SELECT * FROM reco_schedule(warm => NULL, prewarm => NULL, learn => '* * * * *', reprobe => NULL, reindex => NULL)")
        never_both(session)
        never_both(shop)
        rights(cluster, session, session, "postgres")
        rights(cluster, shop, session, "shop")
        for name, one in (("postgres", session), ("shop", shop)):
            ok(until(lambda: chore(one, "learn", "last_by, ended") == ["pg_cron", "done"], 150),
               f"{name}: pg_cron does it when it is time", one.query("SELECT * FROM reco_stat_chore"),
               session.query("SELECT * FROM cron.job_run_details"))
            ok(int(one.value("SELECT count(*) FROM reco.mood_term WHERE source = 'learned'")) > 0, f"{name}: really")
        by_hand_in_cron(session, shop)
        shop.close()
        renamed(cluster, session)
        gone(cluster, session)


def registering(session, cron, database):
    """Registers, again, and takes back."""
    rows = session.query("SELECT * FROM reco_schedule(expire => '* * * * *')")
    same([row[0] for row in rows], ["warm", "prewarm", "learn", "expire", "reprobe", "reindex"], f"{database}: reco_schedule says what it registered")
    expected = sorted([f"reco {row[0]}: {database}", row[1], row[2], database, "postgres", "t"] for row in rows)
    same(jobs(cron, f"database = '{database}'"), expected, "which is what pg_cron has")
    same(session.query("SELECT chore, schedule, jobid FROM reco_stat_chore WHERE done_by = 'pg_cron'"),
         [[row[0], row[1], row[3]] for row in rows], "and the view")
    ok(len({row[1].split()[0] for row in rows if row[0] != "expire"}) == 5, "by default they are spread over the hour", rows)
    same(session.query("SELECT * FROM reco_schedule(expire => '* * * * *')"), rows, "once more, the same")
    same(len(jobs(cron, f"database = '{database}'")), 6, "and no job more")
    changed = session.query("SELECT * FROM reco_schedule(NULL, NULL, NULL, '*/7 * * * *', reprobe => NULL, reindex => NULL)")
    same([row[:2] + row[3:] for row in changed], [["expire", "*/7 * * * *", rows[3][3]]], "one alone can be changed")
    same(session.value("SELECT schedule FROM reco_stat_chore WHERE chore = 'learn'"), rows[2][1], "others stay as they are")
    ok(says(session, "ok", "pg_cron does expire, learn, prewarm, reindex, reprobe, warm"), "reco_doctor is content", doctor(session))
    session.query("BEGIN")
    same(session.query("SELECT chore FROM reco_unschedule('expire')"), [["expire"]], "one can be taken back")
    session.query("COMMIT")
    same(chore(session, "expire", "done_by"), ["keeper"], "it is the keeper's then")
    same([row[0] for row in session.query("SELECT * FROM reco_unschedule()")], ["warm", "prewarm", "learn", "reprobe", "reindex"], "or all")
    same(jobs(cron, f"database = '{database}'"), [], "pg_cron has none")
    same(session.query("SELECT * FROM reco_unschedule()"), [], "nor has anything to be taken back again")
    if database == cron.value("SELECT current_database()"):
        session.query("BEGIN")
        session.query("SELECT reco_schedule()")
        session.query("ROLLBACK")
        same(jobs(cron), [], "one that is rolled back is not registered")


def malformed(session, cron):
    before = jobs(cron)
    for schedule in ("every day", "61 * * * *", "* * * *", "", "   ", "x" * 300):
        state, message, hint = told(session, f"SELECT * FROM reco_schedule(learn => {literal(schedule)})")
        ok(state == "22023" and "learn" in message and "five fields" in hint, f"'{schedule[:10]}' is no schedule", state, message, hint)
    same(jobs(cron), before, "nothing of that call is registered")
    same(session.query("SELECT chore FROM reco_stat_chore WHERE done_by = 'pg_cron'"), [], "nor noted")


def never_both(session):
    """The keeper's timer lets go of what pg_cron has."""
    ok(more_runs(session, "reprobe"), "the keeper does it")
    session.query("SELECT * FROM reco_schedule(warm => NULL, prewarm => NULL, learn => NULL, reprobe => '0 0 1 1 *', reindex => NULL)")
    before = runs(session, "reprobe")
    ok(keeper_looked(session) and keeper_looked(session), "the keeper does others")
    same(runs(session, "reprobe"), before, "not what was registered, from the commit on")
    same(chore(session, "reprobe", "done_by, schedule, every, next_run"), ["pg_cron", "0 0 1 1 *", "", ""], "as the view has it")
    same(session.value("SELECT reco_chore('reprobe')"), "0", "by hand it can be done")
    session.query("SELECT * FROM reco_unschedule('reprobe')")
    ok(more_runs(session, "reprobe"), "taken back, it is the keeper's again")
    # of those that it does as it goes
    session.query("SELECT * FROM reco_schedule(warm => NULL, prewarm => NULL, learn => NULL, expire => '0 0 1 1 *', reprobe => NULL, reindex => NULL)")
    # what it does as it goes is not looked at under a lock, but every two seconds
    ok(keeper_looked(session) and keeper_looked(session), "the keeper has seen it")
    session.query("INSERT INTO reco.cache (category, key, value, fetched_at, fresh_until, usable_until)"
                  " VALUES ('search', 'old' || chr(31) || 'x', '{}', now(), now(), now())")
    ok(keeper_looked(session) and keeper_looked(session), "some time later")
    setting(session, expire_interval="1s")
    ok(keeper_looked(session) and keeper_looked(session), "and at a short interval")
    same(session.value("SELECT count(*) FROM reco.cache WHERE key LIKE 'old%'"), "1", "what has expired is pg_cron's, too")
    session.query("SELECT * FROM reco_unschedule('expire')")
    ok(until(lambda: session.value("SELECT count(*) FROM reco.cache WHERE key LIKE 'old%'") == "0"), "then the keeper's")
    session.query("ALTER SYSTEM RESET reco.expire_interval")
    session.query("SELECT pg_reload_conf()")


def rights(cluster, session, cron, database):
    """A role that may do only so much."""
    role, other = f"app_{database}", f"other_{database}"
    for name in (role, other):
        session.query(f"CREATE ROLE {name} LOGIN")
    plain = cluster.session(database, role)
    call = "SELECT * FROM reco_schedule(warm => NULL, prewarm => NULL, learn => NULL, reprobe => NULL, reindex => '0 0 1 1 *')"
    same(plain.error(call), "42501", f"{database}: nobody may, at first")
    session.query(f"GRANT EXECUTE ON FUNCTION reco_schedule, reco_unschedule TO {role}, {other}")
    session.query(f"GRANT EXECUTE ON FUNCTION told TO {role}, {other}")
    state, message, hint = told(plain, call)
    ok(state == "42501" and "GRANT EXECUTE ON FUNCTION" in hint, "who may not do the chore may not register it", state, message, hint)
    session.query(hint.replace(f"TO {role}", f"TO {role}, {other}"))
    state, message, hint = told(plain, call)
    ok(state == "42501" and "SCHEMA cron" in hint, "nor who may not use pg_cron", state, message, hint)
    for statement in hint.split(": ", 1)[1].strip(" ;").split(";"):
        cron.query(statement)
    rows = plain.query(call)
    same([row[0] for row in rows], ["reindex"], "what the hints say suffices")
    same([row[4] for row in jobs(cron, f"jobname = 'reco reindex: {database}'")], [role], "the job runs as that role")
    thief = cluster.session(database, other)
    cron.query(f"GRANT USAGE ON SCHEMA cron TO {other}")
    cron.query(f"GRANT EXECUTE ON FUNCTION cron.schedule_in_database TO {other}")
    state, message, hint = told(thief, call)
    ok(state == "42501" and role in message and hint, "another role may not take it over", state, message, hint)
    same(thief.error("SELECT reco_unschedule('reindex')"), "42501", "nor take it back")
    session.query(call)
    same([row[4] for row in jobs(cron, f"jobname = 'reco reindex: {database}'")], ["postgres"],
         "a superuser may: then it is the superuser's, and there is one")
    session.query("SELECT reco_unschedule('reindex')")
    session.query(f"CREATE ROLE nologin_{database} SUPERUSER NOLOGIN")
    session.query(f"SET ROLE nologin_{database}")
    state, message, hint = told(session, call)
    ok(state == "28000" and "LOGIN" in hint, "a role that cannot log in cannot have jobs", state, message, hint)
    session.query("RESET ROLE")
    plain.close()
    thief.close()


def by_hand_in_cron(session, shop):
    """Jobs that somebody changes in pg_cron."""
    for one, database in ((session, "postgres"), (shop, "shop")):
        one.query("SELECT reco_schedule(warm => NULL, prewarm => NULL, learn => '1 1 1 1 *', reprobe => '2 2 2 2 *', reindex => '3 3 3 3 *')")
        session.query(f"SELECT cron.unschedule(jobid) FROM cron.job WHERE jobname = 'reco learn: {database}'")
        session.query(f"SELECT cron.alter_job(jobid, active => false) FROM cron.job WHERE jobname = 'reco reprobe: {database}'")
        session.query(f"SELECT cron.alter_job(jobid, schedule => '4 4 4 4 *') FROM cron.job WHERE jobname = 'reco reindex: {database}'")
        ok(says(one, "error", '"learn"', "is gone", "reco_schedule(learn => '1 1 1 1 *')"),
           f"{database}: reco_doctor tells of a job that was removed", doctor(one))
        ok(says(one, "error", '"reprobe"', "is not active"), "of one that was switched off", doctor(one))
        ok(says(one, "warning", "reindex", "was changed"), "of one that was changed", doctor(one))
        one.query("SELECT reco_schedule(warm => NULL, prewarm => NULL, learn => '1 1 1 1 *', reprobe => '2 2 2 2 *', reindex => '3 3 3 3 *')")
        same([row[0] for row in doctor(one) if row[0] != "ok"], [], "registered again, all is well")
        same([row[5] for row in jobs(session, f"database = '{database}'")], ["t"] * 3, "and active")


def renamed(cluster, session):
    """The other database gets another name."""
    ok(until(lambda: session.error("ALTER DATABASE shop RENAME TO store") is None), "a database gets another name")
    store = cluster.session("store")
    ok(says(store, "warning", 'called "shop"'), "reco_doctor says that its jobs are for the old one", doctor(store))
    ok(more_runs(store, "reprobe"), "the keeper does its chores")
    store.query("SELECT reco_schedule(warm => NULL, prewarm => NULL, learn => '1 1 1 1 *', reprobe => '2 2 2 2 *', reindex => '3 3 3 3 *')")
    same([row[0] for row in jobs(session, "database IN ('shop', 'store')")],
         ["reco learn: store", "reco reindex: store", "reco reprobe: store"], "registered again, the old jobs are gone")
    same([row[0] for row in doctor(store) if row[0] != "ok"], [], "and all is well")
    store.close()


def gone(cluster, session):
    """pg_cron goes: the extension, then the library."""
    session.query("DROP EXTENSION pg_cron")
    ok(says(session, "warning", "is not here any more"), "reco_doctor says that the extension is gone", doctor(session))
    ok(more_runs(session, "reprobe"), "the keeper does the chores")
    store = cluster.session("store")
    ok(any("not installed" in row[1] for row in doctor(store) if row[0] == "warning"),
       "in another database it says where it is missing", doctor(store))
    store.close()
    cluster.configure("shared_preload_libraries = 'reco'")
    cluster.stop()
    cluster.start()
    store = cluster.session("store")
    ok(says(store, "warning", "not preloaded"), "without the library reco_doctor says so", doctor(store))
    ok(until(lambda: chore(store, "reprobe", "done_by") == ["keeper"]) and more_runs(store, "reprobe"), "and the keeper does them")
    same(store.query("SELECT chore FROM reco_unschedule()"), [["learn"], ["reprobe"], ["reindex"]], "they can be taken back without it")
    same([row[0] for row in doctor(store) if row[0] != "ok"], [], "then all is well")
    ok("PANIC" not in cluster.log_text() and "terminated by signal" not in cluster.log_text(), "nothing crashed")


def main():
    with Emulator("--preset", "extended", "--latency", "none") as emulator:
        timer(emulator)
    if installed("pg_cron"):
        with_cron()
    else:
        skip("chores of pg_cron", "pg_cron is not installed for this server")
    done()


main()
