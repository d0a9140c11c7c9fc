"""What is claimed about Vultus, measured: speed as ratios of one run, parity and accuracy against others."""
