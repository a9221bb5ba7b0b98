"""An OpenAI-compatible service.

Purpose: chat completions as OpenAI, OpenRouter, Ollama and their like give them, with
         the parameters that some refuse and the errors that they share badly.
Never:   accept the key "wrong".
"""
import json

from http1 import Reply, json_reply
from made_answers import answer, tokens
from service import Service

MODELS = ["some-model", "small-model"]
FORMATS = ["text", "json_object", "json_schema"]


def error(status, message, kind="invalid_request_error", param=None, code=None):
    return json_reply({"error": {"message": message, "type": kind, "param": param,
                                 "code": code}}, status)


class OpenAi(Service):
    name = "openai"
    prefix = "/openai/v1"

    def routes(self):
        return [
            ("GET", "/models", self.models),
            ("GET", "/models/{model}", self.model),
            ("POST", "/chat/completions", self.complete),
        ]

    def lost(self, request):
        return error(404, f"Invalid URL ({request.method} {request.path})")

    def answer(self, request, handler, values):
        reply = super().answer(request, handler, values)
        limit = self.settings.limit["openai"] or {"count": 500, "seconds": 60}
        reply.headers += [
            ("x-request-id", "req_invented01"), ("openai-processing-ms", "12"),
            ("x-ratelimit-limit-requests", str(limit["count"])),
            ("x-ratelimit-limit-tokens", "200000"),
            ("x-ratelimit-remaining-requests", "0" if reply.status == 429 else "99"),
            ("x-ratelimit-remaining-tokens", "199000"),
            ("x-ratelimit-reset-requests", duration(limit["seconds"] / limit["count"])),
            ("x-ratelimit-reset-tokens", "6m0s")]
        return reply

    def admit(self, request):
        key = request.headers.get("authorization", "").partition(" ")[2].strip()
        if not key:
            return error(401, "You didn't provide an API key. You need to provide your API key "
                         "in an Authorization header using Bearer auth.")
        if key == "wrong":
            return error(401, "Incorrect API key provided: wr*ng. You can find your API key at "
                         "https://platform.openai.com/account/api-keys.", code="invalid_api_key")
        if key == "broke":
            return error(402, "Insufficient credits. Add more and retry.", code=402)
        request.client = key
        if request.fault == "limited":
            return self.limited(request, 3)
        return super().admit(request)

    def limited_reply(self, limit, form, wait, headers):
        reply = error(429, "Rate limit reached for requests. Please try again in "
                      f"{duration(wait)}.", "requests", None, "rate_limit_exceeded")
        reply.headers += headers
        if form == "header":
            reply.headers.append(("retry-after-ms", str(int(wait * 1000) + 1)))
        return reply

    # -----------------------------------------------------------------------
    # Models
    # -----------------------------------------------------------------------

    def shown(self, name):
        return {"id": name, "object": "model", "created": 1795000000, "owned_by": "nobody"}

    def models(self, request):
        return json_reply({"object": "list", "data": [self.shown(name) for name in MODELS]})

    def unknown_model(self, name):
        return error(404, f"The model `{name}` does not exist or you do not have access to it.",
                     code="model_not_found")

    def model(self, request, name):
        return self.unknown_model(name) if name.startswith("gone") else json_reply(self.shown(name))

    # -----------------------------------------------------------------------
    # Completions
    # -----------------------------------------------------------------------

    def complete(self, request):
        refused = self.failing(request)
        if refused is not None:
            return refused
        try:
            question = request.json()
            messages = question["messages"]
            asked = ["\n".join(text_of(message) for message in messages
                               if (message.get("role") == "user") == users) for users in (False, True)]
            model = str(question["model"])
        except (ValueError, TypeError, KeyError, AttributeError) as wrong:
            return error(400, f"We could not parse the JSON body of your request: {wrong}")
        if model.startswith("gone"):
            return self.unknown_model(model)
        refused = self.unsupported(question)
        if refused is not None:
            return refused
        self.app.ledger.prompted(self.name, *asked)
        whole = self.answered(request, question, asked, model)
        return self.streamed(whole) if question.get("stream") else json_reply(whole)

    def failing(self, request):
        """Errors that a fault asks for."""
        kind = request.fault
        if kind == "insufficient-quota" or kind == "per-day":
            return error(429, "You exceeded your current quota, please check your plan and billing "
                         "details.", "insufficient_quota", None, "insufficient_quota")
        if kind == "retry-info":
            seconds = float(request.argument or 1)
            request.cooldown = (seconds, True)
            reply = error(429, "Rate limit reached", "requests", None, "rate_limit_exceeded")
            reply.headers.append(("retry-after-ms", str(int(seconds * 1000))))
            return reply
        if kind == "overloaded":
            return error(503, "The server is overloaded or not ready yet.", "server_error")
        if kind == "top-level-error":
            return json_reply({"error": {"message": "Provider returned error", "code": 502,
                                         "metadata": {"provider_name": "made up"}}})
        if kind == "string-error":
            return json_reply({"error": "model runner has unexpectedly stopped"},
                              int(request.argument or 500))
        if kind == "array-error":
            reply = error(503, "overloaded", "server_error")
            reply.body = b"[" + reply.body + b"]"
            return reply
        return None

    def unsupported(self, question):
        """400 for a parameter or a format that this service does not take."""
        for name in ("max_tokens", "max_completion_tokens"):
            if not isinstance(question.get(name, 1), int):
                return error(400, f"Invalid type for '{name}': expected an integer.", param=name,
                             code="invalid_type")
        for name in self.settings.openai_refuses:
            if name in question:
                return error(400, f"Unsupported parameter: '{name}' is not supported with this "
                             "model.", param=name, code="unsupported_parameter")
        wanted = question.get("response_format") or {"type": "text"}
        kind = wanted.get("type") if isinstance(wanted, dict) else None
        if kind not in FORMATS:
            return error(400, "Invalid value for response_format.type.",
                         param="response_format.type", code="invalid_value")
        if FORMATS.index(kind) > FORMATS.index(self.settings.openai_format):
            return error(400, "Invalid parameter: 'response_format' of type "
                         f"'{kind}' is not supported with this model.", param="response_format")
        if kind == "json_object" and "json" not in json.dumps(question["messages"]).lower():
            return error(400, "'messages' must contain the word 'json' in some form, to use "
                         "'response_format' of type 'json_object'.", param="messages")
        if kind == "json_schema":
            return self.bad_schema(wanted.get("json_schema") or {})
        return None

    def bad_schema(self, wanted):
        name, schema = wanted.get("name"), wanted.get("schema")
        if not isinstance(name, str) or not 0 < len(name) <= 64 \
                or not name.replace("_", "").replace("-", "").isalnum():
            return error(400, "Invalid 'response_format.json_schema.name'.",
                         param="response_format.json_schema.name", code="invalid_value")
        wrong = not isinstance(schema, dict) or (wanted.get("strict") and loose(schema))
        if wrong:
            return error(400, f"Invalid schema for response_format '{name}': In context=(), "
                         f"{wrong if isinstance(wrong, str) else 'schema is required'}.",
                         param="response_format", code="invalid_json_schema")
        return None

    def answered(self, request, question, asked, model):
        """The answer's object, spoilt as the fault asks."""
        kind = request.fault
        prompt = "\n".join(text for text in asked if text)
        wanted = question.get("response_format") or {}
        schema = (wanted.get("json_schema") or {}).get("schema")
        text = answer(prompt, schema, wanted.get("type") == "json_object" or "JSON" in prompt,
                      self.settings.answers, asked[1])
        message = {"role": "assistant", "content": text, "refusal": None}
        end = "stop"
        most = question.get("max_completion_tokens") or question.get("max_tokens")
        if kind in ("length", "max_tokens"):
            most = tokens(text) // 2
        if most is not None and tokens(text) > most:
            message["content"], end = text[:most * 4], "length"
        if kind == "null-content":
            message["content"] = None
        elif kind == "refusal":
            message.update(content=None, refusal="I'm sorry, I can't assist with that.")
        elif kind in ("content-filter", "safety", "blocked"):
            message["content"], end = None, "content_filter"
        elif kind in ("empty-content", "no-parts"):
            message["content"] = ""
        elif kind == "fences":
            message["content"] = f"Here you are:\n```json\n{text}\n```\n"
        elif kind == "not-json":
            message["content"] = "I would rather talk about the weather."
        elif kind in ("reasoning", "thoughts"):
            message["reasoning"] = message["reasoning_content"] = "The mood is {calm"
        whole = {"id": "chatcmpl-invented01", "object": "chat.completion", "created": 1795000000,
                 "model": model, "choices": [{"index": 0, "finish_reason": end, "logprobs": None,
                                              "message": message}],
                 "usage": {"prompt_tokens": tokens(prompt), "completion_tokens": tokens(text),
                           "total_tokens": tokens(prompt) + tokens(text),
                           "completion_tokens_details": {"reasoning_tokens": 0},
                           "prompt_tokens_details": {"cached_tokens": 0}}}
        if kind == "no-usage":
            del whole["usage"]
        if kind == "max_tokens-no-parts":
            whole["choices"] = []
        return whole

    def streamed(self, whole):
        """The same in events."""
        choice = whole["choices"][0]
        head = {"id": whole["id"], "object": "chat.completion.chunk",
                "created": whole["created"], "model": whole["model"]}
        text = choice["message"]["content"] or ""
        middle = len(text) // 2
        events = [{"delta": {"role": "assistant", "content": text[:middle]}},
                  {"delta": {"content": text[middle:]}},
                  {"delta": {}, "finish_reason": choice["finish_reason"]}]
        lines = [json.dumps({**head, "choices": [{"index": 0, "finish_reason": None, **event}]})
                 for event in events] + ["[DONE]"]
        return Reply(200, "".join(f"data: {line}\n\n" for line in lines), "text/event-stream")


def text_of(message):
    """A message's text; its content may be in parts."""
    content = message.get("content")
    if isinstance(content, list):
        return "\n".join(part.get("text", "") for part in content)
    return content or ""


def loose(schema):
    """What strict mode does not allow in a schema, or None."""
    if not isinstance(schema, dict):
        return None
    if schema.get("type") == "object" or "properties" in schema:
        if schema.get("additionalProperties") is not False:
            return "'additionalProperties' is required to be supplied and to be false"
        missing = set(schema.get("properties", {})) - set(schema.get("required", []))
        if missing:
            return ("'required' is required to be supplied and to be an array including every key "
                    f"in properties. Missing '{sorted(missing)[0]}'")
    inner = [*schema.get("properties", {}).values(), schema.get("items"),
             *schema.get("anyOf", []), *schema.get("$defs", {}).values()]
    return next((wrong for wrong in map(loose, inner) if wrong), None)


def duration(seconds):
    """As Go writes durations."""
    if seconds < 1:
        return f"{int(seconds * 1000)}ms"
    minutes, rest = divmod(seconds, 60)
    return (f"{int(minutes)}m" if minutes else "") + f"{rest:.6g}s"
