#!/usr/bin/env python3
"""Claim: any text that the server lets in is a prompt, a title, a name.

Never an error but for a blank prompt, in any encoding, and no lost connection.
"""
import random
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from reco_tap import Lost, Session, SqlError, call, done, literal, ok, same, skip  # noqa: E402

random.seed(7)
SPECIAL = ["'", '"', "\\", "%", "_", "--", "/*", "*/", ";", "$$", "$1", "${x}", "\x01", "\x7f", "\t", "\r",
           "\u200b", "\u200d", "\u202e", "\u2066", "\ufeff", "\ufffd", "\U000e0041", "\u0301", "\u0489",
           "🎧", "👩‍👩‍👧‍👦", "🇫🇷", "שלום", "مرحبا", "日本語", "한국어", "ไทย", "İıǅßŉ", "ﬁﬃ", "½¾²", "“”«»「」",
           "’‘`´", "…—–", "\u2028", "\x85", "\u00a0", "\u3000", "𝕳𝖊𝖑𝖑𝖔", "Ⅷ", "٤٢", "1e999", "-inf", "NaN",
           "0x1F", "999999999999999999999", "99s", "0000s", "9999", "170 bpm", "0 bpm", "99999 bpm",
           "http://a.b/c?d=e&f", "a@b.c", "<tag attr='x'>", "&amp;", "&#x41;", "a/b/c", "1.2.3.4", "a-b-c-d",
           "x'; DROP TABLE reco.track; --", "' OR ''='", "not", "no", "without", "very", "like", "by",
           "R&B", "r n b", "drum'n'bass", "rock 'n' roll", "hiphop", "90s", "nineties", "calm", "sad"]
BLANK = ["", " ", "\t\n\r ", "\v\f"]


def any_text():
    kind = random.random()
    if kind < .3:       # any code points
        text = "".join(chr(random.choice((random.randint(1, 127), random.randint(1, 0x7ff),
                                          random.randint(1, 0xd7ff), random.randint(0xe000, 0xffff),
                                          random.randint(0x10000, 0x10ffff))))
                       for _ in range(random.randint(1, 60)))
    elif kind < .4:     # one category
        first = random.choice((0x300, 0x600, 0x1f300, 0x2000, 0x3040, 0xac00, 0x1d400, 0xe0000, 0xfe00))
        text = "".join(chr(first + random.randint(0, 127)) for _ in range(random.randint(1, 40)))
    else:
        text = random.choice(("", " ", "")).join(random.choices(SPECIAL, k=random.randint(1, 12)))
    return text


def is_blank(text):
    """Whether there is nothing in it that a person could see."""
    return all(c <= "\u00a0" and not "!" <= c <= "~" or c in "\u00ad\u1680\u180e\u3000\ufeff"
               or "\u2000" <= c <= "\u200f" or "\u2028" <= c <= "\u202f" or "\u205f" <= c <= "\u206f"
               for c in text)


def failures(session, texts):
    """Those of the texts that are an error as a prompt; the session may be lost."""
    wrong = []
    for text in texts:
        for sql in (f"SELECT reco_mood({literal(text)})", "SELECT " + call("", text, 5),
                    "SELECT count(*) FROM " + call("ana", text, 5, function="reco_generate")):
            try:
                session.query(sql)
                if is_blank(text):
                    wrong.append(f"no error for the blank {text!r}")
            except SqlError as error:
                if not (is_blank(text) and error.sqlstate == "22023"):
                    wrong.append(f"{text[:80]!r} ({len(text)}): {error}"[:400])
    return wrong


def long_texts():
    yield "x" * 3000
    yield "é" * 3000
    yield "calm " * 20000
    yield "a" * 100000
    yield "🎧" * 25000
    yield "\u0301" * 50000
    yield '"' * 100000
    yield "(" * 100000
    yield "a." * 50000
    yield "-" * 100000
    yield "http://" + "a" * 50000
    yield "<" * 50000
    yield "&" * 50000
    yield "a-" * 50000
    yield "like " + "Xyz " * 20000
    yield '"' + "Name Of Something " * 5000 + '"'
    yield "not " * 20000
    yield "1" * 100000
    yield "日本語" * 100000
    yield "word " * 200000
    yield "Ж" * 500000


ODD_NAMES = ["🎧", "!!!", "???", "", " ", "\u200b", "'", "\\", "%", "—", "½", "\x01", "שיר", "日本", "- Remastered",
             "(feat. X)", " (", ") -", "[]", "a" * 100000, "wörd " * 20000, "! " * 50000, "İ" * 3000,
             "\u0301" * 3000, " - " * 3000, "((((" * 500, "(live) " * 300]


def unicode_database(session):
    session.query("CREATE EXTENSION IF NOT EXISTS reco CASCADE")
    session.query("SELECT reco_demo_catalogue(400)")
    wrong = failures(session, BLANK + SPECIAL + [any_text() for _ in range(700)])
    ok(not wrong, "700 odd prompts", *wrong[:8])
    wrong = failures(session, long_texts())
    ok(not wrong, "prompts of up to a megabyte", *wrong[:8])

    wrong = []
    for i, name in enumerate(ODD_NAMES):
        try:
            session.query(f"INSERT INTO reco.artist (artist_id, name) VALUES ('odd{i}', {literal(name)})")
            session.query("INSERT INTO reco.track (track_id, artist_id, title, artist, album, genres, tags)"
                          f" VALUES ('odd{i}', 'odd{i}', {literal(name)}, {literal(name)}, {literal(name)},"
                          f" ARRAY[{literal(name)}, NULL], ARRAY[{literal(name)}])")
        except SqlError as error:
            wrong.append(f"{name[:40]!r} ({len(name)}): {error}"[:300])
    ok(not wrong, "odd titles, names and labels can be written", *wrong)
    wrong = failures(session, [f'like "{n}"' for n in ODD_NAMES if '"' not in n]
                     + [n for n in ODD_NAMES if not is_blank(n)])
    ok(not wrong, "and asked for", *wrong[:8])
    session.query("SELECT reco_learn_moods()")
    ok(True, "and learnt from")
    missing = session.query("SELECT track_id FROM reco.track WHERE track_id NOT IN (SELECT track_id FROM"
                            " reco_rank('', 'calm', 100000))")
    same(missing, [], "reco_rank ranks every track there is")


def extreme_values(session):
    """Whatever reco.track accepts leaves lists as they should be."""
    before = int(session.value("SELECT count(*) FROM " + call("", "modern calm", 20, None, None, "reco_generate")))
    for number, (column, value) in enumerate((
            ("release_date", "infinity"), ("release_date", "-infinity"), ("release_date", "4000-01-01 BC"),
            ("release_date", "5874897-01-01"), ("tempo", "1e-38"), ("tempo", "1e-45"), ("energy", "1e-45"),
            ("energy", "NaN"), ("tempo", "NaN"), ("loudness", "-Infinity"), ("valence", "Infinity"))):
        state = session.error(
            f"INSERT INTO reco.track (track_id, artist_id, title, artist, features, {column})"
            f" VALUES ('x{number}', 'x{number}', 'X {number}', 'X', 'measured', '{value}')")
        if state is not None:
            same(state, "23514", f"{column} {value} is refused")
            continue
        document = session.json("SELECT " + call("", "modern calm", 20))
        ok(len(document["tracks"]) == before and all(0 <= t["score"] <= 1 for t in document["tracks"]),
           f"a track with {column} {value} does no harm",
           f"{len(document['tracks'])} tracks instead of {before}")
        session.query(f"DELETE FROM reco.track WHERE track_id = 'x{number}'")
    for targets in ('{"energy": {"mean": 1e300, "sd": 1e300}}', '{"tempo": {"min": -1e38, "max": 1e38}}',
                    '{"energy": {"mean": 0.5, "sd": 1e-300}}', '{"energy": {"mean": 0.5, "sd": 1e-40}}'):
        if session.error("INSERT INTO reco.mood_term (term, targets) VALUES ('zorkish', "
                         f"{literal(targets)})") is None:
            document = session.json("SELECT " + call("", "zorkish calm", 20))
            ok(len(document["tracks"]) == before, f"a lexicon row {targets} does no harm",
               f"{len(document['tracks'])} tracks instead of {before}")
            session.query("DELETE FROM reco.mood_term WHERE term = 'zorkish'")
        else:
            ok(True, f"a lexicon row {targets} is refused")


def other_encodings(session, database):
    rows = session.query("SELECT collname FROM pg_collation WHERE collprovider = 'i' LIMIT 1")
    kinds = [("latin1", "ENCODING 'LATIN1' LOCALE 'C'", "LATIN1"),
             ("ascii", "ENCODING 'SQL_ASCII' LOCALE 'C'", "SQL_ASCII"),
             ("eucjp", "ENCODING 'EUC_JP' LOCALE 'C'", "EUC_JP"),
             ("utf8c", "ENCODING 'UTF8' LOCALE 'C'", "UTF8")]
    if rows:
        kinds.append(("icu", "ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'tr' LOCALE 'C'", "UTF8"))
    for name, options, encoding in kinds:
        other = f"{database}_{name}"
        session.query(f"DROP DATABASE IF EXISTS {other}")
        try:
            session.query(f"CREATE DATABASE {other} TEMPLATE template0 {options}")
        except SqlError as error:
            skip(f"prompts in a database with {options}", str(error))
            continue
        try:
            wrong = in_encoding(other, encoding)
        except Lost as lost:
            wrong = [f"the connection was lost: {lost}"]
        ok(not wrong, f"prompts in a database with {options}", *wrong[:6])
        session.query(f"DROP DATABASE {other} WITH (FORCE)")


def bytes_for(encoding):
    """A random prompt's bytes, valid in the encoding."""
    if encoding == "UTF8":
        return any_text().encode("utf-8", "ignore")
    if encoding == "EUC_JP":
        kana = "".join(random.choice("あいうえお音楽静かな夜ｱｲｳ日本abc 9—「」、。") for _ in range(random.randint(1, 30)))
        return kana.encode("euc_jp", "ignore")
    return bytes(random.choice((random.randint(1, 255), random.randint(128, 255), 32, 97))
                 for _ in range(random.randint(1, 60)))


def in_encoding(database, encoding):
    session = Session(database, encoding)
    wrong = []
    try:
        session.query("CREATE EXTENSION reco CASCADE")
        session.query("SELECT reco_demo_catalogue(200)")
    except SqlError as error:
        return [f"set-up: {error}"]
    for i in range(120):
        text = bytes_for(encoding).replace(b"\0", b"")
        quoted = b"'" + text.replace(b"'", b"''") + b"'"
        shown = text.decode("utf-8") if encoding == "UTF8" else text.decode("latin-1")
        if is_blank(shown) or is_blank(re.sub(r"[\x80-\xa0]", "", shown)):
            continue
        statements = [b"SELECT reco_mood(" + quoted + b")", b"SELECT reco_generate_json(''," + quoted + b")"]
        if i % 4 == 0:
            statements.append(b"INSERT INTO reco.track (track_id, artist_id, title, artist, genres) VALUES ('odd"
                              + str(i).encode() + b"', 'a', " + quoted + b"," + quoted + b", ARRAY[" + quoted + b"])")
        for sql in statements:
            try:
                session.query(sql)
            except SqlError as error:
                wrong.append(f"{text!r}: {error}"[:400])
    session.close()
    return wrong


def main():
    session = Session()
    try:
        unicode_database(session)
    except Lost as lost:
        ok(False, "the server lives", lost)
        session = Session()
    try:
        extreme_values(session)
    except Lost as lost:
        ok(False, "the server lives", lost)
        session = Session()
    other_encodings(session, session.value("SELECT current_database()"))
    done()


main()
