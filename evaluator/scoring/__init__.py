"""Metrics, events and intervals: what a probe's probabilities are worth."""
