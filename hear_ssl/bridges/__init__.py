"""Bridges to networks in other people's packages: one HEAR module (`door.py`), and a file for each package in `hubs/`."""
