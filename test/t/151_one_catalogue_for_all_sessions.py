#!/usr/bin/env python3
"""Claim: sessions share one copy of the catalogue, which the keeper makes anew while they go on.

Lists are the same as from a copy of a session's own; what is new is found soon, what is
deleted is never given, what a transaction has changed itself it sees; nobody waits for the
keeper, and nothing is left behind when the extension, the database or the keeper goes.
"""
import os
import random
import re
import signal
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from cluster import Cluster, stand_still  # noqa: E402
from reco_tap import done, list_of, ok, same, until  # noqa: E402

random.seed(151)
SOON = 4.5      # seconds; a command that had to wait for a keeper takes 5 and fails
ENDS = "terminating any other active server processes"      # the log: from here on nobody is served who was before
PROMPTS = ("calm", "party with friends, no rock", "80s synth pop", "sad and slow acoustic")
LARGE = 2 * 1024 * 1024     # bytes; other segments of the server are smaller
COPY = ("INSERT INTO reco.track (track_id, artist_id, title, artist, genres, tags, release_date, popularity, features,"
        " acousticness, danceability, energy, instrumentalness, liveness, speechiness, valence, loudness, tempo, key, mode)"
        " SELECT track_id || {suffix}, artist_id || {suffix}, title || {suffix}, artist || {suffix}, genres, tags, release_date, popularity, features,"
        " acousticness, danceability, energy, instrumentalness, liveness, speechiness, valence, loudness, tempo, key, mode"
        " FROM reco.track")


def memory(session, column="state", database=None):
    where = f"'{database}'" if database else "current_database()"
    return session.value(f"SELECT {column} FROM reco_stat_memory WHERE database = {where}")


def generation(session):
    return int(memory(session, "CASE WHEN state IN ('shared', 'refreshing') THEN generation END") or 0)


def settled(session, seconds=120):
    """Waits until the shared copy is what the catalogue is."""
    return until(lambda: memory(session, "state || ' ' || exact || ' ' || (tracks = (SELECT count(*) FROM reco.track))")
                 == "shared true true", seconds)


def ranks(session, n=3000):
    return [session.query(f"SELECT * FROM reco_rank('', '{prompt}', {n})") for prompt in PROMPTS]


def ranked(session, track):
    return session.value(f"SELECT count(*) FROM reco_rank('', 'calm', 100000) WHERE track_id = '{track}'") == "1"


def add(track):
    return ("INSERT INTO reco.track (track_id, artist_id, title, artist, features, energy) VALUES "
            f"('{track}', 'by {track}', 'Zorkword', 'new artist', 'measured', 0.5)")


def private(pid):
    """What a process has alone, in bytes."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return sum(int(line.split()[1]) * 1024 for line in file if line.startswith("Anonymous:"))


def mapped(pid):
    """Of each mapping of a large shared segment: its name, and how much of it is in memory."""
    found = {}
    name = None
    with open(f"/proc/{pid}/smaps", encoding="utf-8", errors="replace") as file:
        for line in file:
            place = re.match(r"([0-9a-f]+)-([0-9a-f]+) .*pg_dynshmem/(\S+)", line)
            if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
                name = place and int(place[2], 16) - int(place[1], 16) > LARGE and place[3]
            elif name and line.startswith("Rss:"):
                found[name] = int(line.split()[1]) * 1024
    return found


class Watch:
    def __init__(self, cluster):
        self.cluster = cluster
        self.session = cluster.session()

    def keeper(self, database="postgres"):
        value = self.session.value("SELECT pid FROM reco_stat_worker WHERE worker = 'keeper' AND pid IS NOT NULL"
                                   f" AND database = '{database}'")
        return int(value) if value else None

    def segments(self):
        """The files of large shared segments."""
        where = self.cluster.data + "/pg_dynshmem"
        sizes = []
        for name in os.listdir(where):
            try:
                sizes.append(os.stat(where + "/" + name).st_size)
            except FileNotFoundError:
                pass
        return len([size for size in sizes if size > LARGE])

    def set(self, name, value):
        self.session.query(f"ALTER SYSTEM SET {name} = {value}" if value is not None else f"ALTER SYSTEM RESET {name}")
        self.session.query("SELECT pg_reload_conf()")


def growth(session):
    """What a session takes more when it has used the engine, and its list."""
    session.query("SELECT reco_mood('calm')")
    before = private(session.pid)
    given = list_of(session, "", "calm", 20)
    return private(session.pid) - before, given


def one_copy(cluster, watch):
    """What sessions cost that have used the engine."""
    size = int(memory(watch.session, "shared_bytes"))
    ok(size > 2 * LARGE, f"the shared copy is of a size that shows ({size} bytes)")
    same(watch.segments(), 1, "it is one segment")
    sessions = [cluster.session() for _ in range(10)]
    few, most = cluster.session("few"), 0
    most, _ = growth(few)
    few.close()
    grown, lists = zip(*[growth(session) for session in sessions])
    ok(max(grown) < most + size / 10, "no session takes a tenth of it more than where the catalogue is of a few tracks",
       grown, most, size)
    ok(all(one == lists[0] for one in lists), "all give the same list")
    same([memory(session, "session_bytes") for session in sessions], ["0"] * 10, "none has a copy of its own")
    ok(all(len(mapped(session.pid)) == 1 for session in sessions), "all have mapped the one", *[mapped(s.pid) for s in sessions])
    same(memory(watch.session, "total_bytes = shared_bytes AND own_copies = 0"), "t", "which is all there is")

    before = generation(watch.session)
    watch.session.query(add("made anew"))
    ok(until(lambda: generation(watch.session) > before), "the next one is made")
    ok(ranked(sessions[0], "made anew"), "and used by who asks")

    def held():
        return [sum(mapped(session.pid).values()) for session in sessions[1:]]
    ok(until(lambda: max(held()) < size / 10), "sessions that were idle meanwhile keep nothing of the former one in memory", held())
    same(memory(watch.session, "own_copies"), "0", "nobody had to read it alone")
    watch.session.query("DELETE FROM reco.track WHERE track_id = 'made anew'")
    for session in sessions:
        session.close()


def same_lists(cluster, watch):
    """From the shared copy and from one's own."""
    settled(watch.session)
    session = cluster.session()
    lists = [list_of(session, "", prompt, 50) for prompt in PROMPTS]
    shared = ranks(session)
    same(memory(session, "session_bytes"), "0", "lists from the shared copy")
    ok(all(len(rows) > 500 for rows in shared), "are worth a look", [len(rows) for rows in shared])

    watch.set("reco.matrix_memory", "0")
    ok(until(lambda: memory(watch.session) == "none"), "reco.matrix_memory = 0 takes it away")
    ok(ranks(session) == shared and [list_of(session, "", prompt, 50) for prompt in PROMPTS] == lists,
       "a copy of one's own gives the same, bit for bit")
    ok(int(memory(session, "session_bytes")) > 2 * LARGE, "and it was one")
    same(memory(watch.session, "own_copies || ' ' || (own_bytes > 4000000) || ' ' || (total_bytes = own_bytes)"),
         "1 true true", "the view counts it")
    ok(until(lambda: watch.segments() == 0), "no segment is left")
    same(watch.session.query("SELECT status, detail FROM reco_doctor() WHERE \"check\" = 'matrix'"),
         [["warning", "each session that scans the catalogue has a copy of its own: reco.matrix_memory is 0"]],
         "reco_doctor tells")
    watch.set("reco.matrix_memory", "'1MB'")
    ok(until(lambda: (memory(watch.session, "problem") or "").startswith("it needs ")), "1 MB is not enough, the view says so",
       memory(watch.session, "problem"))
    same(memory(watch.session), "none", "and none is offered")
    ok(until(lambda: "reco.matrix_memory allows 1024 kB" in cluster.log_text()), "the log says it, too")
    same(cluster.log_text().count("reco.matrix_memory allows 1024 kB"), 1, "once")
    watch.set("reco.matrix_memory", None)
    ok(settled(watch.session), "without a limit it is shared again")
    ok(ranks(session) == shared, "with the same lists")
    same(memory(session, "session_bytes"), "0", "and the own copy is gone")
    same(memory(watch.session, "own_copies || ' ' || own_bytes"), "0 0", "from the view, too")
    session.query("BEGIN")
    session.query(add("exit"))
    ranked(session, "exit")
    same(memory(watch.session, "own_copies"), "1", "a copy of one's own")
    session.close()
    ok(until(lambda: memory(watch.session, "own_copies || ' ' || own_bytes") == "0 0"), "ends with its session")


def changes(cluster, watch):
    """Who sees what of a change, and when."""
    settled(watch.session)
    first, second = cluster.session(), cluster.session()
    first.query("BEGIN")
    first.query(add("mine"))
    ok(ranked(first, "mine"), "a transaction sees what it has added")
    ok(not ranked(second, "mine"), "another one does not")
    same(memory(second, "session_bytes"), "0", "and reads the shared copy")
    first.query("ROLLBACK")
    ok(not ranked(first, "mine"), "after a rollback nobody does")
    same([memory(first, "session_bytes"), memory(first, "own_copies")], ["0", "0"], "and its own copy went with the transaction")

    old = cluster.session()
    old.query("BEGIN ISOLATION LEVEL REPEATABLE READ")
    old.query("SELECT count(*) FROM reco.track")
    before = generation(watch.session)
    first.query(add("new"))
    ok(until(lambda: ranked(second, "new")), "what another has committed is found soon")
    same(memory(second, "session_bytes"), "0", "in the shared copy")
    ok(generation(watch.session) > before, "which is a new one")
    ok(not ranked(old, "new"), "an older snapshot searches in it, too, and gives nothing that it does not see")
    same([row[1] for row in list_of(old, "", 'like "Zorkword"', 20) if row[1] == "new"], [], "nor does a list")
    old.query("COMMIT")
    old.close()

    # a keeper that does not come to it
    settled(watch.session)
    keeper = watch.keeper()
    stand_still(keeper)
    try:
        second.query("SET reco.result_cache = on")
        given = [row[1] for row in list_of(second, "", "calm", 20)]
        first.query("DELETE FROM reco.track WHERE track_id = ANY ('{" + ",".join(given) + "}')")
        after = [row[1] for row in list_of(second, "", "calm", 20)]
        ok(len(after) == 20 and not set(after) & set(given), "what is deleted is not given, though the shared copy has it", after)
        ok(not any(row[1] in given for row in second.query("SELECT * FROM reco_rank('', 'calm', 500)")), "nor ranked")
        best = max(list_of(second, "", "calm", 20), key=lambda row: row[2])[1]
        first.query("BEGIN")
        first.query(COPY.format(suffix="' clone ' || n") + f", generate_series(1, 30) AS n WHERE track_id = '{best}'")
        first.query("UPDATE reco.track SET artist_id = 'clones', artist = 'The Clones' WHERE track_id LIKE '% clone %'")
        ok(any(" clone " in row[1] for row in list_of(first, "", "calm", 20)), "tracks come that belong into the list")
        first.query("COMMIT")
        stale = [row[1] for row in list_of(second, "", "calm", 20)]
        ok(not any(" clone " in track for track in stale), "what is new is not found before the shared copy has it")
        same(memory(second, "session_bytes"), "0", "nobody reads it alone meanwhile")
        found = cluster.session()
        found.query("SET reco.result_cache = on")
        ok(len(list_of(found, "", "calm", 20)) == 20, "others get a list, too")
    finally:
        os.kill(keeper, signal.SIGCONT)
    ok(until(lambda: any(" clone " in row[1] for row in list_of(second, "", "calm", 20))),
       "the same question finds it when the keeper is back: no list from the old copy was kept for long")
    ok(any(" clone " in row[1] for row in list_of(found, "", "calm", 20)), "by whoever asks")
    first.query("DELETE FROM reco.track WHERE track_id LIKE '% clone %' OR track_id = 'new'")
    for session in (first, second, found):
        session.close()


def at_once(cluster, watch):
    """Readers, while there are imports all the time."""
    settled(watch.session)
    stop, faults, counts = threading.Event(), [], {}

    def turn(session, kind, number):
        if kind == "reader":
            given = list_of(session, "", random.choice(PROMPTS), 20)
            if len(given) != 20:
                raise RuntimeError(f"{len(given)} tracks")
        elif kind == "importer":
            session.query(COPY.format(suffix=f"' imp {number} {counts[kind]} ' || n") + ", generate_series(1, 50) AS n"
                          " WHERE track_id = (SELECT min(track_id) FROM reco.track)")
        else:
            session.query("DELETE FROM reco.track WHERE track_id LIKE '% imp %' AND random() < 0.5")

    def work(kind, number):
        try:
            session = cluster.session()
            while not stop.is_set():
                counts[kind] = counts.get(kind, 0) + 1
                turn(session, kind, number)
            session.close()
        except Exception as error:          # pylint: disable=broad-except
            faults.append(f"{kind}: {type(error).__name__} {error}")

    start = generation(watch.session)
    kinds = ["reader", "reader", "reader", "importer", "importer", "deleter"]
    threads = [threading.Thread(target=work, args=(kind, n)) for n, kind in enumerate(kinds)]
    for thread in threads:
        thread.start()
    came = until(lambda: faults or generation(watch.session) >= start + 3, 120)
    copies = memory(watch.session, "own_copies")
    stop.set()
    for thread in threads:
        thread.join(120)
    ok(came and not faults, f"readers go on while it is made anew under imports ({counts})", *faults[:5])
    ok(int(copies) <= 2, "and none of them has a copy of its own", copies)
    ok(all(counts.get(kind, 0) > 0 for kind in kinds), "everybody had a turn")
    ok(settled(watch.session), "in the end it is what the catalogue is")


def keepers(cluster, watch):
    """What happens to the keeper happens to nobody else."""
    session = cluster.session()
    before = list_of(session, "", "calm", 20)
    old = 0

    def reading():
        """Makes the keeper read the catalogue; whether it was seen to."""
        nonlocal old
        old = generation(session)
        watch.session.query("UPDATE reco.track SET album = coalesce(album, '') || 'x'"
                            " WHERE track_id = (SELECT min(track_id) FROM reco.track)")
        return until(lambda: memory(watch.session) == "refreshing", 3)
    caught = until(reading)
    pid = watch.keeper()
    os.kill(pid, signal.SIGTERM)
    ok(caught and until(lambda: watch.keeper() not in (pid, None)), "a keeper is terminated while it reads the catalogue")
    same(list_of(session, "", "calm", 20), before, "the former copy goes on")
    ok(until(lambda: generation(watch.session) > old, 120) and settled(watch.session), "and the next keeper makes the next one")
    same(list_of(session, "", "calm", 20), before, "which holds the same")
    ok(until(lambda: watch.segments() == 1), "one segment is there")

    watch.set("reco.keeper", "off")
    ok(until(lambda: watch.keeper() is None), "reco.keeper = off")
    same(list_of(session, "", "calm", 20), before, "each has its own then, and it is the same")
    ok(int(memory(session, "session_bytes")) > 0, "in memory of its own")
    ok(until(lambda: watch.segments() == 0), "no segment is left")
    watch.set("reco.keeper", None)
    ok(settled(watch.session), "on again, it is shared")

    ends = cluster.log_text().count(ENDS)
    os.kill(watch.keeper(), signal.SIGKILL)
    until(lambda: cluster.log_text().count(ENDS) > ends)

    def again():
        try:
            watch.session = cluster.session()
            return settled(watch.session, 10)
        except Exception:                   # pylint: disable=broad-except
            return False
    ok(until(again, 120), "after a crash it is made anew")
    same(watch.segments(), 1, "and nothing of before is left")


def no_room(cluster, watch):
    """No segment can be made."""
    session = cluster.session()
    before = list_of(session, "", "calm", 20)
    where = cluster.data + "/pg_dynshmem"
    former = [name for name in os.listdir(where) if os.stat(f"{where}/{name}").st_size > LARGE]
    os.chmod(where, 0o500)
    try:
        watch.session.query("UPDATE reco.track SET album = 'no room' WHERE track_id = (SELECT min(track_id) FROM reco.track)")
        ok(until(lambda: "could not open shared memory segment" in (memory(watch.session, "problem") or "")),
           "the view says that no segment can be made", watch.session.query("SELECT * FROM reco_stat_memory"))
        same(memory(watch.session), "none", "there is none then, not the former one for ever")
        same(watch.session.value("SELECT status FROM reco_doctor() WHERE \"check\" = 'matrix'"), "warning", "reco_doctor warns")
        same(list_of(session, "", "calm", 20), before, "sessions read it alone")
        ok(int(memory(session, "session_bytes")) > 2 * LARGE, "each for itself")
        began = time.monotonic()
        until(lambda: time.monotonic() - began > 12, 20)    # another attempt
        same(cluster.log_text().count("could not open shared memory segment"), 1, "the log has it once")
    finally:
        os.chmod(where, 0o700)
    for name in former:
        os.unlink(f"{where}/{name}")        # which nobody could meanwhile
    ok(settled(watch.session), "when it can be made, it is")
    ok(until(lambda: "reco keeper reads the catalogue again" in cluster.log_text()), "and the log tells")
    same([list_of(session, "", "calm", 20), memory(session, "session_bytes")], [before, "0"], "and is used by all")
    session.close()


def goes(cluster, watch):
    """DROP EXTENSION, DROP DATABASE."""
    watch.session.query("CREATE TABLE kept AS SELECT * FROM reco.track ORDER BY track_id LIMIT 30000")
    reader = cluster.session()
    list_of(reader, "", "calm", 20)
    watch.session.query("DROP EXTENSION reco CASCADE")
    same(reader.error("SELECT * FROM reco_generate('', 'calm')"), "42883", "DROP EXTENSION")
    ok(until(lambda: sum(mapped(reader.pid).values()) < LARGE / 4),
       "the memory of the shared copy goes with it, though an idle session has it mapped", mapped(reader.pid))
    reader.close()
    ok(until(lambda: watch.segments() == 0), "no segment is left")
    watch.session.query("CREATE EXTENSION reco CASCADE")
    watch.session.query("INSERT INTO reco.track SELECT * FROM kept")
    ok(settled(watch.session), "CREATE EXTENSION again: there is one of what is there now")
    ok(len(list_of(watch.session, "", "calm", 20)) == 20, "which gives lists")
    same(watch.segments(), 1, "and is one segment")

    watch.session.close()
    admin, look = cluster.session("template1"), cluster.session("few")

    def copying():
        """Copies the database; whether the copy's keeper was seen to read the catalogue."""
        admin.error("DROP DATABASE IF EXISTS other")
        return (admin.error("CREATE DATABASE other TEMPLATE postgres") is None
                and until(lambda: memory(look, "state", "other") in ("building", "shared"))
                and memory(look, "state", "other") == "building")
    ok(until(copying, 120), "the database is copied, and its catalogue is read")
    began = time.monotonic()
    admin.query("DROP DATABASE other")
    took = time.monotonic() - began
    ok(took < SOON, "DROP DATABASE while its catalogue is read", took)
    look.close()
    watch.session = cluster.session()
    settled(watch.session)
    ok(until(lambda: watch.segments() == 1), "leaves nothing")
    ok(until(lambda: watch.session.value("SELECT count(*) FROM reco_stat_memory WHERE database IS NULL") == "0"), "in the view neither")

    admin.query("CREATE DATABASE mourned TEMPLATE template1")
    mourned = cluster.session("mourned")
    mourned.query("CREATE EXTENSION reco CASCADE")
    mourned.query(add("alone"))
    ok(until(lambda: memory(watch.session, "tracks", "mourned") == "1"), "another database has its own")
    mourned.close()
    os.kill(watch.keeper("mourned"), signal.SIGTERM)
    admin.query("DROP DATABASE mourned")
    ok(until(lambda: watch.session.value("SELECT count(*) FROM reco_stat_memory") == "2"),
       "which goes with it, whoever its keeper was")
    admin.close()


def alone():
    """Where the library is not preloaded."""
    with Cluster(preload="") as cluster:
        session = cluster.session()
        session.query("CREATE EXTENSION reco CASCADE")
        session.query("SELECT reco_demo_catalogue(500)")
        ok(len(list_of(session, "", "calm", 20)) == 20, "without preloading there are lists")
        same(session.query("SELECT database, state, shared_bytes, own_copies, session_bytes > 0, total_bytes = session_bytes"
                           " FROM reco_stat_memory"), [["postgres", "none", "0", "1", "t", "t"]], "from the session's own copy")
        session.query(add("seen"))
        ok(ranked(session, "seen"), "in which the next call finds what is new")
        session.close()


def main():
    with Cluster("dynamic_shared_memory_type = mmap", "reco.keeper_interval = 100ms", "log_min_messages = info") as cluster:
        watch = Watch(cluster)
        watch.session.query("CREATE EXTENSION reco CASCADE")
        watch.session.query("SELECT reco_demo_catalogue(8000)")
        watch.session.query(COPY.format(suffix="' ' || n") + ", generate_series(1, 4) AS n")
        watch.session.query("ANALYZE")
        ok(settled(watch.session), "the keeper makes it", watch.session.query("SELECT * FROM reco_stat_memory"))
        watch.session.query("CREATE DATABASE few")
        few = cluster.session("few")
        few.query("CREATE EXTENSION reco CASCADE")
        few.query("SELECT reco_demo_catalogue(200)")
        ok(settled(few), "of each database its own")
        few.close()
        watch.session.close()
        watch.session = cluster.session()
        one_copy(cluster, watch)
        same_lists(cluster, watch)
        changes(cluster, watch)
        at_once(cluster, watch)
        keepers(cluster, watch)
        no_room(cluster, watch)
        goes(cluster, watch)
        same([line for line in cluster.log_text().splitlines() if "PANIC" in line or "TRAP" in line], [], "no panic")
    alone()
    done()


main()
