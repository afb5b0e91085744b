"""Space and chance, as mathematics: no files, network, clock, environment or hidden randomness."""
