"""One decoder for every picture: bytes in, upright 8-bit RGB out, or a reason why not."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageCms, UnidentifiedImageError

from . import Rejected

# Named, because Pillow would else also try formats that start other programs (EPS).
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "DIB", "TIFF", "AVIF", "JPEG2000", "PPM")
SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"RIFF", b"BM", b"II*\0", b"MM\0*")
END_IS_MISSING = "the end of the file is missing"
ORIENTATION_TAG = 0x0112
TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Table K.1 of ITU-T T.81, row by row, which the Independent JPEG Group's encoder scales.
# fmt: off
LUMINANCE = np.array([
    16, 11, 10, 16, 24, 40, 51, 61,
    12, 12, 14, 19, 26, 58, 60, 55,
    14, 13, 16, 24, 40, 57, 69, 56,
    14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77,
    24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101,
    72, 92, 95, 98, 112, 100, 103, 99,
])
# fmt: on


@dataclass(frozen=True)
class DecodedImage:
    """A picture as every part of Unmask sees it.

    Attributes:
        pixels: uint8 `[height, width, 3]`, RGB, upright.
        format: the container, as "JPEG" or "PNG".
        notes: what had to be converted, such as "CMYK converted"; empty for a plain RGB file.
    """

    pixels: np.ndarray
    format: str
    notes: tuple[str, ...]


def decode_image(data: bytes, *, max_pixels: int = 100_000_000) -> DecodedImage:
    """Decodes a whole picture; never gives part of one.

    - animated GIF, WebP, APNG, AVIF, multi-page TIFF: the first frame;
    - CMYK: through its ICC profile when it has one, else by Pillow's formula;
    - 16 bits: the high byte; 32-bit pixels have no agreed scale and are rejected;
    - grey and palette: RGB; transparency: composited onto white;
    - EXIF orientation: applied; RGB ICC profiles: left alone, as detectors' training sets do.

    Args:
        data: the bytes of the file.
        max_pixels: a picture with more is rejected before it is decoded.

    Raises:
        Rejected: "empty file", "not an image", "corrupt", "truncated" or "too large".
    """
    image = _open(data)
    width, height = image.size
    if width * height > max_pixels:
        raise Rejected("too large", f"{width} x {height} pixels")
    if _is_cut_short(data):
        raise Rejected("truncated", END_IS_MISSING)
    notes: list[str] = []
    try:
        if image.format == "PNG":
            Image.open(io.BytesIO(data), formats=("PNG",)).verify()  # checksums, unread by load()
        if image.format != "MPO" and getattr(image, "is_animated", False):
            notes.append("first frame of an animation")
        orientation = _orientation(image)
        image.load()
        image_rgb = _to_rgb(image, notes)
        if orientation in TRANSPOSE:
            notes.append("EXIF orientation applied")
            image_rgb = image_rgb.transpose(TRANSPOSE[orientation])
        pixels = np.asarray(image_rgb)
    except Rejected:
        raise
    except MemoryError as error:
        raise Rejected("too large", f"{width} x {height} pixels do not fit into memory") from error
    except Exception as error:  # broken bytes raise almost anything inside Pillow's plugins
        reason = "truncated" if "truncated" in str(error).lower() else "corrupt"
        raise Rejected(reason, _detail(error)) from error
    return DecodedImage(pixels, _format_of(image), tuple(notes))


def describe_image(data: bytes) -> dict[str, int | str | float | None]:
    """Reads what the header says, without decoding.

    Returns:
        `width` and `height` in pixels (upright), `format`, and `jpeg_quality`: 1 to 100 when
        the luminance table is exactly the Independent JPEG Group's at that quality, else None.

    Raises:
        Rejected: "empty file", "not an image", "corrupt" or "too large".
    """
    image = _open(data)
    width, height = image.size
    if _orientation(image) in (5, 6, 7, 8):
        width, height = height, width
    quality = None
    if _format_of(image) == "JPEG":
        quality = _QUALITY_OF_TABLE.get(tuple(image.quantization.get(0, ())))
    return {
        "width": width,
        "height": height,
        "format": _format_of(image),
        "jpeg_quality": quality,
    }


def _open(data: bytes) -> Image.Image:
    if not data:
        raise Rejected("empty file")
    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        if _is_cut_short(data):
            raise Rejected("truncated", END_IS_MISSING) from None
        if data.startswith(SIGNATURES) or data[4:10] == b"ftypav":
            raise Rejected("corrupt", "the header cannot be read") from None
        raise Rejected("not an image", f"begins with {data[:8]!r}") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Rejected("too large", _detail(error)) from error
    except Exception as error:  # broken bytes raise almost anything inside Pillow's plugins
        if _is_cut_short(data):
            raise Rejected("truncated", END_IS_MISSING) from error
        raise Rejected("corrupt", _detail(error)) from error


def _is_cut_short(data: bytes) -> bool:
    """Finds files whose end is missing or zero-filled, also where libjpeg would paint it grey."""
    if data.startswith(b"\xff\xd8"):
        return not _has_jpeg_end(data)
    if data.startswith(b"\x89PNG"):
        return b"IEND" not in data
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return 8 + int.from_bytes(data[4:8], "little") > len(data)
    return False


def _has_jpeg_end(data: bytes) -> bool:
    """Looks for the end marker after the first scan: one inside an EXIF thumbnail is no end."""
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF:
            position += 1
            continue
        if marker == 0xDA:
            return data.find(b"\xff\xd9", position) != -1
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return False


def _orientation(image: Image.Image) -> int:
    # Pillow turns TIFF pictures itself while loading them.
    if image.format == "TIFF":
        return 1
    try:
        return image.getexif().get(ORIENTATION_TAG, 1)
    except Exception:  # a broken EXIF block says nothing about the pixels
        return 1


def _to_rgb(image: Image.Image, notes: list[str]) -> Image.Image:
    if image.mode.startswith("I;16") or image.mode == "I":
        return _from_16_bits(image, notes).convert("RGB")
    if image.mode == "F":
        raise Rejected("not an image", "floating-point pixels have no agreed scale")
    if image.mode == "CMYK":
        notes.append("CMYK converted")
        return _from_cmyk(image, image.info.get("icc_profile"))
    if image.has_transparency_data:
        notes.append("transparency put onto white")
        layer = image.convert("RGBA")
        white = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(white, layer).convert("RGB")
    if image.mode != "RGB":
        kind = {"1": "grey", "L": "grey", "P": "palette"}.get(image.mode, image.mode)
        notes.append(f"{kind} converted")
    return image.convert("RGB")


def _from_16_bits(image: Image.Image, notes: list[str]) -> Image.Image:
    values = np.asarray(image)
    if values.min() < 0 or values.max() > 65535:
        raise Rejected("not an image", "32-bit pixels have no agreed scale")
    notes.append("16 bits scaled to 8")
    # The high byte: what Pillow does with 16-bit RGB, so grey and RGB files agree.
    return Image.fromarray((values.astype(np.int64) >> 8).astype(np.uint8))


def _from_cmyk(image: Image.Image, profile: bytes | None) -> Image.Image:
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            target = ImageCms.createProfile("sRGB")
            return ImageCms.profileToProfile(image, source, target, outputMode="RGB")
        except (ImageCms.PyCMSError, OSError):
            pass  # a broken or non-CMYK profile: the plain formula below
    return image.convert("RGB")


def _format_of(image: Image.Image) -> str:
    # A phone's MPO file is a JPEG followed by a second one.
    return "JPEG" if image.format == "MPO" else str(image.format)


def _detail(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:200]


def _quality_tables() -> dict[tuple[int, ...], int]:
    tables = {}
    for quality in range(1, 101):
        scale = 5000 // quality if quality < 50 else 200 - 2 * quality
        table = np.clip((LUMINANCE * scale + 50) // 100, 1, 255)
        tables[tuple(table.tolist())] = quality
    return tables


_QUALITY_OF_TABLE = _quality_tables()
