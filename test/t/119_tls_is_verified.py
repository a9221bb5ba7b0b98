#!/usr/bin/env python3
"""Claim: nothing is sent over TLS to whom the server's CAs do not vouch for.

With a CA of the test's own: the right one in option ca_file, none, another one, a broken
file; another host's certificate, an expired one, one that is not valid yet; also for the
token endpoint. What counts is what arrived: no request, so no secret. A change by ALTER
SERVER counts at once, for connections that are open, too.
"""
import itertools
import os
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from cluster import Cluster, resolve  # noqa: E402
from emulator import Emulator  # noqa: E402
from reco_tap import done, literal, ok, same, skip  # noqa: E402

CLIENTS = itertools.count()
CONFIGURATION = """
[ca]
default_ca = own
[own]
database = {dir}/index
serial = {dir}/serial
new_certs_dir = {dir}
default_md = sha256
policy = any
copy_extensions = copy
[any]
commonName = supplied
"""


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


class Authority:
    """A CA in a directory; .file is what trusts it."""

    def __init__(self, directory, name):
        self.dir = os.path.join(directory, name)
        os.mkdir(self.dir)
        self.file, self.key = self.dir + "/ca.pem", self.dir + "/ca.key"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-keyout", self.key, "-out", self.file, "-days", "3", "-subj", f"/CN=CA {name}")
        with open(self.dir + "/index", "w", encoding="ascii"):
            pass
        for file, text in (("serial", "01\n"), ("configuration", CONFIGURATION.format(dir=self.dir))):
            with open(f"{self.dir}/{file}", "w", encoding="ascii") as out:
                out.write(text)

    def issue(self, name, host, begin="20200101000000Z", end="20490101000000Z"):
        """(certificate, key) for a host, valid from begin to end."""
        request, certificate, key = (f"{self.dir}/{name}.{end_}" for end_ in ("csr", "pem", "key"))
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-keyout", key, "-out", request, "-subj", f"/CN={name}", "-addext", f"subjectAltName={host}")
        openssl("ca", "-batch", "-notext", "-config", self.dir + "/configuration", "-cert", self.file,
                "-keyfile", self.key, "-in", request, "-out", certificate, "-startdate", begin, "-enddate", end)
        return certificate, key


def listener(certificate):
    return Emulator("--latency", "none", "--catalogue", "200", "--preset", "extended", "--tls", *certificate)


def point(session, emulator, ca_file):
    """Lets both servers lead to an emulator, and trust a CA; None = the system's."""
    urls = {"reccobeats": [("base_url", emulator.reccobeats)],
            "spotify": [("base_url", emulator.spotify), ("accounts_url", emulator.accounts)]}
    for server in urls:
        session.query(f"DROP SERVER IF EXISTS {server} CASCADE")
        options = [("kind", server), *urls[server]] + ([("ca_file", ca_file)] if ca_file else [])
        session.query(f"CREATE SERVER {server} FOREIGN DATA WRAPPER reco_upstream OPTIONS ("
                      + ", ".join(f"{name} {literal(value)}" for name, value in options) + ")")
    # another client each time, as a port may come again, with what was learned of it
    session.query(f"CREATE USER MAPPING FOR PUBLIC SERVER spotify OPTIONS (client_id 'a{next(CLIENTS)}', client_secret 'b')")


def ask(session, track, kind="track_features"):
    return session.query(resolve(kind, [track], "10 s"))[0][1]


def calls(emulator):
    """All requests that it was sent, whoever is asked for."""
    return sum(service["calls"] for service in emulator.counters()["services"].values())


def last_error(session, kind):
    return session.value(f"SELECT last_error FROM reco_stat_upstream WHERE kind = {literal(kind)}"
                         " ORDER BY last_error_at DESC NULLS LAST LIMIT 1") or ""


def refused(session, emulator, name, says="certificate"):
    """Neither the service nor its token endpoint gets a request."""
    before = calls(emulator)
    track = emulator.tracks(1)[0]["id"]
    for kind, key, service in (("track_features", track, "reccobeats"), ("track_search", "calm", "spotify")):
        same(ask(session, key, kind), "unavailable", f"{name}: {service} cannot be had")
        message = last_error(session, service)
        ok(says in message.lower(), f"{name}: and last_error says why", message)
    same(calls(emulator), before, f"{name}: nothing was sent")


def changes(session, emulator, right, wrong, track):
    """ALTER SERVER, with a connection open that was fine under the old option."""
    same(ask(session, track), "fresh", "a connection is open")
    session.query(f"ALTER SERVER reccobeats OPTIONS (SET ca_file {literal(wrong.file)})")
    before = calls(emulator)
    same(ask(session, track), "unavailable", "after ALTER SERVER to another CA it is not used any more")
    same(calls(emulator), before, "and nothing is sent")
    session.query(f"ALTER SERVER reccobeats OPTIONS (SET ca_file {literal(right.file)})")
    same(ask(session, track), "fresh", "ALTER SERVER back takes effect at once")
    session.query("ALTER SERVER reccobeats OPTIONS (DROP ca_file)")
    same(ask(session, track), "unavailable", "without ca_file the system's CAs count")
    session.query(f"ALTER SERVER reccobeats OPTIONS (ADD ca_file {literal(right.file)})")
    same(ask(session, track), "fresh", "and with it again, its own")
    same(session.value("SELECT starts FROM reco_stat_worker WHERE worker = 'gateway'"), "1",
         "all by one gateway, without a restart")


def renewed(session, right, wrong, track, file):
    """Another content of the same file."""
    shutil.copy(wrong.file, file)
    session.query(f"ALTER SERVER reccobeats OPTIONS (SET ca_file {literal(file)})")
    same(ask(session, track), "unavailable", "a file with another CA")
    shutil.copy(right.file, file)
    same(ask(session, track), "fresh", "when the right one is put into it, that counts")


def run(directory):
    right, wrong = Authority(directory, "right"), Authority(directory, "wrong")
    here = "IP:127.0.0.1"
    with Cluster() as cluster:
        session = cluster.session()
        session.query("CREATE EXTENSION reco CASCADE")

        with listener(right.issue("good", here)) as emulator:
            track = [t["id"] for t in emulator.tracks(30, covered="true") if not t["twin"]][0]
            point(session, emulator, right.file)
            same(ask(session, track), "fresh", "the right CA: the service answers")
            same(ask(session, "calm", "track_search"), "fresh", "and so does one that takes a token")
            ok(calls(emulator) >= 3, "both by requests, and one for the token", calls(emulator))
            changes(session, emulator, right, wrong, track)
            renewed(session, right, wrong, track, directory + "/renewed.pem")

        # an emulator each, as what was refused too often is not tried again for a while
        with listener(right.issue("good2", here)) as emulator:
            point(session, emulator, None)
            refused(session, emulator, "no CA of one's own")
            point(session, emulator, wrong.file)
            refused(session, emulator, "another CA")
        with listener(right.issue("good3", here)) as emulator:
            point(session, emulator, directory + "/none.pem")
            refused(session, emulator, "a CA file that is not there")
            with open(directory + "/broken.pem", "w", encoding="ascii") as file:
                file.write("no certificate\n")
            point(session, emulator, directory + "/broken.pem")
            refused(session, emulator, "a CA file without any")
        for name, certificate, says in (
                ("another host's certificate", right.issue("elsewhere", "DNS:elsewhere.example"), "127.0.0.1"),
                ("an expired certificate",
                 right.issue("old", here, "20200101000000Z", "20210101000000Z"), "expired"),
                ("a certificate of the future",
                 right.issue("early", here, "20480101000000Z", "20490101000000Z"), "not yet valid"),
                ("a certificate that vouches for itself", (wrong.file, wrong.key), "certificate")):
            with listener(certificate) as emulator:
                point(session, emulator, right.file)
                refused(session, emulator, name, says)
    done()


def main():
    if shutil.which("openssl") is None:
        skip("TLS is verified", "openssl is not there to make certificates")
        done()
    directory = tempfile.mkdtemp(prefix="reco-tls.", dir="/tmp")
    os.chmod(directory, 0o755)
    try:
        run(directory)
    finally:
        shutil.rmtree(directory)


main()
