"""Vultus's networks on Triton Inference Server: the model repository it serves, and a server on this machine."""
