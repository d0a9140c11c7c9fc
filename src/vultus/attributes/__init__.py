"""Crops to facts: one file per family of attribute networks."""
