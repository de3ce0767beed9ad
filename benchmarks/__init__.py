"""Speed and memory, beside what others reach, in one run: ratios, never tests."""
