#!/usr/bin/env python3
"""Opens HTML reports in Chromium, checks what only a browser can check, and takes pictures.

Usage: check.py FOLDER [PICTURES]     (FOLDER/*.html; BUILDINFO_HTML_SAMPLES=FOLDER makes the tests write them)

Checks of each page: no horizontal scrolling at 400 and 1280 px; a contrast of at least 4.5 for all text in light and dark;
no console message (violations of the content policy appear there); no request except for the file itself; controls that
are hidden without the script and work with it; and less than a second of the page's thread to open up to 2,000 hosts
(thread time, so that a busy machine does not fail the check; wall time is printed beside it).

Needs Chromium (apt-get install chromium) and nothing else.
"""

import os
import sys
import time

sys.dont_write_bytecode = True

from chromium import Browser  # noqa: E402

WIDTHS = (1280, 400)
SCHEMES = ("light", "dark")
CONTRAST = 4.5
SECONDS = 1.0
HOSTS = 2_000

# The contrast of every visible text against the nearest opaque background.
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

# Unfolds everything, and forces the layout of invisible parts.
UNFOLD = """
document.querySelectorAll("details").forEach((d) => { d.open = true; d.style.contentVisibility = "visible"; });
"""

# The elements that are wider than the page, for the message.
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

# Filters by status, by text and by inventory label, then shows all hosts again.
FILTER = r"""
(async () => {
  const pause = () => new Promise((done) => setTimeout(done, 400));
  const shown = () => document.querySelectorAll(".hosts tbody tr:not([hidden])").length;
  const text = document.getElementById("text"), boxes = [...document.querySelectorAll("#statuses input")];
  if (!text) return null;
  const all = shown(), result = {all, hidden: document.getElementById("filter").hidden};
  const box = boxes.find((b) => document.querySelector(`tr.${b.value}`));
  box.click(); await pause();
  result.byStatus = [box.value, shown(), document.querySelectorAll(`tr.${box.value}`).length];
  box.click(); await pause();
  const name = document.querySelector(".hosts tbody tr:last-of-type th a").textContent;
  text.value = name.slice(0, 30); text.dispatchEvent(new Event("input")); await pause();
  result.byText = [name.slice(0, 30), shown()];
  result.found = document.getElementById("found").textContent;
  const pairs = document.getElementById("inventory");
  if (pairs) {
    text.value = ""; pairs.selectedIndex = 1; pairs.dispatchEvent(new Event("change")); await pause();
    result.byLabel = [pairs.value, shown(), [...document.querySelectorAll(".hosts tbody tr")]
      .filter((row) => [...row.querySelectorAll("i")].some((i) => i.textContent === pairs.value)).length];
  }
  text.value = "no such host at all"; text.dispatchEvent(new Event("input")); await pause();
  result.none = [shown(), !document.getElementById("nothing").hidden];
  document.getElementById("clear").click(); await pause();
  result.cleared = shown() === all && document.getElementById("nothing").hidden;
  // A link to the last host unfolds its row.
  document.querySelectorAll("details").forEach((d) => { d.open = false; });
  const last = [...document.querySelectorAll(".hosts tbody tr")].at(-1);
  location.hash = last.id; await pause();
  result.revealed = last.checkVisibility();
  return result;
})()
"""

# On a page of a large fleet: finds hosts that have no row, by name, label and link.
LARGE = r"""
(async () => {
  const pause = () => new Promise((done) => setTimeout(done, 400));
  const text = document.getElementById("text");
  if (!document.getElementById("fleet")) return null;
  const names = () => [...document.querySelectorAll("#matches bdi")].map((name) => name.textContent);
  const rows = () => [...document.querySelectorAll(".hosts tbody tr:not([hidden]) th a")].map((name) => name.textContent);
  const look = async (word) => { text.value = word; text.dispatchEvent(new Event("input")); await pause(); };
  const result = {wrong: []};
  await look("canvas-");
  result.total = document.getElementById("found").textContent;
  result.first = names().length;
  result.more = document.getElementById("more").textContent;
  const last = Number(result.total.split(" ")[0].replaceAll(",", ""));
  for (let step = 1; step <= 12; step += 1) {
    const name = "canvas-" + String(Math.ceil(last * step / 12)).padStart(4, "0");
    await look(name);
    const found = [...names(), ...rows()].filter((one) => one === name);
    if (found.length !== 1) result.wrong.push([name, found.length]);
  }
  const pairs = document.getElementById("inventory");
  await look(""); pairs.value = "group=canary"; pairs.dispatchEvent(new Event("change")); await pause();
  result.canary = document.getElementById("found").textContent;
  document.getElementById("clear").click(); await pause();
  result.cleared = names().length === 0 && document.getElementById("more").textContent === "";
  location.hash = "host-canvas-" + String(last).padStart(4, "0"); await pause();
  result.linked = [...names(), ...rows()].length >= 1;
  return result;
})()
"""


def check_large(browser, path):
    """Returns the problems of the search in a large fleet, one line each."""
    browser.open(path)
    result = browser.evaluate(LARGE)
    if not result:
        return []
    print(f"  search: {result}")
    first, _, total, _ = result["total"].split(" ")
    canary = int(result["canary"].split(" ")[0].replace(",", ""))
    expected = (int(total.replace(",", "")) + 19) // 20
    isRight = (not result["wrong"] and first == total and result["first"] == 200 and "200 of" in result["more"]
               and canary == expected and result["cleared"] and result["linked"])
    return [] if isRight else [f"the search in a large fleet does not work: {result}"]


def check(browser, path, pictures):
    """Returns the problems of a page, one line each."""
    wrong = []
    name = os.path.basename(path).removesuffix(".html")
    browser.show(1280, "light")
    (took, wall), messages, urls = min((browser.open(path) for _ in range(3)), key=lambda one: one[0])
    hosts = browser.evaluate("document.querySelectorAll('.hosts tbody tr').length")
    nodes = browser.evaluate("document.getElementsByTagName('*').length")
    print(f"{name}: {os.path.getsize(path):,} bytes, {hosts:,} hosts, {nodes:,} elements, "
          f"opened in {took:.2f} s of its thread, painted after {wall:.2f} s")
    if hosts <= HOSTS and took > SECONDS:
        wrong.append(f"opening takes {took:.2f} s")
    if messages:
        wrong.append(f"console messages: {messages[:3]}")
    if [url for url in urls if url != f"file://{path}"]:
        wrong.append(f"requests {urls}")
    alien = browser.evaluate(
        "document.querySelectorAll('img, iframe, object, embed, link, base, form, [style], script ~ script').length")
    if alien:
        wrong.append(f"has {alien} forbidden elements")
    isHuge = hosts > HOSTS
    for width in WIDTHS:
        for scheme in SCHEMES:
            browser.show(width, scheme)
            browser.open(path)
            if pictures:
                browser.picture(os.path.join(pictures, f"{name}-{width}-{scheme}.png"))
            wide = browser.evaluate(WIDE)
            if wide["scrolls"]:
                wrong.append(f"scrolls horizontally at {width} px: {wide}")
            if isHuge:
                continue
            # Folded parts need contrast and can be too wide, too.
            browser.evaluate(UNFOLD)
            wide = browser.evaluate(WIDE)
            if wide["scrolls"]:
                wrong.append(f"scrolls horizontally at {width} px, unfolded: {wide}")
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
        _, shown, existing = result["byStatus"]
        print(f"  filter: {result} in {time.monotonic() - begun:.1f} s, pauses included")
        if shown != existing or result["hidden"] or not result["cleared"] or result["none"] != [0, True]:
            wrong.append(f"the filter by status does not work: {result}")
        if "byLabel" in result and result["byLabel"][1] != result["byLabel"][2]:
            wrong.append(f"the filter by inventory label does not work: {result}")
        if not result["revealed"]:
            wrong.append("a link to a folded host does not unfold it")
        if not 1 <= result["byText"][1] <= hosts:
            wrong.append(f"the filter by text does not work: {result}")
    browser.show(1280, "light", script=False)
    browser.open(path)
    browser.call("Emulation.setScriptExecutionDisabled", value=False)
    controls = browser.evaluate(
        "[...document.querySelectorAll('input, select, button')].filter((e) => e.checkVisibility()).length")
    if controls:
        wrong.append(f"{controls} controls are visible without the script")
    if pictures and not isHuge:
        browser.paper(os.path.join(pictures, f"{name}-paper.pdf"))
    wrong += check_large(browser, path)
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
        sys.exit(f"check.py: no pages in {folder}: run BUILDINFO_HTML_SAMPLES={folder} swift test --filter HTML")
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


if __name__ == "__main__":
    main()
