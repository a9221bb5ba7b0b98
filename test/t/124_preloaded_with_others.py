#!/usr/bin/env python3
"""Claim: reco gets along with whoever else is preloaded, and without being preloaded itself.

Before and after pg_cron and pg_stat_statements: the server starts, the gateway serves, and
the other does its work. Without shared_preload_libraries the embedded engine answers, and
whatever needs the gateway says what to do. On a hot standby the engine answers; the gateway
runs there if it is told to, and in any case after a promotion.
"""
import os
import re
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from bench import outcomes  # noqa: E402
from cluster import (BINDIR, Cluster, Standby, as_owner, connect_services, gateway_pid, known_tracks,  # noqa: E402
                     resolve)
from emulator import Emulator  # noqa: E402
from reco_tap import done, list_of, ok, same, skip, until  # noqa: E402

SIZES = re.compile(r"LOG:  reco: \d+ slots, \d+ bytes for requests and answers, \d+ upstreams,"
                   r" \d+ connections, \d+ bytes of shared memory")
HINT = """CREATE FUNCTION pg_temp.told(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE hint text;
BEGIN
    EXECUTE statement;
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
    RETURN SQLSTATE || ': ' || hint;
END $$"""


def installed(library):
    """Whether this server has a library."""
    directory = as_owner([BINDIR + "/pg_config", "--pkglibdir"]).stdout.strip()
    return os.path.exists(f"{directory}/{library}.so")


def prepare(session, emulator):
    session.query("CREATE EXTENSION reco CASCADE")
    session.query("SELECT reco_demo_catalogue(500)")
    connect_services(session, emulator)


def works(session, tracks, name):
    """The engine answers, and so does the gateway."""
    same(len(list_of(session, "", "rainy sunday, calm", 20)), 20, f"{name}: a list of 20")
    same(session.query(resolve("track_features", tracks)), [[track, "fresh"] for track in tracks], f"{name}: the gateway serves")


def beside(emulator, tracks, other, check):
    """With another library, in either order."""
    for preload in (f"{other},reco", f"reco,{other}"):
        if not installed(other):
            skip(f"preloaded as '{preload}'", f"{other} is not installed for this server")
            continue
        with Cluster(preload=preload) as cluster:
            session = cluster.session()
            prepare(session, emulator)
            ok(until(lambda: gateway_pid(session) is not None, 20), f"preloaded as '{preload}': the gateway runs")
            works(session, tracks, f"'{preload}'")
            session.query(f"CREATE EXTENSION {other}")
            check(session, cluster, f"'{preload}'")
            same(len(SIZES.findall(cluster.log_text())), 1, f"'{preload}': one line in the log says how much memory")
            ok("FATAL" not in cluster.log_text() and "PANIC" not in cluster.log_text(), f"'{preload}': nothing failed")
            seconds = cluster.stop("fast")
            ok(seconds is not None and seconds < 10, f"'{preload}': it stops at once", seconds)


def check_cron(session, cluster, name):
    ok(until(lambda: any("pg_cron" in title for title in cluster.children().values()), 20), f"{name}: pg_cron's process runs",
       cluster.children())
    session.query("SELECT cron.schedule('calm', '0 4 * * *', 'SELECT 1')")
    same(session.value("SELECT jobname FROM cron.job"), "calm", f"{name}: and takes jobs")


def check_statements(session, cluster, name):
    session.query("SELECT pg_stat_statements_reset()")
    works(session, [], name)
    same(session.value("SELECT sum(calls) FROM pg_stat_statements WHERE query LIKE '%reco_resolve%'"), "1",
         f"{name}: pg_stat_statements counts a call of ours")


def without(emulator):
    """Not preloaded at all."""
    with Cluster("reco.gateway_slots = 100", preload="") as cluster:
        session = cluster.session()
        prepare(session, emulator)
        session.query(HINT)
        same(len(list_of(session, "", "rainy sunday, calm", 20)), 20, "not preloaded: a list of 20")
        same(session.value("SELECT count(DISTINCT origin) || min(origin) FROM reco_generate('', 'party')"), "1local",
             "all of it local")
        told = session.value("SELECT pg_temp.told($$SELECT * FROM reco_resolve('track_search', '{calm}')$$)")
        ok(told.startswith("55000: ") and "shared_preload_libraries" in told, "reco_resolve says what to do", told)
        for view in ("reco_stat_upstream", "reco_stat_worker", "reco_stat_gateway"):
            same(session.value(f"SELECT count(*) FROM {view}"), "0", f"{view} is empty")
        same(session.error("SELECT reco_stat_reset()"), None, "reco_stat_reset() has nothing to do")
        rows = session.query("SELECT \"check\", status, hint FROM reco_doctor()")
        ok(any(row[0] == "preloaded" and row[1] == "warning" and "shared_preload_libraries" in row[2] for row in rows),
           "reco_doctor says what to do", rows)
        same(emulator.counters()["services"], {}, "no service was called")
        same(cluster.gateway(), None, "there is no gateway")
        # a session that has the library loaded on demand keeps to the rules, too
        same(session.error("SET reco.gateway_slots = 10"), "42602", "settings of the gateway are none of such a server's")


def standby(emulator, tracks):
    with Cluster() as primary:
        session = primary.session()
        prepare(session, emulator)
        works(session, tracks[:2], "the primary")
        with Standby(primary) as copy:
            there = copy.session()
            ok(copy.caught_up(there), "a hot standby follows")
            same(there.value("SELECT pg_is_in_recovery()"), "t", "it is one")
            emulator.reset_counters()
            same(len(list_of(there, "", "rainy sunday, calm", 20)), 20, "on it: a list of 20")
            session.query("SET reco.upstreams = off")
            same(*(list_of(one, "", "party", 20, {"seed": 3}) for one in (there, session)), "the same as on the primary")
            ok(there.json("SELECT reco_mood('rainy sunday, calm')"), "reco_mood works")
            same(there.query("SELECT worker FROM reco_stat_worker WHERE pid IS NOT NULL"), [], "no process of ours runs there")
            same(there.value("SELECT count(*) FROM reco_stat_upstream"), "0", "the views work")
            same(copy.gateway(), None, "there is no gateway")
            began = time.monotonic()
            got = outcomes(there, resolve("track_features", tracks[:2], "20 s"))
            ok(got in (["lost"] * 2, "55000"), "reco_resolve cannot ask", got)
            ok(time.monotonic() - began < 10, "and says so at once")
            row = there.query("SELECT status, hint FROM reco_doctor() WHERE \"check\" = 'gateway'")[0]
            ok(row[0] == "warning" and "reco.gateway_on_standby" in row[1], "reco_doctor says what to do", row)
            same(emulator.counters()["services"], {}, "no service was called")

            copy.configure("reco.gateway_on_standby = on")
            copy.stop()
            copy.start()
            there = copy.session()
            ok(until(lambda: gateway_pid(there) is not None, 20), "with reco.gateway_on_standby it has a gateway")
            same(there.value("SELECT pg_is_in_recovery()"), "t", "while it is a standby")
            works(there, tracks[2:4], "the standby with a gateway")
            same(there.value("SELECT count(*) FROM reco_doctor() WHERE status <> 'ok'"), "0", "reco_doctor is content")
            same(session.query("SELECT count(*) FROM reco_stat_upstream"), [["1"]], "the primary's figures are its own")

            copy.configure("reco.gateway_on_standby = off")
            copy.stop()
            copy.start()
            there = copy.session()
            same(copy.gateway(), None, "without it, none again")
            ok(copy.promote(), "it is promoted")
            ok(until(lambda: gateway_pid(there) is not None, 20), "then the gateway starts")
            works(there, tracks[4:6], "the promoted server")
            same(there.error("CREATE TABLE written (n int)"), None, "it is a primary")
            ok("PANIC" not in copy.log_text() and "terminated by signal" not in copy.log_text(), "and nothing crashed")


def main():
    with Emulator("--preset", "extended", "--latency", "none") as emulator:
        tracks = known_tracks(emulator, 6)
        beside(emulator, tracks[:2], "pg_cron", check_cron)
        beside(emulator, tracks[:2], "pg_stat_statements", check_statements)
        emulator.reset()
        without(emulator)
        standby(emulator, tracks)
    done()


main()
