"""Gold standards: files, evaluation of the links, and weights learned from them."""
