"""A task held against what is on disk, before anything is trained."""
