#!/usr/bin/env python3
"""Claim: a list that was made is given again, to whoever asks the same; and never when it must not be.

The same words, other words of the same meaning, another session, after a restart: the
same run's list, marked. Many who ask at once wait for one run; a leader that is cancelled
hands over. What a transaction saw alone is never published: own writes, an old snapshot, a
rollback. A judgement, a change of the catalogue or of the lexicon end what they concern.
"""
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from cluster import Cluster  # noqa: E402
from reco_tap import SqlError, call, done, literal, ok, same, until  # noqa: E402

SESSIONS = 100


def ask(session, user, prompt, size=5, deadline=None, options=None):
    """The run that answers, and the origins of its rows."""
    rows = session.query("SELECT DISTINCT run_id, origin FROM "
                         + call(user, prompt, size, options, deadline, "reco_generate"))
    return rows[0][0], sorted({row[1] for row in rows})


def ids(session, user, prompt, size=5):
    return [row[0] for row in session.query("SELECT track_id FROM " + call(user, prompt, size, function="reco_generate"))]


def check_hits(one, two):
    run, origin = ask(one, "ana", "rainy sunday, calm")
    same(origin, ["local"], "a new question makes a run")
    same(ask(one, "ana", "rainy sunday, calm"), (run, ["cached"]), "the same words get its list")
    same(ask(two, "ana", "rainy sunday, calm"), (run, ["cached"]), "in another session, too")
    for prompt in ("Rainy Sunday; calm!", "calm rainy sundays", "a calm and rainy Sunday", "RAINY SUNDAY CALM"):
        same(ask(two, "ana", prompt), (run, ["cached"]), f"and so does «{prompt}»")
    for prompt in ("rainy sunday, not calm", "very calm rainy sunday", "rainy sunday", "calm rainy sunday 80s"):
        other, origin = ask(two, "ana", prompt)
        ok(other != run and origin == ["local"], f"but «{prompt}» is another question", other, origin)
    ok(ask(two, "", "rainy sunday, calm")[0] != run, "so is that of another listener")
    ok(ask(two, "ana", "rainy sunday, calm", 6)[0] != run, "another size")
    ok(ask(two, "ana", "rainy sunday, calm", options={"seed": 3})[0] != run, "another option")
    document = one.json("SELECT " + call("ana", "rainy sunday, calm", 5))
    same([document["answer"], str(document["run_id"])], ["cached", run], "the document is that run's")
    same([t["track_id"] for t in document["tracks"]], ids(two, "ana", "rainy sunday, calm"), "with the same tracks")
    two.query("SET reco.result_cache = off")
    ok(ask(two, "ana", "rainy sunday, calm")[0] != run, "reco.result_cache = off makes a run each time")
    two.query("RESET reco.result_cache")
    two.query("BEGIN READ ONLY")
    same(ask(two, "ana", "rainy sunday, calm"), (run, ["cached"]), "a read-only transaction is served")
    two.query("COMMIT")
    same(ask(two, "ana", "rainy sunday, calm", deadline="0 ms"), (run, ["cached"]), "so is a deadline of 0")


def check_publication(one, two):
    one.query("BEGIN")
    one.query("SELECT reco_feedback('eve', track_id, 'skip') FROM " + call("eve", "calm jazz", 5, function="reco_generate"))
    mine = ids(one, "eve", "calm jazz")
    theirs = ids(two, "eve", "calm jazz")
    ok(mine != theirs, "who has written sees what it wrote")
    one.query("ROLLBACK")
    same(ids(two, "eve", "calm jazz"), theirs, "and nobody else ever does")
    same(ids(one, "eve", "calm jazz"), theirs, "nor does it after the rollback")

    one.query("BEGIN ISOLATION LEVEL REPEATABLE READ")
    one.query("SELECT count(*) FROM pg_class")
    two.query("DELETE FROM reco.track WHERE track_id = ANY (ARRAY(SELECT track_id FROM "
              + call("", "happy party", 5, function="reco_generate") + "))")
    before = ids(one, "", "happy party")
    after = ids(two, "", "happy party")
    ok(not set(before) & set(after), "an old snapshot sees the old catalogue", before, after)
    one.query("COMMIT")
    same(ids(two, "", "happy party"), after, "and does not publish what it sees")
    same(ids(one, "", "happy party"), after, "to anybody")


def check_invalidation(one, two):
    run, _ = ask(one, "joe", "sad songs")
    other, _ = ask(one, "kim", "sad songs")
    first = ids(one, "joe", "sad songs")[0]
    two.query(f"SELECT reco_feedback('joe', {literal(first)}, 'skip')")
    ok(first not in ids(one, "joe", "sad songs"), "a skip is seen by the next question")
    same(ask(one, "kim", "sad songs")[0], other, "other listeners keep their lists")
    run, _ = ask(one, "joe", "sad songs")
    two.query(f"INSERT INTO reco.feedback (user_id, track_id, event) VALUES ('joe', {literal(first)}, 'clear')")
    ok(ask(one, "joe", "sad songs")[0] != run, "a judgement by INSERT counts as well")
    run, _ = ask(one, "joe", "sad songs")
    two.query(f"SELECT reco_listen('joe', {literal(first)})")
    same(ask(one, "joe", "sad songs", deadline="0 ms"), (run, ["stale"]), "a play makes lists stale, not gone")
    again, origin = ask(one, "joe", "sad songs")
    ok(again != run and origin == ["local"], "and somebody with time makes a new one", again, origin)
    same(ask(two, "joe", "sad songs"), (again, ["cached"]), "for all")
    run, _ = ask(one, "", "calm evening")
    two.query("UPDATE reco.mood_term SET targets = targets WHERE term = 'calm'")
    ok(ask(one, "", "calm evening")[0] != run, "a change of the lexicon ends all")
    run, _ = ask(one, "", "calm evening")
    same(two.value("SELECT reco_cache_invalidate('result') > 0"), "t", "reco_cache_invalidate says how many")
    ok(ask(one, "", "calm evening")[0] != run, "and they are gone")


def check_flight(cluster, one):
    sessions = [cluster.session() for _ in range(SESSIONS)]
    for session in sessions:
        session.send("SELECT DISTINCT run_id FROM " + call("zoe", "slow acoustic morning", 20, function="reco_generate"))
    runs = {row[0] for session in sessions for row in session.wait(120)}
    same(len(runs), 1, f"{SESSIONS} first questions at once are one run")
    one.query("SELECT reco_cache_invalidate()")
    leader = sessions[0]
    leader.send("SELECT count(*) FROM " + call("zoe", "dark techno night", 20, function="reco_generate"))
    for session in sessions[1:20]:
        session.send("SELECT DISTINCT run_id FROM " + call("zoe", "dark techno night", 20, function="reco_generate"))
    one.query(f"SELECT pg_terminate_backend({leader.pid})")
    runs = {row[0] for session in sessions[1:20] for row in session.wait(120)}
    ok(len(runs) <= 2, "a leader that goes leaves it to another", runs)
    for session in sessions[1:]:
        session.close()


def main():
    with Cluster(f"max_connections = {SESSIONS + 20}", "reco.result_cache = on", "reco.keeper_interval = '50ms'", "reco.job_workers = 0") as cluster:
        one, two = cluster.session(), cluster.session()
        one.query("CREATE EXTENSION reco CASCADE")
        one.query("SELECT reco_demo_catalogue(3000)")
        check_hits(one, two)
        check_publication(one, two)
        check_invalidation(one, two)
        check_flight(cluster, one)
        run, _ = ask(one, "ana", "after the restart")
        first = ids(one, "ana", "after the restart")[0]
        ok(until(lambda: int(one.value("SELECT count(*) FROM reco.cache WHERE category = 'result' AND key LIKE 'ana%'")) > 0),
           "the keeper writes results")
        until(lambda: one.value("SELECT sum(unwritten) FROM reco_cache_stats") == "0")
        cluster.stop()
        cluster.start()
        one, two = cluster.session(), cluster.session()
        same(ask(one, "ana", "after the restart"), (run, ["cached"]), "after a restart it comes from the table")
        one.query("UPDATE reco.cache SET used_at = now() - interval '1 hour', hits = 0")
        same(ask(one, "ana", "after the restart"), (run, ["cached"]), "the very words are enough")
        ok(until(lambda: one.value("SELECT hits > 0 AND used_at > now() - interval '50 minutes' FROM reco.cache"
                                   f" WHERE category = 'result' AND value LIKE '%{run}%'") == "t"),
           "and the list counts as used")
        two.query(f"SELECT reco_feedback('ana', {literal(first)}, 'skip')")
        ok(first not in ids(one, "ana", "after the restart"), "unless it was judged since")
        one.query("CREATE DATABASE other TEMPLATE template0")
        other = cluster.session("other")
        other.query("CREATE EXTENSION reco CASCADE")
        other.query("SELECT reco_demo_catalogue(1000, 7)")
        ok(ask(other, "ana", "rainy sunday, calm")[1] == ["local"], "two databases never meet")
        stats = one.query("SELECT table_hits > 0, misses > 0 FROM reco_cache_stats WHERE category = 'result'")
        same(stats, [["t", "t"]], "the view counts")
    done()


main()
