"""Measuring speed: load on a server, the library in this process, networks by themselves.

Built on the engine, and never imported by it. What is measured is always set beside the bare-network bound (``bound``).
"""
