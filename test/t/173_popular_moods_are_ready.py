#!/usr/bin/env python3
"""Claim: a popular mood that was warmed is answered without a call of a service, for whoever asks.

Candidates are kept for nobody in particular and fitted to each listener: what was played,
judged and excluded counts, and every rule of a list holds. They are made again before they
expire; what is asked most is learned, what is not asked any more leaves; an edit of
reco.popular_mood takes effect at once; off means off.
"""
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from bench import WIDE, WIDE_QUOTA  # noqa: E402
from cluster import Cluster, Standby  # noqa: E402
from emulator import Emulator  # noqa: E402
from reco_tap import SqlError, call, done, literal, ok, same, until  # noqa: E402
from rules import SIZE, broken_rules  # noqa: E402

SETTINGS = ("reco.keeper_interval = '50ms'", "reco.cache = on", "reco.id_registry = on", "reco.deny_list = on",
            "reco.result_cache = on", "max_worker_processes = 16", "reco.job_pause = '100ms'", "reco.job_workers = 2")
LONG = 120
MOODS = 10
MOOD = "calm and relaxing"


def connect(session, emulator):
    """Services whose limits nothing here comes near."""
    for kind, where, secrets in (
            ("spotify", f"base_url '{emulator.spotify}', accounts_url '{emulator.accounts}'", "client_id 'app', client_secret 's'"),
            ("reccobeats", f"base_url '{emulator.reccobeats}'", "api_key 'k'"),
            ("gemini", f"base_url '{emulator.gemini}', model 'gemini-3.6-flash'", "api_key 'g'")):
        options = "".join(f", {name} '{value}'" for name, value in {**WIDE, **WIDE_QUOTA.get(kind, {})}.items())
        session.query(f"CREATE SERVER {kind} FOREIGN DATA WRAPPER reco_upstream OPTIONS (kind '{kind}', {where}{options})")
        session.query(f"CREATE USER MAPPING FOR PUBLIC SERVER {kind} OPTIONS ({secrets})")


def warm(session, arguments=""):
    """Queues moods, waits until all are made; how many were queued."""
    queued = int(session.value(f"SELECT reco_warm_popular_moods({arguments})"))
    until(lambda: session.value("SELECT count(*) FROM reco.job WHERE kind = 'warm' AND state IN ('queued', 'running')") == "0", LONG)
    return queued


def failed(session):
    return session.query("SELECT arguments->>'prompt', state, attempts, error FROM reco.job WHERE kind = 'warm' AND error IS NOT NULL")


def calls(emulator):
    return sum(service["calls"] for service in emulator.counters()["services"].values())


def rows(session, user, prompt=MOOD, size=SIZE, options=None):
    return session.query("SELECT track_id, score, origin, run_id FROM "
                         + call(user, prompt, size, options, function="reco_generate"))


def document(session, user, prompt=MOOD, size=SIZE, options=None):
    return session.json("SELECT " + call(user, prompt, size, options))


def explained(session, run):
    return [row[0] for row in session.query(f"SELECT * FROM reco_explain_run({run})") if row[0].startswith("Popular mood:")]


def first_answers(cluster, session, emulator):
    same(session.query("SELECT count(*), bool_and(pinned), bool_or(learned), bool_or(edited) FROM reco.popular_mood")[0],
         [str(MOODS), "t", "f", "f"], "ten moods ship with the extension")
    same(warm(session), MOODS, "they are queued")
    same(failed(session), [], "and made")
    print(session.query("SELECT * FROM reco_stat_job"), session.query("SELECT prompt, last_warmed, warmed_as FROM reco.popular_mood"))
    emulator.reset_counters()
    got = rows(session, "new1")
    print(got[:2])
    print(calls(emulator))
    print(explained(session, got[0][3]))
    d = document(session, "new2")
    print(d["mood"]["source"], d["answer"], broken_rules(d), calls(emulator))


def main():
    with Emulator() as emulator, Cluster(*SETTINGS) as cluster:
        session = cluster.session()
        session.query("CREATE EXTENSION reco CASCADE")
        session.query("SELECT reco_demo_catalogue(3000)")
        connect(session, emulator)
        first_answers(cluster, session, emulator)
    done()


main()
