"""What the emulator saw.

Purpose: count calls per service and per route, with enough about each that a test can
         judge a client: when, how many at once, twice the same, during a cool-down.
Never:   keep a secret: credentials are fingerprints.
"""
import hashlib
import time

# So many prompts are remembered.
MOST_PROMPTS = 500

# A call that was under way when its client was told to be quiet is no offence; as late as the
# emulator itself was of late, it may have seen it so much later.
GRACE = 0.05
TICK = 0.02         # how often it looks how late it is
FADES = 0.98        # what is left of a lag, a tick later


def fingerprint(secret):
    """A short name for a credential."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()[:12]


def add(counts, key, n=1):
    counts[key] = counts.get(key, 0) + n


class Tally:
    """Counts of one route, or of a whole service."""

    def __init__(self):
        self.calls = 0
        self.statuses = {}
        self.duplicates = 0
        self.in_flight = 0
        self.most_in_flight = 0
        self.abandoned = 0
        self.in_cooldown = 0
        self.after_refusal = 0
        self.over_limit = 0
        self.over_quota = 0
        self.keys_per_call = {}
        self.faults = {}

    def as_json(self):
        return dict(vars(self))


class ServiceTally(Tally):
    """A service's counts have the calls one by one, and who made them."""

    def __init__(self):
        super().__init__()
        self.user_agents = {}
        self.authorizations = {}
        self.secrets_in_url = 0
        self.log = []


class Call:
    """One call under way; its row in the log is filled in as it goes on."""
    __slots__ = ("tallies", "row", "request", "identity", "open")

    def __init__(self, tallies, row, request, identity):
        self.tallies = tallies
        self.row = row
        self.request = request
        self.identity = identity
        self.open = True


class Ledger:
    """Everything counted since the last reset."""

    def __init__(self):
        self.connections = {"opened": 0, "open": 0, "most": 0}
        self.late = 0.0             # how late the emulator is, of late
        self.reset()

    def reset(self):
        """Forgets all but the connections that are open, and the calls under way."""
        self.services = {}
        self.routes = {}
        self.prompts = []           # of models: service, system text, user's text
        self.bugs = []              # what the emulator itself broke on
        self.lag = 0.0              # the latest it was, in seconds
        self.seen = {}              # question -> calls of it
        self.refused = set()        # identities that were answered 403 or 404
        self.quiet = {}             # (service, client, route or None) -> (from, until)
        self.connections.update(opened=0, most=self.connections["open"])

    def was_late(self, seconds):
        """A tick came so much later than it was meant to."""
        self.late = max(seconds, self.late * FADES)
        self.lag = max(self.lag, seconds)

    def connection_opened(self):
        connections = self.connections
        connections["opened"] += 1
        connections["open"] += 1
        connections["most"] = max(connections["most"], connections["open"])

    def connection_closed(self):
        self.connections["open"] -= 1

    def arrive(self, service, request):
        """A call came in. Its verdict and end are told later."""
        of_service = self.services.get(service)
        if of_service is None:
            of_service = self.services[service] = ServiceTally()
        name = f"{request.method} {request.route}"
        of_route = self.routes.get(name)
        if of_route is None:
            of_route = self.routes[name] = Tally()
        identity = (request.method, request.target, hash(request.body),
                    hash(credential_of(request)))
        # a listener's own things are another question for each listener
        question = identity if "/me" in request.path else identity[:3]
        again = self.seen.get(question, 0)
        self.seen[question] = again + 1
        refused = identity in self.refused
        row = [request.at, "unchecked", None, name, None,
               request.path if secret_in(request) else request.target]
        of_service.log.append(row)
        for tally in (of_service, of_route):
            tally.calls += 1
            tally.in_flight += 1
            if tally.in_flight > tally.most_in_flight:
                tally.most_in_flight = tally.in_flight
            tally.duplicates += again > 0
            tally.after_refusal += refused
        add(of_service.user_agents, request.headers.get("user-agent", ""))
        self.note_credentials(of_service, request)
        return Call((of_service, of_route), row, request, identity)

    def prompted(self, service, system, words):
        """A model was asked."""
        self.prompts.append({"service": service, "system": system, "prompt": words})
        del self.prompts[:-MOST_PROMPTS]

    def note_credentials(self, tally, request):
        for name in ("authorization", "x-goog-api-key"):
            value = request.headers.get(name)
            if value is not None:
                scheme, _, rest = value.rpartition(" ")
                add(tally.authorizations, f"{scheme or name} {fingerprint(rest)}")
        tally.secrets_in_url += secret_in(request)

    def judged(self, call, service):
        """The limits have spoken: the verdict, the keys, the cool-down."""
        request = call.request
        call.row[1] = request.verdict
        cooling = any(begin + GRACE + self.late < request.at < until for begin, until in (
            self.quiet.get((service, request.client, None), (0, 0)),
            self.quiet.get((service, request.client, request.route), (0, 0))))
        for tally in call.tallies:
            tally.over_limit += request.verdict == "window"
            tally.over_quota += request.verdict == "quota"
            tally.in_cooldown += cooling
            if request.keys:
                add(tally.keys_per_call, str(request.keys))
            if request.fault:
                add(tally.faults, request.fault)

    def answered(self, call, service, status):
        """The answer goes out."""
        request = call.request
        if not call.open:
            return
        call.open = False
        call.row[2] = status
        now = call.row[4] = time.monotonic()
        for tally in call.tallies:
            tally.in_flight -= 1
            add(tally.statuses, str(status))
        if status in (403, 404):
            self.refused.add(call.identity)
        if request.cooldown:
            seconds, whole = request.cooldown
            key = (service, request.client, None if whole else request.route)
            self.quiet[key] = (now, max(now + seconds, self.quiet.get(key, (0, 0))[1]))

    def abandoned(self, call):
        """The client left before its answer."""
        if call.open:
            call.open = False
            for tally in call.tallies:
                tally.in_flight -= 1
                tally.abandoned += 1

    def as_json(self):
        return {"now": time.monotonic(), "connections": dict(self.connections), "lag": self.lag, "late": self.late,
                "bugs": self.bugs,
                "services": {name: tally.as_json() for name, tally in self.services.items()},
                "routes": {name: tally.as_json() for name, tally in self.routes.items()}}


def secret_in(request):
    """Whether the address has what should stand in a header."""
    return "?" in request.target and any(request.get(name) is not None for name in (
        "key", "api_key", "access_token", "refresh_token", "client_secret"))


def credential_of(request):
    headers = request.headers
    return headers.get("authorization") or headers.get("x-goog-api-key") or ""
