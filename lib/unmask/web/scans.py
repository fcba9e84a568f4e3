"""How often a JPEG paints its picture: the one way a small photo can take hours to decode."""

from __future__ import annotations

import re

# Progressive files of usual programs have 1 to 12; libtiff allows as many in its own files.
MOST_SCANS = 100
START_OF_SCAN, START, END = 0xDA, 0xD8, 0xD9
# 0x00 after 0xFF is data; 0x01 and 0xD0 to 0xD7 have no length. ITU-T T.81, B.1.1.
MARKER = re.compile(rb"\xff+([\x02-\xcf\xd8-\xfe])")


def has_too_many_scans(data: bytes) -> bool:
    """Returns whether a file is a JPEG that goes over its pixels more than `MOST_SCANS` times.

    A scan that changes nothing takes some 75 bytes, and as long as one that does.
    """
    if not data.startswith(b"\xff\xd8\xff"):
        return False
    position, scans = 2, 0
    while scans <= MOST_SCANS and (found := MARKER.search(data, position)):
        marker, position = found[1][0], found.end()
        if marker in (START, END):
            return False
        scans += marker == START_OF_SCAN
        position += max(2, int.from_bytes(data[position : position + 2], "big"))
    return scans > MOST_SCANS
