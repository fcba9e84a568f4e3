"""What arrives: told by its content, shown by a cleaned name, kept by nobody."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from flask import Request

from ..media import Rejected
from .limits import MEGABYTE, Limits
from .problems import Problem, of_rejected
from .scans import MOST_SCANS, has_too_many_scans

FIELD = "file"
LONGEST_NAME = 100
HEAD = 4096
# Browsers guess HTML, and readers accept a PDF header, within the first kilobyte.
GUESSED_FROM = 1024
ZIP_END, LONGEST_ZIP_END = b"PK\x05\x06", 22 + 65_535
PICTURES = (
    "a photo (JPEG, PNG, WebP, GIF, TIFF, AVIF, BMP) or a clip (MP4, MOV, WebM, MKV, AVI, ...)"
)
MARKUP = re.compile(
    rb"<(?:html|head|body|script|svg|iframe|style|title|table|img|div)[\s>/]|<!doctype|<!--|<\?php",
    re.IGNORECASE,
)
IMAGE_STARTS = (
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"GIF87a",
    b"GIF89a",
    b"BM",
    b"II*\0",
    b"MM\0*",
    b"\0\0\0\x0cjP  \r\n\x87\n",
    b"\xff\x4f\xff\x51",
)
# Only containers of sound and pictures: FFmpeg would also open playlists, which name other files.
VIDEO_STARTS = (
    b"\x1a\x45\xdf\xa3",  # Matroska, WebM
    b"FLV\x01",
    b"OggS",
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",  # ASF, WMV
    b"\0\0\x01\xba",  # MPEG program stream
    b"\0\0\x01\xb3",  # MPEG video
)
QUICKTIME_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
TRANSPORT_PACKET = 188


@dataclass(frozen=True)
class Upload:
    """A file of a request.

    Attributes:
        name: to be shown; never a path.
        kind: "image" or "video", by the content.
        stream: the bytes, at their start; closed with the request.
        size: in bytes.
    """

    name: str
    kind: str
    stream: IO[bytes]
    size: int

    def kept_open(self) -> Upload:
        """Returns the upload with a stream of its own, to be closed by who goes on with it."""
        self.stream.flush()
        stream = os.fdopen(os.dup(self.stream.fileno()), "rb")
        stream.seek(0)
        return replace(self, stream=stream)


class UnnamedFilesRequest(Request):
    """A request whose files lie on disk without a name: they are gone when the request is."""

    def _get_file_stream(self, *_args: object, **_more: object) -> IO[bytes]:
        return tempfile.TemporaryFile("w+b", prefix="unmask-")


def receive(request: Request, limits: Limits) -> Upload:
    """Returns the file that a request brings.

    Raises:
        Problem: 400 there is none, 413 it is too large, 415 it is neither photo nor clip, 422 it is
            empty.
    """
    given = request.files.get(FIELD)
    if given is None:
        raise Problem(
            400,
            "no file",
            "The request brings no file.",
            expected=f"a form of the type multipart/form-data with the field {FIELD!r}",
            fix=f"choose a photo or a clip, or: curl -F {FIELD}=@photo.jpg ADDRESS",
        )
    stream = given.stream
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    if size > limits.largest:
        raise too_large(limits)
    if not size and not given.filename:
        raise Problem(400, "no file", "No file was chosen.", fix="Choose a photo or a clip.")
    if not size:
        raise of_rejected("empty file", "")
    return Upload(shown_name(given.filename or ""), _kind(stream, size), stream, size)


def too_large(limits: Limits) -> Problem:
    """Returns the problem of a file above the limit of bytes."""
    return Problem(
        413,
        "too large",
        "The file is larger than this page takes.",
        expected=f"at most {limits.largest / MEGABYTE:,.0f} MB",
        fix="cut the clip, make the photo smaller, or ask on your own machine: unmask score FILE",
    )


def shown_name(given: str) -> str:
    """Returns the last part of a file name without characters that steer text, shortened."""
    last = re.split(r"[/\\]", given)[-1]
    # Category C: control characters, marks that turn the direction of text, lone surrogates.
    clean = "".join(each for each in last if unicodedata.category(each)[0] != "C").strip()
    if len(clean) > LONGEST_NAME:
        keep = LONGEST_NAME // 2
        clean = f"{clean[:keep]}…{clean[-keep + 1 :]}"
    return clean or "upload"


def recognise(head: bytes) -> str:
    """Returns "image", "video" or "" by the first bytes of a file."""
    brand = head[8:12] if head[4:8] == b"ftyp" else b""
    if brand in (b"avif", b"avis") or head.startswith(IMAGE_STARTS):
        return "image"
    if head[:4] == b"RIFF":
        return {b"WEBP": "image", b"AVI ": "video"}.get(head[8:12], "")
    if re.match(rb"P[1-6]\s", head):
        return "image"
    if head.startswith(VIDEO_STARTS):
        return "video"
    if head[4:8] in QUICKTIME_BOXES and brand not in HEIC_BRANDS:
        return "video"
    packets = head[: 3 * TRANSPORT_PACKET : TRANSPORT_PACKET]
    return "video" if packets == b"GGG" else ""


@contextlib.contextmanager
def path_of(upload: Upload) -> Iterator[Path]:
    """Yields a path under which a clip can be opened; afterwards there is no such file."""
    unnamed = Path(f"/proc/self/fd/{upload.stream.fileno()}")
    if unnamed.exists():
        yield unnamed
        return
    with tempfile.TemporaryDirectory(prefix="unmask-") as folder:
        path = Path(folder) / "clip"
        with open(path, "wb") as target:
            upload.stream.seek(0)
            shutil.copyfileobj(upload.stream, target)
        yield path


def check_picture(data: bytes, limits: Limits) -> None:
    """Looks at a photo's header before anything is decoded.

    Raises:
        Problem: 413 for more pixels than the limit or a JPEG that paints them too often, 415 or
            422 for a header that cannot be read.
    """
    from ..media.images import describe_image

    try:
        about = describe_image(data)
    except Rejected as error:
        raise of_rejected(error.reason, error.detail) from error
    _check_pixels(int(about["width"]), int(about["height"]), limits.most_pixels)
    if has_too_many_scans(data):
        raise Problem(
            413,
            "too large",
            f"This JPEG paints its picture more than {MOST_SCANS} times, which takes too long.",
            expected="1 to 12 times, as usual programs write it",
            fix="save it once more with a program for photos, and send that",
        )


def check_clip(path: Path, limits: Limits) -> None:
    """Looks at a clip's header and its first frame before the others are decoded.

    Raises:
        Problem: 413 for frames that are too large or a clip that is too long, 415 or 422 for a
            header that cannot be read.
    """
    from ..media.videos import describe_clip

    try:
        about = describe_clip(path)
    except Rejected as error:
        raise of_rejected(error.reason, error.detail) from error
    _check_pixels(about.width, about.height, limits.most_pixels_of_a_frame)
    if about.seconds and about.seconds > limits.longest:
        raise of_rejected(
            "too long", f"{about.seconds:,.0f} seconds, at most {limits.longest:,.0f} are taken"
        )


def _check_pixels(width: int, height: int, most: int) -> None:
    if width * height > most:
        raise of_rejected(
            "too large",
            f"{width} x {height} pixels, at most {most / 1e6:g} million are taken",
        )


def _kind(stream: IO[bytes], size: int) -> str:
    head = stream.read(HEAD)
    stream.seek(max(0, size - LONGEST_ZIP_END))
    tail = stream.read()
    stream.seek(0)
    kind = recognise(head)
    if not kind:
        raise _unknown(head)
    second = second_nature(head, tail)
    if second:
        raise Problem(
            415,
            "two types in one",
            f"This {kind} can also be opened as {second}.",
            expected=f"{PICTURES} and nothing else",
            fix="save it once more with a program for photos or clips, and send that",
        )
    return kind


def second_nature(head: bytes, tail: bytes) -> str:
    """Returns as what else a photo or clip could be opened ("an HTML page", ...), or "".

    A file that is valid as two types gets past a check for the one and is run as the other. Photos
    with a clip behind them, as telephones write them, are none: both are pictures.

    Args:
        head: the first kilobytes.
        tail: the last 65,557 bytes, where the end record of a ZIP archive would lie.
    """
    if MARKUP.search(head[:GUESSED_FROM]):
        return "an HTML page"
    if b"%PDF-" in head[:GUESSED_FROM]:
        return "a PDF document"
    position = tail.rfind(ZIP_END)
    while position != -1:
        comment = int.from_bytes(tail[position + 20 : position + 22], "little")
        if len(tail) - position >= 22 and position + 22 + comment == len(tail):
            return "a ZIP archive"
        position = tail.rfind(ZIP_END, 0, position)
    return ""


def _unknown(head: bytes) -> Problem:
    what, fix = "This is neither a photo nor a clip.", "send the photo or clip itself"
    if head[4:8] == b"ftyp" and head[8:12] in HEIC_BRANDS:
        what, fix = "This is a HEIC photo, which Unmask cannot read.", "save it as JPEG"
    elif MARKUP.search(head) or head.lstrip().startswith(b"<?xml"):
        what = "This is a page or a drawing in text (HTML, SVG or XML), which can carry programs."
        fix = "send a photo of it, such as a PNG"
    elif head.startswith(b"%PDF-"):
        what, fix = "This is a PDF document.", "save the photo in it as JPEG or PNG"
    elif head.startswith((b"PK", b"\x1f\x8b", b"Rar!", b"7z\xbc\xaf")):
        what, fix = "This is an archive.", "unpack it and send one photo or clip of it"
    return Problem(415, "not an image", what, expected=PICTURES, fix=fix)
