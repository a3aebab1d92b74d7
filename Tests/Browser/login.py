#!/usr/bin/env python3
"""Signs in at a running service with a real browser.

Usage: login.py COLLECTOR [PICTURES]. COLLECTOR is the program buildinfo-collector; pictures of the pages are written to the folder
PICTURES. Exit code 0, or 1 with what went wrong.
"""

import http.server
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from chromium import Browser

TOKEN = "a-token-of-a-person-0123456789"
problems = []


def expect(condition, text):
    if not condition:
        problems.append(text)
        print("wrong:", text)


class Service:
    """A service that everybody needs a token for, also on loopback: it counts as reachable from the network."""

    def __init__(self, program, folder):
        (folder / "person.token").write_text(TOKEN + "\n")
        (folder / "fleet.yaml").write_text("hosts: [{name: a, url: 'http://127.0.0.1:9/buildinfo'}]\n")
        (folder / "collector.yaml").write_text(
            f"listen: ['0.0.0.0:0']\nstore: {folder}/ledger.db\n"
            f"access: {{tokens: [{{file: {folder}/person.token, scopes: [read]}}]}}\n"
            f"fleets: [{{service: canvas, environment: production, inventory: {folder}/fleet.yaml}}]\n")
        self.log = open(folder / "log", "w+")
        self.process = subprocess.Popen(
            [program, "serve", "--config", folder / "collector.yaml"], stdout=self.log, stderr=self.log)
        for _ in range(300):
            text = (folder / "log").read_text()
            if " Ready" in text:
                break
            time.sleep(0.1)
        port = re.search(r"address=\S+:(\d+)", text)
        if port is None:
            sys.exit(f"the service did not start:\n{text}")
        self.url = f"http://127.0.0.1:{port[1]}"

    def stop(self):
        self.process.terminate()
        self.process.wait()


class OtherSite(http.server.BaseHTTPRequestHandler):
    """A page of another site, with a link to the service and a form that signs out."""

    service = ""

    def do_GET(self):
        text = (f"<!DOCTYPE html><a id=link href='{self.service}/promotions'>x</a>"
                f"<form id=out method=post action='{self.service}/logout'><input name=csrf value=x></form>")
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


def go(browser, url):
    browser.call("Page.navigate", url=url)
    settle(browser)


def settle(browser):
    """Waits until the page stays the same."""
    last, since = None, time.monotonic()
    while time.monotonic() - since < 0.7:
        try:
            now = browser.evaluate("document.readyState + location.href + document.title")
        except RuntimeError:
            now = None
        if now != last:
            last, since = now, time.monotonic()
        time.sleep(0.05)


def place(browser):
    return browser.evaluate("location.pathname + location.search")


def picture(browser, folder, name):
    if folder is None:
        return
    for width in (1280, 360):
        for scheme in ("light", "dark"):
            browser.show(width, scheme)
            wide = browser.evaluate("document.documentElement.scrollWidth")
            expect(wide <= width, f"{name}, {width} px: the page is {wide} px wide")
            browser.picture(folder / f"{name}-{width}-{scheme}.png")


def sign_in(browser, token):
    browser.evaluate(f"document.querySelector('#token').value = '{token}'; document.querySelector('.sign').submit()")
    settle(browser)


def visit(browser, service, other, pictures):
    go(browser, f"{service.url}/fleets/canvas/production?q=a")
    expect(place(browser).startswith("/login?next="), f"a page without a session is at {place(browser)}")
    expect(browser.evaluate("document.activeElement.id") == "token", "the token's field has no focus")
    picture(browser, pictures, "login")
    sign_in(browser, "a-wrong-token-0123456789")
    expect(browser.evaluate("!!document.querySelector('[role=alert]')"), "a wrong token is not reported")
    picture(browser, pictures, "login-wrong")
    sign_in(browser, TOKEN)
    expect(place(browser) == "/fleets/canvas/production?q=a", f"after the sign-in the browser is at {place(browser)}")
    expect(browser.evaluate("document.cookie") == "", "a script can read the cookie")
    cookies = browser.call("Network.getAllCookies")["cookies"]
    session = [c for c in cookies if c["name"] == "__Host-buildinfo_session"]
    expect(len(session) == 1 and session[0]["secure"] and session[0]["sameSite"] == "Strict", f"cookies: {cookies}")
    # A link from another site: the cookie is not sent at first.
    go(browser, other)
    browser.evaluate("document.querySelector('#link').click()")
    settle(browser)
    expect(place(browser) == "/promotions", f"a link from another site leads to {place(browser)}")
    # A form of another site.
    go(browser, other)
    browser.evaluate("document.querySelector('#out').submit()")
    settle(browser)
    go(browser, f"{service.url}/promotions")
    expect(place(browser) == "/promotions", "another site signed the browser out")
    go(browser, f"{service.url}/login")
    picture(browser, pictures, "session")
    browser.evaluate("document.querySelector('.sign').submit()")
    settle(browser)
    expect(place(browser) == "/login?state=ended", f"after the sign-out the browser is at {place(browser)}")
    picture(browser, pictures, "login-ended")
    go(browser, f"{service.url}/promotions")
    expect(place(browser) == "/login?next=%2Fpromotions", f"after the sign-out a page is at {place(browser)}")


def main():
    program = sys.argv[1]
    pictures = Path(sys.argv[2]) if len(sys.argv) > 2 else None
    if pictures:
        pictures.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="buildinfo-login-") as name:
        service = Service(program, Path(name))
        site = http.server.ThreadingHTTPServer(("127.0.0.1", 0), OtherSite)
        OtherSite.service = service.url
        threading.Thread(target=site.serve_forever, daemon=True).start()
        browser = Browser(loopback=True)
        try:
            visit(browser, service, f"http://localhost:{site.server_port}/", pictures)
        finally:
            browser.close()
            site.shutdown()
            service.stop()
    print(f"{len(problems)} problems")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
