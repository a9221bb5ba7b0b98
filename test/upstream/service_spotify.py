"""Spotify's Web API, but for playlists.

Purpose: who asks, what the app may do, and the routes of the catalogue and of a
         listener's favourites, with the real caps and error bodies.
Never:   ask for real credentials.
"""
import random
import re

from catalogue import MARKETS
from http1 import Reply, json_reply
from service import Service
from spotify_errors import Refused, error
from spotify_objects import Objects
from spotify_playlists import Playlists
from spotify_search import Search

ID = re.compile(r"[0-9A-Za-z]{22}\Z")
NO_PREMIUM = ("Active premium subscription required for the owner of the app. When the "
              "subscription status changes, it can take a few hours before requests are "
              "allowed again.")
UNREGISTERED = "User not registered in the Developer Dashboard"
TUNABLE = ("acousticness danceability duration_ms energy instrumentalness key liveness loudness "
           "mode popularity speechiness tempo time_signature valence").split()
KINDS = ("album", "artist", "playlist", "track", "show", "episode", "audiobook")


class Spotify(Service):
    name = "spotify"
    prefix = "/spotify/v1"

    def __init__(self, app, accounts):
        super().__init__(app)
        self.accounts = accounts
        self.catalogue = app.catalogue
        self.objects = Objects(app, self.prefix)
        self.search_index = Search(app.catalogue)
        self.playlists = Playlists(self)

    def reset(self):
        self.playlists.reset()

    def routes(self):
        """Methods, templates, handlers; removed ones stand behind removed()."""
        removed = self.removed
        return [
            ("GET", "/me", self.me),
            ("GET", "/me/top/{type}", self.top),
            ("GET", "/search", self.search),
            ("GET", "/artists/{id}", self.one_artist),
            ("GET", "/tracks/{id}", self.one_track),
            ("GET", "/albums/{id}", self.one_album),
            ("GET", "/artists", removed(self.many_artists)),
            ("GET", "/tracks", removed(self.many_tracks)),
            ("GET", "/albums", removed(self.many_albums)),
            ("GET", "/artists/{id}/top-tracks", removed(self.artist_top_tracks)),
            ("GET", "/artists/{id}/albums", self.artist_albums),
            ("GET", "/artists/{id}/related-artists", removed(self.related)),
            ("GET", "/albums/{id}/tracks", self.album_tracks),
            ("GET", "/audio-features", self.many_features),
            ("GET", "/audio-features/{id}", self.one_features),
            ("GET", "/recommendations", removed(self.recommendations)),
            ("GET", "/users/{id}", removed(self.one_user)),
            ("GET", "/browse/new-releases", removed(self.new_releases)),
            ("GET", "/browse/categories", removed(self.categories)),
            ("GET", "/browse/categories/{id}", removed(self.categories)),
            ("GET", "/markets", removed(self.markets)),
        ] + self.playlists.routes()

    def lost(self, request):
        return error(404, "Service not found")

    # -----------------------------------------------------------------------
    # Who asks, and whether they may
    # -----------------------------------------------------------------------

    def answer(self, request, handler, values):
        try:
            return super().answer(request, handler, values)
        except Refused as refused:
            return refused.reply

    def admit(self, request):
        scheme, _, text = request.headers.get("authorization", "").partition(" ")
        if not scheme:
            return error(401, "No token provided")
        if scheme.lower() != "bearer":
            return error(400, "Only valid bearer authentication supported")
        token, wrong = self.accounts.find(text.strip(), request.at)
        if request.fault == "401-expired":
            token, wrong = None, "The access token expired"
        if token is None:
            return error(401, wrong)
        request.client = token.client
        if not self.settings.premium:
            return Reply(403, NO_PREMIUM, "text/plain")
        if token.listener and token.listener.startswith("unregistered"):
            return Reply(403, UNREGISTERED, "text/plain")
        return self.within_limits(request)

    def within_limits(self, request):
        """The window of the app, and the bucket of the account."""
        if request.fault == "limited":
            return self.limited(request, 3)
        refusal = super().admit(request)
        if refusal is not None:
            return refusal
        if request.fault == "quota-exceeded" or (self.settings.may("quota")
                and not self.app.limits.quota(self.name, request.route, request)):
            request.verdict = "quota"
            seconds = int(request.argument or self.settings.quota_retry_after)
            request.cooldown = (seconds, False)
            reply = error(429, "Too many requests", reason="QUOTA_EXCEEDED")
            reply.headers.append(("Retry-After", str(seconds)))
            return reply
        return None

    def limited_reply(self, limit, form, wait, headers):
        body = limit.get("body", "json")
        if form == "text" or body == "text":
            return Reply(429, "Too many requests", "text/plain", headers)
        if body in ("{}", "empty"):
            return Reply(429, "{}" if body == "{}" else "", headers=headers)
        reply = error(429, "API rate limit exceeded")
        reply.headers += headers
        return reply

    def removed(self, handler):
        """An endpoint that February 2026 took from apps in development."""
        def guarded(request, *values):
            if not self.settings.may("endpoints"):
                return error(403, "Forbidden")
            return handler(request, *values)
        return guarded

    def token(self, request):
        return self.accounts.find(request.headers["authorization"].partition(" ")[2].strip(),
                                  request.at)[0]

    def listener(self, request, scope, no_listener=None):
        """The listener who asks; refuses apps, and tokens without the scope."""
        token = self.token(request)
        if token.listener is None:
            raise Refused(no_listener or error(403, "Insufficient client scope"))
        if scope not in token.scopes.split():
            raise Refused(error(403, "Insufficient client scope"))
        return token.listener

    # -----------------------------------------------------------------------
    # Parameters
    # -----------------------------------------------------------------------

    def limit_of(self, request, most, default, capped=False):
        """The parameter limit; 'capped' ones are 10 and 5 for apps in development."""
        if capped and not self.settings.may("limits"):
            most, default = 10, 5
        return self.whole(request, "limit", default, 1, most)

    def whole(self, request, name, default, low, high):
        text = request.get(name)
        if text is None:
            return default
        if not re.fullmatch(r"-?\d{1,9}", text) or not low <= int(text) <= high:
            raise Refused(error(400, f"Invalid {name}"))
        return int(text)

    def market_of(self, request):
        market = request.get("market")
        if market is None:
            return "DE" if self.settings.listener_market and self.token(request).listener else None
        if market == "from_token":
            return "DE"
        if not re.fullmatch(r"[A-Z]{2}", market):
            raise Refused(error(400, "Invalid market code"))
        return market

    def ids_of(self, request, most):
        """The ids of a batched call; None for those that are no ids, where that is lenient."""
        ids = [id for value in request.query.get("ids", []) for id in value.split(",")]
        if not ids or ids == [""]:
            raise Refused(error(400, "invalid id"))
        request.keys = len(ids)
        if len(ids) > most:
            raise Refused(error(400, "Too many ids requested"))
        if self.settings.bad_id_in_batch == "400" and not all(map(ID.match, ids)):
            raise Refused(error(400, "Invalid base62 id"))
        return ids

    def known(self, find, id):
        """A single thing by its id."""
        if not ID.match(id):
            raise Refused(error(400, "Invalid base62 id"))
        thing = find(id)
        if thing is None:
            raise Refused(error(404, "Resource not found"))
        return thing

    def page(self, request, path, things, most, default, shape, capped=False, **parameters):
        """A page out of all things there are."""
        limit = self.limit_of(request, most, default, capped)
        offset = self.whole(request, "offset", 0, 0, 100000)
        return self.objects.page(path, parameters, things[offset:offset + limit], offset, limit,
                                 len(things), shape)

    # -----------------------------------------------------------------------
    # A listener's own
    # -----------------------------------------------------------------------

    def me(self, request):
        token = self.token(request)
        if token.listener is None:
            return error(401, "Valid user authentication required")
        shown = {**self.objects.user(token.listener), "images": [],
                 "account_id": f"acc-{token.listener}"}
        if self.settings.may("fields"):
            shown.update(country="DE", email=f"{token.listener}@example.org",
                         explicit_content={"filter_enabled": False, "filter_locked": False},
                         followers={"href": None, "total": 3}, product="premium")
        return json_reply(shown)

    def top(self, request, kind):
        if kind not in ("tracks", "artists"):
            return self.lost(request)
        listener = self.listener(request, "user-top-read")
        period = request.get("time_range", "medium_term")
        if period not in ("short_term", "medium_term", "long_term"):
            return error(400, "Invalid time range")
        things = self.catalogue.taste(listener, period)
        if kind == "artists":
            things = list(dict.fromkeys(track.artist for track in things))
        shape = self.objects.track if kind == "tracks" else self.objects.artist
        return json_reply(self.page(request, f"/me/top/{kind}", things, 50, 20, shape,
                                    time_range=period))

    # -----------------------------------------------------------------------
    # The catalogue
    # -----------------------------------------------------------------------

    def search(self, request):
        query = request.get("q") or request.get("query", "")
        if not query.strip():
            return error(400, "No search query")
        kinds = (request.get("type") or "").split(",")
        if not all(kind in KINDS for kind in kinds):
            return error(400, "Bad search type field")
        limit = self.limit_of(request, 50, 20, True)
        offset = self.whole(request, "offset", 0, 0, 1000)
        if offset + limit > 1000:
            return error(400, "Invalid offset")
        market = self.market_of(request)
        shapes = {"track": lambda t: self.objects.track(t, market),
                  "artist": self.objects.artist,
                  "album": lambda a: self.objects.album_simple(a, market),
                  "playlist": self.objects.playlist_simple}
        found = {}
        for kind in kinds:
            if kind == "playlist":
                things = self.playlists.found()
            else:
                things = self.search_index.find(kind, query) if kind in shapes else []
            if self.settings.search_unstable:
                things = self.search_index.shaken(things, offset, self.settings.random)
            found[kind + "s"] = self.objects.page(
                "/search", {"query": query, "type": kind}, things[offset:offset + limit],
                offset, limit, min(len(things), 1000), shapes.get(kind))
        return json_reply(found)

    def one_artist(self, request, id):
        return json_reply(self.objects.artist(self.known(self.catalogue.artist, id)))

    def one_track(self, request, id):
        return json_reply(self.objects.track(self.known(self.catalogue.track, id),
                                             self.market_of(request)))

    def one_album(self, request, id):
        return json_reply(self.objects.album(self.known(self.catalogue.album, id),
                                             self.market_of(request)))

    def many(self, request, name, most, find, shape):
        """Positional: null for what is unknown, duplicates repeated."""
        found = [find(id) for id in self.ids_of(request, most)]
        return json_reply({name: [None if x is None else shape(x) for x in found]})

    def many_artists(self, request):
        return self.many(request, "artists", 50, self.catalogue.artist, self.objects.artist)

    def many_tracks(self, request):
        market = self.market_of(request)
        return self.many(request, "tracks", 50, self.catalogue.track,
                         lambda track: self.objects.track(track, market))

    def many_albums(self, request):
        market = self.market_of(request)
        return self.many(request, "albums", 20, self.catalogue.album,
                         lambda album: self.objects.album(album, market))

    def artist_top_tracks(self, request, id):
        artist = self.known(self.catalogue.artist, id)
        market = self.market_of(request)
        best = sorted(artist.tracks, key=lambda t: (-t.popularity, t.index))[:10]
        return json_reply({"tracks": [self.objects.track(t, market) for t in best]})

    def artist_albums(self, request, id):
        artist = self.known(self.catalogue.artist, id)
        groups = request.get("include_groups", "album,single,appears_on,compilation").split(",")
        market = self.market_of(request)
        albums = [a for group in groups for a in sorted(artist.albums, key=lambda a: -a.year)
                  if a.kind == group]
        if len(albums) > 1:
            albums.append(albums[0])    # the same release once more, for another label

        def shape(album):
            shown = self.objects.album_simple(album, market)
            if self.settings.may("fields"):
                shown["album_group"] = album.kind
            return shown
        return json_reply(self.page(request, f"/artists/{id}/albums", albums, 50, 20, shape, True,
                                    include_groups=",".join(groups)))

    def album_tracks(self, request, id):
        album = self.known(self.catalogue.album, id)
        market = self.market_of(request)
        return json_reply(self.page(request, f"/albums/{id}/tracks", album.tracks, 50, 20,
                                    lambda t: self.objects.track_simple(t, market)))

    def one_user(self, request, id):
        return json_reply({**self.objects.user(id), "followers": {"href": None, "total": 3},
                           "images": []})

    def new_releases(self, request):
        albums = sorted(self.catalogue.albums, key=lambda a: (-a.year, a.index))[:100]
        return json_reply({"albums": self.page(request, "/browse/new-releases", albums, 50, 20,
                                               self.objects.album_simple)})

    def categories(self, request, id=None):
        icons = [{"height": 274, "url": "https://i.scdn.co/image/mood", "width": 274}]
        category = {"href": f"{self.objects.base}/browse/categories/{id or 'mood'}",
                    "icons": icons, "id": id or "mood", "name": "Mood"}
        if id:
            return json_reply(category)
        return json_reply({"categories": self.page(request, "/browse/categories", [category],
                                                   50, 20, lambda c: c)})

    def markets(self, request):
        return json_reply({"markets": MARKETS})

    # -----------------------------------------------------------------------
    # Blocked since November 2024
    # -----------------------------------------------------------------------

    def blocked(self):
        """Recommendations and related artists: mostly 404, at times 403."""
        status = self.settings.blocked_status
        return error(status, "Not found." if status == 404 else "Forbidden")

    def many_features(self, request):
        if not self.settings.may("features"):
            return error(403, None)
        return self.many(request, "audio_features", 100, self.catalogue.track,
                         self.objects.features)

    def one_features(self, request, id):
        if not self.settings.may("features"):
            return error(403, None)
        return json_reply(self.objects.features(self.known(self.catalogue.track, id)))

    def related(self, request, id):
        if not self.settings.may("features"):
            return self.blocked()
        artist = self.known(self.catalogue.artist, id)
        near = [a for a in self.catalogue.artists if a.cluster == artist.cluster
                and a is not artist][:20]
        return json_reply({"artists": [self.objects.artist(a) for a in near]})

    def recommendations(self, request):
        if not self.settings.may("features"):
            return self.blocked()
        seeds = [(kind, id) for kind in ("artist", "track", "genre")
                 for id in (request.get(f"seed_{kind}s") or "").split(",") if id]
        if not 1 <= len(seeds) <= 5:
            return json_reply({"status": 400, "message": "invalid request"}, 400)
        limit = self.limit_of(request, 100, 20)
        market = self.market_of(request)
        pool = self.pool_of(seeds)
        try:
            targets = {name: float(value) for name in TUNABLE
                       for value in request.query.get(f"target_{name}", [])}
            pool = [t for t in pool if self.within(request, t)]
        except ValueError:
            return json_reply({"status": 400, "message": "invalid request"}, 400)
        pool.sort(key=lambda t: (sum((value_of(t, n) - v) ** 2 for n, v in targets.items()),
                                 t.index))
        return json_reply({
            "seeds": [{"afterFilteringSize": len(pool), "afterRelinkingSize": len(pool),
                       "href": None if kind == "genre" else f"{self.objects.base}/{kind}s/{id}",
                       "id": id, "initialPoolSize": max(len(pool), 250),
                       "type": kind.upper()} for kind, id in seeds],
            "tracks": [self.objects.track(t, market) for t in pool[:limit]]})

    def pool_of(self, seeds):
        """Tracks of the seeds' clusters, in an order that the seeds decide."""
        clusters = set()
        for kind, id in seeds:
            if kind == "genre":
                clusters.update(a.cluster for a in self.catalogue.artists if id in a.genres)
                continue
            thing = self.known(getattr(self.catalogue, kind), id)
            clusters.add(thing.cluster if kind == "artist" else thing.artist.cluster)
        pool = [t for c in sorted(clusters) for t in self.catalogue.by_cluster.get(c, [])]
        random.Random(repr(seeds)).shuffle(pool)
        return pool

    def within(self, request, track):
        """Whether a track keeps to min_ and max_ parameters."""
        for name in TUNABLE:
            low, high = request.get(f"min_{name}"), request.get(f"max_{name}")
            if low is not None and value_of(track, name) < float(low):
                return False
            if high is not None and value_of(track, name) > float(high):
                return False
        return True


def value_of(track, name):
    return {"key": track.key, "mode": track.mode, "time_signature": track.signature,
            "popularity": track.popularity, "duration_ms": track.duration_ms,
            **track.features}[name]
