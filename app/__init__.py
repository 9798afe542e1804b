"""The program: command line, devices, engine, sessions and scenes. Imports models and pieces, never the reverse."""
