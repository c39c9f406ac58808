"""How good scores are, and how sure one may be: every metric as a value and what each row moves it by. No network."""
