#!/usr/bin/env python3
"""Claim: a flood of distinct keys stays within its bounds, and nobody reads a value that is half another.

A million keys, most of them faster than the keeper can write, some as fast as it can; all
the while others read from the buffer and from the table, and look at how much there is.
Then an hour's worth of answers that are replaced, expire and are evicted, again and again:
the table does not grow with what has been in it.
"""
import shutil
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from cluster import Cluster  # noqa: E402
from driver import build  # noqa: E402
from reco_tap import Lost, done, literal, ok, same, until  # noqa: E402

FEATURES, ARTISTS = 7, 4  # categories as numbers
LONG = 3600 * 1000  # ms
KEYS, PACED, BATCH = 1000000, 60000, 20000
SIZE = 200  # bytes of a value
ENTRIES = 20000  # that the policy allows
TURNS = 8
FUNCTIONS = {
    "flood": ("oid, oid, int, text, int, int, int, bool, bigint", "bigint"),
    "found": ("oid, oid, int, text, int, int", "bigint"),
    "remove": ("oid, oid, int, text", "bigint"),
    "figures": ("oid, int", "bigint[]")}
# values begin with the number of their key and their length, as the driver makes them
BROKEN = ("SELECT count(*) FILTER (WHERE octet_length(value) <> ('x' || substr(value, 9, 8))::bit(32)::int"
          " OR key <> 'm' || ('x' || substr(value, 1, 8))::bit(32)::int), count(*), coalesce(sum(size), 0)"
          " FROM reco.cache WHERE category = 'features'")
TOTAL = "SELECT pg_total_relation_size('reco.cache')"


class Cache:
    def __init__(self, session):
        self.session = session
        here = session.value("SELECT oid FROM pg_database WHERE datname = current_database()")
        self.head = f"{here}, " + session.value("SELECT oid FROM pg_extension WHERE extname = 'reco'")
        self.here = here

    def flood(self, category, prefix, first, last, ms=LONG):
        return (f"SELECT driver_buffer_flood({self.head}, {category}, {literal(prefix)}, {first}, {last}, {SIZE},"
                f" false, {ms})")

    def found(self, prefix, first, last):
        return f"SELECT driver_buffer_found({self.head}, {FEATURES}, {literal(prefix)}, {first}, {last})"

    def buffer(self, category=-1):
        """(bytes of values, all bytes there are, waiting, dropped)"""
        value = self.session.value(f"SELECT driver_buffer_figures({self.here}, {category})").strip("{}").split(",")
        return int(value[1]), int(value[4]), int(value[3]), int(value[7])

    def written(self, seconds=60):
        return until(lambda: self.buffer()[2] == 0, seconds)


class Most:
    """The largest figures that were seen."""

    def __init__(self):
        self.rows = self.table = self.buffer = self.broken = 0

    def look(self, cache):
        broken, rows, _ = (int(n) for n in cache.session.query(BROKEN)[0])
        used, there, _, _ = cache.buffer()
        self.rows = max(self.rows, rows)
        self.broken = max(self.broken, broken)
        self.buffer = max(self.buffer, used / there)
        self.table = max(self.table, int(cache.session.value(TOTAL)))


def flood(cache, writers, reader):
    session = cache.session
    session.query(f"UPDATE reco.cache_policy SET max_entries = {ENTRIES}, max_bytes = {ENTRIES * 1000}"
                  " WHERE category = 'features'")
    most, taken, read, first = Most(), 0, 0, 0
    while first < KEYS:
        paced = first >= KEYS - PACED
        if paced and not cache.written():
            return ok(False, "the keeper writes what waits")
        batches = [(writer, first + n * BATCH) for n, writer in enumerate(writers) if first + n * BATCH < KEYS]
        for writer, at in batches:
            writer.send(cache.flood(FEATURES, "m", at, at + BATCH - 1))
        reader.send(cache.found("m", max(0, first - BATCH), first + BATCH))
        most.look(cache)
        taken += sum(int(writer.wait()[0][0]) for writer, _ in batches)
        read += int(reader.wait()[0][0])    # half a value would be an error
        first += BATCH * len(batches)
    ok(cache.written(120), "all that was taken is written in the end", cache.buffer())
    most.look(cache)
    dropped = cache.buffer(FEATURES)[3]
    same(taken + dropped, KEYS, f"of {KEYS} keys {taken} were taken, and all others are counted as dropped")
    ok(taken >= PACED, "what comes no faster than it is written is not dropped", taken, dropped)
    ok(read > 0, f"{read} values were read from the buffer meanwhile, whole and of their keys")
    same(most.broken, 0, "so were those in the table")
    ok(0 < most.rows <= ENTRIES, "the table never had more rows than the policy says", most.rows)
    ok(most.buffer <= 1, "nor the buffer more bytes than there are", most.buffer)
    live = sum(int(n) for n in session.query("SELECT sum(size), 200 * count(*) FROM reco.cache")[0])
    ok(most.table <= 12 * live, "the table's files stay within a multiple of what is in it", most.table, live)
    gone = int(session.value("SELECT evicted FROM reco_cache_stats WHERE category = 'features'"))
    left = int(session.value("SELECT count(*) FROM reco.cache WHERE category = 'features'"))
    ok(gone + left <= taken and gone > 0, "what was evicted is counted", gone, left, taken)
    return True


def churn(cache, writers):
    """Each turn: new keys, old ones again, some that expire at once; autovacuum as it comes."""
    session = cache.session
    session.query("UPDATE reco.cache_policy SET max_entries = 5000 WHERE category = 'artists'")
    session.query("SELECT reco_cache_invalidate()")
    # without queueing for its lock, behind which the keeper would wait in vain
    node = "SELECT pg_relation_filenode('reco.cache')"
    before = session.value(node)
    ok(until(lambda: (session.query("VACUUM (FULL, SKIP_LOCKED) reco.cache"), session.value(node) != before)[1]), "it is as small as can be")
    vacuums = "SELECT autovacuum_count FROM pg_stat_user_tables WHERE relid = 'reco.cache'::regclass"
    sizes = []
    for turn in range(TURNS):
        since = int(session.value(vacuums))
        for step, writer in enumerate(writers):
            writer.query(cache.flood(ARTISTS, "c", turn * 1000 + step * 2500, turn * 1000 + step * 2500 + 2499))
            writer.query(cache.flood(ARTISTS, "e", turn * 1000, turn * 1000 + 999, 1500))
        if not cache.written() or not until(
                lambda: session.value("SELECT count(*) FROM reco.cache WHERE usable_until < now()") == "0"):
            return ok(False, f"turn {turn}: the keeper keeps up")
        sizes.append(int(session.value(TOTAL)))
        if not until(lambda: int(session.value(vacuums)) > since, 60):
            return ok(False, f"turn {turn}: autovacuum comes, for what the keeper wrote")
    rows, live = (int(n) for n in session.query("SELECT count(*), sum(size) + 200 * count(*) FROM reco.cache")[0])
    ok(rows <= 5000, "the policy holds after all turns", rows)
    ok(max(sizes[TURNS // 2:]) <= 2 * max(sizes[:TURNS // 2]), "the second half of the turns does not make the table grow", sizes)
    ok(sizes[-1] <= 8 * live, "its files are a small multiple of what is in it", sizes, live)
    return True


def main():
    directory = tempfile.mkdtemp(prefix="reco-driver.")
    try:
        library, wrong = build(directory)
        if not ok(library is not None, "the driver compiles", wrong):
            done()
        with Cluster("autovacuum_naptime = 1s", "reco.keeper_interval = '50ms'", "reco.buffer_memory = 16MB") as cluster:
            session = cluster.session()
            session.query("CREATE EXTENSION reco CASCADE")
            for name, (arguments, result) in FUNCTIONS.items():
                session.query(f"CREATE FUNCTION driver_buffer_{name}({arguments}) RETURNS {result}"
                              f" AS {literal(library)} LANGUAGE C")
            cache = Cache(session)
            writers = [cluster.session() for _ in range(2)]
            keeper = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'reco keeper' AND datname = current_database()"
            until(lambda: session.value(keeper))
            pid = session.value(keeper)
            flood(cache, writers, cluster.session())
            churn(cache, writers)
            same(session.value(keeper), pid, "the keeper is the same all the time")
            failed = [line for line in cluster.log_text().splitlines() if any(
                word in line for word in ("PANIC", "FATAL", "TRAP", "ERROR")) and "canceling autovacuum task" not in line]
            same(failed, [], "and the log has no error")
    except Lost as lost:
        ok(False, "the server lives", lost)
    finally:
        shutil.rmtree(directory)
    done()


main()
