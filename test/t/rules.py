"""The rules of a list, judged from its document alone.

Purpose: what a list of reco_generate_json does not keep to, for tests in which lists come from
         services, so that nobody knows beforehand what is in them; what is comparable in it.
Never:   believe the extension: titles are made bare here in a way of its own.
"""
import collections
import unicodedata

SIZE = 20


def bare(title):
    """A title without case, accents, punctuation and version."""
    title = unicodedata.normalize("NFKD", title).lower()
    for version in (" (", " - ", " ["):
        title = title.split(version)[0]
    return "".join(c for c in title if c.isalnum())


def broken_rules(document, size=SIZE, forbidden_tracks=(), forbidden_artists=()):
    """What a list does not keep to; nothing when it is as it must be."""
    tracks = document["tracks"]
    named = document["mood"]["artists"]
    faults = [f"without title or artist: {track}" for track in tracks if not track["title"] or not track["artist"]]
    if faults:
        return faults
    if [track["rank"] for track in tracks] != list(range(1, size + 1)):
        faults.append(f"{len(tracks)} tracks")
    for what in ("track_id", "isrc"):
        values = [track[what] for track in tracks if track[what]]
        faults += [f"{what} {value} twice" for value, n in collections.Counter(values).items() if n > 1]
    pairs = collections.Counter((bare(track["title"]), artist) for track in tracks for artist in set(track["artist"].split(", ")))
    faults += [f"{pair} twice" for pair, n in pairs.items() if n > 1 and pair[0]]
    counts = collections.Counter(artist for track in tracks for artist in set(track["artist"].split(", ")))
    faults += [f"{n} tracks by {artist}" for artist, n in counts.items() if n > 2 and artist not in named]
    by_named = [track for track in tracks if set(track["artist"].split(", ")) & set(named)]
    if len(by_named) > size // 2:
        faults.append(f"{len(by_named)} tracks by those who were named")
    faults += [f"{track['track_id']} was declined" for track in tracks if track["track_id"] in set(forbidden_tracks)]
    faults += [f"{artist} was excluded" for artist in forbidden_artists if artist in counts]
    return faults


def essence(document):
    """A list without what differs from run to run."""
    return [(track["track_id"], track["score"], track["origin"]) for track in document["tracks"]]


def origins(document):
    """How many of its tracks are live, cached, stale, local."""
    return collections.Counter(track["origin"] for track in document["tracks"])
