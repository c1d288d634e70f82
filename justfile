# Every recipe is plain pip and python lines.  `just` alone lists them.

export PIP_DISABLE_PIP_VERSION_CHECK := "1"

venv := ".venv"
python := venv / "bin/python"
sentence := "Hello there. This is zelitrio, speaking on your own machine."

_list:
    @{{ just_executable() }} --list

_venv:
    @test -x {{ python }} || python3 -m venv {{ venv }}

# everything for working on zelitrio itself
setup: _venv
    {{ python }} -m pip install -q -e '.[test,dev]'

# install, then speak a sentence to demo.wav with the built-in voice
demo text=sentence: _venv
    {{ python }} -m pip install -q -e .
    {{ venv }}/bin/zelitrio speak {{ quote(text) }} --out demo.wav

# install, then serve this machine only; flags go to `zelitrio serve`
serve *flags: _venv
    {{ python }} -m pip install -q -e .
    {{ venv }}/bin/zelitrio serve {{ flags }}

# install, then run the tests; flags go to pytest
test *flags: _venv
    {{ python }} -m pip install -q -e '.[test]'
    {{ python }} -m pytest -q {{ flags }}

# install, then test the playground and README's browser code in Chromium (Debian: apt-get install chromium)
test-browser *flags: _venv
    {{ python }} -m pip install -q -e '.[test,browser]'
    {{ python }} -m pytest -q -m browser {{ flags }}

# install, then speak through the official JavaScript packages in Node (Debian: apt-get install npm)
test-javascript *flags: _venv
    {{ python }} -m pip install -q -e '.[test]'
    npm install --silent --no-audit --no-fund --no-package-lock --prefix tests/e2e/javascript
    {{ python }} -m pytest -q -m javascript tests/e2e {{ flags }}

# install Pipecat and LiveKit beside zelitrio (750 MB), then talk through both
test-agents *flags: _venv
    {{ python }} -m pip install -q -e '.[test]'
    test -x .venv-agents/bin/python || python3 -m venv .venv-agents
    .venv-agents/bin/pip install -q 'pipecat-ai[elevenlabs]>=1.14' 'livekit-plugins-elevenlabs>=1.8.9'
    {{ python }} -m pytest -q -s -m agents tests/e2e {{ flags }}

# install, then try the files of `zelitrio deploy` (Debian: apt-get install haproxy prometheus systemd)
test-fleet *flags: _venv
    {{ python }} -m pip install -q -e '.[test]'
    {{ python }} -m pytest -q -m fleet {{ flags }}

# install, then try Japanese and Mandarin, and compare real public voices with their own runtimes (120 MB of packages)
test-voices *flags: _venv
    {{ python }} -m pip install -q -e '.[test,voices]'
    {{ python }} -m pytest -q tests/voices/test_voices_japanese.py tests/voices/test_voices_chinese.py tests/voices/test_voices_real*.py {{ flags }}

# layout, lint, types and the order of imports
check: setup
    {{ python }} -m ruff format --check .
    {{ python }} -m ruff check .
    {{ python }} -m mypy
    {{ python }} -m pytest -q tests/test_import_order.py

# the short set of benches, in under five minutes, as JSON lines and tables; --keep also stores them
bench *flags: _venv
    {{ python }} -m pip install -q -e '.[bench]'
    {{ python }} -m bench.all {{ flags }}
