"""Inside: a follower watched while it follows, from a file or live."""
