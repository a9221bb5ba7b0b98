#!/usr/bin/env python3
"""Claim: what a list will need of services is asked before it is, and what one lacked, after it.

A listener who opens the dashboard is prefetched: what he plays, features and ids of that.
The list that he then asks for makes no call for any of it. Five times a minute are enough,
over all sessions; where nothing would come of it, that is said, and nothing fails. Of
tracks in a list whose features nobody knew, they are asked for once, within the budget.
"""
import sys
import urllib.parse

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from bench import WIDE, WIDE_QUOTA  # noqa: E402
from cluster import Cluster, connect_services, known_tracks  # noqa: E402
from emulator import Emulator  # noqa: E402
from reco_tap import call, done, literal, ok, same, until  # noqa: E402

SETTINGS = ("reco.keeper_interval = '50ms'", "reco.result_cache = on", "reco.cache = on", "reco.id_registry = on",
            "max_worker_processes = 16", "reco.job_pause = '20ms'")
SIZE = 20
LONG = 120


class Ahead:
    def __init__(self, cluster, emulator):
        self.cluster = cluster
        self.emulator = emulator
        self.session = cluster.session()
        self.session.query("SET client_min_messages = notice")

    def prefetch(self, user, session=None):
        return (session or self.session).value(f"SELECT reco_prefetch({literal(user)})")

    def notice(self, user, words):
        """Is nothing queued, and said why?"""
        self.session.errors.clear()
        job = self.prefetch(user)
        told = until(lambda: any(words in line for line in self.session.errors), 10)
        return ok(job == "" and told, f"NULL and a NOTICE: {words}", job, self.session.errors)

    def ended(self, job):
        return until(lambda: self.session.value(f"SELECT state FROM reco_job({job})") in ("done", "failed"), LONG)

    def quiet(self):
        return until(lambda: self.session.value("SELECT count(*) FROM reco.job WHERE state IN ('queued', 'running')") == "0", LONG)

    def asked(self, service, path):
        """The values of "ids" in calls of a path, and how many calls these were."""
        found, calls = [], 0
        for row in self.emulator.service(service)["log"]:
            target = urllib.parse.urlsplit(row[5])
            if target.path.endswith(path):
                calls += 1
                for value in urllib.parse.parse_qs(target.query).get("ids", []):
                    found += value.split(",")
        return found, calls

    def own(self):
        """Calls for what a listener plays."""
        return sum(1 for row in self.emulator.service("spotify")["log"] if "/me/top/" in row[5])


def prefetch(ahead):
    ahead.session.query("SELECT reco_connect_user('ana', 'ana.1', server => 'spotify')")
    ahead.emulator.reset_counters()
    job = ahead.prefetch("ana")
    ok(job != "" and ahead.ended(job), "a prefetch is a job")
    same(ahead.session.query(f"SELECT kind, user_id, state, run_id IS NULL, error FROM reco_job({job})"),
         [["prefetch", "ana", "done", "t", ""]], "it is done, and there is no run to be seen")
    same(ahead.own(), 2, "what the listener plays is asked for: tracks and artists")
    features, calls = ahead.asked("reccobeats", "/audio-features")
    ids, more = ahead.asked("reccobeats", "/track")
    ok(calls > 0 and more > 0, "and features and ids of that", features, ids)
    budget = 6
    ok(calls + more <= budget, "within reco.call_budget", calls, more)
    same(ahead.session.query("SELECT DISTINCT calls.kind FROM reco_stat_job AS calls WHERE kind = 'prefetch'"), [["prefetch"]],
         "reco_stat_job shows it")
    before = int(ahead.session.value("SELECT count(*) FROM reco_run"))
    same(before, 0, "and it leaves no record of a run")

    ahead.emulator.reset_counters()
    document = ahead.session.json("SELECT " + call("ana", "rainy sunday, calm", SIZE, None, "20 s"))
    same(len(document["tracks"]), SIZE, "then the listener asks for a list")
    same(ahead.own(), 0, "which asks for nothing that the listener plays")
    again = ahead.asked("reccobeats", "/audio-features")[0]
    same(sorted(set(again) & set(features)), [], "nor for features that were prefetched")
    again = ahead.asked("reccobeats", "/track")[0]
    same(sorted(set(again) & set(ids)), [], "nor for ids")
    # one who comes without that does ask
    ahead.session.query("SELECT reco_connect_user('ben', 'ben.1', server => 'spotify')")
    ahead.emulator.reset_counters()
    ahead.session.json("SELECT " + call("ben", "rainy sunday, calm", SIZE, None, "20 s"))
    same(ahead.own(), 2, "who was not prefetched is asked about then")
    ok(ahead.asked("reccobeats", "/audio-features")[0] and ahead.asked("reccobeats", "/track")[0], "and so are features and ids")
    ahead.quiet()


def five(ahead):
    """Over all sessions; a turn counts even where the job is still open."""
    others = [ahead.cluster.session() for _ in range(4)]
    jobs = [ahead.prefetch("cleo", session) for session in others + [ahead.session]]
    ok(all(jobs), "five times in a minute", jobs)
    ahead.notice("cleo", "5 times a minute")
    for session in others:
        same(ahead.prefetch("cleo", session), "", "nor in another session")
        session.close()
    ok(ahead.prefetch("dan") != "", "another listener has turns of his own")
    many = [ahead.cluster.session() for _ in range(10)]
    for session in many:
        session.send("SELECT reco_prefetch('eve')")
    granted = [rows[0][0] != "" for rows in [session.wait() for session in many]]
    same(granted.count(True), 5, "of ten at once five are granted")
    for session in many:
        session.close()
    ahead.session.query("CREATE DATABASE other")
    other = ahead.cluster.session("other")
    other.query("CREATE EXTENSION reco CASCADE")
    same(other.value("SELECT reco_prefetch('cleo')"), "", "without a service there is none")
    other.close()
    same(ahead.session.error("SELECT reco_prefetch(NULL)"), "22004", "nobody is no listener")
    same(ahead.session.error("SELECT reco_prefetch('')"), "22023", "nor is the anonymous one")
    ahead.quiet()


def hydration(ahead):
    """Tracks that the catalogue has without features, and that a service has measured."""
    session = ahead.session
    tracks = {track["id"]: track for track in ahead.emulator.tracks(400)}
    bare = [key for key in known_tracks(ahead.emulator, 60) if key in tracks][:30]
    session.query("DELETE FROM reco.track")
    session.query("INSERT INTO reco.track (track_id, artist_id, title, artist) VALUES "
                  + ", ".join(f"({literal(key)}, {literal('artist' + str(n))}, {literal(f'Velvet number {n}')}, {literal(f'Band {n}')})"
                              for n, key in enumerate(bare)))
    session.query("SELECT reco_cache_invalidate()")
    session.query("DELETE FROM reco.job")
    ahead.emulator.reset_counters()
    document = session.json("SELECT " + call("", "velvet", SIZE, {"strategies": ["seed_based"]}, "20 s"))
    listed = [track["track_id"] for track in document["tracks"]]
    lacking = sorted(set(listed) & set(bare))
    ok(len(lacking) > 5, "a list has tracks of which nobody knew the features", len(lacking))
    ok(until(lambda: session.value("SELECT state FROM reco.job WHERE kind = 'hydrate'") == "done", LONG), "a job asks for what it lacked",
       session.query("SELECT kind, state, error FROM reco.job"))
    same(session.value("SELECT count(*) FROM reco.job WHERE kind = 'hydrate'"), "1", "one")
    features, calls = ahead.asked("reccobeats", "/audio-features")
    ok(set(lacking) <= set(features) and calls <= 6, "features of these, within the budget", calls, len(features))
    ok(until(lambda: session.value(f"SELECT count(*) FROM reco.track WHERE track_id = ANY ({literal('{' + ','.join(lacking) + '}')})"
                                   " AND features = 'measured'") == str(len(lacking)), LONG), "the catalogue learns them")
    ahead.emulator.reset_counters()
    session.query("SELECT reco_cache_invalidate('result')")
    ahead.quiet()
    session.json("SELECT " + call("", "velvet", SIZE, {"strategies": ["seed_based"]}, "20 s"))
    ahead.quiet()
    again = set(ahead.asked("reccobeats", "/audio-features")[0])
    same(sorted(again & set(lacking)), [], "and nobody asks for them again")


def nobody(ahead):
    session = ahead.session
    session.query("SET reco.cache = off")
    ahead.notice("fay", "nothing of it would be kept")
    session.query("RESET reco.cache")
    session.query("BEGIN READ ONLY")
    same(session.error("SELECT reco_prefetch('fay')"), "25006", "it writes a job")
    session.query("ROLLBACK")
    session.query("ALTER SYSTEM SET reco.job_workers = 0")
    session.query("SELECT pg_reload_conf()")
    until(lambda: session.value("SHOW reco.job_workers") == "0")
    ahead.notice("fay", "no job workers")
    session.query("ALTER SYSTEM RESET reco.job_workers")
    session.query("SELECT pg_reload_conf()")
    until(lambda: session.value("SHOW reco.job_workers") == "1")
    for server in ("spotify", "reccobeats", "gemini"):
        session.query(f"DROP SERVER {server} CASCADE")
    ahead.notice("fay", "there is no service")


def main():
    with Emulator() as emulator, Cluster(*SETTINGS) as cluster:
        session = cluster.session()
        session.query("CREATE EXTENSION reco CASCADE")
        session.query("SELECT reco_demo_catalogue(300)")
        connect_services(session, emulator, spotify={**WIDE, **WIDE_QUOTA["spotify"]}, reccobeats=WIDE, gemini=WIDE)
        ahead = Ahead(cluster, emulator)
        until(lambda: session.value("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'reco job worker'") == "1")
        prefetch(ahead)
        five(ahead)
        hydration(ahead)
        nobody(ahead)
        same(emulator.counters()["bugs"], [], "the emulator has no bugs")
    done()


main()
