#!/usr/bin/env python3
"""Claim: each run of reco_generate is on record, for those who may see it, and no longer than it should be.

Whatever became of the transaction: read-only, rolled back, cancelled. At once, and after a
crash. A record tells what reco_explain told, and gives the list again; a repeated question
has none of its own. A role sees its own runs, pg_monitor all, and two databases never meet.
Rows are bounded by number and age under a flood, a record by size whatever the prompt is.
"""
import os
import re
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from cluster import Cluster, Standby  # noqa: E402
from reco_tap import Lost, SqlError, call, done, literal, ok, same, until  # noqa: E402

UNKNOWN, DENIED, NULL = "42704", "42501", "22004"
ROWS = "rank, track_id, title, artist, album, score, strategy, origin, reason, run_id"


def generate(session, user, prompt, size=5, options=None):
    """The rows of a list, and its run."""
    rows = session.query(f"SELECT {ROWS} FROM " + call(user, prompt, size, options, function="reco_generate"))
    return rows, rows[0][-1]


def explain(session, run):
    return [row[0] for row in session.query(f"SELECT * FROM reco_explain_run({run})")]


def shape(lines):
    """Lines without what differs from run to run: times."""
    return [re.sub(r"(time|start|deadline|busy|waited|between|stages)=[0-9.]+", r"\1=", line) for line in lines]


def sees(session, run):
    return session.value(f"SELECT count(*) FROM reco_run WHERE run_id = {run}") == "1"


def written(session, run, seconds=60):
    return until(lambda: session.value(f"SELECT count(*) FROM reco.run WHERE run_id = {run}") == "1", seconds)


def contents(one, two):
    """What is in a record."""
    options = {"seed": 3, "familiarity": 0.2, "exclude_artists": ["Elif Voss"]}
    prompt = "rainy sunday, calm, not loud, flurb"
    rows, run = generate(one, "ana", prompt, 5, options)
    told = shape(row[0] for row in one.query("SELECT * FROM " + call("ana", prompt, 5, options, function="reco_explain")))
    for where in ("shared memory", "the table"):
        if where == "the table":
            ok(written(one, run), "the keeper writes it")
            one.query("SELECT reco_cache_invalidate()")
        same(shape(explain(two, run)), told, f"{where}: it tells what reco_explain does, in another session, too")
        same(two.query(f"SELECT {ROWS} FROM reco_run_tracks({run})"), rows, f"{where}: the list is what was given")
        record = two.json(f"SELECT to_jsonb(r) FROM reco_run AS r WHERE run_id = {run}")
        same({name: record[name] for name in ("user_id", "prompt", "role", "size", "complete", "missing", "tracks", "live",
                                              "cached", "stale", "local", "options")},
             {"user_id": "ana", "prompt": prompt, "role": "postgres", "size": 5, "complete": True, "missing": [], "tracks": 5,
              "live": 0, "cached": 0, "stale": 0, "local": 5, "options": options}, f"{where}: the view has its figures")
        ok(set(record["stages"]) == {
            "open", "mood", "fetch_top_tracks", "fetch_top_artists", "search_user_tracks", "discover_artists", "select_anchors",
            "build_seed_pool", "user_anchors", "artist_discovery", "seed_based", "rank", "rules", "quality", "order", "keep"}
           and 0 < sum(stage["ms"] for stage in record["stages"].values()) <= record["total_ms"] + 0.1,
           f"{where}: stages with their times", record["stages"], record["total_ms"])
        ok(record["calls"]["artist_tracks"]["keys"] > 10, f"{where}: what was asked", record["calls"])
        same(sum(strategy["delivered"] for strategy in record["strategies"].values()), 5, f"{where}: who found the list")
        ok(0 < record["quality"] <= 1 and abs(record["quality"] - record["quality_parts"]["overall"]) < 1e-6,
           f"{where}: its quality")
    same(one.value("SELECT count(*) FROM reco_run"), "1", "one record is one row, in both places or not")

    one.query("SET reco.artifacts = on")
    generate(one, "kim", "slow jazz")
    _, run = generate(one, "kim", "slow jazz, a bit calmer")
    record = two.json(f"SELECT to_jsonb(r) FROM reco_run AS r WHERE run_id = {run}")
    reused = sum(stage["reused"] for stage in record["stages"].values())
    ok(reused > 0 and record["artifacts"]["mood"] is not None and record["tier"] is None and record["guardrails"] == [],
       "what was reused is in it", record["artifacts"], reused)
    ok(any(line.startswith("Artifacts: of a run") and f"reused {reused}" in line for line in explain(two, run)), "and is told")
    one.query("RESET reco.artifacts")

    before = int(one.value("SELECT count(*) FROM reco_run"))
    _, first = generate(one, "bob", "happy party")
    document = one.json("SELECT " + call("bob", "happy party", 5))
    same([document["answer"], str(document["run_id"])], ["cached", first], "a repeated question has the run of its list")
    _, again = generate(two, "bob", "happy party")
    same([again, int(one.value("SELECT count(*) FROM reco_run")) - before], [first, 1], "and no record of its own")
    ok(len(explain(two, again)) > 20, "so any list that was given can be explained")
    other = one.json("SELECT " + call("bob", "sad songs", 5))["run_id"]
    ok(sees(one, other), "reco_generate_json is on record, too")
    one.query("SELECT count(*) FROM " + call("bob", "calm", 5, function="reco_explain"))
    one.query("SELECT count(*) FROM reco_rank('bob', 'calm', 5)")
    same(int(one.value("SELECT count(*) FROM reco_run")) - before, 2, "reco_explain and reco_rank are not")


def transactions(one, two):
    """Whatever becomes of it."""
    for begin, end in (("BEGIN READ ONLY", "COMMIT"), ("BEGIN", "ROLLBACK"), ("BEGIN ISOLATION LEVEL REPEATABLE READ", "COMMIT"),
                       ("BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY", "ROLLBACK")):
        one.query(begin)
        one.query("SELECT count(*) FROM pg_class")
        _, run = generate(one, "eve", f"calm {begin}")
        ok(sees(two, run), f"{begin}: others see the run before the end")
        ok(len(explain(one, run)) > 20, f"{begin}: and so does the transaction itself")
        one.query(end)
        ok(sees(two, run) and written(two, run), f"{begin}, {end}: it stays")
    one.query("BEGIN")
    one.query("SELECT reco_feedback('eve', 'demo:1:t00001', 'skip')")
    _, run = generate(one, "eve", "calm after a skip")
    one.query("ROLLBACK")
    ok(written(two, run), "a transaction that wrote, and was rolled back, is on record")

    # the snapshot is older than the record's row, whose entry then leaves the buffer
    one.query("BEGIN ISOLATION LEVEL REPEATABLE READ")
    one.query("SELECT count(*) FROM pg_class")
    _, run = generate(two, "eve", "calm for an old snapshot")
    written(two, run)
    ok(len(explain(one, run)) > 20, "a run that is younger than the snapshot can be explained")
    one.query("COMMIT")

    one.send("SELECT g.run_id, pg_sleep(600) FROM " + call("eve", "calm, and cancelled", 1, function="reco_generate") + " AS g")
    ok(until(lambda: two.value("SELECT count(*) FROM reco_run WHERE prompt = 'calm, and cancelled'") == "1", 60),
       "a run is on record while its query goes on")
    two.query(f"SELECT pg_cancel_backend({one.pid})")
    try:
        one.wait()
        ok(False, "it is cancelled")
    except SqlError as error:
        same(error.sqlstate, "57014", "it is cancelled")
    run = two.value("SELECT run_id FROM reco_run WHERE prompt = 'calm, and cancelled'")
    ok(written(two, run), "and stays on record")

    # what waits for the keeper is no answer: an invalidation leaves it alone
    one.query("BEGIN")
    one.query("SELECT reco_cache_invalidate()")
    _, run = generate(two, "eve", "calm while the keeper waits")
    one.query("SELECT reco_cache_invalidate()")
    one.query("SELECT reco_cache_invalidate(user_id => 'eve')")
    same([sees(two, run), two.value(f"SELECT count(*) FROM reco.run WHERE run_id = {run}")], [True, "0"],
         "an invalidation leaves records that wait to be written")
    one.query("COMMIT")
    ok(written(two, run), "and they are written after it")


def sizes(one, two):
    long = "calm " + "very calm indeed " * 60000
    one.query("SET reco.result_cache = off")
    one.query(f"CREATE TEMP TABLE long AS SELECT {literal(long)} AS prompt")
    run = one.value("SELECT DISTINCT run_id FROM long, reco_generate('ana', prompt, 100, options => jsonb_build_object("
                    "'negative_tracks', (SELECT jsonb_agg(repeat('x', 200) || i) FROM generate_series(1, 1000) AS i)))")
    ok(written(one, run), "a record of a long question is written")
    size = int(one.value(f"SELECT length((record || jsonb_build_object('tracks', '[]'::jsonb))::text) FROM reco.run WHERE run_id = {run}"))
    ok(size < 300000, "a record is bounded, whatever the question is", size)
    same(one.value(f"SELECT octet_length(prompt) <= 2000 AND starts_with({literal(long)}, prompt) FROM reco_run"
                   f" WHERE run_id = {run}"), "t", "of a long prompt, the beginning is kept")
    for prompt in ("Bébé, ça va? \\ \" \t \x01 日本", "‮calm’s"):
        _, run = generate(one, "zoë \"'\\", prompt)
        same(two.query(f"SELECT user_id, prompt FROM reco_run WHERE run_id = {run}"),
             one.query(f"SELECT {literal('zoë ' + chr(34) + chr(39) + chr(92))}, {literal(prompt)}"), "any characters are kept")
        ok(written(two, run), "and written")
    one.query("RESET reco.result_cache")


def rights(cluster, one):
    for role in ("app", "other", "monitor", "plain"):
        one.query(f"CREATE ROLE {role} LOGIN")
    one.query("GRANT pg_monitor TO monitor")
    one.query("GRANT EXECUTE ON FUNCTION reco_generate(text, text, integer, interval, jsonb), reco_explain_run(bigint),"
              " reco_run_tracks(bigint), reco.run_lately() TO app, other")
    one.query("GRANT SELECT ON reco_run TO app, other")
    app, other, monitor, plain = (cluster.session(user=role) for role in ("app", "other", "monitor", "plain"))
    _, run = generate(app, "ana", "my secret wish: calm")
    other.query("CREATE FUNCTION pg_temp.leak(t text) RETURNS bool LANGUAGE plpgsql COST 0.0001 AS"
                " $$ BEGIN RAISE WARNING 'leaked %', t; RETURN true; END $$")
    for where in ("shared memory", "the table"):
        if where == "the table":
            written(one, run)
            # long enough that only the table has it for the view
            until(lambda: one.value(f"SELECT count(*) FROM reco.run_lately() WHERE run_id = {run}") == "0", 60)
        same(app.query("SELECT role, prompt FROM reco_run"), [["app", "my secret wish: calm"]],
             f"{where}: a role sees its own runs, and no other")
        ok(len(explain(app, run)) > 20, f"{where}: and can have them explained")
        same(other.query("SELECT * FROM reco_run"), [], f"{where}: another role sees none of them")
        same(other.value("SELECT count(*) FROM reco_run WHERE pg_temp.leak(prompt)"), "0", f"{where}: not by a function either")
        same([line for line in other.errors if "secret" in line], [], f"{where}: that tells what it is given")
        same(other.error("SELECT * FROM reco.run_lately()"), DENIED, f"{where}: nor beside the view")
        for function in ("reco_explain_run", "reco_run_tracks"):
            messages = []
            for number in (run, "1"):
                try:
                    other.query(f"SELECT * FROM {function}({number})")
                except SqlError as error:
                    messages.append((error.sqlstate, error.message.replace(number, "N")))
            same(messages, [(UNKNOWN, "there is no record of run N")] * 2,
                 f"{where}: {function} cannot tell it from one that there is not")
        same(monitor.query(f"SELECT role, prompt FROM reco_run WHERE run_id = {run}"), [["app", "my secret wish: calm"]],
             f"{where}: pg_monitor sees it")
        ok(len(explain(monitor, run)) > 20, f"{where}: and can have it explained")
        same(len(monitor.query(f"SELECT * FROM reco_run_tracks({run})")), 5, f"{where}: and its list")
    ok(int(monitor.value("SELECT count(DISTINCT role) FROM reco_run")) > 1, "pg_monitor sees the runs of all")
    for sql in ("SELECT * FROM reco_run", f"SELECT * FROM reco_explain_run({run})", f"SELECT * FROM reco_run_tracks({run})",
                "SELECT * FROM reco.run_lately()", "SELECT * FROM reco.run"):
        same(plain.error(sql), DENIED, f"without a grant: {sql[:40]}")
    same(app.error("SELECT * FROM reco.run"), DENIED, "the table is nobody's")
    app.query("BEGIN")
    same(app.error("SET LOCAL reco.run_history = 0"), DENIED, "what is kept is not for everybody to say")
    app.query("ROLLBACK")
    for number, state in (("NULL", NULL), ("0", UNKNOWN), ("-1", UNKNOWN), ("9223372036854775807", UNKNOWN)):
        same(one.error(f"SELECT * FROM reco_explain_run({number})"), state, f"a run {number}")
        same(one.error(f"SELECT * FROM reco_run_tracks({number})"), state, f"the list of {number}")


def bounds(cluster, one):
    """A flood, and old rows."""
    def settings(**values):
        for name, value in values.items():
            one.query(f"ALTER SYSTEM SET reco.{name} = {literal(value)}")
        one.query("SELECT pg_reload_conf()")

    def rows():
        return int(one.value("SELECT count(*) FROM reco.run"))

    settings(run_history=40)
    ok(until(lambda: rows() <= 40, 60), "a smaller number acts on what is there", rows())
    sessions = [cluster.session() for _ in range(4)]
    for turn in range(4):
        for number, session in enumerate(sessions):
            session.send(f"SET reco.result_cache = off; SELECT count(g.run_id) FROM generate_series(1, 50) AS i, reco_generate("
                         f"'u{number}', 'calm ' || i, 1) AS g")
        most = 0
        for session in sessions:
            while session.lines.empty():
                most = max(most, rows())
            session.wait()
        ok(most <= 40, f"turn {turn}: at no time there are more rows", most)
    _, last = generate(one, "bob", "calm at last")
    ok(written(one, last), "the newest run is there after a flood")
    ok(until(lambda: 0 < rows() <= 40, 60), "and as many as there may be", rows())
    ok(rows() >= 20, "not many fewer", rows())

    # another keeper, that has never heard of a smaller number
    keeper = "FROM reco_stat_worker WHERE worker = 'keeper' AND database = current_database() AND pid IS NOT NULL"
    settings(run_history=10000)
    former = one.value(f"SELECT pid {keeper}")
    one.query(f"SELECT pg_terminate_backend(pid) {keeper}")
    until(lambda: one.value(f"SELECT pid {keeper} AND state = 'running'") not in (None, former))
    one.query("INSERT INTO reco.run (user_id, run_id, started, role_id, record, tracks) SELECT 'old',"
              " ((extract(epoch FROM now() - interval '2 hours' - interval '1 s' * i) * 1000)"
              "::bigint - 1704067200000) << 22, now() - interval '2 hours', 10, '{\"role\": 10, \"user_id\": \"old\"}', '[]'"
              " FROM generate_series(1, 10) AS i")
    same(one.value("SELECT count(*) FROM reco.run WHERE user_id = 'old'"), "10", "old rows are kept while they may be")
    settings(run_history_age="1h")
    ok(until(lambda: one.value("SELECT count(*) FROM reco.run WHERE user_id = 'old'") == "0", 90), "and go when they are too old")
    ok(sees(one, last), "younger ones stay")

    settings(run_history=0)
    ok(until(lambda: rows() == 0, 90), "0 empties the table")
    _, run = generate(cluster.session(), "bob", "calm without a record")
    same([one.error(f"SELECT * FROM reco_explain_run({run})"), sees(one, run)], [UNKNOWN, False], "and nothing more is recorded")
    settings(run_history=10000, run_history_age="30d")
    until(lambda: one.value("SHOW reco.run_history") == "10000")


def databases(cluster, one):
    _, run = generate(one, "ana", "calm, in this database")
    one.query("CREATE DATABASE other TEMPLATE template0")
    other = cluster.session("other")
    other.query("CREATE EXTENSION reco CASCADE")
    other.query("SELECT reco_demo_catalogue(1000, 7)")
    same([other.error(f"SELECT * FROM reco_explain_run({run})"), other.value("SELECT count(*) FROM reco_run")], [UNKNOWN, "0"],
         "another database knows nothing of it")
    _, theirs = generate(other, "ana", "calm, in that database")
    ok(written(other, theirs) and sees(other, theirs) and not sees(one, theirs), "it has records of its own")
    other.query("DROP EXTENSION reco")
    other.query("CREATE EXTENSION reco")
    same([other.error(f"SELECT * FROM reco_explain_run({theirs})"), other.value("SELECT count(*) FROM reco_run")], [UNKNOWN, "0"],
         "which go with the extension")
    other.close()


def dumps(one):
    dump = subprocess.run(["pg_dump"], capture_output=True, text=True)
    same([dump.returncode, "COPY reco.run" in dump.stdout, "COPY reco.track" in dump.stdout, "in this database" in dump.stdout],
         [0, False, True, False], "a dump has no records")


def restarts(cluster):
    one = cluster.session()
    for how in ("clean", "crash"):
        rows, run = generate(one, "ana", f"calm before a {how} end")
        written(one, run)
        # a commit of the keeper does not wait for the disk
        one.query("BEGIN; CREATE TEMP TABLE flush (); DROP TABLE flush; SET LOCAL synchronous_commit = on; COMMIT")
        if how == "clean":
            cluster.stop()
        else:
            os.kill(cluster.postmaster(), signal.SIGKILL)
            until(lambda: not cluster.running())
            until(lambda: not list_of_processes(cluster), 60)
        cluster.start()
        one = cluster.session()
        same(one.query(f"SELECT {ROWS} FROM reco_run_tracks({run})"), rows, f"after a {how} end the list is on record")
        ok(len(explain(one, run)) > 20 and sees(one, run), f"after a {how} end the run can be explained")
    return one


def list_of_processes(cluster):
    """Processes that still have the data directory in hand."""
    found = []
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and os.readlink(f"/proc/{name}/cwd") == cluster.data:
                found.append(int(name))
        except OSError:
            continue
    return found


def standby(cluster, one):
    rows, run = generate(one, "ana", "calm on the primary")
    written(one, run)
    with Standby(cluster, "reco.result_cache = on") as copy:
        there = copy.session()
        copy.caught_up(there)
        same(there.query(f"SELECT {ROWS} FROM reco_run_tracks({run})"), rows, "a standby has the primary's records")
        ok(sees(there, run) and len(explain(there, run)) > 20, "in the view, and explained")
        rows, own = generate(there, "ana", "calm on the standby")
        same(there.query(f"SELECT {ROWS} FROM reco_run_tracks({own})"), rows, "its own runs are in its shared memory")
        ok(sees(there, own), "and in its view")
        there.close()


def main():
    with Cluster("reco.result_cache = on", "reco.artifacts = off", "reco.keeper_interval = '100ms'", "max_worker_processes = 12") as cluster:
        one, two = cluster.session(), cluster.session()
        one.query("CREATE EXTENSION reco CASCADE")
        one.query("SELECT reco_demo_catalogue(3000)")
        try:
            contents(one, two)
            transactions(one, two)
            sizes(one, two)
            rights(cluster, one)
            bounds(cluster, one)
            databases(cluster, one)
            dumps(one)
            one = restarts(cluster)
            standby(cluster, one)
        except Lost as lost:
            ok(False, "the server lives", lost, cluster.log_text()[-2000:])
        failed = [line for line in cluster.log_text().splitlines() if "PANIC" in line or "TRAP" in line]
        same(failed, [], "nothing broke")
    done()


main()
