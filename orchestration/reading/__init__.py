"""Questions to the published marts, answered as plain values.

What belongs here: queries over one publication and the shapes of their answers. What does not: how
an answer looks on a terminal or page. The command line and the console may import this; it imports
the warehouse's reader and neither dbt nor Dagster nor Great Expectations.
"""
