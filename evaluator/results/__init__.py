"""Results on disk, and results beside each other."""
