#!/usr/bin/env python3
"""Claim: services make a list better, and never worse.

What a service tells is in the list, marked 'live', and under the same rules as all else.
Whatever fails, hangs or lies, the list is the one that the catalogue alone gives, whole and
within its deadline. Without servers, and switched off, nothing is asked and nothing changes.
"""
import os
import signal
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from bench import WIDE, WIDE_QUOTA  # noqa: E402
from cluster import Cluster, nothing_left, stand_still  # noqa: E402
from emulator import Emulator  # noqa: E402
from reco_tap import call, done, literal, ok, same, until  # noqa: E402
from rules import SIZE, broken_rules, essence, origins  # noqa: E402

SEED = {"seed": 7}
SLACK = 10          # seconds over a deadline; generous, as machines are shared


class Lists:
    """Lists with services that know nothing of what was before."""

    def __init__(self, session, emulator):
        self.session = session
        self.emulator = emulator
        self.number = 0
        self.known = {track["id"]: track for track in emulator.tracks(2000)}

    def connect(self, **changes):
        """Servers with new credentials: no breaker or limit is left of before."""
        self.disconnect()
        self.emulator.reset()
        self.number += 1
        for kind, where, secrets in (
                ("spotify", f"base_url '{self.emulator.spotify}', accounts_url '{self.emulator.accounts}'",
                 "client_id 'app-{}', client_secret 's'"), ("reccobeats", f"base_url '{self.emulator.reccobeats}'", "api_key 'k-{}'")):
            options = "".join(f", {name} '{value}'" for name, value in {**WIDE, **WIDE_QUOTA.get(kind, {}), **changes}.items())
            self.session.query(f"CREATE SERVER {kind} FOREIGN DATA WRAPPER reco_upstream OPTIONS (kind '{kind}', {where}{options})")
            self.session.query(f"CREATE USER MAPPING FOR PUBLIC SERVER {kind} OPTIONS ({secrets.format(self.number)})")

    def disconnect(self):
        self.session.query("DROP SERVER IF EXISTS spotify CASCADE; DROP SERVER IF EXISTS reccobeats CASCADE")

    def document(self, prompt, deadline=None, options=None):
        return self.session.json("SELECT " + call("", prompt, SIZE, {**SEED, **(options or {})}, deadline))

    def calls(self):
        return sum(service["calls"] for service in self.emulator.counters()["services"].values())


def check_live(lists, prompt, name, document=None):
    """A list with live rows, all of which are what the service says."""
    document = document or lists.document(prompt, "20 s")
    live = [track for track in document["tracks"] if track["origin"] == "live"]
    ok(live, f"{name}: rows are live", origins(document))
    same(broken_rules(document), [], f"{name}: the list keeps to the rules")
    wrong = [track for track in live if track["track_id"] not in lists.known
             or lists.known[track["track_id"]]["name"] != track["title"]]
    same(wrong, [], f"{name}: live rows are the service's tracks")
    return live


def names(lists, artists):
    """Artists whom only the service knows."""
    wanted, other = artists[0]["name"], artists[1]["name"]
    for prompt in (f"like {wanted}", f"songs by {wanted}, calm", f"{wanted} and {other}, for a long drive"):
        lists.connect()
        live = check_live(lists, prompt, prompt)
        ok(any(wanted in track["artist"] for track in live), f"{prompt}: some by the one who was named", live[:3])
        same(lists.emulator.service("spotify")["duplicates"], 0, f"{prompt}: no question was asked twice")
    lists.connect()
    document = lists.document(f"like {wanted}, but not {other}", "20 s")
    ok(origins(document)["live"], "with an exclusion: rows are live", origins(document))
    same([track for track in document["tracks"] if other in track["artist"]], [], "and none is by whom the prompt excludes")
    document = lists.document(f"like {wanted}", "20 s", {"exclude_artists": [other]})
    same([track for track in document["tracks"] if other in track["artist"]], [], "nor by whom an option excludes")
    many = [f"nobody {n}" for n in range(500)] + [other] + [f"no band {n}" for n in range(400)]
    document = lists.document(f"like {wanted}", "20 s", {"exclude_artists": many})
    ok(origins(document)["live"], "with hundreds of exclusions: rows are live", origins(document))
    same([track for track in document["tracks"] if other in track["artist"]], [], "and none is by one of these")
    document = lists.document(f"like {wanted}", "20 s")
    gone = [track["track_id"] for track in document["tracks"] if track["origin"] == "live"][:3]
    document = lists.document(f"like {wanted}", "20 s", {"negative_tracks": gone})
    same([track for track in document["tracks"] if track["track_id"] in gone], [], "a live track that was declined is not given")
    title = next(track for track in lists.known.values() if track["artist"] == wanted and track["name"].isascii())
    lists.connect()
    document = lists.document(f"like \"{title['name']}\" by {wanted}", "20 s")
    same(broken_rules(document), [], "a title that only the service knows: the list keeps to the rules")
    ok(origins(document)["live"], "and rows are live", origins(document))
    rows = lists.session.query("SELECT origin, reason <> '' FROM " + call("", f"like {wanted}", SIZE, SEED, "20 s", "reco_generate"))
    ok(["live", "t"] in rows and len(rows) == SIZE, "reco_generate says so, too, and why", rows[:3])
    explained = "\n".join(row[0] for row in lists.session.query(
        "SELECT * FROM reco_explain('', " + literal(f"like {wanted}") + ")"))
    ok("live" in explained, "and reco_explain tells of it", explained[:1500])
    lists.session.query("BEGIN READ ONLY")
    same(len(lists.document(f"like {wanted}", "20 s")["tracks"]), SIZE, "in a read-only transaction as well")
    lists.session.query("COMMIT")


def trouble(lists, prompt):
    """Whatever a service does, the list is at least the local one."""
    lists.disconnect()
    lists.emulator.reset()
    local = lists.document(prompt)
    same((origins(local), lists.calls()), ({"local": SIZE}, 0), "without servers all rows are local")
    everywhere = [{"route": "/spotify/v1/", "kind": None}, {"route": "/reccobeats/v1/", "kind": None}]
    for kind in ("status:503", "status:400", "status:403", "status:404", "reset", "html-200", "empty-200", "truncate:40",
                 "not-an-object", "deep-nesting:50000", "huge-body:10", "limited", "401-expired", "stall"):
        lists.connect()
        lists.emulator.fault([{**rule, "kind": kind} for rule in everywhere])
        began = time.monotonic()
        document = lists.document(prompt, "6 s")
        seconds = time.monotonic() - began
        same(essence(document), essence(local), f"{kind}: the list is the local one")
        ok(seconds < 6 + SLACK, f"{kind}: within the deadline", seconds)
    lists.connect()
    lists.emulator.fault([{"route": "api/token", "kind": "status:500"}, {"route": "/reccobeats/v1/", "kind": "stall"}])
    same(essence(lists.document(prompt, "6 s")), essence(local), "no token: the same")
    lists.connect()
    lists.emulator.config(latency={"spotify": 1500, "reccobeats": 1500, "accounts": 1500})
    for deadline, most in (("1 s", 1), ("200 ms", .2), ("0", 0)):
        began = time.monotonic()
        document = lists.document(prompt, deadline)
        seconds = time.monotonic() - began
        ok(len(document["tracks"]) == SIZE or most == 0, f"slow services, a deadline of {deadline}: a whole list",
           len(document["tracks"]))
        ok(seconds < most + SLACK, f"slow services, a deadline of {deadline}: in time", seconds)

    # one of the two
    lists.connect()
    lists.emulator.fault([{"route": "/reccobeats/", "kind": "stall"}])
    began = time.monotonic()
    check_live(lists, prompt, "while only ReccoBeats hangs", lists.document(prompt, "4 s"))
    ok(time.monotonic() - began < 4 + SLACK, "within the deadline", time.monotonic() - began)
    lists.connect()
    lists.emulator.fault([{"route": "/spotify/", "kind": "status:503"}])
    same(broken_rules(lists.document(prompt, "4 s")), [], "while only Spotify fails: the list keeps to the rules")

    # odd bytes, in a list as elsewhere
    for kind in ("lone-surrogate", "nul-escape", "null-items", "numbers-as-strings", "missing-key:artists", "missing-key:name",
                 "missing-key:id", "null-key:popularity", "dup-keys", "bom"):
        lists.connect()
        lists.emulator.fault([{"route": "/", "kind": kind}])
        document = lists.document(prompt, "10 s")
        ok(len(document["tracks"]) == SIZE and not broken_rules(document), f"{kind}: a whole list that keeps to the rules",
           broken_rules(document))
    return local


def switches(lists, prompt, local):
    lists.connect()
    session = lists.session
    session.query("SET reco.upstreams = off")
    same((essence(lists.document(prompt)), lists.calls()), (essence(local), 0), "reco.upstreams off: no call, and the local list")
    session.query("RESET reco.upstreams")
    session.query("ALTER SERVER spotify OPTIONS (ADD enabled 'false'); ALTER SERVER reccobeats OPTIONS (ADD enabled 'false')")
    same((essence(lists.document(prompt)), lists.calls()), (essence(local), 0), "servers that are not enabled: the same")
    session.query("ALTER SERVER spotify OPTIONS (SET enabled 'true'); ALTER SERVER reccobeats OPTIONS (SET enabled 'true')")
    session.query("DROP USER MAPPING FOR PUBLIC SERVER spotify; DROP SERVER reccobeats CASCADE")
    same((essence(lists.document(prompt)), lists.calls()), (essence(local), 0), "a server without a mapping: the same")
    lists.connect()
    plain = lists.document("rainy sunday, calm")
    same((origins(plain), lists.calls()), ({"local": SIZE}, 0), "nothing to ask in a prompt: nothing is asked")


def weighed_alike(lists, label):
    """A label that artists carry in part says as much of a track whoever told of it."""
    session = lists.session
    session.query("UPDATE reco.track SET genres = ARRAY[" + literal(label) + "] WHERE hashtext(track_id) % 3 = 0")
    session.query("SELECT reco_learn_moods()")
    genre = {}
    for on in ("off", "on"):
        session.query(f"SET reco.upstreams = {on}")
        lists.connect()
        document = lists.document(label, "20 s", {"seed": 0})
        genre[on] = {track["track_id"]: track["parts"].get("genre") for track in document["tracks"]}
    session.query("RESET reco.upstreams")
    both = set(genre["on"]) & set(genre["off"])
    ok(len(both) >= SIZE / 2 and lists.calls() > 0, "tracks that are listed with services and without", len(both), lists.calls())
    same([track for track in both if genre["on"][track] != genre["off"][track]], [], "a label says the same of them")


def imported(lists):
    """A catalogue that shares ids with the services: what it lacks comes live."""
    session, emulator = lists.session, lists.emulator
    session.query("TRUNCATE reco.track, reco.artist")
    lists.connect()
    rows = [{name: track[name] for name in ("id", "isrc", "name", "artist", "artist_id")} for track in emulator.tracks(600)]
    session.query("CREATE TABLE song AS SELECT r.id AS track_id, r.name AS title, r.artist, r.isrc,"
                  " (f.value->>'energy')::real AS energy, (f.value->>'valence')::real AS valence,"
                  " (f.value->>'tempo')::real AS tempo, (f.value->>'danceability')::real AS danceability,"
                  " (f.value->>'acousticness')::real AS acousticness"
                  f" FROM jsonb_to_recordset({literal(rows)}) AS r(id text, isrc text, name text, artist text, artist_id text)"
                  " LEFT JOIN (SELECT key, value FROM reco_resolve('track_features', ARRAY["
                  + ", ".join(literal(row["id"]) for row in rows) + "], '60 s')) AS f ON f.key = r.id")
    session.query("SELECT reco_catalogue_import('song')")
    emulator.reset_counters()
    for prompt in ("party, upbeat", "rainy sunday, calm"):
        live = check_live(lists, prompt, f"an imported catalogue, {prompt}")
        here = {row["id"] for row in rows}
        ok(any(track["track_id"] not in here for track in live), f"{prompt}: also such as the catalogue does not have",
           [track["track_id"] in here for track in live])
    weighed_alike(lists, "polka")
    counts = emulator.service("reccobeats")
    same((counts["in_cooldown"], counts["after_refusal"]), (0, 0), "and the service has nothing to complain about")


def told(lists):
    """How often a service was asked about single tracks."""
    routes = lists.emulator.counters()["routes"]
    return sum(routes.get("GET /spotify/v1/tracks" + one, {"calls": 0})["calls"] for one in ("", "/{id}"))


def in_the_matrix(session):
    return until(lambda: session.value("SELECT state = 'shared' AND exact AND tracks = (SELECT count(*) FROM reco.track)"
                                       " FROM reco_stat_memory WHERE database = current_database()") == "t", 60)


def gone(cluster, lists, prompt):
    """A catalogue that shares ids with the services has the last word on what is in it."""
    session, emulator = lists.session, lists.emulator
    # a table of some size, which sessions do not just read for themselves
    session.query("ALTER TABLE reco.track SET (autovacuum_enabled = off)")
    session.query("BEGIN; INSERT INTO reco.track (track_id, artist_id, title, artist, album) SELECT 'bloat ' || n, 'bloat', 'bloat', 'bloat',"
                  " (SELECT string_agg(md5(n || ' ' || i), '') FROM generate_series(1, 50) AS i) FROM generate_series(1, 8000) AS n; ROLLBACK")
    ok(in_the_matrix(session), "the catalogue is in shared memory")
    others = [{"route": "/reccobeats/", "kind": "status:503"}]
    other, lists.session = session, cluster.session()
    session = lists.session
    keeper = int(session.value("SELECT pid FROM reco_stat_worker WHERE worker = 'keeper' AND database = current_database()"))
    lists.connect()
    emulator.fault(others)
    document = lists.document(prompt, "10 s")
    given = [track["track_id"] for track in document["tracks"]]
    ok(set(given) & set(lists.known), "its tracks are such as a service knows", given)

    until(lambda: session.value(f"SELECT count(*) FROM reco.run WHERE run_id = {document['run_id']}") == "1")
    stand_still(keeper)
    try:
        other.query("CREATE TABLE former AS SELECT * FROM reco.track WHERE track_id = ANY (" + literal("{" + ",".join(given) + "}") + ")")
        other.query("DELETE FROM reco.track WHERE track_id IN (SELECT track_id FROM former)")
        lists.connect()
        emulator.fault(others)
        document = lists.document(prompt, "10 s")
        same([track for track in document["tracks"] if track["track_id"] in given], [],
             "what is deleted is not listed, though it is in memory and a service knows it")
        same(len(document["tracks"]), SIZE, "the list is whole")
        rows = session.query("SELECT track_id FROM reco_rank('', " + literal(prompt) + ", 300)")
        same([row for row in rows if row[0] in given], [], "nor is it ranked")
        same(told(lists), 0, "and no service is asked about what was ranked")
        same(session.value("SELECT session_bytes FROM reco_stat_memory WHERE database = current_database()"), "0",
             "all from the memory that has it")
    finally:
        os.kill(keeper, signal.SIGCONT)
    other.query("INSERT INTO reco.track SELECT * FROM former")


def expired(lists, prompt):
    """Learned tracks whose time is over are good enough for now."""
    session, emulator = lists.session, lists.emulator
    session.query("UPDATE reco.track SET fetched_at = now() - interval '40 days', expires_at = now() - interval '10 days'")
    ok(in_the_matrix(session), "all of a catalogue is out of date")
    old = session.value("SELECT track_id FROM reco.track WHERE expires_at < now() ORDER BY track_id LIMIT 1")
    for name, options in (("in a list", {}), ("that was declined", {"negative_tracks": [old]})):
        lists.connect()
        emulator.fault([{"route": "/spotify/v1/tracks", "kind": "stall"}])
        document = lists.document(prompt, "20 s", options)
        ok(document["complete"] and len(document["tracks"]) == SIZE, f"an old track {name}, and the service hangs: a complete list",
           document.get("missing"))
        if options:
            ok(until(lambda: told(lists) > 0), f"one {name} is asked for again all the same", emulator.counters()["routes"])
        else:
            same(told(lists), 0, f"the service is not asked about those {name}")


def main():
    with Emulator("--preset", "extended", "--latency", "none", "--window", "none") as emulator, \
            Cluster("reco.gateway_upstreams = 200", "reco.learn = off") as cluster:
        session = cluster.session()
        session.query("CREATE EXTENSION reco CASCADE")
        session.query("SELECT reco_demo_catalogue(2000)")
        lists = Lists(session, emulator)
        artists = emulator.artists(20)
        names(lists, artists)
        prompt = f"like {artists[0]['name']}, calm"
        local = trouble(lists, prompt)
        switches(lists, prompt, local)
        imported(lists)
        gone(cluster, lists, "rainy sunday, calm")
        expired(lists, "rainy sunday, calm")
        same(emulator.counters()["bugs"], [], "the emulator did what it was told")

        session.query("TRUNCATE reco.track, reco.artist")
        session.query("SELECT reco_demo_catalogue(2000)")
        lists.connect()
        same(nothing_left(session), None, "no slot and no memory is left behind")
        emulator.stop()
        began = time.monotonic()
        same(essence(lists.document(prompt, "4 s")), essence(local), "nobody there at all: the local list")
        ok(time.monotonic() - began < 4 + SLACK, "in time", time.monotonic() - began)
    done()


main()
