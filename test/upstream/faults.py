"""Faults on demand: what may be wrong with an answer.

Purpose: choose the fault that a request meets, and put it into the reply or into
         the way that the reply is sent.
Never:   depend on the service, but for kinds that only its answers can have.

A rule is {"route": part of "METHOD /path?query" or of the route's template, or "*",
"kind": name, "every": k, "times": n, "after": calls that are let go first,
"argument": x, "body": text, "headers": {name: value}}.
"""
import asyncio
import gzip
import json
import socket
import struct

from http1 import JSON, Reply

HTML = ("<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head>"
        "<body><h1>502 Bad Gateway</h1><p>{}</p></body></html>")

# Kinds that replace the reply, that change its bytes, that change how it is sent, and
# that a service itself answers with.
REPLACING = {"status", "502-html", "504-stall", "empty-200", "204", "redirect", "text-403"}
CHANGING = {"gzip", "bad-gzip", "wrong-content-type", "huge-body", "bom", "latin1-bytes",
            "lone-surrogate", "nul-escape", "dup-keys", "deep-nesting", "html-200",
            "no-content-type", "huge-header", "continue", "null-items", "null-key",
            "missing-key", "numbers-as-strings", "not-an-object"}
SENDING = {"stall", "stall-body", "reset", "reset-body", "close", "truncate", "slow-drip",
           "chunked", "chunked-cut", "no-length", "delay"}
OF_SERVICES = {
    "blocked", "safety", "max_tokens", "max_tokens-no-parts", "no-parts", "thoughts", "fences",
    "null-content", "empty-content", "refusal", "top-level-error", "string-error", "length",
    "array-error", "retry-info", "per-day", "no-details", "overloaded", "not-json", "no-usage",
    "insufficient-quota", "reasoning", "content-filter", "schema-too-complex",
    "401-expired", "invalid_grant", "quota-exceeded", "limited", "4002", "1010"}
KINDS = REPLACING | CHANGING | SENDING | OF_SERVICES


class Rule:
    def __init__(self, spec):
        unknown = set(spec) - {"route", "kind", "every", "times", "after", "argument", "body",
                               "headers"}
        if unknown:
            raise ValueError(f"a fault has no {sorted(unknown)}")
        self.route = spec.get("route", "*")
        self.kind, self.argument = split_kind(spec["kind"])
        if spec.get("argument") is not None:
            self.argument = spec["argument"]
        self.every = int(spec.get("every", 1))
        self.times = spec.get("times")
        self.after = int(spec.get("after", 0))
        self.body = spec.get("body")
        self.headers = spec.get("headers") or {}
        self.seen = 0
        self.done = 0

    def applies(self, request):
        """Counts a call; true when it shall meet the fault."""
        if (self.route != "*" and self.route not in f"{request.method} {request.target}"
                and self.route not in f"{request.method} {request.route}"):
            return False
        if self.times is not None and self.done >= self.times:
            return False
        self.seen += 1
        if self.seen <= self.after or (self.seen - self.after) % self.every:
            return False
        self.done += 1
        return True


def split_kind(text):
    """'kind:argument' taken apart; ValueError when there is no such kind."""
    kind, _, argument = str(text).partition(":")
    if kind not in KINDS:
        raise ValueError(f"no fault is named {kind!r}")
    return kind, argument or None


class Faults:
    """The rules in force; the first that applies counts."""

    def __init__(self):
        self.rules = []

    def set(self, specs):
        self.rules = [Rule(spec) for spec in specs]

    def pick(self, request):
        """A rule, or None. The header of a request counts before all rules."""
        header = request.headers.get("x-emu-fault")
        if header:
            return Rule({"kind": header})
        for rule in self.rules:
            if rule.applies(request):
                return rule
        return None

    def as_json(self):
        return [{"route": r.route, "kind": r.kind, "seen": r.seen, "done": r.done}
                for r in self.rules]


def replace(rule):
    """The reply that stands in for the service's."""
    headers = list(rule.headers.items())
    if rule.kind == "status":
        status = int(rule.argument or 500)
        body = rule.body if rule.body is not None else json.dumps(
            {"error": {"status": status, "message": f"status {status} was asked for"}})
        content_type = JSON if body[:1] in ("{", "[") else "text/html" \
            if body[:1] == "<" else "text/plain"
        return Reply(status, body, content_type, headers)
    if rule.kind in ("502-html", "504-stall"):
        return Reply(int(rule.kind[:3]), HTML.format("The origin is down."), "text/html", headers)
    if rule.kind == "text-403":
        return Reply(403, rule.body or "User not registered in the Developer Dashboard",
                     "text/plain", headers)
    if rule.kind == "204":
        return Reply(204, b"", None, headers)
    if rule.kind == "redirect":
        where = rule.argument or "http://127.0.0.1:9/elsewhere"
        return Reply(302, b"", None, headers + [("Location", where)])
    return Reply(200, b"", JSON, headers)


def change(rule, reply):
    """Spoils the bytes of a reply."""
    kind, body = rule.kind, reply.body
    if kind == "gzip":
        reply.body = gzip.compress(body, 1)
        reply.headers.append(("Content-Encoding", "gzip"))
    elif kind == "bad-gzip":
        reply.headers.append(("Content-Encoding", "gzip"))
    elif kind == "wrong-content-type":
        reply.content_type = rule.argument or "text/html; charset=utf-8"
    elif kind == "no-content-type":
        reply.content_type = None
    elif kind == "html-200":
        reply.body, reply.content_type = HTML.format("Maintenance.").encode(), "text/html"
    elif kind == "huge-body":
        reply.body = pad(body, int(float(rule.argument or 16) * 1024 * 1024))
    elif kind == "huge-header":
        size = int(rule.argument or 128 * 1024)
        reply.headers += [(f"X-Padding-{n}", "x" * 4000) for n in range(size // 4000 + 1)]
    elif kind == "bom":
        reply.body = b"\xef\xbb\xbf" + body
    elif kind == "latin1-bytes":
        reply.body = into_first_string(body, b"caf\xe9 ")
    elif kind == "lone-surrogate":
        reply.body = into_first_string(body, b"\\ud83d ")
    elif kind == "nul-escape":
        reply.body = into_first_string(body, b"a\\u0000b ")
    elif kind == "dup-keys":
        reply.body = body[:1] + b'"name":1,"name":"again","name":null' \
            + (b"," if body[1:2] != b"}" else b"") + body[1:] if body[:1] == b"{" else body
    elif kind == "deep-nesting":
        depth = int(rule.argument or 100000)
        deep = b"[" * depth + b"]" * depth
        reply.body = b'{"deep":' + deep + (b"," if body[1:2] != b"}" else b"") + body[1:] \
            if body[:1] == b"{" else deep
    elif kind == "not-an-object":
        reply.body = (rule.argument or '[1,"two",null]').encode()
    elif kind in ("null-items", "null-key", "missing-key", "numbers-as-strings"):
        try:
            reply.body = json.dumps(reshape(json.loads(body), kind, rule.argument)).encode()
        except ValueError:
            pass
    return reply


def reshape(value, kind, key):
    """JSON with nulls in its lists, a key that is null or missing, numbers as strings."""
    if isinstance(value, dict):
        return {name: None if kind == "null-key" and name == key else reshape(inner, kind, key)
                for name, inner in value.items() if kind != "missing-key" or name != key}
    if isinstance(value, list):
        items = [reshape(item, kind, key) for item in value]
        return [None, *items, None] if kind == "null-items" else items
    if kind == "numbers-as-strings" and isinstance(value, (int, float)) \
            and not isinstance(value, bool):
        return str(value)
    return value


def pad(body, size):
    """Makes JSON as long as that, and still JSON."""
    if body[:1] == b"{" and len(body) < size:
        comma = b"," if body[1:2] != b"}" else b""
        return b'{"padding":"' + b"x" * (size - len(body)) + b'"' + comma + body[1:]
    return body + b" " * max(0, size - len(body))


def into_first_string(body, piece):
    """Puts bytes at the head of every string that is a name or a text."""
    for key in (b'"name":"', b'"trackTitle":"', b'"text":"', b'"content":"', b'"message":"',
                b'"isrc":"'):
        if key in body:
            return body.replace(key, key + piece)
    return b'{"name":"' + piece + b'",' + body[1:] if body[1:2] not in (b"", b"}") else body


def send(rule, connection, reply, close, sent):
    """Sends a reply in the rule's way. 'sent' is called when the answer has begun."""
    kind = rule.kind
    transport = connection.transport
    loop = asyncio.get_running_loop()
    if kind in ("stall", "delay", "504-stall"):
        seconds = float(rule.argument or (30 if kind == "504-stall" else 0))
        if seconds > 0:
            later(loop, connection, seconds, lambda: (sent(), connection.write(reply, close)))
    elif kind == "close":
        sent()
        transport.close()
    elif kind == "reset":
        sent()
        abort(transport)
    elif kind in ("truncate", "stall-body", "reset-body", "chunked-cut"):
        cut(rule, connection, reply, close, sent)
    elif kind == "slow-drip":
        sent()
        transport.write(reply.head(len(reply.body), close))
        drip(loop, connection, reply.body, float(rule.argument or 0.05), close)
    elif kind == "no-length":
        sent()
        transport.write(reply.head(None, True) + reply.body)
        connection.finished(True)
    else:
        sent()
        transport.write(reply.head(None, close, [("Transfer-Encoding", "chunked")])
                        + b"".join(b"%x\r\n%s\r\n" % (len(piece), piece)
                                   for piece in pieces(reply.body)) + b"0\r\n\r\n")
        connection.finished(close)


def cut(rule, connection, reply, close, sent):
    """Sends part of a body, and then closes, resets, or says no more."""
    percent, length = parse_cut(rule.argument)
    part = reply.body[:int(len(reply.body) * percent / 100)]
    transport = connection.transport
    sent()
    if rule.kind == "chunked-cut":
        transport.write(reply.head(None, True, [("Transfer-Encoding", "chunked")])
                        + b"%x\r\n%s\r\n" % (max(1, len(part)), part or b"{"))
        transport.close()
        return
    # "right" is the length of the whole answer, as its sender meant it
    announced = len(reply.body) if length == "right" else len(part)
    close = close or length == "right"
    transport.write(reply.head(announced, close) + part)
    if rule.kind == "reset-body":
        abort(transport)
    elif rule.kind == "truncate":
        connection.finished(close)


def parse_cut(argument):
    """(percent that is sent, which Content-Length): '50', '50%', '50,wrong'."""
    percent, _, length = str(argument or "50").partition(",")
    return float(percent.rstrip("%") or 50), length or "right"


def pieces(body, size=1000):
    return [body[at:at + size] for at in range(0, len(body), size)]


def later(loop, connection, seconds, action):
    """Acts after a while, unless the client leaves."""
    timer = loop.call_later(seconds, action)
    left = connection.on_lost

    def cancel():
        timer.cancel()
        if left:
            left()
    connection.on_lost = cancel


def drip(loop, connection, body, seconds, close):
    """Sends a body byte by byte."""
    if connection.transport.is_closing():
        return
    if not body:
        connection.finished(close)
        return
    connection.transport.write(body[:1])
    loop.call_later(seconds, drip, loop, connection, body[1:], seconds, close)


def abort(transport):
    """Ends a connection with a reset."""
    raw = transport.get_extra_info("socket")
    if raw is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
