"""Pictures for the documentation: what report-picture.py and service-pictures.py share.

Needs Chromium (apt-get install chromium) and nothing else.
"""

import collections
import os
import struct
import sys
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "Tests", "Browser"))

from chromium import Browser  # noqa: E402

SCALE, LIMIT = 1.5, 200_000


def save(browser, images, name, tallest):
    """Takes a picture of the open page, with few colours."""
    path = os.path.join(images, name)
    browser.picture(path, tallest=tallest)
    with open(path, "rb") as file:
        small = shrink(file.read())
    if len(small) > LIMIT:
        sys.exit(f"{name} has {len(small):,} bytes, more than {LIMIT:,}")
    with open(path, "wb") as file:
        file.write(small)
    print(f"{path}: {len(small):,} bytes")


def pixels(data):
    """The width, the height and the rows of an 8-bit RGB or RGBA PNG, as RGB triples."""
    position, packed = 8, b""
    while position < len(data):
        length, kind = struct.unpack(">I4s", data[position:position + 8])
        content = data[position + 8:position + 8 + length]
        if kind == b"IHDR":
            width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", content)
        elif kind == b"IDAT":
            packed += content
        position += 12 + length
    if depth != 8 or colour not in (2, 6) or interlaced:
        sys.exit("Chromium wrote an unexpected kind of PNG")
    size = 4 if colour == 6 else 3
    raw, line, rows = zlib.decompress(packed), width * size, []
    above = bytearray(line)
    for y in range(height):
        start = y * (line + 1)
        row = bytearray(raw[start + 1:start + 1 + line])
        unfilter(raw[start], row, above, size)
        rows.append([bytes(row[x:x + 3]) for x in range(0, line, size)])
        above = row
    return width, height, rows


def unfilter(kind, row, above, size):
    """Reverts the filter of one row in place (PNG specification, section 9)."""
    if kind == 1:
        for x in range(size, len(row)):
            row[x] = (row[x] + row[x - size]) & 255
    elif kind == 2:
        for x in range(len(row)):
            row[x] = (row[x] + above[x]) & 255
    elif kind == 3:
        for x in range(len(row)):
            left = row[x - size] if x >= size else 0
            row[x] = (row[x] + (left + above[x]) // 2) & 255
    elif kind == 4:
        for x in range(len(row)):
            left, corner = (row[x - size], above[x - size]) if x >= size else (0, 0)
            estimate = left + above[x] - corner
            _, _, best = min((abs(estimate - left), 0, left), (abs(estimate - above[x]), 1, above[x]),
                             (abs(estimate - corner), 2, corner))
            row[x] = (row[x] + best) & 255


def shrink(data):
    """The same picture with the 256 most frequent colours. A page has few colours besides the edges of its letters."""
    width, height, rows = pixels(data)
    counts = collections.Counter(colour for row in rows for colour in row)
    palette = [colour for colour, _ in counts.most_common(256)]
    index = {colour: number for number, colour in enumerate(palette)}
    for colour in counts:
        if colour not in index:
            index[colour] = min(
                range(len(palette)), key=lambda number: sum((a - b) ** 2 for a, b in zip(palette[number], colour)))
    body = b"".join(b"\0" + bytes(index[colour] for colour in row) for row in rows)

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0))
            + chunk(b"PLTE", b"".join(palette)) + chunk(b"IDAT", zlib.compress(body, 9)) + chunk(b"IEND", b""))
