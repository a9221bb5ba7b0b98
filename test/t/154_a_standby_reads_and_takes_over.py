#!/usr/bin/env python3
"""Claim: on a hot standby each function and view does what the documentation says, and a promoted one has the memory.

Every function and view of the extension has an entry in the table below, or the test
fails: what reads works, what writes is refused with 0A000 and a hint. Lists are kept in
the standby's shared memory; a table that is logged is read there. After a promotion the
tables are what the last snapshot held, and what they know needs no call.
"""
import re
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from cluster import Cluster, Standby, connect_services, known_tracks, resolve  # noqa: E402
from emulator import Emulator  # noqa: E402
from reco_tap import Lost, call, done, literal, ok, same, until  # noqa: E402

IDS, ANSWERS, ASKED = 100000, 5000, 60
SETTINGS = ("reco.keeper_interval = '50ms'", "reco.cache = on", "reco.result_cache = on", "reco.snapshot_interval = '1s'",
            "max_wal_size = 2GB", "autovacuum = off")
WRITES = "0A000"
# what each does on a standby: a statement that works, a statement that is refused (a
# pair), or None: only PostgreSQL calls it
FUNCTIONS = {
    "reco_generate(text,text,integer,interval,jsonb)": "SELECT count(*) FROM reco_generate('ana', 'calm', 5)",
    "reco_generate_json(text,text,integer,interval,jsonb)": "SELECT reco_generate_json('ana', 'calm', 5)",
    "reco_rank(text,text,integer,jsonb)": "SELECT count(*) FROM reco_rank('ana', 'calm', 5)",
    "reco_explain(text,text,integer,interval,jsonb)": "SELECT count(*) FROM reco_explain('ana', 'calm', 5)",
    "reco_explain_run(bigint)": "SELECT reco_explain_run((SELECT max(run_id) FROM reco_run))",
    "reco_run_tracks(bigint)": "SELECT count(*) FROM reco_run_tracks((SELECT max(run_id) FROM reco_run))",
    "reco_mood(text)": "SELECT reco_mood('calm')",
    "reco_resolve(text,text[],interval,text,text)": "SELECT count(*) FROM reco_resolve('track_search', '{calm}')",
    "reco_doctor(interval)": "SELECT count(*) FROM reco_doctor()",
    "reco_stat_reset()": "SELECT reco_stat_reset()",
    "reco_listen(text,text,timestamp with time zone)": (WRITES, "SELECT reco_listen('ana', 't')"),
    "reco_feedback(text,text,text)": (WRITES, "SELECT reco_feedback('ana', 't', 'like')"),
    "reco_connect_user(text,text,text)": (WRITES, "SELECT reco_connect_user('ana', 'token')"),
    "reco_disconnect_user(text,text)": (WRITES, "SELECT reco_disconnect_user('ana')"),
    "reco_catalogue_import(regclass)": (WRITES, "SELECT reco_catalogue_import('reco.artist')"),
    "reco_demo_catalogue(integer,integer)": (WRITES, "SELECT reco_demo_catalogue(10)"),
    "reco_learn_moods()": (WRITES, "SELECT reco_learn_moods()"),
    "reco_generate_async(text,text,integer,interval,jsonb)": (WRITES, "SELECT reco_generate_async('ana', 'calm')"),
    "reco_warm_popular_moods(text,integer)": (WRITES, "SELECT reco_warm_popular_moods()"),
    "reco_prewarm(timestamp with time zone)": (WRITES, "SELECT reco_prewarm()"),
    "reco_job(bigint)": ("42704", "SELECT * FROM reco_job(1)"),
    "reco_job_cancel(bigint)": (WRITES, "SELECT reco_job_cancel(1)"),
    "reco_prefetch(text)": (WRITES, "SELECT reco_prefetch('ana')"),
    "reco_expire()": (WRITES, "SELECT reco_expire()"),
    "reco_snapshot()": (WRITES, "SELECT reco_snapshot()"),
    "reco_trim_history()": (WRITES, "SELECT reco_trim_history()"),
    "reco_reprobe()": (WRITES, "SELECT reco_reprobe()"),
    "reco_reindex_advice(bigint)": "SELECT count(*) FROM reco_reindex_advice()",
    "reco_chore(text)": (WRITES, "SELECT reco_chore('reindex')"),
    "reco_schedule(text,text,text,text,text,text,text,text)": (WRITES, "SELECT * FROM reco_schedule()"),
    "reco_unschedule(text)": (WRITES, "SELECT * FROM reco_unschedule()"),
    "reco.stat_chore()": "SELECT count(*) FROM reco.stat_chore()",
    "reco_cache_invalidate(text,text,text)": (WRITES, "SELECT reco_cache_invalidate()"),
    "reco_deny(text[],text[],jsonb,interval,text)": (WRITES, "SELECT reco_deny('{4uLU6hMCjMI75M1A2tKUQC}')"),
    "reco_allow(text[],text[],jsonb,text)": (WRITES, "SELECT reco_allow(deny_key => 'a')"),
    "reco_upstream_validator(text[],oid)": None,
    "reco.new_id()": "SELECT reco.new_id()",
    "reco.fold(text)": "SELECT reco.fold('Ünï')",
    "reco.prompt_key(text)": "SELECT reco.prompt_key('calm')",
    "reco.derive()": None,
    "reco.derive_term()": None,
    "reco.note_change()": None,
    "reco.note_denial()": None,
    "reco.note_listener()": None,
    "reco.note_policy()": None,
    "reco.note_popular_mood()": None,
    "reco.note_popular_moods()": None,
    "reco.note_popular_role()": None,
    "reco.stat_upstream()": "SELECT count(*) FROM reco.stat_upstream()",
    "reco.stat_wish()": "SELECT count(*) FROM reco.stat_wish()",
    "reco.stat_worker()": "SELECT count(*) FROM reco.stat_worker()",
    "reco.stat_gateway()": "SELECT count(*) FROM reco.stat_gateway()",
    "reco.stat_cache()": "SELECT count(*) FROM reco.stat_cache()",
    "reco.stat_memory()": "SELECT count(*) FROM reco.stat_memory()",
    "reco.stat_stage()": "SELECT count(*) FROM reco.stat_stage()",
    "reco.stat_wish()": "SELECT count(*) FROM reco.stat_wish()",
    "reco.run_lately()": "SELECT count(*) FROM reco.run_lately()",
    "reco.stat_id_registry()": "SELECT count(*) FROM reco.stat_id_registry()",
    "reco.stat_deny_list()": "SELECT count(*) FROM reco.stat_deny_list()",
}
# what a view shows where the tables are unlogged
VIEWS = {
    "reco_stat_upstream": "SELECT count(*) >= 0 FROM reco_stat_upstream",
    "reco_stat_worker": "SELECT count(*) > 0 FROM reco_stat_worker",
    "reco_stat_gateway": "SELECT slots > 0 FROM reco_stat_gateway",
    "reco_stat_memory": "SELECT count(*) > 0 FROM reco_stat_memory",
    "reco_stat_stage": "SELECT count(*) >= 0 FROM reco_stat_stage",
    "reco_run": "SELECT count(*) > 0 FROM reco_run",
    "reco_stat_job": "SELECT count(*) >= 0 FROM reco_stat_job",
    "reco_stat_prewarm": "SELECT count(*) >= 0 FROM reco_stat_prewarm",
    "reco_stat_chore": "SELECT bool_and(done_by IS NULL) FROM reco_stat_chore",
    "reco_cache_stats": "SELECT bool_and(entries IS NULL AND fresh IS NOT NULL) FROM reco_cache_stats",
    "reco_id_registry_stats": "SELECT validated IS NULL AND missing IS NULL FROM reco_id_registry_stats",
    "reco_deny_list": "SELECT count(*) = 0 FROM reco_deny_list",
    "reco_learn_stats": "SELECT count(*) = 1 FROM reco_learn_stats",
    "reco_snapshot_stats": "SELECT bool_and(entries > 0 AND taken_at IS NOT NULL AND NOT logged) FROM reco_snapshot_stats",
}


def members(session, catalogue, kinds):
    """What belongs to the extension, by name."""
    if catalogue == "pg_proc":
        return [row[0] for row in session.query(
            "SELECT p.oid::regprocedure FROM pg_depend AS d JOIN pg_proc AS p ON p.oid = d.objid WHERE d.deptype = 'e'"
            " AND d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_extension'::regclass AND d.refobjid ="
            " (SELECT oid FROM pg_extension WHERE extname = 'reco') ORDER BY 1")]
    return [row[0] for row in session.query(
        "SELECT c.oid::regclass FROM pg_depend AS d JOIN pg_class AS c ON c.oid = d.objid WHERE d.deptype = 'e'"
        f" AND d.classid = 'pg_class'::regclass AND c.relkind IN ({kinds}) AND d.refclassid = 'pg_extension'::regclass"
        " AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'reco') ORDER BY 1")]


def refusal(session, statement):
    """SQLSTATE and hint of a statement, by a block that tells them as its error."""
    session.error(f"DO $x$ DECLARE state text; hint text; BEGIN EXECUTE {literal(statement)};"
                  " RAISE EXCEPTION 'it works'; EXCEPTION WHEN OTHERS THEN GET STACKED DIAGNOSTICS"
                  " state = RETURNED_SQLSTATE, hint = PG_EXCEPTION_HINT; RAISE EXCEPTION '%|%', state, hint; END $x$")
    return session.value("SELECT :'LAST_ERROR_MESSAGE'")


def check_functions(primary, standby):
    functions = members(primary, "pg_proc", None)
    same(sorted(functions), sorted(FUNCTIONS), "every function has an entry")
    for name in functions:
        entry = FUNCTIONS.get(name)
        if isinstance(entry, tuple):
            state, hint = refusal(standby, entry[1]).split("|", 1)
            same((state, bool(hint)), (entry[0], True), f"{name} is refused, with a hint")
        elif entry:
            ok(standby.error(entry) is None, f"{name} works", standby.value("SELECT :'LAST_ERROR_MESSAGE'"))
    views = members(primary, "pg_class", "'v', 'm'")
    same(sorted(views), sorted(VIEWS), "every view has an entry")
    for name in views:
        same(standby.value(VIEWS.get(name, "SELECT 'f'")), "t", f"{name} shows what it can")
    # what is unlogged, so that a new table is not forgotten either
    same(primary.query("SELECT relname FROM pg_class WHERE relnamespace = 'reco'::regnamespace AND relkind = 'r'"
                       " AND relpersistence = 'u' ORDER BY 1"), [["alive"], ["cache"], ["deny_list"], ["id_registry"]],
         "these tables are unlogged")
    same(standby.error("SELECT count(*) FROM reco.cache"), "0A000", "they cannot be read there")


def ask(session, user, prompt):
    rows = session.query("SELECT DISTINCT run_id, origin FROM " + call(user, prompt, 5, function="reco_generate"))
    return rows[0][0], sorted({row[1] for row in rows})


def check_lists(primary, standby, replica):
    run, origin = ask(standby, "ana", "rainy evening")
    same(origin, ["local"], "a question on the standby makes a list")
    same(ask(standby, "ana", "rainy evening"), (run, ["cached"]), "which is given again, from shared memory")
    same(ask(replica.session(), "ana", "an evening, rainy"), (run, ["cached"]), "to others, too")
    primary.query("SELECT reco_feedback('ana', (SELECT track_id FROM reco.track LIMIT 1), 'skip')")
    replica.caught_up(standby)
    ok(ask(standby, "ana", "rainy evening")[0] != run, "until a judgement arrives from the primary")
    # nothing of it is written, and nothing of it needs to be
    same(standby.value("SELECT pg_is_in_recovery()"), "t", "it is still a standby")


def check_logged(cluster, primary, standby, replica):
    """A table that is logged is read on the standby."""
    run, _ = ask(primary, "zoe", "slow acoustic morning")
    primary.query("ALTER SYSTEM SET reco.logged_tables = 'cache, deny_list, id_registry'")
    primary.query("SELECT pg_reload_conf()")
    ok(until(lambda: primary.value("SELECT bool_and(logged) FROM reco_snapshot_stats") == "t"), "the tables are made logged")
    until(lambda: primary.value("SELECT sum(unwritten) FROM reco_cache_stats") == "0")
    key = primary.value("SELECT reco_deny('{4uLU6hMCjMI75M1A2tKUQC}')")
    replica.caught_up(standby)
    same(ask(standby, "zoe", "slow acoustic morning"), (run, ["cached"]), "a list of the primary's is given by the standby")
    same(standby.value(f"SELECT by_hand FROM reco_deny_list WHERE deny_key = {literal(key)}"), "t", "the deny list is shown there")
    same(standby.query("SELECT entries FROM reco_cache_stats WHERE category IN ('ids', 'result') ORDER BY category")[0],
         [primary.value("SELECT count(*) FROM reco.id_registry")], "and the tables are counted")
    same(standby.value("SELECT validated + missing FROM reco_id_registry_stats"),
         primary.value("SELECT count(*) FROM reco.id_registry"), "the registry, too")
    primary.query("ALTER SYSTEM RESET reco.logged_tables")
    primary.query("SELECT pg_reload_conf()")
    ok(until(lambda: primary.value("SELECT bool_or(logged) FROM reco_snapshot_stats") == "f"), "and unlogged again")
    replica.caught_up(standby)
    same(standby.error("SELECT " + call("zoe", "slow acoustic morning", 5)), None, "which stops nobody on the standby")


def rows(session):
    return {table: {row[0] for row in session.query(f"SELECT md5(t::text) FROM (SELECT {columns} FROM reco.{table}) AS t")}
            for table, columns in (
                ("cache", "category, key, absent, value, fetched_at, fresh_until, usable_until"),
                ("id_registry", "spotify_id, server, reccobeats_id, recorded_as, isrc, fetched_at, fresh_until, usable_until"),
                ("deny_list", "deny_key, server, by_hand, reason, request, denied_at, denied_until"))}


def fill(session):
    session.query("INSERT INTO reco.id_registry (spotify_id, server, reccobeats_id, recorded_as, fresh_until, usable_until)"
                  " SELECT substr(md5(i::text), 1, 22), 'https://api.example/v1', md5('r' || i)::uuid, substr(md5(i::text), 1, 22),"
                  f" now() + interval '30 days', now() + interval '60 days' FROM generate_series(1, {IDS}) AS i")
    session.query("INSERT INTO reco.cache (category, key, value, fresh_until, usable_until)"
                  " SELECT 'tracks', 'i' || i, jsonb_build_array(repeat(md5(i::text), 10 + i % 90))::text,"
                  f" now() + interval '1 day', now() + interval '2 days' FROM generate_series(1, {ANSWERS}) AS i")
    session.query("INSERT INTO reco.deny_list (deny_key, server, reason, request, denied_until) SELECT md5(i::text), 'https://x',"
                  " 'refused', '{}', now() + interval '1 day' FROM generate_series(1, 50) AS i")


def check_promotion(emulator, primary, standby, replica, tracks):
    before = rows(primary)
    run, _ = ask(primary, "kim", "calm evening")
    until(lambda: primary.value("SELECT sum(unwritten) FROM reco_cache_stats") == "0")
    for _ in range(2):
        now = primary.value("SELECT clock_timestamp()")
        until(lambda n=now: primary.value(f"SELECT min(taken_at) > {literal(n)} FROM reco_snapshot_stats") == "t")
    replica.caught_up(standby)
    began = time.monotonic()
    ok(replica.promote(), "the standby is promoted")
    promoted = time.monotonic() - began
    standby = replica.session()
    ok(until(lambda: standby.value("SELECT count(*) FROM reco.alive") == "1", 120), "and restores its tables")
    print(f"# promoted in {promoted:.2f} s, all restored after {time.monotonic() - began:.2f} s")
    after = rows(standby)
    for table, had in before.items():
        share = len(had & after[table]) / len(had)
        ok(share >= 0.95, f"{table}: at least 95 % are there", share)
    told = re.findall(r"reco restored (\d+) rows of id_registry.* in (\d+) ms", replica.log_text())
    same([int(row[0]) for row in told], [len(before["id_registry"])], "the log says so, in one line")
    same(standby.value("SELECT bool_and(restored > 0 AND damaged = 0) FROM reco_snapshot_stats"), "t", "and the view")
    until(lambda: standby.value("SELECT pid FROM reco_stat_worker WHERE worker = 'gateway'") not in (None, ""))
    emulator.reset_counters()
    same({row[0] for row in standby.query(resolve("track_features", tracks, columns="origin"))}, {"cached"}, "answers serve")
    same(emulator.service("reccobeats")["calls"], 0, "without a call")
    same(ask(standby, "kim", "calm evening"), (run, ["cached"]), "a list of the old primary's is given")
    ok(standby.error(FUNCTIONS["reco_listen(text,text,timestamp with time zone)"][1]) is None, "what writes works now")
    now = standby.value("SELECT clock_timestamp()")
    ok(until(lambda: standby.value(f"SELECT min(taken_at) > {literal(now)} FROM reco_snapshot_stats") == "t"),
       "and takes snapshots of its own")


def main():
    with Emulator("--latency", "none", "--preset", "extended") as emulator, Cluster(*SETTINGS) as cluster:
        try:
            primary = cluster.session()
            primary.query("CREATE EXTENSION reco CASCADE")
            primary.query("SELECT reco_demo_catalogue(1000)")
            connect_services(primary, emulator, reccobeats={"rate": "10000/1s", "max_concurrency": "20"},
                             spotify={"rate": "10000/1s", "daily_quota": "100000"})
            tracks = known_tracks(emulator, ASKED)
            primary.query(resolve("track_features", tracks))
            fill(primary)
            ask(primary, "ana", "calm evening")
            ok(until(lambda: int(primary.value("SELECT count(*) FROM reco.run")) > 0), "a run is on record")
            until(lambda: primary.value("SELECT bool_and(entries > 0) FROM reco_snapshot_stats") == "t")
            with Standby(cluster, *SETTINGS, "reco.gateway_on_standby = on") as replica:
                standby = replica.session()
                ok(replica.caught_up(standby), "a standby has caught up")
                check_functions(primary, standby)
                check_lists(primary, standby, replica)
                check_logged(cluster, primary, standby, replica)
                check_promotion(emulator, primary, standby, replica, tracks)
                failed = [line for line in (cluster.log_text() + replica.log_text()).splitlines()
                          if "PANIC" in line or "TRAP" in line]
                same(failed, [], "nothing broke")
        except Lost as lost:
            ok(False, "the servers live", lost, cluster.log_text()[-3000:])
    done()


main()
