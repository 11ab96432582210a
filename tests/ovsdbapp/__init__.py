"""ovsdbapp's own functional tests, on the replica of ovs and on ovnkit's."""
