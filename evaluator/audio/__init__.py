"""Recordings: decoded, cut and filled up as a protocol says."""
