#!/usr/bin/env python3
"""Claim: a secret that reco was given is in no log, view, message or URL.

All services are used, with secrets in mappings and in files, right ones and wrong ones, by
services that repeat in their errors what they were sent; statements with a mistake in them;
a cancel, a time-out, a gateway that ends. Everything is logged, down to debug5. Then the
secrets, and the access tokens that were handed out, are looked for in all that people can
see. (What PostgreSQL logs of a statement that creates a mapping, and is right, is its own.)
"""
import base64
import hashlib
import json
import os
import secrets
import signal
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from cluster import Cluster, gateway_pid, known_tracks, owner, resolve  # noqa: E402
from emulator import Emulator  # noqa: E402
from reco_tap import SqlError, done, literal, ok, same, until  # noqa: E402

WRAPPER = "FOREIGN DATA WRAPPER reco_upstream"
PHRASES = ["Incorrect API key provided: {}.", "{} is not a valid credential", "we got '{}' from you",
           "Authorization: Bearer {}", '"api_key":"{}", which nobody knows', "token={}&more=1", "sorry ({})"]
VIEWS = ["reco_stat_upstream", "reco_stat_worker", "reco_stat_gateway", "reco_doctor('5 s')", "pg_stat_activity",
         "pg_settings", "pg_stat_statements", "pg_prepared_statements", "pg_cursors", "pg_stat_ssl",
         "pg_foreign_server", "pg_shmem_allocations", "pg_backend_memory_contexts"]


class Secrets:
    """What must be seen nowhere: {what it is: text}."""

    def __init__(self):
        self.all = {}

    def new(self, name, text=None):
        """A secret of its own look, unless one is given."""
        self.all[name] = text or {"client_secret": secrets.token_hex(16),
                                  "gemini": "AIza" + secrets.token_urlsafe(26),
                                  "openai": "sk-proj-" + secrets.token_urlsafe(36),
                                  }.get(name.split(" ")[0], "korrekt-pferd-" + secrets.token_hex(5))
        return self.all[name]

    def of_app(self, client, secret):
        """What goes over the wire to get a token, and the tokens that the emulator makes."""
        self.all[f"basic of {client}"] = base64.b64encode(f"{client}:{secret}".encode()).decode()
        for count in range(1, 60):
            self.all[f"token {count} of {client}"] = token(client, count)


def token(client, count):
    """An access token as the emulator makes it."""
    made = hashlib.sha512(f"1/{client}/None/{count}".encode()).digest() * 3
    return "BQ" + base64.urlsafe_b64encode(made).decode().rstrip("=")


def fingerprint(text):
    return hashlib.sha256(text.encode()).hexdigest()[:12]


class Places:
    """All that was seen, by place."""

    def __init__(self, session):
        self.session = session
        self.texts = {}

    def look(self):
        """Reads everything that can be read with SQL, as it is now."""
        for view in VIEWS:
            rows = self.session.query(f"SELECT pg_catalog.to_json(v)::text FROM {view} AS v")
            self.texts.setdefault(view, []).extend(row[0] for row in rows)

    def add(self, place, text):
        self.texts.setdefault(place, []).append(text)

    def without(self, sought):
        """One claim per place: none of the secrets is in it."""
        for place, texts in sorted(self.texts.items()):
            text = "\n".join(texts)
            found = [name for name, secret in sought.all.items() if secret in text]
            lines = [line[:300] for line in text.splitlines() if any(s in line for s in sought.all.values())]
            ok(not found, f"none of {len(sought.all)} secrets is in {place}", found[:9], *lines[:6])


def fails(session, sql, name, sqlstate=None):
    """A statement that must fail; its message goes where all psql output goes."""
    try:
        session.query(sql)
    except SqlError as error:
        ok(sqlstate is None or error.sqlstate == sqlstate, name, f"{error}")
        return
    ok(False, name, "it did not fail")


def set_up(session, emulator, sought):
    """A server each, with right secrets in the mappings."""
    for name, kind, url, more in (
            ("spotify", "spotify", emulator.spotify, f", accounts_url '{emulator.accounts}'"),
            ("reccobeats", "reccobeats", emulator.reccobeats, ""),
            ("gemini", "gemini", emulator.gemini, ", model 'gemini-3.6-flash'"),
            ("openai", "openai", emulator.openai, ", model 'some-model', enabled 'false'")):
        session.query(f"CREATE SERVER {name} {WRAPPER} OPTIONS (kind '{kind}', base_url '{url}'{more})")
    session.query("CREATE USER MAPPING FOR PUBLIC SERVER spotify OPTIONS (client_id 'app',"
                  f" client_secret {literal(sought.new('client_secret'))})")
    sought.of_app("app", sought.all["client_secret"])
    for name in ("gemini", "openai"):
        session.query(f"CREATE USER MAPPING FOR PUBLIC SERVER {name} OPTIONS (api_key {literal(sought.new(name))})")


def model(session, name):
    """Lets one of the two models answer."""
    for server in ("gemini", "openai"):
        session.query(f"ALTER SERVER {server} OPTIONS (SET enabled '{str(server == name).lower()}')")


def use_all(session, emulator, sought):
    """Everything works, with secrets that are right."""
    session.query("ALTER SERVER gemini OPTIONS (ADD enabled 'true')")
    tracks = known_tracks(emulator, 3)
    same([row[1] for row in session.query(resolve("track_features", tracks))], ["fresh"] * 3, "ReccoBeats answers")
    same(session.query(resolve("track_search", ["calm"]))[0][1], "fresh", "Spotify answers")
    for name, key in (("gemini", "x-goog-api-key {}"), ("openai", "Bearer {}")):
        model(session, name)
        same(session.query(resolve("completion", ["say hello"]))[0][1], "fresh", f"{name} answers")
        ok(key.format(fingerprint(sought.all[name])) in emulator.service(name)["authorizations"],
           f"{name} was sent the secret", emulator.service(name)["authorizations"])
    ok("Basic " + fingerprint(sought.all["basic of app"]) in emulator.service("accounts")["authorizations"]
       and "Bearer " + fingerprint(token("app", 1)) in emulator.service("spotify")["authorizations"],
       "Spotify was sent the secret, and the token that is looked for")
    prompt = "songs by " + emulator.artists(1)[0]["name"]
    ok(int(session.value(f"SELECT count(*) FROM reco_generate('', {literal(prompt)}, 10)")) > 0, "lists are made")


def repeating_services(session, emulator, sought, places):
    """Services that say in their errors what they were sent."""
    for phrase in PHRASES:
        for kind, route, what in (("completion", "chat/completions", "openai"),
                                  ("completion", ":generateContent", "gemini"),
                                  ("track_search", "/search", "token 1 of app"),
                                  ("track_search", "/search", "client_secret")):
            if kind == "completion":
                model(session, what)
            said = phrase.format(sought.all[what])
            for body in (json.dumps({"error": {"status": 400, "code": 400, "message": said}}), said):
                emulator.fault([{"route": route, "kind": "status:400", "body": body}])
                session.query(resolve(kind, [f"{phrase} {what} {body[:1]}"]))
                places.look_at_errors()
    emulator.fault([])


def wrong_secrets(session, emulator, sought, places):
    """Secrets that are refused, by services that repeat them."""
    for number, phrase in enumerate(2 * PHRASES):
        # those of the second round do not look like a secret at all
        client = f"refused{number}"
        secret = sought.new(f"{'client_secret' if number < len(PHRASES) else 'words'} of {client}")
        sought.of_app(client, secret)
        session.query(f"ALTER USER MAPPING FOR PUBLIC SERVER spotify OPTIONS (SET client_id '{client}',"
                      f" SET client_secret {literal(secret)})")
        emulator.fault([{"route": "/api/token", "kind": "status:400", "body": json.dumps(
            {"error": "invalid_client", "error_description": phrase.format(secret)})}])
        same(session.query(resolve("track_search", ["x"]))[0][1], "unauthorised", "a client is refused")
        for name in ("gemini", "openai"):
            model(session, name)
            key = sought.new(f"{name if number < len(PHRASES) else 'words'} refused {number} by {name}")
            session.query(f"ALTER USER MAPPING FOR PUBLIC SERVER {name} OPTIONS (SET api_key {literal(key)})")
            emulator.fault([{"route": f"/{name}/", "kind": "status:401", "body": json.dumps(
                {"error": {"code": 401, "message": phrase.format(key), "status": "UNAUTHENTICATED"}})}])
            same(session.query(resolve("completion", ["x"]))[0][1], "unauthorised", f"a key of {name} is refused")
        places.look_at_errors()
    emulator.fault([])


def files(session, emulator, sought, directory):
    """Secrets in files, right and wrong ones."""
    path = directory + "/secret"

    def write(text):
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        if owner():
            os.chown(path, owner().pw_uid, owner().pw_gid)

    session.query(f"ALTER USER MAPPING FOR PUBLIC SERVER openai OPTIONS (DROP api_key, ADD secret_file '{path}')")
    model(session, "openai")
    key = sought.new("openai in a file")
    write(f"# for the model\napi_key = {key}\n")
    same(session.query(resolve("completion", ["by file"]))[0][1], "fresh", "a secret in a file opens the service")
    ok("Bearer " + fingerprint(key) in emulator.service("openai")["authorizations"], "it was sent")
    ask = resolve("completion", ["by bad file"])
    for text, name in (("{} {}", "of two words"), ("api_kee = {}\n", "with a line that is none"),
                       ("client_secret = {} x\n", "with a space in the secret"), ("api_key = {}\x01\n", "of binary")):
        write(text.format(sought.new(f"bad {name} 1"), sought.new(f"bad {name} 2")))
        fails(session, ask, f"a secret file {name} is an error")
    write("api_key = " + sought.new("bad too large") * 4000)
    fails(session, ask, "a secret file that is too large is an error")
    os.unlink(path)
    fails(session, ask, "a secret file that is not there is an error")


def mistakes(session, private, sought):
    """Statements with a mistake: they do not get into the log."""
    session.query("DROP USER MAPPING FOR PUBLIC SERVER gemini")
    create = "CREATE USER MAPPING FOR PUBLIC SERVER gemini OPTIONS ({})"
    for number, options in enumerate((
            "apikey '{}'", "api_key '{} {}'", "api_key '{}', client_id 'x'", "api_key ''", "client_secret '{}'",
            "api_key '{}', secret_file '/x'", "client_secret '{}', client_idd 'x'", "password '{}'",
            "\"{}\" 'x'", "api_key E'{}\\n'", "secret_file '{}'")):
        text = options.replace("{}", sought.new(f"in mistake {number}"))
        if number != 8:     # an option's name is no place for a secret, and is told
            fails(session, create.format(text), f"refused: {options}")
        else:
            sought.all.pop(f"in mistake {number}")
    secret = sought.new("in a mistake of ALTER")
    fails(session, f"ALTER USER MAPPING FOR PUBLIC SERVER openai OPTIONS (ADD apikey {literal(secret)})",
          "refused: ALTER USER MAPPING")
    # the server itself tells the context of a library's look-up, at debug3
    private.query("SELECT reco_upstream_validator('{}', 'pg_foreign_data_wrapper'::regclass)")
    # whoever runs a block is shown its own statement by PL/pgSQL
    secret = sought.new("in a DO block")
    fails(private, "DO $$ BEGIN EXECUTE '" + create.format(f"apikey ''{secret}''") + "'; END $$",
          "refused: the same inside of DO")
    private.close()
    create = f"CREATE SERVER mistaken {WRAPPER} OPTIONS ({{}})"
    for number, options in enumerate((
            "kind 'spotify', client_secret '{}'", "kind 'gemini', model 'm', api_key '{}'",
            "kind 'spotify', base_url 'https://me:{}@api.example'", "base_url 'https://me:{}@api.example'",
            "kind 'spotify', base_url 'https://api.example/?key={}'",
            "kind 'spotify', rate 'x', base_url 'https://api.example/?key={}'",
            "kind 'spotify', client_id 'x', client_secret '{}', base_url 'http://10.0.0.1'")):
        text = options.replace("{}", sought.new(f"in mistake {number} of a server"))
        fails(session, create.format(text), f"refused: {options}")


def interrupted(session, cluster, emulator):
    """A cancel, a time-out, a gateway that ends: with requests under way."""
    emulator.fault([{"route": "*", "kind": "stall", "argument": 0}])
    other = cluster.session()
    other.query("SET client_min_messages = debug5")

    def under_way():
        return int(session.value("SELECT coalesce(sum(in_flight + queued), 0) FROM reco_stat_upstream"))
    for end, name in (("pg_cancel_backend", "57014"), ("gateway", "lost")):
        # what was cancelled may still be about to end
        until(lambda: under_way() == 0)
        other.send(resolve("track_search", [f"ends by {end}"], "30 s"))
        until(lambda: under_way() > 0)
        gateway = gateway_pid(session)
        if end == "gateway":
            os.kill(gateway, signal.SIGTERM)
        else:
            session.query(f"SELECT {end}({other.pid})")
        try:
            got = other.wait(30)[0][1]
        except SqlError as error:
            got = error.sqlstate
        same(got, name, f"a question under way ends by {end}")
    emulator.fault([])
    until(lambda: gateway_pid(session) not in (None, gateway))
    return other


def main():
    settings = ("log_min_messages = debug5", "log_min_error_statement = error", "log_statement = none",
                "log_error_verbosity = verbose", "log_connections = on", "log_disconnections = on",
                "track_activity_query_size = 16kB", "reco.gateway_upstreams = 100")
    sought = Secrets()
    with Emulator("--latency", "none", "--preset", "extended") as emulator, \
            Cluster(*settings, preload="pg_stat_statements,reco") as cluster:
        session, reader = cluster.session(), cluster.session()
        places = Places(reader)
        places.look_at_errors = lambda: places.add(
            "last_error", "\n".join(row[0] for row in reader.query("SELECT last_error FROM reco_stat_upstream"
                                                                   " WHERE last_error IS NOT NULL")))
        session.query("CREATE EXTENSION pg_stat_statements; CREATE EXTENSION reco CASCADE")
        session.query("SELECT reco_demo_catalogue(300)")
        # statements that create mappings, and are right, are not hidden by anybody
        session.query("SET pg_stat_statements.track_utility = off; SET client_min_messages = debug5")
        session.send("\\set VERBOSITY verbose\nSELECT 1")
        session.wait()

        set_up(session, emulator, sought)
        use_all(session, emulator, sought)
        places.look()
        repeating_services(session, emulator, sought, places)
        places.look()
        wrong_secrets(session, emulator, sought, places)
        places.look()
        files(session, emulator, sought, cluster.dir)
        mistakes(session, cluster.session(), sought)
        session.query("ALTER USER MAPPING FOR PUBLIC SERVER spotify OPTIONS (SET client_id 'app',"
                      f" SET client_secret {literal(sought.all['client_secret'])})")
        other = interrupted(session, cluster, emulator)
        session.query("SELECT 1")
        places.look()

        for name, of in (("what psql was told", session), ("what another psql was told", other)):
            places.add(name, "\n".join(of.errors))
        gateway = cluster.gateway()
        for file in ("cmdline", "environ"):
            with open(f"/proc/{gateway}/{file}", encoding="utf-8", errors="replace") as text:
                places.add(f"the gateway's {file}", text.read())
        session.query("DO $$ BEGIN RAISE LOG 'the last line'; END $$")
        until(lambda: "the last line" in cluster.log_text())
        places.add("the server's log", cluster.log_text())
        log, told = cluster.log_text(), "\n".join(session.errors)
        ok("DEBUG:" in log and "reco_resolve" in "\n".join(places.texts["pg_stat_statements"])
           and "invalid option" in log and "LOCATION:" in told, "there is much to look through",
           len(log), len(told))
        places.without(sought)
        for name, counters in emulator.counters()["services"].items():
            same(counters["secrets_in_url"], 0, f"no URL of {name} has a secret")
    done()


main()
