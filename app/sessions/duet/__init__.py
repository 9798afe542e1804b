"""Duet without its scene: two lines, one of them a person's, and the listening test."""
