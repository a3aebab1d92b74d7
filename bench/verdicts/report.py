"""The results of run.py as JSON lines, as tables in README.md, and as a chart."""

import json
from html import escape

OUTCOMES = ["right", "false_green", "false_red", "no_answer", "not_modelled"]
TITLES = {"right": "right", "false_green": "false green", "false_red": "false red", "no_answer": "no answer",
          "not_modelled": "left out"}
MARKS = {"right": "✓", "false_green": "**false green**", "false_red": "**false red**", "no_answer": "no answer",
         "not_modelled": "–"}
BEGIN, END = "<!-- results: written by run.py -->\n", "<!-- end of results -->\n"


def write(results, checks, fleets, folder):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.jsonl").write_text(
        "".join(json.dumps(result, ensure_ascii=False, sort_keys=True) + "\n" for result in results))
    counts = {check.name: count(results, check.name) for check in checks}
    (folder / "verdicts.svg").write_text(chart(checks, counts))
    tables = summary(checks, counts, results) + "\n" + details(checks, results, fleets)
    readme = folder / "README.md"
    text = readme.read_text() if readme.exists() else BEGIN + END
    before, rest = text.split(BEGIN)
    readme.write_text(before + BEGIN + "\n" + tables + "\n" + END + rest.split(END)[1])
    print(summary(checks, counts, results))


def count(results, check):
    outcomes = [result["outcome"] for result in results if result["check"] == check]
    return {outcome: outcomes.count(outcome) for outcome in OUTCOMES}


def summary(checks, counts, results):
    lines = ["| check | " + " | ".join(TITLES[outcome] for outcome in OUTCOMES) + " | false green where a host is known bad |",
             "|---|" + "--:|" * (len(OUTCOMES) + 1)]
    for check in checks:
        title = check.title.replace("|", "\\|")
        bad = sum(result["check"] == check.name and result["outcome"] == "false_green" and result["truth"] == "bad"
                  for result in results)
        cells = [str(counts[check.name][outcome]) for outcome in OUTCOMES]
        lines.append(f"| {title} | " + " | ".join(cells) + f" | {bad} |")
    return "\n".join(lines) + "\n"


def details(checks, results, fleets):
    said = {(result["fleet"], result["check"]): result["outcome"] for result in results}
    names = [name for name in fleets if any(result["fleet"] == name for result in results)]
    lines = ["| fleet | truth | " + " | ".join(f"`{check.name}`" for check in checks) + " |",
             "|---|---|" + "---|" * len(checks)]
    for name in names:
        cells = [MARKS[said[name, check.name]] for check in checks]
        lines.append(f"| `{name}` | {fleets[name].truth}: {fleets[name].why} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


STYLE = """
  .page { fill: #ffffff } text { fill: #1f2328; font: 14px system-ui, -apple-system, "Segoe UI", sans-serif }
  .title { font-size: 17px; font-weight: 600 } .number { fill: #ffffff; font-weight: 600; text-anchor: middle }
  .quiet { fill: #59636e; font-size: 12px }
  .right { fill: #1a7f37 } .false_green { fill: #b3261e } .false_red { fill: #9a4f00 } .no_answer { fill: #59636e }
  .not_modelled { fill: #d1d9e0 } .number.dark { fill: #1f2328 }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117 } text { fill: #f0f6fc } .quiet { fill: #9198a1 }
    .right { fill: #238636 } .false_green { fill: #da3633 } .false_red { fill: #b35900 } .no_answer { fill: #656c76 }
    .not_modelled { fill: #2f353d } .number { fill: #ffffff } .number.dark { fill: #f0f6fc }
  }
"""


def chart(checks, counts):
    """One bar a check, of equal length: what it said of all fleets."""
    left, right, top, step, height = 290, 20, 82, 38, 26
    total = sum(counts[checks[0].name].values()) or 1
    width = 860
    scale = (width - left - right) / total
    bottom = top + step * len(checks)
    sentence = "; ".join(
        f"{check.title}: " + ", ".join(f"{counts[check.name][outcome]} {TITLES[outcome]}"
                                       for outcome in OUTCOMES if counts[check.name][outcome])
        for check in checks)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {bottom + 34}" width="{width}" '
        f'height="{bottom + 34}" role="img" aria-labelledby="title description">',
        f'<title id="title">What each check says of {total} simulated fleets</title>',
        f'<desc id="description">{escape(sentence)}.</desc>',
        f"<style>{STYLE}</style>",
        f'<rect class="page" width="{width}" height="{bottom + 34}"/>',
        f'<text class="title" x="20" y="32">What each check says of {total} simulated fleets</text>',
    ]
    x = 20
    for outcome in OUTCOMES:
        parts.append(f'<rect class="{outcome}" x="{x}" y="50" width="14" height="14" rx="2"/>')
        parts.append(f'<text x="{x + 20}" y="62">{TITLES[outcome]}</text>')
        x += 44 + 8 * len(TITLES[outcome])
    for row, check in enumerate(checks):
        y = top + row * step
        parts.append(f'<text x="{left - 12}" y="{y + 18}" text-anchor="end">{escape(check.title)}</text>')
        x = left
        for outcome in OUTCOMES:
            number = counts[check.name][outcome]
            if not number:
                continue
            length = number * scale
            parts.append(f'<rect class="{outcome}" x="{x:.1f}" y="{y}" width="{max(1, length - 2):.1f}" height="{height}" '
                         f'rx="2"><title>{escape(check.title)}: {number} {TITLES[outcome]}</title></rect>')
            dark = " dark" if outcome == "not_modelled" else ""
            parts.append(f'<text class="number{dark}" x="{x + length / 2 - 1:.1f}" y="{y + 18}">{number}</text>')
            x += length
    parts.append(f'<text class="quiet" x="20" y="{bottom + 16}">A false green passes a fleet that is broken or not proven. '
                 'Left out: what the check would see is not known.</text>')
    return "\n".join(parts + ["</svg>"]) + "\n"
