#!/usr/bin/env python3
"""Opens HTML reports in a real Chromium, checks what only a browser can tell, and takes pictures.

Usage: check.py FOLDER [PICTURES]     (FOLDER/*.html; BUILDINFO_HTML_SAMPLES=FOLDER makes the tests write them)

Checked for each page: no horizontal scrolling at 400 and 1280 px, contrast of all text of 4.5 at least in light and dark,
no message in the console (the content policy speaks there), no request but for the file itself, controls that are hidden
without script and work with it, and the time that opening takes of the page's thread, under a second for up to 2,000
hosts (of the processor's time, so that a busy machine fails nothing; the time on the wall is printed beside it).

Needs Chromium (apt-get install chromium), and nothing else: it is driven through a pipe, without a port.
"""

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

WIDTHS = (1280, 400)
SCHEMES = ("light", "dark")
CONTRAST = 4.5
SECONDS = 1.0
HOSTS = 2_000

# Every text that is painted, with the contrast of its colour against the nearest background that is not transparent.
CONTRASTS = r"""
(() => {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgb = (color) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = "#000"; canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => [r, g, b].map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const seen = new Map();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let count = 0, worst = {ratio: 99};
  const low = [];
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.textContent.trim() || element.closest("script, style, title, desc, [hidden]")) continue;
    if (!element.checkVisibility()) continue;
    count += 1;
    const style = getComputedStyle(element);
    const isDrawn = element.namespaceURI.endsWith("svg");
    const color = isDrawn ? style.fill : style.color;
    let back = "rgb(255,255,255)";
    for (let at = element; at; at = at.parentElement) {
      const background = getComputedStyle(at).backgroundColor;
      if (background !== "rgba(0, 0, 0, 0)" && background !== "transparent") { back = background; break; }
    }
    const key = color + back;
    if (!seen.has(key)) {
      const [one, two] = [light(rgb(color)), light(rgb(back))].sort((a, b) => b - a);
      seen.set(key, (one + 0.05) / (two + 0.05));
    }
    const ratio = seen.get(key);
    if (ratio < worst.ratio) worst = {ratio, text: node.textContent.trim().slice(0, 40), color, back};
    if (ratio < 4.5 && low.length < 5) low.push([node.textContent.trim().slice(0, 40), color, back, ratio]);
  }
  return {count, pairs: seen.size, worst, low};
})()
"""

# Opens everything that is folded, and has it laid out even where it is not to be seen.
UNFOLD = """
document.querySelectorAll("details").forEach((d) => { d.open = true; d.style.contentVisibility = "visible"; });
"""

# What is wider than the page, for the message.
WIDE = r"""
(() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return {scrolls: false};
  const wide = [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > width + 0.5
    && getComputedStyle(e).position !== "absolute");
  return {scrolls: true, width, scroll: document.documentElement.scrollWidth,
    by: wide.slice(0, 5).map((e) => e.tagName + "." + (e.getAttribute("class") || "") + " " + e.textContent.slice(0, 30))};
})()
"""

# Filters by label, then by text, then shows all again.
FILTER = r"""
(async () => {
  const pause = () => new Promise((done) => setTimeout(done, 400));
  const shown = () => document.querySelectorAll(".hosts tbody tr:not([hidden])").length;
  const text = document.getElementById("text"), boxes = [...document.querySelectorAll("#labels input")];
  if (!text) return null;
  const all = shown(), result = {all, hidden: document.getElementById("filter").hidden};
  const box = boxes.find((b) => document.querySelector(`tr.${b.value}`));
  box.click(); await pause();
  result.byLabel = [box.value, shown(), document.querySelectorAll(`tr.${box.value}`).length];
  box.click(); await pause();
  const name = document.querySelector(".hosts tbody tr:last-of-type th a").textContent;
  text.value = name.slice(0, 30); text.dispatchEvent(new Event("input")); await pause();
  result.byText = [name.slice(0, 30), shown()];
  result.found = document.getElementById("found").textContent;
  const pairs = document.getElementById("inventory");
  if (pairs) {
    text.value = ""; pairs.selectedIndex = 1; pairs.dispatchEvent(new Event("change")); await pause();
    result.byPair = [pairs.value, shown(), [...document.querySelectorAll(".hosts tbody tr")]
      .filter((row) => [...row.querySelectorAll("i")].some((i) => i.textContent === pairs.value)).length];
  }
  text.value = "no such host at all"; text.dispatchEvent(new Event("input")); await pause();
  result.none = [shown(), !document.getElementById("nothing").hidden];
  document.getElementById("clear").click(); await pause();
  result.cleared = shown() === all && document.getElementById("nothing").hidden;
  // A link to the last host opens what its row is folded in.
  document.querySelectorAll("details").forEach((d) => { d.open = false; });
  const last = [...document.querySelectorAll(".hosts tbody tr")].at(-1);
  location.hash = last.id; await pause();
  result.revealed = last.checkVisibility();
  return result;
})()
"""


class Browser:
    """A headless Chromium, spoken to in JSON through file descriptors 3 and 4."""

    def __init__(self):
        path = next((p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p), None)
        if path is None:
            sys.exit("check.py: Chromium is missing: apt-get install chromium")
        self.profile = tempfile.mkdtemp(prefix="buildinfo-browser-")
        (their_in, self.out), (self.into, their_out) = os.pipe(), os.pipe()

        def wire():
            # Above what is overwritten, so that neither is lost.
            first, second = os.dup2(their_in, 198), os.dup2(their_out, 199)
            os.dup2(first, 3)
            os.dup2(second, 4)

        self.process = subprocess.Popen(
            [path, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
             "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update",
             "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={self.profile}", "--remote-debugging-pipe"],
            preexec_fn=wire, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(their_in)
        os.close(their_out)
        self.number, self.buffer, self.events = 0, b"", []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = None
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime"):
            self.call(f"{domain}.enable")
        self.call("Performance.enable", timeDomain="threadTicks")

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
                sys.exit("check.py: Chromium ended")
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

    def show(self, width, scheme, script=True):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600)
        self.call("Emulation.setEmulatedMedia", media="",
                  features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.call("Emulation.setScriptExecutionDisabled", value=not script)

    def open(self, path):
        """Opens a file; returns the seconds that it took (of the page's thread, and on the wall until it was painted
        whole), what the console said, and what was asked for."""
        self.events = []
        begun = time.monotonic()
        self.call("Page.navigate", url=f"file://{path}")
        self.wait("Page.loadEventFired")
        # Two frames: what is laid out has been painted by then.
        self.call("Page.captureScreenshot", format="jpeg", quality=1)
        wall = time.monotonic() - begun
        metrics = {m["name"]: m["value"] for m in self.call("Performance.getMetrics")["metrics"]}
        said = [e["params"] for e in self.events if e.get("method") in ("Log.entryAdded", "Runtime.exceptionThrown")]
        urls = [e["params"]["request"]["url"] for e in self.events if e.get("method") == "Network.requestWillBeSent"]
        return (metrics["TaskDuration"], wall), said, urls

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


def check(browser, path, pictures):
    """Returns what is wrong with a page, as lines."""
    wrong = []
    name = os.path.basename(path).removesuffix(".html")
    browser.show(1280, "light")
    (took, wall), said, urls = min((browser.open(path) for _ in range(3)), key=lambda one: one[0])
    hosts = browser.evaluate("document.querySelectorAll('.hosts tbody tr').length")
    nodes = browser.evaluate("document.getElementsByTagName('*').length")
    print(f"{name}: {os.path.getsize(path):,} bytes, {hosts:,} hosts, {nodes:,} elements, "
          f"opened in {took:.2f} s of its thread, painted after {wall:.2f} s")
    if hosts <= HOSTS and took > SECONDS:
        wrong.append(f"opening takes {took:.2f} s")
    if said:
        wrong.append(f"the console says: {said[:3]}")
    if [url for url in urls if url != f"file://{path}"]:
        wrong.append(f"asks for {urls}")
    alien = browser.evaluate(
        "document.querySelectorAll('img, iframe, object, embed, link, base, form, [style], script ~ script').length")
    if alien:
        wrong.append(f"has {alien} elements that do not belong on it")
    isHuge = hosts > HOSTS
    for width in WIDTHS:
        for scheme in SCHEMES:
            browser.show(width, scheme)
            browser.open(path)
            if pictures:
                browser.picture(os.path.join(pictures, f"{name}-{width}-{scheme}.png"))
            wide = browser.evaluate(WIDE)
            if wide["scrolls"]:
                wrong.append(f"at {width} px it scrolls sideways: {wide}")
            if isHuge:
                continue
            # What is folded has colours, too, and can be too wide as well.
            browser.evaluate(UNFOLD)
            wide = browser.evaluate(WIDE)
            if wide["scrolls"]:
                wrong.append(f"at {width} px, opened, it scrolls sideways: {wide}")
            contrast = browser.evaluate(CONTRASTS)
            worst = contrast["worst"]
            print(f"  {width} {scheme}: {contrast['count']:,} texts, {contrast['pairs']} pairs of colours, "
                  f"lowest contrast {worst['ratio']:.2f} ('{worst.get('text')}')")
            if contrast["low"]:
                wrong.append(f"{scheme}: contrast below {CONTRAST}: {contrast['low']}")
            if pictures and hosts <= 60:
                browser.picture(os.path.join(pictures, f"{name}-{width}-{scheme}-opened.png"))
    browser.show(1280, "light")
    browser.open(path)
    begun = time.monotonic()
    result = browser.evaluate(FILTER)
    if result:
        label, shown, there = result["byLabel"]
        print(f"  filter: {result} in {time.monotonic() - begun:.1f} s, pauses included")
        if shown != there or result["hidden"] or not result["cleared"] or result["none"] != [0, True]:
            wrong.append(f"the filter does not filter: {result}")
        if "byPair" in result and result["byPair"][1] != result["byPair"][2]:
            wrong.append(f"the filter by inventory label does not filter: {result}")
        if not result["revealed"]:
            wrong.append("a link to a folded host does not show it")
        if not 1 <= result["byText"][1] <= hosts:
            wrong.append(f"the filter does not find: {result}")
    browser.show(1280, "light", script=False)
    browser.open(path)
    browser.call("Emulation.setScriptExecutionDisabled", value=False)
    controls = browser.evaluate(
        "[...document.querySelectorAll('input, select, button')].filter((e) => e.checkVisibility()).length")
    if controls:
        wrong.append(f"without script, {controls} controls are to be seen that do nothing")
    if pictures and not isHuge:
        browser.paper(os.path.join(pictures, f"{name}-paper.pdf"))
    return wrong


def main():
    if len(sys.argv) not in (2, 3) or not os.path.isdir(sys.argv[1]):
        sys.exit(__doc__)
    folder = os.path.abspath(sys.argv[1])
    pictures = os.path.abspath(sys.argv[2]) if len(sys.argv) == 3 else None
    if pictures:
        os.makedirs(pictures, exist_ok=True)
    pages = sorted(name for name in os.listdir(folder) if name.endswith(".html"))
    if not pages:
        sys.exit(f"check.py: no page in {folder}: BUILDINFO_HTML_SAMPLES={folder} swift test --filter HTML")
    browser = Browser()
    failed = False
    try:
        for page in pages:
            for line in check(browser, os.path.join(folder, page), pictures):
                failed = True
                print(f"  WRONG: {line}")
    finally:
        browser.close()
    sys.exit(1 if failed else 0)


main()
