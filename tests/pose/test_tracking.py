"""From frames to one person's track, with an estimator that reads people off coloured squares."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Self

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from choreograft.errors import PersonError, VideoError
from choreograft.pose import skeleton, tracking
from choreograft.pose.track import Person
from choreograft.pose.tracking import Tracker, TrackingConfig, count_people, load_or_track
from choreograft.progress import Progress
from choreograft.video.picture import TimedPicture
from choreograft.video.read import Frame, VideoInfo
from choreograft.video.size import Size

SIZE = Size(320, 240)
RATE = Fraction(25)
RED, BLUE = (200, 0, 0), (0, 0, 200)
CONFIG = TrackingConfig(min_height_px=40)


class SquareEstimator:
    """Takes each square of one pure colour for a person who fills it; marks the hands when asked for detail."""

    name = "squares-1"
    made: list[int]
    detailed: int
    converted: list[int]
    """Indices of the frames that were converted one by one, as the first look does."""

    def __init__(self, max_people: int, progress: Progress) -> None:
        self.max_people = max_people
        SquareEstimator.made.append(max_people)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def find_people(self, image: NDArray[np.uint8], time_s: float) -> list[Person]:
        found = [square_person(image, colour) for colour in (RED, BLUE)]
        return [person for person in found if person is not None][: self.max_people]

    def add_detail(self, image: NDArray[np.uint8], person: Person) -> Person:
        SquareEstimator.detailed += 1
        xy, score = person.xy.copy(), person.score.copy()
        xy[skeleton.LEFT_HAND], score[skeleton.LEFT_HAND] = xy[skeleton.LEFT_WRIST], 0.5
        return replace(person, xy=xy, score=score)


def square_person(image: NDArray[np.uint8], colour: tuple[int, int, int]) -> Person | None:
    mask = (image == np.array(colour, np.uint8)).all(-1)
    if not mask.any():
        return None
    rows, columns = np.nonzero(mask)
    xy = np.full((skeleton.JOINTS, 2), np.nan, np.float32)
    xy[skeleton.BODY] = np.stack(
        [np.linspace(columns.min(), columns.max(), 17), np.linspace(rows.min(), rows.max(), 17)], -1
    )
    score = np.where(np.isfinite(xy[:, 0]), 0.9, 0).astype(np.float32)
    unknown = np.full((skeleton.JOINTS, 3), np.nan, np.float32)
    return Person(xy, score, unknown[:, 0], unknown, mask.astype(np.uint8) * 255)


Square = tuple[int, int, int, tuple[int, int, int]]


def picture(*squares: Square) -> NDArray[np.uint8]:
    image = np.full((SIZE.height, SIZE.width, 3), 90, np.uint8)
    for left, top, side, colour in squares:
        image[top : top + side, left : left + side] = colour
    return image


@pytest.fixture
def film(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """A function that makes `tracking` read the given pictures from a file that exists."""
    SquareEstimator.made, SquareEstimator.detailed, SquareEstimator.converted = [], 0, []
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"any bytes")

    def load(pictures: list[NDArray[np.uint8]]) -> Path:
        def probe(path: Path) -> VideoInfo:
            if not path.exists():
                raise VideoError(f"{path} does not exist")
            return VideoInfo(path, SIZE, RATE, len(pictures) / 25, len(pictures), has_sound=False)

        def read_frames(path: Path) -> Iterator[Frame]:
            for index, image in enumerate(pictures):
                time = Fraction(index) / RATE
                yield Frame(index, float(time), time, image)

        def read_pictures(path: Path) -> Iterator[TimedPicture]:
            for frame in read_frames(path):
                yield TimedPicture(frame.time, None, partial(convert, frame))

        def convert(frame: Frame) -> NDArray[np.uint8]:
            SquareEstimator.converted.append(frame.index)
            return frame.image

        monkeypatch.setattr(tracking, "probe", probe)
        monkeypatch.setattr(tracking, "read_pictures", read_pictures)
        monkeypatch.setattr(tracking, "read_frames", read_frames)
        return path

    return load


def test_a_track_has_one_entry_for_every_frame_and_knows_where_the_person_was(film) -> None:
    path = film([picture() if t in (3, 4) else picture((20 + 5 * t, 60, 100, RED)) for t in range(20)])
    track = Tracker(path, CONFIG, estimator=SquareEstimator).track()
    assert (len(track), track.size, track.rate) == (20, SIZE, RATE)
    np.testing.assert_allclose(track.time_s, np.arange(20) / 25)
    assert [t for t in range(20) if not track.present[t]] == [3, 4]
    assert track.xy[10, skeleton.NOSE].tolist() == [70, 60]
    assert np.isnan(track.xy[3]).all()
    assert track.score[3].max() == 0
    assert (track.score[10, skeleton.LEFT_HAND] == 0.5).all()


def test_a_cut_in_the_picture_begins_another_shot(film) -> None:
    room = cv2.resize(np.random.default_rng(1).integers(0, 150, (15, 20, 3), np.uint8), tuple(SIZE))
    pictures = [picture((20 + 2 * t, 60, 100, RED)) for t in range(30)]
    for image in pictures[15:]:
        empty = (image == 90).all(-1)
        image[empty] = room[empty]
    track = Tracker(film(pictures), CONFIG, estimator=SquareEstimator).track()
    assert track.shot.tolist() == track.view.tolist() == [0] * 15 + [1] * 15


def test_masks_are_kept_and_are_empty_where_nobody_is(film) -> None:
    path = film([picture((40, 60, 100, RED)), picture(), picture((40, 60, 100, RED))])
    track = Tracker(path, CONFIG, estimator=SquareEstimator).track()
    assert track.masks is not None
    assert [int((track.masks[t] > 128).sum()) for t in range(3)] == [100 * 100, 0, 100 * 100]


def test_details_are_looked_for_on_the_person_followed_alone(film) -> None:
    path = film([picture((20, 60, 120, RED), (200, 60, 80, BLUE)) for _ in range(12)])
    track = Tracker(path, CONFIG, estimator=SquareEstimator).track()
    assert SquareEstimator.detailed == 12
    assert track.xy[0, skeleton.NOSE, 0] == 20


def test_the_second_person_can_be_chosen(film) -> None:
    path = film([picture((20, 60, 120, RED), (200, 60, 80, BLUE)) for _ in range(12)])
    track = Tracker(path, CONFIG, person=2, estimator=SquareEstimator).track()
    assert track.xy[0, skeleton.NOSE, 0] == 200
    with pytest.raises(PersonError, match=r"clip\.mp4: found 2 people, expected at least 3"):
        Tracker(path, CONFIG, person=3, estimator=SquareEstimator).track()


def test_one_person_is_tracked_by_the_faster_search(film) -> None:
    alone = film([picture((20, 60, 100, RED)) for _ in range(12)])
    Tracker(alone, CONFIG, estimator=SquareEstimator).track()
    assert SquareEstimator.made == [CONFIG.max_people, 1]
    SquareEstimator.made = []
    together = film([picture((20, 60, 100, RED), (200, 60, 80, BLUE)) for _ in range(12)])
    Tracker(together, CONFIG, estimator=SquareEstimator).track()
    assert SquareEstimator.made == [CONFIG.max_people, CONFIG.max_people]


def test_the_first_look_converts_a_few_frames_alone_and_stops_when_it_knows(film) -> None:
    alone = film([picture((20, 60, 100, RED)) for _ in range(50)])
    looks = count_people(alone, CONFIG, estimator=SquareEstimator)
    assert SquareEstimator.converted[:2] == [2, 7]
    assert SquareEstimator.converted == np.rint(looks.time_s * 25).tolist()
    SquareEstimator.converted = []
    together = film([picture((20, 60, 100, RED), (200, 60, 80, BLUE)) for _ in range(50)])
    Tracker(together, CONFIG, estimator=SquareEstimator).track()
    assert SquareEstimator.converted == [2, 7]


def test_where_the_close_look_was_misled_it_begins_anew_with_the_person_followed_alone(film) -> None:
    def show(t: int) -> NDArray[np.uint8]:
        return picture((240, 150, 50, BLUE)) if t == 9 else picture((20, 60, 100, RED))

    track = Tracker(film([show(t) for t in range(20)]), CONFIG, estimator=SquareEstimator).track()
    assert [t for t in range(20) if not track.present[t]] == [9]
    assert SquareEstimator.made == [CONFIG.max_people, 1, 1]
    assert SquareEstimator.detailed == 20 + 19
    assert (track.score[track.present][:, skeleton.LEFT_HAND] == 0.5).all()


def test_people_are_counted_without_being_followed(film) -> None:
    alone = [picture((20, 60, 100, RED))] * 50
    together = [picture((20, 60, 100, RED), (200, 60, 80, BLUE))] * 25
    found = count_people(film(alone + together + [picture()] * 25), CONFIG, estimator=SquareEstimator)
    expected = np.where(found.time_s < 2, 1, np.where(found.time_s < 3, 2, 0))
    np.testing.assert_array_equal(found.people, expected)
    assert set(found.people) == {0, 1, 2}
    assert SquareEstimator.detailed == 0


def test_an_empty_street_is_refused(film) -> None:
    with pytest.raises(PersonError, match=r"clip\.mp4: found nobody; expected"):
        Tracker(film([picture()] * 10), CONFIG, estimator=SquareEstimator).track()


def test_a_blurred_empty_street_is_told_to_be_blurred(film) -> None:
    street = np.kron(np.random.default_rng(0).integers(0, 2, (15, 20, 1)) * 200, np.ones((16, 16, 3))).astype(np.uint8)
    soft = cv2.GaussianBlur(street, (0, 0), 6)
    with pytest.raises(PersonError, match=r"clip\.mp4: found nobody; expected"):
        Tracker(film([street] * 10), CONFIG, estimator=SquareEstimator).track()
    with pytest.raises(PersonError, match=r"clip\.mp4: found nobody, and the pictures are blurred by \d px"):
        Tracker(film([soft] * 10), CONFIG, estimator=SquareEstimator).track()


def test_a_moment_is_no_video(film) -> None:
    with pytest.raises(PersonError, match=r"clip\.mp4: found nobody in 2 frames; expected a video of some seconds"):
        Tracker(film([picture()] * 2), CONFIG, estimator=SquareEstimator).track()


def test_somebody_seen_for_a_moment_is_not_enough(film) -> None:
    path = film([picture((20, 60, 100, RED)) if t < 3 else picture() for t in range(100)])
    with pytest.raises(PersonError, match="only 3 of 100 frames"):
        Tracker(path, CONFIG, estimator=SquareEstimator).track()


def test_a_person_too_small_is_refused_with_the_height_measured(film) -> None:
    path = film([picture((20, 60, 31, RED)) for _ in range(10)])
    with pytest.raises(PersonError, match="30 px tall; expected at least 40 px"):
        Tracker(path, CONFIG, estimator=SquareEstimator).track()


def test_no_video_is_tracked_twice(film, tmp_path: Path) -> None:
    path = film([picture((20, 60, 100, RED)) for _ in range(12)])
    folder = tmp_path / "tracks"
    first = load_or_track(path, folder, CONFIG, estimator=SquareEstimator)
    again = load_or_track(path, folder, CONFIG, estimator=SquareEstimator)
    assert SquareEstimator.detailed == 12
    np.testing.assert_array_equal(first.xy, again.xy)
    assert len(list(folder.iterdir())) == 1


def test_other_bytes_or_options_or_a_damaged_file_are_tracked_anew(film, tmp_path: Path) -> None:
    path = film([picture((20, 60, 100, RED)) for _ in range(12)])
    folder = tmp_path / "tracks"
    load_or_track(path, folder, CONFIG, estimator=SquareEstimator)
    load_or_track(path, folder, replace(CONFIG, max_people=2), estimator=SquareEstimator)
    path.write_bytes(b"other bytes")
    load_or_track(path, folder, CONFIG, estimator=SquareEstimator)
    assert SquareEstimator.detailed == 36
    for kept in folder.iterdir():
        kept.write_bytes(b"damaged")
    assert load_or_track(path, folder, CONFIG, estimator=SquareEstimator).present.all()
    assert SquareEstimator.detailed == 48


def test_a_missing_video_is_the_readers_error(film, tmp_path: Path) -> None:
    film([])
    with pytest.raises(VideoError, match="does not exist"):
        load_or_track(tmp_path / "absent.mp4", tmp_path, CONFIG, estimator=SquareEstimator)
