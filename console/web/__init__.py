"""What every page has in common: rights, headers, errors, templates."""
