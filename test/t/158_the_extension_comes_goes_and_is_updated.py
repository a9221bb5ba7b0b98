#!/usr/bin/env python3
"""Claim: the extension can be made, dropped and updated whenever one likes; nothing of it is left behind, or lost.

Made and dropped fifty times, now and then in a transaction that is rolled back, with values
on their way to its tables: no process, slot, lane, file or value stays. A database whose
keeper has much to write can be copied, renamed, moved and dropped. Where library and SQL
objects are of two versions, both ways round, calls and keeper refuse and say what to do;
after that all is there.
"""
import os
import shutil
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
import cluster as clusters  # noqa: E402
from cluster import Cluster, connect_services, known_tracks, nothing_left, owner, resolve  # noqa: E402
from driver import build  # noqa: E402
from emulator import Emulator  # noqa: E402
from reco_tap import Lost, SqlError, call, done, literal, ok, same, until  # noqa: E402

TIMES = 50
FEATURES = 7  # a category as a number
LONG = 3600 * 1000  # ms
KEEPERS = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'reco keeper' AND datname = {}"
SETTINGS = ("reco.keeper_interval = '50ms'", "reco.result_cache = on", "reco.cache = on", "max_worker_processes = 12",
            "dynamic_shared_memory_type = mmap")


class Driver:
    """Puts values on their way, and counts those that are there."""

    def __init__(self, session, library):
        self.session = session
        session.query("CREATE FUNCTION driver_buffer_flood(oid, oid, int, text, int, int, int, bool, bigint) RETURNS bigint"
                      f" AS {literal(library)} LANGUAGE C")
        session.query(f"CREATE FUNCTION driver_buffer_figures(oid, int) RETURNS bigint[] AS {literal(library)} LANGUAGE C")

    def flood(self, database, extension, count):
        self.session.query(f"SELECT driver_buffer_flood({database}, {extension}, {FEATURES}, 'k', 1, {count}, 300, false, {LONG})")

    def entries(self, database):
        return int(self.session.value(f"SELECT (driver_buffer_figures({database}, -1))[1]"))


def oid_of(session, name):
    return session.value(f"SELECT oid FROM pg_database WHERE datname = {literal(name)}")


def extension_of(session):
    return session.value("SELECT oid FROM pg_extension WHERE extname = 'reco'")


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def has_keeper(session, name, count=1):
    return until(lambda: session.value(KEEPERS.format(literal(name))) == str(count))


def fifty_times(cluster, emulator, admin, driver):
    admin.query("CREATE DATABASE often")
    session = cluster.session("often")
    session.query("CREATE EXTENSION pg_trgm; CREATE EXTENSION unaccent")
    here = oid_of(admin, "often")
    track = known_tracks(emulator, 1)
    answered, before = 0, None
    for turn in range(TIMES):
        if turn % 5 == 4:
            session.query("BEGIN; CREATE EXTENSION reco")
            session.query("ROLLBACK")
        session.query("CREATE EXTENSION reco")
        if turn % 10 == 0:
            connect_services(session, emulator)
            answered += session.value(resolve("track_features", track, "30 s", columns="outcome")) == "fresh"
            has_keeper(admin, "often")
        if turn % 3 == 0:
            driver.flood(here, extension_of(session), 3000)
        if turn % 5 == 2:
            session.query("BEGIN; DROP EXTENSION reco CASCADE")
            session.query("ROLLBACK")
        session.query("DROP EXTENSION reco CASCADE")
        if turn == 10:
            has_keeper(admin, "often", 0)
            before = settled(cluster, admin)
    same(answered, TIMES // 10, "services answered in between")
    ok(has_keeper(admin, "often", 0), f"after {TIMES} times no keeper is there")
    ok(until(lambda: driver.entries(here) == 0), "nor a value of the buffer", driver.entries(here))
    same(nothing_left(admin), None, "no slot and no memory is taken")
    ok(until(lambda: state(cluster, admin) == before), "processes, lanes, files, shared memory and descriptors are as after ten times",
       state(cluster, admin), before)
    session.query("CREATE EXTENSION reco")
    ok(has_keeper(admin, "often"), "and once more: one keeper")
    session.close()
    admin.query("DROP DATABASE often")


def settled(cluster, admin):
    """What is there when those who were told to go have gone, and nothing changes for a while."""
    states = [None, state(cluster, admin)]

    def same_again():
        time.sleep(1)
        states.append(state(cluster, admin))
        return states[-1] == states[-2] and "often" not in states[-1]["shown"]
    until(same_again)
    return states[-1]


def state(cluster, admin):
    """What could be left behind."""
    gateway = cluster.gateway()
    return {
        "keepers": sorted(row[0] for row in admin.query("SELECT datname FROM pg_stat_activity WHERE backend_type = 'reco keeper'")),
        "shown": sorted(row[0] for row in admin.query("SELECT coalesce(database, worker) FROM reco_stat_worker")),
        "lanes": admin.query("SELECT kind, base_url FROM reco_stat_upstream ORDER BY 1, 2"),
        "files": sorted(os.listdir(cluster.data + "/pg_dynshmem")),
        "memory": admin.value("SELECT count(*) FROM pg_shmem_allocations"),
        "descriptors": descriptors(gateway) if gateway else None}


def busy(cluster, admin, driver):
    """A keeper with more to write and to evict than it can at once."""
    place = tempfile.mkdtemp(prefix="reco-space.", dir=cluster.dir)
    if owner():
        os.chown(place, owner().pw_uid, owner().pw_gid)
    admin.query(f"CREATE TABLESPACE elsewhere LOCATION '{place}'")
    admin.query("CREATE DATABASE busy")
    name = "busy"
    for command in ("CREATE DATABASE copied TEMPLATE busy", "ALTER DATABASE busy RENAME TO busier",
                    "ALTER DATABASE busier SET TABLESPACE elsewhere", "DROP DATABASE copied", "DROP DATABASE busier"):
        if name == "busy" and "RENAME" not in command:
            session = cluster.session(name)
            session.query("CREATE EXTENSION reco CASCADE; UPDATE reco.cache_policy SET max_entries = 500")
            extension = extension_of(session)
            session.close()
        target = "copied" if command.startswith("DROP DATABASE copied") else name
        database = oid_of(admin, target)
        has_keeper(admin, target)
        driver.flood(database, extension, 20000)
        waiting = driver.entries(database)
        try:
            admin.query(command)
            failed = None
        except SqlError as error:
            failed = error
        same(failed, None, f"{command} works while the keeper has much to do")
        ok(waiting > 1000, "which it had", waiting)
        if command.startswith("DROP"):
            ok(until(lambda: driver.entries(database) == 0), "and nothing is kept for a database that is gone")
            continue
        if "RENAME" in command:
            name = "busier"
        ok(has_keeper(admin, name), "and the keeper goes on")
        if "copied" in command:
            ok(has_keeper(admin, "copied"), "and the copy has one")


def refused(session, sql, hint):
    """Whether a call says that versions differ, and what to do."""
    wrong = session.error(sql)
    told = until(lambda: any(hint in line for line in session.errors[-6:]), 10)
    return ok(wrong == "55000" and told, f"refused, with a hint: {sql[:40]}", wrong, session.errors[-6:])


def busy_share(pid, seconds=2):
    """Which share of a time a process runs."""
    def ticks():
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return sum(int(field) for field in file.read().rsplit(")", 1)[1].split()[11:13])
    before = ticks()
    time.sleep(seconds)
    return (ticks() - before) / os.sysconf("SC_CLK_TCK") / seconds


def two_versions(cluster, admin, bindir):
    """SQL objects that are older than the library, and then newer."""
    share = bindir[:-len("/bin")].replace("/lib/postgresql/", "/share/postgresql/") + "/extension"
    library = bindir[:-len("/bin")] + "/lib/reco.so"
    old_call = "CREATE FUNCTION public.only_in_{}() RETURNS int LANGUAGE sql RETURN 1;\n"
    for name, text in (("1.0--0.9", old_call.format("before")), ("0.9--1.0", old_call.format("old")), ("1.0--1.1", old_call.format("new"))):
        with open(f"{share}/reco--{name}.sql", "w", encoding="utf-8") as file:
            file.write(text)
    keeper = "SELECT state FROM reco_stat_worker WHERE worker = 'keeper' AND database = 'versions'"
    admin.query("CREATE DATABASE versions")
    session = cluster.session("versions")
    session.query("\\set VERBOSITY default")
    session.query("CREATE EXTENSION reco CASCADE")
    session.query("ALTER EXTENSION reco UPDATE TO '0.9'")
    question = "SELECT track_id FROM " + call("ana", "rainy sunday, calm", 10, function="reco_generate")
    for sql in (question, "SELECT * FROM reco_cache_stats", "SELECT reco_cache_invalidate()", "SELECT * FROM reco_stat_gateway",
                "SELECT reco_demo_catalogue(100)"):
        refused(session, sql, "Run ALTER EXTENSION reco UPDATE.")
    ok(until(lambda: "another version" in (admin.value(keeper) or "")), "the keeper waits, too", admin.value(keeper))
    session.query("ALTER EXTENSION reco UPDATE TO '1.0'")
    session.query("SELECT reco_demo_catalogue(1000)")
    tracks = session.query(question)
    same(len(tracks), 10, "after ALTER EXTENSION UPDATE it answers")
    ok(until(lambda: admin.value(keeper) == "running"), "and the keeper works", admin.value(keeper))

    # the old library is loaded, in sessions that have lists at hand, and in the keeper
    other = cluster.session("versions")
    same([other.query(question), session.query(question)], [tracks, tracks], "lists are kept")
    session.query("INSERT INTO reco.feedback (user_id, track_id, event) VALUES ('eve', 'x', 'like')")
    ok(until(lambda: session.value("SELECT count(*) > 0 FROM reco.cache WHERE category = 'result'") == "t"), "and written")
    other.query("\\set VERBOSITY default")
    session.query("ALTER EXTENSION reco UPDATE TO '1.1'")
    for who in (session, other, cluster.session("versions")):
        who.query("\\set VERBOSITY default")
        refused(who, question, "Restart the server")
        refused(who, "SELECT * FROM reco_stat_gateway", "Restart the server")
    ok(until(lambda: "another version" in (admin.value(keeper) or "")), "the keeper waits", admin.value(keeper))
    same(cluster.log_text().count("PANIC"), 0, "and nothing broke")
    # a keeper that begins so
    cluster.stop()
    cluster.start()
    session = cluster.session("postgres")
    at_rest = keeper.replace("SELECT state", "SELECT pid")
    ok(until(lambda: session.value("SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'reco')") == "t"
             and "another version" in (session.value(keeper) or "")), "a keeper that is started then waits, too")
    busy = busy_share(int(session.value(at_rest)))
    ok(busy < 0.2, "and does nothing meanwhile", busy)
    # what a newer library is, as far as this goes: one that says so
    cluster.stop()
    with open(library, "rb") as file:
        code = file.read()
    same(code.count(b"\x001.0\x00"), 1, "the library has its version in one place")
    with open(library, "wb") as file:
        file.write(code.replace(b"\x001.0\x00", b"\x001.1\x00"))
    cluster.start()
    session = cluster.session("versions")
    rows = session.query("SELECT track_id, origin FROM " + call("ana", "rainy sunday, calm", 10, function="reco_generate"))
    same([[row[0]] for row in rows], tracks, "after the restart with the new library the list is the same")
    same({row[1] for row in rows}, {"cached"}, "from what was kept")
    same(session.value("SELECT count(*) FROM reco.feedback WHERE user_id = 'eve'"), "1", "and nothing is lost")
    ok(until(lambda: session.value(keeper) == "running"), "the keeper works again", session.value(keeper))


def main():
    directory = tempfile.mkdtemp(prefix="reco-driver.")
    os.chmod(directory, 0o755)
    try:
        library, wrong = build(directory)
        if not ok(library is not None, "the driver compiles", wrong):
            done()
        with Emulator("--latency", "none", "--preset", "extended") as emulator, Cluster(*SETTINGS) as cluster:
            admin = cluster.session()
            admin.query("CREATE EXTENSION reco CASCADE")
            driver = Driver(admin, library)
            fifty_times(cluster, emulator, admin, driver)
            busy(cluster, admin, driver)
            failed = [line for line in cluster.log_text().splitlines() if "PANIC" in line or "TRAP" in line]
            same(failed, [], "nothing broke")
        # a server of our own, since files are put beside its programs
        bindir = os.environ["RECO_BINDIR"]
        root = bindir[:bindir.rindex("/usr/")] if "/usr/" in bindir else None
        if ok(root is not None, "the server's copy can be copied", bindir):
            shutil.copytree(root, directory + "/root", symlinks=True)
            clusters.BINDIR = directory + "/root" + bindir[len(root):]
            with Cluster(*SETTINGS) as cluster:
                admin = cluster.session()
                admin.query("CREATE EXTENSION reco CASCADE")
                two_versions(cluster, admin, clusters.BINDIR)
    except Lost as lost:
        ok(False, "the server lives", lost)
    finally:
        shutil.rmtree(directory)
    done()


main()
