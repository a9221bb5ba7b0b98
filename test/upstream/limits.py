"""Limits: so many calls in a window, so many a day.

Purpose: decide on each call at the time it arrived, as the services do.
Never:   count a call that was refused: whether services do is unknown.
"""
import collections
import math

DAY = 24 * 3600

# Forms of Retry-After: what the header says for so many seconds.
ABSURD = "99999999999999999999"


class Limits:
    """Calls that were let through, by service and client."""

    def __init__(self, settings):
        self.settings = settings
        self.reset()

    def reset(self):
        self.windows = {}
        self.days = {}

    def window(self, service, request):
        """None when the call may go, else the seconds to wait."""
        limit = self.settings.limit.get(service)
        if limit is None:
            request.verdict = "ok"
            return None
        times = self.windows.setdefault((service, request.client), collections.deque())
        length = max(limit["seconds"] - self.settings.tolerance, limit["seconds"] / 2)
        while times and times[0] <= request.at - length:
            times.popleft()
        if len(times) < limit["count"]:
            times.append(request.at)
            request.verdict = "ok"
            return None
        request.verdict = "window"
        return max(0.0, times[-limit["count"]] + limit["seconds"] - request.at)

    def quota(self, service, bucket, request):
        """Whether the quota of a bucket has room. The clients of an account share it."""
        times = self.days.setdefault((service, bucket), collections.deque())
        while times and times[0] <= request.at - DAY:
            times.popleft()
        if len(times) < self.settings.quota:
            times.append(request.at)
            return True
        request.verdict = "quota"
        return False


def retry_after(form, seconds, http_date):
    """Retry-After headers for a wait of so many seconds, and the seconds they say."""
    whole = max(1, math.ceil(seconds))
    if form == "header":
        return [("Retry-After", str(whole))], whole
    if form == "float":
        said = f"{max(seconds, 0.001):.3f}"
        return [("Retry-After", said)], float(said)
    if form == "date":
        return [("Retry-After", http_date(whole))], whole - 1
    if form == "absurd":
        return [("Retry-After", ABSURD)], 0
    if form == "negative":
        return [("Retry-After", "-5")], 0
    return [], 0
