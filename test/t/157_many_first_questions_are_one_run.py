#!/usr/bin/env python3
"""Claim: five hundred who ask a question for the first time at once get one run's list; nothing that was fetched is lost.

They are held up until all of them ask, and let go together. A leader that is cancelled or
ended while it waits for a service leaves the run to one of those who wait. Whoever asks in
a transaction that is read-only, or rolled back, or is cancelled, leaves behind what it
asked for: the next one makes no call.
"""
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from cluster import BINDIR, Cluster, connect_services, nothing_left  # noqa: E402
from emulator import Emulator  # noqa: E402
from reco_tap import Lost, SqlError, call, done, ok, same, until  # noqa: E402

CLIENTS = 500
WAITERS = 20
# nothing of "asked" is written before the list is there
ASKER = """SELECT min(run_id) AS first, max(run_id) AS last, hashtext(string_agg(track_id, ' ' ORDER BY rank)) AS list FROM {} \\gset
INSERT INTO asked VALUES (:first, :last, :list);
"""


def calls(emulator):
    return sum(emulator.service(name)["calls"] for name in ("spotify", "reccobeats"))


def question(prompt, deadline="10 min"):
    return call("zoe", prompt, 20, None, deadline, "reco_generate")


def ask(session, prompt):
    """The run that answers, and its list."""
    rows = session.query("SELECT run_id, track_id FROM " + question(prompt))
    return {row[0] for row in rows}, [row[1] for row in rows]


def at_once(cluster, one):
    """All of them wait for a lock, and are let go together."""
    one.query("CREATE UNLOGGED TABLE asked (first bigint, last bigint, list int)")
    holder = cluster.session()
    holder.query("SELECT pg_advisory_lock(157)")
    misses = "SELECT misses FROM reco_cache_stats WHERE category = 'result'"
    before = int(one.value(misses))
    with tempfile.TemporaryDirectory() as directory:
        script = os.path.join(directory, "asker")
        with open(script, "w", encoding="utf-8") as file:
            file.write("SELECT pg_advisory_lock_shared(157);\n" + ASKER.format(question("slow acoustic morning")))
        clients = subprocess.Popen([os.path.join(BINDIR, "pgbench"), "-n", "-c", str(CLIENTS), "-j", "2", "-t", "1", "-f", script],
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        held = until(lambda: int(one.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                                           " AND query LIKE '%pg_advisory_lock_shared(157)%' AND pid <> pg_backend_pid()")) == CLIENTS, 200)
        holder.query("SELECT pg_advisory_unlock(157)")
        output = clients.communicate(timeout=300)[0]
    ok(held, f"{CLIENTS} sessions ask for the first time", output[-500:])
    same(clients.returncode, 0, "all of them are answered")
    same(one.query("SELECT count(*), count(DISTINCT first), count(DISTINCT last), count(DISTINCT list), bool_and(first = last)"
                   " FROM asked"), [[str(CLIENTS), "1", "1", "1", "t"]], "by one run, with the same list")
    ok(int(one.value(misses)) > before, "which nobody had made before")
    holder.close()


def leader_goes(cluster, emulator, one, how, prompt):
    """Many wait for one whose question is with a service; that one goes."""
    emulator.reset()
    emulator.config(preset="extended", limit={"spotify": None, "reccobeats": None}, latency={"spotify": 8000, "reccobeats": 0})
    leader = cluster.session()
    waiters = [cluster.session() for _ in range(WAITERS)]
    leader.send("SELECT run_id FROM " + question(prompt))
    ok(until(lambda: emulator.service("spotify")["in_flight"] > 0), f"{how}: the first one waits for a service")
    for waiter in waiters:
        waiter.send("SELECT DISTINCT run_id FROM " + question(prompt))
    ok(until(lambda: int(one.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Extension'"
                                   " AND query LIKE '%reco_generate%'")) > WAITERS), f"{how}: all others wait for it")
    one.query(f"SELECT {how}({leader.pid})")
    emulator.config(latency={"spotify": 0})
    try:
        leader.wait(60)
        ended = "answered"
    except SqlError as error:
        ended = error.sqlstate
    except Lost:
        ended = "lost"
    ok(ended in ("57014", "lost"), f"{how}: it is gone", ended)
    runs = [row[0] for waiter in waiters for row in waiter.wait(120)]
    same([len(runs), len(set(runs))], [WAITERS, 1], f"{how}: one of them makes the list, for all")
    for waiter in waiters:
        waiter.close()
    if ended == "57014":
        leader.close()


def nothing_is_lost(cluster, emulator, one, artists):
    """What a caller asked for stays, whatever becomes of the caller."""
    emulator.reset()
    emulator.config(preset="extended", limit={"spotify": None, "reccobeats": None}, latency={"spotify": 0, "reccobeats": 0})
    two = cluster.session()
    two.query("SET reco.result_cache = off")
    for name, begin, end in (("a read-only transaction", "BEGIN READ ONLY", "COMMIT"),
                             ("a transaction that is rolled back", "BEGIN", "ROLLBACK"),
                             ("a subtransaction that is rolled back", "BEGIN; SAVEPOINT s", "ROLLBACK TO s; COMMIT")):
        prompt = f'calm, like "{artists.pop()}"'
        emulator.reset_counters()
        one.query(begin)
        tracks = ask(one, prompt)[1]
        one.query(end)
        asked = calls(emulator)
        ok(asked > 0 and tracks, f"{name} asks services")
        emulator.reset_counters()
        ask(two, prompt)
        ok(calls(emulator) < asked, "and leaves the answers to others", calls(emulator), asked)
    prompt = f'calm, like "{artists.pop()}"'
    emulator.reset_counters()
    emulator.config(latency={"spotify": 4000, "reccobeats": 100})
    one.query("ALTER SERVER spotify OPTIONS (ADD timeout '60s')")     # a call that nobody waits for may take a tenth of it
    one.query("SET statement_timeout = '6000ms'")
    same(one.error("SELECT * FROM " + question(prompt)), "57014", "a caller is cancelled in the middle")
    one.query("RESET statement_timeout")
    emulator.config(latency={"spotify": 0, "reccobeats": 0})
    ok(calls(emulator) > 0, "having asked services")
    ask(two, prompt)
    same([emulator.service(name)["duplicates"] for name in ("spotify", "reccobeats")], [0, 0],
         "the next one asks for the rest only")

    # features that came after a list was made may change what the next one asks
    left = []
    for _ in range(20):
        emulator.reset_counters()
        ask(two, prompt)
        left.append(calls(emulator))
        if left[-1] == 0:
            break
    ok(0 in left, "and in the end all is known", left)
    two.close()


def main():
    with Emulator("--preset", "extended", "--latency", "none") as emulator, \
            Cluster("reco.job_workers = 0", f"max_connections = {CLIENTS + 40}", "reco.result_cache = on", "reco.cache = on", "reco.id_registry = on", "reco.deny_list = on",
                    "reco.keeper_interval = '50ms'", "reco.learn = off", "shared_buffers = 128MB") as cluster:
        one = cluster.session()
        one.query("CREATE EXTENSION reco CASCADE")
        one.query("SELECT reco_demo_catalogue(1000)")
        at_once(cluster, one)
        connect_services(one, emulator, reccobeats={"rate": "10000/1s"}, spotify={"rate": "10000/1s", "daily_quota": "100000"})
        artists = [artist["name"] for artist in emulator.artists(40)[9:]]
        for how in ("pg_cancel_backend", "pg_terminate_backend"):
            leader_goes(cluster, emulator, one, how, f'quiet, like "{artists.pop()}"')
        nothing_is_lost(cluster, emulator, one, artists)
        same(nothing_left(one), None, "no slot and no memory is left behind")
        failed = [line for line in cluster.log_text().splitlines() if "PANIC" in line or "TRAP" in line]
        same(failed, [], "nothing broke")
    done()


main()
