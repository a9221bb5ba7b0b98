"""Music from a file: a catalogue of tracks that somebody has, served as the services would.

Purpose: read a CSV (.gz) of tracks with names, albums, popularity and audio features, columns
         as in exports of Spotify's, into the same objects as the made-up music.
Never:   serve what the services do not tell: genres and playlists of the file stay in it.
"""
import csv
import gzip
import os

from catalogue import CLUSTERS, FEATURES, MARKETS, SPREAD, Album, Artist, Catalogue, Track, identifier, share, uuid

MIDDLES = [cluster[1:] for cluster in CLUSTERS]


class FileCatalogue(Catalogue):
    """The tracks of a file, each once."""

    def __init__(self, seed, path):
        self.path = path
        self.named, self.released = {}, {}
        super().__init__(seed, os.path.getsize(path))

    def add_all(self, dice, size):
        """Instead of making some up."""
        opened = gzip.open if self.path.endswith(".gz") else open
        seen = set()
        with opened(self.path, "rt", encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file):
                if row["track_id"] not in seen and row["track_name"].strip() and row["track_artist"].strip():
                    seen.add(row["track_id"])
                    self.add_row(row)
        for artist in self.artists:
            artist.popularity = max(track.popularity for track in artist.tracks)
            artist.followers = int(10 ** (artist.popularity / 16))
            clusters = [track.cache.pop("cluster") for track in artist.tracks]
            artist.cluster = max(sorted(set(clusters)), key=clusters.count)
        for album in self.albums:
            album.popularity = max(track.popularity for track in album.tracks)
            album.kind = "single" if len(album.tracks) < 4 else "album"

    def add_twins(self):
        """A file has its own."""

    def artist_of(self, name):
        artist = self.named.get(name)
        if artist is None:
            artist = self.named[name] = Artist()
            artist.index, artist.name, artist.genres = len(self.artists), name, []
            artist.id, artist.uuid = identifier("artist", name), uuid("artist", name)
            artist.albums, artist.tracks, artist.cache = [], [], {}
            self.artists.append(artist)
        return artist

    def album_of(self, row, artist):
        album = self.released.get(row["track_album_id"])
        if album is None:
            album = self.released[row["track_album_id"]] = Album()
            album.index, album.artist, album.name = len(self.albums), artist, row["track_album_name"]
            album.id, album.uuid = row["track_album_id"], uuid("album", row["track_album_id"])
            album.release_date = row["track_album_release_date"] or "0000"
            album.precision = {10: "day", 7: "month"}.get(len(album.release_date), "year")
            album.year = int(album.release_date[:4])
            album.markets, album.upc = MARKETS, f"{600000000000 + album.index}"
            album.tracks, album.cache = [], {}
            artist.albums.append(album)
            self.albums.append(album)
        return album

    def add_row(self, row):
        track = Track()
        n = track.index = len(self.tracks)
        track.artists = [self.artist_of(row["track_artist"].strip())]
        track.album = self.album_of(row, track.artist)
        track.id, track.uuid, track.name = row["track_id"], uuid("track", row["track_id"]), row["track_name"]
        track.number, track.twin, track.cache = len(track.album.tracks) + 1, None, {}
        track.duration_ms, track.explicit = int(float(row.get("duration_ms") or 0)), False
        track.isrc = f"QZXX0{track.album.year % 100:02d}{n:05d}"
        track.popularity = int(float(row["track_popularity"] or 0))
        track.features = {name: float(row[name] or 0) for name in FEATURES}
        track.key, track.mode = int(float(row["key"] or -1)), int(float(row["mode"] or 0))
        track.signature, track.chance = 4, share(self.seed, "covered", track.id)
        track.cache["cluster"] = nearest_cluster(track.features)
        track.album.tracks.append(track)
        track.artist.tracks.append(track)
        self.tracks.append(track)


def nearest_cluster(features):
    """Which of the made-up kinds of music a track sounds like."""
    def far(middles):
        return sum(min(3, abs(features[name] - middle) / spread) for name, middle, spread in zip(FEATURES, middles, SPREAD))
    distances = [far(middles) for middles in MIDDLES]
    return distances.index(min(distances))
