#!/usr/bin/env python3
"""Claim: each large feature can be switched off alone, and all of them at once, and every list
still obeys the rules.

Off means off: what a switch is for does not happen. And it means nothing else: the list is
whole, of what services know as before, by nobody who was excluded, without what was declined.
"""
import json
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from bench import WIDE, WIDE_QUOTA  # noqa: E402
from cluster import Cluster, nothing_left  # noqa: E402
from emulator import Emulator  # noqa: E402
from reco_tap import call, done, literal, ok, same, until  # noqa: E402
from rules import SIZE, broken_rules, origins  # noqa: E402

SWITCHES = ("model", "parallel_strategies", "id_registry", "cache", "result_cache", "artifacts", "batching",
            "single_flight", "deny_list")
IDS = "GET /reccobeats/v1/track"
FEATURES = "GET /reccobeats/v1/audio-features"
LIST = "GET /reccobeats/v1/track/recommendation"
SERVICES = (
    ("spotify", "base_url '{0.spotify}', accounts_url '{0.accounts}'", "client_id 'app-{1}', client_secret 's'"),
    ("reccobeats", "base_url '{0.reccobeats}'", "api_key 'k-{1}'"),
    ("gemini", "base_url '{0.gemini}', model 'gemini-3.6-flash'", "api_key 'g-{1}'"))


class Switches:
    """Runs of listeners whom nobody knew before, with something switched off."""

    def __init__(self, emulator, cluster):
        self.emulator = emulator
        self.cluster = cluster
        self.number = 0
        self.session = cluster.session()
        artists = emulator.artists(30)
        self.named, self.other = artists[0]["name"], artists[1]["name"]
        self.prompts = (f"like {self.named}, calm", f"{self.named}, but not {self.other}, for a long drive",
                        "rainy sunday, calm", "xyzzy plugh")

    def rest(self):
        """Waits for what is still under way, though nobody waits for it."""
        nothing_left(self.session)
        until(lambda: self.session.value("SELECT coalesce(sum(queued + in_flight), 0) FROM reco_stat_upstream") == "0"
              and all(service["in_flight"] == 0 for service in self.emulator.counters()["services"].values()))

    def fresh(self):
        """Services that were never asked, a listener who never was here, nothing remembered."""
        self.rest()
        session = self.session
        session.query("RESET ALL")
        for kind, _, _ in SERVICES:
            session.query(f"DROP SERVER IF EXISTS {kind} CASCADE")
        self.emulator.reset()
        self.number += 1
        for kind, where, secrets in SERVICES:
            options = "".join(f", {name} '{value}'" for name, value in {**WIDE, **WIDE_QUOTA.get(kind, {})}.items())
            session.query(f"CREATE SERVER {kind} FOREIGN DATA WRAPPER reco_upstream OPTIONS (kind '{kind}',"
                          f" {where.format(self.emulator)}{options})")
            session.query(f"CREATE USER MAPPING FOR PUBLIC SERVER {kind} OPTIONS ({secrets.format(self.emulator, self.number)})")
        session.query("SELECT reco_cache_invalidate()")
        user = f"listener{self.number}"
        session.query(f"SELECT reco_connect_user({literal(user)}, {literal(user + '.1')})")
        return user

    def off(self, *switches):
        self.session.query("; ".join(f"SET reco.{switch} = off" for switch in switches))

    def document(self, user, prompt, options=None):
        return self.session.json("SELECT " + call(user, prompt, SIZE, {"seed": 3, **(options or {})}, "60 s"))

    def route(self, name):
        return self.emulator.counters()["routes"].get(name, {"calls": 0, "keys_per_call": {}})

    def targets(self, name):
        """What was asked of a route: paths with their queries."""
        return {call[5] for service in self.emulator.counters()["services"].values() for call in service["log"] if call[3] == name}

    def calls(self):
        return sum(service["calls"] for service in self.emulator.counters()["services"].values())


def obey(s, switches, name):
    """Whatever is asked, and by whom."""
    live = 0
    for prompt in s.prompts:
        user = s.fresh()
        s.off(*switches)
        document = s.document(user, prompt)
        live += origins(document)["live"]
        excluded = [s.other] if "not" in prompt else []
        same(broken_rules(document, forbidden_artists=excluded), [], f"{name}: {prompt}: the list obeys the rules")
        declined = [track["track_id"] for track in document["tracks"]][:3]
        by = document["tracks"][-1]["artist"].split(", ")[0]
        again = s.document(user, prompt, {"negative_tracks": declined, "exclude_artists": [by]})
        same(broken_rules(again, forbidden_tracks=declined, forbidden_artists=[by, *excluded]), [],
             f"{name}: {prompt}: what was declined is not in it")
        same(broken_rules(s.document("", prompt), forbidden_artists=excluded), [], f"{name}: {prompt}: nor for nobody")
    ok(live, f"{name}: services have a part in it")


def second(s, *switches, again=None):
    """(first document, second, calls of the second) of the same question."""
    user = s.fresh()
    s.off(*switches)
    first = s.document(user, s.prompts[0])
    s.rest()
    until(lambda: s.session.value("SELECT sum(unwritten) FROM reco_cache_stats") == "0")
    s.emulator.reset_counters()
    return first, s.document(user, again or s.prompts[0]), s.calls()


def effects(s):
    """What each is for does not happen."""
    one, two, calls = second(s)
    same((one["run_id"], calls), (two["run_id"], 0), "all on: the same question again is the same run, without a call")
    one, two, _ = second(s, "result_cache")
    ok(one["run_id"] != two["run_id"], "result_cache off: it is another run", one["run_id"])
    same(broken_rules(two), [], "that obeys the rules")
    _, _, calls = second(s, "result_cache", "artifacts")
    _, _, more = second(s, "result_cache", "artifacts", "cache")
    ok(more > calls, "cache off: what was answered before is asked again", calls, more)

    # what came after a run's end is asked about by the next one, so the third may be the first to know all
    for _ in range(5):
        second(s, "result_cache", "artifacts", "cache")
        known = s.route(IDS)["calls"]
        if known == 0:
            break
    second(s, "result_cache", "artifacts", "cache", "id_registry")
    ok(s.route(IDS)["calls"] > known == 0, "id_registry off: ids as well, and only then", known, s.route(IDS)["calls"])

    for switches, calls in (((), 1), (("model",), 0)):
        user = s.fresh()
        s.off(*switches)
        s.document(user, "xyzzy plugh")
        same(s.emulator.service("gemini")["calls"], calls, f"off: {switches}: calls of the model for words that nobody knows")

    # which tracks it begins from depends on what comes first, so a second run may have another question
    for switches in ((), ("deny_list",)):
        for _ in range(5):
            user = s.fresh()
            s.off("result_cache", "artifacts", "cache", *switches)
            s.emulator.config(reccobeats_refuses={"seeds": 0})
            s.document(user, s.prompts[0])
            refused = s.targets(LIST)
            s.rest()
            s.emulator.reset_counters()
            same(broken_rules(s.document(user, s.prompts[0])), [], f"off: {switches}: refused for good, the list obeys the rules")
            again = refused & s.targets(LIST)
            if switches and again:
                break
            if not switches:
                same((len(refused) > 0, again), (True, set()), "deny_list on: what was refused for good is not asked for")
        if switches:
            ok(again, "deny_list off: what was refused for good is asked for once more", refused)

    user = s.fresh()
    s.off("batching")
    s.document(user, s.prompts[0])
    alone = s.route(FEATURES)
    same(set(alone["keys_per_call"]), {"1"}, "batching off: one key in each call")
    user = s.fresh()
    s.document(user, s.prompts[0])
    together = s.route(FEATURES)["keys_per_call"]
    ok(any(int(keys) > 1 for keys in together), "on: several", together)


def two_at_once(s):
    """Without single flight, two sessions ask the same question each for itself."""
    user = s.fresh()
    others = [s.cluster.session() for _ in range(2)]
    sql = "SELECT " + call(user, s.prompts[0], SIZE, {"seed": 3}, "60 s")
    for other in others:
        other.query("SET reco.result_cache = off; SET reco.cache = off; SET reco.artifacts = off;"
                    " SET reco.id_registry = off; SET reco.single_flight = off")
    s.emulator.config(latency={"spotify": 200, "reccobeats": 200})
    others[0].json(sql)
    s.rest()
    alone = s.emulator.service("reccobeats")["calls"]
    s.emulator.reset_counters()
    for other in others:
        other.send(sql)
    documents = [json.loads(other.wait()[0][0]) for other in others]
    # how features are put together depends on what comes first
    s.rest()
    made = s.emulator.service("reccobeats")["calls"]
    ok(made > 1.2 * alone, "single_flight off: each session asks for itself", made, alone)
    ok(s.emulator.service("spotify")["duplicates"] > 0, "the same questions", s.emulator.service("spotify")["duplicates"])
    same([broken_rules(document) for document in documents], [[], []], "and both lists obey the rules")
    for other in others:
        other.close()


def main():
    with Emulator("--preset", "extended", "--window", "none") as emulator, \
            Cluster("reco.job_workers = 0", "reco.gateway_upstreams = 500", "reco.cache = on", "reco.id_registry = on", "reco.deny_list = on", "reco.learn = off",
                    "reco.result_cache = on") as cluster:
        setup = cluster.session()
        setup.query("CREATE EXTENSION reco CASCADE")
        setup.query("SELECT reco_demo_catalogue(2000)")
        s = Switches(emulator, cluster)
        s.session.query("LOAD 'reco'")
        obey(s, (), "all on")
        for switch in SWITCHES:
            obey(s, (switch,), f"{switch} off")
        obey(s, SWITCHES, "all off")
        effects(s)
        two_at_once(s)
        s.session.query("RESET ALL")
        same(emulator.counters()["bugs"], [], "the emulator did what it was told")
        same(nothing_left(setup), None, "no slot and no memory is left behind")
    done()


main()
