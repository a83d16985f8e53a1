"""API tokens: for programs, limited to what they need."""
