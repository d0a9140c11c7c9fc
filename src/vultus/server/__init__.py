"""The HTTP server: bytes in, bytes out; what is in between belongs to the engine."""
