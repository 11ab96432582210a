"""S20, the soak: a client that writes, reads and watches for a long time while its connections are dropped."""
