"""From a request to its answer: who serves it, which fault it meets, what is counted.

Purpose: the one way through: route, count, judge, answer, wait, send.
Never:   know what a service says.
"""
import asyncio
import gzip
import traceback
import urllib.parse

import faults
from catalogue import Catalogue
from catalogue_file import FileCatalogue
from http1 import Reply, json_reply
from ledger import Ledger
from limits import Limits
from service_accounts import Accounts
from service_gemini import Gemini
from service_openai import OpenAi
from service_reccobeats import ReccoBeats
from service_spotify import Spotify
from settings import Settings


class Router:
    """Finds the handler of a path: a service's table of (method, template, handler)."""

    def __init__(self, prefix, table):
        self.prefix = prefix
        self.exact = {}
        self.open = {}
        for method, template, handler in table:
            if "{" in template:
                parts = template.split("/")
                self.open.setdefault((method, len(parts)), []).append(
                    (parts, prefix + template, handler))
            else:
                self.exact[method, template] = (prefix + template, handler)

    def find(self, method, path):
        """(template, handler, values in the path), or None."""
        path = path[len(self.prefix):]
        found = self.exact.get((method, path))
        if found:
            return found[0], found[1], ()
        parts = path.split("/")
        for wanted, template, handler in self.open.get((method, len(parts)), ()):
            values = match(wanted, parts)
            if values is not None:
                return template, handler, values
        return None


def match(wanted, parts):
    """The values at the places in braces; a place may have a literal end."""
    values = []
    for want, part in zip(wanted, parts):
        if want.startswith("{"):
            end = want.partition("}")[2]
            value = part[:len(part) - len(end)] if end else part
            if not value or not part.endswith(end) or (not end and ":" in value):
                return None
            values.append(urllib.parse.unquote(value))
        elif want != part:
            return None
    return values


class Application:
    """All services of one emulator, and what they share."""

    def __init__(self, seed=1, size=2000):
        self.settings = Settings(seed)
        self.ledger = Ledger()
        self.limits = Limits(self.settings)
        self.faults = faults.Faults()
        self.catalogue = Catalogue(seed, size) if isinstance(size, int) else FileCatalogue(seed, size)
        self.base = ""
        accounts = Accounts(self)
        self.services = [accounts, Spotify(self, accounts), ReccoBeats(self), Gemini(self),
                         OpenAi(self)]
        self.routers = {s.prefix.split("/")[1]: (s, Router(s.prefix, s.routes()))
                        for s in self.services}
        self.connection_opened = lambda connection: self.ledger.connection_opened()
        self.connection_closed = lambda connection: self.ledger.connection_closed()

    def reset(self):
        """As if freshly started, but for the connections."""
        self.settings.reset()
        self.ledger.reset()
        self.limits.reset()
        self.faults.set([])
        for service in self.services:
            service.reset()

    def arrived(self, connection, request):
        """Takes a request from a connection."""
        first = request.path.split("/", 2)[1] if "/" in request.path else ""
        if first == "admin":
            self.send(connection, request, admin_reply(self, request))
            return
        service, router = self.routers.get(first, (None, None))
        if service is None or not request.path.startswith(service.prefix + "/"):
            self.send(connection, request, Reply(404, "no such path", "text/plain"))
            return
        found = router.find(request.method, request.path)
        template, handler, values = found or (service.prefix + "/...", service.lost, ())
        request.route = template
        self.serve(connection, request, service, handler, values)

    def serve(self, connection, request, service, handler, values):
        """Counts a call of a service, and lets it be answered."""
        call = self.ledger.arrive(service.name, request)
        connection.on_lost = lambda: self.ledger.abandoned(call)
        try:
            rule = self.faults.pick(request)
        except ValueError as error:
            rule = None
            reply = Reply(400, str(error), "text/plain")
        else:
            if rule:
                request.fault, request.argument = rule.kind, rule.argument
            reply = self.answer(service, request, handler, values)
            if rule and rule.kind in faults.REPLACING:
                reply = faults.replace(rule)
                service.said(request, reply)
        self.ledger.judged(call, service.name)
        reply = self.compressed(request, reply, rule)

        def begun():
            self.ledger.answered(call, service.name, reply.status)

        delay = self.settings.delay(service.name, service.kind_of(request))
        if delay > 0:
            faults.later(asyncio.get_running_loop(), connection, delay,
                         lambda: self.deliver(connection, request, reply, rule, begun))
        else:
            self.deliver(connection, request, reply, rule, begun)

    def answer(self, service, request, handler, values):
        """The service's reply. What breaks it is a fault of ours, and is told."""
        try:
            return service.answer(request, handler, values)
        except Exception:  # pylint: disable=broad-except
            traceback.print_exc()
            self.ledger.bugs.append(f"{request.method} {request.target}")
            return Reply(500, "the emulator has a bug", "text/plain")

    def compressed(self, request, reply, rule):
        """Answers are compressed as clients wish, unless a fault looks at the bytes."""
        if (rule is None and self.settings.compress and len(reply.body) > 1000
                and "gzip" in request.headers.get("accept-encoding", "")):
            reply.body = gzip.compress(reply.body, 1)
            reply.headers.append(("Content-Encoding", "gzip"))
        elif rule and rule.kind in faults.CHANGING:
            reply = faults.change(rule, reply)
        return reply

    def deliver(self, connection, request, reply, rule, begun):
        close = not request.keep_alive
        if rule and rule.kind == "continue":
            connection.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if rule and (rule.kind in faults.SENDING or rule.kind == "504-stall"):
            faults.send(rule, connection, reply, close, begun)
        else:
            begun()
            connection.write(reply, close)

    def send(self, connection, request, reply):
        connection.write(reply, not request.keep_alive)


def admin_reply(app, request):
    """The tests' own entrance."""
    name = f"{request.method} {request.path[len('/admin'):]}"
    try:
        if name == "GET /counters":
            return json_reply(app.ledger.as_json())
        if name == "GET /prompts":
            return json_reply(app.ledger.prompts)
        if name == "GET /config":
            return json_reply(app.settings.as_json())
        if name == "GET /catalogue":
            return json_reply(app.catalogue.listing(app.settings, request))
        if name == "POST /reset":
            app.reset()
        elif name == "POST /reset/counters":
            app.ledger.reset()
        elif name == "POST /reset/limits":
            app.limits.reset()
        elif name == "POST /config":
            app.settings.update(request.json())
        elif name == "POST /fault":
            app.faults.set(request.json())
        elif name == "GET /fault":
            return json_reply(app.faults.as_json())
        else:
            return json_reply({"error": "no such path below /admin"}, 404)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        return json_reply({"error": f"{type(error).__name__}: {error}"}, 400)
    return json_reply({"done": True})


