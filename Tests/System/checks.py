"""Checks with an expected and an actual value: one line each when it is made, and a table at the end."""

import sys
import time


class Checks:
    def __init__(self):
        self.rows = []
        self.begun = time.monotonic()

    def __call__(self, what, expected, got, holds=None):
        """One check; `holds` decides instead of equality."""
        fine = bool(holds) if holds is not None else expected == got
        self.rows.append((what, str(expected), " ".join(str(got).split()), fine))
        print(f"{time.monotonic() - self.begun:6.1f} s  {'ok  ' if fine else 'FAIL'}  {what}", flush=True)
        return fine

    def finish(self):
        widths = [max(len(row[column][:70]) for row in self.rows) for column in range(3)]
        print()
        for row in [("what", "expected", "got", True), *self.rows]:
            mark = "" if row[3] else "   <-- FAILED"
            print("  ".join(row[column][:70].ljust(widths[column]) for column in range(3)).rstrip() + mark)
        failed = [row for row in self.rows if not row[3]]
        print(f"\n{len(self.rows)} checks, {len(failed)} failed, {time.monotonic() - self.begun:.0f} s")
        for what, expected, got, _ in failed:
            print(f"FAILED {what}: expected {expected}, got {got}", file=sys.stderr)
        return 1 if failed else 0
