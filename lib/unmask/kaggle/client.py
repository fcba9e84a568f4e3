"""The official client, wrapped: every call over a bad network, every answer as plain data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from ..sources.kaggle import authenticated_client
from .chain import Kernel
from .launcher import read_request
from .retrying import (
    IMPATIENT,
    Patience,
    Refused,
    explained,
    limit_waiting,
    quiet,
    timed_adapter,
    trouble_of,
    with_patience,
)

Answer = TypeVar("Answer")

PAGE = 100
LOG_LINES = 12


@dataclass(frozen=True)
class Saved:
    """What Kaggle said of a pushed kernel: `error` and `invalid` are empty when all is well."""

    version: int = 0
    error: str = ""
    invalid: tuple[str, ...] = ()


@dataclass(frozen=True)
class Quota:
    """GPU hours left this week, and when the next week begins (UTC); None where unknown."""

    hours_left: float
    refresh: datetime | None = None

    @property
    def refresh_words(self) -> str:
        return f"{self.refresh:%Y-%m-%d %H:%M} UTC" if self.refresh else "within a week"


@dataclass
class Client:
    """An account on Kaggle. Make one with `Client.login`.

    Attributes:
        api: the official client.
        owner: the account's name.
        tell: called with words while a call waits for the network, and with "" afterwards.
        patience: seconds after which one call is given up.
    """

    api: Any
    owner: str
    tell: Callable[[str], None] = field(default=lambda words: None)
    patience: float = IMPATIENT

    @classmethod
    def login(cls, tell: Callable[[str], None], patience: float = IMPATIENT) -> Client:
        """Logs in with the credentials that are there.

        Raises:
            UsageError: there are none, or Kaggle does not accept them.
            DataError: Kaggle cannot be reached.
        """
        api = with_patience(authenticated_client, tell, min(patience, IMPATIENT))
        limit_waiting()
        return cls(api, api.get_config_value(api.CONFIG_NAME_USER), tell, patience)

    def call(self, ask: Callable[[Any], Answer]) -> Answer:
        """Returns what `ask` gets from Kaggle, given a kagglesdk client; tried again as needed.

        Raises:
            Refused: Kaggle said no.
            DataError: it cannot be reached.
        """
        return with_patience(lambda: self._ask(ask), self.tell, self.patience)

    def _ask(self, ask: Callable[[Any], Answer]) -> Answer:
        with self.api.build_kaggle_client() as client:
            session = client.http_client()._session
            for scheme in ("http://", "https://"):
                session.mount(scheme, timed_adapter()())
            return ask(client)

    def save_kernel(self, kernel: Kernel, text: str, timeout: int | None, **sent: Any) -> Saved:
        """Pushes a kernel, once: after a lost answer Kaggle is asked whether it arrived.

        Args:
            kernel: as in the chain.
            text: of its launcher.
            timeout: seconds after which Kaggle ends it; None for Kaggle's own limit.
            sent: slug, title and sources (slugs of kernels), where they differ from the chain's.

        Raises:
            Refused: Kaggle said no.
            DataError: it cannot be reached.
        """
        request = self._save_request(kernel, text, timeout, **sent)
        patience = Patience(self.tell, self.patience)
        while True:
            try:
                with quiet():
                    answer = self._ask(lambda client: _kernels(client).save_kernel(request))
            except Exception as error:
                trouble = trouble_of(error)
                if trouble is None:
                    raise explained(error) from error
                patience.wait(trouble, error)
                arrived = None if trouble.untouched else self._arrived(request, text)
                if arrived is not None:
                    patience.over()
                    return arrived
            else:
                patience.over()
                return _saved(answer)

    def _save_request(
        self, kernel: Kernel, text: str, timeout: int | None, slug: str, title: str, sources: Any
    ) -> Any:
        from kagglesdk.kernels.types.kernels_api_service import ApiSaveKernelRequest

        request = ApiSaveKernelRequest()
        request.slug, request.new_title = f"{self.owner}/{slug}", title
        request.text, request.language, request.kernel_type = text, "python", "notebook"
        request.is_private, request.enable_tpu = True, False
        request.enable_gpu, request.enable_internet = kernel.gpu, bool(kernel.internet)
        request.machine_shape = kernel.machine_shape or None
        request.dataset_data_sources = list(kernel.datasets)
        request.kernel_data_sources = [f"{self.owner}/{each}" for each in sources]
        request.model_data_sources = list(kernel.models)
        request.competition_data_sources, request.category_ids = [], []
        request.session_timeout_seconds = timeout
        return request

    def _arrived(self, request: Any, text: str) -> Saved | None:
        """Returns what became of a push whose answer was lost; None when it never arrived."""
        kept = self.kernel(request.slug.partition("/")[2])
        if kept is None or read_request(kept[0]) != read_request(text):
            return None
        # What could not be attached is not told again; the kernel itself says what it lacks.
        return Saved(kept[1].current_version_number or 0)

    def kernel(self, slug: str) -> tuple[str, Any] | None:
        """Returns source and metadata of one of the account's kernels; None when there is none."""
        from kagglesdk.kernels.types.kernels_api_service import ApiGetKernelRequest

        request = ApiGetKernelRequest()
        request.user_name, request.kernel_slug = self.owner, slug
        try:
            answer = self.call(lambda client: _kernels(client).get_kernel(request))
        except Refused as refused:
            if refused.not_there:
                return None
            raise
        return (answer.blob.source or "", answer.metadata) if answer.blob else None

    def status(self, slug: str) -> tuple[str, str]:
        """Returns the state of a kernel's latest session, such as "RUNNING", and why it failed."""
        from kagglesdk.kernels.types.kernels_api_service import ApiGetKernelSessionStatusRequest

        request = ApiGetKernelSessionStatusRequest()
        request.user_name, request.kernel_slug = self.owner, slug
        answer = self.call(lambda client: _kernels(client).get_kernel_session_status(request))
        return answer.status.name, answer.failure_message or ""

    def outputs(self, slug: str) -> dict[str, str]:
        """Returns the files that a kernel left: name and the address it can be fetched from."""
        from kagglesdk.kernels.types.kernels_api_service import ApiListKernelSessionOutputRequest

        request = ApiListKernelSessionOutputRequest()
        request.user_name, request.kernel_slug = self.owner, slug
        request.page_size = PAGE
        found: dict[str, str] = {}
        while True:
            answer = self.call(lambda client: _kernels(client).list_kernel_session_output(request))
            found |= {item.file_name: item.url for item in answer.files or []}
            if not answer.next_page_token:
                return found
            request.page_token = answer.next_page_token

    def end_of_log(self, slug: str) -> str:
        """Returns the last lines of an ended kernel's log; "" where Kaggle gives none."""
        name = f"{self.owner}/{slug}"

        def read() -> list[str]:
            events = self.api.kernels_logs_stream(name)
            return [str(event.get("data", "")) for event in events]

        try:
            text = "".join(with_patience(read, self.tell, self.patience))
        except (Refused, ValueError):
            return ""
        return "\n".join([line for line in text.splitlines() if line.strip()][-LOG_LINES:])

    def quota(self) -> Quota | None:
        """Returns what is left of this week's GPU hours; None where the server does not tell."""
        try:
            answer = with_patience(self.api.quota_view, self.tell, self.patience)
        except Refused:
            return None
        gpu = answer.gpu_quota
        if gpu is None or gpu.total_time_allowed is None:
            return None
        used = [each.total_seconds() for each in (gpu.time_used, gpu.time_reserved) if each]
        left = gpu.total_time_allowed.total_seconds() - sum(used)
        return Quota(max(left, 0.0) / 3600, answer.quota_refresh_time)

    def dataset_status(self, handle: str) -> str:
        """Returns "ready", "not_yet_persisted", "failed", …; "" when there is no such dataset."""
        try:
            return with_patience(
                lambda: self.api.dataset_status(handle), self.tell, self.patience
            ).lower()
        except Refused as refused:
            if refused.not_there:
                return ""
            raise

    def dataset_file(self, handle: str, name: str) -> bytes | None:
        """Returns a small file of a dataset's newest version; None when it is not there."""
        from kagglesdk.datasets.types.dataset_api_service import ApiDownloadDatasetRequest

        request = ApiDownloadDatasetRequest()
        request.owner_slug, request.dataset_slug = handle.split("/")[:2]
        request.file_name = name

        def ask(client: Any) -> bytes:
            answer = client.datasets.dataset_api_client.download_dataset(request)
            with answer:
                return answer.content

        try:
            return self.call(ask)
        except Refused as refused:
            if refused.not_there:
                return None
            raise

    def upload_dataset(self, folder: Path, notes: str, *, new: bool) -> str:
        """Uploads a folder as a dataset or a version of one; returns Kaggle's complaint, or ""."""

        def upload() -> Any:
            if new:
                return self.api.dataset_create_new(str(folder), quiet=True, dir_mode="zip")
            return self.api.dataset_create_version(
                str(folder), notes, quiet=True, dir_mode="zip", convert_to_csv=False
            )

        answer = with_patience(upload, self.tell, self.patience)
        wrong = (answer.status or "").lower() == "error"
        return answer.error or ("Kaggle gave no reason" if wrong else "")


def _saved(answer: Any) -> Saved:
    kinds = ("dataset", "kernel", "model", "competition")
    lists = [getattr(answer, f"invalid_{kind}_sources") or [] for kind in kinds]
    invalid = tuple(name for names in lists for name in names)
    return Saved(answer.version_number or 0, answer.error or "", invalid)


def _kernels(client: Any) -> Any:
    return client.kernels.kernels_api_client
