#!/usr/bin/env python3
"""Claim: a deadline bounds a call, whatever hangs; what did not answer is gone without, and named.

A table that another session has locked, an index that is rebuilt, a service that never
answers, a gateway that is stopped or killed: none of them makes a call late, or fail, or
wait at all where its deadline is 0. What was kept is given as if nothing had happened. What
a call went without stands in its document and in its record, and nothing of it stays behind.
"""
import collections
import os
import signal
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from bench import WIDE, WIDE_QUOTA  # noqa: E402
from cluster import Cluster, Standby, gateway_pid, nothing_left, stand_still  # noqa: E402
from emulator import Emulator  # noqa: E402
from reco_tap import Lost, SqlError, call, done, literal, ok, same, until  # noqa: E402

SIZE = 20
SLACK = 10          # seconds over a deadline; generous, as machines are shared
USER = "ana"
PROMPT = "rainy sunday, calm piano"

# what a list rests on, and what it does not
FACTS = ("track", "artist", "mood_term", "change", "listen", "feedback")
MEMORY = ("cache", "cache_policy", "id_registry", "deny_list", "limit_state", "listener_token")
TABLES = FACTS + MEMORY


def lock(tables):
    return "BEGIN; LOCK TABLE " + ", ".join("reco." + table for table in tables) + " IN ACCESS EXCLUSIVE MODE"


def timed(session, deadline, prompt=PROMPT, user=USER, options=None, size=SIZE):
    """A document, and how long it took."""
    began = time.monotonic()
    document = session.json("SELECT " + call(user, prompt, size, options, deadline))
    return document, time.monotonic() - began


def holds(session, deadline, seconds, name, missing=(), **question):
    """A whole list in time that names what is missing."""
    document, took = timed(session, deadline, **question)
    ok(took < seconds + SLACK, f"{name}: in time", f"{took:.2f} s")
    same(len(document["tracks"]), SIZE, f"{name}: a whole list")
    gone = [table for table in missing if table not in document["missing"]]

    # a machine that stood still for the whole deadline has not come to all of them
    for _ in range(20 if deadline != "0" else 0):
        if gone:
            document, _ = timed(session, deadline, **question)
            gone = [table for table in missing if table not in document["missing"]]
    same(gone, [], f"{name}: it says what it went without")
    return document


def ids(document):
    return [track["track_id"] for track in document["tracks"]]


def settled(session):
    return until(lambda: session.value("SELECT state || ' ' || exact FROM reco_stat_memory WHERE database = current_database()")
                 == "shared true")


def locked_tables(cluster, holder, full):
    """One table after another, for a session that knows the question and for a new one."""
    warm = cluster.session()
    timed(warm, "10 s")
    for table in TABLES:
        holder.query(lock([table]))
        missing = ["reco." + table] if table in FACTS else []
        for deadline, seconds in (("400 ms", 0.4), ("0", 0)):
            name = f"reco.{table} is locked, deadline {deadline}"

            # without time nobody is asked for artists
            document = holds(warm, deadline, seconds, name, missing if seconds or table != "artist" else [])
            same([row["origin"] for row in document["tracks"]], ["local"] * SIZE, f"{name}: all rows are local")
        new = cluster.session()
        document = holds(new, "400 ms", 0.4, f"reco.{table} is locked, for a new session", missing)
        new.close()

        # nor has it scanned the catalogue then
        for _ in range(20 if not missing else 0):
            if not document["complete"]:
                new = cluster.session()
                document, _ = timed(new, "400 ms")
                new.close()
        same(document["complete"], not missing, f"reco.{table} is locked: the list is complete, or is said not to be")
        holder.query("COMMIT")
        document, _ = timed(warm, "10 s")
        same([document["complete"], document["missing"], ids(document)], [True, [], full],
             f"reco.{table}: once it is free the list is whole again")

    holder.query(lock(TABLES))
    missing = ["reco.track", "reco.mood_term", "reco.change"]
    document = holds(warm, "400 ms", 0.4, "all are locked", missing)
    holds(warm, "0", 0, "all are locked, deadline 0", missing)
    new = cluster.session()
    holds(new, "400 ms", 0.4, "all are locked, for a new session", missing)
    new.close()
    explained = "\n".join(row[0] for row in warm.query("SELECT * FROM " + call(USER, PROMPT, SIZE, None, "0", "reco_explain")))
    ok("incomplete: tables were locked" in explained and "reco.track" in explained and "(null)" not in explained,
       "reco_explain says so, too", explained[:1500])
    holder.query("COMMIT")
    run = document["run_id"]
    ok(until(lambda: warm.value(f"SELECT count(*) FROM reco_run WHERE run_id = {run}") == "1"), "the run is on record")
    same(warm.query(f"SELECT complete, missing ? 'reco.track' FROM reco_run WHERE run_id = {run}"), [["f", "t"]],
         "as one that is not complete, with what was missing")
    told = "\n".join(row[0] for row in warm.query(f"SELECT * FROM reco_explain_run({run})"))
    ok("incomplete: tables were locked" in told and "reco.track" in told, "and can be explained", told[:1500])


def locked_indexes(cluster, holder, full):
    warm = cluster.session()
    timed(warm, "10 s")
    for index, table in (("track_search_idx", "track"), ("track_pkey", "track"), ("artist_name_fold_idx", "artist"),
                         ("mood_term_pkey", "mood_term"), ("listen_at_idx", "listen")):
        holder.query(f"BEGIN; REINDEX INDEX reco.{index}")
        for session, whose in ((warm, "a session that knows the question"), (cluster.session(), "a new one")):
            holds(session, "400 ms", 0.4, f"{index} is rebuilt, for {whose}", ["reco." + table])
            holds(session, "0", 0, f"{index} is rebuilt, for {whose}, deadline 0", ["reco." + table] if table != "artist" else [])
        holder.query("COMMIT")
    same(ids(timed(warm, "10 s")[0]), full, "once they are there the list is whole again")


def short_locks(cluster, holder):
    """Who comes to a table that is free again soon has a whole list."""
    session, watcher = cluster.session(), cluster.session()
    timed(session, "10 s")

    def attempt():
        holder.query(lock(["track", "mood_term"]))
        session.send("SELECT " + call(USER, PROMPT, SIZE, None, "60 s"))
        seen = until(lambda: waits(watcher, session), 1)
        holder.query("COMMIT")
        return '"complete": true' in session.wait()[0][0] and seen
    ok(until(attempt), "with time a call waits for a lock, for a while, and lacks nothing where the lock goes in time")


def waits(watcher, session):
    return watcher.value(f"SELECT wait_event_type FROM pg_stat_activity WHERE pid = {session.pid}"
                       " AND state = 'active'") == "Extension"


def all_ways(cluster, holder):
    """In transactions of all kinds; nothing stays behind."""
    session = cluster.session()
    watcher = cluster.session()
    session.query(f"""CREATE FUNCTION guarded(d interval) RETURNS jsonb LANGUAGE plpgsql AS $$
        DECLARE j jsonb;
        BEGIN
            BEGIN
                PERFORM 1 / 0;
            EXCEPTION WHEN division_by_zero THEN
                j := reco_generate_json('{USER}', '{PROMPT}', {SIZE}, d);
            END;
            BEGIN
                j := reco_generate_json('{USER}', '{PROMPT}', {SIZE}, d);
                RAISE EXCEPTION 'undone';
            EXCEPTION WHEN raise_exception THEN
                RETURN j;
            END;
        END $$""")
    settings = session.query("SELECT name, setting, source FROM pg_settings ORDER BY name")
    holder.query(lock(["track", "feedback"]))
    for begin in ("BEGIN READ ONLY", "BEGIN ISOLATION LEVEL REPEATABLE READ", "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY"):
        session.query(begin)
        holds(session, "200 ms", 0.2, begin, ["reco.track", "reco.feedback"])
        session.query("SAVEPOINT s")
        holds(session, "0", 0, begin + ", in a savepoint", ["reco.track", "reco.feedback"])
        session.query("ROLLBACK TO s")
        holds(session, "0", 0, begin + ", after it was undone", ["reco.track", "reco.feedback"])
        session.query("COMMIT")
    began = time.monotonic()
    document = session.json("SELECT guarded('200 ms')")
    ok(time.monotonic() - began < SLACK and len(document["tracks"]) == SIZE, "in blocks with exceptions, too")
    ok("reco.track" in document["missing"], "and says so", document["missing"])
    session.query("SET lock_timeout = '50ms'")
    holds(session, "60 s", 0.05, "a lock_timeout of the session's own is kept", ["reco.track"])
    session.query("RESET lock_timeout")

    # no error of a lock, nor of what ends a call, leaves anything behind
    for name, run in (("cancelled", cancelled), ("over its statement_timeout", timed_out)):
        same(run(session, watcher), "57014", f"a call that waits for a lock can be {name}")
    holder.query("COMMIT")
    same(session.query("SELECT name, setting, source FROM pg_settings ORDER BY name"), settings, "no setting is another")
    holder.query("BEGIN; LOCK TABLE reco.feedback IN ACCESS EXCLUSIVE MODE")
    session.query("SET lock_timeout = '100ms'")
    same(session.error(f"SELECT reco_feedback('{USER}', 'x', 'like')"), "55P03", "who writes waits for locks as ever")
    session.query("RESET lock_timeout")
    ok(until(lambda: terminated(cluster, watcher)), "a call that waits can be terminated")
    holder.query("COMMIT")


def terminated(cluster, watcher):
    """Whether it waited, and was; it waits for a second only."""
    lost = cluster.session()
    lost.send("SELECT " + call(USER, PROMPT, SIZE, None, "60 s"))
    seen = until(lambda: waits(watcher, lost), 1)
    watcher.query(f"SELECT pg_terminate_backend({lost.pid})")
    try:
        lost.wait(30)
    except (Lost, SqlError):
        return seen
    lost.close()
    return False


def cancelled(session, watcher):
    for _ in range(20):
        session.send("SELECT " + call(USER, PROMPT, SIZE, None, "60 s"))
        until(lambda: waits(watcher, session), 1)
        began = time.monotonic()
        watcher.query(f"SELECT pg_cancel_backend({session.pid})")
        try:
            session.wait()
        except SqlError as error:
            ok(time.monotonic() - began < SLACK, "and is at once")
            return error.sqlstate
    return None


def timed_out(session, _):
    session.query("SET statement_timeout = '50ms'")
    state = session.error("SELECT " + call(USER, PROMPT, SIZE, None, "60 s"))
    session.query("RESET statement_timeout")
    return state


def rules_hold(cluster, holder):
    session = cluster.session()
    plain, _ = timed(session, "10 s", "calm")
    artist = collections.Counter(track["artist"] for track in plain["tracks"]).most_common(1)[0][0]
    options = {"exclude_artists": [artist]}
    for tables in (["artist"], ["artist", "mood_term"]):
        holder.query(lock(tables))
        document, _ = timed(session, "200 ms", "calm", options=options)
        holder.query("COMMIT")
        ok(document["tracks"] and artist not in [track["artist"] for track in document["tracks"]],
           f"who is excluded is not listed where {' and '.join(tables)} cannot be read", artist)
    played = ids(plain)[:5]
    session.query(f"SELECT reco_listen('bo', id) FROM unnest({literal('{' + ','.join(played) + '}')}::text[]) AS id")
    holder.query(lock(["track", "artist", "mood_term"]))
    document, _ = timed(session, "200 ms", "calm", user="bo")
    holder.query("COMMIT")
    same(sorted(set(ids(document)) & set(played)), [], "nor what was just played, where only the catalogue cannot be read")


def hot_path(cluster, holder):
    """What was kept is given whatever is locked."""
    session = cluster.session()
    session.query("SET reco.result_cache = on")
    first, _ = timed(session, "10 s")
    timed(session, "10 s")
    holder.query(lock(TABLES))
    for deadline in ("0", "10 s"):
        again, took = timed(session, deadline)
        same([again["run_id"], ids(again)], [first["run_id"], ids(first)], f"a list that is kept is given, deadline {deadline}")
        ok(took < SLACK, "at once", took)
    other = cluster.session()
    other.query("SET reco.result_cache = on")
    same(timed(other, "0")[0]["run_id"], first["run_id"], "to a new session, too")
    document, took = timed(session, "400 ms", "something else")
    ok(len(document["tracks"]) == SIZE and not document["complete"] and took < 0.4 + SLACK,
       "what is not kept is made of what is at hand", document["missing"])
    holder.query("COMMIT")
    whole, _ = timed(session, "10 s", "something else")
    ok(whole["complete"] and whole["run_id"] != document["run_id"], "and that is not kept for others")


def no_catalogue(cluster, holder):
    """Nothing at hand at all: an error in time, never a wait."""
    session = cluster.session("empty")
    holder = cluster.session("empty")
    holder.query(lock(["track"]))
    began = time.monotonic()
    for deadline in ("400 ms", "0"):
        same(session.error("SELECT " + call("", "calm", SIZE, None, deadline)), "55P03",
             f"without any copy of the catalogue a lock on it is an error, deadline {deadline}")
    ok(time.monotonic() - began < 0.4 + SLACK, "in time")
    holder.query("COMMIT")
    same(session.error("SELECT " + call("", "calm")), "55000", "an empty one is another error")
    session.close()
    holder.close()


def standby(cluster):
    """A lock of the primary is one on its standby, too."""
    primary = cluster.session()
    with Standby(cluster, "reco.artifacts = off") as replica:
        session = replica.session()
        ok(replica.caught_up(session), "a standby has caught up")
        full = ids(timed(session, "10 s")[0])
        primary.query(lock(["track", "mood_term"]))
        cluster.session().query("CREATE TABLE later ()")
        ok(until(lambda: session.value("SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock'"
                                       " AND relation = 'reco.track'::regclass") == "1"), "a lock has come to it")
        holds(session, "400 ms", 0.4, "on a standby, reco.track is locked", ["reco.track", "reco.mood_term"])
        holds(session, "0", 0, "on a standby, deadline 0", ["reco.track", "reco.mood_term"])
        primary.query("COMMIT")
        ok(replica.caught_up(session), "and has gone")
        same(ids(timed(session, "10 s")[0]), full, "with it the list is whole again")
    os.environ.update(cluster.where)


def locks():
    # what a listener's last run left would answer for tables that are locked
    with Cluster("reco.keeper_interval = '50ms'", "reco.artifacts = off") as cluster:
        session = cluster.session()
        session.query("CREATE EXTENSION reco CASCADE; SELECT reco_demo_catalogue(3000)")
        session.query("CREATE DATABASE empty")
        session.query("SELECT count(reco_listen(user_id => 'ana', track_id => track_id)) FROM"
                      " (SELECT track_id FROM reco.track ORDER BY track_id LIMIT 30) AS t")
        cluster.session("empty").query("CREATE EXTENSION reco CASCADE")
        ok(settled(session), "the catalogue is in shared memory")
        holder = cluster.session()
        full = ids(timed(session, "10 s")[0])
        locked_tables(cluster, holder, full)
        locked_indexes(cluster, holder, full)
        short_locks(cluster, holder)
        all_ways(cluster, holder)
        rules_hold(cluster, holder)
        hot_path(cluster, holder)
        no_catalogue(cluster, holder)
        standby(cluster)


class Services:
    """Servers with credentials that no breaker, limit or cache knows of."""

    WHERE = {
        "spotify": (lambda e: f"base_url '{e.spotify}', accounts_url '{e.accounts}'", "client_id 'app-{}', client_secret 's'"),
        "reccobeats": (lambda e: f"base_url '{e.reccobeats}'", "api_key 'k-{}'"),
        "gemini": (lambda e: f"base_url '{e.gemini}', model 'gemini-3.6-flash'", "api_key 'g-{}'"),
    }

    def __init__(self, session, emulator):
        self.session = session
        self.emulator = emulator
        self.number = 0

    def connect(self, kinds=tuple(WHERE), secrets=None, reset=True, **changes):
        self.disconnect()
        if reset:
            self.emulator.reset()
        self.number += 1
        for kind in kinds:
            where, secret = self.WHERE[kind]
            options = "".join(f", {name} '{value}'" for name, value in
                              {**WIDE, **WIDE_QUOTA.get(kind, {}), **changes}.items())
            self.session.query(f"CREATE SERVER {kind} FOREIGN DATA WRAPPER reco_upstream OPTIONS"
                               f" (kind '{kind}', {where(self.emulator)}{options})")
            self.session.query(f"CREATE USER MAPPING FOR PUBLIC SERVER {kind} OPTIONS ({(secrets or secret).format(self.number)})")

    def disconnect(self):
        for kind in self.WHERE:
            self.session.query(f"DROP SERVER IF EXISTS {kind} CASCADE")

    def calls(self):
        return sum(service["calls"] for service in self.emulator.counters()["services"].values())


HANG = {"Spotify": [{"route": "/spotify/v1/", "kind": "stall"}], "ReccoBeats": [{"route": "/reccobeats/v1/", "kind": "stall"}],
        "the model": [{"route": "gemini", "kind": "stall"}], "Spotify's accounts": [{"route": "api/token", "kind": "stall"}]}
HANG["all"] = [{"route": "/", "kind": "stall"}]


def whole(document):
    """A whole list whose rows say where they come from."""
    return len(document["tracks"]) == SIZE and {row["origin"] for row in document["tracks"]} <= {"live", "cached", "stale", "local"}


def hanging(session, services, prompt):
    """Each service hangs, and all do."""
    for whose, rules in HANG.items():
        for deadline, seconds in (("1 s", 1), ("100 ms", 0.1), ("0", 0)):
            services.connect()
            services.emulator.fault(rules)
            document, took = timed(session, deadline, prompt)
            ok(whole(document), f"{whose} hangs, deadline {deadline}: a whole list", len(document["tracks"]))
            ok(took < seconds + SLACK, f"{whose} hangs, deadline {deadline}: in time", took)
            if seconds == 1 and whose in ("Spotify", "all"):
                ok("spotify" in document["missing"], f"{whose} hangs, deadline {deadline}: it is named", document["missing"])
        if whose == "all":
            same(services.calls(), 0, "and with a deadline of 0 nobody is asked")

    # a breaker that is open costs nothing
    services.connect()
    services.emulator.fault(HANG["all"])
    for _ in range(12):
        timed(session, "200 ms", prompt)
    same(len(document["tracks"]), SIZE, "services that hang again and again: a whole list")
    services.emulator.fault([])


def gateway(cluster, session, services, prompt):
    services.connect()
    stand_still(cluster.gateway())
    for deadline, seconds in (("1 s", 1), ("0", 0)):
        document, took = timed(session, deadline, prompt)
        ok(whole(document) and took < seconds + SLACK, f"a gateway that stands still, deadline {deadline}: a whole list in time", took)
    os.kill(cluster.gateway(), signal.SIGCONT)
    services.connect()
    services.emulator.fault(HANG["all"])
    before = cluster.gateway()
    session.send("SELECT " + call(USER, prompt, SIZE, None, "20 s"))
    watcher = services.session
    until(lambda: waits(watcher, session), 10)
    os.kill(before, signal.SIGTERM)
    began = time.monotonic()
    rows = session.wait()
    ok(rows and time.monotonic() - began < 20 + SLACK, "a gateway that ends in the middle: a list in time")
    ok(until(lambda: gateway_pid(watcher) not in (None, before)), "and a new gateway comes")


def in_the_middle(cluster, session, services, prompt):
    """Whatever ends a call while services hang leaves the session and the server whole."""
    watcher = services.session

    def asks(session_that_asks):
        services.connect()
        services.emulator.fault(HANG["all"])
        session_that_asks.send("SELECT " + call(USER, prompt, SIZE, None, "60 s"))
        return until(lambda: waits(watcher, session_that_asks), 10)

    ok(asks(session), "a call waits for services")
    began = time.monotonic()
    watcher.query(f"SELECT pg_cancel_backend({session.pid})")
    try:
        session.wait()
        state = None
    except SqlError as error:
        state = error.sqlstate
    same(state, "57014", "it can be cancelled")
    ok(time.monotonic() - began < SLACK, "at once")
    session.query("SET statement_timeout = '100ms'")
    services.connect()
    services.emulator.fault(HANG["all"])
    same(session.error("SELECT " + call(USER, prompt, SIZE, None, "60 s")), "57014", "and stopped by a statement_timeout")
    session.query("RESET statement_timeout")
    lost = cluster.session()
    ok(asks(lost), "another waits")
    watcher.query(f"SELECT pg_terminate_backend({lost.pid})")
    try:
        lost.wait(10)
        ok(False, "it can be terminated")
    except (Lost, SqlError):
        ok(True, "it can be terminated")
    services.connect()
    services.emulator.fault(HANG["all"])
    session.query("BEGIN READ ONLY")
    document, took = timed(session, "500 ms", prompt)
    session.query("COMMIT")
    ok(whole(document) and took < 0.5 + SLACK, "in a read-only transaction there is a list in time, too", took)
    same(nothing_left(watcher), None, "no slot and no memory is left behind")


def useless(session, services, prompt):
    """Services that are of no use: the lists are those without them, and reco_doctor says why."""
    services.disconnect()
    plain = ids(timed(session, "10 s", prompt)[0])
    unknown = "client_id 'nobody', client_secret 'wrong'"
    services.connect(("spotify",), secrets=unknown)
    services.emulator.fault([{"route": "api/token", "kind": "status:400", "body": '{"error": "invalid_client"}'}])
    document, _ = timed(session, "20 s", prompt)
    same(ids(document), plain, "a wrong secret: the list is the one without services")
    ok("spotify" in document["missing"], "and the service is named", document["missing"])
    same(doctor(session, "spotify")[0], "error", "and reco_doctor calls it an error")
    services.connect(("spotify",), reset=True)
    session.query("ALTER SERVER spotify OPTIONS (SET base_url 'http://127.0.0.1:9', SET accounts_url 'http://127.0.0.1:9')")
    document, took = timed(session, "20 s", prompt)
    same(ids(document), plain, "a host that cannot be reached: the same list")
    ok("spotify" in document["missing"], "and the service is named, too", document["missing"])
    ok(took < 20 + SLACK, "in time", took)
    status, detail, hint = doctor(session, "spotify")
    ok(status == "error" and "127.0.0.1:9" in detail and hint, "and reco_doctor names it", (status, detail, hint))
    services.connect(("spotify",))
    document, _ = timed(session, "10 s", prompt)
    ok(whole(document), "a listener who is not connected: a whole list", document["missing"])
    services.disconnect()


def doctor(session, name):
    """The worst row about a server."""
    rows = session.query(f"SELECT status, detail, hint FROM reco_doctor('3 s') WHERE \"check\" = 'server \"{name}\"'")
    return max(rows, key=lambda row: ("ok", "warning", "error").index(row[0]))


def empty_catalogue(cluster, services):
    """Services alone make a list; nobody makes an error that names both."""
    session = services.session
    session.query("TRUNCATE reco.track, reco.artist, reco.listen")
    services.connect()
    artist = services.emulator.artists(1)[0]["name"]
    for prompt in (f"like {artist}", "rock"):
        document, _ = timed(session, "20 s", prompt, user="")
        ok(document["tracks"] and {row["origin"] for row in document["tracks"]} <= {"live", "cached"},
           f"{prompt}: services alone make a list", origins(document))
        ok(all(row["title"] for row in document["tracks"]), f"{prompt}: of tracks with titles")
    services.connect(("spotify",))
    document, _ = timed(session, "20 s", "rock", user="a new listener")
    ok(document["tracks"], "Spotify alone does, for a listener whom nobody knows", document["missing"])
    services.connect()
    services.emulator.fault(HANG["all"])
    began = time.monotonic()
    session.send("\\set VERBOSITY verbose\nSELECT " + call("", "rock", SIZE, None, "1 s"))
    try:
        session.wait()
        ok(False, "nobody at all is an error")
    except SqlError as error:
        same(error.sqlstate, "55000", "nobody at all is an error")
        ok("empty" in error.message and "service" in error.message, "that names both", error.message)
    ok(time.monotonic() - began < 1 + SLACK, "in time")
    until(lambda: any("HINT" in line for line in session.errors), 10)
    hint = next((line for line in reversed(session.errors) if "HINT" in line), "")
    ok("reco_catalogue_import" in hint and "reco_doctor" in hint and "reco_stat_upstream" in hint, "with a hint for both", hint)


def origins(document):
    return collections.Counter(track["origin"] for track in document["tracks"])


def kept(session, services, prompt):
    """With what is known no service is asked, where there is no time for it."""
    services.connect()
    session.query("SET reco.cache = on; SET reco.result_cache = on")
    first, _ = timed(session, "20 s", prompt)
    same(first["complete"], True, "a list that nothing is missing in")
    same(nothing_left(session), None, "what nobody waited for has come")
    until(lambda: session.value("SELECT coalesce(sum(queued + in_flight), 0) FROM reco_stat_upstream") == "0")
    before = services.calls()
    again, _ = timed(session, "0", prompt)
    same([again["run_id"], services.calls()], [first["run_id"], before], "is given again with a deadline of 0, by no call")
    session.query("SET reco.result_cache = off")
    again, _ = timed(session, "0", prompt)
    ok(whole(again), "made anew with a deadline of 0 it is whole", again["missing"])
    same(services.calls(), before, "and asks nobody")
    session.query("RESET reco.cache; RESET reco.result_cache")


def upstreams():
    with Emulator("--preset", "extended", "--latency", "none", "--window", "none") as emulator, \
            Cluster("reco.job_workers = 0", "reco.gateway_upstreams = 300", "reco.artifacts = off", "reco.learn = off") as cluster:
        session = cluster.session()
        watcher = cluster.session()
        session.query("CREATE EXTENSION reco CASCADE; SELECT reco_demo_catalogue(3000)")
        services = Services(watcher, emulator)
        prompt = f"like {emulator.artists(1)[0]['name']}, calm"
        kept(session, services, prompt)
        hanging(session, services, prompt)
        gateway(cluster, session, services, prompt)
        in_the_middle(cluster, session, services, prompt)
        useless(session, services, prompt)
        empty_catalogue(cluster, services)
        same(emulator.counters()["bugs"], [], "the emulator did what it was told")


def main():
    locks()
    upstreams()
    done()


main()
