"""Novation Launchpads as a surface for the grid of 24 keys by 13 buttons.

`surface.PadSurface` is what a session and a scene talk to, `hardware.Launchpads` the one with real
Launchpads behind it; `models` is the protocol as a table.
"""
