"""The program: command line, devices, engine, sessions, scenes. Imports models and pieces, never back."""
