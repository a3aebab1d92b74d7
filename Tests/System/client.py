#!/usr/bin/python3
"""Sends a request every 50 ms on a new connection, and writes one line for each: its start and end (seconds of the
monotonic clock), and the status or the error. Ends at the end of standard input. Usage: client.py URL."""

import sys
import threading
import time
import urllib.error
import urllib.request

lock = threading.Lock()


def ask(url):
    begun = time.monotonic()
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            answer.read()
            outcome = str(answer.status)
    except urllib.error.HTTPError as error:
        outcome = str(error.code)
    except OSError as error:
        outcome = f"lost: {error}"
    except Exception as error:  # An incomplete answer is a lost one too.
        outcome = f"lost: {type(error).__name__}"
    with lock:
        print(f"{begun:.6f} {time.monotonic():.6f} {outcome}", flush=True)


def main(url):
    over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    asking = []
    while not over.wait(0.05):
        asking.append(threading.Thread(target=ask, args=[url]))
        asking[-1].start()
    for thread in asking:
        thread.join()


if __name__ == "__main__":
    main(sys.argv[1])
