#!/usr/bin/env python3
"""The emulator's shapes, judged by clients that nobody here wrote.

Purpose: bodies of the preset "extended" are assigned to the types of Spotify's SDK and
         compiled; each with a required key less must not compile. Then Spotify's SDK,
         "openai" and "@google/genai" talk to the emulator themselves.
Never:   fail where node, npm or the packages cannot be had: it skips.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "t"))
from emulator import Emulator  # noqa: E402
from reco_tap import done, ok, same  # noqa: E402

PACKAGES = ["@spotify/web-api-ts-sdk@1.2.0", "typescript@5.9.3", "openai@6.30.1", "@google/genai@2.32.0"]
INSTALL_SECONDS = 100

# What the SDK's types call required and the service does not send in these places: the
# simplified album lacks what only whole albums have, tracks never had "episode" and
# "track", external ids come one at a time, artists of an album are simplified.
TYPES = """
import type { AccessToken, Album, Artist, AudioFeatures, AudioFeaturesCollection, Artists,
  Categories, ExternalIds, Markets, Page, PlaylistedTrack, RecommendationsResponse,
  SimplifiedAlbum, SimplifiedArtist, SimplifiedPlaylist, SimplifiedTrack, Track, UserProfile }
  from "@spotify/web-api-ts-sdk";
type Isrc = Pick<ExternalIds, "isrc">;
type Upc = Pick<ExternalIds, "upc">;
type AnAlbum = Omit<SimplifiedAlbum,
  "album_group" | "copyrights" | "external_ids" | "genres" | "label" | "popularity">;
type ListedAlbum = AnAlbum & Pick<SimplifiedAlbum, "album_group">;
type SmallTrack = Omit<SimplifiedTrack, "episode" | "track">;
type ATrack = SmallTrack & Pick<Track, "popularity"> & { album: AnAlbum; external_ids: Isrc };
type WholeAlbum = Omit<Album, "artists" | "tracks" | "external_ids">
  & { artists: SimplifiedArtist[]; tracks: Page<SmallTrack>; external_ids: Upc };
type Recommended = Omit<RecommendationsResponse, "tracks"> & { tracks: ATrack[] };
type APlaylist = Omit<SimplifiedPlaylist, "followers" | "primary_color" | "images">
  & { primary_color: null; images: SimplifiedPlaylist["images"] | null };
type ARow = Omit<PlaylistedTrack, "track" | "primary_color">
  & { track: ATrack; primary_color: null; video_thumbnail: { url: null } };
type Me = UserProfile & { account_id: string };
"""
# Keys that may be absent.
OPTIONAL = {"is_playable", "linked_from", "restrictions", "account_id", "video_thumbnail",
            "primary_color", "icons.0.height", "icons.0.width"}


def captures(known):
    """(name, type, path) of what is compiled."""
    track, artist, album = ",".join(known["tracks"]), known["artist"], known["album"]
    first = known["tracks"][0]
    return [
        ("top_tracks", "Page<ATrack>", "/me/top/tracks?limit=2"),
        ("top_artists", "Page<Artist>", "/me/top/artists?limit=2"),
        ("me", "Me", "/me"),
        ("search", "{ tracks: Page<ATrack>; artists: Page<Artist>; albums: Page<AnAlbum> }",
         "/search?q=club&type=track,artist,album&limit=2"),
        ("artist", "Artist", f"/artists/{artist}"),
        ("artists", "Artists", f"/artists?ids={artist}"),
        ("track", "ATrack", f"/tracks/{first}"),
        ("track_in_market", "Omit<ATrack, 'available_markets' | 'album'> & { album: Omit<AnAlbum, "
         "'available_markets'> & { is_playable: boolean } }", f"/tracks/{first}?market=DE"),
        ("tracks", "{ tracks: ATrack[] }", f"/tracks?ids={track}"),
        ("artist_top_tracks", "{ tracks: ATrack[] }", f"/artists/{artist}/top-tracks"),
        ("artist_albums", "Page<ListedAlbum>", f"/artists/{artist}/albums?limit=2"),
        ("related", "Artists", f"/artists/{artist}/related-artists"),
        ("album", "WholeAlbum", f"/albums/{album}"),
        ("albums", "{ albums: WholeAlbum[] }", f"/albums?ids={album}"),
        ("album_tracks", "Page<SmallTrack>", f"/albums/{album}/tracks?limit=2"),
        ("features", "AudioFeatures", f"/audio-features/{first}"),
        ("many_features", "AudioFeaturesCollection", f"/audio-features?ids={track}"),
        ("recommendations", "Recommended", f"/recommendations?seed_tracks={first}&limit=2"),
        ("new_releases", "{ albums: Page<AnAlbum> }", "/browse/new-releases?limit=2"),
        ("categories", "Categories", "/browse/categories"),
        ("markets", "Markets", "/markets"),
        ("playlists", "Page<APlaylist>", "/me/playlists?limit=2"),
        ("playlist_rows", "Page<ARow>", f"/playlists/{known['playlist']}/tracks?limit=2"),
    ]


def get(e, path):
    """A body as a listener gets it."""
    request = urllib.request.Request(e.spotify + path, headers={
        "Authorization": "Bearer listener-alice", "User-Agent": "shapes/1"})
    with e.opener.open(request, timeout=30) as answer:
        return json.loads(answer.read())


def token(e):
    """A listener's token."""
    request = urllib.request.Request(e.accounts + "/api/token", (
        "grant_type=refresh_token&refresh_token=alice.0&client_id=c").encode())
    with e.opener.open(request, timeout=30) as answer:
        return json.loads(answer.read())


def without(value, where=()):
    """(place, the value with one key less), for each key of it and of the first things in it."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name not in OPTIONAL and ".".join((*where[-2:], name)) not in OPTIONAL:
                yield where + (name,), {n: v for n, v in value.items() if n != name}
            for place, less in without(inner, where + (name,)):
                yield place, {**value, name: less}
    elif isinstance(value, list) and value:
        for place, less in without(value[0], where + ("0",)):
            yield place, [less, *value[1:]]


def compile_types(directory, lines):
    """The numbers of the lines that do not compile, and what was said."""
    head = TYPES.replace("\n", " ").strip()
    with open(os.path.join(directory, "bodies.ts"), "w", encoding="utf-8") as file:
        file.write(head + "\n" + "".join(line + "\n" for line in lines))
    result = subprocess.run(
        [os.path.join("node_modules", ".bin", "tsc"), "--noEmit", "--strict", "--target", "es2022",
         "--module", "esnext", "--moduleResolution", "bundler", "--skipLibCheck",
         "--pretty", "false", "bodies.ts"],
        cwd=directory, capture_output=True, text=True, timeout=60, check=False)
    said = result.stdout + result.stderr
    numbers = {int(n) - 2 for n in re.findall(r"^bodies\.ts\((\d+),", said, re.M)}
    return numbers, said


def check_types(e, directory, known):
    """Bodies compile; bodies with a key less do not."""
    bodies = [(name, kind, get(e, path)) for name, kind, path in captures(known)]
    bodies.append(("token", "AccessToken & { scope: string }", token(e)))
    lines = [f"export const {name}: {kind} = {json.dumps(body)};" for name, kind, body in bodies]
    failed, said = compile_types(directory, lines)
    for number, (name, _, _) in enumerate(bodies):
        ok(number not in failed, f"the body of {name} has the SDK's type",
           *[line for line in said.splitlines() if line.startswith(f"bodies.ts({number + 2},")])
    ok(not failed - set(range(len(bodies))) and (failed or not said.strip()), "tsc says no more",
       said)
    places = [(name, kind, ".".join(place), less) for name, kind, body in bodies
              for place, less in without(body)]
    failed, said = compile_types(directory, [
        f"export const b{n}: {kind} = {json.dumps(less)};"
        for n, (_, kind, _, less) in enumerate(places)])
    for name, _, _ in bodies:
        these = [n for n, place in enumerate(places) if place[0] == name]
        ok(these and failed >= set(these),
           f"the body of {name} with a key less has not ({len(these)} keys)",
           *[places[n][2] for n in these if n not in failed])
    with open(os.path.join(directory, "bodies.ts"), "w", encoding="utf-8") as file:
        file.write("")


def run_client(e, directory, name, known):
    """A program of clients/ says line by line what went well."""
    script = os.path.join(directory, name + ".mjs")
    shutil.copy(os.path.join(HERE, "clients", name + ".mjs"), script)
    result = subprocess.run(
        ["node", script], cwd=directory, capture_output=True, text=True, timeout=40, check=False,
        env={**os.environ, "EMULATOR": e.url, "KNOWN": json.dumps(known),
             "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"})
    for line in result.stdout.splitlines():
        if line.startswith("{"):
            told = json.loads(line)
            ok(told["ok"], f"{name}: {told['name']}", told.get("detail"))
    same(result.returncode, 0, f"{name}: runs to its end") or print(
        "# " + "\n# ".join(result.stderr.splitlines()[-20:]))


def install(directory):
    """None, or why the packages are not there."""
    for program in ("node", "npm"):
        if not shutil.which(program):
            return f"no {program}"
    with open(os.path.join(directory, "package.json"), "w", encoding="ascii") as file:
        file.write('{"name": "shapes", "private": true, "type": "module"}\n')
    try:
        result = subprocess.run(
            ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline",
             "--fetch-retries=1", "--fetch-timeout=30000", "--loglevel=error", *PACKAGES],
            cwd=directory, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False,
            stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return f"npm did not install the packages within {INSTALL_SECONDS} s"
    if result.returncode:
        return "npm cannot install the packages: " + " ".join(result.stderr.split())[:200]
    return None


def main():
    with tempfile.TemporaryDirectory() as directory:
        why = install(directory)
        if why:
            print(f"1..0 # SKIP {why}")
            return
        with Emulator("--preset", "extended", "--window", "none", "--seed", 3) as e:
            # tracks that a market lets through, of an artist that has genres
            tracks = [t for t in e.tracks(300) if not t["twin"]]
            known = {"tracks": [t["id"] for t in tracks[:2]], "artist": tracks[0]["artist_id"]}
            known["album"] = get(e, f"/tracks/{known['tracks'][0]}")["album"]["id"]
            playlists = get(e, "/me/playlists")["items"]
            known["playlist"] = playlists[0]["id"]
            check_types(e, directory, known)
            for name in ("spotify", "openai", "genai"):
                run_client(e, directory, name, known)
    done()


if __name__ == "__main__":
    main()
