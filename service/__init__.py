"""People: use cases, the command line, the pages."""
