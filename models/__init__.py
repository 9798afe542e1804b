"""Features, environments, agents, training and evaluation; needs no window, no sound card and no pygame."""
