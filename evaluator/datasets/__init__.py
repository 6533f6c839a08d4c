"""Clips, labels and splits: from what lies on a disk, and from where it is fetched."""
