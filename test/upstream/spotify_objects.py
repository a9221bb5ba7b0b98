"""Spotify's objects, as an app of the chosen preset sees them.

Purpose: artists, albums, tracks, features and pages of them as JSON objects. What the
         changes of February 2026 took away is absent, not null.
Never:   decide who may ask.
"""
import urllib.parse

from catalogue import identifier


class Objects:
    def __init__(self, app, prefix):
        self.app = app
        self.settings = app.settings
        self.prefix = prefix

    @property
    def base(self):
        return self.app.base + self.prefix

    def head(self, kind, id):
        """What every object has."""
        return {"external_urls": {"spotify": f"https://open.spotify.com/{kind}/{id}"},
                "href": f"{self.base}/{kind}s/{id}", "id": id, "type": kind,
                "uri": f"spotify:{kind}:{id}"}

    def images(self, seed, id):
        if seed % 11 == 10:
            return []
        return [{"height": size, "url": f"https://i.scdn.co/image/ab67616d{size:04d}{id}",
                 "width": size} for size in (640, 300, 64)]

    def artist_simple(self, artist):
        return {**self.head("artist", artist.id), "name": artist.name}

    def artist(self, artist):
        """An artist as search, top artists and /artists show it."""
        shown = {**self.head("artist", artist.id), "name": artist.name,
                 "images": self.images(artist.index, artist.id)}
        if self.settings.may("fields"):
            shown["followers"] = {"href": None, "total": artist.followers}
            shown["genres"] = artist.genres
            shown["popularity"] = artist.popularity
        return shown

    def album_simple(self, album, market=None):
        """An album inside a track, in search, or in an artist's list."""
        shown = {"album_type": album.kind, "artists": [self.artist_simple(album.artist)],
                 **self.head("album", album.id), "images": self.images(album.index, album.id),
                 "name": album.name, "release_date": album.release_date,
                 "release_date_precision": album.precision,
                 "total_tracks": len(album.tracks)}
        if market:
            shown["is_playable"] = market in album.markets
        elif self.settings.may("fields"):
            shown["available_markets"] = album.markets
        return shown

    def album(self, album, market=None):
        """An album with its tracks."""
        shown = self.album_simple(album, market)
        shown["copyrights"] = [{"text": f"{album.year} Made Up Records", "type": "P"}]
        shown["external_ids"] = {"upc": album.upc}
        shown["genres"] = []
        if self.settings.may("fields"):
            shown["label"] = "Made Up Records"
            shown["popularity"] = album.popularity
        shown["tracks"] = self.page(f"/albums/{album.id}/tracks", {}, album.tracks[:50], 0, 50,
                                    len(album.tracks),
                                    lambda t: self.track_simple(t, market))
        return shown

    def track_simple(self, track, market=None):
        """A track inside an album: no album, ISRC or popularity of its own."""
        asked, track = track, self.relinked(track, market)
        shown = {"artists": [self.artist_simple(a) for a in track.artists], "disc_number": 1,
                 "duration_ms": track.duration_ms, "explicit": track.explicit,
                 **self.head("track", track.id), "is_local": False, "name": track.name,
                 "preview_url": None, "track_number": track.number}
        if not market:
            if self.settings.may("fields"):
                shown["available_markets"] = track.album.markets
            return shown
        shown["is_playable"] = market in track.album.markets
        if not shown["is_playable"]:
            shown["restrictions"] = {"reason": "market"}
        if track is not asked and self.settings.may("fields"):
            shown["linked_from"] = self.head("track", asked.id)
        return shown

    def track(self, track, market=None):
        """A whole track."""
        real = self.relinked(track, market)
        shown = {"album": self.album_simple(real.album, market),
                 **self.track_simple(track, market), "external_ids": {"isrc": real.isrc}}
        if self.settings.may("fields"):
            shown["popularity"] = real.popularity
        return shown

    def relinked(self, track, market):
        """What stands in for a track in a market: the twin of an old release."""
        return track.twin if market and track.twin and self.settings.relink else track

    def features(self, track):
        return {**track.features, "key": track.key, "mode": track.mode,
                "time_signature": track.signature, "duration_ms": track.duration_ms,
                "id": track.id, "type": "audio_features", "uri": f"spotify:track:{track.id}",
                "track_href": f"{self.base}/tracks/{track.id}",
                "analysis_url": f"{self.base}/audio-analysis/{track.id}"}

    # -----------------------------------------------------------------------
    # Playlists
    # -----------------------------------------------------------------------

    def user(self, name):
        return {"display_name": name, **self.head("user", name)}

    def playlist_simple(self, playlist):
        count = {"href": f"{self.base}/playlists/{playlist.id}/"
                 + ("tracks" if self.settings.may("fields") else "items"),
                 "total": len(playlist.items)}
        shown = {"collaborative": False, "description": playlist.description,
                 **self.head("playlist", playlist.id),
                 "images": None if playlist.number % 3 == 1 else self.images(0, playlist.id),
                 "name": playlist.name, "owner": self.user(playlist.owner),
                 "primary_color": None, "public": playlist.public,
                 "snapshot_id": playlist.snapshot,
                 ("tracks" if self.settings.may("fields") else "items"): count}
        return shown

    def playlist_item(self, entry, name):
        """A row of a playlist; 'name' is item, track, or both."""
        kind, track, added = entry
        row = {"added_at": added, "is_local": kind == "local", "primary_color": None,
               "added_by": None if kind == "local" else self.head("user", "someone"),
               "video_thumbnail": {"url": None}}
        if kind == "null":
            what = None
        elif kind == "local":
            what = self.local_track()
        elif kind == "episode":
            what = self.episode(track)
        else:
            what = self.track(track)
        for key in name.split("+"):
            row[key] = what
        return row

    def local_track(self):
        """A file of the listener's own: no ids."""
        return {"id": None, "name": "demo 3", "type": "track", "is_local": True,
                "duration_ms": 61000, "uri": "spotify:local:::demo+3:61", "href": None,
                "popularity": 0, "explicit": False, "disc_number": 0, "track_number": 0,
                "external_ids": {}, "external_urls": {}, "preview_url": None,
                "artists": [{"id": None, "name": "", "type": "artist", "uri": None,
                             "href": None, "external_urls": {}}],
                "album": {"id": None, "name": "", "images": [], "artists": [], "type": "album",
                          "uri": None, "href": None, "release_date": None,
                          "album_type": None, "external_urls": {}}}

    def episode(self, track):
        id = identifier(self.settings.seed, "episode", track.index)
        return {**self.head("episode", id), "name": "Episode 12", "duration_ms": 2400000,
                "description": "", "explicit": False, "release_date": "2025-11-30",
                "release_date_precision": "day"}

    # -----------------------------------------------------------------------
    # Pages
    # -----------------------------------------------------------------------

    def page(self, path, parameters, items, offset, limit, total, shape):
        """A paging object; 'items' are those of this page, its addresses are ours."""
        def address(offset):
            return f"{self.base}{path}?" + urllib.parse.urlencode(
                {"offset": offset, "limit": limit, **parameters})
        more = offset + limit < total
        return {"href": address(offset), "limit": limit,
                "next": address(offset + limit) if more else None, "offset": offset,
                "previous": address(max(0, offset - limit)) if offset > 0 else None,
                "total": None if self.settings.null_total else total,
                "items": [None if item is None else shape(item) for item in items]}
