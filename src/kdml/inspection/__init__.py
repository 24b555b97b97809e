"""What is measured on trained networks by opening them: similarity of representations, layers, and costs."""
