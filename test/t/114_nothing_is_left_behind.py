#!/usr/bin/env python3
"""Claim: 10,000 requests leave nothing behind.

Singles and batches, of three services, from several sessions; with answers that are cut,
reset, late, too large, no JSON, or from a host that does not exist; with deadlines too
short, cancels, and sessions that are ended in between. Afterwards all slots and all memory
between the processes are free; the gateway has the descriptors of its open connections, one
thread, and the memory that it had after 3,000 requests.
"""
import os
import random
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from cluster import Cluster, connect_services, known_tracks, nothing_left  # noqa: E402
from emulator import Emulator  # noqa: E402
from reco_tap import Lost, SqlError, done, literal, ok, same, until  # noqa: E402

SESSIONS = 16
FIRST, ALL = 3000, 10000
CHUNK = 50              # requests of one statement
CONNECTIONS = 60

# one in so many calls of a route is spoilt; less than what would open a circuit breaker
FAULTS = [("reset", 29), ("truncate:50,right", 31), ("502-html", 37), ("close", 41), ("empty-200", 43),
          ("deep-nesting", 47), ("not-an-object", 53), ("delay:0.4", 23), ("huge-header", 59), ("chunked-cut", 61),
          ("bad-gzip", 67), ("status:404", 71), ("401-expired", 73), ("huge-body:12", 401), ("status:429", 997)]

# Asks often, and goes on after a cancel; the sequence counts what was asked.
LOADER = r"""
CREATE SEQUENCE asked;
CREATE TABLE outcomes (outcome text, n bigint);
CREATE FUNCTION load(tracks text[], times int, seed int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    k int; got text[]; n int := array_length(tracks, 1);
BEGIN
    FOR i IN 1..times LOOP
        k := (hashint4(seed * 1000 + i) & 1023);
        BEGIN
            PERFORM nextval('asked');
            SELECT array_agg(r.outcome) INTO got FROM (
                SELECT outcome FROM reco_resolve(
                    CASE WHEN k % 10 < 7 THEN 'track_features' WHEN k % 10 < 9 THEN 'track_search' ELSE 'completion' END,
                    CASE WHEN k % 10 >= 7 THEN ARRAY['key ' || k % 97]
                         WHEN k % 7 = 0 THEN tracks[1 + k % n : 40 + k % n]
                         ELSE tracks[1 + k % n : 1 + k % n] END,
                    CASE WHEN k % 19 = 0 THEN interval '3 ms' ELSE interval '4 s' END,
                    CASE WHEN k % 5 = 0 THEN 'refresh' ELSE 'interactive' END)) AS r;
            INSERT INTO outcomes SELECT o, count(*) FROM unnest(got) AS o GROUP BY 1;
        EXCEPTION WHEN query_canceled THEN
            INSERT INTO outcomes VALUES ('a cancel', 1);
        END;
    END LOOP;
END $$;
"""


class Process:
    """The gateway, seen from outside."""

    def __init__(self, pid):
        self.pid = pid
        self.quiet = self.descriptors()

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def sockets(self):
        found = 0
        for name in os.listdir(f"/proc/{self.pid}/fd"):
            try:
                found += os.readlink(f"/proc/{self.pid}/fd/{name}").startswith("socket:")
            except OSError:
                pass
        return found

    def threads(self):
        return len(os.listdir(f"/proc/{self.pid}/task"))

    def memory(self):
        """Its own memory, without what is shared, in kB."""
        with open(f"/proc/{self.pid}/status", encoding="utf-8") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("RssAnon"))


class Load:
    """Sessions that ask, until so many requests were made."""

    def __init__(self, cluster, watcher, tracks):
        self.cluster, self.watcher = cluster, watcher
        self.tracks = "ARRAY[" + ",".join(literal(track) for track in tracks) + "]"
        self.sessions = [cluster.session() for _ in range(SESSIONS)]
        self.dice = random.Random(114)
        self.seed = self.cancels = self.ended = 0

    def asked(self):
        return int(self.watcher.value("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM asked"))

    def begin(self, number):
        self.seed += 1
        self.sessions[number].send(f"SELECT load({self.tracks}, {CHUNK}, {self.seed})")

    def finish(self, number):
        """Waits for a session's statement, which somebody may have ended."""
        try:
            self.sessions[number].wait(60)
        except SqlError as error:
            if error.sqlstate not in ("57014", "57P01"):
                raise
        except Lost:
            self.sessions[number] = self.cluster.session()

    def run(self, until_asked):
        for number in range(SESSIONS):
            self.begin(number)
        while self.asked() < until_asked:
            for number in range(SESSIONS):
                session = self.dice.choice(self.sessions)
                self.watcher.query(f"SELECT pg_cancel_backend({session.pid})")
                self.cancels += 1
                if self.dice.random() < 0.02:
                    self.watcher.query(f"SELECT pg_terminate_backend({session.pid})")
                    self.ended += 1
                self.finish(number)
                self.begin(number)
        for number in range(SESSIONS):
            self.finish(number)


def settled(watcher, process, name):
    """All is as it was before, but for connections that are kept."""
    same(nothing_left(watcher), None, f"{name}: all slots and all memory are free")
    ok(until(lambda: watcher.value("SELECT sum(queued + in_flight) FROM reco_stat_upstream") == "0", 20), f"{name}: nothing is under way")
    ok(until(lambda: process.threads() == 1, 40), f"{name}: no thread is left", process.threads())

    def kept():
        return int(watcher.value("SELECT sum(connections) FROM reco_stat_upstream"))
    ok(until(lambda: process.descriptors() <= process.quiet + kept(), 10),
       f"{name}: no descriptor is open but those of connections that are kept",
       f"{process.descriptors()} now, {process.quiet} at first, {kept()} connections")
    ok(kept() <= CONNECTIONS, f"{name}: and these are within their number", f"{kept()} of {CONNECTIONS}")


def unknown_host(cluster, watcher):
    """Names that cannot be resolved, asked for by who does not wait: threads end all the same."""
    watcher.query("CREATE DATABASE other")
    session = cluster.session("other")
    session.query("CREATE EXTENSION reco CASCADE")
    session.query("CREATE SERVER nowhere FOREIGN DATA WRAPPER reco_upstream OPTIONS (kind 'reccobeats',"
                  " base_url 'https://nowhere.invalid', timeout '300ms')")
    rows = session.query("SELECT r.outcome, count(*) FROM generate_series(1, 100) AS i, LATERAL (SELECT * FROM"
                         " reco_resolve('track_features', ARRAY[lpad(i::text, 22, '0')], '30 ms')) AS r GROUP BY 1")
    ok(all(row[0] in ("unavailable", "timeout", "cancelled", "busy") for row in rows),
       "a host that does not exist is no answer", rows)


def main():
    with Emulator("--latency", "none", "--preset", "extended", "--window", "none") as emulator, \
            Cluster(f"reco.gateway_connections = {CONNECTIONS}", "synchronous_commit = off") as cluster:
        watcher = cluster.session()
        watcher.query("CREATE EXTENSION reco CASCADE")
        process = Process(cluster.gateway())
        fast = {"rate": "100000/1s", "burst": "10000", "timeout": "30s", "max_concurrency": "24",
                "daily_quota": "1000000"}
        connect_services(watcher, emulator, spotify=fast, reccobeats=fast, gemini=fast)
        for statement in LOADER.split(";\n", 2):
            watcher.query(statement)
        tracks = known_tracks(emulator, 200)
        emulator.fault([{"route": route, "kind": kind, "every": every, "headers": {"Retry-After": "1"}}
                        for kind, every in FAULTS for route in ("/audio-features", "/search", ":generateContent")])
        load = Load(cluster, watcher, tracks)
        load.run(FIRST)
        unknown_host(cluster, watcher)
        settled(watcher, process, f"after {FIRST} requests")
        first = process.memory()
        load.run(ALL)
        settled(watcher, process, f"after {ALL} requests")
        last = process.memory()

        ok(load.asked() >= ALL, f"{load.asked()} requests were made; {load.cancels} cancels,"
           f" {load.ended} sessions ended")
        ok(last <= 1.2 * first + 1024, "the gateway's memory does not grow", f"{first} kB, then {last} kB")
        same(cluster.gateway(), process.pid, "it is the same process all the time")
        outcomes = {row[0]: int(row[1]) for row in watcher.query("SELECT outcome, sum(n) FROM outcomes GROUP BY 1")}
        missing = {"fresh", "absent", "timeout", "unavailable", "malformed", "a cancel"} - set(outcomes)
        ok(not missing, "all kinds of trouble were there", missing, outcomes)
        ok(outcomes.get("fresh", 0) > 0.5 * sum(outcomes.values()), "most was answered all the same", outcomes)
        faults = set()
        for service in emulator.counters()["services"].values():
            faults |= set(service["faults"])
        wanted = {kind.split(":")[0] for kind, _ in FAULTS}
        same(wanted - faults, set(), "every fault came")
        ok("PANIC" not in cluster.log_text() and "terminated by signal" not in cluster.log_text(), "nothing crashed")
    done()


main()
