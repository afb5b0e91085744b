"""The browser's door: parse, call one use case, show."""
