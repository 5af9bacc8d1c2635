"""The stages of a run, one file each: what it reads, what it writes, when it may be skipped.

Heavy packages are imported where a stage really runs, so that a run in which nothing changed
answers within seconds.
"""
