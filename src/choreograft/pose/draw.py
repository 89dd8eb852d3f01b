"""Stick figures: coloured limbs and joints of the body, finger lines, dots for the face, on black.

Chan et al. 2019 after OpenPose's rendering (section 1 of docs/method.md). Colours tell limbs apart and belong to the
person's own left and right, so that a back view and a front view differ. What is nearer lies over what is farther,
where depth is known; that is ours.

Shapes: J = 133 joints, H W pixels. Pixel centres lie at integers + 0.5 for us and at integers for OpenCV.
"""

import colorsys
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from choreograft.config import StickFigureConfig
from choreograft.pose import skeleton
from choreograft.pose.track import PoseTrack
from choreograft.video.size import Size

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]
Color = tuple[int, int, int]
Point = tuple[float, float]

_FRACTION_BITS = 6
"""OpenCV takes coordinates as integers with this many binary places."""
_FARTHEST = 30
"""Points farther out than this many picture sizes are an estimator's failures, and would overflow those integers."""


def _color(hue: float, saturation: float = 1.0, value: float = 1.0) -> Color:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1.0, saturation, value)
    return round(255 * red), round(255 * green), round(255 * blue)


def _color_limbs() -> dict[tuple[int, int], Color]:
    """Pink to yellow on the person's right, turquoise to violet on the left, green across; neighbours far apart."""
    first_hue = {"right": 0.86, "left": 0.45}
    order = {side: iter((0, 4, 2, 6, 3, 7, 5, 1, 8)) for side in first_hue}
    colors = {}
    for a, b in skeleton.BODY_LIMBS:
        sides = {skeleton.NAMES[joint].partition("_")[0] for joint in (a, b)} & first_hue.keys()
        if len(sides) == 2:
            colors[a, b] = _color(0.33, value=1.0 if a == skeleton.LEFT_SHOULDER else 0.6)
        else:
            side = sides.pop()
            colors[a, b] = _color(first_hue[side] + 0.31 * next(order[side]) / 8)
    return colors


def _color_joints(limbs: dict[tuple[int, int], Color]) -> dict[int, Color]:
    """Every joint in a pale tint of the first limb that meets it."""
    joints: dict[int, Color] = {}
    for limb, (red, green, blue) in limbs.items():
        for joint in limb:
            joints.setdefault(joint, ((red + 255) // 2, (green + 255) // 2, (blue + 255) // 2))
    return joints


LIMB_COLORS: Final = _color_limbs()
JOINT_COLORS: Final = _color_joints(LIMB_COLORS)
DIM: Final = 0.6
NECK_COLOR: Final = _color(0.0, saturation=0.0, value=0.6)
FACE_COLOR: Final = _color(0.0, saturation=0.0)
FINGER_COLORS: Final = {
    skeleton.LEFT_HAND.start: [_color(hue, saturation=0.65) for hue in (0.44, 0.54, 0.62, 0.70, 0.78)],
    skeleton.RIGHT_HAND.start: [_color(hue, saturation=0.65) for hue in (0.88, 0.96, 0.04, 0.10, 0.17)],
}
"""By a hand's first joint: thumb, index, middle, ring and little finger."""


@dataclass(frozen=True)
class _Stroke:
    """A line with round ends, or a dot where both ends are one; px of the picture."""

    start: Point
    end: Point
    color: Color
    width_px: float


_Layer = tuple[float, list[_Stroke]]
"""Strokes at one depth; layers are painted from the farthest to the nearest, equals in the order they are made."""


def draw_pose(
    xy: Floats, score: Floats, size: Size, config: StickFigureConfig | None = None, depth: Floats | None = None
) -> Image:
    """Draw one pose on black.

    Args:
        xy: (J, 2) px of a picture of `size`; NaN and points off the picture are fine.
        score: (J,) 0..1; the thresholds of `config` decide what is drawn.
        depth: (J,) px, smaller = nearer, NaN where unknown; decides what covers what.
    Returns:
        (H, W, 3) uint8 RGB, antialiased.
    """
    return _draw_over(np.zeros((size.height, size.width, 3), np.uint8), xy, score, config or StickFigureConfig(), depth)


def draw_track_frame(track: PoseTrack, t: int, config: StickFigureConfig | None = None) -> Image:
    """Draw frame `t` of a track at the track's size: (H, W, 3) uint8 RGB, black where nobody is present."""
    return draw_pose(track.xy[t], track.score[t] * track.present[t], track.size, config, track.depth[t])


def overlay_pose(image: Image, xy: Floats, score: Floats, depth: Floats | None = None) -> Image:
    """Draw one pose over a picture (H, W, 3) uint8, darkened to the share `DIM`; otherwise like `draw_pose`."""
    dimmed = np.asarray(cv2.convertScaleAbs(image, alpha=DIM), dtype=np.uint8)
    return _draw_over(dimmed, xy, score, StickFigureConfig(), depth)


def _draw_over(image: Image, xy: Floats, score: Floats, config: StickFigureConfig, depth: Floats | None) -> Image:
    """Draw on a picture that is a whole multiple as large, then shrink it."""
    size = Size.of(image)
    factor = max(1, math.ceil(config.supersample_to / size.height))
    enlarged = size.scaled(factor)
    canvas = np.asarray(cv2.resize(image, enlarged, interpolation=cv2.INTER_NEAREST), dtype=np.uint8)
    _paint(canvas, _Figure.of(xy, score, depth, size, config).layers(), factor)
    return canvas if factor == 1 else np.asarray(cv2.resize(canvas, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


@dataclass(frozen=True)
class _Figure:
    """One pose as plain numbers, which are faster to look up one by one, and what is painted of it."""

    points: list[Point]
    score: list[float]
    depth: list[float]
    """0, the depth of the hips, where unknown."""
    drawable: list[bool]
    height: int
    """Of the picture."""
    config: StickFigureConfig

    @staticmethod
    def of(xy: Floats, score: Floats, depth: Floats | None, size: Size, config: StickFigureConfig) -> "_Figure":
        with np.errstate(invalid="ignore"):
            drawable = np.asarray((np.abs(xy) < _FARTHEST * max(size)).all(-1))  # false for NaN
        known_depth = np.zeros(len(xy)) if depth is None else np.nan_to_num(depth, nan=0.0)
        points = [(x, y) for x, y in xy.tolist()]
        return _Figure(points, score.tolist(), known_depth.tolist(), drawable.tolist(), size.height, config)

    def layers(self) -> list[_Layer]:
        """Everything there is to paint, farthest first."""
        hands = [(self.depth[wrist], self._hand(hand.start)) for hand, wrist in skeleton.HANDS]
        return sorted([*self._body(), self._face(), *hands], key=lambda layer: -layer[0])

    def _shows(self, threshold: float, *joints: int) -> bool:
        """Whether joints are to be drawn."""
        return all(self.drawable[joint] and self.score[joint] >= threshold for joint in joints)

    def _line(self, a: int, b: int, color: Color, width: float) -> _Stroke:
        """A line between joints, or a dot on one; `width` is a share of the picture's height."""
        return _Stroke(self.points[a], self.points[b], color, width * self.height)

    def _body(self) -> Iterable[_Layer]:
        """The neck, each limb with the joints at its ends, and joints of which no limb can be drawn.

        Lines and dots of the head are as fine as those of the face, which they would hide otherwise.
        """
        config, depth = self.config, self.depth
        if self._shows(config.body_threshold, *skeleton.SHOULDERS, skeleton.NOSE):
            (ax, ay), (bx, by) = (self.points[joint] for joint in skeleton.SHOULDERS)
            middle, bold = ((ax + bx) / 2, (ay + by) / 2), config.limb_width * self.height
            yield depth[skeleton.NOSE], [_Stroke(middle, self.points[skeleton.NOSE], NECK_COLOR, bold)]
        dots = {
            joint: self._line(joint, joint, color, config.face_dot if joint in skeleton.HEAD else config.joint_dot)
            for joint, color in JOINT_COLORS.items()
            if self._shows(config.body_threshold, joint)
        }
        loose = set(dots)
        for (a, b), color in LIMB_COLORS.items():
            if a in dots and b in dots:
                line = self._line(a, b, color, config.face_dot if b in skeleton.HEAD else config.limb_width)
                yield (depth[a] + depth[b]) / 2, [line, dots[a], dots[b]]
                loose -= {a, b}
        for joint in sorted(loose):
            yield depth[joint], [dots[joint]]

    def _face(self) -> _Layer:
        """All dots or none: the mean score of the face's points decides."""
        joints = range(skeleton.FACE.start, skeleton.FACE.stop)
        depth = min(self.depth[joint] for joint in skeleton.HEAD)
        if sum(self.score[joint] for joint in joints) / len(joints) < self.config.face_threshold:
            return depth, []
        seen = [joint for joint in joints if self.drawable[joint] and self.score[joint] > 0]
        return depth, [self._line(joint, joint, FACE_COLOR, self.config.face_dot) for joint in seen]

    def _hand(self, first: int) -> list[_Stroke]:
        """The lines of one hand, a colour a finger."""
        return [
            self._line(first + a, first + b, FINGER_COLORS[first][bone // 4], self.config.hand_width)
            for bone, (a, b) in enumerate(skeleton.HAND_BONES)
            if self._shows(self.config.hand_threshold, first + a, first + b)
        ]


def _paint(canvas: Image, layers: Iterable[_Layer], factor: int) -> None:
    """Paint strokes onto a canvas (H * factor, W * factor, 3), in place."""
    one = 1 << _FRACTION_BITS

    def fixed(point: Point) -> tuple[int, int]:
        return round((point[0] * factor - 0.5) * one), round((point[1] * factor - 0.5) * one)

    for _, strokes in layers:
        for stroke in strokes:
            width = stroke.width_px * factor
            start = fixed(stroke.start)
            if stroke.start == stroke.end:
                cv2.circle(canvas, start, round(width / 2 * one), stroke.color, -1, cv2.LINE_AA, _FRACTION_BITS)
            else:
                end, thickness = fixed(stroke.end), max(1, round(width))
                cv2.line(canvas, start, end, stroke.color, thickness, cv2.LINE_AA, _FRACTION_BITS)
