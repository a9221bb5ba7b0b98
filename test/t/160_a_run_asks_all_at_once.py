#!/usr/bin/env python3
"""Claim: a run asks services for all it can at once, and for no more than it may.

Questions that do not need each other are under way at the same time. A cold call on an app of
which nothing is known makes at most 12 calls to Spotify, 6 to ReccoBeats and 1 to a model, none
of which is refused. Features go by full calls. reco.call_budget and the day's quota bound what a
run asks. What a deadline cuts off goes on, so the next call asks less, and is complete.
"""
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from bench import WIDE, WIDE_QUOTA  # noqa: E402
from cluster import Cluster, nothing_left  # noqa: E402
from emulator import Emulator  # noqa: E402
from reco_tap import call, done, ok, same, until  # noqa: E402
from rules import SIZE, broken_rules  # noqa: E402

MOST = {"spotify": 12, "reccobeats": 6, "model": 1, "accounts": 1}
FEATURES = "GET /reccobeats/v1/audio-features"


class Runs:
    """Runs on apps that nobody knows anything of."""

    def __init__(self, session, emulator):
        self.session = session
        self.emulator = emulator
        self.number = 0
        session.query("SET reco.result_cache = off; SET reco.artifacts = off; SET reco.cache = on; SET reco.id_registry = on")

    def connect(self, forget=True, **spotify):
        """Servers with new credentials, and an empty memory unless it is to be kept."""
        nothing_left(self.session)
        self.idle()
        for kind in ("spotify", "reccobeats", "gemini"):
            self.session.query(f"DROP SERVER IF EXISTS {kind} CASCADE")
        self.emulator.reset()
        if forget:
            self.session.query("SELECT reco_cache_invalidate()")
        self.number += 1
        for kind, where, secrets in (
                ("spotify", f"base_url '{self.emulator.spotify}', accounts_url '{self.emulator.accounts}'", "client_id 'a{}', client_secret 's'"),
                ("reccobeats", f"base_url '{self.emulator.reccobeats}'", "api_key 'k{}'"),
                ("gemini", f"base_url '{self.emulator.gemini}', model 'gemini-3.6-flash'", "api_key 'k{}'")):
            options = {**WIDE, **WIDE_QUOTA.get(kind, {}), **(spotify if kind == "spotify" else {})}
            given = "".join(f", {name} '{value}'" for name, value in options.items())
            self.session.query(f"CREATE SERVER {kind} FOREIGN DATA WRAPPER reco_upstream OPTIONS (kind '{kind}', {where}{given})")
            self.session.query(f"CREATE USER MAPPING FOR PUBLIC SERVER {kind} OPTIONS ({secrets.format(self.number)})")

    def document(self, prompt, deadline="60 s", user="", size=SIZE):
        return self.session.json("SELECT " + call(user, prompt, size, {"seed": 7}, deadline))

    def calls(self):
        """How many calls each kind of service saw."""
        seen = {name: self.emulator.service(name)["calls"] for name in ("spotify", "reccobeats", "gemini", "accounts")}
        return {"spotify": seen["spotify"], "reccobeats": seen["reccobeats"], "model": seen["gemini"], "accounts": seen["accounts"]}

    def idle(self):
        """Has everything come to its end that was under way?"""
        return until(lambda: all(self.emulator.service(name)["in_flight"] == 0 for name in ("spotify", "reccobeats", "gemini"))
                     and self.session.value("SELECT coalesce(sum(queued + in_flight), 0) FROM reco_stat_upstream") == "0", 60)


def check_counts(runs, name, most=None):
    most = {**MOST, **(most or {})}
    calls = runs.calls()
    ok(all(calls[kind] <= most[kind] for kind in most), f"{name}: no more calls than there may be", calls)
    return calls


def cold(runs, prompts):
    """Cold calls on a fresh app in development mode."""
    for prompt in prompts:
        runs.connect()
        document = runs.document(prompt)
        calls = check_counts(runs, prompt)
        print(f"# {prompt}: {calls}")
        statuses = {name: runs.emulator.service(name)["statuses"] for name in ("spotify", "reccobeats")}
        ok(all(set(found) <= {"200"} for found in statuses.values()), f"{prompt}: none of them is refused", statuses)
        same(runs.emulator.service("spotify")["duplicates"], 0, f"{prompt}: none is made twice")
        same(broken_rules(document), [], f"{prompt}: the list keeps to the rules")
        ok(document["complete"], f"{prompt}: and is complete", document.get("missing"))
        features = runs.emulator.counters()["routes"].get(FEATURES, {"calls": 0})
        ok(features["calls"] <= 2, f"{prompt}: features go by two calls at most", features)
    for user in ("ana", "new"):
        runs.connect()
        runs.session.query(f"SELECT reco_connect_user('{user}', '{user}.{runs.number}', server => 'spotify')")
        runs.document(prompts[-1], user=user)
        calls = check_counts(runs, f"a connected listener, {user}", {"accounts": 2})
        routes = runs.emulator.counters()["routes"]
        same(routes.get("GET /spotify/v1/me/top/{type}", {}).get("calls"), 2, f"{user}: who is connected is asked about")
        runs.session.query(f"SELECT reco_disconnect_user('{user}')")


def overlap(runs, prompt):
    """Calls that do not need each other."""
    for _ in range(5):      # one of them may be sent so late that the others are answered
        runs.connect()
        runs.emulator.config(latency={"spotify": 1000, "reccobeats": 400})
        runs.document(prompt)
        spotify = runs.emulator.service("spotify")
        sizes = {int(keys): calls for keys, calls in runs.emulator.service("reccobeats")["keys_per_call"].items()}
        if spotify["most_in_flight"] >= 4 and max(sizes) >= 20:
            break
    ok(spotify["most_in_flight"] >= 4, "questions that do not need each other are under way at once", spotify["most_in_flight"])
    ok(max(sizes) >= 20, "features of several artists' tracks go by one call", sizes)


def budgets(runs, prompt, more):
    """What the setting says."""
    session = runs.session
    runs.connect()
    runs.document(prompt)
    usual = runs.calls()
    for setting, most in (("spotify=3, reccobeats=2", {"spotify": 3, "reccobeats": 2}), ("spotify=1", {"spotify": 1}),
                          ("spotify=0, reccobeats=0, model=0", {"spotify": 0, "reccobeats": 0, "model": 0})):
        runs.connect()
        session.query(f"SET reco.call_budget = '{setting}'")
        document = runs.document(prompt)
        calls = check_counts(runs, setting, most)
        same({kind: calls[kind] for kind in most if kind == "spotify"}, {"spotify": most["spotify"]}, f"{setting}: what may be asked, is")
        same(broken_rules(document), [], f"{setting}: the list keeps to the rules")
    runs.connect()
    session.query("SET reco.call_budget = 'spotify=unlimited, reccobeats=unlimited'")
    runs.document(prompt)
    ok(runs.calls()["spotify"] >= usual["spotify"], "without a budget no less is asked", runs.calls(), usual)
    session.query("RESET reco.call_budget")
    for wrong in ("spotify", "deezer=1", "spotify=-1", "spotify=1,spotify=2", "many"):
        same(session.error(f"SET reco.call_budget = '{wrong}'"), "22023", f"{wrong!r} is no budget")
    session.query("CREATE ROLE listener LOGIN; ALTER ROLE listener SET reco.call_budget = 'spotify=2'")
    session.query("SET ROLE listener")
    same(session.error("SET reco.call_budget = 'spotify=unlimited'"), "42501", "who is no superuser has the budget that was given")
    session.query("RESET ROLE")

    # the day's quota is shared out: four calls are a sixth of it, and all that an hour may have
    for _ in range(2):      # unless another hour begins, by the same clock
        hour = time.monotonic() // 3600
        runs.connect(daily_quota="24")
        for number in range(6):
            same(broken_rules(runs.document(f"{prompt}, take {number}")), [], "near the end of a quota the list keeps to the rules")
        if time.monotonic() // 3600 == hour:
            break
    same(runs.calls()["spotify"], 4, "an hour leaves five sixths of a day's quota to the others")
    session.query("SET reco.result_cache = on; UPDATE reco.cache_policy SET fresh = '1 day', usable = '1 day' WHERE category = 'result'")
    for quota, kept in (("1000000", "1 day"), ("24", "a moment")):
        runs.connect(daily_quota=quota)
        session.query("SELECT reco_cache_invalidate('result')")
        same(broken_rules(runs.document(more)), [], f"a quota of {quota} a day: the list keeps to the rules")

        # what is kept for a moment may be gone again before anybody looks
        soon = []
        until(lambda: soon.extend(session.query("SELECT fresh_until < fetched_at + interval '1 hour' FROM reco.cache WHERE category = 'result'"))
              or soon, 60 if kept == "1 day" else 10)
        ok(set(row[0] for row in soon) <= {"t" if kept == "a moment" else "f"} and (soon or kept == "a moment"), f"it is kept for {kept}", soon)
    session.query("SET reco.result_cache = off")


def cut(runs, prompt):
    """A call that its deadline cuts off, and the next one."""
    runs.connect()
    first = runs.document(prompt)
    whole = runs.calls()
    ok(first["complete"], "in time: a complete list")
    runs.connect(timeout="60s")
    runs.emulator.config(latency={"spotify": 4000})
    document = runs.document(prompt, "2500 ms")
    same((document["complete"], broken_rules(document)), (False, []), "cut off: a list that keeps to the rules, and says that it is incomplete")
    ok(runs.idle(), "what was under way comes to its end")
    before = runs.calls()
    ok(before["spotify"] > 0, "something was", before)
    runs.emulator.config(latency={"spotify": 0})
    document = runs.document(prompt)
    calls = {kind: count - before[kind] for kind, count in runs.calls().items()}
    ok(document["complete"], "the next call: a complete list")
    ok(calls["spotify"] < whole["spotify"], "it asks less than one that has to ask for all", calls, whole)
    same(runs.emulator.service("spotify")["duplicates"], 0, "and nothing that was under way")
    same([(t["track_id"], t["score"]) for t in document["tracks"]], [(t["track_id"], t["score"]) for t in first["tracks"]],
         "and the list is the one that had time")
    before = runs.calls()
    runs.document(prompt)
    ok(runs.calls()["spotify"] == before["spotify"], "a third call asks nothing of it", runs.calls(), before)


def stale(runs, prompt):
    """Features that are old are used, and asked for again."""
    session = runs.session

    def asked():
        return runs.emulator.counters()["routes"].get(FEATURES, {"calls": 0})["calls"]

    for fresh, again in (("90 days", False), ("1 ms", True)):
        session.query(f"UPDATE reco.cache_policy SET fresh = '{fresh}' WHERE category = 'features'")
        runs.connect()
        first = [runs.document(prompt) for _ in range(3)][-1]       # a budget leaves something to the next run
        ok(runs.idle() and asked() > 0, f"features that are fresh for {fresh}")
        runs.emulator.reset_counters()
        document = runs.document(prompt)
        ok(document["complete"], "are good enough for a complete list", document.get("missing"))
        same([t["track_id"] for t in document["tracks"]], [t["track_id"] for t in first["tracks"]], "the same")
        if again:
            ok(until(lambda: asked() > 0), "and asked for again when they are old")
        else:
            same((runs.idle(), asked()), (True, 0), "and not asked for again while they are fresh")
    check_counts(runs, "with what is asked for again")
    session.query("UPDATE reco.cache_policy SET fresh = '90 days' WHERE category = 'features'")


def main():
    with Emulator("--preset", "dev-2026", "--latency", "none", "--window", "none") as emulator, \
            Cluster("reco.job_workers = 0", "reco.gateway_upstreams = 200", "reco.learn = off") as cluster:
        session = cluster.session()
        session.query("CREATE EXTENSION reco CASCADE")
        session.query("SELECT reco_demo_catalogue(2000)")
        runs = Runs(session, emulator)
        artists = emulator.artists(20)
        named = f"like {artists[0]['name']}, calm"
        several = f"{artists[2]['name']} and {artists[3]['name']}, for a long drive"
        genre = artists[0]["genres"][0]
        cold(runs, (named, several, f"{genre} for a long drive", f"upbeat {genre}"))
        session.query("TRUNCATE reco.track, reco.artist")
        cold(runs, (f"{genre} for a long drive", f"upbeat {genre}, like {artists[5]['name']}"))
        session.query("SELECT reco_demo_catalogue(2000)")
        overlap(runs, several)
        budgets(runs, named, several)
        cut(runs, named)
        stale(runs, named)
        same(emulator.counters()["bugs"], [], "the emulator did what it was told")
        same(nothing_left(session), None, "no slot and no memory is left behind")
    done()


main()
