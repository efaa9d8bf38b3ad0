"""Charts: Vega-Lite of a panel, drawn on the server to SVG, in two widths and two themes.

What belongs here: the house style of charts and drawing. What does not: the figures.

Colours in a panel are names (`@accent`); they are drawn as marker colours and exchanged for those
of the theme in the finished picture, so that a picture is drawn once for both.
"""

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from console.panel_files import Panel

# Name -> (marker, light, dark). Markers are near black, where no chart has colours of its own.
COLOURS: Mapping[str, tuple[str, str, str]] = {
    "ink": ("#010101", "#1b2432", "#e4eaf2"),
    "muted": ("#010102", "#5a6677", "#9fadbf"),
    "line": ("#010103", "#e3e7ee", "#2b3646"),
    "accent": ("#010104", "#2f5bd0", "#86aefc"),
    "soft": ("#010105", "#b9c9f2", "#37507f"),
    "good": ("#010106", "#15805a", "#5ecb9b"),
    "warn": ("#010107", "#b76e00", "#edb55a"),
    "bad": ("#010108", "#c2352b", "#ff8d83"),
    "second": ("#010109", "#7a4fc4", "#bb9af2"),
    "third": ("#01010a", "#0f8a9d", "#5fc9d8"),
    "surface": ("#01010b", "#ffffff", "#161d27"),
}
WIDTHS: Mapping[tuple[str, str], int] = {
    ("third", "wide"): 330,
    ("half", "wide"): 500,
    ("two-thirds", "wide"): 690,
    ("full", "wide"): 1040,
    ("two-thirds", "narrow"): 290,
    ("third", "narrow"): 290,
    ("half", "narrow"): 290,
    ("full", "narrow"): 290,
}
_DRAWING = threading.Lock()


def draw(
    panel: Panel,
    rows: Sequence[Mapping[str, Any]],
    size: str,
    label: Callable[[object], str] = str,
) -> str:
    """Return a panel's chart as SVG with marker colours.

    Args:
        panel: What to draw.
        rows: Its rows; a column whose format is `label` is given as `<column>_label` too.
        size: wide or narrow.
        label: The words for a code.
    """
    import vl_convert

    spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "width": WIDTHS[panel.file.width, size],
        "height": panel.file.height,
        "autosize": {"type": "fit", "contains": "padding"},
        "background": None,
        "padding": 4,
        "data": {"values": [_values(panel, row, label) for row in rows]},
        "config": _style(),
        **json.loads(_with_markers(json.dumps(panel.file.chart))),
    }
    with _DRAWING:
        picture: str = vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])
    return picture


def dressed(picture: str, theme: str) -> str:
    """The picture in the colours of a theme, light or dark."""
    place = 1 if theme == "light" else 2
    for colours in COLOURS.values():
        picture = picture.replace(colours[0], colours[place])
    return picture


def warm_up() -> None:
    """Draw something small, so that the first visitor does not wait for the engine to start."""
    import vl_convert

    with _DRAWING:
        vl_convert.vegalite_to_svg({"data": {"values": [{"a": 1}]}, "mark": "bar", "encoding": {}})


def _with_markers(text: str) -> str:
    for name, colours in COLOURS.items():
        text = text.replace(f'"@{name}"', f'"{colours[0]}"')
    return text


def _values(panel: Panel, row: Mapping[str, Any], label: Callable[[object], str]) -> dict[str, Any]:
    """A row as a chart takes it, its codes in words beside them."""
    words = {
        f"{name}_label": label(row[name])
        for name, column in panel.file.columns.items()
        if column.format == "label"
    }
    return {name: _plain(value) for name, value in row.items()} | words


def _plain(value: Any) -> Any:
    """A value as a chart takes it; amounts become numbers only here, for drawing."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, date | datetime):
        return value.isoformat()
    return value


def _style() -> dict[str, Any]:
    ink, muted, line = COLOURS["ink"][0], COLOURS["muted"][0], COLOURS["line"][0]
    font = "system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', 'DejaVu Sans', sans-serif"
    return {
        "aria": False,
        "font": font,
        "view": {"stroke": None},
        "axis": {
            "labelColor": muted,
            "titleColor": muted,
            "titleFontWeight": "normal",
            "gridColor": line,
            "domainColor": line,
            "tickColor": line,
            "labelFontSize": 11,
            "titleFontSize": 11,
            "labelLimit": 180,
            "labelPadding": 6,
            "ticks": False,
        },
        "axisX": {"grid": False},
        "axisY": {"domain": False},
        "legend": {
            "labelColor": ink,
            "titleColor": muted,
            "labelFontSize": 11,
            "titleFontSize": 11,
            "titleFontWeight": "normal",
            "orient": "top",
            "title": None,
            "symbolType": "square",
            "padding": 0,
        },
        "text": {"color": ink, "font": font, "fontSize": 11},
        "line": {"strokeWidth": 2, "color": COLOURS["accent"][0]},
        "point": {"size": 28, "filled": True, "color": COLOURS["accent"][0]},
        "bar": {"color": COLOURS["accent"][0], "cornerRadiusEnd": 2},
        "rule": {"color": COLOURS["muted"][0]},
        "range": {
            "category": [
                COLOURS[name][0] for name in ("accent", "third", "second", "warn", "bad", "good")
            ]
        },
    }
