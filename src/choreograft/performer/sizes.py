"""Which sizes a performer draws at; known without loading torch."""

from typing import Final

from choreograft.errors import OptionError
from choreograft.presets import Preset
from choreograft.video.size import Size

MAX_SHORT_SIDE: Final = 1080
"""Of a result, px: what people film. Larger footage is kept at this size."""


def canvas_size(preset: Preset, video: Size) -> Size:
    """The frame a performer of this preset draws for a target video of this size.

    As tall as the preset says; the width follows the video's shape, to the nearest multiple that the generator needs.
    """
    step = preset.canvas_step
    width = max(step, round(preset.height_px * video.width / video.height / step) * step)
    return Size(width, preset.height_px)


def full_size(video: Size) -> Size:
    """The size of results for footage of a size: its own, even, up to `MAX_SHORT_SIDE` on the shorter side."""
    shrink = min(1.0, MAX_SHORT_SIDE / min(video))
    return Size(*(max(2, round(side * shrink / 2) * 2) for side in video))


def pick_size(name: str, canvas: Size, full: Size | None, height: int | None) -> Size:
    """The size of results of somebody who is drawn on a canvas and, where the references are kept so, at full size.

    Args:
        name: theirs.
        height: px; None for the full size, or the canvas's where there is none.
    Raises:
        OptionError: a height that they cannot be drawn at.
    """
    largest = full or canvas
    if height is None or height == largest.height:
        return largest
    if height == canvas.height:
        return canvas
    if not canvas.height < height < largest.height:
        expected = f"{canvas.height} to {largest.height}"
        if largest.height <= canvas.height:
            expected = " or ".join(map(str, sorted({largest.height, canvas.height})))
        raise OptionError(f"--height is {height}; expected {expected}, which {name} can be drawn at")
    return Size(2 * round(largest.width * height / largest.height / 2), 2 * round(height / 2))
