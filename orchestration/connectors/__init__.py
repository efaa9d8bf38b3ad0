"""Reading source contracts and, later, writing to delivery targets. Imports warehouse and core."""
