"""The calls that the old application made for one cold playlist.

Purpose: make them in its order, number and spacings, against the emulator, and tell how
         long that took: what test/bench/cold is measured against. Only what is known of
         the application is counted: 15 model calls, 11 of them one after another; 50
         artists' top tracks 1.5 s apart; 50 look-ups of ids 1 s apart; features of 200
         tracks, one by one, 1.2 s apart; a recommendation for each of three strategies;
         who the listener is, and the listener's favourites.
Never:   leave out a call because it would fail today, or add one that nobody has counted.

Every pause and every latency is multiplied by the emulator's scale.
"""
import http.client
import json
import threading
import time
import urllib.parse

ARTISTS, ARTIST_SPACING = 50, 1.5
LOOKUPS, LOOKUP_SPACING = 50, 1.0
FEATURES, FEATURE_SPACING = 200, 1.2
STRATEGIES = 3
MODEL_CALLS, MODEL_BESIDE = 15, 4       # so many in all; so many beside others

# what the model was asked, one after another, and after which of the steps
BEGIN = ("mood", "artists")
AFTER_ARTISTS = ("filter", "anchors")
AFTER_FEATURES = ("seeds", "plan")
AFTER_LISTS = ("grade", "improve", "grade again", "order", "title")
BESIDE = "anchors"                      # graded in pieces, side by side


class Old:
    """The application, with one connection and nothing remembered."""

    def __init__(self, emulator, scale):
        self.emulator = emulator
        self.scale = scale
        self.host = emulator.url.split("//")[1]
        self.connection = http.client.HTTPConnection(self.host, timeout=600)
        self.token = None
        self.calls = {}
        self.last = {}
        self.count = threading.Lock()

    def ask(self, service, method, path, body=None, headers=None, connection=None):
        """One call; its answer. Answers that are refusals take as long."""
        with self.count:
            self.calls[service] = self.calls.get(service, 0) + 1
        connection = connection or self.connection
        connection.request(method, path, body, {"User-Agent": "old/1", **(headers or {})})
        return connection.getresponse().read()

    def spaced(self, name, seconds):
        """Waits until so long after the last call of that name."""
        due = self.last.get(name, 0) + seconds * self.scale
        time.sleep(max(0, due - time.monotonic()))
        self.last[name] = time.monotonic()

    def spotify(self, path):
        return self.ask("spotify", "GET", "/spotify/v1" + path, headers={"Authorization": f"Bearer {self.token}"})

    def reccobeats(self, path):
        return self.ask("reccobeats", "GET", "/reccobeats/v1" + path)

    def model(self, what, connection=None):
        question = {"contents": [{"role": "user", "parts": [{"text": f"{what}: a slow first coffee, warm guitars"}]}]}
        self.ask("model", "POST", "/gemini/v1beta/models/gemini-3.6-flash:generateContent", json.dumps(question),
                 {"x-goog-api-key": "old", "Content-Type": "application/json"}, connection)

    def models(self, questions):
        """One after another; pieces of one are asked beside it."""
        for what in questions:
            beside = []
            for n in range(MODEL_BESIDE if what == BESIDE else 0):
                piece = http.client.HTTPConnection(self.host, timeout=600)
                beside.append(threading.Thread(target=self.model, args=(f"{what} {n}", piece)))
                beside[-1].start()
            self.model(what)
            for thread in beside:
                thread.join()

    def begin(self):
        """Who asks, and what they like."""
        self.token = json.loads(self.ask(
            "accounts", "POST", "/spotify-accounts/api/token",
            urllib.parse.urlencode({"grant_type": "refresh_token", "refresh_token": "old.1", "client_id": "old",
                                    "client_secret": "old"}),
            {"Content-Type": "application/x-www-form-urlencoded"}))["access_token"]
        self.spotify("/me")
        self.models(BEGIN)
        self.spotify("/me/top/tracks?limit=20")
        self.spotify("/me/top/artists?limit=20")

    def run(self):
        """All of it: seconds, unscaled as far as calls and pauses go."""
        tracks = self.emulator.tracks(FEATURES, covered="true")
        artists = self.emulator.artists(ARTISTS)
        began = time.monotonic()
        self.begin()
        for n in range(ARTISTS):
            self.spaced("artist", ARTIST_SPACING)
            self.spotify(f"/artists/{artists[n % len(artists)]['id']}/top-tracks?market=DE")
        self.models(AFTER_ARTISTS)
        for n in range(LOOKUPS):
            self.spaced("lookup", LOOKUP_SPACING)
            self.reccobeats(f"/track?ids={tracks[n]['id']}")
        for n in range(FEATURES):
            self.spaced("features", FEATURE_SPACING)
            self.reccobeats(f"/track/{tracks[n]['uuid']}/audio-features")
        self.models(AFTER_FEATURES)
        for n in range(STRATEGIES):
            self.reccobeats(f"/track/recommendation?size=20&seeds={tracks[n]['uuid']}")
        self.models(AFTER_LISTS)
        seconds = time.monotonic() - began
        assert self.calls["model"] == MODEL_CALLS, self.calls
        return seconds
