"""The emulator of the services, for the tests beside it.

Purpose: start test/upstream/emulator on a free port, tell it what to do, read what it
         saw, end it.
Never:   leave it running: it ends with its stdin, however the test ends.

    with Emulator("--preset", "extended") as emulator:
        emulator.fault([{"route": "/search", "kind": "reset", "times": 1}])
        emulator.counters()["services"]["spotify"]["calls"]
"""
import json
import os
import ssl
import subprocess
import sys
import urllib.request

PROGRAM = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "upstream", "emulator")


def most_in_window(times, seconds):
    """The most calls in any window of that length (times as from Emulator.times)."""
    times, first, most = sorted(times), 0, 0
    for last, at in enumerate(times):
        while times[first] <= at - seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


class Emulator:
    """One emulator; .url once it is started."""

    def __init__(self, *arguments):
        self.arguments = [str(argument) for argument in arguments]
        self.process = None
        self.url = None
        trusting = ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        self.opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trusting))

    def start(self):
        """Starts it on a free port, and waits until it listens."""
        self.process = subprocess.Popen(
            [sys.executable, PROGRAM, "--with-stdin", *self.arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        line = self.process.stdout.readline().decode()
        if not line.startswith("emulator: http"):
            self.stop()
            raise RuntimeError(f"the emulator did not start: {line!r}")
        self.url = line.split()[1]
        return self

    def stop(self):
        """Ends it."""
        if self.process:
            self.process.terminate()
            self.process.stdin.close()
            self.process.wait(30)
            self.process.stdout.close()
            self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *exception):
        self.stop()

    @property
    def pid(self):
        return self.process.pid

    # where each service is, for CREATE SERVER
    @property
    def spotify(self):
        return self.url + "/spotify/v1"

    @property
    def accounts(self):
        return self.url + "/spotify-accounts"

    @property
    def reccobeats(self):
        return self.url + "/reccobeats/v1"

    @property
    def gemini(self):
        return self.url + "/gemini/v1beta"

    @property
    def openai(self):
        return self.url + "/openai/v1"

    def admin(self, path, body=None, post=False):
        """Calls an entrance below /admin: JSON in, JSON out."""
        data = json.dumps(body).encode() if body is not None else b"" if post else None
        url = self.url + "/admin" + path
        with self.opener.open(urllib.request.Request(url, data), timeout=60) as answer:
            return json.loads(answer.read())

    def counters(self):
        """What it saw since the last reset; see test/upstream/README.md."""
        return self.admin("/counters")

    def prompts(self):
        """What language models were asked since the last reset: service, system, prompt."""
        return self.admin("/prompts")

    def service(self, name):
        """The counters of a service, zeros when it was never called."""
        none = {"calls": 0, "statuses": {}, "duplicates": 0, "in_flight": 0,
                "most_in_flight": 0, "abandoned": 0, "in_cooldown": 0, "after_refusal": 0,
                "over_limit": 0, "over_quota": 0, "keys_per_call": {}, "faults": {},
                "user_agents": {}, "authorizations": {}, "secrets_in_url": 0, "log": []}
        return self.counters()["services"].get(name, none)

    def times(self, name):
        """When the calls of a service arrived, in monotonic seconds."""
        return [row[0] for row in self.service(name)["log"]]

    def reset(self):
        """Forgets counters, faults, limits, tokens and what config() changed."""
        self.admin("/reset", post=True)

    def reset_counters(self):
        self.admin("/reset/counters", post=True)

    def config(self, **changes):
        """Changes settings: config(preset="extended", latency={"spotify": 200})."""
        self.admin("/config", changes)

    def fault(self, rules):
        """Replaces the faults in force: [{"route": ..., "kind": ..., ...}, ...]."""
        self.admin("/fault", rules)

    def tracks(self, count=100, offset=0, **filters):
        """Tracks that it knows: id, uuid, isrc, name, artist_id, artist, covered, twin."""
        more = "".join(f"&{name}={value}" for name, value in filters.items())
        return self.admin(f"/catalogue?what=tracks&offset={offset}&limit={count}{more}")

    def artists(self, count=100, offset=0):
        """Artists that it knows: id, uuid, name, genres."""
        return self.admin(f"/catalogue?what=artists&offset={offset}&limit={count}")
