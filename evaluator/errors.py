"""The two ways in which a run ends early, each with a sentence for the user."""


class UsageError(ValueError):
    """What was asked for cannot be: an unknown name, a bad YAML file, a wrong option (exit code 2)."""


class EvaluationError(RuntimeError):
    """The work itself failed: clips that cannot be read, a module that crashed (exit code 1)."""
