"""Timeline pictures: thumbnails along the time, and below them a row for every measure that changes over the clip.

Shapes: T frames, K parts that can be cut off, L limbs, M kinds of movement.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from choreograft.check.clips import Filmed
from choreograft.check.coverage import Coverage
from choreograft.check.footage import LIMBS
from choreograft.check.moves import MOVES
from choreograft.check.person import CUT
from choreograft.config import CheckConfig, Limit
from choreograft.files import atomic_path

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]

_WIDTH_IN: Final = 13.0
_DPI: Final = 100
_LEFT, _RIGHT = 0.19, 0.97
"""Where the time axis begins and ends, shares of the width."""
_CURVE_IN: Final = 0.75
_ROW_IN: Final = 0.19
_GAP_IN: Final = 0.3
_MARGIN_IN: Final = 0.55
GOOD, BAD, INK = "#4c8c6b", "#c8503c", "#33415c"
_LIMITS: Final = (("hint", "#d9a441"), ("warning", BAD))


class _Sheet:
    """Panels one below the other, all with the same time axis; drawn when all are known, since then its height is."""

    def __init__(self, title: str, end_s: float, cuts_s: Sequence[float]) -> None:
        self._title, self._end_s, self._cuts_s = title, max(end_s, 1e-3), cuts_s
        self._panels: list[tuple[float, Callable[[Axes], None]]] = []

    def thumbnails(self, pictures: Sequence[tuple[float, NDArray[np.uint8]]]) -> None:
        """A strip of pictures (h, w, 3), each under its time."""
        room_in = (_RIGHT - _LEFT) * _WIDTH_IN / max(1, len(pictures))
        tallest = max(image.shape[0] / image.shape[1] for _, image in pictures)
        self._panels.append((min(1.6, 0.96 * room_in * tallest), partial(_draw_strip, pictures=pictures)))

    def curve(self, label: str, time_s: Floats, values: Floats, limit: Limit | None) -> None:
        """A curve with its two limits."""
        self._panels.append((_CURVE_IN, partial(_draw_curve, label=label, time_s=time_s, values=values, limit=limit)))

    def bars(self, heading: str, time_s: Floats, rows: Mapping[str, Flags], colour: str) -> None:
        """A row for each name, filled where its flag is up."""
        self._panels.append(
            (_ROW_IN * len(rows), partial(_draw_bars, heading=heading, time_s=time_s, rows=rows, colour=colour))
        )

    def save(self, path: Path) -> None:
        """Draw everything into a PNG."""
        height_in = sum(height + _GAP_IN for height, _ in self._panels) + 2 * _MARGIN_IN
        figure = Figure(figsize=(_WIDTH_IN, height_in), dpi=_DPI)
        FigureCanvasAgg(figure)
        title = os.fsencode(self._title).decode(errors="replace")
        figure.text(0.02, 1 - 0.3 / height_in, title, fontsize=12, weight="bold", color=INK, parse_math=False)
        top = height_in - _MARGIN_IN
        axes = None
        for height, draw in self._panels:
            box = (_LEFT, (top - height) / height_in, _RIGHT - _LEFT, height / height_in)
            axes = figure.add_axes(box)
            axes.set_xlim(0, self._end_s)
            axes.tick_params(labelbottom=False, labelsize=7, length=2)
            for side in ("top", "right"):
                axes.spines[side].set_visible(False)
            draw(axes)
            for cut_s in self._cuts_s:
                axes.axvline(cut_s, color=BAD, linewidth=0.8, linestyle=":", zorder=0)
            top -= height + _GAP_IN
        if axes is not None:
            axes.tick_params(labelbottom=True)
            axes.set_xlabel("seconds", fontsize=8)
        with atomic_path(path) as temporary:
            figure.savefig(temporary, format="png")


def draw_clip(clip: Filmed, path: Path, config: CheckConfig) -> None:
    """The timeline of one video."""
    footage, person, time_s = clip.footage, clip.person, clip.track.time_s
    cuts_s = clip.report.cuts_s
    sheet = _Sheet(clip.video.name, _end_s(clip), cuts_s)
    sheet.thumbnails(footage.thumbnails)
    sheet.bars("dotted lines: cuts" if cuts_s else "", time_s, {"person in the picture": person.present}, GOOD)
    sheet.curve(
        "height of the person,\n% of the picture's", time_s, 100 * person.height, _percent(config.person_height)
    )
    sheet.curve("blur of the outline,\npx", time_s, footage.blur_px, config.blur_px)
    smeared = np.nan_to_num(footage.smear) > config.smear_lost
    names = {f"{limb.name} smeared": smeared[:, index] for index, limb in enumerate(LIMBS)}
    sheet.bars("motion blur", time_s, names, BAD)
    sheet.curve("camera shake,\n% of height", time_s, footage.camera.shake, config.shake)
    sheet.curve("camera drift,\n% of height", time_s, footage.camera.drift, config.drift)
    sheet.curve("brightness behind,\ngrey levels", time_s, footage.background_light, None)
    cut = {f"{end} out of the picture": person.cut[:, k] for k, end in enumerate(CUT)}
    sheet.bars("cut off", time_s, cut, BAD)
    sheet.bars("movement", time_s, {move.words: person.moves[:, m] for m, move in enumerate(MOVES)}, GOOD)
    sheet.save(path)


def draw_coverage(coverage: Coverage, source: Filmed, path: Path, config: CheckConfig) -> None:
    """The timeline of the dance held against what the target showed."""
    time_s = coverage.time_s
    sheet = _Sheet(f"{source.video.name}: what of it the target showed", _end_s(source), source.report.cuts_s)
    sheet.thumbnails(source.footage.thumbnails)
    worst = np.max(np.nan_to_num(np.stack(list(coverage.distance.values())), posinf=100.0), axis=0)
    bound = Limit(config.pose_distance, config.pose_distance)
    sheet.curve("farthest part from the\nnearest pose, % of height", time_s, worst, bound)
    far = {part: values > config.pose_distance for part, values in coverage.distance.items()}
    sheet.bars("pose never shown", time_s, far, BAD)
    turned = np.max(np.nan_to_num(np.stack(list(coverage.view_deg.values()))), axis=0)
    angle = Limit(config.view_angle_deg, config.view_angle_deg)
    sheet.curve("angle to the nearest\nview, degrees", time_s, turned, angle)
    aside = {part: values > config.view_angle_deg for part, values in coverage.view_deg.items()}
    sheet.bars("side never seen", time_s, aside, BAD)
    sheet.save(path)


def _draw_strip(axes: Axes, pictures: Sequence[tuple[float, NDArray[np.uint8]]]) -> None:
    """The pictures side by side, each with its time above; their places are those of their times, nearly."""
    axes.axis("off")
    count = len(pictures)
    for n, (time_s, image) in enumerate(pictures):
        inner = axes.inset_axes((n / count, 0, 1 / count, 1))
        inner.imshow(image, interpolation="antialiased")
        inner.set_title(f"{time_s:.1f} s", fontsize=7, pad=2)
        inner.axis("off")


def _draw_curve(axes: Axes, label: str, time_s: Floats, values: Floats, limit: Limit | None) -> None:
    axes.plot(time_s, values, color=INK, linewidth=1)
    known = values[np.isfinite(values)]
    top = float(known.max()) if len(known) else 1.0
    if limit is not None:
        for name, colour in _LIMITS:
            axes.axhline(getattr(limit, name), color=colour, linewidth=0.8, linestyle="--")
        top = max(top, 1.15 * limit.hint)
    axes.set_ylim(0, 1.08 * top if top > 0 else 1)
    axes.set_ylabel(label, rotation=0, ha="right", va="center", fontsize=8, labelpad=8)


def _draw_bars(axes: Axes, heading: str, time_s: Floats, rows: Mapping[str, Flags], colour: str) -> None:
    ends_s = np.append(time_s[1:], time_s[-1:] + (np.median(np.diff(time_s)) if len(time_s) > 1 else 1.0))
    for index, flags in enumerate(rows.values()):
        starts = np.flatnonzero(np.diff(flags.astype(int), prepend=0) == 1)
        stops = np.flatnonzero(np.diff(flags.astype(int), append=0) == -1)
        spans = [(time_s[a], ends_s[b] - time_s[a]) for a, b in zip(starts, stops, strict=True)]
        axes.broken_barh(spans, (index - 0.4, 0.8), color=colour, linewidth=0)
        axes.axhline(index, color="#dddddd", linewidth=0.5, zorder=0)
    axes.set_yticks(range(len(rows)), list(rows), fontsize=8)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_title(heading, fontsize=8, loc="left", pad=2, color=INK)


def _percent(limit: Limit) -> Limit:
    return Limit(100 * limit.hint, 100 * limit.warning)


def _end_s(clip: Filmed) -> float:
    return float(clip.track.time_s[-1]) + 1 / clip.rate
