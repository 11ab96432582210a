"""Neutron beside OVN: its options, by release, and its files."""
