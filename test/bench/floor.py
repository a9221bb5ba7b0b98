"""The shortest time in which a run's own calls can be made, from the emulator's log.

Purpose: sort the calls of one run into the nodes of the graph that they depend on one
         another in, and add up the longest path: what no implementation can go below that
         makes these calls.
Never:   look at how the run went: when a call began counts only where the same route is
         a node twice, before and behind the recommendations.

A node takes as long as its slowest call, as all of them can be made at once.
"""
import re
import urllib.parse

# node: what must be there before it; a chain of the plan's, with the model only where it
# was asked. "features" are those of seeds and candidates, "more features" those of what
# was recommended.
GRAPH = {
    "token": (),
    "model": (),
    "favourites": ("token",),
    "search": ("token", "model"),
    "artist tracks": ("search", "favourites"),
    "ids": ("artist tracks",),
    "features": ("ids",),
    "recommendation": ("features",),
    "more ids": ("recommendation",),
    "more features": ("more ids",),
}
NODES = (
    (r"POST /spotify-accounts/", "token"),
    (r"POST /(gemini|openai)/", "model"),
    (r"GET /spotify/v1/me", "favourites"),
    (r"GET /spotify/v1/search", "search"),
    (r"GET /spotify/v1/artists/\{id\}/", "artist tracks"),
    (r"GET /spotify/v1/albums", "artist tracks"),
    (r"GET /spotify/v1/(tracks|artists)", "ids"),
    (r"GET /reccobeats/v1/artist", "artist tracks"),
    (r"GET /reccobeats/v1/track/recommendation", "recommendation"),
    (r"GET /(reccobeats|spotify)/v1/.*audio-features", "features"),
    (r"GET /reccobeats/v1/track", "ids"),
)
# what depends on the calls of an artist's id: the tracks of an artist who was found
BY_ARTIST = re.compile(r"artist:", re.I)


class Call:
    """One row of the log."""

    def __init__(self, service, row):
        self.service = service
        self.began, self.status, self.route, self.ended = row[0], row[2], row[3], row[4]
        self.target = row[5]
        self.node = next((node for pattern, node in NODES if re.match(pattern, self.route)), None)
        query = urllib.parse.parse_qs(self.target.partition("?")[2])
        if self.node == "search" and BY_ARTIST.search((query.get("q") or [""])[0]) and query.get("type") == ["track"]:
            self.node = "artist tracks"

    @property
    def seconds(self):
        return self.ended - self.began


def calls_of(counters):
    """All calls of the services, as they arrived; those without an answer are left out."""
    calls = [Call(name, row) for name, service in counters["services"].items() for row in service["log"] if row[4]]
    calls.sort(key=lambda call: call.began)
    told = [call.ended for call in calls if call.node == "recommendation"]
    for call in calls:
        if told and call.node in ("ids", "features") and call.began >= min(told):
            call.node = "more " + call.node
    return calls


def longest_path(calls, without=()):
    """(seconds, nodes on the way) of the longest path."""
    takes = {node: max([call.seconds for call in calls if call.node == node], default=0)
             for node in GRAPH}
    takes.update({node: 0 for node in without})
    ends = {}
    for node, before in GRAPH.items():      # parents come first
        best = max(before, key=lambda name: ends[name][0], default=None)
        seconds, path = ends[best] if best else (0, ())
        ends[node] = (seconds + takes[node], path + ((node,) if takes[node] else ()))
    return max(ends.values(), key=lambda end: end[0])


def timeline(calls, began, most=60):
    """Lines that show when what was asked."""
    return [f"  {1000 * (call.began - began):8.1f} .. {1000 * (call.ended - began):8.1f} ms"
            f"  {call.node or '?':15} {call.status} {urllib.parse.unquote_plus(call.target)[:90]}"
            for call in calls[:most]]
