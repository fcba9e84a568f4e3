"""One door to all sources: the demo, a Kaggle dataset or a folder, as rows of files."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ..errors import UsageError
from ..runs import resolve
from .demo import render_demo
from .folder import list_folder, list_source
from .kaggle import fetch_kaggle_dataset


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
    identities: int = 360
    pictures: int = 3
    clips: int = 12
    seed: int = 1

    @property
    def name(self) -> str:
        """The dataset's name, as the tables and the reports call it."""
        if self.kind == "demo":
            return "demo"
        if self.kind == "kaggle":
            return self.handle.partition("/")[2] or self.handle
        return resolve(self.root).stem


def collect(source: Source, jobs: int) -> pd.DataFrame:
    """Renders, fetches or finds the files of a source.

    Args:
        source: where from.
        jobs: rendering processes (demo).

    Returns:
        A row a file: `path`, `label`, `generator`, `group`, `official_split`; see
        `folder.list_folder`. `attrs["ignored"]` lists pictures outside the class folders.

    Raises:
        UsageError, DataError: as `render_demo`, `fetch_kaggle_dataset` and `list_source` say.
    """
    if source.kind == "demo":
        options = {key: getattr(source, key) for key in ("identities", "pictures", "clips", "seed")}
        folder = resolve(f"data/demo-{source.identities}x{source.pictures}-{source.seed}")
        return render_demo(folder, jobs=jobs, **options)
    if source.kind == "kaggle":
        folder = fetch_kaggle_dataset(
            source.handle, resolve(f"data/{source.name}"), version=source.version
        )
        entries = list_folder(folder)
    elif source.kind == "folder":
        entries = list_source(resolve(source.root))
    else:
        raise UsageError(f"There is no source {source.kind!r}.", expected="demo, kaggle or folder")
    entries.loc[entries["generator"] == "fake", "generator"] = source.fake_generator
    return entries
