"""What the emulated language models write.

Purpose: an answer that depends on the prompt and fits the schema that was asked for.
Never:   answer the same prompt in two ways.
"""
import hashlib
import json
import re

WORD = re.compile(r"[^\W\d_]{3,}")
MOST_DEPTH = 12


class Schema:
    """Builds a value for a JSON schema, or for Gemini's subset of OpenAPI."""

    def __init__(self, schema, prompt):
        self.schema = schema
        self.definitions = schema.get("$defs") or schema.get("definitions") or {}
        self.prompt = prompt
        self.words = WORD.findall(prompt.lower()) or ["music"]

    def dice(self, path):
        """A number from 0 to 1 that belongs to the prompt and a place in the answer."""
        text = f"{self.prompt}/{path}".encode("utf-8", "replace")
        return int.from_bytes(hashlib.sha256(text).digest()[:6], "big") / 2 ** 48

    def value(self, schema=None, path="", depth=0):
        schema = self.schema if schema is None else schema
        if not isinstance(schema, dict) or depth > MOST_DEPTH:
            return None
        if "$ref" in schema:
            target = self.definitions.get(str(schema["$ref"]).rpartition("/")[2], {})
            return self.value(target, path, depth + 1)
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return schema["enum"][int(self.dice(path) * len(schema["enum"]))]
        for choice in ("anyOf", "oneOf", "allOf"):
            if schema.get(choice):
                return self.value(schema[choice][0], path, depth + 1)
        return self.of_kind(self.kind(schema), schema, path, depth)

    def kind(self, schema):
        kind = schema.get("type")
        if isinstance(kind, list):
            kind = next((k for k in kind if k != "null"), "null")
        if not kind:
            kind = "object" if "properties" in schema else "array" if "items" in schema \
                else "string"
        return str(kind).lower()

    def of_kind(self, kind, schema, path, depth):
        if kind == "object":
            names = schema.get("propertyOrdering") or list(schema.get("properties") or {})
            return {name: self.value(schema["properties"][name], f"{path}.{name}", depth + 1)
                    for name in names if name in schema.get("properties", {})}
        if kind == "array":
            return self.array(schema, path, depth)
        if kind in ("number", "integer"):
            return self.number(kind, schema, path)
        if kind == "boolean":
            return self.dice(path) < .5
        if kind == "null":
            return None
        return self.string(schema, path)

    def array(self, schema, path, depth):
        # int64 counts are strings in Gemini's schemas
        low = int(schema.get("minItems", 0))
        high = int(schema.get("maxItems", max(low, 3)))
        count = max(low, min(high, 1 + int(self.dice(path) * 3)))
        return [self.value(schema.get("items", {}), f"{path}[{n}]", depth + 1)
                for n in range(count)]

    def number(self, kind, schema, path):
        low = schema.get("minimum", schema.get("exclusiveMinimum"))
        high = schema.get("maximum", schema.get("exclusiveMaximum"))
        if low is None:
            low = 0 if high is None or high > 0 else high - 10
        if high is None:
            high = low + (10 if kind == "integer" else 1)
        share = .05 + .9 * self.dice(path)
        if kind == "integer":
            return max(int(low), min(int(high), round(low + share * (high - low))))
        return round(low + share * (high - low), 3)

    def string(self, schema, path):
        if schema.get("format") == "date-time":
            return "2026-11-01T00:00:00Z"
        text = self.words[int(self.dice(path) * len(self.words))]
        while len(text) < int(schema.get("minLength", 0)):
            text += " " + self.words[0]
        return text[:int(schema["maxLength"])] if "maxLength" in schema else text


def plan(prompt):
    """JSON for those who asked for some, without a schema."""
    return Schema({"type": "object", "properties": {
        "moods": {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2},
        "energy": {"type": "number"}, "valence": {"type": "number"},
        "tempo": {"type": "number", "minimum": 60, "maximum": 180}}}, prompt).value()


# What words of a request mean: features with their ranges, and the energy level.
MEANINGS = {
    "calm": ({"energy": (0, .4), "acousticness": (.5, 1)}, "low"),
    "sleepy": ({"energy": (0, .3), "tempo": (50, 80)}, "low"),
    "rainy": ({"energy": (.1, .45), "valence": (.1, .5)}, "low"),
    "lonely": ({"valence": (0, .35), "energy": (.1, .5)}, "low"),
    "angry": ({"energy": (.7, 1), "valence": (0, .4)}, "high"),
    "sunny": ({"valence": (.6, 1), "energy": (.5, .8)}, "medium"),
    "happy": ({"valence": (.65, 1), "energy": (.5, .9)}, "medium"),
    "party": ({"energy": (.7, 1), "danceability": (.65, 1)}, "high"),
    "running": ({"energy": (.7, 1), "tempo": (140, 180)}, "high"),
    "study": ({"energy": (.1, .4), "instrumentalness": (.5, 1)}, "low"),
    "dreamy": ({"energy": (.2, .5), "acousticness": (.3, .8)}, "low"),
}


def mood_of(words):
    """What a model makes of a request for music: its answer to the question of a run."""
    found = [MEANINGS[word] for word in WORD.findall(words.lower()) if word in MEANINGS]
    ranges = {}
    for features, _ in found:
        for feature, span in features.items():
            ranges.setdefault(feature, []).append(span)
    targets = [{"feature": feature, "low": round(sum(low for low, _ in spans) / len(spans), 3),
                "high": round(sum(high for _, high in spans) / len(spans), 3), "weight": .8}
               for feature, spans in ranges.items()]
    return {"targets": targets, "energy_level": found[0][1] if found else "medium",
            "emotion": "neutral", "artists": [], "genres": [],
            "mentions": {"artists": [], "tracks": []},
            "regions": {"prefer": [], "exclude": []}, "exclude_themes": [],
            "era": {"from": 0, "to": 0}, "confidence": .8 if found else .2}


def is_of_mood(schema):
    """Is it the schema of a run's question?"""
    names = (schema or {}).get("properties") or {}
    return {"targets", "energy_level", "mentions", "confidence"} <= set(names)


def answer(prompt, schema, wants_json, canned=(), words=""):
    """The text of an answer; 'words' are the user's alone."""
    for entry in canned:
        if entry.get("contains", "") in prompt:
            text = entry.get("text", "")
            return text if isinstance(text, str) else json.dumps(text)
    if is_of_mood(schema):
        return json.dumps(mood_of(words))
    if schema is not None:
        return json.dumps(Schema(schema, prompt).value(), ensure_ascii=False)
    if wants_json:
        return json.dumps(plan(prompt), ensure_ascii=False)
    words = WORD.findall(prompt.lower())[:8]
    return "That sounds like " + (", ".join(words) or "music") + "."


def tokens(text):
    """About as many as a real tokenizer counts."""
    return len(text) // 4 + 1 if text else 0
