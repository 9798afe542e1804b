"""The scenes of the program. They read snapshots and call sessions; they own no thread and no device."""
