"""Draws throughput under a held snapshot, throughput by backlog, and latency of an idle worker, as PNG and SVG."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from .engines import BARE, ENGINES, LEASEHOLD
from .report import figure, figures, number
from .results import Result, Results

OWN = "#0b5fa5"
BLACK = "#222222"
# These are also distinct in grey, and for readers who cannot see red or green.
PEERS = ("#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9", "#8c564b", "#7f7f7f")
STYLES = ("-", "--", "-.", ":")

# Colour, line and weight of each engine, the same in every picture. A new peer needs a new colour.
LOOKS: dict[str, dict[str, Any]] = {
    LEASEHOLD.name: {"color": OWN, "linewidth": 2.6, "zorder": 5},
    BARE.name: {"color": BLACK, "linewidth": 1.4, "linestyle": ":"},
} | {
    peer: {"color": color, "linewidth": 1.4, "linestyle": STYLES[n // 2]}
    for n, (peer, color) in enumerate(
        zip(sorted(ENGINES.keys() - {LEASEHOLD.name, BARE.name}), PEERS, strict=True)
    )
}

# The other runs of Leasehold in the picture of runs under a held snapshot.
BESIDES: dict[str, tuple[str, dict[str, Any]]] = {
    "free": ("nothing held", {"linewidth": 1.2, "alpha": 0.55}),
    "writer": ("a writer open", {"linewidth": 1.2, "alpha": 0.55, "linestyle": "--"}),
}

STYLE: dict[Any, Any] = {
    "figure.figsize": (8, 4.8),
    "figure.dpi": 150,
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "svg.fonttype": "none",
    "svg.hashsalt": "leasehold",
}


def draw(results: Results, directory: Path) -> list[Path]:
    """Draws the pictures for which there are figures, and returns their files."""
    written: list[Path] = []
    with plt.rc_context(STYLE):
        for names, picture in PICTURES.items():
            cases = [case for name in names for case in results.of(name) if any(case.runs)]
            if not cases:
                continue
            drawing, axes = plt.subplots(layout="constrained")
            picture(axes, cases)
            for suffix, date in {"png": "Creation Time", "svg": "Date"}.items():
                path = directory / f"{names[0]}.{suffix}"
                drawing.savefig(
                    path, metadata={date: None}
                )  # so that equal figures give equal files
                written.append(path)
            plt.close(drawing)
    return written


def _held(axes: Axes, cases: list[Result]) -> None:
    labels = []
    for case in cases:
        run = next(run for run in case.runs if run)
        points = list(_smooth(run.course))
        if not points:
            continue
        name, look = case.engine, LOOKS[case.engine]
        if case.variant in BESIDES:
            besides, change = BESIDES[case.variant]
            name, look = f"{name}, {besides}", look | change
        times, rates = zip(*points, strict=True)
        axes.plot(times, [max(rate, 1) for rate in rates], **look)
        labels.append((times[-1], max(rates[-1], 1), name, look["color"]))
    axes.set_yscale("log")
    _plain(axes)
    _label(axes, labels)
    axes.set_xlabel("seconds since another session holds an old snapshot")
    axes.set_title("Jobs a second (submit, claim, complete) under a held snapshot", loc="left")


def _smooth(course: list[float]) -> Iterator[tuple[float, float]]:
    """Means over a hundredth of the course each, but over at least two seconds."""
    width = max(2, len(course) // 100)
    for start in range(0, len(course) - width + 1, width):
        yield start + width / 2, statistics.fmean(course[start : start + width])


def _backlog(axes: Axes, cases: list[Result]) -> None:
    labels = []
    for engine in dict.fromkeys(case.engine for case in cases):
        own = [case for case in cases if case.engine == engine]
        points = [
            (int(c.variant.replace(",", "")), statistics.median(figures(c)))
            for c in own
            if figures(c)
        ]
        sizes, rates = zip(*points, strict=True)
        axes.plot(sizes, rates, marker="o", markersize=4, **LOOKS[engine])
        labels.append((sizes[-1], rates[-1], engine, LOOKS[engine]["color"]))
    axes.set_xscale("log")
    axes.set_yscale("log")
    _plain(axes)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    _label(axes, labels)
    axes.set_xlabel("jobs ready")
    axes.set_title("Jobs a second (submit, claim, complete) by backlog", loc="left")


def _pickup(axes: Axes, cases: list[Result]) -> None:
    labels = []
    for case in cases:
        latencies = sorted(ms for run in case.runs if run for ms in run.extra["latencies"])
        shares = [100 * (n + 1) / len(latencies) for n in range(len(latencies))]
        axes.plot([max(ms, 0.02) for ms in latencies], shares, **LOOKS[case.engine])
        p99 = statistics.median(figure(run, "p99") for run in case.runs if run)
        median = statistics.median(figures(case))
        text = f"{case.engine}: {number(median)}, 99 % {number(p99)}"
        labels.append((median, text, LOOKS[case.engine]))
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_ylim(0, 101)
    axes.set_xlabel("milliseconds from submit's return to the start of the work")
    axes.set_ylabel("% of the jobs")
    for n, (_, text, look) in enumerate(sorted(labels, key=lambda label: label[0])):
        axes.text(
            0.99,
            0.04 + 0.065 * (len(labels) - 1 - n),
            text,
            color=look["color"],
            transform=axes.transAxes,
            ha="right",
            fontweight="bold" if text.startswith("leasehold") else "normal",
        )
    axes.set_title("How soon an idle worker starts (ms: the median, and 99 of 100)", loc="left")


def _plain(axes: Axes) -> None:
    """Labels a logarithmic axis with plain numbers, at 1, 2 and 5."""
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _label(axes: Axes, labels: list[tuple[float, float, str, str]]) -> None:
    """Writes names at the ends of the lines, moved apart where they would overlap."""
    axes.figure.canvas.draw()
    right = max(x for x, *_ in labels)
    last = -1e9
    for x, y, text, color in sorted(labels, key=lambda label: label[1]):
        at = axes.transData.transform((x, y))[1] / axes.figure.dpi * 72
        place = max(at, last + 11)
        last = place
        axes.annotate(
            text,
            (x, y),
            xytext=(6, place - at),
            textcoords="offset points",
            color=color,
            va="center",
            fontsize=9,
            fontweight="bold" if text.startswith("leasehold") else "normal",
        )
    begin, _ = axes.get_xlim()
    # Leave room for the names on the right.
    if axes.get_xscale() == "log":
        axes.set_xlim(begin, right * (right / begin) ** 0.32)
    else:
        axes.set_xlim(begin, right * 1.3)


PICTURES = {("held", "writer"): _held, ("backlog",): _backlog, ("pickup",): _pickup}
