"""One module on one task under one protocol: prepare, embed, fit, score, record."""
