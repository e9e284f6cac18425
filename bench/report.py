"""Tables of the results: medians, spreads, and ratios within the round."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator

from .drive import Run
from .engines import ENGINES, LEASEHOLD, ROWS
from .results import Result, Results
from .workloads import WORKLOADS, Check, Workload


def figure(run: Run | None, name: str) -> float:
    """One figure of a run: its value, its CPU time, or one of its extra figures."""
    if run is None:
        return math.nan
    if name == "value":
        return run.value
    if name == "cpu":
        return math.nan if run.cpu is None else run.cpu
    return float(run.extra.get(name, math.nan))


def figures(result: Result, name: str = "value") -> list[float]:
    return [value for run in result.runs if not math.isnan(value := figure(run, name))]


def ratios(of: Result, against: Result, name: str = "value") -> list[float]:
    """The ratios of one result to another, one for each round in which both succeeded. If they were not measured
    together, every run of one is compared with every run of the other.

    The figure "tail" is the mean over the last fifth of the course, up to the end of the shorter one.
    """
    if of.environment == against.environment:
        pairs = [(a, b) for a, b in zip(of.runs, against.runs, strict=False) if a and b]
    else:
        pairs = [(a, b) for a in of.runs for b in against.runs if a and b]
    if name == "tail":
        values = [(_tail(a, b), _tail(b, a)) for a, b in pairs]
    else:
        values = [(figure(a, name), figure(b, name)) for a, b in pairs]
    return [a / b for a, b in values if b and not math.isnan(a / b)]


def ratio(of: Result | None, against: Result | None, name: str = "value", digits: int = 2) -> str:
    """The median and spread of the ratios as text, after a ~ if the two were not measured together."""
    if of is None or against is None or of is against:
        return ""
    mark = "" if of.environment == against.environment else "~ "
    return mark + spread(ratios(of, against, name), digits)


def _tail(run: Run, other: Run) -> float:
    end = min(len(run.course), len(other.course))
    values = run.course[end * 4 // 5 : end]
    return statistics.fmean(values) if values else math.nan


def spread(values: list[float], digits: int | None = None) -> str:
    """The median as text, with the minimum and the maximum if there is more than one value."""
    if not values:
        return "–"
    show = (lambda v: f"{v:.{digits}f}") if digits is not None else number
    middle = show(statistics.median(values))
    return middle if len(values) == 1 else f"{middle} ({show(min(values))} … {show(max(values))})"


def number(value: float) -> str:
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:,.1f}" if abs(value) >= 10 else f"{value:,.2f}"


def tables(results: Results, names: list[str]) -> Iterator[str]:
    """One table for each of these workloads that has been measured."""
    for name in names:
        if cases := results.of(name):
            variants = list(dict.fromkeys(case.variant for case in cases))
            engines = [LEASEHOLD.name, ROWS.name, *ENGINES]
            cases.sort(key=lambda c: (variants.index(c.variant), engines.index(c.engine)))
            yield from table(WORKLOADS[name], cases, results)


def table(workload: Workload, cases: list[Result], results: Results) -> Iterator[str]:
    yield f"\n{workload.name}: {workload.title}\n"
    extras = [title for _, title in workload.extras]
    rows = [
        ["", "", workload.unit, *extras, "of bare", "Leasehold of it", "server CPU a job, µs", ""]
    ]
    for case in cases:
        bare, own = _find(cases, case.variant, "bare"), _find(cases, case.variant, "leasehold")
        notes = {run.note for run in case.runs if run and run.note} | {case.reason}
        rows.append(
            [
                case.variant,
                case.engine,
                spread(figures(case)),
                *(spread(figures(case, name)) for name, _ in workload.extras),
                ratio(case, bare),
                ratio(own, case),
                spread(figures(case, "cpu")) if figures(case, "cpu") else "",
                "; ".join(sorted(notes - {""})),
            ]
        )
    yield from _aligned(rows)
    for case in cases:
        for run in case.runs:
            if run and "sizes" in run.extra:
                yield from _growth(run)
    for check in workload.checks:
        yield from _verdicts(check, cases, results.of(check.elsewhere or workload.name))


def _growth(run: Run) -> Iterator[str]:
    """The size of each table with its indexes in the course of the run, in MB, without the small ones."""
    samples = run.extra["sizes"]
    chosen = [samples[round(n / 4 * (len(samples) - 1))] for n in range(5)]
    rows = [["MB after", "", *(f"{at:,.0f} s" for at, _ in chosen)]]
    for table in sorted(chosen[-1][1]):
        taken = [sum(sizes.get(table, (0, 0))) / 1e6 for _, sizes in chosen]
        if max(taken) >= 1:
            rows.append([table, "", *(f"{megabytes:,.1f}" for megabytes in taken)])
    yield ""
    yield from _aligned(rows)


def _aligned(rows: list[list[str]]) -> Iterator[str]:
    columns = [i for i in range(len(rows[0])) if any(row[i] for row in rows[1:])]
    widths = {i: max(len(row[i]) for row in rows) for i in columns}
    for n, row in enumerate(rows):
        cells = [row[i].ljust(widths[i]) if i < 2 else row[i].rjust(widths[i]) for i in columns]
        yield "  " + "   ".join(cells).rstrip()
        if n == 0:
            yield "  " + "   ".join("─" * widths[i] for i in columns)


def _find(cases: list[Result], variant: str, engine: str) -> Result | None:
    return next((c for c in cases if c.variant == variant and c.engine == engine), None)


def _verdicts(check: Check, cases: list[Result], elsewhere: list[Result]) -> Iterator[str]:
    """One line for each engine or variant that the check compares with."""
    of = _find(cases, *check.of)
    if of is None:
        return
    if check.against is None:
        if values := figures(of, check.figure):
            yield _verdict(check, "", values, spread(values, 3), of.seconds)
        return
    variant, engine = check.against
    others = [
        case
        for case in elsewhere
        if case.variant == variant
        and (
            case.engine not in ("bare", "leasehold", *check.besides)
            if engine == "each peer"
            else case.engine == engine
        )
    ]
    for other in others:
        if values := ratios(of, other, check.figure):
            who = other.engine if engine == "each peer" else ""
            shown = ratio(of, other, check.figure, 3)
            yield _verdict(check, who, values, shown, min(of.seconds, other.seconds))


def _verdict(check: Check, who: str, values: list[float], shown: str, seconds: float) -> str:
    middle = statistics.median(values)

    def reached(bound: float | None) -> bool:
        return bound is not None and (middle <= bound if check.at_most else middle >= bound)

    if seconds < check.after:
        verdict = "too short"
    elif check.floor is None:
        verdict = "aim met" if reached(check.aim) else "aim not met"
    else:
        verdict = "aim met" if reached(check.aim) else "met" if reached(check.floor) else "NOT MET"
    word = "at most" if check.at_most else "at least"
    bounds = [f"{word} {_bound(check.floor)}"] if check.floor is not None else []
    bounds += [f"aim {_bound(check.aim)}"] if check.aim != check.floor else []
    return f"  {verdict:11} {check.text}{f': {who}' if who else ''}: {shown}; {', '.join(bounds)}"


def _bound(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
