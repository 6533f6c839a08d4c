"""What people read: one page, its figures and its tables, from a folder of results."""
