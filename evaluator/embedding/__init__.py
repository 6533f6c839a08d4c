"""From a HEAR module and clips to stored embeddings."""
