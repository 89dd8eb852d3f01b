"""The quality and speed tables of docs/benchmarks.md for this machine, by one command.

    python benchmarks/run.py            # the standard set: under 40 minutes on 2 cores
    python benchmarks/run.py --quick    # three cases, half a minute of training: under 5 minutes

Everything lies in the folder afterwards: the pairs, the results, evaluation.html to look at, and tables.md. Run again
it goes on where it stopped: clips, tracks, performers and results that are there already are used.
"""

import time
from dataclasses import dataclass, replace
from pathlib import Path

import tyro

from choreograft.console import ConsoleProgress
from choreograft.evaluate.report.summary import summarise
from choreograft.evaluate.report.table import case_grids, method_grids, to_markdown
from choreograft.evaluate.run import evaluate
from choreograft.evaluate.scores import TRUTH, Evaluation
from choreograft.files import atomic_path
from choreograft.machine import describe_machine, list_versions
from choreograft.options import EvaluateOptions
from choreograft.studio.pairs import CASES, PairSpec, render_cases
from speed import measure_speed


@dataclass(frozen=True)
class Scale:
    """How much is measured."""

    cases: tuple[str, ...]
    methods: tuple[str, ...]
    minutes: float
    """Of training, for every method that trains."""
    seconds: float
    """Of every motion."""
    showcase_seconds: float
    rounds: int
    """Of the speed measurement."""
    timed: tuple[str, ...]
    """Methods whose training and drawing are timed."""


FULL = Scale(tuple(CASES), ("nearest", "draft", "paper-small"), 3.5, 4.0, 20.0, 3, ("draft", "paper-small", "paper"))
QUICK = Scale(
    ("same_build", "short_to_tall", "fast_turn"), ("nearest", "draft"), 0.5, 2.0, 10.0, 1, ("draft", "paper-small")
)


@dataclass(frozen=True)
class Options:
    """What to measure."""

    folder: Path = Path("benchmark_runs")
    """For everything that is made."""
    quick: bool = False
    """A small set that says whether anything is badly wrong."""
    methods: tuple[str, ...] = ()
    """Others than the usual ones; `nearest draft paper-small paper` takes ten minutes more."""


def main(options: Options) -> None:
    """Render, train, draw, judge, time; print and write the tables."""
    began = time.monotonic()
    scale, progress = QUICK if options.quick else FULL, ConsoleProgress()
    scale = replace(scale, methods=options.methods or scale.methods)
    folder = options.folder / ("quick" if options.quick else "full")
    specs = [_scaled(CASES[name], scale) for name in scale.cases]
    render_cases(specs, folder / "pairs", progress)
    done = evaluate(
        EvaluateOptions(
            pair=(folder / "pairs",), compare=",".join(scale.methods), minutes=scale.minutes, runs=folder / "runs",
            output=folder / "evaluation", overwrite=True,
        ),
        progress,
    )  # fmt: skip
    speed = measure_speed(scale.rounds, scale.timed)
    minutes = (time.monotonic() - began) / 60
    text = write_tables(done.evaluation, speed, scale, minutes)
    with atomic_path(folder / "tables.md") as temporary:
        temporary.write_text(text, encoding="utf-8")
    print(text)
    print(f"{folder / 'tables.md'}; look at {done.page}")


def _scaled(spec: PairSpec, scale: Scale) -> PairSpec:
    return replace(spec, seconds=scale.seconds, showcase_seconds=scale.showcase_seconds)


def write_tables(evaluation: Evaluation, speed: str, scale: Scale, minutes: float) -> str:
    """The page's tables, with what they were measured on."""
    summary = summarise(evaluation)
    grids = [*method_grids(evaluation, summary), *case_grids(evaluation, summary)]
    tables = [f"### {grid.title}\n\n{to_markdown(grid)}" for grid in grids]
    machine = ", ".join(f"{name} {value}" for name, value in describe_machine().items())
    versions = ", ".join(f"{name} {value}" for name, value in list_versions().items())
    made = [_made(evaluation, method) for method in evaluation.methods if method != TRUTH]
    return "\n".join(
        [
            f"Machine: {machine}. Versions: {versions}.",
            f"{len(evaluation.cases)} cases, {scale.minutes:g} minutes of training for each target and method;"
            f" {minutes:.0f} minutes in all.",
            *(f"Note: {note}" for note in evaluation.notes),
            "",
            *tables,
            "### How the methods came about\n",
            "| method | of each target |\n|---|---|",
            *made,
            "\n### Speed\n",
            speed,
        ]
    )


def _made(evaluation: Evaluation, method: str) -> str:
    """A row: images and parameters for each of the method's targets."""
    entries = [entry for entry in evaluation.entries if entry.method == method and "images" in entry.facts]
    kinds = dict.fromkeys(
        f"{entry.facts['images']} images, {entry.facts['parameters'] / 1e6:.1f} million parameters" for entry in entries
    )
    return f"| {method} | {'; '.join(kinds) or 'nothing is trained'} |"


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
