"""The embedded estimator: MediaPipe's body, hand and face tasks. The only module that imports MediaPipe.

How the tasks are used was chosen by measurement. All run in video mode, which takes half the time of image mode and
half its jitter. Bodies: one task a person, each shown the frame without the people found before, for the task's own
search for several blends neighbours into one skeleton. Hands: one task each, on a crop that moves with the wrist; the
palm detector finds nothing in a full-length frame. Face: the same on a crop of the head.

Masks are (h, w) uint8, 255 = person, of any resolution.
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
from choreograft.pose.detail import hand_crop, head_crop, person_from_pose, place_face, place_hand
from choreograft.pose.track import MaskSequence, Person
from choreograft.progress import Progress, silent
from choreograft.system import explain_missing_library, quiet_stderr
from choreograft.video.size import Size

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


def hidden_share(person: Person, width_px: int, height_px: int, masks: list[NDArray[np.uint8]]) -> float:
    """Share of a person's body joints, 0..1, that lie where somebody was taken out."""
    xy = person.xy[skeleton.BODY] / (width_px, height_px)
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

    def find_people(self, image: NDArray[np.uint8], time_s: float) -> list[Person]:
        """Everybody in an RGB frame (H, W, 3): body, feet, coarse hands, mask; frames come in order of `time_s`."""
        height_px, width_px = image.shape[:2]
        self._last_ms = max(round(time_s * 1000), self._last_ms + 1)
        people: list[Person] = []
        masks: list[NDArray[np.uint8]] = []
        left = image
        for task in self._bodies:
            if masks:
                left = erase_person(left, masks[-1])
            person = self._find_one(task, left)
            if person is None or person.mask is None or hidden_share(person, width_px, height_px, masks) > _HIDDEN:
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
    return person_from_pose(_xyz(points), score, _xyz(result.pose_world_landmarks[0]), *size, mask)


def _xyz(landmarks: Any) -> NDArray[np.float32]:
    return np.array([(point.x, point.y, point.z) for point in landmarks], np.float32)


def _small_mask(mask: NDArray[np.float32], size: Size) -> NDArray[np.uint8]:
    """A mask (H, W, 1) of 0..1 as (h, w) uint8, shrunk at once: full-size masks take long to pack."""
    small = cv2.resize(mask, size, interpolation=cv2.INTER_AREA)
    return np.asarray(np.rint(np.clip(small, 0, 1) * 255), dtype=np.uint8)


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
