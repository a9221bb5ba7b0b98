#!/usr/bin/env python3
"""The measuring half of test/bench/quality_live: without services, with them, and in a hurry.

Purpose: see test/bench/quality_live; playlists, what is hidden of them and the measures are
         those of quality.py.
Runs in: plain Python 3; sessions are psql.
Never:   let what was learned for one way of asking serve another.
"""
import argparse
import sys
import time

sys.dont_write_bytecode = True
import quality  # noqa: E402
from bench import WIDE, WIDE_QUOTA  # noqa: E402
from emulator import Emulator  # noqa: E402
from reco_tap import Session, call, literal  # noqa: E402

MEASURES = ("recall@500", "ndcg@50", "auc")
SAME = .0005            # less is no difference
SCALE = .2              # of the latencies, where there are some
OPTIONS = {"order": "score"}


class Asked:
    """One way of asking."""

    def __init__(self, database, playlists, names):
        self.session = Session(database)
        self.session.query("LOAD 'reco'; SET reco.result_cache = off; SET reco.artifacts = off")
        self.playlists = playlists
        self.names = names
        catalogue = quality.Catalogue()
        self.ids, self.ntracks = catalogue.ids, len(catalogue.ids)

    def figures(self, one):
        """Means of the measures; 'one' makes a list and a ranking of a name."""
        sums = dict.fromkeys(MEASURES, 0)
        live = 0
        for name in self.names:
            hidden, visible = self.playlists.parts_of(name)
            ranking, listed, nlive = one(name)
            judged = quality.judge(ranking, listed, hidden & self.ids, visible & self.ids, self.ntracks)
            for measure in MEASURES:
                sums[measure] += judged[measure] / len(self.names)
            live += nlive
        return sums, live / len(self.names)

    def listed(self, name, deadline):
        rows = self.session.query("SELECT track_id, origin FROM "
                                  + call("", name, quality.LISTED, OPTIONS, deadline, "reco_generate") + " ORDER BY rank")
        return [row[0] for row in rows], sum(row[1] != "local" for row in rows)

    def ranked(self, name):
        return [(row[0], row[1]) for row in self.session.query(
            f"SELECT track_id, score FROM reco_rank('', {literal(name)}, n => {self.ntracks}) ORDER BY rank")]

    def whole(self, name):
        listed, live = self.listed(name, "60 s")
        return self.ranked(name), listed, live


class Hurried(Asked):
    """Each question twice: to see how long it takes, and anew with half of that time."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.took = []

    def half(self, name):
        self.session.query("SELECT reco_cache_invalidate()")
        began = time.monotonic()
        self.listed(name, "60 s")
        took = time.monotonic() - began
        self.session.query("SELECT reco_cache_invalidate()")
        listed, live = self.listed(name, f"{int(500 * took)} ms")
        self.took.append(took)
        return [(id, str(-n)) for n, id in enumerate(listed)], listed, live


def connect(session, emulator, app):
    """Services that nobody has asked; limits are out of the way."""
    for kind, where, secrets in (
            ("spotify", f"base_url '{emulator.spotify}', accounts_url '{emulator.accounts}'", f"client_id '{app}', client_secret 's'"),
            ("reccobeats", f"base_url '{emulator.reccobeats}'", f"api_key '{app}'")):
        options = "".join(f", {name} '{value}'" for name, value in {**WIDE, **WIDE_QUOTA.get(kind, {})}.items())
        session.query(f"CREATE SERVER {kind} FOREIGN DATA WRAPPER reco_upstream OPTIONS (kind '{kind}', {where}{options})")
        session.query(f"CREATE USER MAPPING FOR PUBLIC SERVER {kind} OPTIONS ({secrets})")


def chosen(playlists, quick):
    """Names of test playlists, of both kinds."""
    if not quick:
        return playlists.test
    return [name for kind in ("genre", "mood")
            for name in [n for n in playlists.test if playlists.kind[n] == kind][:6]]


def report(quick, names, alone, live, hurried):
    """Prints the measures of all three; whether services made any worse."""
    worse = []
    print(f"# {len(names)} playlists; the mean share of rows that are not local: with services"
          f" {live[1] / quality.LISTED:.2f}, at half the time {hurried[1] / quality.LISTED:.2f}")
    for measure in MEASURES:
        here, there = alone[0][measure], live[0][measure]
        if there < here - SAME:
            worse.append(measure)
        half = "" if measure != "ndcg@50" else f" at half the time {hurried[0][measure]:.4f}"
        print(f"quality_live {measure} engine alone {here:.4f} with services {there:.4f}{half}"
              f"{' WORSE' if measure in worse else ''}")
    print(f"ratio quality_live.ndcg_alone_over_live {alone[0]['ndcg@50'] / live[0]['ndcg@50']:.4f}")
    print(f"ratio quality_live.ndcg_alone_over_half_time {alone[0]['ndcg@50'] / hurried[0]['ndcg@50']:.4f}")
    sys.exit(1 if worse and not quick else 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--songs", required=True)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    playlists = quality.Playlists(options.songs, "report")
    quality.PSQL.extend(["-d", "alone"])
    quality.load(playlists)
    names = chosen(playlists, options.quick)
    admin = Session("postgres")
    for name in ("hurried", "live"):
        admin.query(f"CREATE DATABASE {name} TEMPLATE alone")
    asked = Asked("alone", playlists, names)
    began = time.monotonic()
    alone = asked.figures(asked.whole)
    print(f"# without services: {time.monotonic() - began:.1f} s", flush=True)
    with Emulator("--catalogue", options.songs, "--window", "none", "--quota", "none") as emulator:
        began = time.monotonic()
        hurried = Hurried("hurried", playlists, names)
        connect(hurried.session, emulator, "hurried")
        emulator.config(latency="default", scale=SCALE)
        half = hurried.figures(hurried.half)
        print(f"# in a hurry: {time.monotonic() - began:.1f} s; whole runs took"
              f" {sorted(hurried.took)[len(names) // 2]:.3f} s, the median", flush=True)
        began = time.monotonic()
        asked = Asked("live", playlists, names)
        connect(asked.session, emulator, "live")
        emulator.config(latency=0)
        live = asked.figures(asked.whole)
        calls = {name: service["calls"] for name, service in emulator.counters()["services"].items()}
        print(f"# with services: {time.monotonic() - began:.1f} s, calls {calls}", flush=True)
        if emulator.counters()["bugs"]:
            print(f"error: the emulator has a bug: {emulator.counters()['bugs'][:3]}", file=sys.stderr)
            sys.exit(2)
    report(options.quick, names, alone, live, half)


main()
