"""A server, an emulator, and an upstream that knows nothing yet, for the tests beside it.

Purpose: make a server anew for each thing that is tried: with another credential it is
         another upstream, so no limit, breaker or retry of before is left.
Never:   mistake the figures of one upstream for another's: ask before you look.

    bench = Bench(emulator, session)
    bench.fresh("reccobeats", rate="5/1s")
    bench.ask("track_features", tracks)         # -> ["fresh", "absent", ...]
"""
import json

from cluster import known_tracks, resolve
from reco_tap import SqlError

# where each service is, and what stands in its mapping; {} is a number
SERVICES = {
    "spotify": (lambda e: f"base_url '{e.spotify}', accounts_url '{e.accounts}'",
                "client_id 'app-{}', client_secret 'secret'"),
    "reccobeats": (lambda e: f"base_url '{e.reccobeats}'", "api_key 'key-{}'"),
    "gemini": (lambda e: f"base_url '{e.gemini}', model 'gemini-3.6-flash'", "api_key 'key-{}'"),
    "openai": (lambda e: f"base_url '{e.openai}', model 'some-model'", "api_key 'key-{}'"),
}
# nothing of ours is in the way, unless a test says so
WIDE = {"rate": "100000/1s", "burst": "10000", "max_concurrency": "50"}
WIDE_QUOTA = {"spotify": {"daily_quota": "1000000"}}    # the others have none


class Bench:
    """Questions to upstreams that are made for them."""

    def __init__(self, emulator, session):
        self.emulator = emulator
        self.session = session
        self.number = 0
        self.service = None
        self.tracks = known_tracks(emulator, 150)
        self.artists = emulator.artists(50)

    def fresh(self, kind, mapping=None, base=None, reset=True, **options):
        """Replaces the only server of a kind; options without a value are left out."""
        if reset:
            self.emulator.reset()
        where, secrets = SERVICES[kind]
        self.number += 1
        self.service = kind
        settings = {**WIDE, **WIDE_QUOTA.get(kind, {}), **options}
        given = "".join(f", {name} '{value}'" for name, value in settings.items() if value is not None)
        for name in SERVICES:
            self.session.query(f"DROP SERVER IF EXISTS {name} CASCADE")
        self.session.query(f"CREATE SERVER {kind} FOREIGN DATA WRAPPER reco_upstream OPTIONS (kind '{kind}',"
                           f" {base or where(self.emulator)}{given})")
        self.session.query(f"CREATE USER MAPPING FOR PUBLIC SERVER {kind}"
                           f" OPTIONS ({(mapping or secrets).format(self.number)})")

    def alter(self, **options):
        """Changes options of the server, without a restart of anything."""
        changes = ", ".join(f"SET {name} '{value}'" for name, value in options.items())
        self.session.query(f"ALTER SERVER {self.service} OPTIONS ({changes})")

    def ask(self, kind, keys, deadline="20 s", priority="interactive", session=None):
        """What becomes of each key."""
        return outcomes(session or self.session, resolve(kind, keys, deadline, priority))

    def value(self, kind, key, deadline="20 s"):
        """(outcome, value) of one key."""
        row = self.session.query(resolve(kind, [key], deadline, columns="outcome, value"))[0]
        return row[0], json.loads(row[1]) if row[1] else None

    def figures(self, *columns):
        """Columns of the upstream that was asked last, as texts."""
        rows = self.session.query(f"SELECT {', '.join(columns)} FROM reco_stat_upstream"
                                  " ORDER BY last_asked DESC LIMIT 1")
        return rows[0] if rows else ["0"] * len(columns)

    def figure(self, column):
        return int(self.figures(column)[0] or 0)

    def calls(self, service=None):
        return self.emulator.service(service or self.service)["calls"]

    def order(self):
        """The routes of all calls, as they arrived."""
        return [row[3] for row in sorted(self.emulator.service(self.service)["log"], key=lambda row: row[0])]

    def seconds_until(self, column):
        """How far ahead a time of the upstream lies; None when it does not."""
        value = self.figures(f"extract(epoch FROM {column} - clock_timestamp())")[0]
        return float(value) if value else None


def outcomes(session, sql=None, seconds=120):
    """The last column of each row of what was sent, or an error's SQLSTATE."""
    try:
        rows = session.query(sql, seconds) if sql else session.wait(seconds)
        return [row[-1] for row in rows]
    except SqlError as error:
        return error.sqlstate
