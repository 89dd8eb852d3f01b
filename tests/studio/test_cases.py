from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from choreograft.errors import OptionError
from choreograft.options import StudioOptions
from choreograft.studio import pairs
from choreograft.studio.costume import costume_of
from choreograft.studio.filming import LIGHTS, find_joints, true_track
from choreograft.studio.pairs import CASES, PairSpec, find_case, render_chosen, with_seed
from choreograft.studio.performers import find_performer
from choreograft.studio.render import Take, perform
from choreograft.studio.room import ROOMS
from choreograft.studio.routines import ROUTINES

WHOLE_BODY = [name for name in CASES if name != "close_up"]


def test_the_standard_set_is_complete_and_in_order() -> None:
    assert list(CASES) == [
        "same_build", "short_to_tall", "broad_to_slim", "camera_30", "camera_low", "walk_in_depth", "fast_turn",
        "front_only", "close_up",
    ]  # fmt: skip
    for name, spec in CASES.items():
        assert spec.name == name
        assert (spec.rate, spec.seconds, spec.showcase_seconds) == (24, 4.0, 20.0)
        assert {spec.target_room, spec.source_room} <= set(ROOMS)
        assert {spec.target_light, spec.source_light} <= set(LIGHTS)
        assert spec.target_room != spec.source_room
        assert max(spec.source_camera.size) in range(480, 641)
        assert not any(side % 2 for side in (*spec.source_camera.size, *spec.target_camera.size))


def test_all_but_the_close_up_share_one_target_clip_in_the_performers_shape() -> None:
    clips = {CASES[name].takes()["target"] for name in WHOLE_BODY if name != "front_only"}
    assert len(clips) == 1
    assert not clips & {CASES[name].takes()["target"] for name in ("front_only", "close_up")}
    for spec in CASES.values():
        width, height = spec.target_camera.size
        assert 192 * height == 256 * width


def test_no_two_cases_show_the_same_motion_or_source() -> None:
    specs = [spec for spec in CASES.values() if spec.name != "front_only"]
    assert len({(spec.motion, spec.seed) for spec in specs}) == len(specs)
    assert len({spec.source for spec in specs}) == len(specs)


def test_who_was_filmed_from_the_front_alone_does_the_fast_turn() -> None:
    spec = CASES["front_only"]
    assert replace(CASES["fast_turn"], name="front_only", shown="gestures") == spec
    shown = ROUTINES[spec.shown](spec.showcase_seconds, spec.rate, 0)
    assert np.abs(shown["turn"] + shown["torso"][:, 2]).max() < 60  # the back is never seen


def _truth(spec: PairSpec, name: str) -> tuple[Take, np.ndarray]:
    take = replace(spec.takes()[name], rate=Fraction(12))
    body = costume_of(take.performer).body
    return take, true_track(find_joints(body, perform(body, take)), take.camera, take.rate, None).xy


@pytest.mark.parametrize("name", WHOLE_BODY)
def test_the_whole_body_stays_in_the_picture(name: str) -> None:
    pytest.importorskip("anny", reason="needs the extra 'studio'")
    clips = ("target", "source", "truth") if name == "same_build" else ("source", "truth")
    for clip in clips:
        take, xy = _truth(CASES[name], clip)
        known = xy[np.isfinite(xy).all(axis=-1)]
        assert (known > 0.01 * np.asarray(take.camera.size)).all(), clip
        assert (known < 0.99 * np.asarray(take.camera.size)).all(), clip


def test_other_seeds_are_other_instances_of_the_same_case() -> None:
    for spec in CASES.values():
        assert with_seed(spec, 0) == spec
        first, again, other = with_seed(spec, 1), with_seed(spec, 1), with_seed(spec, 2)
        assert first == again
        assert first.seed != other.seed
        assert first.takes()["target"] == spec.takes()["target"]
        assert first.source_room not in (spec.source_room, spec.target_room)
        assert first.source_camera == spec.source_camera
        find_performer(first.source)
    assert with_seed(CASES["short_to_tall"], 1).motion == "improvise"
    assert with_seed(CASES["broad_to_slim"], 1).source == CASES["broad_to_slim"].source
    assert with_seed(CASES["camera_30"], 1).source != with_seed(CASES["camera_30"], 2).source


def test_an_unknown_case_is_answered_with_those_there_are() -> None:
    assert find_case("fast_turn") is CASES["fast_turn"]
    with pytest.raises(OptionError, match="no case is called 'moonwalk'; there are same_build, short_to_tall"):
        find_case("moonwalk")


def test_the_command_line_chooses_and_changes_cases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: list[PairSpec] = []

    def note(specs: list[PairSpec], *_: Any) -> list[Any]:
        chosen.extend(specs)
        return []

    monkeypatch.setattr(pairs, "render_cases", note)
    render_chosen(StudioOptions(tmp_path))
    assert chosen == list(CASES.values())
    chosen.clear()
    render_chosen(StudioOptions(tmp_path, case=("fast_turn",), source="seed-7", motion="walk", seconds=2.0))
    assert chosen == [replace(CASES["fast_turn"], source="seed-7", motion="walk", seconds=2.0)]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"case": ("moonwalk",)}, "no case is called 'moonwalk'"),
        ({"source": "zoe"}, "zoe"),
        ({"motion": "dance.mp4"}, "no routine or track is called 'dance.mp4'"),
        ({"seconds": 0.0}, "--seconds is 0"),
        ({"seed": -1}, "--seed is -1"),
    ],
)
def test_wrong_names_are_refused_before_rendering(tmp_path: Path, change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(OptionError, match=sentence):
        render_chosen(StudioOptions(tmp_path, **change))
    assert list(tmp_path.iterdir()) == []
