"""Faces of any number of pictures, into Parquet: what to read, how it is shared out, where it is kept."""
