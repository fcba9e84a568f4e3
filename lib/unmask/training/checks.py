"""Whether a setting is a number that training can go by."""

from __future__ import annotations

import math
from numbers import Integral, Real

from ..errors import UsageError


def check_whole(name: str, value: object, least: int) -> None:
    """Refuses what is no whole number of at least `least`; True and False are none.

    Raises:
        UsageError: naming the setting and its value.
    """
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    if not whole or value < least:
        raise UsageError(
            f"{name} cannot be {value!r}.", expected=f"a whole number, at least {least}"
        )


def check_number(
    name: str,
    value: object,
    least: float = 0.0,
    most: float = math.inf,
    *,
    above: bool = False,
    below: bool = False,
) -> None:
    """Refuses what is no finite number from `least` to `most`.

    Args:
        name: of the setting.
        value: of it.
        least, most: the limits, which are allowed themselves,
        above, below: unless the lower, or the upper one, is not.

    Raises:
        UsageError: naming the setting and its value.
    """
    number = isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
    low = number and (value > least if above else value >= least)
    if low and (value < most if below else value <= most):
        return
    words = f"a number {'above' if above else 'of at least'} {least:g}"
    if math.isfinite(most):
        words += f" and {'below' if below else 'at most'} {most:g}"
    raise UsageError(f"{name} cannot be {value!r}.", expected=words)
