#!/usr/bin/env python3
"""Claim: what a service said once and for all outlives a crash right after it.

A quota that is used up, and a Retry-After, are kept as well, in every database.
A listener's refresh token that was rotated is written before the call returns: after
SIGKILL of the postmaster the new one is used, where the old one is refused. Whoever
disconnects is gone everywhere; nobody gets another listener's token or answers, no dump
has a token, no error shows one.
"""
import json
import os
import signal
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from cluster import BINDIR, Cluster, Standby, alive, gateway_pid, nothing_left  # noqa: E402
from emulator import Emulator  # noqa: E402
from reco_tap import SqlError, done, literal, ok, same, until  # noqa: E402

PROMISED = 1.0      # seconds that a call waits at most for what must be written


def top(user, key="short_term", kind="user_top_tracks", columns="outcome, value"):
    return (f"SELECT {columns} FROM reco_resolve({literal(kind)}, ARRAY[{literal(key)}], '20 s', 'interactive', {literal(user)})")


def ask(session, user, key="short_term", kind="user_top_tracks"):
    """(outcome, value) of one of a listener's own things."""
    row = session.query(top(user, key, kind))[0]
    return row[0], json.loads(row[1]) if row[1] else None


def stored(session, user):
    return session.value(f"SELECT token FROM reco.listener_token WHERE user_id = {literal(user)}")


def kept(began, written):
    """Written when the call returned that began then; or it waited as long as it promises, and it comes."""
    return written() or (time.monotonic() - began >= PROMISED and until(written))


def rotated(session, began, last):
    """Whether another token than the last one is kept, and which."""
    good = kept(began, lambda: stored(session, "ana") not in (None, last))
    return good, stored(session, "ana")


def crash(cluster):
    """Kills the postmaster and everything below it, and starts again."""
    head = cluster.postmaster()
    os.kill(head, signal.SIGSTOP)       # no more children from here on
    pids = [head, *cluster.children()]
    os.kill(head, signal.SIGKILL)
    for pid in pids[1:]:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    until(lambda: not any(alive(pid) for pid in pids), 30)
    cluster.start()
    session = cluster.session()
    ok(until(lambda: gateway_pid(session) is not None), "the gateway serves after a crash")
    return session


def kept_by_then(session):
    """Waits for a keeper; without one nobody waits until something is written."""
    ok(until(lambda: session.value("SELECT count(*) FROM reco_stat_worker WHERE worker = 'keeper' AND state = 'running'"
                                   " AND database = current_database()") == "1"), "there is a keeper")


def another_gateway(session):
    first = gateway_pid(session)
    os.kill(first, signal.SIGTERM)
    return until(lambda: gateway_pid(session) not in (None, first), 20)


def tokens(emulator):
    return emulator.service("accounts")["calls"]


def make_server(session, emulator, name="spotify", **options):
    more = "".join(f", {option} '{value}'" for option, value in {
        "rate": "100000/1s", "burst": "1000", "daily_quota": "100000", **options}.items())
    session.query(f"CREATE SERVER {name} FOREIGN DATA WRAPPER reco_upstream OPTIONS (kind 'spotify',"
                  f" base_url '{emulator.spotify}', accounts_url '{emulator.accounts}'{more})")
    session.query(f"CREATE USER MAPPING FOR PUBLIC SERVER {name} OPTIONS (client_id 'app', client_secret 's3cret')")


def rotations(cluster, session, emulator):
    """A token that was replaced is there after a crash."""
    same(ask(session, "ana"), ("unconfigured", None), "who is not connected has no things of her own")
    session.query("SELECT reco_connect_user('ana', 'ana.0')")
    emulator.config(rotate=True, revoke_rotated=True)
    kept_by_then(session)
    began = time.monotonic()
    outcome, value = ask(session, "ana")
    good, first = rotated(session, began, "ana.0")
    ok(outcome == "fresh" and value["tracks"], "who is connected has", outcome)
    ok(good, "and the new token is written when the call returns", first)

    session = crash(cluster)
    same(stored(session, "ana"), first, "after SIGKILL of the postmaster it is there")
    before = tokens(emulator)
    kept_by_then(session)
    began = time.monotonic()
    same(ask(session, "ana"), ("fresh", value), "and used: the service takes it")
    good, newer = rotated(session, began, first)
    same(tokens(emulator) - before, 1, "at the first try")
    ok(good and newer != "ana.0", "what became of it is written, too", newer)

    for n in range(3):
        emulator.fault([{"route": "/me/top", "kind": "401-expired", "times": 1}])
        began = time.monotonic()
        outcome = ask(session, "ana", "long_term")[0]
        good, newer = rotated(session, began, newer)
        same(outcome, "fresh", f"rotation {n + 3}: served")
        ok(good, "and written", newer)
        session = crash(cluster)
        kept_by_then(session)
        began = time.monotonic()
        same(ask(session, "ana")[0], "fresh", "and of use after a crash right then")
        _, newer = rotated(session, began, newer)
    emulator.fault([])
    ok(another_gateway(session), "another gateway comes")
    same(ask(session, "ana")[0], "fresh", "and goes on with the token that is stored")

    # a reader whose snapshot is older than a rotation
    old = cluster.session()
    old.query("BEGIN ISOLATION LEVEL REPEATABLE READ")
    old.query("SELECT 1 FROM reco.listener_token")
    for _ in range(2):
        emulator.fault([{"route": "/me/top", "kind": "401-expired", "times": 1}])
        ask(session, "ana")
    same(ask(old, "ana")[0], "fresh", "a transaction that is older than two rotations is served")
    old.query("COMMIT")

    # one who connects in this transaction cannot have a token rotated that nobody else sees
    session.query("BEGIN")
    session.query("SELECT reco_connect_user('eve', 'eve.0')")
    same(ask(session, "eve")[0], "unconfigured", "a connection counts from its commit on")
    session.query("COMMIT")
    same(ask(session, "eve")[0], "fresh", "which has come")
    return session


def locked(cluster, session, emulator):
    """Somebody has the row: the promise waits, and is seen meanwhile."""
    session.query("SELECT reco_connect_user('lou', 'lou.0')")
    other = cluster.session()
    other.query("BEGIN")
    other.query("SELECT 1 FROM reco.listener_token WHERE user_id = 'lou' FOR UPDATE")
    same(ask(session, "lou")[0], "fresh", "a row that somebody has locked keeps nobody")
    same(stored(session, "lou"), "lou.0", "it cannot be written")
    ok(another_gateway(session), "another gateway comes")
    same(ask(session, "lou")[0], "fresh", "and finds the new token where it is promised")
    other.query("COMMIT")
    ok(until(lambda: stored(session, "lou") != "lou.0"), "it is written when the row is free")


def another_account(cluster, session, emulator):
    """A listener connects another account while a token of the former one is on its way."""
    emulator.config(latency={"accounts": 1500})
    session.query("SELECT reco_connect_user('zoe', 'zoe.0')")
    early = cluster.session()
    before = tokens(emulator)
    early.send(top("zoe"))
    ok(until(lambda: tokens(emulator) == before + 1), "a token request is under way")
    session.query("SELECT reco_connect_user('zoe', 'yan.0')")
    same(ask(session, "zoe")[0], "fresh", "who connects another account meanwhile is served")
    ok(until(lambda: (stored(session, "zoe") or "").startswith("yan.") and stored(session, "zoe") != "yan.0"),
       "and that one's new token is written, not the former one's", stored(session, "zoe"))
    early.wait()
    emulator.config(latency={"accounts": 0})
    ok(another_gateway(session), "another gateway comes")
    same(ask(session, "zoe", "long_term")[0], "fresh", "and goes on with it")


def too_long(session, emulator):
    """A token that no place is large enough for is not tried for ever."""
    session.query("SELECT reco_connect_user('pia', 'pia.0')")
    emulator.fault([{"route": "/api/token", "kind": "status:200", "times": 1, "body": json.dumps(
        {"access_token": "listener-pia", "token_type": "Bearer", "expires_in": 3600, "refresh_token": "p" * 5000})}])
    same(ask(session, "pia")[0], "fresh", "a refresh token of 5000 letters keeps nobody from being served")
    same(session.value("SELECT count(*) FROM reco_stat_upstream WHERE last_error LIKE '%too long to be kept'"), "1", "it is told")
    emulator.fault([])
    same((stored(session, "pia"), ask(session, "pia", "long_term")[0]), ("pia.0", "fresh"), "what was there stays")


def failing(cluster, session, emulator):
    """A table that cannot be written keeps nobody from the others."""
    def kept(user):
        return session.value(f"SELECT count(*) FROM reco.cache WHERE key LIKE '{user}%'") == "1"
    session.query("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''refused''; END'")
    session.query("CREATE TRIGGER refuse BEFORE UPDATE ON reco.listener_token FOR EACH ROW EXECUTE FUNCTION refuse()")
    session.query("SELECT reco_connect_user('moe', 'moe.0')")
    session.query(top("moe").replace("20 s", "3 s"))
    ok(until(lambda: kept("moe"), 60), "a trigger that refuses tokens: what was answered is written")
    same(stored(session, "moe"), "moe.0", "the token is not")
    session.query("DROP TRIGGER refuse ON reco.listener_token")
    session.query("DROP FUNCTION refuse()")
    ok(until(lambda: stored(session, "moe") != "moe.0", 120), "until it can be")

    other = cluster.session()
    other.query("BEGIN")
    other.query("LOCK TABLE reco.limit_state IN EXCLUSIVE MODE")
    now = session.value("SELECT clock_timestamp()")
    emulator.fault([{"route": "/search", "kind": "status:429", "headers": {"Retry-After": "6"}, "body": "", "times": 1}])
    search(session, "anything", "5 s")
    session.query("SELECT reco_connect_user('ned', 'ned.0')")
    same(ask(session, "ned")[0], "fresh", "somebody has locked the table of limits, and there is one to be written")
    ok(until(lambda: kept("ned") and stored(session, "ned") != "ned.0", 60), "what was answered is written, and a token")
    same(session.value(f"SELECT count(*) FROM reco.limit_state WHERE updated_at > {literal(now)}"), "0", "the limit is not")
    other.query("COMMIT")
    ok(until(lambda: session.value(f"SELECT count(*) FROM reco.limit_state WHERE updated_at > {literal(now)}") == "1", 120),
       "until it can be")
    emulator.fault([])


def others(session, emulator):
    """One listener's things are never another's."""
    session.query("SET reco.cache = on")
    session.query("SELECT reco_connect_user('bob', 'bob.0')")
    session.query("SELECT reco_connect_user('cid', 'cid.0')")
    bob, cid = ask(session, "bob"), ask(session, "cid")
    same((bob[0], cid[0]), ("fresh", "fresh"), "two listeners")
    ok(bob[1] != cid[1], "have things of their own")
    before = emulator.service("spotify")["calls"]
    same(session.query(top("bob", columns="outcome, origin"))[0], ["fresh", "cached"], "which are kept")
    same((ask(session, "bob"), ask(session, "cid")), (bob, cid), "for each")
    same(emulator.service("spotify")["calls"], before, "without a call")
    same(ask(session, "dan"), ("unconfigured", None), "and never given to a third one")
    same(session.value("SELECT reco_cache_invalidate(NULL, NULL, 'bob')"), "1", "what is kept of one can be removed")
    same(ask(session, "bob"), bob, "and is asked for again")
    same(emulator.service("spotify")["calls"], before + 1, "of that one only")
    same(ask(session, "bob", "short_term", "user_top_artists")[0], "fresh", "artists, too")


def lists(session, emulator):
    """A run knows what a connected listener plays elsewhere."""
    def own_calls():
        return emulator.counters()["routes"]["GET /spotify/v1/me/top/{type}"]["calls"]

    def rows(user):
        return session.query(f"SELECT track_id, origin FROM reco_generate('{user}', 'calm', 10, '20 s',"
                             " '{\"strategies\": [\"user_anchors\"], \"familiarity\": 0}')")
    session.query("SELECT reco_demo_catalogue(500)")
    session.query("SELECT reco_connect_user('ida', 'ida.0')")
    own = {track["id"] for track in ask(session, "ida", "medium_term")[1]["tracks"]}
    before = own_calls()
    got = rows("ida")
    ok(any(track in own for track, _ in got), "a connected listener's own tracks are in the list", got)
    same(own_calls(), before + 1, "by one call, for artists: the tracks were known")
    ok(not any(track in own for track, _ in rows("dan")), "of nobody else")
    same(own_calls(), before + 1, "for whom nothing is asked")
    session.query("SELECT reco_disconnect_user('ida')")
    ok(not any(track in own for track, _ in rows("ida")), "nor of one who has disconnected")


def disconnecting(cluster, session, emulator):
    same(session.value("SELECT reco_disconnect_user('nobody')"), "f", "nobody was connected")
    session.query("BEGIN")
    session.query("SELECT reco_disconnect_user('bob')")
    session.query("ROLLBACK")
    before = tokens(emulator)
    same((ask(session, "bob", "long_term")[0], tokens(emulator)), ("fresh", before), "a rollback takes it back")
    session.query("BEGIN")
    session.query("SAVEPOINT a")
    session.query("SELECT reco_disconnect_user('bob')")
    session.query("ROLLBACK TO a")
    session.query("COMMIT")
    same((ask(session, "bob", "medium_term")[0], tokens(emulator)), ("fresh", before), "so does one to a savepoint")

    same(session.value("SELECT reco_disconnect_user('bob')"), "t", "who was connected is told")
    same((stored(session, "bob"), ask(session, "bob")), (None, ("unconfigured", None)), "and gone at once")
    same(session.value("SELECT count(*) FROM reco.cache WHERE key LIKE 'bob%'"), "0", "with what was told")
    before = tokens(emulator)
    emulator.config(rotate=False, revoke_rotated=False)
    session.query("SELECT reco_connect_user('bob', 'bob.0')")
    same((ask(session, "bob")[0], tokens(emulator) - before), ("fresh", 1), "the gateway had kept no token either")

    # a rotation that comes when its listener is gone
    emulator.config(rotate=True, latency={"accounts": 1500})
    session.query("SELECT reco_connect_user('gil', 'gil.0')")
    asking = cluster.session()
    before = tokens(emulator)
    asking.send(top("gil"))
    ok(until(lambda: tokens(emulator) > before), "a token request is under way")
    session.query("SELECT reco_disconnect_user('gil')")
    ok(asking.wait()[0][0] in ("unauthorised", "fresh"), "which ends")
    same(stored(session, "gil"), None, "and brings nothing back")
    emulator.config(rotate=False, latency={"accounts": 0})
    session.query("BEGIN")
    session.query("SELECT reco_disconnect_user('eve')")
    same(says(session, "PREPARE TRANSACTION 'x'"), "0A000", "it cannot be prepared")


def says(session, statement):
    try:
        session.query(statement)
    except SqlError as error:
        return error.sqlstate
    return None


def wrong_input(cluster, session, emulator):
    for arguments, state in (("NULL, 'x'", "22004"), ("'', 'x'", "22023"), ("'a', NULL", "22004"), ("'a', ''", "22023"),
                             (r"E'a\nb', 'x'", "22023"), (r"'a', E's3cr3t\nx'", "22023"), ("'a', 's3cr3t x'", "22023"),
                             ("'a', 's3cr3t\u00e4'", "22023"), ("repeat('a', 256), 'x'", "22023"),
                             ("'a', repeat('s3cr3t', 700)", "22023"), ("'a', 's3cr3t', 'nowhere'", "42704")):
        same(says(session, f"SELECT reco_connect_user({arguments})"), state, f"reco_connect_user({arguments[:30]}): {state}")
    session.query(f"DO $$ BEGIN PERFORM reco_connect_user('a', 's3cr3t' || chr(9)); EXCEPTION WHEN OTHERS THEN NULL; END $$")
    make_server(session, emulator, "another")
    same(says(session, "SELECT reco_connect_user('a', 's3cr3t')"), "55000", "of two servers one must be named")
    session.query("SELECT reco_connect_user('a', 'a.0', 'another')")
    same(session.value("SELECT server FROM reco.listener_token WHERE user_id = 'a'"), "another", "and is")
    same((session.value("SELECT reco_disconnect_user('a', 'spotify')"), session.value("SELECT reco_disconnect_user('a', 'another')")),
         ("f", "t"), "by name it is disconnected, too")
    session.query("DROP SERVER another CASCADE")
    session.query("BEGIN READ ONLY")
    same(says(session, "SELECT reco_connect_user('a', 's3cr3t')"), "25006", "not in a read-only transaction")
    session.query("ROLLBACK")
    same(says(session, "SELECT reco_resolve('track_search', '{x}', user_id => 'ana')"), "22023",
         "a question that is no listener's has no user_id")
    ok("s3cr3t" not in cluster.log_text(), "no error shows a token in the log")


def rights(cluster, session):
    session.query("CREATE ROLE anybody LOGIN")
    anybody = cluster.session(user="anybody")
    for statement in ("SELECT reco_connect_user('a', 'b')", "SELECT reco_disconnect_user('a')",
                      "SELECT * FROM reco.listener_token"):
        same(says(anybody, statement), "42501", f"not to the public: {statement}")
    anybody.close()
    session.query("GRANT pg_read_all_settings, pg_monitor TO anybody")
    tokens_now = [row[0] for row in session.query("SELECT token FROM reco.listener_token")]
    ok(len(tokens_now) > 2, "there are tokens", len(tokens_now))
    dumped = subprocess.run([BINDIR + "/pg_dump", "-h", cluster.dir, "-p", str(cluster.port), "-U", "postgres", "postgres"],
                            capture_output=True, text=True, check=True).stdout
    ok("CREATE EXTENSION" in dumped and not any(token in dumped for token in tokens_now), "no dump has a token")


def without_keeper(cluster, session, emulator):
    """Nobody writes: a token lives as long as the server does."""
    session.query("ALTER SYSTEM SET reco.keeper = off")
    session.query("SELECT pg_reload_conf()")
    ok(until(lambda: session.value("SELECT count(*) FROM reco_stat_worker WHERE worker = 'keeper' AND state <> 'ended'") == "0"),
       "no keeper runs")
    emulator.config(rotate=True, revoke_rotated=True)
    session.query("SELECT reco_connect_user('kim', 'kim.0')")
    same(ask(session, "kim")[0], "fresh", "a listener is served")
    same(stored(session, "kim"), "kim.0", "the new token is not written")
    ok(another_gateway(session), "another gateway comes")
    same(ask(session, "kim")[0], "fresh", "and finds it in shared memory")
    session.query("SELECT reco_disconnect_user('kim')")
    session.query("SELECT reco_connect_user('kim', 'kim.0')")
    ok(another_gateway(session), "once more")
    same(ask(session, "kim")[0], "unauthorised", "whoever disconnects is gone from there, too")
    session.query("ALTER SYSTEM RESET reco.keeper")
    session.query("SELECT pg_reload_conf()")
    ok(until(lambda: session.value("SELECT count(*) FROM reco_stat_worker WHERE worker = 'keeper' AND state = 'running'") == "1"),
       "a keeper comes back")


def full(cluster, session, emulator):
    """More new tokens than there is room for: none is lost."""
    users = [f"user{n}" for n in range(20)]
    for user in users:
        session.query(f"SELECT reco_connect_user('{user}', '{user}.0')")
    other = cluster.session()
    other.query("BEGIN")
    other.query("SELECT count(*) FROM (SELECT 1 FROM reco.listener_token FOR UPDATE) AS t")
    for user in users:
        if ask(session, user)[0] != "fresh":
            ok(False, f"{user} is served")
    same(session.value("SELECT count(*) FROM reco.listener_token WHERE user_id LIKE 'user%' AND rotated_at IS NULL"), "20",
         "nothing can be written")
    other.query("COMMIT")
    ok(until(lambda: session.value("SELECT count(*) FROM reco.listener_token WHERE user_id LIKE 'user%' AND rotated_at IS NULL")
             == "0"), "then all are, also those for which there was no room")
    session = crash(cluster)
    same({ask(session, user)[0] for user in users}, {"fresh"}, "and of use")
    return session


def at_once(cluster, session, emulator):
    """Several at once, a crash in the middle: what was answered is kept."""
    answered = []

    def one(user, number):
        began = time.monotonic()
        try:
            outcome, _ = ask(number, user)
            # who waited as long as a call promises has no promise of more
            if outcome == "fresh" and (time.monotonic() - began < PROMISED
                                       or until(lambda: stored(number, user) not in (None, user + ".0"))):
                answered.append(user)
        except Exception:
            pass
    users = [f"many{n}" for n in range(12)]
    for user in users:
        session.query(f"SELECT reco_connect_user('{user}', '{user}.0')")
    threads = [threading.Thread(target=one, args=(user, cluster.session())) for user in users]
    for thread in threads:
        thread.start()
    until(lambda: len(answered) >= 4, 30)
    known = list(answered)
    session = crash(cluster)
    for thread in threads:
        thread.join()
    same({ask(session, user)[0] for user in known}, {"fresh"}, "whoever had an answer before a crash is served after it")
    return session


def search(session, words="calm", deadline="5 s"):
    return session.value(f"SELECT outcome FROM reco_resolve('track_search', ARRAY[{literal(words)}], {literal(deadline)})")


def exhausted(session):
    """Whether it is written that a quota is used up."""
    return session.value("SELECT count(*) FROM reco.limit_state WHERE array_to_string(exhausted_until, '') <> ''") == "1"


def limits(cluster, session, emulator):
    """What a service says of limits is known after a crash, and in another database."""
    def calls():
        return emulator.service("spotify")["calls"]

    def anew(one, **options):
        one.query("DROP SERVER IF EXISTS spotify CASCADE")
        make_server(one, emulator, **options)
    emulator.reset()
    emulator.config(preset="extended")
    session.query("CREATE DATABASE other")
    other = cluster.session("other")
    other.query("CREATE EXTENSION reco CASCADE")
    anew(other)
    anew(session)
    same((search(session), search(other)), ("fresh", "fresh"), "two databases ask one service")
    track = emulator.tracks(1)[0]["id"]
    emulator.fault([{"route": "/search", "kind": "quota-exceeded", "times": 1}])
    before = calls()
    began = time.monotonic()
    outcome = search(session, "more")
    kept(began, lambda: exhausted(session))
    same((outcome, calls() - before), ("quota", 1), "a quota is used up")
    session = crash(cluster)
    same((search(session), calls() - before), ("quota", 1), "after SIGKILL right then nothing is asked")
    ahead = session.value("SELECT extract(epoch FROM quota_until - clock_timestamp()) > 3600 FROM reco_stat_upstream"
                          " WHERE quota_until IS NOT NULL")
    same(ahead, "t", "until then, by the calendar")
    same((session.value(f"SELECT outcome FROM reco_resolve('track_facts', ARRAY['{track}'])"), calls() - before), ("fresh", 2),
         "but another endpoint answers")
    other = cluster.session("other")
    same((search(other), calls() - before), ("quota", 2), "another database knows of it")
    ok(until(lambda: exhausted(session) and exhausted(other)), "both have it written")
    session.query("TRUNCATE reco.limit_state")
    session = crash(cluster)
    other = cluster.session("other")
    same((search(other), calls() - before), ("quota", 2), "one that has lost it: the latest that any database knows holds")
    same((search(session), calls() - before), ("quota", 2), "for all")
    other.query("UPDATE reco.limit_state SET exhausted_until[1] = now() + interval '90 years'")
    session.query("TRUNCATE reco.limit_state")
    session = crash(cluster)
    other = cluster.session("other")
    same(search(other), "quota", "a time of a clock that went wrong")
    same(session.value("SELECT quota_until < now() + interval '3 days' FROM reco_stat_upstream WHERE quota_until IS NOT NULL"), "t",
         "is cut to what a service can say")
    for one in (session, other):
        one.query("TRUNCATE reco.limit_state")
    other.close()

    # a time to wait, and the database that was told of it goes
    session = crash(cluster)
    other = cluster.session("other")
    emulator.reset()
    emulator.config(preset="extended")
    emulator.fault([{"route": "/search", "kind": "status:429", "headers": {"Retry-After": "3600"}, "body": "", "times": 1}])
    same((search(other), calls()), ("limited", 1), "Retry-After: 3600")
    ok(until(lambda: session.value("SELECT count(*) FROM reco.limit_state WHERE blocked_until > now() + interval '50 minutes'")
             == "1"), "the other database has it written at once")
    other.close()
    session.query("DROP DATABASE other")
    session = crash(cluster)
    same((search(session), calls()), ("limited", 1), "it outlives a crash and the database that was told")
    session.query("TRUNCATE reco.limit_state")

    # the day's count
    session = crash(cluster)
    emulator.fault([])
    anew(session, daily_quota="5")
    same([search(session, f"day {n}") for n in range(4)], ["fresh"] * 4, "four of five calls a day")
    ok(until(lambda: session.value("SELECT (SELECT sum(h) FROM unnest(hours) AS h) FROM reco.limit_state") == "4", 60),
       "are written after a while")
    session.query("CREATE TABLE flushed ()")
    session = crash(cluster)
    same([search(session, f"after {n}") for n in range(2)], ["fresh", "quota"], "and count after a crash")
    ok(until(lambda: session.value("SELECT (SELECT sum(h) FROM unnest(hours) AS h) FROM reco.limit_state") == "5", 60),
       "once each", session.value("SELECT hours FROM reco.limit_state"))
    same(cluster.stop() is not None, True, "a clean stop")
    cluster.start()
    session = cluster.session()
    ok(until(lambda: gateway_pid(session) is not None), "the gateway serves again")
    same(search(session, "again"), "quota", "forgets none of it")
    return session


def late_keeper(cluster, session, emulator):
    """A keeper that comes after a call writes over nothing that it read only then."""
    emulator.reset()
    emulator.config(preset="extended")
    session.query("DROP SERVER spotify CASCADE")
    make_server(session, emulator)
    session.query("TRUNCATE reco.limit_state")
    session = crash(cluster)
    emulator.fault([{"route": "/search", "kind": "quota-exceeded", "times": 1}])
    kept_by_then(session)
    began = time.monotonic()
    outcome = search(session)
    ok(kept(began, lambda: exhausted(session)), "it is written")
    same(outcome, "quota", "a quota is used up")
    before = int(session.value("SELECT (SELECT sum(h) FROM unnest(hours) AS h) FROM reco.limit_state"))
    session.query("ALTER SYSTEM SET reco.keeper = off")
    session = crash(cluster)
    other = cluster.session()
    other.query("BEGIN")
    other.query("LOCK TABLE reco.limit_state")
    same(search(session, "early", "20 s"), "fresh", "after a crash, while nobody can read the table, it is asked")
    session.query("ALTER SYSTEM RESET reco.keeper")
    session.query("SELECT pg_reload_conf()")
    ok(until(lambda: session.value("SELECT count(*) FROM reco_stat_worker WHERE worker = 'keeper' AND state = 'running'") == "1"),
       "a keeper comes")
    other.query("COMMIT")
    ok(until(lambda: session.value("SELECT (SELECT sum(h) FROM unnest(hours) AS h) FROM reco.limit_state") == str(before + 1), 60),
       "and adds the call to those of before", before, session.value("SELECT hours FROM reco.limit_state"))
    session = crash(cluster)
    calls = emulator.service("spotify")["calls"]
    same((search(session, "late"), emulator.service("spotify")["calls"] - calls), ("quota", 0), "the quota is used up after another crash")
    session.query("TRUNCATE reco.limit_state")
    return session


def main():
    with Emulator("--latency", "none", "--preset", "extended", "--window", "none") as emulator, \
            Cluster("reco.gateway_slots = 16", "reco.keeper_interval = 1s", "max_prepared_transactions = 2") as cluster:
        session = cluster.session()
        session.query("CREATE EXTENSION reco CASCADE")
        same(says(session, "SELECT reco_connect_user('ana', 'x')"), "55000", "without a server nobody can connect")
        make_server(session, emulator)
        session = rotations(cluster, session, emulator)
        locked(cluster, session, emulator)
        another_account(cluster, session, emulator)
        too_long(session, emulator)
        others(session, emulator)
        failing(cluster, session, emulator)
        lists(session, emulator)
        disconnecting(cluster, session, emulator)
        wrong_input(cluster, session, emulator)
        rights(cluster, session)
        without_keeper(cluster, session, emulator)
        session = full(cluster, session, emulator)
        session = at_once(cluster, session, emulator)
        session = limits(cluster, session, emulator)
        session = late_keeper(cluster, session, emulator)

        with Standby(cluster, "reco.gateway_on_standby = on") as standby:
            there = standby.session()
            ok(standby.caught_up(there), "a standby")
            same((says(there, "SELECT reco_connect_user('a', 'b')"), says(there, "SELECT reco_disconnect_user('a')")),
                 ("0A000", "0A000"), "writes nothing")
            same(ask(there, "ana")[0], "unconfigured", "and uses no token, since it could not keep the next")
        os.environ.update(cluster.where)
        same(nothing_left(session), None, "no slot and no memory is left behind")
        same(emulator.service("spotify")["secrets_in_url"], 0, "no URL had a token")
        ok("PANIC" not in cluster.log_text(), "no panic")
    done()


main()
