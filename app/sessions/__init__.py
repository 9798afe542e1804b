"""What a mode does, without its scene: the scene draws a session, the command line runs one."""
