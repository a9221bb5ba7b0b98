#!/usr/bin/env python3
"""Claim: where a service offers HTTP/2, many calls at once share one connection.

Sixty keys, a call for each, all at once, to a server that speaks HTTP/2 over TLS: one
connection is opened, or two, where one without HTTP/2 needs one for each call that is
under way; the next calls find it open. It goes on when the server was away.
"""
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import uuid

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from cluster import Cluster, resolve  # noqa: E402
from emulator import Emulator  # noqa: E402
from reco_tap import done, literal, ok, same, skip, until  # noqa: E402

CALLS = 60
ROUNDS = 40


def program(name):
    """Where a program is; daemons are not in everybody's path."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")


def certificate(directory):
    """(certificate, key) that vouches for this machine, and for itself."""
    made = f"{directory}/server.pem", f"{directory}/server.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                    "-nodes", "-keyout", made[1], "-out", made[0], "-days", "3", "-subj", "/CN=127.0.0.1",
                    "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    return made


def record(track):
    return {"id": str(uuid.uuid5(uuid.NAMESPACE_URL, track)), "href": "https://open.spotify.com/track/" + track,
            "acousticness": 0.0123, "danceability": 0.611, "energy": 0.742, "instrumentalness": 0.00004, "key": 9,
            "liveness": 0.108, "loudness": -6.215, "mode": 0, "speechiness": 0.0371, "tempo": 121.98, "valence": 0.333}


class Busy:
    """The machine has more to do than it can."""

    def __enter__(self):
        self.burners = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2 * os.cpu_count())]

    def __exit__(self, *exception):
        for burner in self.burners:
            burner.kill()
            burner.wait()


class Server:
    """nghttpd: files of a directory over HTTP/2, whatever the query is."""

    def __init__(self, directory, tls, tracks):
        self.files = directory + "/files"
        self.tls = tls
        self.process = None
        self.port = None
        os.mkdir(self.files)
        with open(self.files + "/audio-features", "w", encoding="ascii") as file:
            json.dump({"content": [record(track) for track in tracks]}, file)

    def __enter__(self):
        # a port that was free may be taken before the server has it
        for _ in range(10):
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self.port = probe.getsockname()[1]
            if self.start():
                return self
        raise RuntimeError("nghttpd did not start")

    def start(self):
        self.process = subprocess.Popen(
            [program("nghttpd"), "-a", "127.0.0.1", "-d", self.files, str(self.port), self.tls[1], self.tls[0]],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if until(lambda: self.process.poll() is not None or self.listens(), 10) and self.process.poll() is None:
            return True
        self.stop()
        return False

    def listens(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def stop(self):
        self.process.kill()
        self.process.wait()

    def __exit__(self, *exception):
        self.stop()

    @property
    def url(self):
        return f"https://127.0.0.1:{self.port}"


def serve(session, url, ca_file):
    session.query("DROP SERVER IF EXISTS reccobeats CASCADE")
    session.query(f"CREATE SERVER reccobeats FOREIGN DATA WRAPPER reco_upstream OPTIONS (kind 'reccobeats',"
                  f" base_url {literal(url)}, ca_file {literal(ca_file)}, rate '100000/1s', burst '10000',"
                  f" max_concurrency '100', batch_max '1')")


def figures(session, url):
    return [int(value) for value in session.query(
        f"SELECT calls, connections_opened FROM reco_stat_upstream WHERE base_url = {literal(url)}")[0]]


def ask(session, tracks):
    return {row[1] for row in session.query(resolve("track_features", tracks, "20 s"))}


def run(directory):
    tracks = [f"{i:022d}" for i in range(CALLS)]
    tls = certificate(directory)
    with Server(directory, tls, tracks) as server, Emulator("--latency", "none", "--tls", *tls) as other, \
            Cluster() as cluster:
        session = cluster.session()
        session.query("CREATE EXTENSION reco CASCADE")

        serve(session, server.url, tls[0])
        same(ask(session, tracks), {"fresh"}, "over HTTP/2, all keys come")
        calls, opened = figures(session, server.url)
        same(calls, CALLS, "a call for each of them")
        ok(1 <= opened <= 2, "over one connection, or two", opened)
        same(ask(session, tracks), {"fresh"}, "and again")
        same(figures(session, server.url), [2 * CALLS, opened], "over the connection that is open")
        with Busy():
            for _ in range(ROUNDS):
                ask(session, tracks)
        same(figures(session, server.url), [(2 + ROUNDS) * CALLS, opened],
             "no answer is left lying where others end, so no call is made twice")

        server.stop()
        before = figures(session, server.url)[1]
        ok(until(server.start, 30), "the server was away")
        ok(until(lambda: ask(session, tracks[:1]) == {"fresh"}), "it is asked again")
        same(ask(session, tracks), {"fresh"}, "by many at once")
        ok(figures(session, server.url)[1] - before <= 3, "over few connections again",
           figures(session, server.url)[1] - before)

        serve(session, other.reccobeats, tls[0])
        ask(session, tracks)
        opened = figures(session, other.reccobeats)[1]
        ok(opened > 3, "where HTTP/2 is not offered, calls do not wait for one connection", opened)
    done()


def main():
    for name, package in (("nghttpd", "nghttp2-server"), ("openssl", "openssl")):
        if program(name) is None:
            skip("HTTP/2 is used where it is offered", f"{name} is not there (package {package})")
            done()
    directory = tempfile.mkdtemp(prefix="reco-h2.", dir="/tmp")
    os.chmod(directory, 0o755)
    try:
        run(directory)
    finally:
        shutil.rmtree(directory)


main()
