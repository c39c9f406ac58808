"""What `benchmarks/fuzz.py` damages, and how."""
