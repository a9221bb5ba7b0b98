#!/usr/bin/env python3
"""The measuring half of test/bench/quality: load, ask, compare.

Purpose: hide half of each test playlist, ask reco and two baselines with the
         playlists' names, print recall@500, NDCG@50 and AUC by kind of name.
Runs in: plain Python 3; one psql per task, which finds the database itself.
Never:   start psql per playlist; let a hidden row or a test name into the
         catalogue.

Relevant are the hidden members of a playlist. Its visible members were given,
so they are taken out of every ranking before it is judged. A track that a
ranking does not return is tied last with all the others. The lines "all" judge
the rankings as they are, with all members relevant.
"""
import argparse
import collections
import csv
import gzip
import hashlib
import io
import json
import math
import re
import subprocess
import sys
import threading
import time
import unicodedata

RANKED = 500
LISTED = 50
LEAST_TRACKS = 20
MEASURES = ("recall@500", "ndcg@50", "auc")
METHODS = ("reco", "popular", "fts", "random")

# Measured elsewhere on such data: a Gaussian fitted to half of a list's own
# tracks reaches AUC .78 to .81 and recall@500 .10 to .14.
REFERENCE = {"recall@500": 0.14, "auc": 0.81}

MOOD_WORDS = set("""
    workout gym cardio fitness crossfit chill chillout happy sad party drive coffee
    morning night nights vibes sunny soft smooth sexy unplugged love lounge groovy
    feeling accomplished lush run slow festival fiesta epic dark sleepy relax lofi lo
    workday warmup warm school bass""".split())
GENRE_WORDS = set("gangsta reggaeton rnb funk soul jazz latino trance techno punk metal".split())
STOP_WORDS = set("""
    the a an of and in by with to n is are for on from my i at or as it its that so can
    t s""".split())


def fold(text):
    text = unicodedata.normalize("NFKD", text.lower())
    return "".join(c for c in text if not unicodedata.combining(c))


def stem(word):
    for suffix in ("ies", "es", "s"):
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            return word[:-len(suffix)] + ("y" if suffix == "ies" else "")
    return word


def words_of(text):
    text = fold(text).replace("r&b", "rnb").replace("hip-hop", "hip hop")
    text = text.replace("hiphop", "hip hop").replace("lo-fi", "lofi")
    found = [stem(word) for word in re.findall(r"[a-z0-9]+|[^\W\d_a-z]+", text)]
    return [word for word in found if word not in STOP_WORDS]


def coin(text):
    return int(hashlib.md5(text.encode()).hexdigest(), 16) % 2


class Playlists:
    """The songs, and which of the rows are hidden."""

    def __init__(self, path, split):
        with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
            self.rows = list(csv.DictReader(file))
        self.members = collections.defaultdict(dict)
        for row in self.rows:
            self.members[row["playlist_name"]][row["track_id"]] = True
        self.kind = {}
        genre_words = set(GENRE_WORDS)
        for row in self.rows:
            for column in ("playlist_genre", "playlist_subgenre"):
                if row[column] not in genre_words:
                    genre_words.update(words_of(row[column]))
        for name, tracks in self.members.items():
            if len(tracks) < LEAST_TRACKS:
                continue
            if set(re.findall("[a-z]+", fold(name))) & MOOD_WORDS:
                self.kind[name] = "mood"
            elif set(words_of(name)) & genre_words:
                self.kind[name] = "genre"
        wanted = {"tune": 0, "report": 1}[split]
        self.test = sorted(name for name in self.kind if coin(name) == wanted)

    def is_hidden(self, name, track):
        return coin(name + track + "x") == 1

    def parts_of(self, name):
        """Hidden and visible members."""
        hidden = {t for t in self.members[name] if self.is_hidden(name, t)}
        return hidden, set(self.members[name]) - hidden

    def visible_rows(self):
        test = set(self.test)
        shown = set()
        for row in self.rows:
            name = row["playlist_name"]
            if name in test:
                if self.is_hidden(name, row["track_id"]):
                    continue
                row = dict(row, playlist_name="")
            shown.add(row["track_id"])
            yield row

        # the catalogue knows these, but nobody has filed them anywhere
        for row in self.rows:
            if row["track_id"] in shown:
                continue
            shown.add(row["track_id"])
            yield dict(row, playlist_name="", playlist_genre="", playlist_subgenre="")


PSQL = ["psql", "-X", "-q", "-At"]


def psql(script):
    """Runs one script, returns its lines; a failure ends the run."""
    done = subprocess.run(
        PSQL + ["-v", "ON_ERROR_STOP=1", "-f", "-"],
        input=script.encode(), stdout=subprocess.PIPE, check=False)
    if done.returncode != 0:
        sys.exit(2)
    return done.stdout.decode().splitlines()


def quote(text):
    return "'" + text.replace("'", "''") + "'"


def load(playlists):
    """Imports what is visible."""
    columns = [c for c in playlists.rows[0] if c != "playlist_id"]
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, extrasaction="ignore", lineterminator="\n")
    for row in playlists.visible_rows():
        writer.writerow(row)
    began = time.monotonic()
    lines = psql(
        "CREATE TEMPORARY TABLE song (" + ", ".join(c + " text" for c in columns) + ");\n"
        "COPY song FROM STDIN WITH (FORMAT csv);\n" + out.getvalue() + "\\.\n"
        "SELECT concat_ws(' ', 'rows', r -> 'rows', 'tracks', r -> 'tracks' -> 'new',"
        " 'rejected', r -> 'rejected' -> 'rows', 'genres', r -> 'genres', 'tags', r -> 'tags')"
        " FROM reco_catalogue_import('song') r;\n"
        "VACUUM ANALYZE reco.track;\n")
    print(f"# import {time.monotonic() - began:.1f} s {' '.join(lines)}")


class Catalogue:
    """What the database holds: ids, popularity."""

    def __init__(self):
        rows = [line.split("\t") for line in psql(
            "\\pset fieldsep '\\t'\n"
            "SELECT track_id, coalesce(popularity, -1) FROM reco.track"
            " ORDER BY popularity DESC NULLS LAST, track_id;\n")]
        self.ids = {row[0] for row in rows}
        self.popular = [(row[0], row[1]) for row in rows]


def questions(prompts, ntracks, moods):
    """The psql script that asks everything, one line of output per question."""
    yield "SET standard_conforming_strings = on;\n"
    # text search as one would write it by hand
    yield ("CREATE TEMPORARY TABLE doc AS SELECT track_id, to_tsvector('english',"
           " concat_ws(' ', title, artist, array_to_string(genres, ' '))) AS doc"
           " FROM reco.track;\n"
           "CREATE INDEX ON doc USING gin (doc);\nANALYZE doc;\n")
    for number, prompt in enumerate(prompts):
        name = quote(prompt)
        yield f"\\echo @ {number} rank\n"
        yield ("COPY (SELECT string_agg(r.track_id || ':' || r.score, ' ' ORDER BY r.rank)"
               f" FROM reco_rank('', {name}, n => {ntracks}) r) TO STDOUT;\n")
        yield f"\\echo @ {number} list\n"
        yield ("COPY (SELECT string_agg(r.track_id || ':' || r.score, ' ' ORDER BY r.rank)"
               f" FROM reco_generate('', {name}, size => {LISTED},"
               " options => '{\"order\": \"score\"}') r) TO STDOUT;\n")
        yield f"\\echo @ {number} fts\n"
        yield ("COPY (SELECT string_agg(track_id || ':' || score, ' '"
               " ORDER BY score DESC, track_id) FROM"
               " (SELECT track_id, ts_rank(doc, query) AS score FROM doc,"
               f" (SELECT replace(plainto_tsquery('english', {name})::text, ' & ',"
               " ' | ')::tsquery AS query) q WHERE doc @@ query) s) TO STDOUT;\n")
        if moods:
            yield f"\\echo @ {number} mood\n"
            yield f"COPY (SELECT encode(convert_to(reco_mood({name})::text, 'UTF8'), 'hex')) TO STDOUT;\n"
    yield "\\echo @ end\n"


def ask(prompts, ntracks, moods):
    """Yields (number, {question: answer}) as the answers come in."""
    process = subprocess.Popen(
        PSQL + ["-f", "-"], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, encoding="utf-8")
    # psql answers while it reads: whoever writes must not be the one who reads
    script = "".join(questions(prompts, ntracks, moods))
    writer = threading.Thread(target=lambda: (process.stdin.write(script),
                                              process.stdin.close()), daemon=True)
    writer.start()
    current = None
    answers = {}
    question = None
    ended = False
    for line in process.stdout:
        line = line.rstrip("\n")
        if not line.startswith("@ "):
            answers[question] = "" if line == "\\N" else line
            continue
        if line == "@ end":
            ended = True
            break
        number, question = line[2:].split(" ")
        if current is not None and int(number) != current:
            yield current, answers
            answers = {}
        current = int(number)
    if current is not None and ended:
        yield current, answers
    process.stdout.close()
    process.wait()
    if not ended:
        print(f"error: the session broke at {question} of {prompts[current or 0]!r}",
              file=sys.stderr)
        sys.exit(2)


def ranking_of(text):
    """[(id, score as text)], best first."""
    return [tuple(item.rsplit(":", 1)) for item in text.split(" ")] if text else []


def gain(ids, relevant):
    """NDCG of a list's first LISTED."""
    found = sum(1 / math.log2(i + 2) for i, t in enumerate(ids[:LISTED]) if t in relevant)
    return found / ideal_gain(relevant)


def ideal_gain(relevant):
    return sum(1 / math.log2(i + 2) for i in range(min(LISTED, len(relevant))))


def area(ranking, relevant, ntracks):
    """Exact AUC with ties; what is not in the ranking is tied last."""
    nothers = ntracks - len(relevant)
    better = 0.0                # pairs of a relevant track above another
    below = nothers             # others not yet seen
    left = len(relevant)
    i = 0
    while i < len(ranking) and left > 0:
        j = i
        hits = 0
        while j < len(ranking) and ranking[j][1] == ranking[i][1]:
            hits += ranking[j][0] in relevant
            j += 1
        misses = j - i - hits
        better += hits * (below - misses / 2)
        below -= misses
        left -= hits
        i = j
    better += left * below / 2
    return better / (len(relevant) * nothers)


def judge(ranking, listed, hidden, visible, ntracks):
    """All figures of one method for one playlist."""
    rest = [item for item in ranking if item[0] not in visible]
    if listed is None:
        listed = [item[0] for item in ranking[:LISTED + len(visible)]]
    return {
        "recall@500": sum(t in hidden for t, _ in rest[:RANKED]) / len(hidden),
        "ndcg@50": gain([t for t in listed if t not in visible], hidden),
        "auc": area(rest, hidden, ntracks - len(visible)),
        "all": gain(listed, hidden | visible),
    }


def judge_random(hidden, visible, ntracks):
    """What chance alone would reach."""
    left = ntracks - len(visible)
    discounts = sum(1 / math.log2(i + 2) for i in range(LISTED))
    everything = hidden | visible
    return {
        "recall@500": RANKED / left,
        "ndcg@50": len(hidden) / left * discounts / ideal_gain(hidden),
        "auc": 0.5,
        "all": len(everything) / ntracks * discounts / ideal_gain(everything),
    }


def measure(playlists, catalogue, names, details):
    """Returns [(name, kind, {method: figures}, extra)]."""
    results = []
    failed = []
    for number, answers in ask(names, len(catalogue.ids), details):
        name = names[number]
        hidden, visible = playlists.parts_of(name)
        hidden &= catalogue.ids
        visible &= catalogue.ids
        missing = [q for q in ("rank", "list", "fts") if q not in answers]
        if missing or not hidden:
            failed.append((name, missing))
            continue
        ntracks = len(catalogue.ids)
        listed = [t for t, _ in ranking_of(answers["list"])]
        ranking = ranking_of(answers["rank"])
        figures = {
            "reco": judge(ranking, listed, hidden, visible, ntracks),
            "popular": judge(catalogue.popular, None, hidden, visible, ntracks),
            "fts": judge(ranking_of(answers["fts"]), None, hidden, visible, ntracks),
            "random": judge_random(hidden, visible, ntracks),
        }
        # for tuning: the first of the ranking, before the rules of the list
        figures["reco"]["ranked"] = gain([t for t, _ in ranking if t not in visible], hidden)
        extra = {"hidden": len(hidden), "visible": len(visible), "listed": len(listed),
                 "ranked": len(ranking)}
        if "mood" in answers:
            extra["mood"] = json.loads(bytes.fromhex(
                answers["mood"].removeprefix("\\\\x").removeprefix("\\x")))
        results.append((name, playlists.kind[name], figures, extra))
    for name, missing in failed:
        print(f"error: no answer to {name!r}: {' '.join(missing)}", file=sys.stderr)
    return results, failed


def mean(results, method, measure_name):
    return sum(r[2][method][measure_name] for r in results) / len(results)


def ratio(a, b):
    return f"{a / b:.2f}" if b > 0 else "inf"


def report(results, split, nfailed):
    """Prints the figures; returns whether all beat both baselines."""
    beaten = True
    reference = any(r[1] == "genre" for r in results)
    for kind in ("genre", "mood"):
        chosen = [r for r in results if r[1] == kind]
        if not chosen:
            continue
        print(f"# {split}: {len(chosen)} playlists with {kind} names")
        for name in MEASURES:
            value = {m: mean(chosen, m, name) for m in METHODS}
            beats = value["reco"] > value["popular"] and value["reco"] > value["fts"]
            beaten &= beats
            line = (f"quality {kind} {name} {value['reco']:.4f} popular {value['popular']:.4f}"
                    f" fts {value['fts']:.4f} random {value['random']:.4f}"
                    f" lift_popular {ratio(value['reco'], value['popular'])}"
                    f" lift_fts {ratio(value['reco'], value['fts'])}")
            if kind == "genre" and name in REFERENCE:
                reached = value["reco"] >= REFERENCE[name]
                reference &= reached
                line += f" reference {REFERENCE[name]} {'reached' if reached else 'missed'}"
            print(f"{line} {'ok' if beats else 'BELOW A BASELINE'} split {split}")
        value = {m: mean(chosen, m, "all") for m in METHODS}
        print(f"quality_more {kind} ndcg@50_all_members {value['reco']:.4f}"
              f" popular {value['popular']:.4f} fts {value['fts']:.4f}"
              f" random {value['random']:.4f} split {split}")
        print(f"quality_more {kind} ndcg@50_of_reco_rank {mean(chosen, 'reco', 'ranked'):.4f}"
              f" split {split}")
    if nfailed > 0 or not results:
        print(f"verdict none, {nfailed} playlists without an answer, split {split}")
        return False
    print(f"verdict baselines {'beaten' if beaten else 'NOT BEATEN'}"
          f" reference {'reached' if reference else 'missed'} split {split}")
    return beaten


def write_details(path, split, results):
    with open(path, "a", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        if file.tell() == 0:
            writer.writerow(
                ["split", "kind", "playlist", "hidden", "visible", "listed", "ranked"]
                + [f"{m}_{n}" for m in ("reco", "popular", "fts")
                   for n in MEASURES + ("all",)]
                + ["reco_ranked_ndcg@50", "mood"])
        for name, kind, figures, extra in results:
            writer.writerow(
                [split, kind, name] + [extra[c] for c in ("hidden", "visible", "listed", "ranked")]
                + [f"{figures[m][n]:.5f}" for m in ("reco", "popular", "fts")
                   for n in MEASURES + ("all",)]
                + [f"{figures['reco']['ranked']:.5f}",
                   json.dumps(extra.get("mood"), ensure_ascii=False)])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--songs", required=True)
    parser.add_argument("--split", required=True, choices=("tune", "report"))
    parser.add_argument("--load", action="store_true")
    parser.add_argument("--learn", action="store_true")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--details")
    parser.add_argument("--dbname", required=True)
    options = parser.parse_args()
    PSQL.extend(["-d", options.dbname])

    playlists = Playlists(options.songs, options.split)
    if options.load:
        load(playlists)
    elif options.learn:
        psql("SELECT reco_learn_moods();\n")
    names = playlists.test
    if options.limit is not None:
        names = [n for kind in ("genre", "mood")
                 for n in [m for m in names if playlists.kind[m] == kind][:options.limit]]
    began = time.monotonic()
    catalogue = Catalogue()
    results, failed = measure(playlists, catalogue, names, options.details is not None)
    print(f"# {len(results)} playlists asked of {len(catalogue.ids)} tracks"
          f" in {time.monotonic() - began:.1f} s")
    beaten = report(results, options.split, len(failed))
    if options.details is not None:
        write_details(options.details, options.split, results)
    sys.stdout.flush()
    if failed or not results:
        sys.exit(2)
    sys.exit(0 if beaten else 1)


if __name__ == "__main__":
    main()
