"""The notebooks in examples/notebooks, run in Jupyter's own kernel against a lab."""
