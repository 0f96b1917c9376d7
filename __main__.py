"""Loads the stack's facts, builds its layers, exports what a person needs next."""

from pathlib import Path

from checks import ownership
from stacks.program import run

run(Path(__file__).resolve().parent, ask_tree=ownership.problem)
