"""The rules of following up an issue: pure functions with the clock as an argument."""
