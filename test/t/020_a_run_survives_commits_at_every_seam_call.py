#!/usr/bin/env python3
"""Claim: a run holds nothing of the transaction when it asks the seam.

A procedure runs the pipeline and ends the transaction at every call of the seam,
as a job worker will, in a server module that is built here (test/driver). The
lists must be those of reco_generate, with the transaction's memory overwritten
and with the catalogue changed in between.
"""
import shutil
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from driver import build  # noqa: E402
from reco_tap import Lost, Session, SqlError, done, list_of, literal, ok, same  # noqa: E402

PROMPTS = [
    "rainy sunday, calm", "very energetic workout, no vocals, from the 90s", "sad beats",
    "quiet instrumental focus music", "happy summer road trip", "not sad, nothing too loud",
    "80s synthwave night drive", "without rap", "xyzzy plugh", "jazz", "romantic evening for two",
    "slightly melancholy piano", "christmas party", "no latin", "slow dance 170 bpm", "日本語 🎧",
    "hip hop from 1994", "chill", "dark techno", "acoustic morning coffee",
]


def driven(session, user, prompt, size, mode):
    """The list of a run that commits at each call of the seam, and how often it did."""
    session.query(f"CALL driver_generate({literal(user)}, {literal(prompt)}, {size}, {literal(mode)})")
    rows = session.query("SELECT rank, track_id, score, pauses FROM driver_list ORDER BY rank")
    return [[int(r), t, float(s)] for r, t, s, _ in rows], int(rows[0][3]) if rows else 0


def main():
    directory = tempfile.mkdtemp(prefix="reco-driver.")
    try:
        library, wrong = build(directory)
        if not ok(library is not None, "the driver compiles", wrong):
            done()
        run(library)
    except Lost as lost:
        ok(False, "the server lives", lost)
    finally:
        shutil.rmtree(directory)
    done()


def run(library):
    session = Session()
    session.query("CREATE EXTENSION IF NOT EXISTS reco CASCADE")
    session.query("SELECT reco_demo_catalogue(3000)")
    session.query("LOAD 'reco'")
    session.query("CREATE PROCEDURE driver_generate(user_id text, prompt text, size int, mode text) "
                  f"AS {literal(library)}, 'driver_generate' LANGUAGE C")
    session.query("CREATE TABLE driver_list (rank int, track_id text, score real, pauses int)")
    listener = session.value("SELECT user_id FROM reco.listen GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1")
    title, by = session.query("SELECT title, artist FROM reco.track ORDER BY track_id OFFSET 99 LIMIT 1")[0]
    prompts = [(u, p) for p in PROMPTS for u in ("", listener)][::2] + [
        (listener, f'like "{title}"'), ("", f"songs by {by}"), ("", f"{title} by {by}"),
        (listener, f"similar to {by}, but calm"), ("", f'"{title}" and {by} for a party'),
        (listener, "chill"), (listener, "jazz"), ("nobody", "jazz")]
    session.query(f"SELECT reco_feedback({literal(listener)}, track_id, 'skip') FROM"
                  " (SELECT track_id FROM reco.track ORDER BY track_id DESC LIMIT 3) AS t")

    for mode, name in (("commit", "the transaction ended at each call"),
                       ("scribble", "its memory overwritten, too")):
        wrong, least = [], 99
        for user, prompt in prompts:
            expected = list_of(session, user, prompt, 20)
            got, pauses = driven(session, user, prompt, 20, mode)
            least = min(least, pauses)
            if got != expected:
                wrong.append(f"{user!r} {prompt!r}: {got[:3]} for {expected[:3]}")
        ok(not wrong, f"{len(prompts)} lists are those of reco_generate: {name}", *wrong)
        ok(least >= 3, f"a run makes at least three calls ({least})")

    # the catalogue changes under the run: what it holds stays valid
    wrong = []
    for mode in ("insert", "empty"):
        for user, prompt in prompts[::3]:
            try:
                got, _ = driven(session, user, prompt, 20, mode)
            except SqlError as error:
                # no catalogue at all is what it says
                if mode != "empty" or error.sqlstate != "55000":
                    wrong.append(f"{mode} {prompt!r}: {error}")
                continue
            if len({g[1] for g in got}) != len(got) or any(not 0 <= g[2] <= 1 for g in got):
                wrong.append(f"{mode} {prompt!r}: {got[:3]}")
    ok(not wrong, "tracks come and all tracks go while it runs: no harm", *wrong)
    same(session.value("SELECT count(*) >= 3000 FROM reco.track"), "t", "the catalogue is back in the end")
    again = [list_of(session, u, p, 20) for u, p in prompts[:8]]
    other = Session()
    same(again, [list_of(other, u, p, 20) for u, p in prompts[:8]],
         "after all that the session answers as a fresh one does")
    same(session.value("SELECT coalesce(sum(total_bytes), 0) FROM pg_backend_memory_contexts"
                       " WHERE name IN ('driver run', 'reco run')"), "0", "and keeps no run's memory")


main()
