"""Which networks exist, where their files come from and what may be done with them."""
