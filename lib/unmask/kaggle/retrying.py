"""Calls over a network that comes and goes: which failures pass, and how long to wait."""

from __future__ import annotations

import contextlib
import io
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from ..errors import DataError, UnmaskError, UsageError
from ..sources.kaggle_errors import WAYS_TO_LOG_IN
from ..suite.display import clock

Answer = TypeVar("Answer")

FIRST_PAUSE, LONGEST_PAUSE, GROWTH = 0.5, 60.0, 1.8
TOLD_EVERY = 1.0
# Seconds to connect, and between two pieces of an answer. The client itself would wait for ever.
TIMEOUTS = (20.0, 120.0)
# How long one call is tried: while kernels are followed over a night, and otherwise.
PATIENT, IMPATIENT = 24 * 3600.0, 600.0


class Refused(DataError):
    """Kaggle's server answered, and said no. `status` is the HTTP status."""

    def __init__(self, status: int, what: str, **words: str):
        super().__init__(what, **words)
        self.status = status

    @property
    def not_there(self) -> bool:
        """Whether it means that there is no such thing: Kaggle says 403 of what nobody has."""
        return self.status in (403, 404)


@dataclass(frozen=True)
class Trouble:
    """A failure that may pass.

    Attributes:
        reason: in words.
        wait: seconds the server asked for; None when it did not.
        untouched: whether it is certain that the server did nothing.
    """

    reason: str
    wait: float | None = None
    untouched: bool = False


def trouble_of(error: Exception) -> Trouble | None:
    """Returns what may pass about a failure; None when waiting does not help."""
    import requests
    import urllib3

    response = getattr(error, "response", None)
    status = getattr(response, "status_code", None)
    if status == 429:
        wait = _seconds(response.headers.get("Retry-After"))
        return Trouble("Kaggle asks to slow down", wait, untouched=True)
    if status is not None and (status >= 500 or status == 408):
        return Trouble(f"Kaggle's server fails ({status})")
    if status is not None and status >= 400:
        return None
    network = (requests.RequestException, urllib3.exceptions.HTTPError, ConnectionError)
    if isinstance(error, (*network, TimeoutError)):
        return Trouble("no connection")
    if isinstance(error, json.JSONDecodeError):
        return Trouble("an answer that is not Kaggle's")
    return None


class Patience:
    """Waits longer and longer between the tries of one call, and says so.

    Args:
        tell: called with words while it waits, and with "" when it is over.
        seconds: after which it gives up.
    """

    def __init__(self, tell: Callable[[str], None], seconds: float):
        self.tell, self.seconds = tell, seconds
        self.began: float | None = None
        self.pause = FIRST_PAUSE

    def wait(self, trouble: Trouble, error: Exception) -> None:
        """Pauses after a failure.

        Raises:
            DataError: it has lasted too long.
        """
        now = time.monotonic()
        self.began = now if self.began is None else self.began
        if now - self.began > self.seconds:
            raise DataError(
                f"Kaggle could not be reached for {clock(self.seconds)}: {trouble.reason} "
                f"({without_signatures(error)}).",
                expected="a connection to kaggle.com",
                fix="run the same command again; kernels go on, and nothing is pushed twice",
            ) from error
        end = now + (trouble.wait or self.pause)
        self.pause = min(self.pause * GROWTH, LONGEST_PAUSE)
        while (left := end - time.monotonic()) > 0:
            lasted = clock(time.monotonic() - self.began)
            self.tell(f"{trouble.reason} for {lasted}, trying again")
            time.sleep(min(left, TOLD_EVERY))

    def over(self) -> None:
        """Notes that a call went through."""
        if self.began is not None:
            self.tell("")


def with_patience(
    call: Callable[[], Answer], tell: Callable[[str], None], seconds: float = IMPATIENT
) -> Answer:
    """Returns what `call` returns, tried again over drops of the network and a busy server.

    Only for calls that may be repeated.

    Raises:
        Refused: the server said no.
        DataError: it could not be reached for `seconds`.
    """
    patience = Patience(tell, seconds)
    while True:
        try:
            with quiet():
                answer = call()
        except UnmaskError:
            raise
        except Exception as error:
            trouble = trouble_of(error)
            if trouble is None:
                raise explained(error) from error
            patience.wait(trouble, error)
        else:
            patience.over()
            return answer


def explained(error: Exception) -> Exception:
    """Returns a refusal of the server in the user's terms; any other error as it is."""
    response = getattr(error, "response", None)
    status = getattr(response, "status_code", None)
    if status is None:
        return error
    if status == 401:
        return UsageError(
            "Kaggle does not accept these credentials (401).",
            expected="a Kaggle account's valid credentials",
            fix=WAYS_TO_LOG_IN,
        )
    return Refused(
        status,
        f"Kaggle refused ({status}): {without_signatures(error)}",
        expected="an account with a verified phone number, which Kaggle wants of those who push"
        if status == 403
        else "",
        fix="see what Kaggle says, put it right and run again; kernels go on meanwhile",
    )


def without_signatures(error: Exception) -> str:
    """Returns an error's words less what follows addresses: signatures that let anybody in."""
    return re.sub(r"\?[^\s'\"()]+", "?...", str(error))


@contextlib.contextmanager
def quiet() -> Any:
    """Keeps what the official client prints (help, warnings, bars) off the live table."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


def timed_adapter() -> type:
    """Returns the class of a transport that gives up on a connection gone silent."""
    import requests

    class TimedAdapter(requests.adapters.HTTPAdapter):
        def send(self, request: Any, *args: Any, **settings: Any) -> Any:
            settings["timeout"] = settings.get("timeout") or TIMEOUTS
            return super().send(request, *args, **settings)

    return TimedAdapter


def limit_waiting() -> None:
    """Lets uploads, for which the client makes sessions of its own, give up as well."""
    from kaggle.api import kaggle_api_extended

    kaggle_api_extended.HTTPAdapter = timed_adapter()


def _seconds(text: str | None) -> float | None:
    try:
        return max(float(text), 0.0)
    except (TypeError, ValueError):
        return None
