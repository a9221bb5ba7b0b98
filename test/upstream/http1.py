"""HTTP/1.1 as far as the emulator needs it.

Purpose: read requests (keep-alive, bodies with a length or in chunks), hand each to
         the application, write replies whole.
Never:   block; know a service; start a task or a thread per request.
"""
import asyncio
import json
import time
import urllib.parse

REASONS = {200: "OK", 201: "Created", 204: "No Content", 301: "Moved Permanently", 302: "Found",
           307: "Temporary Redirect", 400: "Bad Request", 401: "Unauthorized",
           402: "Payment Required", 403: "Forbidden", 404: "Not Found",
           405: "Method Not Allowed", 408: "Request Timeout", 409: "Conflict",
           413: "Content Too Large", 429: "Too Many Requests", 500: "Internal Server Error",
           502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout"}

JSON = "application/json; charset=utf-8"
MOST_HEADER = 64 * 1024
MOST_BODY = 16 * 1024 * 1024


class Request:
    """One request, complete."""
    __slots__ = ("method", "target", "path", "headers", "body", "at", "keep_alive",
                 "_query", "route", "fault", "argument", "verdict", "client", "keys", "cooldown")

    def __init__(self, method, target, headers, body, keep_alive):
        self.method = method
        self.target = target
        self.path = target.partition("?")[0]
        self.headers = headers
        self.body = body
        self.keep_alive = keep_alive
        self.at = time.monotonic()
        self._query = None
        self.route = None           # template of the path, as counters name it
        self.fault = None           # kind of the fault that this request shall meet
        self.argument = None
        self.verdict = "unchecked"  # what the limits said: ok, window, quota
        self.client = ""            # whose limits count
        self.keys = 0               # ids in a batched call
        self.cooldown = None        # who shall be quiet, for how long, after this

    @property
    def query(self):
        """Parameters by name; each a list."""
        if self._query is None:
            text = self.target.partition("?")[2]
            self._query = urllib.parse.parse_qs(text, keep_blank_values=True) if text else {}
        return self._query

    def get(self, name, default=None):
        """The first value of a parameter."""
        values = self.query.get(name)
        return values[0] if values else default

    def json(self):
        """The body as JSON; ValueError when it is none."""
        return json.loads(self.body.decode("utf-8"))


class Reply:
    """One answer. 'headers' are pairs; the content type may be None."""
    __slots__ = ("status", "body", "content_type", "headers")

    def __init__(self, status, body=b"", content_type=JSON, headers=()):
        self.status = status
        self.body = body.encode("utf-8") if isinstance(body, str) else body
        self.content_type = content_type
        self.headers = list(headers)

    def head(self, length, close=False, extra=()):
        """Status line and headers. 'length' None leaves Content-Length out."""
        lines = [f"HTTP/1.1 {self.status} {REASONS.get(self.status, 'Other')}",
                 "Date: " + http_date()]
        if self.content_type and self.body:
            lines.append("Content-Type: " + self.content_type)
        if length is not None and self.status != 204:
            lines.append(f"Content-Length: {length}")
        lines += [f"{name}: {value}" for name, value in self.headers]
        lines += [f"{name}: {value}" for name, value in extra]
        if close:
            lines.append("Connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


def json_reply(value, status=200, headers=()):
    """An answer in JSON."""
    return Reply(status, json.dumps(value, ensure_ascii=False, separators=(",", ":")),
                 headers=headers)


def http_date(offset=0, _last=[0, ""]):  # noqa: B006 - one string a second
    """The time in the form of RFC 9110, some seconds from now."""
    now = int(time.time()) + offset
    if _last[0] != now:
        _last[:] = [now, time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(now))]
    return _last[1]


class BadRequest(Exception):
    """What came is no HTTP."""


class Connection(asyncio.Protocol):
    """A client's connection: one request at a time, in order."""

    def __init__(self, application):
        self.application = application
        self.transport = None
        self.buffer = bytearray()
        self.busy = False           # a request is being answered
        self.told_to_continue = False
        self.on_lost = None         # called once if the client leaves first

    def connection_made(self, transport):
        self.transport = transport
        self.application.connection_opened(self)

    def connection_lost(self, exc):
        left, self.on_lost = self.on_lost, None
        if left:
            left()
        self.application.connection_closed(self)

    def data_received(self, data):
        self.buffer += data
        if not self.busy:
            self.next_request()

    def next_request(self):
        """Hands the next request over, if all of it is there."""
        if self.transport.is_closing():
            return
        try:
            request = self.parse()
        except BadRequest as error:
            self.write(Reply(400, str(error), "text/plain"), close=True)
            return
        if request:
            self.busy = True
            self.told_to_continue = False
            self.application.arrived(self, request)

    def parse(self):
        """Takes a request out of the buffer; None when it is not complete."""
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self.buffer) > MOST_HEADER:
                raise BadRequest("header too large")
            return None
        lines = bytes(self.buffer[:end]).decode("latin-1").split("\r\n")
        parts = lines[0].split(" ")
        if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
            raise BadRequest("no HTTP request")
        headers = {}
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if not colon:
                raise BadRequest("no header")
            headers[name.strip().lower()] = value.strip()
        self.say_continue(headers, end)
        found = self.take_body(headers, end + 4)
        if found is None:
            return None
        body, used = found
        del self.buffer[:used]
        connection = headers.get("connection", "").lower()
        keep_alive = connection != "close" and (parts[2] == "HTTP/1.1"
                                                or connection == "keep-alive")
        return Request(parts[0], parts[1], headers, body, keep_alive)

    def say_continue(self, headers, end):
        """Asks for the body of a client that waits to be asked."""
        if (headers.get("expect", "").lower() == "100-continue"
                and not self.told_to_continue and len(self.buffer) == end + 4):
            self.told_to_continue = True
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def take_body(self, headers, start):
        """(body, bytes used up), or None when it is not complete."""
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return self.take_chunks(start)
        try:
            length = int(headers.get("content-length", 0))
        except ValueError:
            raise BadRequest("bad length") from None
        if not 0 <= length <= MOST_BODY:
            raise BadRequest("body too large")
        if len(self.buffer) < start + length:
            return None
        return bytes(self.buffer[start:start + length]), start + length

    def take_chunks(self, at):
        body = b""
        while True:
            end = self.buffer.find(b"\r\n", at)
            if end < 0:
                return None
            try:
                size = int(bytes(self.buffer[at:end]).split(b";")[0], 16)
            except ValueError:
                raise BadRequest("bad chunk") from None
            if len(self.buffer) < end + 2 + size + 2:
                return None
            body += self.buffer[end + 2:end + 2 + size]
            at = end + 2 + size + 2
            if size == 0:
                return body, at
            if len(body) > MOST_BODY:
                raise BadRequest("body too large")

    def write(self, reply, close=False):
        """Sends a whole reply."""
        self.transport.write(reply.head(len(reply.body), close) + reply.body)
        self.finished(close)

    def finished(self, close=False):
        """All of a reply is on its way: the next request may come."""
        self.on_lost = None
        self.busy = False
        if close:
            self.transport.close()
        elif self.buffer:
            asyncio.get_running_loop().call_soon(self.next_request)
