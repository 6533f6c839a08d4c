"""Embeddings of a task as maps that people look at, with what such maps can and cannot show."""
