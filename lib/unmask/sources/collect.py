"""One door to all sources: the demo, a Kaggle dataset or a folder, as rows of files."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ..errors import UsageError
from ..runs import resolve
from .blended import Blend, blend_fakes
from .demo import render_demo
from .folder import list_folder, list_source
from .kaggle import fetch_kaggle_dataset
from .layout import name_of_source


@dataclass(frozen=True)
class Source:
    """What to collect: `kind` is "demo", "kaggle" or "folder"; the rest is of that kind.

    `fake_generator` names the generator of fakes that the source itself calls just "fake".
    """

    kind: str
    root: str = ""
    handle: str = ""
    version: int | None = None
    fake_generator: str = "fake"
    identities: int = 160
    pictures: int = 2
    clips: int = 4
    size: int = 128
    seed: int = 1

    @property
    def name(self) -> str:
        """The dataset's name, as the tables and the reports call it."""
        if self.kind == "demo":
            return "demo"
        if self.kind == "kaggle":
            return self.handle.partition("/")[2] or self.handle
        return name_of_source(resolve(self.root))


def collect(source: Source, jobs: int, blend: Blend | None = None) -> pd.DataFrame:
    """Renders, fetches or finds the files of a source.

    Args:
        source: where from.
        jobs: rendering processes (demo), or pictures blended at the same time.
        blend: makes a fake of each picture of a folder that holds real ones alone; see
            `blended.blend_fakes`. They go to data/<name>-blended-<seed>.

    Returns:
        A row a file: `path`, `label`, `generator`, `group`, `official_split`; see
        `folder.list_folder`. `attrs["ignored"]` lists pictures outside the class folders.

    Raises:
        UsageError, DataError: as `render_demo`, `fetch_kaggle_dataset`, `list_source` and
            `blend_fakes` say; or fakes are to be blended from another source than a folder.
    """
    if blend and source.kind != "folder":
        raise UsageError(
            f"Fakes are blended from the pictures of a folder, not from the source {source.kind}.",
            fix="set download.source to folder, or download.make_fakes to false",
        )
    if source.kind == "demo":
        keys = ("identities", "pictures", "clips", "size", "seed")
        options = {key: getattr(source, key) for key in keys}
        faces = f"{source.identities}x{source.pictures}-{source.size}px"
        folder = resolve(f"data/demo-{faces}-{source.seed}")
        return render_demo(folder, jobs=jobs, **options)
    if source.kind == "kaggle":
        folder = fetch_kaggle_dataset(
            source.handle, resolve(f"data/{source.name}"), version=source.version
        )
        entries = list_folder(folder)
    elif source.kind == "folder":
        entries = list_source(resolve(source.root), reals_only=blend is not None)
        if blend:
            folder = resolve(f"data/{source.name}-blended-{source.seed}")
            return blend_fakes(entries, folder, blend, seed=source.seed, jobs=jobs)
    else:
        raise UsageError(f"There is no source {source.kind!r}.", expected="demo, kaggle or folder")
    entries.loc[entries["generator"] == "fake", "generator"] = source.fake_generator
    return entries
