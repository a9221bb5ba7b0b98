#!/usr/bin/env python3
"""Claim: a token is fetched once for all who need it, before it expires, and no oftener.

The app's token: many cold askers, one call; refreshed ahead of time while nobody waits;
exchanged once when the service calls it expired; a token endpoint that stumbles, refuses,
is down and comes back. Listeners' tokens, by a module of the tests' own: by refresh token,
by access token, rotated, revoked, and never one listener's answer for another, nor that
of a former consent's account for a new one.
"""
import shutil
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from cluster import Cluster, all_in, nothing_left, resolve  # noqa: E402
from driver import build  # noqa: E402
from emulator import Emulator  # noqa: E402
from reco_tap import done, literal, ok, same, until  # noqa: E402

SESSIONS = 40
clients = 0


def cold(session, secret="s3cret"):
    """Another client id: an upstream that nobody has a token for."""
    global clients
    clients += 1
    session.query(f"ALTER USER MAPPING FOR PUBLIC SERVER spotify OPTIONS (SET client_id 'app{clients}',"
                  f" SET client_secret {literal(secret)})")


def fresh_start(session, emulator, secret="s3cret", **config):
    emulator.reset()
    emulator.config(preset="extended", **config)
    cold(session, secret)


def ask(sessions, name, deadline="20 s"):
    """Each session asks something of its own; the outcomes."""
    for number, session in enumerate(sessions):
        session.send(resolve("track_search", [f"{name} {number}"], deadline))
    return [session.wait()[0][1] for session in sessions]


def tokens(emulator):
    return emulator.service("accounts")["calls"]


def one_call(session, sessions, emulator):
    fresh_start(session, emulator, latency={"accounts": 500})
    same(ask(sessions, "cold"), ["fresh"] * SESSIONS, f"{SESSIONS} sessions without a token are answered")
    same(tokens(emulator), 1, "by one call for a token")
    same(len(emulator.service("spotify")["authorizations"]), 1, "which all use")
    same(ask(sessions, "warm"), ["fresh"] * SESSIONS, "later ones are answered, too")
    same(tokens(emulator), 1, "with the same token")
    same(session.value("SELECT sum(token_calls) FROM reco_stat_upstream"), "1", "the view says so")


def ahead_of_time(session, emulator):
    """A token is renewed in the last quarter of its life, while it still serves."""
    def under_way():
        return emulator.service("accounts")["in_flight"] == 1

    fresh_start(session, emulator, token_seconds=16)
    same(ask([session], "first"), ["fresh"], "a token is there")
    emulator.config(latency={"accounts": 2500})
    asked, during, outcomes = 0, 0, set()
    limit = time.monotonic() + 60
    while time.monotonic() < limit and not (during and len(emulator.service("spotify")["authorizations"]) == 2):
        before = under_way()
        outcomes |= set(ask([session], f"early {asked}"))
        during += before and under_way()
        asked += 1
    same(outcomes, {"fresh"}, "it is renewed before it expires, with no question lost")
    ok(during > 0, "and nobody waits for that", f"none of {asked} was answered while it was under way")
    same(tokens(emulator), 2, "by one call")

    fresh_start(session, emulator, token_seconds=40)
    for number in range(20):
        ask([session], f"short {number}")
    same(tokens(emulator), 1, "a token that lasts for 40 s is not renewed at each question")


def expired(session, sessions, emulator):
    fresh_start(session, emulator)
    ask([session], "before")
    emulator.fault([{"route": "/search", "kind": "401-expired", "times": 1}])
    same(ask([session], "expired"), ["fresh"], "a token that the service calls expired is exchanged")
    same(tokens(emulator), 2, "once")
    same(emulator.counters()["routes"]["GET /spotify/v1/search"]["calls"], 3, "and the question is repeated once")

    # a service that forgot all tokens, and many who ask
    emulator.reset()
    emulator.config(preset="extended", latency={"accounts": 300})
    same(ask(sessions, "forgotten"), ["fresh"] * SESSIONS, "when the service forgot its tokens all are served")
    ok(1 <= tokens(emulator) <= 2, "by one new token", tokens(emulator))

    emulator.fault([{"route": "/search", "kind": "401-expired"}])
    before = emulator.service("spotify")["calls"]
    same(set(ask([session], "always expired")), {"unauthorised"}, "a service that takes no token is given up")
    ok(emulator.service("spotify")["calls"] - before <= 2, "after one repetition",
       emulator.service("spotify")["calls"] - before)


def stumbles(session, sessions, emulator):
    fresh_start(session, emulator)
    emulator.fault([{"route": "/api/token", "kind": "status:503", "times": 2}])
    same(ask(sessions[:10], "stumble"), ["fresh"] * 10, "a token endpoint that fails twice is asked again")
    same(tokens(emulator), 3, "by two more calls")


def refused(session, sessions, emulator):
    fresh_start(session, emulator, secret="wrong", latency={"accounts": 300})
    began = time.monotonic()
    same(ask(sessions, "refused"), ["unauthorised"] * SESSIONS, "a client that is refused: all are told")
    ok(time.monotonic() - began < 5, "at once", time.monotonic() - began)
    for number in range(20):
        same(ask([session], f"again {number}"), ["unauthorised"], "and who comes later is told") if number < 1 \
            else ask([session], f"again {number}")
    ok(tokens(emulator) <= 2, "without asking for each anew", tokens(emulator))
    same(emulator.service("spotify")["calls"], 0, "nothing goes to the service")
    cold(session)
    same(ask([session], "mended"), ["fresh"], "a new secret counts at once")


def down(session, sessions, emulator):
    fresh_start(session, emulator)
    emulator.fault([{"route": "/api/token", "kind": "close"}])
    began = time.monotonic()
    same(set(ask(sessions[:10], "down")), {"unavailable"}, "a token endpoint that is down: unavailable")
    waited = time.monotonic() - began
    ok(waited < 10, "long before the deadline", f"{waited:.2f} s")
    began, before = time.monotonic(), tokens(emulator)
    for number in range(20):
        ask([session], f"still down {number}")
    ok(tokens(emulator) - before <= 6, "it is left alone for a while", tokens(emulator) - before)
    emulator.fault([])
    ok(until(lambda: ask([session], "up again") == ["fresh"], 30), "and is found again when it is back")


# ---- listeners ----

def top(user, access=None, refresh=None, deadline=10000, key="short_term", shared=True, consent=0, kept=False):
    return ("SELECT key, outcome, value, message FROM driver_listener('top_tracks', "
            f"ARRAY[{literal(key)}], {literal(user)}, {literal(access)}, {literal(refresh)}, {deadline}, {literal(shared)}, {consent}, {literal(kept)})")


def told(rows):
    """(outcome, value, the rotated refresh token or None) of records for one key."""
    answers = [row for row in rows if row[0] == "0"]
    rotated = [row[2] for row in rows if row[0] == "-1"]
    assert len(answers) == 1 and len(rotated) <= 1, rows
    return answers[0][1], answers[0][2], rotated[0] if rotated else None


def ask_top(session, *arguments, **more):
    return told(session.query(top(*arguments, **more)))


def by_refresh_token(session, sessions, emulator):
    fresh_start(session, emulator, latency={"accounts": 400, "spotify": 400})

    def ten_ask():
        for one in sessions[:10]:
            one.send(top("ana", refresh="ana.0"))
    ok(all_in(session, 10, ten_ask), "ten ask at once")
    answers = [told(one.wait()) for one in sessions[:10]]
    same({(outcome, rotated) for outcome, _, rotated in answers}, {("fresh", None)},
         "a listener's refresh token opens the listener's things for them")
    same(len({value for _, value, _ in answers}), 1, "who all are told the same")
    same((tokens(emulator), emulator.service("spotify")["calls"]), (1, 1), "by one token and one call")
    emulator.config(latency={"accounts": 0, "spotify": 0})
    ana = answers[0][1]
    same(ask_top(session, "ana", refresh="ana.0")[1], ana, "later, too")
    same(tokens(emulator), 1, "with the same token")
    return ana


def two_listeners(sessions, emulator, ana):
    emulator.config(latency={"spotify": 500})
    before = emulator.service("spotify")["calls"]
    for one, user in zip(sessions, ("ana", "bob")):
        one.send(top(user, refresh=f"{user}.0", key="medium_term"))
    got = [told(one.wait()) for one in sessions[:2]]
    same([outcome for outcome, _, _ in got], ["fresh", "fresh"], "two listeners ask the same at once")
    same(emulator.service("spotify")["calls"] - before, 2, "by a call each")
    ok(got[0][1] != got[1][1], "and get an answer each")
    same(tokens(emulator), 2, "the second one by a token of its own")
    emulator.config(latency={"spotify": 0})


def by_access_token(session, emulator):
    fresh_start(session, emulator)
    outcome, value, _ = ask_top(session, "bea", access="listener-bea")
    same(outcome, "fresh", "an access token opens the listener's things")
    ok(value and value != ask_top(session, "bob", access="listener-bob")[1], "another's other ones")
    same(tokens(emulator), 0, "without asking for any")
    same(ask_top(session, "cid", access="expired-cid")[0], "unauthorised", "an expired one does not")
    same(tokens(emulator), 0, "there being nothing to get another with")
    same(ask_top(session, "dan", access="expired-dan", refresh="dan.0")[0], "fresh",
         "with a refresh token beside it another is got")
    same(tokens(emulator), 1, "once")
    same(ask_top(session, "dan", access="expired-dan", refresh="dan.0")[0], "fresh", "and kept")
    same(tokens(emulator), 1, "although the expired one is brought again")
    same(ask_top(session, "eve")[0], "unauthorised", "without any token there is nothing")
    same(ask_top(session, None, refresh="eve.0")[0], "unauthorised", "nor is there without a listener")
    same(ask_top(session, "fay", access="noscope-fay")[0], "denied", "a token without the right is not the service's fault")
    same(ask_top(session, "gus", access="listener-gus")[0], "fresh", "and does not close it for others")


def revoked(session, emulator):
    fresh_start(session, emulator)
    rows = session.query(top("rex", refresh="revoked"))
    same(told(rows)[0], "unauthorised", "a revoked refresh token: the listener must consent again")
    for _ in range(10):
        ask_top(session, "rex", refresh="revoked")
    ok(tokens(emulator) <= 3, "it is not tried each time", tokens(emulator))
    same(ask_top(session, "sam", refresh="sam.0")[0], "fresh", "another listener is not concerned")
    same(ask([session], "nor is the app"), ["fresh"], "nor is the app")
    same(ask_top(session, "rex", refresh="rex.0")[0], "fresh", "and a new consent counts at once")


def limited(session, sessions, emulator):
    """A limit of the token endpoint counts for every token of the app, not only for the one that met it."""
    fresh_start(session, emulator)
    emulator.fault([{"route": "/api/token", "kind": "status:429", "times": 1, "headers": {"Retry-After": "8"}}])
    sessions[0].send(resolve("track_search", ["limited"], "20 s"))
    ok(until(lambda: session.value("SELECT last_error FROM reco_stat_upstream ORDER BY last_asked DESC LIMIT 1")
             and emulator.service("accounts")["statuses"].get("429")), "a token endpoint says when to come back")
    for one, user in zip(sessions[1:], ("lea", "lou")):
        one.send(top(user, refresh=f"{user}.0", deadline=25000))
    same(ask_top(session, "liz", refresh="liz.0", deadline=1500)[0], "limited", "who cannot wait so long is told")
    same(ask_top(session, "lin", access="expired-lin", deadline=5000)[0], "unauthorised", "who has nothing to ask with, too")
    same([sessions[0].wait()[0][1], *(told(one.wait())[0] for one in sessions[1:3])], ["fresh"] * 3,
         "who can is answered, the app and its listeners")
    accounts = emulator.service("accounts")
    same((accounts["calls"], accounts["in_cooldown"]), (4, 0), "and nobody asks before")


def rotation(session, emulator):
    """A service that puts another refresh token in the place of each one, and kills the old."""
    fresh_start(session, emulator, rotate=True, revoke_rotated=True)
    outcome, _, first = ask_top(session, "cleo", refresh="cleo.0")
    same(outcome, "fresh", "a refresh token that is rotated")
    ok(first and first.startswith("cleo.") and first != "cleo.0", "the new one comes back with the answer", first)
    same(ask_top(session, "cleo", refresh="cleo.0")[2], first, "again for who still has the old one")
    same(ask_top(session, "cleo", refresh=first)[2], None, "and not for who has the new one")
    same(tokens(emulator), 1, "all with one token")

    emulator.fault([{"route": "/me/top", "kind": "401-expired", "times": 1}])
    outcome, _, second = ask_top(session, "cleo", refresh=first)
    same(outcome, "fresh", "when the access token expires the new one is used")
    ok(second not in (None, first, "cleo.0"), "and what it becomes comes back", f"{first}, then {second}")
    emulator.fault([{"route": "/me/top", "kind": "401-expired", "times": 1}])
    outcome, _, third = ask_top(session, "cleo", refresh=second or first)
    same(outcome, "fresh", "and again")
    ok(third not in (None, second, first), "with another one that comes back", third)
    same(ask_top(session, "cleo", refresh=third or second or first)[0], "fresh", "which is good in the end")


def consents(session, sessions, emulator):
    """A listener connects again, with another account: nothing of the former one is used."""
    def calls():
        return emulator.service("spotify")["calls"]
    early, late = sessions[:2]
    fresh_start(session, emulator)
    ana, bob = (ask_top(session, user, refresh=f"{user}.0")[1] for user in ("ana", "bob"))
    ok(ana and bob and ana != bob, "two accounts have things of their own")

    fresh_start(session, emulator, rotate=True, revoke_rotated=True, latency={"accounts": 4000})
    early.send(top("zed", refresh="ana.0", deadline=25000, consent=1))
    ok(until(lambda: tokens(emulator) == 1), "a token request of one account is under way")
    late.send(top("zed", refresh="bob.0", deadline=25000, consent=2))
    outcome, value, rotated = told(late.wait())
    same((outcome, value == bob), ("fresh", True), "who connects another meanwhile is served by that one")
    ok(rotated and rotated.startswith("bob."), "whose new refresh token comes back", rotated)
    same(told(early.wait())[0], "unauthorised", "who asked before is told")
    emulator.config(latency={"accounts": 0}, rotate=False)
    emulator.fault([{"route": "/me/top", "kind": "401-expired", "times": 1}])
    same(ask_top(session, "zed", refresh=rotated, consent=2)[1] == bob, True, "it stays so when the token is exchanged")

    fresh_start(session, emulator)
    same(ask_top(session, "yves", refresh="bob.0", consent=2)[0], "fresh", "a second consent")
    emulator.fault([{"route": "/me/top", "kind": "401-expired", "times": 1}])
    same(ask_top(session, "yves", refresh="ana.0", consent=1)[0], "unauthorised", "the first one gets no token any more")
    same(ask_top(session, "yves", refresh="bob.0", consent=2)[1] == bob, True, "and leaves none")

    emulator.config(latency={"spotify": 1500})
    before = calls()
    early.send(top("xen", refresh="ana.0", consent=1))
    ok(until(lambda: calls() == before + 1), "a call for one account is under way")
    late.send(top("xen", refresh="bob.0", consent=2))
    same((told(late.wait())[1] == bob, calls() - before), (True, 2), "the same question for another account is one of its own")
    early.wait()
    emulator.config(latency={"spotify": 0})

    before = calls()
    got = [ask_top(session, "wim", refresh="ana.0", consent=1, kept=True)[:2] for _ in range(2)]
    same((got == [("fresh", ana)] * 2, calls() - before), (True, 1), "what is in the buffer by now is not asked again")
    same((ask_top(session, "ute", refresh="bob.0", consent=1, kept=True)[1] == bob, calls() - before), (True, 2),
         "for nobody but the listener")


def main():
    directory = tempfile.mkdtemp(prefix="reco-driver.", dir="/tmp")
    try:
        library, wrong = build(directory)
        if ok(library is not None, "the driver compiles", wrong):
            run(library)
    finally:
        shutil.rmtree(directory)
    done()


def run(library):
    with Emulator("--latency", "none", "--preset", "extended", "--window", "none") as emulator, \
            Cluster("reco.gateway_upstreams = 100") as cluster:
        session = cluster.session()
        session.query("CREATE EXTENSION reco CASCADE")
        session.query("CREATE SERVER spotify FOREIGN DATA WRAPPER reco_upstream OPTIONS (kind 'spotify',"
                      f" base_url '{emulator.spotify}', accounts_url '{emulator.accounts}', rate '100000/1s',"
                      " burst '1000', daily_quota '100000')")
        session.query("CREATE USER MAPPING FOR PUBLIC SERVER spotify OPTIONS (client_id 'app', client_secret 's')")
        sessions = [cluster.session() for _ in range(SESSIONS)]

        one_call(session, sessions, emulator)
        ahead_of_time(session, emulator)
        expired(session, sessions, emulator)
        stumbles(session, sessions, emulator)
        refused(session, sessions, emulator)
        down(session, sessions, emulator)

        session.query("LOAD 'reco'")
        session.query("CREATE FUNCTION driver_listener(operation text, keys text[], user_id text, access_token text,"
                      " refresh_token text, deadline_ms int, shared bool, consent bigint, kept bool, OUT key int, OUT outcome text, OUT value text,"
                      f" OUT message text) RETURNS SETOF record AS {literal(library)}, 'driver_listener' LANGUAGE C")
        ana = by_refresh_token(session, sessions, emulator)
        two_listeners(sessions, emulator, ana)
        by_access_token(session, emulator)
        revoked(session, emulator)
        limited(session, sessions, emulator)
        rotation(session, emulator)
        consents(session, sessions, emulator)
        for name, counters in emulator.counters()["services"].items():
            same(counters["secrets_in_url"], 0, f"no URL of {name} has a token")
        same(nothing_left(session), None, "no slot and no memory is left behind")
        ok("PANIC" not in cluster.log_text() and "terminated by signal" not in cluster.log_text(), "nothing crashed")


main()
