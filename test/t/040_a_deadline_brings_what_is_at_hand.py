#!/usr/bin/env python3
"""Claim: at the deadline there is a list of what is at hand, and it says so.

A cold backend cannot load a large catalogue within no time at all: the list is
marked incomplete and names what is missing; later calls go on with the loading. No keeper
shares its matrix here: with that, no backend is cold.
"""
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from cluster import Cluster  # noqa: E402
from reco_tap import call, done, list_of, ok, same  # noqa: E402

TRACKS = 30000
QUESTION = ("", "rainy sunday, calm", 20)


# each call is a run of its own
os.environ["PGOPTIONS"] = "-c reco.result_cache=off"


def ask(session, deadline):
    return session.json("SELECT " + call(*QUESTION, None, deadline))


def main():
    with Cluster("reco.keeper = off") as cluster:
        first = cluster.session()
        first.query("CREATE EXTENSION reco CASCADE")
        first.query(f"SELECT reco_demo_catalogue({TRACKS})")

        cold = cluster.session()
        document = ask(cold, "0")
        ok(len(document["tracks"]) > 0, "deadline 0 on a cold backend answers with tracks")
        same(document["complete"], False, "and says that the list is not complete")
        ok("catalogue" in document["missing"], "and that the catalogue was not in hand", document["missing"])
        ok(set(document["missing"]) & {"artist_discovery", "seed_based"},
           "and which strategies did not finish", document["missing"])

        # one page of the catalogue at least per call: it comes to an end
        calls = 1
        while "catalogue" in document["missing"] and calls < TRACKS:
            document = ask(cold, "0")
            calls += 1
        ok(1 < calls <= 100, f"calls with deadline 0 finish the load ({calls} calls)")
        same(document["complete"], False, "deadline 0 leaves strategies out even then")
        document = ask(cold, "10 s")
        same([document["complete"], document["missing"]], [True, []], "with time enough the list is complete")
        full = ask(first, "10 min")
        same([t["track_id"] for t in document["tracks"]], [t["track_id"] for t in full["tracks"]],
             "and the same as where the catalogue was loaded in one go")

        # a change under a half-loaded catalogue starts it anew
        half = cluster.session()
        ask(half, "0")
        first.query("UPDATE reco.track SET popularity = 50 WHERE track_id IN"
                    " (SELECT track_id FROM reco.track ORDER BY artist_id LIMIT 10)")
        ask(half, "0")
        whole = ask(half, "10 min")
        ok(whole["complete"], "a load that a change overtook completes, too")
        fresh = cluster.session()
        same(list_of(half, *QUESTION), list_of(fresh, *QUESTION), "with the list that a fresh backend gives")

        # what was in hand as a whole beats half of what is new
        first.query("UPDATE reco.track SET popularity = 51 WHERE track_id IN"
                    " (SELECT track_id FROM reco.track ORDER BY artist_id LIMIT 10)")
        stale = ask(half, "0")
        ok(len(stale["tracks"]) == 20, "a warm backend answers in full from what it has")
        same(ask(half, "10 min")["complete"], True, "and completes when it is given time")

        same(half.error("SELECT " + call(*QUESTION, None, "-1 s")), "22023", "a negative deadline is an error")
        same(half.error("SELECT " + call(*QUESTION, None, "-1 month 29 days 23 hours")), "22023",
             "also when only its sum is negative")
        same(half.error("SELECT " + call(*QUESTION, None, "100 years")), None, "a long one is none")
        same(half.error("SELECT " + call(*QUESTION, None, "178000000 years")), None, "the longest is none")
        same(half.error("SELECT " + call(*QUESTION, None, None)), None, "NULL takes the setting")
        half.query("SET reco.deadline = 0")
        same(ask(half, None)["complete"], False, "which may be 0")
    done()


main()
