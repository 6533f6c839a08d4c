"""What people read: results gathered from files, put in order, and written as tables and pages."""
