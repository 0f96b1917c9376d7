"""Loads the stack's facts, builds its layers, exports what a person needs next."""

from pathlib import Path

from stacks.program import run

run(Path(__file__).resolve().parent)
