"""The self test's part about faults, counters and latency.

Purpose: each kind of fault once, byte by byte where it counts.
"""
import gzip
import http.client
import json
import socket
import threading
import time

from reco_tap import ok, same, until
from selftest_client import LISTENER, ask, spotify, token


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
    e.config(preset="extended", latency={"spotify": 1500})
    threads, took = [], []

    def one():
        began = time.monotonic()
        spotify(e, "/markets")
        took.append(time.monotonic() - began)
    for _ in range(30):
        threads.append(threading.Thread(target=one))
        threads[-1].start()
    for thread in threads:
        thread.join()
    ok(len(took) == 30 and min(took) >= 1.5 and e.service("spotify")["most_in_flight"] > 10,
       "answers take their time, side by side", took)
    log = e.service("spotify")["log"]
    ok(all(row[4] - row[0] >= 1.5 for row in log), "the log has it, too", log)
    e.reset()
    e.config(preset="extended", latency={"spotify": 50000}, scale=0.004)
    one()
    ok(0.2 <= took[-1] < 50, "a scale makes it less", took[-1])
    same(ask(e, "/admin/config", {"scale": 0}).status, 400, "but not nothing")
    e.reset()
