#!/usr/bin/env python3
"""Claim: what a listener plays and judged is read once for many popular moods, and never too late.

The quick way to read a history tells the same as the one that all other runs use. Lists
that are made of what is kept are those that are made without; a play, a judgement, and
a change of the catalogue count from the moment they are committed, and at once for who
writes them; it is forgotten with all else that is kept of a listener.
"""
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from cluster import Cluster  # noqa: E402
from driver import build  # noqa: E402
from reco_tap import call, done, literal, ok, same, until  # noqa: E402

SETTINGS = ("reco.keeper_interval = '50ms'", "reco.cache = on", "reco.result_cache = on", "max_worker_processes = 16",
            "reco.job_pause = '100ms'", "reco.job_workers = 2")
LISTENERS = 60
MOODS = ("calm and relaxing", "party vibes", "sad and melancholy")
LONG = 120
seeds = iter(range(1, 1 << 30))


def fill(session):
    """Listeners of all kinds: with few and with many plays, at equal times, with judgements of one track at one time."""
    session.query("SELECT setseed(0.25)")
    session.query("INSERT INTO reco.listen (user_id, listen_id, track_id, at)"
                  " SELECT 'l' || l, l * 10000 + n, track_id, timestamptz '2026-01-01' + (random() * 40)::int * interval '1 hour'"
                  f" FROM generate_series(1, {LISTENERS}) AS l, LATERAL (SELECT track_id, row_number() OVER () AS n FROM"
                  "  (SELECT track_id FROM reco.track ORDER BY hashtextextended(track_id, l) LIMIT 1 + (l * 7) % 90) AS t,"
                  "  generate_series(1, 1 + l % 4)) AS p")
    session.query("INSERT INTO reco.listen (user_id, listen_id, track_id, at)"
                  " SELECT 'l' || l, l * 100000 + n, track_id, timestamptz '2026-02-01' + n * interval '1 minute'"
                  " FROM generate_series(1, 3) AS l, (SELECT track_id, row_number() OVER () AS n FROM"
                  "  reco.track, generate_series(1, 2)) AS p WHERE n <= 995 + 5 * l")
    session.query("INSERT INTO reco.feedback (user_id, feedback_id, track_id, event, at)"
                  " SELECT 'l' || l, l * 10000 + n, track_id, (ARRAY['like', 'skip', 'clear', 'save', 'dislike'])[1 + (random() * 4)::int],"
                  "  timestamptz '2026-01-01' + (random() * 3)::int * interval '1 hour'"
                  f" FROM generate_series(1, {LISTENERS}, 2) AS l, LATERAL (SELECT track_id, row_number() OVER () AS n FROM"
                  "  (SELECT track_id FROM reco.track ORDER BY hashtextextended(track_id, l) OFFSET l % 20 LIMIT 30) AS t,"
                  "  generate_series(1, 3)) AS p")
    session.query("SELECT reco_feedback('judge', track_id, 'like') FROM reco.track ORDER BY track_id LIMIT 5")


def read_in_two_ways(session, library):
    session.query(f"CREATE FUNCTION driver_history_differs(text) RETURNS text AS {literal(library)} LANGUAGE C STRICT")
    same(session.query("SELECT user_id, driver_history_differs(user_id) FROM (SELECT user_id FROM reco.listen UNION SELECT user_id"
                       " FROM reco.feedback UNION SELECT 'nobody') AS u WHERE driver_history_differs(user_id) IS NOT NULL ORDER BY 1"),
         [], "the quick way to read a history tells the same, in the same order")
    same(session.value("SELECT count(*) > 1000 FROM reco.listen WHERE user_id = 'l2'"), "t", "also of more plays than are looked at")


def ask(session, user, mood=MOODS[0], options=None):
    """A list that nobody asked for before: [tracks, scores and reasons], and how much of the listener was asked for."""
    options = {"seed": next(seeds), **(options or {})}
    got = session.query("SELECT track_id, score, reason, run_id FROM " + call(user, mood, 20, options, function="reco_generate"))
    run = got[0][3]
    until(lambda: session.value(f"SELECT count(*) FROM reco.run WHERE run_id = {run}") == "1")
    stage = session.json(f"SELECT record #> '{{stages,fetch_top_tracks}}' FROM reco.run WHERE run_id = {run}")
    return [row[:3] for row in got], [stage["asked"], stage["reused"]]


READ, KEPT = [2, 0], [0, 2]


def the_same_lists(session):
    users = [f"l{n}" for n in range(1, LISTENERS + 1)] + ["judge"]

    def all_of_them():
        session.query("SELECT reco_cache_invalidate('result')")
        return [session.query("SELECT track_id, score, strategy, reason FROM "
                              + call(user, mood, 20, {"seed": 5}, function="reco_generate"))
                for mood in MOODS for user in users]

    session.query("SET reco.artifacts = off")
    without = all_of_them()
    session.query("RESET reco.artifacts")
    same(all_of_them(), without, "lists are the same as what is read is kept")
    same(all_of_them(), without, "and as it is taken from there")
    ok(len({str(got) for got in without}) > len(users), "while listeners' lists are not all alike")


def known_at_once(cluster, session):
    other = cluster.session()
    session.query("SELECT reco_cache_invalidate(user_id => 'l7')")
    same(ask(session, "l7")[1], READ, "a history is read")
    same([ask(session, "l7")[1], ask(other, "l7", MOODS[1])[1]], [KEPT, KEPT], "once: not for the next list, mood or session")
    same([ask(session, "l7", options={"repeat_days": 400})[1], ask(session, "l7")[1]], [READ, KEPT],
         "but where it must be read further back")

    given = [row[0] for row in ask(session, "l7")[0]]
    session.query("BEGIN")
    session.query(f"SELECT reco_feedback('l7', {literal(given[0])}, 'skip'), reco_feedback('l7', {literal(given[1])}, 'dislike')")
    mine = session.query("SELECT track_id FROM " + call("l7", MOODS[0], 20, {"seed": next(seeds)}, function="reco_generate"))
    ok(not {row[0] for row in mine} & set(given[:2]), "who judges sees it in the same transaction")
    same(ask(other, "l7")[1], KEPT, "nobody else before it is committed")
    session.query("ROLLBACK")
    same(ask(session, "l7")[1], KEPT, "nor anybody where it is rolled back")
    session.query(f"SELECT reco_feedback('l7', {literal(given[0])}, 'skip'), reco_feedback('l7', {literal(given[1])}, 'dislike')")
    got, asked = ask(other, "l7")
    same(asked, READ, "committed, it is read anew")
    ok(not {row[0] for row in got} & set(given[:2]), "what was skipped is not listed")
    got, asked = ask(session, "l7")
    ok(asked == KEPT and not {row[0] for row in got} & set(given[:2]), "and kept again", asked)

    for change, what in (
            ("SELECT reco_listen('l7', min(track_id)) FROM reco.track", "a play"),
            ("DELETE FROM reco.listen WHERE ctid = (SELECT min(ctid) FROM reco.listen WHERE user_id = 'l7')", "a play that is deleted"),
            ("UPDATE reco.feedback SET event = 'like' WHERE user_id = 'l7' AND event = 'skip'", "a judgement that is changed"),
            ("UPDATE reco.track SET energy = 0.5 WHERE track_id = (SELECT min(track_id) FROM reco.track)", "a change of the catalogue"),
            ("SELECT reco_cache_invalidate(user_id => 'l7')", "that the listener is forgotten")):
        ok(until(lambda: ask(session, "l7")[1] == KEPT, LONG), f"it is kept before {what}")
        session.query(change)
        if "catalogue" in what:
            session.query("SELECT reco_warm_popular_moods()")
            until(lambda: session.value("SELECT count(*) FROM reco.job WHERE state IN ('queued', 'running')") == "0", LONG)
        same(ask(other, "l7")[1], READ, f"and read anew after {what}")

    old = cluster.session()
    old.query("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
    before = old.query("SELECT track_id FROM " + call("l7", MOODS[0], 20, {"seed": 1}, function="reco_generate"))
    session.query(f"SELECT reco_feedback('l7', {literal(before[0][0])}, 'skip')")
    ask(session, "l7")
    same(old.query("SELECT track_id FROM " + call("l7", MOODS[0], 20, {"seed": 1}, function="reco_generate")), before,
         "a transaction that sees the state before gets lists of that")
    old.query("COMMIT")

    session.query("TRUNCATE reco.listen, reco.feedback")
    got = session.query("SELECT reason FROM " + call("l9", MOODS[0], 20, {"seed": next(seeds)}, function="reco_generate"))
    ok(not [row for row in got if "you play" in row[0] or "you like" in row[0]], "after a TRUNCATE nobody has played anything", got)


def other_letters(cluster):
    """A listener whose name has other bytes in the database than in shared memory."""
    cluster.session().query("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    latin = cluster.session("latin")
    latin.query("SET client_encoding = 'UTF8'")
    latin.query("CREATE EXTENSION reco CASCADE")
    latin.query("SELECT reco_demo_catalogue(500)")
    latin.query("SELECT reco_listen('jos\u00e9', track_id) FROM (SELECT track_id FROM reco.track ORDER BY 1 LIMIT 30) AS t")
    latin.query("SELECT reco_warm_popular_moods()")
    until(lambda: latin.value("SELECT count(*) FROM reco.job WHERE state IN ('queued', 'running')") == "0", LONG)
    until(lambda: ask(latin, "jos\u00e9")[1] == KEPT, LONG)
    given, asked = ask(latin, "jos\u00e9")
    same(asked, KEPT, "latin1: what a listener plays is kept")
    latin.query(f"SELECT reco_feedback('jos\u00e9', {literal(given[0][0])}, 'skip')")
    got, asked = ask(latin, "jos\u00e9")
    same((asked, given[0][0] in [row[0] for row in got]), (READ, False), "latin1: and read anew after a judgement")
    latin.close()


def main():
    with tempfile.TemporaryDirectory() as directory, Cluster(*SETTINGS) as cluster:
        library, errors = build(directory)
        ok(library is not None, "the driver builds", errors)
        session = cluster.session()
        session.query("CREATE EXTENSION reco CASCADE")
        session.query("SELECT reco_demo_catalogue(2000)")
        fill(session)
        session.query("SELECT reco_warm_popular_moods()")
        until(lambda: session.value("SELECT count(*) FROM reco.job WHERE state IN ('queued', 'running')") == "0", LONG)
        read_in_two_ways(session, library)
        the_same_lists(session)
        other_letters(cluster)
        known_at_once(cluster, session)
    done()


main()
