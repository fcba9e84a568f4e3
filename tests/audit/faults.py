"""Clean sets of pictures, and one function for each fault that is planted into a copy of one."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageCms, ImageEnhance
from unmask.audit.run import Audit, AuditSettings, audit_files
from unmask.sources.demo import camera as cameras
from unmask.sources.demo import manipulate
from unmask.sources.demo.shots import stream, take
from unmask.sources.files_table import build_files_table
from unmask.sources.folder import list_source

PER_SPLIT = {"train": 30, "val": 12, "test": 12}  # of each class
QUALITY = 90
COPIED = 3  # pictures that get a copy in another split
SETTINGS = AuditSettings(resamples=200, jobs=2)


def draw_clean(root: Path) -> Path:
    """Writes rendered people, all different, of both classes from one distribution."""
    number = 0
    for split, count in PER_SPLIT.items():
        for label in ("real", "fake"):
            (root / split / label).mkdir(parents=True)
            for _ in range(count):
                number += 1
                save(rendered(number), root / split / label / f"{number * 7919 % 9973:04d}")
    return root


def rendered(identity: int, side: int = 128) -> Image.Image:
    """Returns an untouched picture of a person of the demo."""
    shot = take(7, identity, 0, side)
    rng = stream(7, identity, 0, 3)
    return Image.fromarray(cameras.finish(manipulate.untouched(shot), shot.camera, rng))


def structured(seed: int, side: int = 96) -> Image.Image:
    """Returns a random picture with coarse and fine structure, as photographs have."""
    generator = np.random.default_rng(seed)
    pixels = np.full((side, side, 3), 128.0)
    for cells, strength in ((4, 40), (12, 25), (32, 6)):
        grid = generator.normal(0, strength, (cells, cells, 3)).astype(np.float32)
        for channel in range(3):
            layer = Image.fromarray(grid[..., channel]).resize((side, side), Image.BICUBIC)
            pixels[..., channel] += np.asarray(layer)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def save(image: Image.Image, stem: Path, ending: str = ".jpg", **options) -> Path:
    """Saves with the encoder and quality of all clean pictures, where `options` say no other."""
    path = stem.with_suffix(ending)
    if ending == ".jpg":
        options = {"quality": QUALITY, "subsampling": 2, **options}
    image.save(path, **options)
    return path


def copy_of_real_faces(source: Path, root: Path, per_class: int, *, apart: bool) -> Path:
    """Writes a clean cut of a real dataset: what a file shows besides its picture is made equal.

    Every picture is encoded once more at one quality, gets a name of one pattern, and fakes are
    chosen whose size in bytes is next to that of a real picture: in these datasets the name, or
    how smooth the fakes are, tells the classes apart, and that is a finding and no fault of the
    test. With `apart`, no fake is taken whose original is among the reals.
    """
    manifest = pd.read_csv(source.parent / "manifest.csv")
    rows = manifest[manifest["path"].str.startswith(source.name + "/")]
    rows = rows.sort_values("path", ignore_index=True)
    reals = rows[rows["label"] == "real"].iloc[::2].head(3 * per_class)
    fakes = rows[rows["label"] == "fake"]
    if apart:
        fakes = fakes[~fakes["group"].isin(reals["group"])]
    real_sizes = _sizes_once_more(source.parent, reals)
    fake_sizes = _sizes_once_more(source.parent, fakes.head(4 * per_class))
    pairs = _matched(real_sizes, fake_sizes)[:per_class]
    splits = [split for split, count in PER_SPLIT.items() for _ in range(count)]
    generator = np.random.default_rng(0)
    names = generator.permutation(9000)[: 2 * len(pairs)] + 1000
    for place, pair in enumerate(pairs):
        for number, (label, path) in enumerate(zip(("real", "fake"), pair, strict=True)):
            folder = root / splits[place % len(splits)] / label
            folder.mkdir(parents=True, exist_ok=True)
            with Image.open(source.parent / path) as image:
                save(image.convert("RGB"), folder / f"{names[2 * place + number]:04d}")
    return root


def _sizes_once_more(home: Path, rows: pd.DataFrame) -> pd.Series:
    sizes = {}
    for path in rows["path"]:
        with Image.open(home / path) as image:
            sizes[path] = _bytes_of(image.convert("RGB"))
    return pd.Series(sizes).sort_values(kind="stable")


def _bytes_of(image: Image.Image) -> int:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=QUALITY, subsampling=2)
    return stream.getbuffer().nbytes


def _matched(reals: pd.Series, fakes: pd.Series) -> list[tuple[str, str]]:
    """Pairs each real picture with the free fake that is next in bytes, closest pairs first."""
    free, pairs = fakes.copy(), []
    for path, size in reals.items():
        if free.empty:
            break
        best = (free - size).abs().idxmin()
        pairs.append((abs(int(free[best] - size)), path, best))
        free = free.drop(best)
    return [(real, fake) for _, real, fake in sorted(pairs)]


# -- one function a fault; each changes the set in `root` ------------------------------------


def pictures(root: Path, label: str = "*", split: str = "*") -> list[Path]:
    return sorted(root.glob(f"{split}/{label}/*"))


def change_fakes(root: Path, change: Callable[[Image.Image, Path], None]) -> None:
    """Calls `change` with every fake picture and its path without ending, after deleting it."""
    for path in pictures(root, "fake"):
        with Image.open(path) as image:
            image.load()
        path.unlink()
        change(image, path.with_suffix(""))


def copy_across(root: Path, change: Callable[[Image.Image], Image.Image], **options) -> None:
    """Puts changed copies of three real training pictures into test."""
    for number, path in enumerate(pictures(root, "real", "train")[3 : 3 + COPIED]):
        with Image.open(path) as image:
            stem = root / "test" / "real" / f"555{number}"
            save(change(image.convert("RGB")), stem, **options)


def resized(image: Image.Image, factor: float) -> Image.Image:
    size = tuple(round(side * factor) for side in image.size)
    return image.resize(size, Image.LANCZOS)


def cropped(image: Image.Image) -> Image.Image:
    width, height = image.size
    cut = round(0.05 * width)
    return image.crop((cut, cut, width, height)).resize(image.size, Image.BICUBIC)


def turned(how: Image.Transpose) -> Callable[[Image.Image], Image.Image]:
    return lambda image: image.transpose(how)


def brighter(image: Image.Image) -> Image.Image:
    return Image.fromarray(np.clip(np.asarray(image, np.int16) + 18, 0, 255).astype(np.uint8))


def copy_bytes(root: Path) -> None:
    for number, path in enumerate(pictures(root, "real", "train")[3 : 3 + COPIED]):
        shutil.copy(path, root / "test" / "real" / f"555{number}.jpg")


def copy_with_other_label(root: Path) -> None:
    shutil.copy(pictures(root, "real", "train")[3], root / "train" / "fake" / "5555.jpg")


def near_copy_with_other_label(root: Path) -> None:
    with Image.open(pictures(root, "real", "train")[3]) as image:
        save(image.convert("RGB"), root / "train" / "fake" / "5555", quality=70)


def with_exif(image: Image.Image, stem: Path) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Camera"
    save(image, stem, exif=exif)


def with_profile(image: Image.Image, stem: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    save(image, stem, icc_profile=profile)


def padded(image: Image.Image, stem: Path) -> None:
    path = save(image, stem)
    path.write_bytes(path.read_bytes() + bytes(4000))


def lighter(image: Image.Image, stem: Path) -> None:
    save(ImageEnhance.Brightness(image.convert("RGB")).enhance(1.35), stem)


def break_fakes(root: Path) -> None:
    for path in pictures(root, "fake")[::4]:
        path.write_bytes(path.read_bytes()[:300])


def rename_fakes(root: Path) -> None:
    for path in pictures(root, "fake"):
        path.rename(path.with_name(f"fake_{path.name}"))


def manifest_of(root: Path, **changes: Callable[[Path, str], str]) -> Path:
    """Writes root/manifest.csv; `changes` give a column from path and label."""
    target = root / "manifest.csv"
    with target.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["path", "label", "split", *(set(changes) - {"label"})])
        for path in pictures(root):
            label = path.parent.name
            row = [path.relative_to(root), changes.get("label", lambda _, word: word)(path, label)]
            row.append(path.parent.parent.name)
            row += [changes[name](path, label) for name in changes if name != "label"]
            writer.writerow(row)
    return target


# -- audits -----------------------------------------------------------------------------------


def audit(source: Path, **options) -> Audit:
    """Audits a folder or manifest as `unmask audit` does."""
    files = build_files_table(list_source(source), dataset="set", jobs=2)
    return audit_files(files, SETTINGS, name="set", **options)


def lights(found: Audit) -> dict[str, str]:
    return {finding.key: finding.light for finding in found.findings}


def reds(found: Audit) -> set[str]:
    return {key for key, light in lights(found).items() if light == "red"}
