#!/usr/bin/env python3
"""Claim: a popular mood that was warmed is answered without a call of a service, for whoever asks.

Candidates are kept for nobody in particular and fitted to each listener: what was played,
judged and excluded counts, and every rule of a list holds. They are made again before they
expire; what is asked most is learned, what is not asked any more leaves; an edit of
reco.popular_mood takes effect at once; off means off.
"""
import itertools
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from bench import WIDE, WIDE_QUOTA  # noqa: E402
from cluster import Cluster, Standby  # noqa: E402
from emulator import Emulator  # noqa: E402
from reco_tap import call, done, literal, ok, same, until  # noqa: E402
from rules import SIZE, broken_rules  # noqa: E402

SETTINGS = ("reco.keeper_interval = '50ms'", "reco.cache = on", "reco.id_registry = on", "reco.deny_list = on",
            "reco.result_cache = on", "max_worker_processes = 16", "reco.job_pause = '100ms'", "reco.job_workers = 2")
LONG = 120
MOODS = 10
MOOD = "calm and relaxing"
numbers = itertools.count()


def connect(session, emulator):
    """Services whose limits nothing here comes near."""
    for kind, where, secrets in (
            ("spotify", f"base_url '{emulator.spotify}', accounts_url '{emulator.accounts}'", "client_id 'app', client_secret 's'"),
            ("reccobeats", f"base_url '{emulator.reccobeats}'", "api_key 'k'"),
            ("gemini", f"base_url '{emulator.gemini}', model 'gemini-3.6-flash'", "api_key 'g'")):
        options = "".join(f", {name} '{value}'" for name, value in {**WIDE, **WIDE_QUOTA.get(kind, {})}.items())
        session.query(f"CREATE SERVER {kind} FOREIGN DATA WRAPPER reco_upstream OPTIONS (kind '{kind}', {where}{options})")
        session.query(f"CREATE USER MAPPING FOR PUBLIC SERVER {kind} OPTIONS ({secrets})")


def warm(session, arguments=""):
    """Queues moods, waits until all are made; how many were queued."""
    queued = int(session.value(f"SELECT reco_warm_popular_moods({arguments})"))
    until(lambda: session.value("SELECT count(*) FROM reco.job WHERE kind = 'warm' AND state IN ('queued', 'running')") == "0", LONG)
    return queued


def failed(session):
    return session.query("SELECT arguments->>'prompt', state, attempts, error FROM reco.job WHERE kind = 'warm' AND error IS NOT NULL")


def calls(emulator):
    return sum(service["calls"] for service in emulator.counters()["services"].values())


def rows(session, user, prompt=MOOD, size=SIZE, options=None):
    return session.query("SELECT track_id, score, origin, run_id FROM "
                         + call(user, prompt, size, options, function="reco_generate"))


def document(session, user, prompt=MOOD, size=SIZE, options=None):
    return session.json("SELECT " + call(user, prompt, size, options))


def explained(session, run):
    """What a run's record says of a popular mood."""
    return [row[0] for row in session.query(f"SELECT * FROM reco_explain_run({run})") if row[0].startswith("Popular mood:")]


def popular(session, user, prompt=MOOD, size=SIZE, options=None):
    """Is a question answered by a popular mood?"""
    return explained(session, rows(session, user, prompt, size, options)[0][3]) != []


def somebody():
    """A listener who never was here, as what was asked for before is kept."""
    return f"somebody{next(numbers)}"


def scored(got):
    """Tracks and scores, as far as the last digit is no matter of who told of a feature."""
    return [(row[0], f"{float(row[1]):.5f}") for row in got]


def moods(session, where="true", what="prompt"):
    return [row[0] for row in session.query(f"SELECT {what} FROM reco.popular_mood WHERE {where} ORDER BY prompt")]


def policy(session, values):
    session.query(f"UPDATE reco.cache_policy SET {values} WHERE category = 'popular_mood'")


def shares(cluster, name, value):
    """Changes a setting of the server."""
    cluster.configure(f"{name} = {value}")
    cluster.session().query("SELECT pg_reload_conf()")


def for_new_listeners(session, emulator):
    same(session.query("SELECT count(*), bool_and(pinned), bool_or(learned), bool_or(edited) FROM reco.popular_mood")[0],
         [str(MOODS), "t", "f", "f"], "ten moods ship with the extension")
    ok(not popular(session, "early"), "before they are warmed, nobody gets one")
    # while the keeper counts that it was asked for, nobody notes in its row that it was warmed
    ok(until(lambda: moods(session, f"prompt = {literal(MOOD)} AND asked > 0") == [MOOD]), "that it was asked for is counted")
    same(warm(session), MOODS, "all are queued")
    same(failed(session), [], "and made")
    ok(until(lambda: session.value("SELECT sum(unwritten) FROM reco_cache_stats") == "0"), "and written")
    same(warm(session), 0, "what is ready is not queued again")
    same(moods(session, "last_warmed IS NULL OR warmed_as <> current_user"), [], "the table says when, and as whom")
    emulator.reset_counters()
    for number, mood in enumerate(moods(session)):
        got = rows(session, f"new{number}", mood)
        same([len(got), {row[2] for row in got}], [SIZE, {"cached"}], f"«{mood}»: a new listener gets a whole list, marked")
        same(rows(session, f"newer{number}", mood), got, "the next one the same")
        same(len(explained(session, got[0][3])), 1, "the record says that a popular mood made it")
        session.query(f"SELECT reco_connect_user('token{number}', 'token{number}.1')")
        theirs = document(session, f"token{number}", mood)
        same([broken_rules(theirs), theirs["answer"], theirs["mood"]["source"], theirs["user_id"]],
             [[], "cached", "popular", f"token{number}"], "one who is connected gets one that obeys the rules")
        same([track["track_id"] for track in theirs["tracks"]], [row[0] for row in got], "of the same tracks")
    same(calls(emulator), 0, "and no service is called for any of them")
    for prompt in ("Calm & relaxing!", "relaxing, calm", "CALM, RELAXING"):
        ok(popular(session, "words", prompt), f"«{prompt}» means the same")
    for size in (1, 5, 50):
        same(broken_rules(document(session, "sizes", size=size), size), [], f"{size} tracks")
        ok(popular(session, "sizes", size=size), "come from it as well")
    ok(popular(session, ""), "so does nobody's list")
    same(len(rows(session, "late", options={"order": "score"})), SIZE, "in another order, too")
    same(calls(emulator), 0, "still no call")


def for_known_listeners(session, emulator):
    nobodys = [row[0] for row in rows(session, "nobody else")]
    for track in nobodys[:3]:
        session.query(f"SELECT reco_feedback('known', {literal(track)}, 'skip')")
    session.query("SELECT reco_listen('known', track_id), reco_feedback('known', track_id, 'like') FROM"
                  " (SELECT track_id FROM reco.track WHERE energy > 0.8 ORDER BY track_id LIMIT 30) AS t")
    emulator.reset_counters()
    theirs = document(session, "known")
    same(broken_rules(theirs, forbidden_tracks=nobodys[:3]), [], "what was skipped is not in a listener's list")
    ok(all("taste" in track["parts"] for track in theirs["tracks"]), "taste counts")
    ok([track["track_id"] for track in theirs["tracks"]] != nobodys, "so it is another list")
    ok(popular(session, "known"), "of the popular mood all the same")
    by = [track["artist"].split(", ")[0] for track in theirs["tracks"][:2]]
    declined = [track["track_id"] for track in theirs["tracks"][5:8]]
    again = document(session, "known", options={"exclude_artists": by, "negative_tracks": declined, "seed": 7})
    same(broken_rules(again, forbidden_tracks=[*nobodys[:3], *declined], forbidden_artists=by), [], "nor what a call excludes")
    same(again["mood"]["source"], "popular", "that is fitted as well")
    played = [track["track_id"] for track in again["tracks"][:5]]
    for track in played:
        session.query(f"SELECT reco_listen('known', {literal(track)})")
    repeated = document(session, "known", options={"repeat_days": 7})
    same([broken_rules(repeated, forbidden_tracks=[*nobodys[:3], *played]), repeated["mood"]["source"]], [[], "popular"],
         "nor what was played lately, where repeats are not wanted")
    session.query(f"SELECT reco_feedback('known', {literal(theirs['tracks'][0]['track_id'])}, 'dislike')")
    ok(theirs["tracks"][0]["track_id"] not in [row[0] for row in rows(session, "known")], "a dislike counts at once")
    same(calls(emulator), 0, "and no service is called")
    for options in ({"era": {"from": 1980, "to": 1989}}, {"strategies": ["seed_based"]}, {"familiarity": 0.9},
                    {"min_popularity": 10}, {"include_artists": by[:1]}):
        ok(not popular(session, "known", options=options), f"{options}: what changes candidates goes the usual way")
    ok(not popular(session, "known", "calm and relaxing, but not slow"), "so does what means something else")


def nobodys_list(cluster):
    """Without services: the list of nobody in particular is what a run for nobody makes."""
    cluster.session().query("CREATE DATABASE alone")
    session = cluster.session("alone")
    session.query("CREATE EXTENSION reco CASCADE")
    session.query("SELECT reco_demo_catalogue(2000)")
    session.query("SET reco.popular_moods = 0")
    expected = {mood: scored(rows(session, "", mood)) for mood in moods(session)}
    session.query("RESET reco.popular_moods")
    same(warm(session), MOODS, "without services moods can be warmed, too")
    for mood, tracks in expected.items():
        got = rows(session, "somebody", mood)
        same(scored(got), tracks, f"«{mood}»: it is the list that a run for nobody makes, score by score")
        ok(explained(session, got[0][3]) != [], "and comes from candidates")
    session.close()


def edits(session, emulator):
    mood = "slow waltz at dawn"
    session.query(f"INSERT INTO reco.popular_mood (prompt) VALUES ({literal(mood)})")
    ok(until(lambda: moods(session, f"prompt = {literal(mood)} AND last_warmed IS NOT NULL") == [mood], LONG),
       "a mood that is inserted is warmed by itself")
    ok(until(lambda: session.value("SELECT sum(unwritten) FROM reco_cache_stats") == "0"), "and written")
    emulator.reset_counters()
    ok(popular(session, "waltz", mood), "and given")
    same(calls(emulator), 0, "without a call")
    session.query(f"UPDATE reco.popular_mood SET pinned = false WHERE prompt = {literal(mood)}")
    ok(not popular(session, "waltz 2", mood), "one that is not pinned any more is not given, at once")
    session.query(f"UPDATE reco.popular_mood SET pinned = true WHERE prompt = {literal(mood)}")
    ok(popular(session, "waltz 3", mood), "pinned again, it is, of the same candidates")
    session.query("BEGIN")
    session.query(f"DELETE FROM reco.popular_mood WHERE prompt = {literal(mood)}")
    session.query("ROLLBACK")
    ok(popular(session, "waltz 4", mood), "a deletion that is rolled back does nothing")
    session.query(f"DELETE FROM reco.popular_mood WHERE prompt = {literal(mood)}")
    ok(not popular(session, "waltz 5", mood), "one that is deleted is gone at once")
    ok(popular(session, "waltz 6"), "the others stay")
    same(session.error(f"SELECT reco_warm_popular_moods({literal(mood)})"), "42704", "nor can it be warmed")
    same(session.error("SELECT reco_warm_popular_moods(most => -1)"), "22023", "a number below 0 is refused")
    artist = emulator.artists(1)[0]["name"]
    session.query(f"INSERT INTO reco.popular_mood (prompt) VALUES ({literal(f'like {artist}')})")
    same(session.error(f"SELECT reco_warm_popular_moods({literal(f'like {artist}')})"), "22023", "who is named is no mood")
    session.query(f"DELETE FROM reco.popular_mood WHERE prompt = {literal(f'like {artist}')}")
    same(warm(session, f"{literal(MOOD)}"), 1, "a mood that is named is made again in any case")
    same(warm(session, "most => 0"), 0, "at most so many")
    same(session.error("INSERT INTO reco.popular_mood (prompt) VALUES (' ')"), "23514", "a mood has words")


def learned(session):
    mood = "brunch with friends"
    for number in range(5):
        rows(session, "always the same", mood, options={"seed": number})
    rows(session, "ann", mood)
    ok(not until(lambda: mood in moods(session, "learned"), 5), "what three listeners did not ask for is not learned")
    rows(session, "cid", "Brunch, with friends!")
    ok(until(lambda: mood in moods(session, "learned AND last_warmed IS NOT NULL"), LONG), "then it is, and warmed")
    ok(popular(session, "dan", mood), "and given")
    ok(until(lambda: session.query("SELECT asked >= 8, hits >= 1, hit_ratio > 0 AND hit_ratio < 1, recent > 5, edited"
                                   f" FROM reco.popular_mood WHERE prompt = {literal(mood)}")
             == [["t", "t", "t", "t", "f"]]), "the table says how often it was asked for and given",
       session.query(f"SELECT * FROM reco.popular_mood WHERE prompt = {literal(mood)}"))
    ago = f"UPDATE reco.popular_mood SET last_asked = now() - interval '30 days' WHERE prompt IN ({literal(mood)}, {literal(MOOD)})"
    ok(until(lambda: session.query(ago) == [] and mood not in moods(session), LONG), "what is not asked for any more leaves")
    same(moods(session, f"prompt = {literal(MOOD)}"), [MOOD], "unless it is pinned")


def in_time(cluster, session):
    """Made again before they expire; stale where nobody does; anew after a change of the catalogue."""
    policy(session, "fresh = '10 s', jitter = 0")
    session.query("SELECT reco_warm_popular_moods(prompt) FROM reco.popular_mood")
    until(lambda: session.value("SELECT count(*) FROM reco.job WHERE state IN ('queued', 'running')") == "0", LONG)
    before = session.value("SELECT max(last_warmed) FROM reco.popular_mood")
    ok(until(lambda: session.value(f"SELECT min(last_warmed) > '{before}' FROM reco.popular_mood") == "t", LONG),
       "all moods are made again by themselves")
    gone = rows(session, "the catalogue changes")[0][0]
    session.query(f"DELETE FROM reco.track WHERE track_id = {literal(gone)}")
    ok(gone not in [row[0] for row in rows(session, "the catalogue has changed")], "a track that is deleted is never given")
    ok(until(lambda: popular(session, somebody()), LONG), "and the moods are made anew by themselves")
    shares(cluster, "reco.job_workers", 0)
    ok(until(lambda: {row[2] for row in rows(session, somebody())} == {"stale"}, LONG),
       "where nobody makes them again, they are stale")
    same(broken_rules(document(session, "stale")), [], "and obey the rules")
    same(session.error("SELECT reco_warm_popular_moods()"), "55000", "without workers nothing is queued")
    shares(cluster, "reco.job_workers", 2)
    ok(until(lambda: {row[2] for row in rows(session, somebody())} == {"cached"}, LONG), "with workers they are fresh again")
    policy(session, "fresh = '2 hours'")
    warm(session, literal(MOOD))


def off(session):
    session.query("SET reco.popular_moods = 0")
    same([popular(session, "off"), session.value("SELECT reco_warm_popular_moods()")], [False, "0"],
         "reco.popular_moods = 0: nobody gets one, nothing is queued")
    session.query("SET reco.popular_moods = 3")
    same(warm(session, "most => 100"), 0, "no more than so many are looked at")
    session.query("RESET reco.popular_moods; SET reco.result_cache = off")
    ok(not popular(session, "off 2"), "reco.result_cache = off: each question makes a run")
    session.query("RESET reco.result_cache")
    policy(session, "fresh = '0'")
    session.query("SELECT reco_cache_invalidate('popular_mood')")
    warm(session, literal(MOOD))
    ok(not popular(session, "off 3"), "fresh = 0: candidates are not kept")
    policy(session, "fresh = '2 hours'")
    warm(session, literal(MOOD))
    ok(popular(session, "on"), "on again, they are")


def rights(cluster, session):
    session.query("CREATE ROLE app LOGIN")
    app = cluster.session(user="app")
    same(app.error("SELECT reco_warm_popular_moods()"), "42501", "nobody may warm moods who was not granted it")
    same(app.error("SELECT * FROM reco.popular_mood"), "42501", "nor read the table")
    session.query("GRANT EXECUTE ON FUNCTION reco_generate, reco_warm_popular_moods, reco_explain_run TO app")
    run = rows(app, "of the app")[0][3]
    same(len(explained(app, run)), 1, "another role gets lists of the same candidates, and may see why")
    same(app.error(f"SELECT * FROM reco_explain_run({rows(session, 'of mine')[0][3]})"), "42704", "but not others' runs")
    same(app.value(f"SELECT reco_warm_popular_moods({literal(MOOD)})"), "1", "it may warm where granted")
    ok(until(lambda: moods(session, "warmed_as = 'app'") == [MOOD]), "with its own rights")
    until(lambda: session.value("SELECT count(*) FROM reco.job WHERE state IN ('queued', 'running')") == "0", LONG)
    app.close()
    session.query("DROP OWNED BY app; DROP ROLE app")
    ok(popular(session, "without the role"), "and candidates outlive the role")


def afterwards(cluster, session):
    until(lambda: session.value("SELECT sum(unwritten) FROM reco_cache_stats") == "0")
    with Standby(cluster) as replica:
        reader = replica.session()
        replica.caught_up(reader)
        same(reader.value("SELECT count(*) >= 10 FROM reco.popular_mood"), "t", "a hot standby shows the table")
        same(len(rows(reader, "on the standby")), SIZE, "and gives lists")
        same(reader.error("SELECT reco_warm_popular_moods()"), "0A000", "but warms nothing")
    cluster.stop()
    cluster.start()
    session = cluster.session()
    ok(popular(session, "after a restart"), "after a restart candidates are there")


def main():
    with Emulator() as emulator, Cluster(*SETTINGS) as cluster:
        session = cluster.session()
        session.query("CREATE EXTENSION reco CASCADE")
        session.query("SELECT reco_demo_catalogue(3000)")
        connect(session, emulator)
        for_new_listeners(session, emulator)
        for_known_listeners(session, emulator)
        nobodys_list(cluster)
        edits(session, emulator)
        learned(session)
        off(session)
        rights(cluster, session)
        in_time(cluster, session)
        afterwards(cluster, session)
    done()


main()
