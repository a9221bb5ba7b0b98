"""Lists while services are broken, for the tests beside it.

Purpose: a database with all services at an emulator of its own, and one list at a time while
         something is wrong there; what of the list, the time, the calls is not as it must be.
Never:   let one case pay for the one before: who was broken gets a new credential, which is
         another upstream; what is under way is waited for.

    world = World(cluster, "chaos_extended", emulator)
    world.listeners()
    world.case([{"route": "/search", "kind": "reset"}], "like Somebody, calm", "2 s")  # -> []
"""
import json
import time

from reco_tap import Lost, SqlError, call, literal, until
from rules import SIZE, broken_rules, origins

SLACK = 10          # seconds over a deadline; generous, as machines are shared
SPARE = 1.2         # seconds that an attempt may take where services hang
SERVICES = ("spotify", "reccobeats", "gemini")
PLACES = {          # part of a path -> whose it is
    "/spotify-accounts/": "spotify", "/spotify/": "spotify", "/reccobeats/": "reccobeats", "/gemini/": "gemini",
    "/openai/": "gemini"}
# how often a service may be called for one list where nothing says so
EVERYTHING = 1000

# anonymous; with a history here; with favourites at the service; one whose consent was taken back
LISTENERS = ("", "hanna", "ana", "eve")


def budget(session):
    """How many calls each service may get for one list."""
    text = session.value("SELECT current_setting('reco.call_budget', true)")
    if not text:
        return dict.fromkeys(SERVICES, EVERYTHING)
    given = dict(part.strip().split("=") for part in text.split(","))
    return {"spotify": int(given["spotify"]), "reccobeats": int(given["reccobeats"]), "gemini": int(given["model"])}


class World:
    """One database, one emulator, one session."""

    def __init__(self, cluster, name, emulator, tracks=1500, model="gemini", **options):
        self.emulator = emulator
        self.name = name
        self.number = 0
        self.broken = set()
        with_nothing = cluster.session()
        with_nothing.query(f"CREATE DATABASE {name}")
        with_nothing.close()
        self.session = cluster.session(name)
        self.session.query("CREATE EXTENSION reco CASCADE")
        if tracks:
            self.session.query(f"SELECT reco_demo_catalogue({tracks})")
        self.artists = [artist["name"] for artist in emulator.artists(1000)]
        self.known = {track["id"] for track in emulator.tracks(3000)}
        self.connect(model, options)
        self.budget = budget(self.session)
        self.seen = self.figures()

    def connect(self, model, options):
        """All services; wide limits, as each case is a new app."""
        e = self.emulator
        wide = {"rate": "100000/1s", "burst": "10000", "max_concurrency": "50", "timeout": f"{int(SPARE * 1000)}ms", **options}
        where = {"spotify": f"base_url '{e.spotify}', accounts_url '{e.accounts}'", "reccobeats": f"base_url '{e.reccobeats}'",
                 "gemini": f"base_url '{e.gemini if model == 'gemini' else e.openai}', model 'gemini-3.6-flash'"}
        for name in SERVICES:
            given = "".join(f", {key} '{value}'" for key, value in wide.items() if value is not None)
            given += ", daily_quota '1000000'" if name == "spotify" else ""
            kind = model if name == "gemini" else name
            self.session.query(f"CREATE SERVER {name} FOREIGN DATA WRAPPER reco_upstream OPTIONS (kind '{kind}', {where[name]}{given})")
            secret = "client_id 'app', client_secret 's'" if name == "spotify" else "api_key 'k'"
            self.session.query(f"CREATE USER MAPPING FOR PUBLIC SERVER {name} OPTIONS ({secret})")

    def listeners(self):
        """Makes those of LISTENERS who are somebody."""
        self.session.query("SELECT reco_listen('hanna', track_id) FROM (SELECT track_id FROM reco.track ORDER BY track_id LIMIT 12) AS t")
        self.session.query("SELECT reco_connect_user('ana', 'ana.0'), reco_connect_user('eve', 'revoked')")

    def renew(self, services):
        """Other credentials: no breaker, limit, refusal of before is left."""
        self.number += 1
        for name in services:
            what = "client_id" if name == "spotify" else "api_key"
            self.session.query(f"ALTER USER MAPPING FOR PUBLIC SERVER {name} OPTIONS (SET {what} '{self.name}-{self.number}')")

    def figures(self):
        """(retries, what is under way) of this emulator's upstreams."""
        row = self.session.query("SELECT coalesce(sum(retries), 0), coalesce(sum(in_flight + queued), 0) FROM reco_stat_upstream"
                                 f" WHERE base_url LIKE {literal(self.emulator.url + '%')}")[0]
        return int(row[0]), int(row[1])

    def rest(self):
        """Waits until nothing of before is under way."""
        until(lambda: self.figures()[1] == 0, 30)

    def begin(self, faults):
        """Breaks what the faults name, and mends what was broken."""
        self.rest()
        self.emulator.fault([])
        touched = {service for rule in faults for place, service in PLACES.items()
                   if rule["route"] in (place, "*") or place in rule["route"]}
        if any(not any(place in rule["route"] for place in PLACES) for rule in faults):
            touched = set(SERVICES)
        self.renew(sorted(touched | self.broken))
        self.broken = touched
        self.emulator.admin("/reset/limits", post=True)
        self.emulator.reset_counters()
        self.emulator.fault(faults)
        self.seen = self.figures()

    def list_of(self, prompt, deadline, user="", options=None, size=SIZE):
        """(document or None, seconds, what went wrong)."""
        began = time.monotonic()
        try:
            document = self.session.json("SELECT " + call(user, prompt, size, {"seed": 7, **(options or {})}, deadline))
        except (SqlError, Lost, TimeoutError, ValueError) as error:
            return None, time.monotonic() - began, [f"{type(error).__name__}: {error}"]
        return document, time.monotonic() - began, []

    def case(self, faults, prompt, deadline="2 s", user="", options=None, size=SIZE, hostile=False):
        """One list while something is broken: what is not as it must be."""
        self.begin(faults)
        document, seconds, wrong = self.list_of(prompt, deadline, user, options, size)
        if document is not None:
            wrong += self.judge(document, options, size, hostile)
        if seconds > in_seconds(deadline) + SLACK:
            wrong.append(f"{seconds:.1f} s for a deadline of {deadline}")
        self.rest()
        wrong += self.offences(1)
        self.document = document
        return wrong

    def judge(self, document, options=None, size=SIZE, hostile=False):
        """What a list does not keep to."""
        options = options or {}
        wrong = broken_rules(document, size, options.get("negative_tracks", ()), options.get("exclude_artists", ()))
        wrong += consistency(document)
        live = {track["track_id"] for track in document["tracks"] if track["origin"] == "live"}
        if not hostile and live - self.known:
            wrong.append(f"live, and nobody's: {sorted(live - self.known)}")
        return wrong

    def offences(self, lists):
        """Calls that should not have been made for so many lists."""
        counters = self.emulator.counters()
        retries = self.figures()[0] - self.seen[0]
        wrong = [f"the emulator broke: {bug}" for bug in counters["bugs"]]
        # with another token, or after the wait that was asked for
        later = sum(service["statuses"].get(status, 0) for service in counters["services"].values() for status in ("401", "429"))
        again = 0
        for name, service in counters["services"].items():
            wrong += [f"{name}: {what} {service[what]}" for what in
                      ("in_cooldown", "after_refusal", "secrets_in_url", "over_limit") if service[what]]
            again += service["duplicates"] if name != "accounts" else 0
            most = self.budget.get("gemini" if name in ("gemini", "openai") else name, EVERYTHING) * lists
            if service["calls"] > most + retries + later:
                wrong.append(f"{name}: {service['calls']} calls, {retries} + {later} again, for a budget of {most}")
        if again > retries + later:
            wrong.append(f"{again} calls were made twice, {retries} after a failure, {later} because the service said when")
        return wrong


def in_seconds(deadline):
    number, _, unit = deadline.partition(" ")
    return float(number) / (1000 if unit == "ms" else 1)


def consistency(document):
    """What a document says of itself that cannot be."""
    wrong = []
    lacking = [what for what in document["missing"] if what not in ("spotify", "reccobeats", "gemini", "openai")]
    if document["complete"] and lacking:
        wrong.append(f"complete, but without {lacking}")
    if not document["complete"] and not document["missing"]:
        wrong.append("not complete, but nothing is missing")
    odd = set(origins(document)) - {"live", "cached", "stale", "local"}
    if odd:
        wrong.append(f"origins {odd}")
    if any(not track["title"] or not track["artist"] or not track["reason"] for track in document["tracks"]):
        wrong.append("a row without title, artist or reason")
    scores = [track["score"] for track in document["tracks"]]
    if not all(0 <= score <= 1 for score in scores):
        wrong.append(f"scores {scores}")
    return wrong


def told(what, **more):
    """A case in one line."""
    return what + "".join(f", {name} {json.dumps(value, ensure_ascii=False)}" for name, value in more.items() if value)
