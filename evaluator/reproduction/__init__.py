"""A paper's tables reproduced: their recipe, the plan of the runs, running them, and tables with three numbers a cell."""
