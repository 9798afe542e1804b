"""Files of arrays (.npz) that somebody may have damaged or chosen by mistake. Any thread or process."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray


def load_arrays(file: Path | BinaryIO) -> dict[str, NDArray[Any]]:
    """All arrays in a file, by name; none that would run code.

    Raises:
        OSError: it cannot be read.
        ValueError: it is damaged, or something else.
    """
    try:
        with np.load(file, allow_pickle=False) as stored:
            return dict(stored)
    except OSError:
        raise
    except Exception as error:  # of zip, zlib, tokenize ...: there is no list of what a wrong byte leads to
        raise ValueError(str(error) or "it ends too early") from error
