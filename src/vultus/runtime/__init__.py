"""How a network runs: one protocol, several engines."""
