"""Tests mirror `components/`; what several of them share lies here."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]  # of the repository
