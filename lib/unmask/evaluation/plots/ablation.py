"""Figure of an ablation: the recipe and its variants, on each kind of test faces."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from ..ablation import Measured
from ..formats import format_interval
from .style import FAINT, MODEL_COLORS, MODEL_MARKERS, described, new_figure, shortened, styled


@styled
def ablation_forest(measured: Sequence[Measured]) -> Figure:
    """Returns the test AUC of every variant with its 95% interval, one line a variant.

    Args:
        measured: see `ablation.measure_variants`.
    """
    variants = list(dict.fromkeys(each.variant for each in measured))
    kinds = list(dict.fromkeys(each.faces for each in measured))
    figure = new_figure(1.2 + 0.42 * len(variants))
    axes = figure.subplots()
    for look, kind in enumerate(kinds):
        own = [each for each in measured if each.faces == kind]
        for each in own:
            low, high = (each.auc.value if end is None else end
                         for end in (each.auc.low, each.auc.high))  # fmt: skip
            place = variants.index(each.variant) + 0.22 * (look - (len(kinds) - 1) / 2)
            axes.errorbar(
                each.auc.value,
                place,
                xerr=[[max(each.auc.value - low, 0)], [max(high - each.auc.value, 0)]],
                color=MODEL_COLORS[look],
                marker=MODEL_MARKERS[look],
                markersize=6,
                capsize=3,
                label=kind if each is own[0] else None,
            )
    axes.axvline(0.5, color=FAINT, linewidth=1, linestyle=":")
    axes.set_yticks(range(len(variants)), [shortened(name, 34) for name in variants])
    axes.set_ylim(len(variants) - 0.45, -0.55)
    axes.set(xlabel="AUC on test faces (0.5 is guessing, 1 is perfect)")
    axes.grid(axis="y", visible=False)
    figure.legend(loc="outside lower center", ncols=2)
    texts = [f"{each.variant}, {each.faces}: {format_interval(each.auc)}" for each in measured]
    return described(figure, f"Test AUC with 95% intervals. {'; '.join(texts)}.")
