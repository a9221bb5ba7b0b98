"""The self test's part about language models.

Purpose: their answers, schemas, and the answers that are 200 and yet failures.
"""
import json

from reco_tap import ok, same
from selftest_client import ask, chat, gemini


def text_of(answer):
    return "".join(part["text"] for part in answer.json["candidates"][0]["content"]["parts"]
                   if not part.get("thought"))


SCHEMA = {"type": "object", "additionalProperties": False, "required": ["energy", "moods", "kind"],
          "properties": {"energy": {"type": "number", "minimum": 0.2, "maximum": 0.4},
                         "moods": {"type": "array", "items": {"type": "string"}, "minItems": 2,
                                   "maxItems": 4},
                         "kind": {"type": "string", "enum": ["a", "b"]}}}


def fits(value):
    return (set(value) == {"energy", "moods", "kind"} and .2 <= value["energy"] <= .4
            and 2 <= len(value["moods"]) <= 4 and value["kind"] in ("a", "b")
            and all(isinstance(m, str) for m in value["moods"]))


# What a run asks a model for, as far as an answer hangs on it.
MOOD = {"type": "object", "properties": {name: {"type": "string"} for name in (
    "targets", "energy_level", "mentions", "confidence")}}


def moods(e):
    """What was asked can be read, and a run's question has an answer to its words."""
    e.reset()
    same(e.prompts(), [], "nobody was asked yet")
    found = {}
    for words in ("running", "calm", "xyzzy"):
        answer = gemini(e, {"responseMimeType": "application/json", "responseSchema": MOOD},
                        prompt=words)
        found[words] = json.loads(text_of(answer))
    same([t["feature"] for t in found["calm"]["targets"]], ["energy", "acousticness"],
         "a run's schema: targets for the words")
    same([found[w]["energy_level"] for w in ("running", "calm")], ["high", "low"], "and a level")
    same((found["xyzzy"]["targets"], found["xyzzy"]["confidence"] < found["calm"]["confidence"]),
         ([], True), "words without a meaning have none, and little confidence")
    form = {"type": "json_schema", "json_schema": {"name": "mood", "schema": MOOD}}
    answer = chat(e, response_format=form, messages=[
        {"role": "system", "content": "calm, as JSON"}, {"role": "user", "content": "running"}])
    same(json.loads(answer.json["choices"][0]["message"]["content"]), found["running"],
         "through both services the same; the system's words have no part in it")
    same(e.prompts(), [{"service": "gemini", "system": "", "prompt": words} for words in found]
         + [{"service": "openai", "system": "calm, as JSON", "prompt": "running"}],
         "all that was asked can be read")
    e.reset_counters()
    same(e.prompts(), [], "until the counters are reset")


def geminis(e):
    e.reset()
    first = gemini(e)
    ok(isinstance(json.loads(text_of(first)), dict) and first.json["usageMetadata"][
        "totalTokenCount"] > 0 and first.json["modelVersion"] == "gemini-3.6-flash", "an answer")
    same(gemini(e).body, first.body, "the same for the same prompt")
    ok(gemini(e, prompt="loud party").body != first.body, "another for another")
    for name in ("responseSchema", "responseJsonSchema"):
        schema = {k: v for k, v in SCHEMA.items() if k != "additionalProperties"}
        answer = gemini(e, {"responseMimeType": "application/json", name: schema})
        ok(fits(json.loads(text_of(answer))), f"{name} is kept to", answer.body)
    upper = {"type": "OBJECT", "properties": {"n": {"type": "ARRAY", "maxItems": "2", "items": {
        "type": "INTEGER", "minimum": 3, "maximum": 4}}}, "required": ["n"]}
    answer = gemini(e, {"responseMimeType": "application/json", "responseSchema": upper})
    ok(all(3 <= n <= 4 for n in json.loads(text_of(answer))["n"]), "types in upper case")
    for config, why in (({"responseMimeType": "application/json", "responseSchema": SCHEMA},
                         "keys out of the subset"),
                        ({"responseMimeType": "application/json", "responseSchema": upper,
                          "responseJsonSchema": SCHEMA}, "two schemas"),
                        ({"thinkingConfig": {"thinkingBudget": 0, "thinkingLevel": "LOW"}},
                         "budget and level"), ({"nonsense": 1}, "unknown names")):
        answer = gemini(e, config)
        same((answer.status, answer.json["error"]["status"]), (400, "INVALID_ARGUMENT"),
             f"invalid: {why}")
    answer = gemini(e, headers={"x-goog-api-key": "wrong"})
    same((answer.status, answer.json["error"]["details"][0]["reason"]), (400, "API_KEY_INVALID"),
         "a wrong key is 400")
    same(gemini(e, headers={"x-goog-api-key": ""}).json["error"]["status"], "PERMISSION_DENIED",
         "no key is 403")
    same(gemini(e, path="/gemini/v1beta/models/gemini-2.0-flash:generateContent").json["error"][
        "status"], "NOT_FOUND", "a retired model is 404")
    key = {"x-goog-api-key": "k"}
    models = ask(e, "/gemini/v1beta/models", headers=key).json["models"]
    same(ask(e, "/gemini/v1beta/" + models[0]["name"], headers=key).json["name"],
         models[0]["name"], "models, and one of them")
    gemini_failures(e, text_of(first))


def gemini_failures(e, text):
    def met(kind):
        return gemini(e, headers={"X-Emu-Fault": kind})

    answer = met("blocked").json
    ok("candidates" not in answer and answer["promptFeedback"]["blockReason"] == "SAFETY", "blocked")
    answer = met("safety").json["candidates"][0]
    ok(answer["finishReason"] == "SAFETY" and "content" not in answer, "safety")
    answer = met("max_tokens")
    ok(answer.json["candidates"][0]["finishReason"] == "MAX_TOKENS"
       and text.startswith(text_of(answer)) and text_of(answer) != text, "cut at MAX_TOKENS")
    same(met("max_tokens-no-parts").json["candidates"][0]["content"], {"role": "model"},
         "MAX_TOKENS and no parts")
    answer = met("no-parts").json["candidates"][0]
    same((answer["finishReason"], answer["content"]), ("STOP", {"role": "model"}), "no parts")
    answer = met("thoughts")
    ok(answer.json["candidates"][0]["content"]["parts"][0]["thought"] and text_of(answer) == text,
       "thoughts first, the text in two parts")
    ok(text_of(met("fences")).startswith("```json\n"), "fences")
    answer = met("array-error")
    ok(answer.status == 503 and isinstance(answer.json, list), "an error in an array")
    answer = met("retry-info:12.5")
    details = {d["@type"].rpartition(".")[2]: d for d in answer.json["error"]["details"]}
    same((answer.status, answer.json["error"]["status"], details["RetryInfo"]["retryDelay"]),
         (429, "RESOURCE_EXHAUSTED", "12.500000s"), "RetryInfo in the body")
    ok("PerMinute" in details["QuotaFailure"]["violations"][0]["quotaId"], "a limit of a minute")
    answer = met("per-day")
    ok("PerDay" in json.dumps(answer.json), "a limit of the day")
    same(len(met("no-details").json["error"]["details"]), 1, "no RetryInfo")
    same(met("overloaded").status, 503, "overloaded")
    answer = gemini(e, {"responseMimeType": "application/json", "maxOutputTokens": 3})
    same(answer.json["candidates"][0]["finishReason"], "MAX_TOKENS", "maxOutputTokens counts")
    e.config(answers=[{"contains": "magic", "text": {"x": 1}}])
    same(json.loads(text_of(gemini(e, prompt="magic word"))), {"x": 1}, "answers can be given")


def openais(e):
    e.reset()
    first = chat(e)
    choice = first.json["choices"][0]
    ok(choice["finish_reason"] == "stop" and isinstance(json.loads(choice["message"]["content"]),
                                                        dict), "a completion", first.body)
    same(chat(e).body, first.body, "the same for the same prompt")
    ok(first.header("x-ratelimit-reset-tokens") == "6m0s"
       and first.header("x-ratelimit-remaining-requests"), "x-ratelimit-* headers")
    form = {"type": "json_schema", "json_schema": {"name": "plan", "strict": True,
                                                   "schema": SCHEMA}}
    answer = chat(e, response_format=form)
    ok(fits(json.loads(answer.json["choices"][0]["message"]["content"])), "a schema is kept to",
       answer.body)
    loose = {**SCHEMA, "required": ["energy"]}
    answer = chat(e, response_format={"type": "json_schema", "json_schema": {
        "name": "plan", "strict": True, "schema": loose}})
    same((answer.status, answer.json["error"]["code"]), (400, "invalid_json_schema"),
         "strict wants all properties required")
    answer = chat(e, headers={"Authorization": "Bearer wrong"})
    same((answer.status, answer.json["error"]["code"]), (401, "invalid_api_key"), "a wrong key")
    same(ask(e, "/openai/v1/chat/completions", {}).status, 401, "no key")
    same(chat(e, model="gone-1").json["error"]["code"], "model_not_found", "an unknown model")
    e.config(openai_format="text", openai_refuses=["max_completion_tokens"])
    same(chat(e, response_format=form).json["error"]["param"], "response_format",
         "a service without formats")
    same(chat(e, max_completion_tokens=9).json["error"]["code"], "unsupported_parameter",
         "a service without a parameter")
    e.reset()
    key = {"Authorization": "Bearer k"}
    models = ask(e, "/openai/v1/models", headers=key).json["data"]
    same(ask(e, "/openai/v1/models/" + models[0]["id"], headers=key).json["object"], "model",
         "models, and one of them")
    openai_failures(e)
    same(e.service("openai")["secrets_in_url"], 0, "no secret was seen in a URL")
    ask(e, "/gemini/v1beta/models?key=k")
    same(e.service("gemini")["secrets_in_url"], 1, "one would be counted")


def openai_failures(e):
    def met(kind):
        return chat(e, headers={"X-Emu-Fault": kind})

    def message(kind):
        return met(kind).json["choices"][0]["message"]

    same(message("null-content")["content"], None, "null content")
    ok(message("refusal")["refusal"], "a refusal")
    same(met("length").json["choices"][0]["finish_reason"], "length", "cut at length")
    same(met("content-filter").json["choices"][0]["finish_reason"], "content_filter", "filtered")
    ok("```json" in message("fences")["content"], "fences")
    same(message("empty-content")["content"], "", "empty content")
    answer = met("top-level-error")
    ok(answer.status == 200 and answer.json["error"]["code"] == 502, "an error with status 200")
    ok(isinstance(met("string-error").json["error"], str), "an error that is a string")
    ok("usage" not in met("no-usage").json, "no usage")
    answer = met("retry-info:0.5")
    same((answer.status, answer.header("retry-after-ms")), (429, "500"), "retry-after-ms")
    same(met("insufficient-quota").json["error"]["code"], "insufficient_quota", "no credit")
    ok("reasoning_content" in message("reasoning"), "reasoning apart")
