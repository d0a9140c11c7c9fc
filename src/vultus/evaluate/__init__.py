"""How good networks are against ground truth, and how far they drift; built on the engine, never imported by it."""
