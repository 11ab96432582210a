"""The compatibility run: the live tests with real daemons of several releases, and on several Pythons."""
