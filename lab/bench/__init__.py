"""`make bench`: what Hearth costs on this machine. Figures, no verdicts: only a failure is red.

One module per part, each bounded in time; `python -m lab.bench PART` runs one. Figures of different
machines do not compare, ratios do.
"""
