#!/usr/bin/env python3
"""Claim: ReccoBeats is asked once for an id, and never again about a track that it does not have.

Neither for its id, nor for its features, nor as a seed; by no session, after a restart either,
until the policy says so. Only whole, well-formed answers say that a track is missing. The keeper
writes all into reco.id_registry, which is read by one statement for any number of ids.
"""
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from bench import Bench  # noqa: E402
from cluster import Cluster, gateway_pid, nothing_left, resolve  # noqa: E402
from emulator import Emulator  # noqa: E402
from reco_tap import done, literal, ok, same, until  # noqa: E402

IDS = "GET /reccobeats/v1/track"
FEATURES = "GET /reccobeats/v1/audio-features"
LIST = "GET /reccobeats/v1/track/recommendation"
MANY = 100000


def asked(session, kind, keys, deadline="10 s"):
    return [tuple(row) for row in session.query(resolve(kind, keys, deadline, columns="outcome, origin"))]


def around(seeds, negatives=(), **more):
    """The question for a recommendation."""
    members = [f'"seeds":[{",".join(chr(34) + seed + chr(34) for seed in seeds)}]']
    if negatives:
        members.append(f'"negative_seeds":[{",".join(chr(34) + seed + chr(34) for seed in negatives)}]')
    return "{" + ",".join(members + [f'"{name}":{value}' for name, value in more.items()]) + "}"


class Registry:
    def __init__(self, emulator, cluster):
        self.emulator = emulator
        self.cluster = cluster
        self.connect()
        tracks = emulator.tracks(2000)
        self.known = [t["id"] for t in tracks if t["covered"] and not t["twin"]]
        self.missing = [t["id"] for t in tracks if not t["covered"] and not t["twin"]]

    def connect(self):
        self.one, self.two = self.cluster.session(), self.cluster.session()

    def calls(self, route=None):
        if route is None:
            return self.emulator.service("reccobeats")["calls"]
        return self.emulator.counters()["routes"].get(route, {"calls": 0})["calls"]

    def rows(self, where="true"):
        return int(self.one.value(f"SELECT count(*) FROM reco.id_registry WHERE {where}"))

    def written(self):
        return until(lambda: self.one.value("SELECT sum(unwritten) FROM reco_cache_stats") == "0")

    def stats(self, columns):
        return self.one.query(f"SELECT {columns} FROM reco_id_registry_stats")[0]

    def policy(self, **values):
        self.one.query("UPDATE reco.cache_policy SET " + ", ".join(f"{n} = {literal(v)}" for n, v in values.items())
                       + " WHERE category = 'ids'")


def once(r):
    """An id is asked for once, whoever wants to know it."""
    keys = r.known[:20] + r.missing[:5]
    same(asked(r.one, "reccobeats_id", keys), [("fresh", "live")] * 20 + [("absent", "")] * 5, "ids are asked for")
    before = r.calls()
    same(asked(r.two, "reccobeats_id", keys), [("fresh", "cached")] * 20 + [("absent", "")] * 5, "and known to other sessions")
    same(asked(r.two, "track_features", r.missing[:5]), [("absent", "")] * 5, "what is missing has no features either")
    same(asked(r.one, "recommendation", [around(r.missing[:3])]), [("absent", "")], "nor is anything like it")
    same(r.calls(), before, "all without a call")
    same(asked(r.one, "recommendation", [around(r.missing[:2] + r.known[:3], r.missing[3:5])]), [("fresh", "live")],
         "among others it is left out")
    seen = r.emulator.counters()["routes"][LIST]
    same((seen["calls"], seen["keys_per_call"]), (1, {"3": 1}), "of what is sent")
    before = r.calls()
    same(asked(r.two, "track_features", r.missing[:2] + r.known[:1]), [("absent", "")] * 2 + [("fresh", "live")],
         "of some features only the rest is asked for")
    same((r.calls(), r.emulator.counters()["routes"][FEATURES]["keys_per_call"]), (before + 1, {"1": 1}), "in one call")
    ok(int(r.stats("missing_hits")[0]) >= 10, "each of these is counted", r.stats("*"))


def setting(r):
    session = r.two
    session.query("SET reco.id_registry = off")
    before = r.calls()
    same(asked(session, "reccobeats_id", r.known[:2] + r.missing[:1]), [("fresh", "live")] * 2 + [("absent", "")],
         "reco.id_registry = off: ids are asked for each time")
    same(asked(session, "track_features", r.missing[:1]), [("absent", "")], "so are features")
    same(asked(session, "recommendation", [around(r.missing[:1])]), [("absent", "")], "and lists")
    same(r.calls(), before + 3, "by a call each")
    session.query("RESET reco.id_registry")
    session.query("SET reco.cache = on")
    same(asked(session, "reccobeats_id", r.known[:2]), [("fresh", "cached")] * 2, "and on again, they are known")
    session.query("RESET reco.cache")


def written(r):
    """The keeper writes it; it is the same from the table."""
    columns = "key, value, outcome"
    keys = r.known[:20] + r.missing[:5]
    fresh = r.one.query(resolve("reccobeats_id", keys, columns=columns))
    ok(r.written(), "the keeper writes what is known")
    same([r.rows("reccobeats_id IS NOT NULL"), r.rows("reccobeats_id IS NULL"),
          r.one.value("SELECT count(*) FROM reco.cache WHERE category NOT IN ('features', 'recommendation')")],
         [20, 5, "0"], "into the registry, and nowhere else")
    same(r.one.value("SELECT count(*) FROM reco.id_registry WHERE server = " + literal(r.emulator.reccobeats)), "25",
         "with who answered")
    same(r.stats("validated, missing, unwritten"), ["20", "5", "0"], "the view counts it")
    r.cluster.stop()
    r.cluster.start()
    r.connect()
    before = r.calls()
    same(r.one.query(resolve("reccobeats_id", keys, columns=columns)), fresh, "after a restart the answers are the same")
    same(asked(r.two, "track_features", r.missing[:5]), [("absent", "")] * 5, "and nothing missing is asked for")
    same(r.calls(), before, "without a call")
    r.cluster.stop("immediate")
    r.cluster.start()
    r.connect()
    ok(until(lambda: gateway_pid(r.one) is not None), "the gateway serves")
    same(asked(r.one, "reccobeats_id", r.known[:1]), [("fresh", "live")], "after a crash it is asked for again")
    ok(r.written(), "and written again")


def faults(r, bench):
    """No fault makes a track missing."""
    at = 100
    for kind in ("status:404", "status:400", "status:403", "status:429", "status:500", "502-html", "reset", "close", "stall",
                 "truncate:50,right", "truncate:50,wrong", "truncate:1,wrong", "empty-200", "204", "html-200", "not-an-object",
                 "missing-key:content", "null-key:content", "chunked-cut", "bad-gzip", "1010", "limited"):
        bench.fresh("reccobeats")
        keys = r.known[at:at + 3]
        at += 3
        bench.emulator.fault([{"route": "*", "kind": kind}])
        got = bench.ask("reccobeats_id", keys, "700 ms")
        ok("absent" not in got and "fresh" not in got, f"{kind}: nothing is said of the ids", got)
        bench.fresh("reccobeats")
        same(bench.ask("reccobeats_id", keys), ["fresh"] * 3, f"{kind}: which are found afterwards")
    ok(r.written(), "all that is written")
    same(r.rows("reccobeats_id IS NULL"), 0, "and none of them is missing")


def expiry(r, bench):
    bench.fresh("reccobeats")
    r.policy(absent="300 ms")
    same(asked(r.one, "reccobeats_id", r.missing[20:23]), [("absent", "")] * 3, "missing for a while")
    ok(until(lambda: (asked(r.one, "reccobeats_id", r.missing[20:23]), r.calls())[1] > 1), "then it is asked for again")
    ok(until(lambda: r.rows("reccobeats_id IS NULL") == 0, 60), "and expired rows go",
       r.one.query("SELECT * FROM reco.id_registry WHERE reccobeats_id IS NULL"))
    r.policy(absent="7 days", fresh="1 ms")
    same(asked(r.one, "reccobeats_id", r.known[30:32]), [("fresh", "live")] * 2, "an id that is fresh for a moment")
    ok(until(lambda: asked(r.one, "reccobeats_id", r.known[30:32], "0") == [("fresh", "stale")] * 2), "is stale after that")
    before = r.calls()
    same(asked(r.two, "reccobeats_id", r.known[30:32]), [("fresh", "stale")] * 2, "and given at once")
    ok(until(lambda: r.calls() > before), "while it is asked for again")
    r.policy(fresh="30 days", max_entries=100)
    r.one.query("INSERT INTO reco.id_registry (spotify_id, server, fresh_until, usable_until, used_at)"
                " SELECT lpad(i::text, 22, '0'), 'http://a', now() + '1 day', now() + '1 day', now() - i * interval '1 min'"
                " FROM generate_series(1, 2000) AS i")
    ok(until(lambda: r.rows() <= 100, 60), "there are never more than the policy allows for long", r.rows())
    same(r.rows("server = 'http://a' AND used_at < now() - interval '3 h'"), 0, "those go that were not used the longest")
    ok(until(lambda: int(r.one.value("SELECT evicted FROM reco_cache_stats WHERE category = 'ids'")) >= 1900), "which is counted")
    r.policy(max_entries=500000)


def removed(r, bench):
    bench.fresh("reccobeats")
    key, other = r.known[40], r.missing[40]
    asked(r.one, "reccobeats_id", [key, other])
    r.written()
    r.one.query("BEGIN")
    same(r.one.value(f"SELECT reco_cache_invalidate('ids', {literal(other)})"), "1", "an id is removed")
    r.one.query("ROLLBACK")
    before = r.calls()
    same(asked(r.two, "reccobeats_id", [key, other]), [("fresh", "cached"), ("absent", "")], "not when that is rolled back")
    same(r.calls(), before, "nothing is asked")
    r.one.query(f"SELECT reco_cache_invalidate('ids', {literal(other)})")
    same(asked(r.two, "reccobeats_id", [key, other]), [("fresh", "cached"), ("absent", "")], "when it is committed")
    same(r.calls(), before + 1, "it is asked for")


def apart(r, bench):
    """Another database and another server know nothing of it."""
    bench.fresh("reccobeats")
    asked(r.one, "reccobeats_id", r.missing[50:51])
    r.one.query("CREATE DATABASE other")
    other = r.cluster.session("other")
    other.query("CREATE EXTENSION reco CASCADE")
    other.query("CREATE SERVER reccobeats FOREIGN DATA WRAPPER reco_upstream OPTIONS (kind 'reccobeats', base_url "
                + literal(r.emulator.reccobeats) + ")")
    before = r.calls()
    same(asked(other, "track_features", r.missing[50:51]), [("absent", "")], "another database")
    same(r.calls(), before + 1, "asks for itself")
    other.close()
    r.one.query("ALTER SERVER reccobeats OPTIONS (SET base_url "
                + literal(r.emulator.reccobeats.replace("127.0.0.1", "localhost")) + ")")
    same(asked(r.one, "track_features", r.missing[50:51]), [("absent", "")], "another server")
    same(r.calls(), before + 2, "is asked, too")


def many(r, bench):
    """Any number of ids by one statement."""
    bench.fresh("reccobeats")
    r.one.query("INSERT INTO reco.id_registry (spotify_id, server, reccobeats_id, fresh_until, usable_until)"
                f" SELECT lpad(i::text, 22, 'M'), {literal(r.emulator.reccobeats)},"
                " CASE WHEN i % 4 > 0 THEN gen_random_uuid() END, now() + '1 day', now() + '2 days'"
                f" FROM generate_series(1, {MANY}) AS i")
    r.one.query("SELECT pg_stat_statements_reset()")
    got = r.one.query("SELECT outcome, origin, count(*) FROM reco_resolve('reccobeats_id',"
                      f" (SELECT array_agg(lpad(i::text, 22, 'M')) FROM generate_series(1, {MANY}) AS i), '60 s') GROUP BY 1, 2"
                      " ORDER BY 1 DESC")
    same(got, [["fresh", "cached", str(MANY * 3 // 4)], ["absent", "", str(MANY // 4)]], f"{MANY} ids are found")
    same(r.one.query("SELECT calls, rows FROM pg_stat_statements WHERE query ~ 'FROM unnest.*reco.id_registry' AND query ~ '^SELECT'"),
         [["1", str(MANY)]], "by one statement")
    same(r.calls(), 0, "and no call")
    r.one.query("SELECT pg_stat_statements_reset()")
    got = r.one.query("SELECT outcome, count(*) FROM reco_resolve('track_features',"
                      f" (SELECT array_agg(lpad((4 * i)::text, 22, 'M')) FROM generate_series(1, {MANY // 4}) AS i), '60 s') GROUP BY 1")
    same(got, [["absent", str(MANY // 4)]], "so are those that are missing, when features are wanted")
    same(r.one.query("SELECT calls FROM pg_stat_statements WHERE query ~ 'FROM unnest.*reco.id_registry' AND query ~ '^SELECT'"),
         [["1"]], "by one statement")
    same(r.calls(), 0, "and no call, either")


def watched(r):
    r.one.query("CREATE ROLE watcher LOGIN; GRANT pg_monitor TO watcher")
    watcher = r.cluster.session(user="watcher")
    row = watcher.query("SELECT validated > 0, missing > 0, hits > 0, calls_saved > 0, hit_ratio BETWEEN 0 AND 1"
                        " FROM reco_id_registry_stats")[0]
    same(row, ["t"] * 5, "pg_monitor sees what it saved")
    watcher.close()
    r.one.query("SELECT reco_stat_reset()")
    same(r.stats("hits, missing_hits, misses, calls_saved, hit_ratio"), ["0", "0", "0", "0", ""], "since the last reset")


def main():
    with Emulator("--latency", "none", "--preset", "extended") as emulator, \
            Cluster("reco.job_workers = 0", "reco.keeper_interval = '50ms'", "reco.id_registry = on", "reco.deny_list = on", "reco.snapshot_interval = 0",
                    "pg_stat_statements.track = all", preload="pg_stat_statements,reco") as cluster:
        session = cluster.session()
        session.query("CREATE EXTENSION reco CASCADE; CREATE EXTENSION pg_stat_statements")
        bench = Bench(emulator, session)
        bench.fresh("reccobeats")
        r = Registry(emulator, cluster)
        once(r)
        setting(r)
        written(r)
        bench.session = r.one
        for part in (faults, expiry, removed, apart, many):
            part(r, bench)
        watched(r)
        same(nothing_left(r.one), None, "no slot and no memory is left behind")
        broken = [line for line in cluster.log_text().splitlines() if "PANIC" in line or "TRAP" in line]
        same(broken, [], "nothing broke")
    done()


main()
