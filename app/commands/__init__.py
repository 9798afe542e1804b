"""The sub-commands that have sub-commands or much to print; `app.cli` joins them into one command line."""
