"""Sheet music: the bundled pieces, reading, engraving, the map from image to notes."""
