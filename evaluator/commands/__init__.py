"""The commands of `hear-eval`, one a file, found by listing: `SUMMARY`, `EXAMPLES` of its use, what it takes (`add_arguments`),
what it does (`run`).

The file's name is the command's; files that begin with an underscore are shared by several. A command reads its arguments,
calls the public API (`evaluator`), and prints what comes back.
"""
