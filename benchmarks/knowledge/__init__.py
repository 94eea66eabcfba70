"""The knowledge base: parsing a dump and looking names up."""
