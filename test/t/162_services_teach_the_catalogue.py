#!/usr/bin/env python3
"""Claim: what services tell becomes a part of the catalogue, and harms nothing that is there.

Tracks, artists and features land with who told them, when, and until when that holds. What
somebody imported or wrote stays as it is, but for features that nobody knew. No list that
is kept becomes invalid. What nobody tells again in time goes. Whoever has the catalogue
locked holds up nothing else, and no value, however wrong, holds up anything.
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from cluster import Cluster, as_owner, connect_services, gateway_pid, resolve  # noqa: E402
from driver import build  # noqa: E402
from emulator import Emulator  # noqa: E402
from reco_tap import Lost, SqlError, call, done, literal, ok, same, until  # noqa: E402

SEARCH, TRACKS, ARTISTS, FEATURES = 0, 3, 4, 7  # categories of the buffer
PROMPT = "rainy sunday, calm"
LEARNED = "SELECT count(*) FROM reco.track WHERE source IN ('spotify', 'reccobeats')"
HAND_MADE = "SELECT md5(string_agg(t::text, '|' ORDER BY track_id)) FROM reco.track AS t WHERE source NOT IN ('spotify', 'reccobeats')"


class Learning:
    """A server with services, and what its catalogue learned."""

    def __init__(self, cluster, emulator):
        self.cluster = cluster
        self.emulator = emulator
        self.session = cluster.session()
        self.session.query("CREATE EXTENSION reco CASCADE")
        connect_services(self.session, emulator, reccobeats={"rate": "10000/1s", "max_concurrency": "20"},
                         spotify={"rate": "10000/1s", "daily_quota": "100000"})

    def ask(self, kind, keys):
        return [row[0] for row in self.session.query(resolve(kind, keys, "20 s", columns="outcome"))]

    def value(self, sql):
        return self.session.value(sql)

    def number(self, sql):
        return int(self.session.value(sql))

    def count(self, column):
        return self.number(f"SELECT {column} FROM reco_learn_stats")

    def track(self, track_id, columns="source"):
        rows = self.session.query(f"SELECT {columns} FROM reco.track WHERE track_id = {literal(track_id)}")
        return rows[0] if rows else None

    def learned(self, ids):
        """Waits until all of them are in the catalogue."""
        array = literal("{" + ",".join(ids) + "}")
        return until(lambda: self.number(f"SELECT count(*) FROM reco.track WHERE track_id = ANY ({array})") == len(ids))

    def settle(self):
        """Waits until all that is in the buffer was written, and learned from."""
        waiting = "SELECT sum(unwritten) FROM reco_cache_stats"
        ok(until(lambda: self.value(waiting) == "0"), "the keeper has written everything")

    def setting(self, name, value):
        self.session.query(f"ALTER SYSTEM SET {name} = {literal(value)}")
        self.session.query("SELECT pg_reload_conf()")

    def calls(self, service):
        return self.emulator.service(service)["calls"]


def provenance(learning, tracks, missing):
    """Facts land, with who told them."""
    ids = [track["id"] for track in tracks[:6]]
    same(learning.ask("track_facts", ids), ["fresh"] * 6, "a service is asked for tracks")
    ok(learning.learned(ids), "they are in the catalogue")
    for track in tracks[:2]:
        row = learning.track(track["id"], "title, artist, artist_id, source, expires_at > now() + '26 days',"
                             " expires_at < now() + '34 days', fetched_at > now() - interval '5 minutes', features,"
                             " features_source IS NULL, title_fold = reco.fold(title), search IS NOT NULL")
        same(row[:4] + row[4:], [track["name"], row[1], track["artist_id"], "spotify", "t", "t", "t", "unknown", "t", "t", "t"],
             f"{track['name']}: as told, by whom, until when, not measured")
        ok(track["artist"] in row[1], "by its artist", row)
    same(learning.value(f"SELECT count(*) FROM reco.artist WHERE source = 'spotify' AND expires_at > now() AND artist_id ="
                        f" ANY ({literal('{' + ','.join(track['artist_id'] for track in tracks[:6]) + '}')})"),
         str(len({track["artist_id"] for track in tracks[:6]})), "and so are their artists")

    same(learning.ask("track_features", ids[:3]), ["fresh"] * 3, "features of some")
    ok(until(lambda: learning.track(ids[2], "features")[0] == "measured"), "are measured")
    same(learning.track(ids[0], "source, features_source, energy IS NOT NULL, features_expires_at > now() + '80 days',"
                        " features_expires_at < now() + '100 days', features_fetched_at > now() - interval '5 minutes'"),
         ["spotify", "reccobeats", "t", "t", "t", "t"], "the track says who told it, and who its features")
    same(learning.track(ids[3], "features, energy IS NULL, features_source IS NULL"), ["unknown", "t", "t"],
         "those that were not asked for are unknown")

    # what a service does not know is absent, and nothing is filled in
    same(learning.ask("track_facts", missing), ["fresh"] * len(missing), "tracks that have no features")
    ok(learning.learned(missing), "are in the catalogue, too")
    same(learning.ask("track_features", missing), ["absent"] * len(missing), "the other service does not know them")
    ok(until(lambda: learning.track(missing[0], "features")[0] == "absent"), "they are absent")
    same(learning.track(missing[0], "num_nonnulls(energy, valence, tempo, key, mode), features_source,"
                        " features_expires_at BETWEEN now() + '6 days' AND now() + '8 days'"),
         ["0", "reccobeats", "t"], "and have no number, for a week")

    # features before the track
    early = [track["id"] for track in tracks[6:9]]
    same(learning.ask("track_features", early), ["fresh"] * 3, "features of tracks that the catalogue does not have")
    learning.settle()
    same(learning.ask("track_facts", early), ["fresh"] * 3, "and then the tracks")
    ok(until(lambda: learning.number(f"SELECT count(*) FROM reco.track WHERE features = 'measured' AND track_id = ANY"
                                     f" ({literal('{' + ','.join(early) + '}')})") == 3), "come together")


def main():
    with Emulator("--latency", "none", "--preset", "extended") as emulator, \
            Cluster("reco.keeper_interval = '50ms'", "reco.cache = on", "reco.id_registry = on", "reco.result_cache = on") as cluster:
        learning = Learning(cluster, emulator)
        tracks = [track for track in emulator.tracks(600, covered="true") if not track["twin"]][:200]
        missing = [track["id"] for track in emulator.tracks(30, covered="false")][:3]
        provenance(learning, tracks, missing)
    done()


main()
