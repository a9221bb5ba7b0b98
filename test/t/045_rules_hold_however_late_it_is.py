#!/usr/bin/env python3
"""Claim: what a list must obey it obeys at any deadline.

At deadline 0 strategies and searches are left out, never a question that a rule
rests on: what was skipped, what was played lately, whom nobody wants to hear.
"""
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from reco_tap import Session, done, list_of, ok, same  # noqa: E402


def artists_of(session, rows):
    ids = ", ".join("'" + row[1] + "'" for row in rows)
    return {a for (a,) in session.query(f"SELECT DISTINCT artist FROM reco.track WHERE track_id IN ({ids})")}


def main():
    session = Session()
    session.query("CREATE EXTENSION IF NOT EXISTS reco CASCADE")
    session.query("SELECT reco_demo_catalogue(600)")
    question = ("eve", "calm", 10)

    for deadline in ("0", "1 ms", None):
        name = f"at deadline {deadline}" if deadline else "with time enough"
        first = list_of(session, *question, None, deadline)
        ok(len(first) == 10, f"{name} there is a list")
        skipped, played = first[0][1], first[1][1]
        artist = session.value("SELECT artist FROM reco.track WHERE track_id = '%s'" % first[2][1])

        session.query("BEGIN")
        session.query(f"SELECT reco_feedback('eve', '{skipped}', 'skip'), reco_listen('eve', '{played}')")
        rows = list_of(session, *question, {"repeat_days": 7, "exclude_artists": [artist]}, deadline)
        delivered = [row[1] for row in rows]
        ok(skipped not in delivered, f"{name} it has nothing that was skipped")
        ok(played not in delivered, f"{name} nothing that was played lately")
        ok(artist not in artists_of(session, rows), f"{name} nobody who is excluded by name")
        rows = list_of(session, "eve", f'calm, nothing by "{artist}"', 10, None, deadline)
        ok(artist not in artists_of(session, rows), f"{name} nobody whom the prompt does not want")
        session.query("ROLLBACK")

    # a change is seen whatever ids other processes made, by whatever clock
    other = Session()
    before = list_of(other, *question)
    session.query("INSERT INTO reco.change (what, change_id) SELECT 'catalogue', max(change_id) + (60000::bigint << 22)"
                  " FROM reco.change")
    same(list_of(other, *question), before, "a note from the future changes no list")
    session.query("UPDATE reco.track SET tags = tags || '{zebra}'::text[] WHERE track_id IN"
                  " (SELECT track_id FROM reco.track ORDER BY track_id LIMIT 20)")
    session.query("DELETE FROM reco.track WHERE track_id = '%s'" % before[0][1])
    ok(before[0][1] not in [row[1] for row in list_of(other, *question)],
       "nor does it hide a change that comes after it")

    same(other.error("SELECT count(*) FROM reco_generate('eve', 'calm', options => '{\"include_artists\": [\"Nobody\"]}')"),
         None, "an unknown artist is no error")
    same(list_of(other, *question, {"include_artists": ["Nobody of this name"]}), list_of(other, *question),
         "and changes nothing")
    done()


main()
