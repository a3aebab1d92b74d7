"""Charts as SVG: no script, colours for light and dark pages, and a description for screen readers."""

import math
from html import escape

STYLE = """
  .page { fill: #ffffff } text { fill: #1f2328; font: 14px system-ui, -apple-system, "Segoe UI", sans-serif }
  .title { font-size: 17px; font-weight: 600 } .quiet { fill: #59636e; font-size: 12px } .grid { stroke: #d1d9e0 }
  .axis { stroke: #59636e } .a { fill: #0969da; color: #0969da } .b { fill: #9a4f00; color: #9a4f00 }
  .c { fill: #59636e; color: #59636e } polyline.line { fill: none; stroke: currentColor; stroke-width: 2.5 }
  .dashed { stroke-dasharray: 6 5; stroke-width: 1.5 }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117 } text { fill: #f0f6fc } .quiet { fill: #9198a1 } .grid { stroke: #2f353d }
    .axis { stroke: #9198a1 } .a { fill: #4493f8; color: #4493f8 } .b { fill: #e09b3d; color: #e09b3d }
    .c { fill: #9198a1; color: #9198a1 }
  }
"""
WIDTH = 860


def page(title, description, height, parts):
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        'role="img" aria-labelledby="title description">',
        f'<title id="title">{escape(title)}</title>', f'<desc id="description">{escape(description)}</desc>',
        f"<style>{STYLE}</style>", f'<rect class="page" width="{WIDTH}" height="{height}"/>',
        text(20, 32, title, "title"), *parts, "</svg>"]) + "\n"


def text(x, y, content, kind="", anchor="start"):
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(content)}</text>'


def line(x1, y1, x2, y2, kind):
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def number(value):
    """Two significant digits at least, without an exponent."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 10 else f"{value:.0f}"


def ticks(low, high):
    """1, 10, 100 … that cover the values."""
    return [10.0**power for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)]


def dots(title, unit, rows, note):
    """A dot per row on a logarithmic axis. `rows` has a label, a value, and whether it is ours."""
    marks = ticks(min(value for _, value, _ in rows), max(value for _, value, _ in rows))
    left, right, top, step = 190, 100, 62, 34
    bottom = top + step * len(rows)
    place = lambda value: left + (WIDTH - left - right) * math.log10(value / marks[0]) / math.log10(marks[-1] / marks[0])
    parts = []
    for mark in marks:
        parts += [line(place(mark), top, place(mark), bottom, "grid"),
                  text(place(mark), bottom + 18, f"{mark:,g}", "quiet", "middle")]
    for row, (label, value, is_ours) in enumerate(rows):
        y, kind = top + step * (row + 0.5), "a" if is_ours else "c"
        parts += [line(left, y, place(value), y, "grid"), f'<circle class="{kind}" cx="{place(value):.1f}" cy="{y}" r="7"/>',
                  text(left - 14, y + 5, label, "", "end"), text(place(value) + 14, y + 5, number(value))]
    parts += [text(20, bottom + 42, note, "quiet")]
    return page(title, "; ".join(f"{label}: {number(value)} {unit}" for label, value, _ in rows) + ".", bottom + 56, parts)


def bars(title, series, rows, note):
    """Bars on a linear axis with a line at 1. `rows` has a label and a value for each of the series."""
    most = max(max(values) for _, values in rows + [("", [1.0])]) * 1.08
    left, right, top, thickness = 190, 60, 78, 18
    step = thickness * len(series) + 16
    bottom = top + step * len(rows)
    place = lambda value: left + (WIDTH - left - right) * value / most
    parts, x = [], left
    for kind, name in zip("abc", series):
        parts += [f'<rect class="{kind}" x="{x}" y="48" width="14" height="14" rx="2"/>', text(x + 20, 60, name)]
        x += 60 + 8 * len(name)
    for row, (label, values) in enumerate(rows):
        y = top + step * row
        parts.append(text(left - 14, y + thickness * len(values) / 2 + 5, label, "", "end"))
        for index, value in enumerate(values):
            parts += [f'<rect class="{"abc"[index]}" x="{left}" y="{y + thickness * index}" '
                      f'width="{place(value) - left:.1f}" height="{thickness - 2}" rx="2"/>',
                      text(place(value) + 6, y + thickness * index + 13, number(value))]
    parts += [line(place(1), top - 6, place(1), bottom - 8, "axis"), text(20, bottom + 14, note, "quiet")]
    description = "; ".join(
        label + ": " + ", ".join(f"{name} {number(value)}" for name, value in zip(series, values)) for label, values in rows)
    return page(title, description + ".", bottom + 28, parts)


def panel(left, width, top, title, x_title, series, x_marks, x_scale, y_most, y_marks):
    """A diagram of lines, 200 high. `series` has a name, points, a colour, and whether the line is dashed.

    `x_scale` maps a value to 0 to 1; `x_marks` has values with their labels.
    """
    right, bottom, x = left + width, top + 200, left
    x_place = lambda value: left + width * x_scale(value)
    y_place = lambda value: bottom - 200 * value / y_most
    parts = [text(left - 30, top - 44, title)]
    for mark in y_marks:
        parts += [line(left, y_place(mark), right, y_place(mark), "grid"),
                  text(left - 8, y_place(mark) + 4, f"{mark:,g}", "quiet", "end")]
    for value, label in x_marks:
        parts += [line(x_place(value), bottom, x_place(value), bottom + 5, "axis"),
                  text(x_place(value), bottom + 20, label, "quiet", "middle")]
    parts += [line(left, bottom, right, bottom, "axis"), text(right, bottom + 38, x_title, "quiet", "end")]
    for name, points, kind, is_dashed in series:
        style = f"{kind} line{' dashed' if is_dashed else ''}"
        path = " ".join(f"{x_place(a):.1f},{y_place(b):.1f}" for a, b in points)
        parts += [f'<polyline class="{style}" points="{path}"/>',
                  f'<polyline class="{style}" points="{x},{top - 24} {x + 26},{top - 24}"/>', text(x + 32, top - 19, name)]
        x += 56 + 8 * len(name)
        if not is_dashed and len(points) < 10:
            parts += [f'<circle class="{kind}" cx="{x_place(a):.1f}" cy="{y_place(b):.1f}" r="4"/>' for a, b in points]
    return parts


def round_up(value):
    """The next 1, 2 or 5 times a power of ten, and five marks or so up to it."""
    power = 10.0 ** math.floor(math.log10(value))
    most = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= value)
    step = most / (4 if most / power in (2,) else 5)
    return most, [step * index for index in range(round(most / step) + 1)]
