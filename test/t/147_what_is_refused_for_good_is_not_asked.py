#!/usr/bin/env python3
"""Claim: a list that a service refuses for good is asked for once, and a smaller one instead.

What was denied, by a refusal or by hand, is known to all sessions at once, after a restart too,
until its time is over or somebody allows it. Faults that pass deny nothing. Before a list is
asked for, guardrails mend the question; after a refusal each tier is tried once; what is left is
the list of the embedded engine, whole and in time.
"""
import json
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from bench import WIDE, WIDE_QUOTA, Bench  # noqa: E402
from cluster import Cluster, Standby, nothing_left, resolve  # noqa: E402
from emulator import Emulator  # noqa: E402
from reco_tap import call, done, literal, ok, same, until  # noqa: E402

LIST = "GET /reccobeats/v1/track/recommendation"


def array(ids):
    return "ARRAY[" + ", ".join(literal(one) for one in ids) + "]::text[]"


class Denied:
    def __init__(self, emulator, cluster):
        self.emulator = emulator
        self.cluster = cluster
        self.tracks = [t["id"] for t in emulator.tracks(2000) if t["covered"] and not t["twin"]]
        self.at = 0
        self.connect()

    def connect(self):
        self.one, self.two = self.cluster.session(), self.cluster.session()

    def some(self, n=5):
        """Seeds that nobody has asked about."""
        self.at += n
        return self.tracks[self.at - n:self.at]

    def ask(self, seeds, negatives=(), session=None, deadline="10 s", **more):
        """What becomes of a recommendation."""
        question = json.dumps({"seeds": list(seeds), **({"negative_seeds": list(negatives)} if negatives else {}), **more})
        return (session or self.one).query(resolve("recommendation", [question], deadline, columns="outcome"))[0][0]

    def lists(self):
        """How many lists the service was asked for."""
        return self.emulator.counters()["routes"].get(LIST, {"calls": 0})["calls"]

    def rows(self, where="true"):
        return int(self.one.value(f"SELECT count(*) FROM reco.deny_list WHERE {where}"))

    def written(self):
        return until(lambda: self.one.value("SELECT sum(unwritten) FROM reco_cache_stats") == "0")

    def policy(self, **values):
        self.one.query("UPDATE reco.cache_policy SET " + ", ".join(f"{n} = {literal(v)}" for n, v in values.items())
                       + " WHERE category = 'denied'")


def refused(d):
    """A refusal for good is known to everybody at once."""
    d.emulator.config(reccobeats_refuses={"negatives": 0})
    seeds, negatives = d.some(), d.some(2)
    same(d.ask(seeds, negatives, energy=None), "rejected", "what the service refuses is rejected")
    before = d.lists()
    same(d.ask(seeds, negatives, session=d.two), "denied", "after that it is denied, to other sessions as well")
    same(d.ask(reversed(seeds), reversed(negatives), size=7), "denied", "in any order, of any size")
    same(d.lists(), before, "without a call")
    same([d.ask(seeds, negatives, targets={"energy": 0.5}), d.ask(seeds, negatives[:1]), d.ask(seeds)],
         ["rejected", "rejected", "fresh"], "another combination is asked for")
    same(d.lists(), before + 3, "by a call each")
    ok(d.written(), "the keeper writes what is denied")
    same(d.one.query("SELECT server, by_hand, reason LIKE '%negativeSeeds%', denied_until - denied_at BETWEEN '21 h' AND '27 h',"
                     " request::jsonb -> 'seeds' IS NOT NULL FROM reco_deny_list"), [[d.emulator.reccobeats, "f", "t", "t", "t"]] * 3,
         "the view says who refused, why and until when")
    d.cluster.stop()
    d.cluster.start()
    d.connect()
    before = d.lists()
    same([d.ask(seeds, negatives), d.ask(seeds, negatives, session=d.two)], ["denied"] * 2, "a restart changes nothing")
    same(d.lists(), before, "nothing is asked")
    ok(int(d.one.value("SELECT calls_saved FROM reco_cache_stats WHERE category = 'denied'")) >= 2, "which is counted")
    d.two.query("SET reco.deny_list = off")
    same([d.ask(seeds, negatives, session=d.two) for _ in range(2)], ["rejected"] * 2, "reco.deny_list = off: it is asked for each time")
    same(d.lists(), before + 2, "by a call each")
    d.two.query("RESET reco.deny_list")

    # another database, another server
    d.one.query("CREATE DATABASE other")
    other = d.cluster.session("other")
    other.query("CREATE EXTENSION reco CASCADE")
    other.query("CREATE SERVER reccobeats FOREIGN DATA WRAPPER reco_upstream OPTIONS (kind 'reccobeats', base_url "
                + literal(d.emulator.reccobeats) + ")")
    same(d.ask(seeds, negatives, session=other), "rejected", "another database asks for itself")
    other.close()
    where = "ALTER SERVER reccobeats OPTIONS (SET base_url {})"
    d.one.query(where.format(literal(d.emulator.reccobeats.replace("127.0.0.1", "localhost"))))
    same([d.ask(seeds, negatives) for _ in range(2)], ["rejected", "denied"], "another server is asked, too")
    d.one.query(where.format(literal(d.emulator.reccobeats)))

    ok(d.written(), "the last one is written, too")
    same(d.one.value("SELECT reco_cache_invalidate('denied')"), "4", "refusals can be forgotten")
    same(d.ask(seeds, negatives), "rejected", "and are asked for again")


def expiry(d):
    d.policy(fresh="300 ms")
    seeds, negatives = d.some(), d.some(1)
    before = d.lists()
    same(d.ask(seeds, negatives), "rejected", "a refusal that is remembered for a moment")
    ok(until(lambda: d.ask(seeds, negatives) == "rejected"), "is asked for after it")
    same(d.lists(), before + 2, "by another call")
    ok(until(lambda: d.rows("denied_until < now() - interval '1 s'") == 0, 60), "expired rows go")
    d.policy(fresh="0")
    same([d.ask(d.some(), negatives), d.ask(seeds, d.some(1))], ["rejected"] * 2, "no time: nothing is remembered")
    d.policy(fresh="24 hours", usable="24 hours")
    d.policy(max_entries=50)
    d.one.query("INSERT INTO reco.deny_list (deny_key, server, reason, request, denied_until, used_at) SELECT 'old' || i, 'http://a', 'r',"
                " '{}', now() + '1 day', now() - i * interval '1 min' FROM generate_series(1, 1000) AS i")
    d.one.query("SELECT reco_deny(" + array(d.some()) + ")")
    ok(until(lambda: d.rows("NOT by_hand") <= 50, 60), "there are never more than the policy allows for long")
    same(d.rows("by_hand"), 1, "but what is denied by hand stays")
    d.policy(max_entries=100000)
    d.one.query("SELECT reco_cache_invalidate('denied'); SELECT reco_allow(deny_key => deny_key) FROM reco_deny_list")


def passing(d, bench):
    """Faults that pass deny nothing."""
    slow = {"route": "*", "kind": "status:400", "body": "slow down"}
    quota = {"route": "*", "kind": "status:400", "body": '{"error": "Quota exceeded"}'}
    for fault in ("status:401", "status:403", "status:404", "status:429", "status:500", "status:503", "502-html", "reset", "close",
                  "stall", "truncate:50,right", "truncate:50,wrong", "empty-200", "204", "html-200", "not-an-object",
                  "missing-key:content", "chunked-cut", "1010", "limited", "quota-exceeded", slow, quota):
        bench.fresh("reccobeats")
        seeds, negatives = d.some(), d.some(2)
        name = fault if isinstance(fault, str) else fault["body"]
        bench.emulator.fault([fault if isinstance(fault, dict) else {"route": LIST.split()[1], "kind": fault}])
        got = d.ask(seeds, negatives, deadline="700 ms")
        ok(got not in ("absent",) and (got != "fresh" or fault == "quota-exceeded"), f"{name}: no list", got)
        bench.fresh("reccobeats")
        same(d.ask(seeds, negatives), "fresh", f"{name}: nothing is denied afterwards")
    d.written()
    same(d.rows(), 0, "none of them is in the table")


def by_hand(d, bench):
    bench.fresh("reccobeats")
    seeds, negatives = d.some(), d.some(2)
    deny = f"SELECT reco_deny({array(seeds)}, {array(negatives)}, duration => '1 hour', reason => 'says Ana')"
    allow = f"SELECT reco_allow({array(seeds)}, {array(negatives)})"
    same(d.ask(seeds, negatives), "fresh", "what nobody denies")
    for end, outcome in (("ROLLBACK", "fresh"), ("COMMIT", "denied")):
        d.one.query("BEGIN")
        d.one.query(deny)
        same([d.ask(seeds, negatives), d.ask(seeds, negatives, session=d.two)], ["denied", "fresh"],
             "in a transaction it is denied to that alone")
        d.one.query(end)
        same([d.ask(seeds, negatives), d.ask(seeds, negatives, session=d.two)], [outcome] * 2, f"after {end} it is {outcome}")
    d.two.query("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_class")
    same(d.ask(seeds, negatives, session=d.two), "denied", "also to an older snapshot")
    d.two.query("COMMIT")

    # a refusal of the same does not shorten it, nor does forgetting refusals end it
    d.emulator.config(reccobeats_refuses={"negatives": 0})
    d.policy(fresh="2 s")
    d.two.query("SET reco.deny_list = off")
    same(d.ask(seeds, negatives, session=d.two), "rejected", "who does not look is refused")
    d.two.query("RESET reco.deny_list")
    d.policy(fresh="24 hours")
    d.one.query("SELECT reco_cache_invalidate('denied')")
    time.sleep(2.5)
    same(d.ask(seeds, negatives, session=d.two), "denied", "what is denied by hand stays denied")
    d.cluster.stop()
    d.cluster.start()
    d.connect()
    bench.session = d.one
    same(d.ask(seeds, negatives, session=d.two), "denied", "after a restart as well")
    d.emulator.config(reccobeats_refuses={})
    d.one.query("BEGIN")
    same(d.one.value(allow), "1", "allowed again")
    same(d.ask(seeds, negatives, session=d.two), "denied", "not before the commit")
    d.one.query("ROLLBACK")
    same(d.ask(seeds, negatives, session=d.two), "denied", "nor after a rollback")
    same(d.one.value(allow), "1", "allowed again")
    same(d.ask(seeds, negatives, session=d.two), "fresh", "it is asked for")

    # a refusal that the keeper has not written yet
    d.emulator.config(reccobeats_refuses={"negatives": 0})
    d.one.query("ALTER SYSTEM SET reco.keeper = off")
    d.one.query("SELECT pg_reload_conf()")
    ok(until(lambda: d.one.value("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'reco keeper'") == "0"),
       "without a keeper")
    same([d.ask(seeds, negatives) for _ in range(2)], ["rejected", "denied"], "a refusal is known")
    same([d.rows(), d.one.value(allow)], [0, "1"], "and allowed before it is written")
    same(d.ask(seeds, negatives, session=d.two), "rejected", "so it is asked for")
    d.one.query("ALTER SYSTEM RESET reco.keeper")
    d.one.query("SELECT pg_reload_conf()")
    ok(d.written() and until(lambda: d.rows() == 1), "the keeper writes it when it is back")
    d.one.query("SELECT reco_cache_invalidate('denied')")
    d.emulator.config(reccobeats_refuses={})


class Lists:
    """Lists of a catalogue that ReccoBeats knows, with declined tracks."""

    def __init__(self, d):
        self.d = d
        self.session = d.one
        rows = [{name: t[name] for name in ("id", "isrc", "name", "artist")} for t in d.emulator.tracks(600)
                if t["covered"] and not t["twin"]]
        self.session.query(
            "CREATE TABLE song AS SELECT r.id AS track_id, r.name AS title, r.artist, r.isrc, (f.value->>'energy')::real AS energy,"
            " (f.value->>'valence')::real AS valence, (f.value->>'danceability')::real AS danceability"
            f" FROM jsonb_to_recordset({literal(rows)}) AS r(id text, isrc text, name text, artist text)"
            " LEFT JOIN (SELECT key, value FROM reco_resolve('track_features', " + array([row["id"] for row in rows])
            + ", '60 s')) AS f ON f.key = r.id")
        self.session.query("SELECT reco_catalogue_import('song')")
        self.declined = [row["id"] for row in rows[-4:]]
        self.number = 0

    def connect(self, **refuses):
        """A service that nobody has learned anything of; other prompts, so that nothing is denied of before."""
        self.session.query("DROP SERVER IF EXISTS reccobeats CASCADE")
        self.d.emulator.reset()
        self.d.emulator.config(reccobeats_refuses=refuses)
        self.number += 1
        options = "".join(f", {name} '{value}'" for name, value in {**WIDE, **WIDE_QUOTA.get("reccobeats", {})}.items())
        self.session.query("CREATE SERVER reccobeats FOREIGN DATA WRAPPER reco_upstream OPTIONS (kind 'reccobeats', base_url"
                           f" {literal(self.d.emulator.reccobeats)}{options})")
        self.session.query(f"CREATE USER MAPPING FOR PUBLIC SERVER reccobeats OPTIONS (api_key 'k-{self.number}')")
        self.session.query("SELECT reco_cache_invalidate('denied'); SELECT reco_allow(deny_key => deny_key) FROM reco_deny_list")

    def options(self, declined):
        return {"seed": 7, "negative_tracks": self.declined[:declined]}

    def document(self, declined=4, deadline="20 s"):
        return self.session.json("SELECT " + call("", "party, upbeat", 10, self.options(declined), deadline))


def essence(document):
    return [(track["track_id"], track["score"], track["origin"]) for track in document["tracks"]]


def tiers(lists):
    """Five seeds go as three, with one negative, and two, with none (more in test/unit/guard_test.c)."""
    d = lists.d
    for refuses, declined, tier, tries, again, name in (
            ({}, 4, 0, 2, 2, "nothing refused"),
            ({"negatives": 0}, 4, 1, 3, 2, "negatives to blame: they go"),
            ({"negatives": 0, "silent": True}, 4, 4, 3, 2, "nobody to blame: no negatives in the end"),
            ({"seeds": 2}, 4, 5, 3, 1, "three seeds refused: they are left to the embedded engine"),
            ({"seeds": 2}, 0, 5, 2, 1, "three seeds refused, without negatives: at once"),
            ({"seeds": 0}, 4, 5, 3, 0, "everything refused: the embedded engine")):
        lists.connect(**refuses)
        document = lists.document(declined)
        same((document["tier"], d.lists(), len(document["tracks"])), (tier, tries, 10), f"{name}: tier {tier}, {tries} questions")
        origins = {track["origin"] for track in document["tracks"]}
        same("live" in origins, again > 0, f"{name}: live rows or not")
        same("denied" in document["guardrails"], False, f"{name}: nothing was denied before")
        once_more = lists.document(declined)
        same((once_more["tier"], d.lists()), (tier, tries + again), f"{name}: again, only what works is asked for")
        same("denied" in once_more["guardrails"], bool(refuses), f"{name}: what was refused is denied")
        if again == 0:
            lists.session.query("SET reco.upstreams = off")
            same(essence(once_more), essence(lists.document(declined)), f"{name}: the list is the local one")
            lists.session.query("RESET reco.upstreams")
            same(once_more["complete"], True, f"{name}: and complete")


def guardrails(lists):
    d = lists.d
    lists.connect()
    document = lists.document(4)
    ok("too_many_negatives" in document["guardrails"], "more negatives than may be: they are trimmed", document["guardrails"])
    document = lists.document(0)
    same(document["guardrails"], [], "without negatives there is nothing to be found")
    lines = "\n".join(row[0] for row in lists.session.query(
        "SELECT * FROM reco_explain('', 'party, upbeat', 10, '20 s', " + literal(lists.options(4)) + "::jsonb)"))
    ok("Recommendations: asked=2 tier=0 (as asked)" in lines and "too_many_negatives" in lines, "reco_explain tells of it", lines[-3000:])
    lists.connect(seeds=0)
    document = lists.document(4)
    run = document["run_id"]
    same(lists.session.query(f"SELECT tier, guardrails FROM reco_run WHERE run_id = {run}"), [["5", '["too_many_negatives"]']],
         "the run's record has it")
    lines = "\n".join(row[0] for row in lists.session.query(f"SELECT * FROM reco_explain_run({run})"))
    ok("Recommendations: asked=2 tier=5 (embedded engine)" in lines and "too_many_negatives" in lines, "and reco_explain_run tells it",
       lines[-2000:])
    lists.session.query("SET reco.upstreams = off")
    document = lists.document(4)
    same((document["tier"], document["guardrails"]), (None, []), "where no service is asked there is no tier")
    lists.session.query("RESET reco.upstreams")

    # a list that people deny under the ids that they know
    lists.connect(seeds=0)
    lists.document(4)
    ok(d.written(), "what was refused is written")
    request = json.loads(lists.session.value("SELECT request FROM reco_deny_list WHERE jsonb_array_length(request::jsonb->'negative_seeds') = 1"))
    names = dict(lists.session.query("SELECT reccobeats_id, spotify_id FROM reco.id_registry WHERE reccobeats_id IS NOT NULL"))
    lists.connect()
    ids = [[names[one] for one in request[part]] for part in ("seeds", "negative_seeds")]
    lists.session.query(f"SELECT reco_deny({array(ids[0])}, {array(ids[1])}, {literal(request['targets'])}::jsonb)")
    document = lists.document(4)
    same((document["tier"], d.lists(), "denied" in document["guardrails"]), (4, 2, True), "a list denied by hand: the next tier")

    # a passing fault after a refusal: no further tier is tried
    lists.connect(negatives=0)
    d.emulator.fault([{"route": LIST.split()[1], "kind": "status:503", "after": 2}])
    document = lists.document(4, "20 s")
    same(document["tier"], 1, "a fault that passes ends the search for a tier")
    d.emulator.fault([])
    before = d.lists()
    document = lists.document(4)
    same((document["tier"], d.lists() - before), (1, 2), "and denies nothing: the same is asked for again")

    # the time of a turn holds for all tiers together
    lists.connect(seeds=0)
    d.emulator.config(latency={"reccobeats": 400})
    began = time.monotonic()
    document = lists.document(4, "1500 ms")
    ok(time.monotonic() - began < 1.5 + 6 and len(document["tracks"]) == 10, "slow refusals: a whole list in time",
       time.monotonic() - began)
    d.emulator.config(latency={"reccobeats": 0})

    # tracks that ReccoBeats does not have are no seeds
    lists.connect()
    d.emulator.config(coverage=0.0, coverage_recent=0.0)
    lists.session.query("SELECT reco_cache_invalidate('ids')")
    document = lists.document(4)
    same((document["tier"], d.lists()), (5, 0), "no seed is known there: nothing is asked for")
    ok({"missing_id", "no_seeds"} <= set(document["guardrails"]), "which is said", document["guardrails"])
    before = d.emulator.service("reccobeats")["calls"]
    lists.document(4)
    same(d.emulator.service("reccobeats")["calls"], before, "again: nothing at all is asked")


def standby(d):
    """What can be read works there, what writes says where to."""
    with Standby(d.cluster) as copy:
        session = copy.session()
        ok(copy.caught_up(session), "a hot standby")
        same(session.query("SELECT validated, missing FROM reco_id_registry_stats"), [["", ""]], "has no registry")
        same(session.query("SELECT * FROM reco_deny_list"), [], "and no deny list")
        same([session.error("SELECT reco_deny(ARRAY['1QWN1ij3rsgeKkHInkAz6Y'])"), session.error("SELECT reco_allow(deny_key => 'x')")],
             ["0A000"] * 2, "it cannot be edited there")
        same(len(session.json("SELECT " + call("", "party", 10))["tracks"]), 10, "lists are made there")
        session.close()
    d.cluster.session()


def main():
    with Emulator("--latency", "none", "--preset", "extended") as emulator, \
            Cluster("reco.keeper_interval = '50ms'", "reco.id_registry = on", "reco.deny_list = on") as cluster:
        session = cluster.session()
        session.query("CREATE EXTENSION reco CASCADE")
        bench = Bench(emulator, session)
        bench.fresh("reccobeats")
        d = Denied(emulator, cluster)
        refused(d)
        expiry(d)
        bench.session = d.one
        passing(d, bench)
        by_hand(d, bench)
        bench.fresh("reccobeats")
        lists = Lists(d)
        tiers(lists)
        guardrails(lists)
        same(nothing_left(d.one), None, "no slot and no memory is left behind")
        standby(d)
        broken = [line for line in cluster.log_text().splitlines() if "PANIC" in line or "TRAP" in line]
        same(broken, [], "nothing broke")
    done()


main()
