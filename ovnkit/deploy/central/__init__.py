"""The central services: the Northbound and Southbound databases and ovn-northd, on one host or on several."""
