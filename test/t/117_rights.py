#!/usr/bin/env python3
"""Claim: rights are those of PostgreSQL, and no more is given away.

A role without rights can do nothing; pg_monitor reads figures only; a plain application
role uses a server through PUBLIC's mapping and cannot read it; its own mapping comes
first; nobody but a superuser can lead a server to this machine, to its network or to its
files; trust ends with the owner's; a SECURITY DEFINER function asks as its owner; what one
credential paid for is not shared with another.
"""
import hashlib
import socket
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from cluster import Cluster, connect_services, known_tracks, resolve  # noqa: E402
from emulator import Emulator  # noqa: E402
from reco_tap import SqlError, done, literal, ok, same, skip, until  # noqa: E402

DENIED = "42501"
VIEWS = ("reco_stat_upstream", "reco_stat_worker", "reco_stat_gateway", "reco_stat_memory", "reco_stat_stage")
WRAPPER = "FOREIGN DATA WRAPPER reco_upstream"


def fingerprint(key):
    return "x-goog-api-key " + hashlib.sha256(key.encode()).hexdigest()[:12]


def keys_used(emulator):
    """Which API keys Gemini was asked with, and how often."""
    return emulator.service("gemini")["authorizations"]


def nobody(cluster):
    """What a role without any right cannot do."""
    session = cluster.session(user="nobody")
    for sql in (f"CREATE SERVER mine {WRAPPER} OPTIONS (kind 'reccobeats')",
                "ALTER SERVER gemini OPTIONS (SET model 'x')",
                "DROP SERVER gemini",
                "CREATE USER MAPPING FOR CURRENT_USER SERVER gemini OPTIONS (api_key 'x')",
                "ALTER USER MAPPING FOR PUBLIC SERVER gemini OPTIONS (SET api_key 'x')",
                "DROP USER MAPPING FOR PUBLIC SERVER gemini",
                resolve("completion", ["hello"]),
                "SELECT * FROM reco_doctor()", "SELECT reco_stat_reset()",
                "SELECT * FROM reco_generate('', 'calm')",
                "SELECT * FROM reco.stat_upstream()", "SELECT * FROM reco.stat_worker()",
                "SELECT * FROM reco.stat_gateway()", "SELECT * FROM reco.stat_memory()", "SELECT reco_upstream_validator('{}', 1417)",
                "SELECT * FROM pg_user_mapping", *(f"SELECT * FROM {view}" for view in VIEWS)):
        same(session.error(sql), DENIED, f"a role without rights: {sql[:70]}")
    same(session.query("SELECT DISTINCT umoptions IS NULL FROM pg_user_mappings"), [["t"]],
         "it sees of mappings only that they are there")


def monitor(cluster):
    session = cluster.session(user="monitor")
    for view in VIEWS:
        same(session.error(f"SELECT * FROM {view}"), None, f"pg_monitor reads {view}")
    for sql in (resolve("completion", ["hello"]), "SELECT reco_stat_reset()", "SELECT * FROM reco_doctor()"):
        same(session.error(sql), DENIED, f"but cannot: {sql[:60]}")


def application(cluster, emulator):
    """A plain role: PUBLIC's mapping serves it, and tells it nothing."""
    session = cluster.session(user="app")
    emulator.reset_counters()
    same(session.query(resolve("completion", ["as app"])), [["as app", "fresh"]],
         "a plain role asks through PUBLIC's mapping, without USAGE on the server")
    same(keys_used(emulator), {fingerprint("key-of-all"): 1}, "with its key")
    prompt = "songs by " + emulator.artists(1)[0]["name"]
    same(session.value(f"SELECT count(*) > 0 FROM reco_generate('', {literal(prompt)}, deadline => '10 s')"), "t",
         "and makes lists")
    ok(emulator.service("spotify")["calls"] > 0, "with questions to a service in it",
       emulator.service("spotify")["calls"])
    same(session.query("SELECT usename, umoptions IS NULL FROM pg_user_mappings WHERE srvname = 'gemini'"
                       " ORDER BY 1"), [["own", "t"], ["public", "t"]],
         "the options of mappings are hidden from it")
    same(session.error("SELECT * FROM pg_user_mapping"), DENIED, "the catalogue itself is closed to it")
    same(session.error("SELECT option_value FROM information_schema.user_mapping_options"), None,
         "the standard's view can be read")
    same(session.query("SELECT option_value FROM information_schema.user_mapping_options"
                       " WHERE option_value IS NOT NULL"), [], "and holds nothing for it")


def own_mapping(cluster, watcher, emulator):
    """A role's own mapping comes before PUBLIC's, also inside of functions."""
    own, app = cluster.session(user="own"), cluster.session(user="app")
    emulator.reset_counters()
    same(own.query(resolve("completion", ["as own"])), [["as own", "fresh"]], "a role with a mapping of its own")
    same(keys_used(emulator), {fingerprint("key-of-own"): 1}, "asks with its own key")
    same(watcher.value("SELECT count(DISTINCT credential) FROM reco_stat_upstream WHERE kind = 'gemini'"), "2",
         "the view tells the two credentials apart")

    own.query("CREATE FUNCTION own.ask(key text) RETURNS text LANGUAGE sql SECURITY DEFINER"
              " AS $$ SELECT outcome FROM reco_resolve('completion', ARRAY[key]) $$")
    own.query("CREATE FUNCTION own.ask_as_caller(key text) RETURNS text LANGUAGE sql"
              " AS $$ SELECT outcome FROM reco_resolve('completion', ARRAY[key]) $$")
    own.query("GRANT USAGE ON SCHEMA own TO nobody, app")
    emulator.reset_counters()
    same(app.value("SELECT own.ask('through a function')"), "fresh", "a SECURITY DEFINER function is called")
    same(keys_used(emulator), {fingerprint("key-of-own"): 1}, "and asks with its owner's key")
    same(cluster.session(user="nobody").value("SELECT own.ask('by whom it was given to')"), "fresh",
         "also for a role that cannot ask itself")
    emulator.reset_counters()
    same(app.value("SELECT own.ask_as_caller('through another')"), "fresh", "a function of the usual kind")
    same(keys_used(emulator), {fingerprint("key-of-all"): 1}, "asks with the caller's")
    same(cluster.session(user="nobody").error("SELECT own.ask_as_caller('x')"), DENIED,
         "and gives no right to who has none")
    emulator.reset_counters()
    watcher.query("SET ROLE own")
    watcher.query(resolve("completion", ["after SET ROLE"]))
    watcher.query("RESET ROLE")
    same(keys_used(emulator), {fingerprint("key-of-own"): 1}, "after SET ROLE that role's mapping counts")


def not_shared(cluster, emulator):
    """Two roles ask the same at once: by two calls unless the credential is the same."""
    for users, name, expected in (
            (("app", "app"), "two sessions with one credential", {fingerprint("key-of-all"): 1}),
            (("app", "own"), "two with a credential each",
             {fingerprint("key-of-all"): 1, fingerprint("key-of-own"): 1})):
        sessions = [cluster.session(user=user) for user in users]
        emulator.reset_counters()
        emulator.config(latency={"gemini": 5000})
        for session in sessions:
            session.send(resolve("completion", [name], "30 s"))
        same([session.wait()[0][1] for session in sessions], ["fresh", "fresh"], f"{name} ask the same at once")
        same(keys_used(emulator), expected, f"{name}: as many calls")
        emulator.config(latency={"gemini": 0})


def server_of(session, options, name="theirs"):
    """The SQLSTATE of CREATE SERVER; None when it went well, and it goes again."""
    state = session.error(f"CREATE SERVER {name} {WRAPPER} OPTIONS (kind 'reccobeats', {options})")
    if state is None:
        session.query(f"DROP SERVER {name}")
    return state


def guarded(cluster, watcher, emulator):
    """What only a superuser may say, for a role that may create servers."""
    dba = cluster.session(user="dba")
    port = emulator.url.rsplit(":", 1)[1]
    same(server_of(dba, "base_url 'https://api.example'"), None, "with USAGE on the wrapper a role makes a server")
    for options in ("base_url 'http://127.0.0.1:80'", "base_url 'https://localhost'", "base_url 'https://[::1]'",
                    "base_url 'https://127.9.9.9'", "base_url 'https://api.localhost'",
                    "base_url 'https://2130706433'", "base_url 'https://[::ffff:127.0.0.1]'"):
        same(server_of(dba, options), DENIED, f"not to this machine: {options}")
    for options in ("base_url 'https://10.1.2.3'", "base_url 'https://192.168.0.1'",
                    "base_url 'https://169.254.169.254'", "base_url 'https://[fd00::1]'"):
        same(server_of(dba, options), "HV024", f"not to a private address: {options}")
    for options in ("base_url 'https://10.1.2.3', allow_private 'true'",
                    "base_url 'https://api.example', allow_private 'true'", "allow_private 'false'",
                    "base_url 'https://api.example', ca_file '/etc/passwd'"):
        same(server_of(dba, options), DENIED, f"not with what superusers may say: {options}")
    dba.query(f"CREATE SERVER theirs {WRAPPER} OPTIONS (kind 'reccobeats', base_url 'https://api.example')")
    for change in ("SET base_url 'http://127.0.0.1:1'", "ADD ca_file '/etc/passwd'", "ADD allow_private 'true'"):
        same(dba.error(f"ALTER SERVER theirs OPTIONS ({change})"), DENIED, f"nor by ALTER SERVER: {change}")
    for options in ("secret_file '/etc/passwd'", "client_id 'a', secret_file '/etc/passwd'"):
        same(dba.error(f"CREATE USER MAPPING FOR CURRENT_USER SERVER theirs OPTIONS ({options})"), DENIED,
             f"nor a secret from a file: {options}")
    dba.query("CREATE USER MAPPING FOR CURRENT_USER SERVER theirs OPTIONS (api_key 'x')")
    same(dba.error("ALTER USER MAPPING FOR CURRENT_USER SERVER theirs OPTIONS (DROP api_key, ADD secret_file '/x')"),
         DENIED, "nor by ALTER USER MAPPING")
    dba.query("DROP SERVER theirs CASCADE")
    named_address(dba, watcher, emulator, port)


def named_address(dba, watcher, emulator, port):
    """A name that leads here passes CREATE SERVER, and is found out when a socket opens."""
    name, track = socket.gethostname(), known_tracks(emulator, 1)[0]
    try:
        addresses = {info[4][0] for info in socket.getaddrinfo(name, 80, socket.AF_INET)}
    except OSError:
        addresses = set()
    if not addresses or not all(a.startswith(("127.", "10.", "192.168.", "172.")) for a in addresses):
        skip("a name that leads to this machine or its network", f"{name} is {addresses or 'unknown'}")
        return
    watcher.query("ALTER SERVER reccobeats OPTIONS (ADD enabled 'false')")
    dba.query(f"CREATE SERVER theirs {WRAPPER} OPTIONS (kind 'reccobeats', allow_plaintext 'true',"
              f" base_url 'http://{name}:{port}/reccobeats/v1')")
    emulator.reset_counters()
    same(dba.query(resolve("track_features", [track]))[0][1], "denied",
         "a name that leads to this machine or its network is found out")
    same(emulator.service("reccobeats")["calls"], 0, "and nothing is sent there")
    dba.query("DROP SERVER theirs")
    watcher.query("ALTER SERVER reccobeats OPTIONS (DROP enabled)")


def trust_ends(cluster, watcher, emulator):
    """What a superuser's server may, it may as long as its owner is one."""
    track = known_tracks(emulator, 1)[0]
    app = cluster.session(user="app")
    ask = lambda: app.query(resolve("track_features", [track]))[0][1]  # noqa: E731
    watcher.query("ALTER SERVER reccobeats OWNER TO boss")
    same(ask(), "fresh", "a superuser's server leads to this machine")
    watcher.query("ALTER ROLE boss NOSUPERUSER")
    emulator.reset_counters()
    same(ask(), "denied", "when its owner is none any more, it does not")
    same(emulator.service("reccobeats")["calls"], 0, "and nothing is sent, over open connections neither")
    watcher.query("ALTER ROLE boss SUPERUSER")
    same(ask(), "fresh", "and it does again when that is undone")
    watcher.query("ALTER SERVER reccobeats OWNER TO dba")
    same(ask(), "denied", "nor does it when it was given to somebody else")
    watcher.query("ALTER SERVER reccobeats OWNER TO boss")
    same(ask(), "fresh", "or taken back")


def without_mapping(cluster, watcher):
    """No mapping for the role nor for PUBLIC."""
    watcher.query("DROP USER MAPPING FOR PUBLIC SERVER gemini")
    app, own = cluster.session(user="app"), cluster.session(user="own")
    try:
        app.query(resolve("completion", ["no key"]))
        same(None, "an error", "without a mapping nothing is asked")
    except SqlError as error:
        same(error.sqlstate, "55000", "without a mapping nothing is asked")
        ok("mapping" in error.message and "key-of" not in error.message, "and the message says so", error.message)
    same(own.query(resolve("completion", ["own key"]))[0][1], "fresh", "who has one is not concerned")
    for view in VIEWS:
        same(app.error(f"SELECT * FROM {view}"), DENIED, f"an application role cannot read {view}")


def main():
    with Emulator("--latency", "none", "--preset", "extended") as emulator, Cluster() as cluster:
        watcher = cluster.session()
        watcher.query("CREATE EXTENSION reco CASCADE")
        watcher.query("SELECT reco_demo_catalogue(500)")
        for role in ("nobody", "monitor IN ROLE pg_monitor", "app", "own", "dba", "boss SUPERUSER"):
            watcher.query(f"CREATE ROLE {role.split()[0]} LOGIN {' '.join(role.split()[1:])}")
        connect_services(watcher, emulator)
        watcher.query("ALTER USER MAPPING FOR PUBLIC SERVER gemini OPTIONS (SET api_key 'key-of-all')")
        watcher.query("CREATE USER MAPPING FOR own SERVER gemini OPTIONS (api_key 'key-of-own')")
        watcher.query("GRANT EXECUTE ON FUNCTION reco_resolve, reco_generate TO app, own, dba")
        watcher.query(f"GRANT USAGE ON {WRAPPER} TO dba")
        watcher.query("CREATE SCHEMA own AUTHORIZATION own")

        nobody(cluster)
        monitor(cluster)
        application(cluster, emulator)
        own_mapping(cluster, watcher, emulator)
        not_shared(cluster, emulator)
        guarded(cluster, watcher, emulator)
        trust_ends(cluster, watcher, emulator)
        without_mapping(cluster, watcher)
        ok(until(lambda: watcher.value("SELECT slots - slots_free FROM reco_stat_gateway") == "0", 20),
           "no slot is left behind")
    done()


main()
