"""The knowledge base: what it holds and how it is read (`base`), and how it is made (`build`)."""
