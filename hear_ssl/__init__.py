"""Self-supervised audio models, each an importable module of the HEAR 2021 API."""
