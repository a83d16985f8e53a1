"""Images: what each node has to make containers of."""
