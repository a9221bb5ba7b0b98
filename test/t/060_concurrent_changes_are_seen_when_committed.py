#!/usr/bin/env python3
"""Claim: lists are made from what the snapshot sees, while others write.

Writers at every isolation level come, go and roll back; readers never fail and
never deliver what their snapshot does not see; the next call after a commit sees
the new tracks.
"""
import random
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from reco_tap import Session, SqlError, call, done, list_of, literal, ok, same  # noqa: E402

random.seed(3)
SECONDS = 6


def add(track, title="Zorkword", artist="new artist"):
    return ("INSERT INTO reco.track (track_id, artist_id, title, artist, features, energy) VALUES "
            f"('{track}', 'by {track}', '{title}', '{artist}', 'measured', 0.5)")


def found(session, track, title="Zorkword"):
    document = session.json("SELECT " + call("", f'like "{title}"', 20))
    return track in [t["track_id"] for t in document["tracks"]]


def ranked(session, track):
    """Is a track among all that the matrix holds?"""
    return session.value(f"SELECT count(*) FROM reco_rank('', 'calm', 100000) WHERE track_id = '{track}'") == "1"


def one_by_one(first, second):
    """What is seen when."""
    first.query("BEGIN")
    first.query(add("n1"))
    ok(found(first, "n1") and ranked(first, "n1"), "a transaction sees its own new track")
    ok(not found(second, "n1") and not ranked(second, "n1"), "others do not yet")
    first.query("ROLLBACK")
    ok(not found(first, "n1") and not ranked(first, "n1"), "after a rollback nobody does")

    first.query("BEGIN")
    first.query("SAVEPOINT s")
    first.query(add("n2"))
    ok(ranked(first, "n2"), "a subtransaction's track is seen")
    first.query("ROLLBACK TO s")
    ok(not ranked(first, "n2"), "and gone with it")
    first.query(add("n3"))
    first.query("COMMIT")
    ok(ranked(second, "n3") and found(second, "n3"), "after a commit the next call of another session sees it")

    second.query("BEGIN ISOLATION LEVEL REPEATABLE READ")
    before = list_of(second, "", "calm", 100)
    first.query("DELETE FROM reco.track WHERE track_id IN (SELECT track_id FROM reco.track"
                " WHERE track_id <> 'n3' ORDER BY track_id LIMIT 500)")
    first.query(add("n4"))
    same(list_of(second, "", "calm", 100), before, "REPEATABLE READ keeps its snapshot's catalogue")
    ok(not ranked(second, "n4"), "and does not see what came later")
    second.query("COMMIT")
    ok(ranked(second, "n4"), "its next transaction does")
    fresh = Session()
    same(list_of(second, "", "calm", 100), list_of(fresh, "", "calm", 100), "as a fresh backend does")

    for statement, gone in (("UPDATE reco.track SET title = 'Other' WHERE track_id = 'n4'", False),
                            ("DELETE FROM reco.track WHERE track_id = 'n4'", True)):
        first.query(statement)
        same([list_of(second, "", "jazz", 50), ranked(second, "n4")],
             [list_of(first, "", "jazz", 50), not gone], f"seen at once: {statement.split()[0]}")
    first.query("CREATE TABLE kept AS SELECT * FROM reco.track")
    first.query("TRUNCATE reco.track")
    same(second.error("SELECT " + call("", "calm")), "55000", "an emptied catalogue is empty")
    first.query("INSERT INTO reco.track SELECT * FROM kept")
    same(list_of(second, "", "calm"), list_of(first, "", "calm"), "a filled one is full")


def from_a_trigger(first, second):
    """A list that is made in the middle of a write, and the write undone."""
    first.query("CREATE FUNCTION peek() RETURNS trigger LANGUAGE plpgsql AS "
                "'BEGIN PERFORM 1 FROM reco_rank('''', ''calm'', 100000); RETURN NULL; END'")
    first.query("CREATE TRIGGER peek AFTER INSERT ON reco.track FOR EACH ROW EXECUTE FUNCTION peek()")
    writer = Session()
    writer.query("BEGIN")
    writer.query(add("n5"))
    writer.query("ROLLBACK")
    first.query("DROP TRIGGER peek ON reco.track")
    ok(not ranked(writer, "n5"), "a list made in a row trigger of a write that is rolled back leaves no trace")
    same(list_of(writer, "", "calm"), list_of(second, "", "calm"), "and its session answers as others do")


def worker(kind, number, stop, faults, counts):
    try:
        session = Session()
        while not stop.is_set():
            counts[kind] = counts.get(kind, 0) + 1
            try:
                turn(session, kind, number)
            except SqlError as error:
                if session.psql.poll() is None:
                    session.query("ROLLBACK")
                if kind in ("serializable", "repeatable") and error.sqlstate in ("40001", "40P01"):
                    counts["conflicts"] = counts.get("conflicts", 0) + 1
                else:
                    faults.append(f"{kind}: {error}")
        session.close()
    except Exception as error:          # pylint: disable=broad-except
        faults.append(f"{kind}: {type(error).__name__} {error}")


LEVELS = {"writer": "READ COMMITTED", "repeatable": "REPEATABLE READ", "serializable": "SERIALIZABLE"}


def turn(session, kind, number):
    if kind in LEVELS:
        session.query("BEGIN ISOLATION LEVEL " + LEVELS[kind])
        for _ in range(random.randint(1, 3)):
            key = f"{kind}{number} {random.randint(0, 30)}"
            session.query(random.choice((
                add(key) + " ON CONFLICT (track_id) DO UPDATE SET energy = 0.4",
                f"DELETE FROM reco.track WHERE track_id = '{key}'",
                f"UPDATE reco.track SET popularity = {random.randint(0, 100)} WHERE track_id = '{key}'")))
        if random.random() < .3:
            list_of(session, "", "calm")
        session.query("ROLLBACK" if random.random() < .3 else "COMMIT")
    elif kind == "reader":
        rows = list_of(session, "", random.choice(("calm", "jazz", "party 80s", 'like "Zorkword"')), 30)
        if len(rows) != 30 or len({r[1] for r in rows}) != 30:
            raise RuntimeError(f"{len(rows)} tracks")
    elif kind == "snapshot reader":
        session.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        one = list_of(session, "", "calm", 30)
        visible = {r[0] for r in session.query("SELECT track_id FROM reco.track")}
        two = list_of(session, "", "calm", 30)
        session.query("COMMIT")
        if one != two or not {r[1] for r in one} <= visible:
            raise RuntimeError(f"not the snapshot's list: {one[:3]} {two[:3]}")
    elif kind == "importer":
        session.query("CREATE TEMPORARY TABLE IF NOT EXISTS songs AS SELECT 'imp' || i AS id,"
                      " 'Song ' || i AS name, 'Band ' || i % 40 AS artists, 0.5 AS energy FROM generate_series(1, 400) i")
        session.json("SELECT reco_catalogue_import('songs')")


def all_at_once(second):
    stop, faults, counts = threading.Event(), [], {}
    kinds = ["writer", "writer", "repeatable", "serializable", "reader", "reader", "snapshot reader",
             "importer", "importer"]
    threads = [threading.Thread(target=worker, args=(kind, i % 2, stop, faults, counts))
               for i, kind in enumerate(kinds)]
    for thread in threads:
        thread.start()
    # not a wait for anything: how long the load lasts
    time.sleep(SECONDS)
    stop.set()
    for thread in threads:
        thread.join(120)
    ok(not faults, f"no failures but the writers' own conflicts ({counts})", *faults[:8])
    ok(all(counts.get(k, 0) > 0 for k in kinds), "everybody had a turn")
    same(second.value("SELECT count(*) FROM reco.track WHERE track_id LIKE 'imp%'"), "400",
         "imports at once bring every track once")
    fresh = Session()
    same(list_of(second, "", "calm", 50), list_of(fresh, "", "calm", 50), "afterwards all see the same")
    ok(int(second.value("SELECT count(*) FROM reco.change")) < 1000, "and the notes of changes stay few")


def main():
    first, second = Session(), Session()
    first.query("CREATE EXTENSION IF NOT EXISTS reco CASCADE")
    first.query("SELECT reco_demo_catalogue(2000)")
    one_by_one(first, second)
    from_a_trigger(first, second)
    all_at_once(second)
    done()


main()
