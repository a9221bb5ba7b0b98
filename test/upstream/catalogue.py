"""The music that the emulated services know. All of it is made up.

Purpose: artists, albums and tracks from a seed: the same seed and size, the same
         catalogue; a track's features are the same whoever is asked.
Never:   hold anything real.
"""
import hashlib
import random

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
MARKETS = ["DE", "FI", "FR", "GB", "JP", "SE", "US"]
THIS_YEAR = 2026

# Genres, and the middle of acousticness, danceability, energy, instrumentalness,
# liveness, speechiness, valence, loudness and tempo of each cluster.
CLUSTERS = [
    (["ambient", "drone"], .85, .25, .15, .85, .10, .04, .20, -22, 80),
    (["acoustic folk", "indie folk"], .80, .45, .30, .10, .14, .04, .45, -13, 105),
    (["dream pop", "finnish indie"], .30, .50, .55, .25, .13, .04, .40, -9, 115),
    (["synth pop", "dance pop"], .10, .72, .75, .02, .15, .06, .70, -5, 122),
    (["techno", "minimal techno"], .03, .75, .85, .80, .11, .06, .35, -8, 130),
    (["hip hop", "boom bap"], .20, .78, .65, .02, .18, .28, .55, -7, 92),
    (["death metal", "black metal"], .01, .30, .97, .40, .22, .10, .18, -5, 150),
    (["jazz", "hard bop"], .75, .52, .35, .45, .20, .05, .50, -14, 118),
    (["bossa nova", "samba"], .70, .62, .40, .15, .13, .05, .68, -12, 126),
    (["post-rock", "shoegaze"], .15, .35, .65, .75, .14, .05, .25, -9, 120),
    (["soul", "neo soul"], .45, .65, .50, .03, .16, .08, .62, -8, 98),
    (["punk", "garage rock"], .05, .48, .92, .05, .28, .08, .60, -5, 165),
]
FEATURES = ["acousticness", "danceability", "energy", "instrumentalness", "liveness",
            "speechiness", "valence", "loudness", "tempo"]
SPREAD = [.12, .10, .12, .12, .06, .03, .14, 2.5, 9]

FIRST = ("Lanterna Kupari Velvet Nordlys Halcyon Tundra Copper Marble Willow Saffron Quartz "
         "Ember Opal Juniper Cobalt Meridian Harbour Sable Aurora Thistle").split()
SECOND = ("Norte Club Collective Parade Wolves Orchestra Letters Machine Garden Sisters "
          "Theory Union Delta Signal Choir Hotel Avenue Society Mirage Trio").split()
ADJECTIVES = ("rainy calm quiet happy bright lonely restless golden midnight slow wild sweet "
              "broken electric gentle sad sunny distant burning silent").split()
NOUNS = ("sunday river morning window city summer road dance heart winter letter party night "
         "ocean garden train mirror fire dream shadow").split()
ODDITIES = [" ✨", " (feat. Äiti) 🎧", " – Remastered 2011", " \"Live\"", " – 夜", " (שיר)",
            "’s End", " e\u0301clat"]


def identifier(*parts):
    """A Spotify-style id: 128 bits in 22 base62 digits, so the first is 0 to 7."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    number = int.from_bytes(digest[:16], "big")
    digits = ""
    for _ in range(22):
        number, digit = divmod(number, 62)
        digits = BASE62[digit] + digits
    return digits


def uuid(*parts):
    """A version 4 UUID."""
    text = hashlib.sha256("/".join(("uuid", *map(str, parts))).encode()).hexdigest()
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:32]}"


def share(*parts):
    """A number from 0 to 1 that belongs to the parts."""
    return int.from_bytes(hashlib.sha256("/".join(map(str, parts)).encode()).digest()[:6],
                          "big") / 2 ** 48


class Artist:
    __slots__ = ("index", "id", "uuid", "name", "genres", "cluster", "followers", "popularity",
                 "albums", "tracks", "cache")


class Album:
    __slots__ = ("index", "id", "uuid", "name", "artist", "kind", "year", "release_date",
                 "precision", "markets", "tracks", "popularity", "upc", "cache")


class Track:
    __slots__ = ("index", "id", "uuid", "name", "artists", "album", "number", "duration_ms",
                 "explicit", "isrc", "popularity", "features", "key", "mode", "signature",
                 "twin", "chance", "cache")

    @property
    def artist(self):
        return self.artists[0]


class Catalogue:
    """Everything there is, with the ways to find it."""

    def __init__(self, seed, size):
        self.seed = seed
        dice = random.Random(seed)
        self.artists, self.albums, self.tracks = [], [], []
        self.add_all(dice, size)
        self.add_twins()
        self.by_id = {x.id: x for kind in (self.artists, self.albums, self.tracks) for x in kind}
        self.track_by_uuid = {t.uuid: t for t in self.tracks}
        self.artist_by_uuid = {a.uuid: a for a in self.artists}
        self.album_by_uuid = {a.uuid: a for a in self.albums}
        self.by_isrc = {}
        for track in self.tracks:
            self.by_isrc.setdefault(track.isrc, []).append(track)
        self.by_cluster = {}
        for artist in self.artists:
            self.by_cluster.setdefault(artist.cluster, []).extend(artist.tracks)

    # -----------------------------------------------------------------------
    # Making it
    # -----------------------------------------------------------------------

    def add_all(self, dice, size):
        """Artists, until there are enough tracks."""
        while len(self.tracks) < size:
            self.add_artist(dice, size)

    def add_artist(self, dice, size):
        """An artist with some albums, until there are enough tracks."""
        artist = Artist()
        n = artist.index = len(self.artists)
        artist.id, artist.uuid = identifier(self.seed, "artist", n), uuid(self.seed, "artist", n)
        artist.name = f"{FIRST[n % 20]} {SECOND[n // 20 % 20]}" \
            + (f" {n // 400 + 1}" if n >= 400 else "")
        if n % 29 == 28:
            artist.name = "The “" + artist.name + "” Äänet 🎷"
        artist.cluster = dice.randrange(len(CLUSTERS))
        artist.genres = [] if n % 13 == 12 else list(CLUSTERS[artist.cluster][0])
        artist.popularity = int(100 * dice.betavariate(2, 3))
        artist.followers = int(10 ** (artist.popularity / 16))
        artist.albums, artist.tracks, artist.cache = [], [], {}
        self.artists.append(artist)
        for _ in range(dice.randint(1, 3)):
            if len(self.tracks) < size:
                self.add_album(dice, artist, size)

    def add_album(self, dice, artist, size):
        album = Album()
        n = album.index = len(self.albums)
        album.id, album.uuid = identifier(self.seed, "album", n), uuid(self.seed, "album", n)
        album.artist = artist
        album.name = f"{dice.choice(ADJECTIVES)} {dice.choice(NOUNS)}".title()
        count = min(size - len(self.tracks), dice.choice([1, 4, 10, 10, 12]))
        album.kind = "single" if count < 4 else "album"
        album.year = dice.choice([dice.randint(1968, 2020), dice.randint(2021, THIS_YEAR)])
        album.precision = dice.choice(["day", "day", "month", "year"])
        album.release_date = {"day": f"{album.year}-0{dice.randint(1, 9)}-1{dice.randint(0, 9)}",
                              "month": f"{album.year}-0{dice.randint(1, 9)}",
                              "year": f"{album.year}"}[album.precision]
        if n % 97 == 96:        # taken down
            album.name, album.release_date, album.precision = "", "0000", "year"
        album.markets = sorted(dice.sample(MARKETS, dice.randint(4, len(MARKETS))))
        album.popularity = artist.popularity * 3 // 4
        album.upc = f"{600000000000 + n}"
        album.tracks, album.cache = [], {}
        for number in range(count):
            self.add_track(dice, album, number + 1)
        artist.albums.append(album)
        self.albums.append(album)

    def add_track(self, dice, album, number):
        track = Track()
        n = track.index = len(self.tracks)
        track.id, track.uuid = identifier(self.seed, "track", n), uuid(self.seed, "track", n)
        track.album, track.number, track.twin, track.cache = album, number, None, {}
        track.artists = [album.artist]
        if n % 9 == 8 and self.artists[:-1]:
            track.artists.append(dice.choice(self.artists[:-1]))
        track.name = f"{dice.choice(ADJECTIVES)} {dice.choice(NOUNS)}".title()
        if n % 7 == 6:
            track.name += ODDITIES[n // 7 % len(ODDITIES)]
        track.duration_ms = int(dice.gauss(214000, 50000)) % 600000 + 30000
        track.explicit = dice.random() < .15
        track.isrc = f"{dice.choice(['FI', 'DE', 'QZ', 'SE'])}XX0{album.year % 100:02d}{n:05d}"
        track.popularity = max(0, min(100, int(dice.gauss(album.artist.popularity, 12))))
        self.draw_features(dice, track)
        track.chance = share(self.seed, "covered", n)
        album.tracks.append(track)
        album.artist.tracks.append(track)
        self.tracks.append(track)

    def draw_features(self, dice, track):
        middles = CLUSTERS[track.album.artist.cluster][1:]
        values = {}
        for name, middle, spread in zip(FEATURES, middles, SPREAD):
            value = dice.gauss(middle, spread)
            if name == "tempo":
                value = 0 if track.index % 211 == 210 else max(40, value)
            elif name != "loudness":
                value = min(1, max(0, value))
            values[name] = round(value, 3 if name in ("loudness", "tempo") else 4)
        track.features = values
        track.key = dice.randint(-1, 11)
        track.mode = dice.randint(0, 1)
        track.signature = dice.choice([4, 4, 4, 4, 3, 5])

    def add_twins(self):
        """Some tracks are re-releases of others: the same recording, another id."""
        for n in range(20, len(self.tracks), 20):
            old, new = self.tracks[n - 1], self.tracks[n]
            if old.artist is not new.artist:
                continue
            new.isrc, new.name, new.features = old.isrc, old.name, old.features
            new.key, new.mode, new.signature = old.key, old.mode, old.signature
            old.twin = new

    # -----------------------------------------------------------------------
    # Finding in it
    # -----------------------------------------------------------------------

    def track(self, id):
        found = self.by_id.get(id)
        return found if isinstance(found, Track) else None

    def artist(self, id):
        found = self.by_id.get(id)
        return found if isinstance(found, Artist) else None

    def album(self, id):
        found = self.by_id.get(id)
        return found if isinstance(found, Album) else None

    def covered(self, track, settings):
        """Whether ReccoBeats knows a track."""
        recent = track.album.year >= THIS_YEAR - 1
        return track.chance < (settings.coverage_recent if recent else settings.coverage)

    def taste(self, listener, period):
        """The 50 tracks that a listener heard most; none for those whose name begins
        with "new"."""
        if listener.startswith("new"):
            return []
        dice = random.Random(f"{self.seed}/{listener}")
        clusters = dice.sample(sorted(self.by_cluster), min(3, len(self.by_cluster)))
        pool = [t for c in clusters for t in self.by_cluster[c]]
        dice.shuffle(pool)
        start = {"short_term": 0, "medium_term": 15, "long_term": 30}[period]
        return (pool[start:] + pool[:start])[:50]

    def listing(self, settings, request):
        """For tests: what there is."""
        what, offset = request.get("what", "tracks"), int(request.get("offset", 0))
        limit = int(request.get("limit", 100))
        if what == "artists":
            return [{"id": a.id, "uuid": a.uuid, "name": a.name, "genres": a.genres,
                     "tracks": len(a.tracks)} for a in self.artists[offset:offset + limit]]
        if what == "albums":
            return [{"id": a.id, "uuid": a.uuid, "name": a.name, "artist_id": a.artist.id}
                    for a in self.albums[offset:offset + limit]]
        wanted = request.get("covered")
        chosen = [t for t in self.tracks if wanted is None
                  or self.covered(t, settings) == (wanted in ("1", "true", "True"))]
        return [{"id": t.id, "uuid": t.uuid, "isrc": t.isrc, "name": t.name,
                 "artist_id": t.artist.id, "artist": t.artist.name, "year": t.album.year,
                 "covered": self.covered(t, settings), "twin": t.twin.id if t.twin else None,
                 "features": {**t.features, "key": t.key, "mode": t.mode}}
                for t in chosen[offset:offset + limit]]
