"""`choreograft evaluate` as a function: everything that each of its three kinds does (request.py says which it is)."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from choreograft.config import TrackingConfig
from choreograft.evaluate.compare import Case, Comparison, Judged, trace_motion
from choreograft.evaluate.method import Footage, MethodPlan, Terms
from choreograft.evaluate.methods import GivenMethod, plan_method
from choreograft.evaluate.metrics.judge import load_tools
from choreograft.evaluate.paired import name_cases
from choreograft.evaluate.reenact import make_cases, read_footage
from choreograft.evaluate.report.page import Report, write_report
from choreograft.evaluate.request import EvaluationRequest, check_evaluation
from choreograft.evaluate.roster import describe_substitutes
from choreograft.evaluate.scores import Evaluation, Kind
from choreograft.evaluate.unpaired import judge_result
from choreograft.machine import describe_machine
from choreograft.options import EvaluateOptions
from choreograft.performer.device import Compute, choose_compute
from choreograft.performer.header import is_performer
from choreograft.performer.store import load_performer
from choreograft.pipeline import read_bodies, read_clip
from choreograft.pose.track import PoseTrack
from choreograft.pose.tracking import load_or_track
from choreograft.progress import Progress, silent
from choreograft.studio.pairs import Pair
from choreograft.training.recording import Clip
from choreograft.training.train import list_versions


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
    request = check_evaluation(options)
    compute = choose_compute(options.device, options.precision, progress)
    for path in (*options.inputs, options.target):
        if path is not None and is_performer(path):
            load_performer(path)  # a damaged one is refused before any tracking
    runners = {"pair": _evaluate_pairs, "holdout": _evaluate_holdout, "result": _evaluate_result}
    evaluation = runners[request.kind](options, request, compute, progress)
    return Evaluated(evaluation, write_report(evaluation, options.output, progress))


def _evaluate_pairs(
    options: EvaluateOptions, request: EvaluationRequest, compute: Compute, progress: Progress
) -> Evaluation:
    field = _set_field(options, request, compute, progress)
    pairs, judged, sources = request.pairs, [], []
    for number, (name, pair) in enumerate(zip(name_cases(pairs), pairs, strict=True), start=1):
        progress.say(f"Case {number} of {len(pairs)}: {name}")
        judged.append(field.judge(_make_case(name, pair, options.runs, progress)))
        sources.append(load_or_track(pair.source, options.runs / "tracks", TrackingConfig(), 1, progress))
    return field.conclude("pair", options, judged, sources)


def _make_case(name: str, pair: Pair, runs: Path, progress: Progress) -> Case:
    """Track target and source as a user's videos would be: methods get no truth to work from."""
    target, _ = read_clip(pair.target, 1, runs, progress)
    source, _ = read_clip(pair.source, 1, runs, progress)
    body = read_bodies([source], 1, runs, progress)[0]
    return Case(
        name, Footage((target,), 1, 0.0), source.track, own=False, source=pair.source, truth=pair.truth,
        true_track=PoseTrack.load(pair.truth_track), body=body,
    )  # fmt: skip


def _evaluate_holdout(
    options: EvaluateOptions, request: EvaluationRequest, compute: Compute, progress: Progress
) -> Evaluation:
    assert request.lesson is not None
    field = _set_field(options, request, compute, progress)
    footage = read_footage(request.lesson, options.runs, progress)
    cases = make_cases(footage, options.output / "truth", options.runs, progress)
    return field.conclude("holdout", options, [field.judge(case) for case in cases], [])


def _evaluate_result(
    options: EvaluateOptions, _request: EvaluationRequest, compute: Compute, progress: Progress
) -> Evaluation:
    result, source = options.inputs
    keypoints = next(iter(options.keypoints), None)
    tools = load_tools(compute, progress)
    entry = judge_result(result, source, options.target, options.person, options.runs, tools, progress, keypoints)
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


def _set_field(options: EvaluateOptions, request: EvaluationRequest, compute: Compute, progress: Progress) -> _Field:
    assert request.field is not None
    names, given = request.field.names, request.field.given
    terms = Terms(request.field.budget, request.field.height_px, options.runs, compute, options.seed)
    return _Field(
        names, given, terms, Comparison(options.output, options.runs, load_tools(compute, progress), progress)
    )


def _describe_run(options: EvaluateOptions, compute: Compute) -> dict[str, Any]:
    return {
        "options": asdict(options),
        "compute": str(compute),
        "machine": describe_machine(),
        "versions": list_versions(),
    }
