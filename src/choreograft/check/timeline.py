"""Timeline pictures: thumbnails along the time, and below them a row for every measure that changes over the clip.

Shapes: T frames, K parts that can be cut off, L limbs, M kinds of movement.
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from choreograft.check.coverage import POSE_DISTANCE, VIEW_ANGLE_DEG, Coverage, Flags, Floats, find_runs
from choreograft.check.filmed import CUT, Filmed
from choreograft.check.moves import MOVES
from choreograft.check.pictures import LIMBS
from choreograft.check.rules import LIMITS, Limit
from choreograft.files import atomic_path

Panel = tuple[float, Callable[[Axes], None]]
"""Its height, in, and what draws it once that of the whole picture is known."""

_WIDTH_IN: Final = 13.0
_DPI: Final = 100
_LEFT, _RIGHT = 0.19, 0.97
"""Where the time axis begins and ends, shares of the width."""
_CURVE_IN: Final = 0.75
_ROW_IN: Final = 0.19
_GAP_IN: Final = 0.3
_MARGIN_IN: Final = 0.55
GOOD, HINT, BAD, INK = "#4c8c6b", "#d9a441", "#c8503c", "#33415c"


def draw_clip(clip: Filmed, path: Path) -> None:
    """The timeline of one video."""
    footage, time_s = clip.footage, clip.track.time_s
    cuts = "dotted lines: cuts" if clip.report.cuts_s else ""
    height = Limit(*(100 * share for share in LIMITS["person_height"]))
    panels = [
        _bars(cuts, time_s, {"person in the picture": clip.track.present}, GOOD),
        _curve("height of the person,\n% of the picture's", time_s, 100 * clip.height, height),
        _curve("blur of the outline,\npx", time_s, footage.blur_px, LIMITS["blur"]),
        _bars("motion blur", time_s, _name([f"{limb} smeared" for limb in LIMBS], footage.smeared), BAD),
        _curve("camera shake,\n% of height", time_s, footage.camera.shake, LIMITS["camera_shake"]),
        _curve("camera drift,\n% of height", time_s, footage.camera.drift, LIMITS["camera_drift"]),
        _curve("brightness behind,\ngrey levels", time_s, footage.background_light, None),
        _bars("cut off", time_s, _name([f"{end} out of the picture" for end in CUT], clip.cut), BAD),
        _bars("movement", time_s, _name(MOVES.values(), clip.moves), GOOD),
    ]
    _save(path, clip.video.name, clip, panels)


def draw_coverage(coverage: Coverage, source: Filmed, path: Path) -> None:
    """The timeline of the dance held against what the target showed."""
    time_s = coverage.time_s
    worst = np.max(np.nan_to_num(np.stack(list(coverage.distance.values())), posinf=100.0), axis=0)
    turned = np.max(np.nan_to_num(np.stack(list(coverage.view_deg.values()))), axis=0)
    far = {part: values > POSE_DISTANCE for part, values in coverage.distance.items()}
    aside = {part: values > VIEW_ANGLE_DEG for part, values in coverage.view_deg.items()}
    panels = [
        _curve("farthest part from the\nnearest pose, % of height", time_s, worst, Limit(POSE_DISTANCE, POSE_DISTANCE)),
        _bars("pose never shown", time_s, far, BAD),
        _curve("angle to the nearest\nview, degrees", time_s, turned, Limit(VIEW_ANGLE_DEG, VIEW_ANGLE_DEG)),
        _bars("side never seen", time_s, aside, BAD),
    ]
    _save(path, f"{source.video.name}: what of it the target showed", source, panels)


def _name(names: Iterable[str], flags: Flags) -> dict[str, Flags]:
    """The columns of flags (T, N) by their names."""
    return dict(zip(names, flags.T, strict=True))


def _save(path: Path, title: str, clip: Filmed, panels: Sequence[Panel]) -> None:
    """Draw the clip's thumbnails and panels one below the other, all with the same time axis, into a PNG."""
    panels = [_strip(clip.footage.thumbnails), *panels]
    height_in = sum(height + _GAP_IN for height, _ in panels) + 2 * _MARGIN_IN
    figure = Figure(figsize=(_WIDTH_IN, height_in), dpi=_DPI)
    told = os.fsencode(title).decode(errors="replace")
    figure.text(0.02, 1 - 0.3 / height_in, told, fontsize=12, weight="bold", color=INK, parse_math=False)
    top = height_in - _MARGIN_IN
    for number, (height, draw) in enumerate(panels, start=1):
        axes = figure.add_axes((_LEFT, (top - height) / height_in, _RIGHT - _LEFT, height / height_in))
        axes.set_xlim(0, max(float(clip.track.time_s[-1]) + 1 / clip.rate, 1e-3))
        axes.tick_params(labelbottom=number == len(panels), labelsize=7, length=2)
        axes.spines[["top", "right"]].set_visible(False)
        draw(axes)
        for cut_s in clip.report.cuts_s:
            axes.axvline(cut_s, color=BAD, linewidth=0.8, linestyle=":", zorder=0)
        top -= height + _GAP_IN
    axes.set_xlabel("seconds", fontsize=8)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png")


def _strip(pictures: Sequence[tuple[float, NDArray[np.uint8]]]) -> Panel:
    """Pictures (h, w, 3) side by side, each with its time above; their places are those of their times, nearly."""
    count = len(pictures)
    room_in = (_RIGHT - _LEFT) * _WIDTH_IN / max(1, count)
    tallest = max(image.shape[0] / image.shape[1] for _, image in pictures)

    def draw(axes: Axes) -> None:
        axes.axis("off")
        for n, (time_s, image) in enumerate(pictures):
            inner = axes.inset_axes((n / count, 0, 1 / count, 1))
            inner.imshow(image, interpolation="antialiased")
            inner.set_title(f"{time_s:.1f} s", fontsize=7, pad=2)
            inner.axis("off")

    return min(1.6, 0.96 * room_in * tallest), draw


def _curve(label: str, time_s: Floats, values: Floats, limit: Limit | None) -> Panel:
    """A curve with its two limits."""

    def draw(axes: Axes) -> None:
        axes.plot(time_s, values, color=INK, linewidth=1)
        known = values[np.isfinite(values)]
        top = float(known.max()) if len(known) else 1.0
        if limit is not None:
            axes.axhline(limit.hint, color=HINT, linewidth=0.8, linestyle="--")
            axes.axhline(limit.warning, color=BAD, linewidth=0.8, linestyle="--")
            top = max(top, 1.15 * limit.hint)
        axes.set_ylim(0, 1.08 * top if top > 0 else 1)
        axes.set_ylabel(label, rotation=0, ha="right", va="center", fontsize=8, labelpad=8)

    return _CURVE_IN, draw


def _bars(heading: str, time_s: Floats, rows: Mapping[str, Flags], colour: str) -> Panel:
    """A row for each name, filled where its flag is up."""

    def draw(axes: Axes) -> None:
        ends_s = np.append(time_s[1:], time_s[-1:] + (np.median(np.diff(time_s)) if len(time_s) > 1 else 1.0))
        for index, flags in enumerate(rows.values()):
            spans = [(time_s[run][0], ends_s[run][-1] - time_s[run][0]) for run in find_runs(flags)]
            axes.broken_barh(spans, (index - 0.4, 0.8), color=colour, linewidth=0)
            axes.axhline(index, color="#dddddd", linewidth=0.5, zorder=0)
        axes.set_yticks(range(len(rows)), list(rows), fontsize=8)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_title(heading, fontsize=8, loc="left", pad=2, color=INK)

    return _ROW_IN * len(rows), draw
