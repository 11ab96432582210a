"""Each contestant is a process of its own: its imports, its garbage and its memory are nobody else's."""
