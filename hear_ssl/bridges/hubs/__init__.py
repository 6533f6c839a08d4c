"""A file for each package whose networks can be evaluated; `hear_ssl/bridges/door.py` says what it holds."""
