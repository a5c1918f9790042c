"""A local CRM that speaks both vendors' HTTP on loopback, for the demo and for tests.

Written from the vendors' documented behaviour, and strict in what it takes: a client that works here by luck alone is
what it must find out.
"""
