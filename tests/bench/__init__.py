"""How fast ovnkit is beside ovsdbapp, ovn-nbctl and a bare socket: ``python -m tests.bench``."""
