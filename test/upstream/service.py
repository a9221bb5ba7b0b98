"""What all emulated services have in common.

Purpose: the frame of an answer: fault kinds that any service knows, the limit, then
         the handler; and what an answer tells its client to wait for.
Never:   hold what differs from service to service.
"""
from http1 import Reply, http_date
from limits import retry_after


class Service:
    name = ""
    prefix = ""

    def __init__(self, app):
        self.app = app
        self.settings = app.settings

    def reset(self):
        """Forgets what was handed out."""

    def routes(self):
        """(method, template, handler); handlers get the request and the path's values."""
        return []

    def kind_of(self, request):
        """Which latency a route has; None = the service's."""
        return None

    def answer(self, request, handler, values):
        """Everything from who asks to the handler's reply."""
        refusal = self.admit(request)
        if refusal is not None:
            return refusal
        return handler(request, *values)

    def admit(self, request):
        """Who is it, may they, is there room? A reply if not."""
        wait = self.app.limits.window(self.name, request)
        return None if wait is None else self.limited(request, wait)

    def limited(self, request, wait):
        """A 429 of the short kind."""
        limit = self.settings.limit.get(self.name) or {"retry_after": "header", "body": "json"}
        form = request.argument if request.fault == "limited" and request.argument \
            else limit["retry_after"]
        headers, seconds = retry_after("none" if form == "text" else form, wait, http_date)
        if seconds:
            request.cooldown = (seconds, True)
        return self.limited_reply(limit, form, wait, headers)

    def limited_reply(self, limit, form, wait, headers):
        return Reply(429, b"", headers=headers)

    def lost(self, request):
        """A path that the service does not have."""
        return Reply(404, b"", None)

    def said(self, request, reply):
        """A reply that a fault put in: it may be a limit as well."""
        for name, value in reply.headers:
            if reply.status == 429 and name.lower() == "retry-after" and value.isdigit():
                request.cooldown = (int(value), True)
