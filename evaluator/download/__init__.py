"""Datasets fetched, verified and unpacked."""
