# SPDX-License-Identifier: Apache-2.0
"""Draws plots as SVG text. Colours come from the page's style sheet, by class."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape

WIDTH, HEIGHT = 560, 230
LEFT, RIGHT, TOP, BOTTOM = 58, 14, 22, 36

Points = Sequence[tuple[float, float]]


def label(value: float) -> str:
    """A tick's label: as short as it can be."""
    if value and (abs(value) >= 1e6 or abs(value) < 1e-3):
        return f"{value:.0e}".replace("e+0", "e").replace("e-0", "e-")
    return f"{value:,.10g}"


class Scale:
    """Maps values from `low` to `high` to a length; logarithmic if asked for."""

    def __init__(self, low: float, high: float, is_log: bool = False) -> None:
        if is_log:
            low = max(low, 1e-9)
            high = max(high, low * 10)
        elif high <= low:
            high = low + 1
        self.low, self.high, self.is_log = low, high, is_log

    @classmethod
    def of(cls, values: Iterable[float], is_log: bool = False) -> Scale:
        """From 0, or from a round number below the least, to a little more than the greatest."""
        found = [value for value in values if not is_log or value > 0]
        if is_log:
            least, greatest = min(found, default=1), max(found, default=10)
            power = 10.0 ** math.floor(math.log10(least))
            low = max(factor * power for factor in (1, 2, 5) if factor * power <= least * 1.001)
            return cls(low, greatest * 1.15, True)
        return cls(0, max(found, default=1) * 1.06)

    def place(self, value: float) -> float:
        """0 at `low` and 1 at `high`; values outside are drawn at the edge."""
        if self.is_log:
            value = max(value, self.low)
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return min(max(share, 0), 1)

    def ticks(self, wanted: int = 5) -> list[float]:
        """Round numbers inside the scale."""
        if self.is_log:
            powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            factors = (1, 2, 5) if len(powers) <= 4 else (1,)
            return [
                tick
                for power in powers
                for factor in factors
                if self.low * 0.999 <= (tick := factor * 10.0**power) <= self.high
            ]
        rough = (self.high - self.low) / wanted
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
        first = math.ceil(self.low / step - 1e-9)
        return [number * step for number in range(first, math.floor(self.high / step + 1e-9) + 1)]


class Plot:
    """One plot: axes first, then what is drawn, in order."""

    def __init__(
        self, x: Scale, y: Scale, x_title: str, y_title: str, height: int = HEIGHT, wide: bool = False
    ) -> None:
        self._x, self._y = x, y
        self._width = 2 * WIDTH + 24 if wide else WIDTH
        self._height = height
        self._parts: list[str] = []
        self._axes(x_title, y_title)

    def x(self, value: float) -> float:
        return LEFT + (self._width - LEFT - RIGHT) * self._x.place(value)

    def y(self, value: float) -> float:
        return self._height - BOTTOM - (self._height - TOP - BOTTOM) * self._y.place(value)

    def _axes(self, x_title: str, y_title: str) -> None:
        bottom, right = self._height - BOTTOM, self._width - RIGHT
        for tick in self._y.ticks():
            y = self.y(tick)
            self._parts.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{right}"/>')
            self._text(LEFT - 7, y + 4, label(tick), "end")
        for tick in self._x.ticks(6 if self._width == WIDTH else 12):
            x = self.x(tick)
            self._parts.append(f'<path class="axis" d="M{x:.1f} {bottom}v4"/>')
            self._text(x, bottom + 16, label(tick), "middle")
        self._parts.append(f'<path class="axis" d="M{LEFT} {bottom}H{right}"/>')
        self._text(right, self._height - 5, x_title, "end", "title")
        self._text(4, 10, y_title, "start", "title")

    def _text(self, x: float, y: float, text: str, anchor: str, kind: str = "tick") -> None:
        self._parts.append(
            f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
        )

    def marks(self, marks: Iterable[dict]) -> None:
        """Upright lines at moments, their names on hover and, turned, beside them."""
        for mark in marks:
            x, bottom = self.x(mark["time"]), self._height - BOTTOM
            self._parts.append(
                f'<path class="mark" d="M{x:.1f} {TOP}V{bottom}"><title>{escape(mark["label"])}'
                f'</title></path><text class="markname" transform="translate({x + 10:.1f} {TOP + 2}) '
                f'rotate(90)">{escape(mark["label"])}</text>'
            )

    def line(self, points: Points, kind: str, fill: bool = False) -> None:
        """A line through the points; values that are absent (None) break it."""
        runs: list[list[str]] = [[]]
        for x, y in points:
            if y is None:
                runs.append([])
            else:
                runs[-1].append(f"{self.x(x):.1f} {self.y(y):.1f}")
        for run in filter(None, runs):
            if fill:
                bottom = self._height - BOTTOM
                first, last = run[0].split()[0], run[-1].split()[0]
                self._parts.append(
                    f'<path class="area {kind}" d="M{first} {bottom}L{"L".join(run)}L{last} {bottom}Z"/>'
                )
            # A round cap shows a run of one point, too.
            self._parts.append(f'<path class="line {kind}" d="M{"L".join(run)}{"h0" * (len(run) == 1)}"/>')

    def steps(self, points: Points, kind: str) -> None:
        """A staircase that rises at each point."""
        if not points:
            return
        path = f"M{self.x(points[0][0]):.1f} {self.y(0):.1f}"
        path += "".join(f"H{self.x(x):.1f}V{self.y(y):.1f}" for x, y in points)
        self._parts.append(f'<path class="line {kind}" d="{path}"/>')

    def dots(self, points: Iterable[tuple[float, float, str]], kind: str, radius: float = 3) -> None:
        """Dots, each with what it says on hover."""
        for x, y, text in points:
            self._parts.append(
                f'<circle class="dot {kind}" cx="{self.x(x):.1f}" cy="{self.y(y):.1f}" r="{radius}">'
                f"<title>{escape(text)}</title></circle>"
            )

    def bar(self, x0: float, x1: float, y0: float, y1: float, kind: str, text: str = "") -> None:
        """A box between two values of each axis."""
        left, top = self.x(x0), self.y(max(y0, y1))
        width, height = max(self.x(x1) - left, 0.6), abs(self.y(y0) - self.y(y1))
        title = f"<title>{escape(text)}</title>" if text else ""
        self._parts.append(
            f'<rect class="bar {kind}" x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" '
            f'height="{height:.1f}">{title}</rect>'
        )

    def hover(self, spans: Iterable[tuple[float, float, str]]) -> None:
        """Unseen columns over the plot that say something on hover."""
        top, height = TOP, self._height - TOP - BOTTOM
        for x0, x1, text in spans:
            left = self.x(x0)
            self._parts.append(
                f'<rect class="hover" x="{left:.1f}" y="{top}" width="{max(self.x(x1) - left, 0.5):.1f}" '
                f'height="{height}"><title>{escape(text)}</title></rect>'
            )

    def svg(self, description: str) -> str:
        return (
            f'<svg viewBox="0 0 {self._width} {self._height}" role="img" '
            f'aria-label="{escape(description)}">{"".join(self._parts)}</svg>'
        )
