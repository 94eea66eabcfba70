"""What a pre-training costs: operations, memory, GPU-hours."""
