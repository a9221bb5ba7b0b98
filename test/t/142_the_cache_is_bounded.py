#!/usr/bin/env python3
"""Claim: reco.cache stays within its policy, whatever is asked for.

With the real keeper: at no time does anybody see more rows or bytes than the policy
allows; expired rows go; those go first that were not used the longest; churn does not
make the table grow; TRUNCATE and VACUUM FULL are survived; a dump has an edited policy
and no row of the cache.
"""
import os
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from cluster import Cluster  # noqa: E402
from driver import build  # noqa: E402
from reco_tap import Lost, Session, done, literal, ok, same, until  # noqa: E402

SEARCH, TRACKS, ARTISTS, FEATURES = 0, 3, 4, 7  # categories as numbers
LONG = 3600 * 1000  # ms
FUNCTIONS = {
    "flood": ("oid, oid, int, text, int, int, int, bool, bigint", "bigint"),
    "found": ("oid, oid, int, text, int, int", "bigint"),
    "remove": ("oid, oid, int, text", "bigint")}
PUT = "oid, oid, int, text, text, bool, bigint, bigint"


class Cache:
    def __init__(self, session):
        self.session = session
        self.here = session.value("SELECT oid FROM pg_database WHERE datname = current_database()")
        self.extension = session.value("SELECT oid FROM pg_extension WHERE extname = 'reco'")

    def flood(self, category, prefix, first, last, size, written=False):
        """A statement that puts values into the buffer; how many went in."""
        return (f"SELECT driver_buffer_flood({self.here}, {self.extension}, {category}, {literal(prefix)},"
                f" {first}, {last}, {size}, {literal(written)}, {LONG})")

    def read(self, category, prefix, first, last):
        return int(self.session.value(f"SELECT driver_buffer_found({self.here}, {self.extension}, {category},"
                                      f" {literal(prefix)}, {first}, {last})"))

    def forget(self):
        """Empties the buffer alone."""
        self.session.query(f"SELECT driver_buffer_remove({self.here}, 0, -1, NULL)")

    def stats(self, category, columns):
        return [int(n) for n in self.session.query(
            f"SELECT {columns} FROM reco_cache_stats WHERE category = {literal(category)}")[0]]

    def written(self, seconds=120):
        return until(lambda: self.session.value("SELECT sum(unwritten) FROM reco_cache_stats") == "0", seconds)

    def rows(self, category):
        return [int(n) for n in self.session.query(
            f"SELECT count(*), coalesce(sum(size), 0) FROM reco.cache WHERE category = {literal(category)}")[0]]

    def policy(self, category, **values):
        settings = ", ".join(f"{name} = {literal(value)}" for name, value in values.items())
        self.session.query(f"UPDATE reco.cache_policy SET {settings} WHERE category = {literal(category)}")

    def insert(self, category, prefix, count, used="0", usable="1 hour"):
        """Rows that were used so long ago."""
        self.session.query(
            f"INSERT INTO reco.cache (category, key, value, fresh_until, usable_until, used_at) SELECT {literal(category)},"
            f" {literal(prefix)} || i, repeat('v', 100), now() + {literal(usable)}::interval, now() + {literal(usable)}::interval,"
            f" now() - {literal(used)}::interval FROM generate_series(1, {count}) AS i")


def flood(cache, other):
    """Distinct keys, far more than there is room for."""
    cache.policy("features", max_entries=1000)
    cache.policy("tracks", max_bytes=100000)
    for category, number, name, place, limit in (
            ("features", FEATURES, "rows", 0, 1000), ("tracks", TRACKS, "bytes", 1, 100000)):
        most, begun = 0, 0
        for step in range(20):
            other.send(cache.flood(number, "f", step * 2500, step * 2500 + 2499, 200))
            for _ in range(5):
                most = max(most, cache.rows(category)[place])
            begun += int(other.wait()[0][0])
        ok(begun > 40000, f"{category}: most of 50,000 values went in", begun)
        ok(cache.written(), f"{category}: all are written in the end")
        most = max(most, cache.rows(category)[place])
        ok(0.5 * limit < most <= limit, f"{category}: the policy's {name} were never exceeded", most, limit)
        stats = cache.stats(category, "entries, bytes, evicted, buffer_entries")
        same(stats[:2], cache.rows(category), f"{category}: the view counts what there is")
        same(stats[2] + stats[0] > 40000, True, f"{category}: and what went")
        cache.forget()
    # a smaller limit acts on what is there, also when nothing is written
    cache.policy("features", max_entries=10)
    ok(until(lambda: cache.rows("features")[0] <= 10, 30), "a smaller limit acts at once", cache.rows("features"))
    cache.policy("features", fresh="0", usable="0", max_entries=0)
    ok(until(lambda: cache.rows("features") == [0, 0], 30), "a limit of 0 empties a category")


def recency(cache, other):
    cache.insert("artists", "old", 300, "3 days")
    cache.insert("artists", "used", 300, "2 days")
    cache.insert("artists", "young", 300, "1 hour")
    # what is read in shared memory is seen to be in use
    cache.session.query(cache.flood(ARTISTS, "used", 1, 300, 100, written=True))
    same(cache.read(ARTISTS, "used", 1, 300), 300, "some rows are read in shared memory")
    ok(until(lambda: cache.session.value("SELECT count(*) FROM reco.cache WHERE key ~ '^used' AND hits = 1"
                                         " AND used_at > now() - interval '5 minutes'") == "300", 60),
       "which the table learns")
    cache.policy("artists", max_entries=600)
    ok(until(lambda: cache.rows("artists")[0] <= 600, 30), "too many rows go", cache.rows("artists"))
    same(cache.session.query("SELECT substring(key FROM '^[a-z]+'), count(*) FROM reco.cache WHERE category = 'artists'"
                             " GROUP BY 1 ORDER BY 1"), [["used", "300"], ["young", "270"]],
         "those go that were not used the longest, and a few more")


def expiry(cache, other):
    before = cache.stats("search", "expired")[0]
    cache.insert("search", "over", 12000, usable="-1 s")
    cache.insert("search", "kept", 10)
    ok(until(lambda: cache.rows("search")[0] == 10, 60), "expired rows go", cache.rows("search"))
    ok(until(lambda: cache.stats("search", "expired")[0] == before + 12000), "and are counted",
       cache.stats("search", "expired"))


def churn(cache, other):
    """The same keys again and again, with autovacuum as it is."""
    size = "SELECT pg_total_relation_size('reco.cache')"
    cache.session.query("SELECT reco_cache_invalidate()")
    cache.session.query("VACUUM FULL reco.cache")
    cache.policy("artists", max_entries=100000)
    vacuums = "SELECT autovacuum_count FROM pg_stat_user_tables WHERE relid = 'reco.cache'::regclass"
    first = 0
    for turn in range(12):
        since = int(cache.session.value(vacuums))
        cache.session.query(cache.flood(ARTISTS, "c", 1, 3000, 900))
        ok(cache.written(), f"turn {turn}: written") if turn == 0 else cache.written()
        first = first or int(cache.session.value(size))
        if turn > 0 and not until(lambda: int(cache.session.value(vacuums)) > since, 60):
            ok(False, f"turn {turn}: autovacuum comes, for what the keeper wrote")
            return
    now = int(cache.session.value(size))
    ok(now <= 3 * first, "the table does not grow with what is replaced in it", first, now)
    same(cache.rows("artists")[0], 3000, "it has a row for each key")


def upheaval(cache, other):
    """What a DBA may do while it works."""
    keeper = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'reco keeper' AND datname = current_database()"
    pid = cache.session.value(keeper)
    ok(pid is not None, "a keeper runs")
    for step in range(10):
        other.send(cache.flood(ARTISTS, "u", step * 1000, step * 1000 + 999, 300))
        cache.session.query("TRUNCATE reco.cache" if step % 2 else "VACUUM FULL reco.cache")
        other.wait()
    # a lock that is held for a while: nothing is lost, and nothing else waits
    other.query("BEGIN")
    other.query("LOCK TABLE reco.cache")
    cache.session.query(cache.flood(ARTISTS, "w", 1, 100, 300))
    ok(int(cache.session.value("SELECT unwritten FROM reco.stat_upheaval()")) >= 100, "what cannot be written waits")
    other.query("COMMIT")
    ok(cache.written(), "all is written in the end")
    same(cache.session.value("SELECT count(*) FROM reco.cache WHERE key ~ '^w'"), "100", "and is there")
    same(cache.session.value(keeper), pid, "by the same keeper")


def encodings(library, session):
    """What a database has no letters for is neither kept for another key nor in the way."""
    session.query("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    latin = Session("latin")
    latin.query("CREATE EXTENSION reco CASCADE")
    latin.query(f"CREATE FUNCTION driver_buffer_put({PUT}) RETURNS bool AS {literal(library)} LANGUAGE C")
    cache = Cache(latin)
    before = cache.stats("features", "dropped")[0]
    # bytes as they are in UTF-8: an umlaut, two Japanese letters, no UTF-8 at all
    for number, (key, value) in enumerate((("c3a4", "c3b6"), ("e697a5", "31"), ("e69cac", "32"), ("61ff", "33"), ("62", "ff"),
                                           ("63", "e697a5"))):
        key, value = (f"convert_from('\\x{part}'::bytea, 'LATIN1')" for part in (key, value))
        same(latin.value(f"SELECT driver_buffer_put({cache.here}, {cache.extension}, {FEATURES}, {key}, {value}, false, {LONG},"
                         " NULL)"), "t", f"latin: value {number} goes in")
    ok(cache.written(), "latin: nothing stays in the way")
    same(latin.query("SELECT convert_to(key, 'UTF8'), convert_to(value, 'UTF8') FROM reco.cache ORDER BY key"),
         [["\\x63", "\\x3f"], ["\\xc3a4", "\\xc3b6"]], "latin: what can be written is")
    ok(until(lambda: cache.stats("features", "dropped")[0] == before + 4), "latin: what cannot is counted",
       cache.stats("features", "dropped"), before)
    latin.close()


def dumps(cache, other):
    cache.policy("search", fresh="20 minutes", jitter=0.25)
    cache.insert("search", "dumped", 5)
    policy = "SELECT * FROM reco.cache_policy ORDER BY category"
    for form in ("p", "c"):
        target = "restored_" + form
        cache.session.query(f"CREATE DATABASE {target} TEMPLATE template0")
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "dump")
            dump = subprocess.run(["pg_dump", "-F", form, "-f", path], capture_output=True, text=True)
            command = ["psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-d", target, "-f", path] if form == "p" else \
                ["pg_restore", "--exit-on-error", "-d", target, path]
            restore = subprocess.run(command, capture_output=True, text=True)
        same([dump.returncode, restore.returncode, dump.stderr + restore.stderr], [0, 0, ""], f"{form}: dump and restore")
        restored = Session(target)
        same(restored.query(policy), cache.session.query(policy), f"{form}: the policy is as it was edited")
        same(restored.value("SELECT count(*) FROM reco.cache_policy WHERE NOT edited"), "10", f"{form}: the rest is as shipped")
        same(restored.value("SELECT count(*) FROM reco.cache"), "0", f"{form}: the cache is not in a dump")
        restored.close()


def main():
    directory = tempfile.mkdtemp(prefix="reco-driver.")
    try:
        library, wrong = build(directory)
        if not ok(library is not None, "the driver compiles", wrong):
            done()
        with Cluster("autovacuum_naptime = 1s", "max_worker_processes = 12") as cluster:
            session = cluster.session()
            session.query("CREATE EXTENSION reco CASCADE")
            for name, (arguments, result) in FUNCTIONS.items():
                session.query(f"CREATE FUNCTION driver_buffer_{name}({arguments}) RETURNS {result}"
                              f" AS {literal(library)} LANGUAGE C")
            # how much waits, without a look at the table
            cache = Cache(session)
            session.query(f"CREATE FUNCTION driver_buffer_figures(oid, int) RETURNS bigint[] AS {literal(library)} LANGUAGE C")
            session.query("CREATE FUNCTION reco.stat_upheaval() RETURNS TABLE (unwritten bigint) LANGUAGE sql AS"
                          f" 'SELECT (driver_buffer_figures({cache.here}, {ARTISTS}))[3]'")
            other = cluster.session()
            for part in (flood, recency, expiry, churn, upheaval):
                part(cache, other)
            for name, (arguments, _) in FUNCTIONS.items():
                session.query(f"DROP FUNCTION driver_buffer_{name}({arguments})")
            session.query("DROP FUNCTION reco.stat_upheaval(), driver_buffer_figures(oid, int)")
            encodings(library, session)
            dumps(cache, other)
            failed = [line for line in cluster.log_text().splitlines() if "PANIC" in line or "TRAP" in line]
            same(failed, [], "nothing broke")
    except Lost as lost:
        ok(False, "the server lives", lost)
    finally:
        shutil.rmtree(directory)
    done()


main()
