"""Measure speed, as absolute figures and as ratios to the limits of the hardware.

Every file here is a program: `python -m bench.first_audio --help`.  Each prints one JSON line per figure on
stdout and a table on stderr.  A line also has the seed, commit, machine, versions and settings.  `--keep`
appends the lines to `bench/results/<machine>/`.
"""
