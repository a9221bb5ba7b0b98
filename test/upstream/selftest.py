#!/usr/bin/env python3
"""The emulator's own test: each thing that it must reproduce, once.

Purpose: a client's test is worth what the emulator is worth.
Never:   use the code under test to judge it, but for the admin entrances.
"""
import base64
import gzip
import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "t"))
from emulator import PROGRAM, Emulator  # noqa: E402
from reco_tap import done, ok, same, skip, until  # noqa: E402

LISTENER = {"Authorization": "Bearer listener-alice"}
ID = re.compile(r"[0-7][0-9A-Za-z]{21}\Z")


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
    connection = http.client.HTTPConnection(host, timeout=30)
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


# ---------------------------------------------------------------------------
# Tokens
# ---------------------------------------------------------------------------

def tokens(e):
    answer = token(e, {"grant_type": "client_credentials"})
    same(sorted(answer.json), ["access_token", "expires_in", "token_type"],
         "an app's token has no refresh token")
    same((answer.json["expires_in"], answer.json["token_type"]), (3600, "Bearer"),
         "it lasts for an hour")
    same(token(e, {"grant_type": "client_credentials", "client_id": "c", "client_secret": "s"},
               None).status, 200, "credentials in the form work too")
    same(said(token(e, {"grant_type": "client_credentials"}, "c:wrong")),
         (400, {"error": "invalid_client", "error_description": "Invalid client secret"}),
         "a wrong secret is invalid_client")
    for dead, text in (("revoked", "Refresh token revoked"), ("expired", "Refresh token expired"),
                       ("invalid", "Invalid refresh token")):
        same(said(token(e, {"grant_type": "refresh_token", "refresh_token": dead})),
             (400, {"error": "invalid_grant", "error_description": text}),
             f"a refresh token that is {dead} is invalid_grant")
    same(token(e, {"grant_type": "password"}).json["error"], "unsupported_grant_type",
         "another grant is unsupported")
    answer = token(e, {"grant_type": "refresh_token", "refresh_token": "bob.1"}).json
    same((answer["refresh_token"], "user-top-read" in answer["scope"]), ("bob.1", True),
         "a refresh brings the same refresh token, and scopes")
    e.config(rotate=True, revoke_rotated=True)
    first = token(e, {"grant_type": "refresh_token", "refresh_token": "bob"}).json["refresh_token"]
    ok(first != "bob" and first.startswith("bob."), "with rotation, another")
    same(token(e, {"grant_type": "refresh_token", "refresh_token": "bob"}).json["error"],
         "invalid_grant", "the one before is dead then")
    same(token(e, {"grant_type": "refresh_token", "refresh_token": first}).status, 200,
         "the new one lives")
    e.config(rotate=False, omit_refresh_token=True)
    ok("refresh_token" not in token(e, {"grant_type": "refresh_token",
                                        "refresh_token": "ann"}).json, "or it is left out")
    e.config(token_seconds=0)
    expired = app_token(e)
    same(said(spotify(e, "/markets", expired)), refusal(401, "The access token expired"),
         "an expired token is told so")
    e.reset()
    same(said(ask(e, "/spotify/v1/markets")), refusal(401, "No token provided"),
         "no token is told so")
    same(said(spotify(e, "/markets", {"Authorization": "Bearer rubbish"})),
         refusal(401, "Invalid access token"), "a made up token is told so")
    same(said(spotify(e, "/markets", {"Authorization": "Basic eDp5"})),
         refusal(400, "Only valid bearer authentication supported"), "Basic is no bearer")
    app = app_token(e)
    same(said(spotify(e, "/me/top/tracks", app)), refusal(403, "Insufficient client scope"),
         "an app's token has no top tracks")
    same(said(spotify(e, "/me/playlists", app)),
         refusal(401, "Valid user authentication required"), "nor playlists")
    same(said(spotify(e, "/me/top/tracks", {"Authorization": "Bearer noscope-x"})),
         refusal(403, "Insufficient client scope"), "a scope can be missing")
    answer = spotify(e, "/me/top/tracks", {"Authorization": "Bearer unregistered-x"})
    same((answer.status, answer.body), (403, b"User not registered in the Developer Dashboard"),
         "a listener who is not on the list is told so, in plain text")
    e.config(premium=False)
    answer = spotify(e, "/search?q=x&type=track")
    same((answer.status, len(answer.body), answer.header("content-type")),
         (403, 159, "text/plain"), "an app whose owner has no Premium is told so")
    e.reset()


# ---------------------------------------------------------------------------
# Spotify's catalogue
# ---------------------------------------------------------------------------

def caps_and_ids(e):
    e.config(preset="extended", limit={"spotify": None})
    tracks = e.tracks(120)
    ids = [t["id"] for t in tracks]
    ok(all(ID.match(id) for id in ids), "ids are 128 bits in base62")
    ok(all(re.match(r"[A-Z]{2}[0-9A-Z]{3}\d{7}\Z", t["isrc"]) for t in tracks), "ISRCs are ISRCs")
    same(spotify(e, "/search?q=rain&type=track&limit=50").json["tracks"]["limit"], 50,
         "extended: 50 results")
    same(spotify(e, "/search?q=rain&type=track").json["tracks"]["limit"], 20, "20 by default")
    for limit in ("51", "0", "-1", "many"):
        same(said(spotify(e, f"/search?q=rain&type=track&limit={limit}")),
             refusal(400, "Invalid limit"), f"a limit of {limit} is invalid")
    same(said(spotify(e, "/search?type=track")), refusal(400, "No search query"), "no query")
    same(spotify(e, "/search?q=xyzzyqux&type=track,artist").json["artists"]["items"], [],
         "no hits: an empty list for each type")
    found = spotify(e, "/search?q=" + urllib.parse.quote(f'isrc:{tracks[0]["isrc"]}')
                    + "&type=track").json["tracks"]["items"]
    ok(ids[0] in [t["id"] for t in found], "search by ISRC")
    name = urllib.parse.quote(f'artist:"{tracks[0]["artist"]}"')
    found = spotify(e, f"/search?q={name}&type=track").json["tracks"]["items"]
    ok(found and all(tracks[0]["artist"] in [a["name"] for a in t["artists"]] for t in found),
       "search by artist")
    for kind, most in (("artists", 50), ("tracks", 50), ("albums", 20), ("audio-features", 100)):
        many = ",".join((ids * 2)[:most + 1])
        same(said(spotify(e, f"/{kind}?ids={many}")), refusal(400, "Too many ids requested"),
             f"{kind}: at most {most} ids")
    same(said(spotify(e, f"/tracks?ids={ids[0]},short")), refusal(400, "Invalid base62 id"),
         "one bad id spoils a batch")
    same(said(spotify(e, "/tracks/short")), refusal(400, "Invalid base62 id"), "or a single read")
    unknown = "7" + "z" * 21
    found = spotify(e, f"/tracks?ids={ids[1]},{unknown},{ids[0]},{ids[1]}").json["tracks"]
    same([t and t["id"] for t in found], [ids[1], None, ids[0], ids[1]],
         "a batch is positional: null for the unknown, duplicates repeated")
    same(spotify(e, f"/tracks/{unknown}").status, 404, "an unknown id is 404")
    same(len(spotify(e, f"/artists/{tracks[0]['artist_id']}/top-tracks").json["tracks"]) <= 10,
         True, "top tracks: at most 10")
    counters = e.counters()["routes"]
    same(counters["GET /spotify/v1/tracks"]["keys_per_call"].get("4"), 1, "keys are counted")


def features_and_recommendations(e):
    e.config(preset="extended", coverage=1, coverage_recent=1, limit={"spotify": None})
    track = e.tracks(1)[0]
    spotifys = spotify(e, f"/audio-features?ids={track['id']}").json["audio_features"][0]
    reccos = recco(e, f"/audio-features?ids={track['id']}").json["content"][0]
    same({n: spotifys[n] for n in track["features"]}, {n: reccos[n] for n in track["features"]},
         "a track's features are the same through both services")
    ok("time_signature" in spotifys and "time_signature" not in reccos
       and "duration_ms" not in reccos, "but ReccoBeats has no time signature or duration")
    answer = spotify(e, f"/recommendations?seed_tracks={track['id']}&limit=7").json
    same((len(answer["tracks"]), answer["seeds"][0]["type"]), (7, "TRACK"), "recommendations")
    same(said(spotify(e, "/recommendations")), (400, {"status": 400, "message": "invalid request"}),
         "without a seed: a bare error")
    e.config(preset="extended-no-n24")
    same(said(spotify(e, f"/audio-features?ids={track['id']}")), (403, {"error": {"status": 403}}),
         "blocked features: 403 without a message")
    same((spotify(e, f"/recommendations?seed_tracks={track['id']}").status,
          spotify(e, f"/artists/{track['artist_id']}/related-artists").status), (404, 404),
         "blocked recommendations and related artists: 404")
    same(spotify(e, f"/tracks?ids={track['id']}").status, 200, "batches still work")


def development_mode(e):
    e.reset()
    e.config(limit={"spotify": None})
    track = e.tracks(1)[0]
    same(spotify(e, "/search?q=rain&type=track,artist").json["tracks"]["limit"], 5,
         "dev-2026: 5 results by default")
    same(spotify(e, "/search?q=rain&type=track&limit=10").status, 200, "10 are allowed")
    same(said(spotify(e, "/search?q=rain&type=track&limit=11")), refusal(400, "Invalid limit"),
         "11 are not")
    same(said(spotify(e, f"/artists/{track['artist_id']}/albums?limit=11")),
         refusal(400, "Invalid limit"), "nor of an artist's albums")
    for path in (f"/artists?ids={track['artist_id']}", f"/tracks?ids={track['id']}",
                 f"/artists/{track['artist_id']}/top-tracks", "/markets", "/users/x",
                 "/browse/new-releases", "/recommendations?seed_genres=x",
                 f"/artists/{track['artist_id']}/related-artists", "/users/x/playlists"):
        same(said(spotify(e, path)), refusal(403, "Forbidden"), f"removed: {path.split('?')[0]}")
    shown = spotify(e, f"/tracks/{track['id']}").json
    ok(not {"available_markets", "popularity", "linked_from"} & set(shown)
       and "available_markets" not in shown["album"] and shown["external_ids"]["isrc"],
       "a track has lost its fields, but not its ISRC", sorted(shown))
    same(sorted(spotify(e, f"/artists/{track['artist_id']}").json),
         ["external_urls", "href", "id", "images", "name", "type", "uri"],
         "an artist has seven fields left")
    ok(not {"country", "email", "product", "followers"} & set(spotify(e, "/me").json),
       "a user has lost fields")
    e.config(preset="dev-legacy")
    shown = spotify(e, f"/tracks?ids={track['id']}").json["tracks"][0]
    ok("popularity" in shown and "available_markets" in shown, "dev-legacy has them")
    e.config(access={"endpoints": False})
    same(spotify(e, f"/tracks?ids={track['id']}").status, 403, "single flags can be turned")


def pages(e):
    e.config(preset="extended", access={}, limit={"spotify": None})
    path, seen, last = "/me/top/tracks?limit=20", [], None
    while path:
        page = spotify(e, path).json
        seen += [t["id"] for t in page["items"]]
        last = page
        path = page["next"] and page["next"].split("/spotify/v1")[1]
        if page["next"] and not page["next"].startswith(e.spotify + "/me/top/tracks?"):
            ok(False, "next is below our own base", page["next"])
    same((len(seen), len(set(seen)), last["total"]), (50, 50, 50), "pages follow their next")
    ok(last["previous"].startswith(e.spotify), "and know what was before")
    again = [t["id"] for t in spotify(e, "/me/top/tracks?limit=50").json["items"]]
    same(again, seen, "a listener's favourites stay the same")
    other = spotify(e, "/me/top/tracks?limit=50", {"Authorization": "Bearer listener-bob"}).json
    ok([t["id"] for t in other["items"]] != seen, "another listener's are others")
    bob = token(e, {"grant_type": "refresh_token", "refresh_token": "bob.7"}).json["access_token"]
    same([t["id"] for t in spotify(e, "/me/top/tracks?limit=50", {
        "Authorization": "Bearer " + bob}).json["items"]], [t["id"] for t in other["items"]],
        "and hang on the first part of the refresh token")
    page = spotify(e, "/me/top/artists", {"Authorization": "Bearer listener-new1"}).json
    same((page["items"], page["total"]), ([], 0), "a new listener has none")
    ok(spotify(e, "/me/top/artists?time_range=short_term").json["items"][0]["genres"] is not None,
       "top artists")
    e.config(null_total=True)
    same(spotify(e, "/me/top/tracks").json["total"], None, "a total can be null")
    e.config(null_total=False, search_unstable=True)
    pages = [json.dumps(spotify(e, "/search?q=rainy&type=track&limit=10").json) for _ in range(3)]
    ok(len(set(pages)) > 1, "search can be unstable")
    e.config(search_unstable=False)


def relinking(e):
    e.config(preset="extended", limit={"spotify": None})
    old = next(t for t in e.tracks(500) if t["twin"])
    shown = spotify(e, f"/tracks/{old['id']}").json
    ok(shown["id"] == old["id"] and "linked_from" not in shown, "no market, no relinking")
    shown = spotify(e, f"/tracks?ids={old['id']}&market=DE").json["tracks"][0]
    same((shown["id"], shown["linked_from"]["id"]), (old["twin"], old["id"]),
         "with a market, a twin stands in")
    ok("is_playable" in shown and "available_markets" not in shown, "and says if it can be played")
    same(spotify(e, f"/tracks/{old['twin']}").json["external_ids"]["isrc"], old["isrc"],
         "twins have one ISRC")
    shown = [spotify(e, f"/tracks/{t['id']}?market=FI").json for t in e.tracks(30)]
    ok(any(t["is_playable"] is False and t["restrictions"]["reason"] == "market" for t in shown),
       "some cannot be played in a market")
    e.config(preset="dev-2026")
    shown = spotify(e, f"/tracks/{old['id']}?market=DE").json
    ok(shown["id"] == old["twin"] and "linked_from" not in shown,
       "dev-2026: relinked, and it does not say from what")
    e.config(relink=False)
    same(spotify(e, f"/tracks/{old['id']}?market=DE").json["id"], old["id"], "or not at all")
    e.config(relink=True)


def playlists(e):
    e.config(preset="dev-2026", limit={"spotify": None}, quota=10 ** 6)
    mine = spotify(e, "/me/playlists").json["items"]
    ok(None in mine and any(p and p["images"] is None for p in mine),
       "playlists: null among them, images that are null")
    mine = [p for p in mine if p]
    ok(all("items" in p and "tracks" not in p for p in mine), "items instead of tracks")
    rows = spotify(e, f"/playlists/{mine[0]['id']}/items?limit=50").json["items"]
    kinds = {"null" if r["item"] is None else "local" if r["is_local"] else r["item"]["type"]
             for r in rows}
    same(kinds, {"null", "local", "track", "episode"}, "rows of all kinds")
    ids = [r["item"]["id"] for r in rows if r["item"]]
    ok(len(ids) > len(set(ids)), "an item stands there twice")
    both = spotify(e, f"/playlists/{mine[4]['id']}/items").json["items"][0]
    ok("item" in both and "track" in both, "some rows have item and track")
    foreign = spotify(e, "/search?q=x&type=playlist").json["playlists"]["items"]
    ok(None in foreign, "search has null for Spotify's own playlists")
    foreign = next(p for p in foreign if p)["id"]
    same(said(spotify(e, f"/playlists/{foreign}/items")), refusal(403, "Forbidden"),
         "a foreign playlist is closed")
    same(spotify(e, f"/playlists/{mine[0]['id']}/tracks").status, 403, "the old path is, too")
    some = spotify(e, f"/playlists/{mine[0]['id']}/items?fields=items(item(name)),total").json
    same((sorted(some), sorted(some["items"][0]["item"])), (["items", "total"], ["name"]),
         "fields are projected")
    made = spotify(e, "/me/playlists", method="POST", body={"name": "new"})
    added = spotify(e, f"/playlists/{made.json['id']}/items", method="POST",
                    body={"uris": ["spotify:track:" + e.tracks(1)[0]["id"]]})
    same((made.status, added.status, sorted(added.json)), (201, 201, ["snapshot_id"]),
         "a playlist can be made and filled")
    e.config(preset="extended")
    row = spotify(e, f"/playlists/{mine[0]['id']}/tracks").json["items"][0]
    ok("track" in row and "item" not in row, "old apps see track")
    e.reset()


# ---------------------------------------------------------------------------
# Limits
# ---------------------------------------------------------------------------

def windows(e):
    e.reset()
    e.config(limit={"spotify": {"count": 5, "seconds": 30}}, preset="extended")
    app = app_token(e)
    answers = [spotify(e, "/markets", app) for _ in range(7)]
    same([a.status for a in answers], [200] * 5 + [429] * 2, "a window lets so many through")
    same(answers[5].json, {"error": {"status": 429, "message": "API rate limit exceeded"}},
         "and then says so")
    ok(1 <= int(answers[5].header("retry-after")) <= 30, "with the seconds to its end")
    same(spotify(e, "/markets", app_token(e, "other:secret")).status, 200,
         "another app has a window of its own")
    service = e.service("spotify")
    same((service["over_limit"], service["in_cooldown"]), (2, 0),
         "calls over the limit are counted")
    until(lambda: time.monotonic() > service["log"][5][0] + 0.2)
    spotify(e, "/markets", app)
    same(e.service("spotify")["in_cooldown"], 1, "and calls during a cool-down")
    same([row[1] for row in e.service("spotify")["log"]], ["ok"] * 5 + ["window"] * 2 + ["ok"]
         + ["window"], "the log has the verdicts")
    for form, good in (("none", lambda a: a.header("retry-after") is None),
                       ("text", lambda a: a.header("retry-after") is None
                        and a.body == b"Too many requests"),
                       ("date", lambda a: a.header("retry-after").endswith(" GMT")),
                       ("float", lambda a: "." in a.header("retry-after")),
                       ("absurd", lambda a: int(a.header("retry-after")) > 10 ** 12)):
        e.config(limit={"spotify": {"count": 5, "seconds": 30, "retry_after": form}})
        ok(good(spotify(e, "/markets", app)), f"Retry-After: {form}")
    e.config(limit={"spotify": {"count": 5, "seconds": 30, "body": "{}"}})
    same(spotify(e, "/markets", app).body, b"{}", "a 429 can be {}")
    e.config(limit={"spotify": {"count": 2, "seconds": 0.4}}, tolerance=0)
    ok(until(lambda: spotify(e, "/markets", app).status == 200, 5), "a window ends")
    e.reset()
    answers = [spotify(e, "/search?q=x&type=track") for _ in range(91)]
    same([a.status for a in answers], [200] * 90 + [429], "90 calls are the default")


def quotas(e):
    e.reset()
    e.config(quota=3, limit={"spotify": None})
    answers = [spotify(e, "/search?q=x&type=track") for _ in range(4)]
    same((answers[2].status, said(answers[3])), (200, (429, {"error": {
        "status": 429, "message": "Too many requests", "reason": "QUOTA_EXCEEDED"}})),
        "a quota ends with QUOTA_EXCEEDED")
    ok(40000 <= int(answers[3].header("retry-after")) <= 60000, "for half a day")
    same(spotify(e, "/me/top/tracks").status, 200, "another bucket has room")
    same(spotify(e, "/search?q=x&type=track", app_token(e, "other:secret")).status, 429,
         "another app of the account has not")
    e.config(preset="extended")
    same(spotify(e, "/search?q=x&type=track").status, 200, "extended apps have no quota")
    same(e.service("spotify")["over_quota"], 2, "calls over the quota are counted")


# ---------------------------------------------------------------------------
# ReccoBeats
# ---------------------------------------------------------------------------

def reccobeats(e):
    e.reset()
    tracks = e.tracks(2000)
    old = [t for t in tracks if t["year"] < 2025]
    recent = [t for t in tracks if t["year"] >= 2025]
    of_old = sum(t["covered"] for t in old) / len(old)
    of_recent = sum(t["covered"] for t in recent) / len(recent)
    ok(.64 < of_old < .76 and .2 < of_recent < .4, "coverage is a share, and less of recent years",
       of_old, of_recent)
    known = [t for t in tracks if t["covered"] and not t["twin"]][:30]
    missing = [t for t in tracks if not t["covered"] and not t["twin"]][:5]
    ids = [t["id"] for t in missing + known]
    content = recco(e, "/track?ids=" + ",".join(ids)).json["content"]
    hrefs = [c["href"].rpartition("/")[2] for c in content]
    same(sorted(hrefs), sorted(t["id"] for t in known), "misses are left out")
    ok(hrefs != [t["id"] for t in known], "and the order is another")
    same({type(c["availableCountries"]) for c in content}, {str}, "countries are one string")
    mixed = [known[0]["uuid"], known[1]["isrc"], known[2]["id"]]
    same({c["id"] for c in recco(e, "/audio-features?ids=" + "&ids=".join(mixed)).json["content"]},
         {t["uuid"] for t in known[:3]}, "UUIDs, ISRCs and Spotify ids, comma or repeated")
    same(said(recco(e, "/track?ids=" + missing[0]["id"])), (200, {"content": []}),
         "all unknown: an empty list")
    for name, path in (("getTracks", "track"), ("getAudioFeatures", "audio-features")):
        many = ",".join([t["id"] for t in tracks[:41]])
        same(said(recco(e, f"/{path}?ids={many}")), (400, {"status": 4004, "errors": [
            {"path": f"{name}.ids", "message": "size must be between 1 and 40"}]}),
            f"{path}: 40 ids")
    same(recco(e, "/artist/search?searchText=club&size=51").json["errors"][0]["message"],
         "must be less than or equal to 50", "search: 50 results")
    same(recco(e, "/audio-features?ids=rubbish").json["status"], 400, "the other shape of errors")
    page = recco(e, "/artist/search?searchText=club&size=2").json
    same((len(page["content"]), page["size"], page["totalPages"] > 0), (2, 2, True), "pages")
    artist = page["content"][0]["id"]
    ok("content" in recco(e, f"/artist/{artist}/track?size=50").json, "an artist's tracks")
    same(recco(e, f"/track/{known[0]['id']}").status, 404, "a single path takes UUIDs only")
    same(recco(e, f"/track/{known[0]['uuid']}/audio-features").json["id"], known[0]["uuid"],
         "and knows them")
    twin = next(t for t in tracks if t["twin"] and t["covered"]
                and next(x for x in tracks if x["id"] == t["twin"])["covered"])
    href = recco(e, f"/track?ids={twin['id']}").json["content"][0]["href"]
    same(href.rpartition("/")[2], twin["twin"], "a twin's record names the other one")
    for agent in (None, "", "Python-urllib/3.11"):
        answer = recco(e, f"/track?ids={ids[-1]}", agent=agent)
        same((answer.status, answer.body, answer.header("content-type")[:10]),
             (403, b"error code: 1010", "text/plain"), f"the User-Agent {agent!r} is turned away")
    e.config(limit={"reccobeats": {"count": 1, "seconds": 3}})
    answers = [recco(e, f"/track?ids={ids[-1]}") for _ in range(2)]
    ok(answers[1].status == 429 and answers[1].body == b""
       and 1 <= int(answers[1].header("retry-after")) <= 5, "429, empty, with Retry-After")
    e.config(limit={"reccobeats": None})


def recommendations(e):
    e.reset()
    tracks = e.tracks(2000)
    known = [t for t in tracks if t["covered"]]
    missing = next(t for t in tracks if not t["covered"] and not t["twin"])
    path = "/track/recommendation?size=20&seeds="
    content = recco(e, path + known[0]["uuid"]).json["content"]
    same(len(content), 20, "recommendations")
    same([c["id"] for c in recco(e, path + known[0]["id"]).json["content"]],
         [c["id"] for c in content], "the same for a Spotify id")
    refused = recco(e, path + missing["id"])
    same((refused.json["error"], refused.json["message"], "content" in refused.json),
         (4002, "Cannot find any track", False), "an unknown seed: 4002, and no content")
    both = f"{known[0]['id']},{missing['id']}"
    same("content" in recco(e, path + both).json, True, "one known seed is enough")
    e.config(reccobeats_unknown="any")
    same(recco(e, path + both).json.get("error"), 4002, "or it is not")
    e.config(reccobeats_unknown="all", reccobeats_spotify_seeds=False, reccobeats_4002_status=404)
    same((recco(e, path + known[0]["id"]).status, recco(e, path + known[0]["uuid"]).status),
         (404, 200), "Spotify seeds can be refused")
    e.reset()
    for query in ("seeds=" + known[0]["id"], "size=10", "size=101&seeds=" + known[0]["id"],
                  "size=10&seeds=" + ",".join(t["id"] for t in known[:6]),
                  f"size=10&seeds={known[0]['id']}&negativeSeeds={known[1]['id']}",
                  f"size=10&energy=1.5&seeds={known[0]['id']}"):
        same(recco(e, "/track/recommendation?" + query).status, 400, f"refused: {query[:40]}")
    energy = [recco(e, f"{path}{known[0]['id']}&energy={x}&featureWeight=5").json["content"]
              for x in (0, 1)]
    features = [{t["uuid"]: t["features"]["energy"] for t in tracks}[c["id"]]
                for c in energy[0]], [{t["uuid"]: t["features"]["energy"] for t in tracks}[c["id"]]
                                      for c in energy[1]]
    ok(sum(features[0]) < sum(features[1]), "targets pull")


# ---------------------------------------------------------------------------
# Language models
# ---------------------------------------------------------------------------

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


# ---------------------------------------------------------------------------
# Faults and counters
# ---------------------------------------------------------------------------

def raw(e, path, headers="", wait=True):
    """The bytes that come until the connection ends, and how it ended."""
    host, port = e.url.split("//")[1].split(":")
    with socket.create_connection((host, int(port)), 20) as s:
        s.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nUser-Agent: raw/1\r\n"
                  f"Authorization: Bearer listener-alice\r\nConnection: close\r\n{headers}\r\n"
                  .encode())
        data = b""
        try:
            while wait:
                piece = s.recv(65536)
                if not piece:
                    return data, "closed"
                data += piece
        except ConnectionResetError:
            return data, "reset"
        return s, None


def faulty(e, kind, path="/spotify/v1/markets"):
    data, end = raw(e, path, f"X-Emu-Fault: {kind}\r\n")
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = dict((n.lower(), v) for n, _, v in (line.partition(": ") for line in lines[1:]))
    return lines[0].split(" ")[1] if data else None, headers, body, end


def faults_in_bodies(e):
    e.reset()
    e.config(preset="extended", limit={"spotify": None}, compress=False)
    track = e.tracks(1)[0]["id"]
    path = f"/spotify/v1/tracks/{track}"
    good = faulty(e, "delay:0.01", path)[2]
    status, headers, body, _ = faulty(e, "502-html")
    ok(status == "502" and b"<html>" in body and "html" in headers["content-type"], "502-html")
    status, headers, body, _ = faulty(e, "status:418")
    ok(status == "418" and json.loads(body), "any status")
    status, headers, body, _ = faulty(e, "504-stall:0.05")
    same(status, "504", "504-stall")
    same(faulty(e, "204")[0::2], ("204", b""), "204")
    same(faulty(e, "empty-200")[0::2], ("200", b""), "empty-200")
    same(faulty(e, "redirect")[0], "302", "redirect")
    status, headers, body, _ = faulty(e, "truncate:50,right", path)
    ok(int(headers["content-length"]) == len(good) > len(body) > 0, "truncate, the right length")
    status, headers, body, _ = faulty(e, "truncate:50,wrong", path)
    ok(int(headers["content-length"]) == len(body) < len(good), "truncate, the wrong length")
    status, headers, body, _ = faulty(e, "gzip", path)
    ok(headers["content-encoding"] == "gzip" and gzip.decompress(body) == good, "gzip")
    ok(faulty(e, "wrong-content-type", path)[1]["content-type"].startswith("text/html"),
       "wrong-content-type")
    body = faulty(e, "huge-body:9", path)[2]
    ok(len(body) >= 9 * 2 ** 20 and json.loads(body)["id"] == track, "huge-body")
    ok(faulty(e, "bom", path)[2].startswith(b"\xef\xbb\xbf{"), "bom")
    ok(b"caf\xe9 " in faulty(e, "latin1-bytes", path)[2], "latin1-bytes")
    ok(b"\\ud83d " in faulty(e, "lone-surrogate", path)[2], "lone-surrogate")
    ok(b"\\u0000" in faulty(e, "nul-escape", path)[2], "nul-escape")
    ok(faulty(e, "dup-keys", path)[2].count(b'"name":') > good.count(b'"name":') + 1, "dup-keys")
    ok(b"[" * 5000 in faulty(e, "deep-nesting:5000", path)[2], "deep-nesting")
    ok(json.loads(faulty(e, "numbers-as-strings", path)[2])["duration_ms"].isdigit(),
       "numbers-as-strings")
    same(json.loads(faulty(e, "null-key:album", path)[2])["album"], None, "null-key")
    ok("album" not in json.loads(faulty(e, "missing-key:album", path)[2]), "missing-key")
    same(json.loads(faulty(e, "null-items", path)[2])["artists"][0], None, "null-items")
    same(json.loads(faulty(e, "not-an-object", path)[2]), [1, "two", None], "not-an-object")
    status, headers, body, _ = faulty(e, "chunked", path)
    ok(headers["transfer-encoding"] == "chunked" and body.endswith(b"0\r\n\r\n"), "chunked")
    same(faulty(e, "slow-drip:0.0001", path)[2], good, "slow-drip")
    ok(len(faulty(e, "huge-header:100000")[1]) > 20, "huge-header")
    ok(raw(e, path, "X-Emu-Fault: continue\r\n")[0].startswith(b"HTTP/1.1 100 "), "continue")
    same(faulty(e, "nonsense")[0], "400", "no other kinds")
    same(faulty(e, "401-expired")[0], "401", "401-expired")


def faults_of_connections(e):
    e.reset()
    e.config(preset="extended", limit={"spotify": None})
    same(raw(e, "/spotify/v1/markets", "X-Emu-Fault: reset\r\n"), (b"", "reset"), "reset")
    same(raw(e, "/spotify/v1/markets", "X-Emu-Fault: close\r\n"), (b"", "closed"), "close")
    data, end = raw(e, "/spotify/v1/markets", "X-Emu-Fault: reset-body\r\n")
    ok(end == "reset", "reset-body")
    e.reset_counters()
    sockets = []
    for _ in range(300):
        s = socket.create_connection(("127.0.0.1", int(e.url.rpartition(":")[2])))
        s.sendall(b"GET /spotify/v1/markets HTTP/1.1\r\nHost: x\r\nX-Emu-Fault: stall:0\r\n"
                  b"Authorization: Bearer listener-alice\r\n\r\n")
        sockets.append(s)
    ok(until(lambda: e.service("spotify")["in_flight"] == 300, 30), "300 connections hang")
    same(spotify(e, "/markets").status, 200, "others are served meanwhile")
    for s in sockets:
        s.close()
    ok(until(lambda: e.service("spotify")["in_flight"] == 0, 30), "clients may leave")
    service = e.service("spotify")
    same((service["abandoned"], service["most_in_flight"]), (300, 301), "which is counted")
    began = time.monotonic()
    same(spotify(e, "/markets", {"X-Emu-Fault": "stall:0.3"}).status, 200, "a stall may end")
    ok(time.monotonic() - began >= 0.3, "after its time")


def rules(e):
    e.reset()
    e.config(preset="extended", limit={"spotify": None})
    e.fault([{"route": "/markets", "kind": "status:503", "every": 3, "times": 2},
             {"route": "GET /spotify/v1/artists/{id}", "kind": "status:403", "after": 1}])
    same([spotify(e, "/markets").status for _ in range(10)],
         [200, 200, 503, 200, 200, 503, 200, 200, 200, 200], "every third, twice")
    artists = e.artists(1)[0]["id"]
    same([spotify(e, f"/artists/{artists}").status for _ in range(3)], [200, 403, 403],
         "routes by template, after the first")
    same(e.service("spotify")["after_refusal"], 1, "a retry after a 403 is counted")
    same(e.service("spotify")["faults"], {"status": 4}, "faults are counted")
    e.fault([{"route": "*", "kind": "status:429", "argument": 429, "body": "slow down",
              "headers": {"Retry-After": "7"}}])
    answer = spotify(e, "/markets")
    same((answer.status, answer.body, answer.header("retry-after")), (429, b"slow down", "7"),
         "a body and headers of one's own")
    e.fault([{"route": "api/token", "kind": "status:500", "times": 1}])
    same([token(e, {"grant_type": "client_credentials"}).status for _ in range(2)], [500, 200],
         "the token endpoint can fail")
    same(ask(e, "/admin/fault", [{"kind": "nonsense"}]).status, 400, "unknown kinds are refused")
    same(ask(e, "/admin/config", {"nonsense": 1}).status, 400, "unknown settings are refused")
    e.reset()
    same((e.service("spotify")["calls"], spotify(e, "/markets").status), (0, 403),
         "a reset forgets it all")


def counters(e):
    e.reset()
    e.config(preset="extended")
    path = f"/tracks/{e.tracks(1)[0]['id']}"
    for _ in range(3):
        spotify(e, path)
    spotify(e, "/markets", agent="other/2")
    seen = e.counters()
    service = seen["services"]["spotify"]
    same((service["calls"], service["duplicates"], service["statuses"]), (4, 2, {"200": 4}),
         "calls, duplicates, statuses")
    same(service["user_agents"], {"selftest/1": 3, "other/2": 1}, "User-Agents")
    ok(len(service["authorizations"]) == 1 and "alice" not in json.dumps(seen),
       "credentials are fingerprints")
    same(seen["routes"]["GET /spotify/v1/tracks/{id}"]["calls"], 3, "routes are templates")
    ok(all(a[0] <= b[0] <= seen["now"] for a, b in zip(service["log"], service["log"][1:])),
       "times are monotonic")
    opened = seen["connections"]["opened"]
    host = e.url.split("//")[1]
    connection = http.client.HTTPConnection(host, timeout=20)
    for _ in range(5):
        connection.request("GET", "/spotify/v1/markets", headers=LISTENER)
        connection.getresponse().read()
    same(e.counters()["connections"]["opened"] - opened, 2, "connections are kept alive")
    connection.close()


def latency(e):
    e.reset()
    e.config(preset="extended", latency={"spotify": 150})
    threads, took = [], []

    def one():
        began = time.monotonic()
        spotify(e, "/markets")
        took.append(time.monotonic() - began)
    for _ in range(20):
        threads.append(threading.Thread(target=one))
        threads[-1].start()
    for thread in threads:
        thread.join()
    ok(min(took) >= 0.15 and e.service("spotify")["most_in_flight"] > 10,
       "answers take their time, side by side", took)


# ---------------------------------------------------------------------------
# Processes
# ---------------------------------------------------------------------------

def same_seed():
    lists = []
    for seed in (7, 7, 8):
        with Emulator("--seed", seed, "--catalogue", 300) as e:
            lists.append(e.tracks(300))
    ok(lists[0] == lists[1] and lists[0] != lists[2], "the same seed, the same catalogue")
    same(len(lists[0]), 300, "as large as it was asked to be")


def ends():
    process = subprocess.Popen([PROGRAM, "--with-stdin"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE)
    process.stdout.readline()
    process.stdin.close()
    same(process.wait(20), 0, "it ends with its stdin")
    process.stdout.close()
    with tempfile.TemporaryDirectory() as directory:
        ready = os.path.join(directory, "ready")
        process = subprocess.Popen([PROGRAM, "--ready", ready], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE)
        line = process.stdout.readline().decode()
        ok(until(lambda: os.path.exists(ready), 20) and line == "emulator: "
           + open(ready, encoding="ascii").read(), "it says where it is")
        process.send_signal(signal.SIGTERM)
        same(process.wait(20), 0, "it ends on SIGTERM")
        process.stdout.close()


def over_tls():
    with tempfile.TemporaryDirectory() as directory:
        cert, key = os.path.join(directory, "cert"), os.path.join(directory, "key")
        made = subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out",
             cert, "-days", "2", "-subj", "/CN=localhost", "-addext",
             "subjectAltName=IP:127.0.0.1"], capture_output=True, check=False)
        if made.returncode:
            skip("TLS", "no openssl")
            return
        with Emulator("--tls", cert, key, "--preset", "extended") as e:
            context = ssl.create_default_context(cafile=cert)
            connection = http.client.HTTPSConnection(e.url.split("//")[1], timeout=20,
                                                     context=context)
            connection.request("GET", "/spotify/v1/me/top/tracks?limit=1", headers=LISTENER)
            page = json.loads(connection.getresponse().read())
            ok(page["next"].startswith("https://127.0.0.1:"), "TLS, and its addresses say so")
            connection.close()
            ok(e.counters()["services"]["spotify"]["calls"] == 1, "the helper speaks TLS")


def main():
    with Emulator("--with-stdin") as e:
        for part in (tokens, caps_and_ids, features_and_recommendations, development_mode, pages,
                     relinking, playlists, windows, quotas, reccobeats, recommendations, geminis,
                     openais, faults_in_bodies, faults_of_connections, rules, counters, latency):
            part(e)
    same_seed()
    ends()
    over_tls()
    done()


if __name__ == "__main__":
    try:
        main()
    except FileNotFoundError as missing:
        sys.exit(f"Bail out! {missing}")
