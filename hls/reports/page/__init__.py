"""Reports as HTML: one self-contained page per report and an index of them."""
