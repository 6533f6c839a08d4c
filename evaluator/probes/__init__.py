"""From embeddings to what a protocol's probes say about the test clips."""
