"""The commands of `hear-eval`, one a file: what each takes (`fill`), and what it does (`execute`)."""
