#!/usr/bin/env python3
"""Claim: a prompt that differs a little from the listener's last one asks less, and gets the
list that a run on its own gives.

What a run was told is reused by the next one of the same listener, and of nobody else; for
labelled tweaks the lists are the same, track by track and score by score, with services and
without. A judgement, a play, a change of the catalogue end what rests on them; what a
transaction saw alone is never published. Rows that somebody has edited break nothing.
"""
import random
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from bench import WIDE, WIDE_QUOTA  # noqa: E402
from cluster import Cluster  # noqa: E402
from emulator import Emulator  # noqa: E402
from reco_tap import call, done, literal, ok, same, until  # noqa: E402

SIZE = 20
LEAST_SAVED = 0.30
EXACT = 1e-6

# what was changed, the prompt before, the prompt after; @ is an artist's name
TWEAKS = [
    ("an adjective", "rainy sunday, calm", "rainy sunday, calm, a bit slower"),
    ("an adjective", "chill evening", "mellow chill evening"),
    ("an adjective", "happy party songs", "happy cheerful party songs"),
    ("an adjective", "night drive", "dark night drive"),
    ("a degree", "calm acoustic morning", "very calm acoustic morning"),
    ("a degree", "sad songs", "slightly sad songs"),
    ("more upbeat", "chill evening", "more upbeat chill evening"),
    ("more upbeat", "coffee shop jazz", "more upbeat coffee shop jazz"),
    ("more upbeat", "focus and concentration", "a bit more upbeat focus and concentration"),
    ("slower", "romantic and intimate", "romantic and intimate, slower"),
    ("an era", "happy party songs", "happy party songs from the 80s"),
    ("an era", "sad and melancholy", "sad and melancholy, since 1990"),
    ("another era", "disco from the 70s", "disco from the 80s"),
    ("a genre", "workout motivation", "workout motivation, rock"),
    ("a genre", "calm piano", "calm piano jazz"),
    ("a negation", "calm jazz", "calm jazz, no vocals"),
    ("a negation", "party vibes", "party vibes, not sad"),
    ("a negation", "energetic songs", "energetic songs, no metal"),
    ("a theme", "cosy winter songs", "cosy winter songs, christmas"),
    ("a word less", "rainy sunday, calm, acoustic", "rainy sunday, calm"),
    ("an artist", "calm evening", "calm evening like @"),
    ("an artist kept", "like @, calm", "like @, calm, a bit slower"),
    ("an artist kept", "songs by @", "happy songs by @"),
    ("an artist left out", "calm songs", "calm songs, not like @"),
    ("the order of words", "calm rainy sunday", "sunday, rainy and calm"),
]

# what was changed, the options before, the options after
OPTIONS = [
    ("a seed", {}, {"seed": 7}),
    ("the order", {}, {"order": "score"}),
    ("familiarity", {}, {"familiarity": 0.1}),
    ("popularity", {}, {"min_popularity": 20}),
    ("an artist left out", {}, {"exclude_artists": ["@"]}),
    ("repeats", {"repeat_days": 3}, {"repeat_days": 4}),
]


class Runs:
    """Runs of one session, with artifacts and without."""

    def __init__(self, session):
        self.session = session
        self.asked = self.alone = 0

    def run(self, user, prompt, options=None, size=SIZE, artifacts=True):
        self.session.query("SET reco.artifacts = " + ("on" if artifacts else "off"))
        document = self.session.json("SELECT " + call(user, prompt, size, options))
        self.session.query("RESET reco.artifacts")
        return document

    def alone_as(self, document, name, user, prompt, options=None, size=SIZE):
        """Is a list the one that a run on its own gives?"""
        alone = self.run(user, prompt, options, size, artifacts=False)
        got, expected = tracks(document), tracks(alone)
        good = [t[0] for t in got] == [t[0] for t in expected] and all(abs(a[1] - b[1]) <= EXACT for a, b in zip(got, expected))
        ok(good and len(got) > 0 and alone["artifacts"]["reused"] == 0, name, got, expected, alone["artifacts"])
        self.asked += document["artifacts"]["asked"]
        self.alone += alone["artifacts"]["asked"]

    def tweak(self, name, user, before, after, options=(None, None), sizes=(SIZE, SIZE)):
        """Two prompts, one after the other; what became of the second."""
        self.run(user, before, options[0], sizes[0])
        document = self.run(user, after, options[1], sizes[1])
        what = document["artifacts"]
        self.alone_as(document, f"{user or 'anonymous'}: {name}: «{before}» -> «{after}»: the same list", user, after, options[1],
                      sizes[1])
        ok(what["found"] and what["reused"] > 0, "and something is reused", what)
        return what


def tracks(document):
    return [(track["track_id"], track["score"]) for track in document["tracks"]]


def settle(session):
    """Waits until the shared copy of the catalogue is that of now: two runs that follow see the same one."""
    until(lambda: session.value("SELECT state || ' ' || exact || ' ' || (tracks = (SELECT count(*) FROM reco.track))"
                                " FROM reco_stat_memory WHERE database = current_database()") == "shared true true", 120)


def saved(runs, name):
    share = 1 - runs.asked / runs.alone
    print(f"# {name}: {runs.asked} of {runs.alone} keys asked, {100 * share:.0f} % fewer")
    ok(share >= LEAST_SAVED, f"{name}: at least 30 % fewer keys", runs.asked, runs.alone)


def check_tweaks(session, listener, artist):
    for user in (listener, "newcomer", ""):
        runs = Runs(session)
        for name, before, after in TWEAKS:
            what = runs.tweak(name, user, before.replace("@", artist), after.replace("@", artist))
            if user:
                ok("again" not in [what["stages"].get(name) for name in ("fetch_top_tracks", "fetch_top_artists")],
                   "the listener is not asked for again", what)
        for name, before, after in OPTIONS:
            runs.tweak(name, user, "calm evening", "calm evening",
                       (before, {k: [artist] if v == ["@"] else v for k, v in after.items()}))
        runs.tweak("the size", user, "calm evening", "calm evening", sizes=(20, 30))
        saved(runs, user or "anonymous")
    first = Runs(session).run("thrice", f"like {artist}, calm")["artifacts"]
    ok(not first["found"] and first["reused"] > 0, "what one run asks twice is asked once", first)


def check_words(session, listener):
    """What is said about it."""
    runs = Runs(session)
    runs.run(listener, "rainy sunday, calm")
    lines = [row[0] for row in session.query("SELECT * FROM reco_explain(" + literal(listener)
                                             + ", 'rainy sunday, calm, a bit slower')")]
    begin = next(i for i, line in enumerate(lines) if line.startswith("Artifacts:"))
    ok("+slower" in lines[begin] and "tempo" in lines[begin] and "-> " in lines[begin],
       "reco_explain tells by what the moods differ", lines[begin])
    stages = {line.split()[0]: line for line in lines[begin + 1:lines.index("Asked:")]}
    ok(" reused " in stages["fetch_top_tracks"] and " again " in stages["discover_artists"]
       and " again " not in stages["artist_discovery"],
       "and which stages ran again", *lines[begin:])
    ok(any("artist_tracks" in line and "reused=" in line for line in lines), "and for how many keys of each kind")
    what = runs.run(listener, "rainy sunday, calm")["artifacts"]
    same((what["stages"]["fetch_top_tracks"], what["stages"]["discover_artists"]), ("reused", "again"), "so does the document")
    runs.run(listener, "rainy sunday, calm, a bit slower")
    lines = [row[0] for row in session.query("SELECT * FROM reco_explain(" + literal(listener) + ", 'rainy sunday, calm')")]
    ok(any("-slower" in line for line in lines if line.startswith("Artifacts:")), "the other way round, too", *lines)
    session.query("SET reco.artifacts = off")
    ok([row[0] for row in session.query("SELECT * FROM reco_explain('', 'calm') AS line WHERE line ~ '^Artifacts: none'")],
       "off, it says so")
    session.query("RESET reco.artifacts")


def check_who(one, two, listener):
    mine, theirs = Runs(one), Runs(two)
    mine.run(listener, "calm evening songs")
    what = theirs.run("somebody else", "calm evening songs, slower")["artifacts"]
    same(what["found"], False, "another listener never profits")
    ok(theirs.run(listener, "calm evening songs, slower")["artifacts"]["found"], "the same one does, in any session")
    two.query("CREATE ROLE other_role; GRANT EXECUTE ON FUNCTION reco_generate_json(text, text, int, interval, jsonb) TO other_role")
    two.query("SET ROLE other_role")
    same(theirs.run(listener, "calm evening songs, faster")["artifacts"]["found"], False,
         "another role never profits: it would be told words of a prompt that is not its own")
    two.query("RESET ROLE")
    mine.run("", "calm evening songs")
    ok(theirs.run("", "calm evening songs, slower")["artifacts"]["found"], "and so do those without a name")
    mine.run("switch", "calm evening songs", artifacts=False)
    what = mine.run("switch", "calm evening songs, slower")["artifacts"]
    same(what["found"], False, "reco.artifacts = off leaves nothing behind")
    what = mine.run("switch", "calm evening songs", artifacts=False)["artifacts"]
    same((what["found"], what["reused"]), (False, 0), "and reuses nothing")
    one.query("UPDATE reco.cache_policy SET fresh = '0', usable = '0' WHERE category = 'artifacts'")
    same(mine.run("switch", "calm evening songs")["artifacts"]["found"], False, "a policy of fresh = 0: nothing is reused")
    one.query("UPDATE reco.cache_policy SET fresh = '30 minutes', usable = '30 minutes' WHERE category = 'artifacts'")
    ok(mine.run("switch", "calm evening songs")["artifacts"]["found"], "until it is kept again")
    ok(int(one.value("SELECT reco_cache_invalidate(user_id => 'switch')")) >= 1, "reco_cache_invalidate removes a listener's")
    same(mine.run("switch", "calm evening songs, slower")["artifacts"]["found"], False, "so they are gone")
    ok(int(one.value("SELECT reco_cache_invalidate('artifacts', user_id => 'switch')")) >= 1, "by category, too")
    same(mine.run("switch", "calm evening songs")["artifacts"]["found"], False, "and so they are")


def check_ends(one, two, listener):
    runs = Runs(one)
    before, after = "calm evening songs", "calm evening songs, a bit slower"

    def again(name, end, user=listener, gone=True, sql=None):
        runs.run(user, before)
        two.query(sql or end(runs.run(user, after, artifacts=False)["tracks"]))
        settle(two)
        document = runs.run(user, after)
        same(document["artifacts"]["found"], not gone, f"{name}: " + ("nothing is reused" if gone else "the rest is reused"))
        runs.alone_as(document, f"{name}: the list is the one of now", user, after)
        return document

    def judge(event):
        return lambda found: f"SELECT reco_feedback({literal(listener)}, {literal(found[0]['track_id'])}, '{event}')"

    for event in ("skip", "dislike", "like", "clear"):
        again(event, judge(event))
    document = again("a judgement of somebody else", lambda found: "SELECT reco_feedback('other', "
                     + literal(found[0]["track_id"]) + ", 'skip')", gone=False)
    same(document["artifacts"]["stages"]["fetch_top_tracks"], "reused", "with all that is known of the listener")
    document = again("a play", lambda found: f"SELECT reco_listen({literal(listener)}, {literal(found[-1]['track_id'])})"
                     " FROM generate_series(1, 50)", gone=False)
    same(document["artifacts"]["stages"]["fetch_top_tracks"], "again", "but not what the listener plays")
    again("a DELETE of plays", None, gone=False, sql=f"DELETE FROM reco.listen WHERE user_id = {literal(listener)}"
          f" AND track_id = (SELECT max(track_id) FROM reco.listen WHERE user_id = {literal(listener)})")
    again("an UPDATE of the catalogue", lambda found: "UPDATE reco.track SET title = title || '!', energy = 0.99 WHERE track_id = "
          + literal(found[0]["track_id"]))
    again("a DELETE from the catalogue", lambda found: "DELETE FROM reco.track WHERE track_id = " + literal(found[0]["track_id"]))
    again("an INSERT into the catalogue", lambda found: "INSERT INTO reco.track (track_id, artist_id, title, artist, genres)"
          " SELECT 'new', artist_id, 'New Calm Evening', artist, genres FROM reco.track WHERE track_id = "
          + literal(found[0]["track_id"]), user="")
    again("a change of the lexicon", None, sql="UPDATE reco.mood_term SET targets = targets WHERE term = 'calm'")


def check_transactions(one, two):
    runs, others = Runs(one), Runs(two)
    one.query("BEGIN")
    first = runs.run("gone", "calm evening songs", artifacts=False)["tracks"][0]["track_id"]
    one.query(f"SELECT reco_feedback('gone', {literal(first)}, 'skip')")
    runs.run("gone", "calm evening songs")
    one.query("ROLLBACK")
    document = others.run("gone", "calm evening songs, slower")
    same(document["artifacts"]["found"], False, "who has written publishes nothing")
    others.alone_as(document, "and what was rolled back is seen by nobody", "gone", "calm evening songs, slower")

    others.run("reader", "calm evening songs")
    one.query("BEGIN")
    one.query(f"SELECT reco_feedback('reader', {literal(first)}, 'skip')")
    document = runs.run("reader", "calm evening songs, slower")
    same(document["artifacts"]["found"], False, "who has written reuses nothing")
    runs.alone_as(document, "and sees what it wrote", "reader", "calm evening songs, slower")
    one.query("ROLLBACK")

    one.query("BEGIN ISOLATION LEVEL REPEATABLE READ")
    one.query("SELECT count(*) FROM reco.track")
    two.query("UPDATE reco.track SET energy = 1 - energy WHERE energy < 0.3")
    settle(two)
    document = runs.run("old", "calm evening songs, slower")
    runs.alone_as(document, "an old snapshot gets a list of its own", "old", "calm evening songs, slower")
    same(others.run("old", "calm evening songs")["artifacts"]["found"], False, "and publishes nothing")
    document = runs.run("old", "calm evening songs, slower")
    same(document["artifacts"]["found"], False, "nor reuses what is newer")
    one.query("COMMIT")

    one.query("BEGIN READ ONLY")
    others.run("old", "calm evening songs")
    ok(runs.run("old", "calm evening songs, slower")["artifacts"]["found"], "a read-only transaction does")
    one.query("COMMIT")


def check_restart(cluster, listener):
    """What is in the table counts, too; without what only memory can tell. Returns a session."""
    session = cluster.session()
    rows = "FROM reco.cache WHERE category = 'artifacts' AND key LIKE "
    Runs(session).run(listener, "calm evening songs")
    ok(until(lambda: int(session.value(f"SELECT count(*) {rows}{literal(listener + '%')}")) > 0
             and session.value("SELECT sum(unwritten) FROM reco_cache_stats") == "0"), "the keeper writes them")
    session.close()
    cluster.stop()
    cluster.start()
    session = cluster.session()
    runs = Runs(session)
    settle(session)

    # rows that somebody has edited; those that are cut short hold nothing wrong
    random.seed(155)
    value = session.value(f"SELECT value {rows}{literal(listener + '%')}")
    ok(value.startswith("0"), "they are text", value[:100])
    cuts = [value[:at] for at in [0, 10, 63, 64, 65, 100] + random.sample(range(100, len(value)), 20)]
    noise = ["".join(random.choice("\\\t\n7zN") if random.random() < 0.02 else c for c in value) for _ in range(20)]
    for number, edited in enumerate(cuts + noise):
        user = f"edited{number}"
        session.query("INSERT INTO reco.cache (category, key, value, absent, fetched_at, fresh_until, usable_until) SELECT category,"
                      f" {literal(user)} || substr(key, {len(listener) + 1}), {literal(edited)}, false, fetched_at, fresh_until,"
                      f" usable_until {rows}{literal(listener + '%')}")
        document = runs.run(user, "calm evening songs, slower")
        if number < len(cuts):
            runs.alone_as(document, f"a row cut to {len(edited)} characters breaks nothing", user, "calm evening songs, slower")
        else:
            same(len(document["tracks"]), SIZE, "nor does one with noise in it")

    document = runs.run(listener, "calm evening songs, slower")
    same(document["artifacts"]["stages"]["fetch_top_tracks"], "again", "after a restart the listener is asked for again")
    ok(document["artifacts"]["stages"]["artist_discovery"] != "again", "and the rest comes from the table", document["artifacts"])
    runs.alone_as(document, "with the same list", listener, "calm evening songs, slower")
    stats = session.query("SELECT table_hits > 0, misses > 0, puts > 0, hits > 0 FROM reco_cache_stats WHERE category = 'artifacts'")
    runs.run(listener, "calm evening songs")
    stats[0][3] = session.value("SELECT hits > 0 FROM reco_cache_stats WHERE category = 'artifacts'")
    same(stats, [["t", "t", "t", "t"]], "the view counts")
    session.query("CREATE DATABASE other TEMPLATE template0")
    other = cluster.session("other")
    other.query("CREATE EXTENSION reco CASCADE")
    other.query("SELECT reco_demo_catalogue(1000)")
    settle(other)
    same(Runs(other).run(listener, "calm evening songs")["artifacts"]["found"], False, "two databases never meet")
    other.close()
    return session


def calls_of(emulator):
    return sum(service["calls"] for service in emulator.counters()["services"].values())


def check_services(session, emulator, listener):
    """The same with services, whose answers are not among what is reused."""
    session.query("SET reco.cache = on; SET reco.id_registry = on")
    rows = [{name: track[name] for name in ("id", "isrc", "name", "artist", "artist_id")} for track in emulator.tracks(600)]
    session.query("CREATE TABLE song AS SELECT r.id AS track_id, r.name AS title, r.artist, r.artist_id, r.isrc,"
                  " abs(hashtext(r.id) % 100) / 100.0 AS energy, abs(hashtext(r.name) % 100) / 100.0 AS valence"
                  f" FROM jsonb_to_recordset({literal(rows)}) AS r(id text, isrc text, name text, artist text, artist_id text)")
    session.query("SELECT reco_catalogue_import('song')")
    settle(session)
    for kind, where, secret in (
            ("spotify", f"base_url '{emulator.spotify}', accounts_url '{emulator.accounts}'", "client_id 'app', client_secret 's'"),
            ("reccobeats", f"base_url '{emulator.reccobeats}'", "api_key 'k'")):
        options = "".join(f", {name} '{value}'" for name, value in {**WIDE, **WIDE_QUOTA.get(kind, {})}.items())
        session.query(f"CREATE SERVER {kind} FOREIGN DATA WRAPPER reco_upstream OPTIONS (kind '{kind}', {where}{options})")
        session.query(f"CREATE USER MAPPING FOR CURRENT_USER SERVER {kind} OPTIONS ({secret})")
    artists = [artist["name"] for artist in emulator.artists(4)]
    for user in (listener, ""):
        runs = Runs(session)
        for number, (name, before, after) in enumerate(TWEAKS):
            artist = artists[number % len(artists)]
            before, after = before.replace("@", artist), after.replace("@", artist)
            for _ in range(20):     # what services say is known then, and the same for all
                before_it = calls_of(emulator)
                runs.run(user, after, artifacts=False)
                until(lambda: session.value("SELECT coalesce(sum(queued + in_flight), 0) FROM reco_stat_upstream") == "0")
                if calls_of(emulator) == before_it:
                    break
            runs.tweak(name, user, before, after)
        runs.run(user, f"like {artists[0]}, calm")
        saved(runs, f"with services, {user or 'anonymous'}")
    asked = {name: service["calls"] for name, service in emulator.counters()["services"].items()}
    ok(asked["spotify"] > 0 and asked["reccobeats"] > 0, "services had a part in it", asked)

    session.query("CREATE ROLE reader; GRANT EXECUTE ON FUNCTION reco_generate_json(text, text, int, interval, jsonb) TO reader")
    Runs(session).run("", "calm evening songs")
    session.query("SET ROLE reader")
    same(Runs(session).run("", "calm evening songs, slower")["artifacts"]["found"], False, "roles never meet, those that see other services least of all")
    session.query("RESET ROLE")
    ok(Runs(session).run("", "calm evening songs, slower")["artifacts"]["found"], "those that see the same do")


def main():
    with Emulator("--preset", "extended", "--latency", "none", "--window", "none") as emulator, \
            Cluster("reco.job_workers = 0", "reco.keeper_interval = '50ms'", "reco.learn = off") as cluster:
        one, two = cluster.session(), cluster.session()
        one.query("CREATE EXTENSION reco CASCADE")
        one.query("SELECT reco_demo_catalogue(8000)")
        settle(one)
        listener = one.value("SELECT user_id FROM reco.listen GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1")
        artist = one.value("SELECT artist FROM reco.track GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1")
        check_tweaks(one, listener, artist)
        check_words(one, listener)
        check_who(one, two, listener)
        check_ends(one, two, listener)
        check_transactions(one, two)
        one.close()
        two.close()
        session = check_restart(cluster, listener)
        check_services(session, emulator, listener)
        same(emulator.counters()["bugs"], [], "the emulator did what it was told")
    done()


main()
