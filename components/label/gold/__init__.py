"""How right the links are: gold texts, scores, and weights learned from them."""
