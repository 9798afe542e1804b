"""Inside: what a follower hears, believes and prefers, as records and pictures. No window, no sound card."""
