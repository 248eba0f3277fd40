"""How is it shown? Figures, grids and animations of images, explorers, and helpers of notebooks."""
