"""A headless Chromium for checks and pictures of pages. It is driven through a pipe and opens no port."""

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time


class Browser:
    """A headless Chromium, driven with JSON messages through file descriptors 3 and 4."""

    def __init__(self, loopback=False):
        """With loopback, pages of this machine can be opened; others never."""
        rules = "MAP * ~NOTFOUND" + (", EXCLUDE 127.0.0.1, EXCLUDE localhost" if loopback else "")
        path = next((p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p), None)
        if path is None:
            sys.exit("Chromium is missing: apt-get install chromium")
        self.profile = tempfile.mkdtemp(prefix="buildinfo-browser-")
        (their_in, self.out), (self.into, their_out) = os.pipe(), os.pipe()

        def wire():
            # Above the descriptors that are overwritten, so that neither is lost.
            first, second = os.dup2(their_in, 198), os.dup2(their_out, 199)
            os.dup2(first, 3)
            os.dup2(second, 4)

        self.process = subprocess.Popen(
            [path, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
             "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update",
             f"--host-resolver-rules={rules}", f"--user-data-dir={self.profile}", "--remote-debugging-pipe"],
            preexec_fn=wire, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(their_in)
        os.close(their_out)
        self.number, self.buffer, self.events = 0, b"", []
        self.session = None
        self.session = self.tab()

    def tab(self, url="about:blank"):
        """Opens a tab. Returns its session, to be set as `session` before calls to it."""
        before, self.session = self.session, None
        target = self.call("Target.createTarget", url=url)["targetId"]
        opened = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.session = opened
        for domain in ("Page", "Network", "Log", "Runtime"):
            self.call(f"{domain}.enable")
        self.call("Performance.enable", timeDomain="threadTicks")
        self.session = before
        return opened

    def call(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if getattr(self, "session", None):
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.read()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def read(self):
        while b"\0" not in self.buffer:
            piece = os.read(self.into, 1 << 20)
            if not piece:
                sys.exit("Chromium ended unexpectedly")
            self.buffer += piece
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def wait(self, method):
        while True:
            for index, event in enumerate(self.events):
                if event.get("method") == method:
                    return self.events.pop(index)
            self.events.append(self.read())

    def evaluate(self, code):
        result = self.call("Runtime.evaluate", expression=code, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"])
        return result["result"].get("value")

    def show(self, width, scheme, script=True, scale=1):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=scale,
                  mobile=width < 600)
        self.call("Emulation.setEmulatedMedia", media="",
                  features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.call("Emulation.setScriptExecutionDisabled", value=not script)

    def open(self, path):
        """Opens a file, or a URL on 127.0.0.1. Returns the seconds that it took (of the page's thread, and of wall time until it was painted),
        the console messages, and the requested URLs."""
        self.events = []
        begun = time.monotonic()
        url = path if "://" in path else f"file://{path}"
        failure = self.call("Page.navigate", url=url).get("errorText")
        if failure:
            sys.exit(f"Chromium cannot open {url}: {failure}")
        self.wait("Page.loadEventFired")
        # A screenshot waits until the layout has been painted.
        self.call("Page.captureScreenshot", format="jpeg", quality=1)
        wall = time.monotonic() - begun
        metrics = {m["name"]: m["value"] for m in self.call("Performance.getMetrics")["metrics"]}
        messages = [e["params"] for e in self.events if e.get("method") in ("Log.entryAdded", "Runtime.exceptionThrown")]
        urls = [e["params"]["request"]["url"] for e in self.events if e.get("method") == "Network.requestWillBeSent"]
        return (metrics["TaskDuration"], wall), messages, urls

    def visit(self, url):
        """Opens a page of a server. Returns the console messages."""
        self.events = []
        self.call("Page.navigate", url=url)
        self.wait("Page.loadEventFired")
        return [e["params"] for e in self.events if e.get("method") in ("Log.entryAdded", "Runtime.exceptionThrown")]

    def picture(self, file, tallest=6_000):
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], tallest), "scale": 1}
        data = self.call("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)["data"]
        with open(file, "wb") as out:
            out.write(base64.b64decode(data))

    def paper(self, file):
        data = self.call("Page.printToPDF", printBackground=False, preferCSSPageSize=True)["data"]
        with open(file, "wb") as out:
            out.write(base64.b64decode(data))

    def close(self):
        try:
            self.call("Browser.close")
        except (OSError, RuntimeError, SystemExit):
            pass
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
        shutil.rmtree(self.profile, ignore_errors=True)
