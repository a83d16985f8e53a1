"""Beginning with a backup, on the page of the first start."""
