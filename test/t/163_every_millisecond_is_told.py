#!/usr/bin/env python3
"""Claim: a run tells where its time went, and which calls it made for what.

reco_explain's waterfall has as many requests, with as many keys, as the services have seen;
each question's time is the sum of what it was spent on: the queue, a limit, the network,
reading. What two runs share is told as shared, what was kept as kept, what had no answer in
time as that. Stages add up to the total. The record of a run tells the same, and
reco_stat_stage counts what was asked.
"""
import os
import re
import signal
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from bench import WIDE, WIDE_QUOTA  # noqa: E402
from cluster import Cluster, gateway_pid, nothing_left, stand_still  # noqa: E402
from emulator import Emulator  # noqa: E402
from reco_tap import call, done, ok, same, until  # noqa: E402

LATENCY = {"spotify": 150, "reccobeats": 250}       # ms
METRICS = ("search_user_tracks", "select_anchors", "discover_artists", "fetch_top_tracks", "fetch_top_artists",
           "build_seed_pool", "user_anchors", "artist_discovery", "seed_based", "rank", "order")
STAGE = re.compile(r"^  ->  ([a-z_]+) +\(start=([0-9.]+) time=([0-9.]+) ms\) \(in=\d+ out=\d+\)(?:  waited ([0-9.]+) ms)?")
QUESTION = re.compile(r"^  ->  (\w+) (\w+) +\|([ #]{20})\| \(start=([0-9.]+) time=([0-9.]+) ms\)"
                      r" \(queued=([0-9.]+) limited=([0-9.]+) network=([0-9.]+) parsed=([0-9.]+)\) \(([^)]*)\)(?:  (.*))?$")


class Told:
    """What the lines of an explanation say."""

    def __init__(self, lines):
        self.lines = lines
        self.text = "\n".join(lines)
        self.total = float(re.search(r"^Total: time=([0-9.]+) ms", self.text, re.M).group(1))
        self.told = float(re.search(r"stages=([0-9.]+) %", self.text).group(1))
        self.stages, self.questions = [], []
        for line in lines:
            stage, question = STAGE.match(line), QUESTION.match(line)
            if stage:
                self.stages.append((stage.group(1), float(stage.group(3)), float(stage.group(4) or 0)))
            if question:
                counts = dict(re.findall(r"(\w+)=([0-9.]+)", question.group(10)))
                self.questions.append({
                    "server": question.group(1), "operation": question.group(2), "bar": question.group(3),
                    "outcome": question.group(11), **{name: float(value) for name, value in counts.items()},
                    **dict(zip(("start", "time", "queued", "limited", "network", "parsed"), map(float, question.groups()[3:9])))})

    def sum(self, name, server=None):
        return sum(q.get(name, 0) for q in self.questions if server in (None, q["server"]))

    def requests(self, server):
        """Sent because of this run, or with it: once each."""
        return self.sum("requests", server) - self.sum("again", server)

    def sum_of_stages(self):
        return sum(time + waited for _, time, waited in self.stages)


class Runs:
    """Runs with upstreams that nobody has asked before."""

    def __init__(self, session, emulator):
        self.session = session
        self.emulator = emulator
        self.number = 0

    def connect(self, **spotify):
        self.session.query("DROP SERVER IF EXISTS spotify CASCADE; DROP SERVER IF EXISTS reccobeats CASCADE")
        self.emulator.reset()
        self.emulator.config(latency=LATENCY)
        self.number += 1
        for kind, where, secrets, changes in (
                ("spotify", f"base_url '{self.emulator.spotify}', accounts_url '{self.emulator.accounts}'",
                 f"client_id 'app-{self.number}', client_secret 's'", spotify),
                ("reccobeats", f"base_url '{self.emulator.reccobeats}'", f"api_key 'k-{self.number}'", {})):
            options = "".join(f", {name} '{value}'" for name, value in {**WIDE, **WIDE_QUOTA.get(kind, {}), **changes}.items())
            self.session.query(f"CREATE SERVER {kind} FOREIGN DATA WRAPPER reco_upstream OPTIONS (kind '{kind}', {where}{options})")
            self.session.query(f"CREATE USER MAPPING FOR PUBLIC SERVER {kind} OPTIONS ({secrets})")

    def explain(self, prompt, deadline="100 s", user=""):
        return Told([row[0] for row in self.session.query("SELECT * FROM " + call(user, prompt, 10, {"seed": 3}, deadline, "reco_explain"))])


def unanswered(told):
    """What was sent and not answered: what only adds to a list is not waited for as long as it takes."""
    return [q for q in told.questions if q.get("failed") and q["outcome"] != "limited"]


def outside(told):
    """Questions that took longer than the run, or are not in its picture."""
    return [q for q in told.questions if q["start"] + q["time"] > told.total + 1 or "#" not in q["bar"]]


def as_seen(told, emulator):
    """Requests and keys, as the services counted them."""
    for server in ("spotify", "reccobeats"):
        same(told.requests(server), emulator.service(server)["calls"], f"{server}: as many requests are told as it has seen")
    routes = emulator.counters()["routes"]
    for operation, route in (("features", "GET /reccobeats/v1/audio-features"), ("ids", "GET /reccobeats/v1/track")):
        own = [q for q in told.questions if q["operation"] == operation and not q.get("again")]
        seen = routes.get(route, {"keys_per_call": {}})["keys_per_call"]
        same(sum(q.get("request_keys", 0) for q in own), sum(int(keys) * calls for keys, calls in seen.items()),
             f"{operation}: and as many keys")
    same(unanswered(told), [], "all that was sent was answered")
    wrong = [q for q in told.questions
             if abs(q["queued"] + q["limited"] + q["network"] + q["parsed"] - q["time"]) > 0.01]
    same(wrong, [], "each question's time is the sum of what it was spent on")
    wrong = [q for q in told.questions if q["requests"] > 0 and q["network"] < LATENCY[q["server"]] * 0.9]
    same(wrong, [], "a service's latency is on the network")
    same(outside(told), [], "all of them were under way during the run")


def adds_up(runs, prompt):
    """Within 5 %; what else runs on the machine may come in between."""
    told = []

    def good():
        told.append(runs.explain(prompt))
        return abs(told[-1].sum_of_stages() - told[-1].total) <= told[-1].total / 20 and told[-1].told >= 95
    found = until(good)
    told = told[-1]
    ok(found, "busy and waiting times of the stages add up to the total within 5 %", told.text[:3000])
    names = [name for name, _, _ in told.stages]
    missing = [name for name in METRICS if name not in names]
    same(missing, [], "all stages are told")
    ok("nearest seed: " in told.text, "and the seeds of tracks", told.text[-1500:])


def limits(runs, prompt):
    """A rate of one a second holds the second request back."""
    runs.connect(rate="1/1s", burst="1")
    slow = runs.explain(prompt)
    searches = [q for q in slow.questions if q["server"] == "spotify" and q["requests"] > 1]
    ok(searches and max(q["limited"] for q in searches) > 500, "what a limit holds back is told as limited", slow.text[:3000])
    same(slow.requests("spotify"), runs.emulator.service("spotify")["calls"], "with as many requests as were sent")


def shared(cluster, runs, prompt):
    """Two listeners ask the same at once."""
    sessions = [cluster.session() for _ in range(2)]
    for _ in range(5):      # one may begin so late that nothing they ask for is under way for both
        runs.connect()
        runs.emulator.config(latency={"spotify": 1500, "reccobeats": 1500})
        for number, session in enumerate(sessions):
            session.send("SELECT * FROM " + call(f"listener {number}", prompt, 10, {"seed": 3}, "100 s", "reco_explain"))
        both = [Told([row[0] for row in session.wait(120)]) for session in sessions]
        if all(told.sum("shared") > 0 for told in both):
            break
    ok(all(told.sum("shared") > 0 for told in both), "what two runs ask at once is told as shared by both", both[0].text[:3000])
    same([outside(told) for told in both], [[], []], "each with the part of the time that is its own")
    for server in ("spotify", "reccobeats"):
        own = sum(told.requests(server) for told in both)
        calls = runs.emulator.service(server)["calls"]
        ok(own - max(told.sum("shared", server) for told in both) <= calls < own or own == calls,
           f"{server}: requests that are shared were made once", own, calls, [told.sum("shared", server) for told in both])
    for session in sessions:
        session.close()


def waited_for(cluster, runs, prompt):
    """A question's time is told once, however long the gateway takes to hear of it."""
    session, watcher = cluster.session(), cluster.session()
    runs.connect()
    pid = gateway_pid(watcher)
    stand_still(pid)
    try:
        session.send("SELECT * FROM " + call("", prompt, 10, {"seed": 3}, "100 s", "reco_explain"))
        ok(until(lambda: watcher.value("SELECT slots > slots_free FROM reco_stat_gateway") == "t"), "a question waits for the gateway")
        until(lambda: False, 1)
    finally:
        os.kill(pid, signal.SIGCONT)
    told = Told([row[0] for row in session.wait(120)])
    ok(max(q["queued"] for q in told.questions) > 900, "it was in the queue until then", told.text[:3000])
    same(outside(told), [], "and no question takes longer than the run")
    session.close()
    watcher.close()


def kept(runs, prompt):
    """What was answered before is not asked again, and that is told."""
    runs.connect()
    runs.session.query("SET reco.cache = on; SET reco.id_registry = on")
    first = runs.explain(prompt)
    calls = {server: runs.emulator.service(server)["calls"] for server in LATENCY}
    second = runs.explain(prompt)
    ok(second.sum("cached") > 0 and re.search(r"^  Saved: keys=\d+ \(cached=\d+", second.text, re.M),
       "what is kept is told as saved", second.text[:3000])
    for server, before in calls.items():
        same(second.requests(server), runs.emulator.service(server)["calls"] - before, f"{server}: beside as many requests as it has seen")
    ok(second.sum("requests") < first.sum("requests"), "which are fewer", second.sum("requests"), first.sum("requests"))
    runs.session.query("RESET reco.cache; RESET reco.id_registry")


def too_late(runs, prompt):
    """What is under way at the deadline was on the network until then."""
    runs.connect()
    runs.emulator.fault([{"route": "/search", "kind": "stall"}])
    told = runs.explain(prompt, "6 s")
    late = [q for q in told.questions if q.get("failed")]
    ok(late and all(q["outcome"] == "timeout" for q in late), "what had no answer in time is told as that", told.text[:3000])
    ok(late and max(q["network"] for q in late) > 200, "and that it waited for the network", late)


def tokens(runs):
    """A model's tokens, and what they cost."""
    runs.connect()
    runs.session.query(f"CREATE SERVER gemini FOREIGN DATA WRAPPER reco_upstream OPTIONS (kind 'gemini', base_url '{runs.emulator.gemini}',"
                       " model 'gemini-3.6-flash', price_in '2.5', price_out '10')")
    runs.session.query("CREATE USER MAPPING FOR PUBLIC SERVER gemini OPTIONS (api_key 'k')")
    told = runs.explain("zorblax quuxing glimmerous")
    asked = [q for q in told.questions if q["operation"] == "completion"]
    ok(len(asked) == 1 and asked[0].get("prompt_tokens", 0) > 0 and asked[0].get("completion_tokens", 0) > 0,
       "what a model was asked is told with its tokens", told.text[:3000])
    cost = sum(2.5 * q.get("prompt_tokens", 0) + 10 * q.get("completion_tokens", 0) for q in asked) / 1e6
    ok(asked and abs(asked[0].get("cost", 0) - cost) < 2e-6, "and what they cost", cost, asked)
    ok(re.search(r"^  Tokens: prompt=\d+ completion=\d+ cost=", told.text, re.M), "in all, too")
    runs.session.query("DROP SERVER gemini CASCADE")


def on_record(runs, prompt):
    """reco_explain_run tells what reco_explain tells."""
    for _ in range(10):     # what else runs on the machine may come between two stages
        runs.connect()
        run_id = runs.session.json("SELECT " + call("", prompt, 10, {"seed": 3}, "100 s"))["run_id"]
        rows = [row[0] for row in runs.session.query(f"SELECT * FROM reco_explain_run({run_id})")]
        recorded = Told(rows)
        if abs(recorded.sum_of_stages() - recorded.total) <= recorded.total / 5 and not unanswered(recorded):
            break
    as_seen(recorded, runs.emulator)
    services = runs.session.json(f"SELECT record -> 'services' FROM reco.run_lately() WHERE run_id = {run_id}")
    same([(row["server"], row["operation"], row["keys"], round(row["ms"], 3)) for row in services],
         [(q["server"], q["operation"], q["keys"], q["time"]) for q in recorded.questions], "the record has each question")
    ok(abs(recorded.sum_of_stages() - recorded.total) <= recorded.total / 5, "and what stages add up to", recorded.text[:2000])
    near = runs.session.value("SELECT count(*) FROM reco.run_lately(), jsonb_array_elements(record -> 'tracks') AS track"
                              f" WHERE run_id = {run_id} AND track ? 'near'")
    same(str(recorded.text.count("nearest seed: ")), near, "and the seeds of tracks")


def counted(cluster, runs, prompts):
    """reco_stat_stage: lists, and stages of the runs that made them."""
    session = runs.session
    session.query("SELECT reco_stat_reset()")
    same(session.query("SELECT * FROM reco_stat_stage"), [], "after a reset there is nothing")
    session.query("SET reco.result_cache = on")
    for prompt in (*prompts, *prompts, prompts[0]):
        session.json("SELECT " + call("", prompt, 10, {"seed": 3}, "100 s"))
    rows = {row[0]: row[1:] for row in session.query(
        "SELECT metric, calls, hits, hit_ratio, p50_ms <= p95_ms AND p95_ms <= p99_ms AND p99_ms <= max_ms, mean_ms <= max_ms, keys"
        " FROM reco_stat_stage WHERE database = current_database()")}
    same(rows["total"][:2], [str(2 * len(prompts) + 1), str(len(prompts) + 1)], "lists are counted, and those that were kept")
    ok(abs(float(rows["total"][2]) - (len(prompts) + 1) / (2 * len(prompts) + 1)) < 1e-6, "and their share", rows["total"])
    same({name: row[0] for name, row in rows.items() if name != "total" and row[0] != str(len(prompts))}, {}, "stages: runs only")
    same([name for name, row in rows.items() if row[3] != "t" or row[4] != "t"], [], "percentiles are in their order")
    same({"total", *METRICS} - set(rows), set(), "all metrics are there by their names")
    ok(int(rows["artist_discovery"][5]) > 0, "with the keys that they asked for", rows["artist_discovery"])
    session.query("RESET reco.result_cache; CREATE ROLE watcher LOGIN IN ROLE pg_monitor; CREATE ROLE nobody LOGIN")
    watcher, nobody = cluster.session(user="watcher"), cluster.session(user="nobody")
    ok(int(watcher.value("SELECT count(*) FROM reco_stat_stage")) > 10, "pg_monitor may read it")
    same(nobody.error("SELECT * FROM reco_stat_stage"), "42501", "others may not")
    session.query("CREATE DATABASE other")
    other = cluster.session(database="other")
    other.query("CREATE EXTENSION reco CASCADE; SELECT reco_demo_catalogue(500)")
    other.json("SELECT " + call("", "calm", 5))
    same(session.query("SELECT database, calls FROM reco_stat_stage WHERE metric = 'total' ORDER BY calls"),
         [["other", "1"], ["postgres", str(2 * len(prompts) + 1)]], "databases are counted apart")
    for each in (watcher, nobody, other):
        each.close()


def main():
    with Emulator("--latency", "none", "--preset", "extended") as emulator, Cluster("reco.learn = off") as cluster:
        session = cluster.session()
        session.query("CREATE EXTENSION reco CASCADE; SELECT reco_demo_catalogue(3000)")
        runs = Runs(session, emulator)
        artists = emulator.artists(50)
        prompt = f"like {artists[0]['name']}, calm"
        for _ in range(10):
            runs.connect()
            told = runs.explain(prompt)
            if not unanswered(told):
                break
        ok(told.questions, "each question to a service is told", told.text[:3000])
        as_seen(told, emulator)
        adds_up(runs, prompt)
        limits(runs, f"like {artists[0]['name']}, {artists[1]['name']} and {artists[2]['name']}")
        shared(cluster, runs, prompt)
        waited_for(cluster, runs, prompt)
        kept(runs, prompt)
        too_late(runs, prompt)
        tokens(runs)
        on_record(runs, prompt)
        counted(cluster, runs, (prompt, "happy rock", "sad piano"))
        same(nothing_left(session), None, "nothing is left behind")
        session.close()
    done()


if __name__ == "__main__":
    main()
