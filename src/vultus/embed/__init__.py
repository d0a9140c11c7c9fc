"""Crops to vectors: one file per family of embedders."""
