#!/usr/bin/env python3
"""A stand-in for Gitea in scripts/demo-promotion.sh: the part of its API that the gate uses, on loopback, from files.

    demo-forge.py FOLDER

FOLDER holds `history`, the branch main's commits, newest first; `status`, the state of the context `ci`; and `hold`, the
variable DEPLOY_HOLD of Actions, if it exists. Writes its address to FOLDER/address, atomically.
"""
import http.server
import json
import os
import sys
import urllib.parse

folder = sys.argv[1]


def read(name):
    try:
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            return file.read().strip()
    except FileNotFoundError:
        return None


def answer(path, query):
    """The JSON of an answer; None for 404. Lists have one page, followed by an empty one."""
    is_first = query.get("page", ["1"]) == ["1"]
    statuses = [{"id": 7, "status": read("status"), "context": "ci", "target_url": ""}] if is_first else []
    if path == "":
        return {"full_name": "acme/canvas", "permissions": {"push": True}}
    if path == "/branches/main":
        return {"name": "main", "commit": {"id": read("history").split()[0]}}
    if path == "/commits":
        history, start = read("history").split(), query.get("sha", [""])[0]
        # The history of a commit outside the branch is only that commit.
        history = history[history.index(start):] if start in history else [start]
        return [{"sha": sha} for sha in history] if is_first else []
    if path.startswith("/commits/") and path.endswith("/statuses") or path.startswith("/statuses/"):
        return statuses
    if path.startswith("/commits/") and path.endswith("/status"):
        return {"statuses": statuses}
    if path == "/actions/variables/DEPLOY_HOLD" and read("hold") is not None:
        return {"data": read("hold")}
    return None


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        prefix = "/api/v1/repos/acme/canvas"
        found = answer(url.path[len(prefix):], urllib.parse.parse_qs(url.query)) if url.path.startswith(prefix) else None
        body = json.dumps(found if found is not None else {"message": "not found"}).encode()
        self.send_response(404 if found is None else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
path = os.path.join(folder, "address")
with open(path + ".new", "w", encoding="utf-8") as file:
    file.write("127.0.0.1:%d" % server.server_address[1])
os.rename(path + ".new", path)
server.serve_forever()
