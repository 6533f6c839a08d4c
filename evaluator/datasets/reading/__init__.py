"""From a dataset's files to its clips: rows, templates, windows."""
