"""How fast it is, and how far from what the hardware could do.

Every file here is a program: `python -m bench.first_audio --help`.  Each prints one JSON line per
figure on stdout, with what is needed to read it later (seed, commit, machine, versions, settings),
and a table on stderr; `--keep` also appends the lines to `bench/results/<machine>/`.
"""
