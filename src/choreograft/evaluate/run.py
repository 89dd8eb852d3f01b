"""`choreograft evaluate` as a function: which of its three kinds is asked for, and everything that kind does."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from choreograft.config import TrackingConfig
from choreograft.errors import OptionError, OutputError
from choreograft.evaluate.compare import Case, Comparison, Judged, trace_motion
from choreograft.evaluate.method import MethodPlan, Terms
from choreograft.evaluate.methods import (
    TRANSLATIONS,
    GivenMethod,
    check_methods,
    describe_substitutes,
    list_methods,
    plan_method,
)
from choreograft.evaluate.metrics.judge import load_tools
from choreograft.evaluate.paired import check_performer, find_pairs, make_case, name_cases
from choreograft.evaluate.reenact import Lesson, make_cases, read_footage, read_lesson
from choreograft.evaluate.report.page import DOCUMENT_NAME, Report, write_report
from choreograft.evaluate.scores import Evaluation, Kind
from choreograft.evaluate.unpaired import judge_result
from choreograft.files import check_place
from choreograft.machine import describe_machine
from choreograft.options import BASELINE_METHODS, DEFAULT_METHODS, EVALUATION_HOLD_OUT, EvaluateOptions
from choreograft.performer.device import Compute, choose_compute
from choreograft.performer.header import is_performer
from choreograft.performer.store import load_performer
from choreograft.pose.track import PoseTrack
from choreograft.pose.tracking import load_or_track
from choreograft.presets import DEFAULT_PRESET, Budget, find_preset
from choreograft.progress import Progress, silent
from choreograft.training.recording import Clip
from choreograft.training.train import list_versions
from choreograft.video.read import probe


@dataclass(frozen=True)
class Evaluated:
    """What an evaluation found, and where it lies."""

    evaluation: Evaluation
    report: Report


def evaluate(options: EvaluateOptions, progress: Progress = silent) -> Evaluated:
    """Measure, and write table, page and JSON into the output folder.

    Raises:
        ChoreograftError: any of its kinds, with one line for the user.
    """
    kind = choose_kind(options)
    compute = choose_compute(options.device, options.precision, progress)
    _check_folder(options)
    runners = {"pair": _evaluate_pairs, "holdout": _evaluate_holdout, "result": _evaluate_result}
    evaluation = runners[kind](options, compute, progress)
    return Evaluated(evaluation, write_report(evaluation, options.output, progress))


def choose_kind(options: EvaluateOptions) -> Kind:
    """Which of the three evaluations the options ask for.

    Raises:
        OptionError: none of them, or two at once.
    """
    performers = [path for path in options.inputs if is_performer(path)]
    if options.holdout and options.pair:
        raise OptionError("found both --holdout and --pair; give one of them")
    if options.target is not None and (options.holdout or options.pair):
        raise OptionError("--as belongs to RESULT SOURCE; leave it out with --holdout and --pair")
    if options.pair:
        if len(options.inputs) != len(performers) or len(performers) > 1:
            raise OptionError(f"--pair takes one performer file at most beside it, found {_list(options.inputs)}")
        return "pair"
    if options.holdout:
        if not options.inputs or (performers and len(options.inputs) > 1):
            raise OptionError(f"--holdout takes one performer file or some videos, found {_list(options.inputs)}")
        return "holdout"
    if len(options.inputs) != 2:
        raise OptionError(
            f"expected RESULT SOURCE, a performer with --holdout, or --pair DIR; found {_list(options.inputs)}"
        )
    if options.compare is not None:
        raise OptionError("--compare needs a truth: --holdout or --pair")
    return "result"


def _evaluate_pairs(options: EvaluateOptions, compute: Compute, progress: Progress) -> Evaluation:
    pairs = find_pairs(options.pair)
    given = options.inputs[0] if options.inputs else None
    if given is not None:
        check_performer(given, pairs)
    field = _set_field(options, given, compute, progress)
    judged, sources = [], []
    for number, (name, pair) in enumerate(zip(name_cases(pairs), pairs, strict=True), start=1):
        progress.say(f"Case {number} of {len(pairs)}: {name}")
        judged.append(field.judge(make_case(name, pair, options.runs, progress)))
        sources.append(load_or_track(pair.source, options.runs / "tracks", TrackingConfig(), 1, progress))
    return field.conclude("pair", options, judged, sources)


def _evaluate_holdout(options: EvaluateOptions, compute: Compute, progress: Progress) -> Evaluation:
    given = options.inputs[0] if is_performer(options.inputs[0]) else None
    lesson = Lesson(options.inputs, options.person, EVALUATION_HOLD_OUT) if given is None else read_lesson(given)
    for video in lesson.videos:
        probe(video)
    field = _set_field(options, given, compute, progress)
    footage = read_footage(lesson, options.runs, progress)
    cases = make_cases(footage, options.output / "truth", options.runs, progress)
    return field.conclude("holdout", options, [field.judge(case) for case in cases], [])


def _evaluate_result(options: EvaluateOptions, compute: Compute, progress: Progress) -> Evaluation:
    result, source = options.inputs
    for path in (result, source):
        probe(path)
    tools = load_tools(compute, progress)
    entry = judge_result(result, source, options.target, options.person, options.runs, tools, progress)
    return Evaluation("result", (entry,), notes=tools.notes, facts=_describe_run(options, compute))


@dataclass(frozen=True)
class _Field:
    """The methods that take part, the terms they agree on, and what judges them."""

    names: tuple[str, ...]
    given: Path | None
    """A performer file that takes part as it is."""
    terms: Terms
    comparison: Comparison

    def judge(self, case: Case) -> list[Judged]:
        """All methods on one case."""
        plans: list[MethodPlan] = [] if self.given is None else [GivenMethod(self.given, self.terms.compute)]
        source = None if case.source is None else Clip(case.source, case.motion)
        plans += [plan_method(name, case.footage, self.terms, source) for name in self.names]
        return self.comparison.run(case, plans)

    def conclude(
        self, kind: Kind, options: EvaluateOptions, judged: Sequence[Sequence[Judged]], sources: Sequence[PoseTrack]
    ) -> Evaluation:
        """Everything that was found, as one evaluation."""
        terms = self.terms
        return Evaluation(
            kind,
            tuple(item.entry for case in judged for item in case),
            trace_motion(judged, sources),
            (*self.comparison.tools.notes, *describe_substitutes(self.names, terms.height_px)),
            {
                "budget of each method": str(terms.budget),
                "height": f"{terms.height_px} px",
                **_describe_run(options, terms.compute),
            },
        )


def _set_field(options: EvaluateOptions, given: Path | None, compute: Compute, progress: Progress) -> _Field:
    """Agree on methods and terms, refusing early what could not be made; a performer file sets the usual terms."""
    if options.compare is not None:
        names = list_methods(options.compare)
    else:
        names = DEFAULT_METHODS if given is None else BASELINE_METHODS
    card = None if given is None else load_performer(given).card
    preset = find_preset(DEFAULT_PRESET) if card is None else card.preset
    minutes = options.minutes
    if card is not None and options.minutes is None and options.images is None:
        minutes = round(float(card.training["seconds"]) / 60, 2)
    budget = Budget.choose(preset, minutes, options.images)
    height_px = options.height or preset.height_px
    check_methods(names, height_px)
    if options.holdout:
        _check_sources(names)
    terms = Terms(budget, height_px, options.runs, compute, options.seed)
    return _Field(
        names, given, terms, Comparison(options.output, options.runs, load_tools(compute, progress), progress)
    )


def _check_sources(names: Sequence[str]) -> None:
    """Refuse what translates a source where there is none."""
    for name in names:
        if name in TRANSLATIONS:
            raise OptionError(
                f"{name} translates a source's frames, and --holdout has none; give --pair DIR or leave it out of"
                " --compare"
            )


def _check_folder(options: EvaluateOptions) -> None:
    document = options.output / DOCUMENT_NAME
    check_place(document)
    if document.exists() and not options.overwrite:
        raise OutputError(f"{document} exists already; choose another folder with -o, or add --overwrite to replace it")


def _describe_run(options: EvaluateOptions, compute: Compute) -> dict[str, Any]:
    return {
        "options": asdict(options),
        "compute": str(compute),
        "machine": describe_machine(),
        "versions": list_versions(),
    }


def _list(paths: Sequence[Path]) -> str:
    return ", ".join(map(str, paths)) or "nothing"
