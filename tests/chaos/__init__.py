"""The fault campaign: writers with an oracle against real servers that are killed, stopped, cut off and restarted."""
