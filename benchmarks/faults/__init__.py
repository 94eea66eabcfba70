"""Faults: two commands at once, kills and full disks, on a small chain and with real commands."""
