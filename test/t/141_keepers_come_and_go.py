#!/usr/bin/env python3
"""Claim: each database with the extension has one keeper, whatever happens, and it is in nobody's way.

It comes at the commit of CREATE EXTENSION and goes at that of DROP EXTENSION, without a
restart or a reload; it lets go of its database where a command needs that alone, and
returns if the command fails; it comes back after a signal, a crash, an error.
"""
import os
import signal
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from cluster import Cluster, alive, owner  # noqa: E402
from reco_tap import Lost, SqlError, done, ok, same, until  # noqa: E402

SOON = 4.5      # seconds; a command that had to wait for a keeper takes 5 and fails

ENDS = "terminating any other active server processes"      # the log: from here on nobody is served who was before


class Watch:
    """Who runs, as pg_stat_activity has it."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.session = cluster.session()

    def keepers(self):
        """{database: [pid]} of processes that have connected."""
        found = {}
        for name, pid in self.session.query("SELECT datname, pid FROM pg_stat_activity WHERE backend_type = 'reco keeper'"
                                            " AND application_name = 'reco keeper' ORDER BY 1, 2"):
            found.setdefault(name, []).append(int(pid))
        return found

    def keeper(self, database):
        return self.keepers().get(database, [None])[0]

    def launcher(self):
        value = self.session.value("SELECT pid FROM pg_stat_activity WHERE backend_type = 'reco launcher'")
        return int(value) if value else None

    def have(self, *databases, seconds=30):
        """Waits until exactly these have one keeper each, all of them seen in the view."""
        def now():
            shown = sorted(row[0] for row in self.session.query(
                "SELECT database FROM reco_stat_worker WHERE worker = 'keeper' AND pid IS NOT NULL"))
            found = self.keepers()
            return (sorted(found) == sorted(databases) == shown and all(len(pids) == 1 for pids in found.values())
                    and not self.probing())
        return until(now, seconds)

    def probing(self):
        """Whether a process of a keeper runs that is in no view (yet)."""
        return sum("reco keeper" in title for title in self.cluster.children().values()) != len(
            [pid for pids in self.keepers().values() for pid in pids])


def took(action):
    began = time.monotonic()
    action()
    return time.monotonic() - began


def at_once(session, command, name):
    """Runs a command that needs a database alone."""
    try:
        seconds = took(lambda: session.query(command))
    except SqlError as error:
        return ok(False, name, error)
    return ok(seconds < SOON, name, f"{seconds:.2f} s")


def came_back(cluster):
    try:
        return cluster.session().value("SELECT 1") == "1"
    except (Lost, SqlError):
        return False


def make(cluster, *databases):
    admin = cluster.session()
    for name in databases:
        admin.query(f"CREATE DATABASE {name}")
        session = cluster.session(name)
        session.query("CREATE EXTENSION reco CASCADE")
        session.close()
    admin.close()


def extension(cluster, watch):
    """CREATE and DROP EXTENSION, at commit and not before."""
    session = cluster.session("plain")
    session.query("CREATE EXTENSION pg_trgm")
    session.query("CREATE EXTENSION unaccent")
    session.query("BEGIN")
    session.query("CREATE EXTENSION reco")
    session.query("ROLLBACK")
    ok(watch.have("postgres"), "CREATE EXTENSION that is rolled back brings none")
    session.query("BEGIN")
    session.query("CREATE EXTENSION reco")
    same(watch.keepers().get("plain"), None, "nor one that is not committed yet")
    session.query("COMMIT")
    ok(watch.have("postgres", "plain"), "it comes when that is committed")
    first = watch.keeper("plain")
    session.query("BEGIN")
    session.query("DROP EXTENSION reco")
    session.query("ROLLBACK")
    ok(watch.have("postgres", "plain"), "DROP EXTENSION that is rolled back leaves it")
    same(watch.keeper("plain"), first, "the very same")
    seconds = took(lambda: session.query("DROP EXTENSION reco"))
    ok(seconds < SOON, "DROP EXTENSION does not wait for it", f"{seconds:.2f} s")
    ok(watch.have("postgres"), "it goes at DROP EXTENSION")
    session.query("CREATE EXTENSION reco")
    ok(watch.have("postgres", "plain"), "it comes at CREATE EXTENSION after that")
    session.query("BEGIN")
    session.query("DROP EXTENSION reco")
    session.query("CREATE EXTENSION reco")
    session.query("COMMIT")
    ok(watch.have("postgres", "plain"), "it is there after both in one transaction")

    for _ in range(50):
        session.query("DROP EXTENSION reco")
        session.query("CREATE EXTENSION reco")
    ok(watch.have("postgres", "plain"), "50 times later there is exactly one")
    for _ in range(25):
        session.query("DROP EXTENSION reco")
        session.query("CREATE EXTENSION reco")
    session.query("DROP EXTENSION reco")
    ok(watch.have("postgres"), "and none where the last one was a DROP")

    session.query("BEGIN")
    session.query("CREATE EXTENSION reco")
    session.query("PREPARE TRANSACTION 'later'")
    ok(watch.have("postgres"), "CREATE EXTENSION that is prepared brings none")
    session.query("COMMIT PREPARED 'later'")
    ok(watch.have("postgres", "plain"), "it comes at COMMIT PREPARED")
    session.query("DROP EXTENSION reco")
    watch.have("postgres")
    session.close()


def letting_go(cluster, watch):
    """Commands that need a database alone."""
    admin = watch.session
    make(cluster, "one")
    ok(watch.have("postgres", "one"), "a database has its keeper")
    at_once(admin, "CREATE DATABASE copy TEMPLATE one", "CREATE DATABASE ... TEMPLATE works at once")
    ok(watch.have("postgres", "one", "copy"), "the template's keeper returns, and the copy has one")
    at_once(admin, "ALTER DATABASE copy RENAME TO renamed", "RENAME works at once")
    ok(watch.have("postgres", "one", "renamed"), "with a keeper after it")
    admin.query("BEGIN")
    at_once(admin, "ALTER DATABASE renamed RENAME TO again", "also in a transaction")
    admin.query("ROLLBACK")
    ok(watch.have("postgres", "one", "renamed"), "which is rolled back: the keeper returns")

    place = tempfile.mkdtemp(prefix="reco-space.", dir=cluster.dir)
    if owner():
        os.chown(place, owner().pw_uid, owner().pw_gid)
    admin.query(f"CREATE TABLESPACE elsewhere LOCATION '{place}'")
    at_once(admin, "ALTER DATABASE renamed SET TABLESPACE elsewhere", "SET TABLESPACE works at once")
    ok(watch.have("postgres", "one", "renamed"), "with a keeper after it")
    at_once(admin, "ALTER DATABASE renamed SET TABLESPACE pg_default", "and back")
    ok(watch.have("postgres", "one", "renamed"), "with a keeper after it")

    other = cluster.session("one")
    same(admin.error("DROP DATABASE one"), "55006", "DROP DATABASE fails while somebody is connected")
    ok(watch.have("postgres", "one", "renamed"), "and the keeper returns")
    admin.query("CREATE ROLE nobody LOGIN")
    stranger = cluster.session("postgres", "nobody")
    before = watch.keeper("one")
    same(stranger.error("DROP DATABASE one"), "42501", "who may not drop a database")
    same(stranger.error("CREATE DATABASE mine TEMPLATE one"), "42501", "or copy it")
    same(watch.keeper("one"), before, "sends no keeper away")
    stranger.close()
    at_once(admin, "DROP DATABASE one WITH (FORCE)", "DROP DATABASE WITH (FORCE) works at once")
    ok(watch.have("postgres", "renamed"), "and its keeper is gone for good")
    try:
        other.close()
    except Lost:
        pass

    for number in range(8):
        at_once(admin, f"CREATE DATABASE quick{number} TEMPLATE renamed", "created")
        at_once(admin, f"DROP DATABASE quick{number}", "dropped right after that, while a keeper may be starting")
    sessions = [cluster.session() for _ in range(4)]
    for number, session in enumerate(sessions):
        session.send(f"CREATE DATABASE same{number} TEMPLATE renamed")
    failed = 0
    for session in sessions:
        try:
            session.wait(60)
        except SqlError:
            failed += 1
    same(failed, 0, "four copies at the same time")
    ok(watch.have("postgres", "renamed", *(f"same{number}" for number in range(4))), "all have a keeper")
    for number, session in enumerate(sessions):
        session.query(f"DROP DATABASE same{number}")
        session.close()
    admin.query("CREATE DATABASE shut TEMPLATE renamed ALLOW_CONNECTIONS false")
    ok(watch.have("postgres", "renamed"), "a database that takes no connections has none")
    admin.query("ALTER DATABASE shut ALLOW_CONNECTIONS true")
    ok(watch.have("postgres", "renamed", "shut"), "until it does")
    admin.query("DROP DATABASE shut")


def busy(cluster, watch):
    """A keeper in the middle of a statement that takes long."""
    admin = watch.session
    for command in ("ALTER DATABASE slow RENAME TO slower", "DROP DATABASE slower"):
        database = command.split()[2]
        if database == "slow":
            make(cluster, "slow")
            session = cluster.session("slow")
            session.query("CREATE FUNCTION public.dawdle() RETURNS trigger LANGUAGE plpgsql"
                          " AS 'BEGIN PERFORM pg_catalog.pg_sleep(60); RETURN NULL; END'")
            session.query("CREATE TRIGGER dawdle BEFORE DELETE ON reco.cache EXECUTE FUNCTION public.dawdle()")
            session.query("INSERT INTO reco.cache (category, key, value, fetched_at, fresh_until, usable_until)"
                          " VALUES ('search', 'old', '{}', now(), '2001-01-01', '2001-01-01')")
            session.close()
        if not until(lambda: admin.value("SELECT wait_event FROM pg_stat_activity WHERE backend_type = 'reco keeper'"
                                         f" AND datname = '{database}'") == "PgSleep", 20):
            ok(False, "the keeper is busy")
            return
        at_once(admin, command, f"{command.split()[0]} DATABASE works at once while the keeper is busy")
    watch.have("postgres", "renamed")
    same("canceling statement" in cluster.log_text(), False, "and the log says nothing of a statement that was cancelled")


def settings(cluster, watch):
    """What is set for a database or a role does not disturb it."""
    admin = watch.session
    for setting in ("default_transaction_read_only = on", "statement_timeout = '1ms'", "lock_timeout = '1ms'",
                    "search_path = 'nowhere'", "row_security = on", "default_transaction_isolation = 'serializable'",
                    "synchronous_commit = on", "idle_in_transaction_session_timeout = '1ms'"):
        admin.query(f"ALTER DATABASE renamed SET {setting}")
    pid = watch.keeper("renamed")
    os.kill(pid, signal.SIGTERM)
    ok(until(lambda: watch.keeper("renamed") not in (None, pid)), "a keeper starts in a database with odd settings")
    # our own sessions shall not be disturbed either
    os.environ["PGOPTIONS"] = "-c statement_timeout=0 -c lock_timeout=0 -c idle_in_transaction_session_timeout=0"
    session = cluster.session("renamed")
    session.query("BEGIN")
    session.query("SET LOCAL transaction_read_only = off")
    session.query("INSERT INTO reco.cache (category, key, value, fetched_at, fresh_until, usable_until)"
                  " VALUES ('search', 'old', '{}', now(), '2001-01-01', '2001-01-01')")
    session.query("COMMIT")
    ok(until(lambda: admin.value("SELECT count(*) FROM reco_stat_worker WHERE worker = 'keeper' AND state = 'running'"
                                 " AND database = 'renamed'") == "1"), "and works")
    session.close()
    session = cluster.session("renamed")
    ok(until(lambda: session.value("SELECT count(*) FROM reco.cache WHERE key = 'old'") == "0"), "indeed: it deleted a row")
    session.close()
    del os.environ["PGOPTIONS"]
    admin.query("ALTER DATABASE renamed RESET ALL")


def errors(cluster, watch):
    """An error is said once; the process lives and goes on."""
    admin = watch.session
    pid = watch.keeper("renamed")
    session = cluster.session("renamed")
    session.query("CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql"
                  " AS 'BEGIN RAISE EXCEPTION ''no space left, so to speak''; END'")
    session.query("CREATE TRIGGER refuse BEFORE DELETE ON reco.cache EXECUTE FUNCTION public.refuse()")
    session.query("INSERT INTO reco.cache (category, key, value, fetched_at, fresh_until, usable_until)"
                  " VALUES ('search', 'old', '{}', now(), '2001-01-01', '2001-01-01')")
    ok(until(lambda: "so to speak" in (admin.value(
        "SELECT last_error FROM reco_stat_worker WHERE worker = 'keeper' AND database = 'renamed'") or "")),
       "the view tells the error")
    began = time.monotonic()
    until(lambda: time.monotonic() - began > 4, 10)     # two more rounds fail
    same(cluster.log_text().count("ERROR:  no space left, so to speak"), 1, "the log once")
    same(watch.keeper("renamed"), pid, "the process lives on")
    session.query("DROP TRIGGER refuse ON reco.cache")
    ok(until(lambda: session.value("SELECT count(*) FROM reco.cache WHERE key = 'old'") == "0", 30), "and goes on when it can")
    ok(until(lambda: "reco keeper works again" in cluster.log_text()), "which the log says, too")

    session.query("BEGIN")
    session.query("LOCK TABLE reco.cache IN ACCESS EXCLUSIVE MODE")
    began = time.monotonic()
    until(lambda: time.monotonic() - began > 2, 10)
    session.query("TRUNCATE reco.cache")
    session.query("COMMIT")
    session.query("VACUUM FULL reco.cache")
    same(watch.keeper("renamed"), pid, "a locked table, TRUNCATE and VACUUM FULL do not end it")
    admin.query(f"SELECT pg_cancel_backend({pid})")
    ok(until(lambda: admin.value("SELECT count(*) FROM reco_stat_worker WHERE worker = 'keeper' AND state = 'running'"
                                 " AND database = 'renamed'") == "1", 30), "it runs again")
    same(watch.keeper("renamed"), pid, "nor does pg_cancel_backend")

    session.query("UPDATE pg_extension SET extversion = '0.0' WHERE extname = 'reco'")
    ok(until(lambda: "reco keeper waits: the extension is not of version" in cluster.log_text()),
       "it waits where the extension has another version")
    began = time.monotonic()
    until(lambda: time.monotonic() - began > 2, 10)
    same(cluster.log_text().count("reco keeper waits"), 1, "and says so once")
    session.query("UPDATE pg_extension SET extversion = (SELECT default_version FROM pg_available_extensions"
                  " WHERE name = 'reco') WHERE extname = 'reco'")
    ok(until(lambda: admin.value("SELECT count(*) FROM reco_stat_worker WHERE worker = 'keeper' AND state = 'running'"
                                 " AND database = 'renamed'") == "1", 30), "until it has not")
    session.close()


def signals(cluster, watch):
    """What ends a process does not end it for good."""
    pid = watch.keeper("renamed")
    os.kill(pid, signal.SIGTERM)
    ok(until(lambda: watch.keeper("renamed") not in (None, pid)), "a keeper that was terminated comes back")
    ok(watch.have("postgres", "renamed"), "there is one")
    pids = watch.keepers()
    first = watch.launcher()
    os.kill(first, signal.SIGTERM)
    ok(until(lambda: watch.launcher() not in (None, first), 30), "the launcher comes back")
    ok(watch.have("postgres", "renamed"), "and starts nothing twice")
    same({name: watch.keepers().get(name) for name in pids}, pids, "keepers went on meanwhile")

    os.kill(watch.launcher(), signal.SIGTERM)
    until(lambda: watch.launcher() is None, 10)
    make(cluster, "meanwhile")
    ok(watch.have("postgres", "renamed", "meanwhile"), "what came while there was no launcher is found by the next")
    os.kill(watch.launcher(), signal.SIGTERM)
    until(lambda: watch.launcher() is None, 10)
    at_once(watch.session, "DROP DATABASE meanwhile", "DROP DATABASE needs no launcher")
    until(lambda: watch.launcher() is not None, 30)

    watch.session.query("ALTER SYSTEM SET reco.keeper = off")
    watch.session.query("SELECT pg_reload_conf()")
    ok(watch.have(), "reco.keeper = off ends them")
    watch.session.query("ALTER SYSTEM RESET reco.keeper")
    watch.session.query("SELECT pg_reload_conf()")
    ok(watch.have("postgres", "renamed"), "on again, they come")
    same(watch.session.value("SELECT setting || unit FROM pg_settings WHERE name = 'reco.keeper_interval'"), "100ms",
         "reco.keeper_interval has a unit")


def full(cluster):
    """No background worker is free."""
    watch = Watch(cluster)
    ok(until(lambda: "no background worker is free" in cluster.log_text()), "the log says that there is no free background worker")
    ok("Set max_worker_processes to at least" in cluster.log_text(), "and how many would do")
    ok(until(lambda: len(watch.keepers()) == 2), "those that fit run", watch.keepers())
    began = time.monotonic()
    until(lambda: time.monotonic() - began > 3, 10)
    same(cluster.log_text().count("no background worker is free"), 1, "it is said once")
    running = [name for name in watch.keepers() if name != "postgres"]
    watch.session.query(f"DROP DATABASE {running[0]}" if running else "SELECT 1")
    rest = sorted({"postgres", "two", "three", "four"} - set(running[:1]))
    ok(until(lambda: len(watch.keepers()) == 2 and set(watch.keepers()) <= set(rest), 60),
       "and the next one starts when there is room", watch.keepers())


def main():
    with Cluster("reco.keeper_interval = 100ms", "max_prepared_transactions = 2", "max_worker_processes = 12",
                 "log_min_messages = info") as cluster:
        watch = Watch(cluster)
        watch.session.query("CREATE EXTENSION reco CASCADE")
        ok(watch.have("postgres"), "a keeper comes by itself")
        ok(watch.launcher() is not None, "the launcher is in pg_stat_activity")
        watch.session.query("CREATE DATABASE plain")
        extension(cluster, watch)
        letting_go(cluster, watch)
        busy(cluster, watch)
        settings(cluster, watch)
        errors(cluster, watch)
        signals(cluster, watch)

        ends = cluster.log_text().count(ENDS)
        os.kill(watch.keeper("renamed"), signal.SIGKILL)
        ok(until(lambda: cluster.log_text().count(ENDS) > ends) and until(lambda: came_back(cluster)),
           "after SIGKILL of a keeper the server restarts")
        watch = Watch(cluster)
        ok(watch.have("postgres", "renamed"), "and all come back")

        pids = [pid for pids in watch.keepers().values() for pid in pids]
        seconds = cluster.stop("fast", 30)
        ok(seconds is not None and seconds < 10, "a fast shutdown is immediate", seconds)
        ok(not any(alive(pid) for pid in pids), "and leaves none behind")
        cluster.start()
        watch = Watch(cluster)
        ok(watch.have("postgres", "renamed"), "a server that starts finds both databases")
        same(cluster.log_text().count("PANIC"), 0, "no panic")

        for name in ("two", "three", "four"):
            watch.session.query(f"CREATE DATABASE {name} TEMPLATE renamed")
        watch.session.query("DROP DATABASE renamed")
        watch.have("postgres", "two", "three", "four")
        cluster.stop()
        log_size = len(cluster.log_text())
        cluster.configure("max_worker_processes = 4", "max_logical_replication_workers = 0", "max_parallel_workers = 0")
        with open(cluster.log, "r+", encoding="utf-8") as file:
            file.truncate(0)
        assert log_size > 0
        cluster.start()
        full(cluster)
    done()


main()
