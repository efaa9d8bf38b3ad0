"""Generated extracts with known defects and their truth. Imports core only."""
