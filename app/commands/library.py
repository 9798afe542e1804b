"""`pieces list | add | remove | show`: the library on the command line; the notes file that others read.

Runs on the main thread.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

from pieces.files import replace_file, replacing, saving

if TYPE_CHECKING:
    from pieces.piece import Piece

cli = typer.Typer(no_args_is_help=True, help="The library of pieces: list, add, remove, show.")

NOTES_COLUMNS = (
    "note_id",
    "pitch",
    "quarters",
    "measure",
    "x_px",
    "page",
    "system",
    "page_x_px",
    "page_y_px",
)
"""The header of a notes file: a contract with outside programs (see the README)."""


@cli.command(name="list")
def list_() -> None:
    """List the pieces: the bundled ones and your own."""
    from rich.markup import escape
    from rich.table import Table

    from app.console import console
    from pieces.library import list_pieces

    table = Table(box=None, header_style="bold", expand=True)
    entries = list_pieces()
    table.add_column("Name", no_wrap=True, min_width=max(len(entry.name) for entry in entries))
    table.add_column("Title", no_wrap=True, overflow="ellipsis", ratio=3)
    table.add_column("Composer", no_wrap=True, overflow="ellipsis", ratio=3)
    table.add_column("Staves", justify="right", min_width=6)
    table.add_column("Length", justify="right", min_width=6)
    for entry in entries:
        length = f"{int(entry.seconds) // 60}:{int(entry.seconds) % 60:02d}"
        table.add_row(entry.name, escape(entry.title), escape(entry.composer), str(entry.staves), length)
    console.print(table)


@cli.command()
def add(file: Annotated[Path, Argument(metavar="FILE", help="MusicXML, MXL, MEI, kern or ABC.")]) -> None:
    """Copy a score into your library."""
    from app.console import console
    from pieces.library import add as add_piece

    entry = add_piece(file)
    console.print(f"{entry.name}: {entry.title} is in the library.", markup=False)


@cli.command()
def remove(name: Annotated[str, Argument(metavar="NAME", help="A piece that you added.")]) -> None:
    """Take a piece of yours out of the library; the file that it was copied from stays."""
    from app.console import console
    from pieces.library import remove as remove_piece

    remove_piece(name)
    console.print(f"{name} is in the library no more.", markup=False)


@cli.command()
def show(
    piece: Annotated[str, Argument(metavar="PIECE", help="A name in the library, or a score file.")],
    notes: Annotated[Path | None, Option(metavar="OUT.tsv", help="Write a row a notehead.")] = None,
    image: Annotated[
        Path | None, Option(metavar="OUT.png", help="Draw the pages, one below the other.")
    ] = None,
) -> None:
    """Say what a piece is; write its notes, draw its pages."""
    from pieces.opening import open_piece

    opened = open_piece(piece)
    if notes:
        write_notes(opened, notes)
    if image:
        write_image(opened, image)
    _describe(opened)


def _describe(piece: Piece) -> None:
    from app.console import console

    facts = {
        "Title": piece.title, "Composer": piece.composer, "Source": piece.source,
        "Pages": len(piece.pages), "Measures": len(piece.measure_starts), "Notes": len(piece.notes),
        "Staves": piece.staves, "Tempo": f"{piece.tempo_bpm:.0f} quarters a minute",
        "Length": f"{piece.length_quarters:g} quarters, repeats written out",
    }  # fmt: skip
    for key, value in facts.items():
        if value != "":
            console.print(f"{key:>9}  {value}", markup=False)


def write_notes(piece: Piece, path: Path) -> None:
    """Write a row a notehead, in played order: tab-separated, UTF-8, the columns of `NOTES_COLUMNS`.

    Raises RipienoError where that fails.
    """
    lines = ["\t".join(NOTES_COLUMNS)]
    for note in piece.notes:
        lines.append(
            f"{note.note_id}\t{note.pitch}\t{note.quarters:.10g}\t{note.measure}\t{note.x_px:.2f}\t{note.page}"
            f"\t{note.system}\t{note.page_x_px:.2f}\t{note.page_y_px:.2f}"
        )
    with saving(path):
        replace_file(path, ("\n".join(lines) + "\n").encode())


def write_image(piece: Piece, path: Path) -> None:
    """Write the pages, one below the other, as one grey PNG of 835 px width. Raises RipienoError."""
    import numpy as np
    from PIL import Image

    with saving(path), replacing(path) as file:
        Image.fromarray(np.concatenate(piece.pages, axis=0)).save(file, format="PNG")
