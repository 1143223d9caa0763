"""MongoDB, the system of record: the commit lane and what travels in its transactions.

The driver is known only here and in each service's `store.py`.
"""
