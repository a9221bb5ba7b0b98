"""How the self test talks to the emulator.

Purpose: one request, one answer, on a connection of its own.
"""
import base64
import http.client
import json
import urllib.parse

LISTENER = {"Authorization": "Bearer listener-alice"}


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def header(self, name):
        return self.headers.get(name.lower())


def ask(emulator, path, body=None, headers=None, method=None, agent="selftest/1"):
    """One request on a connection of its own."""
    host = emulator.url.split("//")[1]
    connection = http.client.HTTPConnection(host, timeout=120)
    sent = {**({"User-Agent": agent} if agent is not None else {}), **(headers or {})}
    if isinstance(body, (dict, list)):
        body = json.dumps(body)
    try:
        connection.request(method or ("POST" if body is not None else "GET"), path, body, sent)
        answer = connection.getresponse()
        return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
    finally:
        connection.close()


def spotify(emulator, path, headers=None, **more):
    return ask(emulator, "/spotify/v1" + path, headers={**LISTENER, **(headers or {})}, **more)


def recco(emulator, path, **more):
    return ask(emulator, "/reccobeats/v1" + path, **more)


def gemini(emulator, config=None, headers=None, prompt="rainy sunday, calm", path=None):
    return ask(emulator, path or "/gemini/v1beta/models/gemini-3.6-flash:generateContent",
               {"contents": [{"role": "user", "parts": [{"text": prompt}]}],
                "generationConfig": config or {"responseMimeType": "application/json"}},
               {"x-goog-api-key": "k", "Content-Type": "application/json", **(headers or {})})


def chat(emulator, headers=None, prompt="rainy sunday, calm, as JSON", **more):
    return ask(emulator, "/openai/v1/chat/completions",
               {"model": "some-model", "messages": [{"role": "user", "content": prompt}], **more},
               {"Authorization": "Bearer k", "Content-Type": "application/json",
                **(headers or {})})


def token(emulator, form, client="client:secret"):
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    if client:
        headers["Authorization"] = "Basic " + base64.b64encode(client.encode()).decode()
    return ask(emulator, "/spotify-accounts/api/token", urllib.parse.urlencode(form), headers)


def app_token(emulator, client="client:secret"):
    answer = token(emulator, {"grant_type": "client_credentials"}, client)
    return {"Authorization": "Bearer " + answer.json["access_token"]}


def said(answer):
    """Status and body, for comparisons."""
    return answer.status, answer.json if answer.body[:1] in (b"{", b"[") else answer.body.decode()


def refusal(status, message):
    return status, {"error": {"status": status, "message": message}}
