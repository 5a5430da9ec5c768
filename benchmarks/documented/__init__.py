"""What benchmarks found, in the docs."""
