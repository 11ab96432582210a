"""The tests of ovnkit: a folder per package, a module per module."""
