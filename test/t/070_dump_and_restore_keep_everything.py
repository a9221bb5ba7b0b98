#!/usr/bin/env python3
"""Claim: pg_dump and restore keep the catalogue, the listeners, the lexicon, policies, moods and services.

The rows that ship with the extension are not dumped, and not there twice; the
restored database gives the same lists. What was kept for a while is not dumped: no
cache, no results.
"""
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from reco_tap import Session, call, done, list_of, ok, same  # noqa: E402

QUESTIONS = [("", "rainy sunday, calm"), ("ann", "jazz for a party"), ("ann", "zorkish evening"),
             ("ann", "happy"), ("", "very energetic workout, no vocals, from the 90s")]
TABLES = {
    "artist": "*", "track": "*", "listen": "*", "feedback": "*",
    "mood_term": "term, source, targets, tracks, labels, stem",
    "cache_policy": "*",
    "popular_mood": "*",
}
# addresses, who may use them, and their secrets
SERVICES = ("SELECT s.srvname, f.fdwname, ARRAY(SELECT o FROM unnest(s.srvoptions) AS o ORDER BY o), s.srvacl, u.usename,"
            " ARRAY(SELECT o FROM unnest(u.umoptions) AS o ORDER BY o) FROM pg_foreign_server AS s"
            " JOIN pg_foreign_data_wrapper AS f ON f.oid = s.srvfdw LEFT JOIN pg_user_mappings AS u ON u.srvid = s.oid"
            " ORDER BY s.srvname, u.usename")


def contents(session):
    """A digest of each table's rows, and how many there are."""
    return {table: session.query(
        f"SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM"
        f" (SELECT {columns} FROM reco.{table}) AS t")[0] for table, columns in TABLES.items()}


def lists(session):
    return [list_of(session, user, prompt) for user, prompt in QUESTIONS]


def restored(source, target, form, path, *options):
    """Dumps and restores; what the two said."""
    dump = subprocess.run(["pg_dump", "-F", form, "-f", path, "-d", source, *options],
                          capture_output=True, text=True)
    command = ["psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-d", target, "-f", path] if form == "p" else \
        ["pg_restore", "-d", target, "--exit-on-error", "-j", "2", path]
    restore = subprocess.run(command, capture_output=True, text=True)
    return dump, restore


def main():
    source = os.environ["PGDATABASE"]
    session = Session()
    session.query("CREATE SCHEMA elsewhere")
    session.query("CREATE EXTENSION reco SCHEMA elsewhere CASCADE")
    session.query(f"ALTER DATABASE \"{source}\" SET search_path = elsewhere, public")
    session.query("SET search_path = elsewhere, public")
    session.query("SELECT reco_demo_catalogue(1500)")
    session.query("INSERT INTO reco.artist (artist_id, name) VALUES (E'q\\'\\\\', E'Tab\\t Ünï \"q\"')")
    session.query("INSERT INTO reco.track (track_id, artist_id, title, artist, release_date, tags, features, energy)"
                  " VALUES (E'q\\'\\\\', E'q\\'\\\\', E'Line\\nbreak 🎧', 'Tab', '1994-01-01', '{zorkish,\"a,b\"}',"
                  " 'measured', 0.123456789)")
    session.query("INSERT INTO reco.track (track_id, artist_id, title, artist, source, fetched_at, expires_at, features,"
                  " features_source, features_fetched_at, features_expires_at, energy) VALUES ('told', 'told', 'Told', 'Told',"
                  " 'spotify', now(), now() + '1 day', 'measured', 'reccobeats', now(), now() + '2 days', 0.5)")
    session.query("INSERT INTO reco.mood_term (term, targets) VALUES"
                  " ('zorkish', '{\"energy\": {\"min\": 0.9, \"max\": 1}}')")
    session.query("INSERT INTO reco.mood_term (term, targets) VALUES"
                  " ('calm', '{\"energy\": {\"min\": 0.1, \"max\": 0.2}}')")
    session.query("SELECT reco_listen('ann', track_id), reco_feedback('ann', track_id, 'like') FROM"
                  " (SELECT track_id FROM reco.track ORDER BY track_id LIMIT 7) AS t")
    session.query("SELECT reco_feedback('ann', track_id, 'skip') FROM"
                  " (SELECT track_id FROM reco.track ORDER BY track_id OFFSET 7 LIMIT 7) AS t")
    session.query("UPDATE reco.cache_policy SET fresh = '20 minutes', max_entries = 77 WHERE category IN ('search', 'result')")
    session.query("INSERT INTO reco.popular_mood (prompt) VALUES (E'brunch,\\n\"with\" friends')")
    session.query("UPDATE reco.popular_mood SET pinned = false WHERE prompt = 'party vibes'")
    session.query("DROP ROLE IF EXISTS dumped_listener")
    session.query("CREATE ROLE dumped_listener")
    # not enabled, so that lists do not wait for them
    session.query("CREATE SERVER spotify FOREIGN DATA WRAPPER reco_upstream OPTIONS (kind 'spotify', enabled 'false',"
                  " base_url 'http://127.0.0.1:9/v1', accounts_url 'http://127.0.0.1:9', rate '7/3s', daily_quota '100')")
    session.query("CREATE SERVER \"my model\" FOREIGN DATA WRAPPER reco_upstream OPTIONS (kind 'gemini', enabled 'false',"
                  " base_url 'http://127.0.0.1:9/v1beta', model 'some-model')")
    session.query("CREATE USER MAPPING FOR PUBLIC SERVER spotify OPTIONS (client_id 'app', client_secret 's3cret''quoted')")
    session.query("CREATE USER MAPPING FOR dumped_listener SERVER \"my model\" OPTIONS (api_key 's3cret-key')")
    session.query("GRANT USAGE ON FOREIGN SERVER spotify TO dumped_listener")
    before, expected, services = contents(session), lists(session), session.query(SERVICES)
    same(len(services), 2, "there are services to dump")
    session.query("INSERT INTO reco.cache (category, key, value, fresh_until, usable_until)"
                  " SELECT c, 'k', '{}', now() + '1 h', now() + '1 h' FROM unnest(ARRAY['search', 'result']) AS c")
    ok(int(session.value("SELECT count(*) FROM reco.cache")) >= 2, "and answers and results that are kept")
    shipped = session.value("SELECT count(*) FROM reco.mood_term WHERE source = 'builtin'")
    ok(int(shipped) > 100, "the lexicon ships with rows of its own")

    for form, name in (("p", "psql"), ("d", "pg_restore, in parallel")):
        target = f"{source}_{form}"
        session.query(f"DROP DATABASE IF EXISTS {target}")
        session.query(f"CREATE DATABASE {target} TEMPLATE template0")
        with tempfile.TemporaryDirectory() as directory:
            dump, restore = restored(source, target, form, os.path.join(directory, "dump"))
        same([dump.returncode, dump.stderr], [0, ""], f"pg_dump succeeds, for {name}")
        same([restore.returncode, restore.stderr], [0, ""], f"and so does {name}")
        other = Session(target)
        other.query("SET search_path = elsewhere, public")
        after = contents(other)
        for table in TABLES:
            same(after[table], before[table], f"{name}: rows of reco.{table} are the same")
        same(other.value("SELECT count(*) FROM reco.mood_term WHERE source = 'builtin'"), shipped,
             f"{name}: what ships is there once")
        same(other.query(SERVICES), services, f"{name}: services are the same, with their secrets")
        same(other.value("SELECT count(*) FROM reco.cache"), "0", f"{name}: no answer and no result is in a dump")
        same(lists(other), expected, f"{name}: lists are the same")
        other.query("INSERT INTO reco.track (track_id, artist_id, title, artist) VALUES ('new', 'new', 'Zorkword', 'New')")
        document = other.json("SELECT " + call("", 'like "Zorkword"', 5))
        ok("new" in [t["track_id"] for t in document["tracks"]], f"{name}: the restored database learns of changes")
        same(other.error("SELECT reco_catalogue_import('reco.track')") in (None, "22023", "42809"), True,
             f"{name}: and can be written to")
        other.close()
        session.query(f"DROP DATABASE {target} WITH (FORCE)")
    session.query(f"ALTER DATABASE \"{source}\" RESET search_path")

    # data into an extension that is there already, as a logical copy would bring it
    target = f"{source}_data"
    session.query(f"DROP DATABASE IF EXISTS {target}")
    session.query(f"CREATE DATABASE {target} TEMPLATE template0")
    other = Session(target)
    other.query("CREATE EXTENSION reco CASCADE")
    same(other.error("SELECT " + call("", "calm")), "55000", "an empty catalogue says that it is empty")
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "dump")
        dump, restore = restored(source, target, "p", path, "--data-only", "--disable-triggers",
                                 "--table=reco.artist", "--table=reco.track")
    same([dump.returncode, restore.returncode, restore.stderr], [0, 0, ""],
         "data alone, with triggers disabled, can be restored")
    other.close()
    other = Session(target)
    other.query("SET search_path = elsewhere, public")
    same(len(list_of(other, *QUESTIONS[0])), 20, "and gives lists")
    other.close()
    session.query(f"DROP DATABASE {target} WITH (FORCE)")
    session.query("DROP SERVER spotify CASCADE; DROP SERVER \"my model\" CASCADE; DROP ROLE dumped_listener")
    done()


main()
