#!/usr/bin/env python3
"""Claim: after a crash the memory is what the last snapshot held, as far as that is still valid.

The postmaster is killed with 100,000 ids, 5,000 answers and lists in the tables. They come
back without a call; what expired, was invalidated, judged or changed since does not; a
TRUNCATE stays; what is damaged is left out and said. A snapshot costs next to nothing when
nothing has changed; its size and its interval are settings; logged tables need none.
"""
import os
import re
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from cluster import Cluster, alive, connect_services, known_tracks, resolve  # noqa: E402
from emulator import Emulator  # noqa: E402
from reco_tap import Lost, SqlError, call, done, literal, ok, same, until  # noqa: E402

IDS, ANSWERS, ASKED = 100000, 5000, 60
TABLES = ("cache", "id_registry", "deny_list")
# all that is restored of a row, and nothing else
KEPT = {
    "cache": "category, key, absent, value, fetched_at, fresh_until, usable_until",
    "id_registry": "spotify_id, server, reccobeats_id, recorded_as, isrc, fetched_at, fresh_until, usable_until",
    "deny_list": "deny_key, server, by_hand, reason, request, denied_at, denied_until"}


def kill(cluster):
    """Ends the server as a power failure would, as far as processes go."""
    head = cluster.postmaster()
    os.kill(head, signal.SIGSTOP)       # no more children from here on
    pids = [head, *cluster.children()]
    os.kill(head, signal.SIGKILL)
    if not until(lambda: not any(alive(pid) for pid in pids), 60):
        raise RuntimeError("some process of the server is still there")


def crash(cluster, *settings, while_down=None):
    """Kills it, starts it anew; seconds until it is there, and until all is restored."""
    kill(cluster)
    cluster.configure(*settings)
    if while_down:
        while_down()
    began = time.monotonic()
    cluster.start()
    started = time.monotonic() - began
    session = cluster.session()
    until(lambda: session.value("SELECT count(*) FROM reco.alive") == "1", 120)
    return session, started, time.monotonic() - began


def rows(session):
    return {table: set(map(tuple, session.query(f"SELECT md5(t::text) FROM (SELECT {columns} FROM reco.{table}) AS t")))
            for table, columns in KEPT.items()}


def counts(session):
    return [int(session.value(f"SELECT count(*) FROM reco.{table}")) for table in TABLES]


def stats(session, source, columns):
    return session.query(f"SELECT {columns} FROM reco_snapshot_stats WHERE source = {literal(source)}")[0]


def snapshot(session, seconds=120):
    """Waits for a snapshot that began after this."""
    now = session.value("SELECT clock_timestamp()")
    return until(lambda: session.value(f"SELECT min(taken_at) > {literal(now)} FROM reco_snapshot_stats WHERE NOT logged") == "t",
                 seconds)


def fill(session, ids, answers, prefix="i"):
    session.query("INSERT INTO reco.id_registry (spotify_id, server, reccobeats_id, recorded_as, isrc, fetched_at, fresh_until,"
                  f" usable_until, used_at) SELECT {literal(prefix)} || substr(md5(i::text), 1, 20), 'https://api.example/v1',"
                  f" CASE WHEN i % 10 > 0 THEN md5('r' || i)::uuid END, CASE WHEN i % 10 > 0 THEN {literal(prefix)} || substr(md5(i::text), 1, 20) END,"
                  " CASE WHEN i % 10 > 0 THEN 'DEX' || i END, now() - i * interval '1 ms', now() + interval '30 days',"
                  f" now() + interval '60 days', now() - i * interval '1 ms' FROM generate_series(1, {ids}) AS i")
    session.query("INSERT INTO reco.cache (category, key, value, fetched_at, fresh_until, usable_until, used_at)"
                  f" SELECT (ARRAY['tracks', 'search', 'completion', 'artists'])[1 + i % 4], {literal(prefix)} || i,"
                  " jsonb_build_array(repeat(md5(i::text), 10 + i % 90), i)::text, now() - i * interval '1 ms',"
                  f" now() + interval '1 day', now() + interval '2 days', now() - i * interval '1 ms'"
                  f" FROM generate_series(1, {answers}) AS i")


def lsn(session):
    return session.value("SELECT pg_current_wal_insert_lsn()")


def wal_of_snapshot(session):
    """Bytes of WAL that two snapshots take, nobody else writing."""
    begin = lsn(session)
    ok(snapshot(session), "a snapshot is taken")
    return int(session.value(f"SELECT pg_wal_lsn_diff({literal(lsn(session))}, {literal(begin)})"))


def check_crash(cluster, emulator, session):
    tracks = known_tracks(emulator, ASKED)
    missing = [track["id"] for track in emulator.tracks(30, covered="false")][:3]
    same({row[0] for row in session.query(resolve("track_features", tracks, columns="origin"))}, {"live"}, "a service is asked")
    session.query(resolve("track_features", missing))
    listeners = [f"listener {n}" for n in range(5)]
    run = {user: session.value("SELECT DISTINCT run_id FROM " + call(user, "calm evening", 10, function="reco_generate"))
           for user in listeners}
    session.query("CHECKPOINT")
    begin = lsn(session)
    fill(session, IDS, ANSWERS)
    session.query("INSERT INTO reco.deny_list (deny_key, server, reason, request, denied_until) SELECT md5(i::text), 'https://x',"
                  " 'refused', '{}', now() + interval '1 day' FROM generate_series(1, 500) AS i")
    until(lambda: session.value("SELECT sum(unwritten) FROM reco_cache_stats") == "0")
    ok(snapshot(session) and snapshot(session), "all is in a snapshot")
    first = int(session.value(f"SELECT pg_wal_lsn_diff({literal(lsn(session))}, {literal(begin)})"))
    stored = int(session.value("SELECT sum(bytes) FROM reco_snapshot_stats"))
    raw = int(session.value("SELECT sum(pg_column_size(t)) FROM reco.id_registry AS t"))
    size = int(stats(session, "id_registry", "bytes")[0])
    print(f"# {IDS} ids are {raw} bytes in their table and {size} in the snapshot; all of it {stored}, {first} of WAL")
    same(stats(session, "id_registry", "entries, logged"), [str(IDS), "f"], "the view counts the ids")
    again = wal_of_snapshot(session)
    ok(again * 100 < first, "a snapshot of what has not changed takes next to no WAL", again, first)
    print(f"# WAL: {first} for the first, {again} for one of the same")
    before = rows(session)

    cluster.configure("reco.snapshot_interval = 0")
    session.query("SELECT pg_reload_conf()")
    session, started, seconds = crash(cluster)
    after = rows(session)
    for table in TABLES:
        share = len(after[table] & before[table]) / len(before[table])
        ok(share >= 0.95, f"{table}: at least 95 % are back as they were", share, counts(session))
        ok(not after[table] - before[table], f"{table}: and nothing else is there", after[table] - before[table])
    match = re.findall(r"reco restored (\d+) rows of id_registry, (\d+) of deny_list and (\d+) of cache .* in (\d+) ms",
                       cluster.log_text())
    same([[int(n) for n in m[:3]] for m in match], [[len(before[t]) for t in ("id_registry", "deny_list", "cache")]],
         "the log says so, in one line")
    print(f"# the server was there after {started:.2f} s, everything after {seconds:.2f} s; {match[0][3]} ms of restoring")
    same(stats(session, "id_registry", "restored, dropped, damaged, restored_from = taken_at, restored_at > taken_at"),
         [str(IDS), "0", "0", "t", "t"], "and the view")
    emulator.reset_counters()
    same({row[0] for row in session.query(resolve("track_features", tracks, columns="origin"))}, {"cached"}, "answers serve again")
    same({row[0] for row in session.query(resolve("track_features", missing, columns="outcome"))}, {"absent"}, "also that there is none")
    same(emulator.service("reccobeats")["calls"], 0, "without a call")
    for user in listeners:
        got = session.query("SELECT DISTINCT run_id, origin FROM " + call(user, "calm evening", 10, function="reco_generate"))
        same(got, [[run[user], "cached"]], f"the list of {user} is the one of before")
    return session


def check_validity(cluster, session):
    """What is no longer valid."""
    fine = "now() - interval '1 hour', now() + interval '1 day', now() + interval '1 day'"

    def put(category, key, times=fine, value="'[1]'"):
        session.query("INSERT INTO reco.cache (category, key, value, fetched_at, fresh_until, usable_until) VALUES"
                      f" ({literal(category)}, {literal(key)}, {value}, {times})")

    # some that stay, some that do not
    put("tracks", "stays")
    put("tracks", "brief", "now() - interval '1 hour', now(), now() + interval '4 s'")
    put("tracks", "invalidated")
    put("tracks", "invalidated\x1fhttps://a")
    put("search", "a category that goes")
    put("artists", "from tomorrow", "now() + interval '1 day', now() + interval '2 days', now() + interval '2 days'")
    put("recommendation", "is not kept any more")
    session.query("INSERT INTO reco.deny_list (deny_key, server, reason, request, denied_until)"
                  " VALUES ('brief', 'https://x', 'r', '{}', now() + interval '4 s')")
    session.query("INSERT INTO reco.deny_list (deny_key, by_hand, reason, request, denied_until)"
                  " VALUES ('taken back', true, 'r', '{}', 'infinity')")
    session.query("INSERT INTO reco.deny_list (deny_key, server, reason, request, denied_until)"
                  " VALUES ('refused', 'https://x', 'r', '{}', 'infinity')")
    ids = {}
    for user in ("judge", "player", "nobody"):
        ids[user] = session.query("SELECT DISTINCT run_id FROM " + call(user, "dark night", 10, function="reco_generate"))[0][0]
    until(lambda: session.value("SELECT sum(unwritten) FROM reco_cache_stats") == "0")
    interval(cluster, session, "1s")
    ok(snapshot(session), "a snapshot with all of it")
    interval(cluster, session, "0")
    held = int(stats(session, "cache", "entries")[0])

    # after it
    session.query("INSERT INTO reco.deny_list (deny_key, by_hand, reason, request, denied_until)"
                  " VALUES ('by hand', true, 'no', '{}', 'infinity')")
    session.query("DELETE FROM reco.deny_list WHERE deny_key = 'taken back'")
    same(session.value("SELECT reco_allow(deny_key => 'refused')"), "1", "a refusal is allowed again")
    same(session.error("SELECT reco_cache_invalidate('denied')"), None, "refusals are forgotten")
    same(session.value("SELECT reco_cache_invalidate('tracks', 'invalidated')"), "2", "a key is invalidated after the snapshot")
    same(int(session.value("SELECT reco_cache_invalidate('search')")) > 0, True, "and a category")
    session.query("BEGIN")
    session.query("SELECT reco_cache_invalidate('tracks')")
    session.query("ROLLBACK")
    session.query("UPDATE reco.cache_policy SET fresh = '0' WHERE category = 'recommendation'")
    track = session.value("SELECT track_id FROM reco.track LIMIT 1")
    session.query(f"SELECT reco_feedback('judge', {literal(track)}, 'dislike')")
    session.query(f"SELECT reco_listen('player', {literal(track)})")
    # from a damaged chunk nothing is restored, of the others all
    damaged = session.query("SELECT category, bucket, entries FROM reco.snapshot WHERE category = 'completion' ORDER BY bucket")[:2]
    session.query("UPDATE reco.snapshot SET content = replace(content, '[', '(') WHERE (category, bucket) ="
                  f" ({literal(damaged[0][0])}, {damaged[0][1]})")
    session.query("UPDATE reco.snapshot SET content = '[[1, \"perhaps\", \"never\"]]', hash = hashtextextended('[[1, \"perhaps\","
                  f" \"never\"]]', 0) WHERE (category, bucket) = ({literal(damaged[1][0])}, {damaged[1][1]})")
    until(lambda: session.value("SELECT count(*) FROM reco.cache WHERE key = 'brief' AND usable_until > now()") == "0", 20)

    session, _, _ = crash(cluster)
    same(session.query("SELECT key FROM reco.cache WHERE key IN ('stays', 'brief', 'from tomorrow', 'is not kept any more')"
                       " OR key ~ '^invalidated' OR category = 'search'"), [["stays"]],
         "what expired, was invalidated, comes from tomorrow or is not kept any more stays away")
    same(session.query("SELECT deny_key FROM reco.deny_list"), [["by hand"]],
         "what was denied by hand holds at once, what was allowed or forgotten does not, nor what expired")
    chunks = int(session.value("SELECT count(*) FROM reco.cache WHERE category = 'completion'"))
    same(session.query(f"SELECT damaged, dropped > 0, restored FROM reco_snapshot_stats WHERE source = 'cache'")[0][:2], ["2", "t"],
         "two damaged chunks are counted")
    same(cluster.log_text().count("reco keeper skips damaged chunk"), 2, "and said")
    ok(chunks > 1000, "their neighbours are there", chunks)
    ok(int(stats(session, "cache", "restored")[0]) > 0.6 * held, "and most of the rest", stats(session, "cache", "*"), held)
    same(session.query("SELECT DISTINCT run_id FROM " + call("nobody", "dark night", 10, function="reco_generate")),
         [[ids["nobody"]]], "the list of one who did nothing is the same")
    got = session.query("SELECT DISTINCT run_id, track_id FROM " + call("judge", "dark night", 10, function="reco_generate"))
    ok(got[0][0] != ids["judge"], "that of one who judged is another", got)
    same(session.value("SELECT count(*) FROM reco.cache WHERE key ~ '^judge' AND fetched_at < now() - interval '1 minute'"), "0",
         "the old one is not in the table")
    same(session.query("SELECT DISTINCT run_id, origin FROM "
                       + call("player", "dark night", 10, None, "0 ms", "reco_generate")),
         [[ids["player"], "stale"]], "that of one who listened is stale")
    session.query("UPDATE reco.cache_policy SET fresh = '30 minutes' WHERE category = 'recommendation'")
    return session


def interval(cluster, session, value):
    session.query(f"ALTER SYSTEM SET reco.snapshot_interval = {literal(value)}")
    session.query("SELECT pg_reload_conf()")
    until(lambda: session.value("SHOW reco.snapshot_interval") == value)
    if value == "0":
        # another keeper: the former one may be at a snapshot, which would be taken later than this
        keeper = "FROM reco_stat_worker WHERE worker = 'keeper' AND database = current_database() AND pid IS NOT NULL"
        former = session.value(f"SELECT pid {keeper}")
        session.query(f"SELECT pg_terminate_backend(pid) {keeper}")
        until(lambda: session.value(f"SELECT pid {keeper} AND state = 'running'") not in (None, former))


def check_catalogue(cluster, session):
    """A change of the catalogue ends lists; what was there before is not restored."""
    run = session.value("SELECT DISTINCT run_id FROM " + call("", "happy party", 10, function="reco_generate"))
    until(lambda: session.value("SELECT sum(unwritten) FROM reco_cache_stats") == "0")
    interval(cluster, session, "1s")
    ok(snapshot(session), "a snapshot with lists")
    interval(cluster, session, "0")
    session.query("UPDATE reco.track SET popularity = 1 WHERE track_id = (SELECT min(track_id) FROM reco.track)")
    session, _, _ = crash(cluster)
    same(session.value("SELECT count(*) FROM reco.cache WHERE category = 'result'"), "0", "no list is older than the catalogue")
    ok(session.value("SELECT DISTINCT run_id FROM " + call("", "happy party", 10, function="reco_generate")) != run, "nor given")
    return session


def check_truncate(cluster, session):
    interval(cluster, session, "1s")
    ok(snapshot(session), "a snapshot")
    interval(cluster, session, "0")
    session.query("TRUNCATE reco.cache, reco.id_registry, reco.deny_list")
    session.close()
    cluster.stop()
    cluster.start()
    session = cluster.session()
    until(lambda: session.value("SELECT state FROM reco_stat_worker WHERE worker = 'keeper'") == "running")
    marks = set()
    until(lambda: marks.add(session.value("SELECT state_change FROM pg_stat_activity WHERE backend_type = 'reco keeper'"))
          or len(marks) > 5)
    same(counts(session)[1:], [0, 0], "a TRUNCATE is not undone, not by a restart either")
    same(session.value("SELECT count(*) FROM reco.cache WHERE category <> 'result'"), "0", "of none of the tables")
    interval(cluster, session, "1s")
    ok(snapshot(session) and snapshot(session), "the next snapshot")
    same(stats(session, "id_registry", "chunks, entries"), ["0", "0"], "is empty")
    return session


def check_size(cluster, session):
    """The limit, and what comes first."""
    session.query("SELECT reco_cache_invalidate()")
    session.query("TRUNCATE reco.id_registry, reco.deny_list")
    fill(session, 2000, 2000, "s")
    session.query("INSERT INTO reco.deny_list (deny_key, server, reason, request, denied_until) SELECT md5(i::text), 'https://x',"
                  " 'refused', '{}', now() + interval '1 day' FROM generate_series(1, 100) AS i")
    ok(snapshot(session) and snapshot(session), "all fits")
    same([stats(session, s, "entries")[0] for s in ("deny_list", "id_registry")], ["100", "2000"], "of all")
    whole = int(stats(session, "cache", "entries")[0])
    ok(whole >= 2000, "of the cache, too", whole)
    session.query("ALTER SYSTEM SET reco.snapshot_size = '1MB'")
    session.query("SELECT pg_reload_conf()")
    ok(snapshot(session) and snapshot(session), "snapshots of 1 MB")
    part = int(stats(session, "cache", "entries")[0])
    same([stats(session, s, "entries")[0] for s in ("deny_list", "id_registry")], ["100", "2000"], "have deny list and registry")
    ok(50 < part < whole / 2, "and what then fits of the cache", part, whole)
    kept = {row[0] for row in session.query("SELECT e ->> 0 FROM reco.snapshot, jsonb_array_elements(content::jsonb) AS e"
                                            " WHERE category IN ('tracks', 'search', 'completion', 'artists')")}
    hottest = {row[0] for row in session.query("SELECT key FROM reco.cache ORDER BY used_at DESC LIMIT " + str(part))}
    ok(len(kept & hottest) > 0.95 * len(kept), "that is what was used last", len(kept & hottest), len(kept))
    session.query("ALTER SYSTEM SET reco.snapshot_size = '64kB'")
    session.query("SELECT pg_reload_conf()")
    ok(snapshot(session) and snapshot(session), "snapshots of 64 kB")
    got = [int(stats(session, s, "entries")[0]) for s in ("deny_list", "id_registry", "cache")]
    ok(got[0] == 100 and 50 < got[1] < 500 and got[2] < 30, "have the deny list and a part of the registry", got)
    session.query("ALTER SYSTEM RESET reco.snapshot_size")
    session.query("SELECT pg_reload_conf()")
    ok(snapshot(session) and snapshot(session), "the limit is taken away")
    same([stats(session, s, "entries")[0] for s in ("deny_list", "id_registry")], ["100", "2000"], "and all is there again")


def check_invalidation(session, other):
    """An invalidation removes from the snapshot, in its transaction."""
    session.query("INSERT INTO reco.cache (category, key, value, fresh_until, usable_until) VALUES"
                  " ('tracks', 'gone', '[1]', now() + interval '1 day', now() + interval '1 day')")
    ok(snapshot(session) and snapshot(session), "a snapshot")
    has = ("SELECT count(*) FROM reco.snapshot, jsonb_array_elements(content::jsonb) AS e"
           " WHERE category = 'tracks' AND e ->> 0 = 'gone'")
    same(session.value(has), "1", "has a key")
    other.query("BEGIN ISOLATION LEVEL REPEATABLE READ")
    other.query("SELECT count(*) FROM reco.snapshot")
    # the chunk is written anew, which an old snapshot does not see
    session.query("UPDATE reco.cache SET fetched_at = fetched_at + interval '1 s' WHERE key = 'gone'")
    ok(snapshot(session) and snapshot(session), "it is written anew")
    # another key, in the same chunk
    key = session.value("SELECT k FROM (SELECT 'k' || i AS k FROM generate_series(1, 100000) AS i) AS k"
                        " WHERE hashtextextended(k, 0) >> 54 = hashtextextended('gone', 0) >> 54 LIMIT 1")
    same(other.error(f"SELECT reco_cache_invalidate('tracks', {literal(key)})"), None, "an old snapshot is no reason to fail")
    same(session.value(has), "1", "others see its chunk until the commit")
    other.query("COMMIT")
    ok(until(lambda: session.value(has) == "1"), "and what was beside it is copied again")
    other.query("BEGIN")
    same(other.value("SELECT reco_cache_invalidate('tracks', 'gone')"), "1", "an invalidation counts what the tables had")
    same(other.value(has), "0", "and takes it from the snapshot")
    same(session.value(has), "1", "in its transaction")
    other.query("COMMIT")
    same(session.value(has), "0", "with its commit")
    before = int(stats(session, "cache", "entries")[0])
    ok(until(lambda: stats(session, "cache", "entries")[0] == session.value("SELECT count(*) FROM reco.cache WHERE category NOT IN"
                                                                            " ('ids', 'denied')"), 60),
       "what was beside it is copied again", before)
    session.query("BEGIN")
    same(int(session.value("SELECT reco_cache_invalidate()")) > 1000, True, "all goes")
    same(session.value("SELECT count(*) FROM reco.snapshot"), "0", "from the snapshot, too")
    session.query("COMMIT")


def check_denials(cluster, session, other):
    """Of several who deny and allow at once, in one chunk, none undoes what another did."""
    interval(cluster, session, "0")
    keys = [row[0] for row in session.query("SELECT 'k' || i FROM generate_series(1, 100000) AS i WHERE hashtextextended('k' || i, 0)"
                                            " >> 54 = hashtextextended('k1', 0) >> 54 ORDER BY i LIMIT 8")]
    pid = other.value("SELECT pg_backend_pid()")

    def deny(nth):
        return ("INSERT INTO reco.deny_list (deny_key, by_hand, reason, request, denied_until)"
                f" VALUES ({literal(keys[nth])}, true, 'no', '{{}}', 'infinity')")

    for name, first, second, begin in (
            ("two deny", deny(0), deny(1), "BEGIN"),
            ("one with an old snapshot", deny(2), deny(3), "BEGIN ISOLATION LEVEL REPEATABLE READ"),
            ("one allows", deny(4), f"SELECT reco_allow(deny_key => {literal(keys[0])})", "BEGIN"),
            ("one invalidates", deny(5), "SELECT reco_cache_invalidate('denied')", "BEGIN")):
        other.query(begin)
        other.query("SELECT count(*) FROM reco.snapshot")
        session.query("BEGIN")
        session.query(first)
        other.send(second)
        ok(until(lambda: session.value(f"SELECT count(*) FROM pg_locks WHERE pid = {pid} AND NOT granted") == "1"),
           f"{name}: who comes later waits")
        session.query("COMMIT")
        other.wait()
        other.query("COMMIT")
    session.query("BEGIN")
    session.query(deny(6))
    other.query("SET statement_timeout = '200ms'")
    same(other.error(deny(7)), "57014", "who waits can be cancelled")
    session.query("ROLLBACK")
    other.close()
    session, _, _ = crash(cluster)
    same(session.query("SELECT deny_key FROM reco.deny_list WHERE by_hand ORDER BY length(deny_key), deny_key"),
         [[key] for key in keys[1:6]], "after a crash all denials hold that were made by hand")
    interval(cluster, session, "1s")
    return session


def persistence(session):
    return [session.value(f"SELECT relpersistence FROM pg_class WHERE oid = 'reco.{table}'::regclass") for table in TABLES]


def logged(session, value):
    session.query(f"ALTER SYSTEM SET reco.logged_tables = {value}")
    session.query("SELECT pg_reload_conf()")


def check_logged(cluster, session, other):
    """Tables that are logged instead."""
    for value in ("'cache, prices'", "'cache,,deny_list'", "'cache.prices'"):
        same(session.error(f"ALTER SYSTEM SET reco.logged_tables = {value}"), "22023", f"reco.logged_tables cannot be {value}")
    fill(session, 1000, 400, "l")
    ok(snapshot(session) and snapshot(session), "a snapshot")
    # somebody reads the table for long: nobody waits for the keeper
    other.query("BEGIN")
    other.query("SELECT count(*) FROM reco.cache")
    logged(session, "'cache, postgres.id_registry, elsewhere.deny_list'")
    ok(until(lambda: persistence(session)[1] == "p"), "reco.logged_tables makes a table logged")
    same(persistence(session)[0], "u", "not one that somebody uses")
    same(other.error("INSERT INTO reco.cache (category, key, value, fresh_until, usable_until) VALUES"
                     " ('tracks', 'meanwhile', '[1]', now() + interval '1 day', now() + interval '1 day')"), None,
         "who works on with it")
    other.query("COMMIT")
    ok(until(lambda: persistence(session)[0] == "p"), "until that is over")
    same(persistence(session), ["p", "p", "u"], "a database can be named")
    ok("reco made table \"reco.cache\" in database \"postgres\" logged" in cluster.log_text(), "the log says it")
    ok(until(lambda: stats(session, "cache", "chunks, logged, taken_at")[:3] == ["0", "t", ""]), "what is logged is not in the snapshot",
       stats(session, "cache", "*"))
    same(session.value("SELECT count(*) FROM pg_depend WHERE objid = 'reco.cache'::regclass AND deptype = 'e'"), "1",
         "it is the extension's as before")
    before = rows(session)
    session, _, _ = crash(cluster)
    after = rows(session)
    same([after[t] == before[t] for t in ("cache", "id_registry")], [True, True], "it survives a crash, to the last row")
    dump = subprocess.run(["pg_dump"], capture_output=True, text=True)
    same([dump.returncode, dump.stderr, "TABLE reco.cache" in dump.stdout, "TABLE reco.snapshot" in dump.stdout],
         [0, "", False, False], "a dump has neither the cache nor the snapshot")
    logged(session, "''")
    ok(until(lambda: persistence(session) == ["u", "u", "u"]), "and back")
    same(rows(session)["cache"] == before["cache"], True, "nothing is lost")
    ids = session.value("SELECT count(*) FROM reco.id_registry")
    ok(snapshot(session) and until(lambda: stats(session, "id_registry", "entries")[0] == ids), "and in the snapshot again", ids)

    # what cannot be changed is said, and nothing else suffers
    logged(session, "'cache'")
    ok(until(lambda: persistence(session)[0] == "p"), "logged once more")
    session.query("CREATE PUBLICATION of_answers FOR TABLE reco.cache")
    logged(session, "''")
    ok(until(lambda: "reco keeper could not make table \"reco.cache\" unlogged" in cluster.log_text()), "what cannot be done is said")
    ok(snapshot(session) and snapshot(session), "snapshots of the others go on")
    session.query("DROP PUBLICATION of_answers")
    return session


def check_new(cluster, session):
    """DROP and CREATE EXTENSION begin with nothing."""
    interval(cluster, session, "0")
    session.query("DROP EXTENSION reco CASCADE")
    session.query("CREATE EXTENSION reco")
    until(lambda: session.value("SELECT count(*) FROM reco.alive") == "1")
    same([counts(session), session.value("SELECT count(*) FROM reco.snapshot")], [[0, 0, 0], "0"], "a new extension has nothing")
    before = cluster.log_text().count("reco restored")
    session, _, _ = crash(cluster)
    same([counts(session), cluster.log_text().count("reco restored")], [[0, 0, 0], before],
         "nor after a crash, with interval 0; and the log says nothing of it")
    fill(session, 10, 10)
    session.query("CREATE DATABASE copy TEMPLATE postgres")
    session, _, _ = crash(cluster)
    same(counts(session), [0, 0, 0], "without a snapshot a crash empties the tables")
    return session


def main():
    with Emulator("--latency", "none", "--preset", "extended") as emulator, \
            Cluster("reco.keeper_interval = '50ms'", "reco.cache = on", "reco.result_cache = on", "reco.snapshot_interval = '1s'",
                    "max_wal_size = 2GB", "checkpoint_timeout = 1h", "autovacuum = off") as cluster:
        session = cluster.session()
        session.query("CREATE EXTENSION reco CASCADE")
        session.query("SELECT reco_demo_catalogue(1000)")
        connect_services(session, emulator, reccobeats={"rate": "10000/1s", "max_concurrency": "20"},
                         spotify={"rate": "10000/1s", "daily_quota": "100000"})
        try:
            session = check_crash(cluster, emulator, session)
            session = check_validity(cluster, session)
            session = check_catalogue(cluster, session)
            session = check_truncate(cluster, session)
            check_size(cluster, session)
            check_invalidation(session, cluster.session())
            session = check_denials(cluster, session, cluster.session())
            session = check_logged(cluster, session, cluster.session())
            check_new(cluster, session)
        except Lost as lost:
            ok(False, "the server lives", lost, cluster.log_text()[-6000:])
        failed = [line for line in cluster.log_text().splitlines() if "PANIC" in line or "TRAP" in line]
        same(failed, [], "nothing broke")
    done()


main()
