"""What is a layer? Masks, causal convolutions, blocks, conditions and distributions.

Import from the modules; nothing is exported here.
"""
