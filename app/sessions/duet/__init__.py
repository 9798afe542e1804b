"""Duet (RL-Duet) without its scene: the live session, and the paper's listening test.

Imports nothing here: the agent's process is to come quickly, and needs `questions` alone.
"""
