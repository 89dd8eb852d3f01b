"""The page: whole, self-contained, escaped, and showing what was judged."""

import base64
import io
import json
import math
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from choreograft.evaluate.report.exhibits import PICTURE_HEIGHT_PX, collect_exhibits, pick_pictures
from choreograft.evaluate.report.figures import PALETTE, Style, draw_dots, style_methods, thin_out
from choreograft.evaluate.report.page import build_page, write_report
from choreograft.evaluate.report.summary import summarise
from choreograft.evaluate.report.table import method_grids
from choreograft.evaluate.scores import Evaluation
from choreograft.progress import silent
from choreograft.video.size import Size
from evaluated import GROUNDS, RATE, SIZE, draw_square, film_squares, judge_squares, write_square

METHODS = ["draft", "full", '<b>odd</b> & "co"', "truth"]
CASES = ["waltz", "squats <1>"]
PERCEPTUAL = ("person", "perceptual")
VOID = {"meta", "img"}


class PageReader(HTMLParser):
    """Collects elements, their text and whether every tag is closed in order."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def find(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of all elements of a kind."""
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    folder = tmp_path_factory.mktemp("clips")
    return film_squares(judge_squares(CASES, METHODS, 30, folder))


@pytest.fixture(scope="module")
def text(evaluation: Evaluation, tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_report(evaluation, tmp_path_factory.mktemp("report")).page.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(text: str) -> PageReader:
    reader = PageReader()
    reader.feed(text)
    reader.close()
    return reader


def test_page_is_whole_and_asks_for_nothing(text: str, page: PageReader) -> None:
    assert page.open == []
    assert "http:" not in text
    assert "https:" not in text
    addresses = [each[key] for _, each in page.elements for key in ("src", "href", "poster") if key in each]
    assert all(address.startswith(("data:", "#")) for address in addresses)
    ids = [each["id"] for _, each in page.elements if "id" in each]
    assert len(ids) == len(set(ids))
    assert {tag for tag, _ in page.elements} & {"link", "iframe", "object"} == set()
    (policy,) = [each["content"] for each in page.find("meta") if each.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")


def test_page_names_every_method_and_case_as_text(text: str, page: PageReader) -> None:
    assert "<b>odd" not in text
    assert "<1>" not in text
    for name in METHODS + CASES:
        assert name in page.texts


def test_everything_can_be_told_without_seeing(page: PageReader) -> None:
    assert all(each.get("alt") for each in page.find("img"))
    assert all(each.get("scope") for each in page.find("th"))
    assert all(each.get("aria-label") or each.get("aria-hidden") for each in page.find("svg"))
    assert all(each.get("aria-label") for each in page.find("video"))


def test_every_case_and_metric_has_a_curve_to_choose(page: PageReader) -> None:
    figures = [(each["data-case"], each["data-measure"]) for each in page.find("figure") if "data-case" in each]
    assert len(figures) == len(set(figures)) == 2 * 11
    offered = {each["value"] for each in page.find("option")}
    assert {value for figure in figures for value in figure} == offered


def test_worst_frame_shows_source_truth_and_all_methods(evaluation: Evaluation) -> None:
    exhibition = collect_exhibits(evaluation, silent)
    moment, pictures = next(iter(exhibition.exhibits.items()))
    others = [method for method in METHODS[:3] if method != moment.method]
    assert [picture.title for picture in pictures] == ["source", "truth", moment.method, *others]
    assert [picture.is_worst for picture in pictures] == [False, False, True, False, False]
    index = round(moment.time_s * float(RATE))
    for picture in pictures[1:]:
        entry = next(e for e in evaluation.entries if (e.case, e.method) == (moment.case, picture.title))
        assert picture.value == entry.scores.series[PERCEPTUAL][index]
        shown = decode_picture(picture.address)
        wanted = draw_square(GROUNDS.get(picture.title, 220), index / 30, SIZE)
        assert shown.shape == (PICTURE_HEIGHT_PX, round(PICTURE_HEIGHT_PX * 32 / 48), 3)
        assert np.abs(cv2.resize(shown, SIZE, interpolation=cv2.INTER_AREA) - wanted.astype(float)).mean() < 4


def test_videos_play_all_panels_side_by_side(page: PageReader) -> None:
    videos = page.find("video")
    assert len(videos) == len(CASES)
    width = round(256 * 32 / 48 / 2 + 0.5) * 2
    for video in videos:
        frames = list(decode_video(video["src"]))
        assert len(frames) == 30
        assert frames[0].shape == (256, 5 * width, 3)
        for index in (0, 29):
            cells = [frames[index][:, panel * width : (panel + 1) * width] for panel in range(5)]
            grounds = [np.median(cell) for cell in cells]
            assert grounds == pytest.approx([40, 90, 140, 190, 220], abs=3)
        poster = decode_picture(video["poster"])
        assert poster.shape == frames[0].shape
        assert np.abs(poster - frames[0].astype(float)).mean() < 4


def test_picked_frames_are_those_nearest_in_time(tmp_path: Path) -> None:
    video = write_square(tmp_path / "clip.mp4", 90, 12, Size(96, PICTURE_HEIGHT_PX))
    times_s = [5.4 / 24, 0.0, 7.6 / 24, 99.0]
    found = pick_pictures(video, times_s)
    for time_s, index in zip(times_s, (5, 0, 8, 11), strict=True):
        wanted = draw_square(90, index / 12, Size(96, PICTURE_HEIGHT_PX))
        assert np.abs(found[time_s] - wanted.astype(float)).mean() < 2


def test_media_stay_within_their_room(evaluation: Evaluation) -> None:
    whole = collect_exhibits(evaluation, silent)
    pictures = sum(len(picture.address) for shown in whole.exhibits.values() for picture in shown)
    videos = sum(video.room for video in whole.videos.values())
    assert whole.notes == ()

    smaller = collect_exhibits(evaluation, silent, room=pictures + videos * 2 // 3)
    assert {video.panels[0][2].height for video in smaller.videos.values()} == {144}
    assert sum(video.room for video in smaller.videos.values()) <= videos * 2 // 3

    without = collect_exhibits(evaluation, silent, room=pictures)
    assert without.videos == {}
    assert [note.split(":")[0] for note in without.notes] == [f"The video of {case} is left out" for case in CASES]
    assert "is left out" in build_page(evaluation, summarise(evaluation), without)


def test_videos_that_have_gone_are_told_of(evaluation: Evaluation, tmp_path: Path) -> None:
    entries = [replace(entry, truth=tmp_path / "gone.mp4") for entry in evaluation.entries if entry.case == "waltz"]
    report = write_report(replace(evaluation, entries=tuple(entries)), tmp_path)
    text = report.page.read_text(encoding="utf-8")
    assert "gone.mp4" in text
    assert "<video" not in text
    assert json.loads(report.json.read_text())["methods"]["draft"]["frames"] == 30


def test_result_without_truth_or_source_is_shown_alone(evaluation: Evaluation, tmp_path: Path) -> None:
    entry = replace(evaluation.entries[0], truth=None, source=None)
    report = write_report(Evaluation("result", (entry,)), tmp_path)
    exhibition = collect_exhibits(Evaluation("result", (entry,)), silent)
    assert [title for title, *_ in exhibition.videos["waltz"].panels] == ["draft"]
    assert "There is no true video" in report.page.read_text(encoding="utf-8")


def test_curve_breaks_at_gaps_and_lies_where_its_values_do(text: str, evaluation: Evaluation) -> None:
    figure = re.search(r'<figure data-case="0" data-measure="frame-ssim">.*?</figure>', text, re.DOTALL)[0]
    paths = re.findall(r'<path d="([^"]*)" style="fill: none; [^"]*stroke: var\(--(\w+)\); stroke-width: 1.75', figure)
    assert [colour for _, colour in paths] == ["c0", "c1", "c2", "soft"]
    values = evaluation.entries[0].scores.series["frame", "ssim"]
    points = np.array(re.findall(r"[ML] ([\d.]+) ([\d.]+)", paths[0][0]), float)
    known = np.flatnonzero(np.isfinite(values))
    assert len(points) == len(known) == 27
    assert paths[0][0].count("M") == 2
    assert np.corrcoef(points[:, 0], known)[0, 1] == pytest.approx(1, abs=1e-6)
    assert np.corrcoef(points[:, 1], values[known])[0, 1] == pytest.approx(-1, abs=1e-4)


def test_figures_follow_the_pages_dress_and_keep_their_text(text: str, page: PageReader) -> None:
    for number in range(3):
        light, dark = PALETTE[f"c{number}"]
        assert f"--c{number}: {light};" in text
        assert f"--c{number}: {dark};" in text
    figures = "".join(re.findall(r"<svg.*?</svg>", text, re.DOTALL))
    assert not re.findall(r": #[0-9a-f]{6}", figures)
    assert page.texts.count("time, s") == len(CASES) * 11
    assert [name for name in METHODS if page.texts.count(name) < 11] == []  # a row in every panel


def test_names_are_shown_as_they_are_in_figures() -> None:
    names = ["{names[1]}", "$\\frac{$", "踊り手", "\udcff"]
    evaluation = judge_squares(CASES, names)
    (column,) = (each for each in method_grids(evaluation, summarise(evaluation))[0].columns if each.pair == PERCEPTUAL)
    figure = draw_dots(column, summarise(evaluation), style_methods(names))
    assert re.findall(r"<text[^>]*fill: var\(--ink\)[^>]*>(.*?)</text>", figure) == names


def test_long_curves_are_thinned_to_means() -> None:
    values = np.arange(10.0)
    values[4:8] = [np.nan, 5, np.nan, np.nan]
    time_s, means = thin_out(np.arange(10.0), values, points=5)
    assert time_s.tolist() == [0.5, 2.5, 4.5, 6.5, 8.5]
    assert means.tolist()[:3] == [0.5, 2.5, 5]
    assert math.isnan(means[3])
    assert means[4] == 8.5


def test_further_methods_are_dashed() -> None:
    styles = style_methods([*"abcdefg", "truth"])
    assert (styles["a"], styles["f"], styles["g"]) == (
        Style("c0", "solid"), Style("c5", "solid"), Style("c0", "dashed"),
    )  # fmt: skip
    assert styles["truth"] == Style("soft", "dotted")


def decode_picture(address: str | None) -> NDArray[np.uint8]:
    """(H, W, 3) RGB."""
    kind, data = re.fullmatch(r"data:image/(png|jpeg);base64,(.*)", address or "").groups()
    raw = base64.b64decode(data, validate=True)
    assert raw.startswith({"png": b"\x89PNG", "jpeg": b"\xff\xd8"}[kind])
    return cv2.cvtColor(cv2.imdecode(np.frombuffer(raw, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def decode_video(address: str | None) -> Iterator[NDArray[np.uint8]]:
    """(H, W, 3) RGB frames."""
    data = re.fullmatch(r"data:video/mp4;base64,(.*)", address or "")[1]
    with av.open(io.BytesIO(base64.b64decode(data, validate=True))) as container:
        assert container.streams.video[0].codec_context.name == "h264"
        yield from (frame.to_ndarray(format="rgb24") for frame in container.decode(video=0))
