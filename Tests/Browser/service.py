#!/usr/bin/env python3
"""Opens the pages of a running service in Chromium, and checks what only a browser can check.

Usage: service.py BIN [PICTURES]     (BIN has buildinfo-collector and buildinfo-agent)

It starts a service with a small fleet, and checks: a change is shown without loading the page again; a form that is being
filled in stays; one connection for all tabs; 15 s after the service was stopped (SIGSTOP) or its network was cut, no page is
green and every title says so, with and without scripts, and it recovers, also after a restart behind a proxy; no violation of
axe's rules (WCAG 2.2 A and AA) and a contrast of at least 4.5, light and dark; no horizontal scrolling at 320 px; no console
message.

Everything runs in a network namespace of its own, whose loopback interface can be taken down. Needs Chromium (apt-get install
chromium). axe is installed from PyPI into .build/axe.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

sys.dont_write_bytecode = True

from check import CONTRAST, CONTRASTS, WIDE  # noqa: E402
from chromium import Browser  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
AXE = "axe-playwright-python==0.1.7"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
COMMIT, OTHER = "a" * 40, "b" * 40
FLEET = "/fleets/canvas/production"
OLD = 15

# What is green: words and signs of statuses, the verdict and parts of bars, by the colours of the palette.
GREEN = r"""
(() => {
  const green = (color) => { const [r, g, b] = (color.match(/[\d.]+/g) ?? [0, 0, 0]).map(Number); return g > r + 20 && g > b + 10; };
  const seen = [];
  for (const element of document.querySelectorAll("body *")) {
    const style = getComputedStyle(element);
    const sign = getComputedStyle(element, "::before");
    if (green(style.color) && element.textContent.trim()) seen.push(element.textContent.trim().slice(0, 30));
    if (sign.content.includes("✓")) seen.push(sign.content);
    if (element.namespaceURI.endsWith("svg") && element.checkVisibility({visibilityProperty: true})
      && (green(style.fill) || green(style.stroke))) seen.push(element.outerHTML.slice(0, 60));
  }
  if (document.title.includes("✓")) seen.push(document.title);
  return seen;
})()
"""


def axe_source():
    folder = ROOT / ".build/axe"
    found = list(folder.rglob("axe.min.js"))
    if not found:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([folder / "bin/pip", "install", "--quiet", "--no-deps", AXE], check=True)
        found = list(folder.rglob("axe.min.js"))
    return found[0].read_text()


class Service:
    """A service with agents that report the build in a file."""

    def __init__(self, programs, folder, hosts=6):
        self.folder, self.programs, self.children = Path(folder), Path(programs), []
        self.names = [f"canvas-{number:02}" for number in range(1, hosts + 1)]
        lines = []
        for name in self.names:
            self.serve(name, COMMIT)
            port = free_port()
            self.start("buildinfo-agent", "serve", "--listen", f"127.0.0.1:{port}", "--service",
                       f"canvas=file:{self.folder / name}", "--host-id", f"id-of-{name}", "--host-name", name)
            lines.append(f"  - {{name: {name}, url: \"http://127.0.0.1:{port}/buildinfo/canvas\", labels: {{region: eu}}}}")
        (self.folder / "fleet.yaml").write_text("hosts:\n" + "\n".join(lines) + "\n")
        self.port = free_port()
        (self.folder / "ci.token").write_text("t" * 32)
        (self.folder / "collector.yaml").write_text(f"""
listen: ["127.0.0.1:{self.port}"]
store: {self.folder}/ledger.db
access: {{tokens: [{{file: {self.folder}/ci.token, scopes: [read, verify]}}]}}
fleets:
  - service: canvas
    environment: production
    inventory: {self.folder}/fleet.yaml
    policy: {{soak: 2s, timeout: 1m, interval: 500ms}}
    check: {{interval: 1s}}
""")
        self.run()

    def run(self):
        self.process = self.start("buildinfo-collector", "serve", "--config", self.folder / "collector.yaml")
        self.until("the service answers", lambda: self.get("/healthz"))

    def start(self, program, *arguments):
        log = open(self.folder / f"{program}.log", "ab")
        child = subprocess.Popen([self.programs / program, *map(str, arguments)], stdout=log, stderr=log)
        self.children.append(child)
        return child

    def serve(self, name, commit, state="serving"):
        text = json.dumps({"git_sha": commit, "digest": f"sha256:{commit}{commit[:24]}", "state": state})
        part = self.folder / f"{name}.part"
        part.write_text(text)
        part.rename(self.folder / name)

    def get(self, path, body=None, **headers):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", body and json.dumps(body).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.read().decode()
        except OSError:
            return None

    def fleet(self):
        return json.loads(self.get("/api/v1/fleets"))["fleets"][0]

    def verify(self, commit, key):
        answer = self.get("/api/v1/verifications", {"service": "canvas", "environment": "production", "git_sha": commit},
                          Authorization="Bearer " + "t" * 32, **{"Idempotency-Key": key, "Content-Type": "application/json"})
        return json.loads(answer)["id"]

    def finished(self, id):
        return json.loads(self.get(f"/api/v1/verifications/{id}"))["state"] == "finished"

    @staticmethod
    def until(what, condition, seconds=60):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(f"not within {seconds} s: {what}")
            time.sleep(0.1)

    def connections(self):
        """The established connections to the service."""
        port = f":{self.port:04X}"
        lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
        return sum(1 for line in lines if line.split()[1].endswith(port) and line.split()[3] == "01")

    def close(self):
        for child in self.children:
            child.send_signal(signal.SIGCONT)
            child.terminate()
        for child in self.children:
            try:
                child.wait(timeout=30)
            except subprocess.TimeoutExpired:
                child.kill()


def loopback(state):
    subprocess.run(["ip", "link", "set", "lo", state], check=True)


def in_own_network():
    """Runs this script again in a network namespace of its own, unless it runs in one."""
    if os.environ.get("BUILDINFO_OWN_NETWORK"):
        return loopback("up")
    os.environ["BUILDINFO_OWN_NETWORK"] = "1"
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    os.execvp("unshare", ["unshare", *user, "--net", sys.executable, *sys.argv])


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Check:
    def __init__(self, service, browser, pictures):
        self.service, self.browser, self.pictures, self.wrong = service, browser, pictures, []

    def url(self, path):
        return f"http://127.0.0.1:{self.service.port}{path}"

    def open(self, path):
        """Returns the console messages."""
        return self.browser.visit(self.url(path))

    def expect(self, condition, text):
        if not condition:
            self.wrong.append(text)
            print(f"  WRONG: {text}")

    def shown(self, what, code, seconds=10):
        """Waits until the page shows something."""
        end = time.monotonic() + seconds
        while not self.browser.evaluate(code):
            if time.monotonic() > end:
                self.expect(False, f"{what}: not shown within {seconds} s; title '{self.browser.evaluate('document.title')}'")
                return
            time.sleep(0.1)
        print(f"  {what}: shown")

    # --- Checks

    def looks(self, paths, axe):
        for path in paths:
            for width, scheme in ((1280, "light"), (1280, "dark"), (400, "light"), (400, "dark"), (320, "light")):
                self.browser.show(width, scheme)
                messages = self.open(path)
                self.expect(not messages, f"{path}: console messages {messages[:2]}")
                wide = self.browser.evaluate(WIDE)
                self.expect(not wide["scrolls"], f"{path} scrolls at {width} px: {wide}")
                contrast = self.browser.evaluate(CONTRASTS)
                self.expect(not contrast["low"], f"{path} {scheme}: contrast below {CONTRAST}: {contrast['low']}")
                self.browser.evaluate(axe + ";0")
                broken = self.browser.evaluate(
                    f"axe.run({{runOnly: {json.dumps(TAGS)}}}).then((r) => r.violations.map((v) => "
                    "[v.id, v.nodes.length, v.nodes[0].html.slice(0, 150)]))")
                self.expect(not broken, f"{path} {width} {scheme}: axe: {broken}")
                if self.pictures:
                    name = path.split("?")[0].strip("/").replace("/", "-") or "overview"
                    name += "-kiosk" if "kiosk" in path else ""
                    name = name.split("-")[0] if name.startswith(("verifications", "commits")) else name
                    self.browser.picture(os.path.join(self.pictures, f"{name}-{width}-{scheme}.png"))
            print(f"  {path}: axe, contrast, width")

    def updates(self):
        self.browser.show(1280, "light")
        self.open(FLEET)
        self.browser.evaluate("window.mark = 1; window.head = document.querySelector('tbody tr');"
                              "document.querySelector('[type=search]').focus(); 0")
        self.browser.call("Input.insertText", text="canvas-0")
        self.service.serve("canvas-03", OTHER)
        begun = time.monotonic()
        self.shown("a drift", "[...document.querySelectorAll('tbody tr')].some((r) => r.textContent.includes('canvas-03')"
                   " && !r.querySelector('.converged'))")
        print(f"  after {time.monotonic() - begun:.1f} s, with at most 1 s between two questions to a host")
        self.expect(self.browser.evaluate("window.mark") == 1, "the page was loaded again")
        self.expect(self.browser.evaluate("document.querySelector('[type=search]').value") == "canvas-0",
                    "the text in the form is lost")
        self.expect(self.browser.evaluate("document.activeElement.type") == "search", "the form lost the focus")
        self.expect(not self.browser.evaluate(GREEN) or "✓" not in self.browser.evaluate("document.title"),
                    "the title is green")
        # A row that moves keeps the focus.
        self.browser.evaluate("[...document.querySelectorAll('tbody a')].find((a) => a.textContent === 'canvas-03').focus()")
        place = "[...document.querySelectorAll('tbody a')].filter((a) => a.pathname.startsWith('/hosts/'))" \
                ".findIndex((a) => a.textContent === 'canvas-03')"
        self.expect(self.browser.evaluate(place) == 0, "the host that needs attention is not the first one")
        self.service.serve("canvas-03", COMMIT)
        self.shown("its end", "document.title.startsWith('✓')", 20)
        self.expect(self.browser.evaluate(place) == 2, "the hosts are not in the order of their names again")
        self.expect(self.browser.evaluate("document.activeElement.textContent") == "canvas-03", "a row that moved lost the focus")
        self.expect(self.browser.evaluate("window.mark") == 1, "the page was loaded again")

    def verification(self):
        id = self.service.verify(COMMIT, "browser")
        self.open(f"/verifications/{id}")
        self.browser.evaluate("window.mark = 1; 0")
        self.shown("the end of a verification", "!!document.querySelector('[data-tone=good]')", 30)
        self.expect(self.browser.evaluate("window.mark") == 1, "the page was loaded again")
        return id

    def tabs(self):
        """One stream for all tabs."""
        first = self.browser.session
        self.open(FLEET)
        others = [self.browser.tab(self.url(path)) for path in ("/", FLEET, "/promotions", FLEET, "/", FLEET, "/")]
        time.sleep(3)
        streams = self.service.connections()
        # The stream, and connections that the browser keeps for a while.
        self.service.serve("canvas-02", OTHER)
        for tab in [first] + others:
            self.browser.session = tab
        self.browser.session = others[1]
        self.shown("a drift in another tab", "!document.title.startsWith('✓')", 20)
        self.service.serve("canvas-02", COMMIT)
        self.shown("its end in another tab", "document.title.startsWith('✓')", 30)
        time.sleep(1)
        loads = []
        for tab in others:
            self.browser.session = tab
            loads.append(self.browser.evaluate(
                "performance.getEntriesByType('resource').filter((e) => e.name.includes('/api/v1/events')).length"))
        self.browser.session = first
        print(f"  8 tabs: {streams} connections in all; further tabs with a stream of their own: {sum(loads)}")
        self.expect(sum(loads) == 0, "a further tab opened a stream")
        return others

    def goes_silent(self, how, silence, restore, tabs, picture=None):
        """15 s after the service can no longer be heard, nothing is green; and everything is, once it can be."""
        plain = self.browser.tab("about:blank")
        self.browser.session = plain
        self.browser.show(1280, "light", script=False)
        self.open(FLEET)
        self.browser.call("Emulation.setScriptExecutionDisabled", value=False)
        self.expect(self.browser.evaluate(GREEN), "the page without scripts is not green before")
        back = self.browser.tab("about:blank")
        self.browser.session = back
        self.open(FLEET)
        self.open("/promotions")
        silence()
        silent = time.monotonic()
        time.sleep(OLD + 0.5)
        for name, tab in [("without scripts", plain)] + [(f"tab {number}", tab) for number, tab in enumerate(tabs)]:
            self.browser.session = tab
            # While a page waits to be loaded again, it answers no questions.
            self.browser.call("Page.stopLoading")
            green = self.browser.evaluate(GREEN)
            title = self.browser.evaluate("document.title")
            self.expect(not [one for one in green if one != title or name != "without scripts"],
                        f"{how}: {name} is green after {time.monotonic() - silent:.1f} s: {green[:3]}")
            if name != "without scripts":
                self.expect(title.startswith("? Out of date"), f"{how}: the title of {name} is '{title}'")
        # A page from the history of the browser is as old.
        self.browser.session = back
        self.browser.call("Runtime.evaluate", expression="setTimeout(() => history.back(), 100)")
        time.sleep(2)
        self.browser.call("Page.stopLoading")
        self.expect(not self.browser.evaluate(GREEN), f"{how}: a page from the history is green")
        print(f"  {how}: {len(tabs)} tabs, and one without scripts, are grey after {time.monotonic() - silent:.1f} s")
        if self.pictures and picture:
            self.browser.picture(os.path.join(self.pictures, picture))
        restore()
        self.browser.session = tabs[0]
        self.shown("green again", "document.title.startsWith('✓')", 30)

    def stops(self, tabs):
        def send(number):
            return lambda: self.service.process.send_signal(number)
        self.goes_silent("SIGSTOP", send(signal.SIGSTOP), send(signal.SIGCONT), tabs, "old-1280-light.png")

    def cut(self, tabs):
        """Connections stay open, and nothing arrives."""
        self.goes_silent("a cut network", lambda: loopback("down"), lambda: loopback("up"), tabs)

    def restart(self):
        """A page outlives a restart of the service, whatever a proxy answers in between."""
        self.open(FLEET)
        self.browser.evaluate("window.mark = 1; 0")
        self.service.process.kill()
        self.service.process.wait()
        for status in (502, 404):
            proxy = ThreadingHTTPServer(("127.0.0.1", self.service.port), proxy_that_answers(status))
            Thread(target=proxy.serve_forever, daemon=True).start()
            time.sleep(OLD + 3)
            title = self.browser.evaluate("document.title")
            self.expect(title.startswith("? Out of date"), f"a proxy answers {status}: the title is '{title}'")
            proxy.shutdown()
            proxy.server_close()
        self.service.run()
        self.shown("green after a restart behind a proxy", "document.title.startsWith('✓')", 60)
        self.expect(self.browser.evaluate("window.mark") == 1, "the page was loaded again")
        self.service.serve("canvas-04", OTHER)
        self.shown("a drift after the restart", "!document.title.startsWith('✓')", 20)
        self.service.serve("canvas-04", COMMIT)
        self.shown("its end", "document.title.startsWith('✓')", 30)


def proxy_that_answers(status):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = b"<!DOCTYPE html><html><head><title>Proxy</title></head><body>not now</body></html>"
            self.send_response(status)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    return Handler


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    pictures = os.path.abspath(sys.argv[2]) if len(sys.argv) == 3 else None
    if pictures:
        os.makedirs(pictures, exist_ok=True)
    axe = axe_source()
    in_own_network()
    with tempfile.TemporaryDirectory(prefix="buildinfo-service-") as folder:
        service, browser = Service(os.path.abspath(sys.argv[1]), folder), Browser(loopback=True)
        check = Check(service, browser, pictures)
        try:
            first = service.verify(COMMIT, "first")
            service.until("the first verification ends", lambda: service.finished(first))
            service.until("the fleet is proven", lambda: service.fleet()["proven"] == len(service.names))
            print("updates"); check.updates()
            print("verification"); id = check.verification()
            print("tabs"); tabs = check.tabs()
            print("stop"); check.stops(tabs)
            print("cut"); check.cut(tabs)
            # Only the tab in front can be shown.
            browser.close()
            browser = check.browser = Browser(loopback=True)
            print("restart"); check.restart()
            print("looks")
            service.serve("canvas-05", OTHER)
            service.until("a drift", lambda: service.fleet()["proven"] == len(service.names) - 1)
            check.looks(["/", "/?kiosk=1", FLEET, "/hosts/canvas-05", "/promotions", f"/commits/{COMMIT}",
                         f"/verifications/{id}"], axe)
        finally:
            browser.close()
            service.close()
    sys.exit(1 if check.wrong else 0)


if __name__ == "__main__":
    main()
