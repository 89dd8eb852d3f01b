"""How sharp a part of a picture is, in pixels of blur, whatever its contrast and however much of it there is.

The energy of the gradient across an edge that is blurred by a Gaussian of standard deviation s falls as 1 / s: the
integral of a squared Gaussian of deviation s is 1 / (2 sqrt(pi) s). Blurring once more, by a and by b > a, gives two
energies whose ratio R depends on s alone,

    R^2 = (s^2 + b^2) / (s^2 + a^2)    so    s^2 = (b^2 - R^2 a^2) / (R^2 - 1),

and pictures without a single edge, whose spectrum falls like an edge's, give the same. The first blur keeps noise and
compression out of it. The energy itself compares a limb with itself: motion that smears its edges over a length L
leaves 1 / L of it.

Shapes: H, W pixels of the picture.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from choreograft.video.size import scale_to_height

Grey = NDArray[np.float32]
Weights = NDArray[np.float32]

FINE_PX: Final = 1.0
COARSE_PX: Final = 2.0
"""The two further blurs, a and b."""
MOST_PX: Final = 20.0
"""Blur that cannot be told from more."""
ROWS: Final = 512
"""That whole pictures are measured at."""
_FAINTEST: Final = 0.25
"""Mean squared gradient, grey levels a pixel, below which a region has no edge to measure."""


@dataclass(frozen=True)
class Gradients:
    """The gradient of one picture at both scales, (2, H, W) each: along x, along y, grey levels a pixel."""

    fine: Grey
    coarse: Grey

    @staticmethod
    def of(grey: Grey) -> "Gradients":
        """Of a picture (H, W), grey levels 0..255."""
        return Gradients(_gradient(grey, FINE_PX), _gradient(grey, COARSE_PX))

    def blur_px(self, weight: Weights) -> float:
        """Standard deviation, px, of the blur in a region; NaN where it holds no edge.

        Args:
            weight: (H, W) how much each pixel counts, 0..1.
        """
        fine, coarse = _energy(self.fine, weight), _energy(self.coarse, weight)
        if not fine > _FAINTEST * float(weight.sum()):
            return float("nan")
        ratio2 = (fine / max(coarse, 1e-9)) ** 2
        if ratio2 <= 1:
            return MOST_PX
        variance = (COARSE_PX**2 - ratio2 * FINE_PX**2) / (ratio2 - 1)
        return min(MOST_PX, float(np.sqrt(max(0.0, variance))))

    def strength(self, weight: Weights) -> float:
        """Mean squared gradient in a region, (grey levels a pixel)^2; NaN for an empty one."""
        total = float(weight.sum())
        return _energy(self.fine, weight) / total if total > 0 else float("nan")


def measure_blur(pictures: Iterable[NDArray[np.uint8]]) -> float:
    """The median blur of whole pictures (H, W, 3) RGB: standard deviation, px of at most `ROWS` rows.

    NaN where none has an edge.
    """
    found = []
    for picture in pictures:
        small = scale_to_height(picture, min(ROWS, picture.shape[0]))
        grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
        found.append(Gradients.of(grey).blur_px(np.ones_like(grey)))
    known = [value for value in found if np.isfinite(value)]
    return float(np.median(known)) if known else float("nan")


def _gradient(grey: Grey, blur_px: float) -> Grey:
    smooth = cv2.GaussianBlur(grey, (0, 0), blur_px)
    return np.stack([cv2.Sobel(smooth, cv2.CV_32F, dx, 1 - dx, ksize=1, scale=0.5) for dx in (1, 0)])


def _energy(gradient: Grey, weight: Weights) -> float:
    return float(np.einsum("chw,chw,hw->", gradient, gradient, weight))
