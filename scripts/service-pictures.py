#!/usr/bin/env python3
"""Takes the pictures of the service's pages in docs/images, light and dark.

Usage: scripts/service-pictures.py [FOLDER [IMAGES]]

FOLDER holds the built buildinfo-collector and buildinfo-fleet (default .build/debug), IMAGES receives the pictures (default
docs/images). The pages are those of scripts/demo-service.sh, which runs meanwhile.

Needs Chromium (apt-get install chromium) and curl, and installs nothing.
"""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

from pictures import SCALE, Browser, save  # noqa: E402

WIDTH = 1_100
# The name of a picture, its page, and the height that is enough; VERIFICATION is the one with stragglers.
PAGES = [("service", "/", 900), ("service-fleet", "/fleets/canvas/production", 900),
         ("service-verification", "VERIFICATION", 1_000)]


def take(demo, images):
    said = ""
    for line in demo.stderr:
        print(line, end="", file=sys.stderr)
        said += line
        if "Ctrl-C ends it" in line:
            break
    else:
        sys.exit("service-pictures: the demo ended before its promotions did")
    origin = re.search(r"(http://127\.0\.0\.1:\d+)/\n", said)[1]
    verification = re.findall(r"(/verifications/\S+)", said)[-1]
    # Until the fleet's policy says that the hosts are late, they are pending.
    deadline = time.monotonic() + 60
    while b'"straggler":3' not in urllib.request.urlopen(f"{origin}/api/v1/fleets", timeout=10).read().replace(b" ", b""):
        if time.monotonic() > deadline:
            sys.exit("service-pictures: the three hosts are no stragglers after a minute")
        time.sleep(0.5)
    os.makedirs(images, exist_ok=True)
    browser = Browser(loopback=True)
    try:
        for scheme, suffix in (("light", ""), ("dark", "-dark")):
            browser.show(WIDTH, scheme, scale=SCALE)
            for name, path, tallest in PAGES:
                # An open page turns grey after a while, so each picture is of a new one.
                browser.open(origin + path.replace("VERIFICATION", verification))
                height = browser.evaluate(
                    "Math.max(...[...document.body.children].map(e => e.getBoundingClientRect().bottom)) + scrollY")
                save(browser, images, f"{name}{suffix}.png", min(tallest, height + 16))
    finally:
        browser.close()


def main():
    if len(sys.argv) > 3 or sys.argv[1:2] in (["-h"], ["--help"]):
        sys.exit(__doc__)
    programs = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, ".build", "debug"))
    images = os.path.abspath(sys.argv[2] if len(sys.argv) > 2 else os.path.join(ROOT, "docs", "images"))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    demo = subprocess.Popen([os.path.join(ROOT, "scripts", "demo-service.sh"), programs], stdin=subprocess.DEVNULL,
                            stderr=subprocess.PIPE, text=True)
    try:
        take(demo, images)
    finally:
        demo.terminate()
        demo.stderr.read()
        demo.wait()


if __name__ == "__main__":
    main()
