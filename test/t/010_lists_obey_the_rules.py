#!/usr/bin/env python3
"""Claim: every delivered list obeys the rules, whatever catalogue and question.

Random catalogues, listeners, prompts and options; each list is judged by an
implementation of the rules of its own, from what SQL says of the tables and from
what the catalogue's maker knows of its tracks.
"""
import collections
import random
import sys
import unicodedata

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from reco_tap import Session, call, done, list_of, literal, ok  # noqa: E402

random.seed(20260101)
NOW_YEAR = 2025

WORDS = ("calm happy sad energetic workout chill party focus study rainy sunday morning night "
         "drive dark dreamy romantic acoustic instrumental live upbeat mellow slow fast dance "
         "road trip coffee sleep angry love summer winter beach gaming epic ballads groovy "
         "vocals hits obscure modern oldies nostalgic concentration heartbreak xyzzy plugh").split()
GENRES = ("rock", "pop", "jazz", "hip hop", "techno", "ambient", "folk", "metal", "soul", "funk",
          "house", "classical", "indie pop", "post-rock")
# how a theme or a region comes into a track; all other texts are free of them
MARKS = {"holiday": ("title", "Christmas"), "religious": ("genre", "gospel"),
         "kids": ("genre", "nursery"), "soundtrack": ("genre", "soundtrack"),
         "latin": ("genre", "reggaeton"), "korean": ("genre", "k-pop"), "french": ("genre", "chanson")}
THEMES = {"holiday", "religious", "kids", "comedy", "soundtrack", "anthems"}
NOISE = ["🎧", "שלום", "مرحبا", "日本語", "é̈", "\u200b", "\u202e", "ﬃ", "Ω", "a\u0301", "🏳️‍🌈", "½",
         "…", "%", "\\", "'", "\"", "(", "]", "--", "/*", ";", "$$", "<b>", "&amp;", "\t", "\n", "\x01",
         "ＷＩＤＥ", "ß", "İ", "ǅ", "\ufffd", "٣", "zz" * 40]
VERSIONS = [lambda t: t + " (feat. Somebody Else)", lambda t: t + " - Remastered 2011",
            lambda t: t + " - Remastered", lambda t: t + " (Radio Edit)", lambda t: t + " - Radio Edit",
            lambda t: t + " [Radio Edit]", str.upper, str.lower, lambda t: t + "!",
            lambda t: t.replace("a", "á").replace("o", "ö"), lambda t: t.replace(" ", "  ")]


def name(low=2, high=3):
    """Made-up words that mean nothing."""
    return " ".join("".join(random.choice("bdfgklmnprtvz") + random.choice("aeiou")
                            for _ in range(random.randint(2, 4))).capitalize() + "x"
                    for _ in range(random.randint(low, high)))


def bare(text):
    """A title without case, accents, punctuation and version."""
    text = unicodedata.normalize("NFKD", text).lower()
    for version in (" (", " - ", " ["):
        text = text.split(version)[0]
    return "".join(c for c in text if c.isalnum())


def odd_name():
    return random.choice([name, name, name, name,
                          lambda: name() + " " + random.choice(("日本", "Ωmega", "Ünïque", "🎸", "שיר")),
                          lambda: "Ж" + name(), lambda: name().replace("a", "å")])()


class Catalogue:
    def __init__(self, session, size, crowded=False):
        self.session = session
        self.artists = {}
        self.tracks = {}
        nartists = 5 if crowded else max(1, size // random.choice((2, 3, 4)))
        for i in range(nartists if size else 0):
            # two sources may know one artist by two ids
            twin = random.choice(list(self.artists.values())) if i and random.random() < .05 else None
            self.artists[f"a{i:05d}" + random.choice(("", "", "'", "\\", " é"))] = twin or odd_name()
        ids = list(self.artists)
        for i in range(size):
            self.add(f"t{i:05d}" + random.choice(("", "", "", "'", "\"", "\\n", "ø")), ids)
        self.write()

    def add(self, track_id, artist_ids):
        base = random.choice(list(self.tracks.values())) if self.tracks and random.random() < .2 else None
        marks = set()
        if base and random.random() < .7:       # another version of a recording
            title = random.choice(VERSIONS)(base["title0"])
            artists, number, title0 = base["artists"], base["number"], base["title0"]
            marks, genres, artist = set(base["marks"]), list(base["genres"]), base["artist"]
            isrc = random.choice((None, base["isrc"]))
        else:
            artists = random.sample(artist_ids, min(len(artist_ids), random.choice((1, 1, 1, 1, 2, 3))))
            title0 = title = odd_name()
            number = track_id
            genres = random.sample(GENRES, random.choice((0, 1, 1, 2)))
            isrc = base["isrc"] if base else None
            if isrc is None and random.random() < .7:
                isrc = "US" + track_id[:6]
            for mark, (where, word) in MARKS.items():
                if random.random() < .03:
                    marks.add(mark)
                    if where == "title":
                        title0 = title = title + " " + word
                    else:
                        genres.append(word)
            artist = ", ".join(self.artists[a] for a in artists)
        measured = random.random() < .8

        def feature():
            return round(random.random(), 3) if measured and random.random() < .95 else None

        self.tracks[track_id] = {
            "track_id": track_id, "artist_id": artists[0], "title": title, "artist": artist,
            "artist_ids": artists if len(artists) > 1 or random.random() < .3 else None,
            "isrc": isrc, "genres": genres, "tags": random.sample(WORDS, random.choice((0, 0, 1, 3))),
            "popularity": random.choice((None, random.randint(0, 100), random.randint(0, 100))),
            "release_date": random.choice((None, f"{random.randint(1955, NOW_YEAR)}-0{random.randint(1, 9)}-15")),
            "release_precision": "year",
            "features": "measured" if measured else random.choice(("absent", "unknown")),
            "acousticness": feature(), "danceability": feature(), "energy": feature(),
            "instrumentalness": feature(), "liveness": feature(), "speechiness": feature(),
            "valence": feature(), "mode": random.randint(0, 1) if measured else None,
            "key": random.randint(0, 11) if measured else None,
            "loudness": round(random.uniform(-30, 0), 2) if measured else None,
            "tempo": round(random.uniform(50, 200), 1) if measured and random.random() < .9 else None,
            # what only the maker knows
            "artists": artists, "number": number, "title0": title0, "marks": marks}

    def write(self):
        self.session.query("TRUNCATE reco.track, reco.artist, reco.listen, reco.feedback")
        self.session.query("INSERT INTO reco.artist (artist_id, name, popularity) "
                           "SELECT artist_id, name, popularity FROM jsonb_to_recordset("
                           + literal([{"artist_id": i, "name": n,
                                       "popularity": random.choice((None, random.randint(0, 100)))}
                                      for i, n in self.artists.items()])
                           + ") AS r(artist_id text, name text, popularity smallint)")
        columns = [c for c in next(iter(self.tracks.values()), {})
                   if c not in ("artists", "number", "title0", "marks")]
        rows = [{c: t[c] for c in columns} for t in self.tracks.values()]
        if rows:
            self.session.query(f"INSERT INTO reco.track ({', '.join(columns)}) SELECT {', '.join(columns)} "
                               f"FROM jsonb_populate_recordset(NULL::reco.track, {literal(rows)})")

    def read(self):
        """Takes what SQL says, so that the judge does not trust its own maker."""
        for row in self.session.json(
                "SELECT coalesce(jsonb_agg(jsonb_build_object('track_id', track_id, 'isrc', isrc,"
                " 'year', extract(year FROM release_date), 'popularity', popularity,"
                " 'artists', coalesce(artist_ids || artist_id, ARRAY[artist_id]))), '[]')"
                " FROM reco.track"):
            self.tracks[row["track_id"]].update(
                isrc=row["isrc"], year=row["year"], popularity=row["popularity"],
                all_artists=set(row["artists"]))


class Case:
    def __init__(self, catalogue):
        self.catalogue = catalogue
        self.options = {}
        self.size = random.choice((1, 2, 3, 5, 10, 20, 20, 20, 50, 100))
        self.titles = []            # quoted
        self.no_region = None
        self.user = random.choice(("", "", "ana", "o'brien", "ユーザー", "-1", "heavy"))
        self.prompt = self.make_prompt()
        self.make_options()
        self.make_history()

    def make_prompt(self):
        tracks = list(self.catalogue.tracks.values())
        parts = []
        if tracks and random.random() < .2:
            for track in random.sample(tracks, min(len(tracks), random.choice((1, 1, 2)))):
                if '"' not in track["title"]:
                    self.titles.append(track["title"])
                    parts.append(f'like "{track["title"]}",')
        if tracks and random.random() < .2:
            parts.append("songs by " + random.choice(list(self.catalogue.artists.values())) + ",")
        parts += random.sample(WORDS, random.randint(1, 5))
        if random.random() < .3:
            parts.append(random.choice(GENRES))
        if random.random() < .2:
            parts.append(random.choice(("not", "no", "without", "nothing too")) + " " +
                         random.choice(WORDS + list(GENRES)))
        if random.random() < .15:
            parts.append(random.choice(("80s", "from the nineties", "1994", "from the 60s")))
        if random.random() < .1:
            parts.append(random.choice(("christmas", "gospel", "soundtrack", "latin", "k-pop")))
        if random.random() < .3:
            parts += random.choices(NOISE, k=random.randint(1, 4))
        if random.random() < .1:
            self.no_region = "latin"
            parts.append(". no latin")
        return " ".join(parts)

    def make_options(self):
        artists = list(self.catalogue.artists.items())
        ids = list(self.catalogue.tracks)

        def some(values, most):
            return random.sample(values, min(len(values), random.randint(1, most)))

        def maybe(chance):
            return random.random() < chance

        if maybe(.3):
            self.options["seed"] = random.randint(-10 ** 12, 10 ** 12)
        if maybe(.2):
            self.options["negative_tracks"] = some(ids + ["nobody's"], 20)
        if maybe(.2) and artists:
            self.options["exclude_artists"] = [
                random.choice((i, n, n.upper())) for i, n in some(artists, 3)]
        if maybe(.15) and artists:
            self.options["include_artists"] = [random.choice((i, n)) for i, n in some(artists, 2)]
        if maybe(.2):
            self.options["familiarity"] = random.random()
        if maybe(.2):
            first = random.randint(1950, NOW_YEAR)
            self.options["era"] = random.choice((
                {"from": first}, {"to": first}, {"from": first, "to": first + 20}, "80s", "1990s"))
        if maybe(.15):
            self.options["min_popularity"] = random.randint(0, 60)
        if maybe(.15):
            self.options["max_popularity"] = random.randint(60, 100)
        if maybe(.3):
            self.options["repeat_days"] = random.choice((0, 1, 7, 30, 3650))
        if maybe(.15):
            self.options["strategies"] = some(["user_anchors", "artist_discovery", "seed_based"], 3)

    def make_history(self):
        """Listens are half days old, so that no clock decides."""
        session = self.catalogue.session
        ids = list(self.catalogue.tracks)
        if not ids or self.user == "" or random.random() < .4:
            return
        most = 2000 if self.user == "heavy" else 15
        session.query("INSERT INTO reco.listen (user_id, track_id, at) SELECT " + literal(self.user)
                      + ", t, now() - d * interval '1 day' FROM jsonb_to_recordset("
                      + literal([{"t": random.choice(ids + ["gone"]),
                                  "d": random.randint(0, 40) + .5}
                                 for _ in range(random.randint(1, most))]) + ") AS r(t text, d float)")
        for _ in range(random.randint(0, 5)):
            session.query(f"SELECT reco_feedback({literal(self.user)}, {literal(random.choice(ids))}, "
                          f"{literal(random.choice(('like', 'skip', 'dislike', 'save', 'clear')))})")

    def era(self):
        era = self.options.get("era")
        if isinstance(era, str):
            first = {"80s": 1980, "1990s": 1990}[era]
            return first, first + 9
        return (era.get("from", 0), era.get("to", 0)) if era else (0, 0)


class Judge:
    """What a list must obey."""

    def __init__(self, case, document):
        self.case = case
        self.document = document
        self.mood = document["mood"]
        self.tracks = case.catalogue.tracks
        self.list = document["tracks"]
        self.faults = []
        names = case.catalogue.artists
        excluded = {e.lower() for e in case.options.get("exclude_artists", [])}
        self.excluded = {i for i, n in names.items() if i.lower() in excluded or n.lower() in excluded}
        self.mentioned = {i for i, n in names.items() if n in self.mood["artists"]}
        self.mentioned |= {n for n in self.mood["artists"] if n in names}
        session, user = case.catalogue.session, literal(case.user)
        self.negative = set(case.options.get("negative_tracks", []))
        self.negative |= {r[0] for r in session.query(
            "SELECT track_id FROM (SELECT DISTINCT ON (track_id) track_id, event FROM reco.feedback"
            f" WHERE user_id = {user} ORDER BY track_id, feedback_id DESC) AS f"
            " WHERE event IN ('skip', 'dislike')")}
        days = case.options.get("repeat_days", 0)
        self.recent = {r[0] for r in session.query(
            f"SELECT track_id FROM reco.listen WHERE user_id = {user}"
            f" AND at >= now() - {days} * interval '1 day'")} if days else set()
        self.protected = {i for i, t in self.tracks.items() if any(
            m["title"] == t["title"] and m["artist"] == t["artist"] for m in self.mood["tracks"])}
        self.low, self.high = case.era()
        if not self.low and not self.high:
            self.low, self.high = self.mood["era"].get("from", 0), self.mood["era"].get("to", 0)
        # a theme is out unless the prompt names it; the mood says which are
        self.forbidden = set(self.mood["exclude_themes"]) | set(self.mood["regions"]["exclude"])

    def fault(self, text):
        self.faults.append(text)

    def why_not(self, track_id):
        """The first rule that keeps a track out by itself."""
        track = self.tracks[track_id]
        if track_id in self.negative:
            return "negative"
        if track["all_artists"] & self.excluded:
            return "excluded artist"
        if track_id in self.protected:
            return None
        if track["marks"] & self.forbidden:
            return f"theme or region {track['marks'] & self.forbidden}"
        if (self.low and (track["year"] is None or track["year"] < self.low)) or \
                (self.high and (track["year"] is None or track["year"] > self.high)):
            return f"era: {track['year']}"
        low, high = (self.case.options.get(f"{b}_popularity") for b in ("min", "max"))
        if (low is not None or high is not None) and track["popularity"] is None:
            return "popularity unknown"
        if (low is not None and track["popularity"] < low) or \
                (high is not None and track["popularity"] > high):
            return f"popularity {track['popularity']}"
        if track_id in self.recent:
            return "played lately"
        return None

    def judge(self):
        ids = [t["track_id"] for t in self.list]
        size = self.case.size
        if len(ids) > size:
            self.fault(f"{len(ids)} tracks, {size} asked for")
        if [t["rank"] for t in self.list] != list(range(1, len(ids) + 1)):
            self.fault("ranks are not 1..n")
        for track in self.list:
            if not 0 <= track["score"] <= 1:
                self.fault(f"score {track['score']}")
            if track["track_id"] not in self.tracks:
                self.fault(f"unknown track {track['track_id']}")
                return self.faults
            why = self.why_not(track["track_id"])
            if why:
                self.fault(f"{track['track_id']}: {why}")
        self.judge_duplicates(ids)
        self.judge_caps(ids)
        self.judge_protected(ids)
        self.judge_themes()
        self.judge_length(ids)
        return self.faults

    def judge_duplicates(self, ids):
        for what in ("track_id", "isrc", "number"):
            keys = [self.tracks[i][what] for i in ids if self.tracks[i][what]]
            twice = [k for k, n in collections.Counter(keys).items() if n > 1]
            if twice:
                self.fault(f"twice the same {'recording' if what == 'number' else what}: {twice}")

    def judge_caps(self, ids):
        all_of, free_of = collections.Counter(), collections.Counter()
        of_mentioned = free_of_mentioned = 0
        for i in ids:
            free = i not in self.protected
            all_of.update(self.tracks[i]["all_artists"])
            if free:
                free_of.update(self.tracks[i]["all_artists"])
            if self.tracks[i]["all_artists"] & self.mentioned:
                of_mentioned += 1
                free_of_mentioned += free
        for artist, n in all_of.items():
            if artist not in self.mentioned and n > 2 and free_of[artist]:
                self.fault(f"{n} tracks of {artist}")
        if of_mentioned > max(1, self.case.size // 2) and free_of_mentioned:
            self.fault(f"{of_mentioned} tracks of mentioned artists {self.mentioned}")

    def judge_protected(self, ids):
        if len(self.mood["tracks"]) > self.case.size:
            return
        there = {(self.tracks[i]["number"]) for i in ids} | {self.tracks[i]["isrc"] for i in ids}
        for i in self.protected:
            track = self.tracks[i]
            if not {track["number"], track["isrc"]} & (there - {None}) and not self.why_not(i):
                same = [j for j, t in self.tracks.items()
                        if (t["title"], t["artist"]) == (track["title"], track["artist"])]
                if not any(self.why_not(j) for j in same):
                    self.fault(f"mentioned track {i} is missing")
        for title in self.case.titles:
            if not any(bare(m["title"]) == bare(title) for m in self.mood["tracks"]) \
                    and not self.mood["artists"]:
                self.fault(f"quoted title {title!r} was not found: {self.mood['tracks']}")

    def judge_themes(self):
        """The mood may only let in the themes whose words the prompt has."""
        prompt = self.case.prompt.lower()
        if not any(w in prompt for w in ("christmas", "gospel", "soundtrack", "latin", "k-pop",
                                         "epic", "score", "film", "live")):
            missing = THEMES - set(self.mood["exclude_themes"])
            if missing:
                self.fault(f"themes let in unasked: {missing}")
        if self.case.no_region and prompt.count("latin") == 1 and \
                self.case.no_region not in self.mood["regions"]["exclude"]:
            self.fault(f"{self.case.prompt!r} does not exclude {self.case.no_region}")

    def judge_length(self, ids):
        """
        As many as there are. An artist all of whose tracks name nobody else gives
        two tracks, or all it has, whatever else is in the list, if those are
        nobody's duplicates; so the sum over such artists is a bound that any list
        reaches that nothing more can be added to.
        """
        strategies = self.case.options.get("strategies")
        if self.mood["not_wanted"] or (strategies and "seed_based" not in strategies):
            return
        numbers = collections.Counter(t["number"] for t in self.tracks.values())
        isrcs = collections.Counter(t["isrc"] for t in self.tracks.values())
        together = {a for t in self.tracks.values() if len(t["all_artists"]) > 1
                    for a in t["all_artists"]}
        per_artist = collections.Counter()
        for i, track in self.tracks.items():
            if not self.why_not(i) and numbers[track["number"]] == 1 and \
                    (track["isrc"] is None or isrcs[track["isrc"]] == 1) and \
                    not track["all_artists"] & (together | self.mentioned):
                per_artist.update(track["all_artists"])
        bound = sum(min(2, n) for n in per_artist.values())
        if len(ids) < min(self.case.size, bound):
            self.fault(f"{len(ids)} tracks, though {bound} qualify and {self.case.size} were asked for")


def run_case(case, fresh):
    session = case.catalogue.session
    arguments = (case.user, case.prompt, case.size)
    document = session.json("SELECT " + call(*arguments, case.options))
    faults = Judge(case, document).judge()
    arc = [[t["rank"], t["track_id"]] for t in document["tracks"]]
    again = list_of(session, *arguments, case.options)
    if [r[:2] for r in again] != arc:
        faults.append("the same call gives another list")
    score = list_of(session, *arguments, dict(case.options, order="score"))
    if sorted(r[1:] for r in score) != sorted(r[1:] for r in again):
        faults.append("order arc is no permutation of order score")
    if any(a[2] < b[2] for a, b in zip(score, score[1:])):
        faults.append("order score is not by score")
    if fresh:
        other = Session()
        if list_of(other, *arguments, case.options) != again:
            faults.append("a fresh backend gives another list")
        other.close()
        n = random.choice((1, 10, 5000))
        ranked = [[int(r), i, float(s)] for r, i, s in session.query(
            f"SELECT rank, track_id, score FROM reco_rank({literal(case.user)}, {literal(case.prompt)},"
            f" {n}, {literal(case.options)})")]
        if [r[0] for r in ranked] != list(range(1, len(ranked) + 1)) or len(ranked) > n:
            faults.append("ranks of reco_rank are not 1..n")
        if any(a[2] < b[2] for a, b in zip(ranked, ranked[1:])) or \
                any(not 0 <= r[2] <= 1 for r in ranked) or len({r[1] for r in ranked}) < len(ranked):
            faults.append("reco_rank is not in order")
    return faults


def main():
    session = Session()
    session.query("CREATE EXTENSION IF NOT EXISTS reco CASCADE")
    total = 0
    for size, catalogues, cases, crowded in ((0, 1, 5, False), (1, 10, 10, False), (3, 15, 10, False),
                                             (30, 12, 30, False), (300, 4, 70, False),
                                             (3000, 1, 100, False), (4000, 1, 10, True)):
        wrong = []
        for c in range(catalogues):
            catalogue = Catalogue(session, size, crowded)
            catalogue.read()
            for k in range(cases):
                case = Case(catalogue)
                if size == 0:
                    state = session.error("SELECT " + call(case.user, case.prompt, case.size, case.options))
                    faults = [] if state == "55000" else [f"an empty catalogue gives {state}"]
                else:
                    faults = run_case(case, k % 20 == 0)
                total += 1
                if faults:
                    wrong.append(f"user {case.user!r} prompt {case.prompt!r} size {case.size} "
                                 f"options {case.options}: " + "; ".join(faults[:4]))
        ok(not wrong, f"{catalogues * cases} lists from catalogues of {size} tracks"
           + (", of few artists" if crowded else ""), f"{len(wrong)} wrong", *wrong[:6])
    ok(total >= 1000, f"{total} cases in all")
    done()


main()
