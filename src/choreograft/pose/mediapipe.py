"""The embedded estimator: MediaPipe's body, hand and face tasks. The only module that imports MediaPipe.

How the tasks are used was chosen by measurement. All run in video mode, which takes half the time of image mode and
half its jitter. Bodies: one task a person, each shown the frame without the people found before, for the task's own
search for several blends neighbours into one skeleton. Hands: one task each, on a crop that moves with the wrist; the
palm detector finds nothing in a full-length frame. Face: the same on a crop of the head.

Masks are (h, w) uint8, 255 = person, of any resolution. BlazePose gives 33 points, the hand model 21 in COCO's own
order, the face model 478 of which 68 lie where iBUG has its points. Left and right are the person's own in all of them.
Hands and heads are looked for in square, turned cut-outs of the frame: models see nothing of them in a full-length
picture. What is found there comes in shares of the crop (x, y, and z in shares of its side).
"""

import contextlib
import importlib
import importlib.metadata
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from choreograft.assets import FACE_LANDMARKER, HAND_LANDMARKER, POSE_LANDMARKER, fetch
from choreograft.errors import DependencyError
from choreograft.pose import skeleton
from choreograft.pose.track import MaskSequence, Person, Values, empty_arrays
from choreograft.progress import Progress, silent
from choreograft.system import explain_missing_library, quiet_stderr
from choreograft.video.size import Crop, Size

_RECIPE: Final = 1
"""Counts changes of this module that change tracks: part of the estimator's name."""
_MODELS: Final = (POSE_LANDMARKER, HAND_LANDMARKER, FACE_LANDMARKER)
_HAND_CONFIDENCE: Final = 0.2
"""Low, because the wrist says whether a find is right; at 0.5 up to a third of the hands go unseen."""
_DETAIL_STEP_MS: Final = 33
_LOG_LINE: Final = re.compile(rb"[IWE]\d{4} |INFO: |WARNING: ")
_HIDDEN: Final = 0.5
"""A find with more of its joints than this where others were taken out is their remains."""
_WORK_PX: Final = 96
"""Long side at which the surroundings are spread into the hole: it only has to look like nobody."""
_SPREADS_PX: Final = (3, 9, 27)
_PERSON: Final = 64
"""Mask value from which a pixel is taken out; low, for arms are faint in masks."""
FACE_POINTS: Final = 478

HAND_ROOT, THUMB_2, INDEX_1, PINKY_1 = 0, 2, 5, 17

_FEET: Final = (skeleton.LEFT_HEEL, skeleton.RIGHT_HEEL, skeleton.LEFT_BIG_TOE, skeleton.RIGHT_BIG_TOE)
BODY_FROM_POSE: Final = dict(
    zip((*range(skeleton.BODY.stop), *_FEET), (0, 2, 5, 7, 8, *range(11, 17), *range(23, 33)), strict=True)
)
"""COCO joint: BlazePose point. BlazePose has one toe a foot, which is COCO's big toe; the small toe stays unseen."""

COARSE_HANDS_FROM_POSE: Final = {
    hand.start + point: left + side
    for side, (hand, _) in enumerate(skeleton.HANDS)
    for point, left in ((HAND_ROOT, 15), (PINKY_1, 17), (INDEX_1, 19), (THUMB_2, 21))
}
"""Hand points that the body model knows roughly: they stand in where the hand model finds nothing."""

COARSE_HAND_TRUST: Final = 0.5
"""Their score is this share of the body model's."""

FACE_FROM_MESH: Final = (
    127, 234, 93, 58, 172, 136, 150, 176, 152, 400, 379, 365, 397, 288, 323, 454, 356,  # jaw, right ear to left ear
    70, 63, 105, 66, 107, 336, 296, 334, 293, 300,  # right eyebrow, left eyebrow
    168, 197, 5, 1, 98, 97, 2, 326, 327,  # bridge of the nose, nostrils
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,  # right eye, left eye
    61, 40, 37, 0, 267, 270, 291, 321, 314, 17, 84, 91,  # outer lips
    78, 81, 13, 311, 308, 402, 14, 178,  # inner lips
)  # fmt: skip
"""Face mesh vertex for each of the 68 iBUG points."""
assert len(FACE_FROM_MESH) == skeleton.FACE.stop - skeleton.FACE.start

_MIN_SCORE: Final = 0.02
"""A point below this is as good as unseen."""
_HAND_SIDE: Final = 1.0
"""Side of a hand's crop in body scales; smaller ones lose hands, larger ones catch the other hand."""
_HAND_OFF: Final = 0.16
"""How far a found hand's root and knuckles may be from the body's, in body scales."""
_MIN_WRIST: Final = 0.2
"""Below this score of its wrist a hand is not looked for."""
_HEAD_SIDE: Final = 1.0
_FACE_OFF: Final = 0.15
_MIN_FACE: Final = 0.5
"""Nose and eyes below this score belong to a head that is turned away."""
_UPRIGHT: Final = np.array([0, -1], np.float32)
_KNUCKLES: Final = [INDEX_1, PINKY_1]


def erase_person(image: NDArray[np.uint8], mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A copy of an RGB frame (H, W, 3) with blurred surroundings in the person's place."""
    whole = Size.of(image)
    small = whole.scaled(min(1.0, _WORK_PX / max(whole)))
    core = np.asarray(cv2.resize(mask, small, interpolation=cv2.INTER_AREA) >= _PERSON, dtype=np.uint8)
    hole = np.asarray(cv2.dilate(core, np.ones((3, 3), np.uint8)), dtype=np.uint8)
    fill = _spread(np.asarray(cv2.resize(image, small, interpolation=cv2.INTER_AREA), dtype=np.uint8), 1 - hole)
    erased = image.copy()
    cv2.copyTo(
        cv2.resize(fill, whole, interpolation=cv2.INTER_LINEAR),
        cv2.resize(hole, whole, interpolation=cv2.INTER_NEAREST),
        erased,
    )
    return erased


def _spread(image: NDArray[np.uint8], known: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The known pixels' colours, blurred over the whole picture; near ones outweigh far ones."""
    weight = known.astype(np.float32)
    colours, weights = np.zeros(image.shape, np.float32), np.full(known.shape, 1e-30, np.float32)
    for spread_px in _SPREADS_PX:
        fading = np.float32(10.0**-spread_px)
        colours += fading * cv2.GaussianBlur(image * weight[..., None], (0, 0), spread_px)
        weights += fading * cv2.GaussianBlur(weight, (0, 0), spread_px)
    return np.asarray(np.clip(colours / weights[..., None], 0, 255), dtype=np.uint8)


def hidden_share(person: Person, frame: Size, masks: list[NDArray[np.uint8]]) -> float:
    """Share of a person's body joints, 0..1, that lie where somebody was taken out."""
    xy = person.xy[skeleton.BODY] / frame
    xy = xy[np.isfinite(xy).all(-1)]
    hidden = np.zeros(len(xy), bool)
    for mask in masks:
        size = np.array(mask.shape[::-1])
        column, row = np.clip((xy * size).astype(int), 0, size - 1).T
        hidden |= mask[row, column] >= _PERSON
    return float(hidden.mean()) if len(hidden) else 1.0


class MediaPipeEstimator(contextlib.ExitStack):
    """A `PoseEstimator`. Each task is made when it is first needed; all are closed on leaving the context."""

    def __init__(self, max_people: int = 1, progress: Progress = silent) -> None:
        super().__init__()
        self.max_people = max_people
        self.progress = progress
        self._last_ms = -1
        self._detail_ms = 0
        self._has_warned = False

    @property
    def name(self) -> str:
        """MediaPipe's version, the models' checksums, and a number that counts changes of this module."""
        models = "-".join(asset.sha256[:8] for asset in _MODELS)
        return f"mediapipe-{importlib.metadata.version('mediapipe')}-{models}-{_RECIPE}"

    def __enter__(self) -> Self:
        """Fetch the models and import MediaPipe.

        Raises:
            AssetError: a model is neither cached nor reachable.
            DependencyError: a library of the system is missing; it may show when a task is made.
        """
        paths = [fetch(asset, self.progress) for asset in _MODELS]
        with _named_missing_libraries(), _quiet_stderr():
            self._plan_tasks(*paths)
        return self

    def _plan_tasks(self, pose: Path, hand: Path, face: Path) -> None:
        self._mediapipe = importlib.import_module("mediapipe")
        vision = importlib.import_module("mediapipe.tasks.python.vision")
        base = importlib.import_module("mediapipe.tasks.python").BaseOptions

        def plan(kind: str, model: Path, **options: Any) -> _Task:
            shown = getattr(vision, f"{kind}Options")(
                base_options=base(model_asset_path=str(model)), running_mode=vision.RunningMode.VIDEO, **options
            )
            return _Task(self, getattr(vision, kind), shown)

        self._bodies = [plan("PoseLandmarker", pose, output_segmentation_masks=True) for _ in range(self.max_people)]
        sure = {f"min_{what}_confidence": _HAND_CONFIDENCE for what in ("hand_detection", "hand_presence", "tracking")}
        self._hands = [plan("HandLandmarker", hand, num_hands=1, **sure) for _ in skeleton.HANDS]
        self._face = plan("FaceLandmarker", face, num_faces=1)

    def __exit__(self, *raised: Any) -> bool | None:
        with _quiet_stderr():
            return super().__exit__(*raised)

    def find_people(self, image: NDArray[np.uint8], time_s: float) -> list[Person]:
        """Everybody in an RGB frame (H, W, 3): body, feet, coarse hands, mask; frames come in order of `time_s`."""
        self._last_ms = max(round(time_s * 1000), self._last_ms + 1)
        people: list[Person] = []
        masks: list[NDArray[np.uint8]] = []
        left = image
        for task in self._bodies:
            if masks:
                left = erase_person(left, masks[-1])
            person = self._find_one(task, left)
            if person is None or person.mask is None or hidden_share(person, Size.of(image), masks) > _HIDDEN:
                break
            people.append(person)
            masks.append(person.mask)
        return people

    def _find_one(self, task: "_Task", image: NDArray[np.uint8]) -> Person | None:
        # the first person found makes the native side warn, once, of something that its own graph does
        with contextlib.nullcontext() if self._has_warned else _quiet_stderr():
            result = task.detect_for_video(self._picture(image), self._last_ms)
        self._has_warned |= bool(result.pose_landmarks)
        return person_from_result(result, Size.of(image))

    def add_detail(self, image: NDArray[np.uint8], person: Person) -> Person:
        """The same person with both hands and the face, where they are found and agree with the body."""
        self._detail_ms += _DETAIL_STEP_MS
        detailed = replace(person, xy=person.xy.copy(), score=person.score.copy(), depth=person.depth.copy())
        for task, (hand, wrist) in zip(self._hands, skeleton.HANDS, strict=True):
            crop = hand_crop(person, hand, wrist)
            if crop is not None:
                found = task.detect_for_video(self._picture(crop.cut(image)), self._detail_ms).hand_landmarks
                if found and not place_hand(detailed, _xyz(found[0]), crop, hand, wrist):
                    self._forget(task)
        head = head_crop(person)
        if head is not None:
            found = self._face.detect_for_video(self._picture(head.cut(image)), self._detail_ms).face_landmarks
            if found and not place_face(detailed, _xyz(found[0]), head):
                self._forget(self._face)
        return detailed

    def _forget(self, task: "_Task") -> None:
        """Show a task an empty picture: it would go on following the wrong hand or face from frame to frame."""
        task.detect_for_video(self._picture(np.full((64, 64, 3), 128, np.uint8)), self._detail_ms + 1)

    def _picture(self, image: NDArray[np.uint8]) -> Any:
        # MediaPipe ignores strides: a view of a padded frame would be read askew, and nobody found in it
        contiguous = np.ascontiguousarray(image)
        return self._mediapipe.Image(image_format=self._mediapipe.ImageFormat.SRGB, data=contiguous)


class _Task:
    """A task in video mode that is made when it is first shown a picture: each takes a tenth of a second."""

    def __init__(self, opened: contextlib.ExitStack, kind: Any, options: Any) -> None:
        self._opened, self._kind, self._options = opened, kind, options
        self._made: Any = None

    def detect_for_video(self, picture: Any, time_ms: int) -> Any:
        """The task's result; pictures come in order of their times."""
        if self._made is None:  # no cached_property: until Python 3.12 all tasks of all threads wait for one lock
            with _named_missing_libraries(), _quiet_stderr():
                self._made = self._opened.enter_context(self._kind.create_from_options(self._options))
        return self._made.detect_for_video(picture, time_ms)


def person_from_result(result: Any, size: Size) -> Person | None:
    """The surest person of a pose task's result for a frame of that size; None if it holds nobody."""
    if not result.pose_landmarks:
        return None
    points = result.pose_landmarks[0]
    score = np.array([point.visibility * point.presence for point in points], np.float32)
    mask = _small_mask(result.segmentation_masks[0].numpy_view(), MaskSequence.size_for(size))
    return person_from_pose(_xyz(points), score, _xyz(result.pose_world_landmarks[0]), size, mask)


def _xyz(landmarks: Any) -> Values:
    return np.array([(point.x, point.y, point.z) for point in landmarks], np.float32)


def _small_mask(mask: Values, size: Size) -> NDArray[np.uint8]:
    """A mask (H, W, 1) of 0..1 as (h, w) uint8, shrunk at once: full-size masks take long to pack."""
    small = cv2.resize(mask, size, interpolation=cv2.INTER_AREA)
    return np.asarray(np.rint(np.clip(small, 0, 1) * 255), dtype=np.uint8)


def person_from_pose(
    points: Values, score: Values, world: Values, size: Size, mask: NDArray[np.uint8] | None
) -> Person:
    """One BlazePose result as a person with body, feet and coarse hands.

    Args:
        points: (33, 3) x and y as shares of the frame's width and height, z as a share of its width, 0 at the hips.
        score: (33,) 0..1.
        world: (33, 3) m, origin between the hips, x right, y down, z away from the camera.
    """
    pairs = {**BODY_FROM_POSE, **COARSE_HANDS_FROM_POSE}
    joints, indices = list(pairs), list(pairs.values())
    person = Person.unseen(mask)
    person.xy[joints] = points[indices, :2] * size
    person.depth[joints] = points[indices, 2] * size.width
    person.world[joints] = world[indices]
    person.score[joints] = score[indices]
    person.score[list(COARSE_HANDS_FROM_POSE)] *= COARSE_HAND_TRUST
    unseen = person.score < _MIN_SCORE
    for name, empty in empty_arrays(1).items():
        getattr(person, name)[unseen] = empty[0, 0]
    return person


def body_scale_px(person: Person) -> float:
    """A length that hands and heads can be measured by: the torso's, or the shoulders' where the torso is bent away."""
    shoulders, hips = person.xy[list(skeleton.SHOULDERS)], person.xy[list(skeleton.HIPS)]
    lengths = (np.linalg.norm(shoulders.mean(0) - hips.mean(0)), 1.3 * np.linalg.norm(shoulders[0] - shoulders[1]))
    known = [float(length) for length in lengths if np.isfinite(length)]
    return max(known, default=0.0)


def hand_crop(person: Person, hand: slice, wrist: int) -> Crop | None:
    """A square around the knuckles as the body model sees them; None where the wrist is not seen or off the frame."""
    centre, scale_px = person.xy[hand][_KNUCKLES].mean(0), body_scale_px(person)
    if scale_px == 0 or person.score[wrist] < _MIN_WRIST or not np.isfinite(centre).all():
        return None
    return Crop(centre, _HAND_SIDE * scale_px, _UPRIGHT)


def place_hand(person: Person, points: Values, crop: Crop, hand: slice, wrist: int) -> bool:
    """Write a hand (21, 3) into `person` if it starts at this wrist and points the way the body model has it.

    Returns:
        Whether it did; false means that another hand was found, or none.
    """
    found, known = crop.to_frame(points[:, :2]), person.xy[hand]
    off = np.linalg.norm(found - known, axis=-1) / body_scale_px(person)
    root_off, knuckles_off = float(off[HAND_ROOT]), float(off[_KNUCKLES].mean())
    if not (root_off <= _HAND_OFF and knuckles_off <= _HAND_OFF):
        return False
    agreement = 1 - (root_off + knuckles_off) / (4 * _HAND_OFF)  # 1 where they meet, 0.5 at the limit
    depth = person.depth[wrist] + (points[:, 2] - points[HAND_ROOT, 2]) * crop.side_px
    person.xy[hand], person.depth[hand] = found, depth
    person.score[hand] = float(person.score[wrist]) * agreement
    return True


def head_crop(person: Person) -> Crop | None:
    """A square around the head, the neck pointing down; None where the head is turned away or not seen."""
    head, scale_px = person.xy[list(skeleton.HEAD)], body_scale_px(person)
    front = [skeleton.NOSE, *skeleton.EYES]
    if scale_px == 0 or person.score[front].min() < _MIN_FACE or not np.isfinite(head).all():
        return None
    if person.depth[skeleton.NOSE] > person.depth[list(skeleton.EARS)].mean():
        return None
    up = head.mean(0) - person.xy[list(skeleton.SHOULDERS)].mean(0)
    return Crop(head.mean(0), _HEAD_SIDE * scale_px, up if np.linalg.norm(up) > 0 else _UPRIGHT)


def place_face(person: Person, points: Values, crop: Crop) -> bool:
    """Write a face mesh (478, 3) into `person` as iBUG's 68 points if its eyes lie where the body model has them.

    Returns:
        Whether it did; false means that somebody else's face was found.
    """
    chosen = points[list(FACE_FROM_MESH)]
    found = crop.to_frame(chosen[:, :2])
    right_eye, left_eye, nose = found[36:42].mean(0), found[42:48].mean(0), found[30]
    seen = np.stack([left_eye, right_eye, nose])
    known = person.xy[[*skeleton.EYES, skeleton.NOSE]]
    off = float(np.linalg.norm(seen - known, axis=-1).mean()) / body_scale_px(person)
    if not off <= _FACE_OFF:
        return False
    person.xy[skeleton.FACE] = found
    person.depth[skeleton.FACE] = person.depth[skeleton.NOSE] + (chosen[:, 2] - chosen[30, 2]) * crop.side_px
    person.score[skeleton.FACE] = float(person.score[list(skeleton.HEAD)].mean()) * (1 - 0.5 * off / _FACE_OFF)
    return True


def _quiet_stderr() -> contextlib.AbstractContextManager[None]:
    """Keep the log lines of MediaPipe's native side off the terminal."""
    return quiet_stderr(_LOG_LINE.match)


@contextlib.contextmanager
def _named_missing_libraries() -> Iterator[None]:
    """Turn the dynamic loader's complaint about a system library into advice."""
    try:
        yield
    except (ImportError, OSError) as error:
        advice = explain_missing_library(error)
        if advice is None:
            raise
        raise DependencyError(advice) from error
