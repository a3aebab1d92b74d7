#!/usr/bin/python3
"""Tries examples/nextjs: both routes under node, asked by the real programs, and the Dockerfile on a real engine, where npm is
played. Next.js itself is not part of the test: serve.mjs plays what it does with a route.

Usage: run.py --agent FILE --collector FILE, as root
"""

import argparse
import io
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
EXAMPLE = HERE.parents[1] / "examples/nextjs"
ROUTES = {"app": EXAMPLE / "app/api/buildinfo/route.js", "pages": EXAMPLE / "pages/api/buildinfo.js"}
NEW, OLD = "3f2a" * 10, "91c0" * 10
checks = failures = 0


def check(what, fine, detail=""):
    global checks, failures
    checks += 1
    failures += not fine
    print(f"{'ok  ' if fine else 'FAIL'}  {what}" + ("" if fine else f"\n{detail}"), flush=True)


class Service:
    """A route that was built with a commit, and runs with another environment."""

    def __init__(self, work, router, built, change=None, **environment):
        text = ROUTES[router.partition("-")[0]].read_text()
        for before, after in (change or {}).items():
            assert before in text, before
            text = text.replace(before, after)
        # What next.config.mjs makes of these words.
        folder = pathlib.Path(tempfile.mkdtemp(dir=work))
        (folder / "route.mjs").write_text(text.replace("process.env.BUILDINFO_GIT_SHA", json.dumps(built)))
        port = folder / "port"
        self.process = subprocess.Popen(["node", HERE / "serve.mjs", router, folder / "route.mjs", port], stderr=subprocess.PIPE, text=True,
                                        env={"PATH": os.environ["PATH"], **environment})
        while not port.exists() or not port.read_text():
            if self.process.poll() is not None:
                raise RuntimeError(self.process.stderr.read())
            time.sleep(0.02)
        self.url = f"http://127.0.0.1:{port.read_text()}/api/buildinfo"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()

    def ask(self, query=""):
        with urllib.request.urlopen(self.url + query) as answer:
            return json.load(answer), answer.headers


# next.config.mjs's text is what Service plays.
def configuration():
    said = subprocess.run(["node", "--input-type=module", "-e", f"import c from '{EXAMPLE}/next.config.mjs'; console.log(JSON.stringify(c))"],
                          capture_output=True, text=True, check=True, env={"PATH": os.environ["PATH"], "GIT_SHA": NEW})
    check("The configuration compiles the commit in", json.loads(said.stdout) == {
        "output": "standalone", "env": {"BUILDINFO_GIT_SHA": NEW}}, said.stdout)


def routes(work, agent, collector):
    no_dynamic = {"export const dynamic = 'force-dynamic'\n": ""}
    for router, change in (("app-14", None), ("app-14", no_dynamic), ("app-16", no_dynamic), ("pages", None)):
        name = f"{router}{', without dynamic' if change else ''}"
        with Service(work, router, NEW, change, GIT_SHA=OLD) as service:
            body, headers = service.ask("?nonce=abc")
            check(f"{name}: the built commit, whatever the environment says; the nonce; and no cache", body == {
                "git_sha": NEW, "state": "serving", "nonce": "abc"} and headers["Cache-Control"] == "no-store"
                and headers["Content-Type"].startswith("application/json"), f"{body}\n{headers}")
            body, _ = service.ask()
            check(f"{name}: no nonce", body["nonce"] is None, body)
        with Service(work, router, "", change, GIT_SHA=NEW) as service:
            check(f"{name}: the environment's commit, if none was built in", service.ask()[0]["git_sha"] == NEW)
        for text in ("", "unknown", NEW[:12], NEW + "-dirty", NEW + "\n", NEW.upper()):
            with Service(work, router, text, change) as service:
                check(f"{name}: no full commit is null: {text!r}", service.ask()[0]["git_sha"] is None, service.ask()[0])
    try:
        with Service(work, "app-16", NEW):
            check("Next.js 16 with cacheComponents rejects `dynamic`, as the route says", False)
    except RuntimeError as failure:
        check("Next.js 16 with cacheComponents rejects `dynamic`, as the route says", "cacheComponents" in str(failure))
    # The player can go wrong, too.
    static = {**no_dynamic, "new URL(request.url).searchParams.get('nonce')": "null"}
    with Service(work, "app-14", NEW, static) as service:
        check("A route that is neither dynamic nor reads the request is written at build time",
              service.ask()[1]["x-nextjs-cache"] == "HIT" and service.ask()[1]["Cache-Control"] != "no-store")

    for router in ("app-14", "pages"):
        with Service(work, router, NEW) as service:
            programs(work, router, service, agent, collector)


def programs(work, router, service, agent, collector):
    """What the agent and the collector make of the answer."""
    def verify(sha):
        return subprocess.run([collector, "verify", "--host", service.url, "--service", "canvas", "--sha", sha, "--soak", "1s", "--timeout",
                               "4s", "--interval", "200ms", "--store", "none"], capture_output=True, text=True, timeout=60)
    done = verify(NEW)
    check(f"{router}: without an agent, the collector proves the commit", done.returncode == 0, done.stdout + done.stderr)
    done = verify(OLD)
    check(f"{router}: and no other", done.returncode == 10, done.stdout + done.stderr)
    for image in (NEW, OLD):
        (work / "build").write_text(image + "\n")
        done = subprocess.run([agent, "print", "--service", f"canvas=file:{work}/build", "--probe", f"canvas={service.url}"],
                              capture_output=True, text=True, timeout=60)
        document = json.loads(done.stdout)
        contradicts = "the service serves" in (document.get("reason") or "")
        check(f"{router}: the agent's probe {'agrees' if image == NEW else 'contradicts an image of another commit'}",
              document["served"]["git_sha"] == NEW and contradicts == (image != NEW), done.stdout + done.stderr)


class Engine:
    """A Docker engine in its own namespaces, with a base image whose npm and node are played."""

    def __init__(self, work):
        self.tag = work.name
        self.address = f"unix://{work}/docker.sock"
        self.log = open(work / "dockerd.log", "w")
        self.process = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child", "dockerd", "--iptables=false", "--ip6tables=false",
             "--bridge=none", "--storage-driver=vfs", "--exec-opt", "native.cgroupdriver=cgroupfs", "--cgroup-parent", self.tag,
             "--data-root", work / "data", "--exec-root", work / "exec", "--pidfile", work / "docker.pid", "--host", self.address],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"})
        for _ in range(300):
            if self("version").returncode == 0:
                break
            if self.process.poll() is not None:
                sys.exit("run.py: dockerd did not start: " + (work / "dockerd.log").read_text()[-2000:])
            time.sleep(0.1)
        imported = self("import", "-", "node:22-bookworm-slim", input=base())
        assert imported.returncode == 0, imported.stderr

    def __call__(self, *arguments, input=None):
        return subprocess.run(["docker", "--host", self.address, *arguments], input=input, capture_output=True, timeout=120,
                              env={**os.environ, "DOCKER_BUILDKIT": "0", "DOCKER_CONFIG": "/nonexistent"})

    def stop(self):
        # To the daemon: unshare does not pass signals on.
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        for child in children:
            os.kill(int(child), signal.SIGTERM)
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        subprocess.run(["find", "/sys/fs/cgroup", "-depth", "-type", "d", "-path", f"*/{self.tag}*", "-exec", "rmdir", "{}", "+"],
                       stderr=subprocess.DEVNULL)


NPM = """#!/bin/sh
# `next build` writes the code with the commit, and lists what it was given.
[ "$1" = run ] || exit 0
mkdir -p .next/standalone .next/static
echo "$GIT_SHA" >.next/standalone/server.js
ls -A >.next/standalone/context
"""


def base():
    """The files of the played node:22-bookworm-slim: a shell and its tools, npm, and the user node."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        def add(name, content, mode=0o644):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), mode
            archive.addfile(member, io.BytesIO(content))
        busybox = next(path for path in ("/bin/busybox", "/usr/bin/busybox") if os.path.exists(path))
        add("bin/busybox", pathlib.Path(busybox).read_bytes(), 0o755)
        for name in ("sh", "grep", "cat", "mkdir", "ls", "echo", "printf"):
            member = tarfile.TarInfo(f"bin/{name}")
            member.type, member.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(member)
        add("bin/npm", NPM.encode(), 0o755)
        add("etc/passwd", b"root:x:0:0::/:/bin/sh\nnode:x:1000:1000::/:/bin/sh\n")
        add("etc/group", b"root:x:0:\nnode:x:1000:\n")
        for name in ("proc", "sys", "dev", "tmp"):
            member = tarfile.TarInfo(name)
            member.type, member.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(member)
    return buffer.getvalue()


def dockerfile(work, docker):
    app = work / "app"
    shutil.copytree(EXAMPLE, app)
    (app / "package.json").write_text("{}")
    (app / "package-lock.json").write_text("{}")
    (app / ".next/standalone").mkdir(parents=True)
    (app / ".next/standalone/stale.js").write_text(OLD)
    (app / ".git").mkdir()

    def build(tag, *arguments, change=None):
        text = (EXAMPLE / "Dockerfile").read_text()
        for before, after in (change or {}).items():
            assert before in text, before
            text = text.replace(before, after)
        (app / "Dockerfile").write_text(text)
        return docker("build", "--network", "host", "--tag", tag, *arguments, str(app))

    def content(tag, path):
        name = f"look-{tag}"
        docker("create", "--name", name, tag)
        packed = docker("cp", f"{name}:{path}", "-").stdout
        docker("rm", name)
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            return archive.extractfile(archive.next()).read().decode()

    for tag, sha in (("old", OLD), ("new", NEW)):
        done = build(tag, "--build-arg", f"GIT_SHA={sha}")
        check(f"The Dockerfile builds {tag}", done.returncode == 0, (done.stdout + done.stderr).decode())
        if done.returncode == 0:
            image = json.loads(docker("inspect", tag).stdout)[0]["Config"]
            check(f"{tag}: its label is the commit, and its code knows it, although only the argument changed",
                  image["Labels"] == {"org.opencontainers.image.revision": sha} and content(tag, "/app/server.js").strip() == sha, image)
            check(f"{tag}: it listens for the probe, and not as root", "HOSTNAME=0.0.0.0" in image["Env"] and image["User"] == "node"
                  and image["Healthcheck"]["Test"][0] == "CMD", image)
            given = content(tag, "/app/context").split()
            check(f"{tag}: no build and no history of this machine", ".git" not in given and "package.json" in given
                  and docker("cp", f"{tag}:/app/stale.js", "-").returncode != 0, given)
    check("npm ci is not repeated for a commit", done.stdout.decode().count("Using cache") >= 4, done.stdout.decode())
    for what, arguments in (("no commit", []), ("a short commit", ["--build-arg", f"GIT_SHA={NEW[:12]}"]),
                            ("a changed tree", ["--build-arg", f"GIT_SHA={NEW}-dirty"])):
        done = build("refused", *arguments)
        check(f"The build fails with {what}", done.returncode != 0 and "GIT_SHA is not a full commit" in (done.stdout + done.stderr).decode(),
              (done.stdout + done.stderr).decode())
    # The usual mistakes.
    first = {"ARG GIT_SHA\nRUN printf": "RUN printf", "FROM node:22-bookworm-slim AS build": "ARG GIT_SHA\nFROM node:22-bookworm-slim AS build"}
    done = build("refused", "--build-arg", f"GIT_SHA={NEW}", change=first)
    check("An ARG before FROM is empty in the stage, and the build says so", done.returncode != 0 and "not a full commit" in (
        done.stdout + done.stderr).decode(), (done.stdout + done.stderr).decode())
    once = {"ARG GIT_SHA\nLABEL": "LABEL"}
    done = build("once", "--build-arg", f"GIT_SHA={NEW}", change=once)
    check("Without the second ARG, the label is empty", done.returncode == 0 and json.loads(docker("inspect", "once").stdout)[0]["Config"][
        "Labels"] == {"org.opencontainers.image.revision": ""}, (done.stdout + done.stderr).decode())


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--agent", type=pathlib.Path, required=True)
    parser.add_argument("--collector", type=pathlib.Path, required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="buildinfo-nextjs-") as work:
        work = pathlib.Path(work)
        configuration()
        routes(work, options.agent.resolve(), options.collector.resolve())
        docker = Engine(work)
        try:
            dockerfile(work, docker)
        finally:
            docker.stop()
    print(f"{checks} checks, {failures} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
