"""Fixtures of the launchpad's tests."""
