#!/usr/bin/env bash
# Everything that needs a GPU, in one command of under nine minutes:
#
#     bench/gpu.sh [FOLDER]
#
# 1. the tests marked `gpu`: graph = eager = CPU, capture, failures of the device;
# 2. every bench with the loads of a GPU (`python -m bench.all --gpu`), in float32 and then, if time is
#    left, the three that matter most in bfloat16.
#
# It needs this repository, a CUDA driver and a Python 3.11 or newer: python3, or what PYTHON names.  If
# that Python has torch with CUDA, whatever else of pyproject.toml is missing there is installed with pip,
# if pip reaches an index.  If not, everything is installed into a virtual environment that is removed
# at the end; torch's wheel for Linux on PyPI has CUDA, takes gigabytes, and leaves that much less time
# for the benches.  No package is installed into the repository, and it works without git: give the
# commit as BENCH_COMMIT then.
#
# Results are appended to bench/results/<device>/.  If FOLDER is named ($OUT counts as named) they are packed
# there as results.tgz, to be unpacked here, beside the log: commit what it wrote.  It ends with 1 if anything failed, after having
# done the rest.
set -uo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
folder=${1:-${OUT:-}}
export PYTHONPATH=$PWD${PYTHONPATH:+:$PYTHONPATH} PYTHONUNBUFFERED=1
# Some containers set one, and then float32 is not what this measures and compares.
unset TORCH_ALLOW_TF32_CUBLAS_OVERRIDE NVIDIA_TF32_OVERRIDE
begin=$SECONDS
limit_s=520
failed=0
environment=$(mktemp -d)  # stays empty where nothing must be installed
log=$(mktemp)

main() {
    nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm --format=csv,noheader || true
    if ! has_cuda; then
        make_environment
        has_cuda || { echo "gpu.sh: expected torch with a CUDA device, found none" >&2; return 1; }
    fi
    "$python" -c 'import torch; print("torch", torch.__version__, "CUDA", torch.version.cuda)'
    install_missing

    echo "== tests, after $((SECONDS - begin)) s"
    # Only the files that have some: the others want packages that nothing here needs.  Warnings are no
    # errors here: on this machine's own torch and driver some may be new.
    # shellcheck disable=SC2046  # a word for each file
    timeout 120 "$python" -m pytest -q -W default -m gpu $(grep -rl --include="test_*.py" "mark\.gpu" tests) || failed=1

    echo "== benches in float32, after $((SECONDS - begin)) s"
    "$python" -m bench.all --gpu --keep --each-s 90 --until-s $((limit_s - 90 - SECONDS + begin)) || failed=1

    for bench in "first_audio --seconds 5" "vocoder_step --seconds 5" "concurrency --seconds 4 --streams 1,16,64"; do
        ((SECONDS - begin < limit_s - 45)) || { echo "== no time left for bfloat16 $bench"; continue; }
        echo "== $bench in bfloat16, after $((SECONDS - begin)) s"
        # shellcheck disable=SC2086  # the bench and its flags are words of their own
        timeout -s INT 45 "$python" -m bench.$bench --dtype bfloat16 --keep || failed=1
    done
    echo "== done after $((SECONDS - begin)) s"
    return "$failed"
}

has_cuda() {
    "$python" -c 'import torch, sys; sys.exit(not torch.cuda.is_available())' 2>/dev/null
}

# A Python of our own with torch from PyPI; the rest is installed as what is missing.
make_environment() {
    echo "== no torch with CUDA in $python: installing it"
    "$python" -m venv "$environment" && python=$environment/bin/python &&
        "$python" -m pip install -q "$(grep -o '"torch[^"]*"' pyproject.toml | tr -d '"')" ||
        echo "gpu.sh: torch could not be installed" >&2
}

# What imports but torch needs, one at a time, so that one that is missing stops no other.
install_missing() {
    local pair
    for pair in attrs:attrs av:av cyclopts:cyclopts hypercorn:hypercorn num2words:num2words numpy:numpy \
        orjson:orjson prometheus_client:prometheus-client pybase64:pybase64 rich:rich \
        safetensors:safetensors starlette:starlette structlog:structlog trio:trio \
        trio_websocket:trio-websocket pytest:pytest pytest_trio:pytest-trio pytest_timeout:pytest-timeout \
        hypothesis:hypothesis httpx:httpx matplotlib:matplotlib; do
        "$python" -c "import ${pair%%:*}" 2>/dev/null ||
            "$python" -m pip install -q --retries 1 --timeout 10 "${pair#*:}" ||
            echo "gpu.sh: ${pair#*:} is missing and could not be installed" >&2
    done
}

main 2>&1 | tee "$log"
status=${PIPESTATUS[0]}
if [[ -n $folder ]]; then
    mkdir -p "$folder" && cp "$log" "$folder/gpu.log"
    machine=$("$python" -c 'from bench.machine import machine_name; print(machine_name())') &&
        tar czf "$folder/results.tgz" "bench/results/$machine"
fi
rm -rf "$log" "$environment"
exit "$status"
