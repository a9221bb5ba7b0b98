"""What test/bench/deadline runs: calls whose services hang, and how late they come.

Purpose: measure how long calls take past their deadline; print milliseconds, ratios, goals.
Use:     by test/bench/deadline, which makes the cluster.
"""
import argparse
import socket
import statistics
import sys
import threading

from bench import WIDE
from reco_tap import Session, until

DEADLINE = 1000         # ms
LATE_GOAL = 10          # ms, of one caller
BURST_GOAL = 1.5        # of what a burst of deadline '0' takes
SIZE = 20
missed = []


def line(word, name, value, unit="", note=""):
    digits = 2 if word == "ratio" else 1
    print(" ".join(filter(None, (word, name, f"{value:.{digits}f}", unit, note))), flush=True)


def goal(name, value, most):
    if value > most:
        print(f"# missed: {name}")
        missed.append(name)


class Deaf:
    """Takes connections on loopback, and never answers."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1000)
        self.kept = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            self.kept.append(self.listener.accept()[0])

    @property
    def url(self):
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"


class Services:
    """Servers that hang, each time with credentials that no breaker knows."""

    def __init__(self, session):
        self.session = session
        self.deaf = Deaf()
        self.number = 0

    def anew(self):
        self.number += 1
        self.session.query("DROP SERVER IF EXISTS spotify CASCADE; DROP SERVER IF EXISTS reccobeats CASCADE")
        wide = ", ".join(f"{name} '{value}'" for name, value in WIDE.items())
        self.session.query(f"CREATE SERVER spotify FOREIGN DATA WRAPPER reco_upstream OPTIONS (kind 'spotify',"
                           f" base_url '{self.deaf.url}', accounts_url '{self.deaf.url}', {wide})")
        self.session.query(f"CREATE SERVER reccobeats FOREIGN DATA WRAPPER reco_upstream OPTIONS (kind 'reccobeats',"
                           f" base_url '{self.deaf.url}', {wide})")
        self.session.query(f"CREATE USER MAPPING FOR PUBLIC SERVER spotify OPTIONS (client_id 'app{self.number}', client_secret 's')")
        self.session.query(f"CREATE USER MAPPING FOR PUBLIC SERVER reccobeats OPTIONS (api_key 'k{self.number}')")


def question(number, deadline):
    """A call, and how long the server took for it, in ms. The artist is nobody here."""
    return (f"WITH r AS MATERIALIZED (SELECT count(*) AS n FROM reco_generate('', 'like Zork Nadir {number}, calm', {SIZE},"
            f" deadline => '{deadline} ms')) SELECT n, extract(epoch FROM clock_timestamp() - statement_timestamp()) * 1000 FROM r")


def took(rows):
    if int(rows[0][0]) != SIZE:
        sys.exit(f"a list of {rows[0][0]} tracks")
    return float(rows[0][1])


def one_caller(services, calls, name):
    """How late one caller is; its calls wait for services, each time anew."""
    session = Session("postgres")
    times = []
    for number in range(calls + 2):
        services.anew()
        times.append(took(session.query(question(number, DEADLINE))))
    session.close()
    late = [max(0, time - DEADLINE) for time in times[2:]]
    line("time", f"{name}.took", statistics.median(times[2:]), "ms", f"(median of {calls}, deadline {DEADLINE} ms)")
    line("time", f"{name}.late", statistics.median(late), "ms", f"(median, goal <= {LATE_GOAL})")
    line("time", f"{name}.latest", max(late), "ms", "(the worst)")
    goal(f"{name}.late", statistics.median(late), LATE_GOAL)


def burst(sessions, services, deadline, number):
    """All at once; how long each took."""
    services.anew()
    for i, session in enumerate(sessions):
        session.send(question(f"{number} {i}", deadline))
    return [took(session.wait()) for session in sessions]


def many_callers(services, count, rounds):
    sessions = [Session("postgres") for _ in range(count)]
    for session in sessions:
        session.query(question(f"warm {session.pid}", 0))
    zero, late = [], []
    for number in range(rounds):
        zero.append(burst(sessions, services, 0, f"zero {number}"))
        late.append([max(0, time - DEADLINE) for time in burst(sessions, services, DEADLINE, f"late {number}")])
    for name, of in (("median", statistics.median), ("worst", max)):
        floor = statistics.median(of(times) for times in zero)
        over = statistics.median(of(times) for times in late)
        line("time", f"burst.zero.{name}", floor, "ms", f"({count} at once with deadline '0')")
        line("time", f"burst.late.{name}", over, "ms", f"({count} at once, past a deadline of {DEADLINE} ms)")
        line("ratio", f"deadline.burst_{name}", over / floor, "", f"(goal <= {BURST_GOAL})")
        goal(f"deadline.burst_{name}", over / floor, BURST_GOAL)
    for session in sessions:
        session.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick

    session = Session("postgres")
    session.query("CREATE EXTENSION reco CASCADE")
    tracks = 5000 if quick else 100000
    session.query(f"SELECT reco_demo_catalogue({tracks})", 3600)
    session.query("VACUUM ANALYZE", 3600)
    if not until(lambda: session.value("SELECT tracks FROM reco_stat_memory WHERE database = 'postgres'") == str(tracks), 600):
        sys.exit("the keeper did not make the matrix")

    services = Services(session)
    one_caller(services, 3 if quick else 30, "deadline.services_hang")
    holder = Session("postgres")
    holder.query("BEGIN; LOCK TABLE reco.track IN ACCESS EXCLUSIVE MODE")
    one_caller(services, 3 if quick else 30, "deadline.and_a_lock")
    holder.query("COMMIT")
    holder.close()
    many_callers(services, 20 if quick else 100, 1 if quick else 5)
    if missed and not quick:
        sys.exit(1)
    print("# goals: " + (", ".join(missed) + " missed" if missed else "all met") + (" (quick: for looking at only)" if quick else ""))


if __name__ == "__main__":
    main()
