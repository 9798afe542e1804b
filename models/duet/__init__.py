"""Duet (RL-Duet): chorales, measures, networks, training and the agent that answers a line with a line."""
