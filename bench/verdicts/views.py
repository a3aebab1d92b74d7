"""Small HTTP servers that show a simulated host as its own service, and as its engine, would.

The drill's hosts answer as agents. A check that asks the service or the engine instead gets what follows from the agent's
document at that moment:

- The service answers 200 with its commit if the agent's probe got that, or, without a probe, if the agent's state is
  `serving`. It answers 503 if the state is `unhealthy`, and not at all if the container is paused. Otherwise, and if the probe
  failed, the connection is closed.
- The engine counts instances that are serving or paused as running: Docker's `Running` flag stays set for a paused
  container, and an orchestrator counts a task once it is healthy. It wants as many as the host declares, and at least one.
- The tag has the digests of the container's image, and keeps them while there is no container.

A host that does not answer with a document passes its answer on: without an agent, it is the service.
"""

import http.client
import json
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

RUNNING = {"serving", "paused"}


class Views:
    """Servers for the hosts of one fleet, until `close`."""

    def __init__(self, hosts):
        self.hosts = hosts
        self.tags = {}
        views = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                _, kind, index = self.path.split("?")[0].split("/")
                views.answer(self, kind, int(index))

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def inventory(self, kind):
        port = self.server.server_address[1]
        return {"hosts": [{"name": host["name"], "url": f"http://127.0.0.1:{port}/{kind}/{index}"}
                          for index, host in enumerate(self.hosts)]}

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, request, kind, index):
        try:
            status, headers, body = fetch(self.hosts[index]["url"])
        except (OSError, http.client.HTTPException):
            return
        document = parsed(body)
        if document is None:
            if kind == "service":
                send(request, status, body, headers)
        elif kind == "service":
            answer_as_service(request, document)
        else:
            send(request, 200, json.dumps(self.engine(index, document)).encode())

    def engine(self, index, document):
        instances = document.get("instances", [])
        digests = {entry["digest"] for instance in instances for entry in instance.get("image", {}).get("digests", [])}
        if instances:
            self.tags[index] = sorted(digests)
        return {"running": sum(instance["state"] in RUNNING for instance in instances),
                "desired": document.get("instances_expected", max(1, len(instances))),
                "repo_digests": self.tags.get(index, [])}


def answer_as_service(request, document):
    served = document.get("served")
    if served is not None:
        if served.get("outcome") == "ok":
            send(request, served.get("status", 200), commit(served.get("git_sha")))
    elif document["state"] == "serving":
        send(request, 200, commit(document.get("git_sha")))
    elif document["state"] == "unhealthy":
        send(request, 503, b"unhealthy")
    elif document["state"] == "paused":
        time.sleep(2)


def commit(sha):
    return json.dumps({"git_sha": sha}).encode()


def parsed(body):
    """The agent's document, or None if another server answered."""
    try:
        document = json.loads(body)
    except ValueError:
        return None
    return document if isinstance(document, dict) and "agent" in document else None


def fetch(url):
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=1)
    try:
        connection.request("GET", parts.path)
        response = connection.getresponse()
        return response.status, response.headers.items(), response.read()
    finally:
        connection.close()


def send(request, status, body, headers=()):
    try:
        request.send_response_only(status)
        for name, value in headers:
            if name.lower() not in ("content-length", "connection", "transfer-encoding"):
                request.send_header(name, value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)
    except OSError:
        pass
