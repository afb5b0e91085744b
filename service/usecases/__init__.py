"""One function per thing a user does; the only thing the doors call."""
