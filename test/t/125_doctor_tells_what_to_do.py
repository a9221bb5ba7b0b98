#!/usr/bin/env python3
"""Claim: reco_doctor() says what is wrong, and the command that it names mends it.

Every state that it knows, one after another: a row with status, detail and hint. Where the
hint holds a statement, that statement is run, its dots filled in as a reader would; then
the row is ok. It asks all servers at once, keeps to its deadline, and shows no secret.
"""
import os
import re
import signal
import socket
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from bench import Bench  # noqa: E402
from cluster import Cluster, alive, connect_services, gateway_pid  # noqa: E402
from emulator import Emulator  # noqa: E402
from reco_tap import SqlError, done, ok, same, until  # noqa: E402

STATEMENT = re.compile(r"ALTER SYSTEM [^;]*|(?:ALTER|CREATE) [^;]*?OPTIONS \(.*?\)|REVOKE [^,;]*|ALTER EXTENSION \w+ UPDATE"
                       r"|ALTER SERVER \S+ OWNER TO|SET reco\S+ (?:TO|=) \w+", re.IGNORECASE)


class Doctor:
    """What reco_doctor says, and doing what it says."""

    def __init__(self, session):
        self.session = session
        self.seen = []

    def rows(self, deadline="5 s"):
        found = [dict(zip(("check", "status", "detail", "hint"), row)) for row in
                 self.session.query(f"SELECT * FROM reco_doctor('{deadline}')")]
        self.seen += found
        return found

    def row(self, check, words="", deadline="5 s"):
        """The row of a check whose detail has these words; without words the first one."""
        for row in self.rows(deadline):
            if row["check"] == check and words in row["detail"]:
                return row
        return {"check": check, "status": "none", "detail": "", "hint": ""}

    def is_ok(self, check):
        rows = [row for row in self.rows() if row["check"] == check]
        return bool(rows) and all(row["status"] == "ok" for row in rows)

    def follow(self, hint, *fill):
        """Runs the statement of a hint; each '...' is the next of 'fill'. An error's text, or None."""
        found = STATEMENT.search(hint)
        if not found:
            return f"no statement in: {hint}"
        statement = found.group(0)
        for text in fill:
            statement = statement.replace("...", text, 1) if "..." in statement else f"{statement} {text}"
        try:
            self.session.query(statement)
        except SqlError as error:
            return f"{statement}: {error}"
        return None


def told_and_mended(doctor, name, check, status, words, *fill):
    """A row says what is wrong; doing what its hint says makes it ok."""
    row = doctor.row(check, words)
    ok(row["status"] == status and row["hint"], f"{name}: a row says so, {status}", doctor.rows())
    failed = doctor.follow(row["hint"], *fill)
    ok(failed is None, f"{name}: its statement can be run", failed)
    ok(doctor.is_ok(check), f"{name}: then it is ok", doctor.rows())


def library(cluster):
    """The library and the gateway, from nothing on."""
    session = cluster.session()
    session.query("CREATE EXTENSION reco CASCADE")
    doctor = Doctor(session)
    row = doctor.row("preloaded")
    ok(row["status"] == "warning" and "shared_preload_libraries" in row["hint"] and "restart" in row["hint"],
       "not preloaded: a row says so, and what to do", row)
    same([row["check"] for row in doctor.rows() if row["status"] == "error"], [], "which is no error: the engine answers")

    cluster.configure("shared_preload_libraries = 'reco'", "max_worker_processes = 0")
    cluster.stop()
    cluster.start()
    doctor.session = session = cluster.session()
    ok(doctor.is_ok("preloaded"), "preloaded: ok")
    row = doctor.row("gateway")
    ok(row["status"] == "error" and "max_worker_processes" in row["hint"], "no place for the gateway: a row says where", row)
    row = doctor.row("keeper")
    ok(row["status"] == "warning" and "max_worker_processes" in row["hint"], "nor for a keeper: a row says so", row)
    cluster.configure("max_worker_processes = 8")
    cluster.stop()
    cluster.start()
    doctor.session = session = cluster.session()
    ok(until(lambda: doctor.is_ok("gateway"), 20), "with one: ok")
    ok(until(lambda: doctor.is_ok("keeper") and "with pid" in doctor.row("keeper")["detail"], 20), "the keeper: ok")
    ok(until(lambda: {row["status"] for row in doctor.rows()} == {"ok"}, 20), "a fresh installation is all ok", doctor.rows())
    ok("CREATE SERVER" in doctor.row("servers")["hint"], "and says how to add a service")

    def ends():
        """Ends the gateway, as often as another one came before anybody looked."""
        pid = gateway_pid(session)
        if pid is not None and alive(pid):
            os.kill(pid, signal.SIGTERM)
        return doctor.row("gateway")["status"] == "error"
    ok(until(ends, 20), "the gateway ended: a row says so")
    ok(until(lambda: doctor.is_ok("gateway"), 20), "it comes back as the hint says")

    session.query("UPDATE pg_extension SET extversion = '0.1' WHERE extname = 'reco'")
    row = doctor.row("version")
    ok(row["status"] == "error" and "0.1" in row["detail"] and "ALTER EXTENSION reco UPDATE" in row["hint"],
       "SQL objects of another version: a row says so", row)
    session.query("UPDATE pg_extension SET extversion = default_version FROM pg_available_extensions a"
                  " WHERE extname = 'reco' AND a.name = extname")
    ok(doctor.is_ok("version"), "of the same: ok")
    session.query("SET reco.upstreams = off")
    row = doctor.row("upstreams")
    ok(row["status"] == "warning" and "reco.upstreams" in row["hint"], "upstreams switched off: a row says so", row)
    session.query("RESET reco.upstreams")

    session.query("ALTER SYSTEM SET reco.keeper = off")
    session.query("SELECT pg_reload_conf()")
    ok(until(lambda: doctor.row("keeper")["status"] == "warning", 20), "keepers switched off: a row says so")
    row = doctor.row("keeper", "reco.keeper is off")
    same(doctor.follow(row["hint"]), None, "keepers: its statement can be run")
    session.query("SELECT pg_reload_conf()")
    ok(until(lambda: "with pid" in doctor.row("keeper")["detail"], 20), "keepers: then one runs")
    return doctor


def services(doctor, bench):
    """What may be wrong with a server."""
    emulator, session = bench.emulator, doctor.session
    connect_services(session, emulator)
    same([(row["check"], row["status"]) for row in doctor.rows() if row["check"].startswith("server")],
         [('server "gemini"', "ok"), ('server "reccobeats"', "ok"), ('server "spotify"', "ok")], "three services, all well")
    calls = {name: emulator.service(name)["calls"] for name in ("gemini", "reccobeats", "spotify")}
    same(calls, {"gemini": 1, "reccobeats": 1, "spotify": 1}, "each was asked one small question")

    session.query("ALTER SERVER gemini OPTIONS (ADD enabled 'false')")
    row = doctor.row('server "gemini"')
    same((row["status"], row["detail"]), ("ok", "it is not enabled"), "disabled: a row says so")
    same(doctor.follow(row["hint"]), None, "disabled: its statement can be run")
    ok("answers" in doctor.row('server "gemini"')["detail"], "disabled: then it answers")

    for service, wrong, *right in (("spotify", "client_id 'a', client_secret 'wrong'", "a", "right"),
                                   ("gemini", "api_key 'wrong'", "right"), ("openai", "api_key 'wrong'", "right")):
        bench.fresh(service, mapping=wrong)
        check = f'server "{service}"'
        row = doctor.row(check, "unauthorised")
        ok(row["status"] == "error", f"{service}, a wrong key: a row says so", doctor.rows())
        failed = doctor.follow(row["hint"], *right)
        ok(failed is None, f"{service}, a wrong key: its statement can be run", failed)
        ok(doctor.is_ok(check), f"{service}, a wrong key: then it is ok", doctor.rows())

    # (a model of one's own, at a loopback address, needs no key)
    for service in ("spotify", "gemini"):
        bench.fresh(service)
        session.query(f"DROP USER MAPPING FOR PUBLIC SERVER {service}")
        secrets = ["a", "b"] if service == "spotify" else ["k"]
        told_and_mended(doctor, f"{service} without a mapping", f'server "{service}"', "warning", "mapping", *secrets)
        # a mapping that is there, but lacks what is needed
        session.query(f"ALTER USER MAPPING FOR PUBLIC SERVER {service} OPTIONS (" + (
            "DROP client_id, DROP client_secret)" if service == "spotify" else "DROP api_key)"))
        told_and_mended(doctor, f"{service} with an empty mapping", f'server "{service}"', "warning", "mapping", *secrets)
        # one of another kind, and a role's own
        session.query(f"ALTER USER MAPPING FOR PUBLIC SERVER {service} OPTIONS (" + (
            "DROP client_id, DROP client_secret, ADD api_key 'k')" if service == "spotify" else
            "DROP api_key, ADD client_id 'a', ADD client_secret 'b')"))
        told_and_mended(doctor, f"{service} with another's secrets", f'server "{service}"', "warning", "mapping", *secrets)
        session.query(f"CREATE USER MAPPING FOR postgres SERVER {service}")
        told_and_mended(doctor, f"{service} with a role's empty mapping", f'server "{service}"', "warning", "mapping", *secrets)

    for service, url, gone, good in (("gemini", emulator.gemini, "gemini-2.0-flash", "gemini-3.6-flash"),
                                     ("openai", emulator.openai, "gone-away", "some-model")):
        bench.fresh(service, base=f"base_url '{url}', model '{gone}'")
        row = doctor.row(f'server "{service}"', gone)
        ok(row["status"] in ("error", "warning"), f"{service}, a model that is gone: a row names it", doctor.rows())
        failed = doctor.follow(row["hint"], good)
        ok(failed is None, f"{service}, a model that is gone: its statement can be run", failed)
        ok(doctor.is_ok(f'server "{service}"'), f"{service}, a model that is gone: then it is ok", doctor.rows())


def addresses(doctor, bench):
    emulator, session = bench.emulator, doctor.session
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        bench.fresh("reccobeats", base=f"base_url 'http://127.0.0.1:{closed.getsockname()[1]}/v1'")
        told_and_mended(doctor, "nobody listens", 'server "reccobeats"', "error", "unavailable", emulator.reccobeats)
    bench.fresh("reccobeats", base="base_url 'http://nowhere.invalid/v1'", allow_plaintext="true")
    told_and_mended(doctor, "a name that nobody knows", 'server "reccobeats"', "error", "nowhere.invalid", emulator.reccobeats)
    bench.fresh("reccobeats", base=f"base_url '{emulator.url}/elsewhere/v1'")
    row = doctor.row('server "reccobeats"')
    ok(row["status"] == "error" and "base_url" in row["hint"], "a wrong path: a row says so", row)

    # loopback needs a superuser's server
    bench.fresh("reccobeats")
    session.query("CREATE ROLE dba LOGIN; GRANT USAGE ON FOREIGN DATA WRAPPER reco_upstream TO dba;"
                  " ALTER SERVER reccobeats OWNER TO dba")
    row = doctor.row('server "reccobeats"', "denied")
    ok(row["status"] == "error" and "OWNER" in row["hint"] and "superuser" in row["hint"],
       "a loopback address of a server that is no superuser's: a row says who must own it", row)
    session.query("ALTER SERVER reccobeats OWNER TO postgres")

    bench.fresh("reccobeats", rate=None, burst=None)
    emulator.fault([{"route": "*", "kind": "status:429", "headers": {"Retry-After": "100"}}])
    row = doctor.row('server "reccobeats"', "limited")
    ok(row["status"] == "error" and "blocked_until" in row["hint"], "limited: a row says until when", row)
    failed = doctor.follow(row["hint"], "10/30s")
    ok(failed is None, "limited: its statement can be run", failed)
    emulator.fault([])
    bench.fresh("reccobeats")
    ok(doctor.is_ok('server "reccobeats"'), "not limited any longer: ok", doctor.rows())

    bench.fresh("reccobeats")
    emulator.fault([{"route": "*", "kind": "status:200", "body": '{"content":[]}',
                     "headers": {"Date": "Sun, 06 Nov 2033 08:49:37 GMT"}}])
    row = doctor.row('server "reccobeats"', "clock")
    ok(row["status"] == "warning" and "NTP" in row["hint"], "a clock that differs: a row says so", doctor.rows())
    emulator.fault([])
    ok(doctor.is_ok('server "reccobeats"'), "clocks that agree: ok", doctor.rows())

    bench.fresh("spotify")
    emulator.config(preset="dev-2026")
    ok(doctor.is_ok('server "spotify"'), "an app in development is well")
    bench.ask("track_facts", bench.tracks[:3])
    bench.ask("artist_tracks", [bench.artists[0]['id']])
    closed = [row for row in doctor.rows() if "closed for this app" in row["detail"]]
    same([(row["detail"].split('"')[1], row["status"]) for row in closed],
         [("tracks", "warning"), ("artist_top_tracks", "warning")], "what it may not use is listed, once it was found out")

    for service in ("spotify", "reccobeats"):
        bench.fresh(service)
        emulator.fault([{"route": "*", "kind": "stall"}])
        began = time.monotonic()
        row = doctor.row(f'server "{service}"', "", "700 ms")
        ok(row["status"] == "error" and "timeout" in row["detail"], f"{service} hangs: a row says so", row)
        ok(time.monotonic() - began < 5, f"{service} hangs: within the doctor's own deadline")
    session.query("DROP SERVER reccobeats CASCADE")
    connect_services(session, emulator)
    began = time.monotonic()
    rows = [row for row in doctor.rows("1500 ms") if row["check"].startswith("server")]
    same([row["status"] for row in rows], ["error"] * 3, "three that hang: three rows")
    ok(time.monotonic() - began < 3 * 1.5, "after one deadline, not three", time.monotonic() - began)


def readers(doctor, bench):
    """Who can read a secret."""
    session = doctor.session
    for name in ("gemini", "reccobeats"):
        session.query(f"DROP SERVER IF EXISTS {name} CASCADE")
    bench.fresh("spotify")
    session.query("CREATE ROLE app LOGIN; GRANT USAGE ON FOREIGN SERVER spotify TO app;"
                  " CREATE USER MAPPING FOR app SERVER spotify OPTIONS (client_id 'x', client_secret 'hidden-y')")
    told_and_mended(doctor, "a role that can read its own secret", 'server "spotify"', "warning", "can read the secret")
    session.query("GRANT USAGE ON FOREIGN SERVER spotify TO app; ALTER SERVER spotify OWNER TO dba")
    row = doctor.row('server "spotify"', 'role "dba"')
    ok(row["status"] == "warning" and "PUBLIC" in row["detail"], "an owner can read PUBLIC's: a row says so", row)
    same(doctor.follow(row["hint"], "postgres"), None, "an owner can read PUBLIC's: its statement can be run")
    same([row for row in doctor.rows() if "dba" in row["detail"]], [], "and the owner cannot any longer")
    session.query("REVOKE USAGE ON FOREIGN SERVER spotify FROM app")
    ok(doctor.is_ok('server "spotify"'), "nobody can read anything: ok", doctor.rows())

    path = os.path.join(os.environ["PGHOST"], "spotify.secret")
    bench.fresh("spotify", mapping=f"client_id 'x', secret_file '{path}'")
    row = doctor.row('server "spotify"')
    ok(row["status"] == "error" and path in row["detail"], "a secret file that is not there: a row names it", row)
    with open(path, "w", encoding="utf-8") as file:
        file.write("client_secret = hidden-z\n")
    os.chmod(path, 0o644)
    ok(doctor.is_ok('server "spotify"'), "there it is: ok", doctor.rows())


def main():
    with Emulator("--preset", "extended", "--latency", "none", "--window", "none") as emulator, \
            Cluster(preload="") as cluster:
        doctor = library(cluster)
        bench = Bench(emulator, doctor.session)
        services(doctor, bench)
        addresses(doctor, bench)
        readers(doctor, bench)
        told = "\n".join(str(row) for row in doctor.seen)
        same([word for word in ("s3cret", "hidden", "'wrong'", "key-") if word in told], [], "no row has a secret in it")
        other = cluster.session(user="dba")
        same(other.error("SELECT * FROM reco_doctor()"), "42501", "a role without rights cannot ask it")
    done()


main()
