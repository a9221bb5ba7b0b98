"""Gemini.

Purpose: generateContent and what surrounds it, with all the answers that are 200 and
         yet failures.
Never:   accept the key "wrong".
"""
import math

from http1 import Reply, json_reply
from made_answers import answer, tokens
from service import Service

MODELS = ["gemini-3.8-flash", "gemini-3.7-flash", "gemini-3.6-flash", "gemini-3.5-flash",
          "gemini-3.5-flash-lite", "gemini-3.1-flash-lite", "gemini-2.5-flash-lite"]
# What a responseSchema may hold; anything else is an unknown name.
SCHEMA_KEYS = set("type format title description nullable default items minItems maxItems enum "
                  "properties propertyOrdering required minProperties maxProperties minimum "
                  "maximum minLength maxLength pattern example anyOf".split())
GENERATION_KEYS = set("stopSequences responseMimeType responseSchema responseJsonSchema "
                      "_responseJsonSchema responseModalities candidateCount maxOutputTokens "
                      "temperature topP topK seed presencePenalty frequencyPenalty "
                      "responseLogprobs logprobs thinkingConfig mediaResolution "
                      "speechConfig".split())
BLOCKS = {"blocked": "SAFETY"}
ENDS = {"safety": "SAFETY", "content-filter": "PROHIBITED_CONTENT"}
HELP = {"@type": "type.googleapis.com/google.rpc.Help", "links": [
    {"description": "Learn more", "url": "https://ai.google.dev/gemini-api/docs/rate-limits"}]}


def error(code, status, message, details=None):
    body = {"code": code, "message": message, "status": status}
    if details:
        body["details"] = details
    return json_reply({"error": body}, code)


def invalid(message):
    return error(400, "INVALID_ARGUMENT", message)


class Gemini(Service):
    name = "gemini"
    prefix = "/gemini/v1beta"

    def routes(self):
        return [
            ("GET", "/models", self.models),
            ("GET", "/models/{model}", self.model),
            ("POST", "/models/{model}:generateContent", self.generate),
            ("POST", "/models/{model}:streamGenerateContent", self.stream),
            ("POST", "/models/{model}:countTokens", self.count),
        ]

    def lost(self, request):
        return Reply(404, "<!DOCTYPE html><title>Error 404 (Not Found)!!1</title>", "text/html")

    def admit(self, request):
        key = request.headers.get("x-goog-api-key") or request.get("key")
        if not key:
            return error(403, "PERMISSION_DENIED", "Method doesn't allow unregistered callers "
                         "(callers without established identity). Please use API Key or other "
                         "form of API consumer identity to call this API.")
        if key == "wrong":
            return error(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.",
                         [{"@type": "type.googleapis.com/google.rpc.ErrorInfo",
                           "reason": "API_KEY_INVALID", "domain": "googleapis.com",
                           "metadata": {"service": "generativelanguage.googleapis.com"}}])
        if key == "leaked":
            return error(403, "PERMISSION_DENIED", "Your API key was reported as leaked. Please "
                         "use another API key.")
        request.client = key
        if request.fault == "limited":
            return self.limited(request, 3)
        return super().admit(request)

    def limited_reply(self, limit, form, wait, headers):
        return self.exhausted(wait, form)

    def limited(self, request, wait):
        reply = super().limited(request, wait)
        if request.cooldown:
            request.cooldown = (wait, True)
        return reply

    def exhausted(self, seconds, form="header", per_day=False):
        """429: the delay stands in the body, where it stands at all."""
        period = "PerDay" if per_day else "PerMinute"
        details = [HELP, {
            "@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{
                "quotaMetric": "generativelanguage.googleapis.com/"
                               "generate_content_free_tier_requests",
                "quotaId": f"GenerateRequests{period}PerProjectPerModel-FreeTier",
                "quotaDimensions": {"location": "global", "model": MODELS[2]},
                "quotaValue": "20" if per_day else "5"}]}]
        delay = f"{seconds:.6f}s" if form == "float" else f"{max(1, math.ceil(seconds))}s"
        if form == "none":
            details = details[:1]
        else:
            details.append({"@type": "type.googleapis.com/google.rpc.RetryInfo",
                            "retryDelay": delay})
        return error(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota, please check "
                     f"your plan and billing details. Please retry in {delay}.",
                     None if form == "text" else details)

    # -----------------------------------------------------------------------
    # Models
    # -----------------------------------------------------------------------

    def shown(self, name):
        return {"name": f"models/{name}", "version": "001", "displayName": name,
                "inputTokenLimit": 1048576, "outputTokenLimit": 65536,
                "supportedGenerationMethods": ["generateContent", "countTokens"]}

    def is_model(self, name):
        gone = name.startswith(("gemini-2.0", "gemini-1", "gemini-gone"))
        return name in MODELS or (name.startswith("gemini-") and not gone)

    def unknown_model(self, name):
        return error(404, "NOT_FOUND", f"models/{name} is not found for API version v1beta, or is "
                     "not supported for generateContent. Call ListModels to see the list of "
                     "available models and their supported methods.")

    def models(self, request):
        return json_reply({"models": [self.shown(name) for name in MODELS]})

    def model(self, request, name):
        return json_reply(self.shown(name)) if self.is_model(name) else self.unknown_model(name)

    def count(self, request, name):
        return json_reply({"totalTokens": tokens(request.body.decode("utf-8", "replace"))})

    # -----------------------------------------------------------------------
    # Generating
    # -----------------------------------------------------------------------

    def generate(self, request, name):
        if not self.is_model(name):
            return self.unknown_model(name)
        refused = self.failing(request)
        if refused is not None:
            return refused
        try:
            question = request.json()
            system, words, config = self.read(question)
        except (ValueError, TypeError, AttributeError, KeyError) as wrong:
            return invalid(str(wrong) or "Request contains an invalid argument.")
        self.app.ledger.prompted(self.name, system, words)
        return json_reply(self.answered(request, name, (system, words), config))

    def stream(self, request, name):
        """As one piece: an event, or without alt=sse an array."""
        reply = self.generate(request, name)
        if request.get("alt") == "sse" and reply.status == 200:
            return Reply(200, b"data: " + reply.body + b"\r\n\r\n", "text/event-stream")
        if request.get("alt") != "sse":
            reply.body = b"[" + reply.body + b"]"
        return reply

    def failing(self, request):
        """Errors that a fault asks for."""
        kind, argument = request.fault, request.argument
        if kind == "retry-info":
            seconds = float(argument or 29)
            request.cooldown = (seconds, True)
            return self.exhausted(seconds, "float" if "." in str(argument or "") else "header")
        if kind == "per-day":
            request.cooldown = (3600, True)
            return self.exhausted(29, per_day=True)
        if kind == "no-details":
            return self.exhausted(29, "none")
        if kind == "overloaded":
            return error(503, "UNAVAILABLE", "The model is overloaded. Please try again later.")
        if kind == "schema-too-complex":
            return invalid("The specified schema produces a constraint that has too many states "
                           "for serving.")
        if kind == "array-error":
            reply = error(503, "UNAVAILABLE", "This model is currently experiencing high demand.")
            reply.body = b"[" + reply.body + b"]"
            return reply
        if kind in ("top-level-error", "string-error"):
            reply = error(503, "UNAVAILABLE", "The model is overloaded. Please try again later.")
            reply.status = 200
            return reply
        return None

    def read(self, question):
        """(system text, user's, generationConfig); ValueError for what the service calls invalid."""
        contents = question["contents"]
        if not isinstance(contents, list) or not contents:
            raise ValueError("* GenerateContentRequest.contents: contents is not specified")
        instruction = question.get("systemInstruction") or question.get("system_instruction") or {}
        pieces = [[part.get("text", "") for content in some for part in content.get("parts", [])]
                  for some in ([instruction], contents)]
        config = question.get("generationConfig") or question.get("generation_config") or {}
        for name in config:
            if name not in GENERATION_KEYS:
                raise ValueError(f'Invalid JSON payload received. Unknown name "{name}" at '
                                 "'generation_config': Cannot find field.")
        if "responseSchema" in config and "responseJsonSchema" in config:
            raise ValueError("Only one of response_schema and response_json_schema can be set.")
        if ("responseSchema" in config or "responseJsonSchema" in config) \
                and config.get("responseMimeType") != "application/json":
            raise ValueError("response_schema requires response_mime_type application/json")
        thinking = config.get("thinkingConfig") or {}
        if "thinkingBudget" in thinking and "thinkingLevel" in thinking:
            raise ValueError("You can only set only one of thinking budget and thinking level.")
        if not isinstance(config.get("maxOutputTokens", 1), int):
            raise ValueError("Invalid value at 'generation_config.max_output_tokens' (TYPE_INT32)")
        check_schema(config.get("responseSchema"), "generation_config.response_schema")
        return "\n".join(pieces[0]), "\n".join(pieces[1]), config

    def answered(self, request, model, asked, config):
        """The answer's object, spoilt as the fault asks."""
        kind = request.fault
        prompt = "\n".join(text for text in asked if text)
        schema = config.get("responseSchema") or config.get("responseJsonSchema")
        wants_json = config.get("responseMimeType") == "application/json"
        text = answer(prompt, schema, wants_json, self.settings.answers, asked[1])
        usage = {"promptTokenCount": tokens(prompt), "candidatesTokenCount": tokens(text),
                 "thoughtsTokenCount": 0, "totalTokenCount": tokens(prompt) + tokens(text)}
        end = {"usageMetadata": usage, "modelVersion": model,
               "responseId": "inv3nt3d-" + str(tokens(prompt))}
        if kind in BLOCKS:
            usage["candidatesTokenCount"] = 0
            return {"promptFeedback": {"blockReason": request.argument or "SAFETY"}, **end}
        if kind in ENDS:
            return {"candidates": [{"finishReason": request.argument or ENDS[kind], "index": 0}],
                    **end}
        candidate = {"content": {"role": "model", "parts": self.parts(kind, text)},
                     "finishReason": "STOP", "index": 0}
        most = config.get("maxOutputTokens")
        if kind in ("max_tokens", "length"):
            most = tokens(text) // 2
        if most is not None and tokens(text) > most:
            candidate["content"]["parts"] = [{"text": text[:most * 4]}]
            candidate["finishReason"] = "MAX_TOKENS"
        if kind == "max_tokens-no-parts":
            candidate["finishReason"] = "MAX_TOKENS"
            usage["thoughtsTokenCount"] = 1000
        if kind in ("no-parts", "null-content", "max_tokens-no-parts"):
            del candidate["content"]["parts"]
        if kind == "no-usage":
            del end["usageMetadata"]
        return {"candidates": [candidate], **end}

    def parts(self, kind, text):
        """The text in one part or several."""
        if kind in ("thoughts", "reasoning"):
            middle = len(text) // 2
            return [{"text": "**Considering the mood** {not json", "thought": True},
                    {"text": text[:middle], "thoughtSignature": "c2lnbmF0dXJl"},
                    {"text": text[middle:]}]
        if kind == "fences":
            return [{"text": f"```json\n{text}\n```"}]
        if kind in ("not-json", "refusal"):
            return [{"text": "I am sorry, I cannot help with that."}]
        if kind == "empty-content":
            return [{"text": ""}]
        return [{"text": text}]


def check_schema(schema, path):
    """Refuses what is outside of the subset."""
    if not isinstance(schema, dict):
        return
    for name, value in schema.items():
        if name not in SCHEMA_KEYS:
            raise ValueError(f'Invalid JSON payload received. Unknown name "{name}" at '
                             f"'{path}': Cannot find field.")
        if name == "properties":
            for inner in value.values():
                check_schema(inner, path + ".properties[0].value")
        elif name == "items":
            check_schema(value, path + ".items")
        elif name == "anyOf":
            for inner in value:
                check_schema(inner, path + ".any_of[0]")
