"""Inside: what a follower hears, believes and prefers, as records and pictures. No window, no sound card."""

INSTALL = "pip install -e .[inside] -c constraints.txt"
"""How to get the packages that only the map and the gradients need."""
