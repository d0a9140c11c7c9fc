"""Pixels to boxes: one file per family of detectors."""
