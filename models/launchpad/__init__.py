"""The launchpad (RL-DJ): an instrument of toggles and offsets, its environments, rewards and agents."""
