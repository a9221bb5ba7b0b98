"""Spotify's way to say no.

Purpose: the error body of the Web API, and the exception that ends a handler with one.
"""
from http1 import json_reply


def error(status, message, **more):
    """{"error": {"status", "message"}}; with None, the message's key is absent too."""
    body = {"status": status}
    if message is not None:
        body["message"] = message
    return json_reply({"error": {**body, **more}}, status)


class Refused(Exception):
    """Ends a handler with a reply."""

    def __init__(self, reply):
        super().__init__()
        self.reply = reply
