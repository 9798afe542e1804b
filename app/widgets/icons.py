"""The icons, drawn for Ripieno on a square of 24: one table of outlines, rendered sharply at any size.

Strokes are 1.8 wide with round ends; ``F`` marks a filled shape. Used by the thread of the window.
"""

from __future__ import annotations

import io
from functools import lru_cache

import pygame

from app.theme import Colour

_NOTE = "M10 17.5V5.2l8-1.7v11.8"

ICONS: dict[str, str] = {
    "home": "M4 11.2 12 4l8 7.2M6.2 9.6V20h11.6V9.6M10 20v-5.5h4V20",
    "follow": f"{_NOTE}|F M10 17.6a2.9 2.3 -20 1 1 -5.8 1 2.9 2.3 -20 1 1 5.8 -1z"
    "|F M18 15.4a2.9 2.3 -20 1 1 -5.8 1 2.9 2.3 -20 1 1 5.8 -1z",
    "play_mode": "M12 4v16M7.4 8.4 3.8 12l3.6 3.6M16.6 8.4l3.6 3.6-3.6 3.6",
    "duet": "M7 16V5c.4 2.2 3.4 2.2 3.4 5M17 19V8c.4 2.2 3.4 2.2 3.4 5"
    "|F M7 16.2a2.4 1.9 -20 1 1 -4.7 .8 2.4 1.9 -20 1 1 4.7 -.8z"
    "|F M21.7 18.8a2.4 1.9 -20 1 1 -4.7 .8 2.4 1.9 -20 1 1 4.7 -.8z",
    "launchpad": "F M4 4h4v4h-4z|F M10 10h4v4h-4z|F M16 4h4v4h-4z|F M4 16h4v4h-4z|M10.9 4.9h2.2v2.2h-2.2z"
    "|M4.9 10.9h2.2v2.2h-2.2z|M16.9 10.9h2.2v2.2h-2.2z|M10.9 16.9h2.2v2.2h-2.2z|M16.9 16.9h2.2v2.2h-2.2z",
    "compose": "M5 19l1-4.4L16.2 4.4a1.6 1.6 0 0 1 2.3 0l1.1 1.1a1.6 1.6 0 0 1 0 2.3L9.4 18zM14 6.8l3.2 3.2",
    "inside": "M2.8 12S6.2 5.8 12 5.8 21.2 12 21.2 12 17.8 18.2 12 18.2 2.8 12 2.8 12z"
    "|F M12 9a3 3 0 1 1 0 6 3 3 0 0 1 0 -6z",
    "settings": "M4 7h8.2M17.8 7H20M4 17h2.2M11.8 17H20M15 4.4a2.6 2.6 0 1 1 0 5.2 2.6 2.6 0 0 1 0-5.2z"
    "M9 14.4a2.6 2.6 0 1 1 0 5.2 2.6 2.6 0 0 1 0-5.2z",
    "help": "M8.8 9a3.3 3.3 0 1 1 5 2.9c-1.2.7-1.8 1.3-1.8 2.6"
    "|F M12 16.8a1.2 1.2 0 1 1 0 2.4 1.2 1.2 0 0 1 0-2.4z",
    "start": "F M8 5.2v13.6a.9.9 0 0 0 1.4.7l10-6.8a.9.9 0 0 0 0-1.4l-10-6.8A.9.9 0 0 0 8 5.2z",
    "pause": "F M7 5h3.6v14H7zM13.4 5H17v14h-3.6z",
    "stop": "F M6.5 6.5h11v11h-11z",
    "restart": "M6.3 8.2A7.2 7.2 0 1 1 4.8 12M6.2 3.8v4.6h4.6",
    "loop": "M16.5 3.8 19.6 7l-3.1 3.2M4.4 11.4V10a3 3 0 0 1 3-3h12M7.5 20.2 4.4 17l3.1-3.2"
    "M19.6 12.6V14a3 3 0 0 1-3 3h-12",
    "metronome": "M9 4h6l3.4 16H5.6zM6.8 14.6h10.4M12 14.6l5.4-8.4",
    "count_in": "M4 6v12M8.6 6v12M13.2 6v12M17.8 6v12M2.6 15.6 20.6 8.4",
    "save": "M12 4v10.4M7.6 10.4l4.4 4.4 4.4-4.4M4.6 19.6h14.8",
    "search": "M10.6 4.2a6.4 6.4 0 1 1 0 12.8 6.4 6.4 0 0 1 0-12.8zM15.4 15.4l4.8 4.8",
    "mic": "M12 3.6a2.8 2.8 0 0 1 2.8 2.8v5a2.8 2.8 0 0 1-5.6 0v-5A2.8 2.8 0 0 1 12 3.6z"
    "M6 11a6 6 0 0 0 12 0M12 17.2v3.2",
    "keys": "M3.6 6h16.8v12H3.6zM9.2 6v12M14.8 6v12|F M7.6 6h3.2v6.6H7.6zM13.2 6h3.2v6.6h-3.2z",
    "speaker": "M4 9.4v5.2h3.6l4.6 3.8V5.6L7.6 9.4zM15.6 9a4.2 4.2 0 0 1 0 6M18 6.6a7.6 7.6 0 0 1 0 10.8",
    "fold": "M9 6l6 6-6 6M19 5v14",
    "unfold": "M15 6l-6 6 6 6M5 5v14",
    "close": "M6.4 6.4l11.2 11.2M17.6 6.4 6.4 17.6",
    "warning": "M12 4.4 21 19.6H3zM12 10v4.4|F M12 16a1 1 0 1 1 0 2 1 1 0 0 1 0-2z",
    "check": "M5 12.6l4.6 4.6L19 7.4",
    "plus": "M12 5.4v13.2M5.4 12h13.2",
    "minus": "M5.4 12h13.2",
    "down": "M6.4 9.4l5.6 5.6 5.6-5.6",
    "up": "M6.4 14.6 12 9l5.6 5.6",
    "left": "M14.6 6 8.6 12l6 6",
    "right": "M9.4 6l6 6-6 6",
    "trash": "M5 7h14M9.4 7V4.6h5.2V7M7 7l.8 12.6h8.4L17 7",
    "take": "M3 12h2.4M7.4 8.4v7.2M10.6 5v14M13.8 8v8M17 10v4M19.8 12h1.2",
    "pages": "M6 3.8h8.4L18 7.4v12.8H6zM14 4v4h4M9 12h6M9 15.6h6",
    "strip": "M3 7h18M3 10.4h18M3 13.8h18M3 17.2h18M12 4v16",
    "drop": "M12 14.6V4M8 8l4-4 4 4M4.4 14v4.4a1.6 1.6 0 0 0 1.6 1.6h12a1.6 1.6 0 0 0 1.6-1.6V14",
    "trophy": "M8 4.4h8v5.2a4 4 0 0 1-8 0zM8 6H4.6v1.4A3.2 3.2 0 0 0 8 10.6"
    "M16 6h3.4v1.4A3.2 3.2 0 0 1 16 10.6M12 13.6v3.6M8.4 19.8h7.2",
    "undo": "M8.6 4.6 4.4 8.8l4.2 4.2M4.8 8.8h9.4a5 5 0 0 1 0 10H9",
    "redo": "M15.4 4.6l4.2 4.2-4.2 4.2M19.2 8.8H9.8a5 5 0 0 0 0 10H15",
    "lock": "F M5.4 11h13.2v9H5.4z|M8.2 10.6V8a3.8 3.8 0 0 1 7.6 0v2.6",
    "export": "M12 15V4.2M7.8 8.2 12 4l4.2 4.2M5 13.4v5a1.6 1.6 0 0 0 1.6 1.6h10.8a1.6 1.6 0 0 0 1.6-1.6v-5",
    "chain": "M10 8H7a4 4 0 0 0 0 8h3M14 8h3a4 4 0 0 1 0 8h-3M8.4 12h7.2",
    "rows": "M4 6h16M4 10h16M4 14h16M4 18h16",
    "ear": "M7 9.6a5 5 0 0 1 10 0c0 3.4-3 4-3 6.8a3 3 0 0 1-5.4 1.8"
    "M9.8 9.8a2.2 2.2 0 0 1 4.4 0c0 1.4-1.2 1.8-1.6 2.8",
}


def _svg(name: str, colour: Colour) -> str:
    paint = f"rgb({colour[0]},{colour[1]},{colour[2]})"
    shapes = []
    for shape in ICONS[name].split("|"):
        if shape.startswith("F "):
            shapes.append(f'<path d="{shape[2:]}" fill="{paint}"/>')
        else:
            shapes.append(f'<path d="{shape}" fill="none" stroke="{paint}" stroke-width="1.8"/>')
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24">'
        f'<g stroke-linecap="round" stroke-linejoin="round">{"".join(shapes)}</g></svg>'
    )


@lru_cache(maxsize=256)
def icon_surface(name: str, size_px: int, colour: Colour) -> pygame.Surface:
    """The icon ``size_px`` device px wide with an alpha channel."""
    import resvg_py

    png = resvg_py.svg_to_bytes(svg_string=_svg(name, colour), width=max(size_px, 1), skip_system_fonts=True)
    return pygame.image.load(io.BytesIO(bytes(png)), f"{name}.png")
