"""Online dynamic time warping: the paper's symbolic baselines, MIDI-ODTW and OMR-ODTW, and Matchmaker's."""
