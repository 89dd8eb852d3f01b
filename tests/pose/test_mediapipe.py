"""The embedded estimator: what it makes of the tasks' results, and that the tasks themselves start, see and stop."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, nullcontext
from threading import Thread
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from choreograft import assets
from choreograft.errors import DependencyError
from choreograft.pose import mediapipe as module
from choreograft.pose import skeleton
from choreograft.pose.mediapipe import MediaPipeEstimator, person_from_result
from choreograft.system import quiet_stderr
from choreograft.video.size import Size

SIZE = Size(400, 200)

needs_models = pytest.mark.skipif(
    any(assets.cached(asset) is None for asset in assets.ASSETS[:3]), reason="the model files are not in the cache"
)


def pose_result(x: float = 0.5, mask: float = 1.0) -> Any:
    """A result with one person whose 33 points all lie at (x, 0.25), and a mask of one value."""
    landmark = SimpleNamespace(x=x, y=0.25, z=-0.1, visibility=0.9, presence=0.5)
    picture = SimpleNamespace(numpy_view=lambda: np.full((200, 400, 1), mask, np.float32))
    return SimpleNamespace(
        pose_landmarks=[[landmark] * 33], pose_world_landmarks=[[landmark] * 33], segmentation_masks=[picture]
    )


def test_a_result_becomes_a_person_in_pixels() -> None:
    person = person_from_result(pose_result(), SIZE)
    assert person is not None
    np.testing.assert_allclose(person.xy[skeleton.LEFT_KNEE], [200, 50])
    assert person.depth[skeleton.LEFT_KNEE] == pytest.approx(-40)
    assert person.score[skeleton.LEFT_KNEE] == pytest.approx(0.45)
    np.testing.assert_allclose(person.world[skeleton.LEFT_KNEE], [0.5, 0.25, -0.1])


@pytest.mark.parametrize(("value", "expected"), [(0.0, 0), (0.5, 128), (1.0, 255), (1.2, 255), (-0.1, 0)])
def test_a_mask_is_scaled_to_bytes_without_wrapping_around(value: float, expected: int) -> None:
    person = person_from_result(pose_result(mask=value), SIZE)
    assert person is not None
    assert person.mask is not None
    assert person.mask.shape == (200, 400)
    assert set(np.unique(person.mask)) == {expected}


def test_a_result_without_people_is_nobody() -> None:
    empty = SimpleNamespace(pose_landmarks=[], pose_world_landmarks=[], segmentation_masks=None)
    assert person_from_result(empty, SIZE) is None


def test_a_missing_system_library_is_named_with_the_packages_to_install() -> None:
    message = "libEGL.so.1: cannot open shared object file: No such file or directory"
    with (
        pytest.raises(DependencyError, match=r"libEGL\.so\.1.*apt-get install .*libegl1$"),
        module._named_missing_libraries(),
    ):
        raise OSError(message)
    with pytest.raises(OSError, match="disk full"), module._named_missing_libraries():
        raise OSError("disk full")


def test_only_log_lines_are_kept_off_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    with module._quiet_stderr():
        os.write(2, b"W0000 00:00:1795412018.790241 1 calculator.cc:81] noise\nINFO: Created a delegate\nkept\n")
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "kept\nafter\n"


def test_several_threads_may_be_quiet_at_once(capfd: pytest.CaptureFixture[str]) -> None:
    def complain(number: int) -> None:
        with module._quiet_stderr():
            time.sleep(0.002)
            os.write(2, f"W0000 00:00:1795412018.790241 1 noise.cc:81] {number}\nkept {number}\n".encode())

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(complain, range(16)))
    os.write(2, b"after\n")
    *kept, after = capfd.readouterr().err.splitlines()
    assert sorted(kept) == sorted(f"kept {number}" for number in range(16))
    assert after == "after"


def test_the_name_tells_versions_and_models() -> None:
    name = MediaPipeEstimator().name
    assert name.startswith("mediapipe-1.")
    assert assets.POSE_LANDMARKER.sha256[:8] in name


@pytest.mark.models
@needs_models
def test_an_empty_frame_holds_nobody() -> None:
    grey = np.full((240, 320, 3), 128, np.uint8)
    with MediaPipeEstimator(max_people=2) as estimator:
        assert [estimator.find_people(grey, time_s) for time_s in (0.0, 0.04, 0.04, 0.08)] == [[]] * 4


@pytest.mark.models
@needs_models
def test_the_tasks_start_and_close_without_a_word() -> None:
    script = (
        "import numpy as np; from choreograft.pose.mediapipe import MediaPipeEstimator\n"
        "with MediaPipeEstimator() as e: e.find_people(np.zeros((120, 160, 3), np.uint8), 0.0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_task_that_waits_its_turn_to_be_made_holds_up_no_other() -> None:
    def make(options: int) -> Any:
        return nullcontext(SimpleNamespace(detect_for_video=lambda *_: options))

    one, other = (module._Task(ExitStack(), SimpleNamespace(create_from_options=make), n) for n in (1, 2))
    waiting, found = Thread(target=other.detect_for_video, args=(None, 0), daemon=True), []

    def look() -> None:
        with quiet_stderr(bool):
            waiting.start()
            waiting.join(0.2)  # by now it waits for standard error
            found.append(one.detect_for_video(None, 0))

    looking = Thread(target=look, daemon=True)
    looking.start()
    looking.join(20)
    waiting.join(20)
    assert found == [1]
    assert not waiting.is_alive()
