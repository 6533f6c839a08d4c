"""The public interface, a file for each subject; import its names from `evaluator` itself."""
