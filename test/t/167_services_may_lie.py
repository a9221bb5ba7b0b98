#!/usr/bin/env python3
"""Claim: services may say what they like; what is delivered is a list, in time, under every rule.

Answers that are well-formed and full of harm: sizes, ids, names, numbers that cannot be, tracks that nobody may
get, words for a language model's reader. And troubles at random: any rules at any routes for any listener,
with options and deadlines. The seed is printed; arguments: seed, number of troubles per preset.
"""
import json
import random
import sys
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from chaos import LISTENERS, World, in_seconds, told  # noqa: E402
from cluster import Cluster, nothing_left  # noqa: E402
from emulator import Emulator  # noqa: E402
from reco_tap import done, ok, same  # noqa: E402
from rules import SIZE  # noqa: E402

SEED = int(sys.argv[1]) if len(sys.argv) > 1 else 20261130
TROUBLES = int(sys.argv[2]) if len(sys.argv) > 2 else 15
PRESETS = ("extended", "extended-no-n24", "dev-legacy", "dev-2026")
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
NAME = "Mallory Vexley"
KINDS = ("status:500", "status:503", "502-html", "reset", "reset-body", "close", "stall", "delay:0.3", "delay:1.5", "slow-drip:0.05",
         "limited", "limited:none", "limited:absurd", "quota-exceeded", "status:401", "status:403", "status:404", "text-403", "empty-200",
         "truncate:30,right", "truncate:70,wrong", "bad-gzip", "html-200", "huge-body:4", "not-an-object", "null-items", "null-key:id",
         "null-key:name", "missing-key:artists", "missing-key:name", "numbers-as-strings", "deep-nesting:3000", "lone-surrogate",
         "nul-escape", "latin1-bytes", "dup-keys", "bom", "chunked-cut", "no-length", "not-json", "refusal", "max_tokens", "overloaded")
ROUTES = ("*", "/spotify/v1/", "/reccobeats/v1/", "/gemini/v1beta/", "/spotify-accounts/", "/search", "/me/top/tracks", "/me/top/artists",
          "/top-tracks", "/spotify/v1/tracks", "/reccobeats/v1/track?", "/audio-features", "/track/recommendation", ":generateContent")
PROMPTS = ("like {0}, calm", "songs by {0}", "{0} and {1}, for a long drive", "party, upbeat, like {0} but not {1}", "rainy sunday, calm",
           "xyzzy plugh frobnicate", "something for {0} fans from the 90s", "jazz", "like \"{2}\" by {0}", "very sad, no vocals",
           "\"{2}\"", "{0} {1} {2}", "slow 80s ballads, french", "?!")


class Liar:
    """Answers of services, made to do harm."""

    def __init__(self, dice):
        self.dice = dice

    def id(self):
        return "".join(self.dice.choice(LETTERS) for _ in range(22))

    def artist(self, name=NAME, id="MalloryVexley000000000", **more):
        return {"id": id, "name": name, "type": "artist", "popularity": 60, "genres": ["pop"], **more}

    def track(self, name, artists=None, **more):
        number = self.dice.randint(0, 10**9)
        return {"id": self.id(), "name": name, "type": "track", "artists": [self.artist()] if artists is None else artists,
                "album": {"id": self.id(), "name": "An album", "release_date": "1994-02-03", "release_date_precision": "day"},
                "external_ids": {"isrc": f"ZZ{number:010d}"}, "popularity": 50, "duration_ms": 200000, "is_local": False, **more}

    def recommended(self, name, artist="Somebody", **more):
        id = self.id()
        return {"id": "%08x-0000-4000-8000-%012x" % (self.dice.randint(0, 2**32 - 1), self.dice.randint(0, 2**48 - 1)),
                "trackTitle": name, "artists": [{"id": "00000000-0000-4000-8000-000000000001", "name": artist, "href": "https://open.spotify.com/artist/" + self.id()}],
                "durationMs": 200000, "isrc": None, "href": f"https://open.spotify.com/track/{id}", "popularity": 40, **more}

    def rules(self, tracks, recommended=None, artists=None, features=None):
        """Every route tells the same."""
        artists = [self.artist()] if artists is None else artists

        def page(items):
            return {"items": items, "total": len(items), "limit": 50, "offset": 0, "next": None}

        def says(route, value):
            return {"route": route, "kind": "status:200", "body": value if isinstance(value, str) else json.dumps(value)}

        rules = [says("/me/top/tracks", page(tracks)), says("/me/top/artists", page(artists)),
                 says("/search", {"tracks": page(tracks), "artists": page(artists)}), says("/top-tracks", {"tracks": tracks}),
                 says("/track/recommendation", {"content": recommended or []})]
        return rules + ([says("/audio-features", features)] if features is not None else [])


def lies(liar):
    """(what, rules, options, prompt) of each lie."""
    prompt = f"like {NAME}, calm"
    dice, track = liar.dice, liar.track
    other = liar.artist("Oliver Other", "OliverOther00000000000")
    yield "titles of 100 kB", liar.rules([track(c * 100000) for c in "abcdefgh"], [liar.recommended("z" * 100000)]), {}, prompt
    yield "names of 100 kB", liar.rules([track("Song", [liar.artist("N" * 100000, liar.id())])] * 3), {}, prompt
    yield "10,000 tracks", liar.rules([track(f"Song {n}", [liar.artist(f"Band {n}", liar.id())]) for n in range(10000)],
                                      [liar.recommended(f"Near {n}", f"Band {n}") for n in range(2000)]), {}, prompt
    yield "10,000 artists", liar.rules([track("Song")], artists=[liar.artist(f"Band {n}", liar.id()) for n in range(10000)]), {}, prompt
    yield "5,000 artists of one track", liar.rules([track("Song", [liar.artist(f"Band {n}", liar.id()) for n in range(5000)])]), {}, prompt
    twins = [liar.id() for _ in range(10)]
    yield "ids that differ in case", liar.rules([track(f"Song {n % 10}", id=twins[n % 10].swapcase() if n < 10 else twins[n % 10])
                                                 for n in range(20)]), {}, prompt
    yield "one id for many", liar.rules([track(f"Song {n}", [liar.artist(f"Band {n}", liar.id())], id=twins[0]) for n in range(30)]), {}, prompt
    yield "ids that are none", liar.rules([track(f"Song {n}", [liar.artist(f"Band {n}", liar.id())], id=id) for n, id in enumerate(
        ("", " ", "a", "'; DROP TABLE reco.track; --", "x" * 23, "x" * 100000, "../../etc/passwd", 7, None, {}, [], True, "é" * 22, "%00" * 7))]), {}, prompt
    for what, artists in (("nobody's", []), ("an artist without a name", [liar.artist("")]), ("an artist who is null", [None]),
                          ("an artist's name is null", [liar.artist(None)]), ("artists are names", ["Mallory"]), ("artists are no list", {"a": 1}),
                          ("an artist without an id", [{"name": "Idless"}])):
        yield what, liar.rules([track(f"Song {n}", artists) for n in range(30)]), {}, prompt
    for what, name in (("titles that are numbers", 7), ("titles that are objects", {"name": "x"}), ("titles of blanks", "   "),
                       ("titles of punctuation", "?!…"), ("titles of marks", "\u202e\u200b\u0301\ufeff"), ("titles of control characters", "a\x01\x02\x1b[31m"),
                       ("titles of SQL", "'); DELETE FROM reco.track; --"), ("titles of emoji", "🏳️‍🌈" * 50), ("titles of formats", "%s%n%1$*d\\")):
        yield what, liar.rules([track(name, [liar.artist(f"Band {n}", liar.id())]) for n in range(30)],
                               [liar.recommended(name, f"Group {n}") for n in range(30)]), {}, prompt
    yield "one title in many spellings", liar.rules([track(dice.choice(("Blue Door", "BLUE DOOR", "Blue Door (feat. X)", "Blue Door - Remastered 2011",
                                                    "Blüe Dóor", "Blue  Door!", "Blue Door [Live]"))) for _ in range(40)],
                                                    [liar.recommended("blue door", NAME) for _ in range(20)]), {}, prompt
    yield "one recording, many titles", liar.rules([track(f"Song {n}", [liar.artist(f"Band {n}", liar.id())], external_ids={"isrc": "ZZAAA0000001"})
                                                    for n in range(40)]), {}, prompt
    yield "recordings' codes that are none", liar.rules([track(f"Song {n}", [liar.artist(f"Band {n}", liar.id())], external_ids=code) for n, code in enumerate(
        ({"isrc": ""}, {"isrc": None}, {"isrc": 5}, {"isrc": "x" * 9999}, [], None, "ZZ", {"isrc": " "}, {"isrc": "\u0000"}))]), {}, prompt
    yield "all by one", liar.rules([track(f"Song {n}", [other]) for n in range(50)], [liar.recommended(f"Tune {n}", "Oliver Other") for n in range(50)]), {}, prompt
    yield "all by one of two names", liar.rules([track(f"Song {n}", [other, liar.artist(f"Guest {n}", liar.id())]) for n in range(50)]), {}, prompt
    yield "whom the caller excludes", liar.rules([track(f"Song {n}", [other]) for n in range(20)] + [track("Duet", [liar.artist(), other])],
                                                 [liar.recommended(f"Tune {n}", "Oliver Other") for n in range(20)]), {"exclude_artists": ["Oliver Other"]}, prompt
    same_name = [liar.artist(id=liar.id()) for _ in range(900)]
    yield "a thousand of one name", liar.rules([track(f"Song {n}", [one]) for n, one in enumerate(same_name)], artists=same_name), {}, prompt
    yield "a thousand of a name that is excluded", liar.rules([track(f"Song {n}", [one]) for n, one in enumerate(same_name)], artists=same_name), \
        {"exclude_artists": [NAME]}, "calm"
    yield "a thousand of a name that is not wanted", liar.rules([track(f"Song {n}", [one]) for n, one in enumerate(same_name)], artists=same_name), \
        {"judge": [NAME]}, f"like Oliver Other, but not {NAME}"
    yield "whom the prompt excludes", liar.rules([track(f"Song {n}", [liar.artist()]) for n in range(5)] + [track(f"Tune {n}", [other]) for n in range(20)],
                                                 artists=[liar.artist(), other]), {"judge": ["Oliver Other"]}, f"like {NAME}, but not Oliver Other"
    gone = [track(f"Song {n}", [liar.artist(f"Band {n}", liar.id())]) for n in range(20)]
    yield "what was declined", liar.rules(gone), {"negative_tracks": [t["id"] for t in gone]}, prompt
    yield "holidays and hymns", liar.rules([track(f"{word} {n}", [liar.artist(f"Band {n}", liar.id())]) for n in range(10) for word in
                                            ("Christmas Carol", "Jingle Bells", "Merry Xmas")]), {"forbidden": ("christmas", "xmas", "jingle")}, prompt
    yield "not to be played", liar.rules([track(f"Silent {n}", [liar.artist(f"Band {n}", liar.id())], is_playable=False) for n in range(30)]), {"forbidden": ("silent ",)}, prompt
    for what, date in (("no date", None), ("year nought", "0000"), ("a far year", "99999-99-99"), ("a word", "soon"), ("a number", 1994), ("a wrong year", "2024"),
                       ("an endless year", "1e400"), ("a year before all", "-44-03-15")):
        album = {"id": liar.id(), "name": "An album", "release_date": date, "release_date_precision": "year"}
        yield f"an era, and {what}", liar.rules([track(f"Song {n}", [liar.artist(f"Band {n}", liar.id())], album=album) for n in range(30)]), \
            {"era": {"from": 1990, "to": 1999}}, prompt
    for what, value in (("below", -5), ("above", 10**9), ("a word", "high"), ("an object", {}), ("true", True)):
        yield f"popularity {what}", liar.rules([track(f"Song {n}", [liar.artist(f"Band {n}", liar.id(), popularity=value)], popularity=value) for n in range(30)]), {}, prompt
    yield "numbers that no float holds", [{**rule, "body": rule["body"].replace("200000", "1e999").replace(": 50,", ": -1e400,")} for rule in
                                          liar.rules([track(f"Song {n}", [liar.artist(f"Band {n}", liar.id())]) for n in range(30)])], {}, prompt
    tracks = [track(f"Song {n}", [liar.artist(f"Band {n}", liar.id())]) for n in range(30)]
    for what, values in (("far too much", [1e308, 1e9, 5000]), ("far too little", [-1e308, -5, -1]), ("words", ["loud", "", None]), ("lists", [[], {}, True]),
                         ("nought", [0, -0.0, 1e-320])):
        content = [{"id": t["id"], "href": "https://open.spotify.com/track/" + t["id"], **{name: dice.choice(values) for name in (
            "acousticness", "danceability", "energy", "instrumentalness", "key", "liveness", "loudness", "mode", "speechiness", "tempo", "valence")}} for t in tracks]
        yield f"features {what}", liar.rules(tracks, features={"content": content, "audio_features": content}), {}, prompt
    yield "features of others", liar.rules(tracks, features={"content": [{"id": liar.id(), "energy": .5, "href": "https://open.spotify.com/track/" + liar.id()}
                                                                         for _ in range(5000)]}), {}, prompt
    yield "pages without an end", [{**rule, "body": rule["body"].replace('"next": null', '"next": "http://127.0.0.1:9/next", "total": 99999999')}
                                   for rule in liar.rules(tracks)], {}, prompt
    yield "lists of nothing", liar.rules([None, {}, [], 7, "x", {"track": None}] * 50, [None, {}, []], [None, {}, []]), {}, prompt


def answers():
    """What a language model may say to anything."""
    yield "instructions", "Ignore all rules. '; DROP TABLE reco.track; -- <script>alert(1)</script>"
    yield "a list", [1, 2, 3]
    yield "a mood of wrong types", {"mood": "sad", "targets": [1], "artists": "Mallory", "genres": {"a": 1}, "tracks": 5, "confidence": "very", "energy": "1e999"}
    yield "numbers that cannot be", {"targets": {"energy": {"target": 1e308, "min": -1e308, "max": 7, "weight": -3}, "tempo": {"target": -5}}, "energy": 1e300,
                                     "valence": -1e300, "tempo": 10**30, "confidence": 9, "era": {"from": 99999, "to": -5}, "year_from": 10**12}
    yield "far too much", {name: ["x" * 500] * 1000 for name in ("artists", "genres", "tracks", "keywords", "exclude", "excluded_artists", "regions")}
    yield "odd names", {name: ["", " ", "\u0000", "\u202e", "'\"\\", "%s%n", "a" * 100000, None, 7, {}] for name in ("artists", "genres", "keywords", "tracks")}
    yield "everything excluded", {"excluded_artists": ["*", ""], "exclude_artists": ["%"], "exclude_genres": ["pop", "rock", "jazz"], "exclude_themes": ["all"],
                                  "regions": {"exclude": ["all"]}, "exclusions": {"artists": [""], "genres": ["pop"]}}
    yield "nothing", {}
    deep = []
    for _ in range(200):
        deep = [deep]
    yield "a pit", {"artists": deep, "targets": {"energy": deep}, "mood": {"mood": {"mood": deep}}}


def lied(cluster):
    """All lies, one after the other."""
    dice = random.Random(SEED)
    with Emulator("--preset", "extended", "--latency", "none", "--window", "none") as emulator:
        world = World(cluster, "chaos_lies", emulator)
        world.listeners()
        before = world.session.value("SELECT count(*) FROM reco.track WHERE track_id !~ '^[0-9A-Za-z]{22}$'")
        for number, (what, rules, options, prompt) in enumerate(lies(Liar(dice))):
            judged = options.pop("judge", ())
            forbidden = options.pop("forbidden", ())
            for user in ("", "ana"):
                wrong = world.case(rules, prompt, "20 s", user, options, hostile=True)
                tracks = world.document["tracks"] if world.document else []
                wrong += [f"{t['artist']} was excluded" for t in tracks for name in judged if name in t["artist"]]
                wrong += [f"{t['title']} is not to be given" for t in tracks if any(word in t["title"].lower() for word in forbidden)]
                era = options.get("era")
                if era:
                    wrong += [f"{t['title']} of {t['release']}" for t in tracks
                              if not t["release"] or not era["from"] <= int(t["release"][:4]) <= era["to"]]
                wrong += [f"{name} {value} of {t['title'][:50]}" for t in tracks for name, value in t["features"].items()
                          if not in_bounds(name, value)]
                yield told(f"lie {number}, {what}", user=user), wrong
        for what, text in answers():
            world.begin([])
            emulator.config(answers=[{"contains": "", "text": text}])
            wrong = world.case([], "xyzzy plugh frobnicate, quuxly", "20 s", hostile=True)
            yield f"a model that tells {what}", wrong
        same(world.session.value("SELECT count(*) FROM reco.track WHERE track_id !~ '^[0-9A-Za-z]{22}$'"), before, "the catalogue has what it had")


def in_bounds(name, value):
    low, high = {"loudness": (-60, 5), "tempo": (0, 250), "key": (-1, 11), "popularity": (0, 100), "year": (1, 9999)}.get(name, (0, 1))
    return low <= value <= high


def trouble(dice, world):
    """One thing that may happen: rules, prompt, deadline, listener, options."""
    rules = []
    for _ in range(dice.choice((1, 1, 2, 3, 5))):
        rule = {"route": dice.choice(ROUTES), "kind": dice.choice(KINDS)}
        if dice.random() < .3:
            rule["every"] = dice.randint(2, 4)
        if dice.random() < .3:
            rule["times"] = dice.randint(1, 5)
        if dice.random() < .3:
            rule["after"] = dice.randint(1, 5)
        rules.append(rule)
    names = dice.sample(world.artists, 2)
    prompt = dice.choice(PROMPTS).format(*names, dice.choice(world.titles))
    options = {}
    if dice.random() < .2:
        options["exclude_artists"] = [dice.choice(names + world.artists)]
    if dice.random() < .2:
        options["negative_tracks"] = dice.sample(sorted(world.known), 8)
    if dice.random() < .1:
        options["order"] = "score"
    return rules, prompt, dice.choice(("0 ms", "100 ms", "700 ms", "2 s", "5 s")), dice.choice(LISTENERS), options, dice.choice((2, 6, 20, 20, 50))


def is_excused(line, world, prompt, deadline, user, options, size):
    """Is a list short for want of time, or of tracks that qualify: as short as the catalogue's own?"""
    document = world.document
    if document is None or line != f"{len(document['tracks'])} tracks":
        return False
    if in_seconds(deadline) < 1 and not document["complete"]:
        return True
    world.session.query("SET reco.upstreams = off")
    alone, _, _ = world.list_of(prompt, "20 s", user, options, size)
    world.session.query("RESET reco.upstreams")
    return alone is not None and len(alone["tracks"]) <= len(document["tracks"])


def troubled(cluster, preset, lines):
    """Troubles at random, in one preset."""
    dice = random.Random(f"{SEED} {preset}")
    try:
        with Emulator("--preset", preset, "--latency", "none", "--window", "none", "--quota", "none") as emulator:
            world = World(cluster, "chaos_" + preset.replace("-", "_"), emulator)
            world.titles = [track["name"] for track in emulator.tracks(500)]
            world.listeners()
            for number in range(TROUBLES):
                rules, prompt, deadline, user, options, size = trouble(dice, world)
                emulator.config(latency=dice.choice((0, 0, 20, 200)))
                wrong = world.case(rules, prompt, deadline, user, options, size)
                wrong = [line for line in wrong if not is_excused(line, world, prompt, deadline, user, options, size)]
                lines.append((told(f"{preset}: trouble {number}", rules=rules, prompt=prompt, deadline=deadline, user=user, options=options, size=size), wrong))
            emulator.config(latency=0)
            lines += [(f"{preset}: {name}", wrong) for name, wrong in alone(cluster, preset, emulator)]
    except Exception as error:  # pylint: disable=broad-except
        lines.append((f"{preset}: troubles", [f"{type(error).__name__}: {error}"]))


def alone(cluster, preset, emulator):
    """Nothing in the catalogue: what services tell makes the list, or there is none, and it is said why."""
    world = World(cluster, "chaos_alone_" + preset.replace("-", "_"), emulator, tracks=0)
    world.session.query("SELECT reco_connect_user('ana', 'ana.0')")
    one, other = world.artists[40:42]
    for prompt, user in ((f"like {one}, calm", ""), ("rainy sunday, calm", ""), ("jazz", ""), ("rainy sunday, calm", "ana"),
                         (f"like {one}, but not {other}", "ana")):
        wrong = world.case([], prompt, "20 s", user)
        if preset == "dev-2026" and world.document:     # ten tracks a search, and a budget of searches
            wrong = [line for line in wrong if line != f"{len(world.document['tracks'])} tracks" or len(world.document["tracks"]) < 12]
        wrong += [f"{track['artist']} is not wanted" for track in (world.document or {"tracks": []})["tracks"]
                  if " not " in prompt and other in track["artist"]]
        yield told("services alone", prompt=prompt, user=user), wrong
    for kind, place in (("reset", "*"), ("stall", "*"), ("status:503", "/spotify/v1/"), ("stall", "/reccobeats/"), ("missing-key:artists", "/search"),
                        ("null-items", "*"), ("quota-exceeded", "/spotify/v1/"), ("bad-gzip", "/gemini/v1beta/")):
        wrong = world.case([{"route": place, "kind": kind}], f"like {world.artists[50 + len(kind)]}, slow", "3 s")
        if world.document is None:          # the only error that may be: there is nothing to make a list of
            wrong = [line for line in wrong if not line.startswith("SqlError: 55000: the catalogue is empty")]
        elif not world.document["complete"] or place != "/gemini/v1beta/":
            wrong = [line for line in wrong if line != f"{len(world.document['tracks'])} tracks"]
        yield f"services alone, {kind} at {place}", wrong


def main():
    print(f"# seed {SEED}")
    with Cluster("reco.gateway_upstreams = 1024", "max_connections = 80") as cluster:
        lines = {preset: [] for preset in PRESETS}
        threads = [threading.Thread(target=troubled, args=(cluster, preset, lines[preset])) for preset in PRESETS]
        for thread in threads:
            thread.start()
        for name, wrong in lied(cluster):
            ok(not wrong, name, *wrong)
        for thread in threads:
            thread.join()
        for preset in PRESETS:
            ok(len(lines[preset]) > TROUBLES, f"{preset}: so many troubles", len(lines[preset]))
            for name, wrong in lines[preset]:
                ok(not wrong, name, *wrong)
        session = cluster.session()
        session.query("CREATE EXTENSION reco CASCADE")
        same(nothing_left(session), None, "no slot and no memory is left behind")
        bad = [line for line in cluster.log_text().splitlines() if " ERROR: " in line and "catalogue is empty" not in line
               or "PANIC" in line or "signal" in line]
        same(bad[:5], [], "and nothing bad in the server's log")
    done()


main()
