"""Spotify's playlists and library.

Purpose: playlists with all that may stand in them: tracks, null, a local file, an
         episode, the same item twice over; and those that clients make.
Never:   forget an item that a client added: it may count them.
"""
from catalogue import identifier
from http1 import json_reply
from spotify_errors import Refused, error


class Playlist:
    __slots__ = ("id", "number", "name", "description", "owner", "public", "snapshot", "items")


class Playlists:
    """Lives beside the Spotify service, and uses its rules."""

    def __init__(self, spotify):
        self.spotify = spotify
        self.settings = spotify.settings
        self.reset()

    def reset(self):
        self.by_id = {}
        self.library = {}
        self.made = 0

    def routes(self):
        removed = self.spotify.removed
        return [
            ("GET", "/me/playlists", self.mine),
            ("GET", "/users/{id}/playlists", removed(self.of_user)),
            ("GET", "/playlists/{id}", self.one),
            ("GET", "/playlists/{id}/items", self.items),
            ("GET", "/playlists/{id}/tracks", removed(self.items)),
            ("POST", "/me/playlists", self.create),
            ("POST", "/users/{id}/playlists", removed(self.create)),
            ("POST", "/playlists/{id}/items", self.add),
            ("POST", "/playlists/{id}/tracks", removed(self.add)),
            ("PUT", "/me/library", self.save),
            ("DELETE", "/me/library", self.drop),
            ("GET", "/me/library/contains", self.contains),
        ]

    # -----------------------------------------------------------------------
    # What there is
    # -----------------------------------------------------------------------

    def of(self, owner):
        """An owner's playlists: five made up ones, then those made here."""
        for number in range(5):
            id = identifier(self.settings.seed, "playlist", owner, number)
            if id not in self.by_id:
                self.by_id[id] = self.invent(id, owner, number)
        return [p for p in self.by_id.values() if p.owner == owner]

    def invent(self, id, owner, number):
        playlist = Playlist()
        playlist.id, playlist.number, playlist.owner = id, number, owner
        playlist.name = ["Rainy", "Morgens ☕", "", "Kaikki", "Drive"][number]
        playlist.description, playlist.public = "", number % 2 == 0
        playlist.snapshot = f"snap{number}"
        tracks = self.spotify.catalogue.taste(owner, "long_term")[number:number + 40]
        playlist.items = [("track", t, "2026-03-04T18:22:09Z") for t in tracks]
        if tracks:
            playlist.items[3:3] = [("null", None, None), ("local", None, "2019-01-01T00:00:00Z"),
                                   ("episode", tracks[0], "2025-11-30T07:00:00Z")]
            playlist.items.append(playlist.items[0])
        return playlist

    def found(self):
        """What search finds: Spotify's own are null."""
        return [None, *self.of("someone"), None]

    def known(self, id, listener):
        playlist = self.by_id.get(id)
        if playlist is None and listener:
            self.of(listener)
            playlist = self.by_id.get(id)
        if playlist is None:
            self.of("someone")
            playlist = self.by_id.get(id)
        return playlist

    # -----------------------------------------------------------------------
    # Reading
    # -----------------------------------------------------------------------

    def listener(self, request, scope):
        return self.spotify.listener(request, scope,
                                     error(401, "Valid user authentication required"))

    def mine(self, request):
        owner = self.listener(request, "playlist-read-private")
        return self.list_of(request, owner, "/me/playlists")

    def of_user(self, request, id):
        return self.list_of(request, id, f"/users/{id}/playlists")

    def list_of(self, request, owner, path):
        playlists = self.of(owner)
        things = playlists[:2] + [None] + playlists[2:]
        return json_reply(self.spotify.page(request, path, things, 50, 20,
                                            self.spotify.objects.playlist_simple))

    def one(self, request, id):
        listener = self.spotify.token(request).listener
        playlist = self.known(id, listener)
        if playlist is None:
            return error(404, "Resource not found")
        shown = self.spotify.objects.playlist_simple(playlist)
        shown["followers"] = {"href": None, "total": 0}
        name = "tracks" if self.settings.may("fields") else "items"
        if self.settings.may("endpoints") or playlist.owner == listener:
            shown[name] = self.page_of(request, playlist, 100, 100)
        else:
            shown.pop(name)
        return json_reply(shown)

    def items(self, request, id):
        listener = self.spotify.token(request).listener
        if not self.settings.may("endpoints"):
            self.listener(request, "playlist-read-private")
        playlist = self.known(id, listener)
        if playlist is None:
            return error(404, "Resource not found")
        if not self.settings.may("endpoints") and playlist.owner != listener:
            return error(403, "Forbidden")
        most = 100 if self.settings.may("limits") else 50
        page = self.page_of(request, playlist, most, min(most, 100) if most == 100 else 20)
        fields = request.get("fields")
        return json_reply(project(page, parse_fields(fields)) if fields else page)

    def page_of(self, request, playlist, most, default):
        """Rows say item or track, as the app's age has it; at times both."""
        old = self.settings.may("fields")
        last = request.path.rsplit("/", 1)[1]
        name = "track" if old else "item+track" if playlist.number == 4 else "item"
        if old and last == "items":
            name = "item+track"
        path = f"/playlists/{playlist.id}/" + ("tracks" if old and last != "items" else "items")
        return self.spotify.page(
            request, path, playlist.items, most, default,
            lambda entry: self.spotify.objects.playlist_item(entry, name))

    # -----------------------------------------------------------------------
    # Writing
    # -----------------------------------------------------------------------

    def body(self, request):
        try:
            body = request.json()
        except ValueError:
            raise Refused(error(400, "Error parsing JSON.")) from None
        if not isinstance(body, dict):
            raise Refused(error(400, "Error parsing JSON."))
        return body

    def create(self, request, id=None):
        owner = self.listener(request, "playlist-modify-private")
        body = self.body(request)
        if not body.get("name"):
            return error(400, "Missing required field: name")
        self.made += 1
        playlist = Playlist()
        playlist.id = identifier(self.settings.seed, "made", owner, self.made)
        playlist.number, playlist.name, playlist.owner = 3, str(body["name"]), owner
        playlist.description = body.get("description", "")
        playlist.public, playlist.snapshot = body.get("public", True), "snap0"
        playlist.items = []
        self.by_id[playlist.id] = playlist
        return json_reply(self.spotify.objects.playlist_simple(playlist), 201)

    def add(self, request, id):
        owner = self.listener(request, "playlist-modify-private")
        playlist = self.known(id, owner)
        if playlist is None:
            return error(404, "Resource not found")
        if playlist.owner != owner:
            return error(403, "Forbidden")
        uris = self.body(request).get("uris")
        if not isinstance(uris, list) or not uris:
            return error(400, "Missing required field: uris")
        if len(uris) > 100:
            return error(400, "You can add a maximum of 100 tracks per request.")
        tracks = [self.spotify.catalogue.track(str(uri).rpartition(":")[2]) for uri in uris]
        if None in tracks:
            return error(400, "Payload contains a non-existing ID")
        at = self.body(request).get("position", len(playlist.items))
        playlist.items[at:at] = [("track", t, "2026-11-01T00:00:00Z") for t in tracks]
        playlist.snapshot = f"snap{len(playlist.items)}"
        return json_reply({"snapshot_id": playlist.snapshot}, 201)

    def uris(self, request):
        text = request.get("uris")
        uris = text.split(",") if text else self.body(request).get("uris", [])
        return [str(uri) for uri in uris]

    def save(self, request):
        owner = self.listener(request, "user-library-read")
        self.library.setdefault(owner, set()).update(self.uris(request))
        return json_reply({})

    def drop(self, request):
        owner = self.listener(request, "user-library-read")
        self.library.setdefault(owner, set()).difference_update(self.uris(request))
        return json_reply({})

    def contains(self, request):
        owner = self.listener(request, "user-library-read")
        saved = self.library.get(owner, set())
        return json_reply([uri in saved for uri in self.uris(request)])


def parse_fields(text):
    """'items(added_at,item(id)),next' as {"items": {"added_at": None, ...}, "next": None}."""
    root = {}
    stack, name = [root], ""
    for c in text + ",":
        if c in ",()":
            if name and c != "(":
                stack[-1][name.strip()] = None
            elif c == "(":
                inner = stack[-1][name.strip()] = {}
                stack.append(inner)
            if c == ")" and len(stack) > 1:
                stack.pop()
            name = ""
        else:
            name += c
    return root


def project(value, fields):
    """Only the fields that were asked for."""
    if fields is None or value is None:
        return value
    if isinstance(value, list):
        return [project(item, fields) for item in value]
    if isinstance(value, dict):
        return {name: project(value[name], inner) for name, inner in fields.items()
                if name in value}
    return value
