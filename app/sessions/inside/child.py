"""The process that does the work of Inside: `python -m app.sessions.inside.child`, started by the window."""

from __future__ import annotations

import pickle

import torch

from app.child import serve
from app.sessions.inside.study import Study


def main() -> None:
    """Answer until the pipe is closed."""
    torch.set_num_threads(1)
    study = Study()
    serve(lambda request: pickle.dumps(study.answer(pickle.loads(request)), protocol=5))


if __name__ == "__main__":
    main()
