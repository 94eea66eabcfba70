"""The sample web on loopback, and the process that serves it."""
