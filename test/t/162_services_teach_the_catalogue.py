#!/usr/bin/env python3
"""Claim: what services tell becomes a part of the catalogue, and harms nothing that is there.

Tracks, artists and features land with who told them, when, and until when that holds. What
somebody imported or wrote stays as it is, but for features that nobody knew. No list that
is kept becomes invalid. What nobody tells again in time goes. Whoever has the catalogue
locked holds up nothing else, and no value, however wrong, holds up anything.
"""
import json
import os
import re
import shutil
import signal
import sys
import tempfile
from urllib.parse import unquote_plus

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from cluster import Cluster, connect_services, gateway_pid, is_back, resolve  # noqa: E402
from driver import build  # noqa: E402
from emulator import Emulator  # noqa: E402
from reco_tap import call, done, literal, ok, same, until  # noqa: E402

SEARCH, TRACKS, ARTISTS, FEATURES, RB_ARTIST_TRACKS = 0, 3, 4, 7, 9  # categories of the buffer
PROMPT = "rainy sunday, calm"
LEARNED = "SELECT count(*) FROM reco.track WHERE source IN ('spotify', 'reccobeats')"
HAND_MADE = "SELECT md5(string_agg(t::text, '|' ORDER BY track_id)) FROM reco.track AS t WHERE source NOT IN ('spotify', 'reccobeats')"


class Learning:
    """A server with services, and what its catalogue learned."""

    def __init__(self, cluster, emulator):
        self.cluster = cluster
        self.emulator = emulator
        self.session = cluster.session()
        self.session.query("CREATE EXTENSION reco CASCADE")
        connect_services(self.session, emulator, reccobeats={"rate": "10000/1s", "max_concurrency": "20"},
                         spotify={"rate": "10000/1s", "daily_quota": "100000"})

    def ask(self, kind, keys):
        return [row[0] for row in self.session.query(resolve(kind, keys, "20 s", columns="outcome"))]

    def value(self, sql):
        return self.session.value(sql)

    def number(self, sql):
        return int(self.session.value(sql))

    def count(self, column):
        return self.number(f"SELECT {column} FROM reco_learn_stats")

    def track(self, track_id, columns="source"):
        rows = self.session.query(f"SELECT {columns} FROM reco.track WHERE track_id = {literal(track_id)}")
        return rows[0] if rows else None

    def learned(self, ids):
        """Waits until all of them are in the catalogue."""
        array = literal("{" + ",".join(ids) + "}")
        return until(lambda: self.number(f"SELECT count(*) FROM reco.track WHERE track_id = ANY ({array})") == len(ids))

    def is_kept(self, ids):
        """Waits until answers about all of these tracks are in the table of the cache."""
        array = literal("{" + ",".join(ids) + "}")
        return until(lambda: self.number("SELECT count(*) FROM reco.cache WHERE category = 'tracks' AND split_part(key, chr(31), 1) = ANY"
                                         f" ({array})") == len(ids))

    def now(self):
        return self.value("SELECT clock_timestamp()")

    def keeper_says(self, what, since):
        """Waits until the keeper says that something went wrong."""
        return until(lambda: self.number("SELECT count(*) FROM reco_stat_worker WHERE worker = 'keeper' AND database = current_database()"
                                         f" AND last_error LIKE {literal(f'%{what}%')} AND last_error_at > {literal(since)}") == 1)

    def settle(self):
        """Waits until all that is in the buffer was written, and learned from."""
        waiting = "SELECT sum(unwritten) FROM reco_cache_stats"
        ok(until(lambda: self.value(waiting) == "0"), "the keeper has written everything")

    def setting(self, name, value):
        self.session.query(f"ALTER SYSTEM SET {name} = {literal(value)}")
        self.session.query("SELECT pg_reload_conf()")

    def calls(self, service):
        return self.emulator.service(service)["calls"]


def provenance(learning, tracks, missing):
    """Facts land, with who told them."""
    ids = [track["id"] for track in tracks[:6]]
    same(learning.ask("track_facts", ids), ["fresh"] * 6, "a service is asked for tracks")
    ok(learning.learned(ids), "they are in the catalogue")
    for track in tracks[:2]:
        row = learning.track(track["id"], "title, artist, artist_id, source, expires_at > now() + '26 days',"
                             " expires_at < now() + '34 days', fetched_at > now() - interval '5 minutes', features,"
                             " features_source IS NULL, title_fold = reco.fold(title), search IS NOT NULL")
        same(row[:4] + row[4:], [track["name"], row[1], track["artist_id"], "spotify", "t", "t", "t", "unknown", "t", "t", "t"],
             f"{track['name']}: as told, by whom, until when, not measured")
        ok(track["artist"] in row[1], "by its artist", row)
    same(learning.value(f"SELECT count(*) FROM reco.artist WHERE source = 'spotify' AND expires_at > now() AND artist_id ="
                        f" ANY ({literal('{' + ','.join(track['artist_id'] for track in tracks[:6]) + '}')})"),
         str(len({track["artist_id"] for track in tracks[:6]})), "and so are their artists")

    same(learning.ask("track_features", ids[:3]), ["fresh"] * 3, "features of some")
    ok(until(lambda: learning.track(ids[2], "features")[0] == "measured"), "are measured")
    same(learning.track(ids[0], "source, features_source, energy IS NOT NULL, features_expires_at > now() + '80 days',"
                        " features_expires_at < now() + '100 days', features_fetched_at > now() - interval '5 minutes'"),
         ["spotify", "reccobeats", "t", "t", "t", "t"], "the track says who told it, and who its features")
    same(learning.track(ids[3], "features, energy IS NULL, features_source IS NULL"), ["unknown", "t", "t"],
         "those that were not asked for are unknown")

    # what a service does not know is absent, and nothing is filled in
    same(learning.ask("track_facts", missing), ["fresh"] * len(missing), "tracks that have no features")
    ok(learning.learned(missing), "are in the catalogue, too")
    same(learning.ask("track_features", missing), ["absent"] * len(missing), "the other service does not know them")
    ok(until(lambda: learning.track(missing[0], "features")[0] == "absent"), "they are absent")
    same(learning.track(missing[0], "num_nonnulls(energy, valence, tempo, key, mode), features_source,"
                        " features_expires_at BETWEEN now() + '6 days' AND now() + '8 days'"),
         ["0", "reccobeats", "t"], "and have no number, for a week")

    # features before the track
    early = [track["id"] for track in tracks[6:9]]
    same(learning.ask("track_features", early), ["fresh"] * 3, "features of tracks that the catalogue does not have")
    learning.settle()
    same(learning.ask("track_facts", early), ["fresh"] * 3, "and then the tracks")
    ok(until(lambda: learning.number(f"SELECT count(*) FROM reco.track WHERE features = 'measured' AND track_id = ANY"
                                     f" ({literal('{' + ','.join(early) + '}')})") == 3), "come together")


def told_again(learning, tracks):
    """What is told again soon is not written again; what changed is."""
    ids = [track["id"] for track in tracks[:2]]
    version = learning.track(ids[0], "xmin")
    learning.session.query("SELECT reco_cache_invalidate('tracks')")
    before = learning.calls("spotify")
    same(learning.ask("track_facts", ids[:1] + [tracks[10]["id"]]), ["fresh"] * 2, "what is told again")
    same(learning.calls("spotify"), before + 1, "by the service")
    ok(learning.learned([tracks[10]["id"]]), "is learned from")
    same(learning.track(ids[0], "xmin"), version, "but not written again, as it is the same")
    learning.session.query(f"UPDATE reco.track SET fetched_at = now() - interval '29 days', expires_at = now() + interval '1 day'"
                           f" WHERE track_id = {literal(ids[0])}")
    same(learning.track(ids[0]), ["spotify"], "times that somebody sets make it nobody's own")
    learning.session.query("SELECT reco_cache_invalidate('tracks')")
    same(learning.ask("track_facts", ids[:1]), ["fresh"], "what is told again late")
    ok(until(lambda: learning.track(ids[0], "expires_at > now() + '20 days'") == ["t"]), "holds anew")


def hand_made(learning, tracks):
    """What somebody wrote or imported is his or hers."""
    session = learning.session
    own, unknown, absent, imported, taken, mixed, changed, measured = [track["id"] for track in tracks[20:28]]
    session.query("INSERT INTO reco.track (track_id, artist_id, title, artist, features, energy) VALUES"
                  f" ({literal(own)}, 'me', 'Mine', 'Me', 'measured', 0.25), ({literal(unknown)}, 'me', 'Not asked', 'Me', 'unknown', NULL),"
                  f" ({literal(absent)}, 'me', 'Nowhere', 'Me', 'absent', NULL)")
    session.query("INSERT INTO reco.artist (artist_id, name, genres) VALUES"
                  f" ({literal(tracks[23]['artist_id'])}, 'My own name', '{{mine}}')"
                  " ON CONFLICT (artist_id) DO UPDATE SET name = excluded.name, source = 'manual'")
    session.query("CREATE TABLE songs AS SELECT * FROM (VALUES"
                  f" ({literal(imported)}, 'Imported', 'Somebody', 0.5::real)) AS s (track_id, title, artist, energy)")
    session.query("SELECT reco_catalogue_import('songs')")
    columns = "title, artist, artist_id, features, energy, valence, source, features_source, expires_at"
    before = [learning.track(key, columns) for key in (own, absent, imported)]
    ids = [own, unknown, absent, imported, taken, mixed, changed, measured]
    same(learning.ask("track_facts", ids) + learning.ask("track_features", ids), ["fresh"] * 16, "services tell of tracks that somebody has")
    ok(learning.learned(ids) and until(lambda: learning.track(measured, "features") == ["measured"]), "the others are learned")
    same([learning.track(key, columns) for key in (own, absent, imported)], before, "what was written and imported stays as it is")
    row = learning.track(unknown, "title, source, expires_at, features, energy IS NOT NULL, features_source, features_expires_at > now()")
    same(row, ["Not asked", "manual", "", "measured", "t", "reccobeats", "t"], "but for features that nobody knew, which say who told them")
    same(learning.value(f"SELECT name || genres::text FROM reco.artist WHERE artist_id = {literal(tracks[23]['artist_id'])}"),
         "My own name{mine}", "an artist of somebody's own keeps name and genres")

    # an import takes over what services told
    session.query("CREATE TABLE more AS SELECT * FROM (VALUES"
                  f" ({literal(taken)}, 'Taken over', 'Somebody', NULL::real), ({literal(mixed)}, 'Mixed', 'Somebody', 0.75::real))"
                  " AS s (track_id, title, artist, energy)")
    session.query("SELECT reco_catalogue_import('more')")
    same(learning.track(taken, "title, album, source, expires_at, features, energy IS NOT NULL, features_source"),
         ["Taken over", "", "table:more", "", "measured", "t", "reccobeats"], "an import takes over what a service told, but measured features")
    same(learning.track(mixed, "title, source, expires_at, energy, valence, features_source, features_expires_at"),
         ["Mixed", "table:more", "", "0.75", "", "", ""], "and mixes none with its own")

    # whoever changes a row by hand makes it his own
    session.query(f"UPDATE reco.track SET popularity = popularity, title = title WHERE track_id = {literal(changed)}")
    same(learning.track(changed), ["spotify"], "an UPDATE that changes nothing changes nothing")
    session.query(f"UPDATE reco.track SET title = 'Corrected' WHERE track_id = {literal(changed)}")
    session.query(f"UPDATE reco.track SET energy = 0.125 WHERE track_id = {literal(measured)}")
    same(learning.track(changed, "title, source, expires_at, features_source"), ["Corrected", "manual", "", "reccobeats"],
         "a row that was corrected is its corrector's")
    same(learning.track(measured, "source, energy, features_source, features_expires_at"), ["spotify", "0.125", "", ""],
         "and so are features that were")
    session.query("SELECT reco_cache_invalidate()")
    session.query(f"UPDATE reco.track SET fetched_at = now() - interval '20 days' WHERE track_id = {literal(measured)}")
    again = [own, absent, imported, taken, mixed, changed, measured]
    version = learning.track(measured, "xmin")
    same(learning.ask("track_facts", again) + learning.ask("track_features", again), ["fresh"] * 14, "when services tell all of it again")
    ok(until(lambda: learning.track(measured, "xmin") != version), "and some is written")
    same([learning.track(key, columns) for key in (own, absent, imported)], before, "what was written and imported still is as it was")
    same([learning.track(key, "title")[0] for key in (taken, mixed, changed)], ["Taken over", "Mixed", "Corrected"], "and what was taken over")
    same(learning.track(measured, "energy, features_source"), ["0.125", ""], "and features that were corrected")


def run_of(learning, prompt, function="reco_generate", deadline="20 s"):
    if function == "reco_generate":
        return learning.session.query("SELECT DISTINCT run_id FROM " + call("ana", prompt, 5, None, deadline, function))[0][0]
    return str(learning.session.json("SELECT " + call("ana", prompt, 5, None, deadline, function))["run_id"])


def nothing_invalid(learning, tracks, artists):
    """Lists that are kept stay, and the catalogue in memory comes to know what is new."""
    session = learning.session
    session.query("SELECT reco_demo_catalogue(1500)")
    session.query("UPDATE reco.cache_policy SET fresh = '1 hour' WHERE category = 'result'")
    name = next(artist for artist in artists if not session.query(f"SELECT 1 FROM reco.artist WHERE name_fold = reco.fold({literal(artist['name'])})"))["name"]
    prompts = (PROMPT, f"like {name}")
    local = learning.number("SELECT tracks FROM reco_stat_memory WHERE database = current_database()")
    runs = [run_of(learning, prompt) for prompt in prompts]
    generation = learning.value("SELECT string_agg(change_id::text, ' ' ORDER BY change_id) FROM reco.change WHERE what <> 'learned'")
    learning.settle()
    ok(until(lambda: learning.number("SELECT count(*) FROM reco.artist WHERE source = 'spotify' AND name_fold ="
                                     f" reco.fold({literal(name)})") == 1), "an artist whom a prompt names is learned from its run")
    before = learning.count("tracks")
    ids = [track["id"] for track in tracks[40:140]]
    for first in range(0, 100, 20):
        same(learning.ask("track_facts", ids[first:first + 20]), ["fresh"] * 20, "more tracks are told")
    same(learning.ask("track_features", ids), ["fresh"] * 100, "and their features")
    ok(learning.learned(ids), "and learned")
    ok(learning.count("tracks") >= before + 90, "as the view says")
    ok(until(lambda: learning.number("SELECT tracks FROM reco_stat_memory WHERE database = current_database()") >= local + 90),
       "scans come to see them", session.query("SELECT * FROM reco_stat_memory"), session.query("SELECT * FROM reco_learn_stats"))
    same(learning.value("SELECT string_agg(change_id::text, ' ' ORDER BY change_id) FROM reco.change WHERE what <> 'learned'"),
         generation, "no change of the catalogue or lexicon is noted")
    same([run_of(learning, prompt) for prompt in prompts], runs, "the same questions get the lists that were made before")
    same([run_of(learning, prompt, "reco_generate_json") for prompt in prompts], runs, "in another form, too")
    same([run_of(learning, prompt.upper() if prompt == PROMPT else prompt + "!") for prompt in prompts], runs, "in other words as well")
    same(learning.value("SELECT count(*) FROM reco.change WHERE what = 'learned'"), "1", "of what was learned one note is kept")
    return prompts, runs


def words_of(text):
    """The beginnings of its words, as a query of a search vector: stems end differently."""
    return " & ".join(f"{word[:4]}:*" for word in re.findall(r"[a-z]+", text.lower()))


def answers_from_it(learning, artists):
    """The embedded engine answers from what was learned, and the lexicon learns."""
    session = learning.session
    rows = session.query("SELECT a.artist_id, a.name FROM reco.artist AS a JOIN reco.track AS t USING (artist_id) WHERE t.source = 'spotify'"
                         " AND a.source = 'spotify' AND t.features = 'measured' GROUP BY 1, 2 ORDER BY count(*) DESC, 1 LIMIT 12")
    ids = [row[0] for row in rows]
    genre = next(artist["genres"][0] for artist in artists if artist["id"] == ids[0])
    same(learning.ask("artist_facts", ids), ["fresh"] * len(ids), "artists are told with genres")
    ok(until(lambda: learning.value(f"SELECT genres IS NOT NULL FROM reco.artist WHERE artist_id = {literal(ids[0])}") == "t"), "which are learned")
    ok(until(lambda: learning.value(f"SELECT bool_and({literal(genre)} = ANY (genres)) FROM reco.track WHERE source = 'spotify' AND artist_id ="
                                    f" {literal(ids[0])}") == "t"), "their tracks have them, too")
    of_artist = f" FROM reco.track WHERE source = 'spotify' AND artist_id = {literal(ids[0])}"
    same(learning.value(f"SELECT count(*) > 0 AND bool_and(search @@ to_tsquery('simple', {literal(words_of(genre))})){of_artist}"), "t",
         "and are found by their words")
    same(learning.value("SELECT bool_and(genres = ARRAY(SELECT DISTINCT lower(x) COLLATE \"C\" FROM unnest(genres) AS x ORDER BY 1))"
                        f" FROM reco.artist WHERE artist_id = ANY ({literal('{' + ','.join(ids) + '}')})"), "t", "in lower case, each once")
    generation = learning.value("SELECT count(*), max(change_id) FROM reco.change WHERE what = 'lexicon'")
    ok(until(lambda: learning.value("SELECT lexicon_at IS NOT NULL FROM reco_learn_stats") == "t", 60), "the lexicon is made anew")
    same(learning.value("SELECT count(*), max(change_id) FROM reco.change WHERE what = 'lexicon'"), generation, "which makes no list invalid")
    ok(until(lambda: has_seen_all(learning)), "scans come to see all of it")
    learned = {row[0]: row for row in session.query("SELECT track_id, title, artist_id, genres::text FROM reco.track WHERE source = 'spotify'")}
    # a word that few have, and all of them are learned
    word, having = session.query("SELECT word, string_agg(track_id, ' ') FROM (SELECT track_id, source, unnest(tsvector_to_array(search)) AS word"
                                 " FROM reco.track) AS t WHERE word ~ '^[a-z]{5,}$' GROUP BY word"
                                 " HAVING bool_and(source = 'spotify') AND count(*) < 5 ORDER BY count(*) DESC, word LIMIT 1")[0]
    calls = learning.emulator.counters()["services"]
    session.query("SET reco.upstreams = off")
    for prompt, fits in ((f"like {rows[0][1]}", lambda row: row[2] == ids[0]), (genre, lambda row: genre in row[3]),
                         (word, lambda row: row[0] in having.split())):
        document = session.json("SELECT " + call("", prompt, 10))
        found = [track["track_id"] for track in document["tracks"] if track["track_id"] in learned and fits(learned[track["track_id"]])]
        ok(found, f"with no service asked, what was learned is found: {prompt}",
           [(track["title"], track["artist"], track["origin"]) for track in document["tracks"]])
    session.query("RESET reco.upstreams")
    same({name: service["calls"] for name, service in learning.emulator.counters()["services"].items()},
         {name: service["calls"] for name, service in calls.items()}, "and none was asked")


def has_seen_all(learning):
    """Is all of the catalogue in memory?"""
    return learning.value("SELECT tracks = (SELECT count(*) FROM reco.track) FROM reco_stat_memory"
                          " WHERE database = current_database()") == "t"


def asked_about(learning, artist, tracks):
    """A run that names an artist, with no answer kept: what services are asked about the artist and some tracks."""
    learning.settle()
    ok(until(lambda: has_seen_all(learning)), "scans see what there is")
    learning.session.query("SELECT reco_cache_invalidate()")
    learning.emulator.reset_counters()
    document = learning.session.json("SELECT " + call("", f"like {artist['name']}", 10, None, "20 s"))
    same(document["mood"]["artists"], [artist["name"]], "an artist is named")
    kinds = set()
    for service in ("spotify", "reccobeats"):
        for row in learning.emulator.service(service)["log"]:
            target = unquote_plus(row[5])
            if f'artist:"{artist["name"].lower()}"' in target.lower():
                kinds.add("tracks" if target.endswith("&type=track") or "&type=track&" in target else "name")
            if f"/artists/{artist['id']}/" in target:
                kinds.add("tracks")
            if service == "reccobeats" and "audio-features" in target and any(track["id"] in target for track in tracks):
                kinds.add("features")
    return kinds


def what_is_asked(learning, artists):
    """Runs ask for what is not known, or not any more."""
    known = {row[0] for row in learning.session.query("SELECT artist_id FROM reco.artist UNION ALL SELECT track_id FROM reco.track"
                                                      " UNION ALL SELECT name_fold FROM reco.artist")}
    everything = [track for track in learning.emulator.tracks(2000) if not track["twin"]]
    for artist in artists:
        own = [track for track in everything if track["artist_id"] == artist["id"]]
        ids = [track["id"] for track in own]
        if len(own) >= 16 and artist["name"].isascii() and not known & {artist["id"], artist["name"].lower(), *ids}:
            break
    array = literal("{" + ",".join(ids) + "}")
    here = f" FROM reco.track WHERE source = 'spotify' AND track_id = ANY ({array})"
    same({"name", "tracks"} - asked_about(learning, artist, own), set(), "services are asked who a stranger is, and for tracks")

    same(set(learning.ask("track_facts", ids)), {"fresh"}, "they tell of all that there is")
    learning.ask("track_features", ids)
    ok(until(lambda: learning.number(f"SELECT count(*){here} AND features <> 'unknown'") == len(ids)), "which is learned",
       learning.session.query(f"SELECT track_id, title, source, features, features_source FROM reco.track WHERE track_id = ANY ({array})"))
    same(asked_about(learning, artist, own), set(), "and they are not asked about it again")

    # of what is here too much is out of date
    learning.session.query("UPDATE reco.track SET fetched_at = now() - interval '40 days', expires_at = now() - interval '10 days'"
                           f" WHERE track_id = ANY ({array})")
    same(asked_about(learning, artist, own), {"tracks"}, "when their time is over, tracks are asked for again")
    ok(until(lambda: learning.number(f"SELECT count(*){here} AND expires_at > now() + interval '20 days'") > 0), "and those told anew hold again",
       learning.session.query(f"SELECT track_id, expires_at{here}"))

    # features likewise
    learning.session.query("UPDATE reco.track SET features_fetched_at = now() - interval '100 days', features_expires_at = now() - interval '10 days',"
                           f" fetched_at = now() - interval '40 days', expires_at = now() - interval '10 days' WHERE track_id = ANY ({array})")
    same(asked_about(learning, artist, own), {"tracks", "features"}, "when theirs is, so are features")
    ok(until(lambda: learning.number(f"SELECT count(*){here} AND features_expires_at > now()") > 0), "and hold again")


def expiry(learning, tracks):
    """What nobody tells again in time goes, and only that."""
    session = learning.session
    late, stale, listened, unmeasured = [track["id"] for track in tracks[40:44]]
    own = learning.value("SELECT track_id FROM reco.track WHERE title = 'Not asked'")
    session.query(f"SELECT reco_listen('ana', {literal(listened)})")
    session.query("INSERT INTO reco.track (track_id, artist_id, title, artist, fetched_at, expires_at) VALUES"
                  " ('old', 'me', 'Old', 'Me', now() - interval '400 days', now() - interval '300 days')")
    hand = learning.value(HAND_MADE)
    session.query("UPDATE reco.track SET fetched_at = now() - interval '61 days', expires_at = now() - interval '31 days'"
                  f" WHERE track_id IN ({literal(late)}, {literal(listened)})")
    session.query("UPDATE reco.track SET fetched_at = now() - interval '40 days', expires_at = now() - interval '10 days'"
                  f" WHERE track_id = {literal(stale)}")
    session.query("UPDATE reco.track SET features_fetched_at = now() - interval '181 days', features_expires_at = now() - interval '91 days'"
                  f" WHERE track_id IN ({literal(unmeasured)}, {literal(own)})")
    ok(until(lambda: learning.track(late) is None and learning.track(listened) is None, 60), "what nobody told again goes, with listens or without")
    same(learning.number(f"SELECT count(*) FROM reco.listen WHERE track_id = {literal(listened)}"), 1, "a listen keeps its id")
    ok(until(lambda: learning.track(unmeasured, "features") == ["unknown"] and learning.track(own, "features") == ["unknown"], 60),
       "features that nobody told again are unknown again")
    same(learning.track(own, "title, source, energy, features_source, features_expires_at"), ["Not asked", "manual", "", "", ""],
         "of somebody's own track nothing else goes")
    same(learning.track(stale), ["spotify"], "what is out of date can still be used for a while")
    session.query(f"UPDATE reco.track SET features = 'unknown' WHERE track_id = {literal(own)}")
    ok(learning.track("old") is not None, "a row that is of no service never goes, whatever its time")
    ok(hand != learning.value(HAND_MADE), "(but for its features)")
    ok(learning.count("removed") >= 4 and learning.count("expired_tracks") >= 1, "the view counts them", session.query("SELECT * FROM reco_learn_stats"))
    session.query("SELECT reco_cache_invalidate()")
    same(learning.ask("track_facts", [late, stale]), ["fresh"] * 2, "told again")
    ok(until(lambda: learning.track(late) == ["spotify"] and learning.track(stale, "expires_at > now()") == ["t"]), "they are back")


def switches(learning, tracks):
    """Each setting has its effect."""
    ids = [track["id"] for track in tracks[140:150]]
    learning.setting("reco.learn", "off")
    until(lambda: learning.value("SHOW reco.learn") == "off")
    before = learning.number(LEARNED)
    same(learning.ask("track_facts", ids), ["fresh"] * 10, "with reco.learn off a service is asked")
    learning.settle()
    same(learning.number(f"SELECT count(*) FROM reco.cache WHERE category = 'tracks' AND split_part(key, chr(31), 1) = ANY"
                         f" ({literal('{' + ','.join(ids) + '}')})"), 10, "and answers are kept")
    same(learning.number(LEARNED), before, "but not learned from")
    learning.setting("reco.learn", "on")
    until(lambda: learning.value("SHOW reco.learn") == "on")
    learning.session.query("SELECT reco_cache_invalidate('tracks')")
    same(learning.ask("track_facts", ids[:5]), ["fresh"] * 5, "on again")
    ok(learning.learned(ids[:5]), "they are")

    hand = learning.value(HAND_MADE)
    oldest = learning.value("SELECT track_id FROM reco.track WHERE source = 'spotify' ORDER BY fetched_at LIMIT 1")
    learning.setting("reco.learned_tracks", "60")
    ok(until(lambda: learning.number(LEARNED) <= 60, 60), "reco.learned_tracks is the most that there are")
    ok(learning.number(LEARNED) >= 50, "and not many fewer", learning.number(LEARNED))
    same(learning.track(oldest), None, "the oldest went first")
    same(learning.value(HAND_MADE), hand, "and none of anybody's own")
    learning.setting("reco.learned_tracks", "200000")


def locked(learning, tracks):
    """Whoever has the catalogue locked holds up learning, and nothing else."""
    ids = [track["id"] for track in tracks[150:155]]
    cached = ("SELECT count(*) FROM reco.cache WHERE category = 'tracks' AND split_part(key, chr(31), 1) = ANY"
              f" ({literal('{' + ','.join(ids) + '}')})")
    other = learning.cluster.session()
    for lock in ("LOCK TABLE reco.track IN ACCESS EXCLUSIVE MODE", "LOCK TABLE reco.artist IN SHARE MODE"):
        other.query("BEGIN")
        other.query(lock)
        same(learning.ask("track_facts", ids), ["fresh"] * 5, f"{lock}: a service is asked")
        ok(until(lambda: learning.number(cached) == 5), "its answers are written")
        ok(until(lambda: learning.value("SELECT state FROM reco_stat_worker WHERE worker = 'keeper' AND database = current_database()")
                 == "running"), "the keeper is well")
        same(other.value("SELECT count(*) FROM reco.track WHERE track_id = ANY"
                         f" ({literal('{' + ','.join(ids) + '}')})"), "0", "the tracks are not there")
        other.query("COMMIT")
        ok(learning.learned(ids), "and come once it is free")
        learning.session.query("SELECT reco_cache_invalidate('tracks')")
        learning.session.query(f"DELETE FROM reco.track WHERE track_id = ANY ({literal('{' + ','.join(ids) + '}')})")
    # a row of somebody's own, that he is about to change
    other.query("BEGIN")
    other.query("INSERT INTO reco.track (track_id, artist_id, title, artist) VALUES"
                f" ({literal(ids[0])}, 'me', 'About to be there', 'Me')")
    same(learning.ask("track_facts", ids), ["fresh"] * 5, "a track that somebody is writing right now")
    ok(until(lambda: learning.number(cached) == 5), "is kept")
    other.query("COMMIT")
    ok(learning.learned(ids), "it holds up the others until he is done")
    same(learning.track(ids[0], "title, source"), ["About to be there", "manual"], "and is his")
    other.close()


def keeper_keeps(learning, tracks, what):
    """While learning fails, answers and runs are kept; returns the tracks that it told of."""
    ids = [track["id"] for track in tracks]
    same(learning.ask("track_facts", ids), ["fresh"] * len(ids), f"{what}: a service is asked for other tracks")
    ok(learning.is_kept(ids), "its answers are kept")
    run = run_of(learning, f"sunny evening, {what}")
    ok(until(lambda: learning.number(f"SELECT count(*) FROM reco.run WHERE run_id = {run}") == 1), "and so is the record of a run")
    return ids


def row_locked(learning, tracks):
    """Whoever has a row locked holds up what is told with it, and nothing else; nothing is lost."""
    ids = [track["id"] for track in tracks[156:159]]
    array = literal("{" + ",".join(ids) + "}")
    lost = learning.count("lost")
    same(learning.ask("track_facts", ids), ["fresh"] * 3, "tracks are told")
    ok(learning.learned(ids), "and learned")
    learning.session.query("UPDATE reco.track SET fetched_at = now() - interval '29 days', expires_at = now() + interval '1 day'"
                           f" WHERE track_id = ANY ({array})")
    learning.session.query("SELECT reco_cache_invalidate('tracks')")
    other, since = learning.cluster.session(), learning.now()
    other.query("BEGIN")
    other.query(f"UPDATE reco.track SET title = title WHERE track_id = {literal(ids[0])}")
    same(learning.ask("track_facts", ids), ["fresh"] * 3, "one that somebody has locked is told again")
    ok(learning.keeper_says("lock timeout", since), "the keeper waits, but not for long")
    more = keeper_keeps(learning, tracks[159:162], "with a row locked")
    same(learning.number(f"SELECT count(*) FROM reco.track WHERE track_id = ANY ({array}) AND expires_at > now() + interval '20 days'"), 0,
         "what was told with the row is not there")
    other.query("COMMIT")
    other.close()
    ok(until(lambda: learning.number(f"SELECT count(*) FROM reco.track WHERE track_id = ANY ({array})"
                                     " AND expires_at > now() + interval '20 days'") == 3, 150), "and comes once the row is free")
    ok(learning.learned(more), "with what was told since")
    same(learning.count("lost"), lost, "none of it is lost")


def cancelled(learning, tracks):
    """So does whoever cancels what the keeper does."""
    session = learning.session
    ids = [track["id"] for track in tracks[162:165]]
    napping = ("SELECT pid FROM pg_stat_activity WHERE application_name = 'reco keeper' AND datname = current_database()"
               " AND wait_event = 'PgSleep'")
    since = learning.now()
    session.query("CREATE TABLE nap AS SELECT 1 AS one")
    session.query("CREATE FUNCTION nap() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN"
                  " IF EXISTS (SELECT FROM public.nap) THEN PERFORM pg_sleep(3600); END IF; RETURN NEW; END$$")
    session.query("CREATE TRIGGER nap BEFORE INSERT OR UPDATE ON reco.track FOR EACH ROW EXECUTE FUNCTION nap()")
    same(learning.ask("track_facts", ids), ["fresh"] * 3, "tracks that take long to write")
    ok(until(lambda: session.query(napping) != []), "the keeper writes")
    session.query(f"SELECT pg_cancel_backend(pid) FROM ({napping}) AS k")
    ok(learning.keeper_says("user request", since), "and is cancelled")
    ok(until(lambda: session.query(napping) != []), "it tries again")
    session.query("DELETE FROM nap")
    session.query(f"SELECT pg_cancel_backend(pid) FROM ({napping}) AS k")
    more = keeper_keeps(learning, tracks[165:168], "after it was cancelled")
    ok(learning.learned(ids + more), "what it was about to write comes, and what was told since")
    session.query("DROP TRIGGER nap ON reco.track; DROP FUNCTION nap(); DROP TABLE nap")


def cannot_go(learning, tracks):
    """What cannot be removed holds up nothing that is new."""
    session = learning.session
    liked, since = tracks[168]["id"], learning.now()
    same(learning.ask("track_facts", [liked]), ["fresh"], "a track")
    ok(learning.learned([liked]), "is learned")
    session.query("CREATE TABLE liked (track_id text REFERENCES reco.track)")
    session.query(f"INSERT INTO liked VALUES ({literal(liked)})")
    session.query("UPDATE reco.track SET fetched_at = now() - interval '61 days', expires_at = now() - interval '31 days'"
                  f" WHERE track_id = {literal(liked)}")
    ok(learning.keeper_says("foreign key", since), "when its time is over a key of an application's holds it")
    for part in (tracks[169:171], tracks[171:173]):
        ids = [track["id"] for track in part]
        before = learning.now()
        same(learning.ask("track_facts", ids), ["fresh"] * 2, "services tell of others")
        ok(learning.learned(ids), "which are learned")
        ok(until(lambda: learning.value(f"SELECT published_at > {literal(before)} FROM reco_learn_stats") == "t"), "and published")
        ok(until(lambda: has_seen_all(learning)), "and scans see them")
    same(learning.track(liked), ["spotify"], "the track is still there")
    session.query("DROP TABLE liked")
    ok(until(lambda: learning.track(liked) is None, 150), "and goes when nothing holds it any more")


def hostile(learning, library, tracks):
    """No value holds up anything."""
    session = learning.session
    session.query("CREATE FUNCTION driver_buffer_put(oid, oid, int, text, text, bool, bigint, bigint) RETURNS bool"
                  f" AS {literal(library)} LANGUAGE C")
    where = session.query("SELECT d.oid, e.oid FROM pg_database AS d, pg_extension AS e WHERE datname = current_database() AND extname = 'reco'")[0]

    def put(category, key, value):
        value = value if value is None or isinstance(value, str) else json.dumps(value)
        same(session.value(f"SELECT driver_buffer_put({where[0]}, {where[1]}, {category}, {literal(key)}, {literal(value)}, false, 3600000, NULL)"),
             "t", f"{str(value)[:50]!r} for {key[:20]!r} is in the buffer")

    def track(track_id, name="Fine", **more):
        return {"id": track_id, "name": name, "artists": [{"id": "A" * 22, "name": "Artist"}], **more}

    session.query("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN"
                  " IF NEW.title = 'refused' THEN RAISE EXCEPTION 'not this one'; END IF; RETURN NEW; END$$")
    session.query("CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON reco.track FOR EACH ROW EXECUTE FUNCTION refuse()")
    session.query("ALTER TABLE reco.track ADD CONSTRAINT short CHECK (title <> 'forbidden')")
    before, removed = learning.count("skipped"), learning.number(LEARNED)
    good = ["G" * 21 + c for c in "abcdefghij"]
    put(SEARCH, "one", {"tracks": [track(good[0]), track("H" * 22, "x" * 1001), track("I" * 22, "\u0001\u007f control"), track("short"),
                                   track("J" * 22, None), track("K" * 22, 7), {"id": "L" * 22, "name": "No artist"}, 5, None, [], "text",
                                   track("M" * 22, "refused"), track("N" * 22, "forbidden"), track(good[1], "y" * 1000)],
                        "artists": [{"id": "B" * 22, "name": "A" * 2000}, {"name": "no id"}, 3]})
    put(SEARCH, "two", "{\"tracks\": [{\"id\": \"" + "O" * 22 + "\", \"name\": \"nul \\u0000\", \"artists\": [{\"name\": \"x\"}]}]}")
    put(SEARCH, "three", "{\"tracks\": [")
    put(SEARCH, "four", "[[[[[]]]]]")
    put(TRACKS, good[2], track(good[2], album="z" * 5000, isrc="nonsense", release_date="2023-02-30", duration_ms=-5, popularity=1000, explicit="yes"))
    put(TRACKS, good[3], track(good[3], release_date="2023-09", duration_ms=1e99, popularity="55"))
    put(TRACKS, good[4], track(good[4], release_date="0000", linked_from="not an id"))
    put(FEATURES, good[0], {"energy": 7, "valence": 0.5, "loudness": -1000, "tempo": 0, "key": 3.5, "mode": "1"})
    put(FEATURES, good[2], {"instrumentalness": 1e-50, "energy": 0.5, "loudness": -1e-50})
    put(FEATURES, good[1], {"energy": "NaN", "valence": None, "tempo": [1]})
    put(FEATURES, good[3], "nonsense")
    put(ARTISTS, "C" * 22, {"id": "C" * 22, "name": "Genres", "genres": ["g" * 500, 3, "Fine", "fine", "", None], "popularity": 1e9})
    put(TRACKS, good[5], track(good[5], "last"))
    ok(learning.learned(good[:4] + good[5:6]), "what is good is learned", session.query("SELECT * FROM reco_learn_stats"))
    same(learning.number(LEARNED) - removed <= 7, True, "and nothing else")
    same(learning.track(good[2], "album, isrc, release_date, duration_ms, popularity, explicit"), [""] * 6, "what is wrong of a track is left out")
    same(learning.track(good[3], "release_date, release_precision, duration_ms, popularity"), ["2023-09-01", "month", "", "55"],
         "what is right is not")
    ok(until(lambda: learning.track(good[0], "features") == ["measured"]), "features out of bounds are left out")
    same(learning.track(good[0], "energy, valence, loudness, tempo, key, mode"), ["", "0.5", "", "", "", "1"], "those within are not")
    ok(until(lambda: learning.track(good[2], "features") == ["measured"]), "features that are almost nothing are measured")
    same(learning.track(good[2], "energy, instrumentalness, loudness"), ["0.5", "0", "0"], "and are nothing")
    same(learning.track(good[1], "features, features_source, length(title)"), ["unknown", "", "1000"], "where none is, nothing is measured")
    ok(until(lambda: learning.value(f"SELECT genres::text FROM reco.artist WHERE artist_id = '{'C' * 22}'") == "{fine}"), "genres likewise")
    same([learning.track(c * 22) for c in "HMN"], [None] * 3, "what cannot be written is not")
    same(learning.track("O" * 22, "starts_with(title, 'nul')"), ["t"], "what is no letter is not in a title")
    ok(learning.count("skipped") >= before + 15, "all of it is counted", before, learning.count("skipped"))
    same(learning.value("SELECT state FROM reco_stat_worker WHERE worker = 'keeper' AND database = current_database()"), "running", "and the keeper is well")

    # many that are refused: no more than some of them are looked for
    many = [track(f"P{n:021d}", "refused" if n % 400 else "Fine") for n in range(801)]
    before = learning.count("skipped")
    put(SEARCH, "five", {"tracks": many})
    ok(learning.learned([many[0]["id"]]), "of many that are refused, what comes before them is learned")
    same(learning.count("skipped"), before + 800, "and what comes with them is skipped")
    same([learning.track(track["id"]) for track in many[400::400]], [None, None], "whatever it is")
    put(TRACKS, many[400]["id"], many[400])
    ok(learning.learned([many[400]["id"]]), "until it is told again")
    session.query("DROP TRIGGER refuse ON reco.track; ALTER TABLE reco.track DROP CONSTRAINT short")
    who_knows_less(learning, put, track)


def who_knows_less(learning, put, track):
    """What was told in full stays as long as it may be used, whoever tells less of it."""
    session = learning.session
    artist = "A" * 22
    first, second, third, fourth = ["Q" * 21 + c for c in "abcd"]
    put(ARTISTS, artist, {"id": artist, "name": "Artist", "genres": ["dub"], "popularity": 40})
    put(TRACKS, first, track(first, "In full", popularity=50, album="Whole"))
    ok(until(lambda: learning.number(f"SELECT count(*) FROM reco.artist WHERE artist_id = '{artist}' AND genres = '{{dub}}'") == 1) and
       learning.learned([first]), "an artist and a track are told in full")
    session.query("UPDATE reco.artist SET fetched_at = now() - interval '40 days', expires_at = now() - interval '10 days'"
                  f" WHERE artist_id = '{artist}'")
    session.query("UPDATE reco.track SET fetched_at = now() - interval '40 days', expires_at = now() - interval '10 days'"
                  f" WHERE track_id = '{first}'")
    put(TRACKS, second, track(second))
    put(RB_ARTIST_TRACKS, "uuid", {"tracks": [track(first, "In part"), track(third)]})
    ok(learning.learned([second, third]), "when their time is over, less is told of them with others")
    same(session.query(f"SELECT name, genres, popularity, expires_at < now() FROM reco.artist WHERE artist_id = '{artist}'"),
         [["Artist", "{dub}", "40", "t"]], "the artist stays as told, and out of date")
    same(learning.track(first, "title, album, popularity, source, expires_at < now()"), ["In full", "Whole", "50", "spotify", "t"],
         "and so does the track")
    same(learning.track(second, "genres"), ["{dub}"], "tracks have the artist's genres")
    put(ARTISTS, artist, {"id": artist, "name": "Artist", "genres": ["ska"], "popularity": 41})
    put(TRACKS, fourth, track(fourth))
    ok(until(lambda: learning.number(f"SELECT count(*) FROM reco.artist WHERE artist_id = '{artist}' AND genres = '{{ska}}'"
                                           " AND expires_at > now()") == 1), "until they are told in full again")


def main():
    directory = tempfile.mkdtemp(prefix="reco-driver.")
    with Emulator("--latency", "none", "--preset", "extended") as emulator, \
            Cluster("reco.job_workers = 0", "reco.keeper_interval = '50ms'", "reco.cache = on", "reco.id_registry = on", "reco.result_cache = on") as cluster:
        library, wrong = build(directory)
        ok(library is not None, "the driver compiles", wrong)
        learning = Learning(cluster, emulator)
        tracks = [track for track in emulator.tracks(600, covered="true") if not track["twin"]][:200]
        missing = [track["id"] for track in emulator.tracks(30, covered="false")][:3]
        artists = emulator.artists(1000)
        try:
            provenance(learning, tracks, missing)
            told_again(learning, tracks)
            hand_made(learning, tracks)
            prompts, runs = nothing_invalid(learning, tracks, artists)
            answers_from_it(learning, artists)
            cluster.stop()
            cluster.start()
            learning.session = cluster.session()
            same([run_of(learning, prompt) for prompt in prompts], runs, "after a restart they are found in the table")
            known = learning.number(LEARNED)
            ok(until(lambda: gateway_pid(learning.session) is not None), "there is a gateway")
            before = gateway_pid(learning.session)
            os.kill(before, signal.SIGKILL)
            ok(until(lambda: is_back(cluster, before)), "the server comes back after a crash")
            learning.session = cluster.session()
            same(learning.number(LEARNED), known, "with all that was learned")
            expiry(learning, tracks)
            locked(learning, tracks)
            row_locked(learning, tracks)
            cancelled(learning, tracks)
            cannot_go(learning, tracks)
            hostile(learning, library, tracks)
            switches(learning, tracks)
            what_is_asked(learning, artists)
        finally:
            shutil.rmtree(directory)
    done()


main()
