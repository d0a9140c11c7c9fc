"""Bytes to pixels, pixels to crops, faces to drawings."""
