#!/usr/bin/env bash
# Run everything that needs a GPU within a fixed time:
#
#     GPU_LIMIT_S=110 bench/gpu.sh [FOLDER]        # 520 s if GPU_LIMIT_S is not set; 100 s is the least
#
# 1. the tests marked `gpu`: graph = eager = CPU, capture, failures of the device;
# 2. the benches below, the most important first, each with a time limit of its own; a longer limit
#    measures each for longer.  A bench for which no time is left is named in the log.
#
# It needs this repository, a CUDA driver and Python 3.11 or newer: python3, or the one that PYTHON names.
# If that Python has torch with CUDA, pip installs the other missing packages, if it reaches an index.
# Packages may also come from PYTHONPATH.  Without torch it installs everything into a virtual environment
# that it removes at the end; torch's wheel takes gigabytes, and the benches get the time that is left.
# It works without git: then BENCH_COMMIT names the commit.
#
# Results are appended to bench/results/<device>/.  With FOLDER (or $OUT) it also packs them there as
# results.tgz, beside the log gpu.log; `python -m bench.plot` draws them.  It ends with 1 if anything failed, after it has done the rest.
set -uo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
folder=${1:-${OUT:-}}
limit_s=${GPU_LIMIT_S:-520}
export PYTHONPATH=$PWD${PYTHONPATH:+:$PYTHONPATH} PYTHONUNBUFFERED=1
# Some containers set one of these; then float32 is not what this measures and compares.
unset TORCH_ALLOW_TF32_CUBLAS_OVERRIDE NVIDIA_TF32_OVERRIDE
begin=$SECONDS
failed=0
server=
environment=$(mktemp -d)  # for a server's log, and for torch if it is missing
log=$(mktemp)

main() {
    nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm --format=csv,noheader || true
    if ! has_cuda; then
        make_environment
        has_cuda || { echo "gpu.sh: expected torch with a CUDA device, found none" >&2; return 1; }
    fi
    install_missing

    trap stop_server EXIT
    start_server float32
    echo "== tests, after $((SECONDS - begin)) s"
    # Only files with such tests: the others need packages that nothing here needs.  Warnings are not
    # errors here: this machine's torch and driver may bring new ones.
    # shellcheck disable=SC2046  # a word for each file
    timeout -k 5 $((limit_s / 3)) "$python" -m pytest -q -W default -p no:cacheprovider -m gpu \
        $(grep -rl --include="test_*.py" "mark\.gpu" tests) || failed=1

    local s=$((limit_s / 45))  # seconds of measurement; 2 of 110, 11 of 520
    measure 40 first_audio --seconds $((s + 1)) --max-streams 2000
    measure 45 concurrency --seconds "$s" --streams 1,16,64 --max-streams 2000
    measure 35 open_loop --seconds $((s + 2)) --rates 20,50 --max-streams 2000
    measure 40 listeners --seconds $((s + 3)) --from 100 --step 900 --up-to 1000 --exact 900 \
        --formats pcm_24000 --max-streams 2000
    stop_server
    measure 30 vocoder_step --seconds "$s"
    measure 60 families --seconds $((4 * s)) --max-streams 128
    if ((limit_s - SECONDS + begin > 40)); then
        start_server bfloat16
        measure 40 first_audio --seconds $((s + 1)) --max-streams 2000 --dtype bfloat16
        measure 45 concurrency --seconds "$s" --streams 1,64 --max-streams 2000 --dtype bfloat16
        # From here on only a longer limit has time.
        measure 60 listeners --seconds 8 --from 400 --step 300 --up-to 1300 --exact 300 \
            --formats pcm_24000 --max-streams 2000 --dtype bfloat16
        measure 40 open_loop --seconds 6 --rates 10,20,50,100 --max-streams 2000 --dtype bfloat16
        stop_server
        measure 30 vocoder_step --seconds 4 --dtype bfloat16
    fi
    measure 60 families --seconds $((3 * s)) --max-streams 128 --dtype bfloat16 --families kokoro
    measure 30 cancel --rounds 15
    measure 30 waterfall --rounds 20
    measure 20 engine_alone --seconds 6
    measure 20 loop_hold --seconds 4
    measure 20 client_alone
    measure 40 free_device --seconds 4 --listeners 1000 --formats pcm_24000
    echo "== done after $((SECONDS - begin)) s"
    return "$failed"
}

# Start one server for the next benches: each start would take 8 s.
start_server() {
    "$python" -c 'from zelitrio.cli import main; main()' serve --port 0 --dtype "$1" --max-streams 2000 \
        >"$environment/server.log" 2>&1 &
    server=$!
}

# Wait for the server that was started, and tell the benches of it.
await_server() {
    [[ -n ${server:-} && -z ${BENCH_SERVER:-} ]] || return 0
    local line
    for _ in {1..600}; do
        line=$(grep -a -m 1 "ready at http" "$environment/server.log") &&
            { echo "$line"; export BENCH_SERVER="$server $line"; return; }
        kill -0 "$server" 2>/dev/null || break
        sleep 0.1
    done
    tail -n 20 "$environment/server.log"
    failed=1
}

stop_server() {
    unset BENCH_SERVER
    [[ -z $server ]] || { kill "$server"; kill "$server"; wait "$server"; } 2>/dev/null
    server=
}

# measure AT_MOST_S BENCH FLAG...: run one bench, in the time that is left.
measure() {
    local at_most_s=$1 name=$2 left=$((limit_s - 3 - SECONDS + begin))
    shift 2
    ((left >= 10)) || { echo "== no time left for $name $*"; return; }
    await_server
    echo "== $name $*, after $((SECONDS - begin)) s"
    timeout -s INT -k 5 $((left < at_most_s ? left : at_most_s)) \
        "$python" -m "bench.$name" "$@" --keep || { echo "== $name failed or had no time"; failed=1; }
}

has_cuda() {
    "$python" -c '
import sys, torch
print("torch", torch.__version__, "CUDA", torch.version.cuda)
sys.exit(not torch.cuda.is_available())' 2>/dev/null
}

# Make a Python with torch from PyPI; the rest is installed as missing.
make_environment() {
    echo "== no torch with CUDA in $python: installing it"
    "$python" -m venv "$environment/venv" && python=$environment/venv/bin/python &&
        "$python" -m pip install -q "$(grep -o '"torch[^"]*"' pyproject.toml | tr -d '"')" ||
        echo "gpu.sh: torch could not be installed" >&2
}

# Install the packages that an import does not find, one at a time: one failure stops no other.
install_missing() {
    local pair missing
    missing=$("$python" - attrs:attrs av:av cyclopts:cyclopts hypercorn:hypercorn h11:h11 num2words:num2words \
        numpy:numpy orjson:orjson prometheus_client:prometheus-client pybase64:pybase64 rich:rich \
        safetensors:safetensors starlette:starlette structlog:structlog trio:trio \
        trio_websocket:trio-websocket wsproto:wsproto pytest:pytest pytest_trio:pytest-trio \
        pytest_timeout:pytest-timeout hypothesis:hypothesis httpx:httpx matplotlib:matplotlib <<'PYTHON'
import importlib.util, sys
print(*(package for module, package in (pair.split(":") for pair in sys.argv[1:])
        if importlib.util.find_spec(module) is None))
PYTHON
    )
    for pair in $missing; do
        "$python" -m pip install -q --retries 1 --timeout 10 "$pair" ||
            echo "gpu.sh: $pair is missing and could not be installed" >&2
    done
}

main 2>&1 | tee "$log"
status=${PIPESTATUS[0]}
if [[ -n $folder ]]; then
    mkdir -p "$folder" && cp "$log" "$folder/gpu.log"
    find bench/results -name '*.jsonl' -newer "$environment" -print0 |
        tar --null -czf "$folder/results.tgz" -T -
fi
rm -rf "$log" "$environment"
exit "$status"
