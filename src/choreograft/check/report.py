"""What `check` says: sentences for people, JSON for programs (docs/filming.md lists its fields)."""

import math
from collections.abc import Sequence
from typing import Any, Final

from choreograft.check.clips import Filmed
from choreograft.check.coverage import Coverage, Unseen
from choreograft.check.findings import Finding
from choreograft.check.moves import MOVES, seconds_shown
from choreograft.errors import count_of, in_one_line

FORMAT: Final = "choreograft-check"
VERSION: Final = 1
WARNED: Final = 3
"""The exit code where there are warnings; 1 and 2 are errors'."""
_MARKS: Final = {"warning": "WARNING", "hint": "hint", "fine": "fine"}


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
