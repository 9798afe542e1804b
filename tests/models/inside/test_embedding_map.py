"""The map: neighbours stay neighbours, the same seed gives the same map."""

import numpy as np

from models.inside.embedding_map import project


def test_two_groups_stay_apart_and_the_seed_decides() -> None:
    rng = np.random.default_rng(0)
    groups = np.repeat([0.0, 8.0], 60)[:, None]
    embeddings = (groups + rng.normal(size=(120, 16))).astype(np.float32)
    points = project(embeddings, 1)
    assert np.array_equal(points, project(embeddings, 1))
    centres = points[:60].mean(0), points[60:].mean(0)
    nearer = np.linalg.norm(points - centres[0], axis=1) < np.linalg.norm(points - centres[1], axis=1)
    assert nearer[:60].all() and not nearer[60:].any()
