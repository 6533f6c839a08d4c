"""A paper's table again: its recipe, the plan of its runs, running them, and the table with three numbers a cell."""
