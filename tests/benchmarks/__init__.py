"""What the benchmarks show is what they are said to show."""
