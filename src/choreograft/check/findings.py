"""Findings: what a measure means, in a plain sentence, and what to do about it.

What `check` says is made of them: sentences for people, JSON for programs (docs/filming.md lists its fields).

Every measure makes a finding, also where all is well; its `kind` is a stable name for programs. Shapes: T frames,
M kinds of movement.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np

from choreograft.check.clips import Filmed
from choreograft.check.coverage import Coverage, Unseen
from choreograft.check.moves import MOVES, name_moves, seconds_shown
from choreograft.check.rules import RULES
from choreograft.config import CheckConfig, Limit
from choreograft.errors import count_of, in_one_line

Severity = Literal["fine", "hint", "warning"]
Role = Literal["target", "source"]

MOST_TIMES: Final = 4
"""Of the stretches that a sentence names: the longest."""
FORMAT: Final = "choreograft-check"
VERSION: Final = 1
WARNED: Final = 3
"""The exit code where there are warnings; 1 and 2 are errors'."""
_MARKS: Final = {"warning": "WARNING", "hint": "hint", "fine": "fine"}


@dataclass(frozen=True)
class Finding:
    """One measure of one video."""

    kind: str
    role: Role
    severity: Severity
    value: float
    """NaN where it could not be measured."""
    unit: str
    limit: Limit | None
    """From where on it deserves a hint and a warning; None where it is either there or not."""
    sentence: str
    """What was measured and what it means."""
    advice: str = ""
    """What to do; empty where all is well."""


def judge_clip(clip: Filmed, role: Role, config: CheckConfig) -> list[Finding]:
    """Every measure of one video that matters for its role, in the order of the rules."""
    found = []
    if clip.refusal:
        sentence, _, advice = (f"{part[:1].upper()}{part[1:]}" for part in clip.refusal.rpartition("; "))
        found.append(Finding("nobody", role, "warning", float("nan"), "", None, f"{sentence}.", f"{advice}."))
    for rule in RULES:
        if role == "source" and not rule.source_too:
            continue
        value = rule.measure(clip, config)
        severity = rule.limit(config).rate(value)
        advice = "" if severity == "fine" else rule.advice
        found.append(
            Finding(rule.kind, role, severity, value, rule.unit, rule.limit(config), rule.sentence(clip, value), advice)
        )
    if role == "target":
        found.append(_judge_moves(clip, config))
    return found


def judge_coverage(coverage: Coverage, target: Filmed, source: Filmed, config: CheckConfig) -> list[Finding]:
    """What the source asks for that the target never showed: poses, sides of the body, kinds of movement."""
    return [
        _judge_unseen("unseen_poses", "poses", coverage.poses, coverage.pose_share, source, config),
        _judge_unseen("unseen_sides", "sides of the body", coverage.sides, coverage.side_share, source, config),
        _judge_missing_moves(target, source, config),
    ]


def _judge_moves(clip: Filmed, config: CheckConfig) -> Finding:
    shown = seconds_shown(clip.person.moves, clip.track.time_s) >= config.move_s
    severity = config.moves_shown.rate(float(shown.sum()))
    missing = name_moves(~shown)
    sentence = (
        f"The clip shows {shown.sum()} of {len(MOVES)} kinds of movement: {', '.join(name_moves(shown)) or 'none'}."
    )
    advice = "" if severity == "fine" else f"Film more kinds of movement, such as {', '.join(missing[:4])}."
    return Finding(
        "range_of_motion", "target", severity, float(shown.sum()), "kinds", config.moves_shown, sentence, advice
    )


def _judge_unseen(
    kind: str, what: str, stretches: Sequence[Unseen], share: float, source: Filmed, config: CheckConfig
) -> Finding:
    severity = config.unseen_share.rate(share)
    if not stretches:
        sentence = f"The target shows all {what} that the dance asks for."
        return Finding(kind, "source", severity, share, "share of frames", config.unseen_share, sentence)
    sentence = f"{share:.0%} of the dance shows {what} that the target never showed: {tell_stretches(stretches)}."
    advice = "" if severity == "fine" else _advise(kind, stretches, source)
    return Finding(kind, "source", severity, share, "share of frames", config.unseen_share, sentence, advice)


def _advise(kind: str, stretches: Sequence[Unseen], source: Filmed) -> str:
    if kind == "unseen_sides":
        sides = sorted({part for stretch in stretches for part in stretch.parts})
        return (
            f"Film the target so that the camera sees the {_join(sides)} for a few seconds: let them turn round slowly."
        )
    time_s = source.track.time_s
    inside = np.logical_or.reduce([(time_s >= s.begin_s) & (time_s < s.end_s) for s in stretches])
    shown = source.person.moves[inside].mean(0)
    typical = [MOVES[m].words for m in np.argsort(-shown)[:3] if shown[m] >= 0.2]
    doing = f", here mostly {_join(typical)}" if typical else ""
    return f"Film the target doing what the dance does at these times{doing}."


def _judge_missing_moves(target: Filmed, source: Filmed, config: CheckConfig) -> Finding:
    had, asked = (seconds_shown(clip.person.moves, clip.track.time_s) >= config.move_s for clip in (target, source))
    missing = name_moves(asked & ~had)
    if not missing:
        sentence = "The target shows every kind of movement that the dance has."
        return Finding("unseen_moves", "source", "fine", 0.0, "kinds", None, sentence)
    sentence = f"The dance has {_join(missing)}; the target's clip never does."
    return Finding(
        "unseen_moves", "source", "hint", float(len(missing)), "kinds", None, sentence,
        f"Film the target with {_join(missing)}.",
    )  # fmt: skip


def tell_stretches(stretches: Sequence[Unseen]) -> str:
    """The longest stretches in order of time: '3.2-4.1 s (left arm), 5.0-6.3 s (torso, right arm)'."""
    longest = sorted(sorted(stretches, key=lambda s: s.begin_s - s.end_s)[:MOST_TIMES], key=lambda s: s.begin_s)
    told = [f"{s.begin_s:.1f}-{s.end_s:.1f} s ({', '.join(s.parts)})" for s in longest]
    more = len(stretches) - len(longest)
    return ", ".join(told) + (f" and {more} more" if more else "")


def _join(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def exit_code(findings: Sequence[Finding]) -> int:
    """0 where nothing is worse than a hint."""
    return WARNED if any(finding.severity == "warning" for finding in findings) else 0


def to_document(
    target: Filmed, source: Filmed | None, coverage: Coverage | None, findings: Sequence[Finding]
) -> dict[str, Any]:
    """The content of check.json; a number that could not be measured is null, an unlimited one too."""
    videos = {"target": target} | ({} if source is None else {"source": source})
    return {
        "format": FORMAT,
        "version": VERSION,
        "exit_code": exit_code(findings),
        "videos": {role: _video(clip) for role, clip in videos.items()},
        "findings": [_finding(finding) for finding in findings],
        "coverage": None if coverage is None else _coverage(coverage),
    }


def to_text(target: Filmed, source: Filmed | None, findings: Sequence[Finding]) -> str:
    """The findings as lines, video by video, the worst first; what is fine comes last, in short."""
    lines = []
    for role, clip in (("target", target), ("source", source)):
        if clip is None:
            continue
        own = [finding for finding in findings if finding.role == role]
        lines += [f"{clip.video} ({role})"]
        for severity in ("warning", "hint"):
            for finding in own:
                if finding.severity == severity:
                    lines += [f"  {_MARKS[severity]}: {finding.sentence}", f"    {finding.advice}"]
        lines += [f"  {_MARKS['fine']}: {', '.join(f.kind.replace('_', ' ') for f in own if f.severity == 'fine')}"]
    warnings = sum(finding.severity == "warning" for finding in findings)
    hints = sum(finding.severity == "hint" for finding in findings)
    lines += [f"{count_of(warnings, 'warning')}, {count_of(hints, 'hint')}"]
    return "".join(f"{in_one_line(line)}\n" for line in lines)


def _video(clip: Filmed) -> dict[str, Any]:
    seconds = seconds_shown(clip.person.moves, clip.track.time_s)
    return {
        "path": str(clip.video),
        "width": clip.track.size.width,
        "height": clip.track.size.height,
        "frames": len(clip.track),
        "rate": str(clip.track.rate),
        "cleaning": clip.report.sentence(),
        "moves_s": {move.name: round(float(shown), 2) for move, shown in zip(MOVES, seconds, strict=True)},
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "video": finding.role,
        "kind": finding.kind,
        "severity": finding.severity,
        "value": _number(finding.value),
        "unit": finding.unit,
        "hint_from": None if finding.limit is None else finding.limit.hint,
        "warning_from": None if finding.limit is None else finding.limit.warning,
        "sentence": finding.sentence,
        "advice": finding.advice or None,
    }


def _coverage(coverage: Coverage) -> dict[str, Any]:
    return {
        "pose_share": coverage.pose_share,
        "side_share": coverage.side_share,
        "poses": [_stretch(unseen) for unseen in coverage.poses],
        "sides": [_stretch(unseen) for unseen in coverage.sides],
    }


def _stretch(unseen: Unseen) -> dict[str, Any]:
    return {"begin_s": round(unseen.begin_s, 3), "end_s": round(unseen.end_s, 3), "parts": list(unseen.parts)}


def _number(value: float) -> float | None:
    return round(float(value), 4) if math.isfinite(value) else None
