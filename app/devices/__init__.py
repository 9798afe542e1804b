"""Sound cards and MIDI ports: what is there, opening it by name, and living without it."""
