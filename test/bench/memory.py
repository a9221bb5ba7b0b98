"""What test/bench/memory runs: sessions that have used the engine, and what they cost.

Purpose: load a catalogue, measure sessions with the shared copy, measure fewer of them with
         copies of their own, print megabytes and ratios.
Use:     by test/bench/memory, which makes the cluster.
"""
import argparse
import sys
import time

from reco_tap import Session, until

SHARING = 100       # idle sessions
ALONE = 4           # as many as a machine bears
GOAL = 0.05         # of the matrix, that each session may cost
ASK = "SELECT count(*) FROM reco_generate('', 'rainy sunday, calm', 20, deadline => '10 minutes')"


def line(word, name, value, unit="", note=""):
    digits = 4 if word == "ratio" else 3
    print(" ".join(filter(None, (word, name, f"{value:.{digits}f}", unit, note))), flush=True)


def memory(session, names=("Anonymous",)):
    """What /proc says of a session's memory, in megabytes."""
    with open(f"/proc/{session.pid}/smaps_rollup", encoding="ascii") as file:
        return sum(int(row.split()[1]) for row in file if row.split(":")[0] in names) / 1024


def state(session):
    return session.value("SELECT state FROM reco_stat_memory WHERE database = current_database()")


def measure(name, count):
    """Sessions that ask once each and stay; what one costs, more than before, as a median."""
    sessions = [Session() for _ in range(count)]
    costs, times = [], []
    for session in sessions:
        session.query("SET reco.result_cache = off")
        session.query("SELECT reco_mood('calm')")
        before = memory(session)
        began = time.monotonic()
        session.query(ASK, 600)
        times.append((time.monotonic() - began) * 1000)
        costs.append(memory(session) - before)
    cost = sorted(costs)[len(costs) // 2]
    line("size", f"{name}.session", cost, "MB", f"(its own memory, more than before; median of {count})")
    line("size", f"{name}.sessions", sum(costs), "MB", "(all of them)")
    line("size", f"{name}.pss", sum(memory(session, ("Pss_Anon",)) for session in sessions), "MB",
         "(what is not shared, of all of them, in all)")
    line("time", f"{name}.first", sorted(times)[len(times) // 2], "ms", "(the first list of a session, median)")
    row = sessions[0].query("SELECT state, tracks, shared_bytes, own_copies, own_bytes, total_bytes, built_in"
                            " FROM reco_stat_memory WHERE database = current_database()")[0]
    print(f"# reco_stat_memory: {dict(zip(('state', 'tracks', 'shared', 'copies', 'own', 'total', 'built_in'), row))}")
    line("size", f"{name}.matrix", int(row[5]) / 1048576, "MB", "(in all)")
    for session in sessions:
        session.close()
    return cost, int(row[2]) / 1048576


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tracks", type=int, required=True)
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()

    session = Session("postgres")
    session.query("CREATE EXTENSION reco CASCADE")
    began = time.monotonic()
    session.query(f"SELECT reco_demo_catalogue({arguments.tracks})", 3600)
    line("time", "load", time.monotonic() - began, "s", f"({arguments.tracks} tracks)")
    session.close()
    session = Session("postgres")
    session.query("VACUUM ANALYZE", 3600)
    began = time.monotonic()
    if not until(lambda: session.value("SELECT tracks FROM reco_stat_memory WHERE database = 'postgres'")
                 == str(arguments.tracks), 600):
        sys.exit("the keeper did not make the matrix")
    line("time", "shared.wait", time.monotonic() - began, "s", "(after the load, until sessions share it)")

    cost, matrix = measure("shared", SHARING)
    session.query("ALTER SYSTEM SET reco.matrix_memory = 0")
    session.query("SELECT pg_reload_conf()")
    until(lambda: state(session) == "none")
    alone, _ = measure("alone", ALONE)
    line("ratio", "memory.shared_over_alone", cost / alone)
    line("ratio", "memory.session_over_matrix", cost / matrix, "", f"(goal <= {GOAL})")
    if cost / matrix > GOAL and not arguments.quick:
        print("# missed: memory.session_over_matrix")
        sys.exit(1)


if __name__ == "__main__":
    main()
