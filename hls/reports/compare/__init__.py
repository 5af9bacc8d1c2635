"""Cost of physics: what the scores of several models find, against what their firmware takes."""
