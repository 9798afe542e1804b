"""Training by name, without the program: `python -m models.training NAME [--config FILE] [--resume]`.

For machines that have little. With a packed file (`launch.py data pack`) the follower and the paper's agents
need torch, numpy, safetensors and platformdirs, and no library for music. The same under torchrun:
`torchrun --nproc-per-node 2 -m models.training NAME`. `launch.py train` does it within the program.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from pieces.errors import RipienoError

TRAINED = {
    "follower": "models.follower.train",
    "follower-noteheads": "models.follower.noteheads_training",
    "follower-paper": "models.paper.train",
    "launchpad": "models.launchpad.train",
    "duet": "models.duet.train",
}
"""The module whose `train` makes it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Train what the command line names; the exit code, 0 where it ended well."""
    parser = argparse.ArgumentParser("python -m models.training", description="Train an agent by name.")
    parser.add_argument("name", choices=TRAINED)
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings, JSON")
    parser.add_argument("--resume", action="store_true", help="go on where it stopped")
    options = parser.parse_args(arguments)
    try:
        import_module(TRAINED[options.name]).train(options.config, options.resume)
    except RipienoError as problem:
        print(problem, file=sys.stderr)  # noqa: T201 - the command's answer
        return problem.exit_code
    except OSError as problem:  # a full disk, a folder that may not be written
        print(problem, file=sys.stderr)  # noqa: T201 - the command's answer
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
