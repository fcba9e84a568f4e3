"""Real bytes of every odd kind of picture, made by Pillow, must come out right or be rejected."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms
from unmask.media import Rejected
from unmask.media.images import decode_image, describe_image

HEIGHT, WIDTH = 40, 24


def picture() -> Image.Image:
    """Red top left, green top right, blue bottom left, white bottom right."""
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    pixels[:20, :12] = (255, 0, 0)
    pixels[:20, 12:] = (0, 255, 0)
    pixels[20:, :12] = (0, 0, 255)
    pixels[20:, 12:] = (255, 255, 255)
    return Image.fromarray(pixels)


def noise(side: int = 64) -> Image.Image:
    values = np.random.default_rng(7).normal(128, 40, (side, side, 3))
    return Image.fromarray(values.clip(0, 255).astype(np.uint8))


def encode(image: Image.Image, file_format: str, **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, file_format, **options)
    return stream.getvalue()


def rejection(data: bytes, **options) -> str:
    with pytest.raises(Rejected) as caught:
        decode_image(data, **options)
    return caught.value.reason


@pytest.mark.parametrize("file_format", ["PNG", "BMP", "TIFF", "PPM"])
def test_lossless_formats_come_out_unchanged(file_format):
    decoded = decode_image(encode(picture(), file_format))
    np.testing.assert_array_equal(decoded.pixels, np.asarray(picture()))
    assert decoded.pixels.dtype == np.uint8
    assert (decoded.format, decoded.notes) == (file_format, ())


@pytest.mark.parametrize("file_format", ["JPEG", "WEBP", "AVIF", "JPEG2000"])
def test_lossy_formats_keep_the_channel_order(file_format):
    decoded = decode_image(encode(picture(), file_format, quality=95))
    assert decoded.format == file_format
    assert decoded.pixels.shape == (HEIGHT, WIDTH, 3)
    assert np.abs(decoded.pixels[5, 4].astype(int) - (255, 0, 0)).max() < 40
    assert np.abs(decoded.pixels[-5, 4].astype(int) - (0, 0, 255)).max() < 40


@pytest.mark.parametrize("file_format", ["GIF", "WEBP", "PNG", "AVIF", "TIFF"])
def test_animations_give_their_first_frame(file_format):
    other = Image.new("RGB", (WIDTH, HEIGHT), "black")
    data = encode(picture(), file_format, save_all=True, append_images=[other], duration=50)
    decoded = decode_image(data)
    assert "first frame of an animation" in decoded.notes
    assert decoded.pixels[5, 4, 0] > 200
    assert decoded.pixels[-5, -4].min() > 200


def test_the_second_picture_of_a_phones_file_is_no_animation():
    data = encode(noise(), "MPO", save_all=True, append_images=[Image.new("RGB", (64, 64))])
    decoded = decode_image(data)
    assert (decoded.format, decoded.notes) == ("JPEG", ())
    assert abs(decoded.pixels.mean() - 128) < 3


@pytest.mark.parametrize("file_format", ["JPEG", "TIFF"])
def test_cmyk_without_a_profile(file_format):
    decoded = decode_image(encode(picture().convert("CMYK"), file_format))
    assert decoded.notes == ("CMYK converted",)
    assert np.abs(decoded.pixels[5, 4].astype(int) - (255, 0, 0)).max() < 30
    assert decoded.pixels[-5, -4].min() > 240


def test_cmyk_with_an_unusable_profile_is_still_converted():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for icc_profile in (profile, b"no profile at all"):
        data = encode(picture().convert("CMYK"), "TIFF", icc_profile=icc_profile)
        decoded = decode_image(data)
        np.testing.assert_array_equal(decoded.pixels, np.asarray(picture()))


def cmyk_profile(lab: tuple[int, int, int]) -> bytes:
    """A profile that prints one colour, whatever the inks: only who uses it sees that colour."""
    identity = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    ramp = bytes(range(256))
    table = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + identity
    table += ramp * 4 + bytes(lab) * 2**4 + ramp * 3
    tags = struct.pack(">I4sII", 1, b"A2B0", 144, len(table))
    d50 = struct.pack(">3i", 63190, 65536, 54061)
    header = struct.pack(">I4sI", 144 + len(table), b"", 0x02400000) + b"prtrCMYKLab "
    header += bytes(12) + b"acsp" + bytes(28) + d50
    return header.ljust(128, b"\0") + tags + table


@pytest.mark.parametrize("file_format", ["JPEG", "TIFF"])
def test_cmyk_goes_through_its_profile(file_format):
    middle_grey = cmyk_profile((137, 128, 128))
    data = encode(picture().convert("CMYK"), file_format, icc_profile=middle_grey)
    decoded = decode_image(data)
    assert decoded.notes == ("CMYK converted",)
    # blank paper stays white whatever the profile says
    assert np.abs(decoded.pixels[:20].astype(int) - 128).max() <= 3


def png_16_bits(values: np.ndarray, color_type: int) -> bytes:
    """Pillow writes no 16-bit RGB."""

    def chunk(name: bytes, data: bytes) -> bytes:
        checksum = zlib.crc32(name + data)
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", checksum)

    height, width = values.shape[:2]
    lines = b"".join(b"\0" + line.astype(">u2").tobytes() for line in values)
    header = struct.pack(">IIBBBBB", width, height, 16, color_type, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def test_16_bits_are_scaled_and_not_clipped():
    values = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)
    expected = np.repeat((values >> 8).astype(np.uint8)[:, :, None], 3, axis=2)
    grey = Image.fromarray(values)
    for data in (encode(grey, "PNG"), encode(grey, "TIFF"), png_16_bits(values, 0)):
        decoded = decode_image(data)
        np.testing.assert_array_equal(decoded.pixels, expected)
        assert decoded.notes == ("16 bits scaled to 8",)
    colour = decode_image(png_16_bits(np.repeat(values[:, :, None], 3, axis=2), 2))
    np.testing.assert_array_equal(colour.pixels, expected)


@pytest.mark.parametrize("kind", [np.float32, np.int32])
def test_32_bits_have_no_agreed_scale(kind):
    values = (np.arange(64 * 64).reshape(64, 64) * 1000).astype(kind)
    assert rejection(encode(Image.fromarray(values), "TIFF")) == "not an image"


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "TIFF"])
def test_grey_becomes_three_equal_channels(file_format):
    decoded = decode_image(encode(noise().convert("L"), file_format))
    assert decoded.notes == ("grey converted",)
    assert decoded.pixels.shape == (64, 64, 3)
    assert (decoded.pixels == decoded.pixels[:, :, :1]).all()


def test_one_bit_becomes_black_and_white():
    decoded = decode_image(encode(picture().convert("1", dither=Image.Dither.NONE), "PNG"))
    assert set(np.unique(decoded.pixels)) == {0, 255}


def test_palette_is_looked_up():
    decoded = decode_image(encode(picture().quantize(8), "PNG"))
    np.testing.assert_array_equal(decoded.pixels, np.asarray(picture()))
    assert decoded.notes == ("palette converted",)


def test_transparency_is_put_onto_white():
    layer = picture().convert("RGBA")
    alpha = np.full((HEIGHT, WIDTH), 255, np.uint8)
    alpha[:20] = 0
    layer.putalpha(Image.fromarray(alpha))
    half = Image.new("RGBA", (32, 32), (0, 0, 0, 128))
    palette = picture().quantize(8)
    red = palette.getpixel((0, 0))
    expected = np.asarray(picture()).copy()
    expected[:20] = 255
    np.testing.assert_array_equal(decode_image(encode(layer, "PNG")).pixels, expected)
    assert decode_image(encode(half, "PNG")).pixels[0, 0].tolist() == [127, 127, 127]
    for data in (
        encode(palette, "PNG", transparency=red),
        encode(picture(), "PNG", transparency=(255, 0, 0)),
    ):
        decoded = decode_image(data)
        assert decoded.pixels[5, 4].tolist() == [255, 255, 255]
        assert decoded.pixels[5, -4].tolist() == [0, 255, 0]
        assert decoded.notes == ("transparency put onto white",)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("file_format", ["PNG", "TIFF", "JPEG"])
def test_exif_orientation_is_applied(orientation, file_format):
    upright = np.asarray(picture())
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright),
        7: np.rot90(upright, 2).transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.fromarray(np.ascontiguousarray(stored))
    options = {"quality": 100, "subsampling": 0} if file_format == "JPEG" else {}
    data = encode(image, file_format, exif=exif, **options)
    decoded = decode_image(data)
    difference = np.abs(decoded.pixels.astype(int) - upright)
    assert decoded.pixels.shape == upright.shape
    assert difference.max() <= (6 if file_format == "JPEG" else 0)
    if file_format != "TIFF":
        described = describe_image(data)
        assert (described["width"], described["height"]) == (WIDTH, HEIGHT)


def test_broken_exif_does_not_cost_the_picture():
    data = encode(noise(), "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")
    assert decode_image(data).pixels.shape == (64, 64, 3)
    assert describe_image(data)["width"] == 64


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.95])
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_cut_files_are_rejected_and_never_half_grey(file_format, share):
    data = encode(noise(), file_format)
    reason = rejection(data[: int(len(data) * share)])
    assert reason == "truncated" or (file_format, share, reason) == ("GIF", 0.05, "corrupt")


@pytest.mark.parametrize("file_format", ["JPEG", "PNG"])
def test_files_that_end_in_zeros_are_truncated(file_format):
    data = encode(noise(), file_format)
    half = len(data) // 2
    assert rejection(data[:half] + bytes(len(data) - half)) == "truncated"


def test_an_end_marker_in_the_thumbnail_is_not_the_end():
    thumbnail = encode(Image.new("RGB", (16, 16)), "JPEG")
    block = b"Exif\0\0" + thumbnail
    data = encode(noise(), "JPEG", exif=block)
    assert decode_image(data).pixels.shape == (64, 64, 3)
    half = len(data) // 2
    assert rejection(data[:half] + bytes(half)) == "truncated"


def test_a_flipped_byte_in_a_png_is_noticed():
    data = bytearray(encode(noise(), "PNG"))
    data[len(data) // 2] ^= 0xFF
    assert rejection(bytes(data)) == "corrupt"


def test_no_pictures():
    assert rejection(b"") == "empty file"
    assert rejection(b"<html>404 Not Found</html>") == "not an image"
    assert rejection(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n") == "not an image"
    assert rejection(b"\x89PNG\r\n\x1a\n" + bytes(50) + b"IEND") == "corrupt"


def test_huge_pictures_are_rejected_before_they_are_decoded():
    bomb = png_16_bits(np.zeros((1, 1), np.uint16), 0)
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    checksum = struct.pack(">I", zlib.crc32(b"IHDR" + header))
    bomb = bomb[:16] + header + checksum + bomb[33:]
    assert rejection(bomb) == "too large"
    assert rejection(encode(noise(64), "PNG"), max_pixels=4095) == "too large"
    assert decode_image(encode(noise(64), "PNG"), max_pixels=4096).pixels.shape == (64, 64, 3)


@pytest.mark.parametrize("quality", range(30, 101))
def test_jpeg_quality_is_read_exactly(quality):
    described = describe_image(encode(picture(), "JPEG", quality=quality))
    assert described == {"width": 24, "height": 40, "format": "JPEG", "jpeg_quality": quality}


def test_jpeg_quality_of_another_encoder_is_unknown():
    odd = list(range(1, 65))
    assert describe_image(encode(picture(), "JPEG", qtables=[odd, odd]))["jpeg_quality"] is None
    assert describe_image(encode(picture(), "PNG"))["jpeg_quality"] is None


def test_describing_does_not_decode():
    data = encode(noise(512), "JPEG", quality=80)
    described = describe_image(data[:2000])
    assert (described["width"], described["height"], described["jpeg_quality"]) == (512, 512, 80)
    with pytest.raises(Rejected):
        describe_image(b"hello")
