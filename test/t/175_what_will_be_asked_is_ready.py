#!/usr/bin/env python3
"""Claim: who asks the same at the same hour of each week finds it ready, within a budget of calls.

Weeks of made-up traffic are put on record: listeners who come each week at this hour, with
a question of their own, among others who come at random. What is predicted is nearly all
of the former and nothing of the latter; the lists are made before, by no more calls than
the budget; then they are given without any; reco_stat_prewarm tells all of that.
"""
import random
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from bench import WIDE, WIDE_QUOTA  # noqa: E402
from cluster import Cluster, connect_services  # noqa: E402
from emulator import Emulator  # noqa: E402
from reco_tap import SqlError, done, literal, ok, same, until  # noqa: E402

SETTINGS = ("reco.keeper_interval = '50ms'", "reco.result_cache = on", "reco.cache = on", "reco.prewarm_budget = 150",
            "max_worker_processes = 50", "reco.job_workers = 2", "reco.job_pause = '20ms'")
LONG = 120
WEEKS = 5
REGULARS = 12
RANDOMS = 40
MOODS = ("rainy sunday, calm", "party", "focus music", "sad and slow", "happy morning", "workout", "late night jazz",
         "road trip", "dinner with friends", "sleep", "study", "dance")
FLOOR = .9      # of precision and recall, for listeners who come each week
SERVICES = ("spotify", "reccobeats", "gemini")
WIDE_SERVERS = {kind: {**WIDE, **WIDE_QUOTA.get(kind, {})} for kind in SERVICES}


class Traffic:
    """Runs on record, as of weeks ago."""

    def __init__(self, session, start, role="postgres"):
        self.session, self.start, self.role = session, start, role
        self.number = 0

    def put(self, user, prompt, weeks, minutes, ms=900, calls=5, size=10, options=None, more=None):
        """A run so many weeks and minutes from the start of the hour."""
        self.number += 1
        record = {"prompt": prompt, "size": size, "options": options or {}, "total_ms": ms, "spent_calls": calls, **(more or {})}
        at = f"({literal(self.start)}::timestamptz - {weeks} * interval '7 days' + {minutes} * interval '1 min')"
        self.session.query(
            "INSERT INTO reco.run (user_id, run_id, role_id, started, record, tracks) SELECT "
            f"{literal(user)}, ((1000 * extract(epoch FROM at) - 1704067200000)::bigint << 22) + {self.number},"
            f" '{self.role}'::regrole, at, {literal(record)}, '[]' FROM (SELECT {at} AS at) AS t")

    def weeks(self, rng):
        """Regular listeners, and others."""
        for n in range(REGULARS):
            for week in range(1, WEEKS + 1):
                self.put(f"regular{n}", MOODS[n], week, rng.randint(2, 55))
                self.put(f"regular{n}", "something else", week, 60 * rng.randint(30, 100))
        for n in range(RANDOMS):
            for _ in range(6):
                self.put(f"random{n}", rng.choice(MOODS), rng.randint(1, WEEKS), 60 * rng.randint(-80, 80))
        # in this very hour, but once
        for n in range(10):
            self.put(f"random{n}", rng.choice(MOODS), rng.randint(1, WEEKS), rng.randint(0, 59))


def calls(emulator):
    services = emulator.counters()["services"]
    return sum(services.get(name, {}).get("calls", 0) for name in SERVICES)


def open_jobs(session):
    return session.value("SELECT count(*) FROM reco.job WHERE state IN ('queued', 'running')")


def ask(session, user, prompt, size=10):
    """The origins of a list."""
    return [row[0] for row in session.query(
        f"SELECT DISTINCT origin FROM reco_generate({literal(user)}, {literal(prompt)}, {size})")]


def stats(session, columns, hour=None):
    where = f"hour = {literal(hour)}" if hour else "hour IS NULL"
    return session.query(f"SELECT {columns} FROM reco_stat_prewarm WHERE {where}")[0]


def predict(cluster, admin, emulator):
    """Weeks of traffic, then the lists of the coming hour."""
    start = admin.value("SELECT now()")
    Traffic(admin, start).weeks(random.Random(17))
    emulator.reset_counters()
    queued = int(admin.value(f"SELECT reco_prewarm({literal(start)})"))
    predicted = admin.query("SELECT user_id, arguments ->> 'prompt', score FROM reco.prewarm WHERE key <> '' ORDER BY 1")
    regular = {row[0] for row in predicted if row[0].startswith("regular")}
    same(sorted({row[0] for row in predicted} - regular), [], "nobody who comes at random is predicted")
    ok(len(regular) >= FLOOR * REGULARS, "those who come each week are", predicted)
    ok(all(row[1] == MOODS[int(row[0][7:])] for row in predicted), "with what they ask at this hour", predicted)
    ok(0 < queued <= len(predicted), "and lists are queued for them", queued)
    ok(until(lambda: open_jobs(admin) == "0", LONG), "which are made")
    same(admin.query("SELECT state, count(*) FROM reco.job GROUP BY 1"), [["done", str(queued)]], "all of them",)
    spent = calls(emulator)
    ok(0 < spent <= 150, "by no more calls than the budget", spent)
    told = int(stats(admin, "calls")[0])
    ok(spent <= told <= 150, "and that many are told of", (spent, told))
    made = {row[0] for row in admin.query("SELECT user_id FROM reco.prewarm WHERE run_id IS NOT NULL")}
    return start, made


def play(cluster, admin, emulator, start, made):
    """The hour, as it was predicted."""
    emulator.reset_counters()
    origins = {user: ask(admin, user, MOODS[int(user[7:])]) for user in sorted(made)}
    same([origins, calls(emulator)], [{user: ["cached"] for user in made}, 0], "what was predicted is given at once, without a call")
    rest = [n for n in range(REGULARS) if f"regular{n}" not in made]
    for n in rest:
        ask(admin, f"regular{n}", MOODS[n])
    ask(admin, "random1", "who would have thought")
    def looked():
        admin.query(f"SELECT reco_prewarm({literal(start)}::timestamptz + interval '1 hour')")
        return stats(admin, "hits, asked", start) == [str(len(made)), str(REGULARS + 1)]
    ok(until(looked, LONG), "the figures tell of each of these", stats(admin, "*", start))
    row = stats(admin, "predicted, came, precision, asked, foreseen, recall, hits, cold_p50_ms, saved_ms", start)
    print("# " + " ".join(row))
    ok(float(row[2]) >= FLOOR and float(row[5]) >= FLOOR * REGULARS / (REGULARS + 1), "precision and recall", row)
    same([row[3], row[4], row[7]], [str(REGULARS + 1), row[1], "900"], "what was asked, foreseen, and what it took before")
    ok(.8 * 900 * len(made) < float(row[8]) <= 900 * len(made), "and what was saved", row)


def database(cluster, admin, emulator, name):
    """A session with a new database that has the same servers."""
    admin.query(f"CREATE DATABASE {name}")
    session = cluster.session(name)
    session.query("CREATE EXTENSION reco CASCADE")
    session.query("SELECT reco_demo_catalogue(500)")
    connect_services(session, emulator, **WIDE_SERVERS)
    return session


def setting(admin, session, value):
    """Sets the budget, and waits until a session has heard of it."""
    admin.query(f"ALTER SYSTEM SET reco.prewarm_budget = {value}")
    admin.query("SELECT pg_reload_conf()")
    until(lambda: session.value("SHOW reco.prewarm_budget") == str(value))


def nothing(session):
    """What there is of predictions and jobs."""
    return session.query("SELECT (SELECT count(*) FROM reco.prewarm), (SELECT count(*) FROM reco.prewarm_hour),"
                         " (SELECT count(*) FROM reco.job)")[0]


def habits(cluster, admin, emulator):
    """What makes a habit, and what does not."""
    session = database(cluster, admin, emulator, "habits")
    start = session.value("SELECT now()")
    traffic = Traffic(session, start)
    for week in range(1, 5):
        # its list was kept from a run three hours before; at this hour no run was needed
        traffic.put("kept", "from memory", week, -150)
        session.query(f"INSERT INTO reco.ask SELECT user_id, run_id, started + interval '159 min' FROM reco.run"
                      f" WHERE user_id = 'kept' AND started < {literal(start)}::timestamptz - {week} * interval '7 days'"
                      " ORDER BY run_id DESC LIMIT 1")
        traffic.put("ghost", "nobody asked", week, 20, more={"ahead": True})
        traffic.put("spelled", ("Calm, rainy!", "calm rainy", "CALM  rainy", "calm: rainy")[week - 1], week, 20)
        traffic.put("options", "with options", week, 20,
                    options={"era": {"from": 1990}, "seed": 3, "repeat_days": 7, "familiarity": 0.8})
        traffic.put("edge", "an hour early", week, -30)
        traffic.put("", "anonymous", week, 15)
        traffic.put("long", "x" * 1950, week, 15)
        traffic.put("many", "many ids", week, 15, options={"exclude_artists": [f"a{n}" for n in range(20)]})
        traffic.put("wide", "much asked", week, 15)
        traffic.put("fickle", f"something new {week}", week, 30)
    for week in (1, 2):
        traffic.put("new", "since a fortnight", week, 10)
    traffic.put("once", "last week only", 1, 10)
    for week in (1, 5):
        traffic.put("rare", "now and then", week, 10)
    session.query(f"SELECT reco_prewarm({literal(start)})")
    found = {row[0]: float(row[1]) for row in session.query("SELECT user_id, score FROM reco.prewarm WHERE key <> ''")}
    same(sorted(found), ["", "kept", "new", "options", "spelled", "wide"], "what is asked each week at this hour is predicted, and nothing else")
    same(session.query("SELECT user_id, role_id::regrole, expected FROM reco.prewarm WHERE key = ''"), [["fickle", "postgres", "4"]],
         "who comes each week, but with other questions, is predicted without one")
    full = sum(.9 ** week for week in range(4))
    expected = {"wide": full / (full + 1), "spelled": full / (full + 1), "kept": full / (full + 1), "new": 1.9 / 2.9}
    ok(all(abs(found[name] - score) < 1e-9 for name, score in expected.items() if name in found), "with the score that the manual tells", found)
    ok(until(lambda: open_jobs(session) == "0", LONG), "it is made")
    same(session.query("SELECT DISTINCT state, error IS NULL FROM reco.job"), [["done", "t"]], "without an error")
    rows = session.query("SELECT DISTINCT origin FROM reco_generate('options', 'with options', 10, options =>"
                         " '{\"era\": {\"from\": 1990}, \"seed\": 3, \"repeat_days\": 7, \"familiarity\": 0.8}')")
    same(rows, [["cached"]], "with its options")
    same(ask(session, "spelled", "Calm, rainy!"), ["cached"], "in the words that were used last")
    # what is kept is written a little later
    fresh = (f"SELECT count(*) >= {len(found)}, bool_and(fresh_until >= {literal(start)}::timestamptz + interval '1 hour')"
             " FROM reco.cache WHERE category = 'result'")
    ok(until(lambda: session.query(fresh) == [["t", "t"]]), "and stays fresh to the end of the hour", session.query(fresh))
    same(session.value(f"SELECT reco_prewarm({literal(start)})"), "0", "a second call queues nothing again")
    for _ in range(50):
        ask(session, "wide", "much asked")
    ok(until(lambda: session.value("SELECT count(*) FROM reco.ask WHERE user_id = 'wide'") == "1", LONG),
       "that a list which was kept was asked for is noted, once for many times")
    same(session.value("SELECT bool_and(r.record ? 'ahead') FROM reco.ask AS a JOIN reco.run AS r USING (user_id, run_id)"
                       " WHERE a.user_id = 'wide'"), "t", "as of the run that made it ahead")
    session.close()


def clocks_change(cluster, admin, emulator):
    """Habits follow the clock on the wall, where the database's time zone changed it ten days ago."""
    for title, later in (("forward", 60), ("back", -60)):
        session = database(cluster, admin, emulator, title)
        start = session.value("SELECT now()")
        first, last = (session.value(f"SELECT least(extract(doy FROM now() + {days} * interval '1 day'), 365)") for days in (-10, 100))
        summer = f"J{first}/0,J{last}/0" if later > 0 else f"J{last}/0,J{first}/0"
        traffic = Traffic(session, start)
        for week in range(1, 5):
            # as of UTC, in which this session has its weeks; runs of five weeks ago are too old to stay
            traffic.put("wall", "by the clock", week, 30 + (later if week > 1 else 0))
            traffic.put("sun", "by the sun", week, 30)
        full = sum(.9 ** week for week in range(4))
        always, near = full / (full + 1), (1 + .5 * (full - 1)) / (full + 1)
        for zone, expected in (("UTC", {"sun": always, "wall": near}), (f"WINTER0SUMMER,{summer}", {"sun": near, "wall": always})):
            admin.query(f"ALTER DATABASE {title} SET TimeZone = '{zone}'")
            one = cluster.session(title)
            same(one.value("SELECT extract(timezone FROM now())::int - extract(timezone FROM now() - interval '14 days')::int"),
                 str(60 * later) if zone != "UTC" else "0", f"{zone}: the clocks went {title}, or did not")
            one.query("DELETE FROM reco.prewarm")
            one.query(f"SELECT reco_prewarm({literal(start)})")
            scores = {row[0]: float(row[1]) for row in one.query("SELECT user_id, score FROM reco.prewarm WHERE key <> ''")}
            ok(all(abs(scores.get(user, near) - score) < 1e-9 for user, score in expected.items()) and len(scores) > 0
               and max(scores, key=scores.get) == max(expected, key=expected.get),
               f"{zone}, {title}: who keeps to its clock is expected, and who does not was an hour off", scores)
            one.close()
        ok(until(lambda: open_jobs(session) == "0", LONG), f"{title}: their jobs end")
        session.close()


def whoever_comes(cluster, admin, emulator):
    """Of a listener who comes, but never with the same question, it is asked for before what any list needs."""
    session = database(cluster, admin, emulator, "comes")
    start = session.value("SELECT now()")
    traffic = Traffic(session, start)

    def own():
        return sum("/me/top/" in row[5] for row in emulator.service("spotify")["log"])
    for user in ("comes", "never"):
        session.query(f"SELECT reco_connect_user('{user}', '{user}.1', server => 'spotify')")
    for week in range(1, 5):
        traffic.put("comes", f"something new {week}", week, 30)
        traffic.put("never", f"something new {week}", week, 30 + 60 * week)
    emulator.reset_counters()
    same(session.value(f"SELECT reco_prewarm({literal(start)})"), "1", "who comes each week is predicted")
    ok(until(lambda: open_jobs(session) == "0", LONG), "a job asks for what is known of the listener")
    same([own(), session.query("SELECT kind, user_id, state, run_id IS NULL, error IS NULL FROM reco.job")],
         [2, [["prewarm", "comes", "done", "t", "t"]]], "what is played: tracks and artists; and makes no list")
    spent = calls(emulator)
    ok(spent <= int(stats(session, "calls")[0]) <= 150, "within the budget", (spent, stats(session, "*")))
    for user, expected in (("comes", 0), ("never", 2)):
        emulator.reset_counters()
        ask(session, user, "what nobody foresaw")
        same(own(), expected, f"the list that is asked for then makes {expected} calls for that: {user}")
    session.close()


def by_itself(cluster, admin, emulator):
    """The keeper's timer predicts the next full hour."""
    session = database(cluster, admin, emulator, "timer")
    # whichever hour that is then
    start = session.value("SELECT date_trunc('hour', now())")
    traffic = Traffic(session, start)
    for week in range(1, 5):
        for hour in (1, 2):
            traffic.put("ana", "each week", week, 60 * hour + 30)
    until(lambda: False, .5)
    same(nothing(session), ["0", "0", "0"], "nothing is predicted where nobody says so, before it is time")
    admin.query("ALTER SYSTEM SET reco.prewarm_interval = '1s'")
    admin.query("SELECT pg_reload_conf()")
    ok(until(lambda: session.value("SELECT count(*) FROM reco.prewarm WHERE user_id = 'ana' AND job_id IS NOT NULL") != "0", LONG),
       "every reco.prewarm_interval it is", session.query("SELECT * FROM reco_stat_chore"))
    same(session.query("SELECT DISTINCT extract(minute FROM hour), hour > now() - interval '1 min' FROM reco.prewarm"), [["0", "t"]], "for a full hour that is to come")
    same(session.query("SELECT DISTINCT j.run_after = greatest(p.hour - interval '15 min', j.created) FROM reco.job AS j"
                       " JOIN reco.prewarm AS p USING (job_id)"), [["t"]], "and the list is made in the quarter of an hour before")
    ok(until(lambda: session.query("SELECT last_by, ended FROM reco_stat_chore WHERE chore = 'prewarm'") == [["keeper", "done"]]), "which can be seen",
       session.query("SELECT * FROM reco_stat_chore"))
    admin.query("ALTER SYSTEM RESET reco.prewarm_interval")
    admin.query("SELECT pg_reload_conf()")
    session.close()


def kept(cluster, admin, emulator):
    """A list that lasts is not made again."""
    session = database(cluster, admin, emulator, "kept")
    start = session.value("SELECT now()")
    traffic = Traffic(session, start)
    for week in range(1, 5):
        traffic.put("ana", "lasting", week, 20)
    session.query("UPDATE reco.cache_policy SET fresh = '6 hours' WHERE category = 'result'")
    until(lambda: ask(session, "ana", "lasting") == ["cached"])
    emulator.reset_counters()
    same(session.value(f"SELECT reco_prewarm({literal(start)})"), "1", "a list is predicted that is kept already")
    ok(until(lambda: open_jobs(session) == "0", LONG), "its job ends")
    same([calls(emulator), session.query("SELECT state, run_id, (SELECT calls FROM reco.prewarm) FROM reco.job")],
         [0, [["done", "", "0"]]], "without a run and without a call")
    session.close()


def budget(cluster, admin, emulator):
    """It is never exceeded, whatever was expected."""
    session = database(cluster, admin, emulator, "budget")
    start = session.value("SELECT now()")
    traffic = Traffic(session, start)
    for n in range(8):
        for week in range(1, 5):
            # records of runs that found much in memory: they promise that a list is cheap
            traffic.put(f"cheap{n}", MOODS[n], week, 20, calls=1)
    setting(admin, session, 0)
    emulator.reset_counters()
    same([session.value("SELECT reco_prewarm()"), nothing(session)], ["0", ["0", "0", "0"]], "a budget of 0: nothing happens")
    setting(admin, session, 14)
    emulator.reset_counters()
    same(session.value(f"SELECT reco_prewarm({literal(start)})"), "8", "by what is expected all of them fit in")
    ok(until(lambda: open_jobs(session) == "0", LONG), "they end")
    ok(0 < calls(emulator) <= 14, "what they take is within the budget none the less", emulator.counters()["services"].keys())
    ok(calls(emulator) <= int(stats(session, "calls")[0]) <= 14, "and told", stats(session, "*"))
    same(session.value("SELECT count(*) FROM reco.job WHERE state <> 'done'"), "0", "a list for which there is not enough is no failure")
    session.close()
    session = database(cluster, admin, emulator, "dear")
    traffic = Traffic(session, start)
    for n in range(8):
        for week in range(1, 5):
            traffic.put(f"dear{n}", MOODS[n], week, 20, calls=6)
    same(session.value(f"SELECT reco_prewarm({literal(start)})"), "2", "no more is queued than the budget is expected to be enough for")
    same(stats(session, "predicted, queued, budget"), ["8", "2", "14"], "the view tells of both")
    setting(admin, session, 150)
    same(session.value(f"SELECT reco_prewarm({literal(start)})"), "6", "with a larger one the others follow")
    ok(until(lambda: open_jobs(session) == "0", LONG), "and end")
    session.close()


def worker_ends(cluster, admin, emulator):
    """In the middle of a list."""
    session = database(cluster, admin, emulator, "ends")
    start = session.value("SELECT now()")
    for week in range(1, 5):
        Traffic(session, start).put("ana", "interrupted", week, 20, calls=3)
    emulator.reset_counters()
    emulator.fault([{"route": "*", "kind": "delay", "argument": 3}])
    session.query(f"SELECT reco_prewarm({literal(start)})")
    until(lambda: calls(emulator) > 0)
    ended = session.value("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'ends'"
                          " AND backend_type = 'reco job worker' AND query = 'reco: prewarm'")
    emulator.fault([])
    ok(until(lambda: open_jobs(session) == "0", LONG), "the list whose worker was ended is made by another")
    same([ended, session.query("SELECT state, attempts FROM reco.job")], ["t", [["done", "1"]]], "which is no failure of it")
    same(ask(session, "ana", "interrupted"), ["cached"], "and given")
    # of 3 that were expected it took 8
    ok(max(8 + 1, calls(emulator)) <= int(stats(session, "calls")[0]) <= 150, "what the first attempt may have spent counts as spent",
       (calls(emulator), stats(session, "*")))
    session.close()


def half_done(cluster, admin, emulator):
    """Errors and interruptions leave nothing behind."""
    session = database(cluster, admin, emulator, "half")
    start = session.value("SELECT now()")
    traffic = Traffic(session, start)
    for n in range(4):
        for week in range(1, 5):
            traffic.put(f"regular{n}", MOODS[n], week, 20)
    session.query("CREATE FUNCTION third() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                  " IF (SELECT count(*) FROM reco.job) >= 2 THEN RAISE EXCEPTION 'disk full' USING ERRCODE = '53100'; END IF;"
                  " RETURN NEW; END $$")
    session.query("CREATE TRIGGER third BEFORE INSERT ON reco.job FOR EACH ROW EXECUTE FUNCTION third()")
    same([session.error(f"SELECT reco_prewarm({literal(start)})"), nothing(session)], ["53100", ["0", "0", "0"]], "an error leaves nothing")
    session.query("DROP TRIGGER third ON reco.job")
    other = cluster.session("half")
    other.query("BEGIN")
    other.query("LOCK TABLE reco.job IN SHARE MODE")
    session.send(f"SELECT reco_prewarm({literal(start)})")
    until(lambda: admin.value(f"SELECT wait_event_type FROM pg_stat_activity WHERE pid = {session.pid}") == "Lock")
    admin.query(f"SELECT pg_cancel_backend({session.pid})")
    try:
        session.wait()
        state = None
    except SqlError as error:
        state = error.sqlstate
    other.query("ROLLBACK")
    same([state, nothing(session)], ["57014", ["0", "0", "0"]], "a cancel leaves nothing")
    session.query("BEGIN")
    session.query(f"SELECT reco_prewarm({literal(start)})")
    session.query("ROLLBACK")
    same(nothing(session), ["0", "0", "0"], "nor does a rollback")
    same(session.error("BEGIN READ ONLY; SELECT reco_prewarm()"), "25006", "it is nothing for a read-only transaction")
    session.query("ROLLBACK")
    for wrong in ("now() - interval '61 min'", "now() + interval '25 hours'", "'infinity'"):
        same(session.error(f"SELECT reco_prewarm({wrong})"), "22023", f"no hour: {wrong}")
    same(session.value("SELECT reco_prewarm(now() + interval '3 hours')"), "0", "another hour has other habits")
    for role in ("stranger", "watcher"):
        admin.query(f"CREATE ROLE {role} LOGIN")
    admin.query("GRANT pg_monitor TO watcher")
    stranger, watcher = cluster.session("half", "stranger"), cluster.session("half", "watcher")
    for what in ("reco_prewarm()", "* FROM reco_stat_prewarm", "* FROM reco.prewarm", "* FROM reco.prewarm_hour", "* FROM reco.ask"):
        same(stranger.error(f"SELECT {what}"), "42501", f"not for everybody: {what}")
    same([watcher.error("SELECT * FROM reco_stat_prewarm"), watcher.error("SELECT reco_prewarm()"), watcher.error("SELECT * FROM reco.prewarm")],
         [None, "42501", "42501"], "pg_monitor reads the figures, which name nobody")
    columns = admin_columns(session)
    ok(not {"user_id", "prompt", "arguments", "key"} & columns, "there is no listener in them", columns)
    for one in (other, stranger, watcher, session):
        one.close()


def admin_columns(session):
    return {row[0] for row in session.query("SELECT attname FROM pg_attribute WHERE attrelid = 'reco_stat_prewarm'::regclass AND attnum > 0")}


def roles(cluster, admin, emulator):
    """Whose rights a list is made with."""
    admin.query("CREATE DATABASE roles")
    session = cluster.session("roles")
    session.query("CREATE EXTENSION reco CASCADE")
    session.query("SELECT reco_demo_catalogue(500)")
    session.query(f"CREATE SERVER spotify FOREIGN DATA WRAPPER reco_upstream OPTIONS (kind 'spotify', base_url '{emulator.spotify}',"
                  f" accounts_url '{emulator.accounts}')")
    for role in ("app", "poor", "gone"):
        admin.query(f"CREATE ROLE {role} LOGIN")
    session.query("GRANT EXECUTE ON FUNCTION reco_generate TO app, poor")
    session.query("CREATE USER MAPPING FOR app SERVER spotify OPTIONS (client_id 'app', client_secret 's')")
    start = session.value("SELECT now()")
    for role in ("app", "poor", "gone"):
        for week in range(1, 5):
            Traffic(session, start, role).put(f"of {role}", "whose is it", week, 20)
    admin.query("DROP ROLE gone")
    same(session.value(f"SELECT reco_prewarm({literal(start)})"), "1", "a role that is gone, or may ask no service, is left out")
    same(session.query("SELECT user_id, role_id::regrole FROM reco.job"), [["of app", "app"]], "the others' lists are made with their own rights")
    ok(until(lambda: open_jobs(session) == "0", LONG), "which is done")
    app = cluster.session("roles", "app")
    same(ask(app, "of app", "whose is it"), ["cached"], "and they get them")
    poor = cluster.session("roles", "poor")
    ok(ask(poor, "of app", "whose is it") != ["cached"], "who may not ask the services does not")
    for one in (app, poor, session):
        one.close()


def bounded(cluster, admin, emulator):
    """Nothing grows for ever."""
    session = cluster.session("habits")
    admin.query("ALTER SYSTEM SET reco.run_history = 20")
    admin.query("SELECT pg_reload_conf()")
    until(lambda: session.value("SHOW reco.run_history") == "20")
    session.query("INSERT INTO reco.ask SELECT 'old', n, now() - n * interval '1 min' FROM generate_series(1, 3000) AS n")
    session.query("INSERT INTO reco.prewarm_hour SELECT now() - n * interval '1 hour', 1 FROM generate_series(2, 800) AS n")
    session.query("INSERT INTO reco.prewarm (user_id, hour, key, role_id, score, expected) SELECT 'old', hour, '', 10, 1, 1 FROM reco.prewarm_hour"
                  " ON CONFLICT DO NOTHING")
    session.query("SELECT reco_prewarm(now() + interval '5 hours')")
    ok(int(session.value("SELECT count(*) FROM reco.prewarm")) <= 21 and int(session.value("SELECT count(*) FROM reco.prewarm_hour")) <= 22,
       "predictions are bounded as records of runs are", nothing(session))
    ok(until(lambda: int(session.value("SELECT count(*) FROM reco.ask")) <= 20, LONG), "and so is what was asked")
    admin.query("ALTER SYSTEM RESET reco.run_history")
    admin.query("SELECT pg_reload_conf()")
    session.close()


def main():
    with Emulator("--latency", "none", "--preset", "extended", "--window", "none") as emulator, Cluster(*SETTINGS) as cluster:
        admin = cluster.session()
        admin.query("CREATE EXTENSION reco CASCADE")
        admin.query("SELECT reco_demo_catalogue(2000)")
        connect_services(admin, emulator, **WIDE_SERVERS)
        start, made = predict(cluster, admin, emulator)
        play(cluster, admin, emulator, start, made)
        for part in (habits, clocks_change, whoever_comes, kept, budget, worker_ends, half_done, roles, bounded, by_itself):
            part(cluster, admin, emulator)
        admin.close()
    done()


if __name__ == "__main__":
    main()
