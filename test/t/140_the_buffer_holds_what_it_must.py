#!/usr/bin/env python3
"""Claim: the buffer holds what it must, lets go of what it may, and nothing else is seen.

The buffer's functions are called one by one (test/driver/buffer.c), for databases that
do not exist, so that no keeper interferes: many sessions at once never see a value that
is half another; what waits to be written stays in a flood; invalidation, expiry and
other databases are kept apart.
"""
import shutil
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from cluster import Cluster  # noqa: E402
from driver import build  # noqa: E402
from reco_tap import Lost, SqlError, done, literal, ok, same, until  # noqa: E402

SEARCH, FEATURES = 0, 7  # two categories
RUN = 15                # records
ONE, OTHER = 4000000001, 4000000002  # databases
EXTENSION, AGAIN = 70001, 70002  # an extension that is dropped and made again
LONG = 3600 * 1000  # ms
MB = 1024 * 1024

FUNCTIONS = {
    "put": ("oid, oid, int, text, text, bool, bigint, bigint", "bool"),
    "flood": ("oid, oid, int, text, int, int, int, bool, bigint", "bigint"),
    "get": ("oid, oid, int, text", "text[]"),
    "found": ("oid, oid, int, text, int, int", "bigint"),
    "storm": ("oid, oid, int, text, int, int", "bigint"),
    "remove": ("oid, oid, int, text", "bigint"),
    "drain": ("oid, oid, int, bigint", "text[]"),
    "written": ("oid, oid, int, text, bigint", "void"),
    "epoch": ("oid", "bigint"),
    "figures": ("oid, int", "bigint[]")}


class Buffer:
    """The buffer as a session sees it."""

    def __init__(self, cluster):
        self.session = cluster.session()

    @staticmethod
    def sql(function, *arguments):
        return f"SELECT driver_buffer_{function}({', '.join(literal(a) for a in arguments)})"

    def call(self, function, *arguments):
        return self.session.value(self.sql(function, *arguments), 300)

    def number(self, function, *arguments):
        return int(self.call(function, *arguments))

    def put(self, key, value, database=ONE, extension=EXTENSION, category=FEATURES, written=False,
            ms=LONG, epoch=None):
        return self.call("put", database, extension, category, key, value, written, ms, epoch) == "t"

    def get(self, key, database=ONE, extension=EXTENSION, category=FEATURES):
        """The value; None where there is none."""
        sql = self.sql("get", database, extension, category, key)
        return self.session.value(f"SELECT v[1] FROM ({sql} AS v) AS x") or None

    def version(self, key):
        return int(self.session.value(f"SELECT v[2] FROM ({self.sql('get', ONE, EXTENSION, FEATURES, key)} AS v) AS x"))

    def drain(self, most=1000, size=100 * MB, database=ONE, extension=EXTENSION):
        """[(key, version, value), ...]"""
        sql = self.sql("drain", database, extension, most, size)
        rows = self.session.query(f"SELECT x FROM unnest(({sql})) WITH ORDINALITY AS u (x, n) ORDER BY n")
        flat = [row[0] for row in rows]
        return [(flat[i], int(flat[i + 1]), flat[i + 2]) for i in range(0, len(flat), 3)]

    def written(self, key, version):
        self.call("written", ONE, EXTENSION, FEATURES, key, version)

    def write_all(self):
        """What the keeper does: drains until nothing waits; how many entries."""
        count = 0
        while True:
            entries = self.drain(2000)
            if not entries:
                return count
            count += len(entries)
            self.session.query("".join(f"SELECT driver_buffer_written({ONE}, {EXTENSION}, {FEATURES},"
                                       f" {literal(key)}, {version});\n" for key, version, _ in entries))

    def clear(self):
        for database in (ONE, OTHER):
            self.call("remove", database, 0, -1, None)

    def figures(self, database=ONE, category=FEATURES):
        names = ("entries", "bytes", "unwritten", "waiting", "total", "unused", "puts", "dropped", "evicted")
        value = self.call("figures", database, category)
        return dict(zip(names, (int(n) for n in value.strip("{}").split(","))))


def main():
    directory = tempfile.mkdtemp(prefix="reco-driver.")
    try:
        library, wrong = build(directory)
        if not ok(library is not None, "the driver compiles", wrong):
            done()
        with Cluster("reco.buffer_memory = 4MB") as cluster:
            session = cluster.session()
            for name, (arguments, result) in FUNCTIONS.items():
                session.query(f"CREATE FUNCTION driver_buffer_{name}({arguments}) RETURNS {result}"
                              f" AS {literal(library)} LANGUAGE C")
            buffer = Buffer(cluster)
            for part in (basics, identity, epochs, expiry, draining, full, records, flood, many_databases, storm):
                part(buffer, cluster)
                buffer.clear()
            nothing_lost(buffer)
    except Lost as lost:
        ok(False, "the server lives", lost)
    finally:
        shutil.rmtree(directory)
    done()


def basics(buffer, cluster):
    same(buffer.session.value("SHOW reco.buffer_memory"), "4MB", "the setting is obeyed")
    total = buffer.figures()["total"]
    ok(2.5 * MB < total < 4 * MB, "most of the memory is for values", total)
    same(buffer.get("a"), None, "nothing is there at first")
    values = {"a": "[1]", "": "key of no bytes", "empty": "", "none": None, "k" * 4096: "a long key",
              "umlaut \u00e4\u00f6": "\u65e5\u672c\u8a9e " * 2000, **{f"len{n}": "x" * n for n in (
                  1, 246, 247, 248, 249, 250, 498, 499, 500, 501, 12000)}}
    same([buffer.put(key, value) for key, value in values.items()], [True] * len(values), "values of all lengths go in")
    wrong = [key[:20] for key, value in values.items()
             if buffer.get(key) != (("absent" if value is None else value) or None)]
    ok(not wrong, "and come out as they were", wrong)
    dropped = buffer.figures()["dropped"]
    same((buffer.put("k" * 4097, "x"), buffer.get("k" * 4097), buffer.figures()["dropped"]),
         (False, None, dropped + 1), "a longer key is dropped and counted")
    same((buffer.put("huge", "x" * (total // 3)), buffer.get("huge"), buffer.figures()["dropped"]),
         (False, None, dropped + 2), "so is a value that would be a third of it")
    first = buffer.version("a")
    buffer.put("a", "[2]")
    same((buffer.get("a"), buffer.version("a") > first), ("[2]", True), "a put replaces, and moves the version")
    buffer.put("a", "[3]", written=True)
    same(buffer.get("a"), "[3]", "so does a newer value from a table")
    figures = buffer.figures()
    same((figures["entries"], figures["unwritten"], figures["waiting"]), (len(values), len(values) - 1, len(values) - 1),
         "which need not be written then")
    same(buffer.number("remove", ONE, EXTENSION, FEATURES, "a"), 1, "remove says that it removed one")
    same((buffer.get("a"), buffer.get("len1")), (None, "x"), "it and no other")


def identity(buffer, cluster):
    places = [(database, extension, category) for database in (ONE, OTHER) for extension in (EXTENSION, AGAIN)
              for category in (SEARCH, FEATURES)]
    for n, place in enumerate(places):
        buffer.put("same", f"value {n}", *place)
    same([buffer.get("same", *place) for place in places], [f"value {n}" for n in range(8)],
         "database, extension and category are part of the key")
    same([key for key, _, _ in buffer.drain(database=OTHER)], ["same", "same"], "one database's are drained")
    same(buffer.number("remove", ONE, 0, SEARCH, None), 2, "a category of a database goes")
    same([buffer.get("same", *place) for place in places],
         [None, "value 1", None, "value 3", "value 4", "value 5", None, None], "and no other; the drain cleared away what an earlier extension had left")
    same((buffer.number("remove", ONE, 0, -1, "same"), buffer.number("remove", OTHER, 0, -1, None)), (2, 2),
         "a key in all categories; a database")


def epochs(buffer, cluster):
    before = buffer.number("epoch", ONE)
    elsewhere = buffer.number("epoch", OTHER)
    dropped = buffer.figures()["dropped"]
    same(buffer.put("a", "old", epoch=before), True, "a value of the present epoch goes in")
    buffer.call("remove", ONE, EXTENSION, SEARCH, "something else")
    ok(buffer.number("epoch", ONE) > before, "an invalidation moves the epoch, whatever it removes")
    same(buffer.number("epoch", OTHER), elsewhere, "that of its database alone")
    same((buffer.put("a", "older", epoch=before), buffer.put("b", "older", epoch=before, written=True)),
         (False, False), "what was asked before is not put any more")
    same((buffer.get("a"), buffer.get("b")), ("old", None), "so nobody sees it")
    same((buffer.put("b", "new"), buffer.get("b")), (True, "new"), "what was asked after is")
    same(buffer.figures()["dropped"], dropped, "none of it is for want of room")


def expiry(buffer, cluster):
    same((buffer.put("a", "x", ms=0), buffer.get("a")), (False, None), "an expired value does not go in")
    same(buffer.put("a", "x", ms=300), True, "one that is about to expire does")
    ok(until(lambda: buffer.get("a") is None), "and is gone when it has")
    same(buffer.figures()["waiting"], 1, "it still takes room")
    same((buffer.drain(), buffer.figures()["waiting"], buffer.figures()["entries"]), ([], 0, 0), "until the next drain")
    buffer.put("a", "x", ms=300)
    until(lambda: buffer.get("a") is None)
    same((buffer.put("a", "y"), buffer.get("a"), buffer.figures()["waiting"]), (True, "y", 1), "or another value")


def draining(buffer, cluster):
    for n in range(40):
        buffer.put(f"k{n}", f"value {n}")
    buffer.put("absent", None)
    buffer.put("from a table", "x", written=True)
    entries = buffer.drain()
    same(sorted((key, value) for key, _, value in entries),
         sorted([(f"k{n}", f"value {n}") for n in range(40)] + [("absent", "absent")]), "all that waits is drained")
    same(len(buffer.drain(7)), 7, "no more than are wanted")
    same(len(buffer.drain(40, 30)), 2, "nor more bytes")
    same(len(buffer.drain(40, 1)), 1, "but one at least")
    same(buffer.figures()["waiting"], 41, "all wait until they are said to be written")
    seen = set()
    for _ in range(200):
        seen.update(key for key, _, _ in buffer.drain(3))
    ok(len(seen) > 20, "small drains take from all partitions in turn", len(seen))
    version = {key: number for key, number, _ in entries}
    buffer.put("k0", "changed")
    for key in ("k0", "k1"):
        buffer.written(key, version[key])
    same((buffer.figures()["waiting"], buffer.get("k0"), buffer.get("k1")), (40, "changed", "value 1"),
         "one that changed meanwhile waits on, the other one stays as a copy")
    buffer.written("k1", version["k1"])
    buffer.written("unknown", 1)
    same(buffer.figures()["waiting"], 40, "what is said twice counts once")
    buffer.put("k2", "late", written=True, ms=LONG)
    buffer.call("remove", ONE, EXTENSION, FEATURES, "k3")
    same(buffer.figures()["waiting"], 38, "replaced by a newer row or removed, none waits")
    same((buffer.write_all(), buffer.figures()["waiting"], buffer.figures()["entries"]), (38, 0, 41),
         "after all are written none waits, and all are there")
    buffer.put("left behind", "x", extension=EXTENSION)
    same((buffer.drain(extension=AGAIN), buffer.figures()["waiting"]), ([], 0),
         "the successor of a dropped extension clears away what that left")


def full(buffer, cluster):
    """Nothing but what waits: the new value is the one that goes."""
    dropped = buffer.figures()["dropped"]
    taken = buffer.number("flood", ONE, EXTENSION, FEATURES, "u", 1, 30000, 200, False, LONG)
    figures = buffer.figures()
    ok(3000 < taken < 30000, "a flood of unwritten values fills it", taken)
    same((figures["entries"], figures["waiting"], figures["dropped"] - dropped), (taken, taken, 30000 - taken),
         "what was taken is there, what was dropped is counted")
    same(buffer.number("found", ONE, EXTENSION, FEATURES, "u", 1, taken), taken, "the first ones, whole")
    same((buffer.put("more", "x", database=OTHER), buffer.put("more", "x", written=True)), (False, False),
         "nobody else finds room")
    same((buffer.write_all(), buffer.figures()["waiting"]), (taken, 0), "all of it can be written")
    same((buffer.put("more", "x"), buffer.get("more")), (True, "x"), "then there is room again")

    buffer.clear()
    buffer.call("flood", ONE, EXTENSION, FEATURES, "u", 1, 30000, 200, False, 1500)
    same(until(lambda: buffer.put("more", "x", database=OTHER)), True, "what has expired unwritten gives way, too")


def records(buffer, cluster):
    """Records of runs that nobody writes leave half of it to all else."""
    buffer.clear()
    same(buffer.number("flood", ONE, EXTENSION, FEATURES, "kept", 1, 500, 2000, True, LONG), 500, "clean values are there")
    before = buffer.figures(category=RUN)["dropped"]
    taken = buffer.number("flood", ONE, EXTENSION, RUN, "r", 1, 3000, 2000, False, LONG)
    figures = buffer.figures(category=RUN)
    ok(figures["total"] * 0.4 < figures["bytes"] <= figures["total"] / 2, "a flood of records fills half of it", figures)
    same((figures["unwritten"], figures["dropped"] - before), (taken, 3000 - taken), "the others are dropped and counted")
    same(buffer.number("found", ONE, EXTENSION, FEATURES, "kept", 1, 500), 500, "what was there before stays")
    same(buffer.put("more", "x"), True, "and other values find room")
    others = buffer.number("flood", OTHER, EXTENSION, RUN, "o", 1, 3000, 2000, False, LONG)
    ok(taken / 8 < others < taken / 2, "another database has an eighth of its own", others)
    buffer.call("remove", OTHER, 0, -1, None)
    buffer.session.query("CREATE EXTENSION reco CASCADE")
    row = buffer.session.query("SELECT status, hint FROM reco_doctor() WHERE \"check\" = 'records'")
    ok(len(row) == 1 and row[0][0] == "warning" and "reco.buffer_memory" in row[0][1], "reco_doctor() says so", row)
    for number in range(1, taken + 1, 7):
        buffer.call("remove", ONE, EXTENSION, RUN, f"r{number}")
    again = buffer.number("flood", ONE, EXTENSION, RUN, "s", 1, 3000, 2000, False, LONG)
    same(again, len(range(1, taken + 1, 7)), "where some have gone, as many find room again")
    buffer.clear()
    same(buffer.number("flood", ONE, EXTENSION, RUN, "t", 1, 3000, 2000, False, LONG), taken, "all have gone: as many as at first")
    buffer.session.query("SELECT reco_stat_reset()")
    same(buffer.session.query("SELECT 1 FROM reco_doctor() WHERE \"check\" = 'records'"), [], "counted anew: nothing to say")
    buffer.session.query("DROP EXTENSION reco")
    buffer.clear()


def flood(buffer, cluster):
    """200,000 clean values beside 1,000 that wait and 100 that are read all the time."""
    same(buffer.number("flood", ONE, EXTENSION, FEATURES, "u", 1, 1000, 200, False, LONG), 1000, "1,000 values wait")
    before = buffer.figures(category=SEARCH)
    taken = buffer.number("flood", ONE, EXTENSION, SEARCH, "k", 1, 20000, 12000, True, LONG)
    hot = [buffer.number("flood", ONE, EXTENSION, SEARCH, "hot", 1, 100, 200, True, LONG)]
    for n in range(20000, 200000, 2000):
        taken += buffer.number("flood", ONE, EXTENSION, SEARCH, "k", n + 1, n + 2000, 200, True, LONG)
        hot.append(buffer.number("found", ONE, EXTENSION, SEARCH, "hot", 1, 100))
    figures = buffer.figures(category=SEARCH)
    whole = buffer.figures(category=-1)
    same(taken, 200000, "200,000 more go in, some of 12 kB")
    same(buffer.number("found", ONE, EXTENSION, FEATURES, "u", 1, 1000), 1000, "what waits is all there")
    ok(whole["bytes"] <= whole["total"] and whole["total"] - whole["unused"] == whole["bytes"],
       "the bytes stay within the limit, to the last block", whole)
    same((figures["dropped"] - before["dropped"], figures["evicted"] - before["evicted"]),
         (0, 200100 - figures["entries"]), "nothing was dropped; what is not there any more was evicted")
    found = buffer.number("found", ONE, EXTENSION, SEARCH, "k", 199001, 200000)
    ok(found > 950, "the latest are there", found)
    ok(min(hot) >= 90, "and what is read again and again", hot)


def many_databases(buffer, cluster):
    """More than there are rows for: none gets another's, an old epoch never comes back."""
    old = {d: buffer.number("epoch", d) for d in (ONE, OTHER)}
    buffer.put("kept", "x", database=ONE)
    for database in range(5000000001, 5000000101):
        database -= 2000000000
        buffer.put("a", f"of {database}", database=database, written=True)
    wrong = [d for d in range(3000000001, 3000000101) if buffer.get("a", database=d) != f"of {d}"]
    ok(not wrong, "a hundred databases have the key, each its own value", wrong)
    same(buffer.figures()["waiting"], 1, "the one for which something waits is still known")
    same((buffer.put("b", "x", database=ONE, epoch=old[ONE]), buffer.put("b", "x", database=OTHER, epoch=old[OTHER])),
         (True, False), "one that was forgotten begins with a new epoch")
    for database in range(3000000001, 3000000101):
        buffer.put("b", "x", database=database)
    waiting = sum(buffer.figures(d)["waiting"] for d in [ONE, *range(3000000001, 3000000101)])
    unwritten = buffer.figures(0)["unwritten"]
    same(waiting, unwritten, "what waits is counted for somebody, however many they are")
    ok(60 <= unwritten <= 66, "of those that find no row nothing is kept that must be written", unwritten)
    for database in range(3000000001, 3000000101):
        buffer.call("remove", database, 0, -1, None)


def storm(buffer, cluster):
    """Sessions that put, get, remove, drain the same keys: values have to be whole."""
    others = [Buffer(cluster) for _ in range(6)]
    for n, other in enumerate(others):
        keys = 50 if n < 3 else 3000
        other.session.send(Buffer.sql("storm", OTHER if n % 3 == 2 else ONE, EXTENSION, FEATURES,
                                      f"s{'ab'[n < 3]}", keys, 60000))
    found, wrong = [], []
    for other in others:
        try:
            found.append(int(other.session.wait(300)[0][0]))
        except SqlError as error:
            wrong.append(error)
        other.session.close()
    ok(not wrong, "six sessions at once see whole values", *wrong)
    ok(min(found, default=0) > 1000, "and many of them", found)


def nothing_lost(buffer):
    figures = buffer.figures(0, -1)
    same((figures["entries"], figures["unwritten"], figures["total"] - figures["unused"]), (0, 0, 0),
         "when all is removed, all memory is free again")
    same([buffer.figures(d)["waiting"] for d in (ONE, OTHER)], [0, 0], "and nothing waits")


main()
