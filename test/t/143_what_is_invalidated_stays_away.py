#!/usr/bin/env python3
"""Claim: what reco_cache_invalidate removes does not come back, whoever works meanwhile.

A value that somebody read before the commit, or that a service was asked for before, is
turned away; what the keeper was about to write is not written; a rollback takes nothing
from the table. Nobody who asks for a list waits for somebody who has the table alone.
"""
import shutil
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from cluster import Cluster  # noqa: E402
from driver import build  # noqa: E402
from reco_tap import Lost, call, done, literal, ok, same, until  # noqa: E402

FEATURES = 7  # a category as a number
LONG = 3600 * 1000  # ms
BEHIND = "\x1fhttps://service.example\x1f\x1f"


class Buffer:
    def __init__(self, session):
        self.session = session
        self.here = session.value("SELECT oid FROM pg_database WHERE datname = current_database()")
        self.extension = session.value("SELECT oid FROM pg_extension WHERE extname = 'reco'")

    def epoch(self):
        return int(self.session.value(f"SELECT driver_buffer_epoch({self.here})"))

    def put(self, key, value="1", written=False, epoch=None):
        return self.session.value(f"SELECT driver_buffer_put({self.here}, {self.extension}, {FEATURES}, {literal(key)},"
                                  f" {literal(value)}, {literal(written)}, {LONG}, {literal(epoch)})") == "t"

    def has(self, key):
        return self.session.value(f"SELECT driver_buffer_get({self.here}, {self.extension}, {FEATURES}, {literal(key)})"
                                  " IS NOT NULL") == "t"

    def in_table(self, key):
        return self.session.value(f"SELECT count(*) FROM reco.cache WHERE key = {literal(key)}") == "1"

    def unwritten(self):
        return int(self.session.value("SELECT sum(unwritten) FROM reco_cache_stats"))

    def rounds(self, count):
        """Waits for rounds of the keeper's."""
        seen = set()

        def all_seen():
            seen.add(self.session.value("SELECT state_change FROM pg_stat_activity WHERE backend_type = 'reco keeper'"
                                        " AND state = 'idle'"))
            return len(seen - {None}) > count
        return until(all_seen)

    def keeper_is(self, state):
        return until(lambda: self.session.value("SELECT state FROM reco_stat_worker WHERE worker = 'keeper'") == state)

    def settle(self):
        return until(lambda: self.unwritten() == 0)


def checks(buffer, other):
    keys = ["a", "a" + BEHIND, "ab", "b" + BEHIND]
    for key in keys:
        buffer.put(key)
    ok(buffer.settle(), "the keeper writes")
    same([buffer.in_table(key) for key in keys], [True] * 4, "all is in the table")
    same([buffer.has(key) for key in keys], [True] * 4, "and in shared memory")

    # rolled back: the table has all
    other.query("BEGIN")
    same(other.value("SELECT reco_cache_invalidate('features', 'a')"), "2", "a key goes, whoever answered")
    same([buffer.has(key) for key in keys], [False, False, True, True], "from shared memory at once")
    other.query("ROLLBACK")
    same([buffer.in_table(key) for key in keys], [True] * 4, "a rollback leaves the table alone")

    # somebody reads the old row before the commit, and brings it back
    old = buffer.epoch()
    other.query("BEGIN")
    same(other.value("SELECT reco_cache_invalidate('features', 'a')"), "2", "once more, to commit")
    during = buffer.epoch()
    ok(during > old, "the epoch moves at once")
    ok(not buffer.put("a", written=True, epoch=old), "what was read before that is turned away")
    ok(buffer.put("a", written=True, epoch=during) and buffer.has("a"), "what is read before the commit goes in")
    ok(buffer.put("a" + BEHIND, epoch=during), "and so does what a service answers")
    ok(buffer.put("other"), "and something else")
    ok(buffer.rounds(3), "the keeper comes round")
    ok(not buffer.in_table("other") and buffer.unwritten() == 2, "and writes nothing until the commit")
    ok(buffer.keeper_is("waiting: an invalidation is open"), "it says what it waits for")
    other.query("COMMIT")
    same([buffer.has("a"), buffer.has("a" + BEHIND)], [False, False], "after the commit neither is there")
    ok(not buffer.put("a", written=True, epoch=during), "nor comes back")
    ok(buffer.settle() and buffer.keeper_is("running"), "the keeper goes on")
    same([buffer.in_table(key) for key in keys + ["other"]], [False, False, True, True, True], "and wrote neither")
    ok(buffer.put("a") and buffer.has("a"), "a new answer is kept")
    ok(buffer.settle() and buffer.in_table("a"), "and written")

    # what the keeper holds in its hands when it begins cannot come after it
    other.query("BEGIN")
    other.query("SELECT reco_cache_invalidate('features', 'x')")
    buffer.put("alone")
    ok(buffer.rounds(3) and not buffer.in_table("alone"), "the keeper writes nothing at all meanwhile")
    other.query("COMMIT")
    ok(buffer.settle() and buffer.in_table("alone"), "but after that")

    # an invalidation is counted, written or not
    other.query("BEGIN")
    other.query("SELECT reco_cache_invalidate(user_id => 'ana')")
    for i in range(5):
        buffer.put(f"n{i}")
    other.query("COMMIT")
    buffer.settle()
    rows = int(buffer.session.value("SELECT count(*) FROM reco.cache"))
    same(int(other.value("SELECT reco_cache_invalidate()")), rows, "the number is that of all that was kept")
    same(buffer.session.value("SELECT count(*) + (SELECT sum(buffer_entries) FROM reco_cache_stats) FROM reco.cache"), "0",
         "then nothing is left")

    # many in one transaction, and two transactions at once
    for i in range(600):
        buffer.put(f"m{i}")
    buffer.settle()
    other.query("BEGIN")
    same(other.value("SELECT sum(reco_cache_invalidate('features', 'm' || i)) FROM generate_series(0, 299) AS i"), "300",
         "300 keys in one transaction")
    same(buffer.session.value("SELECT reco_cache_invalidate('features', 'm400')"), "1", "while another one commits")
    epoch = buffer.epoch()
    buffer.put("m7", written=True, epoch=epoch)
    other.query("COMMIT")
    ok(not buffer.has("m7"), "the first of many is cleared again, too")
    same(buffer.session.value("SELECT count(*) FROM reco.cache"), "299", "the others stay in the table")

    # a transaction whose snapshot is older than the row
    other.query("BEGIN ISOLATION LEVEL REPEATABLE READ")
    other.query("SELECT 1 FROM reco.cache LIMIT 1")
    ok(buffer.put("late") and buffer.settle() and buffer.in_table("late"), "a row comes that an old snapshot does not see")
    same(other.value("SELECT reco_cache_invalidate('features', 'late')"), "1", "it is removed all the same")
    other.query("COMMIT")
    ok(not buffer.in_table("late"), "and gone")

    other.query("BEGIN")
    other.query("SELECT reco_cache_invalidate()")
    same(other.error("PREPARE TRANSACTION 'x'"), "0A000", "it cannot be left to a prepared transaction")
    same(buffer.session.value("SELECT count(*) FROM reco.cache"), "299", "and nothing happened then")
    ok(buffer.put("end") and buffer.settle() and buffer.in_table("end"), "nor is the keeper held up")


def check_prefix(session):
    """A separator may be a part of what was asked."""
    def kept():
        return session.value("SELECT string_agg(translate(key, chr(31), '|'), ' ' ORDER BY key) FROM reco.cache")

    session.query("SELECT reco_cache_invalidate()")
    session.query("INSERT INTO reco.cache (category, key, fresh_until, usable_until, value)"
                  " SELECT 'result', replace(k, '|', chr(31)), 'infinity', 'infinity', '{}' FROM unnest(ARRAY["
                  "'a|b|list', 'a|b|other', 'a|c|list', 'a|bb|list', 'ab|list', '%|list']) AS k")
    same(session.value("SELECT reco_cache_invalidate(user_id => 'a' || chr(31) || 'b')"), "2", "a listener with a separator")
    same(kept(), "%|list a|bb|list a|c|list ab|list", "loses lists, no other one does")
    same(session.value("SELECT reco_cache_invalidate(user_id => '%')"), "1", "a listener is no pattern")
    same(session.value("SELECT reco_cache_invalidate('result', 'a' || chr(31) || 'c')"), "1", "nor is a key")
    same(kept(), "a|bb|list ab|list", "the others stay")


def check_locked(one, two):
    """Somebody has a table alone: what it holds is not there."""
    two.query("SELECT reco_demo_catalogue(1000)")
    two.query("SET reco.result_cache = on")
    two.query("SELECT count(*) FROM " + call("ana", "calm evening", 5, function="reco_generate"))
    two.query("SET statement_timeout = '30 s'")
    for table in ("reco.cache", "reco.cache_policy"):
        one.query(f"BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        same(two.error("SELECT " + call("ana", f"a question while {table} is locked", 5, None, "1 s")), None,
             f"a list comes while somebody has {table} alone")
        same(one.value(f"SELECT count(*) FROM pg_locks WHERE relation = '{table}'::regclass AND NOT granted"
                       " AND pid = " + str(two.pid)), "0", "nobody waits for it")
        one.query("ROLLBACK")
    two.query("RESET statement_timeout")


def check_lists(one, two):
    """What a TRUNCATE or a prepared transaction changes ends lists."""
    def run():
        return two.value("SELECT DISTINCT run_id FROM " + call("ana", "rainy sunday, calm", 5, function="reco_generate"))

    def again():
        return until(lambda: run() == run())

    # of an empty table it changes nothing, so there is something in it
    one.query("SELECT reco_feedback('ana', track_id, 'like') FROM reco.track LIMIT 1")
    for change in ("TRUNCATE reco.feedback",):
        ok(again(), "a list is kept")
        kept = run()
        one.query("BEGIN")
        one.query(change)
        one.query("ROLLBACK")
        same(run(), kept, f"{change} that is rolled back leaves it")
        one.query(change)
        ok(run() != kept, "but not one that is committed")
    track = two.value("SELECT track_id FROM " + call("ana", "rainy sunday, calm", 5, function="reco_generate") + " LIMIT 1")
    one.query("BEGIN")
    one.query(f"INSERT INTO reco.feedback (user_id, track_id, event) VALUES ('ana', {literal(track)}, 'skip')")
    one.query("PREPARE TRANSACTION 'judged'")
    ok(again(), "a list is kept while a judgement is prepared")
    kept = run()
    one.query("COMMIT PREPARED 'judged'")
    ok(run() != kept, "and goes when that is committed")


def main():
    directory = tempfile.mkdtemp(prefix="reco-driver.")
    try:
        library, wrong = build(directory)
        if not ok(library is not None, "the driver compiles", wrong):
            done()
        with Cluster("max_prepared_transactions = 2", "reco.keeper_interval = 20") as cluster:
            session = cluster.session()
            session.query("CREATE EXTENSION reco CASCADE")
            for name, arguments, result in (
                    ("put", "oid, oid, int, text, text, bool, bigint, bigint", "bool"),
                    ("get", "oid, oid, int, text", "text[]"), ("epoch", "oid", "bigint")):
                session.query(f"CREATE FUNCTION driver_buffer_{name}({arguments}) RETURNS {result}"
                              f" AS {literal(library)} LANGUAGE C")
            other = cluster.session()
            checks(Buffer(session), other)
            check_prefix(session)
            check_locked(session, other)
            check_lists(session, other)
    except Lost as lost:
        ok(False, "the server lives", lost)
    finally:
        shutil.rmtree(directory)
    done()


main()
