"""Making the row classes: schemas of many releases become committed facts, and the facts become ``rows.py``."""
