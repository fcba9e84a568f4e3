"""The families of shortcuts: what is looked at, how it is fitted, what to do when it tells."""

from __future__ import annotations

from dataclasses import dataclass

FILE, PICTURE = "file", "picture"
LIMIT = 0.55  # an interval of the AUC above this is a shortcut


@dataclass(frozen=True)
class Family:
    """One logistic regression of the audit.

    Attributes:
        key: a key of `designs.DESIGNS` or `picture_features.FAMILY_COLUMNS`.
        kind: "file" or "picture".
        title: for tables and figures.
        subject: how a sentence begins.
        fact: the column of the file facts that is shown as evidence; empty for pictures.
        fix: what to do when it tells the classes apart.
        in_pixels: whether a network that sees decoded pixels can use it too.
        strength, scaling: see `linear.fit_linear`.
    """

    key: str
    kind: str
    title: str
    subject: str
    fact: str = ""
    fix: str = ""
    in_pixels: bool = True
    strength: float = 1.0
    scaling: str = "each"


ENCODE_ALIKE = (
    "Encode both classes with one encoder and quality before anything is measured; in a run, "
    "preprocess.equalise: [jpeg_quality] does it."
)
FILE_FAMILIES = (
    Family("bytes", FILE, "bytes", "The size of the file in bytes", "bytes", ENCODE_ALIKE),
    Family(
        "size",
        FILE,
        "width and height",
        "Width and height of the picture",
        "width",
        "Bring both classes to one size in the same way; in a run, preprocess.equalise: [size] "
        "does it.",
    ),
    Family("format", FILE, "format", "Format and file ending", "format", ENCODE_ALIKE),
    Family(
        "progressive",
        FILE,
        "progressive or not",
        "Whether the JPEG is progressive",
        "progressive",
        "Save both classes with one encoder. Decoded pixels do not show it, but it says that the "
        "classes came by different ways: look for what else differs.",
        in_pixels=False,
    ),
    Family(
        "subsampling",
        FILE,
        "chroma subsampling",
        "The chroma subsampling of the JPEG (how coarsely colour is stored)",
        "subsampling",
        ENCODE_ALIKE,
    ),
    Family(
        "quantisation",
        FILE,
        "JPEG quality",
        "The JPEG quantisation tables (the quality)",
        "coarseness",
        ENCODE_ALIKE,
    ),
    Family(
        "exif",
        FILE,
        "EXIF and other metadata",
        "EXIF and other metadata",
        "exif",
        "Strip the metadata of both classes. A network that sees pixels does not see them; a tool "
        "that reads whole files does.",
        in_pixels=False,
    ),
    Family(
        "colour_profile",
        FILE,
        "colour profile",
        "The colour profile",
        "colour_profile",
        "Convert both classes to sRGB and drop the profiles: pixels of another profile have other "
        "colours.",
    ),
    Family(
        "names",
        FILE,
        "file name",
        "The name of the file",
        "name",
        "Give the files of both classes names of one pattern. Unmask's detectors never see a name; "
        "sorting, splitting or sampling by name would.",
        in_pixels=False,
        strength=0.1,
    ),
)
PICTURE_FIX = (
    "Quote every detector against this floor, and look whether the classes were photographed, "
    "cropped or processed differently."
)
PICTURE_FAMILIES = (
    Family(
        "colour",
        PICTURE,
        "brightness and colour",
        "Brightness and colour statistics",
        fix=PICTURE_FIX,
    ),
    Family(
        "thumbnail",
        PICTURE,
        "16 x 16 thumbnail",
        "A thumbnail of 16 x 16 pixels",
        fix=PICTURE_FIX,
        strength=0.01,
        scaling="together",
    ),
    Family(
        "spectrum",
        PICTURE,
        "power spectrum",
        "The power spectrum (how much coarse and fine detail)",
        fix=PICTURE_FIX,
    ),
    Family(
        "residuals",
        PICTURE,
        "residual co-occurrences",
        "Co-occurrences of residuals (how neighbouring pixels differ)",
        fix=PICTURE_FIX,
        strength=0.003,
        scaling="together",
    ),
    Family(
        "detail",
        PICTURE,
        "bytes when encoded alike",
        "The bytes a picture takes when every one is encoded alike",
        fix=PICTURE_FIX,
    ),
)
FAMILIES = {family.key: family for family in (*FILE_FAMILIES, *PICTURE_FAMILIES)}
