"""Tables of embeddings in files that R, pandas and others read: written in bounded memory, and read back."""
