"""What the emulator can be told, and how long answers take.

Purpose: every switch with its default, merged from the command line and from
         POST /admin/config; latencies drawn from a seeded source.
Never:   accept a name that does not exist: a misspelt switch would test nothing.
"""
import math
import random

# What an app may do: see upstreams' access classes. "features" is the block of
# November 2024 turned off, "endpoints", "limits" and "fields" those of February 2026.
PRESETS = {
    "extended": {"features": True, "endpoints": True, "limits": True, "fields": True,
                 "quota": False},
    "extended-no-n24": {"features": False, "endpoints": True, "limits": True, "fields": True,
                        "quota": False},
    "dev-legacy": {"features": False, "endpoints": True, "limits": True, "fields": True,
                   "quota": True},
    "dev-2026": {"features": False, "endpoints": False, "limits": False, "fields": False,
                 "quota": True},
}

# Milliseconds: (half of the answers are faster, 95 of 100 are faster).
LATENCIES = {"accounts": (120, 400), "spotify": (90, 350), "reccobeats": (250, 900),
             "reccobeats-recommendation": (1500, 8000), "gemini": (1600, 7000),
             "openai": (1600, 7000)}

DEFAULTS = {
    "preset": "dev-2026",
    "access": {},               # single flags of the preset, turned round
    "latency": 0,               # ms, "default", or {service: ms | "default"}
    "scale": 1,                 # what latencies are multiplied by
    "limit": {                  # per app, or per address or key; None = none
        "accounts": None,
        "spotify": {"count": 90, "seconds": 30, "retry_after": "header", "body": "json"},
        "reccobeats": None, "gemini": None, "openai": None},
    "tolerance": 0.05,          # seconds that a window may be short of its length
    "quota": 600,               # calls in 24 h and bucket, where the preset has quotas
    "quota_retry_after": 48925,
    "token_seconds": 3600,
    "rotate": False,            # a refresh brings another refresh token ...
    "revoke_rotated": False,    # ... and the one before is dead
    "omit_refresh_token": False,
    "search_unstable": False,   # shuffled, and pages repeat items
    "relink": True,             # of twins, where a market is given
    "listener_market": False,   # a listener's country counts as a market
    "null_total": False,        # paging objects without a total
    "bad_id_in_batch": "400",   # or "null"
    "blocked_status": 404,      # of recommendations and related artists
    "premium": True,            # false: the app's owner has none, 403 in plain text
    "coverage": 0.7,            # share of the catalogue that ReccoBeats knows
    "coverage_recent": 0.3,     # of the last two years
    "reccobeats_unknown": "all",    # 4002 when all seeds are unknown, or "any"
    "reccobeats_4002_status": 400,
    "reccobeats_spotify_seeds": True,
    "reccobeats_refuses": {},   # lists with more "seeds" or "negatives", for good; "silent": without saying why
    "reccobeats_shuffle": True,
    "reccobeats_twins": True,   # a twin's record names the other twin
    "openai_format": "json_schema",  # the best that the service takes: json_object, text
    "openai_refuses": [],       # parameters that it calls unsupported
    "answers": [],              # [{"contains": text, "text": answer}], before made-up ones
    "compress": True,           # gzip where the client takes it
}


class Settings:
    """The switches as attributes."""

    def __init__(self, seed=1):
        self.seed = seed
        self.first = {}
        self.reset()

    def start_with(self, changes):
        """What the command line says; every reset comes back to it."""
        self.first = changes
        self.reset()

    def reset(self):
        """Back to the defaults and the command line."""
        self.random = random.Random(self.seed)
        for name, value in DEFAULTS.items():
            setattr(self, name, dict(value) if isinstance(value, dict)
                    else list(value) if isinstance(value, list) else value)
        self.update(self.first)

    def as_json(self):
        return {name: getattr(self, name) for name in DEFAULTS}

    def update(self, changes):
        """Applies a JSON object; ValueError for what does not exist."""
        for name, value in changes.items():
            if name not in DEFAULTS:
                raise ValueError(f"no setting is named {name!r}")
            if name == "preset" and value not in PRESETS:
                raise ValueError(f"no preset is named {value!r}")
            if name == "access" and set(value) - set(PRESETS["extended"]):
                raise ValueError(f"access flags are {sorted(PRESETS['extended'])}")
            if name == "scale" and not 0 < value <= 1000:
                raise ValueError("a scale is above 0")
            if name == "reccobeats_refuses" and set(value) - {"seeds", "negatives", "silent"}:
                raise ValueError("lists are refused for their seeds or negatives, or silent")
            if name == "limit":
                self.limit = {**self.limit, **checked_limits(value)}
            elif name == "latency" and isinstance(value, dict):
                before = self.latency if isinstance(self.latency, dict) else {}
                self.latency = {**before, **checked_services(value)}
            else:
                setattr(self, name, value)

    def may(self, flag):
        """What the app may do."""
        return self.access.get(flag, PRESETS[self.preset][flag])

    def delay(self, service, kind=None):
        """Seconds before an answer."""
        wanted = self.latency
        if isinstance(wanted, dict):
            wanted = wanted.get(kind or service, wanted.get(service, 0))
        if wanted == "default":
            half, most = LATENCIES[kind or service]
            wanted = self.random.lognormvariate(math.log(half), math.log(most / half) / 1.645)
        return float(wanted) * self.scale / 1000


def checked_services(value):
    unknown = set(value) - set(LATENCIES)
    if unknown:
        raise ValueError(f"no service is named {sorted(unknown)}")
    return value


def checked_limits(value):
    """Limits by service, complete."""
    limits = {}
    for service, limit in value.items():
        if service not in DEFAULTS["limit"]:
            raise ValueError(f"no service is named {service!r}")
        if limit is not None:
            limit = {"retry_after": "header", "body": "json", **limit}
            if not limit.get("count") or not limit.get("seconds"):
                raise ValueError("a limit has a count and seconds")
        limits[service] = limit
    return limits
