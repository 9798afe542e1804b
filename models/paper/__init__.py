"""The 2019 score-following paper's experiments: its data, its agents, its supervised baseline."""
