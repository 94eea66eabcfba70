"""What the benchmarks share: claims, servers, memory and clocks, and the data that they measure on."""
