#!/usr/bin/env python3
"""The emulator's own test: each thing that it must reproduce, once.

Purpose: a client's test is worth what the emulator is worth.
Never:   use the code under test to judge it, but for the admin entrances.
"""
import http.client
import json
import os
import random
import re
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.parse

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "t"))
from emulator import PROGRAM, Emulator  # noqa: E402
from ledger import GRACE  # noqa: E402
from reco_tap import done, ok, same, skip, until  # noqa: E402
from selftest_client import LISTENER, app_token, ask, recco, refusal, said, spotify, token  # noqa: E402
from selftest_faults import (counters, faults_in_bodies, faults_of_connections, latency,  # noqa: E402
                             rules)
from selftest_models import geminis, moods, openais  # noqa: E402

ID = re.compile(r"[0-7][0-9A-Za-z]{21}\Z")


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
    e.config(limit={"spotify": {"count": 5, "seconds": 300}}, preset="extended")
    app = app_token(e)
    answers = [spotify(e, "/markets", app) for _ in range(7)]
    same([a.status for a in answers], [200] * 5 + [429] * 2, "a window lets so many through")
    same(answers[5].json, {"error": {"status": 429, "message": "API rate limit exceeded"}},
         "and then says so")
    ok(1 <= int(answers[5].header("retry-after")) <= 300, "with the seconds to its end")
    same(spotify(e, "/markets", app_token(e, "other:secret")).status, 200,
         "another app has a window of its own")
    service = e.service("spotify")
    first, second = service["log"][5:7]
    at_once = second[0] <= first[4] + GRACE         # it may be slow
    ok(service["over_limit"] == 2 and service["in_cooldown"] <= (0 if at_once else 1), "calls over the limit are counted", service)
    until(lambda: time.monotonic() > second[4] + 4 * GRACE + e.counters()["late"])
    spotify(e, "/markets", app)
    same(e.service("spotify")["in_cooldown"] - service["in_cooldown"], 1,
         "and calls during a cool-down")
    same([row[1] for row in e.service("spotify")["log"]], ["ok"] * 5 + ["window"] * 2 + ["ok"]
         + ["window"], "the log has the verdicts")
    for form, good in (("none", lambda a: a.header("retry-after") is None),
                       ("text", lambda a: a.header("retry-after") is None
                        and a.body == b"Too many requests"),
                       ("date", lambda a: a.header("retry-after").endswith(" GMT")),
                       ("float", lambda a: "." in a.header("retry-after")),
                       ("absurd", lambda a: int(a.header("retry-after")) > 10 ** 12)):
        e.config(limit={"spotify": {"count": 5, "seconds": 300, "retry_after": form}})
        ok(good(spotify(e, "/markets", app)), f"Retry-After: {form}")
    e.config(limit={"spotify": {"count": 5, "seconds": 300, "body": "{}"}})
    same(spotify(e, "/markets", app).body, b"{}", "a 429 can be {}")
    e.config(limit={"spotify": {"count": 2, "seconds": 0.4}}, tolerance=0)
    ok(until(lambda: spotify(e, "/markets", app).status == 200, 5), "a window ends")
    e.reset()
    usual = e.admin("/config")["limit"]["spotify"]
    same((usual["count"], usual["seconds"]), (90, 30), "90 calls in 30 seconds are the default")
    e.config(limit={"spotify": {**usual, "seconds": 300}})
    answers = [spotify(e, "/search?q=x&type=track") for _ in range(91)]
    same([a.status for a in answers], [200] * 90 + [429], "so many, and no more")


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
    e.config(limit={"reccobeats": {"count": 1, "seconds": 300}})
    answers = [recco(e, f"/track?ids={ids[-1]}") for _ in range(2)]
    ok(answers[1].status == 429 and answers[1].body == b""
       and 1 <= int(answers[1].header("retry-after")) <= 302, "429, empty, with Retry-After")
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
    e.config(reccobeats_refuses={"seeds": 3, "negatives": 0})
    seeds, negative = [",".join(t["id"] for t in known[a:b]) for a, b in ((0, 4), (4, 5))]
    same([said(recco(e, path + tail)) for tail in (seeds, f"{seeds}&negativeSeeds={negative}")],
         [(400, {"status": 4004, "errors": [{"path": f"getRecommendation.{name}",
                                             "message": f"size must be between 0 and {most}"}]})
          for name, most in (("seeds", 3), ("negativeSeeds", 0))], "lists can be refused for their ids")
    e.config(reccobeats_refuses={"seeds": 3, "silent": True})
    same((recco(e, path + seeds).json.get("error"), recco(e, path + negative).status), ("Bad Request", 200),
         "without saying why, too")
    e.reset()
    energy = [recco(e, f"{path}{known[0]['id']}&energy={x}&featureWeight=5").json["content"]
              for x in (0, 1)]
    features = [{t["uuid"]: t["features"]["energy"] for t in tracks}[c["id"]]
                for c in energy[0]], [{t["uuid"]: t["features"]["energy"] for t in tracks}[c["id"]]
                                      for c in energy[1]]
    ok(sum(features[0]) < sum(features[1]), "targets pull")


# ---------------------------------------------------------------------------
# Processes
# ---------------------------------------------------------------------------

SONGS = """track_id,track_name,track_artist,track_popularity,track_album_id,track_album_name,\
track_album_release_date,danceability,energy,key,loudness,mode,speechiness,acousticness,\
instrumentalness,liveness,valence,tempo,duration_ms,playlist_genre
AAAAAAAAAAAAAAAAAAAAAA,Kupari,Lanterna,60,CCCCCCCCCCCCCCCCCCCCCC,One,2019-06-14,.7,.9,6,-2.6,1,.05,.1,0,.06,.5,120.5,194754,pop
BBBBBBBBBBBBBBBBBBBBBB,Tundra,Lanterna,5,DDDDDDDDDDDDDDDDDDDDDD,Two,2019,.2,.1,,-20,0,.05,.9,.9,.06,.2,90,200000,
AAAAAAAAAAAAAAAAAAAAAA,Kupari,Lanterna,60,CCCCCCCCCCCCCCCCCCCCCC,One,2019-06-14,.7,.9,6,-2.6,1,.05,.1,0,.06,.5,120.5,194754,rock
"""


def same_seed():
    lists = []
    for seed in (7, 7, 8):
        with Emulator("--seed", seed, "--catalogue", 300) as e:
            lists.append(e.tracks(300))
    ok(lists[0] == lists[1] and lists[0] != lists[2], "the same seed, the same catalogue")
    with tempfile.NamedTemporaryFile("w", suffix=".csv", encoding="utf-8") as file:
        file.write(SONGS)
        file.flush()
        with Emulator("--catalogue", file.name, "--preset", "extended") as e:
            same([(t["id"], t["name"], t["artist"], t["features"]["tempo"]) for t in e.tracks()],
                 [("A" * 22, "Kupari", "Lanterna", 120.5), ("B" * 22, "Tundra", "Lanterna", 90)], "a file's tracks, each once")
            found = spotify(e, "/search?q=artist:Lanterna&type=track", app_token(e)).json["tracks"]["items"]
            same([(t["id"], t["album"]["release_date"], t["popularity"]) for t in found],
                 [("A" * 22, "2019-06-14", 60), ("B" * 22, "2019", 5)], "are what is found")
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


def any_request(e):
    """Whatever is asked, the emulator has an answer of the service's."""
    e.reset()
    e.config(preset="extended", limit={"spotify": None})
    dice = random.Random(5)
    track, artist = e.tracks(1)[0], e.artists(1)[0]
    ids = [track["id"], track["uuid"], artist["id"], artist["uuid"], "x", "", "%00", "a:b", "é"]
    values = ids + ["1", "-1", "0", "1.5", "9" * 30, "track", "x" * 3000, "a,b", ",", "%ff",
                    "items(", "DE", "nan", "inf", 'artist:"', "year:", "null", "[]"]
    names = ("ids q type limit offset market seed_tracks seed_genres target_energy min_tempo "
             "fields time_range size page seeds negativeSeeds energy searchText "
             "include_groups").split()
    paths = ["/search", "/tracks", "/artists", "/albums", "/me/top/tracks", "/me/top/x",
             "/recommendations", "/audio-features", "/me/playlists", "/me/library/contains",
             "/tracks/{}", "/artists/{}/albums", "/artists/{}/top-tracks", "/albums/{}/tracks",
             "/playlists/{}", "/playlists/{}/items", "/browse/categories", "/users/{}"]
    reccos = ["/track", "/audio-features", "/track/recommendation", "/track/search",
              "/artist/search", "/track/{}", "/artist/{}/track", "/album", "/track/{}/album"]
    for _ in range(1500):
        base, path = dice.choice([("/spotify/v1", paths), ("/reccobeats/v1", reccos)])
        path = base + dice.choice(path).format(urllib.parse.quote(dice.choice(ids)) or "x")
        path += "?" + "&".join(f"{dice.choice(names)}={urllib.parse.quote(dice.choice(values), '%')}"
                               for _ in range(dice.randint(0, 4)))
        ask(e, path, headers=LISTENER)
    bodies = ["", "{", "[]", "null", "1", '"x"', "{}", '{"messages": 1, "model": 2}', "\x00",
              '{"messages": [1], "model": "m"}', '{"contents": [1]}', '{"contents": [{}]}',
              '{"contents": [{"parts": [1]}]}', '{"contents": [{"parts": []}], '
              '"generationConfig": {"responseMimeType": "application/json", '
              '"responseSchema": {"type": 5, "properties": 7}}}',
              '{"messages": [{"content": "json"}], "model": "m", "response_format": 5}',
              '{"messages": [{"content": "a"}], "model": "m", "max_tokens": "x"}',
              '{"contents": [{"parts": [{"text": "a"}]}], '
              '"generationConfig": {"maxOutputTokens": "x"}}',
              '{"messages": [], "model": "m", "response_format": {"type": "json_schema", '
              '"json_schema": {"name": "n", "schema": {"type": "array", "items": []}}}}',
              '{"uris": 5}', '{"name": 5}', '{"uris": [5], "position": "x"}']
    for body in bodies:
        for path in ("/openai/v1/chat/completions", "/spotify-accounts/api/token",
                     "/gemini/v1beta/models/gemini-3.6-flash:generateContent",
                     "/spotify/v1/me/playlists", f"/spotify/v1/playlists/{track['id']}/items"):
            ask(e, path, body, {**LISTENER, "x-goog-api-key": "k"}, "POST")
    same(e.counters()["bugs"], [], "whatever is asked has an answer")


def main():
    with Emulator("--with-stdin") as e:
        for part in (tokens, caps_and_ids, features_and_recommendations, development_mode, pages,
                     relinking, playlists, windows, quotas, reccobeats, recommendations, geminis,
                     openais, moods, faults_in_bodies, faults_of_connections, rules, counters, latency, any_request):
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
