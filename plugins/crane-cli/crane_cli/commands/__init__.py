"""The commands, one module for each noun; each is imported when somebody uses it."""
