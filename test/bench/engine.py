"""Measures the engine on a running throw-away cluster: see test/bench/engine.

Purpose: load two catalogues, ask for playlists in one warm backend, and print
		 one line per figure: "time", "size" and "ratio" lines have the name and
		 the value in the second and third field.
Use:	 test/bench/engine calls it, with libpq's environment set.
Never:	 import what is not in the standard library; compare figures of
		 different runs.
"""

import argparse
import csv
import gzip
import os
import subprocess
import sys
import threading
import time

# What is asked.  Everything but the names is from prompts.txt: {artist} and
# {title} are the catalogue's own, so that there is something to find.
KINDS = {
    "mood": [
        "chill",
        "happy",
        "late night vibes",
        "Upbeat pop to clean the flat to, happy and a little silly",
        "Help me fall asleep, very soft, very slow, hardly any singing",
    ],
    "genre": [
        "80s synth pop",
        "Metal for lifting the heaviest weight I have ever lifted",
        "Instrumental hip hop with jazzy chords",
        "Latin rhythms for a street festival, salsa, cumbia and reggaeton",
        "Techno for the hours between three and six in a dark warehouse",
    ],
    "mention": [
        "Something like {artist} but slower",
        "Songs like {title}",
        "{artist}",
    ],
    "misspelt": [
        "Something like {misspelt} but slower",
        "Songs like Bohemian Rhapsody, long, strange and grand",
    ],
    "negation": [
        "Songs to propose to, romantic, timeless, no hip hop",
        "Angry workout, rap and metal mixed, nothing slow",
        "Happy but not hyper, a sunny walk with the dog",
    ],
    "nonsense": [
        "qwxz blorf zzyk",
        "\U0001f995\U0001f995 \u0430\u0431\u0432\u0433 \u6f22\u5b57",
    ],
}
STAGES = ("mood", "search_user_tracks", "fetch_top_tracks", "fetch_top_artists", "discover_artists", "select_anchors",
          "build_seed_pool", "user_anchors", "artist_discovery", "seed_based", "rank", "rules", "quality", "order")
SCAN = "SELECT count(*) FROM reco.track WHERE energy + valence > 1.9"
LISTENER = "bench"
GOAL_SCAN = 0.05

# pg_temp.clock(statement, n): n times the milliseconds that a statement takes,
# text parsed, planned and run anew, as a client's would be.
CLOCK = """
CREATE FUNCTION pg_temp.clock(statement text, n int) RETURNS float8[] LANGUAGE plpgsql AS $$
DECLARE
    begun timestamptz;
    times float8[] := '{}';
BEGIN
    FOR i IN 1 .. n LOOP
        begun := pg_catalog.clock_timestamp();
        EXECUTE statement;
        times := times || 1000 * extract(epoch FROM pg_catalog.clock_timestamp() - begun)::float8;
    END LOOP;
    RETURN times;
END $$;
"""


class Session:
    """One psql, and so one backend."""

    def __init__(self, database):
        self.psql = subprocess.Popen(
            ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", database],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            env=dict(os.environ, PGCLIENTENCODING="UTF8",
                     PGOPTIONS="-c client_min_messages=warning"),
        )
        self.run("SET max_parallel_workers_per_gather = 0")
        self.pid = int(self.run("SELECT pg_catalog.pg_backend_pid()"))

    def run(self, statement):
        self.psql.stdin.write(statement + "\n;\n\\echo @done@\n")
        self.psql.stdin.flush()
        lines = []
        for line in self.psql.stdout:
            if line == "@done@\n":
                return "\n".join(lines)
            lines.append(line.rstrip("\n"))
        sys.exit("psql ended at: " + statement)

    def meta(self, command):
        """A psql command, which ends with its line."""
        self.psql.stdin.write(command + "\n")

    def clock(self, statement, n):
        answer = self.run(
            f"SELECT pg_catalog.array_to_string(pg_temp.clock({quote(statement)}, {n}), ' ')")
        return [float(x) for x in answer.split()]

    def close(self):
        self.psql.stdin.close()
        self.psql.wait()

    def watch(self):
        """Starts to watch the backend's own memory; what is returned stops it."""
        peak = [0.0]
        done = threading.Event()

        def look():
            while not done.wait(0.02):
                peak[0] = max(peak[0], self.memory().get("RssAnon", 0))

        thread = threading.Thread(target=look, daemon=True)
        thread.start()

        def stop():
            done.set()
            thread.join()
            return peak[0]

        return stop

    def memory(self):
        """What /proc says of the backend's memory, in megabytes."""
        values = {}
        with open(f"/proc/{self.pid}/status", encoding="ascii", errors="replace") as status:
            for line in status:
                name, _, value = line.partition(":")
                if value.strip().endswith("kB"):
                    values[name] = int(value.split()[0]) / 1024
        return values


def quote(text):
    return "'" + text.replace("'", "''") + "'" if "\\" not in text \
        else " E'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def quantile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def median(values):
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def line(word, name, value, unit="", note=""):
    digits = 4 if word == "ratio" else 3
    print(" ".join(filter(None, (word, name, f"{value:.{digits}f}", unit, note))), flush=True)


def load(name, data, tracks):
    """Makes a database with a catalogue; returns how many tracks it has."""
    subprocess.run(["psql", "-X", "-q", "-d", "postgres", "-c", f"CREATE DATABASE {name}"],
                   check=True)
    session = Session(name)
    session.run("CREATE EXTENSION reco CASCADE")
    if data:
        scratch = os.path.join(os.environ["RECO_SCRATCH"], "catalogue.csv")
        opened = gzip.open if data.endswith(".gz") else open
        with opened(data, "rt", encoding="utf-8-sig", newline="") as source, \
                open(scratch, "w", encoding="utf-8") as copy:
            copy.write(source.read())
        with open(scratch, encoding="utf-8", newline="") as source:
            columns = ", ".join(f'"{c}" text' for c in next(csv.reader(source)))
        session.run(f"CREATE TEMPORARY TABLE csv ({columns})")
        session.meta(f"\\copy csv FROM {quote(scratch)} WITH (FORMAT csv, HEADER)")
        statement = "SELECT reco_catalogue_import('csv') IS NOT NULL"
        print("# the real catalogue of", os.path.basename(data))
    else:
        statement = f"SELECT reco_demo_catalogue({tracks}) IS NOT NULL"
        print(f"# a made-up catalogue of {tracks} tracks")
    stop = session.watch()
    begun = time.monotonic()
    session.run(statement)
    took = time.monotonic() - begun
    peak = stop()
    tracks = int(session.run("SELECT count(*) FROM reco.track"))
    line("time", f"{name}.load", took, "s", f"({took / tracks * 1e6:.0f} us a track)")
    line("size", f"{name}.load.peak", peak, "MB", "(of the backend's own memory)")
    line("size", f"{name}.load.all", session.memory()["VmHWM"], "MB",
         "(with the touched part of shared_buffers)")
    session.run("""INSERT INTO reco.listen (user_id, track_id, at)
        SELECT 'bench', track_id, pg_catalog.now() - i * interval '3 hours'
        FROM (SELECT track_id, row_number() OVER (ORDER BY popularity DESC NULLS LAST, track_id) AS n
              FROM reco.track) AS t, generate_series(1, 5) AS i
        WHERE n % 7 = 0 AND n < 7 * 60""")
    session.run("""INSERT INTO reco.feedback (user_id, track_id, event)
        SELECT 'bench', track_id, CASE n % 2 WHEN 0 THEN 'like' ELSE 'skip' END
        FROM (SELECT track_id, row_number() OVER (ORDER BY popularity DESC NULLS LAST, track_id) AS n
              FROM reco.track) AS t
        WHERE n % 29 = 0 AND n < 29 * 20""")
    session.close()
    session = Session(name)
    session.run("VACUUM ANALYZE")
    session.run("CHECKPOINT")
    sizes = session.run("""SELECT relname, relkind, pg_catalog.pg_relation_size(c.oid) / 1048576.0
        FROM pg_catalog.pg_class AS c WHERE relnamespace = 'reco'::regnamespace
        AND relkind IN ('r', 'i') AND pg_catalog.pg_relation_size(c.oid) >= 1048576
        ORDER BY 3 DESC, 1""")
    for row in sizes.splitlines():
        relname, kind, size = row.split("|")
        line("size", f"{name}.{'table' if kind == 'r' else 'index'}.{relname}", float(size), "MB")
    line("size", f"{name}.total", float(session.run(
        "SELECT sum(pg_catalog.pg_total_relation_size(c.oid)) / 1048576.0 FROM pg_catalog.pg_class AS c"
        " WHERE relnamespace = 'reco'::regnamespace AND relkind = 'r'")), "MB")
    session.close()
    return tracks


def prompts_of(session, known):
    """The prompts by kind, with names that the catalogue has."""
    title, artist = session.run("""SELECT title, a.name FROM reco.track AS t
        JOIN reco.artist AS a USING (artist_id)
        WHERE title ~ '^[A-Za-z]+ [A-Za-z]+$' AND a.name ~ '^[A-Za-z]+ [A-Za-z]+$'
        ORDER BY t.popularity DESC NULLS LAST, track_id LIMIT 1""").split("|")
    misspelt = artist[:-2] + artist[-1] + artist[-2]
    names = {"title": title, "artist": artist, "misspelt": misspelt}
    result = {}
    for kind, prompts in KINDS.items():
        for prompt in prompts:
            if "{" not in prompt and kind != "nonsense" and prompt not in known:
                sys.exit(f"not in prompts.txt: {prompt}")
        result[kind] = [p.format(**names) for p in prompts]
    return result


def generate(user, prompt):
    return f"SELECT * FROM reco_generate({quote(user)}, {quote(prompt)}, 20)"


def measure(name, known, rounds):
    """Prints what one catalogue costs; returns the medians of scan and generate."""
    cold = []
    for _ in range(3):
        session = Session(name)
        begun = time.monotonic()
        session.run(generate("", "happy"))
        cold.append((time.monotonic() - begun) * 1000)
        session.close()
    line("time", f"{name}.cold", median(cold), "ms", "(first call of a backend)")

    session = Session(name)
    stop = session.watch()
    session.run(generate("", "happy"))
    line("size", f"{name}.cold.peak", stop(), "MB", "(of the backend's own memory)")
    session.run(CLOCK)
    prompts = prompts_of(session, known)
    asks = [(kind, user, p) for kind in prompts for p in prompts[kind] for user in ("", LISTENER)]
    for _, user, prompt in asks:
        session.clock(generate(user, prompt), 1)
    session.clock(SCAN, 3)

    scans = []
    times = {ask: [] for ask in asks}
    for _ in range(rounds):
        scans += session.clock(SCAN, 1)
        for ask in asks:
            times[ask] += session.clock(generate(ask[1], ask[2]), 1)
    scan = median(scans)
    line("time", f"{name}.scan", scan, "ms", f"({SCAN})")
    medians = {}
    for kind in prompts:
        for user, who in (("", "anonymous"), (LISTENER, "listener")):
            mine = [t for ask in asks if ask[0] == kind and ask[1] == user for t in times[ask]]
            middle = median(mine)
            line("time", f"{name}.{kind}.{who}", middle, "ms",
                 f"(p95 {quantile(mine, 0.95):.3f}, over the scan {middle / scan:.4f})")
            medians[kind, who] = middle
    everything = [t for mine in times.values() for t in mine]
    line("time", f"{name}.generate", median(everything), "ms",
         f"(p95 {quantile(everything, 0.95):.3f})")
    slowest = max(asks, key=lambda ask: median(times[ask]))
    line("time", f"{name}.slowest", median(times[slowest]), "ms",
         f"(for {slowest[1] or 'nobody'}: {slowest[2]})")
    breakdown(session, name, asks)
    line("size", f"{name}.warm", session.memory().get("RssAnon", 0), "MB",
         "(of the backend's own memory, after generating)")
    line("size", f"{name}.matrix", float(session.run("""WITH RECURSIVE tree AS (
        SELECT name, level, parent, total_bytes FROM pg_catalog.pg_backend_memory_contexts)
        SELECT sum(total_bytes) / 1048576.0 FROM tree
        WHERE name LIKE 'reco %' OR parent LIKE 'reco %'""")), "MB")
    session.close()
    return scan, median(everything), medians


def breakdown(session, name, asks):
    """Prints where the time goes, as means over all prompts."""
    columns = ", ".join(f"avg((j -> 'stages' -> '{s}' ->> 'ms')::float8)" for s in STAGES)
    values = ", ".join(f"({quote(user)}, {quote(prompt)})" for _, user, prompt in asks)
    answer = session.run(f"""SELECT {columns}, avg((j ->> 'total_ms')::float8)
        FROM (VALUES {values}) AS v (u, p), generate_series(1, 3) AS i,
        LATERAL (SELECT reco_generate_json(u, p, 20 + 0 * i) AS j OFFSET 0) AS g""")
    figures = [float(x or 0) for x in answer.split("|")]
    for stage, figure in zip(STAGES, figures):
        line("time", f"{name}.stage.{stage}", figure, "ms", f"({figure / figures[-1]:.2f})")
    line("time", f"{name}.stage.all", figures[-1], "ms")

    if "pg_stat_statements" not in session.run("SHOW shared_preload_libraries"):
        return
    session.run("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    session.run("SELECT pg_stat_statements_reset() IS NOT NULL")
    session.run("SET pg_stat_statements.track = 'all'")
    for _, user, prompt in asks:
        session.run(f"SELECT count(*) FROM reco_generate({quote(user)}, {quote(prompt)}, 20)")
    session.run("SET pg_stat_statements.track = 'none'")
    inner, n, outer = session.run("""SELECT
        sum(total_exec_time) FILTER (WHERE NOT toplevel), sum(calls) FILTER (WHERE NOT toplevel),
        sum(total_exec_time) FILTER (WHERE toplevel AND query ~ 'reco_generate')
        FROM pg_stat_statements""").split("|")
    line("time", f"{name}.sql", float(inner) / len(asks), "ms",
         f"(statements inside one call: {float(n) / len(asks):.1f})")
    line("ratio", f"{name}.sql_over_generate", float(inner) / float(outer))
    worst = session.run("""SELECT calls, total_exec_time, mean_exec_time,
        left(regexp_replace(query, '\\s+', ' ', 'g'), 70) FROM pg_stat_statements
        WHERE NOT toplevel ORDER BY total_exec_time DESC LIMIT 6""")
    for row in worst.splitlines():
        calls, total, mean, query = row.split("|", 3)
        print(f"# {float(total) / len(asks):8.3f} ms a call, {float(mean):8.3f} ms x {calls}: {query}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tracks", type=int, required=True)
    parser.add_argument("--data")
    parser.add_argument("--prompts", required=True)
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    with open(arguments.prompts, encoding="utf-8") as source:
        known = set(source.read().splitlines())

    rounds = 5 if arguments.quick else 15
    few = load("few", arguments.data, 28356)
    few_scan, few_time, _ = measure("few", known, rounds)
    many = load("many", None, arguments.tracks)
    many_scan, many_time, many_kinds = measure("many", known, rounds)

    size = "1m" if many == 1000000 else str(many)
    missed = 0
    ratios = [(f"generate_{size}_over_scan", many_time / many_scan, GOAL_SCAN)]
    ratios += [(f"generate_{size}.{kind}.{who}_over_scan", value / many_scan, None)
               for (kind, who), value in many_kinds.items()]
    ratios += [("growth_over_catalogue", many_time / few_time / (many / few), 1),
               ("generate_28k_over_scan", few_time / few_scan, None)]
    for name, value, goal in ratios:
        line("ratio", f"engine.{name}", value, "", f"(goal <= {goal})" if goal else "")
        if goal and value > goal and not arguments.quick:
            missed += 1
            print(f"# missed: engine.{name}")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
