"""What is a layer? Masks, causal convolutions, blocks, conditions and distributions."""
