"""Spotify's search.

Purpose: find artists, albums, tracks and playlists by words and field filters.
Never:   be random, but where it is asked to be as unstable as the real one.
"""
import random
import re

FILTER = re.compile(r'(artist|album|track|year|genre|isrc|upc|tag):("[^"]*"|\S+)', re.I)
WORD = re.compile(r"[^\W_]+")
LEADING_FILTER = re.compile(r"(artist|album|track):", re.I)


def words(text):
    return WORD.findall(text.replace("’", "'").lower())


class Search:
    """An index of the catalogue."""

    def __init__(self, catalogue):
        self.catalogue = catalogue
        self.tables = {
            "track": self.index(catalogue.tracks, lambda t: words(t.name) + [
                w for a in t.artists for w in words(a.name)] + words(" ".join(t.artist.genres))),
            "artist": self.index(catalogue.artists, lambda a: words(a.name)
                                 + words(" ".join(a.genres))),
            "album": self.index(catalogue.albums, lambda a: words(a.name)
                                + words(a.artist.name))}
        self.known = {}

    def index(self, things, words_of):
        table = {}
        for thing in things:
            for word in set(words_of(thing)):
                table.setdefault(word, []).append(thing)
        return table

    def find(self, kind, query):
        """All that match, best first."""
        found = self.known.get((kind, query))
        if found is None:
            found = self.look(kind, query)
            if len(self.known) > 5000:
                self.known.clear()
            self.known[kind, query] = found
        return found

    def look(self, kind, query):
        filters, rest = self.parse(query)
        scores = {}
        for word in set(words(rest)):
            for thing in self.tables[kind].get(word, ()):
                scores[thing] = scores.get(thing, 0) + 1
        if rest.strip():
            things = sorted(scores, key=lambda x: (-scores[x], -self.popularity(x), x.index))
        else:
            things = self.narrow(kind, filters)
        return [x for x in things if all(self.fits(kind, x, *f) for f in filters)]

    def parse(self, query):
        """(filters, the rest). An unquoted name after artist: goes on to the next filter."""
        filters = []

        def take(match):
            filters.append((match[1].lower(), match[2].strip('"').lower()))
            return " "
        rest = FILTER.sub(take, query)
        if len(filters) == 1 and LEADING_FILTER.match(query) and rest.strip() \
                and '"' not in query:
            filters = [(filters[0][0], filters[0][1] + " " + rest.strip().lower())]
            rest = ""
        return filters, rest

    def narrow(self, kind, filters):
        """Where to look when there are filters only."""
        for name, value in filters:
            if name == "isrc" and kind == "track":
                return self.catalogue.by_isrc.get(value.upper(), [])
            if name in ("artist", "track", "album"):
                first = (words(value) or [""])[0]
                found = self.tables[kind].get(first)
                if found is not None:
                    return sorted(found, key=lambda x: (-self.popularity(x), x.index))
        table = {"track": self.catalogue.tracks, "artist": self.catalogue.artists,
                 "album": self.catalogue.albums}[kind]
        return sorted(table, key=lambda x: (-self.popularity(x), x.index)) if filters else []

    def fits(self, kind, thing, name, value):
        """Whether a thing passes a filter; a filter that it does not know lets it pass."""
        artists = {"track": lambda: thing.artists, "artist": lambda: [thing],
                   "album": lambda: [thing.artist]}[kind]()
        wanted = set(words(value))
        if name == "artist":
            return any(wanted <= set(words(a.name)) for a in artists)
        if name == "track":
            return kind == "track" and wanted <= set(words(thing.name))
        if name == "album":
            album = {"track": lambda: thing.album, "album": lambda: thing}.get(kind)
            return album is not None and wanted <= set(words(album().name))
        if name == "isrc":
            return kind == "track" and thing.isrc == value.upper()
        if name == "genre":
            return any(value in genre for a in artists for genre in a.genres)
        if name == "year":
            return kind == "artist" or self.year_fits(thing, kind, value)
        return True

    def year_fits(self, thing, kind, value):
        year = thing.album.year if kind == "track" else thing.year
        first, _, last = value.partition("-")
        return first.isdigit() and int(first) <= year <= int(last if last.isdigit() else first)

    def popularity(self, thing):
        return thing.popularity

    def shaken(self, things, offset, dice):
        """As the real one may answer: another order, and pages that repeat items."""
        things = list(things)
        random.Random(dice.random()).shuffle(things)
        if offset and things:
            things[offset % len(things)] = things[0]
        return things
