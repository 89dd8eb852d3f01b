"""Findings: what a measure means, in a plain sentence, and what to do about it.

What `check` says is made of them: sentences for people, JSON for programs (docs/filming.md lists its fields).

Every measure makes a finding, also where all is well; its `kind` is a stable name for programs. Shapes: T frames,
M kinds of movement.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import numpy as np

from choreograft.check.coverage import Coverage, Unseen
from choreograft.check.filmed import Filmed
from choreograft.check.moves import MOVE_S, MOVES, Flags, name_moves, seconds_shown
from choreograft.check.rules import RULES, Limit, Severity
from choreograft.errors import count_of, in_one_line

Role = Literal["target", "source"]

MOVES_SHOWN: Final = Limit(3, 1)
"""Kinds of movement in the clip, of those in check/moves.py."""
UNSEEN_SHARE: Final = Limit(0.02, 0.15)
"""Share of the source's frames with a pose or a side that the target never showed."""
MOST_TIMES: Final = 4
"""Of the stretches that a sentence names: the longest."""
FORMAT: Final = "choreograft-check"
VERSION: Final = 1
WARNED: Final = 3
"""The exit code where there are warnings; 1 and 2 are errors'."""
_MARKS: Final = {"warning": "WARNING", "hint": "hint", "fine": "fine"}


@dataclass(frozen=True)
class Finding:
    """One measure of one video, as check.json tells it."""

    video: Role
    kind: str
    severity: Severity
    value: float
    """NaN where it could not be measured."""
    unit: str
    hint_from: float | None
    """None where it is either there or not."""
    warning_from: float | None
    sentence: str
    """What was measured and what it means."""
    advice: str = ""
    """What to do; empty where all is well."""


def _rate(video: Role, kind: str, value: float, unit: str, limit: Limit, sentence: str, advice: str) -> Finding:
    severity = limit.rate(value)
    return Finding(video, kind, severity, value, unit, *limit, sentence, "" if severity == "fine" else advice)


def judge_clip(clip: Filmed, role: Role) -> list[Finding]:
    """Every measure of one video that matters for its role, in the order of the rules."""
    found = []
    if clip.refusal:
        sentence, _, advice = (f"{part[:1].upper()}{part[1:]}" for part in clip.refusal.rpartition("; "))
        found.append(Finding(role, "nobody", "warning", float("nan"), "", None, None, f"{sentence}.", f"{advice}."))
    for rule in RULES:
        if role == "target" or rule.source_too:
            value = rule.measure(clip)
            sentence = rule.tell(clip, value)
            found.append(_rate(role, rule.kind, value, rule.unit, rule.limit, sentence, rule.advice))
    if role == "target":
        found.append(_judge_moves(clip))
    return found


def judge_coverage(coverage: Coverage, target: Filmed, source: Filmed) -> list[Finding]:
    """What the source asks for that the target never showed: poses, sides of the body, kinds of movement."""
    return [
        _judge_unseen("unseen_poses", "poses", coverage.poses, coverage.pose_share, source),
        _judge_unseen("unseen_sides", "sides of the body", coverage.sides, coverage.side_share, source),
        _judge_missing_moves(target, source),
    ]


def _shows(clip: Filmed) -> Flags:
    """(M,) which kinds of movement a clip shows for long enough."""
    return np.asarray(seconds_shown(clip.moves, clip.track.time_s) >= MOVE_S)


def _judge_moves(clip: Filmed) -> Finding:
    shown = _shows(clip)
    count = shown.sum()
    sentence = f"The clip shows {count} of {len(MOVES)} kinds of movement: {', '.join(name_moves(shown)) or 'none'}."
    advice = f"Film more kinds of movement, such as {', '.join(name_moves(~shown)[:4])}."
    return _rate("target", "range_of_motion", float(count), "kinds", MOVES_SHOWN, sentence, advice)


def _judge_unseen(kind: str, what: str, stretches: Sequence[Unseen], share: float, source: Filmed) -> Finding:
    sentence, advice = f"The target shows all {what} that the dance asks for.", ""
    if stretches:
        sentence = f"{share:.0%} of the dance shows {what} that the target never showed: {tell_stretches(stretches)}."
        advice = _advise(kind, stretches, source)
    return _rate("source", kind, share, "share of frames", UNSEEN_SHARE, sentence, advice)


def _advise(kind: str, stretches: Sequence[Unseen], source: Filmed) -> str:
    if kind == "unseen_sides":
        sides = sorted({part for stretch in stretches for part in stretch.parts})
        return (
            f"Film the target so that the camera sees the {_join(sides)} for a few seconds: let them turn round slowly."
        )
    time_s = source.track.time_s
    inside = np.logical_or.reduce([(time_s >= s.begin_s) & (time_s < s.end_s) for s in stretches])
    shown = source.moves[inside].mean(0)
    words = list(MOVES.values())
    typical = [words[m] for m in np.argsort(-shown)[:3] if shown[m] >= 0.2]
    doing = f", here mostly {_join(typical)}" if typical else ""
    return f"Film the target doing what the dance does at these times{doing}."


def _judge_missing_moves(target: Filmed, source: Filmed) -> Finding:
    missing = name_moves(_shows(source) & ~_shows(target))
    severity: Severity = "hint" if missing else "fine"
    sentence, advice = "The target shows every kind of movement that the dance has.", ""
    if missing:
        sentence = f"The dance has {_join(missing)}; the target's clip never does."
        advice = f"Film the target with {_join(missing)}."
    return Finding("source", "unseen_moves", severity, float(len(missing)), "kinds", None, None, sentence, advice)


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


def to_document(clips: Mapping[Role, Filmed], coverage: Coverage | None, findings: Sequence[Finding]) -> dict[str, Any]:
    """The content of check.json; a number that could not be measured is null, an unlimited one too."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "exit_code": exit_code(findings),
        "videos": {role: _describe(clip) for role, clip in clips.items()},
        "findings": [
            asdict(finding)
            | {"value": round(finding.value, 4) if math.isfinite(finding.value) else None}
            | {"advice": finding.advice or None}
            for finding in findings
        ],
        "coverage": coverage
        and {
            "pose_share": coverage.pose_share,
            "side_share": coverage.side_share,
            "poses": [_stretch(unseen) for unseen in coverage.poses],
            "sides": [_stretch(unseen) for unseen in coverage.sides],
        },
    }


def _stretch(unseen: Unseen) -> dict[str, Any]:
    return asdict(unseen) | {"begin_s": round(unseen.begin_s, 3), "end_s": round(unseen.end_s, 3)}


def _describe(clip: Filmed) -> dict[str, Any]:
    seconds = seconds_shown(clip.moves, clip.track.time_s)
    return {
        "path": str(clip.video),
        "width": clip.track.size.width,
        "height": clip.track.size.height,
        "frames": len(clip.track),
        "rate": str(clip.track.rate),
        "cleaning": clip.report.sentence(),
        "moves_s": {name: round(float(shown), 2) for name, shown in zip(MOVES, seconds, strict=True)},
    }


def to_text(clips: Mapping[Role, Filmed], findings: Sequence[Finding]) -> str:
    """The findings as lines, video by video, the worst first; what is fine comes last, in short."""
    lines = []
    for role, clip in clips.items():
        own = {severity: [f for f in findings if (f.video, f.severity) == (role, severity)] for severity in _MARKS}
        lines += [f"{clip.video} ({role})"]
        for finding in (*own["warning"], *own["hint"]):
            lines += [f"  {_MARKS[finding.severity]}: {finding.sentence}", f"    {finding.advice}"]
        lines += [f"  {_MARKS['fine']}: {', '.join(finding.kind.replace('_', ' ') for finding in own['fine'])}"]
    severities = [finding.severity for finding in findings]
    lines += [", ".join(count_of(severities.count(severity), severity) for severity in ("warning", "hint"))]
    return "".join(f"{in_one_line(line)}\n" for line in lines)
