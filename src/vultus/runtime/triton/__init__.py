"""Networks on a server that speaks KServe v2, as the Triton Inference Server does."""
