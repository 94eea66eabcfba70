"""The commands: one file each, with its options; the work is done in the rooms."""
