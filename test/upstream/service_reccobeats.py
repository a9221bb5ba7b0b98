"""ReccoBeats.

Purpose: its lookups, features and recommendations, with misses left out, an order that
         means nothing, two shapes of errors, and a doorman who looks at User-Agents.
Never:   know a track that the coverage leaves out.
"""
import hashlib
import heapq
import random
import re
import time

from catalogue import FEATURES
from http1 import Reply, json_reply
from service import Service
from spotify_search import words

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z", re.I)
SPOTIFY = re.compile(r"[0-9A-Za-z]{22}\Z")
ISRC = re.compile(r"[A-Z]{2}[0-9A-Z]{3}[0-9]{7}\Z")
BOUNDS = {"loudness": (-60, 2), "tempo": (0, 250), "key": (-1, 11), "mode": (0, 1),
          "popularity": (0, 100)}
# how far apart two values of a feature may be
SCALE = {"loudness": 60, "tempo": 250, "key": 12, "popularity": 100}


def now():
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + ".345Z"


def invalid(path, message):
    """The shape of validation errors: the code stands under "status"."""
    return json_reply({"status": 4004, "errors": [{"path": path, "message": message}]}, 400)


def plain_error(status, error, path):
    """The other shape."""
    return json_reply({"timestamp": now(), "status": status, "error": error, "path": path}, status)


class ReccoBeats(Service):
    name = "reccobeats"
    prefix = "/reccobeats/v1"

    def __init__(self, app):
        super().__init__(app)
        self.catalogue = app.catalogue

    def routes(self):
        return [
            ("GET", "/track", self.tracks),
            ("GET", "/track/search", self.search_tracks),
            ("GET", "/track/recommendation", self.recommendation),
            ("GET", "/track/{id}", self.one_track),
            ("GET", "/track/{id}/audio-features", self.one_features),
            ("GET", "/track/{id}/album", self.track_album),
            ("GET", "/audio-features", self.features),
            ("GET", "/artist", self.artists),
            ("GET", "/artist/search", self.search_artists),
            ("GET", "/artist/{id}", self.one_artist),
            ("GET", "/artist/{id}/track", self.artist_tracks),
            ("GET", "/artist/{id}/album", self.artist_albums),
            ("GET", "/album", self.albums),
            ("GET", "/album/search", self.search_albums),
            ("GET", "/album/{id}", self.one_album),
            ("GET", "/album/{id}/track", self.album_tracks),
        ]

    def kind_of(self, request):
        return "reccobeats-recommendation" if request.path.endswith("/recommendation") else None

    def lost(self, request):
        return plain_error(404, "Not Found", request.path)

    def admit(self, request):
        agent = request.headers.get("user-agent", "")
        if not agent or agent.startswith("Python-urllib/") or request.fault == "1010":
            return Reply(403, "error code: 1010", "text/plain; charset=UTF-8")
        if request.fault == "limited":
            return self.limited(request, 2)
        return super().admit(request)

    def limited_reply(self, limit, form, wait, headers):
        if form == "text":
            return Reply(429, f"Too many requests, retry in {int(wait) + 1} seconds",
                         "text/plain", headers)
        return Reply(429, b"", headers=headers)

    # -----------------------------------------------------------------------
    # Whom an id names
    # -----------------------------------------------------------------------

    def known_track(self, id):
        """The record of a track: by UUID, Spotify id, or ISRC."""
        if UUID.match(id):
            track = self.catalogue.track_by_uuid.get(id.lower())
        elif SPOTIFY.match(id):
            track = self.catalogue.track(id)
        else:
            track = self.catalogue.by_isrc.get(id, [None])[0]
        if track is None or not self.catalogue.covered(track, self.settings):
            return None
        # one record for a recording: it names the other of two twins
        if track.twin and self.settings.reccobeats_twins \
                and self.catalogue.covered(track.twin, self.settings):
            return track.twin
        return track

    def known_artist(self, id):
        return self.catalogue.artist_by_uuid.get(id.lower()) if UUID.match(id) \
            else self.catalogue.artist(id)

    def known_album(self, id):
        return self.catalogue.album_by_uuid.get(id.lower()) if UUID.match(id) \
            else self.catalogue.album(id)

    def lookup(self, request, name, find, shape):
        """?ids=: what is known, each once, in any order."""
        ids = [id for value in request.query.get("ids", []) for id in value.split(",") if id]
        request.keys = len(ids)
        if not 1 <= len(ids) <= 40:
            return invalid(f"{name}.ids", "size must be between 1 and 40")
        if not all(UUID.match(i) or SPOTIFY.match(i) or ISRC.match(i) for i in ids):
            return plain_error(400, "Bad Request", request.path)
        found = list(dict.fromkeys(thing for thing in map(find, ids) if thing is not None))
        if self.settings.reccobeats_shuffle:
            random.Random(hashlib.md5(repr(ids).encode()).digest()).shuffle(found)
        return json_reply({"content": [shape(thing) for thing in found]})

    def single(self, request, id, find, shape):
        """/{id}: documented for UUIDs only."""
        thing = find(id) if UUID.match(id) else None
        if thing is None:
            return plain_error(404, "Not Found", request.path)
        return json_reply(shape(thing))

    def paged(self, request, things, shape, name):
        try:
            page, size = int(request.get("page", 0)), int(request.get("size", 25))
        except ValueError:
            return plain_error(400, "Bad Request", request.path)
        if size > 50:
            return invalid(f"{name}.size", "must be less than or equal to 50")
        if size < 1 or not 0 <= page <= 1000:
            return invalid(f"{name}.{'size' if size < 1 else 'page'}",
                           "must be greater than or equal to " + str(int(size < 1)))
        return json_reply({"content": [shape(x) for x in things[page * size:(page + 1) * size]],
                           "page": page, "size": size, "totalElements": len(things),
                           "totalPages": -(-len(things) // size)})

    # -----------------------------------------------------------------------
    # Objects
    # -----------------------------------------------------------------------

    def track(self, track):
        return {"id": track.uuid, "trackTitle": track.name,
                "artists": [self.artist(a) for a in track.artists],
                "durationMs": track.duration_ms,
                "isrc": None if track.index % 31 == 30 else track.isrc, "ean": None, "upc": None,
                "href": f"https://open.spotify.com/track/{track.id}",
                "availableCountries": ",".join(track.album.markets),
                "popularity": 0 if track.popularity < 20 else track.popularity}

    def artist(self, artist):
        return {"id": artist.uuid, "name": artist.name,
                "href": f"https://open.spotify.com/artist/{artist.id}"}

    def album(self, album):
        return {"id": album.uuid, "name": album.name, "artists": [self.artist(album.artist)],
                "totalTracks": len(album.tracks), "releaseDate": album.release_date,
                "href": f"https://open.spotify.com/album/{album.id}"}

    def feature(self, track):
        return {"id": track.uuid, "href": f"https://open.spotify.com/track/{track.id}",
                "isrc": None if track.index % 31 == 30 else track.isrc,
                **track.features, "key": track.key, "mode": track.mode}

    # -----------------------------------------------------------------------
    # Routes
    # -----------------------------------------------------------------------

    def tracks(self, request):
        return self.lookup(request, "getTracks", self.known_track, self.track)

    def features(self, request):
        return self.lookup(request, "getAudioFeatures", self.known_track, self.feature)

    def artists(self, request):
        return self.lookup(request, "getArtists", self.known_artist, self.artist)

    def albums(self, request):
        return self.lookup(request, "getAlbums", self.known_album, self.album)

    def one_track(self, request, id):
        return self.single(request, id, self.known_track, self.track)

    def one_features(self, request, id):
        return self.single(request, id, self.known_track, self.feature)

    def one_artist(self, request, id):
        return self.single(request, id, self.known_artist, self.artist)

    def one_album(self, request, id):
        return self.single(request, id, self.known_album, self.album)

    def below(self, request, id, find, things, shape, name):
        """A page of what belongs to a thing."""
        thing = find(id) if UUID.match(id) else None
        if thing is None:
            return plain_error(404, "Not Found", request.path)
        return self.paged(request, things(thing), shape, name)

    def track_album(self, request, id):
        return self.below(request, id, self.known_track, lambda t: [t.album], self.album,
                          "getTrackAlbum")

    def artist_tracks(self, request, id):
        return self.below(request, id, self.known_artist, lambda a: self.only_known(a.tracks),
                          self.track, "getArtistTrack")

    def artist_albums(self, request, id):
        return self.below(request, id, self.known_artist, lambda a: a.albums, self.album,
                          "getArtistAlbum")

    def album_tracks(self, request, id):
        return self.below(request, id, self.known_album, lambda a: self.only_known(a.tracks),
                          self.track, "getAlbumTrack")

    def only_known(self, tracks):
        return [t for t in tracks if self.catalogue.covered(t, self.settings)]

    def by_words(self, request, things, text_of, shape, name):
        """Search: all words in the title or name, and in nothing else."""
        text = request.get("searchText", "")
        if not text or len(text) > 1000:
            return invalid(f"{name}.searchText", "size must be between 1 and 1000")
        wanted = set(words(text))
        found = [x for x in things if wanted and wanted <= set(words(text_of(x)))]
        return self.paged(request, found, shape, name)

    def search_tracks(self, request):
        return self.by_words(request, self.only_known(self.catalogue.tracks), lambda t: t.name,
                             self.track, "searchTrack")

    def search_artists(self, request):
        return self.by_words(request, self.catalogue.artists, lambda a: a.name, self.artist,
                             "searchArtist")

    def search_albums(self, request):
        return self.by_words(request, self.catalogue.albums, lambda a: a.name, self.album,
                             "searchAlbum")

    # -----------------------------------------------------------------------
    # Recommendation
    # -----------------------------------------------------------------------

    def recommendation(self, request):
        """Ordered by distance from seeds and targets; the order is the rank."""
        wrong, numbers = self.numbers(request)
        if wrong is not None:
            return wrong
        seeds, negative = self.ids(request, "seeds"), self.ids(request, "negativeSeeds")
        request.keys = len(seeds)
        if not 1 <= len(seeds) <= 5:
            return invalid("getRecommendation.seeds", "size must be between 1 and 5")
        if len(negative) > 5 or len(negative) >= len(seeds) or set(seeds) & set(negative):
            return plain_error(400, "Bad Request", request.path)
        for name, path, given in (("negatives", "negativeSeeds", negative), ("seeds", "seeds", seeds)):
            most = self.settings.reccobeats_refuses.get(name)
            if most is not None and len(given) > most and self.settings.reccobeats_refuses.get("silent"):
                return plain_error(400, "Bad Request", request.path)
            if most is not None and len(given) > most:
                return invalid(f"getRecommendation.{path}", f"size must be between 0 and {most}")
        found = [self.seed(id) for id in seeds]
        known = [track for track in found if track is not None]
        if not known or request.fault == "4002" \
                or (self.settings.reccobeats_unknown == "any" and len(known) < len(found)):
            return json_reply({"timestamp": now(), "error": 4002,
                               "message": "Cannot find any track"},
                              self.settings.reccobeats_4002_status)
        disliked = [t for t in map(self.seed, negative) if t is not None]
        best = self.nearest(known, disliked, numbers)
        return json_reply({"content": [self.track(t) for t in best]})

    def numbers(self, request):
        """(None, the numbers among the parameters), or (a reply, None)."""
        if request.get("size") is None:
            return plain_error(400, "Bad Request", request.path), None
        numbers = {}
        for name in (*FEATURES, "key", "mode", "popularity", "featureWeight", "size"):
            text = request.get(name)
            if text is None:
                continue
            low, high = BOUNDS.get(name, (0, 1))
            if name == "size":
                low, high = 1, 100
            elif name == "featureWeight":
                low, high = 1, 5
            try:
                numbers[name] = float(text)
            except ValueError:
                return plain_error(400, "Bad Request", request.path), None
            if not low <= numbers[name] <= high:
                word = "less" if numbers[name] > high else "greater"
                return invalid(f"getRecommendation.{name}", f"must be {word} than or equal to "
                               f"{high if word == 'less' else low}"), None
        return None, numbers

    def ids(self, request, name):
        return [id for value in request.query.get(name, []) for id in value.split(",") if id]

    def seed(self, id):
        if SPOTIFY.match(id) and not self.settings.reccobeats_spotify_seeds:
            return None
        return self.known_track(id)

    def nearest(self, seeds, disliked, numbers):
        """Of the seeds' clusters, with a few duplicates' worth fewer than asked."""
        size, weight = int(numbers.pop("size")), numbers.pop("featureWeight", 1)
        clusters = sorted({t.artist.cluster for t in seeds})
        pool = self.only_known([t for c in clusters for t in self.catalogue.by_cluster[c]])
        middle = {n: sum(s.features[n] for s in seeds) / len(seeds) for n in FEATURES}

        def distance(track):
            values = {**track.features, "key": track.key, "mode": track.mode,
                      "popularity": track.popularity}
            far = sum(abs(values[n] - middle[n]) / SCALE.get(n, 1) for n in FEATURES)
            far += weight * sum(abs(values[n] - v) / SCALE.get(n, 1)
                                for n, v in numbers.items())
            for other in disliked:
                far -= .1 * sum(abs(values[n] - other.features[n]) / SCALE.get(n, 1)
                                for n in FEATURES)
            return far, track.index
        return heapq.nsmallest(size, pool, key=distance)
