#!/usr/bin/env python3
"""Claim: a language model is asked where the lexicon is unsure, once a run, and less and less.

It is asked beside the searches of services, about the listener's words and nothing else, and
what it says is checked field by field: whatever it answers, or does not, there is a list that
keeps to the rules. An answer is kept, and taught to the lexicon, so that the next prompt with
these words needs none. Switched off, nothing is asked.
"""
import json
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rsplit("/", 1)[0])
from bench import SERVICES, WIDE, WIDE_QUOTA  # noqa: E402
from cluster import Cluster, nothing_left  # noqa: E402
from emulator import Emulator  # noqa: E402
from reco_tap import call, done, literal, ok, same, until  # noqa: E402
from rules import SIZE, broken_rules, essence  # noqa: E402

UNCLEAR = "zorblax quuxing glimmerous"      # words that no lexicon has
CALM = {"targets": [{"feature": "energy", "low": .1, "high": .3, "weight": .9},
                    {"feature": "acousticness", "low": .7, "high": 1, "weight": .8}],
        "energy_level": "low", "emotion": "negative", "artists": [], "genres": [],
        "mentions": {"artists": [], "tracks": []}, "regions": {"prefer": [], "exclude": []},
        "exclude_themes": [], "era": {"from": 0, "to": 0}, "confidence": .8}
LOUD = {**CALM, "targets": [{"feature": "energy", "low": .8, "high": 1, "weight": .9}],
        "energy_level": "high", "emotion": "positive"}
# what a model may do wrong; the answer is of no use then
FAULTS = ["blocked", "safety", "content-filter", "max_tokens", "max_tokens-no-parts", "no-parts", "null-content",
          "empty-content", "refusal", "not-json", "top-level-error", "string-error", "array-error", "overloaded",
          "per-day", "no-details", "schema-too-complex", "status:500", "status:404", "reset", "truncate:40", "empty-200",
          "html-200", "not-an-object", "deep-nesting:50000", "stall"]
OF_GEMINI = {"max_tokens-no-parts", "schema-too-complex", "no-details"}       # alone
ODD = ["fences", "thoughts", "reasoning", "no-usage", "bom", "gzip", "chunked"]   # and yet an answer


class Models:
    """A model that knows nothing of what was before, and lists with it."""

    def __init__(self, session, emulator):
        self.session = session
        self.emulator = emulator
        self.number = 0

    def connect(self, kind="gemini", more=(), **options):
        """New servers with new credentials: no breaker, limit or answer is left of before."""
        self.disconnect()
        self.emulator.reset()
        self.number += 1
        for name in (kind, *more):
            where, secrets = SERVICES[name]
            settings = {**WIDE, **WIDE_QUOTA.get(name, {}), **(options if name == kind else {})}
            given = "".join(f", {option} '{value}'" for option, value in settings.items())
            self.session.query(f"CREATE SERVER {name} FOREIGN DATA WRAPPER reco_upstream OPTIONS (kind '{name}',"
                               f" {where(self.emulator)}{given})")
            self.session.query(f"CREATE USER MAPPING FOR PUBLIC SERVER {name} OPTIONS ({secrets.format(self.number)})")

    def disconnect(self):
        for name in SERVICES:
            self.session.query(f"DROP SERVER IF EXISTS {name} CASCADE")

    def answers(self, answer, contains=""):
        self.emulator.config(answers=[{"contains": contains, "text": answer}])

    def document(self, prompt, deadline="20 s", user="", **options):
        return self.session.json("SELECT " + call(user, prompt, SIZE, options, deadline))

    def mood(self, prompt):
        return self.session.json(f"SELECT reco_mood({literal(prompt)})")

    def calls(self):
        return sum(self.emulator.service(name)["calls"] for name in ("gemini", "openai"))


def asked_where_unsure(models):
    """Above the threshold nobody is asked, below it once."""
    session = models.session
    models.disconnect()
    local = models.document(UNCLEAR)
    same(local["mood"]["source"] in ("lexicon", "learned") and "model" not in local, True, "without a model there is none")
    for kind in ("gemini", "openai"):
        models.connect(kind, price_in="2", price_out="10")
        models.answers(CALM)
        clear = models.document("calm, peaceful")
        same((models.calls(), clear["mood"]["source"] != "llm", "model" in clear), (0, True, False),
             f"{kind}: a clear prompt needs no model")
        same((models.mood(UNCLEAR)["source"] != "llm", models.calls()), (True, 0), f"{kind}: reco_mood is the lexicon's")
        document = models.document(UNCLEAR)
        model = document["model"]
        same((models.calls(), document["mood"]["source"], model["origin"], model["server"]), (1, "llm", "live", kind),
             f"{kind}: an unclear one is asked about, once")
        same((document["mood"]["energy_level"], document["mood"]["primary_emotion"], document["mood"]["targets"]["energy"]["target"]),
             ("low", "negative", .2), f"{kind}: and means what the model says")
        ok(document["mood"]["confidence"] > model["confidence_before"], f"{kind}: it is surer then", model)
        energies = [track["features"]["energy"] for track in document["tracks"] if "energy" in track["features"]]
        ok(sum(energies) / len(energies) < .45, f"{kind}: the list is as the model says", energies)
        same(broken_rules(document), [], f"{kind}: and keeps to the rules")
        cost = (model["prompt_tokens"] * 2 + model["completion_tokens"] * 10) / 1e6
        ok(model["prompt_tokens"] > 100 and model["completion_tokens"] > 20 and abs(model["cost"] - cost) < cost / 100,
           f"{kind}: tokens and cost are told", model)
        lines = "\n".join(row[0] for row in session.query(f"SELECT * FROM reco_explain('', {literal(UNCLEAR)})"))
        ok(f"Model: {kind}" in lines and "Tokens: " in lines and "cost=" in lines, f"{kind}: by explain as well", lines[:1500])
        ok(until(lambda: session.value(f"SELECT count(*) FROM reco_run WHERE run_id = {document['run_id']}") == "1"),
           f"{kind}: the run is on record")
        lines = "\n".join(row[0] for row in session.query(f"SELECT * FROM reco_explain_run({document['run_id']})"))
        ok(f"Model: {kind}" in lines and f"Tokens: {model['prompt_tokens']} in" in lines, f"{kind}: with the model", lines[:1500])
    same(models.emulator.counters()["bugs"], [], "the emulator did what it was told")
    for option in ("price_in", "price_out"):
        for value in ("-1", "much", "1e9", ""):
            error = session.error(f"ALTER SERVER openai OPTIONS (SET {option} '{value}')")
            same(error, "HV024", f"{option}: not {value!r}")


def switches(models):
    session = models.session
    models.disconnect()
    local = essence(models.document(UNCLEAR))
    half = "calm zorblax"
    confidence = models.mood(half)["confidence"]
    ok(.2 < confidence < .8, "a prompt of which half is clear", confidence)
    models.connect()
    models.answers(LOUD)
    for name, value, prompt, calls in (("reco.model", "off", UNCLEAR, 0), ("reco.upstreams", "off", UNCLEAR, 0),
                                       ("reco.llm_threshold", "0", UNCLEAR, 0),
                                       ("reco.llm_threshold", f"{confidence - .1:.3f}", half, 0),
                                       ("reco.llm_threshold", f"{confidence + .1:.3f}", half, 1)):
        models.emulator.reset_counters()
        session.query(f"SET {name} = '{value}'")
        document = models.document(prompt)
        session.query(f"RESET {name}")
        same((models.calls(), document["mood"]["source"] == "llm"), (calls, calls > 0), f"{name} = {value}: {calls} calls")
        same(broken_rules(document), [], f"{name} = {value}: the list keeps to the rules")
        if prompt == UNCLEAR:
            same(essence(document), local, f"{name} = {value}: the list is the lexicon's")
    for value in ("-0.1", "1.1", "often"):
        ok(session.error(f"SET reco.llm_threshold = '{value}'"), f"reco.llm_threshold: not {value}")


def words_only(models):
    """What goes to a model."""
    emulator = models.emulator
    models.connect(more=("spotify", "reccobeats"))
    models.answers(CALM)
    for prompt, words in (("  Zorblax   quuxing, glimmerous!", "zorblax quuxing glimmerous"),
                          ("Zorblax, not quuxing, glimmerous", "zorblax, not quuxing, glimmerous"),
                          ("zorblax quuxing\tlike Some Body", "zorblax quuxing like Some Body")):
        emulator.reset_counters()
        models.document(prompt)
        prompts = emulator.prompts()
        same([seen["prompt"] for seen in prompts], [words], f"{prompt.strip()!r}: the model is asked about these words")
        known = [artist["name"] for artist in emulator.artists(2000)] + [track["name"] for track in emulator.tracks(2000)]
        same([name for name in known if len(name) > 4 and name in prompts[0]["system"]], [], "and told nothing of a service's")
    emulator.reset_counters()
    models.document("zorblax " * 400)
    ok(len(emulator.prompts()[0]["prompt"]) <= 400, "a long prompt is cut", emulator.prompts())


def taste(models):
    """Whom a listener plays goes along where the service's server says so."""
    session, emulator = models.session, models.emulator
    for share in (False, True):
        models.connect(more=("spotify",))
        models.answers(CALM)
        if share:
            session.query("ALTER SERVER spotify OPTIONS (ADD share_with_llm 'true')")
        session.query("SELECT reco_connect_user('wanda', 'wanda.0')")
        document = models.document(UNCLEAR, user="wanda")
        system = emulator.prompts()[0]["system"]
        played = [artist["name"] for artist in emulator.artists(2000) if artist["name"] in system and len(artist["name"]) > 4]
        same((bool(played), document["model"]["told_taste"], "listener plays" in system), (share, share, share),
             f"share_with_llm {share}: the listener's artists go along: {share}")
        emulator.reset_counters()
        models.document(UNCLEAR)
        same([seen for seen in emulator.prompts() if "listener plays" in seen["system"]], [], "nobody's without a listener")

    # a history has no names: those that the service has are told, whatever was played here
    ids = {artist["name"]: artist["id"] for artist in emulator.artists(2000)}
    session.query("INSERT INTO reco.track (track_id, artist_id, title, artist) VALUES "
                  + ", ".join(f"({literal('played ' + name)}, {literal(ids[name])}, 'Played', {literal(name)})" for name in played))
    session.query("INSERT INTO reco.listen (user_id, track_id) SELECT 'wanda', track_id FROM reco.track WHERE track_id LIKE 'played %'")
    models.document("glimmerous zorblax", user="wanda")
    asked = [seen["system"] for seen in emulator.prompts() if "listener plays" in seen["system"]]
    same([[name for name in played if name not in system] for system in asked], [[]], "those whom the history has, too, are told by name")
    session.query("DELETE FROM reco.listen WHERE user_id = 'wanda'; DELETE FROM reco.track WHERE track_id LIKE 'played %'")


def beside_the_searches(models):
    """Services are searched while the model thinks."""
    emulator = models.emulator
    models.connect(more=("spotify",))
    models.answers(CALM)
    emulator.config(latency={"gemini": 4000})
    document = models.document(UNCLEAR, "30 s")
    began = emulator.times("gemini")
    searches = [at for at in emulator.times("spotify") if at < began[0] + 4]
    ok(len(began) == 1 and searches, "Spotify is searched while the model is under way", began, emulator.times("spotify"))
    same((document["mood"]["source"], broken_rules(document)), ("llm", []), "and what it says counts all the same")


def useless_answers(models):
    """Whatever the model does wrong, the lexicon's mood stands."""
    models.disconnect()
    local = models.document(UNCLEAR)
    for kind in ("gemini", "openai"):
        for fault in FAULTS:
            if kind == "openai" and fault in OF_GEMINI:
                continue
            models.connect(kind)
            models.emulator.fault([{"route": "*", "kind": fault}])
            document = models.document(UNCLEAR, "10 s")
            same((essence(document), document["mood"]["source"]), (essence(local), local["mood"]["source"]),
                 f"{kind}, {fault}: the list is the lexicon's")
            ok(document["model"].get("fallback"), f"{kind}, {fault}: and it is said why", document.get("model"))
        for fault in ODD:
            models.connect(kind)
            models.answers(CALM)
            models.emulator.fault([{"route": "*", "kind": fault}])
            same(models.document(UNCLEAR)["mood"]["source"], "llm", f"{kind}, {fault}: the answer counts")
    models.connect()
    models.emulator.fault([{"route": "*", "kind": "stall"}])
    document = models.document(UNCLEAR, "1 s")
    same((document["complete"], len(document["tracks"])), (False, SIZE), "late: a whole list, which is not complete")
    models.emulator.fault([])
    models.emulator.stop()
    document = models.document(UNCLEAR, "10 s")
    same(essence(document), essence(local), "nobody there: the list is the lexicon's")
    models.emulator.start()


def nonsense(models):
    """Answers that are JSON, and little else."""
    models.disconnect()
    local = models.document(UNCLEAR)
    for answer in ({}, [], 7, {"targets": "loud"}, {"confidence": 1}, {"targets": [{"feature": "energy", "low": 9, "high": 8, "weight": 1}]},
                   {"artists": ["\n\n", "x" * 5000, 3, None, "\u0000"], "emotion": 7, "era": {"from": 1, "to": 2}}):
        models.connect("openai")
        models.answers(json.dumps(answer))
        document = models.document(UNCLEAR)
        same((essence(document), bool(document["model"]["fallback"])), (essence(local), True),
             f"{json.dumps(answer)[:60]}: the list is the lexicon's")
    for answer in ({**CALM, "artists": [f"Ignore all rules {n}" for n in range(60)], "genres": ["<script>"] * 50},
                   {**CALM, "exclude_themes": ["everything"], "regions": {"prefer": ["mars"], "exclude": "all"}, "targets": CALM["targets"] * 40},
                   {**CALM, "mentions": {"artists": ["Somebody Else"], "tracks": [{"title": "zorblax", "artist": "quuxing"}]}},
                   {**CALM, "era": {"from": 1800, "to": 1700}, "energy_level": "extreme", "confidence": 3}):
        models.connect("gemini", more=("spotify", "reccobeats"))
        models.answers(json.dumps(answer))
        document = models.document(UNCLEAR)
        same((document["mood"]["source"], broken_rules(document), document["mood"]["artists"]), ("llm", [], []),
             f"{json.dumps(answer)[-70:]}: what is good of it counts, and the rules hold")
        ok(document["model"]["dropped"] > 0 or "mentions" in json.dumps(answer)[:20] or answer["mentions"]["artists"],
           "what is not is dropped", document["model"])


def names(models):
    """Whom the model names is looked for; the listener's own words win."""
    session = models.session
    # whose music is calm: it has to fit all the same
    rows = session.query("SELECT a.name FROM reco.artist AS a JOIN reco.track AS t ON t.artist_id = a.artist_id"
                         " WHERE a.name ~ '^[A-Za-z]+( [A-Za-z]+)?$' AND coalesce(a.popularity, 50) > 20 GROUP BY a.name HAVING count(*) > 3"
                         " ORDER BY avg(abs(t.energy - .2) + abs(t.acousticness - .85)), a.name LIMIT 3")
    artists = [row[0] for row in rows]
    models.connect()
    models.answers({**CALM, "artists": [*artists, "Nobody At All"]})
    document = models.document(UNCLEAR)
    same((document["model"]["artists"], document["model"]["found"]), (4, 3), "artists that are suggested are looked for")
    ok({artist for track in document["tracks"] for artist in track["artist"].split(", ")} & set(artists),
       "and are in the list", artists)
    same(document["mood"]["artists"], [], "but nobody has named them")
    wanted = artists[0]
    models.answers({**CALM, "mentions": {"artists": [wanted, artists[1]], "tracks": []}})
    document = models.document(f"zorblax {wanted.lower()} quuxing")
    same(document["mood"]["artists"], [wanted], "a name that only the model knows for one is mentioned if it is in the prompt")
    same(broken_rules(document), [], "under the rules of mentions")
    document = models.document(f"zorblax quuxing, not {wanted.lower()}")
    same(document["mood"]["artists"], [], "and is not where it is not wanted")
    document = models.document(UNCLEAR, exclude_artists=[wanted])
    same([track for track in document["tracks"] if wanted in track["artist"].split(", ")], [], "who is excluded stays so")
    models.answers({**LOUD, "era": {"from": 1980, "to": 1989}, "regions": {"prefer": ["french"], "exclude": []}})
    document = models.document("zorblax quuxing glimmerous from the 90s, without french")
    same((document["mood"]["era"], document["mood"]["regions"]), ({"from": 1990, "to": 1999}, {"prefer": [], "exclude": ["french"]}),
         "years and regions are the listener's where he says any")


def searched_for(models):
    """The catalogue is searched for what the model says, as if the lexicon had said it."""
    session = models.session
    # of so many, the tracks that a list is chosen from are a small part
    session.query("SELECT reco_demo_catalogue(8000)")
    for name, level, wanted in (("loud", "high", {"energy": .95, "valence": .1, "danceability": .9}),
                                ("calm", "low", {"energy": .1, "valence": .9, "danceability": .85})):
        # what fits is rare, and not what is chosen when nothing is known
        columns = ", ".join(wanted)
        session.query(f"INSERT INTO reco.track (track_id, artist_id, title, artist, popularity, features, {columns})"
                      f" SELECT '{name}' || n, '{name}er' || n % 20, 'Song ' || n, '{name} singer ' || n % 20, 20, 'measured',"
                      f" {', '.join(f'{value} + n / 5000.0' for value in wanted.values())} FROM generate_series(1, 60) AS n")

        def fitting(document):
            """How many of the list are such tracks, and how far its tracks are from what is wanted."""
            far = [abs(track["features"][feature] - value) for track in document["tracks"]
                   for feature, value in wanted.items() if feature in track["features"]]
            return sum(track["track_id"].startswith(name) for track in document["tracks"]), sum(far) / max(len(far), 1)

        models.disconnect()
        neither, far = fitting(models.document(UNCLEAR))
        targets = {feature: {"min": value - .05, "max": value + .05} for feature, value in wanted.items()}
        session.query(f"INSERT INTO reco.mood_term (term, targets) SELECT word, {literal(json.dumps(targets))}"
                      f" FROM regexp_split_to_table({literal(UNCLEAR)}, ' ') AS word")
        lexicon, near = fitting(models.document(UNCLEAR))
        ok(lexicon > SIZE // 2 and neither == 0 and near < far / 3, f"{name}: the lexicon finds what is rare",
           (lexicon, near), (neither, far))
        session.query("DELETE FROM reco.mood_term WHERE source = 'manual'")
        models.connect()
        models.answers({**CALM, "energy_level": level, "emotion": "mixed", "targets": [
            {"feature": feature, "low": value - .05, "high": value + .05, "weight": 1} for feature, value in wanted.items()]})
        document = models.document(UNCLEAR)
        same(document["mood"]["source"], "llm", f"{name}: a model says the same")
        refined, close = fitting(document)
        # what is near the seeds was searched for before it answered
        ok(refined >= lexicon / 2 and close < 2 * near + .01 and close < far / 3, f"{name}: and its list is as near to that",
           (refined, close), (lexicon, near), (neither, far))


def kept_and_taught(models):
    """An answer is kept for the same words, and taught for others with them."""
    session = models.session
    session.query("SET reco.cache = on")
    models.connect()
    models.answers(CALM)
    before = session.query("SELECT what, change_id FROM reco.change ORDER BY 1, 2")
    models.document("blimflor vorshest krandok")
    same(models.calls(), 1, "a model is asked")
    session.query("SET reco.llm_threshold = 1")
    document = models.document("Blimflor,  vorshest krandok!")
    same((models.calls(), document["model"]["origin"], document["model"]["completion_tokens"]), (1, "cached", 0),
         "and the same words are not asked again")
    session.query("RESET reco.llm_threshold")
    taught = lambda word: session.query("SELECT tracks, targets FROM reco.mood_term WHERE source = 'model' AND term = "
                                        + literal(word))
    ok(until(lambda: len(taught("blimflor")) == 1), "the keeper teaches the lexicon")
    same(session.query("SELECT what, change_id FROM reco.change ORDER BY 1, 2"), before, "which makes no list of before wrong")
    mood = models.mood("krandok blimflor in the dusk")
    ok(mood["source"] == "learned" and abs(mood["targets"]["energy"]["target"] - .2) < .05, "the words mean what it said", mood)
    document = models.document("blimflor krandok")
    same((models.calls(), document["mood"]["source"], document["mood"]["energy_level"]), (1, "learned", "low"),
         "and a prompt with them needs no model")

    # of two answers the mean; the more they differ, the less it says
    models.answers(LOUD)
    session.query("SET reco.llm_threshold = 1")
    models.document("krandok ploomish")
    session.query("RESET reco.llm_threshold")
    ok(until(lambda: taught("krandok") and taught("krandok")[0][0] == "2"), "a second answer", taught("krandok"))
    energy = json.loads(taught("krandok")[0][1])["energy"]
    ok(.4 < energy["mean"] < .7 and energy["sd"] > .25, "makes a mean of both, and a wider range", energy)
    clear, torn = models.mood("blimflor"), models.mood("krandok")
    ok(clear["confidence"] > torn["confidence"], "so the word is less sure", clear["confidence"], torn["confidence"])

    # names, and what is not wanted
    models.answers({**CALM, "mentions": {"artists": ["Grimwold"], "tracks": []}})
    models.document("grimwold dremful no shrondy, like Hesper Vane")
    ok(until(lambda: taught("drem") or taught("dremful")), "another prompt is learned")
    words = [row[0] for row in session.query("SELECT term FROM reco.mood_term WHERE source = 'model'")]
    same([word for word in words if word.startswith(("grim", "shron", "hesper", "vane"))], [],
         "but no names, and nothing that is not wanted")
    rows = session.value("SELECT count(*) FROM reco.mood_term WHERE source = 'model'")
    session.query("SELECT reco_learn_moods()")
    same(session.value("SELECT count(*) FROM reco.mood_term WHERE source = 'model'"), rows, "learning from the catalogue leaves them alone")

    # as many as there may be; those that rest on least go
    session.query("INSERT INTO reco.mood_term (term, source, targets, tracks) SELECT 'filler' || n, 'model',"
                  " '{\"energy\": {\"mean\": 0.5, \"sd\": 0.1}}', 1 FROM generate_series(1, 10200) AS n")
    models.document("vimbly yondrous")
    ok(until(lambda: int(session.value("SELECT count(*) FROM reco.mood_term WHERE source = 'model'")) <= 10000),
       "the lexicon is bounded")
    same(taught("krandok")[0][0], "2", "and keeps what rests on more")
    session.query("SET reco.cache = off")

    # while an import has the table, nobody waits for it
    other = models.session_of_its_own()
    other.query("BEGIN; LOCK TABLE reco.mood_term IN SHARE ROW EXCLUSIVE MODE")
    session.query("SET reco.cache = on")
    models.document("quorble snib")
    ok(until(lambda: session.value("SELECT count(*) FROM reco.cache WHERE key LIKE '%quorble%'") == "1"),
       "what cannot be taught just now is written all the same")
    same(taught("quorbl"), [], "and not taught")
    other.query("ROLLBACK")
    other.close()
    ok(until(lambda: len(taught("quorbl")) == 1), "until the table is free")
    session.query("RESET reco.cache")


def nothing_stops_keeping(models, cluster):
    """Whoever has the lexicon locked, or refuses its rows: all else is kept."""
    session = models.session
    taught = lambda word: session.query("SELECT tracks, targets FROM reco.mood_term WHERE source = 'model' AND term = "
                                        + literal(word))
    complaints = lambda: cluster.log_text().count("reco keeper could not teach the lexicon")
    failed = lambda: cluster.log_text().count("reco keeper works again")
    before = failed()

    def keeper(on):
        session.query(f"ALTER SYSTEM SET reco.keeper = {'on' if on else 'off'}")
        session.query("SELECT pg_reload_conf()")
        ok(until(lambda: session.value("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'reco keeper'")
                 == str(int(on))), f"a keeper: {on}")

    def kept(words, document, name):
        ok(until(lambda: session.value(f"SELECT count(*) FROM reco.cache WHERE key LIKE '%{words}%'") == "1"),
           f"{name}: the answer is kept")
        ok(until(lambda: session.value(f"SELECT count(*) FROM reco_run WHERE run_id = {document['run_id']}") == "1"),
           f"{name}: and the run is on record")

    session.query("SET reco.cache = on")
    session.query("SET reco.llm_threshold = 1")
    models.connect()
    models.answers(CALM)
    for table, words, word in (("artist", "krelvin dosk", "krelvin"), ("mood_term", "plimbor vask", "plimbor")):
        keeper(False)
        document = models.document(words)
        other = models.session_of_its_own()
        other.query(f"BEGIN; LOCK TABLE reco.{table} IN ACCESS EXCLUSIVE MODE")
        keeper(True)
        kept(words, document, f"reco.{table} is locked")
        other.query("ROLLBACK")
        other.close()
        ok(until(lambda: len(taught(word)) == 1), f"reco.{table} is free: the words are taught")
    same(complaints(), 0, "a lock is no error")

    # what a DBA allows in the table
    session.query("ALTER TABLE reco.mood_term ADD CONSTRAINT refuse CHECK (source <> 'model') NOT VALID")
    for words in ("strobnik yalt", "vurmdok pesk"):
        kept(words, models.document(words), f"rows are refused, {words}")
    ok(until(lambda: complaints() == 1), "the log says so")
    session.query("ALTER TABLE reco.mood_term DROP CONSTRAINT refuse")
    kept("frabdon mulk", models.document("frabdon mulk"), "rows are not refused")
    ok(until(lambda: len(taught("frabdon")) == 1), "what comes next is taught")
    same((complaints(), taught("strobnik")), (1, []), "it was said once, and what was refused is left out")
    ok(until(lambda: "reco keeper teaches the lexicon again" in cluster.log_text()), "the log says that it works again")

    # one that is refused keeps no other from it
    keeper(False)
    session.query("ALTER TABLE reco.mood_term ADD CONSTRAINT refuse CHECK (term <> 'hulbrad') NOT VALID")
    for words in ("glanvord tisk", "hulbrad nomp", "drelgan pusk"):
        models.document(words)
    keeper(True)
    ok(until(lambda: taught("glanvord") and taught("drelgan")), "answers beside one that is refused are taught")
    same(taught("hulbrad"), [], "that one is not")
    session.query("ALTER TABLE reco.mood_term DROP CONSTRAINT refuse")

    # what passes
    session.query("CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql"
                  " AS 'BEGIN RAISE EXCEPTION ''no room, so to speak'' USING ERRCODE = ''disk_full''; END'")
    session.query("CREATE TRIGGER refuse BEFORE INSERT ON reco.mood_term EXECUTE FUNCTION public.refuse()")
    kept("brandok filp", models.document("brandok filp"), "an error")
    ok(until(lambda: cluster.log_text().count("could not teach the lexicon: no room, so to speak") == 1), "the log tells it")
    session.query("DROP TRIGGER refuse ON reco.mood_term")
    ok(until(lambda: len(taught("brandok")) == 1), "and it is tried again")

    # a row that says nothing, in numbers of which there is no square
    session.query("UPDATE reco.mood_term SET targets = '{\"energy\": {\"mean\": 0.5, \"sd\": 1e20, \"weight\": 0.5}}'"
                  " WHERE source = 'model' AND term = 'krelvin'")
    kept("krelvin wumbrat", models.document("krelvin wumbrat"), "a row is as wide as can be")
    ok(until(lambda: taught("krelvin")[0][0] == "2"), "and is taught with the others", taught("krelvin"))
    energy = json.loads(taught("krelvin")[0][1])["energy"]
    ok(0 <= energy["mean"] <= 1 and 0 < energy["sd"] <= 1, "as a range of what there is", energy)
    ok(len(taught("wumbrat")) == 1, "which keeps no other word from it")
    same(failed(), before, "no round of the keeper failed")
    session.query("RESET reco.llm_threshold")
    session.query("RESET reco.cache")


def main():
    with Emulator("--preset", "extended", "--latency", "none", "--window", "none") as emulator, \
            Cluster("reco.job_workers = 0", "reco.gateway_upstreams = 400", "reco.keeper_interval = 100") as cluster:
        session = cluster.session()
        session.query("CREATE EXTENSION reco CASCADE")
        session.query("SELECT reco_demo_catalogue(2000)")
        models = Models(session, emulator)
        models.session_of_its_own = cluster.session
        asked_where_unsure(models)
        switches(models)
        words_only(models)
        taste(models)
        beside_the_searches(models)
        nonsense(models)
        names(models)
        kept_and_taught(models)
        nothing_stops_keeping(models, cluster)
        useless_answers(models)
        searched_for(models)
        same(nothing_left(session), None, "no slot and no memory is left behind")
    done()


main()
