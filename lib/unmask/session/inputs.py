"""What earlier notebooks left in attached outputs, made to appear below this session's home."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from ..runs import ATTACHED_MARK, NOTEBOOK_OF_STEP, kind_of_step, read_json, write_json
from .ledgers import LEDGER, merge_ledgers
from .mounts import attached_folders
from .outputs import DATA, read_manifest, restore_all
from .pictures import unpacked
from .restoring import COPIED_BYTES, show_pictures

RESTORED = ".restored.json"
# Arrays are mapped into memory from where they lie. All else is copied: a path through a link
# would lead out of the run folder, where nobody may open a network.
ARRAY = ".npy"


def link_inputs(home: Path) -> list[str]:
    """Makes the attached outputs of earlier notebooks appear below `home`.

    What a launcher packed is unpacked once a session. What a notebook run alone left as plain
    folders is copied, with large arrays and pictures as links: runs/<profile>/<step>/ and
    data/<name>/. A step that this session wrote is left alone; of several attached ones the newest
    wins. Safe to call again.

    Returns:
        sentences on what came from where; none when nothing is new.

    Raises:
        DataError: an attached output is damaged.
    """
    folders = attached_folders()
    said = _restore_new([folder for folder in folders if read_manifest(folder)], home)
    plain = [folder for folder in folders if read_manifest(folder) is None]
    found = sorted(_steps_of(plain), key=lambda item: item[0], reverse=True)
    said += _show_steps(found, home)
    for folder in dict.fromkeys([home, *(item[1] for item in found)]):
        said += _mirror_data(folder, home)
    ledgers = [folder / "runs" / LEDGER for folder in {item[1] for item in found}]
    known = [path for path in sorted(ledgers) if path.is_file()]
    if known:
        target = home / "runs" / LEDGER
        merge_ledgers([*([target] if target.exists() else []), *known], target)
    return said


def remove_inputs(home: Path, since: float) -> None:
    """Removes what `link_inputs` made appear: the output of this session holds what it made.

    Pictures are copied in place of their links when notebook 01 was run in this session, because
    its table of files names them, and they are not in the archive that it left.

    Args:
        home: of the session.
        since: when it began, in seconds since 1970.
    """
    renewed = any(_written_since(path, since) for path in home.glob("runs/*/download"))
    for mark in home.glob(f"runs/*/*/{ATTACHED_MARK}"):
        shutil.rmtree(mark.parent, ignore_errors=True)
    (home / "runs" / RESTORED).unlink(missing_ok=True)
    kept = renewed and not (home / DATA).exists()
    for folder in home.glob("data/*"):
        if folder.is_symlink():
            folder.unlink()
            continue
        links = [path for path in folder.iterdir() if path.is_symlink()] if folder.is_dir() else []
        if links and not kept:
            shutil.rmtree(folder, ignore_errors=True)
        for link in links if kept else []:
            _copy_in_place(link)
    with contextlib.suppress(OSError):  # it holds something, or is not there
        (home / "data").rmdir()


def _restore_new(folders: list[Path], home: Path) -> list[str]:
    """Unpacks the outputs that this session did not unpack yet; its own steps stay."""
    stamp = home / "runs" / RESTORED
    try:
        before = read_json(stamp)
    except (OSError, ValueError):
        before = []
    now = {_identity(folder): folder for folder in folders}
    fresh = [folder for name, folder in now.items() if name not in before]
    if not fresh:
        return []
    steps = {path for path in home.glob("runs/*/*") if path.is_dir()}
    own = {path for path in steps if not (path / ATTACHED_MARK).exists()}
    said = restore_all(fresh, home, own)
    for folder in fresh:
        manifest: dict[str, Any] = read_manifest(folder) or {}
        for name in manifest.get("steps", ()):
            step = home / "runs" / manifest["profile"] / name
            if step.is_dir() and step not in own:
                (step / ATTACHED_MARK).write_text(str(folder), "utf-8")
    write_json(stamp, [*before, *(name for name in now if name not in before)])
    return said


def _identity(folder: Path) -> str:
    manifest: dict[str, Any] = read_manifest(folder) or {}
    return " ".join(str(manifest.get(key)) for key in ("run_id", "key", "part", "ended"))


def _steps_of(folders: Iterable[Path]) -> list[tuple[float, Path, str, Path]]:
    """Returns when it was written, the attached folder, the profile and the folder, per step."""
    return [
        (_when(step), folder, step.parent.name, step)
        for folder in folders
        for step in sorted((folder / "runs").glob("*/*"))
        if kind_of_step(step.name) in NOTEBOOK_OF_STEP and step.is_dir()
    ]


def _when(step: Path) -> float:
    """Returns when a step ended, in seconds since 1970: as it says itself, else by its files."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        described = read_json(step / "run.json")
        start = datetime.fromisoformat(described["start"]).timestamp()
        return start + (described.get("seconds") or 0.0)
    files = [path for path in (step / "done.json", step / "summary.json") if path.exists()]
    return max((path.stat().st_mtime for path in files), default=0.0)


def _show_steps(found: list[tuple[float, Path, str, Path]], home: Path) -> list[str]:
    """Shows each step of the newest output that holds it; `found` is sorted, the newest first."""
    chosen: dict[tuple[str, str], Path] = {}
    others: dict[tuple[str, str], int] = {}
    for _, _, profile, step in found:
        chosen.setdefault((profile, step.name), step)
        others[profile, step.name] = others.get((profile, step.name), -1) + 1
    came: dict[tuple[Path, str], list[str]] = {}
    said = []
    for (profile, name), step in chosen.items():
        if not _show(step, home / "runs" / profile / name):
            continue
        folder = step.parents[2]
        came.setdefault((folder, profile), []).append(name)
        if others[profile, name]:
            said.append(
                f"{name} of the profile {profile} lies in {others[profile, name] + 1} attached "
                f"outputs; the newest is taken, from {folder.name}."
            )
    return [
        f"From {folder.name}: {', '.join(sorted(names))} of the profile {profile}."
        for (folder, profile), names in came.items()
    ] + said


def _show(source: Path, target: Path) -> bool:
    """Makes the step folder `target` show what is in `source`; returns whether it did not yet."""
    mark = target / ATTACHED_MARK
    if target.exists():
        shown = mark.read_text("utf-8") if mark.exists() else ""
        if shown in ("", str(source)) or (Path(shown).is_dir() and _when(target) > _when(source)):
            return False
    shutil.rmtree(target, ignore_errors=True)
    own = target.with_name(f".{target.name}.partial")
    shutil.rmtree(own, ignore_errors=True)
    own.mkdir(parents=True)
    for path in sorted(source.rglob("*")):
        copy = own / path.relative_to(source)
        if path.is_dir():
            copy.mkdir()
        elif path.suffix == ARRAY and path.stat().st_size > COPIED_BYTES:
            copy.symlink_to(path)
        else:
            shutil.copyfile(path, copy)
            os.utime(copy, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    (own / ATTACHED_MARK).write_text(str(source), "utf-8")
    own.rename(target)
    return True


def _mirror_data(folder: Path, home: Path) -> list[str]:
    """Makes data/<name>/ of an output appear; returns a sentence when it did not yet."""
    names = []
    packed = unpacked(folder) if any((folder / "runs").glob("*/download")) else None
    places = [place / "data" for place in (folder, packed) if place]
    for source in sorted(path for place in places for path in place.glob("*") if path.is_dir()):
        target = home / "data" / source.name
        if target.exists() or target.is_symlink():
            continue
        names.append(source.name)
        show_pictures(source, target)
    where = DATA if folder == home else folder.name
    return [f"From {where}: the pictures of data/{', data/'.join(names)}."] if names else []


def _written_since(step: Path, since: float) -> bool:
    summary = step / "summary.json"
    return not step.is_symlink() and summary.exists() and summary.stat().st_mtime >= since


def _copy_in_place(link: Path) -> None:
    source = link.resolve()
    link.unlink()
    if source.is_dir():
        shutil.copytree(source, link, copy_function=shutil.copyfile)
    else:
        shutil.copyfile(source, link)
