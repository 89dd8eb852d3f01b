"""`evaluation.html`: one file that shows everything and asks for no other.

All text that comes from outside passes `html.escape`.
"""

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

from choreograft import __version__
from choreograft.evaluate.report.document import to_plain
from choreograft.evaluate.report.exhibits import Exhibit, Exhibition, Picture
from choreograft.evaluate.report.grid import SIGNATURE, Cell, Column, Grid, Row, case_grids, method_grids, write_value
from choreograft.evaluate.report.media import CaseVideo
from choreograft.evaluate.report.page_figures import show_curves, show_means
from choreograft.evaluate.report.style import SCRIPT, STYLE
from choreograft.evaluate.report.summary import Summary
from choreograft.evaluate.scores import METRICS, TRUTH, Evaluation, Kind

POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; media-src data:"
)
"""Keeps browsers from fetching anything, whatever the page may say."""
ENLARGED: Final = 2
"""How large videos may be shown: at their own size the controls cover the feet."""
KINDS: Final[Mapping[Kind, str]] = {
    "pair": "Every result is held against the truth: a video of the target dancing the very same motion.",
    "holdout": "Every result is held against frames of the target that no method was trained on.",
    "result": "There is no true video: every result is held against the pose that was asked for.",
}
ABOUT_TRUTH: Final = (
    "The row “truth” is the true video judged as if it were a result: the best that can be reached, and the noise of"
    " the instruments. It does not compete."
)
ABOUT_MEANS: Final = (
    "Means over all frames that have a value, so that long cases weigh more, with 95 % intervals by a moving block"
    " bootstrap over half-seconds of video. Arrows point to the better side; the best method is bold and tinted."
)


def build_page(evaluation: Evaluation, summary: Summary, exhibition: Exhibition) -> str:
    """The whole page."""
    sections = [
        ("summary", "Methods", _show_methods(evaluation, summary)),
        ("means", "Means and intervals", show_means(evaluation, summary)),
        ("cases", "Cases", _show_cases(evaluation, summary)),
        ("curves", "Over time", show_curves(evaluation, summary)),
        ("worst", "Worst frames", _show_worst(exhibition)),
        ("videos", "Videos", _show_videos(exhibition)),
        ("facts", "How it was made", _show_facts(evaluation)),
    ]
    shown = [(name, title, body) for name, title, body in sections if body]
    links = "".join(f'<a href="#{name}">{title}</a>' for name, title, _ in shown)
    bodies = "".join(f'<section id="{name}"><h2>{title}</h2>{body}</section>\n' for name, title, body in shown)
    title = _title(evaluation)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f'<meta name="generator" content="choreograft {__version__}"><style>{STYLE}</style></head>\n'
        f"<body><header><h1>{title}</h1>{_show_header(evaluation, exhibition)}<nav>{links}</nav></header>\n"
        f"<main>{bodies}</main><script>{SCRIPT}</script></body></html>\n"
    )


def _title(evaluation: Evaluation) -> str:
    methods = [method for method in evaluation.methods if method != TRUTH]
    return f"Evaluation of {escape(', '.join(methods))}"


def _show_header(evaluation: Evaluation, exhibition: Exhibition) -> str:
    cases = evaluation.cases
    frames = sum(max(e.scores.frames for e in evaluation.entries if e.case == case) for case in cases)
    count = f"{len(cases)} {'case' if len(cases) == 1 else 'cases'}, {frames} frames"
    notes = "".join(f"<li>{escape(note)}</li>" for note in (*evaluation.notes, *exhibition.notes))
    return f'<p class="lead">{count}. {KINDS[evaluation.kind]}</p><p>Cases: {escape(", ".join(cases))}.</p>' + (
        f'<ul class="notes">{notes}</ul>' if notes else ""
    )


def _show_methods(evaluation: Evaluation, summary: Summary) -> str:
    about = f"<p>{ABOUT_MEANS}</p>" + (f"<p>{ABOUT_TRUTH}</p>" if TRUTH in evaluation.methods else "")
    grids = method_grids(evaluation, summary)
    used = dict.fromkeys(column.metric.name for grid in grids for column in grid.columns)
    meanings = [METRICS.get(name, SIGNATURE) for name in used]
    terms = "".join(f"<dt>{escape(m.title)}</dt><dd>{escape(m.meaning)}</dd>" for m in meanings)
    return about + "".join(_show_grid(grid, with_range=True) for grid in grids) + f"<dl>{terms}</dl>"


def _show_cases(evaluation: Evaluation, summary: Summary) -> str:
    if len(evaluation.cases) < 2:
        return ""
    return "".join(_show_grid(grid, with_range=False) for grid in case_grids(evaluation, summary))


def _show_grid(grid: Grid, with_range: bool) -> str:
    heads = "".join(f'<th scope="col" class="label">{head}</th>' for head in grid.label_heads)
    heads += "".join(
        f'<th scope="col"><span>{column.region or "method"}</span>{escape(column.title)}</th>'
        for column in grid.columns
    )
    blocks: dict[str, list[Row]] = {}
    for row in grid.rows:
        blocks.setdefault(row.labels[0] if len(row.labels) > 1 else "", []).append(row)
    bodies = "".join(f"<tbody>{_show_block(rows, grid.columns, with_range)}</tbody>" for rows in blocks.values())
    caption = escape(grid.title.capitalize())
    return (
        f'<div class="scroll" tabindex="0"><table{_class("ranges", with_range)}><caption>{caption}</caption>'
        f"<thead><tr>{heads}</tr></thead>{bodies}</table></div>"
    )


def _show_block(rows: Sequence[Row], columns: Sequence[Column], with_range: bool) -> str:
    shown = []
    for index, row in enumerate(rows):
        *groups, method = row.labels
        labels = f'<th scope="row">{escape(method)}</th>'
        if groups and index == 0:
            labels = f'<th scope="rowgroup" rowspan="{len(rows)}">{escape(groups[0])}</th>{labels}'
        cells = "".join(_show_cell(*pair, with_range) for pair in zip(row.cells, columns, strict=True))
        shown.append(f"<tr{_class('truth', method == TRUTH)}>{labels}{cells}</tr>")
    return "".join(shown)


def _show_cell(cell: Cell, column: Column, with_range: bool) -> str:
    found, digits = cell.interval, column.metric.digits
    mean = f"<strong>{cell.mean}</strong>" if cell.best else cell.mean
    if found is None:
        small, told = cell.spread, ""
    else:
        small = f"{found.low:.{digits}f} – {found.high:.{digits}f}" if with_range else cell.spread
        told = f' title="{found.frames} frames, 95 % interval {found.low:.{digits}f} to {found.high:.{digits}f}"'
    aside = f" <small>{small}</small>" if small else ""
    return f"<td{_class('best', cell.best)}{told}>{mean}{aside}</td>"


def _class(name: str, applies: bool) -> str:
    return f' class="{name}"' if applies else ""


def _show_worst(exhibition: Exhibition) -> str:
    if exhibition.judge is None or not exhibition.exhibits:
        return ""
    region, name = exhibition.judge
    metric = METRICS[name]
    items = "".join(f"<li>{_show_exhibit(exhibit, region, name)}</li>" for exhibit in exhibition.exhibits)
    return (
        f"<p>The frames that are worst by {escape(metric.title)} of the {region} ({escape(metric.meaning)}), an equal"
        " share of places for every method, no two of one result within half a second. The result that is meant is"
        f' outlined.</p><ol class="worst">{items}</ol>'
    )


def _show_exhibit(exhibit: Exhibit, region: str, name: str) -> str:
    moment, metric = exhibit.moment, METRICS[name]
    value = f"{escape(metric.title)} {write_value(metric, moment.value)} ({region})"
    place = f"{escape(moment.case)} at {moment.time_s:.2f} s"
    pictures = "".join(_show_picture(picture, name, place) for picture in exhibit.pictures)
    return f'<h3>{escape(moment.method)}, {place}: {value}</h3><div class="pictures">{pictures}</div>'


def _show_picture(picture: Picture, name: str, place: str) -> str:
    title = escape(picture.title)
    value = "" if picture.value is None else f" {write_value(METRICS[name], picture.value)}"
    return (
        f"<figure{_class('is-worst', picture.is_worst)}>"
        f'<img src="{picture.address}" alt="{title}, {place}"><figcaption>{title}{value}</figcaption></figure>'
    )


def _show_videos(exhibition: Exhibition) -> str:
    return "".join(_show_video(case, video) for case, video in exhibition.videos.items())


def _show_video(case: str, video: CaseVideo) -> str:
    width = sum(panel.size.width for panel in video.panels)
    titles = "".join(f"<span>{escape(panel.title)}</span>" for panel in video.panels)
    shares = " ".join(f"{panel.size.width}fr" for panel in video.panels)
    told = escape(f"{case}: {', '.join(panel.title for panel in video.panels)} side by side")
    return (
        f'<div class="film"><h3>{escape(case)}</h3><div style="width:{ENLARGED * width}px">'
        f'<div class="titles" style="grid-template-columns:{shares}">{titles}</div>'
        f'<video controls loop muted playsinline preload="metadata" aria-label="{told}" poster="{video.poster}"'
        f' src="{video.address}"></video>'
        "</div></div>"
    )


def _show_facts(evaluation: Evaluation) -> str:
    facts = _flatten(to_plain(evaluation.facts))
    listed = "".join(f"<dt>{escape(name)}</dt><dd>{escape(_write(value))}</dd>" for name, value in facts.items())
    return (f"<dl>{listed}</dl>" if listed else "") + _show_entry_facts(evaluation)


def _show_entry_facts(evaluation: Evaluation) -> str:
    names = list(dict.fromkeys(name for entry in evaluation.entries for name in entry.facts))
    if not names:
        return ""
    heads = "".join(f'<th scope="col"{label}>{escape(head)}</th>' for head, label in _fact_heads(names))
    rows = "".join(
        f'<tr><th scope="row">{escape(entry.case)}</th><th scope="row">{escape(entry.method)}</th>'
        f"<td>{entry.size}</td>{''.join(f'<td>{escape(_write(entry.facts.get(name)))}</td>' for name in names)}</tr>"
        for entry in evaluation.entries
    )
    return (
        '<div class="scroll" tabindex="0"><table><caption>How each result came about</caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _fact_heads(names: Sequence[str]) -> list[tuple[str, str]]:
    label = ' class="label"'
    return [("case", label), ("method", label), ("compared at, px", ""), *((name, "") for name in names)]


def _flatten(facts: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Facts inside of facts under names with dots."""
    flat: dict[str, Any] = {}
    for name, value in facts.items():
        flat |= _flatten(value, f"{before}{name}.") if isinstance(value, Mapping) else {f"{before}{name}": value}
    return flat


def _write(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, float):
        return f"{value:.6g}"
    return ", ".join(map(_write, value)) if isinstance(value, list | tuple) else str(value)
