"""Live sites, each crawled by a spider in a process of its own."""
